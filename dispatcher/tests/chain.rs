//! What happens where the first investigator of a chain cannot work, with real processes.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use std::fs;
use std::sync::Arc;

use haltline_dispatcher::{DispatcherConfig, Environment, InvestigatorConfig, Providers};
use haltline_protocol::{CostSource, Failure, Investigator, ReportOutcome, Usd};
use support::{Bench, report};
use tokio_util::sync::CancellationToken;

fn shell(script: &str) -> InvestigatorConfig {
    let command = ["sh", "-c", &script.replace("REPORT", &report())].map(str::to_owned).to_vec();
    InvestigatorConfig { command: Some(command), ..InvestigatorConfig::default() }
}

fn chain(bench: &Bench, members: &[(&str, InvestigatorConfig)]) -> Arc<dyn Investigator> {
    let config = DispatcherConfig {
        chain: members.iter().map(|(name, _)| (*name).to_owned()).collect(),
        limits: bench.limits,
        investigators: members.iter().filter(|(name, _)| *name != "codex").cloned().map(own).collect(),
        environment: Environment::default().with("PATH", "/usr/bin:/bin"),
        ..DispatcherConfig::default()
    };
    Providers::build(&config).unwrap().pick().unwrap()
}

fn own((name, section): (&str, InvestigatorConfig)) -> (String, InvestigatorConfig) {
    (name.to_owned(), section)
}

#[tokio::test]
async fn the_next_of_the_chain_answers_and_the_row_can_say_why() {
    let bench = Bench::new();
    let members = [
        ("codex", InvestigatorConfig::default()),
        ("first", shell("echo gone >&2; exit 127")),
        ("second", shell("cat > prompt-seen; echo 'REPORT'")),
    ];
    let investigator = chain(&bench, &members);
    assert_eq!(investigator.name(), "first");
    let found = investigator.investigate(&bench.assignment(), CancellationToken::new()).await.unwrap();
    assert_eq!(found.usage.provider, "second");
    let [absent, gone] = found.usage.passed_over.as_slice() else { panic!("{:?}", found.usage.passed_over) };
    assert_eq!(absent, "codex: missing-program: no executable `codex` on PATH");
    assert!(gone.starts_with("first: missing-program: exit code 127: gone"), "{gone}");
    assert_eq!(bench.read("stderr"), "gone\n");
    assert!(bench.read("then-2/stdout").contains("the disk is full"));
    assert!(!bench.folder().join("result.json").try_exists().unwrap());

    // A later drain finds the report below the attempt, and pays nobody.
    fs::write(bench.folder().join("then-2/stdout"), "").unwrap();
    let again = investigator.salvage(&bench.assignment()).await.unwrap();
    assert_eq!((again.report, again.usage.provider.as_str()), (found.report, "second"));
}

#[tokio::test]
async fn a_failure_of_the_event_is_final_whoever_was_asked() {
    let bench = Bench::new();
    let members = [("first", shell("exit 127")), ("second", shell("exit 3")), ("third", shell("echo 'REPORT'"))];
    let investigator = chain(&bench, &members);
    let failure = investigator.investigate(&bench.assignment(), CancellationToken::new()).await.unwrap_err();
    assert_eq!((failure.class, failure.usage.provider.as_str()), (Failure::Crash, "second"));
    assert_eq!(failure.usage.passed_over.len(), 1);
}

#[tokio::test]
async fn the_built_in_rules_cite_what_stands_in_the_log() {
    let mut bench = Bench::new();
    bench.log = format!("building\n{}ld: No space left on device\n", "x".repeat(3000) + " No space left on device\n");
    let config = DispatcherConfig { choice: "triage".to_owned(), ..DispatcherConfig::default() };
    let investigator = Providers::build(&config).unwrap().pick().unwrap();
    let found = investigator.investigate(&bench.assignment(), CancellationToken::new()).await.unwrap();
    assert_eq!(found.report.outcome, ReportOutcome::RootCauseIdentified);
    assert!(!found.citations.is_empty() && found.citations.iter().all(|citation| citation.verified), "{found:?}");
    let cost = found.usage.cost.unwrap();
    assert_eq!((cost.usd, cost.source), (Usd::ZERO, CostSource::Reported));
}

#[tokio::test]
async fn a_root_cause_that_cites_nothing_that_is_there_becomes_a_question() {
    let bench = Bench::new();
    let members = [("mine", shell("echo 'REPORT' | sed 's/E: boom/I just know/'"))];
    let found = chain(&bench, &members).investigate(&bench.assignment(), CancellationToken::new()).await.unwrap();
    assert_eq!(found.report.outcome, ReportOutcome::NeedsHuman);
    assert!(found.report.root_cause.ends_with("the disk is full") && !found.citations[0].verified);
}

#[tokio::test]
async fn an_impossible_cost_is_charged_what_was_set_aside() {
    for figure in ["-0.12", "1e300", "\"0.12 EUR\"", "0.12,\"currency\":\"EUR\""] {
        let bench = Bench::new();
        let script = format!("echo 'REPORT' | sed 's/0.12/{figure}/'");
        let investigator = chain(&bench, &[("mine", shell(&script))]);
        let found = investigator.investigate(&bench.assignment(), CancellationToken::new()).await.unwrap();
        let cost = found.usage.cost.unwrap();
        assert_eq!((cost.usd, cost.source), (Usd::from_micros(1_000_000), CostSource::Assumed), "{figure}");
    }
}

#[test]
fn an_investigator_starts_no_other_one() {
    let environment = Environment::default().with("PATH", "/usr/bin:/bin").with("HALT_DEPTH", "1");
    let config = DispatcherConfig { choice: "triage".to_owned(), environment, ..DispatcherConfig::default() };
    let error = Providers::build(&config).unwrap().pick().unwrap_err();
    assert!(error.to_string().contains("HALT_DEPTH=1"), "{error}");
}
