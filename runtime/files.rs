//! Files that a user named, opened only where reading them comes to an end: no pipes, sockets or devices.

use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::path::Path;

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

/// The whole content of a regular file.
///
/// # Errors
/// As [`open`], and when it cannot be read.
pub fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut file = open(path)?;
    let mut bytes = Vec::with_capacity(file.metadata()?.len() as usize);
    file.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// [`read`] for text.
///
/// # Errors
/// As [`read`], and when it is not UTF-8.
pub fn read_to_string(path: &Path) -> io::Result<String> {
    String::from_utf8(read(path)?).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
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

    #[test]
    fn what_is_in_a_file_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("text");
        std::fs::write(&path, "naïve").unwrap();
        assert_eq!(read_to_string(&path).unwrap(), "naïve");
        std::fs::write(&path, [0xff]).unwrap();
        assert_eq!(read_to_string(&path).unwrap_err().kind(), io::ErrorKind::InvalidData);
        assert!(read(folder.path()).is_err());
    }
}
