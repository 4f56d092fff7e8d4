//! Processes that leave no trace: no parent, no session, no descriptor and no variable of their attempt. Whose they are
//! shows only from who else was running, so nothing else runs beside this one test.

mod support;

use support::{Bench, lives};

/// Starts a process that carries nothing of the attempt, and notes its number.
const ESCAPE: &str = "(setsid env -i /bin/sleep 300 </dev/null >/dev/null 2>&1 & echo $! > pid)";

#[tokio::test]
async fn what_leaves_no_trace_is_ended_as_soon_as_it_can_be_nobody_elses() {
    let alone = Bench::new();
    alone.ask(&format!("{ESCAPE}\nuntil [ -s pid ]; do :; done; echo 'REPORT'")).await.unwrap();
    let pid = std::fs::read_to_string(alone.home().join("pid")).unwrap();
    assert!(!pid.trim().is_empty() && !lives(&pid));

    // The slow one began first and its process may be needed, so the quick one leaves it alone.
    let (slow, quick) = (Bench::new(), Bench::new());
    let ready = slow.home().join("ready").display().to_string();
    let slow_script = format!(
        "{ESCAPE}\nuntil [ -s pid ]; do :; done; touch {ready}; until [ -e {ready}.go ]; do :; done; \
         kill -0 $(cat pid) && echo 'REPORT'"
    );
    let quick_script =
        format!("until [ -e {ready} ]; do :; done; {ESCAPE}\nuntil [ -s pid ]; do :; done; echo 'REPORT'");
    let then_go = async {
        quick.ask(&quick_script).await.unwrap();
        std::fs::write(format!("{ready}.go"), "").unwrap();
    };
    let (found, ()) = tokio::join!(slow.ask(&slow_script), then_go);
    found.unwrap();
    for bench in [&slow, &quick] {
        let pid = std::fs::read_to_string(bench.home().join("pid")).unwrap();
        assert!(!pid.trim().is_empty() && !lives(&pid));
    }
}
