//! Reads the `use` declarations of a file.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

static DECLARATION: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?m)(\bpub(?:\([^)]*\))?\s+)?\buse\s+([^;]+);").expect("the pattern is a constant"));
static TOKEN: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\bas\b|\w+|::|[{},*]").expect("the pattern is a constant"));

/// One name that a `use` declaration brings into a module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Use {
    /// The path as written, from its first segment on. A glob ends in `*`.
    pub(super) path: Vec<String>,
    /// The name that is bound.
    pub(super) name: String,
    /// Whether the declaration hands the name on to other modules.
    pub(super) is_public: bool,
    /// The bytes of the declaration in the file.
    pub(super) span: Range<usize>,
}

/// Reads every declaration, the groups taken apart.
pub(super) fn uses(code: &str) -> Vec<Use> {
    let mut uses = Vec::new();
    for declaration in DECLARATION.captures_iter(code) {
        let (Some(whole), Some(tree)) = (declaration.get(0), declaration.get(2)) else { continue };
        let tokens: Vec<&str> = TOKEN.find_iter(tree.as_str()).map(|token| token.as_str()).collect();
        let mut leaves = Vec::new();
        read_tree(&tokens, &mut 0, &[], &mut leaves);
        uses.extend(leaves.into_iter().map(|(path, name)| Use {
            path,
            name,
            is_public: declaration.get(1).is_some(),
            span: whole.range(),
        }));
    }
    uses
}

/// Reads one tree from `at` on and leaves `at` behind it.
fn read_tree(tokens: &[&str], at: &mut usize, prefix: &[String], leaves: &mut Vec<(Vec<String>, String)>) {
    let mut path = prefix.to_vec();
    while let Some(token) = tokens.get(*at) {
        match *token {
            "::" => *at += 1,
            "{" => {
                *at += 1;
                while tokens.get(*at).is_some_and(|token| *token != "}") {
                    read_tree(tokens, at, &path, leaves);
                    if tokens.get(*at) == Some(&",") {
                        *at += 1;
                    }
                }
                *at += 1;
                return;
            }
            "as" => {
                let alias = tokens.get(*at + 1).copied().unwrap_or_default();
                *at += 2;
                leaves.push((path, alias.to_owned()));
                return;
            }
            "," | "}" => break,
            segment => {
                // `a::{self}` binds `a` itself.
                if segment != "self" || path.is_empty() {
                    path.push(segment.to_owned());
                }
                *at += 1;
            }
        }
    }
    if let Some(name) = path.last().cloned() {
        leaves.push((path, name));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(code: &str) -> Vec<String> {
        uses(code).into_iter().map(|it| format!("{}={}", it.name, it.path.join("::"))).collect()
    }

    #[test]
    fn groups_aliases_and_globs_are_taken_apart() {
        assert_eq!(found("use crate::a::B;"), ["B=crate::a::B"]);
        let code = "use super::{\n    a::{self, B as C, d::E},\n    f::*,\n};\npub(crate) use g::H;";
        let expected = ["a=super::a", "C=super::a::B", "E=super::a::d::E", "*=super::f::*", "H=g::H"];
        assert_eq!(found(code), expected);
        assert!(uses(code)[4].is_public && !uses(code)[0].is_public);
        assert_eq!(found("fn f() -> impl Sized + use<'_> {}"), Vec::<String>::new());
    }
}
