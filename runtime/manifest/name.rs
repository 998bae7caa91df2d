//! The one rule for the names of backbones, each of which is also the name of a folder.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The longest name, in bytes.
const LONGEST: usize = 100;
/// How much of a file's name becomes a backbone's; a fingerprint still fits behind it.
const LONGEST_OF_FILE: usize = 64;
/// Kept free for a file beside the packages, as there is one beside the heads.
const RESERVED: &str = "current";
/// What a backbone is called whose file's name has nothing that a name may have.
const UNNAMED: &str = "backbone";

/// A backbone's name: 1 to 100 of the characters `A-Z`, `a-z`, `0-9`, `-`, `_` and `.`, the first one neither `-` nor
/// `.`; not `current`.
///
/// So it is never a path, never hidden, never a flag, and it looks the same on every terminal.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BackboneName(String);

#[derive(Debug, thiserror::Error)]
#[error(
    "expected a backbone's name (1 to {LONGEST} of A-Z, a-z, 0-9, `-`, `_` and `.`, not beginning with `-` or `.`, and \
     not `{RESERVED}`), got {0:?}"
)]
pub struct BackboneNameError(String);

impl BackboneName {
    pub fn new(name: &str) -> Result<Self, BackboneNameError> {
        let sound = (1..=LONGEST).contains(&name.len())
            && name.chars().all(is_plain)
            && !name.starts_with(['-', '.'])
            && name != RESERVED;
        match sound {
            true => Ok(Self(name.to_owned())),
            false => Err(BackboneNameError(name.chars().take(2 * LONGEST).collect())),
        }
    }

    /// The name for a file called `stem`: what a name may not have becomes `_`.
    pub fn of_file(stem: &str) -> Self {
        let plain = |c: char| if is_plain(c) { c } else { '_' };
        let name: String = stem.trim_start_matches(['-', '.']).chars().map(plain).take(LONGEST_OF_FILE).collect();
        Self::new(&name).unwrap_or_else(|_| Self(UNNAMED.to_owned()))
    }

    /// This name, shortened where it must be, with `-suffix` behind it; `suffix` is short and in the same characters.
    pub fn with_suffix(&self, suffix: &str) -> Self {
        let room = LONGEST.saturating_sub(suffix.len() + 1).max(1);
        Self(format!("{}-{suffix}", &self.0[..self.0.len().min(room)]))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')
}

impl fmt::Display for BackboneName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl FromStr for BackboneName {
    type Err = BackboneNameError;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::new(name)
    }
}

impl TryFrom<String> for BackboneName {
    type Error = BackboneNameError;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        Self::new(&name)
    }
}

impl From<BackboneName> for String {
    fn from(name: BackboneName) -> Self {
        name.0
    }
}

#[cfg(test)]
mod tests {
    use std::path::{Component, Path};

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_that_are_paths_hidden_reserved_too_long_or_not_plain_are_refused() {
        let long = "a".repeat(LONGEST + 1);
        for name in [
            "",
            ".",
            "..",
            "../x",
            "../../out1",
            "/etc",
            "a/b",
            "a\\b",
            "C:x",
            ".hidden",
            "-flag",
            "current",
            "a b",
            "a\n",
            "a\0",
            "\u{1b}[2J",
            "na\u{202e}me",
            "caf\u{e9}",
            &long,
        ] {
            assert!(BackboneName::new(name).is_err(), "{name:?}");
        }
        for name in ["a", "edgetl-tiny", "MobileNet_v2__1.0_", "_net", "7", "a..b", "currents"] {
            assert_eq!(BackboneName::new(name).unwrap().as_str(), name);
        }
    }

    #[test]
    fn a_file_gives_a_name_that_a_folder_can_have() {
        for (stem, name) in [
            ("MobileNet v2 (1.0)", "MobileNet_v2__1.0_"),
            ("..", "backbone"),
            ("", "backbone"),
            ("current", "backbone"),
            ("--out", "out"),
            ("../../x", "_.._x"),
        ] {
            assert_eq!(BackboneName::of_file(stem).as_str(), name);
        }
    }

    proptest! {
        #[test]
        fn every_name_however_made_is_one_part_of_a_path(text in ".{0,300}", suffix in "[0-9a-f]{12}") {
            let made = BackboneName::of_file(&text);
            let names = [BackboneName::new(&text).ok(), Some(made.with_suffix(&suffix)), Some(made)];
            for name in names.into_iter().flatten() {
                prop_assert!(BackboneName::new(name.as_str()).is_ok());
                let parts: Vec<_> = Path::new(name.as_str()).components().collect();
                prop_assert!(matches!(parts[..], [Component::Normal(part)] if part == name.as_str()));
            }
        }
    }
}
