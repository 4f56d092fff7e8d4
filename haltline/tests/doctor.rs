//! `doctor` from outside: what it finds, what it says to do, and that it leaves no trace.

#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

mod support;

use serde_json::{Value, json};
use support::drains::fault;
use support::{Ended, Home, set_mode};

impl Home {
    /// Puts a program into the folder that [`doctor`](Self::doctor) finds programs in.
    fn program(&self, name: &str, script: &str) {
        set_mode(&self.write_beside(&format!("bin/{name}"), format!("#!/bin/sh\n{script}\n")), 0o755);
    }

    /// Runs it with the programs of this test and a folder for temporary files of its own.
    fn doctor(&self, args: &[&str]) -> Ended {
        std::fs::create_dir_all(self.beside("tmp")).unwrap();
        let mut command = self.command(env!("CARGO_BIN_EXE_haltline"));
        command.env("PATH", format!("{}:/usr/bin:/bin", self.beside("bin").display()));
        command.env("TMPDIR", self.beside("tmp")).arg("doctor").args(args);
        let ended = support::drains::Running::start(&mut command).end();
        assert_eq!(support::names(&self.beside("tmp")), Vec::<String>::new(), "its scratch folder is gone");
        ended
    }
}

/// What it says of one investigator.
fn told_of(told: &Value, name: &str) -> Value {
    let all = told["investigators"].as_array().unwrap();
    all.iter().find(|investigator| investigator["name"] == name).unwrap().clone()
}

#[track_caller]
fn has_problem(told: &Value, problem: &str, remedy: &str) {
    let all = told["problems"].as_array().unwrap();
    let part = |advice: &Value, field: &str, part: &str| advice[field].as_str().unwrap().contains(part);
    assert!(all.iter().any(|one| part(one, "problem", problem) && part(one, "remedy", remedy)), "{all:#?}");
}

#[test]
fn with_a_cli_that_starts_all_is_well_and_nothing_is_made() {
    let home = Home::new();
    home.program("codex", "[ \"$*\" = --version ] && echo \"codex-cli 9.9.9\" && touch \"$CODEX_HOME/seen\"");
    let before = home.snapshot();
    let told = home.doctor(&["--json"]).expect(0).json();
    assert_eq!((&told["ok"], &told["auto"]), (&json!(true), &json!("codex")));
    assert_eq!((&told["problems"], &told["configFile"]), (&json!([]), &Value::Null));
    let codex = told_of(&told, "codex");
    assert_eq!((&codex["state"], &codex["version"]), (&json!("starts"), &json!("codex-cli 9.9.9")));
    assert_eq!((&codex["program"], &codex["isChosen"]), (&json!(home.beside("bin/codex")), &json!(true)));
    assert_eq!(told_of(&told, "claude")["state"], json!("missing"));
    assert_eq!(told_of(&told, "triage")["state"], json!("built-in"));
    assert!(told["folders"].as_array().unwrap().iter().all(|folder| folder["state"] == "not-there"));
    let text = home.doctor(&[]).expect(0).stdout;
    for part in
        ["Home: ", "* codex ", "codex-cli 9.9.9", "not there  skill-faults/pending-investigations", "asks `codex`"]
    {
        assert!(text.contains(part), "{part:?} is not in {text}");
    }
    std::fs::remove_dir(home.beside("tmp")).unwrap();
    let after = home.snapshot();
    assert_eq!(before.keys().collect::<Vec<_>>(), after.keys().collect::<Vec<_>>());
}

#[test]
fn without_any_cli_it_says_what_to_install() {
    let home = Home::new();
    let told = home.doctor(&["--json"]).expect(1).json();
    assert_eq!((&told["ok"], &told["auto"]), (&json!(false), &Value::Null));
    has_problem(&told, "no investigator of drain.chain is on PATH: codex, claude, gemini", "npm install");
    home.write_beside("c.toml", "[drain]\nchain = [\"codex\", \"triage\"]\n");
    let told = home.doctor(&["--json", "--config", "c.toml"]).expect(0).json();
    assert_eq!((&told["auto"], &told["configFile"]), (&json!("triage"), &json!("c.toml")));
}

#[test]
fn a_cli_that_does_not_start_matters_where_it_would_be_asked_first() {
    let home = Home::new();
    home.program("claude", "echo 'no such library' >&2; exit 127");
    let told = home.doctor(&["--json"]).expect(1).json();
    has_problem(&told, "`claude` is in drain.chain and does not start", "take it out of drain.chain");
    has_problem(&told, "no such library", "npm install");
    home.program("codex", "echo 9.9.9");
    let told = home.doctor(&["--json"]).expect(0).json();
    assert_eq!(told["auto"], json!("codex"));
    assert!(told["hints"][0]["problem"].as_str().unwrap().contains("`claude`"), "{told:#}");
    let text = home.doctor(&[]).expect(0).stdout;
    assert!(text.contains("hint: `claude`") && text.contains("    do: "), "{text}");
}

#[test]
fn a_wrong_configuration_is_named_and_hides_nothing_else() {
    let home = Home::new();
    home.program("codex", "echo 9.9.9");
    home.write_beside("c.toml", "[drain]\nmaxx = 1\n");
    home.write("processed", "in the way");
    let told = home.doctor(&["--json", "--config", "c.toml"]).expect(1).json();
    has_problem(&told, "c.toml:2: `drain.maxx`", "correct it");
    has_problem(&told, "processed is no folder", "move it away");
    assert_eq!(told["auto"], json!("codex"));
}

#[test]
fn the_folders_of_a_queue_in_use_are_usable_and_not_touched() {
    let home = Home::new();
    home.program("codex", "echo 9.9.9");
    home.put(&fault("r", "f"));
    home.drain(support::drains::FINDS_CAUSE, [""; 0]).expect(0);
    for folder in ["", "skill-faults", "skill-faults/pending-investigations"] {
        set_mode(&home.path(folder), 0o700);
    }
    std::fs::create_dir_all(home.beside("tmp")).unwrap();
    let contents = || {
        let mut found = home.snapshot();
        found.retain(|path, _| path.starts_with(home.path("")));
        found
    };
    let before = contents();
    let told = home.doctor(&["--json"]).expect(0).json();
    assert_eq!((&told["hints"], contents()), (&json!([]), before));
    assert!(told["folders"].as_array().unwrap().iter().all(|folder| folder["state"] == "usable"), "{told:#}");
}

#[test]
fn a_folder_that_cannot_be_written_is_a_problem() {
    let home = Home::new();
    home.program("codex", "echo 9.9.9");
    home.write("pending-investigations/x.json", "{}");
    set_mode(&home.queue("pending-investigations"), 0o500);
    let ended = home.run_bound(["doctor", "--json"]);
    set_mode(&home.queue("pending-investigations"), 0o700);
    let Some(ended) = ended else { return };
    has_problem(&ended.expect(1).json(), "pending-investigations cannot be read and written: EACCES", "chmod u+rwx");
}

#[test]
fn inside_an_investigation_there_is_none_to_start() {
    let home = Home::new();
    home.program("codex", "echo 9.9.9");
    let mut command = home.haltline();
    let path = format!("{}:/usr/bin:/bin", home.beside("bin").display());
    let output = command.env("PATH", path).env("HALT_DEPTH", "1").args(["doctor"]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.code() == Some(1) && text.contains("HALT_DEPTH=1"), "{text}");
}
