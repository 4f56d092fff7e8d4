//! A Rust file as the house rules see it: code apart from comments and strings, tests apart from the rest.
//!
//! This is no parser. It knows comments, literals and brackets, and that is all that the rules ask for.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

static TEST_ITEM: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"#\[cfg\((?:test|all\(test\b[^\]]*)\)\]").expect("the pattern is a constant"));

/// A string literal.
#[derive(Debug, PartialEq, Eq)]
pub struct Literal {
    /// Where it stands in the file, prefix and quotes included.
    pub span: Range<usize>,
    /// What stands between its quotes, escapes as they are written.
    pub text: String,
}

/// One Rust file.
#[derive(Debug)]
pub struct Source {
    text: String,
    code: String,
    literals: Vec<Literal>,
    is_test_file: bool,
    tests: Vec<Range<usize>>,
}

impl Source {
    /// Takes a file apart. A file that is nothing but tests is known by its path.
    pub fn read(path: &str, text: &str) -> Self {
        let mut scanner = Scanner { text, at: 0, code: text.as_bytes().to_vec(), literals: Vec::new() };
        scanner.scan();
        let code = String::from_utf8(scanner.code).expect("whole characters are blanked by spaces");
        let literals = scanner.literals;
        let is_test_file = is_test_file(path);
        let tests = test_items(&code);
        Self { text: text.to_owned(), code, literals, is_test_file, tests }
    }

    /// The file as it is.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The code with each byte of a comment or a literal as a space, line ends kept, so that offsets agree.
    pub fn code(&self) -> &str {
        &self.code
    }

    /// The string literals in their order.
    pub fn literals(&self) -> &[Literal] {
        &self.literals
    }

    /// Whether an offset lies within test code.
    pub fn is_test(&self, offset: usize) -> bool {
        self.is_test_file || self.is_test_item(offset)
    }

    /// Whether an offset lies within what is compiled for tests alone.
    pub fn is_test_item(&self, offset: usize) -> bool {
        self.tests.iter().any(|range| range.contains(&offset))
    }

    /// The line of an offset, from 1.
    pub fn line(&self, offset: usize) -> usize {
        line_of(&self.text, offset)
    }
}

/// The line of an offset, from 1.
pub fn line_of(text: &str, offset: usize) -> usize {
    text.as_bytes()[..offset].iter().filter(|byte| **byte == b'\n').count() + 1
}

/// The offset of the bracket that closes the one at `open`; the end of the code where none does.
pub fn closing(code: &str, open: usize) -> usize {
    let mut depth = 0_usize;
    for (offset, byte) in code.bytes().enumerate().skip(open) {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => continue,
        }
        if depth == 0 {
            return offset;
        }
    }
    code.len()
}

fn is_test_file(path: &str) -> bool {
    path.split('/').any(|part| part == "tests" || part == "tests.rs" || part == "benches")
}

fn test_items(code: &str) -> Vec<Range<usize>> {
    let item_end = |start: usize| {
        let opener = code[start..].find(['{', ';']).map_or(code.len(), |offset| start + offset);
        if code[opener..].starts_with('{') { closing(code, opener) } else { opener }
    };
    TEST_ITEM.find_iter(code).map(|found| found.start()..item_end(found.end())).collect()
}

struct Scanner<'a> {
    text: &'a str,
    at: usize,
    code: Vec<u8>,
    literals: Vec<Literal>,
}

