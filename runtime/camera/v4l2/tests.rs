//! The whole path from buffers to frames, with a driver that gives what it is told.

use std::cell::Cell;
use std::collections::VecDeque;

use image::codecs::jpeg::JpegEncoder;

use super::choice::Interval;
use super::yuyv::Matrix;
use super::*;

/// Every number of buffers stands for a moment at which so many wait.
#[derive(Default)]
struct Fake {
    formats: Vec<FourCc>,
    gives: Option<FourCc>,
    buffers: VecDeque<Vec<Vec<u8>>>,
    asleep: Cell<bool>,
    started: Option<Mode>,
    refuses: Option<io::ErrorKind>,
    unplugged: bool,
}

impl Driver for Fake {
    fn formats(&self) -> io::Result<Vec<FourCc>> {
        Ok(self.formats.clone())
    }

    fn sizes(&self, _: FourCc) -> Vec<Sizes> {
        let size = Dimensions { width: 4, height: 2 };
        vec![Sizes { least: size, most: size, step: size }]
    }

    fn intervals(&self, format: FourCc, _: Dimensions) -> Vec<Intervals> {
        let interval = Interval { numerator: 1, denominator: if format == *b"YUYV" { 10 } else { 30 } };
        vec![Intervals { least: interval, most: interval }]
    }

    fn start(&mut self, mode: &Mode) -> io::Result<Given> {
        if let Some(kind) = self.refuses {
            return Err(kind.into());
        }
        self.started = Some(mode.clone());
        let coding = Coding { matrix: Matrix::Bt601, full_range: false };
        let layout = Layout { size: mode.size, stride: mode.size.width * 2, coding };
        Ok(Given { format: self.gives.unwrap_or(mode.format), layout })
    }

    /// What waits in one moment is seen without patience, what comes in the next only with some.
    fn wait(&self, patience: Duration) -> io::Result<bool> {
        if self.unplugged {
            return Ok(true);
        }
        let is_waiting = self.buffers.front().is_some_and(|waiting| !waiting.is_empty());
        let is_awake = !self.asleep.replace(false) || !patience.is_zero();
        Ok(is_waiting && is_awake)
    }

    fn take(&mut self, into: &mut Vec<u8>) -> io::Result<()> {
        let no_device = io::Error::from_raw_os_error(rustix::io::Errno::NODEV.raw_os_error());
        let waiting = self.buffers.front_mut().filter(|_| !self.unplugged).ok_or(no_device)?;
        *into = waiting.remove(0);
        if waiting.is_empty() {
            self.buffers.pop_front();
            self.asleep.set(true);
        }
        Ok(())
    }
}

/// As many frames as come.
const WANTED: Wanted = Wanted { fps: 1000.0, max_bytes: 10_000 };

fn opened(driver: Fake) -> Result<Video<Fake>, CameraError> {
    Video::start(driver, Path::new("/dev/video7"), &WANTED).map(|mut video| {
        // Frames of a test come at once.
        video.pace = Pace::new(Duration::ZERO);
        video
    })
}

fn giving(format: &FourCc, buffers: &[&[Vec<u8>]]) -> Video<Fake> {
    let buffers = buffers.iter().map(|waiting| waiting.to_vec()).collect();
    opened(Fake { formats: vec![*format], buffers, ..Fake::default() }).unwrap()
}

fn next(video: &mut Video<Fake>) -> Option<Content> {
    video.next(Duration::from_millis(10)).unwrap().map(|frame| frame.content)
}

fn file(content: Option<Content>) -> Vec<u8> {
    let Some(Content::File(bytes)) = content else { panic!("expected a file, got {content:?}") };
    bytes.to_vec()
}

fn jpeg_file(seed: u8) -> Vec<u8> {
    let pixels: Vec<u8> = (0..16 * 16 * 3_u32).map(|i| (i * u32::from(seed | 1) % 251) as u8).collect();
    let mut file = Vec::new();
    JpegEncoder::new(&mut file).encode(&pixels, 16, 16, image::ExtendedColorType::Rgb8).unwrap();
    file
}

#[test]
fn jpeg_is_preferred_to_yuyv_and_yuyv_to_nothing() {
    let mode = |formats: &[&FourCc]| {
        let formats = formats.iter().map(|&&format| format).collect();
        opened(Fake { formats, ..Fake::default() }).map(|video| video.driver.started.unwrap())
    };
    let both = mode(&[b"GREY", b"YUYV", b"MJPG"]).unwrap();
    assert_eq!((both.format, both.encoding), (*b"MJPG", Encoding::Jpeg));
    assert_eq!(both.interval, Some(Interval { numerator: 1, denominator: 30 }));
    assert_eq!(mode(&[b"YUYV", b"JPEG"]).unwrap().format, *b"JPEG");
    let one = mode(&[b"YUYV"]).unwrap();
    assert_eq!((one.format, one.encoding), (*b"YUYV", Encoding::Yuyv));
    assert_eq!(one.interval, Some(Interval { numerator: 1, denominator: 10 }));
    let error = mode(&[b"GREY", b"Y16 "]).unwrap_err().to_string();
    assert_eq!(error, "expected a camera that gives MJPEG or YUYV, got GREY, Y16 from `/dev/video7`");
    assert!(mode(&[]).unwrap_err().to_string().contains("no pictures at all"));
}

