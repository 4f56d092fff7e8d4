//! An investigation by hand from outside: which event it takes, what it files, and that it moves nothing.

#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

mod support;

use std::path::PathBuf;
use std::process::Command;

use rustix::process::Signal;
use serde_json::{Value, json};
use support::drains::{PENDING, Running, audit, await_line, fault, is_running, reports, until, with};
use support::{Ended, Home, set_mode};

const FAULT: &str = "PHASE_FAILED:p3:c052439a";
/// Prints a report whose evidence stands in the log of every fault, and beside it one entry that stands nowhere.
const FINDS_CAUSE: &str = r#"printf '{"faultId":"%s","outcome":"root-cause-identified","rootCause":"the disk is full",' "$HALTLINE_FAULT_ID"
printf '"evidence":["No space left on device","src/nowhere.rs:7 says so"],"costUsd":0.25}\n'"#;
/// What a codex prints that finds the cause. It proves that it has read the prompt by the random word in it.
const CODEX: &str = r#"#!/bin/sh
if [ "$1" = --version ]; then echo 'codex-cli 9.9.9'; exit 0; fi
prompt=$(cat)
word=$(printf '%s\n' "$prompt" | sed -n 's/^The random word: //p')
fault=$(printf '%s\n' "$prompt" | sed -n 's/^The fault: "\(.*\)"$/\1/p')
report='{\"faultId\":\"%s\",\"nonce\":\"%s\",\"outcome\":\"root-cause-identified\",\"rootCause\":\"the disk is full\",'
report="$report"'\"evidence\":[\"No space left on device\"],\"proposedFix\":null,\"learnedPatternProposal\":null}'
text=$(printf "$(printf '%s' "$report" | sed 's/\\/\\\\/g')" "$fault" "$word")
printf '{"type":"item.completed","item":{"type":"agent_message","text":"%s"}}\n' "$text"
echo '{"type":"turn.completed","usage":{"input_tokens":2000,"cached_input_tokens":1000,"output_tokens":100}}'
"#;

impl Home {
    fn investigate(&self, args: &[&str]) -> Ended {
        Running::start(self.haltline().arg("investigate").args(args)).end()
    }

    /// Investigates with a stub.
    fn ask(&self, body: &str, args: &[&str]) -> Ended {
        let stub = self.stub(body);
        self.investigate(&[&[FAULT, "--command", &stub], args].concat())
    }

    /// Starts an investigation and waits until its stub has come to the last thing that it does.
    fn start_asking(&self, body: &str) -> Running {
        let (first, last) = body.rsplit_once('\n').unwrap_or(("", body));
        let stub = self.stub(&format!("{first}\necho $$ > '{}'\nexec {last}", self.beside("pid").display()));
        let running = Running::start(self.haltline().args(["investigate", FAULT, "--command", &stub]));
        await_line(&self.beside("pid"));
        running
    }

    /// Puts a program into a folder that [`on_path`](Self::on_path) looks into.
    fn program(&self, name: &str, script: &str) -> PathBuf {
        let path = self.write_beside(&format!("bin/{name}"), script);
        set_mode(&path, 0o755);
        path
    }

    /// The program with those of this test on its PATH.
    fn on_path(&self, args: &[&str]) -> Command {
        let mut command = self.haltline();
        command.env("PATH", format!("{}:/usr/bin:/bin", self.beside("bin").display())).args(args);
        command
    }

    /// Every event of the queue, by folder and name, with its bytes.
    fn events(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let folders = [PENDING, "processed", "dead-letter"].map(|folder| self.queue(folder));
        let is_event = |path: &PathBuf| folders.iter().any(|folder| path.parent() == Some(folder));
        self.snapshot()
            .into_iter()
            .filter(|(path, _)| is_event(path))
            .map(|(path, (bytes, ..))| (path, bytes))
            .collect()
    }
}

