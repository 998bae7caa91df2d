//! Events as a person reads them.

use crate::cli::output::percent;
use crate::printable::printable;
use crate::watch::{CameraEvent, CameraState, Decided, Kind, Moment};

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
pub fn log(event: &CameraEvent) {
    let CameraEvent { camera, state, because, .. } = event;
    let because = because.as_ref().map_or_else(String::new, |because| format!(": {because}"));
    let word = state.word();
    match state {
        CameraState::Live | CameraState::Connecting => tracing::info!("camera {camera} is {word}"),
        CameraState::Ended => tracing::info!("camera {camera} has no more frames"),
        CameraState::Failed => tracing::warn!("camera {camera} failed{because}"),
        CameraState::Stale | CameraState::Frozen => tracing::warn!("camera {camera} is {word}{because}"),
        CameraState::Poor => tracing::warn!("the pictures of camera {camera} are of no use{because}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::watch::Change;

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
