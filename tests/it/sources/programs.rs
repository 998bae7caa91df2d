//! What other programs write, in the layouts that their sources and documents show; `docs/coming-from.md` has the commands.

use edgetl::sources::scan;

use super::{Folder, outcome, times};

/// `clips/MODEL` of Frigate: labelled pictures in `dataset/CLASS`, attempts that wait for a label in `train`.
#[test]
fn frigates_classes_are_read_and_its_attempts_have_no_label_but_groups() {
    let labelled =
        times(3, &["dataset/resident/resident-175900000*.25-x1y2z*.png", "dataset/none/none-175900000*.5-q1w2e*.png"]);
    let attempts = [
        "train/1759000000.12345-ab12cd-1759000001.5-resident-0.93.webp",
        "train/1759000000.12345-ab12cd-1759000002.5-stranger-0.41.webp",
        "train/1759000100.5-zz99yy-1759000101.5-unknown-0.0.webp",
        "train/none-none-1759000200.5-open-1.0.webp",
    ];
    let folder = Folder::of(labelled.iter().map(String::as_str).chain(attempts));
    assert_eq!(outcome(folder.path()), "- 4; none 3; resident 3; said 4 attempts");
    let alone = scan(&folder.path().join("train")).unwrap();
    let groups: Vec<_> = alone.items.iter().map(|item| item.group.as_deref()).collect();
    let (first, second) = (Some("event 1759000000.12345-ab12cd"), Some("event 1759000100.5-zz99yy"));
    assert_eq!(groups, [first, first, second, None]);
    assert!(alone.items.iter().all(|item| item.label.is_none()));
}

/// `clips/faces` of Frigate: a folder for each person, beside the attempts.
#[test]
fn frigates_attempts_are_no_class_beside_faces() {
    let attempt = "train/1759000000.12345-ab12cd-1759000001.5-alice-0.93.webp";
    let folder = Folder::of(times(2, &["alice/*.webp", "bob/*.webp"]).iter().map(String::as_str).chain([attempt]));
    assert_eq!(outcome(folder.path()), "- 1; alice 2; bob 2; said 1 attempts");
}

/// An unpacked `.tm` project: every picture beside `manifest.json`, its class in its name.
#[test]
fn a_teachable_machine_project_is_read_once_it_is_unpacked() {
    let folder = Folder::of(times(3, &["Class 1-!-*.jpg", "red ant-!-*.png"]));
    folder.write("manifest.json", "{\"type\": \"image\"}");
    assert_eq!(outcome(folder.path()), "Class 1 3; red ant 3");
    let packed = folder.write("project.tm", "PK\x03\x04");
    assert_eq!(outcome(&packed), "error: expected a folder, a picture or a list, got the archive `IT`");
}

/// `Folder Structure` of Roboflow: `train`, `valid` and `test` with a folder for each class, and two texts.
#[test]
fn roboflows_folders_are_splits_with_classes() {
    let folder = Folder::of(times(2, &["train/daisy/d*_jpg.rf.0a1b.jpg", "valid/daisy/*.jpg", "test/rose/*.jpg"]));
    folder.write("README.roboflow.txt", "flowers");
    folder.write("README.dataset.txt", "flowers");
    assert_eq!(outcome(folder.path()), "test/rose 2; train/daisy 2; validation/daisy 2");
}

/// `Multi-Class Classification` of Roboflow: pictures beside `_classes.csv`, with a column for each class.
#[test]
fn roboflows_table_of_classes_is_read() {
    let folder = Folder::of(times(2, &["a*.jpg", "b*.jpg"]));
    let table = "filename, ant, bee\na0.jpg, 1, 0\na1.jpg, 1, 1\nb0.jpg, 0, 1\nb1.jpg, 0, 0\n";
    assert_eq!(outcome(&folder.write("_classes.csv", table)), "- 1; ant 1; ant+bee 1; bee 1");
}

/// Anomalib's folders, and the layout of MVTec AD that it reads: masks are pictures too, and stay a class that is said.
#[test]
fn anomalibs_folders_are_classes() {
    let folder = Folder::of(times(2, &["normal/*.png", "abnormal/*.png"]));
    assert_eq!(outcome(folder.path()), "abnormal 2; normal 2");
    let mvtec = Folder::of(times(
        2,
        &["train/good/*.png", "test/good/*.png", "test/crack/*.png", "ground_truth/crack/*_mask.png"],
    ));
    assert_eq!(
        outcome(mvtec.path()),
        "ground_truth 2; test/crack 2; test/good 2; train/good 2; said split test; said split train; said ground_truth of crack"
    );
}

/// What `camera-capture` of jetson-inference writes, with the list of classes beside it.
#[test]
fn what_jetson_inference_captured_is_read_as_splits() {
    let folder =
        Folder::of(times(2, &["train/tree/*.jpg", "val/tree/*.jpg", "test/tree/*.jpg", "train/background/*.jpg"]));
    let labels = folder.write("labels.txt", "background\ntree\n");
    assert_eq!(outcome(folder.path()), "test/tree 2; train/background 2; train/tree 2; validation/tree 2");
    assert!(
        outcome(&labels).starts_with("error: expected a first line that names the columns"),
        "{}",
        outcome(&labels)
    );
}

/// What `imprinting_learning.py` of Coral reads, and ImageNet's layout, in which Geti's Datumaro exports.
#[test]
fn folders_named_after_categories_are_classes() {
    assert_eq!(outcome(Folder::of(times(2, &["cat/*.jpg", "hot dog/*.jpg"])).path()), "cat 2; hot dog 2");
}
