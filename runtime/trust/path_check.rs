//! The way from `/` to a file, and who can change what lies on it.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Component, Path, PathBuf};

use super::TrustError;

/// As many links as Linux follows.
const MOST_LINKS: usize = 40;
const STICKY: u32 = 0o1000;
const GROUP_WRITES: u32 = 0o020;
const OTHERS_WRITE: u32 = 0o002;

/// The way from `/` to a file.
pub struct PathCheck<'a> {
    file: &'a Path,
    user: u32,
    /// Where it is now; no part of it is a link.
    here: PathBuf,
    /// The parts that are still to come.
    ahead: VecDeque<OsString>,
    links: usize,
}

impl<'a> PathCheck<'a> {
    pub fn new(file: &'a Path) -> Self {
        let user = rustix::process::geteuid().as_raw();
        Self { file, user, here: PathBuf::from("/"), ahead: VecDeque::new(), links: 0 }
    }

    pub fn check(mut self) -> Result<(), TrustError> {
        let absolute = std::path::absolute(self.file).map_err(|source| self.cannot_look(self.file, source))?;
        self.go_on(&absolute);
        self.hold(&PathBuf::from("/"), |found| found.owned && (!found.by_others || found.sticky))?;
        while let Some(part) = self.ahead.pop_front() {
            self.step(&part)?;
        }
        Ok(())
    }

    fn go_on(&mut self, path: &Path) {
        if path.is_absolute() {
            self.here = PathBuf::from("/");
        }
        let parts = path.components().filter_map(|part| match part {
            Component::Normal(name) => Some(name.to_owned()),
            Component::ParentDir => Some(OsString::from("..")),
            _ => None,
        });
        let parts: Vec<_> = parts.collect();
        parts.into_iter().rev().for_each(|part| self.ahead.push_front(part));
    }

    fn step(&mut self, part: &OsString) -> Result<(), TrustError> {
        if part == ".." {
            self.here.pop();
            return Ok(());
        }
        let next = self.here.join(part);
        let metadata = fs::symlink_metadata(&next).map_err(|source| self.cannot_look(&next, source))?;
        if metadata.is_symlink() {
            self.hold(&next, |found| found.owned)?;
            self.hold(&self.here, Found::is_private)?;
            self.links += 1;
            if self.links > MOST_LINKS {
                return Err(self.cannot_look(&next, io::ErrorKind::InvalidInput.into()));
            }
            let target = fs::read_link(&next).map_err(|source| self.cannot_look(&next, source))?;
            self.go_on(&target);
        } else if metadata.is_dir() {
            self.hold(&next, |found| found.owned && (!found.by_others || found.sticky))?;
            self.here = next;
        } else {
            self.hold(&next, Found::is_private)?;
            self.hold(&self.here, Found::is_private)?;
        }
        Ok(())
    }

    fn hold(&self, path: &Path, rule: impl Fn(&Found) -> bool) -> Result<(), TrustError> {
        let metadata = fs::symlink_metadata(path).map_err(|source| self.cannot_look(path, source))?;
        if rule(&Found::new(path, &metadata, self.user)) {
            return Ok(());
        }
        Err(TrustError::Untrusted {
            file: self.file.to_owned(),
            path: path.to_owned(),
            user: self.user,
            owner: metadata.uid(),
            group: metadata.gid(),
            mode: metadata.mode() & 0o7777,
        })
    }

    fn cannot_look(&self, path: &Path, source: io::Error) -> TrustError {
        TrustError::Look { path: path.to_owned(), source }
    }
}

/// Who may change a path.
struct Found {
    /// By the user or root.
    owned: bool,
    /// Of more than one person.
    by_group: bool,
    by_others: bool,
    sticky: bool,
}

impl Found {
    fn new(path: &Path, metadata: &Metadata, user: u32) -> Self {
        let has = |bit: u32| metadata.mode() & bit != 0;
        let private = || is_private_group(metadata.uid(), metadata.gid()) && !has_access_list(path);
        Self {
            owned: [0, user].contains(&metadata.uid()),
            by_group: has(GROUP_WRITES) && !private(),
            by_others: has(OTHERS_WRITE),
            sticky: has(STICKY),
        }
    }

    fn is_private(&self) -> bool {
        self.owned && !self.by_group && !self.by_others
    }
}

/// Whether the path gives more than owner, group and others their rights; the group's are then what all of these have
/// at most.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn has_access_list(path: &Path) -> bool {
    rustix::fs::lgetxattr(path, "system.posix_acl_access", &mut [0; 0][..]).is_ok()
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn has_access_list(_: &Path) -> bool {
    true
}

fn is_private_group(owner: u32, group: u32) -> bool {
    let read = |path| crate::files::of_system(path).unwrap_or_default();
    is_private_in(&read("/etc/passwd"), &read("/etc/group"), owner, group)
}

/// Whether `group` has the name of its one member, `owner`, by these texts of passwd(5) and group(5).
pub fn is_private_in(users: &str, groups: &str, owner: u32, group: u32) -> bool {
    let rows = |text: &str| -> Vec<Vec<String>> {
        text.lines().map(|line| line.split(':').map(str::to_owned).collect()).collect()
    };
    let number = |row: &[String], column: usize| row.get(column).and_then(|text| text.parse::<u32>().ok());
    let users = rows(users);
    let Some(name) = users.iter().find(|row| number(row, 2) == Some(owner)).map(|row| row[0].clone()) else {
        return false;
    };
    let same_primary = users.iter().filter(|row| number(row, 3) == Some(group)).all(|row| row[0] == name);
    let groups: Vec<_> = rows(groups).into_iter().filter(|row| number(row, 2) == Some(group)).collect();
    let only_owner = |row: &Vec<String>| {
        let members = row.get(3).map_or("", String::as_str).split(',').filter(|member| !member.is_empty());
        row[0] == name && members.into_iter().all(|member| member == name)
    };
    same_primary && !groups.is_empty() && groups.iter().all(only_owner)
}
