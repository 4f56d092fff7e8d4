//! What is planted in a log is neither in a prompt, nor in an argument, nor in a variable, nor in a kept report.
#![allow(clippy::unwrap_used, reason = "it is a test program")]

mod support;

use std::fs;

use haltline_evidence::Redactor;
use support::Bench;

const ENVIRONMENT: &str = "our-0wn-deploy-word";

#[tokio::test]
async fn no_planted_secret_reaches_what_an_investigator_gets_or_says() {
    assert!(Redactor::new([ENVIRONMENT]).with_key([7; 32]).put_in_force());
    let github = format!("ghp_{}", "aB3x".repeat(9));
    let anthropic = format!("sk-ant-api03-{}", "aB3xQ".repeat(19));
    let mut bench = Bench::new();
    // As an orchestrator of another make writes it: nothing was taken out when it was emitted.
    bench.log = format!(
        "E: boom\n{github}\n{}\n{} \u{1b}[31m{ENVIRONMENT}\u{1b}[0m\n{}\u{200b}{}\npassword=hunter2-hunter3\n",
        &anthropic[..40],
        &anthropic[40..],
        &github[..12],
        &github[12..],
    );
    let script = format!(
        "cat > got-prompt; cat \"$HALTLINE_EVENT\" > got-event; env > got-env; cat /proc/$$/cmdline > got-argv; \
         echo 'REPORT' | sed 's/the disk is full/the key {github} is in the log/'"
    );
    let found = bench.ask(&script).await.unwrap();
    assert!(found.report.root_cause.contains("[REDACTED:github:"), "{}", found.report.root_cause);
    let places = [bench.folder(), bench.home().to_owned()];
    let mut seen = 0;
    for entry in places.iter().flat_map(|folder| fs::read_dir(folder).unwrap()) {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        // The script above has a secret in its own text, and so in its argument, and says it.
        let own = ["got-argv", "stdout"].contains(&name.as_str());
        let Some(text) = fs::read(&path).ok().map(|bytes| String::from_utf8_lossy(&bytes).into_owned()) else {
            continue;
        };
        seen += 1;
        for secret in [&github, &anthropic, ENVIRONMENT, "hunter3"] {
            let piece = &secret[secret.len().saturating_sub(9)..];
            assert!(own && *secret == *github || !text.contains(piece), "{piece} is in {name}:\n{text}");
        }
    }
    assert!(seen >= 8, "{seen}");
    assert!(bench.read("prompt.txt").contains("[REDACTED:anthropic:"));
    assert!(bench.read("event.json").contains("[REDACTED:environment:"));
}
