//! Frames on standard input.

use serde_json::Value;

use crate::common::Device;

/// Drawings as a stream of JPEG files, with bytes between them that belong to none.
fn stream(device: &Device, shapes: &[&str]) -> Vec<u8> {
    let frame = |shape: &&str| {
        let picture = image::open(device.path(&format!("photos/{shape}/000.png"))).unwrap().to_rgb8();
        let mut file = Vec::new();
        picture.write_with_encoder(image::codecs::jpeg::JpegEncoder::new_with_quality(&mut file, 95)).unwrap();
        [file, vec![0xFF, 0xD9]].concat()
    };
    shapes.iter().flat_map(frame).collect()
}

fn answers(device: &Device, input: Vec<u8>) -> (Option<i32>, Vec<Value>, String) {
    let mut command = device.edgetl(&["predict", "-", "--json"]);
    let output = command.env("EDGETL_PROVIDER", "tract").write_stdin(input).output().unwrap();
    let lines = String::from_utf8(output.stdout).unwrap();
    let lines = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    (output.status.code(), lines, String::from_utf8(output.stderr).unwrap())
}

#[test]
fn each_frame_of_standard_input_has_an_answer_in_its_order() {
    let device = Device::taught();
    let (code, lines, said) = answers(&device, stream(&device, &["star", "ring", "cross"]));
    assert_eq!(code, Some(0), "{said}");
    let named: Vec<(&str, &str)> =
        lines.iter().map(|line| (line["path"].as_str().unwrap(), line["nearest"].as_str().unwrap())).collect();
    assert_eq!(named, [("frame 1", "star"), ("frame 2", "ring"), ("frame 3", "cross")]);
}

#[test]
fn a_frame_that_is_cut_off_is_told_and_an_empty_stream_names_the_way() {
    let device = Device::taught();
    let mut cut = stream(&device, &["star", "ring"]);
    cut.truncate(cut.len() - 40);
    let (code, lines, _) = answers(&device, cut);
    assert_eq!((code, lines.len()), (Some(1), 2));
    assert!(lines[1]["error"].as_str().unwrap().contains("ended within a frame"), "{lines:?}");
    let (code, lines, said) = answers(&device, Vec::new());
    assert!(code == Some(1) && lines.is_empty() && said.contains("ffmpeg"), "{said}");
}
