//! The configuration from outside: where it comes from, what it refuses, what is in force.

#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

mod support;

use serde_json::{Value, json};
use support::{Ended, Home};

const SHOW: [&str; 2] = ["config", "show"];

impl Home {
    #[track_caller]
    fn show(&self, variables: &[(&str, &str)]) -> String {
        let mut command = self.haltline();
        let output = command.args(SHOW).envs(variables.iter().copied()).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    #[track_caller]
    fn refused(&self, text: &str) -> Ended {
        self.write_beside("c.toml", text);
        self.run(["config", "show", "--config", "c.toml"]).expect(78)
    }
}

#[track_caller]
fn has_line(text: &str, line: &str) {
    assert!(text.lines().any(|found| found == line), "{line:?} is no line of:\n{text}");
}

#[test]
fn what_is_built_in_is_in_force_without_a_file() {
    let home = Home::new();
    let shown = home.show(&[]);
    for line in [
        &format!("# home: {}", home.dir.path().join("home/").display()),
        "# configuration file: none",
        &format!("# inbox: {}  # built-in", home.queue("inbox").display()),
        "[drain]",
        "max = 20  # built-in",
        "severity_min = \"MEDIUM\"  # built-in",
        "jobs = 2  # built-in",
        "timeout = \"10m\"  # built-in",
        "max_attempts = 3  # built-in",
    ] {
        has_line(&shown, line);
    }
    has_line(&shown, "chain = [\"codex\", \"claude\", \"gemini\"]  # built-in");
    assert!(!home.path("").is_dir(), "looking makes nothing");
}

#[test]
fn a_flag_beats_the_variable_that_beats_the_users_own_file() {
    let home = Home::new();
    home.write_beside(".config/haltline/config.toml", "[drain]\nmax = 1\n");
    has_line(&home.show(&[]), "max = 1  # file");
    let other = home.write_beside("xdg/haltline/config.toml", "[drain]\nmax = 2\n");
    let xdg = home.beside("xdg");
    let xdg = ("XDG_CONFIG_HOME", xdg.to_str().unwrap());
    has_line(&home.show(&[xdg]), "max = 2  # file");
    has_line(&home.show(&[xdg]), &format!("# configuration file: {}", other.display()));
    home.write_beside("v.toml", "[drain]\nmax = 3\n");
    has_line(&home.show(&[xdg, ("HALTLINE_CONFIG", "v.toml")]), "max = 3  # file");
    home.write_beside("f.toml", "[drain]\nmax = 4\n");
    let output = home.haltline().args(SHOW).args(["--config", "f.toml"]).env("HALTLINE_CONFIG", "v.toml").output();
    has_line(&String::from_utf8(output.unwrap().stdout).unwrap(), "max = 4  # file");
    has_line(&home.show(&[("GSTACK_INBOX_DIR", "/elsewhere")]), "# inbox: /elsewhere  # environment: GSTACK_INBOX_DIR");
}

#[test]
fn the_folder_for_notes_may_stand_in_the_file_and_the_environment_beats_it() {
    let home = Home::new();
    home.write_beside("c.toml", "[[sinks]]\nkind = \"inbox\"\nfolder = \"/mine\"\n");
    let file = home.beside("c.toml");
    let file = ("HALTLINE_CONFIG", file.to_str().unwrap());
    has_line(&home.show(&[file]), "# inbox: /mine  # file");
    has_line(&home.show(&[file]), "folder = \"/mine\"  # file");
    let both = home.show(&[file, ("GSTACK_INBOX_DIR", "/elsewhere")]);
    has_line(&both, "# inbox: /elsewhere  # environment: GSTACK_INBOX_DIR");
}

#[test]
fn the_help_names_every_sink_that_the_file_can_name() {
    let help = Home::new().run(["config", "show", "--help"]).expect(0).stdout;
    for sink in haltline_analytics::SINKS {
        assert!(
            help.lines().any(|line| line.trim_start().starts_with(sink.declaration().name)),
            "{} in {help}",
            sink.declaration().name
        );
    }
}

#[test]
fn a_file_that_is_named_must_be_there() {
    let home = Home::new();
    home.run(["config", "show", "--config", "no.toml"]).expect(78).says("no.toml").says("--config");
    let output = home.haltline().args(SHOW).env("HALTLINE_CONFIG", "/nowhere/v.toml").output().unwrap();
    assert_eq!(output.status.code(), Some(78));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.contains("/nowhere/v.toml") && stderr.contains("HALTLINE_CONFIG"), "{stderr}");
}

#[test]
fn what_is_unknown_or_out_of_range_is_refused_by_file_line_and_key() {
    let home = Home::new();
    home.refused("[drain]\n\nmaxx = 1\n").says("c.toml:3: `drain.maxx`: unknown field `maxx`");
    home.refused("[drain]\njobs = 65\n").says("c.toml:2: `drain.jobs`: 65 is not between 1 and 64");
    home.refused("[drain]\nmax_attempts = 0\n").says("c.toml:2: `drain.max_attempts`");
    home.refused("[drain]\ntimeout = 10\n").says("c.toml:2: `drain.timeout`");
    home.refused("[investigators.codex]\nmodell = \"x\"\n").says("c.toml:2: `investigators.codex.modell`");
    home.refused("[investigators.mine]\nmodel = \"x\"\n").says("c.toml:1: `investigators.mine`").says("command");
    home.refused("[[sinks]]\nkind = \"kafka\"\n").says("c.toml:2: `sinks[0].kind`").says("jsonl");
    home.refused("[[sinks]]\nkind = \"jsonl\"\nurl = \"x\"\n").says("c.toml:3: `sinks[0].url`");
    home.refused("[drain\n").says("c.toml:1: ");
    home.write_beside("c.toml", b"\xff");
    home.run(["config", "show", "--config", "c.toml"]).expect(78).says("c.toml").says("UTF-8");
}

