//! Edits in the text of well-formed JSON that leave every other byte as it is.

use std::ops::Range;

use haltline_evidence::{JsonStrings, json_string_length};

/// One field of an object, by its places in the text.
#[derive(Debug, Clone)]
pub(super) struct Member {
    /// The key without its escapes.
    pub(super) key: String,
    /// From the key's opening quote to its closing one.
    pub(super) name: Range<usize>,
    /// The value.
    pub(super) value: Range<usize>,
}

/// The text without the space around it.
pub(super) fn whole(text: &str) -> Range<usize> {
    trim(text, 0..text.len())
}

/// The elements of an array.
pub(super) fn elements(text: &str, array: Range<usize>) -> Vec<Range<usize>> {
    let (mut depth, mut strings) = (0_usize, JsonStrings::default());
    let inner = array.start + 1..array.end - 1;
    let mut begin = inner.start;
    let mut parts = Vec::new();
    for (place, byte) in inner.clone().zip(text.as_bytes()[inner.clone()].iter()) {
        match byte {
            _ if strings.holds(*byte) => {}
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            b',' if depth == 0 => {
                parts.push(trim(text, begin..place));
                begin = place + 1;
            }
            _ => {}
        }
    }
    let last = trim(text, begin..inner.end);
    if !last.is_empty() {
        parts.push(last);
    }
    parts
}

/// The fields of an object. `Err` says which key stands twice.
pub(super) fn members(text: &str, object: Range<usize>) -> Result<Vec<Member>, String> {
    let mut members: Vec<Member> = Vec::new();
    // The parts of an object are separated like those of an array.
    for part in elements(text, object) {
        let name = part.start..part.start + json_string_length(&text.as_bytes()[part.clone()]);
        let after = trim(text, name.end..part.end);
        let value = trim(text, after.start + 1..part.end);
        let key: String = serde_json::from_str(&text[name.clone()]).unwrap_or_else(|_| text[name.clone()].to_owned());
        if members.iter().any(|member| member.key == key) {
            return Err(format!("the key `{}` stands twice", key.escape_debug()));
        }
        members.push(Member { key, name, value });
    }
    Ok(members)
}

fn trim(text: &str, range: Range<usize>) -> Range<usize> {
    let is_space = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
    let bytes = &text.as_bytes()[range.clone()];
    let before = bytes.iter().take_while(|byte| is_space(byte)).count();
    let after = bytes[before..].iter().rev().take_while(|byte| is_space(byte)).count();
    range.start + before..range.end - after
}

/// Replacements in a text.
#[derive(Debug, Default)]
pub(super) struct Edits(Vec<(Range<usize>, String)>);

impl Edits {
    /// Sets fields of an object that has a field already, and takes one out. A field that is there keeps its place; a
    /// new one comes last, in the style of its neighbours. The values are JSON.
    pub(super) fn set_fields(
        &mut self,
        text: &str,
        object: &Range<usize>,
        members: &[Member],
        set: &[(&str, String)],
        drop: Option<&str>,
    ) {
        let dropped = members.iter().position(|member| Some(member.key.as_str()) == drop);
        if let Some(place) = dropped {
            let range = match (place.checked_sub(1), members.get(place + 1)) {
                (Some(before), _) => members[before].value.end..members[place].value.end,
                (None, Some(next)) => members[place].name.start..next.name.start,
                (None, None) => members[place].name.start..members[place].value.end,
            };
            self.0.push((range, String::new()));
        }
        let kept = |(place, _): &(usize, &Member)| Some(*place) != dropped;
        let Some((last_place, last)) = members.iter().enumerate().rfind(kept) else { return };
        let before = last_place.checked_sub(1).map_or(object.start, |place| members[place].value.end);
        // What stands before the last key, less the comma or the brace, and between that key and its value.
        let indent = &text[trim(text, before..last.name.start).end.min(last.name.start)..last.name.start];
        let colon = &text[last.name.end..last.value.start];
        let mut added = String::new();
        for (key, value) in set {
            match members.iter().find(|member| member.key == *key) {
                Some(member) => self.0.push((member.value.clone(), value.clone())),
                None => added.push_str(&format!(",{indent}\"{key}\"{colon}{value}")),
            }
        }
        if !added.is_empty() {
            self.0.push((last.value.end..last.value.end, added));
        }
    }

    /// Carries the edits out.
    pub(super) fn apply(mut self, text: &str) -> String {
        self.0.sort_by_key(|(range, _)| (range.start, range.end));
        let mut out = String::with_capacity(text.len() + 256);
        let mut place = 0;
        for (range, replacement) in &self.0 {
            out.push_str(&text[place..range.start]);
            out.push_str(replacement);
            place = range.end;
        }
        out.push_str(&text[place..]);
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(before: &str, after: &str) {
        let object = whole(before);
        let members = members(before, object.clone()).unwrap();
        let mut edits = Edits::default();
        edits.set_fields(before, &object, &members, &[("s", "1".to_owned()), ("t", "2".to_owned())], Some("x"));
        assert_eq!(edits.apply(before), after);
    }

    #[test]
    fn fields_are_set_added_and_dropped_wherever_they_stand() {
        check(r#"{"a":0}"#, r#"{"a":0,"s":1,"t":2}"#);
        check(r#" { "a" : 0 } "#, r#" { "a" : 0, "s" : 1, "t" : 2 } "#);
        check(r#"{"x":0,"s":[{}],"b":"}"}"#, r#"{"s":1,"b":"}","t":2}"#);
        check("{\n\t\"s\": null,\n\t\"x\": \"\\\\\\\",\"\n}", "{\n\t\"s\": 1,\n\t\"t\": 2\n}");
        check(r#"{"x":0, "a": {"s":5}}"#, r#"{"a": {"s":5}, "s": 1, "t": 2}"#);
        check(r#"{"a":1,"x":2,"t":3}"#, r#"{"a":1,"t":2,"s":1}"#);
        check("{\"ü\":\"\u{1F980},\",\"x\":[1,2]}", "{\"ü\":\"\u{1F980},\",\"s\":1,\"t\":2}");
    }

    #[test]
    fn what_is_empty_has_no_parts() {
        assert!(elements("[ ]", 0..3).is_empty());
        assert!(members("{}", 0..2).unwrap().is_empty());
        assert_eq!(elements("[1, [2,3] ,\"a,]\"]", 0..17).len(), 3);
        assert!(members(r#"{"a":1,"\u0061":2}"#, 0..18).is_err());
    }
}
