//! What a camera sees now, as image files: for whoever looks, asks or teaches. Of a frame, that is what the network sees of it.

use std::sync::{Arc, Mutex, PoisonError};

use super::board::Entry;
use super::region::Section;
use super::still::file;
use super::watched::picture;
use crate::camera::{Activity, Content, Frame, Source};
use crate::preprocess::{Limits, to_jpeg};

/// Why there is no image file of a frame.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NoStill {
    #[error("expected a frame that is a picture: {0}")]
    NoPicture(String),
    #[error("expected a picture that an image file can hold, got a larger one")]
    TooLarge,
}

/// A JPEG of one frame, with the number of the frame.
type Jpeg = (u64, Result<Arc<[u8]>, NoStill>);

/// The last JPEG that was made, which all who look share, and for which version of the setup.
#[derive(Default)]
pub(super) struct Shown(Mutex<Option<(Jpeg, u64)>>);

impl Entry {
    /// The last frame that came, looked at or not, and its number.
    pub fn newest(&self) -> Option<(u64, Frame)> {
        self.feed.newest()
    }

    /// Whether the newest frame is what the camera sees now, or what somebody gave it last.
    pub fn is_current(&self) -> bool {
        let is_given = matches!(self.feed.source(), Source::Push | Source::Folder(_) | Source::Stdin);
        is_given || self.feed.status().activity == Activity::Live
    }

    /// What the network sees of the newest frame, as a file of which it gets the same feature again.
    ///
    /// # Errors
    /// When the frame is no picture.
    pub fn still(&self, limits: &Limits) -> Option<Result<Arc<[u8]>, NoStill>> {
        let (_, frame) = self.newest()?;
        let (section, _) = self.section();
        Some(seen(&section, &frame.content, limits).and_then(|content| file(&content).ok_or(NoStill::TooLarge)))
    }

    /// [`still`](Self::still) as a JPEG file, for eyes, and the number of its frame. It is made once a frame, for all who look. Of the
    /// `whole` frame it shows what is outside the region as well.
    pub fn jpeg(&self, limits: &Limits, whole: bool) -> Option<Jpeg> {
        let (number, frame) = self.newest()?;
        let (section, version) = self.shown_section(whole);
        if let Some(bytes) = ready_jpeg(&section, &frame.content) {
            return Some((number, Ok(bytes)));
        }
        let mut shown = self.shown(whole).0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(made) = made(&shown, number, version) {
            return Some(made);
        }
        let made = (number, encoded(&section, &frame.content, limits));
        *shown = Some((made.clone(), version));
        Some(made)
    }

    /// [`jpeg`](Self::jpeg) where that takes no work.
    pub fn jpeg_at_hand(&self, whole: bool) -> Option<Jpeg> {
        let (number, frame) = self.newest()?;
        let (section, version) = self.shown_section(whole);
        if let Some(bytes) = ready_jpeg(&section, &frame.content) {
            return Some((number, Ok(bytes)));
        }
        // Whoever holds it makes one.
        let shown = self.shown(whole).0.try_lock().ok()?;
        made(&shown, number, version)
    }

    fn shown_section(&self, whole: bool) -> (Section, u64) {
        let (section, version) = self.section();
        (Section { region: section.region.filter(|_| !whole), ..section }, version)
    }

    fn shown(&self, whole: bool) -> &Shown {
        if whole { &self.shown_whole } else { &self.shown }
    }
}

fn made(shown: &Option<(Jpeg, u64)>, number: u64, version: u64) -> Option<Jpeg> {
    shown.as_ref().filter(|(made, of)| made.0 >= number && *of == version).map(|(made, _)| made.clone())
}

fn seen(section: &Section, content: &Content, limits: &Limits) -> Result<Content, NoStill> {
    if section.is_whole() {
        return Ok(content.clone());
    }
    let picture = picture(content, limits).map_err(NoStill::NoPicture)?;
    Ok(Content::Pixels(section.of(picture).into()))
}

/// The camera's own bytes, where they are a JPEG file of which everything is seen.
fn ready_jpeg(section: &Section, content: &Content) -> Option<Arc<[u8]>> {
    match content {
        Content::File(bytes) if section.is_whole() && bytes.starts_with(&[0xFF, 0xD8, 0xFF]) => Some(bytes.clone()),
        _ => None,
    }
}

