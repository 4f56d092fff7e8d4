//! A full disk and missing permissions, for real: the case runs in a child of this test program that root's rights do
//! not help, or on a small file system of its own.

#[cfg(test)]
#[expect(dead_code, reason = "the suite serves other tests too")]
mod common;

use std::fs::{self, Permissions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::{Suite, acknowledged, drained, records, reported, settled, tree, upgraded};
use haltline_analytics::{Activity, SINKS, SinkOpenError, open_sinks};
use haltline_protocol::{Layout, RowOutcome, SinkError};

/// In the child: the folder that the case works in.
const INSIDE: &str = "HALTLINE_TEST_INSIDE";
/// The exit code by which the shell says that it cannot prepare the case.
const CANNOT_PREPARE: i32 = 77;
/// Runs a program without the capabilities by which root passes over permissions.
const WITHOUT_ROOTS_RIGHTS: &[&str] =
    &["setpriv", "--bounding-set", "-dac_override,-dac_read_search,-fowner", "--inh-caps", "-all", "--"];
/// Runs a program where the folder in `$INSIDE` is a file system of 256 KiB that nobody else sees.
const ON_A_SMALL_DISK: &[&str] = &[
    "unshare",
    "-m",
    "--propagation",
    "private",
    "sh",
    "-c",
    "mount -t tmpfs -o size=256k tmpfs \"$HALTLINE_TEST_INSIDE\" || exit 77; exec \"$0\" \"$@\"",
];

/// The folder that a case works in, in the child. In the parent it runs the child and answers why there is nothing
/// left to do.
fn inside(test: &str, wrapper: &[&str]) -> Result<PathBuf, String> {
    if let Some(folder) = std::env::var_os(INSIDE) {
        return Ok(folder.into());
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    #[expect(clippy::disallowed_methods, reason = "this very test program is run again, with fewer rights")]
    let mut command = Command::new(wrapper[0]);
    command.args(&wrapper[1..]).arg(std::env::current_exe().expect("this program has a path"));
    command.args(["--exact", test, "--nocapture"]).env(INSIDE, folder.path());
    let output = match command.output() {
        Err(error) => return Err(format!("SKIP {test}: cannot run {}: {error}", wrapper[0])),
        Ok(output) => output,
    };
    let said = String::from_utf8_lossy(&output.stderr);
    let cannot_unshare = wrapper[0] == "unshare" && said.starts_with("unshare:");
    let cannot_drop = wrapper[0] == "setpriv" && said.starts_with("setpriv:");
    if output.status.code() == Some(CANNOT_PREPARE) || cannot_unshare || cannot_drop {
        return Err(format!("SKIP {test}: {said}"));
    }
    assert!(output.status.success(), "{}\n{said}", String::from_utf8_lossy(&output.stdout));
    assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"), "the case did not run");
    Err("ran in a child".to_owned())
}

fn allow(folder: &Path, mode: u32) {
    fs::set_permissions(folder, Permissions::from_mode(mode)).expect("the folder is ours");
}

#[tokio::test]
async fn what_may_not_be_written_is_found_out_at_the_opening() {
    let home = match inside("what_may_not_be_written_is_found_out_at_the_opening", WITHOUT_ROOTS_RIGHTS) {
        Ok(home) => home,
        Err(note) => return println!("{note}"),
    };
    let layout = Layout::new(&home);
    open_sinks(SINKS, Activity::Drain, &[], &layout).unwrap();
    let queue = home.join("skill-faults");
    for (sink, folder) in [
        ("jsonl", home.join("analytics")),
        ("report", queue.join("reports")),
        ("inbox", queue.join("inbox")),
        ("proposals", queue.clone()),
    ] {
        allow(&folder, 0o500);
        let error = open_sinks(SINKS, Activity::Drain, &[], &layout).err().unwrap();
        assert!(matches!(&error, SinkOpenError::Unusable { sink: found, .. } if *found == sink), "{error}");
        assert!(error.to_string().contains("check who owns it and its permissions"), "{error}");
        allow(&folder, 0o700);
    }
    open_sinks(SINKS, Activity::Drain, &[], &layout).unwrap();
}

#[tokio::test]
async fn one_sink_that_may_not_write_keeps_no_other_from_it_and_gets_its_rows_later() {
    let test = "one_sink_that_may_not_write_keeps_no_other_from_it_and_gets_its_rows_later";
    let home = match inside(test, WITHOUT_ROOTS_RIGHTS) {
        Ok(home) => home,
        Err(note) => return println!("{note}"),
    };
    let layout = Layout::new(&home);
    let sinks = open_sinks(SINKS, Activity::Drain, &[], &layout).unwrap();
    allow(&home.join("analytics"), 0o500);
    let (answer, summary) = acknowledged(sinks, records(), false).await;
    assert!(matches!(&answer, Err(SinkError::Permanent { sink: "jsonl", .. })), "{answer:?}");
    assert_eq!(summary.filed().notes, 2);
    let before = tree(&home);

    allow(&home.join("analytics"), 0o700);
    let sinks = open_sinks(SINKS, Activity::Drain, &[], &layout).unwrap();
    let (answer, summary) = acknowledged(sinks, records(), true).await;
    answer.unwrap();
    assert_eq!(summary.filed().notes, 0);
    let mut after = tree(&home);
    let rows = after.remove("analytics/skill-faults.jsonl").unwrap();
    assert_eq!(rows.lines().count(), 3);
    assert_eq!(after, before);
}

#[tokio::test]
async fn a_full_disk_may_pass_and_leaves_no_half_line() {
    let disk = match inside("a_full_disk_may_pass_and_leaves_no_half_line", ON_A_SMALL_DISK) {
        Ok(disk) => disk,
        Err(note) => return println!("{note}"),
    };
    for factory in SINKS {
        let suite = Suite { factory: *factory, settings: toml::Table::new() };
        let home = disk.join(factory.declaration().name);
        fs::create_dir(&home).unwrap();
        let mut sink = suite.open(&home);
        let first = [settled(100, RowOutcome::AuditSkipped), reported(101, "first"), upgraded(102), drained(103)];
        sink.deliver(&first, false).await.unwrap();
        let before = tree(&home);

        let mut filler = fs::File::create(disk.join("filler")).unwrap();
        while filler.write_all(&[0; 512]).is_ok() {}
        // More rows than the rest of the file's last page takes, so that the write is cut short.
        let mut batch: Vec<_> = (200..240).map(|seq| settled(seq, RowOutcome::AuditSkipped)).collect();
        batch.extend((200..240).flat_map(|seq| [upgraded(seq), drained(seq)]));
        batch.push(reported(240, &"second ".repeat(140)));
        // The rest of the last page may take one more proposal, and several never.
        batch.extend((241..250).map(|seq| reported(seq, &"third ".repeat(160))));
        let answer = sink.deliver(&batch, false).await;
        assert!(matches!(answer, Err(SinkError::Retriable { .. })), "{}: {answer:?}", factory.declaration().name);
        assert!(answer.unwrap_err().to_string().contains("free some space"));
        let during = tree(&home);
        for (name, text) in &before {
            if name.ends_with(".jsonl") {
                assert!(during[name].starts_with(text), "{name} lost what it held");
            }
        }
        let lines = during.iter().filter(|(name, _)| name.ends_with(".jsonl"));
        for (name, text) in lines {
            assert!(text.is_empty() || text.ends_with("}\n"), "{name} has half a line");
        }

        filler.set_len(0).unwrap();
        sink.deliver(&batch, true).await.unwrap();
        let calm_home = tempfile::tempdir().unwrap();
        let mut calm = suite.open(calm_home.path());
        calm.deliver(&first, false).await.unwrap();
        calm.deliver(&batch, false).await.unwrap();
        assert_eq!(tree(&home), tree(calm_home.path()), "{}", factory.declaration().name);
    }
}
