//! What other programs say in the names of pictures.

use std::ffi::OsStr;
use std::path::Path;

/// What Teachable Machine puts between class and number in the pictures of a project.
const TEACHABLE_MACHINE: &str = "-!-";

/// Frigate's folder of pictures that wait for a label.
const ATTEMPTS: &str = "train";

/// The class of a picture of an unpacked Teachable Machine project: `Class 1-!-0.jpg`.
pub fn teachable_machine_class(path: &Path) -> Option<&str> {
    let (class, number) = path.file_stem()?.to_str()?.rsplit_once(TEACHABLE_MACHINE)?;
    number.parse::<u32>().is_ok().then_some(class)
}

/// A picture that Frigate put aside: `EVENT-TIME-GUESS-SCORE.webp`, where EVENT is `TIME-LETTERS`, or `none-none` of a state.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Attempt<'a> {
    /// The tracked object that it shows; several attempts are of one.
    pub event: Option<&'a str>,
}

impl<'a> Attempt<'a> {
    pub fn of(path: &'a Path) -> Option<Self> {
        let name = path.file_stem().and_then(OsStr::to_str)?;
        let (before, score) = name.rsplit_once('-')?;
        let (before, _guess) = before.rsplit_once('-')?;
        let (event, time) = before.rsplit_once('-')?;
        let (start, letters) = event.split_once('-')?;
        let is_score = score.parse::<f32>().is_ok_and(|score| (0.0..=1.0).contains(&score));
        let is_event = is_time(start) && !letters.is_empty();
        (is_score && is_time(time) && (is_event || event == "none-none"))
            .then_some(Self { event: is_event.then_some(event) })
    }
}

/// Whether a picture waits in the folder in which Frigate puts attempts, also beside the folders of known faces.
pub fn waits_for_a_label(path: &Path) -> bool {
    let folder = path.parent().and_then(Path::file_name);
    folder.is_some_and(|folder| folder == ATTEMPTS) && Attempt::of(path).is_some()
}

/// Seconds since 1970, with a fraction.
fn is_time(text: &str) -> bool {
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, "0"));
    seconds.len() >= 9
        && [seconds, fraction].iter().all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_stands_before_the_number_in_a_teachable_machine_project() {
        let class = |name| teachable_machine_class(Path::new(name));
        assert_eq!(class("tm/Class 1-!-0.jpg"), Some("Class 1"));
        assert_eq!(class("tm/a-!-b-!-12.png"), Some("a-!-b"));
        assert_eq!([class("a-!-b.jpg"), class("a-1.jpg"), class("-1.jpg")], [None; 3]);
    }

    #[test]
    fn an_attempt_of_frigate_says_its_event_and_no_label() {
        let event = |name| Attempt::of(Path::new(name)).map(|attempt| attempt.event);
        assert_eq!(
            event("1759000000.12345-ab12cd-1759000001.5-delivery_person-0.93.webp"),
            Some(Some("1759000000.12345-ab12cd"))
        );
        assert_eq!(event("none-none-1759000001.5-open-1.0.webp"), Some(None));
        assert_eq!(event("none-none-1759000001-unknown-0.0.png"), Some(None));
        for name in ["open-1759000001.5-x1y2z3.png", "2024-01-02-cat-0.9.jpg", "a-b-c-d-0.5.jpg", "IMG_1.jpg"] {
            assert_eq!(event(name), None, "{name}");
        }
    }
}
