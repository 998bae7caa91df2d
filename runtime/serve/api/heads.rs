//! The heads that are there, and which of them answers.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Answer, InPath, Input, Problem, blocking};
use crate::causes::causes;
use crate::device::{ClassChange, Device, DeviceError, HeadChange, PublishedHead};
use crate::head::{Changes, ComparisonReport, FitReport, Goal, OperatingReport};
use crate::labels::Label;
use crate::serve::refusal::Refusal;
use crate::serve::routes::App;
use crate::store::{HeadFile, HeadFolderError, HeadVersion};

#[derive(Serialize, ToSchema)]
pub(super) struct Heads {
    /// The one that answers.
    live: Option<u64>,
    /// The newest first.
    heads: Vec<Head>,
}

#[derive(Serialize, ToSchema)]
struct Head {
    version: u64,
    /// `live`; `waiting` for somebody to make it live; `earlier`, since it was live before.
    state: &'static str,
    /// When its file was written.
    fitted_at: Option<String>,
    /// What it was fitted on, and how well; not there where its file cannot be read.
    #[serde(flatten)]
    fit: Option<Fit>,
    /// Why its file cannot be read.
    error: Option<String>,
}

#[derive(Serialize, ToSchema)]
struct Fit {
    kind: String,
    note: Option<String>,
    classes: Vec<String>,
    pictures: usize,
    /// By name, or the first digits of its fingerprint where it is gone.
    backbone: Option<String>,
    /// On pictures that it had not seen; null where none could be held out, or it answers with numbers.
    quality: Option<Quality>,
    /// With the head that was live before, as `docs/json.md` has it.
    #[schema(value_type = Option<Object>)]
    comparison: Option<ComparisonReport>,
    /// How classes are told apart, as `docs/json.md` has it (`operating`); null where the likeliest is said.
    #[schema(value_type = Option<Object>)]
    decision: Option<OperatingReport>,
    /// Null for the oldest that is there.
    changed: Option<Difference>,
}

/// Since the version before it that is there.
#[derive(Serialize, ToSchema)]
struct Difference {
    against: u64,
    /// How many were added, relabelled, renamed, removed; null where one of the two does not say what it was fitted on.
    #[schema(value_type = Option<Object>)]
    pictures: Option<Changes>,
    /// Classes of which there are more or fewer pictures, the greatest difference first.
    classes: Vec<ClassCount>,
    /// Nothing but the decision can be another.
    only_decision: bool,
}

/// How many pictures of a class two heads were fitted on.
#[derive(Serialize, ToSchema)]
struct ClassCount {
    label: String,
    before: usize,
    after: usize,
}

impl From<HeadChange> for Difference {
    fn from(HeadChange { against, pictures, classes, only_decision }: HeadChange) -> Self {
        let count = |ClassChange { label, before, after }| ClassCount { label: label.into(), before, after };
        let classes = classes.into_iter().map(count).collect();
        Self { against: against.0, pictures, classes, only_decision }
    }
}

/// The share of pictures that are named right.
#[derive(Serialize, ToSchema)]
pub(super) struct Quality {
    accuracy: f64,
    /// In which the share is, in 19 of 20 cases.
    low: f64,
    high: f64,
    /// How many pictures it was measured on.
    pictures: usize,
}

impl Quality {
    pub fn of(report: &FitReport) -> Option<Self> {
        let cv = report.cv();
        let (accuracy, (low, high)) = cv.accuracy.zip(cv.accuracy_interval)?;
        Some(Self { accuracy, low, high, pictures: cv.samples })
    }
}

impl Fit {
    fn new(device: &Device, head: &PublishedHead, before: Option<&PublishedHead>) -> Self {
        let (report, artifact) = (head.artifact.report(), &head.artifact);
        Self {
            kind: report.head.to_string(),
            note: artifact.options().and_then(|options| options.note.clone()),
            classes: artifact.labels().iter().map(ToString::to_string).collect(),
            pictures: report.samples,
            backbone: device.backbones().name_of(&artifact.fingerprint()).ok(),
            quality: Quality::of(report),
            comparison: report.comparison.as_deref().cloned(),
            decision: report.operating().cloned(),
            changed: before.map(|before| HeadChange::new(before, head).into()),
        }
    }
}

impl Head {
    /// `None` where it was removed since it was listed. `before` is the last one that could be read, and is then this one.
    fn new(device: &Device, file: &HeadFile, before: &mut Option<PublishedHead>) -> Option<Self> {
        let state = match file {
            HeadFile { current: true, .. } => "live",
            HeadFile { for_review: true, .. } => "waiting",
            _ => "earlier",
        };
        let written = std::fs::metadata(&file.path).and_then(|metadata| metadata.modified()).ok();
        let (fit, error) = match device.heads().read(Some(file.version)) {
            Err(DeviceError::HeadFolder(HeadFolderError::NoSuchVersion { .. })) => return None,
            Err(error) => (None, Some(causes(&error))),
            Ok(head) => {
                let fit = Fit::new(device, &head, before.as_ref());
                *before = Some(head);
                (Some(fit), None)
            }
        };
        let fitted_at = written.map(|at| humantime::format_rfc3339_seconds(at).to_string());
        Some(Self { version: file.version.0, state, fitted_at, fit, error })
    }
}

