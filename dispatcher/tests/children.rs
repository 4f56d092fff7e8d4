//! What stub investigators do to us, and what is left of them.

mod support;

use std::time::{Duration, Instant};

use haltline_protocol::{Failure, Usd};
use support::{Bench, lives};
use tokio_util::sync::CancellationToken;

#[tokio::test]
async fn a_good_report_is_taken_and_kept() {
    for script in ["echo 'REPORT'", "echo 'I found {it}:'; echo '```json'; echo 'REPORT'; echo '```'; echo bye; exit 3"]
    {
        let bench = Bench::new();
        let found = bench.ask(script).await.unwrap();
        assert_eq!(found.report.root_cause, "the disk is full");
        assert_eq!(found.usage.provider, "command");
        assert_eq!(found.usage.cost.map(|cost| cost.usd), Usd::from_dollars(0.12));
        let kept: serde_json::Value = serde_json::from_str(&bench.read("result.json")).unwrap();
        assert_eq!(kept["report"]["rootCause"], "the disk is full");
    }
}

#[tokio::test]
async fn a_kept_result_is_taken_as_it_is() {
    let bench = Bench::new();
    let found = bench.ask("echo 'REPORT'").await.unwrap();
    std::fs::write(bench.folder().join("stdout"), "").unwrap();
    let again = bench.investigator("exit 1").salvage(&bench.assignment()).await.unwrap();
    assert_eq!(again.report, found.report);
    assert_eq!(again.usage.cost, found.usage.cost);
}

#[tokio::test]
async fn each_bad_end_has_its_class_and_keeps_the_output() {
    let table = [
        ("echo all good", Failure::BadReport),
        ("true", Failure::BadReport),
        ("echo 'REPORT' | sed s/PHASE_FAILED/OTHER/", Failure::BadReport),
        ("echo no such model >&2; exit 1", Failure::Crash),
        ("kill -SEGV $$", Failure::Crash),
        ("kill -9 $$", Failure::Crash),
        ("no-such-program-anywhere", Failure::MissingProgram),
    ];
    for (script, class) in table {
        let bench = Bench::new();
        let failure = bench.ask(script).await.unwrap_err();
        assert_eq!(failure.class, class, "{script}: {failure}");
        assert!(!bench.folder().join("result.json").try_exists().unwrap(), "{script}");
        assert!(bench.folder().join("stdout").try_exists().unwrap(), "{script}");
    }
}

#[tokio::test]
async fn its_very_first_act_is_bounded_already() {
    for _ in 0..8 {
        let bench = Bench::new();
        let script = "(ulimit -c; ulimit -n; ulimit -f; grep NoNewPrivs /proc/self/status) > seen; echo 'REPORT'";
        bench.ask(script).await.unwrap();
        let seen = std::fs::read_to_string(bench.home().join("seen")).unwrap();
        let seen: Vec<&str> = seen.lines().collect();
        assert_eq!((seen[0], seen[3]), ("0", "NoNewPrivs:\t1"), "{seen:?}");
        assert!(seen[1].parse::<u64>().unwrap() <= 16_384, "{seen:?}");
        // In blocks of 512 or 1024 bytes, as the shell likes; "unlimited" is no number.
        assert!(seen[2].parse::<u64>().unwrap() <= 16 << 21, "{seen:?}");
    }
}

#[tokio::test]
async fn one_that_hangs_and_ignores_term_is_dead_after_the_grace() {
    let mut bench = Bench::new();
    bench.limits.wall = Duration::from_millis(300);
    let begun = Instant::now();
    let failure = bench.ask("trap '' TERM; echo $$; while :; do sleep 100; done").await.unwrap_err();
    assert_eq!(failure.class, Failure::Timeout);
    assert!(begun.elapsed() < Duration::from_secs(10));
    assert!(!lives(&bench.read("stdout")));
}

#[tokio::test]
async fn a_flood_is_ended_and_cut_to_size() {
    for script in ["echo 'REPORT'; yes", "yes >&2", "yes & yes >&2"] {
        let bench = Bench::new();
        let failure = bench.ask(script).await.unwrap_err();
        assert_eq!(failure.class, Failure::BadReport, "{failure}");
        for name in ["stdout", "stderr"] {
            assert!(bench.folder().join(name).metadata().unwrap().len() <= bench.limits.output, "{script}: {name}");
        }
    }
}

#[tokio::test]
async fn a_grandchild_in_a_session_of_its_own_holds_nobody_up_and_does_not_survive() {
    let escapes = [
        "setsid sleep 300 & echo $! > pids",
        "setsid sh -c 'echo $$ > pids; (sleep 300 & echo $! >> pids); exec sleep 300' &",
        "sh -c '(trap \"\" TERM HUP; setsid sh -c \"echo \\$\\$ > pids; exec sleep 300\" &) '",
    ];
    for escape in escapes {
        let bench = Bench::new();
        let script = format!("{escape}\nuntil [ -s pids ]; do :; done; echo 'REPORT'");
        let begun = Instant::now();
        bench.ask(&script).await.unwrap();
        assert!(begun.elapsed() < Duration::from_secs(5), "{escape}");
        let pids = std::fs::read_to_string(bench.home().join("pids")).unwrap();
        assert!(!pids.trim().is_empty());
        for pid in pids.lines() {
            assert!(!lives(pid), "{escape}: {pid} lives");
        }
    }
}

