//! Folders that are either the old one or the new one, whatever happens in between.
//!
//! Beside a folder `net` there may be, after a process was killed, `.net.edgetl-tmp`, which is unfinished or no longer
//! wanted, and `.net.edgetl-old`, which is the old one where `net` itself is missing.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::sync_folder;

const TEMPORARY: &str = "edgetl-tmp";
const OLD: &str = "edgetl-old";

/// Puts a folder that `fill` writes in the place of `folder`; the old one goes when the new one is there.
///
/// After it returns `Ok` the new folder survives a power cut. Killed at any time, `folder` is the old one or the new one,
/// whole; where the file system cannot exchange two folders, [`recover_folder`] may have to bring it back.
///
/// # Errors
/// When another process is replacing the same folder, or when something cannot be written; the old one is still there.
pub fn replace_folder(folder: &Path, fill: impl FnOnce(&Path) -> io::Result<()>) -> io::Result<()> {
    Replacement { folder, exchange, reached: &|_| {} }.run(fill)
}

/// Removes `folder` whole: killed at any time, it is there complete or not at all.
pub fn remove_folder(folder: &Path) -> io::Result<()> {
    let temporary = beside(folder, TEMPORARY)?;
    remove_leftover(&temporary)?;
    fs::rename(folder, &temporary)?;
    sync_folder(folder)?;
    fs::remove_dir_all(&temporary)
}

/// Brings `folder` back where a process was killed while it was being replaced.
pub fn recover_folder(folder: &Path) {
    let Ok(old) = beside(folder, OLD) else { return };
    // Without permission it stays where it is, for a command that has it.
    if old.is_dir() && !folder.exists() && fs::rename(old, folder).is_ok() {
        let _ = sync_folder(folder);
    }
}

/// Does what [`recover_folder`] does for every folder in `parent`.
pub fn recover_folders(parent: &Path) {
    for name in names(parent) {
        let target = name.strip_prefix('.').and_then(|name| name.strip_suffix(OLD)?.strip_suffix('.'));
        target.into_iter().for_each(|target| recover_folder(&parent.join(target)));
    }
}

/// Removes what killed processes left in `parent`, where no other process is at work on it.
pub fn remove_leftovers(parent: &Path) {
    recover_folders(parent);
    let is_leftover = |name: &&String| {
        name.starts_with('.') && [TEMPORARY, OLD].iter().any(|suffix| name.ends_with(&format!(".{suffix}")))
    };
    for name in names(parent).iter().filter(is_leftover) {
        let _ = remove_leftover(&parent.join(name));
    }
}

fn names(parent: &Path) -> Vec<String> {
    let entries = fs::read_dir(parent).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().into_string().ok()).collect()
}

/// What a replacement has come to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Step {
    Made,
    Filled,
    OldAside,
    NewInPlace,
    Synced,
}

struct Replacement<'a> {
    folder: &'a Path,
    exchange: fn(&Path, &Path) -> io::Result<()>,
    /// Told of each step; tests stop there.
    reached: &'a dyn Fn(Step),
}

impl Replacement<'_> {
    fn run(&self, fill: impl FnOnce(&Path) -> io::Result<()>) -> io::Result<()> {
        let (new, old) = (beside(self.folder, TEMPORARY)?, beside(self.folder, OLD)?);
        create_folders(super::folder(self.folder))?;
        recover_folder(self.folder);
        remove_leftover(&new)?;
        remove_leftover(&old)?;
        fs::create_dir(&new)?;
        let lock = lock(&new)?;
        (self.reached)(Step::Made);
        let result = fill(&new).and_then(|()| lock.sync_all()).and_then(|()| {
            (self.reached)(Step::Filled);
            self.swap(&new, &old)
        });
        if result.is_err() {
            let _ = fs::remove_dir_all(&new);
        }
        result
    }

    fn swap(&self, new: &Path, old: &Path) -> io::Result<()> {
        let replaced = if !self.folder.exists() {
            fs::rename(new, self.folder)?;
            None
        } else if (self.exchange)(new, self.folder).is_ok() {
            Some(new)
        } else {
            fs::rename(self.folder, old)?;
            (self.reached)(Step::OldAside);
            fs::rename(new, self.folder).inspect_err(|_| recover_folder(self.folder))?;
            Some(old)
        };
        (self.reached)(Step::NewInPlace);
        sync_folder(self.folder)?;
        (self.reached)(Step::Synced);
        replaced.map_or(Ok(()), remove_all)
    }
}

