//! What `/metrics` shows of cameras, and of who is told: read where it is counted, when it is asked for.

use std::fmt;
use std::sync::{Arc, OnceLock};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeCounterValue, EncodeMetric as _};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

use super::cameras::Counting;
use crate::announce::About;
use crate::drift::Kind;
use crate::watch::{Board, CameraState, DriftBoard, DriftView, Tally, View};

/// Nothing before there are cameras.
pub(super) struct CameraMetrics(pub Arc<OnceLock<Shown>>);

/// Where it is counted.
pub(super) struct Shown {
    pub board: Arc<Board>,
    pub counts: Counting,
    pub drift: Option<Arc<DriftBoard>>,
}

impl fmt::Debug for CameraMetrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CameraMetrics")
    }
}

const STATES: [CameraState; 8] = [
    CameraState::Connecting,
    CameraState::Live,
    CameraState::Stale,
    CameraState::Failed,
    CameraState::Frozen,
    CameraState::Poor,
    CameraState::Ended,
    CameraState::Off,
];

/// A camera, now.
struct Now {
    view: View,
    tally: Tally,
}

impl Collector for CameraMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        let Some(Shown { board, counts, drift }) = self.0.get() else { return Ok(()) };
        let all: Vec<Now> = board.entries().map(|entry| Now { view: entry.view(), tally: entry.tally() }).collect();
        if !all.is_empty() {
            frames(&mut encoder, &all)?;
            answers(&mut encoder, &all)?;
            stages(&mut encoder, &all)?;
        }
        if let Some(drift) = drift {
            drifting(&mut encoder, &drift.views())?;
        }
        told(&mut encoder, counts)
    }
}