#[test]
fn a_driver_that_sets_another_format_than_it_was_asked_for_is_not_believed() {
    let driver = Fake { formats: vec![*b"YUYV"], gives: Some(*b"NV12"), ..Fake::default() };
    let error = opened(driver).err().unwrap();
    assert!(matches!(&error, CameraError::Format { got, .. } if got == "NV12"), "{error}");
}

#[test]
fn a_camera_that_another_program_uses_says_so() {
    let driver = Fake { formats: vec![*b"MJPG"], refuses: Some(io::ErrorKind::ResourceBusy), ..Fake::default() };
    let error = opened(driver).err().unwrap();
    let CameraError::Device { source, .. } = &error else { panic!("{error}") };
    assert_eq!(source.kind(), io::ErrorKind::ResourceBusy);
}

#[test]
fn a_jpeg_file_is_cut_out_of_its_longer_buffer() {
    let buffer = [&jpeg_file(3)[..], &[0; 500], &jpeg_file(5)[..40]].concat();
    let mut video = giving(b"MJPG", &[&[buffer]]);
    assert_eq!(file(next(&mut video)), jpeg_file(3));
    assert!(next(&mut video).is_none());
}

#[test]
fn a_damaged_jpeg_file_is_passed_over_and_so_is_a_picture_within_it() {
    let whole = jpeg_file(3);
    let (cut, headless) = (whole[..whole.len() / 2].to_vec(), [&[0; 4][..], &whole].concat());
    let long = [&whole[..2], &[0xFF, 0xFE, 0xFF, 0xFF], &[7; 0xFFFD], &whole[2..]].concat();
    let buffers = [&[vec![]][..], &[cut], &[headless], &[long], std::slice::from_ref(&whole)];
    let mut video = giving(b"MJPG", &buffers);
    assert_eq!(file(next(&mut video)), whole);
}

#[test]
fn of_the_buffers_that_wait_the_newest_alone_becomes_a_frame() {
    let mut video = giving(b"MJPG", &[&[jpeg_file(1), jpeg_file(3), jpeg_file(5)], &[jpeg_file(7)]]);
    assert_eq!(file(next(&mut video)), jpeg_file(5));
    assert_eq!(file(next(&mut video)), jpeg_file(7));
}

#[test]
fn yuyv_becomes_pixels_once_a_buffer_is_whole() {
    let red = [81, 90, 81, 240].repeat(4);
    let mut video = giving(b"YUYV", &[&[red[..15].to_vec()], &[red]]);
    let Some(Content::Pixels(picture)) = next(&mut video) else { panic!("no pixels") };
    assert_eq!((picture.width(), picture.height()), (4, 2));
    assert!(picture.pixels().chunks(3).all(|pixel| pixel[0] > 250 && pixel[1] < 5 && pixel[2] < 5));
}

#[test]
fn frames_beyond_the_wanted_rate_are_not_made() {
    let mut video = giving(b"MJPG", &[&[jpeg_file(1)], &[jpeg_file(3)], &[jpeg_file(5)]]);
    video.pace = Pace::new(Duration::from_secs(3600));
    assert_eq!(file(next(&mut video)), jpeg_file(1));
    assert!(next(&mut video).is_none());
    assert!(video.driver.buffers.is_empty(), "they were taken, so that none grows old in its buffer");
}

#[test]
fn a_camera_that_is_unplugged_is_lost() {
    let mut video = giving(b"MJPG", &[&[jpeg_file(1)]]);
    next(&mut video).unwrap();
    video.driver.unplugged = true;
    let error = video.next(Duration::ZERO).unwrap_err();
    assert_eq!(error.to_string(), "no more frames come from `/dev/video7`");
    let CameraError::Lost { source, .. } = &error else { panic!("{error}") };
    assert_eq!(source.raw_os_error(), Some(rustix::io::Errno::NODEV.raw_os_error()));
}

#[test]
fn what_is_no_camera_is_refused_by_name() {
    let refused = |path: &str| open(Path::new(path), &WANTED).err().unwrap();
    assert!(matches!(refused("/dev/null"), CameraError::Format { .. }));
    let missing = refused("/dev/no such camera");
    assert!(matches!(&missing, CameraError::Device { source, .. } if source.kind() == io::ErrorKind::NotFound));
    assert!(matches!(refused("/dev/vid\0eo"), CameraError::Device { .. }), "a name that the crate panics at");
}
