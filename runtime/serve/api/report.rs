//! How far a head can be trusted, by what was said of pictures when they were held out.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::heads::Quality;
use super::{Answer, InPath, Parameters, Problem, at_leisure, blocking};
use crate::device::{AnsweredAlike, AnsweredPicture, Device, DeviceError};
use crate::head::{
    ClassReport, Confused, CrossValidation, CurvePoint, HeadArtifact, HeldOutAnswers, KeptAnswers, OperatingClass,
    OperatingReport, Outcome, Reliability, Share, TaskReport,
};
use crate::labels::{ClassIndex, Label, Labels};
use crate::metrics::RegressionMetrics;
use crate::serve::refusal::Refusal;
use crate::serve::routes::App;
use crate::store::HeadVersion;

/// Points of a curve, and pictures of an answer.
const POINTS: usize = 200;
const PICTURES: usize = 100;

#[derive(Serialize, ToSchema)]
pub(super) struct Report {
    version: u64,
    /// `classification`, `regression` or `multilabel`.
    task: String,
    classes: Vec<String>,
    /// Of the likeliest class; null where nothing could be held out, or it answers with numbers.
    quality: Option<Quality>,
    /// The measures of what was held out, as `docs/json.md` has them (`cv`).
    #[schema(value_type = Object)]
    cv: CrossValidation,
    /// How far its numbers are off, of a head that answers with numbers (`mae`, `rmse`, `r2`).
    #[schema(value_type = Option<Object>)]
    numbers: Option<RegressionMetrics>,
    /// How each class or name fares by the likeliest class, as `docs/json.md` has it.
    #[schema(value_type = Vec<Object>)]
    per_class: Vec<ClassReport>,
    /// How classes are told apart, as `docs/json.md` has it (`operating`); null where the likeliest is said.
    #[schema(value_type = Option<Object>)]
    decision: Option<OperatingReport>,
    /// Of the held-out answers that the head keeps, with its decision.
    outcome: Option<Outcomes>,
    /// Why there is no `outcome`.
    missing: Option<Missing>,
    /// The rule that says of a picture that it is none of the classes; null without one. The numbers above are without it.
    unknown: Option<Refuses>,
}

#[derive(Serialize, ToSchema)]
struct Refuses {
    /// The share of known pictures that it is meant to call unknown.
    false_reject: f64,
}

/// Why there is nothing to count one by one.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
enum Missing {
    /// It does not answer with classes.
    OtherTask,
    /// Every picture of a class is of one group, so none could be held out.
    NothingHeldOut,
    /// More pictures and classes than a head's file carries.
    TooMany,
    /// An older program fitted it, or it learned from guesses or stands beside a network's own classes.
    NotKept,
}

#[derive(Serialize, ToSchema)]
struct Outcomes {
    /// Of which the right class was said.
    right: Counted,
    /// Of which nothing was said.
    silent: Counted,
    /// What happened at least once.
    confusion: Vec<Cell>,
    classes: Vec<ClassOutcome>,
    /// How often it is right when it is about so sure, from unsure to sure.
    reliability: Vec<Bin>,
}

/// A share that was counted, and the interval in which it is in 19 of 20 cases.
#[derive(Serialize, ToSchema)]
struct Counted {
    count: usize,
    of: usize,
    low: f64,
    high: f64,
    /// Of how many groups (bursts, moments) the pictures are, over which the interval is; null where an older program did not note
    /// that, and each picture counts by itself.
    groups: Option<usize>,
}

#[derive(Serialize, ToSchema)]
struct Cell {
    /// What the pictures are.
    label: String,
    /// What they were called; null where nothing was said.
    said: Option<String>,
    count: usize,
}

#[derive(Serialize, ToSchema)]
struct ClassOutcome {
    label: String,
    /// Of its pictures, those that were called so.
    found: Counted,
    /// Of what was called so, its pictures.
    right: Counted,
    /// Of the pictures of other classes, those that were called so.
    false_alarms: Counted,
}

#[derive(Serialize, ToSchema)]
struct Bin {
    from: f64,
    to: f64,
    /// The mean probability of what it named.
    confidence: f64,
    right: Counted,
}

#[derive(Serialize, ToSchema)]
pub(super) struct Curve {
    /// With the decision in force; null where the head keeps no answers.
    now: Option<ClassOutcome>,
    /// What a decision for each share of the class comes to, the fewest found first; at most 200. Save one with `POST /v1/heads/decide`
    /// (`recall`, at least `found.count / found.of`).
    points: Vec<Point>,
}

#[derive(Serialize, ToSchema)]
struct Point {
    /// From which on the class is said.
    probability: f64,
    #[serde(flatten)]
    class: ClassOutcome,
}

#[derive(Serialize, ToSchema)]
pub(super) struct Pictures {
    /// At most 100; those first whose answer was least expected.
    pictures: Vec<HeldOutPicture>,
    /// How many are stored.
    total: usize,
    /// How many are stored no longer, or have no label any more.
    gone: usize,
}

