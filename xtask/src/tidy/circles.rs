//! No file of a crate imports from one that imports from it, by however many steps.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::Violation;
use crate::modules::{Import, Tree};
use crate::workspace::Workspace;

const REMEDY: &str = "move what is shared into a file that imports neither, or what calls upwards into the file above";

/// The imports of a crate by the file that imports.
type Graph<'a> = BTreeMap<&'a str, Vec<&'a Import>>;

pub(super) fn check(workspace: &Workspace) -> Vec<Violation> {
    let roots = workspace.sources().map(|(path, _)| path).filter(|path| is_root(path));
    roots.flat_map(|root| circles(&Tree::read(workspace, root).imports())).collect()
}

/// Whether cargo begins a crate at this file: `src/lib.rs`, `src/main.rs`, and `NAME.rs` or `NAME/main.rs` in the folders
/// of programs, examples, tests and benchmarks.
fn is_root(path: &str) -> bool {
    let parts: Vec<_> = path.split('/').skip(1).collect();
    matches!(
        parts[..],
        ["src", "lib.rs" | "main.rs"]
            | [.., "main.rs"]
            | ["src", "bin", _]
            | ["examples" | "tests" | "benches" | "fuzz_targets", _]
    )
}

/// One violation for each set of files that all lead to each other, told by the shortest way round.
fn circles(imports: &[Import]) -> Vec<Violation> {
    let mut graph = Graph::new();
    for import in imports {
        graph.entry(&import.from).or_default().push(import);
    }
    let mut told = BTreeSet::new();
    let mut rounds: Vec<Vec<&Import>> = graph.keys().filter_map(|file| shortest_round(&graph, file)).collect();
    rounds.sort_by_key(Vec::len);
    let mut violations = Vec::new();
    for round in rounds {
        if !told.contains(round[0].from.as_str()) {
            let tied = tied_to(&graph, &round[0].from);
            violations.push(violation(&round, &tied));
            told.extend(tied);
        }
    }
    violations
}

/// The shortest way from a file back to itself.
fn shortest_round<'a>(graph: &Graph<'a>, start: &str) -> Option<Vec<&'a Import>> {
    let mut ways = VecDeque::from([Vec::new()]);
    let mut seen = BTreeSet::new();
    while let Some(way) = ways.pop_front() {
        let at = way.last().map_or(start, |import: &&'a Import| import.to.as_str());
        for import in graph.get(at).into_iter().flatten() {
            let longer: Vec<_> = way.iter().copied().chain([*import]).collect();
            if import.to == start {
                return Some(longer);
            }
            if seen.insert(import.to.as_str()) {
                ways.push_back(longer);
            }
        }
    }
    None
}

/// The files that a file leads to and that lead back to it.
fn tied_to<'a>(graph: &Graph<'a>, file: &str) -> BTreeSet<&'a str> {
    let reached = reached(graph, file);
    reached.iter().copied().filter(|other| self::reached(graph, other).contains(file)).collect()
}

fn reached<'a>(graph: &Graph<'a>, file: &str) -> BTreeSet<&'a str> {
    let next = |file: &str| graph.get(file).into_iter().flatten().map(|import| import.to.as_str());
    let mut open: Vec<_> = next(file).collect();
    let mut reached = BTreeSet::new();
    while let Some(file) = open.pop() {
        if reached.insert(file) {
            open.extend(next(file));
        }
    }
    reached
}

fn violation(round: &[&Import], tied: &BTreeSet<&str>) -> Violation {
    let first = round[0];
    let mut what = format!("a circle of imports: {}", first.from);
    for import in round {
        what.push_str(&format!(" -> {} (for `{}`)", import.to, import.name));
    }
    let others: Vec<_> =
        tied.iter().copied().filter(|file| !round.iter().any(|import| import.from == **file)).collect();
    if !others.is_empty() {
        what.push_str(&format!("; other circles tie these to it: {}", others.join(", ")));
    }
    Violation::new(&first.from, first.line, what, REMEDY)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(files: &[(&str, &str)]) -> Vec<String> {
        check(&Workspace::of(files)).into_iter().map(|it| format!("{}:{} {}", it.file, it.line, it.what)).collect()
    }

    #[test]
    fn files_that_import_one_way_pass() {
        let files = [
            ("x/src/lib.rs", "mod a;\nmod b;\nmod c;\npub use a::A;"),
            ("x/src/a.rs", "use crate::{b::B, c::C};\npub struct A;"),
            ("x/src/b.rs", "use super::c::C;\npub struct B;"),
            ("x/src/c.rs", "pub struct C;\n#[cfg(test)]\nmod tests { use crate::A; }"),
        ];
        assert_eq!(found(&files), Vec::<String>::new());
    }

    #[test]
    fn a_circle_is_told_once_by_its_shortest_way() {
        let files = [
            ("x/src/lib.rs", "mod a;\nmod b;\nmod c;\nmod d;\npub use c::C;"),
            ("x/src/a.rs", "use crate::b::B;\nuse crate::d::D;\npub struct A;"),
            ("x/src/b.rs", "use crate::C;\npub struct B;"),
            ("x/src/c.rs", "//! C.\nuse crate::a::A;\npub struct C;"),
            ("x/src/d.rs", "fn d() { super::a::A }\npub struct D;"),
        ];
        let what = "a circle of imports: x/src/a.rs -> x/src/d.rs (for `D`) -> x/src/a.rs (for `A`); \
                    other circles tie these to it: x/src/b.rs, x/src/c.rs";
        assert_eq!(found(&files), [format!("x/src/a.rs:2 {what}")]);
    }

    #[test]
    fn circles_that_do_not_meet_are_told_apart() {
        let files = [
            ("x/src/main.rs", "mod a;\nmod b;\nfn main() { a::run(); }\npub struct Main;"),
            ("x/src/a.rs", "use crate::Main;"),
            ("x/src/b/mod.rs", "mod c;\nmod d;\npub use c::C;"),
            ("x/src/b/c.rs", "use super::d::D;"),
            ("x/src/b/d.rs", "use super::C;"),
        ];
        let found = found(&files);
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].starts_with("x/src/a.rs:1 a circle of imports: x/src/a.rs -> x/src/main.rs (for `Main`)"));
    }
}
