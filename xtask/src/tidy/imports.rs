//! Which crate may import which: `{evidence, process, files} <- protocol <- spool <- {actors} <- haltline`; tests may
//! import `lab`, and xtask stands apart.

use anyhow::{Context, Result};
use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package};

use super::Violation;
use crate::workspace::Workspace;

/// The crates by layer. A crate imports from layers below its own, and never from its own: actors do not know each other.
const LAYERS: [&[&str]; 5] = [
    &["haltline-evidence", "haltline-process", "haltline-files"],
    &["haltline-protocol"],
    &["haltline-spool"],
    &[
        "haltline-emitter",
        "haltline-consumer",
        "haltline-dispatcher",
        "haltline-analytics",
        "haltline-migrator",
        "haltline-view",
    ],
    &["haltline"],
];

/// Does no I/O: of the lowest layer it imports the pure crate alone.
const PURE: (&str, &str) = ("haltline-protocol", "haltline-evidence");

/// Implements the ports. Actors know the ports alone, but for the one whose work is about files. A crate may test itself
/// on it.
const BEHIND_PORTS: &str = "haltline-spool";
const KNOW_FILES: [&str; 2] = ["haltline-migrator", "haltline"];

/// For tests only: it imports what stands below the queue, and any crate may have it as a dev-dependency.
const LAB: &str = "haltline-lab";
/// The lowest layer that the lab does not import.
const QUEUE: usize = 2;

/// Imports no crate of the workspace, and none imports it.
const APART: &str = "xtask";

pub(super) fn check(workspace: &Workspace) -> Result<Vec<Violation>> {
    let metadata = MetadataCommand::new()
        .manifest_path(workspace.root().join("Cargo.toml"))
        .no_deps()
        .other_options(vec!["--offline".to_owned()])
        .exec()
        .context("`cargo metadata` says nothing about the workspace")?;
    Ok(violations(workspace, &metadata))
}

fn violations(workspace: &Workspace, metadata: &Metadata) -> Vec<Violation> {
    let names: Vec<&str> = metadata.packages.iter().map(|package| package.name.as_str()).collect();
    let root = metadata.workspace_root.as_str();
    let mut violations = Vec::new();
    for package in &metadata.packages {
        let manifest = manifest_path(package, root);
        if layer(&package.name).is_none() && ![LAB, APART].contains(&package.name.as_str()) {
            let remedy = "give it a layer in xtask/src/tidy/imports.rs and docs/ARCHITECTURE.md";
            violations.push(Violation::new(&manifest, 1, format!("crate `{}` has no layer", package.name), remedy));
        }
        for dependency in &package.dependencies {
            let (from, to) = (package.name.as_str(), dependency.name.as_str());
            if from == to || !names.contains(&to) || may_import(from, to, dependency.kind) {
                continue;
            }
            let kind = match dependency.kind {
                DependencyKind::Development => "dev-dependency",
                DependencyKind::Build => "build-dependency",
                _ => "dependency",
            };
            let line = line_naming(workspace, &manifest, to);
            let what = format!("forbidden edge `{from}` -> `{to}` ({kind})");
            violations.push(Violation::new(&manifest, line, what, "move what is shared into a lower layer"));
        }
    }
    violations
}

fn layer(name: &str) -> Option<usize> {
    LAYERS.iter().position(|crates| crates.contains(&name))
}

fn may_import(from: &str, to: &str, kind: DependencyKind) -> bool {
    match (from, to) {
        (from, LAB) => from != APART && kind == DependencyKind::Development,
        (LAB, to) => layer(to).is_some_and(|to| to < QUEUE),
        (from, to) if from == PURE.0 => to == PURE.1,
        (from, BEHIND_PORTS) if kind != DependencyKind::Development => KNOW_FILES.contains(&from),
        (from, to) => matches!((layer(from), layer(to)), (Some(from), Some(to)) if from > to),
    }
}

fn manifest_path(package: &Package, root: &str) -> String {
    let path = package.manifest_path.as_str();
    path.strip_prefix(root).unwrap_or(path).trim_start_matches('/').to_owned()
}

