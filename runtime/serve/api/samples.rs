//! The stored samples: looked through a page at a time, relabelled, removed.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::edit::{Edited, IfMatch, new_label};
use super::{Answer, InPath, Input, Parameters, Problem, at_leisure, blocking, edit};
use crate::clock::date;
use crate::dataset::SampleId;
use crate::device::{Device, Edit};
use crate::digest::Digest;
use crate::head::Suspect;
use crate::labels::Label;
use crate::serve::refusal::Refusal;
use crate::serve::routes::App;
use crate::store::{Filter, LabelFilter, Listed, Order, Page, SampleRow};

/// Samples of a page that asks for no number, and the most that one may ask for.
const LIMIT: usize = 100;
const MOST: usize = 500;
/// Samples that one request may change.
const MOST_CHANGED: usize = 10_000;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Asked {
    /// Only those with this label.
    label: Option<String>,
    /// Only those without a label.
    #[serde(default)]
    unlabelled: bool,
    /// Only those of this group.
    group: Option<String>,
    #[serde(default)]
    sort: Sort,
    /// How many come before the page.
    #[serde(default)]
    offset: usize,
    /// How many samples it has: 100, at most 500.
    limit: Option<usize>,
}

#[derive(Clone, Copy, PartialEq, Eq, Default, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Sort {
    #[default]
    Newest,
    Oldest,
    /// Those first whose label is doubted, then the newest.
    Doubt,
}

#[derive(Serialize, ToSchema)]
pub(super) struct Samples {
    /// Of the edits: for `If-Match`.
    version: i64,
    /// How many there are, on all pages.
    total: usize,
    samples: Vec<Sample>,
}

#[derive(Serialize, ToSchema)]
struct Sample {
    id: i64,
    label: Option<String>,
    /// `train`, `validation` or `test`.
    split: &'static str,
    group: Option<String>,
    /// Where the picture came from: a path, a URL or a name.
    source: String,
    added_at: String,
    /// Pixels.
    width: u32,
    height: u32,
    /// Why the label may be wrong; told where the page is sorted by it.
    doubt: Option<Doubt>,
}

#[derive(Clone, Serialize, ToSchema)]
struct Doubt {
    /// Above 0 and at most 1.
    score: f32,
    /// What the picture looks like instead.
    suggested: String,
    /// How sure a head that had not seen it is of `suggested`.
    probability: f32,
    /// The share of the pictures most like it that are `suggested`.
    agreement: f32,
    /// All that in words.
    because: String,
}

/// A page of the stored samples. Its `ETag` is the version of the edits.
#[utoipa::path(
    get, path = "/v1/samples", params(Asked),
    responses((status = 200, body = Samples), (status = "default", response = Problem))
)]
pub(super) async fn list(
    State(app): State<Arc<App>>,
    Parameters(asked): Parameters<Asked>,
) -> Result<impl IntoResponse, Refusal> {
    let doubts = app.doubts.clone();
    let is_long = asked.sort == Sort::Doubt;
    let look = move |device: &Device| {
        let suspects = if asked.sort == Sort::Doubt { doubts.of(device)? } else { Arc::default() };
        let page = asked.page(&suspects)?;
        Ok(Samples::new(device.page(&page)?, &suspects))
    };
    let samples = if is_long { at_leisure(&app, look).await? } else { blocking(&app, look).await? };
    let tag = format!("\"{}\"", samples.version);
    Ok(([(header::ETAG, tag), (header::CACHE_CONTROL, "no-store".to_owned())], Json(samples)))
}

impl Asked {
    fn page(self, suspects: &[Suspect]) -> Result<Page, Refusal> {
        let limit = self.limit.unwrap_or(LIMIT);
        if limit > MOST {
            return Err(Refusal::Request { expected: "a limit of at most 500", got: limit.to_string() });
        }
        let label = match (self.label, self.unlabelled) {
            (Some(_), true) => {
                return Err(Refusal::Request { expected: "`label` or `unlabelled`", got: "both".to_owned() });
            }
            // Also one that could not be given any more.
            (Some(label), false) => LabelFilter::OneOf(vec![Label::known(&label)?]),
            (None, true) => LabelFilter::Unlabelled,
            (None, false) => LabelFilter::Any,
        };
        let order = match self.sort {
            Sort::Newest => Order::Newest,
            Sort::Oldest => Order::Oldest,
            Sort::Doubt => Order::First(suspects.iter().map(|one| (one.id, one.label.clone())).collect()),
        };
        Ok(Page { filter: Filter { label, group: self.group, ..Filter::default() }, order, offset: self.offset, limit })
    }
}