fn counter<N: EncodeCounterValue>(
    encoder: &mut DescriptorEncoder,
    (name, help): (&str, &str),
    values: impl Iterator<Item = (Vec<(&'static str, String)>, N)>,
) -> fmt::Result {
    let metric = ConstCounter::new(0_u64);
    let mut encoder = encoder.encode_descriptor(name, help, None, metric.metric_type())?;
    values.into_iter().try_for_each(|(labels, value)| {
        let metric = ConstCounter::new(value);
        metric.encode(encoder.encode_family(&labels)?)
    })
}

fn gauge(
    encoder: &mut DescriptorEncoder,
    (name, help): (&str, &str),
    values: impl Iterator<Item = (Vec<(&'static str, String)>, i64)>,
) -> fmt::Result {
    let metric = ConstGauge::new(0_i64);
    let mut encoder = encoder.encode_descriptor(name, help, None, metric.metric_type())?;
    values.into_iter().try_for_each(|(labels, value)| ConstGauge::new(value).encode(encoder.encode_family(&labels)?))
}

/// A counter with the label `key` beside the camera.
fn by<'a, K: ToString + 'a, N: 'a>(
    all: &'a [Now],
    key: &'static str,
    of: impl Fn(&'a Tally) -> Vec<(K, N)> + 'a,
) -> impl Iterator<Item = (Vec<(&'static str, String)>, N)> + 'a {
    all.iter().flat_map(move |now| {
        let camera = now.view.camera.clone();
        let values = of(&now.tally).into_iter();
        values.map(move |(name, value)| (vec![("camera", camera.clone()), (key, name.to_string())], value))
    })
}

fn each<'a, V: 'a>(
    all: &'a [Now],
    of: impl Fn(&'a Now) -> V + 'a,
) -> impl Iterator<Item = (Vec<(&'static str, String)>, V)> + 'a {
    all.iter().map(move |now| (vec![("camera", now.view.camera.clone())], of(now)))
}

fn frames(encoder: &mut DescriptorEncoder, all: &[Now]) -> fmt::Result {
    counter(encoder, ("camera_frames", "Frames that came"), each(all, |now| now.view.frames))?;
    let help = "Frames for which newer ones came before they were looked at";
    counter(encoder, ("camera_frames_passed_over", help), each(all, |now| now.view.passed_over))?;
    let help = "Times that the camera failed";
    counter(encoder, ("camera_failures", help), each(all, |now| now.view.failures))?;
    let help = "1 for the state that the camera is in";
    let states = all.iter().flat_map(|now| {
        STATES.map(|state| {
            let labels = vec![("camera", now.view.camera.clone()), ("state", state.word().to_owned())];
            (labels, i64::from(state == now.view.state))
        })
    });
    gauge(encoder, ("camera_state", help), states)?;
    let help = "Frames by why they passed the gate to the network, or were shut out";
    counter(encoder, ("camera_gate", help), by(all, "reason", |tally| counts(&tally.gate)))
}

fn answers(encoder: &mut DescriptorEncoder, all: &[Now]) -> fmt::Result {
    let help = "Answers by the class that they said";
    counter(encoder, ("camera_answers", help), by(all, "class", |tally| counts(&tally.classes)))?;
    let help = "Looks that said no class: unknown, unsure, or at poor pictures";
    counter(encoder, ("camera_no_answers", help), by(all, "reason", |tally| counts(&tally.others)))?;
    counter(encoder, ("camera_events", "Events by kind"), by(all, "event", |tally| counts(&tally.events)))
}

fn stages(encoder: &mut DescriptorEncoder, all: &[Now]) -> fmt::Result {
    let help = "How often frames went through a stage; event: from arrival to event";
    let often = by(all, "stage", |tally| tally.stages.iter().map(|(name, stage)| (*name, stage.count)).collect());
    counter(encoder, ("camera_stage_runs", help), often)?;
    let help = "Seconds that a stage took in all";
    let seconds = by(all, "stage", |tally| tally.stages.iter().map(|(name, stage)| (*name, stage.seconds)).collect());
    counter(encoder, ("camera_stage_seconds", help), seconds)
}

fn drifting(encoder: &mut DescriptorEncoder, all: &[DriftView]) -> fmt::Result {
    let camera = |view: &DriftView| vec![("camera", view.camera.clone())];
    let help = "Looks that count for drift, since the head that answers was fitted";
    let looks = all.iter().map(|view| (camera(view), i64::try_from(view.looks).unwrap_or(i64::MAX)));
    gauge(encoder, ("camera_drift_looks", help), looks)?;
    let of_kind = |view: &DriftView, kind: Kind| [camera(view), vec![("kind", kind.word().to_owned())]].concat();
    let help = "The logarithm of the evidence for drift, as a share of what is enough to tell of it";
    let evidence =
        all.iter().flat_map(|view| view.evidence.iter().map(move |(kind, share)| (of_kind(view, *kind), *share)));
    let metric = ConstGauge::new(0.0);
    let mut family = encoder.encode_descriptor("camera_drift_evidence", help, None, metric.metric_type())?;
    for (labels, value) in evidence {
        ConstGauge::new(value).encode(family.encode_family(&labels)?)?;
    }
    let help = "1 for each kind of drift that was told of, since the head that answers was fitted";
    let told = all.iter().flat_map(|view| {
        let is_told = |kind| view.told.iter().any(|event| event.found.kind == kind);
        view.evidence.keys().map(move |kind| (of_kind(view, *kind), i64::from(is_told(*kind))))
    });
    gauge(encoder, ("camera_drift", help), told)
}

fn counts<K: Clone>(map: &std::collections::BTreeMap<K, u64>) -> Vec<(K, u64)> {
    map.iter().map(|(key, count)| (key.clone(), *count)).collect()
}

fn told(encoder: &mut DescriptorEncoder, counting: &Counting) -> fmt::Result {
    let all = counting().unwrap_or_default();
    if all.is_empty() {
        return Ok(());
    }
    let labels = |about: &About| vec![("receiver", about.name.clone())];
    let help = "Events that a receiver acknowledged";
    counter(encoder, ("told", help), all.iter().map(|(about, counts)| (labels(about), counts.told)))?;
    let help = "Events that a receiver was not told of and never will be";
    counter(encoder, ("told_lost", help), all.iter().map(|(about, counts)| (labels(about), counts.lost)))?;
    let help = "Times that telling failed; most of it is tried again";
    counter(encoder, ("told_failures", help), all.iter().map(|(about, counts)| (labels(about), counts.failures)))?;
    let waiting = all.iter().map(|(about, counts)| (labels(about), counts.waiting as i64));
    gauge(encoder, ("told_waiting", "Events that wait to be told"), waiting)
}