fn encoded(section: &Section, content: &Content, limits: &Limits) -> Result<Arc<[u8]>, NoStill> {
    let picture = section.of(picture(content, limits).map_err(NoStill::NoPicture)?);
    to_jpeg(&picture).map(Arc::from).ok_or(NoStill::TooLarge)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::camera::{Bell, Feed, Source, Wanted};
    use crate::preprocess::{Picture, decode};
    use crate::watch::board::RegionFrom;
    use crate::watch::choice::Choice;
    use crate::watch::event::CameraState;
    use crate::watch::region::Region;

    fn entry(section: Section) -> Entry {
        let wanted = Wanted { fps: 5.0, max_bytes: 1 << 20 };
        let feed = Feed::start(Source::Push, wanted, Arc::new(Bell::default()), true).unwrap();
        Entry::new("gate".to_owned(), feed, section, Choice::default())
    }

    fn pixels(level: u8) -> Content {
        Content::Pixels(Picture::new(16, 8, vec![level; 16 * 8 * 3]).unwrap().into())
    }

    fn size(bytes: &[u8]) -> (u32, u32) {
        let picture = decode(bytes, &Limits::default(), [0; 3]).unwrap();
        (picture.width(), picture.height())
    }

    #[test]
    fn the_newest_frame_can_be_seen_before_and_after_it_is_taken() {
        let entry = entry(Section::default());
        assert!(entry.newest().is_none() && entry.jpeg(&Limits::default(), false).is_none());
        for number in 1..=3_u8 {
            entry.feed.push(Frame::now(pixels(number)));
        }
        let number = |entry: &Entry| entry.newest().map(|(number, frame)| (number, frame.content == pixels(3)));
        assert_eq!(number(&entry), Some((3, true)));
        entry.feed.take().unwrap();
        assert_eq!(number(&entry), Some((3, true)));
        assert!(!entry.feed.has_frame());
    }

    #[test]
    fn all_who_look_share_one_jpeg_of_a_frame() {
        let (entry, limits) = (entry(Section::default()), Limits::default());
        entry.feed.push(Frame::now(pixels(90)));
        assert!(entry.jpeg_at_hand(false).is_none(), "it has to be made first");
        let (number, one) = entry.jpeg(&limits, false).unwrap();
        let (_, other) = entry.jpeg_at_hand(false).unwrap();
        assert!(number == 1 && Arc::ptr_eq(&one.unwrap(), &other.unwrap()));
        entry.feed.push(Frame::now(pixels(91)));
        assert!(entry.jpeg_at_hand(false).is_none());
        assert_eq!(entry.jpeg(&limits, false).unwrap().0, 2);
    }

    #[test]
    fn what_is_shown_and_taught_is_what_the_network_sees() {
        let region = Region::rectangle([0.5, 0.0, 1.0, 1.0]).unwrap();
        let (whole, half) = (entry(Section::default()), entry(Section { region: Some(region), ..Section::default() }));
        let jpeg: Arc<[u8]> = to_jpeg(&Picture::new(16, 8, vec![9; 16 * 8 * 3]).unwrap()).unwrap().into();
        let limits = Limits::default();
        for (entry, width) in [(&whole, 16), (&half, 8)] {
            entry.feed.push(Frame::now(Content::File(jpeg.clone())));
            let (_, shown) = entry.jpeg(&limits, false).unwrap();
            let (shown, taught) = (shown.unwrap(), entry.still(&limits).unwrap().unwrap());
            assert_eq!((size(&shown), size(&taught)), ((width, 8), (width, 8)));
            let is_own = Arc::ptr_eq(&shown, &jpeg) && Arc::ptr_eq(&taught, &jpeg);
            assert_eq!(is_own, width == 16, "a whole frame stays as the camera gave it");
            assert!(width == 16 || taught.starts_with(b"\x89PNG"), "without a loss");
        }
    }

    #[test]
    fn another_region_is_seen_in_the_same_frame_and_the_whole_one_beside_it() {
        let (entry, limits) = (entry(Section::default()), Limits::default());
        entry.feed.push(Frame::now(pixels(90)));
        let width = |whole| size(&entry.jpeg(&limits, whole).unwrap().1.unwrap()).0;
        assert_eq!((width(false), width(true)), (16, 16));
        let half = Region::rectangle([0.5, 0.0, 1.0, 1.0]).unwrap();
        entry.choose(Choice { on: true, region: Some(half.clone()) });
        assert_eq!((width(false), width(true)), (8, 16));
        let view = entry.view();
        assert_eq!((view.region, view.region_from), (Some(half), Some(RegionFrom::Store)));
        entry.choose(Choice::default());
        assert_eq!((width(false), entry.view().region_from), (16, None));
    }

    #[test]
    fn a_camera_that_is_off_shows_nothing_and_takes_nothing() {
        let entry = entry(Section::default());
        entry.feed.push(Frame::now(pixels(90)));
        entry.choose(Choice { on: false, region: None });
        entry.feed.push(Frame::now(pixels(91)));
        assert!(entry.newest().is_none() && !entry.feed.has_frame());
        assert_eq!((entry.view().state, entry.view().on), (CameraState::Off, false));
        entry.choose(Choice::default());
        assert_eq!(entry.view().state, CameraState::Connecting);
        entry.feed.push(Frame::now(pixels(92)));
        assert_eq!(entry.view().state, CameraState::Live);
    }

    #[test]
    fn a_frame_that_is_no_picture_is_said_to_be_none() {
        let entry = entry(Section::default());
        entry.feed.push(Frame::now(Content::File(b"no picture".as_slice().into())));
        assert!(matches!(entry.jpeg(&Limits::default(), false), Some((1, Err(NoStill::NoPicture(_))))));
    }
}
