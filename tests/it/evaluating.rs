//! `eval` measures on pictures that the head has not seen, and says which it left out.

use predicates::prelude::PredicateBooleanExt as _;
use predicates::str::contains;

use crate::common::Device;

#[test]
fn eval_on_the_training_pictures_alone_gives_no_number() {
    let device = Device::taught();
    let refused = device.edgetl(&["eval", "photos", "--provider", "tract", "--report", "page.html"]).assert().code(1);
    refused.stdout("").stderr(
        contains("expected pictures that the head was not fitted on, got 48 pictures that may have been")
            .and(contains("--split test"))
            .and(contains("edgetl heads show")),
    );
    assert!(!device.path("page.html").exists());
}

#[test]
fn training_pictures_among_others_are_counted_and_measured_nowhere() {
    let device = Device::taught();
    device.draw("mixed", 3, 500);
    let alone = device.json(&["eval", "mixed"]).remove(0);
    assert_eq!((alone["samples"].as_u64(), alone["trained_on"].as_u64()), (Some(18), Some(0)));
    for shape in ["star", "ring"] {
        // Under other names and labels: the content tells.
        for number in 0..4 {
            let from = device.path(&format!("photos/{shape}/00{number}.png"));
            std::fs::copy(from, device.path(&format!("mixed/circle/{shape}{number}.png"))).unwrap();
        }
    }
    let mixed = device.json(&["eval", "mixed", "--report", "page.html"]).remove(0);
    assert_eq!((mixed["samples"].as_u64(), mixed["trained_on"].as_u64()), (Some(18), Some(8)));
    for key in ["accuracy", "macro_f1", "nll", "ece", "confusion"] {
        assert_eq!(mixed[key], alone[key], "{key}");
    }
    let page = std::fs::read_to_string(device.path("page.html")).unwrap();
    assert!(page.contains("8 pictures left out: stored to train with"), "{page:.2000}");
    let said = device.edgetl(&["eval", "mixed", "--provider", "tract"]).assert();
    said.stdout(contains("8 pictures left out: stored to train with"));
}

#[test]
fn pictures_that_were_stored_to_test_with_are_measured() {
    let device = Device::taught();
    device.draw("aside", 2, 700);
    device.json(&["collect", "aside", "--split", "test"]);
    for arguments in [&["eval", "aside"][..], &["eval"]] {
        let evaluated = device.json(arguments).remove(0);
        assert_eq!((evaluated["samples"].as_u64(), evaluated["trained_on"].as_u64()), (Some(12), Some(0)));
    }
}
