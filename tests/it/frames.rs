//! Frames on standard input.

use serde_json::Value;

use crate::common::Device;

/// Drawings as JPEG files.
fn jpegs(device: &Device, shapes: &[&str]) -> Vec<Vec<u8>> {
    let frame = |shape: &&str| {
        let picture = image::open(device.path(&format!("photos/{shape}/000.png"))).unwrap().to_rgb8();
        let mut file = Vec::new();
        picture.write_with_encoder(image::codecs::jpeg::JpegEncoder::new_with_quality(&mut file, 95)).unwrap();
        file
    };
    shapes.iter().map(frame).collect()
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
    let frames = jpegs(&device, &["star", "ring", "cross"]);
    let files: Vec<String> = (1..=3).map(|number| format!("{number}.jpg")).collect();
    files.iter().zip(&frames).for_each(|(file, frame)| std::fs::write(device.path(file), frame).unwrap());
    // A second end marker behind each, as some cameras leave.
    let (code, lines, said) = answers(&device, frames.join(&[0xFF, 0xD9][..]));
    assert_eq!((code, lines.len()), (Some(0), 3), "{said}");
    let by_file = device.json(&["predict", &files[0], &files[1], &files[2]]);
    for (number, (frame, file)) in lines.iter().zip(&by_file).enumerate() {
        assert_eq!(frame["path"], format!("frame {}", number + 1));
        assert_eq!((&frame["nearest"], &frame["score"]), (&file["nearest"], &file["score"]));
    }
}

#[test]
fn a_frame_that_is_cut_off_is_told_and_an_empty_stream_names_the_way() {
    let device = Device::taught();
    let mut cut = jpegs(&device, &["star", "ring"]).concat();
    cut.truncate(cut.len() - 40);
    let (code, lines, _) = answers(&device, cut);
    assert_eq!((code, lines.len()), (Some(1), 2));
    assert!(lines[1]["error"].as_str().unwrap().contains("ended within a frame"), "{lines:?}");
    let (code, lines, said) = answers(&device, Vec::new());
    assert!(code == Some(1) && lines.is_empty() && said.contains("ffmpeg"), "{said}");
}
