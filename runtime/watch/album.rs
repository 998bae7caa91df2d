//! Pictures of events, in a folder: the newest so many of them.

use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};

use super::Moment;
use crate::atomic_file;
use crate::camera::Content;
use crate::preprocess::{extension, to_jpeg};

/// How many stay.
const MOST: usize = 1000;

/// A folder of pictures; of what others put there nothing is touched.
pub struct Album {
    folder: PathBuf,
    most: usize,
    /// The oldest first.
    names: VecDeque<String>,
}

impl Album {
    /// # Errors
    /// When the folder cannot be made or read.
    pub fn open(folder: &Path) -> io::Result<Self> {
        Self::of(folder, MOST)
    }

    fn of(folder: &Path, most: usize) -> io::Result<Self> {
        std::fs::create_dir_all(folder)?;
        let entries = std::fs::read_dir(folder)?.collect::<io::Result<Vec<_>>>()?;
        let mut names: Vec<String> =
            entries.into_iter().filter_map(|entry| entry.file_name().into_string().ok()).collect();
        names.retain(|name| is_own(name));
        names.sort();
        Ok(Self { folder: folder.to_owned(), most, names: names.into() })
    }

    /// Keeps a frame, and lets the oldest go where there are too many; gives the file.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn keep(&mut self, frame: &Content, camera: &str, label: &str, at: Moment) -> io::Result<PathBuf> {
        let (bytes, extension) = match frame {
            Content::File(bytes) => (bytes.to_vec(), extension(bytes)),
            Content::Pixels(picture) => (to_jpeg(picture).ok_or(io::ErrorKind::InvalidData)?, "jpg"),
        };
        let name = format!("{}_{camera}_{}.{extension}", stamp(at), plain(label));
        let path = self.folder.join(&name);
        atomic_file::replace(&path, &bytes)?;
        self.names.push_back(name);
        while self.names.len() > self.most {
            let oldest = self.names.pop_front().expect("there are too many");
            // Somebody may have taken it away.
            let _ = std::fs::remove_file(self.folder.join(oldest));
        }
        Ok(path)
    }
}

/// `20261126T133002.123Z`
fn stamp(at: Moment) -> String {
    at.to_string().replace(['-', ':'], "")
}

/// Whether a file is one of ours: `STAMP_CAMERA_LABEL.EXTENSION`.
fn is_own(name: &str) -> bool {
    let stamp = name.split('_').next().unwrap_or_default();
    let (is_long, has_camera) = (stamp.len() == 20, name.matches('_').count() >= 2);
    is_long && has_camera && stamp.ends_with('Z') && stamp.bytes().filter(u8::is_ascii_digit).count() == 17
}

/// A label as a part of a file name.
fn plain(label: &str) -> String {
    let plain = |letter: char| if letter.is_alphanumeric() || letter == '-' { letter } else { '_' };
    label.chars().take(40).map(plain).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::preprocess::Picture;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> =
            std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn the_newest_stay_across_openings_and_what_is_not_ours_is_not_touched() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("events");
        let frame = Content::File([0xFF, 0xD8, 0xFF].as_slice().into());
        let mut album = Album::of(&folder, 2).unwrap();
        std::fs::write(folder.join("20261126T_mine_x.jpg"), b"").unwrap();
        album.keep(&frame, "gate", "a/b ..", Moment(1000)).unwrap();
        album.keep(&frame, "gate", "open", Moment(2000)).unwrap();
        let mut album = Album::of(&folder, 2).unwrap();
        let path = album.keep(&frame, "gate", "öffen", Moment(3000)).unwrap();
        assert!(path.is_file());
        let expected =
            ["19700101T000002.000Z_gate_open.jpg", "19700101T000003.000Z_gate_öffen.jpg", "20261126T_mine_x.jpg"];
        assert_eq!(names(&folder), expected);
    }

    #[test]
    fn pixels_are_kept_as_a_jpeg_file() {
        let place = tempfile::tempdir().unwrap();
        let mut album = Album::open(place.path()).unwrap();
        let picture = Picture::new(16, 8, vec![200; 16 * 8 * 3]).unwrap();
        let path = album.keep(&Content::Pixels(picture.into()), "gate", "open", Moment(0)).unwrap();
        let bytes = crate::files::read(&path, 1 << 20).unwrap();
        let back = crate::preprocess::decode(&bytes, &crate::preprocess::Limits::default(), [0; 3]).unwrap();
        assert_eq!((back.width(), back.height()), (16, 8));
    }
}
