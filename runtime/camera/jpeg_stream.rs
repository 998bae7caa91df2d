//! JPEG files one after another in a stream of bytes, as `ffmpeg -f mjpeg -` and many cameras write them.
//!
//! Nothing stands between two of them by rule, but some writers leave bytes there, and a picture may hold another one (the
//! thumbnail of its Exif data), so a file's end is found by walking through its segments and not by looking for its last marker.
//!
//! Source: ITU-T T.81, annex B.

use std::io::{self, Read};

/// How much is read at once.
const PIECE: usize = 64 << 10;

const START: u8 = 0xD8;
const END: u8 = 0xD9;
const SCAN: u8 = 0xDA;

/// The frames of a stream.
pub struct JpegStream<R> {
    reader: R,
    /// The longest frame that is taken, in bytes.
    limit: usize,
    /// What was read and is not given out yet; `at` is where the next frame is looked for.
    buffer: Vec<u8>,
    at: usize,
    /// How far the frame that begins there was followed.
    place: Place,
    ended: bool,
    /// Bytes that belonged to no frame.
    stray: u64,
}

#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    #[error("cannot read the stream of frames")]
    Read(#[from] io::Error),
    #[error("expected a frame of at most {limit} bytes, got more")]
    TooLong { limit: usize },
    #[error("the stream ended within a frame, after {bytes} bytes of it")]
    CutOff { bytes: usize },
}

/// Where a walk through a frame goes on when there is more of it, so that nothing is walked twice.
#[derive(Clone, Copy)]
struct Place {
    /// Behind so many bytes of the frame.
    at: usize,
    /// Within coded data, and not before a marker.
    in_scan: bool,
}

impl Place {
    /// Behind the first marker.
    const START: Self = Self { at: 2, in_scan: false };
}

/// What a walk through a frame comes to.
enum Walk {
    /// It ends before this place.
    Whole(usize),
    More,
    /// It is no JPEG file from here on.
    Lost,
}

impl<R: Read> JpegStream<R> {
    /// `limit`: the longest frame that is taken, in bytes.
    pub fn new(reader: R, limit: usize) -> Self {
        Self { reader, limit, buffer: Vec::new(), at: 0, place: Place::START, ended: false, stray: 0 }
    }

    pub(super) fn reader_mut(&mut self) -> &mut R {
        &mut self.reader
    }

    /// Bytes so far that belonged to no frame.
    pub fn stray(&self) -> u64 {
        self.stray
    }

    /// The next frame, a JPEG file; `None` at the end of the stream.
    ///
    /// # Errors
    /// When the stream cannot be read, ends within a frame, or has a frame beyond the limit; the next call goes on behind that.
    pub fn frame(&mut self) -> Result<Option<Vec<u8>>, FrameError> {
        loop {
            self.find_start();
            let frame = &self.buffer[self.at..];
            match walk(frame, &mut self.place) {
                Walk::Whole(end) if end > self.limit => {
                    self.skip(end);
                    return Err(FrameError::TooLong { limit: self.limit });
                }
                Walk::Whole(end) => {
                    let frame = frame[..end].to_vec();
                    self.at += end;
                    self.place = Place::START;
                    return Ok(Some(frame));
                }
                Walk::Lost => self.skip(2),
                Walk::More if self.ended => return self.rest(),
                Walk::More if frame.len() > self.limit => {
                    self.skip(2);
                    return Err(FrameError::TooLong { limit: self.limit });
                }
                Walk::More => self.read()?,
            }
        }
    }

    /// At the end of the stream.
    fn rest(&mut self) -> Result<Option<Vec<u8>>, FrameError> {
        let bytes = self.buffer.len() - self.at;
        let begun = self.buffer[self.at..].starts_with(&[0xFF, START, 0xFF]);
        self.skip(bytes);
        if begun { Err(FrameError::CutOff { bytes }) } else { Ok(None) }
    }

