//! Files, opened only where reading them comes to an end: no pipes, sockets or devices, and read whole only up to a bound;
//! and how their paths are written where text is wanted.

use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Opens a regular file to read it; folders open too, and say themselves what they are when they are read.
///
/// # Errors
/// Those of the system, and where the path leads to a pipe, a socket or a device.
pub fn open(path: &Path) -> io::Result<File> {
    // Opening a pipe waits for somebody to write, so what it is comes first. It may be another one by now: what was
    // opened is looked at again.
    check(&std::fs::metadata(path)?)?;
    let file = File::open(path)?;
    check(&file.metadata()?)?;
    Ok(file)
}

/// The whole content of a regular file of at most `limit` bytes.
///
/// # Errors
/// As [`open`], when it cannot be read, and with `FileTooLarge` when there is more.
pub fn read(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let file = open(path)?;
    let metadata = file.metadata()?;
    // What a file says of its length is a hint: some say 0, and it may grow meanwhile. A folder says what it is when it is read.
    let length = if metadata.is_file() { metadata.len() } else { 0 };
    if length > limit {
        return Err(too_large(limit));
    }
    let mut bytes = Vec::with_capacity(length as usize);
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit { Err(too_large(limit)) } else { Ok(bytes) }
}

fn too_large(limit: u64) -> io::Error {
    io::Error::new(io::ErrorKind::FileTooLarge, format!("expected at most {limit} bytes, got more"))
}

/// [`read`] for text.
///
/// # Errors
/// As [`read`], and when it is not UTF-8.
pub fn read_to_string(path: &Path, limit: u64) -> io::Result<String> {
    String::from_utf8(read(path, limit)?).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

/// The text of a file in which the system tells something; `None` where it is not there or is no such file.
pub fn of_system(path: impl AsRef<Path>) -> Option<String> {
    read_to_string(path.as_ref(), 16 << 20).ok()
}

/// What tells one content of the file at a path from another; `None` where there is none.
pub type Stamp = Option<(SystemTime, u64, u64)>;

/// That of the file at `path`: when it was written, how long it is, and its number on the disk.
pub fn stamp(path: &Path) -> Stamp {
    let metadata = std::fs::metadata(path).ok()?;
    #[cfg(unix)]
    let number = std::os::unix::fs::MetadataExt::ino(&metadata);
    #[cfg(not(unix))]
    let number = 0;
    Some((metadata.modified().ok()?, metadata.len(), number))
}

/// How many bytes may be written on the file system of `folder`; `None` where nobody knows.
pub fn free_bytes(folder: &Path) -> Option<u64> {
    #[cfg(unix)]
    return rustix::fs::statvfs(folder).ok().map(|system| system.f_bavail.saturating_mul(system.f_frsize));
    #[cfg(not(unix))]
    return None;
}

/// What a path that is no UTF-8 begins with where it is written as text.
const URL: &str = "file://";

/// `path` as text: itself, or a `file://` URL where it is no UTF-8, so that no byte of it is lost.
pub fn name_of(path: &Path) -> String {
    match path.to_str() {
        Some(text) => text.to_owned(),
        None => escaped(path.as_os_str().as_encoded_bytes()),
    }
}

/// The path that [`name_of`] wrote as text.
pub fn path_of(name: &str) -> PathBuf {
    name.strip_prefix(URL).and_then(unescaped).unwrap_or_else(|| name.into())
}

/// A path that is text as a `file://` URL: the beginning of what [`name_of`] gives for a path in it that is no UTF-8.
pub fn url_of(path: &str) -> String {
    escaped(path.as_bytes())
}

fn escaped(bytes: &[u8]) -> String {
    let mut url = URL.to_owned();
    for &byte in bytes {
        match byte {
            b'/' | b'-' | b'_' | b'.' | b'~' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => url.push(byte.into()),
            _ => url.push_str(&format!("%{byte:02X}")),
        }
    }
    url
}

#[cfg(unix)]
fn unescaped(text: &str) -> Option<PathBuf> {
    use std::os::unix::ffi::OsStringExt as _;
    let mut parts = text.split('%');
    let mut bytes = parts.next()?.as_bytes().to_vec();
    for part in parts {
        bytes.push(u8::from_str_radix(part.get(..2)?, 16).ok()?);
        bytes.extend_from_slice(&part.as_bytes()[2..]);
    }
    Some(std::ffi::OsString::from_vec(bytes).into())
}

#[cfg(not(unix))]
fn unescaped(_: &str) -> Option<PathBuf> {
    None
}

fn check(metadata: &Metadata) -> io::Result<()> {
    match special(metadata) {
        Some(kind) => Err(io::Error::new(io::ErrorKind::InvalidInput, format!("expected a file, got {kind}"))),
        None => Ok(()),
    }
}

#[cfg(unix)]
fn special(metadata: &Metadata) -> Option<&'static str> {
    use std::os::unix::fs::FileTypeExt;
    let kind = metadata.file_type();
    let kinds = [(kind.is_fifo(), "a named pipe"), (kind.is_socket(), "a socket")];
    let devices = [(kind.is_char_device(), "a device"), (kind.is_block_device(), "a device")];
    kinds.into_iter().chain(devices).find_map(|(is, name)| is.then_some(name))
}

