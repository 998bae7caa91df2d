//! A camera at this machine, on the kernel's test camera: `tools/camera/vivid` runs these in an emulated machine.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use edgetl::camera::{Bell, Content, Feed, Frame, Wanted};
use edgetl::preprocess::Picture;

/// The columns of its picture, from left to right: three quarters of white, yellow, … black.
const BARS: [[u8; 3]; 8] =
    [[191, 191, 191], [191, 191, 0], [0, 191, 191], [0, 191, 0], [191, 0, 191], [191, 0, 0], [0, 0, 191], [0, 0, 0]];

fn feed() -> Feed {
    let wanted = Wanted { fps: 5.0, max_bytes: 1 << 20 };
    Feed::start("v4l2:/dev/video0".parse().unwrap(), wanted, Arc::new(Bell::default()), true).unwrap()
}

/// What `look` finds, in time that is enough for an emulated machine.
fn awaited<T>(feed: &Feed, mut look: impl FnMut(&Feed) -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = look(feed) {
            return found;
        }
        assert!(start.elapsed() < Duration::from_secs(60), "{:?}", feed.status());
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn picture(frame: Frame) -> Arc<Picture> {
    match frame.content {
        Content::Pixels(picture) => picture,
        Content::File(_) => panic!("the test camera has no MJPEG"),
    }
}

fn failure(feed: &Feed) -> Option<String> {
    let activity = format!("{:?}", feed.status().activity);
    activity.starts_with("Failed").then_some(activity)
}

/// The mean colour in the middle of each column, below what is written into the picture.
fn columns(picture: &Picture) -> Vec<[u8; 3]> {
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let line = &picture.pixels()[height * 3 / 4 * width * 3..][..width * 3];
    let column = |index: usize| {
        let pixels = &line[(width * index / 8 + width / 32) * 3..][..width / 16 * 3];
        [0, 1, 2].map(|channel| {
            let values = pixels.iter().skip(channel).step_by(3);
            (values.map(|&value| u32::from(value)).sum::<u32>() / (width as u32 / 16)) as u8
        })
    };
    (0..8).map(column).collect()
}

#[test]
#[ignore = "needs the kernel's test camera: tools/camera/vivid"]
fn its_colours_come_as_they_are() {
    let feed = feed();
    let picture = picture(awaited(&feed, Feed::take));
    assert_eq!((picture.width(), picture.height()), (1280, 720));
    let columns = columns(&picture);
    println!("columns: {columns:?}");
    for (got, wanted) in columns.iter().flatten().zip(BARS.iter().flatten()) {
        assert!(got.abs_diff(*wanted) <= 3, "expected {BARS:?}, got {columns:?}");
    }
}

#[test]
#[ignore = "needs the kernel's test camera: tools/camera/vivid"]
fn frame_after_frame_comes_and_each_is_another_one() {
    let (feed, start) = (feed(), Instant::now());
    let first = awaited(&feed, Feed::take);
    let others: Vec<Frame> = (0..20).map(|_| awaited(&feed, Feed::take)).collect();
    println!("20 frames at {:?}: {:?}", start.elapsed(), feed.status());
    assert!(others.iter().all(|frame| frame.content != first.content && frame.taken > first.taken));
}

#[test]
#[ignore = "needs the kernel's test camera: tools/camera/vivid"]
fn a_second_user_is_told_that_it_is_busy_and_gets_it_once_it_is_free() {
    let first = feed();
    awaited(&first, Feed::take);
    let second = feed();
    let because = awaited(&second, failure);
    println!("{because}");
    assert!(because.contains("cannot open `/dev/video0`") && because.contains("busy"), "{because}");
    drop(first);
    awaited(&second, Feed::take);
}

#[test]
#[ignore = "needs the kernel's test camera: tools/camera/vivid"]
fn one_that_is_unplugged_and_plugged_in_again_goes_on() {
    let driver = Path::new("/sys/bus/platform/drivers/vivid");
    let feed = feed();
    awaited(&feed, Feed::take);
    std::fs::write(driver.join("unbind"), "vivid.0").unwrap();
    let because = awaited(&feed, failure);
    println!("{because}");
    assert!(because.contains("no more frames come from `/dev/video0`"), "{because}");
    std::fs::write(driver.join("bind"), "vivid.0").unwrap();
    while feed.take().is_some() {}
    awaited(&feed, Feed::take);
}
