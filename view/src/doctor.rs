//! Whether a drain could run and investigate here.

use std::path::PathBuf;

use serde::Serialize;

use crate::advice::Advice;
use crate::folders::FolderFinding;

/// What was found.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Checkup {
    /// A drain could run and investigate.
    pub ok: bool,
    /// The home.
    pub home: PathBuf,
    /// The configuration file in force; none where there is none, or it cannot be used.
    pub config_file: Option<PathBuf>,
    /// The investigator that a drain asks first where nobody names one.
    pub auto: Option<String>,
    /// What is known of each investigator.
    pub investigators: Vec<InvestigatorView>,
    /// The folders of the home.
    pub folders: Vec<FolderFinding>,
    /// What a person has to mend.
    pub problems: Vec<Advice>,
    /// What could be better.
    pub hints: Vec<Advice>,
}

/// What is known of one investigator.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InvestigatorView {
    /// Its name.
    pub name: String,
    /// What it is, in one line.
    pub summary: &'static str,
    /// Whether it is in the chain.
    pub is_chosen: bool,
    /// Whether it can be started: `built-in`, `starts`, `broken` or `missing`.
    pub state: &'static str,
    /// The program that it starts.
    pub program: Option<PathBuf>,
    /// What the program says of its version.
    pub version: Option<String>,
    /// Why it cannot be started.
    pub problem: Option<String>,
    /// How to install it.
    pub install_hint: &'static str,
}