    /// Goes on to the next `FF D8 FF`, or to what may be its beginning.
    fn find_start(&mut self) {
        let waiting = &self.buffer[self.at..];
        let start = waiting.windows(3).position(|bytes| bytes == [0xFF, START, 0xFF]);
        self.skip(start.unwrap_or(waiting.len().saturating_sub(2)));
    }

    fn skip(&mut self, bytes: usize) {
        if bytes > 0 {
            self.place = Place::START;
        }
        self.at += bytes;
        self.stray += bytes as u64;
    }

    fn read(&mut self) -> io::Result<()> {
        self.buffer.drain(..self.at);
        self.at = 0;
        let length = self.buffer.len();
        self.buffer.resize(length + PIECE, 0);
        let read = loop {
            match self.reader.read(&mut self.buffer[length..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => break other,
            }
        };
        self.buffer.truncate(length + *read.as_ref().unwrap_or(&0));
        self.ended = matches!(read, Ok(0));
        read.map(drop)
    }
}

/// Follows the segments of the file that `bytes` begins with, from `place` on.
fn walk(bytes: &[u8], place: &mut Place) -> Walk {
    if bytes.len() < 4 {
        return Walk::More;
    }
    if bytes[..2] != [0xFF, START] {
        return Walk::Lost;
    }
    loop {
        if place.in_scan {
            match scan_end(bytes, place.at) {
                Ok(end) => *place = Place { at: end, in_scan: false },
                Err(behind) => {
                    place.at = behind;
                    return Walk::More;
                }
            }
        }
        match segment(bytes, place.at) {
            Segment::Behind(next) => *place = next,
            Segment::Ended(walk) => return walk,
        }
    }
}

/// What stands at a marker.
enum Segment {
    /// A segment, and where to go on behind it.
    Behind(Place),
    Ended(Walk),
}

fn segment(bytes: &[u8], mut at: usize) -> Segment {
    // Any number of fill bytes may stand before a marker.
    while bytes.get(at) == Some(&0xFF) && bytes.get(at + 1) == Some(&0xFF) {
        at += 1;
    }
    let (Some(&first), Some(&marker)) = (bytes.get(at), bytes.get(at + 1)) else { return Segment::Ended(Walk::More) };
    if first != 0xFF {
        return Segment::Ended(Walk::Lost);
    }
    at += 2;
    match marker {
        END => return Segment::Ended(Walk::Whole(at)),
        // These have no length.
        0x01 | 0xD0..=0xD7 => return Segment::Behind(Place { at, in_scan: false }),
        0x00 | START => return Segment::Ended(Walk::Lost),
        _ => {}
    }
    let Some(&[high, low]) = bytes.get(at..at + 2) else { return Segment::Ended(Walk::More) };
    match usize::from(u16::from_be_bytes([high, low])) {
        0 | 1 => Segment::Ended(Walk::Lost),
        length => Segment::Behind(Place { at: at + length, in_scan: marker == SCAN }),
    }
}

/// The first marker behind coded data that goes on at `from`, else where to look on when there is more; restarts and stuffed
/// zeros belong to the data.
fn scan_end(bytes: &[u8], from: usize) -> Result<usize, usize> {
    let Some(data) = bytes.get(from..) else { return Err(from) };
    let is_end = |pair: &[u8]| pair[0] == 0xFF && !matches!(pair[1], 0x00 | 0xFF | 0xD0..=0xD7);
    // Of two bytes the first is looked at again, once its follower is there.
    data.windows(2).position(is_end).map(|place| from + place).ok_or(from + data.len().saturating_sub(1))
}

#[cfg(test)]
mod tests {
    use image::codecs::jpeg::JpegEncoder;
    use proptest::prelude::*;

    use super::*;

    fn jpeg(seed: u8) -> Vec<u8> {
        let pixels: Vec<u8> = (0..24 * 18 * 3_u32).map(|i| (i * u32::from(seed | 1) % 251) as u8).collect();
        let mut file = Vec::new();
        JpegEncoder::new_with_quality(&mut file, 90).encode(&pixels, 24, 18, image::ExtendedColorType::Rgb8).unwrap();
        file
    }

