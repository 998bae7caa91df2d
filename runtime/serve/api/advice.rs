//! Whether the pictures are enough.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::{Answer, Problem, at_leisure};
use crate::advice::NextClass;
use crate::device::Device;
use crate::head::FitOptions;
use crate::serve::refusal::Refusal;
use crate::serve::routes::App;

#[derive(Serialize, ToSchema)]
pub(super) struct Advice {
    /// Whether more pictures would bring little; null where that cannot be told.
    enough: Option<bool>,
    /// What `sentence` says: `untaught`, `unmeasured`, `enough`, `more` of the next class, or `first`: so many at least.
    code: &'static str,
    /// What to do, in words.
    sentence: String,
    /// The class to take more pictures of.
    next: Option<Next>,
    /// How well each class is told apart, on pictures that the head had not seen.
    classes: Vec<Class>,
}

#[derive(Serialize, ToSchema)]
struct Next {
    label: String,
    /// How many more.
    more: usize,
    /// The share of its pictures that is named right; null where that cannot be told.
    now: Option<f64>,
    /// The share that would be with so many more.
    then: Option<f64>,
}

#[derive(Serialize, ToSchema)]
struct Class {
    label: String,
    pictures: usize,
    /// The share of its pictures that is named right; null where none could be held out.
    right: Option<f64>,
}

/// Whether the pictures are enough, and of which class to take more.
#[utoipa::path(get, path = "/v1/advice", responses((status = 200, body = Advice), (status = "default", response = Problem)))]
pub(super) async fn advice(State(app): State<Arc<App>>) -> Answer<Advice> {
    at_leisure(&app, advise).await.map(Json)
}

fn advise(device: &Device) -> Result<Advice, Refusal> {
    let Some(head) = device.heads().live()? else {
        let sentence = "Nothing is taught yet: it takes pictures of two classes at least.".to_owned();
        return Ok(Advice { enough: None, code: "untaught", sentence, next: None, classes: Vec::new() });
    };
    let options = head.artifact.options().cloned().unwrap_or_else(|| FitOptions::told_by(head.artifact.report()));
    let measured = device.next_class(&head.artifact, &options)?;
    let classes = head.artifact.report().per_class().iter();
    let classes =
        classes.map(|class| Class { label: class.label.to_string(), pictures: class.count, right: class.recall });
    Ok(Advice {
        enough: measured.as_ref().map(Option::is_none),
        code: code(measured.as_ref().map(Option::as_ref)),
        sentence: sentence(measured.as_ref().map(Option::as_ref)),
        next: measured.flatten().map(Next::from),
        classes: classes.collect(),
    })
}

impl From<NextClass> for Next {
    fn from(NextClass { label, more, now, then, .. }: NextClass) -> Self {
        Self { label: label.to_string(), more, now, then: then.map(|then| then.middle) }
    }
}

fn code(measured: Option<Option<&NextClass>>) -> &'static str {
    match measured {
        None => "unmeasured",
        Some(None) => "enough",
        Some(Some(NextClass { now: Some(_), then: Some(_), .. })) => "more",
        Some(Some(_)) => "first",
    }
}

fn sentence(measured: Option<Option<&NextClass>>) -> String {
    match measured {
        None => "Whether the pictures are enough shows once each class has some of several moments.".to_owned(),
        Some(None) => "The pictures are enough: no class gains much from more.".to_owned(),
        Some(Some(NextClass { label, more, now: Some(now), then: Some(then), .. })) => format!(
            "About {more} more of {label} would help most: {:.0} % of them are named right now, {:.0} % would be.",
            now * 100.0,
            then.middle * 100.0
        ),
        Some(Some(NextClass { label, more, .. })) => {
            format!("At least {more} more of {label} are needed to know how well it is told apart.")
        }
    }
}
