//! A migration is one file and one row: nothing else of the product names it.

#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

use std::path::{Path, PathBuf};

use haltline_migrator::MIGRATIONS;

/// Every Rust file of a folder and those beneath it.
fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|end| end == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn each_file_is_a_migration_and_nothing_but_its_row_names_it() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut product = Vec::new();
    for package in std::fs::read_dir(root).unwrap() {
        let package = package.unwrap().path();
        if package.join("src").is_dir() && package.join("Cargo.toml").is_file() {
            sources(&package.join("src"), &mut product);
        }
    }
    let folder = root.join("migrator/src/migrations");
    let registry = folder.join("mod.rs");
    let files = product.iter().filter(|path| path.starts_with(&folder) && **path != registry).count();
    assert_eq!(files, MIGRATIONS.len(), "one file and one row each");
    for migration in MIGRATIONS {
        let version = migration.version();
        let module = format!("v{}", version.replace('.', "_"));
        let own = folder.join(format!("{module}.rs"));
        assert!(product.contains(&own), "{version} is in {}", own.display());
        for path in product.iter().filter(|path| **path != own) {
            let text = std::fs::read_to_string(path).unwrap();
            let text = text.split("#[cfg(test)]").next().unwrap();
            let named = text.matches(version).count() + text.matches(&module).count();
            assert_eq!(named, usize::from(*path == registry), "{} names {version}", path.display());
        }
    }
}
