//! Lists: every spelling of the same four pictures reads alike; what is not clear is named.

use super::{Folder, outcome, times};

fn folder() -> Folder {
    Folder::of(times(2, &["img/ant*.jpg", "img/bee*.jpg"]))
}

const PLAIN: &str = "path,label\nimg/ant0.jpg,ant\nimg/ant1.jpg,ant\nimg/bee0.jpg,bee\nimg/bee1.jpg,bee\n";

#[test]
fn the_same_table_reads_alike_however_it_is_spelt() {
    let folder = folder();
    let semicolons = PLAIN.replace(',', ";");
    let tabs = PLAIN.replace(',', "\t");
    let headless = PLAIN.split_once('\n').unwrap().1;
    let turned: String =
        headless.lines().map(|line| line.split_once(',').unwrap()).map(|(a, b)| format!("{b};{a}\n")).collect();
    let utf16: Vec<u8> = format!("\u{feff}{PLAIN}").encode_utf16().flat_map(u16::to_le_bytes).collect();
    let tables: &[(&str, &[u8])] = &[
        ("plain.csv", PLAIN.as_bytes()),
        ("semicolons.csv", semicolons.as_bytes()),
        ("tabs.csv", tabs.as_bytes()),
        ("tabs.tsv", tabs.as_bytes()),
        ("bars.csv", &PLAIN.replace(',', "|").into_bytes()),
        ("marked.csv", &format!("\u{feff}{PLAIN}").into_bytes()),
        ("wide.csv", &utf16),
        ("returns.csv", &PLAIN.replace('\n', "\r").into_bytes()),
        ("both.csv", &PLAIN.replace('\n', "\r\n").into_bytes()),
        ("gaps.csv", &PLAIN.replace('\n', "\n\n").into_bytes()),
        ("said.csv", &format!("sep=;\r\n{semicolons}").into_bytes()),
        ("commented.csv", &format!("# by hand\n\n{PLAIN}").into_bytes()),
        ("more.csv", &PLAIN.replace(",ant", ",ant,").replace(",bee", ",bee,,").into_bytes()),
        ("quoted.csv", &PLAIN.replace("img/ant0.jpg,ant", "\"img/ant0.jpg\",\"ant\"").into_bytes()),
        ("named.csv", &format!("Class Name;File-Name\n{turned}").into_bytes()),
        ("headless.csv", headless.as_bytes()),
        ("turned.csv", turned.as_bytes()),
        ("spaces.txt", &headless.replace(',', " ").into_bytes()),
        ("windows.csv", &PLAIN.replace('/', "\\").into_bytes()),
    ];
    for (name, bytes) in tables {
        assert_eq!(outcome(&folder.write(name, bytes)), "ant 2; bee 2", "{name}");
    }
}

#[test]
fn json_reads_alike_as_lines_and_as_a_list() {
    let folder = folder();
    let objects: Vec<String> = PLAIN
        .lines()
        .skip(1)
        .map(|line| line.split_once(',').unwrap())
        .map(|(path, label)| format!("{{\"file_name\": \"{path}\", \"Label\": \"{label}\", \"width\": 3}}"))
        .collect();
    let lines = objects.join("\n");
    for (name, text) in [
        ("lines.jsonl", lines.clone()),
        ("marked.ndjson", format!("\u{feff}{lines}")),
        ("list.json", format!("[{}]", objects.join(",\n"))),
        ("lines.json", lines.clone()),
    ] {
        assert_eq!(outcome(&folder.write(name, text)), "ant 2; bee 2", "{name}");
    }
    let numbers = "{\"image\": \"img/ant0.jpg\", \"label\": 0}\n{\"image\": \"img/bee0.jpg\", \"label\": 2.5, \"set\": \"val\"}\n\
                   {\"image\": \"img/bee1.jpg\", \"label\": [\"a\", \"b\"]}\n{\"image\": \"img/bee0.jpg\", \"label\": null}";
    assert_eq!(outcome(&folder.write("numbers.jsonl", numbers)), "- 1; 0 1; a+b 1; validation/2.5 1");
}

#[test]
fn what_a_list_does_not_say_clearly_is_named() {
    let folder = folder();
    for (name, bytes, expected) in [
        ("latin.csv", &b"path,label\nimg/ant0.jpg,K\xe4fer\n"[..], "Käfer 1; said windows-1252"),
        (
            "missing.csv",
            b"path,label\nimg/ant0.jpg,NaN\nimg/ant1.jpg,\nimg/bee0.jpg,bee\n",
            "- 2; bee 1; said missing NaN",
        ),
        (
            "urls.csv",
            b"path,label\nhttps://host/a.jpg,ant\n~/b.jpg,bee\nfile:///c.jpg,bee\n",
            "bee 1; refused https://host/a.jpg; refused ~/b.jpg",
        ),
        (
            "other.csv",
            b"id,breed\n7,boxer\n",
            "error: expected a first line that names the columns, one of them `path`, in `IT`, got `id`, `breed`",
        ),
        ("twice.csv", b"image,file,label\n", "error: expected one column for each thing in `IT`, got `image`, `file`"),
        ("comma.csv", b"path,label\nimg/a, b.jpg,ant\n", "error: expected 2 columns in line 2 of `IT`, got 3"),
        ("sheet.csv", b"PK\x03\x04\0\0", "error: expected text, got something else in `IT`"),
        (
            "coco.json",
            b"{\n\"images\": [],\n\"annotations\": []\n}",
            "error: expected a key `path` in entry 1 of `IT`, got `annotations`, `images`",
        ),
        ("empty.csv", b"\n", "error: expected pictures in folders named after their labels, got no picture in `IT`"),
        (
            "none.csv",
            b"path,label\n",
            "error: expected pictures in folders named after their labels, got no picture in `IT`",
        ),
        ("odd.bmp2", b"", "error: expected a folder, a picture or a list (.csv, .tsv, .txt, .json, .jsonl), got `IT`"),
    ] {
        assert_eq!(outcome(&folder.write(name, bytes)), expected, "{name}");
    }
}

#[test]
fn a_file_whose_name_is_in_another_unicode_form_is_found() {
    let folder = Folder::of(["img/Ka\u{308}fer.jpg", "img/Mu\u{308}cke 1.jpg"]);
    let list = folder.write("list.csv", "path,label\nimg\\K\u{e4}fer.jpg,a\nimg/M\u{fc}cke 1.jpg,b\n");
    assert!(edgetl::sources::scan(&list).unwrap().items.iter().all(|item| item.path.exists()));
}