#[tokio::test]
async fn one_that_forks_without_end_is_ended_whole() {
    let mut bench = Bench::new();
    bench.limits.wall = Duration::from_millis(300);
    let fork = "f() { setsid sh -c 'echo $$ >> pids; sleep 0.05' & }; while :; do f; sleep 0.01; done";
    let failure = bench.ask(fork).await.unwrap_err();
    assert_eq!(failure.class, Failure::Timeout);
    let pids = std::fs::read_to_string(bench.home().join("pids")).unwrap();
    assert!(pids.lines().count() > 3 && pids.lines().all(|pid| !lives(pid)));
}

#[tokio::test]
async fn a_long_prompt_waits_for_one_that_reads_late() {
    let mut bench = Bench::new();
    bench.log = "x".repeat(250 << 10) + "\nE: boom\n";
    let found = bench.ask("echo begun >&2; wc -c >&2; echo 'REPORT'").await.unwrap();
    assert_eq!(found.report.root_cause, "the disk is full");
    let said = bench.read("stderr");
    let size: usize = said.lines().nth(1).unwrap().trim().parse().unwrap();
    assert!(size > 250 << 10 && size as u64 == bench.folder().join("prompt.txt").metadata().unwrap().len());
}

#[tokio::test]
async fn a_cut_ends_it_and_says_so() {
    let bench = Bench::new();
    let cut = CancellationToken::new();
    let investigator = bench.investigator("echo $$ > pid; setsid sleep 300 & echo $! >> pid; echo ready > now; wait");
    let assignment = bench.assignment();
    let when_ready = async {
        while !bench.home().join("now").try_exists().unwrap() {
            tokio::task::yield_now().await;
        }
        cut.cancel();
    };
    let (verdict, ()) = tokio::join!(investigator.investigate(&assignment, cut.clone()), when_ready);
    assert_eq!(verdict.unwrap_err().class, Failure::Interrupted);
    let pids = std::fs::read_to_string(bench.home().join("pid")).unwrap();
    assert!(pids.lines().count() == 2 && pids.lines().all(|pid| !lives(pid)));
}

#[tokio::test]
async fn a_report_that_was_complete_at_the_cut_is_not_thrown_away() {
    let bench = Bench::new();
    let cut = CancellationToken::new();
    let investigator = bench.investigator("echo 'REPORT'; echo ready > now; sleep 300");
    let assignment = bench.assignment();
    let when_ready = async {
        while !bench.home().join("now").try_exists().unwrap() {
            tokio::task::yield_now().await;
        }
        cut.cancel();
    };
    let (verdict, ()) = tokio::join!(investigator.investigate(&assignment, cut.clone()), when_ready);
    assert_eq!(verdict.unwrap().report.root_cause, "the disk is full");
}

#[tokio::test]
async fn it_sees_its_event_its_ids_and_no_secret() {
    let bench = Bench::new();
    bench
        .ask("env > seen; pwd >> seen; umask >> seen; ulimit -c >> seen; cat \"$HALTLINE_EVENT\" > row; echo 'REPORT'")
        .await
        .unwrap();
    let seen = std::fs::read_to_string(bench.home().join("seen")).unwrap();
    let folder = bench.folder();
    for line in [
        "TERM=dumb",
        "HALT_DEPTH=1",
        "HALTLINE_FAULT_ID=PHASE_FAILED:p3:302c3b29",
        "HALTLINE_RUN_ID=build-42",
        &format!("HALTLINE_ATTEMPT_DIR={}", folder.display()),
        &format!("TMPDIR={}", folder.display()),
        &bench.home().display().to_string(),
        "0077",
        "0",
    ] {
        assert!(seen.lines().any(|seen| seen == line), "{line}\n{seen}");
    }
    assert!(!seen.contains("s3cret") && !seen.contains("CARGO"), "{seen}");
    assert_eq!(std::fs::read(bench.home().join("row")).unwrap(), bench.assignment().event.raw());
    assert!(bench.read("prompt.txt").contains("E: boom"));
}

#[tokio::test]
async fn it_inherits_the_locks_by_which_a_later_drain_knows_that_it_lives() {
    let bench = Bench::new();
    bench
        .ask("for fd in 0 1 2; do grep -q FLOCK /proc/$$/fdinfo/$fd && echo $fd >> held; done; echo 'REPORT'")
        .await
        .unwrap();
    assert_eq!(std::fs::read_to_string(bench.home().join("held")).unwrap(), "0\n1\n2\n");
}

#[tokio::test]
async fn a_program_that_cannot_start_says_so() {
    let bench = Bench::new();
    let place = bench.home().join("broken");
    std::fs::write(&place, "\x7fELF of another machine").unwrap();
    std::fs::set_permissions(&place, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let section = haltline_dispatcher::InvestigatorConfig {
        command: Some(vec![place.display().to_string()]),
        ..Default::default()
    };
    let config = haltline_dispatcher::DispatcherConfig {
        choice: "mine".to_owned(),
        investigators: [("mine".to_owned(), section)].into(),
        ..Default::default()
    };
    let investigator = haltline_dispatcher::Providers::build(&config).unwrap().pick().unwrap();
    let failure = investigator.investigate(&bench.assignment(), CancellationToken::new()).await.unwrap_err();
    assert_eq!((failure.class, failure.usage.provider.as_str()), (Failure::MissingProgram, "mine"));
    assert!(failure.detail.contains("broken"), "{failure}");
}
