//! From evidence to advice: one table, every row with its reason.

use serde::Serialize;

use super::{BackboneEvidence, Evidence, Familiarity, MissedClass, TOO_FEW};

/// Pictures of the middle class: from here on a set is of medium size, and large.
const MEDIUM: usize = 30;
const LARGE: usize = 300;
/// Accuracy that is worth a change of head or backbone, and worth collecting as much again.
const WORTH_A_HEAD: f64 = 0.005;
const WORTH_A_BACKBONE: f64 = 0.01;
const WORTH_COLLECTING: f64 = 0.01;

/// What to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Strategy {
    /// A head of one layer on the frozen features.
    TrainHead,
    /// A head with a hidden layer.
    DeeperHead,
    CollectMore,
    OtherBackbone,
}

/// How many pictures of a class there are.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Size {
    Small,
    Medium,
    Large,
}

/// How much the pictures are like what the backbone knows.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Similarity {
    Far,
    Between,
    Near,
}

/// What to do, by what was measured.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[non_exhaustive]
pub struct Advice {
    pub strategy: Strategy,
    pub size: Size,
    pub similarity: Similarity,
    /// What size and similarity alone would suggest.
    pub by_the_book: Strategy,
    /// Why, in sentences.
    pub reasons: Vec<String>,
    /// What else is worth it, the most promising first.
    pub also: Vec<Strategy>,
    /// The stored backbone that is meant, where there is one.
    pub backbone: Option<String>,
}

/// The first row of the table that holds is the strategy; the others that hold are `also`.
pub fn decide(evidence: &Evidence) -> Advice {
    let (size, similarity) = (Size::of(evidence.median_class), Similarity::of(&evidence.familiarity));
    let mut rows = rows(evidence, similarity);
    rows.push(train_head(evidence));
    let (strategy, reason) = rows[0].clone();
    let mut also: Vec<Strategy> = Vec::new();
    let mut reasons = vec![reason];
    for (other, reason) in rows.drain(..).skip(1) {
        if other != strategy && other != Strategy::TrainHead && !also.contains(&other) {
            also.push(other);
            reasons.push(reason);
        }
    }
    Advice {
        strategy,
        size,
        similarity,
        by_the_book: by_the_book(size, similarity),
        reasons,
        also,
        backbone: better_backbone(evidence).map(|backbone| backbone.name.clone()),
    }
}

impl Size {
    pub fn of(median_class: usize) -> Self {
        match median_class {
            0..MEDIUM => Self::Small,
            MEDIUM..LARGE => Self::Medium,
            _ => Self::Large,
        }
    }
}

impl Similarity {
    /// A classifier that is sure of the pictures has seen their like. Where none was kept, features in which classes lie
    /// apart before anything is trained say as much.
    pub fn of(familiarity: &Familiarity) -> Self {
        let Familiarity { nearest_mean, chance, source, .. } = familiarity;
        let skill = (nearest_mean - chance) / (1.0 - chance).max(f64::EPSILON);
        match source {
            Some(source) if source.confidence >= 0.5 && source.tells_classes_apart >= 0.5 => Self::Near,
            Some(source) if source.confidence < 0.25 && skill < 0.8 => Self::Far,
            Some(_) => Self::Between,
            None if skill >= 0.85 => Self::Near,
            None if skill < 0.5 => Self::Far,
            None => Self::Between,
        }
    }
}

/// Dataset size by domain similarity, as it is taught.
///
/// Source: Karpathy, CS231n, "Transfer Learning", the four scenarios, for a backbone that stays frozen.
fn by_the_book(size: Size, similarity: Similarity) -> Strategy {
    match (size, similarity) {
        (Size::Large, Similarity::Near | Similarity::Between) => Strategy::DeeperHead,
        (Size::Large, Similarity::Far) => Strategy::OtherBackbone,
        (_, Similarity::Near) | (Size::Medium, Similarity::Between) => Strategy::TrainHead,
        (Size::Small, Similarity::Between | Similarity::Far) => Strategy::CollectMore,
        (Size::Medium, Similarity::Far) => Strategy::OtherBackbone,
    }
}

