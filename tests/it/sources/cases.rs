//! Every set of the shared cases with its right outcome.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use super::{outcome, shared_set};

const FOLDERS: &[(&str, &str)] = &[
    ("burst_coin", "train/day 80; train/night 80; validation/day 16; validation/night 16"),
    ("coco", "bus 12; car 12; train 12; said class train"),
    ("deep12", "ant 12; bee 12; empty 12"),
    ("deep16", "ant 12; bee 12; empty 12"),
    ("heic", "cat 6; dog 6; said 10 .heic; said 1 .mp4"),
    // That they are the same pictures shows when they are read.
    ("jetson_copy", "test/dairy 12; test/tea 12; train/dairy 12; train/tea 12; validation/dairy 12; validation/tea 12"),
    (
        "junk",
        "ant 12; bee 12; said passed over #recycle $RECYCLE.BIN .ipynb_checkpoints @eaDir System Volume Information __MACOSX \
         lost+found; said 1 hidden",
    ),
    ("nfd", "Biene 12; Käfer 24; said one Käfer"),
];

const PLAIN: &str = "ant 8; bee 8";

const LISTS: &[(&str, &str)] = &[
    ("abs_url.csv", "bee 1; refused http://127.0.0.1/a.jpg; refused ~/x.jpg"),
    ("array.json", PLAIN),
    ("backslash.csv", PLAIN),
    ("blank_lines.csv", PLAIN),
    ("bom.csv", PLAIN),
    ("bom.jsonl", PLAIN),
    ("bom_crlf.csv", PLAIN),
    ("bom_quoted.csv", PLAIN),
    ("comment.csv", PLAIN),
    ("cr_only.csv", PLAIN),
    ("crlf.csv", PLAIN),
    ("header_case.csv", PLAIN),
    ("header_filename.csv", PLAIN),
    ("img", "- 19"),
    ("int_label.jsonl", "0 8; 1 8"),
    ("labels.txt", "0 8; 1 8"),
    ("latin1.csv", "Biene 1; Käfer 1; said windows-1252"),
    ("metadata.jsonl", PLAIN),
    // Those that are not there say so when they are read.
    ("missing_files.csv", "ant 9; bee 9"),
    ("nan_label.csv", "- 3; said missing NA nan"),
    ("no_header.csv", PLAIN),
    ("onehot.csv", "ant 1; bee 1"),
    ("plain.csv", PLAIN),
    ("quotes.csv", "ant 2; bee 2"),
    ("semicolon.csv", PLAIN),
    ("sep.csv", PLAIN),
    ("tab.csv", PLAIN),
    ("tab.tsv", PLAIN),
    ("trailing_comma.csv", PLAIN),
    ("utf16.csv", PLAIN),
];

fn names(folder: &Path) -> BTreeSet<String> {
    std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[cfg_attr(not(has_shared), ignore = "needs ../shared")]
#[test]
fn every_set_of_the_shared_cases_has_its_right_outcome() {
    for (set, expected) in FOLDERS {
        assert_eq!(outcome(&shared_set(set)), *expected, "{set}");
    }
    for (list, expected) in LISTS {
        assert_eq!(outcome(&shared_set("lists").join(list)), *expected, "{list}");
    }
    let table = |table: &[(&str, &str)], more: Option<&str>| -> BTreeSet<String> {
        table.iter().map(|(name, _)| *name).chain(more).map(str::to_owned).collect()
    };
    assert_eq!(names(&shared_set("")), table(FOLDERS, Some("lists")));
    assert_eq!(names(&shared_set("lists")), table(LISTS, None));
}

#[cfg_attr(not(all(has_shared, has_python)), ignore = "needs ../shared and Python")]
#[test]
fn what_the_shared_cases_lay_out_has_its_right_outcome() {
    let folder = tempfile::tempdir().unwrap();
    let script = crate::common::shared().join("cases/make_odd.py");
    assert!(Command::new("python3").arg(script).arg(folder.path()).status().unwrap().success());
    assert_eq!(outcome(&folder.path().join("nonutf")), "bee 8; refused K\\xe4fer");
    assert_eq!(outcome(&folder.path().join("loop")), "ant 8; bee 8; refused ant/up");
}
