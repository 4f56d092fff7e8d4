//! The floor's command line. It is a program of its own with no parser to build, so that its start costs what a start
//! costs at least.

use std::path::Path;

use anyhow::{Context, Result, bail};

use super::{Commit, drain, emit, migrate, scan};
use crate::bench::events::{self, Sample};

const USAGE: &str = "floor fill|fill-faults|fill-unflagged HOME EVENTS | drain HOME [GROUP] | emit HOME EVENTS GROUP | \
                     migrate HOME | scan HOME";

/// Does a piece of bare file work, and prints how many events it was, or for `emit` the seconds of its loop.
///
/// # Errors
/// The words are no such work, or a file cannot be read, moved or written.
pub fn run(words: &[String]) -> Result<()> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let count = |word: &str| word.parse::<u32>().with_context(|| format!("{word} is no number"));
    let size = |word: &str| word.parse::<usize>().with_context(|| format!("{word} is no number"));
    match *words {
        ["fill", home, number] => events::fill(Path::new(home), count(number)?, Sample::Audit)?,
        ["fill-faults", home, number] => events::fill(Path::new(home), count(number)?, Sample::Fault)?,
        ["fill-unflagged", home, number] => events::fill(Path::new(home), count(number)?, Sample::Unflagged)?,
        ["drain", home] => println!("{}", drain(Path::new(home), Commit::Never)?),
        ["drain", home, group] => println!("{}", drain(Path::new(home), Commit::EachGroup(size(group)?.max(1)))?),
        ["emit", home, number, group] => {
            println!("{}", emit(Path::new(home), count(number)?, size(group)?.max(1))?.as_secs_f64());
        }
        ["migrate", home] => println!("{}", migrate(Path::new(home))?),
        ["scan", home] => println!("{}", scan(Path::new(home))?),
        _ => bail!("usage: {USAGE}"),
    }
    Ok(())
}
