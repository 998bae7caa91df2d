//! The findings as they are printed: every list with the worst first, every entry with its remedy.

use std::collections::HashMap;

use serde::Serialize;

use super::Examined;
use crate::dataset::SampleId;
use crate::head::{Diagnosis, Duplicate, Imbalance, Outlier, Suspect};
use crate::labels::Label;

/// Below this many pictures a class is neither learned nor measured well.
const FEW: usize = 10;

/// `samples doctor --json`.
#[derive(Default, Serialize)]
pub struct Findings {
    pub backbone: String,
    pub fingerprint: String,
    pub samples: usize,
    pub suspects: Vec<SuspectRow>,
    pub duplicates: Vec<DuplicateRow>,
    pub outliers: Vec<OutlierRow>,
    pub tiny: Vec<TinyRow>,
    pub few: Vec<FewRow>,
    pub imbalance: Option<ImbalanceRow>,
    pub sources: Vec<SourceRow>,
    pub seconds: f64,
}

#[derive(Serialize)]
pub struct SuspectRow {
    pub id: i64,
    pub path: String,
    pub label: Label,
    pub suggestion: Label,
    /// From 0 to 1.
    pub doubt: f32,
    pub probability: f32,
    pub agreement: f32,
    pub command: String,
    /// Whether nothing is to be changed, because the class would be left empty or with too few samples.
    pub held_back: bool,
}

#[derive(Serialize)]
pub struct DuplicateRow {
    pub ids: [i64; 2],
    pub paths: [String; 2],
    pub labels: [Option<Label>; 2],
    pub cosine: f32,
    pub same_label: bool,
    /// The one of the two that the command changes or removes.
    pub remove: i64,
    pub command: String,
    pub held_back: bool,
}

#[derive(Serialize)]
pub struct OutlierRow {
    pub id: i64,
    pub path: String,
    pub label: Label,
    pub deviations: f32,
    pub command: String,
    pub held_back: bool,
}

#[derive(Serialize)]
pub struct TinyRow {
    pub id: i64,
    pub path: String,
    pub width: u32,
    pub height: u32,
    /// The shortest side that loses nothing, in pixels.
    pub expected: u32,
    pub command: String,
    pub held_back: bool,
}

#[derive(Serialize)]
pub struct FewRow {
    pub label: Label,
    pub count: usize,
    pub command: String,
}

#[derive(Serialize)]
pub struct ImbalanceRow {
    #[serde(flatten)]
    pub counts: Imbalance,
    pub largest_label: Label,
    pub smallest_label: Label,
    pub command: String,
}

/// What became of the file that a sample was made from.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SourceState {
    Gone,
    Changed,
}

#[derive(Serialize)]
pub struct SourceRow {
    pub id: i64,
    pub path: String,
    pub state: SourceState,
    pub command: String,
    pub held_back: bool,
}

impl Findings {
    /// How many findings come without a change, because their class cannot spare the sample.
    pub fn held_back(&self) -> usize {
        let held = [
            self.suspects.iter().filter(|row| row.held_back).count(),
            self.duplicates.iter().filter(|row| row.held_back).count(),
            self.outliers.iter().filter(|row| row.held_back).count(),
            self.tiny.iter().filter(|row| row.held_back).count(),
            self.sources.iter().filter(|row| row.held_back).count(),
        ];
        held.iter().sum()
    }

    /// What the features say; the rest is empty.
    pub fn new(diagnosis: &Diagnosis, examined: &Examined) -> Self {
        let doubts: HashMap<SampleId, f32> = diagnosis.suspects.iter().map(|one| (one.id, one.doubt)).collect();
        Self {
            suspects: diagnosis.suspects.iter().map(|suspect| suspect_row(suspect, examined)).collect(),
            duplicates: diagnosis.duplicates.iter().map(|pair| duplicate_row(pair, &doubts, examined)).collect(),
            outliers: diagnosis.outliers.iter().map(|outlier| outlier_row(outlier, examined)).collect(),
            few: few(diagnosis, examined),
            imbalance: imbalance(diagnosis, examined),
            ..Self::default()
        }
    }
}

fn suspect_row(suspect: &Suspect, examined: &Examined) -> SuspectRow {
    SuspectRow {
        id: suspect.id.0,
        path: examined.path(suspect.id),
        label: suspect.label.clone(),
        suggestion: suspect.suggestion.clone(),
        doubt: suspect.doubt,
        probability: suspect.probability,
        agreement: suspect.agreement,
        command: examined.relabelling(suspect.id, suspect.suggestion.as_str()),
        held_back: !examined.can_go(suspect.id),
    }
}

/// Of two labels for one picture, the more doubted one is changed; of two equal pictures the later one goes.
fn duplicate_row(pair: &Duplicate, doubts: &HashMap<SampleId, f32>, examined: &Examined) -> DuplicateRow {
    let label = |id: SampleId| examined.rows.get(&id).and_then(|row| row.label.clone());
    let doubt = |id: SampleId| doubts.get(&id).copied().unwrap_or(0.0);
    let (first, second) = (pair.first, pair.second);
    let first_is_wrong = !pair.same_label && doubt(first) > doubt(second);
    let (wrong, right) = if first_is_wrong { (first, second) } else { (second, first) };
    let command = match label(right).filter(|_| !pair.same_label && doubt(wrong) > 0.0) {
        Some(to) => examined.relabelling(wrong, to.as_str()),
        None => examined.removal(wrong),
    };
    DuplicateRow {
        ids: [first.0, second.0],
        paths: [first, second].map(|id| examined.path(id)),
        labels: [first, second].map(label),
        cosine: pair.cosine,
        same_label: pair.same_label,
        remove: wrong.0,
        command,
        held_back: !examined.can_go(wrong),
    }
}

fn outlier_row(outlier: &Outlier, examined: &Examined) -> OutlierRow {
    OutlierRow {
        id: outlier.id.0,
        path: examined.path(outlier.id),
        label: outlier.label.clone(),
        deviations: outlier.deviations,
        command: examined.removal(outlier.id),
        held_back: !examined.can_go(outlier.id),
    }
}

fn few(diagnosis: &Diagnosis, examined: &Examined) -> Vec<FewRow> {
    let few = diagnosis.counts.iter().rev().filter(|(_, count)| *count < FEW);
    few.map(|(label, count)| FewRow {
        label: label.clone(),
        count: *count,
        command: examined.shell.edgetl(["collect", "FOLDER", &format!("--label={label}")]),
    })
    .collect()
}

fn imbalance(diagnosis: &Diagnosis, examined: &Examined) -> Option<ImbalanceRow> {
    let (largest, smallest) = (diagnosis.counts.first()?, diagnosis.counts.last()?);
    Some(ImbalanceRow {
        counts: diagnosis.imbalance()?,
        largest_label: largest.0.clone(),
        smallest_label: smallest.0.clone(),
        command: examined.shell.edgetl(["fit-head", "--balance"]),
    })
}