#[test]
fn a_report_is_filed_and_told_and_nothing_is_moved() {
    let home = Home::new();
    home.put(&with(fault("build-42", FAULT), "delivery", json!({"attempts": 2, "notBefore": "2999-01-01T00:00:00Z"})));
    let before = home.events();
    let ended = home.ask(FINDS_CAUSE, &["--json"]).expect(0);
    assert_eq!(home.trace(), [FAULT]);
    assert_eq!(home.events(), before, "neither the event nor its delivery is changed");
    let told = ended.json();
    for (field, value) in [
        ("faultId", json!(FAULT)),
        ("runId", json!("build-42")),
        ("outcome", json!("root-cause-identified")),
        ("rootCause", json!("the disk is full")),
        ("evidenceVerified", json!([true, false])),
        ("provider", json!("command")),
        ("costUsd", json!(0.25)),
        ("costSource", json!("reported")),
        ("passedOver", json!([])),
        ("inboxFiled", json!(1)),
    ] {
        assert_eq!(told[field], value, "{field} of {told:#}");
    }
    assert!(told["durationMs"].is_u64() && told["tokensIn"].is_null());

    let filed = home.json_of(&format!("reports/build-42/{FAULT}.json"));
    assert_eq!((&filed["drainId"], &filed["seq"]), (&told["drainId"], &told["seq"]));
    assert_eq!(told["reportFile"], json!(home.queue(&format!("reports/build-42/{FAULT}.md"))));
    assert!(home.names("inbox")[0].ends_with("-halt-PHASE_FAILED:p3:c052439a.md"));
    assert_eq!(home.told(), Vec::<Value>::new(), "no outcome, no row");
    assert_eq!(home.names("in-flight"), Vec::<String>::new(), "the attempt's folder is gone");
}

#[test]
fn people_get_a_summary_with_cost_and_evidence() {
    let home = Home::new();
    home.put(&fault("build-42", FAULT));
    let ended = home.ask(FINDS_CAUSE, &[]).expect(0);
    for part in [
        "# PHASE_FAILED:p3:c052439a in run build-42\n",
        "**root-cause-identified**, by command in ",
        "$0.2500 (reported)",
        "\nthe disk is full\n",
        "(1 of 2 found",
        "- found: No space left on device\n",
        "- not found: src/nowhere.rs:7 says so\n",
        "/reports/build-42/PHASE_FAILED:p3:c052439a.md\n",
    ] {
        assert!(ended.stdout.contains(part), "{part:?} is not in {ended:#?}");
    }
}

#[test]
fn a_secret_of_the_environment_is_in_no_report_and_on_no_terminal() {
    const SECRET: &str = "correct-horse-battery-7";
    let home = Home::new();
    let event = with(fault("r", FAULT), "message", format!("it said {SECRET}"));
    home.put(&with(event, "snapshot", json!({"stdoutTail": format!("the token was {SECRET}\n")})));
    let stub = home.stub(&FINDS_CAUSE.replace("No space left on device", &format!("the token was {SECRET}")));
    for more in [&["--json"][..], &[]] {
        let mut command = home.haltline();
        command.env("MY_API_TOKEN", SECRET).args(["investigate", FAULT, "--command", &stub]).args(more);
        let ended = Running::start(&mut command).end().expect(0);
        assert!(!ended.stdout.contains(SECRET) && !ended.stderr.contains(SECRET), "{ended:#?}");
        assert!(ended.stdout.contains("the token was [REDACTED"), "{ended:#?}");
    }
    for name in reports(&home, "r") {
        assert!(!std::fs::read_to_string(home.queue("reports/r").join(name)).unwrap().contains(SECRET));
    }
}

#[test]
fn a_settled_or_given_up_fault_can_be_looked_at_again_and_its_earlier_report_stays() {
    let home = Home::new();
    home.put(&fault("r", FAULT));
    let drained = home.drain(FINDS_CAUSE, ["--severity-min", "LOW"]).expect(0);
    let rows = home.told();
    assert_eq!(home.names("processed").len(), 2);
    let newer = with(fault("r", FAULT), "timestamp", "2026-05-21T08:14:00.123Z");
    home.write("dead-letter/r-x.json", with(newer, "message", "the newest").to_string());
    let told = home.ask(FINDS_CAUSE, &["--json"]).expect(0).json();
    assert_eq!(told["message"], json!("the newest"));
    let reports = reports(&home, "r");
    assert_eq!(reports.len(), 4, "{reports:?}");
    let kept = reports.iter().find(|name| name.contains('~') && name.ends_with(".json")).unwrap();
    assert_eq!(home.json_of(&format!("reports/r/{kept}"))["drainId"], drained.json()["drainId"]);
    assert_eq!(home.told(), rows);
}

