//! The small pictures that `collect` keeps for people to look at.

use image::{ImageFormat, load_from_memory_with_format};
use rusqlite::Connection;

use crate::common::{Device, backbone};

fn sql(device: &Device) -> Connection {
    Connection::open(device.state().join("samples.db")).unwrap()
}

fn thumbnails(device: &Device) -> Vec<(i64, Vec<u8>)> {
    let sql = sql(device);
    let mut rows = sql.prepare("SELECT sample_id, image FROM thumbnails ORDER BY sample_id").unwrap();
    rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap().map(Result::unwrap).collect()
}

#[test]
fn every_collected_picture_has_a_small_jpeg_file_in_the_store() {
    let device = Device::new();
    let photos = device.path("photos/wide");
    std::fs::create_dir_all(&photos).unwrap();
    for (name, width, height) in [("a.png", 640, 320), ("b.png", 90, 200), ("c.png", 50, 40)] {
        let colour = image::Rgb([width as u8, height as u8, 7]);
        image::RgbImage::from_pixel(width, height, colour).save(photos.join(name)).unwrap();
    }
    device.json(&["collect", "photos", "--backbone", backbone()]);
    let sizes: Vec<(u32, u32)> = thumbnails(&device)
        .iter()
        .map(|(_, image)| load_from_memory_with_format(image, ImageFormat::Jpeg).unwrap().to_rgb8().dimensions())
        .collect();
    assert_eq!(sizes, [(160, 80), (72, 160), (50, 40)]);
}

#[test]
fn samples_of_an_older_program_get_theirs_when_their_pictures_are_seen_again() {
    let device = Device::taught();
    let before = thumbnails(&device);
    let samples = device.json(&["samples", "list"]);
    sql(&device).execute("DELETE FROM thumbnails WHERE sample_id <> 3", []).unwrap();
    let again = device.json(&["collect", "photos"]).remove(0);
    assert_eq!((&again["stored"], &again["duplicates"]), (&0.into(), &48.into()), "{again}");
    assert_eq!(thumbnails(&device), before);
    assert_eq!(device.json(&["samples", "list"]), samples);
}

#[test]
fn a_report_shows_pictures_whose_files_are_gone() {
    let device = Device::taught();
    std::fs::rename(device.path("photos"), device.path("moved")).unwrap();
    let page = |arguments: &[&str]| {
        device.json(arguments);
        std::fs::read_to_string(device.path("page.html")).unwrap()
    };
    let fitted = page(&["fit-head", "--report", "page.html"]);
    // Those that went worst, and all of them on the map of the store.
    assert_eq!(fitted.matches("data:image/jpeg").count(), 12 + 48);
    // The same pictures, kept aside.
    sql(&device).execute_batch("DELETE FROM samples").unwrap();
    device.json(&["collect", "moved", "--split", "test"]);
    std::fs::rename(device.path("moved"), device.path("photos")).unwrap();
    let measured = page(&["eval", "--report", "page.html"]);
    assert_eq!(measured.matches("data:image/jpeg").count(), 12);
}
