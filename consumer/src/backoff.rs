//! How long a fault waits after a failed investigation.

use haltline_protocol::Delivery;
use jiff::{SignedDuration, Timestamp};

/// The wait after the first failure.
const FIRST: SignedDuration = SignedDuration::from_mins(1);
/// The longest wait.
const LONGEST: SignedDuration = SignedDuration::from_hours(6);
/// The longest text of an error that an event keeps, in characters.
const LONGEST_ERROR: usize = 500;

/// What an event keeps of its `attempts`-th failed investigation. The wait doubles with each; `random` spreads it by
/// up to a quarter either way, so that what failed together does not come again together.
pub(crate) fn delivery_after(attempts: u32, error: &str, now: Timestamp, random: u8) -> Delivery {
    let doubled = FIRST.checked_mul(1 << attempts.saturating_sub(1).min(16)).unwrap_or(LONGEST);
    let spread = 0.75 + f64::from(random) / 510.0;
    let wait = SignedDuration::from_secs_f64(doubled.as_secs_f64() * spread).min(LONGEST);
    Delivery {
        attempts,
        not_before: now.checked_add(wait).ok(),
        last_error: Some(error.chars().take(LONGEST_ERROR).collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_doubles_up_to_six_hours() {
        let now = Timestamp::UNIX_EPOCH;
        let wait = |attempts, random| {
            delivery_after(attempts, "x", now, random).not_before.unwrap().duration_since(now).as_secs()
        };
        assert_eq!((wait(1, 0), wait(1, 255)), (45, 75));
        assert_eq!((wait(2, 0), wait(2, 255)), (90, 150));
        assert_eq!(wait(3, 0), 180);
        assert_eq!(wait(40, 255), 6 * 3600);
        assert_eq!(wait(u32::MAX, 0), 6 * 3600);
    }
}
