//! What was changed by hand, and taking it back.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::edit::refused;
use super::{Answer, InPath, Problem, blocking, changed};
use crate::clock::date;
use crate::serve::routes::App;
use crate::store::Change;

/// How many parts of a change its sentence names.
const NAMED: usize = 3;

/// What can be taken back, the latest first.
#[derive(Serialize, ToSchema)]
pub(super) struct Changes {
    /// Of the edits.
    version: i64,
    changes: Vec<Changed>,
}

#[derive(Serialize, ToSchema)]
struct Changed {
    id: i64,
    at: String,
    /// What was done, in words.
    sentence: String,
    relabelled: Vec<Relabelled>,
    removed: Vec<Removed>,
}

#[derive(Serialize, ToSchema)]
struct Relabelled {
    /// Null for no label.
    from: Option<String>,
    to: Option<String>,
    count: usize,
}

#[derive(Serialize, ToSchema)]
struct Removed {
    label: Option<String>,
    count: usize,
}

impl Changed {
    fn new(change: Change) -> Self {
        let relabelled: Vec<Relabelled> = (change.relabelled.into_iter())
            .map(|((from, to), count)| Relabelled { from: from.map(String::from), to: to.map(String::from), count })
            .collect();
        let removed: Vec<Removed> = (change.removed.into_iter())
            .map(|(label, count)| Removed { label: label.map(String::from), count })
            .collect();
        let sentence = sentence(&relabelled, &removed);
        Self { id: change.id, at: date(change.at), sentence, relabelled, removed }
    }
}

fn sentence(relabelled: &[Relabelled], removed: &[Removed]) -> String {
    let relabelled = relabelled.iter().map(|Relabelled { from, to, count }| {
        let pictures = pictures(*count);
        match (from, to) {
            (Some(from), Some(to)) => format!("{pictures} of {from} named {to}"),
            (None, Some(to)) => format!("{pictures} named {to}"),
            (Some(from), None) => format!("{pictures} no longer named {from}"),
            (None, None) => pictures,
        }
    });
    let removed = removed.iter().map(|Removed { label, count }| {
        let of = label.as_ref().map_or_else(String::new, |label| format!(" of {label}"));
        format!("{}{of} removed", pictures(*count))
    });
    let mut parts: Vec<String> = relabelled.chain(removed).collect();
    let more = parts.len().saturating_sub(NAMED);
    parts.truncate(NAMED);
    if more > 0 {
        parts.push(format!("and {more} more"));
    }
    parts.join(", ")
}

fn pictures(count: usize) -> String {
    if count == 1 { "1 picture".to_owned() } else { format!("{count} pictures") }
}

/// What was relabelled and removed and can be taken back.
#[utoipa::path(
    get, path = "/v1/changes",
    responses((status = 200, body = Changes), (status = "default", response = Problem))
)]
pub(super) async fn list(State(app): State<Arc<App>>) -> Answer<Changes> {
    let changes = blocking(&app, |device| Ok(device.changes()?)).await?;
    let version = changes.first().map_or(0, |change| change.id);
    Ok(Json(Changes { version, changes: changes.into_iter().map(Changed::new).collect() }))
}

#[derive(Serialize, ToSchema)]
pub(super) struct Undone {
    /// How many samples have the label of before.
    relabelled: usize,
    /// How many were brought back.
    restored: usize,
    /// Of the edits: for `If-Match`.
    version: i64,
}

/// Takes the latest change back.
#[utoipa::path(
    post, path = "/v1/changes/{id}/undo", params(("id" = i64, Path)),
    responses((status = 200, body = Undone), (status = "default", response = Problem))
)]
pub(super) async fn undo(State(app): State<Arc<App>>, InPath(id): InPath<i64>) -> Answer<Undone> {
    let undone = blocking(&app, move |device| device.undo(id).map_err(refused)).await?;
    changed(&app, undone.version);
    Ok(Json(Undone { relabelled: undone.relabelled, restored: undone.restored, version: undone.version }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_told_in_a_sentence() {
        let named = |from: Option<&str>, to: Option<&str>, count| Relabelled {
            from: from.map(str::to_owned),
            to: to.map(str::to_owned),
            count,
        };
        let gone = |label: Option<&str>, count| Removed { label: label.map(str::to_owned), count };
        for (relabelled, removed, text) in [
            (vec![named(Some("cup"), Some("mug"), 3)], vec![], "3 pictures of cup named mug"),
            (vec![named(None, Some("mug"), 1)], vec![], "1 picture named mug"),
            (vec![named(Some("cup"), None, 2)], vec![], "2 pictures no longer named cup"),
            (vec![], vec![gone(None, 2)], "2 pictures removed"),
            (vec![], vec![gone(Some("cup"), 1), gone(None, 2)], "1 picture of cup removed, 2 pictures removed"),
            (
                vec![],
                ["a", "b", "c", "d", "e"].map(|label| gone(Some(label), 1)).into(),
                "1 picture of a removed, 1 picture of b removed, 1 picture of c removed, and 2 more",
            ),
        ] {
            assert_eq!(sentence(&relabelled, &removed), text);
        }
    }
}
