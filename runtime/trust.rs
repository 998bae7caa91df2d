//! Whose files are obeyed or loaded: those of this user and of root, which nobody else can write.
//!
//! A settings file names a library and a library is code, so whoever can put either in the way of this process is this
//! process. That goes for files that were found and for files that were named: a name on the command line or in a
//! variable says which file is meant, not who may write it.
//!
//! What is looked at, with every link on the way followed by hand:
//!
//! * the file, and each folder that holds it or a link to it: owned by the user or root, and not writable by others. The
//!   sticky bit does not help here: beside a library lie the files that it loads, and in `/tmp` anybody can lay one down;
//! * each folder further up: owned likewise, and not writable by everybody unless it is sticky, as `/tmp` is. Whoever can
//!   rename such a folder could swap it between this look and the use of the file;
//! * each link: owned likewise.
//!
//! A group may write where it is its owner's private one (`alice:alice`, as Debian and Fedora make them, with the umask
//! 002 that goes with it): the group has the owner's name, and neither `/etc/group` nor `/etc/passwd` has another member.
//! An access list takes that away. Further up, groups are not looked at: Debian lets `staff` write to `/usr/local`.

#[cfg(unix)]
mod path_check;

use std::io;
use std::path::{Path, PathBuf};

#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrustError {
    #[error("cannot tell who may write `{path}`")]
    Look { path: PathBuf, source: io::Error },
    #[error(
        "expected `{path}`, on the way to `{file}`, to belong to user {user} or root and to be writable by nobody else, got \
         owner {owner}, group {group} and mode {mode:04o}"
    )]
    Untrusted { file: PathBuf, path: PathBuf, user: u32, owner: u32, group: u32, mode: u32 },
}

/// Holds that only this user and root can change what is read from `file`.
///
/// # Errors
/// [`TrustError::Untrusted`] with the first path that others can change; [`TrustError::Look`] when something on the way
/// is not there.
#[cfg(unix)]
pub fn check(file: &Path) -> Result<(), TrustError> {
    path_check::PathCheck::new(file).check()
}

/// Owners and permissions are another matter elsewhere.
#[cfg(not(unix))]
pub fn check(_: &Path) -> Result<(), TrustError> {
    Ok(())
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt as _, chown, symlink};

    use super::*;

    struct Place {
        root: tempfile::TempDir,
    }

    impl Place {
        /// A folder `inner` with a file `file`, both private.
        fn new() -> Self {
            let place = Self { root: tempfile::tempdir().unwrap() };
            fs::create_dir(place.path("inner")).unwrap();
            fs::write(place.path("inner/file"), b"").unwrap();
            place.mode("inner", 0o755).mode("inner/file", 0o644);
            place
        }

        fn path(&self, name: &str) -> PathBuf {
            self.root.path().join(name)
        }

        fn mode(&self, name: &str, mode: u32) -> &Self {
            fs::set_permissions(self.path(name), fs::Permissions::from_mode(mode)).unwrap();
            self
        }

        /// What is untrusted on the way to `name`.
        fn fault(&self, name: &str) -> Option<PathBuf> {
            match check(&self.path(name)) {
                Ok(()) => None,
                Err(TrustError::Untrusted { path, .. }) => Some(path),
                Err(error) => panic!("{error}"),
            }
        }
    }

    #[test]
    fn a_private_file_in_a_private_folder_is_trusted_also_below_a_sticky_folder() {
        let place = Place::new();
        assert_eq!(place.fault("inner/file"), None);
        place.mode("", 0o1777);
        assert_eq!(place.fault("inner/file"), None);
    }

    #[test]
    fn a_file_or_a_folder_that_others_can_write_is_named() {
        for (name, mode, fault) in [
            ("inner/file", 0o646, "inner/file"),
            ("inner", 0o757, "inner"),
            ("inner", 0o1777, "inner"),
            ("", 0o777, ""),
        ] {
            let place = Place::new();
            place.mode(name, mode);
            assert_eq!(place.fault("inner/file"), Some(place.path(fault).components().collect()), "{name} {mode:o}");
        }
    }

    #[test]
    #[cfg_attr(not(is_root), ignore = "needs root")]
    fn a_file_or_a_folder_of_somebody_else_is_named_and_one_of_root_is_not() {
        for name in ["inner/file", "inner", ""] {
            let place = Place::new();
            chown(place.path(name), Some(12345), None).unwrap();
            assert_eq!(place.fault("inner/file"), Some(place.path(name).components().collect()), "{name}");
        }
        let place = Place::new();
        chown(place.path("inner/file"), None, Some(12345)).unwrap();
        assert_eq!(place.fault("inner/file"), None, "a group that cannot write");
        place.mode("inner/file", 0o664);
        assert_eq!(place.fault("inner/file"), Some(place.path("inner/file")));
    }

    #[test]
    fn links_are_followed_and_whoever_can_change_one_can_change_the_file() {
        let place = Place::new();
        fs::create_dir(place.path("links")).unwrap();
        symlink("../inner/file", place.path("links/file")).unwrap();
        symlink(place.path("links"), place.path("other")).unwrap();
        assert_eq!(place.fault("other/../links/file"), None);
        place.mode("links", 0o1777);
        assert_eq!(place.fault("other/file"), Some(place.path("links")));
        place.mode("links", 0o755).mode("inner", 0o777);
        assert_eq!(place.fault("links/file"), Some(place.path("inner")));
        symlink("loop", place.path("loop")).unwrap();
        assert!(matches!(check(&place.path("loop")), Err(TrustError::Look { .. })));
        assert!(matches!(check(&place.path("nothing")), Err(TrustError::Look { .. })));
    }

    #[test]
    fn a_group_is_private_that_has_its_owners_name_and_no_other_member() {
        let users =
            "root:x:0:0::/:/bin/sh\nsync:x:4:65534::/:/bin/sync\nalice:x:1000:1000::/:/bin/sh\nbob:x:1001:1001::/:";
        let groups = "root:x:0:\nalice:x:1000:\nbob:x:1001:alice\nusers:x:100:\nstaff:x:50:";
        let private = |owner, group| path_check::is_private_in(users, groups, owner, group);
        assert!(private(0, 0) && private(1000, 1000));
        assert!(!private(1001, 1001), "alice is in it too");
        assert!(!private(1000, 100) && !private(0, 50), "not the owner's");
        assert!(!private(2000, 2000), "nobody knows who that is");
        let shared = format!("{users}\ncarol:x:1002:1000::/:");
        assert!(!path_check::is_private_in(&shared, groups, 1000, 1000), "carol's files are of that group too");
    }
}
