//! Folders and lists as people bring them: what becomes of each picture, and what is said.

mod cases;
mod collected;
mod folders;
mod lists;
mod programs;

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use edgetl::sources::{Item, Remark, scan};

/// A folder with small pictures in it, each of its own; other files hold a few bytes.
struct Folder(tempfile::TempDir);

impl Folder {
    fn of<T: AsRef<OsStr>>(files: impl IntoIterator<Item = T>) -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        for (file, seed) in files.into_iter().zip(0_u32..) {
            picture(&folder.path().join(file.as_ref()), seed);
        }
        folder
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, bytes).unwrap();
        path
    }
}

/// Names with numbers: `bus/*.jpg` three times is `bus/0.jpg` and so on.
fn times(count: usize, patterns: &[&str]) -> Vec<String> {
    let numbered =
        |pattern: &&str| (0..count).map(|number| pattern.replace('*', &number.to_string())).collect::<Vec<_>>();
    patterns.iter().flat_map(numbered).collect()
}

/// A picture of noise that no other seed has, in the format of its suffix; JPEG for one that has none.
fn picture(path: &Path, seed: u32) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let level = |x: u32, y: u32, channel: u32| (x * 7 + y * 13 + channel * 31 + seed * 97 + x * y * (seed % 5)) as u8;
    let pixels = image::RgbImage::from_fn(40, 32, |x, y| image::Rgb([0, 1, 2].map(|channel| level(x, y, channel))));
    let png = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("png"));
    let format = if png { image::ImageFormat::Png } else { image::ImageFormat::Jpeg };
    pixels.save_with_format(path, format).unwrap();
}

/// What becomes of the pictures of a source, on one line: how many of each split and label, what is refused, what is said.
fn outcome(source: &Path) -> String {
    let found = match scan(source) {
        Ok(found) => found,
        Err(error) => return format!("error: {}", error.to_string().replace(&*source.to_string_lossy(), "IT")),
    };
    let mut counts = BTreeMap::<String, usize>::new();
    for item in &found.items {
        *counts.entry(place(item)).or_default() += 1;
    }
    let counts = counts.into_iter().map(|(place, count)| format!("{place} {count}"));
    let refused = found.refused.iter().map(|refused| {
        let path = refused.path.strip_prefix(source).unwrap_or(&refused.path);
        format!("refused {}", path.as_os_str().as_encoded_bytes().escape_ascii())
    });
    let said = found.remarks.iter().map(|remark| format!("said {}", said(remark)));
    counts.chain(refused).chain(said).collect::<Vec<_>>().join("; ")
}

fn place(item: &Item) -> String {
    let label = item.label.as_ref().map_or("-", |label| label.as_str());
    item.split.map_or(label.to_owned(), |split| format!("{split}/{label}"))
}

/// What a remark is about.
fn said(remark: &Remark) -> String {
    match remark {
        Remark::NotTaken { extension, files } => format!("{files} .{extension}"),
        Remark::NothingTaken { folder, .. } => format!("nothing of {}", folder.rsplit('/').next().unwrap()),
        Remark::SystemFolders { names } => format!("passed over {}", names.join(" ")),
        Remark::HiddenPictures { files } => format!("{files} hidden"),
        Remark::SplitNameIsClass { folder, .. } => format!("class {folder}"),
        Remark::SplitBesideClasses { folder, .. } => format!("split {folder}"),
        Remark::ClassOfFolders { label, folders } => format!("{label} of {}", folders.join(" ")),
        Remark::OneClass { label, .. } => format!("one {label}"),
        Remark::Attempts { pictures } => format!("{pictures} attempts"),
        Remark::MissingLabels { found, .. } => format!("missing {}", found.join(" ")),
        Remark::Encoding { encoding, .. } => encoding.clone(),
        other => panic!("{other:?} has no short form yet"),
    }
}

fn shared_set(name: &str) -> PathBuf {
    crate::common::shared().join("cases/sets").join(name)
}