#[cfg(not(unix))]
fn special(metadata: &Metadata) -> Option<&'static str> {
    (!metadata.is_file() && !metadata.is_dir()).then_some("a device")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(path: &Path) -> String {
        open(path).unwrap_err().to_string()
    }

    #[test]
    fn devices_and_sockets_are_refused_and_named() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("socket");
        let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        assert_eq!(refusal(&socket), "expected a file, got a socket");
        assert_eq!(refusal(Path::new("/dev/zero")), "expected a file, got a device");
    }

    #[test]
    fn a_pipe_is_refused_and_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
        assert!(made.success());
        assert_eq!(refusal(&pipe), "expected a file, got a named pipe");
        let link = folder.path().join("link.jpg");
        std::os::unix::fs::symlink(&pipe, &link).unwrap();
        assert_eq!(refusal(&link), "expected a file, got a named pipe");
    }

    #[cfg(unix)]
    mod names {
        use std::ffi::OsStr;
        use std::os::unix::ffi::OsStrExt as _;

        use proptest::prelude::*;

        use super::*;

        fn path(bytes: &[u8]) -> PathBuf {
            Path::new("/photos").join(OsStr::from_bytes(bytes))
        }

        #[test]
        fn a_path_that_is_no_utf8_is_a_url_and_every_other_is_itself() {
            assert_eq!(name_of(&path(b"K\xe4 fer.jpg")), "file:///photos/K%E4%20fer.jpg");
            assert_eq!(name_of(&path("Käfer 100%.jpg".as_bytes())), "/photos/Käfer 100%.jpg");
            assert_eq!(path_of("/photos/100%41.jpg"), Path::new("/photos/100%41.jpg"));
            assert_eq!(path_of("file:///a%zz"), Path::new("file:///a%zz"));
        }

        proptest! {
            #[test]
            fn no_byte_of_a_path_is_lost(bytes in proptest::collection::vec(1_u8.., 0..40), more in "[a-zä%/]{0,9}") {
                let path = path(&bytes);
                prop_assert_eq!(path_of(&name_of(&path)), path);
                let folder = format!("/photos/{more}/");
                let inside = Path::new(&folder).join(OsStr::from_bytes(b"\xff.jpg"));
                prop_assert!(name_of(&inside).starts_with(&url_of(&folder)));
            }
        }
    }

    #[test]
    fn what_is_in_a_file_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("text");
        std::fs::write(&path, "naïve").unwrap();
        assert_eq!(read_to_string(&path, 6).unwrap(), "naïve");
        std::fs::write(&path, [0xff]).unwrap();
        assert_eq!(read_to_string(&path, 6).unwrap_err().kind(), io::ErrorKind::InvalidData);
        assert!(read(folder.path(), 1 << 20).is_err());
    }

    #[test]
    fn more_than_the_bound_is_an_error_also_where_a_file_says_nothing_of_its_length() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("long");
        std::fs::File::create(&path).unwrap().set_len(1 << 40).unwrap();
        let error = read(&path, 1000).unwrap_err();
        assert_eq!(
            (error.kind(), error.to_string()),
            (io::ErrorKind::FileTooLarge, "expected at most 1000 bytes, got more".into())
        );
        if cfg!(target_os = "linux") {
            assert_eq!(read(Path::new("/proc/self/limits"), 10).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
            assert!(of_system("/proc/self/limits").is_some_and(|text| text.contains("Max open files")));
        }
    }
}
