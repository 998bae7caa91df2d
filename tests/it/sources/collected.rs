//! What `collect` stores, says and writes as JSON of sources that are not as they should be.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;

use edgetl::dataset::SampleId;
use edgetl::store::{Filter, Store};
use serde_json::{Value, json};

use super::{Folder, picture, times};
use crate::common::{Device, backbone};

fn collect(device: &Device, folder: &Folder) -> Value {
    device.json(&["collect", folder.path().to_str().unwrap(), "--backbone", backbone()]).remove(0)
}

/// The closing text of `collect`, which succeeds.
fn text(device: &Device, folder: &Folder) -> String {
    let run = device.edgetl(&["collect", folder.path().to_str().unwrap(), "--backbone", backbone()]);
    let run = { run }.env("EDGETL_PROVIDER", "tract").assert().success();
    String::from_utf8(run.get_output().stdout.clone()).unwrap()
}

fn copies(splits: &[&str]) -> Folder {
    let folder = Folder::of(Vec::<String>::new());
    for split in splits {
        for (label, number) in [("tea", 0), ("tea", 1), ("milk", 2), ("milk", 3)] {
            picture(&folder.path().join(format!("{split}/{label}/{number}.png")), number);
        }
    }
    folder
}

#[test]
fn pictures_that_are_in_every_split_train_and_that_is_said() {
    let (device, folder) = (Device::new(), copies(&["test", "train", "val"]));
    let report = collect(&device, &folder);
    assert_eq!((&report["stored"], &report["duplicates"]), (&json!(4), &json!(8)));
    let others = report["other_splits"].as_array().unwrap();
    assert_eq!(others.len(), 8);
    assert!(others.iter().all(|other| other["kept"] == "train" && other["offered"] != "train"), "{others:?}");
    let training = device.json(&["samples", "list", "--split", "train"]);
    assert_eq!(training.len(), 4);
    let text = text(&device, &folder);
    assert!(text.contains("\n8 pictures both for training and held out: they train"), "{text}");
}

#[test]
fn pictures_that_are_stored_to_be_held_out_stay_so() {
    let (device, held_out, training) = (Device::new(), copies(&["test"]), copies(&["train"]));
    let report = collect(&device, &held_out);
    assert_eq!(report["only_held_out"], json!(["milk", "tea"]));
    let report = collect(&device, &training);
    assert_eq!(report["other_splits"].as_array().unwrap().len(), 4);
    let text = text(&device, &training);
    assert!(text.contains("\n4 pictures stored for another split than they came for now, which stays"), "{text}");
}

#[test]
fn a_class_that_is_only_held_out_is_said_and_numbers_are_none() {
    let files = ["train/cat/*.png", "val/cat/a*.png", "val/dog/*.png"];
    let (device, folder) = (Device::new(), Folder::of(times(2, &files)));
    assert_eq!(collect(&device, &folder)["only_held_out"], json!(["dog"]));
    assert!(text(&device, &folder).contains("\nheld out only, so that nothing is learned of it: `dog`"));
    let numbers = Folder::of(times(2, &["train/1.5/*.png", "test/2.5/*.png"]));
    assert_eq!(collect(&Device::new(), &numbers)["only_held_out"], json!([]));
}

#[test]
fn a_list_whose_pictures_cannot_be_read_is_not_taken_for_held_out() {
    let (device, folder) = (Device::new(), Folder::of(["1.png", "2.png"]));
    let list = folder.write("list.csv", "path,label\n1.png,ant\ngone.png,bee\n2.png,nan\n");
    let arguments = ["collect", list.to_str().unwrap(), "--backbone", backbone()];
    let report = device.json(&arguments).remove(0);
    assert_eq!(
        (&report["only_held_out"], &report["stored"], report["failed"].as_array().unwrap().len()),
        (&json!([]), &json!(1), 2)
    );
    assert_eq!(report["remarks"][0]["remark"], "missing-labels");
    assert_eq!(device.json(&[&arguments[..], &["--label", "ant"]].concat())[0]["stored"], 1);
}

