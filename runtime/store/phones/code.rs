//! Codes that let one phone in: as they are shown, as they are typed, as they are kept.

use rand::TryRng as _;
use rand::rngs::{SysError, SysRng};
use serde::{Deserialize, Serialize};

use super::moment::Moment;
use crate::digest::Digest;

/// For so long a code holds, in seconds.
pub(super) const CODE_HOLDS: i64 = 600;
/// Digits and letters that are not taken for each other; 12 of them are 60 bits.
const LETTERS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const CODE_LETTERS: usize = 12;

/// What a phone may do.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PairingRight {
    /// Look, and change nothing.
    Read,
    #[default]
    Write,
}

/// A code as it is shown, once.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Code(String);

/// As it is kept.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct KnownCode {
    pub code: Digest,
    pub right: PairingRight,
    pub made: Moment,
}

impl KnownCode {
    pub fn holds(&self, now: &Moment) -> bool {
        self.made.is_within(CODE_HOLDS, now)
    }
}

impl Code {
    pub(super) fn new() -> Result<Self, SysError> {
        let mut bytes = [0; CODE_LETTERS];
        SysRng.try_fill_bytes(&mut bytes)?;
        Ok(Self(bytes.iter().map(|byte| char::from(LETTERS[usize::from(byte % 32)])).collect()))
    }

    /// What somebody typed: lower case, spaces, hyphens, and letters for the digits that look like them make no difference.
    pub fn typed(text: &str) -> Self {
        let letter = |letter: char| match letter.to_ascii_uppercase() {
            'O' => '0',
            'I' | 'L' => '1',
            other => other,
        };
        Self(text.chars().filter(|letter| !letter.is_whitespace() && *letter != '-').map(letter).collect())
    }

    /// In one piece, for an address.
    pub fn plain(&self) -> &str {
        &self.0
    }

    /// In groups of four, for people.
    pub fn grouped(&self) -> String {
        let groups: Vec<_> = self.0.as_bytes().chunks(4).map(String::from_utf8_lossy).collect();
        groups.join("-")
    }

    pub(super) fn digest(&self) -> Digest {
        Digest::of(self.0.as_bytes())
    }
}