#[test]
fn what_cannot_be_told_apart_or_found_is_wrong_usage_and_touches_nothing() {
    let home = Home::new();
    home.put(&fault("run-a", FAULT));
    home.put(&fault("run-b", FAULT));
    home.put(&audit("r", "A"));
    let before = home.snapshot();
    let triage = ["--investigator", "triage"];
    home.investigate(&[&[FAULT], &triage[..]].concat()).expect(2).says("--run-id: run-a, run-b");
    home.investigate(&[&[FAULT, "--run-id", "run-c"], &triage[..]].concat()).expect(2).says("in run `run-c`");
    home.investigate(&[&["nobody"], &triage[..]].concat()).expect(2).says("no event of the fault `nobody`");
    home.investigate(&[&["A"], &triage[..]].concat()).expect(2).says("audit only");
    home.investigate(&[FAULT, "--run-id", "run-a", "--investigator", "nobody"]).expect(2).says("known are");
    home.investigate(&[FAULT, "--run-id", "run-a"]).expect(78).says("--investigator triage");
    home.investigate(&[]).expect(2);
    assert_eq!(home.snapshot(), before);
    home.investigate(&[&[FAULT, "--run-id", "run-b", "--json"], &triage[..]].concat()).expect(0);
    assert_eq!(reports(&home, "run-b").len(), 2);
}

#[test]
fn without_a_report_its_class_is_told_and_nothing_is_filed() {
    let home = Home::new();
    home.put(&fault("r", FAULT));
    let before = home.events();
    let crashed = home.ask("echo 'no such model' >&2; exit 3", &["--json"]).expect(1).says("no report: crash");
    let told = crashed.json();
    assert_eq!((&told["failure"], &told["detail"]), (&json!("crash"), &json!("exit code 3: no such model")));
    assert_eq!((&told["faultId"], &told["provider"]), (&json!(FAULT), &json!("command")));
    let other = FINDS_CAUSE.replace("\"$HALTLINE_FAULT_ID\"", "other");
    home.ask(&other, &[]).expect(1).says("no report: bad-report: the report is about another fault");
    home.ask("sleep 300", &["--timeout", "1s"]).expect(1).says("no report: timeout");
    assert_eq!(home.events(), before);
    assert_eq!((home.names("reports"), home.names("inbox")), (vec![], vec![]));
    assert_eq!(home.names("in-flight"), Vec::<String>::new());
}

#[test]
fn a_fault_that_a_running_drain_holds_is_refused() {
    let home = Home::new();
    home.put(&fault("r", FAULT));
    let slow = format!("echo begun > '{}'; sleep 300", home.beside("begun").display());
    let drain = Running::start(&mut home.drain_with(&slow));
    await_line(&home.beside("begun"));
    let holds = home.holds();
    let ended = home.investigate(&[FAULT, "--investigator", "triage"]).expect(1);
    ended.says("a drain that runs now holds the fault");
    // One that waits beside the held one does not change that.
    home.put(&fault("r", FAULT));
    home.investigate(&[FAULT, "--investigator", "triage"]).expect(1).says("holds the fault");
    assert_eq!(home.holds(), holds);
    drain.kill();
    home.investigate(&[FAULT, "--investigator", "triage"]).expect(0);
}

#[test]
fn a_fault_that_is_investigated_by_hand_is_left_alone_meanwhile() {
    let home = Home::new();
    let file = home.put(&fault("r", FAULT));
    let other = home.put(&fault("r", "other"));
    let running = home.start_asking("sleep 300");
    let before = home.json_of(&format!("{PENDING}/{file}"));
    let result = home.drain(FINDS_CAUSE, ["--severity-min", "LOW"]).expect(0).json();
    assert_eq!((&result["processed"], &result["deferred"], &result["dispatched"]), (&json!(1), &json!(1), &json!(1)));
    home.check_settled_once(&[other], "investigated");
    assert_eq!(home.json_of(&format!("{PENDING}/{file}")), before);
    home.investigate(&[FAULT, "--investigator", "triage"]).expect(1).says("wait for the report");
    running.signal(Signal::INT);
    running.end().expect(75);
    home.drain(FINDS_CAUSE, ["--severity-min", "LOW"]).expect(0);
    assert_eq!(home.trace(), [FAULT, "other", FAULT]);
    home.check_settled_once(&[file], "investigated");
}

