//! No other crate can make an event of an audit kind without its flag: each of these programs must not compile.

#[test]
fn no_other_crate_makes_a_recovery_event_without_its_flag() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
