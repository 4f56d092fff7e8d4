//! `cargo xtask fmt`: one style for every Rust file.

use anyhow::{Context, Result};

use crate::registry;
use crate::run::{cargo, shown};
use crate::workspace::Workspace;

/// Formats all crates, then the modules that `cargo fmt` does not reach.
///
/// # Errors
/// A formatter cannot be started, or `check` is set and something would change.
pub fn run(workspace: &Workspace, check: bool) -> Result<()> {
    let mut arguments = vec!["fmt", "--all"];
    if check {
        arguments.push("--check");
    }
    let crates = shown(workspace.root(), &cargo(), &arguments);

    let modules = registry::module_files(workspace)?;
    let plug_ins = if modules.is_empty() { Ok(()) } else { format_modules(workspace, modules, check) };
    crates.and(plug_ins).context("run `cargo xtask fmt`")
}

fn format_modules(workspace: &Workspace, modules: Vec<String>, check: bool) -> Result<()> {
    let mut arguments = ["--config-path", "rustfmt.toml", "--edition"].map(str::to_owned).to_vec();
    arguments.push(edition(workspace)?);
    if check {
        arguments.push("--check".to_owned());
    }
    arguments.extend(modules);
    shown(workspace.root(), "rustfmt", &arguments)
}

fn edition(workspace: &Workspace) -> Result<String> {
    let manifest: toml::Table = workspace.text("Cargo.toml").context("there is no Cargo.toml")?.parse()?;
    let edition = manifest.get("workspace").and_then(|table| table.get("package")?.get("edition")?.as_str());
    edition.map(str::to_owned).context("Cargo.toml has no workspace.package.edition")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_edition_comes_from_the_root_manifest() {
        let workspace = Workspace::of(&[("Cargo.toml", "[workspace.package]\nedition = \"2024\"\n")]);
        assert_eq!(edition(&workspace).unwrap(), "2024");
        assert!(edition(&Workspace::of(&[("Cargo.toml", "[workspace]\n")])).is_err());
    }
}
