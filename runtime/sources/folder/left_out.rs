//! What lies in folders of pictures and is not read.

use std::ffi::OsStr;
use std::io::Read as _;
use std::path::Path;

use crate::files;

/// Folders that file systems, network drives and archives leave behind, in small letters; those with a dot in front are
/// all of that kind.
const SYSTEM_FOLDERS: [&str; 22] = [
    "#recycle",
    "#snapshot",
    "$recycle.bin",
    "$windows.~bt",
    "@appstore",
    "@eadir",
    "@recently-snapshot",
    "@recycle",
    "@sharebin",
    "@sharesnap",
    "@tmp",
    "__macosx",
    "__pycache__",
    "config.msi",
    "lost+found",
    "lost.dir",
    "network trash folder",
    "recycled",
    "recycler",
    "system volume information",
    "temporary items",
    "~snapshot",
];

/// Pictures and films that are not read, by extension.
const NOT_READ: [&str; 68] = [
    "3fr", "3gp", "ai", "arw", "avi", "avif", "cr2", "cr3", "crw", "dcm", "dcr", "dds", "dng", "eps", "erf", "exr",
    "fits", "flv", "hdr", "heic", "heif", "hif", "icns", "ico", "iiq", "j2k", "jp2", "jpf", "jpx", "jxl", "jxr", "kdc",
    "m2ts", "m4v", "mjpeg", "mjpg", "mkv", "mov", "mp4", "mpeg", "mpg", "mrw", "mts", "nef", "nrw", "orf", "pam",
    "pbm", "pcx", "pef", "pgm", "pnm", "ppm", "psb", "psd", "qoi", "raf", "raw", "rw2", "sr2", "srf", "srw", "svg",
    "tga", "webm", "wmv", "x3f", "xcf",
];

/// What often lies beside pictures and is none: not opened to find out.
const OTHER: [&str; 40] = [
    "7z", "aae", "bin", "cache", "csv", "db", "doc", "docx", "gz", "h5", "htm", "html", "ini", "ipynb", "json",
    "jsonl", "lnk", "lock", "log", "md", "ndjson", "npy", "npz", "onnx", "pdf", "pt", "pth", "py", "rar", "sha256",
    "tar", "tflite", "toml", "tsv", "txt", "xml", "xmp", "yaml", "yml", "zip",
];

/// Whether a system or a program made the folder of this name, and not somebody who sorts pictures.
pub fn is_system_folder(name: &OsStr) -> bool {
    let name = name.to_string_lossy().to_lowercase();
    let of_chkdsk = || name.strip_prefix("found.").is_some_and(|number| number.parse::<u16>().is_ok());
    name.starts_with('.') || SYSTEM_FOLDERS.contains(&name.as_str()) || of_chkdsk()
}

/// The extension, in small letters, of a file that is not read though it looks like a picture or a film: by its name, or
/// where that says nothing by how it begins.
pub fn unread_picture(path: &Path) -> Option<String> {
    let extension = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
    let known = |list: &[&str]| list.contains(&extension.as_str());
    let looks = known(&NOT_READ) || (!known(&OTHER) && begins_like_picture(path));
    looks.then_some(extension)
}

fn begins_like_picture(path: &Path) -> bool {
    let mut start = [0; 12];
    let read = files::open(path).and_then(|mut file| file.read_exact(&mut start));
    let known = [&b"\xff\xd8\xff"[..], b"\x89PNG\r\n", b"GIF8", b"II*\0", b"MM\0*"];
    let named = |at: usize, name: &[u8; 4]| start[at..at + 4] == *name;
    read.is_ok()
        && (known.iter().any(|known| start.starts_with(known))
            || (named(0, b"RIFF") && named(8, b"WEBP"))
            || named(4, b"ftyp"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_of_systems_are_told_from_classes() {
        for name in
            [".Trashes", ".thumbnails", "@eaDir", "$RECYCLE.BIN", "System Volume Information", "LOST.DIR", "FOUND.000"]
        {
            assert!(is_system_folder(OsStr::new(name)), "{name}");
        }
        for name in ["#1", "@home", "recycle", "lost", "found.jpg", "found", "$5", "_", "snapshot", "system"] {
            assert!(!is_system_folder(OsStr::new(name)), "{name}");
        }
    }

    #[test]
    fn a_picture_is_known_by_its_name_or_by_how_it_begins() {
        let folder = tempfile::tempdir().unwrap();
        let of = |name: &str, bytes: &[u8]| {
            let path = folder.path().join(name);
            std::fs::write(&path, bytes).unwrap();
            unread_picture(&path)
        };
        assert_eq!(of("IMG_1.HEIC", b""), Some("heic".into()));
        assert_eq!(of("clip.mp4", b""), Some("mp4".into()));
        assert_eq!(of("IMG_2", b"\xff\xd8\xff\xe0 and the rest"), Some(String::new()));
        assert_eq!(of("a.jpg_large", b"\xff\xd8\xff\xe0 and the rest"), Some("jpg_large".into()));
        assert_eq!(of("b.jpg.1", b"\0\0\0\x18ftypheic"), Some("1".into()));
        assert_eq!(of("notes.txt", b"\xff\xd8\xff\xe0 and the rest"), None);
        assert_eq!(of("Makefile", b"GIF"), None);
        assert_eq!(of("readme", b"a text of some length"), None);
    }
}
