//! Brings the real programs into the target folder, once.
#![allow(dead_code, reason = "each test program uses a part of it")]

use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use rustix::fs::{FlockOperation, flock};

/// The versions whose behaviour is known.
const PACKAGES: [(&str, &str); 3] =
    [("@openai/codex", "0.169.0"), ("@anthropic-ai/claude-code", "2.1.197"), ("@google/gemini-cli", "0.61.0")];

/// The folder of the programs, or none where they cannot be brought; then it says so.
#[allow(clippy::print_stderr, reason = "who runs the tests has to see what was not tested")]
pub(crate) fn programs() -> Option<&'static Path> {
    static FOLDER: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    match FOLDER.get_or_init(bring) {
        Ok(folder) => Some(folder),
        Err(reason) => {
            eprintln!("SKIP real-clis: {reason}");
            None
        }
    }
}

fn bring() -> Result<PathBuf, String> {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().ok_or("no target folder")?.to_owned();
    let folder = target.join("clis");
    fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
    let lock = OpenOptions::new().create(true).append(true).open(target.join("clis.lock"));
    let lock = lock.map_err(|error| error.to_string())?;
    flock(&lock, FlockOperation::LockExclusive).map_err(|error| error.to_string())?;
    if !PACKAGES.iter().all(|(name, version)| is_there(&folder, name, version)) {
        install(&folder)?;
    }
    Ok(folder.join("node_modules/.bin"))
}

fn is_there(folder: &Path, name: &str, version: &str) -> bool {
    let manifest = fs::read(folder.join("node_modules").join(name).join("package.json")).unwrap_or_default();
    serde_json::from_slice::<serde_json::Value>(&manifest).is_ok_and(|manifest| manifest["version"] == version)
}

#[expect(clippy::disallowed_methods, reason = "npm is no investigator")]
fn install(folder: &Path) -> Result<(), String> {
    let packages = PACKAGES.map(|(name, version)| format!("{name}@{version}"));
    let mut command = Command::new("npm");
    command.args(["install", "--no-audit", "--no-fund", "--fetch-retries=1", "--prefix"]).arg(folder).args(packages);
    let output = command.stdin(Stdio::null()).output().map_err(|error| format!("cannot start npm: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!("npm install failed: {}", said.lines().last().unwrap_or_default()))
}