#[test]
fn of_all_who_want_a_fault_at_once_one_at_most_asks() {
    for _ in 0..3 {
        let home = Home::new();
        let file = home.put(&fault("r", FAULT));
        let body = "exec sleep 300";
        let stub = home.stub(body);
        let by_hand = || {
            let mut command = home.haltline();
            command.args(["investigate", FAULT, "--command", &stub]);
            command
        };
        let mut commands = [by_hand(), home.drain_with(body), by_hand()];
        let mut all: Vec<_> = commands.iter_mut().map(Running::start).collect();
        until("the end of all but one", || {
            all.retain_mut(|running| !running.has_ended());
            all.len() <= 1
        });
        all.into_iter().for_each(Running::kill);
        assert!(home.trace().len() <= 1, "asked {:?}", home.trace());
        for _ in 0..2 {
            home.drain(FINDS_CAUSE, ["--severity-min", "LOW"]);
            home.end_back_off();
        }
        home.check_settled_once(&[file], "investigated");
    }
}

#[test]
fn a_signal_ends_the_investigator_and_leaves_everything_as_it_was() {
    let home = Home::new();
    home.put(&fault("r", FAULT));
    let before = home.events();
    let stub = home.stub(&format!("sleep 300 & echo \"$!\" > '{}'; wait", home.beside("pid").display()));
    let running = Running::start(home.haltline().args(["investigate", FAULT, "--command", &stub]));
    let pid = await_line(&home.beside("pid"));
    running.signal(Signal::INT);
    running.end().expect(75).says("no report: interrupted");
    until("the end of the investigator", || !is_running(&pid));
    assert_eq!((home.events(), home.names("in-flight").len()), (before, 0));
}

#[test]
fn what_a_killed_investigation_leaves_is_cleared_away_and_costs_the_fault_nothing() {
    let home = Home::new();
    let file = home.put(&fault("r", FAULT));
    let stub = home.stub(&format!("echo $$ > '{}'; exec sleep 300", home.beside("pid").display()));
    let running = Running::start(home.haltline().args(["investigate", FAULT, "--command", &stub]));
    let pid = await_line(&home.beside("pid"));
    running.kill();
    assert_eq!(home.holds().len(), 1);
    assert!(is_running(&pid), "it outlives the program");
    let result = home.drain(FINDS_CAUSE, ["--severity-min", "LOW"]).expect(0).json();
    assert_eq!((&result["processed"], &result["failed"]), (&json!(1), &json!(0)));
    home.check_settled_once(&[file], "investigated");
    assert_eq!((home.holds(), home.names("reports")), (vec![], vec!["r".to_owned()]));
    assert_eq!(reports(&home, "r").len(), 2, "there is no report but the drain's");
    until("the end of the investigator", || !is_running(&pid));
}

#[test]
fn the_complete_report_of_a_killed_investigation_is_filed_unpaid_and_settles_nothing() {
    let home = Home::new();
    let waits = with(fault("r", FAULT), "delivery", json!({"attempts": 1, "notBefore": "2999-01-01T00:00:00Z"}));
    home.put(&waits);
    let before = home.events();
    let running = home.start_asking(&format!("{FINDS_CAUSE}\nsleep 300"));
    let pid = await_line(&home.beside("pid"));
    running.kill();
    home.investigate(&[FAULT, "--investigator", "triage"]).expect(1).says("was cut off").says("--max 0");
    assert!(is_running(&pid) && home.names("reports").is_empty());

    let result = home.drain(FINDS_CAUSE, ["--severity-min", "LOW"]).expect(0).json();
    assert_eq!((&result["dispatched"], &result["inboxFiled"]), (&json!(0), &json!(1)), "{result:#}");
    until("the end of the investigator", || !is_running(&pid));
    assert_eq!(home.trace(), [FAULT], "it is paid once");
    let filed = home.json_of(&format!("reports/r/{FAULT}.json"));
    assert_eq!((&filed["rootCause"], &filed["occurrences"]), (&json!("the disk is full"), &json!(1)), "{filed:#}");
    assert_ne!(filed["drainId"], result["drainId"]);
    assert!(home.told().iter().all(|row| row["faultId"] != FAULT), "no outcome, no row");
    let after = home.events();
    assert!(before.iter().all(|event| after.contains(event)), "the event is as it was");
    assert_eq!(home.holds(), Vec::<String>::new());

    home.drain(FINDS_CAUSE, ["--severity-min", "LOW"]).expect(0);
    assert_eq!((home.trace().len(), reports(&home, "r").len()), (1, 2), "and filed once");
}

