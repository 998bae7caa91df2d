//! Names that strangers give to files, classes and networks: none of them reaches a terminal raw or makes a line of its
//! own, in text, in JSON, in the log or in an error.

use std::path::Path;

use edgetl::labels::Label;
use edgetl::store::Store;
use prost::Message;
use tract_onnx::pb;

use crate::common::{Device, backbone};

/// Sets the clipboard, sets the title, clears the screen by one character, turns the line around, and begins another.
const NAME: &str =
    "a\u{1b}]52;c;ZXZpbA==\u{7}b\u{1b}]0;evil\u{7}c\u{9b}2Jd\u{202e}e\u{200b}f\nerror: forged\r\nhint: run this";

/// Runs `arguments` in text and in JSON and holds that nothing hidden comes out; gives both outputs together.
fn shows_nothing_raw(device: &Device, arguments: &[&str]) -> String {
    let mut all = String::new();
    for more in [&[][..], &["--json"], &["-vv"]] {
        let command = [arguments, more].concat();
        let output = device.edgetl(&command).env("EDGETL_PROVIDER", "tract").output().unwrap();
        for bytes in [output.stdout, output.stderr] {
            let text = String::from_utf8(bytes).expect("what is printed is text");
            let raw = |c: &char| *c != '\n' && edgetl::printable::is_hidden(*c);
            assert_eq!(text.chars().find(raw), None, "{command:?}: {text:?}");
            let forged = |line: &str| line.starts_with("error: forged") || line.starts_with("hint: run");
            assert!(!text.lines().any(forged), "{command:?}: {text}");
            all.push_str(&text);
        }
    }
    all
}

/// `gap.onnx` in which everything that can have a name has one of [`NAME`]'s kind.
fn odd_network(path: &Path) {
    let mut model = pb::ModelProto::decode(std::fs::read(backbone()).unwrap().as_slice()).unwrap();
    let graph = model.graph.as_mut().unwrap();
    let odd = |name: &mut String| *name = format!("{name}{NAME}");
    for node in &mut graph.node {
        node.input.iter_mut().chain(&mut node.output).filter(|name| !name.is_empty()).for_each(odd);
        odd(&mut node.name);
    }
    graph.initializer.iter_mut().for_each(|tensor| odd(&mut tensor.name));
    graph.input.iter_mut().chain(&mut graph.output).chain(&mut graph.value_info).for_each(|value| odd(&mut value.name));
    odd(&mut graph.name);
    odd(&mut model.producer_name);
    model.metadata_props.push(pb::StringStringEntryProto { key: "names".into(), value: format!("{{0: '{NAME}'}}") });
    std::fs::write(path, model.encode_to_vec()).unwrap();
}

#[test]
fn the_names_of_pictures_and_folders_reach_no_terminal_raw() {
    let device = Device::taught();
    let folder = device.path(&format!("x{NAME}"));
    std::fs::create_dir_all(folder.join("star")).unwrap();
    let picture = device.draw("more", 1, 50).join("star/000.png");
    std::fs::copy(picture, folder.join(format!("star/{NAME}.png"))).unwrap();
    std::fs::write(folder.join(format!("star/broken{NAME}.png")), "broken").unwrap();
    let folder = folder.to_str().unwrap();
    for command in [
        &["predict", folder][..],
        &["predict", NAME],
        &["collect", folder],
        &["collect", NAME],
        &["samples", "list"],
        &["samples", "doctor"],
        &["eval", folder],
        &["heads", "show", NAME],
        &["backbone", "use", NAME],
        &["backbone", "inspect", NAME],
        &["collect", "photos", "--label", NAME],
        &["doctor", "--onnxruntime", NAME],
        &["doctor", "--config", NAME],
        &["doctor", "--state", folder],
        &[NAME],
        &[&format!("--{NAME}")],
    ] {
        let shown = shows_nothing_raw(&device, command);
        // A flag's name ends at its `=`, and findings need not be of that picture.
        let spelt_out = shown.contains("forged") || command[0].starts_with("--") || command[1] == "doctor";
        assert!(spelt_out, "the name is shown, spelt out: {command:?}: {shown}");
    }
}

#[test]
fn the_names_in_a_network_reach_no_terminal_raw() {
    let device = Device::new();
    let network = device.path("net.onnx");
    odd_network(&network);
    let path = network.to_str().unwrap();
    for command in [
        &["backbone", "inspect", path][..],
        &["backbone", "import", path, "--feature", NAME],
        &["backbone", "import", path],
        &["backbone", "inspect", "net"],
        &["backbone", "list"],
    ] {
        shows_nothing_raw(&device, command);
    }
    assert!(shows_nothing_raw(&device, &["backbone", "inspect", path]).contains("forged"));
    if cfg!(has_onnxruntime) {
        let library = crate::common::onnxruntime();
        let library = library.to_str().unwrap();
        shows_nothing_raw(&device, &["backbone", "import", path, "--onnxruntime", library, "--provider", "cpu"]);
    }
}

#[test]
fn a_label_with_what_cannot_be_seen_is_refused_by_name_and_one_that_is_stored_can_be_mended() {
    let device = Device::new();
    device.draw("photos", 2, 0);
    let refused = |arguments: &[&str], code: i32| {
        let output = device.edgetl(arguments).env("EDGETL_PROVIDER", "tract").output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{stderr}");
        assert!(stderr.contains("st\\u{200b}ar") && stderr.contains("characters that cannot be seen"), "{stderr}");
    };
    refused(&["collect", "photos", "--label", "st\u{200b}ar"], 2);
    device.json(&["collect", "photos", "--backbone", backbone()]);
    refused(&["samples", "rename", "star", "st\u{200b}ar"], 2);
    // As a program before this one stored it.
    let mut store = Store::open(&device.state().join("samples.db")).unwrap();
    let (star, odd) = (Label::new("star").unwrap(), Label::known("st\u{200b}ar").unwrap());
    store.rename_label(&star, &odd).unwrap();
    drop(store);
    let fitted = device.json(&["fit-head"]).remove(0);
    assert!(fitted["classes"].as_array().unwrap().contains(&odd.as_str().into()), "{fitted}");
    let counts = device.json(&["samples", "list", "--count"]).remove(0);
    assert_eq!(counts["st\u{200b}ar"], 2);
    assert!(shows_nothing_raw(&device, &["samples", "list", "--count"]).contains("st\\u{200b}ar"));
    let renamed = device.json(&["samples", "rename", "st\u{200b}ar", "star"]).remove(0);
    assert_eq!(renamed["changed"], 2);
}
