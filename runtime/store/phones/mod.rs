//! Phones and other machines that were paired with this one, and the codes by which the next ones may be: `access/phones.json`.
//!
//! The file holds digests of tokens and codes, never those themselves. Any number of processes may read and change it: who changes
//! it holds a lock, and the new file takes the place of the old one at once, on the disk before anybody is told.

mod code;
mod moment;

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use rand::TryRng as _;
use rand::rngs::SysRng;
use serde::{Deserialize, Serialize};

use code::{CODE_HOLDS, KnownCode};

use super::state::StateDir;
use crate::atomic_file;
use crate::digest::Digest;
use crate::files::{Stamp, stamp};

pub use code::{Code, PairingRight};
pub use moment::Moment;

/// So many codes hold at once; the oldest goes.
const MOST_CODES: usize = 16;
/// So many phones may be paired at once.
const MOST_PHONES: usize = 64;
/// Of a name, in characters.
const LONGEST_NAME: usize = 64;
const LONGEST_FILE: u64 = 1 << 20;

/// The file of a state.
#[derive(Clone, Debug)]
pub struct Phones {
    folder: PathBuf,
}

/// What is in it.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct PhoneList {
    /// The number that was given last; none is given twice.
    last: u64,
    pub phones: Vec<Phone>,
    codes: Vec<KnownCode>,
}

/// One that was paired.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Phone {
    pub number: u64,
    pub name: String,
    pub right: PairingRight,
    /// Of its token.
    pub token: Digest,
    /// When it was paired; seconds since 1970-01-01 UTC.
    pub paired: i64,
    /// When it last asked, to about ten minutes; seconds since 1970-01-01 UTC.
    pub used: Option<i64>,
}

/// A code and until when it holds; seconds since 1970-01-01 UTC.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Offer {
    pub code: Code,
    pub ends: i64,
}

/// A phone and the token that it is told, once.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Paired {
    pub phone: Phone,
    pub token: String,
}

#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PhonesError {
    #[error("cannot read the paired phones in `{path}`")]
    Read { path: PathBuf, source: io::Error },
    #[error("expected the list of paired phones in `{path}`, got something else")]
    Damaged { path: PathBuf, source: serde_json::Error },
    #[error("cannot write the paired phones to `{path}`")]
    Write { path: PathBuf, source: io::Error },
    #[error("expected at most {MOST_PHONES} paired phones, got one more")]
    TooMany,
    #[error("the system gives no random numbers")]
    Random(#[from] rand::rngs::SysError),
}

impl PhonesError {
    pub fn is_disk_full(&self) -> bool {
        let full = [io::ErrorKind::StorageFull, io::ErrorKind::QuotaExceeded];
        matches!(self, Self::Write { source, .. } if full.contains(&source.kind()))
    }
}

impl Phones {
    /// Names the file; touches nothing.
    pub fn of(state: &StateDir) -> Self {
        Self { folder: state.access() }
    }

    fn path(&self) -> PathBuf {
        self.folder.join("phones.json")
    }