/// Swaps two folders in one step, where the file system can.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn exchange(one: &Path, other: &Path) -> io::Result<()> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    Ok(renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE)?)
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn exchange(_: &Path, _: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// `.NAME.suffix` in the same folder, so that a rename is enough.
fn beside(folder: &Path, suffix: &str) -> io::Result<PathBuf> {
    let name = folder.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    let mut hidden = OsString::from(".");
    hidden.push(name);
    hidden.push(format!(".{suffix}"));
    Ok(folder.with_file_name(hidden))
}

/// Removes what a killed process left; one that still runs holds the lock.
fn remove_leftover(leftover: &Path) -> io::Result<()> {
    if leftover.is_dir() {
        lock(leftover)?;
    }
    remove_all(leftover)
}

fn remove_all(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// The lock goes with the process; a file system without locks has one writer at a time.
fn lock(folder: &Path) -> io::Result<File> {
    let file = File::open(folder)?;
    match file.try_lock() {
        Err(fs::TryLockError::WouldBlock) => {
            Err(io::Error::new(io::ErrorKind::ResourceBusy, "another process is writing it at this moment"))
        }
        Ok(()) | Err(fs::TryLockError::Error(_)) => Ok(file),
    }
}

/// Makes `folder` and the missing ones above it, each of which survives a power cut.
fn create_folders(folder: &Path) -> io::Result<()> {
    let missing: Vec<&Path> =
        folder.ancestors().take_while(|path| !path.as_os_str().is_empty() && !path.exists()).collect();
    fs::create_dir_all(folder)?;
    missing.into_iter().rev().try_for_each(sync_folder)
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;

    const STEPS: [Step; 5] = [Step::Made, Step::Filled, Step::OldAside, Step::NewInPlace, Step::Synced];
    const EXCHANGES: [fn(&Path, &Path) -> io::Result<()>; 2] =
        [exchange, |_, _| Err(io::ErrorKind::Unsupported.into())];

    fn fill(content: &str) -> impl FnOnce(&Path) -> io::Result<()> {
        let content = content.to_owned();
        move |folder| {
            fs::write(folder.join("first"), &content)?;
            fs::write(folder.join("second"), &content)
        }
    }

    /// What is in `folder`, where it is whole.
    fn content(folder: &Path) -> Option<String> {
        let [first, second] = ["first", "second"].map(|name| fs::read_to_string(folder.join(name)).ok());
        if first == second { first } else { None }
    }

    /// Replaces `old` by `new` in `folder` as a process that is killed at `stop` would; says whether it came so far.
    fn killed_at(stop: Step, exchange: fn(&Path, &Path) -> io::Result<()>, folder: &Path) -> bool {
        let reached = |step| assert_ne!(step, stop, "killed");
        let replacement = Replacement { folder, exchange, reached: &reached };
        catch_unwind(AssertUnwindSafe(|| replacement.run(fill("new")).unwrap())).is_err()
    }

    #[test]
    fn killed_between_any_two_steps_the_old_or_the_new_folder_is_there_whole() {
        let mut stops = 0;
        for exchange in EXCHANGES {
            for stop in STEPS {
                let parent = tempfile::tempdir().unwrap();
                let folder = parent.path().join("net");
                replace_folder(&folder, fill("old")).unwrap();
                let killed = killed_at(stop, exchange, &folder);
                stops += usize::from(killed);
                recover_folders(parent.path());
                let late = [Step::NewInPlace, Step::Synced].contains(&stop);
                let expected = if late || !killed { "new" } else { "old" };
                assert_eq!(content(&folder).as_deref(), Some(expected), "{stop:?}");
                remove_leftovers(parent.path());
                assert_eq!(names(parent.path()), ["net"], "{stop:?}");
                replace_folder(&folder, fill("newest")).unwrap();
                assert_eq!(content(&folder).as_deref(), Some("newest"), "{stop:?}");
            }
        }
        assert_eq!(stops, 9, "only an exchange has no step in which the old one is aside");
    }

    #[test]
    fn a_folder_that_cannot_be_filled_leaves_the_old_one_and_nothing_else() {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("a/b/net");
        replace_folder(&folder, fill("old")).unwrap();
        assert!(replace_folder(&folder, |_| Err(io::ErrorKind::StorageFull.into())).is_err());
        assert_eq!((content(&folder).as_deref(), names(folder.parent().unwrap()).len()), (Some("old"), 1));
    }

    #[test]
    fn what_another_process_is_writing_is_no_leftover() {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("net");
        let busy = |new: &Path| {
            remove_leftovers(parent.path());
            let error = replace_folder(&folder, fill("other")).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::ResourceBusy);
            fill("own")(new)
        };
        replace_folder(&folder, busy).unwrap();
        assert_eq!(content(&folder).as_deref(), Some("own"));
    }

    #[test]
    fn a_removed_folder_is_gone_and_does_not_come_back() {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("net");
        replace_folder(&folder, fill("old")).unwrap();
        remove_folder(&folder).unwrap();
        recover_folders(parent.path());
        assert_eq!(names(parent.path()), [""; 0]);
        assert_eq!(remove_folder(&folder).unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
