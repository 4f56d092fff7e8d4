//! Private keys in their armour (RFC 7468, RFC 4716, RFC 9580), whole or cut: a beginning without an end, or an end
//! without a beginning, as the first and last lines of a log tail have them.

use std::ops::Range;

use super::run::is_base64;
use super::view::View;

/// What both lines of the armour hold.
pub(super) const CUE: &str = "PRIVATE KEY";
/// The most that stands in a line of the armour before the cue, in bytes: `-----BEGIN OPENSSH `.
const LONGEST_HEAD: usize = 40;
/// The longest key, in bytes: one of 16,384 bits takes 12 KiB.
const LONGEST_KEY: usize = 20 << 10;
/// The shortest run of base64 beside other text that is taken for part of a key, in bytes.
const LEAST_RUN: usize = 16;

/// A line of the armour.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Mark {
    start: usize,
    end: usize,
    opens: bool,
}

/// The line of the armour around a cue, if it is one.
pub(super) fn mark(view: &View<'_>, cue: &Range<usize>) -> Option<Mark> {
    let bytes = view.bytes();
    let floor = cue.start.saturating_sub(LONGEST_HEAD);
    let head = &bytes[floor..cue.start];
    let find = |words: &[u8]| head.windows(words.len()).rposition(|window| window == words);
    let (start, opens) = match (find(b"-----BEGIN "), find(b"-----END ")) {
        (Some(begin), end) if end.is_none_or(|end| end < begin) => (begin, true),
        (_, Some(end)) => (end, false),
        _ => return None,
    };
    let rest = &bytes[cue.end..];
    let block = b" BLOCK";
    let end = cue.end + if rest.starts_with(block) { block.len() } else { 0 };
    let dashes = bytes[end..].iter().take(5).take_while(|byte| **byte == b'-').count();
    (dashes > 0).then_some(Mark { start: floor + start, end: end + dashes, opens })
}

/// The keys that the marks of a text belong to. The marks come in their order.
pub(super) fn read(view: &View<'_>, marks: &[Mark]) -> Vec<Range<usize>> {
    let mut keys: Vec<Range<usize>> = Vec::new();
    let mut place = 0;
    while let Some(mark) = marks.get(place) {
        place += 1;
        let floor = keys.last().map_or(0, |key| key.end);
        if !mark.opens {
            keys.push(backward(view, mark.start, floor)..mark.end);
            continue;
        }
        let next = marks.get(place);
        let ceiling = next.map_or(view.bytes().len(), |next| next.start);
        match next {
            Some(next) if !next.opens && next.start - mark.end < LONGEST_KEY && is_mostly_key(view, mark, next) => {
                keys.push(mark.start..next.end);
                place += 1;
            }
            _ => keys.push(mark.start..forward(view, mark.end, ceiling)),
        }
    }
    keys
}

/// Whether most of what stands between two marks is base64: other lines may have got in between.
fn is_mostly_key(view: &View<'_>, open: &Mark, close: &Mark) -> bool {
    let between = &view.bytes()[open.end..close.start];
    let fitting = between.iter().filter(|byte| is_armoured(**byte)).count();
    let spaces = between.iter().filter(|byte| **byte == b' ').count();
    fitting * 10 >= between.len() * 8 && spaces * 10 <= between.len()
}

/// Where the key ends that begins at `from`.
fn forward(view: &View<'_>, from: usize, ceiling: usize) -> usize {
    let bytes = view.bytes();
    let ceiling = ceiling.min(from + LONGEST_KEY);
    let mut end = from;
    while end < ceiling {
        let line_end = view.line_end(end).min(ceiling);
        let line = bytes[end..line_end].trim_ascii_end();
        if !(line.iter().all(|byte| is_armoured(*byte)) || is_key_header(line)) {
            let run = line.iter().take_while(|byte| is_armoured(**byte)).count();
            return if run >= LEAST_RUN { end + run } else { end };
        }
        end = line_end;
    }
    end
}

/// Where the key begins that ends at `to`.
fn backward(view: &View<'_>, to: usize, floor: usize) -> usize {
    let bytes = view.bytes();
    let floor = floor.max(to.saturating_sub(LONGEST_KEY));
    let mut start = to;
    while start > floor {
        let line_start = view.line_start(start - 1).max(floor);
        let line = bytes[line_start..start].trim_ascii_end();
        let is_last = start == to;
        if !line.iter().all(|byte| is_armoured(*byte)) || (line.len() < LEAST_RUN && !is_last && line_start > floor) {
            let run = line.iter().rev().take_while(|byte| is_armoured(**byte)).count();
            return if run >= LEAST_RUN { line_start + line.len() - run } else { start };
        }
        start = line_start;
    }
    start
}

fn is_armoured(byte: u8) -> bool {
    is_base64(byte) || byte == b'='
}

/// A line such as `Proc-Type: 4,ENCRYPTED`.
fn is_key_header(line: &[u8]) -> bool {
    let names: [&[u8]; 6] = [b"Proc-Type:", b"DEK-Info:", b"Comment:", b"Version:", b"Hash:", b"Subject:"];
    names.iter().any(|name| line.starts_with(name))
}
