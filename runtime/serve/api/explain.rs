//! Why the head says what it says of a picture.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;
use utoipa::{IntoParams, ToSchema};

use super::input::asked;
use super::{Answer, Parameters, Problem, aside, meant};
use crate::device::{Explanation, Outlook};
use crate::explain::{Overlay, layer};
use crate::labels::Label;
use crate::predictor::{Reason, Statement};
use crate::serve::explaining::{Explained, Question};
use crate::serve::refusal::Refusal;
use crate::serve::routes::App;
use crate::serve::upload::Upload;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Asked {
    /// The newest frame of this camera instead of a body.
    camera: Option<String>,
    /// What speaks for this class; left out: for what is said.
    #[param(value_type = Option<String>)]
    label: Option<Label>,
}

#[derive(Serialize, ToSchema)]
pub(super) struct Why {
    head_version: u64,
    /// As `POST /v1/predict` says it.
    #[schema(value_type = Object)]
    statement: Statement,
    /// The rule that decided, in words; null for a number.
    why: Option<String>,
    /// The same as data, as `why` of `POST /v1/predict?why=true` has it.
    #[schema(value_type = Option<Object>)]
    reason: Option<Reason>,
    /// The class that `overlay` is about; null for a number.
    label: Option<String>,
    /// A PNG file in Base64, to be laid over the picture; null where the class has no map.
    overlay: Option<String>,
    /// Stored pictures that are much like it, the most alike first.
    nearest: Vec<Near>,
}

#[derive(Serialize, ToSchema)]
struct Near {
    id: i64,
    label: String,
    /// 0 for the same.
    distance: f32,
}

/// Says why: the places that speak for a class, the stored pictures that are like it, and the rule that decided.
#[utoipa::path(
    post, path = "/v1/explain", params(Asked),
    request_body(content = Option<Vec<u8>>, content_type = "application/octet-stream"),
    responses((status = 200, body = Why), (status = "default", response = Problem))
)]
pub(super) async fn explain(
    State(app): State<Arc<App>>,
    query: Result<Parameters<Asked>, Refusal>,
    request: Request,
) -> Answer<Why> {
    let (asked, request) = asked(query, request).await?;
    let Upload { picture, room, .. } = meant::one(&app, asked.camera.as_deref(), request).await?;
    let outlook = asked.label.map_or(Outlook::Said, |label| Outlook::Named(vec![label]));
    let (reply, answer) = oneshot::channel();
    app.others.explaining.ask(Question { picture, outlook, room, reply })?;
    let explained = answer.await.map_err(|_| Refusal::NoWorker)??;
    // Drawing takes longer than HTTP can wait.
    aside(move || Why::new(explained)).await.map(Json)
}

impl Why {
    fn new(Explained { explanation, head }: Explained) -> Self {
        let mut nearest: Vec<Near> = Vec::new();
        for near in explanation.nearest.iter().flat_map(|class| &class.pictures) {
            nearest.push(Near { id: near.id.0, label: near.label.to_string(), distance: near.distance });
        }
        nearest.sort_by(|a, b| a.distance.total_cmp(&b.distance));
        Self {
            head_version: head.0,
            why: explanation.why.as_ref().map(|why| why.sentence.clone()),
            reason: explanation.why.clone(),
            label: explanation.maps.first().and_then(|map| map.label.as_ref()).map(ToString::to_string),
            overlay: overlay(&explanation).map(|file| STANDARD.encode(file)),
            nearest,
            statement: explanation.statement,
        }
    }
}

fn overlay(explanation: &Explanation) -> Option<Vec<u8>> {
    let map = explanation.maps.first()?;
    let grid = &map.map.against;
    let most = grid.iter().copied().fold(0.0, f32::max);
    let (picture, seen) = (&explanation.picture, &explanation.seen);
    Some(layer(&Overlay { picture, grid, most, seen, caption: "" }))
}
