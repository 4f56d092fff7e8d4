//! What holds of any text that an investigator prints.

use haltline_dispatcher::Expected;
use haltline_protocol::{FaultId, FitReport};

/// The fault that is asked about, and the random word of the attempt.
pub(crate) const FAULT: &str = "K:all:1";
pub(crate) const NONCE: &str = "word";
/// A fault that nobody asks about.
const ANOTHER: &str = "K:all:never-printed";

/// Looking for a report never panics. One that is accepted is about the fault that was asked about, has the random word
/// where that is needed, and is a report still when it is written and read again.
pub(crate) fn holds(text: &str) {
    let fault_id = FaultId::from(FAULT);
    for (nonce, needs_nonce) in [(None, false), (Some(NONCE), false), (Some(NONCE), true)] {
        let Ok(checked) = (Expected { fault_id: &fault_id, nonce, needs_nonce, quoted: &[] }).find_in(text) else {
            continue;
        };
        assert_eq!(checked.report.fault_id, fault_id);
        assert!(!needs_nonce || text.contains(NONCE) || text.contains('\\'), "nobody printed the word");
        let written = serde_json::to_string(&checked.report).expect("a report is JSON");
        let again = Expected { fault_id: &fault_id, nonce: None, needs_nonce: false, quoted: &[] }.find_in(&written);
        assert_eq!(again.expect("a report is a report").report, checked.report);
        let fit = FitReport::from(checked.report);
        assert_eq!(fit.fault_id, fault_id);
    }
    // By escapes any id can be written, and then it was printed after all.
    if !text.contains(ANOTHER) && !text.contains('\\') {
        let another = FaultId::from(ANOTHER);
        let expected = Expected { fault_id: &another, nonce: None, needs_nonce: false, quoted: &[] };
        assert!(expected.find_in(text).is_err(), "a report about another fault is accepted");
    }
}