#[test]
fn labels_that_look_like_one_are_said() {
    let (device, folder) = (Device::new(), Folder::of(times(2, &["cat/*.png", "Cats/*.png", "dog/*.png"])));
    assert_eq!(collect(&device, &folder)["alike"], json!([["cat", "Cats"]]));
    let text = text(&device, &folder);
    assert!(text.contains("\nlabels that are perhaps one: `cat / Cats`; `edgetl samples merge FROM INTO`"), "{text}");
}

#[test]
fn everything_that_is_left_out_is_in_the_closing_text_and_in_json() {
    let files =
        ["train/*.png", "bus/*.png", "#recycle/*.png", "bus/*.HEIC", "film/*.mov", "deep/a/*.png", "bus/.*.png"];
    let (device, folder) = (Device::new(), Folder::of(times(3, &files)));
    let remarks = collect(&device, &folder)["remarks"].clone();
    let expected = json!([
        {"remark": "not-taken", "extension": "heic", "files": 3},
        {"remark": "not-taken", "extension": "mov", "files": 3},
        {"remark": "system-folders", "names": ["#recycle"]},
        {"remark": "hidden-pictures", "files": 3},
        {"remark": "split-name-is-class", "folder": "train", "beside": ["bus", "deep", "film"]},
        {"remark": "nothing-taken", "folder": folder.path().join("film"), "files": 3},
        {"remark": "class-of-folders", "label": "deep", "folders": ["a"]},
    ]);
    assert_eq!(remarks, expected);
    let text = text(&device, &folder);
    for said in [
        "3 files not taken: .heic is not read; `heif-convert",
        "3 files not taken: .mov is not read; `ffmpeg",
        "passed over: `#recycle`",
        "3 pictures passed over whose names begin with a dot",
        "`train` was taken for a class: pictures lie in it beside the classes `bus`, `deep`, `film`",
        "/film` was taken: 3 files not read",
        "1 folder became the one class `deep`: `a`",
    ] {
        assert!(text.contains(said), "{said}\n{text}");
    }
}

#[test]
fn a_long_list_of_what_was_not_used_is_cut_and_json_has_all_of_it() {
    let (device, folder) = (Device::new(), Folder::of(times(2, &["a/*.png", "b/*.png"])));
    (0..38).for_each(|number| drop(folder.write(&format!("a/broken{number}.png"), "broken")));
    let report = collect(&device, &folder);
    // They are copies of one another, each of which is said.
    assert_eq!((report["failed"].as_array().unwrap().len(), &report["seen"]), (38, &json!(42)));
    let text = text(&device, &folder);
    assert_eq!(text.matches("not used: `").count(), 10);
    assert!(text.contains("not used: and 28 more"), "{text}");
}

#[test]
fn a_source_of_films_and_heic_alone_is_an_error_with_the_remedy() {
    let (device, folder) = (Device::new(), Folder::of(["cat/1.HEIC", "dog/2.HEIC"]));
    for source in [folder.path().to_owned(), folder.path().join("cat/1.HEIC")] {
        let run = device.edgetl(&["collect", source.to_str().unwrap(), "--label", "x"]).assert().code(1);
        let said = String::from_utf8(run.get_output().stderr.clone()).unwrap();
        assert!(said.contains("not taken: .heic is not read") && said.contains("hint: `heif-convert"), "{said}");
    }
}

#[test]
fn many_remarks_of_one_kind_are_cut_and_json_has_all_of_them() {
    let classes: Vec<String> = (0..22).map(|class| format!("class {class}/deep/1.png")).collect();
    let (device, folder) = (Device::new(), Folder::of(classes.iter().map(String::as_str).chain(["a/b.HEIC"])));
    assert_eq!(collect(&device, &folder)["remarks"].as_array().unwrap().len(), 24);
    let text = text(&device, &folder);
    assert_eq!(text.matches("1 folder became the one class").count(), 10);
    assert!(text.contains("\nand 12 more of this kind") && text.contains(".heic is not read"), "{text}");
}