#[test]
fn the_first_cli_on_path_is_asked_and_its_tokens_are_priced() {
    let home = Home::new();
    home.put(&fault("r", FAULT));
    home.program("codex", CODEX);
    let ask = |args: &[&str]| {
        let ended = Running::start(home.on_path(&["investigate", FAULT, "--json"]).args(args)).end().expect(0);
        let told = ended.json();
        assert_eq!((&told["provider"], &told["evidenceVerified"]), (&json!("codex"), &json!([true])), "{ended:#?}");
        assert_eq!(
            (&told["tokensIn"], &told["tokensCached"], &told["tokensOut"]),
            (&1000.into(), &1000.into(), &100.into())
        );
        (told["costUsd"].as_f64().unwrap(), told["costSource"].as_str().unwrap().to_owned())
    };
    let near = |(usd, source): (f64, String), expected: f64, expected_source: &str| {
        assert!((usd - expected).abs() < 1e-9 && source == expected_source, "{usd} {source}");
    };
    near(ask(&["--model", "gpt-5.5"]), 0.005 + 0.0005 + 0.003, "estimated");
    near(ask(&[]), 0.30, "assumed");
    let prices = "[prices.\"gpt-5.5\"]\ninput = 10\ncached_input = 1\noutput = 100\n[budget]\nassumed_usd = 0.7\n";
    home.write_beside("c.toml", prices);
    near(ask(&["--model", "gpt-5.5", "--config", "c.toml"]), 0.01 + 0.001 + 0.01, "estimated");
    near(ask(&["--config", "c.toml"]), 0.7, "assumed");
}

#[test]
fn an_impossible_cost_is_charged_what_is_set_aside_and_never_less_than_is_assumed() {
    let home = Home::new();
    home.put(&fault("r", FAULT));
    let lies = FINDS_CAUSE.replace("0.25", "-1");
    for (config, usd) in [
        ("", 1.0),
        ("[budget]\nper_investigation_usd = 2.5\n", 2.5),
        ("[budget]\nper_investigation_usd = 0\nassumed_usd = 0.7\n", 0.7),
    ] {
        home.write_beside("c.toml", config);
        let told = home.ask(&lies, &["--json", "--config", "c.toml"]).expect(0).json();
        assert_eq!((&told["costUsd"], &told["costSource"]), (&json!(usd), &json!("assumed")), "{config}");
    }
}

#[test]
fn the_next_of_the_chain_is_asked_and_gets_its_share_of_the_budget() {
    let home = Home::new();
    home.put(&fault("r", FAULT));
    let said = home.beside("said");
    home.program("claude", &format!("#!/bin/sh\nprintf '%s\\n' \"$@\" > '{}'\nexit 1\n", said.display()));
    let cap = |config: &str| {
        home.write_beside("c.toml", config);
        let args = ["investigate", FAULT, "--config", "c.toml"];
        let ended = Running::start(&mut home.on_path(&args)).end().expect(1);
        ended.says("passed over codex: missing-program").says("asked claude");
        let said = std::fs::read_to_string(&said).unwrap();
        let mut words = said.lines().skip_while(|word| *word != "--max-budget-usd");
        words.nth(1).map(str::to_owned)
    };
    assert_eq!(cap(""), Some("1".to_owned()));
    assert_eq!(cap("[budget]\nper_investigation_usd = 2.5\n"), Some("2.5".to_owned()));
    assert_eq!(cap("[budget]\nper_investigation_usd = 0\n"), None);
}

#[test]
fn a_count_of_attempts_at_the_end_of_its_range_is_no_trouble() {
    let home = Home::new();
    home.put(&with(fault("build-42", FAULT), "delivery", json!({"attempts": u32::MAX})));
    home.ask(FINDS_CAUSE, &[]).expect(0);
    assert_eq!(home.trace(), [FAULT]);
}
