//! Any id, as a part of a file name.

use proptest::prelude::*;

#[path = "../../fuzz/properties/names.rs"]
mod names;

/// An id as one would be chosen to leave its folder or to meet another.
fn id() -> impl Strategy<Value = String> {
    let parts = prop_oneof![
        Just("..".to_owned()),
        Just("/".to_owned()),
        Just("\\".to_owned()),
        Just("\0".to_owned()),
        Just("\n".to_owned()),
        Just("-".to_owned()),
        Just("~".to_owned()),
        Just(".json".to_owned()),
        Just("RESOLVED".to_owned()),
        Just("in-flight".to_owned()),
        Just("\u{202e}".to_owned()),
        "[A-Za-z0-9._:-]{1,20}",
        "[ab/_]{0,3}",
        any::<char>().prop_map(String::from),
        (any::<char>(), 90..260_usize).prop_map(|(letter, count)| letter.to_string().repeat(count)),
    ];
    proptest::collection::vec(parts, 0..5).prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_id_leaves_its_folder_or_meets_another(one in id(), other in id(), seconds in any::<i32>()) {
        names::holds(&one, &other, i64::from(seconds));
        // What an id becomes is an id that somebody may choose.
        names::holds(&one, &haltline_protocol::run_part(&one.as_str().into()), i64::from(seconds));
    }
}
