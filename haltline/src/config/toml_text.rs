//! Values as TOML text.

use std::time::Duration;

use jiff::SignedDuration;
use toml::Value;

/// A string in quotes.
pub(crate) fn string(text: &str) -> String {
    // The escapes of JSON are escapes of TOML too; only DEL must be escaped in TOML alone.
    serde_json::Value::from(text).to_string().replace('\u{7f}', "\\u007F")
}

/// A list of strings.
pub(crate) fn strings<'a>(texts: impl IntoIterator<Item = &'a String>) -> String {
    let texts: Vec<String> = texts.into_iter().map(|text| string(text)).collect();
    format!("[{}]", texts.join(", "))
}

/// A length of time as it stands in the file, as `"10m"`.
pub(crate) fn duration(length: Duration) -> String {
    let text =
        SignedDuration::try_from(length).map_or_else(|_| format!("{}s", length.as_secs()), |it| format!("{it:#}"));
    string(&text)
}

/// A key, in quotes where it needs them.
pub(crate) fn key(name: &str) -> String {
    let is_bare = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
    if is_bare { name.to_owned() } else { string(name) }
}

/// Any value, on one line.
pub(crate) fn value(any: &Value) -> String {
    match any {
        Value::String(text) => string(text),
        Value::Integer(number) => number.to_string(),
        // Debug keeps the point of a whole number, without which it would be read as an integer.
        Value::Float(number) if number.is_finite() => format!("{number:?}"),
        Value::Float(number) if number.is_nan() => "nan".to_owned(),
        Value::Float(number) => if *number > 0.0 { "inf" } else { "-inf" }.to_owned(),
        Value::Boolean(truth) => truth.to_string(),
        Value::Datetime(time) => time.to_string(),
        Value::Array(items) => format!("[{}]", items.iter().map(value).collect::<Vec<_>>().join(", ")),
        Value::Table(fields) if fields.is_empty() => "{}".to_owned(),
        Value::Table(fields) => {
            let fields: Vec<String> =
                fields.iter().map(|(name, any)| format!("{} = {}", key(name), value(any))).collect();
            format!("{{ {} }}", fields.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back_as_it_was() {
        let text = "a = \"x\\\"\\\\\\n\\u007F\\u0000ü\"\nb = [1, -2.0, true, { \"c d\" = 1e300 }]\nt = 2026-05-20T08:14:00Z\n\
                    f = inf\ne = {}\n\"\" = 1\n";
        let table: toml::Table = toml::from_str(text).unwrap();
        let written: String = table.iter().map(|(name, any)| format!("{} = {}\n", key(name), value(any))).collect();
        assert_eq!(toml::from_str::<toml::Table>(&written).unwrap(), table, "{written}");
    }

    #[test]
    fn a_length_of_time_is_written_as_it_is_read() {
        for (seconds, written) in [(600, "\"10m\""), (90, "\"1m 30s\""), (1, "\"1s\"")] {
            assert_eq!(duration(Duration::from_secs(seconds)), written);
        }
    }
}
