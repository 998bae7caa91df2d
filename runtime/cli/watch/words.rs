//! Events as a person reads them.

use crate::cli::output::percent;
use crate::device::TrainingEvent;
use crate::printable::printable;
use crate::watch::{CameraEvent, CameraSet, CameraState, Decided, DriftEvent, Kind, Moment};

/// `2026-11-26T13:30:02Z  gate  open, before closed for 2 min 39 s  97 %, 3 equal answers in a row`
pub fn decided(decided: &Decided) -> String {
    let Decided { camera, change, picture, .. } = decided;
    let label = printable(&change.label);
    let lasted = change.since.map(|since| lasted(change.at, since));
    let what = match (change.event, &change.was, lasted) {
        (Kind::Ended, _, Some(lasted)) => format!("{label} is gone, after {lasted}"),
        (Kind::Ended, ..) => format!("{label} is gone"),
        (_, Some(was), Some(lasted)) => format!("{label}, before {} for {lasted}", printable(was)),
        _ => label.to_string(),
    };
    let score = change.score.map_or_else(String::new, |score| format!("{}, ", percent(f64::from(score))));
    let saved = picture.as_ref().map_or_else(String::new, |picture| format!("\n    {}", printable(picture)));
    format!("{}  {camera}  {what}  ({score}{}){saved}", second(change.at), change.why)
}

/// `2026-11-26T13:30:02Z  gate  closed is 95 % of the answers, 50 % of the fitted pictures  (of 120 looks)`
pub fn drift(event: &DriftEvent) -> String {
    let DriftEvent { camera, at, sentence, found, .. } = event;
    format!("{}  {camera}  {}  (of {} looks)", second(*at), printable(sentence), found.looks)
}

/// `2026-11-26T13:30:02Z  head 000004 was published: better than head 000003: accuracy 96.2 %, before 95.1 % …`
pub fn training(event: &TrainingEvent) -> String {
    let way_out = match event.head {
        Some(head) if event.outcome == "kept" => {
            format!("\n    edgetl heads activate {} takes it all the same", head.0)
        }
        _ => String::new(),
    };
    format!("{}  {}{way_out}", second(event.at.into()), printable(&event.sentence))
}

/// `2026-11-26T13:30:02Z`
fn second(at: Moment) -> String {
    format!("{}Z", &at.to_string()[..19])
}

fn lasted(at: Moment, since: Moment) -> String {
    let seconds = at.since(since).as_secs();
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        3600..86400 => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{} days {} h", seconds / 86400, seconds % 86400 / 3600),
    }
}

/// Into the log.
pub fn log_set(event: &CameraSet) {
    let CameraSet { camera, on, region, .. } = event;
    let part = if region.is_some() { "a part" } else { "all" };
    tracing::info!("camera {camera} is {}; {part} of its picture is looked at", if *on { "on" } else { "off" });
}

/// Into the log.
pub fn log(event: &CameraEvent) {
    let CameraEvent { camera, state, because, .. } = event;
    let because = because.as_ref().map_or_else(String::new, |because| format!(": {because}"));
    let word = state.word();
    match state {
        CameraState::Live | CameraState::Connecting => tracing::info!("camera {camera} is {word}"),
        CameraState::Ended => tracing::info!("camera {camera} has no more frames"),
        CameraState::Off => tracing::info!("camera {camera} is off; `on` in the page or the API opens it again"),
        CameraState::Failed => tracing::warn!("camera {camera} failed{because}"),
        CameraState::Stale | CameraState::Frozen => tracing::warn!("camera {camera} is {word}{because}"),
        CameraState::Poor => tracing::warn!("the pictures of camera {camera} are of no use{because}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::TrainingOutcome;
    use crate::store::HeadVersion;
    use crate::watch::Change;

    #[test]
    fn a_head_that_was_kept_is_told_with_the_way_to_take_it() {
        let at = std::time::UNIX_EPOCH + std::time::Duration::from_millis(1_795_700_202_123);
        let kept = TrainingOutcome::Fitted { head: HeadVersion(5), published: false, comparison: None };
        let said = training(&TrainingEvent::of(Ok(kept), at, std::time::Duration::ZERO));
        let expected =
            "2026-11-26T13:36:42Z  head 000005 was kept for review\n    edgetl heads activate 5 takes it all the same";
        assert_eq!(said, expected);
    }

    #[test]
    fn an_event_is_one_line() {
        let change = Change {
            event: Kind::Changed,
            at: Moment(1_795_700_202_123),
            label: "open".to_owned(),
            score: Some(0.97),
            was: Some("closed".to_owned()),
            since: Some(Moment(1_795_700_042_000)),
            why: "3 equal answers in a row".to_owned(),
            evidence: Vec::new(),
        };
        let event =
            Decided { camera: "gate".to_owned(), change, head_version: Some(3), seconds: Some(0.1), picture: None };
        let said = "2026-11-26T13:36:42Z  gate  open, before closed for 2 min 40 s  (97.0 %, 3 equal answers in a row)";
        assert_eq!(decided(&event), said);
        let ended = Change {
            event: Kind::Ended,
            was: None,
            score: None,
            why: "no answer for 5 s".to_owned(),
            ..event.change.clone()
        };
        let gone = Decided { change: ended, ..event };
        assert!(
            decided(&gone).ends_with("gate  open is gone, after 2 min 40 s  (no answer for 5 s)"),
            "{}",
            decided(&gone)
        );
        assert_eq!(lasted(Moment(7_322_000_000), Moment(0)), "84 days 17 h");
    }
}
