//! Pictures without a label, grouped by likeness.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::{Answer, Problem, at_leisure};
use crate::device;
use crate::serve::routes::App;

/// Of the samples for training.
#[derive(Serialize, ToSchema)]
pub(super) struct Piles {
    /// Of the edits: for `If-Match`.
    version: i64,
    /// The largest first.
    piles: Vec<Pile>,
    /// How many samples have no label.
    unlabelled: usize,
    /// How many of them are in no pile: older than the 2,000 newest, or not seen by the backbone in use.
    left_out: usize,
}

#[derive(Serialize, ToSchema)]
struct Pile {
    ids: Vec<i64>,
    /// What the head that answers calls most of it; null where it knows most of it as nothing.
    nearest: Option<String>,
}

impl From<device::Piles> for Piles {
    fn from(piles: device::Piles) -> Self {
        let left_out = piles.left_out();
        let pile = |pile: device::Pile| Pile {
            ids: pile.ids.into_iter().map(|id| id.0).collect(),
            nearest: pile.nearest.map(String::from),
        };
        let device::Piles { version, piles, unlabelled } = piles;
        Self { version, piles: piles.into_iter().map(pile).collect(), unlabelled, left_out }
    }
}

/// The unlabelled samples in piles of what looks alike.
#[utoipa::path(get, path = "/v1/piles", responses((status = 200, body = Piles), (status = "default", response = Problem)))]
pub(super) async fn list(State(app): State<Arc<App>>) -> Answer<Piles> {
    at_leisure(&app, |device| Ok(device.piles()?.into())).await.map(Json)
}
