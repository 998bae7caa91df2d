//! The labels of the stored samples, and other names for them.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::edit::{Edited, IfMatch, new_label};
use super::{Answer, Input, Problem, blocking, edit};
use crate::device::{Class, Classes, Edit};
use crate::labels::Label;
use crate::serve::routes::App;

/// Of the samples for training.
#[derive(Serialize, ToSchema)]
pub(super) struct Labels {
    labels: Vec<LabelCount>,
    /// How many samples have none.
    unlabelled: usize,
    /// Pictures that wait for a label, which are no samples yet.
    waiting: usize,
}

#[derive(Serialize, ToSchema)]
struct LabelCount {
    label: String,
    pictures: usize,
    /// Whether the head that answers knows it.
    in_head: bool,
    /// Null where nothing says that it needs more pictures.
    needs: Option<Needs>,
}

#[derive(Serialize, ToSchema)]
struct Needs {
    /// About so many more pictures.
    more: usize,
    because: String,
}

impl From<Classes> for Labels {
    fn from(Classes { classes, unlabelled, waiting }: Classes) -> Self {
        Self { labels: classes.into_iter().map(LabelCount::from).collect(), unlabelled, waiting }
    }
}

impl From<Class> for LabelCount {
    fn from(class: Class) -> Self {
        let needs = class.more().map(|more| Needs {
            more,
            because: format!(
                "about {more} more of {}: by a rule of thumb {} pictures are a fair beginning for a class",
                class.label,
                class.pictures + more
            ),
        });
        Self { label: class.label.into(), pictures: class.pictures, in_head: class.in_head, needs }
    }
}

/// The labels of the samples for training.
#[utoipa::path(get, path = "/v1/labels", responses((status = 200, body = Labels), (status = "default", response = Problem)))]
pub(super) async fn list(State(app): State<Arc<App>>) -> Answer<Labels> {
    blocking(&app, |device| Ok(device.classes()?.into())).await.map(Json)
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Rename {
    from: String,
    to: String,
}

/// Gives all samples of a label another one; where that exists already, the two become one.
#[utoipa::path(
    post, path = "/v1/labels/rename", params(IfMatch), request_body = Rename,
    responses((status = 200, body = Edited), (status = "default", response = Problem))
)]
pub(super) async fn rename(
    State(app): State<Arc<App>>,
    version: IfMatch,
    Input(Rename { from, to }): Input<Rename>,
) -> Answer<Edited> {
    // One that could not be given any more can still be changed.
    let (from, to) = (Label::known(&from)?, new_label(&to)?);
    edit::carry_out(&app, Edit::Rename { from, to }, version).await
}
