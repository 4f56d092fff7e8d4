//! Finds many short literals in a text at once, in small letters.
//!
//! A process that only emits redacts one log tail and ends: building an automaton would take it as long as using one. So
//! this is a filter on the first two bytes of the literals, with a sorted list behind it. Building it takes a sort;
//! searching takes a bounded amount of work a byte, more where many literals begin with the same two bytes.

use std::ops::Range;

/// Literals, each with what it stands for.
pub(super) struct Literals<T> {
    /// A bit for each pair of bytes that a literal begins with.
    pairs: Box<[u64; 1024]>,
    /// The first two bytes of each entry.
    keys: Vec<u16>,
    /// In the order of the texts.
    entries: Vec<(Vec<u8>, T)>,
}

impl<T> Literals<T> {
    /// Takes literals of small letters. One of fewer than two bytes is never found.
    pub(super) fn new(mut entries: Vec<(Vec<u8>, T)>) -> Self {
        entries.retain(|(text, _)| text.len() >= 2);
        entries.sort_by(|(one, _), (other, _)| one.cmp(other));
        let keys: Vec<u16> = entries.iter().map(|(text, _)| key(text[0], text[1])).collect();
        let mut pairs = Box::new([0; 1024]);
        for key in &keys {
            pairs[usize::from(key / 64)] |= 1 << (key % 64);
        }
        Self { pairs, keys, entries }
    }

    /// What the literals stand for.
    pub(super) fn values(&self) -> impl Iterator<Item = &T> {
        self.entries.iter().map(|(_, value)| value)
    }

    /// Visits every place where a literal stands in a text of small letters: by where it begins, the shorter first.
    pub(super) fn each<'a>(&'a self, text: &[u8], mut visit: impl FnMut(Range<usize>, &'a T)) {
        let Some((first, rest)) = text.split_first() else { return };
        let mut before = *first;
        for (place, byte) in rest.iter().enumerate() {
            let key = key(before, *byte);
            before = *byte;
            if self.pairs[usize::from(key / 64)] >> (key % 64) & 1 == 0 {
                continue;
            }
            let from = self.keys.partition_point(|other| *other < key);
            for (other, (literal, value)) in self.keys[from..].iter().zip(&self.entries[from..]) {
                if *other != key {
                    break;
                }
                if text[place..].starts_with(literal) {
                    visit(place..place + literal.len(), value);
                }
            }
        }
    }
}

fn key(first: u8, second: u8) -> u16 {
    u16::from_be_bytes([first, second])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(literals: &[&str], text: &str) -> Vec<String> {
        let entries = literals.iter().map(|text| (text.as_bytes().to_vec(), *text)).collect();
        let mut found = Vec::new();
        Literals::new(entries).each(text.as_bytes(), |range, value| {
            found.push(format!("{value}@{}..{}", range.start, range.end));
        });
        found
    }

    #[test]
    fn every_literal_is_found_also_inside_another() {
        assert_eq!(
            found(&["xoxp-", "xoxe.xoxp-", "pass", "password"], "a password xoxe.xoxp-1 pas"),
            ["pass@2..6", "password@2..10", "xoxe.xoxp-@11..21", "xoxp-@16..21"]
        );
        assert_eq!(found(&["aa", "aa"], "aaa"), ["aa@0..2", "aa@0..2", "aa@1..3", "aa@1..3"]);
        assert_eq!(found(&["ab"], ""), Vec::<String>::new());
        assert_eq!(found(&[], "ab"), Vec::<String>::new());
    }
}
