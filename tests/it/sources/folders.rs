//! Folders: names of splits that are classes, folders of systems, what is no picture, names in several forms.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use super::{Folder, outcome, times};

#[test]
fn folders_of_every_kind_have_their_right_outcome() {
    for (files, expected) in [
        (&["truck/*.jpg", "train/*.jpg", "plane/*.jpg"][..], "plane 2; train 2; truck 2; said class train"),
        (&["valid/*.png", "invalid/*.png"], "invalid 2; valid 2; said class valid"),
        (&["Test/*.jpg", "rest/*.jpg"], "Test 2; rest 2; said class Test"),
        (&["dataset/*.jpg", "poster/*.jpg"], "dataset 2; poster 2; said class dataset"),
        (&["train/a/*.jpg", "valid/a/*.jpg"], "train/a 2; validation/a 2"),
        (&["train/a/*.jpg", "b/*.jpg"], "b 2; train/a 2; said split train"),
        (&["train/*.jpg", "val/*.jpg"], "train/- 2; validation/- 2"),
        (&["dataset/train/a/*.jpg", "dataset/val/a/*.jpg"], "train/a 2; validation/a 2"),
        (&["fl/train/daisy/*.jpg", "fl/val/rose/*.jpg"], "fl 4; said fl of train val"),
        (&["a/*.jpg", "a/deep/*.jpg", "b/x/*.jpg"], "a 4; b 2; said b of x"),
        (
            &["a/*.jpg", "$Recycle.Bin/*.jpg", "a/@eaDir/*.jpg", ".Trash-1000/*.jpg"],
            "a 2; said passed over $Recycle.Bin .Trash-1000 @eaDir",
        ),
        (
            &["a/*.jpg", "System Volume Information/*.jpg", "LOST.DIR/*.jpg"],
            "a 2; said passed over LOST.DIR System Volume Information",
        ),
        (&["a/*.jpg", "a/._*.jpg", "#1/*.jpg"], "#1 2; a 2; said 2 hidden"),
        (
            &["a/*.jpg", "b/*.heic", "a/*.MP4", "b/*.pic"],
            "a 2; said 2 .heic; said 2 .mp4; said 2 .pic; said nothing of b",
        ),
        (&["a/*.jfif", "b/*.jpe", "c/*.JPEG"], "a 2; b 2; c 2"),
        (&["a/*", "b/*.jpg"], "b 2; said 2 .; said nothing of a"),
        (&["Ka\u{308}fer/*.jpg", "K\u{e4}fer/x*.jpg"], "Käfer 4; said one Käfer"),
        (&["ant/*.jpg", "ant /x*.jpg"], "ant 4; said one ant"),
        (
            &["a/*.heic"],
            "error: expected pictures in folders named after their labels, got no picture in `IT`; 2 files not taken: .heic is not \
             read; nothing of `IT/a` was taken: 2 files not read",
        ),
    ] {
        assert_eq!(outcome(Folder::of(times(2, files)).path()), expected, "{files:?}");
    }
}

#[test]
fn a_folder_whose_name_is_no_utf8_is_refused_by_name_and_the_path_of_a_picture_keeps_its_bytes() {
    let names = [&b"K\xe4fer/1.jpg"[..], b"K\xf6ln/2.jpg", b"bee/p\xff.jpg", b"bee/p\xfe.jpg"];
    let folder = Folder::of(names.map(OsStr::from_bytes));
    assert_eq!(outcome(folder.path()), "bee 2; refused K\\xe4fer; refused K\\xf6ln");
    let found = edgetl::sources::scan(folder.path()).unwrap();
    let inside = |path: &Path| path.strip_prefix(folder.path()).unwrap().as_os_str().as_bytes().to_vec();
    let paths: Vec<Vec<u8>> = found.items.iter().map(|item| inside(&item.path)).collect();
    assert_eq!(paths, [&b"bee/p\xfe.jpg"[..], b"bee/p\xff.jpg"]);
}
