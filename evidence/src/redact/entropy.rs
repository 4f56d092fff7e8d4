//! How much a text looks drawn at random.

/// The Shannon entropy of the bytes, in bits a byte.
pub(super) fn entropy(bytes: &[u8]) -> f64 {
    let mut counts = [0_u32; 256];
    for byte in bytes {
        counts[usize::from(*byte)] += 1;
    }
    let total = bytes.len() as f64;
    counts.iter().filter(|count| **count > 0).map(|count| f64::from(*count) / total).map(|p| -p * p.log2()).sum()
}

/// Whether letters and digits stand mixed, or small and capital letters otherwise than in a word.
pub(super) fn looks_random(run: &[u8]) -> bool {
    let has_digit = run.iter().any(u8::is_ascii_digit);
    let has_letter = run.iter().any(u8::is_ascii_alphabetic);
    let is_date = run.len() >= 5 && run[..4].iter().all(u8::is_ascii_digit) && run[4] == b'-';
    let humps = run.windows(2).filter(|pair| pair[0].is_ascii_lowercase() && pair[1].is_ascii_uppercase()).count();
    (has_letter && has_digit && !is_date) || humps >= 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_has_more_of_it_than_words() {
        assert!(entropy(b"aaaaaaaaaaaaaaaa") < 0.1);
        assert!((entropy(b"0123456789abcdef") - 4.0).abs() < 1e-9);
        assert!(looks_random(b"x7") && looks_random(b"aBcDe") && looks_random(b"4fe2b1"));
        assert!(!looks_random(b"Error") && !looks_random(b"2026-11-22T10") && !looks_random(b"12345"));
    }
}