#[test]
fn a_path_that_is_no_utf8_is_stored_found_again_and_never_called_gone() {
    let names = [&b"bee/p\xff.png"[..], b"bee/p\xfe.png", b"bee/caf\xe9/1.png", b"ant/2.png", b"ant/3.png"];
    let (device, folder) = (Device::new(), Folder::of(names.map(OsStr::from_bytes)));
    assert_eq!(collect(&device, &folder)["stored"], 5);
    let sources: Vec<String> = device
        .json(&["samples", "list", "--label", "bee"])
        .iter()
        .map(|sample| sample["source"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(sources.iter().filter(|source| source.starts_with("file:///")).count(), 3, "{sources:?}");
    assert!(sources.iter().any(|source| source.ends_with("/bee/caf%E9/1.png")), "{sources:?}");
    for source in sources {
        assert_eq!(device.json(&["samples", "list", "--source", &source]).len(), 1, "{source}");
    }
    assert_eq!(device.json(&["samples", "list", "--source", folder.path().to_str().unwrap()]).len(), 5);
    let odd = folder.path().join(OsStr::from_bytes(b"bee/caf\xe9"));
    let listed = device.edgetl(&["samples", "list", "--json", "--source"]).arg(&odd).output().unwrap();
    assert_eq!(String::from_utf8(listed.stdout).unwrap().lines().count(), 1);
    assert_eq!(device.json(&["samples", "doctor"]).remove(0)["sources"], json!([]));
    std::fs::remove_file(odd.join("1.png")).unwrap();
    assert_eq!(device.json(&["samples", "doctor"]).remove(0)["sources"][0]["state"], "gone");
    let views = device.json(&["collect", folder.path().to_str().unwrap(), "--views", "2"]).remove(0);
    assert_eq!(views["views"], 8);
}

#[test]
fn a_label_is_the_same_in_every_unicode_form_wherever_it_is_typed() {
    let (composed, decomposed) = ("K\u{e4}fer", "Ka\u{308}fer");
    let files =
        [format!("{composed}/0.png"), format!("{decomposed}/1.png"), "Biene/2.png".into(), "Biene/3.png".into()];
    let (device, folder) = (Device::new(), Folder::of(files));
    let report = collect(&device, &folder);
    assert_eq!(report["labels"], json!({"Biene": 2, composed: 2}));
    assert_eq!(device.json(&["samples", "list", "--label", decomposed]).len(), 2);
    let id = device.json(&["samples", "list", "--label", "Biene"])[0]["id"].to_string();
    assert_eq!(device.json(&["samples", "relabel", decomposed, "--id", &id])[0]["changed"], 1);
    assert_eq!(device.json(&["samples", "list", "--count"])[0], json!({"Biene": 1, composed: 3}));
    let store = Store::open(&device.state().join("samples.db")).unwrap();
    let row = store.samples(&Filter::ids(vec![SampleId(id.parse().unwrap())])).unwrap().remove(0);
    assert_eq!(row.label.unwrap().as_str(), composed);
    drop(store);
    assert_eq!(device.json(&["samples", "rename", decomposed, "beetle"])[0]["changed"], 3);
}

#[test]
fn attempts_of_frigate_are_kept_without_a_label_and_with_their_event() {
    let attempt = |event: &str, number: u32| format!("train/{event}-175900000{number}.5-cat-0.9.png");
    let attempts =
        [attempt("1759000000.5-ab12cd", 1), attempt("1759000000.5-ab12cd", 2), attempt("1759000009.5-xy", 3)];
    let labelled = times(2, &["dataset/cat/cat-175900000*.5-q.png", "dataset/none/none-175900000*.5-w.png"]);
    let (device, folder) = (Device::new(), Folder::of(labelled.iter().chain(&attempts)));
    let report = collect(&device, &folder);
    assert_eq!((&report["stored"], report["failed"].as_array().unwrap().len()), (&json!(4), 3));
    assert!(text(&device, &folder).contains("3 attempts of Frigate without a label"));
    let train = folder.path().join("train");
    assert_eq!(device.json(&["collect", "--unlabelled", train.to_str().unwrap()])[0]["stored"], 3);
    let groups: Vec<Value> =
        device.json(&["samples", "list", "--unlabelled"]).iter().map(|sample| sample["group"].clone()).collect();
    assert_eq!(groups, ["event 1759000000.5-ab12cd", "event 1759000000.5-ab12cd", "event 1759000009.5-xy"]);
}
