//! Where in its run a fault happened, and the part of the fault id that says so.

use std::str::FromStr;

use haltline_protocol::Document;
use serde_json::value::RawValue;

use crate::EmitError;

/// Where in its run a fault happened.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Place {
    /// Nowhere in particular.
    #[default]
    Run,
    /// In a phase: `snapshot.phase.index`.
    Phase(PhaseIndex),
    /// In a feature: `snapshot.feature.number`. An empty one counts as nowhere in particular.
    Feature(String),
}

/// The number of a phase, a finite one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PhaseIndex(f64);

impl Place {
    /// The place that a snapshot names: its phase if the index is a number, else its feature.
    pub(crate) fn of_snapshot(snapshot: &Document) -> Self {
        let inner = |object: &str, field: &str| {
            let object = Document::parse(snapshot.get(object)?.as_bytes()).ok()?;
            object.get(field).map(str::to_owned)
        };
        if let Some(index) = inner("phase", "index").and_then(|text| text.parse().ok()) {
            return Self::Phase(index);
        }
        let number: Option<String> = inner("feature", "number").and_then(|text| serde_json::from_str(&text).ok());
        number.map_or(Self::Run, Self::Feature)
    }

    /// The middle part of a fault id: `p<index>`, `f<number>` or `all`.
    pub(crate) fn index(&self) -> String {
        match self {
            Self::Phase(index) => format!("p{}", index.to_text()),
            Self::Feature(number) if !number.is_empty() => format!("f{number}"),
            Self::Feature(_) | Self::Run => "all".to_owned(),
        }
    }
}

impl PhaseIndex {
    /// The number as JavaScript prints it (ECMA-262, Number::toString), since fault ids that other writers of the
    /// queue make are built so: `3.0` as `3`, `2.5` as `2.5`, a huge one as `1e+21`.
    pub(crate) fn to_text(self) -> String {
        // The powers of ten that are written without an exponent.
        const PLAIN_EXPONENTS: std::ops::Range<i32> = -6..21;
        if self.0 == 0.0 {
            return "0".to_owned();
        }
        let scientific = format!("{:e}", self.0);
        let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
        let exponent: i32 = exponent.parse().unwrap_or_default();
        if PLAIN_EXPONENTS.contains(&exponent) {
            return self.0.to_string();
        }
        let sign = if exponent > 0 { "+" } else { "" };
        format!("{digits}e{sign}{exponent}")
    }

    /// The number as JSON.
    pub(crate) fn to_json(self) -> Result<Box<RawValue>, serde_json::Error> {
        RawValue::from_string(self.to_text())
    }
}

impl FromStr for PhaseIndex {
    type Err = EmitError;

    /// Reads a JSON number.
    fn from_str(text: &str) -> Result<Self, EmitError> {
        // JSON's grammar decides what a number is; the standard library then reads it to the last bit.
        let is_json = serde_json::from_str::<serde_json::Number>(text).is_ok();
        match text.trim().parse() {
            Ok(number) if is_json => Ok(Self(number)),
            _ => Err(EmitError::NoPhase(text.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phase_is_printed_as_javascript_prints_it() {
        for (text, printed) in [
            ("3", "3"),
            ("3.0", "3"),
            ("2.5", "2.5"),
            ("-1", "-1"),
            ("-0.0", "0"),
            ("0.1", "0.1"),
            ("1e2", "100"),
            ("123456789012345680000", "123456789012345680000"),
            ("9007199254740993", "9007199254740992"),
            ("1e21", "1e+21"),
            ("1.5e300", "1.5e+300"),
            ("0.000001", "0.000001"),
            ("0.0000015", "0.0000015"),
            ("0.0000001", "1e-7"),
            ("5e-324", "5e-324"),
        ] {
            assert_eq!(text.parse::<PhaseIndex>().unwrap().to_text(), printed, "{text}");
        }
    }

    #[test]
    fn what_is_no_json_number_is_no_phase() {
        for text in ["", "x", "NaN", "inf", "+3", "3.", ".5", "0x10", "\"3\"", "1e400", "null"] {
            assert!(text.parse::<PhaseIndex>().unwrap_err().is_usage(), "{text}");
        }
    }

    #[test]
    fn the_phase_comes_before_the_feature_and_only_a_number_is_one() {
        for (snapshot, index) in [
            (r#"{"phase":{"index":3},"feature":{"number":"2"}}"#, "p3"),
            (r#"{"phase":{"index":"3"},"feature":{"number":"2"}}"#, "f2"),
            (r#"{"phase":{"index":null}}"#, "all"),
            (r#"{"phase":7,"feature":{"number":""}}"#, "all"),
            (r#"{"feature":{"number":2}}"#, "all"),
            (r#"{"feature":{"number":"\u0032b"}}"#, "f2b"),
            ("{}", "all"),
        ] {
            let snapshot = Document::parse(snapshot.as_bytes()).unwrap();
            assert_eq!(Place::of_snapshot(&snapshot).index(), index);
        }
    }
}
