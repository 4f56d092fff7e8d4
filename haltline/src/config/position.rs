//! Where in the file something stands, so that an error can name its line and its key.

use std::ops::Range;

use toml::de::{DeTable, DeValue};

/// The keys of a file with where they stand.
#[derive(Debug)]
pub(super) struct Positions<'a> {
    text: &'a str,
    keys: Vec<KeyPosition>,
}

#[derive(Debug)]
struct KeyPosition {
    /// The key with its sections, as `drain.max`.
    path: String,
    key: Range<usize>,
    value: Range<usize>,
}

impl<'a> Positions<'a> {
    /// Notes where the keys of a text stand; none where the text is no TOML.
    pub(super) fn of(text: &'a str) -> Self {
        let mut keys = Vec::new();
        if let Ok(table) = DeTable::parse(text) {
            in_table(table.get_ref(), "", &mut keys);
        }
        Self { text, keys }
    }

    /// The line of a byte, counted from one.
    pub(super) fn line(&self, offset: usize) -> usize {
        let before = self.text.as_bytes().iter().take(offset);
        1 + before.filter(|byte| **byte == b'\n').count()
    }

    /// The key at a byte, or whose value holds it; the innermost one. Empty where there is none.
    pub(super) fn key_at(&self, offset: usize) -> &str {
        let holds = |range: &Range<usize>| range.contains(&offset) || (range.is_empty() && range.start == offset);
        let by_key = self.keys.iter().rfind(|position| holds(&position.key));
        let found = by_key.or_else(|| self.keys.iter().rfind(|position| holds(&position.value)));
        found.map_or("", |position| &position.path)
    }

    /// The line of a key, by its path.
    pub(super) fn line_of(&self, path: &str) -> Option<usize> {
        self.keys.iter().find(|position| position.path == path).map(|position| self.line(position.key.start))
    }

    /// The keys in a section, by the section's path.
    pub(super) fn keys_in(&self, section: &str) -> impl Iterator<Item = &str> {
        let prefix = format!("{section}.");
        self.keys.iter().filter_map(move |position| position.path.strip_prefix(&prefix))
    }
}

fn in_table(table: &DeTable<'_>, section: &str, keys: &mut Vec<KeyPosition>) {
    for (key, value) in table {
        let dot = if section.is_empty() { "" } else { "." };
        let path = format!("{section}{dot}{}", key.get_ref());
        keys.push(KeyPosition { path: path.clone(), key: key.span(), value: value.span() });
        in_value(value.get_ref(), &path, keys);
    }
}

fn in_value(value: &DeValue<'_>, path: &str, keys: &mut Vec<KeyPosition>) {
    match value {
        DeValue::Table(table) => in_table(table, path, keys),
        DeValue::Array(array) => {
            for (number, item) in array.iter().enumerate() {
                in_value(item.get_ref(), &format!("{path}[{number}]"), keys);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_values_are_found_at_any_depth() {
        let text =
            "[drain]\nmax = 2\n\n[[sinks]]\nkind = \"a\"\n[[sinks]]\nkind = \"b\"\nurl = 3\n[a.b]\nc = { d = 1 }\n";
        let positions = Positions::of(text);
        for (part, key, line) in
            [("max", "drain.max", 2), ("2", "drain.max", 2), ("url", "sinks[1].url", 8), ("d = 1", "a.b.c.d", 10)]
        {
            let offset = text.find(part).unwrap();
            assert_eq!((positions.key_at(offset), positions.line(offset)), (key, line), "{part}");
        }
        assert_eq!(positions.line_of("sinks[1].kind"), Some(7));
        assert_eq!(positions.keys_in("sinks[1]").collect::<Vec<_>>(), ["kind", "url"]);
        assert_eq!(Positions::of("no toml").key_at(0), "");
    }
}
