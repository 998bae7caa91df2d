//! A [`Filter`] as an SQL condition.

use rusqlite::Connection;
use rusqlite::functions::FunctionFlags;
use rusqlite::types::Value;

use crate::files;
use crate::labels::composed;

use super::sample::{Filter, LabelFilter};

/// Gives SQL on this connection the function `composed`: a label as it reads, whichever Unicode form it was stored in by an
/// older program.
pub fn register(connection: &Connection) -> rusqlite::Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC | FunctionFlags::SQLITE_INNOCUOUS;
    connection.create_scalar_function("composed", 1, flags, |context| {
        Ok(context.get_raw(0).as_str_or_null()?.map(|text| composed(text).into_owned()))
    })
}

/// A condition on the table `samples`, and its parameters in order.
#[derive(Default)]
pub(super) struct Condition {
    terms: Vec<&'static str>,
    pub parameters: Vec<Value>,
}

impl Condition {
    /// What holds for every sample.
    pub const ALL: &str = "TRUE";

    pub fn of(filter: &Filter) -> Self {
        let mut condition = Self::default();
        if let Some(ids) = &filter.ids {
            let ids = ids.iter().map(|id| id.0).collect::<Vec<_>>();
            condition.add("samples.id IN (SELECT value FROM json_each(?))", [serde_json::json!(ids).to_string()]);
        }
        match &filter.label {
            LabelFilter::Any => {}
            LabelFilter::Unlabelled => condition.add("label IS NULL", []),
            LabelFilter::OneOf(labels) => {
                condition.add(
                    "composed(label) IN (SELECT value FROM json_each(?))",
                    [serde_json::json!(labels).to_string()],
                );
            }
        }
        if let Some(split) = filter.split {
            condition.add("split = ?", [split.to_string()]);
        }
        if let Some(group) = &filter.group {
            condition.add("group_key = ?", [group.clone()]);
        }
        if let Some(source) = &filter.source {
            let folder = format!("{}/", source.trim_end_matches('/'));
            let url = files::url_of(&folder);
            let below = "(located(source) = ? OR instr(located(source), ?) = 1 OR instr(located(source), ?) = 1)";
            condition.add(below, [source.clone(), folder, url]);
        }
        condition
    }

    fn add<const N: usize>(&mut self, term: &'static str, parameters: [String; N]) {
        self.terms.push(term);
        self.parameters.extend(parameters.map(Value::Text));
    }

    pub fn sql(&self) -> String {
        if self.terms.is_empty() { Self::ALL.to_owned() } else { self.terms.join(" AND ") }
    }
}