/// Which head answers.
#[derive(Serialize, ToSchema)]
pub(super) struct Live {
    live: u64,
}

/// All heads.
#[utoipa::path(get, path = "/v1/heads", responses((status = 200, body = Heads), (status = "default", response = Problem)))]
pub(super) async fn list(State(app): State<Arc<App>>) -> Answer<Heads> {
    let listed = |device: &Device| {
        let files = device.heads().list().map_err(DeviceError::from)?;
        let live = files.iter().find(|file| file.current).map(|file| file.version.0);
        let mut before = None;
        let mut heads: Vec<Head> = files.iter().filter_map(|file| Head::new(device, file, &mut before)).collect();
        heads.reverse();
        Ok(Heads { live, heads })
    };
    blocking(&app, listed).await.map(Json)
}

/// Makes a head the one that answers.
#[utoipa::path(
    post, path = "/v1/heads/{version}/activate", params(("version" = u64, Path)),
    responses((status = 200, body = Live), (status = "default", response = Problem))
)]
pub(super) async fn activate(State(app): State<Arc<App>>, InPath(version): InPath<u64>) -> Answer<Live> {
    live(&app, move |device| Ok(device.heads().activate(HeadVersion(version))?)).await
}

/// Makes the head that answered before the one that answers.
#[utoipa::path(
    post, path = "/v1/heads/rollback",
    responses((status = 200, body = Live), (status = "default", response = Problem))
)]
pub(super) async fn rollback(State(app): State<Arc<App>>) -> Answer<Live> {
    live(&app, |device| Ok(device.heads().rollback(None)?)).await
}

/// What the head that answers is to reach; with nothing said, the likeliest class is named.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Decision {
    /// Of the pictures of a class, find at least this share.
    recall: Option<OfClass>,
    /// Of the pictures that get the name of a class, at least this share shows it.
    precision: Option<OfClass>,
    /// Say nothing that is less probable.
    least: Option<f64>,
    /// Only while this version answers; else 409.
    version: Option<u64>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct OfClass {
    #[schema(value_type = String)]
    label: Label,
    /// From 0 to 1.
    at_least: f64,
}

impl Decision {
    fn goal(self) -> Result<(Option<Goal>, Option<f64>), Refusal> {
        let shares =
            [self.recall.as_ref().map(|of| of.at_least), self.precision.as_ref().map(|of| of.at_least), self.least];
        if let Some(wrong) = shares.into_iter().flatten().find(|share| !(0.0..=1.0).contains(share)) {
            return Err(Refusal::Request { expected: "a share from 0 to 1", got: wrong.to_string() });
        }
        let goal = match (self.recall, self.precision) {
            (Some(_), Some(_)) => {
                let got = "both".to_owned();
                return Err(Refusal::Request { expected: "either `recall` or `precision`", got });
            }
            (Some(of), None) => Some(Goal::Recall { label: of.label, share: of.at_least }),
            (None, Some(of)) => Some(Goal::Precision { label: of.label, share: of.at_least }),
            (None, None) => None,
        };
        Ok((goal, self.least))
    }
}

/// Gives the head that answers another decision, with the same weights, as a new head that answers from then on.
#[utoipa::path(
    post, path = "/v1/heads/decide", request_body = Option<Decision>,
    responses((status = 200, body = Live), (status = "default", response = Problem))
)]
pub(super) async fn decide(State(app): State<Arc<App>>, Input(decision): Input<Decision>) -> Answer<Live> {
    let expected = decision.version.map(HeadVersion);
    let wanted = decision.goal()?;
    live(&app, move |device| Ok(device.publish_decided(&device.decide(wanted, expected)?)?.version)).await
}

/// The file of a head (safetensors).
#[utoipa::path(
    get, path = "/v1/heads/{version}/file", params(("version" = u64, Path)),
    responses(
        (status = 200, body = Vec<u8>, content_type = "application/octet-stream"),
        (status = "default", response = Problem)
    )
)]
pub(super) async fn file(
    State(app): State<Arc<App>>,
    InPath(version): InPath<u64>,
) -> Result<impl IntoResponse, Refusal> {
    let read =
        move |device: &Device| Ok(device.heads().folder().read(HeadVersion(version)).map_err(DeviceError::from)?);
    let bytes = blocking(&app, read).await?;
    let name = format!("attachment; filename=\"head-{version:06}.safetensors\"");
    Ok(([(header::CONTENT_TYPE, "application/octet-stream".to_owned()), (header::CONTENT_DISPOSITION, name)], bytes))
}

async fn live(
    app: &App,
    choose: impl FnOnce(&Device) -> Result<HeadVersion, Refusal> + Send + 'static,
) -> Answer<Live> {
    let version = blocking(app, choose).await?;
    Ok(Json(Live { live: version.0 }))
}
