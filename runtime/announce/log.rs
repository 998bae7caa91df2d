//! Notices in a file, one line each.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::settings::LogSettings;
use super::{NotTaken, Notice, Receiver};

/// What was written is on the disk after so long where more comes, and at the first rest where none does.
const LONGEST_UNSAFE: Duration = Duration::from_secs(2);

/// A file that is longer than it may be becomes `FILE.1`, in the place of the one before, and a new one is begun.
pub(super) struct LogFile {
    path: PathBuf,
    most: u64,
    file: File,
    written: u64,
    /// When the oldest line was written that a power cut may take.
    unsafe_since: Option<Instant>,
}

impl LogFile {
    pub fn open(settings: &LogSettings) -> io::Result<Self> {
        let path = settings.file.clone();
        let (file, written) = opened(&path)?;
        Ok(Self { path, most: u64::from(settings.megabytes) << 20, file, written, unsafe_since: None })
    }

    fn write(&mut self, line: &str) -> io::Result<()> {
        // Somebody else may have moved the file away, as logrotate does.
        if self.written >= self.most || !self.path.exists() {
            self.turn_over()?;
        }
        let line = format!("{line}\n");
        if let Err(error) = self.file.write_all(line.as_bytes()) {
            // A full disk takes part of a line.
            let _ = self.file.set_len(self.written);
            return Err(error);
        }
        self.written += line.len() as u64;
        if self.unsafe_since.get_or_insert_with(Instant::now).elapsed() >= LONGEST_UNSAFE {
            self.sync();
        }
        Ok(())
    }

    fn sync(&mut self) {
        if self.unsafe_since.take().is_some() {
            // A pipe cannot be synced.
            let _ = self.file.sync_data();
        }
    }

    fn turn_over(&mut self) -> io::Result<()> {
        self.sync();
        let mut old = self.path.clone().into_os_string();
        old.push(".1");
        if self.path.exists() {
            std::fs::rename(&self.path, old)?;
        }
        (self.file, self.written) = opened(&self.path)?;
        Ok(())
    }
}

/// The file, of which a power cut may have left a part of a last line, and how long it is.
fn opened(path: &Path) -> io::Result<(File, u64)> {
    let mut file = File::options().create(true).read(true).append(true).open(path)?;
    let mut length = file.metadata()?.len();
    if length > 0 {
        let mut last = [0];
        file.seek(io::SeekFrom::End(-1))?;
        file.read_exact(&mut last)?;
        if last != *b"\n" {
            file.write_all(b"\n")?;
            length += 1;
        }
    }
    Ok((file, length))
}

impl Receiver for LogFile {
    fn take(&mut self, notice: &Notice) -> Result<(), NotTaken> {
        self.write(&notice.json).map_err(|error| NotTaken::Yet(format!("`{}`: {error}", self.path.display())))
    }

    fn rest(&mut self) {
        self.sync();
    }
}

impl Drop for LogFile {
    fn drop(&mut self) {
        self.sync();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notice(text: &str) -> Notice {
        Notice { id: "1".to_owned(), camera: Some("gate".to_owned()), json: format!("{{\"a\":\"{text}\"}}") }
    }

    #[test]
    fn a_long_file_is_turned_over_and_a_line_that_was_cut_off_stands_alone() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("events.jsonl");
        std::fs::write(&path, "{\"a\":\"cut o").unwrap();
        let mut log = LogFile::open(&LogSettings { file: path.clone(), megabytes: 1 }).unwrap();
        log.take(&notice("whole")).unwrap();
        assert_eq!(crate::files::read_to_string(&path, 1 << 24).unwrap(), "{\"a\":\"cut o\n{\"a\":\"whole\"}\n");
        let long = "x".repeat(1 << 19);
        (0..4).for_each(|_| log.take(&notice(&long)).unwrap());
        let old = place.path().join("events.jsonl.1");
        assert!(std::fs::metadata(&old).unwrap().len() < (1 << 20) + (1 << 19) + 100);
        assert_eq!(crate::files::read_to_string(&path, 1 << 24).unwrap().lines().count(), 2);
        std::fs::remove_file(&path).unwrap();
        log.take(&notice("new")).unwrap();
        assert_eq!(
            crate::files::read_to_string(&path, 1 << 24).unwrap(),
            "{\"a\":\"new\"}\n",
            "moved away by somebody else"
        );
    }

    #[test]
    fn lines_are_on_the_disk_soon_though_no_rest_comes_and_before_their_file_is_turned_over() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("events.jsonl");
        let mut log = LogFile::open(&LogSettings { file: path.clone(), megabytes: 1 }).unwrap();
        let long_ago = |log: &mut LogFile, by| log.unsafe_since = log.unsafe_since.unwrap().checked_sub(by);
        log.take(&notice("first")).unwrap();
        long_ago(&mut log, LONGEST_UNSAFE);
        log.take(&notice("second")).unwrap();
        assert!(log.unsafe_since.is_none());
        let long = "x".repeat(1 << 20);
        log.take(&notice(&long)).unwrap();
        long_ago(&mut log, LONGEST_UNSAFE / 2);
        log.take(&notice("in a new file")).unwrap();
        assert!(place.path().join("events.jsonl.1").exists());
        assert!(log.unsafe_since.unwrap().elapsed() < LONGEST_UNSAFE / 2, "only the new file's line");
        log.rest();
        assert!(log.unsafe_since.is_none());
    }
}