    /// Removes what killed processes left beside the file.
    pub fn sweep(&self) {
        if !self.folder.is_dir() {
            return;
        }
        let Ok(_lock) = lock(&self.folder) else { return };
        for entry in std::fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            if entry.file_name().as_encoded_bytes().starts_with(atomic_file::TEMPORARY.as_bytes()) {
                let _ = std::fs::remove_file(entry.path());
            }
        }
    }

    /// What tells one content of the file from another; `None` where there is no file.
    pub fn stamp(&self) -> Stamp {
        stamp(&self.path())
    }

    /// # Errors
    /// When there is a file that cannot be read or is no list.
    pub fn read(&self) -> Result<PhoneList, PhonesError> {
        let path = self.path();
        match crate::files::read(&path, LONGEST_FILE) {
            Ok(text) => serde_json::from_slice(&text).map_err(|source| PhonesError::Damaged { path, source }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(PhoneList::default()),
            Err(source) => Err(PhonesError::Read { path, source }),
        }
    }

    /// A code that pairs one phone, from `now` on for ten minutes.
    ///
    /// # Errors
    /// When it cannot be kept.
    pub fn offer(&self, right: PairingRight, now: &Moment) -> Result<Offer, PhonesError> {
        let code = Code::new()?;
        self.change(|list| {
            list.codes.retain(|known| known.holds(now));
            let surplus = (list.codes.len() + 1).saturating_sub(MOST_CODES);
            list.codes.drain(..surplus);
            list.codes.push(KnownCode { code: code.digest(), right, made: now.clone() });
            Ok(true)
        })?;
        Ok(Offer { code, ends: now.clock + CODE_HOLDS })
    }

    /// Pairs the phone that brings `code`, which then holds no more; `None` where it does not hold.
    ///
    /// # Errors
    /// When there are too many phones, or it cannot be kept; then the code still holds.
    pub fn pair(&self, code: &Code, name: &str, now: &Moment) -> Result<Option<Paired>, PhonesError> {
        let given = code.digest();
        let mut paired = None;
        self.change(|list| {
            // All are compared, so that the time says nothing of which one was nearly right.
            let matching = list.codes.iter().map(|known| known.code.is_same_secret(&given) & known.holds(now));
            let Some(place) = matching.collect::<Vec<_>>().iter().position(|is_it| *is_it) else { return Ok(false) };
            if list.phones.len() >= MOST_PHONES {
                return Err(PhonesError::TooMany);
            }
            let right = list.codes.remove(place).right;
            list.last += 1;
            let token = token()?;
            let digest = Digest::of(token.as_bytes());
            let name = list.free_name(name);
            let phone = Phone { number: list.last, name, right, token: digest, paired: now.clock, used: None };
            list.phones.push(phone.clone());
            paired = Some(Paired { phone, token });
            Ok(true)
        })?;
        Ok(paired)
    }

    /// Takes a phone's token back, and all codes: it may have asked for one, or seen it. `None` where there is no such phone.
    ///
    /// # Errors
    /// When that cannot be kept.
    pub fn withdraw(&self, number: u64) -> Result<Option<Phone>, PhonesError> {
        let mut gone = None;
        self.change(|list| {
            let place = list.phones.iter().position(|phone| phone.number == number);
            gone = place.map(|place| list.phones.remove(place));
            if gone.is_some() {
                list.codes.clear();
            }
            Ok(gone.is_some())
        })?;
        Ok(gone)
    }

    /// Notes when phones last asked.
    ///
    /// # Errors
    /// When that cannot be kept.
    pub fn note_use(&self, used: &[(u64, i64)]) -> Result<(), PhonesError> {
        self.change(|list| {
            let mut changed = false;
            for phone in &mut list.phones {
                let at = used.iter().find(|(number, _)| *number == phone.number).map(|(_, at)| *at);
                changed |= at > phone.used;
                phone.used = phone.used.max(at);
            }
            Ok(changed)
        })
    }

    /// Writes what `change` makes of the list, where it says that it changed something.
    fn change(&self, change: impl FnOnce(&mut PhoneList) -> Result<bool, PhonesError>) -> Result<(), PhonesError> {
        let write = |source| PhonesError::Write { path: self.path(), source };
        let _lock = lock(&self.folder).map_err(write)?;
        let mut list = self.read()?;
        if change(&mut list)? {
            let text = serde_json::to_vec(&list).map_err(|error| write(error.into()))?;
            self.put(&text).map_err(write)?;
        }
        Ok(())
    }

    /// On a full disk what is not longer than before is written over it: nobody stays in because there is no room for a second file.
    fn put(&self, text: &[u8]) -> io::Result<()> {
        match atomic_file::replace_private(&self.path(), text) {
            Err(error) if matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) => {
                if atomic_file::overwrite_with(&self.path(), text)? {
                    Ok(())
                } else {
                    Err(error)
                }
            }
            put => put,
        }
    }
}

/// Held while the file of a folder is changed; ends with the process that holds it.
fn lock(folder: &Path) -> io::Result<File> {
    atomic_file::create_private_folder(folder)?;
    let path = folder.join(".lock");
    let file = atomic_file::open_lock(&path)?;
    atomic_file::own_as(folder, &path)?;
    file.lock()?;
    Ok(file)
}

impl PhoneList {
    /// `name` without what cannot be shown, not too long, unlike the others and unlike a number.
    fn free_name(&self, name: &str) -> String {
        let shown: String = name.trim().chars().filter(|letter| !letter.is_control()).take(LONGEST_NAME).collect();
        let name = match shown.as_str() {
            "" => "phone".to_owned(),
            digits if digits.bytes().all(|letter| letter.is_ascii_digit()) => format!("phone {digits}"),
            _ => shown,
        };
        let is_free = |name: &String| self.phones.iter().all(|phone| phone.name != *name);
        let numbered = (2_usize..).map(|number| format!("{name} {number}"));
        std::iter::once(name.clone()).chain(numbered).find(is_free).expect("there are more numbers than phones")
    }
}

/// 256 random bits.
fn token() -> Result<String, PhonesError> {
    let mut bytes = [0; 32];
    SysRng.try_fill_bytes(&mut bytes)?;
    Ok(Digest::from_bytes(bytes).to_string())
}

#[cfg(test)]
mod tests;