#[test]
fn sections_that_do_not_exist_yet_are_unknown_keys() {
    let home = Home::new();
    for section in ["dedupe", "triage", "breaker"] {
        home.refused(&format!("[drain]\nmax = 1\n[{section}]\n")).says(&format!("c.toml:3: `{section}`: unknown"));
    }
    for key in ["per_drain_usd", "per_day_usd", "per_day_count", "per_fingerprint_count", "per_day_minutes"] {
        home.refused(&format!("[budget]\n{key} = 1\n")).says(&format!("c.toml:2: `budget.{key}`: unknown"));
    }
}

#[test]
fn what_an_investigation_costs_is_shown_with_its_origin() {
    let home = Home::new();
    let shown = home.show(&[]);
    for line in ["[prices]", "[budget]", "per_investigation_usd = 1.0  # built-in", "assumed_usd = 0.3  # built-in"] {
        has_line(&shown, line);
    }
    let built_in = "# \"gpt-5.5\" = { input = 5.0, cached_input = 0.5, output = 30.0 }  # built-in, as of 2026-05";
    has_line(&shown, built_in);
    home.write_beside(
        "c.toml",
        "[prices.\"gpt-5.5\"]\ninput = 1\ncached_input = 0\noutput = 2.5\n[budget]\nper_investigation_usd = 0\n",
    );
    let shown = home.show(&[("HALTLINE_CONFIG", "c.toml")]);
    has_line(&shown, "\"gpt-5.5\" = { input = 1.0, cached_input = 0.0, output = 2.5 }  # file");
    has_line(&shown, "per_investigation_usd = 0.0  # file");
    assert!(!shown.contains(built_in), "{shown}");
    home.refused("[budget]\nassumed_usd = -1\n").says("c.toml:2: `budget.assumed_usd`: -1 is no sum");
    home.refused("[prices.x]\ninput = 1\n").says("c.toml:1: `prices.x`: missing field");
}

#[test]
fn a_drain_refuses_a_wrong_configuration_before_it_touches_anything() {
    let home = Home::new();
    home.write_beside("c.toml", "[drain]\nmaxx = 1\n");
    let drain = ["drain-faults", "--queue", "--investigator", "triage", "--config", "c.toml"];
    let said = home.run(drain).expect(78).says("c.toml:2: `drain.maxx`");
    assert_eq!(said.stdout, "");
    let result = home.run(drain.iter().chain(&["--json"])).expect(78).json();
    assert_eq!((&result["processed"], &result["deferred"], &result["drainId"]), (&json!(0), &json!(0), &Value::Null));
    home.write_beside("c.toml", "[[sinks]]\nkind = \"carrier-pigeon\"\n");
    let result = home.run(drain.iter().chain(&["--json"])).expect(78).says("carrier-pigeon").json();
    assert_eq!(result["processed"], json!(0));
    assert!(!home.path("").is_dir());
}

#[test]
fn what_is_shown_is_a_configuration_and_hides_what_is_secret() {
    let home = Home::new();
    let text = "[drain]\nmax = 5\nseverity_min = \"HIGH\"\njobs = 64\ntimeout = \"90s\"\nchain = [\"mine\", \"codex\"]\n\
                max_attempts = 1\n[investigators.codex]\nmodel = \"gpt-5.5\"\nreasoning = \"high\"\n\
                extra_args = [\"-c\", \"a=\\\"b\\\"\"]\ntimeout = \"2m\"\nenv = { OPENAI_API_KEY = \"sk-very-secret\" }\n\
                [investigators.mine]\ncommand = [\"/usr/local/bin/my-triage\", \"--json\"]\n[prices.mine]\ninput = 1.0\n\
                cached_input = 0.5\noutput = 2.0\n[budget]\nper_investigation_usd = 2.0\nassumed_usd = 0.5\n\
                [[sinks]]\nkind = \"jsonl\"\n";
    home.write_beside("c.toml", text);
    let shown = home.run(["config", "show", "--config", "c.toml"]).expect(0).stdout;
    for line in [
        "max = 5  # file",
        "timeout = \"1m 30s\"  # file",
        "[investigators.codex]",
        "model = \"gpt-5.5\"  # file",
        "# env.OPENAI_API_KEY is set  # hidden",
        "command = [\"/usr/local/bin/my-triage\", \"--json\"]  # file",
        "[[sinks]]",
    ] {
        has_line(&shown, line);
    }
    assert!(!shown.contains("secret"), "{shown}");

    home.write_beside("again.toml", &shown);
    let again = home.run(["config", "show", "--config", "again.toml"]).expect(0).stdout;
    let values =
        |text: &str| -> Vec<String> { text.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect() };
    assert_eq!(values(&again), values(&shown));
}
