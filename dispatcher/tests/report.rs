//! Any text, searched for a report.

use proptest::prelude::*;

#[path = "../../fuzz/properties/report.rs"]
mod report;

/// A report, now and then of another fault, with another word, or with fields that are none.
fn a_report() -> impl Strategy<Value = String> {
    let fault = prop_oneof![4 => Just(report::FAULT), 1 => Just("K:all:2"), 1 => Just("K:all:\\u0031")];
    let outcome = "root-cause-identified|self-healed|needs-human|no-context|duplicate-of|fixed";
    let cause = any::<String>().prop_map(|text| serde_json::Value::from(text).to_string());
    let more = prop_oneof![
        3 => Just(""),
        3 => Just(",\"nonce\":\"word\""),
        1 => Just(",\"nonce\":\"other\""),
        1 => Just(",\"nonce\":null"),
        1 => Just(",\"faultId\":\"K:all:1\""),
        1 => Just(",\"costUsd\":1e400,\"currency\":{}"),
        1 => Just(",\"proposedFix\":{\"options\":[]}"),
        1 => Just(",\"learnedPatternProposal\":{\"category\":\"c\"}"),
    ];
    (fault, outcome, cause, more).prop_map(|(fault, outcome, cause, more)| {
        format!(
            "{{\"faultId\":\"{fault}\",\"outcome\":\"{outcome}\",\"rootCause\":{cause},\"evidence\":[{cause}]{more}}}"
        )
    })
}

/// What an investigator may print around it.
fn printed() -> impl Strategy<Value = String> {
    let parts = prop_oneof![
        4 => a_report(),
        1 => (a_report(), any::<prop::sample::Index>()).prop_map(|(report, at)| {
            report[..report.floor_char_boundary(at.index(report.len()))].to_owned()
        }),
        1 => a_report().prop_map(|report| serde_json::Value::from(report).to_string()),
        4 => "[{}\\[\\]\",:\\\\ a-z`\n]{0,12}",
        1 => Just("{\"result\":".to_owned()),
        1 => Just("```json\n".to_owned()),
        1 => any::<String>(),
    ];
    proptest::collection::vec(parts, 0..6).prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_passes_for_the_report_of_another_fault(text in printed()) {
        report::holds(&text);
    }
}