impl Samples {
    fn new(Listed { samples, total, version }: Listed, suspects: &[Suspect]) -> Self {
        let suspects: HashMap<SampleId, &Suspect> = suspects.iter().map(|one| (one.id, one)).collect();
        let sample = |row: SampleRow| {
            let doubt = suspects.get(&row.id).filter(|one| row.label.as_ref() == Some(&one.label));
            Sample::new(row, doubt.map(|one| Doubt::new(one)))
        };
        Self { version, total, samples: samples.into_iter().map(sample).collect() }
    }
}

impl Sample {
    fn new(row: SampleRow, doubt: Option<Doubt>) -> Self {
        Self {
            id: row.id.0,
            label: row.label.map(String::from),
            split: row.split.as_str(),
            group: row.group,
            source: row.source,
            added_at: date(row.added_at),
            width: row.width,
            height: row.height,
            doubt,
        }
    }
}

impl Doubt {
    fn new(suspect: &Suspect) -> Self {
        let percent = |share: f32| format!("{:.0} %", share * 100.0);
        let because = format!(
            "it looks like {}: without having seen it, a head is {} sure of {}, and {} of the pictures most like it are {}",
            suspect.suggestion,
            percent(suspect.probability),
            suspect.label,
            percent(suspect.agreement),
            suspect.label
        );
        let (probability, agreement) = (suspect.probability, suspect.agreement);
        Self { score: suspect.doubt, suggested: suspect.suggestion.to_string(), probability, agreement, because }
    }
}

/// The small picture of a sample. A client that has it asks by its `ETag` whether it is still the same.
#[utoipa::path(
    get, path = "/v1/samples/{id}/thumbnail", params(("id" = i64, Path)),
    responses(
        (status = 200, content((Vec<u8> = "image/jpeg"), (Vec<u8> = "image/png"))),
        (status = 304),
        (status = "default", response = Problem)
    )
)]
pub(super) async fn thumbnail(
    State(app): State<Arc<App>>,
    InPath(id): InPath<i64>,
    asked: HeaderMap,
) -> Result<Response, Refusal> {
    let image = blocking(&app, move |device| Ok(device.thumbnail(SampleId(id))?)).await?;
    let expected = "the number of a sample with a thumbnail";
    let image = image.ok_or_else(|| Refusal::NotFound { expected, got: id.to_string() })?;
    let kind = if image.starts_with(b"\x89PNG") { "image/png" } else { "image/jpeg" };
    // The same number is another picture in a store that was brought back, or in another one behind this address.
    let tag = format!("\"{}\"", Digest::of(&image).short());
    let headers =
        [(header::CONTENT_TYPE, kind), (header::ETAG, &tag[..]), (header::CACHE_CONTROL, "private, no-cache")];
    match asked.get(header::IF_NONE_MATCH) {
        Some(known) if known.as_bytes() == tag.as_bytes() => Ok((StatusCode::NOT_MODIFIED, headers).into_response()),
        _ => Ok((headers, image).into_response()),
    }
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Relabel {
    ids: Vec<i64>,
    /// Null for no label.
    // Left out it would be no label too, by mistake.
    #[serde(deserialize_with = "Option::deserialize")]
    #[schema(required)]
    label: Option<String>,
}

/// Gives samples another label, or none. Those that are not there are passed over.
#[utoipa::path(
    post, path = "/v1/samples/relabel", params(IfMatch), request_body = Relabel,
    responses((status = 200, body = Edited), (status = "default", response = Problem))
)]
pub(super) async fn relabel(
    State(app): State<Arc<App>>,
    version: IfMatch,
    Input(Relabel { ids, label }): Input<Relabel>,
) -> Answer<Edited> {
    let (ids, label) = (few(ids, SampleId)?, label.map(|label| new_label(&label)).transpose()?);
    edit::carry_out(&app, Edit::Relabel { ids, label }, version).await
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Remove {
    ids: Vec<i64>,
}

/// Removes samples; they can be brought back. Those that are not there are passed over.
#[utoipa::path(
    post, path = "/v1/samples/remove", params(IfMatch), request_body = Remove,
    responses((status = 200, body = Edited), (status = "default", response = Problem))
)]
pub(super) async fn remove(
    State(app): State<Arc<App>>,
    version: IfMatch,
    Input(Remove { ids }): Input<Remove>,
) -> Answer<Edited> {
    edit::carry_out(&app, Edit::Remove { ids: few(ids, SampleId)? }, version).await
}

/// What one request may change.
pub(super) fn few<T>(ids: Vec<i64>, id: impl Fn(i64) -> T) -> Result<Vec<T>, Refusal> {
    match ids.len() {
        0..=MOST_CHANGED => Ok(ids.into_iter().map(id).collect()),
        count => Err(Refusal::Request { expected: "at most 10000 ids", got: count.to_string() }),
    }
}
