//! Class names in a `config.json` of transformers.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::backbone::metadata::one_line;

/// `id2label` by its numbers; `None` where there is none, it has gaps, or it says no more than the numbers (`LABEL_0`).
pub fn labels(config: &Value) -> Option<Vec<String>> {
    let entries = config.get("id2label")?.as_object()?;
    let numbered = |(key, name): (&String, &Value)| Some((key.parse().ok()?, one_line(name.as_str()?)));
    let by_number: BTreeMap<usize, String> = entries.iter().map(numbered).collect::<Option<_>>()?;
    let all = by_number.len() == entries.len() && by_number.keys().copied().eq(0..entries.len());
    let names: Vec<String> = by_number.into_values().collect();
    let named = names.iter().enumerate().any(|(number, name)| *name != format!("LABEL_{number}"));
    (all && named).then_some(names)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_are_in_the_order_of_their_numbers_and_not_of_their_text() {
        let entries: serde_json::Map<String, Value> =
            (0..12).map(|number| (number.to_string(), json!(format!("class {number}")))).collect();
        let names = labels(&json!({ "id2label": entries })).unwrap();
        assert_eq!((names.len(), names[2].as_str(), names[10].as_str()), (12, "class 2", "class 10"));
    }

    #[test]
    fn gaps_and_names_that_say_nothing_are_no_names() {
        assert_eq!(labels(&json!({ "id2label": { "0": "LABEL_0", "1": "LABEL_1" } })), None);
        assert_eq!(labels(&json!({ "id2label": { "0": "ant", "2": "bee" } })), None);
        assert_eq!(labels(&json!({ "id2label": { "0": 7 } })), None);
        assert_eq!(labels(&json!({ "id2label": {} })), None);
        assert_eq!(labels(&json!({ "nc": 2 })), None);
        assert_eq!(labels(&json!({ "id2label": { "0": "ant\nred" } })).unwrap(), ["ant red"]);
    }
}
