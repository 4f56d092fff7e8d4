//! Which crate may import which, as the picture in docs/ARCHITECTURE.md says, dev-dependencies included.

use anyhow::{Context, Result};
use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package};

use super::Violation;
use crate::workspace::Workspace;

/// What actors and queues stand on.
const GROUND: &[&str] = &["evidence", "files", "protocol"];

/// Each crate by its folder, and what it may import. Actors import neither each other nor a queue, but for the one whose
/// work is about files.
const PICTURE: &[(&str, &[&str])] = &[
    ("evidence", &[]),
    ("files", &[]),
    ("process", &[]),
    ("protocol", &["evidence"]),
    ("spool", GROUND),
    ("emitter", GROUND),
    ("consumer", GROUND),
    ("dispatcher", &["evidence", "files", "process", "protocol"]),
    ("analytics", GROUND),
    ("migrator", &["evidence", "files", "protocol", "spool"]),
    ("view", GROUND),
    (
        "haltline",
        &[
            "evidence",
            "files",
            "process",
            "protocol",
            "spool",
            "emitter",
            "consumer",
            "dispatcher",
            "analytics",
            "migrator",
            "view",
        ],
    ),
    (LAB, GROUND),
    (TOOL, &[]),
];

/// For tests only: any crate of the product may have it as a dev-dependency.
const LAB: &str = "lab";

/// What developers run. It builds when the product does not.
const TOOL: &str = "xtask";

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
        if imports_of(folder(&package.name)).is_none() {
            let what = format!("crate `{}` is not in the picture", package.name);
            let remedy = "say in xtask/src/tidy/imports.rs and docs/ARCHITECTURE.md what it may import";
            violations.push(Violation::new(&manifest, 1, what, remedy));
        }
        for dependency in &package.dependencies {
            let (from, to) = (package.name.as_str(), dependency.name.as_str());
            if from == to || !names.contains(&to) || may_import(folder(from), folder(to), dependency.kind) {
                continue;
            }
            let kind = match dependency.kind {
                DependencyKind::Development => "dev-dependency",
                DependencyKind::Build => "build-dependency",
                _ => "dependency",
            };
            let line = line_naming(workspace, &manifest, to);
            let what = format!("forbidden edge `{from}` -> `{to}` ({kind})");
            violations.push(Violation::new(
                &manifest,
                line,
                what,
                "move what is shared into protocol, evidence or files",
            ));
        }
    }
    violations
}

/// The folder of a crate, by which the picture names it.
fn folder(name: &str) -> &str {
    name.strip_prefix("haltline-").unwrap_or(name)
}

fn imports_of(folder: &str) -> Option<&'static [&'static str]> {
    PICTURE.iter().find(|(crate_folder, _)| *crate_folder == folder).map(|(_, imports)| *imports)
}

fn may_import(from: &str, to: &str, kind: DependencyKind) -> bool {
    if to == LAB {
        return from != TOOL && kind == DependencyKind::Development;
    }
    imports_of(from).is_some_and(|imports| imports.contains(&to))
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
            "haltline-analytics",
            "haltline-migrator",
            "haltline-process",
            "haltline-view",
            "haltline",
            "haltline-lab",
            "xtask",
        ];
        let texts = [("haltline-consumer/Cargo.toml", "[dev-dependencies]\nhaltline-dispatcher.workspace = true\n")];
        violations(&Workspace::of(&texts), &metadata(edges, &names)).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_edges_of_the_picture_pass() {
        let edges = [
            ("haltline-spool", "haltline-protocol", None),
            ("haltline", "haltline-spool", None),
            ("haltline-migrator", "haltline-spool", None),
            ("haltline-dispatcher", "haltline-process", None),
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
              (dev-dependency); move what is shared into protocol, evidence or files"]
        );
        for (from, to, kind) in [
            ("haltline-protocol", "haltline-spool", None),
            ("haltline-spool", "haltline-consumer", Some("build")),
            ("haltline-dispatcher", "haltline", None),
            ("haltline-consumer", "haltline-spool", None),
            ("haltline-consumer", "haltline-spool", Some("dev")),
            ("haltline-consumer", "haltline-process", None),
            ("haltline-spool", "haltline-process", None),
            ("haltline-analytics", "haltline-view", Some("dev")),
            ("xtask", "haltline-lab", Some("dev")),
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
    fn a_crate_that_the_picture_does_not_show_is_found() {
        let violations = violations(&Workspace::default(), &metadata(&[], &["haltline-extra"]));
        assert!(violations[0].what.contains("`haltline-extra` is not in the picture"));
    }
}