fn line_naming(workspace: &Workspace, manifest: &str, name: &str) -> usize {
    let begins = |line: &str| {
        let rest = line.trim_start().strip_prefix(name);
        rest.is_some_and(|rest| rest.starts_with([' ', '.', '=']))
    };
    workspace.text(manifest).and_then(|text| text.lines().position(begins)).map_or(1, |line| line + 1)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn metadata(edges: &[(&str, &str, Option<&str>)], names: &[&str]) -> Metadata {
        let dependency = |name: &str, kind: Option<&str>| {
            json!({"name": name, "source": null, "req": "*", "kind": kind, "optional": false,
                "uses_default_features": true, "features": [], "target": null, "rename": null, "registry": null})
        };
        let package = |name: &str| -> Value {
            let own = edges.iter().filter(|(from, _, _)| *from == name);
            let dependencies: Vec<_> = own.map(|(_, to, kind)| dependency(to, *kind)).collect();
            json!({"name": name, "version": "0.1.0", "id": format!("path+file:///r/{name}#0.1.0"), "source": null,
                "dependencies": dependencies, "targets": [], "features": {}, "manifest_path": format!("/r/{name}/Cargo.toml")})
        };
        let packages: Vec<_> = names.iter().map(|name| package(name)).collect();
        let text = json!({"packages": packages, "workspace_members": [], "resolve": null, "workspace_root": "/r",
            "target_directory": "/r/target", "version": 1});
        serde_json::from_value(text).unwrap()
    }

    fn found(edges: &[(&str, &str, Option<&str>)]) -> Vec<String> {
        let names = [
            "haltline-files",
            "haltline-protocol",
            "haltline-spool",
            "haltline-consumer",
            "haltline-dispatcher",
            "haltline-view",
            "haltline",
            "haltline-lab",
            "xtask",
        ];
        let texts = [("haltline-consumer/Cargo.toml", "[dev-dependencies]\nhaltline-dispatcher.workspace = true\n")];
        violations(&Workspace::of(&texts), &metadata(edges, &names)).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn imports_from_lower_layers_pass() {
        let edges = [
            ("haltline-spool", "haltline-protocol", None),
            ("haltline", "haltline-spool", None),
            ("haltline-consumer", "haltline-spool", Some("dev")),
            ("haltline-consumer", "haltline-protocol", Some("dev")),
            ("haltline-consumer", "tokio", None),
            ("haltline", "haltline-protocol", None),
            ("haltline", "haltline-dispatcher", Some("dev")),
            ("haltline-spool", "haltline-lab", Some("dev")),
            ("haltline-lab", "haltline-files", None),
        ];
        assert_eq!(found(&edges), Vec::<String>::new());
    }

    #[test]
    fn every_other_edge_is_named() {
        let to_actor = found(&[("haltline-consumer", "haltline-dispatcher", Some("dev"))]);
        assert_eq!(
            to_actor,
            ["haltline-consumer/Cargo.toml:2: forbidden edge `haltline-consumer` -> `haltline-dispatcher` \
              (dev-dependency); move what is shared into a lower layer"]
        );
        for (from, to, kind) in [
            ("haltline-protocol", "haltline-spool", None),
            ("haltline-spool", "haltline-consumer", Some("build")),
            ("haltline-dispatcher", "haltline", None),
            ("haltline-consumer", "haltline-spool", None),
            ("haltline-view", "haltline-spool", Some("build")),
            ("xtask", "haltline-protocol", None),
            ("haltline", "xtask", Some("dev")),
            ("haltline-files", "haltline-protocol", None),
            ("haltline-protocol", "haltline-files", None),
            ("haltline-spool", "haltline-lab", None),
            ("haltline-lab", "haltline-spool", None),
        ] {
            assert!(found(&[(from, to, kind)])[0].contains(&format!("`{from}` -> `{to}`")));
        }
    }

    #[test]
    fn a_crate_without_a_layer_is_found() {
        let violations = violations(&Workspace::default(), &metadata(&[], &["haltline-extra"]));
        assert!(violations[0].what.contains("`haltline-extra` has no layer"));
    }
}