/// The rows that hold, the most pressing first.
fn rows(evidence: &Evidence, similarity: Similarity) -> Vec<(Strategy, String)> {
    let mut rows = Vec::new();
    rows.extend(too_few(evidence));
    rows.extend(missed(evidence));
    if let Some(better) = better_backbone(evidence) {
        rows.push((Strategy::OtherBackbone, backbone_reason(better)));
    }
    if let Some(deeper) = evidence.deeper.filter(|deeper| deeper.is_clear(WORTH_A_HEAD)) {
        let reason = format!(
            "a head with a hidden layer names {} more of the same pictures right ({} ± {} points), so the classes are \
             not told apart by one layer",
            points(deeper.gain * deeper.samples as f64, 0),
            points(deeper.gain * 100.0, 1),
            points(deeper.error * 100.0, 1)
        );
        rows.push((Strategy::DeeperHead, reason));
    }
    if evidence.accuracy.is_some_and(|accuracy| accuracy < evidence.target) {
        let growing = growing(evidence);
        // Of a class of two nothing can be projected.
        let flat = growing.is_none() && evidence.projection.is_some() && evidence.smallest_class >= TOO_FEW;
        rows.extend(growing.map(|reason| (Strategy::CollectMore, reason)));
        rows.extend((flat || similarity == Similarity::Far).then(|| (Strategy::OtherBackbone, limit(flat))));
    }
    rows
}

fn too_few(evidence: &Evidence) -> Option<(Strategy, String)> {
    let reason = match evidence.accuracy {
        None => "nothing could be held out, so nothing is known about how good a head is".to_owned(),
        Some(_) if evidence.smallest_class < TOO_FEW => format!(
            "the smallest class, `{}`, has {} pictures; with fewer than {TOO_FEW} neither the head nor its numbers can be \
             relied on",
            evidence.smallest_label, evidence.smallest_class
        ),
        Some(_) => return None,
    };
    Some((Strategy::CollectMore, reason))
}

/// A class that is missed while the others are named right.
fn missed(evidence: &Evidence) -> Option<(Strategy, String)> {
    let accuracy = evidence.accuracy.filter(|accuracy| *accuracy >= evidence.target)?;
    let (first, more) = evidence.missed.split_first()?;
    let others = match more.len() {
        0 => String::new(),
        1 => format!("; `{}` misses it too", more[0].label),
        _ => format!("; `{}` and {} more miss it too", more[0].label, more.len() - 1),
    };
    let reason = format!(
        "{} % are named right, but {}, where {} % are asked for{others}",
        points(accuracy * 100.0, 1),
        found(first),
        points(evidence.target * 100.0, 0)
    );
    Some((Strategy::CollectMore, reason))
}

fn found(class: &MissedClass) -> String {
    match class.recall {
        None => format!("of `{}` no picture could be held out", class.label),
        Some(recall) => format!(
            "of `{}` only {} % ({} to {} %)",
            class.label,
            points(recall * 100.0, 1),
            points(class.low * 100.0, 0),
            points(class.high * 100.0, 0)
        ),
    }
}

fn better_backbone(evidence: &Evidence) -> Option<&BackboneEvidence> {
    let better = evidence.backbones.iter().filter(|backbone| backbone.comparison.is_clear(WORTH_A_BACKBONE));
    better.max_by(|a, b| a.comparison.gain.total_cmp(&b.comparison.gain))
}

fn backbone_reason(better: &BackboneEvidence) -> String {
    format!(
        "`{}` names {} % of the same pictures right, {} ± {} points more than the backbone in use",
        better.name,
        points(better.comparison.accuracy * 100.0, 1),
        points(better.comparison.gain * 100.0, 1),
        points(better.comparison.error * 100.0, 1)
    )
}

/// Why more pictures are worth collecting, if they are.
fn growing(evidence: &Evidence) -> Option<String> {
    let projection = evidence.projection.as_ref()?;
    let gain = projection.doubled.middle - projection.now;
    (gain >= WORTH_COLLECTING).then(|| {
        format!(
            "accuracy still grows with the number of pictures: twice as many should bring it from {} % to about {} % \
             ({} to {} %)",
            points(projection.now * 100.0, 1),
            points(projection.doubled.middle * 100.0, 1),
            points(projection.doubled.low * 100.0, 1),
            points(projection.doubled.high * 100.0, 1)
        )
    })
}

fn limit(flat: bool) -> String {
    if flat {
        "more pictures like these would hardly help, and the target is not reached: what limits it is what the backbone \
         sees"
            .to_owned()
    } else {
        "these pictures are unlike what the backbone learned from: one that was trained on more, or on the like of \
         these, sees more in them"
            .to_owned()
    }
}

fn train_head(evidence: &Evidence) -> (Strategy, String) {
    let reason = match evidence.accuracy {
        Some(accuracy) if accuracy >= evidence.target => format!(
            "a {} head on the frozen features names {} % right, which reaches the {} % asked for",
            evidence.head,
            points(accuracy * 100.0, 1),
            points(evidence.target * 100.0, 0)
        ),
        _ => format!("nothing measured promises more than a {} head on these features", evidence.head),
    };
    (Strategy::TrainHead, reason)
}

fn points(value: f64, decimals: usize) -> String {
    format!("{value:.decimals$}")
}
