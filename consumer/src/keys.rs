//! Faults by hashes: what has to be remembered of many faults at once fits into 8 bytes each.
//!
//! The hash is keyed anew in every drain, so that nobody can choose ids that meet. Of a million faults two meet once in
//! some ten million drains, and then one of them waits for the next drain.

use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use dashmap::{DashMap, DashSet};
use haltline_protocol::FaultKey;

/// The most faults that are remembered of each kind: that have to wait, and that were tried before.
const MOST_HELD_BACK: usize = 100_000;

/// Hashes of one drain.
#[derive(Debug, Clone, Default)]
pub(crate) struct Hasher(RandomState);

impl Hasher {
    pub(crate) fn hash(&self, value: &impl Hash) -> u64 {
        self.0.hash_one(value)
    }
}

/// What the gate knows of the faults of events that it held back. Back-off and attempts belong to the fault, so one
/// occurrence holds the others back, or says how often they were tried, whichever is read first.
#[derive(Debug, Clone, Default)]
pub(crate) struct HeldBack(Arc<Held>);

#[derive(Debug, Default)]
struct Held {
    hasher: Hasher,
    keys: DashSet<u64>,
    attempts: DashMap<u64, u32>,
    is_full: AtomicBool,
}

impl HeldBack {
    /// Notes a fault that has to wait.
    pub(crate) fn insert(&self, key: &FaultKey) {
        if self.0.keys.len() < MOST_HELD_BACK {
            self.0.keys.insert(self.hash(key));
        } else {
            self.0.is_full.store(true, Ordering::Relaxed);
        }
    }

    /// Notes the failed attempts at a fault, of which the most count.
    pub(crate) fn note_attempts(&self, key: &FaultKey, attempts: u32) {
        if attempts == 0 {
            return;
        }
        let hash = self.hash(key);
        if let Some(mut most) = self.0.attempts.get_mut(&hash) {
            *most = attempts.max(*most);
        } else if self.0.attempts.len() < MOST_HELD_BACK {
            self.0.attempts.insert(hash, attempts);
        } else {
            self.0.is_full.store(true, Ordering::Relaxed);
        }
    }

    /// The failed attempts at a fault, as far as events say that were held back.
    pub(crate) fn attempts(&self, hash: u64) -> u32 {
        self.0.attempts.get(&hash).map_or(0, |attempts| *attempts)
    }

    pub(crate) fn hash(&self, key: &FaultKey) -> u64 {
        self.0.hasher.hash(key)
    }

    pub(crate) fn contains(&self, hash: u64) -> bool {
        self.0.keys.contains(&hash)
    }

    /// Whether there are more than could be remembered.
    pub(crate) fn is_full(&self) -> bool {
        self.0.is_full.load(Ordering::Relaxed)
    }
}

/// A set that may take a stranger for a member, but never a member for a stranger (Bloom, 1970). Of a million members
/// it takes one stranger in some thousand for one.
#[derive(Debug)]
pub(crate) struct Seen(Vec<u64>);

impl Seen {
    /// 2 MiB.
    const WORDS: usize = 1 << 18;
    /// Bits a member.
    const BITS: u64 = 8;

    pub(crate) fn insert(&mut self, hash: u64) {
        for (word, bit) in Self::places(hash) {
            self.0[word] |= bit;
        }
    }

    pub(crate) fn may_contain(&self, hash: u64) -> bool {
        !self.0.is_empty() && Self::places(hash).all(|(word, bit)| self.0[word] & bit != 0)
    }

    /// The places of a member: two halves of the hash, the second so many times added to the first.
    fn places(hash: u64) -> impl Iterator<Item = (usize, u64)> {
        let (start, stride) = (hash, hash.rotate_left(32) | 1);
        (0..Self::BITS).map(move |count| {
            let place = start.wrapping_add(stride.wrapping_mul(count));
            let place = place ^ (place >> 32);
            ((place >> 6) as usize % Self::WORDS, 1 << (place & 63))
        })
    }
}

impl Default for Seen {
    fn default() -> Self {
        // The kernel gives the pages when they are first written to.
        Self(vec![0; Self::WORDS])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_is_never_taken_for_a_stranger_and_a_stranger_seldom_for_a_member() {
        let hasher = Hasher::default();
        let mut seen = Seen::default();
        for number in 0..1_000_000_u32 {
            seen.insert(hasher.hash(&number));
        }
        assert!((0..1_000_000_u32).all(|number| seen.may_contain(hasher.hash(&number))));
        let mistaken = (1_000_000..1_100_000_u32).filter(|number| seen.may_contain(hasher.hash(number))).count();
        assert!(mistaken < 200, "{mistaken} of 100,000 strangers");
    }

    #[test]
    fn what_is_more_than_can_be_remembered_is_told() {
        let held_back = HeldBack::default();
        let key = |number: usize| FaultKey { run_id: "r".into(), fault_id: number.to_string().as_str().into() };
        (0..MOST_HELD_BACK).for_each(|number| held_back.insert(&key(number)));
        assert!(!held_back.is_full());
        held_back.insert(&key(MOST_HELD_BACK));
        assert!(held_back.is_full());
        assert!(held_back.contains(held_back.hash(&key(7))));
        assert!(!held_back.contains(held_back.hash(&key(MOST_HELD_BACK))));

        let tried = HeldBack::default();
        (0..MOST_HELD_BACK).for_each(|number| tried.note_attempts(&key(number), 1));
        [3, 2].into_iter().for_each(|attempts| tried.note_attempts(&key(7), attempts));
        tried.note_attempts(&key(MOST_HELD_BACK), 0);
        assert!(!tried.is_full());
        tried.note_attempts(&key(MOST_HELD_BACK), 1);
        assert!(tried.is_full());
        let attempts = [7, 8, MOST_HELD_BACK].map(|number| tried.attempts(tried.hash(&key(number))));
        assert_eq!(attempts, [3, 1, 0]);
    }
}