impl Scanner<'_> {
    fn scan(&mut self) {
        while let Some(byte) = self.peek(0) {
            match (byte, self.peek(1)) {
                (b'/', Some(b'/')) => self.blank_to(self.find("\n", 0)),
                (b'/', Some(b'*')) => self.blank_to(self.comment_end()),
                (b'"', _) => self.string(0),
                (b'r' | b'b' | b'c', _) if !self.in_word() => self.prefixed(),
                (b'\'', _) => self.character(),
                _ => self.at += 1,
            }
        }
    }

    fn peek(&self, ahead: usize) -> Option<u8> {
        self.text.as_bytes().get(self.at + ahead).copied()
    }

    /// Whether the byte before this one belongs to the same word, so that this one begins no literal.
    fn in_word(&self) -> bool {
        let before = self.at.checked_sub(1).map(|at| self.text.as_bytes()[at]);
        before.is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    }

    fn find(&self, what: &str, ahead: usize) -> usize {
        let from = self.at + ahead;
        let rest = self.text.get(from..).unwrap_or_default();
        rest.find(what).map_or(self.text.len(), |offset| from + offset)
    }

    fn blank_to(&mut self, end: usize) {
        for byte in &mut self.code[self.at..end] {
            if *byte != b'\n' {
                *byte = b' ';
            }
        }
        self.at = end;
    }

    fn comment_end(&self) -> usize {
        let bytes = self.text.as_bytes();
        let (mut depth, mut at) = (0_usize, self.at);
        while at + 1 < bytes.len() {
            match (bytes[at], bytes[at + 1]) {
                (b'/', b'*') => (depth, at) = (depth + 1, at + 2),
                (b'*', b'/') => (depth, at) = (depth - 1, at + 2),
                _ => at += 1,
            }
            if depth == 0 {
                return at;
            }
        }
        bytes.len()
    }

    /// A word that may begin a literal: `r"`, `r#"`, `b"`, `br#"`, `c"`, `b'`.
    fn prefixed(&mut self) {
        let letters = (0..2).take_while(|ahead| matches!(self.peek(*ahead), Some(b'r' | b'b' | b'c'))).count();
        let hashes = (letters..).take_while(|ahead| self.peek(*ahead) == Some(b'#')).count();
        let is_raw = self.text.as_bytes()[self.at..self.at + letters].contains(&b'r');
        match self.peek(letters + hashes) {
            Some(b'"') if is_raw => {
                let open = letters + hashes + 1;
                let fence = format!("\"{}", "#".repeat(hashes));
                let close = self.find(&fence, open);
                self.literal(open, close, (close + fence.len()).min(self.text.len()));
            }
            Some(b'"') if hashes == 0 => self.string(letters),
            Some(b'\'') if letters == 1 && hashes == 0 => {
                self.at += 1;
                self.character();
            }
            _ => self.at += letters.max(1),
        }
    }

    fn string(&mut self, prefix: usize) {
        let bytes = self.text.as_bytes();
        let mut close = self.at + prefix + 1;
        while close < bytes.len() && bytes[close] != b'"' {
            close += if bytes[close] == b'\\' { 2 } else { 1 };
        }
        let close = close.min(bytes.len());
        self.literal(prefix + 1, close, (close + 1).min(bytes.len()));
    }

    fn literal(&mut self, open: usize, close: usize, end: usize) {
        let text = self.text.get(self.at + open..close).unwrap_or_default().to_owned();
        self.literals.push(Literal { span: self.at..end, text });
        self.blank_to(end);
    }

    /// A character, or a lifetime, which is left as code.
    fn character(&mut self) {
        let mut rest = self.text[self.at + 1..].char_indices();
        let end = match rest.next() {
            Some((_, '\\')) => Some(self.find("'", 3) + 1),
            Some(_) => rest.next().filter(|(_, next)| *next == '\'').map(|(offset, _)| self.at + offset + 2),
            None => None,
        };
        match end {
            Some(end) => self.blank_to(end.min(self.text.len())),
            None => self.at += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_literals_are_no_code() {
        let text = "//! \"doc\n/* a /* b */ c */ let x = 'x'; let q = '\"'; let e = '\\'';\n\
                    fn f<'a>(s: &'a str) { g(\"one \\\" // two\", r#\"th\"ree\"#, b\"four\", br\"\\\", b'c'); } // five";
        let source = Source::read("a.rs", text);
        let texts: Vec<_> = source.literals().iter().map(|literal| literal.text.as_str()).collect();
        assert_eq!(texts, ["one \\\" // two", "th\"ree", "four", "\\"]);
        assert_eq!(source.code().len(), text.len());
        for gone in ["doc", "*", "one", "two", "five", "'x'", "'c'", "\""] {
            assert!(!source.code().contains(gone), "{gone}: {}", source.code());
        }
        assert!(source.code().contains("fn f<'a>(s: &'a str) { g("));
    }

    #[test]
    fn what_ends_too_early_is_no_panic() {
        for text in ["\"a", "r#\"a\"", "/* a", "'", "'\\", "\"\\", "b'", "r", "x /", "'é", "\"é\\"] {
            assert_eq!(Source::read("a.rs", text).code().len(), text.len());
        }
    }

    #[test]
    fn tests_are_told_from_the_rest() {
        let text = "fn a() {}\n#[cfg(test)]\nmod tests {\n    fn b() { let s = \"}\"; }\n}\nfn c() {}\n";
        let source = Source::read("x/src/a.rs", text);
        let is_test = |word| source.is_test(text.find(word).unwrap());
        assert!(!is_test("fn a") && is_test("fn b") && !is_test("fn c"));
        assert!(Source::read("x/tests/a.rs", text).is_test(0));
        assert_eq!(source.line(text.find("fn c").unwrap()), 6);
    }
}