    /// The same with an Exif segment that holds a whole JPEG file.
    fn with_thumbnail(seed: u8) -> Vec<u8> {
        let (mut file, inner) = (jpeg(seed), jpeg(seed + 1));
        let length = u16::try_from(inner.len() + 8).unwrap().to_be_bytes();
        let segment = [&[0xFF, 0xE1][..], &length, b"Exif\0\0", &inner].concat();
        file.splice(2..2, segment);
        file
    }

    /// Gives one to seven bytes at a time.
    struct Slow<'a>(&'a [u8], usize);

    impl Read for Slow<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.1 = self.1 % 7 + 1;
            let length = self.1.min(self.0.len()).min(buffer.len());
            buffer[..length].copy_from_slice(&self.0[..length]);
            self.0 = &self.0[length..];
            Ok(length)
        }
    }

    fn frames(bytes: &[u8]) -> (Vec<Vec<u8>>, Vec<String>, u64) {
        let mut stream = JpegStream::new(Slow(bytes, 0), 1 << 20);
        let (mut frames, mut errors) = (Vec::new(), Vec::new());
        loop {
            match stream.frame() {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => return (frames, errors, stream.stray()),
                Err(error) => errors.push(error.to_string()),
            }
        }
    }

    #[test]
    fn frames_come_out_as_they_went_in_whatever_stands_between_them() {
        let all = [jpeg(3), with_thumbnail(5), jpeg(9)];
        assert_eq!(frames(&all.concat()), (all.to_vec(), vec![], 0));
        // A second end marker, as some cameras leave, and words.
        let between = [&all[0][..], &[0xFF, 0xD9], &all[1], b"--boundary\r\n", &all[2], &[0xFF]].concat();
        assert_eq!(frames(&between), (all.to_vec(), vec![], 2 + 12 + 1));
    }

    #[test]
    fn a_stream_that_ends_within_a_frame_says_so_and_gives_what_came_before() {
        let (first, second) = (jpeg(3), jpeg(5));
        let cut = [&first[..], &second[..second.len() / 2]].concat();
        let (got, errors, _) = frames(&cut);
        assert_eq!((got, errors.len()), (vec![first], 1));
        assert!(errors[0].contains("ended within a frame"), "{errors:?}");
        assert_eq!(frames(b""), (vec![], vec![], 0));
    }

    #[test]
    fn a_frame_beyond_the_limit_is_refused_and_the_next_one_taken() {
        let (long, short) = (with_thumbnail(3), jpeg(5));
        let both = [long.clone(), short.clone()].concat();
        let limit = long.len() - 100;
        let mut slow = JpegStream::new(Slow(&both, 0), limit);
        let mut at_once = JpegStream::new(&both[..], limit);
        assert!(matches!(slow.frame(), Err(FrameError::TooLong { .. })));
        assert!(matches!(at_once.frame(), Err(FrameError::TooLong { .. })));
        let mut last = None;
        // Of one that was given up, the picture within it may be found.
        while let Ok(Some(frame)) = slow.frame() {
            last = Some(frame);
        }
        assert_eq!(last.as_ref(), Some(&short));
        assert_eq!(at_once.frame().unwrap(), Some(short));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic_or_loop_and_none_are_lost(bytes in proptest::collection::vec(
            prop_oneof![Just(0xFF_u8), Just(0xD8), Just(0xD9), Just(0xDA), Just(0), any::<u8>()], 0..300,
        )) {
            let (frames, errors, stray) = frames(&bytes);
            let in_frames: usize = frames.iter().map(Vec::len).sum();
            prop_assert_eq!(in_frames as u64 + stray, bytes.len() as u64);
            prop_assert!(errors.len() <= 1);
        }
    }
}