#[derive(Serialize, ToSchema)]
struct HeldOutPicture {
    /// Of the sample.
    id: i64,
    /// That it has now.
    label: String,
    /// How likely its class of then was.
    probability: f32,
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct OfClass {
    label: String,
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct OfCell {
    /// What the pictures are.
    label: String,
    /// What they were called; left out: nothing was said.
    said: Option<String>,
}

impl Report {
    fn new(version: u64, head: &HeadArtifact) -> Self {
        let report = head.report();
        let outcome = HeldOutAnswers::of(head).map(|answers| answers.outcome(head.operating()));
        let numbers = match &report.task {
            TaskReport::Numbers(numbers) => numbers.metrics,
            TaskReport::Classes(_) | TaskReport::Names(_) => None,
        };
        Self {
            version,
            task: report.task().to_string(),
            classes: head.labels().iter().map(ToString::to_string).collect(),
            quality: Quality::of(report),
            cv: report.cv().clone(),
            numbers,
            per_class: report.per_class().to_vec(),
            decision: report.operating().cloned(),
            unknown: report.unknown.false_reject.map(|false_reject| Refuses { false_reject }),
            missing: outcome.is_none().then(|| Missing::of(head)),
            outcome: outcome.map(|outcome| Outcomes::new(outcome, head.labels())),
        }
    }
}

impl Missing {
    fn of(head: &HeadArtifact) -> Self {
        let report = head.report();
        match report.of_classes() {
            None => Self::OtherTask,
            Some(_) if report.cv().samples == 0 => Self::NothingHeldOut,
            Some(_) if KeptAnswers::is_too_much(report.cv().samples, head.labels().len()) => Self::TooMany,
            Some(_) => Self::NotKept,
        }
    }
}

impl Outcomes {
    fn new(outcome: Outcome, labels: &Labels) -> Self {
        let name = |class: ClassIndex| labels.get(class).expect("one label a class").to_string();
        let cell =
            |Confused { truth, said, count, .. }: Confused| Cell { label: name(truth), said: said.map(name), count };
        let bin = |Reliability { from, to, confidence, right, .. }: Reliability| Bin {
            from,
            to,
            confidence,
            right: right.into(),
        };
        Self {
            right: outcome.right.into(),
            silent: outcome.silent.into(),
            confusion: outcome.confusion.into_iter().map(cell).collect(),
            classes: outcome.classes.into_iter().map(ClassOutcome::from).collect(),
            reliability: outcome.reliability.into_iter().map(bin).collect(),
        }
    }
}

impl From<Share> for Counted {
    fn from(Share { count, of, low, high, groups, .. }: Share) -> Self {
        Self { count, of, low, high, groups }
    }
}

impl From<OperatingClass> for ClassOutcome {
    fn from(OperatingClass { label, found, right, false_alarms, .. }: OperatingClass) -> Self {
        let label = label.into();
        Self { label, found: found.into(), right: right.into(), false_alarms: false_alarms.into() }
    }
}

impl Curve {
    fn new(head: &HeadArtifact, label: &Label) -> Result<Self, DeviceError> {
        let Some(answers) = HeldOutAnswers::of(head) else { return Ok(Self { now: None, points: Vec::new() }) };
        let least = head.operating().least.map(f64::from);
        let points = answers.curve(label, least, POINTS)?;
        let point = |CurvePoint { probability, class, .. }: CurvePoint| Point { probability, class: class.into() };
        let now = answers.outcome(head.operating()).classes.into_iter().find(|class| class.label == *label);
        Ok(Self { now: now.map(ClassOutcome::from), points: points.into_iter().map(point).collect() })
    }
}

impl From<AnsweredAlike> for Pictures {
    fn from(AnsweredAlike { pictures, gone }: AnsweredAlike) -> Self {
        let total = pictures.len();
        let picture =
            |AnsweredPicture { id, label, probability }| HeldOutPicture { id: id.0, label: label.into(), probability };
        Self { pictures: pictures.into_iter().take(PICTURES).map(picture).collect(), total, gone }
    }
}

fn read(device: &Device, version: u64) -> Result<HeadArtifact, Refusal> {
    Ok(device.heads().read(Some(HeadVersion(version)))?.artifact)
}

/// How far a head can be trusted, by what was held out when it was fitted.
#[utoipa::path(
    get, path = "/v1/heads/{version}/report", params(("version" = u64, Path)),
    responses((status = 200, body = Report), (status = "default", response = Problem))
)]
pub(super) async fn report(State(app): State<Arc<App>>, InPath(version): InPath<u64>) -> Answer<Report> {
    at_leisure(&app, move |device| Ok(Report::new(version, &read(device, version)?))).await.map(Json)
}

/// What finding more or fewer of a class costs in false alarms, by the held-out answers that a head keeps.
#[utoipa::path(
    get, path = "/v1/heads/{version}/curve", params(("version" = u64, Path), OfClass),
    responses((status = 200, body = Curve), (status = "default", response = Problem))
)]
pub(super) async fn curve(
    State(app): State<Arc<App>>,
    InPath(version): InPath<u64>,
    Parameters(OfClass { label }): Parameters<OfClass>,
) -> Answer<Curve> {
    let label = Label::known(&label)?;
    at_leisure(&app, move |device| Ok(Curve::new(&read(device, version)?, &label)?)).await.map(Json)
}

/// The stored pictures of one class that were called by one when they were held out.
#[utoipa::path(
    get, path = "/v1/heads/{version}/pictures", params(("version" = u64, Path), OfCell),
    responses((status = 200, body = Pictures), (status = "default", response = Problem))
)]
pub(super) async fn pictures(
    State(app): State<Arc<App>>,
    InPath(version): InPath<u64>,
    Parameters(OfCell { label, said }): Parameters<OfCell>,
) -> Answer<Pictures> {
    let label = Label::known(&label)?;
    let said = said.map(|said| Label::known(&said)).transpose()?;
    let alike = move |device: &Device| Ok(device.answered_alike(HeadVersion(version), (&label, said.as_ref()))?.into());
    blocking(&app, alike).await.map(Json)
}
