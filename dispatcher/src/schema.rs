//! The report's JSON schema, in the strict form that model servers ask for: every property required, no other one
//! allowed, choices as plain `enum`s.

use haltline_protocol::Report;
use serde_json::{Map, Value, json};

/// The field that carries the attempt's random word back.
pub(crate) const NONCE_FIELD: &str = "nonce";

/// Writes the schema.
pub(crate) fn report_schema() -> String {
    let mut schema = schemars::schema_for!(Report).to_value();
    if let Some(fields) = schema.get_mut("properties").and_then(Value::as_object_mut) {
        let nonce = json!({"type": "string", "description": "The random word of this assignment, to the letter."});
        fields.insert(NONCE_FIELD.to_owned(), nonce);
    }
    tighten(&mut schema);
    schema.to_string()
}

/// What strict schemas may not hold; the texts say it where it matters.
const LOOSE: [&str; 4] = ["$schema", "default", "format", "title"];

fn tighten(value: &mut Value) {
    match value {
        Value::Object(object) => {
            object.retain(|key, value| !LOOSE.contains(&key.as_str()) || value.is_object());
            flatten_choices(object);
            if let Some(Value::Object(fields)) = object.get("properties") {
                let names: Vec<Value> = fields.keys().cloned().map(Value::from).collect();
                object.insert("required".to_owned(), names.into());
                object.insert("additionalProperties".to_owned(), false.into());
            }
            object.values_mut().for_each(tighten);
        }
        Value::Array(values) => values.iter_mut().for_each(tighten),
        _ => {}
    }
}

/// Turns a `oneOf` of constants into an `enum`, their meanings into one description. `LOW` goes: no pattern is so.
fn flatten_choices(object: &mut Map<String, Value>) {
    let Some(Value::Array(choices)) = object.remove("oneOf") else {
        return;
    };
    let mut names = Vec::new();
    let mut meanings = Vec::new();
    for choice in &choices {
        let meaning = choice["description"].as_str().unwrap_or_default();
        let constants = choice["enum"].as_array().into_iter().flatten().chain(choice.get("const"));
        for name in constants.filter(|name| **name != json!("LOW")) {
            meanings.push(format!("{}: {meaning}", name.as_str().unwrap_or_default()));
            names.push(name.clone());
        }
    }
    object.insert("type".to_owned(), "string".into());
    object.insert("enum".to_owned(), names.into());
    object.insert("description".to_owned(), meanings.join(" ").into());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn visit(value: &Value, look: &mut impl FnMut(&Map<String, Value>)) {
        match value {
            Value::Object(object) => {
                look(object);
                object.values().for_each(|value| visit(value, look));
            }
            Value::Array(values) => values.iter().for_each(|value| visit(value, look)),
            _ => {}
        }
    }

    #[test]
    fn the_schema_is_strict_at_every_depth() {
        let schema: Value = serde_json::from_str(&report_schema()).unwrap();
        let mut objects = 0;
        visit(&schema, &mut |object| {
            assert!(!object.contains_key("oneOf") && !object.contains_key("default"), "{object:?}");
            if let Some(Value::Object(fields)) = object.get("properties") {
                objects += 1;
                assert_eq!(object["additionalProperties"], json!(false));
                let required = object["required"].as_array().unwrap();
                assert!(fields.keys().all(|name| required.contains(&json!(name))), "{object:?}");
            }
        });
        assert_eq!(objects, 4);
        assert_eq!(schema["type"], "object");
        assert_eq!(schema["properties"]["nonce"]["type"], "string");
    }

    #[test]
    fn the_choices_are_those_that_the_check_accepts() {
        let text = report_schema();
        let schema: Value = serde_json::from_str(&text).unwrap();
        let outcomes = &schema["$defs"]["ReportOutcome"]["enum"];
        assert_eq!(
            *outcomes,
            json!(["root-cause-identified", "self-healed", "needs-human", "no-context", "duplicate-of"])
        );
        assert!(!text.contains("\"LOW\""));
    }
}
