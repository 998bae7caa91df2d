//! Phones and other machines that were paired with this one, and the codes by which the next ones may be: `access/phones.json`.
//!
//! The file holds digests of tokens and codes, never those themselves. Any number of processes may read and change it: who changes
//! it holds a lock, and the new file takes the place of the old one at once, on the disk before anybody is told.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rand::TryRng as _;
use rand::rngs::SysRng;
use serde::{Deserialize, Serialize};

use super::state::StateDir;
use crate::atomic_file;
use crate::digest::Digest;

/// For so long a code holds, in seconds.
const CODE_HOLDS: i64 = 600;
/// So many codes hold at once; the oldest goes.
const MOST_CODES: usize = 16;
/// So many phones may be paired at once.
const MOST_PHONES: usize = 64;
/// Of a name, in characters.
const LONGEST_NAME: usize = 64;
const LONGEST_FILE: u64 = 1 << 20;
/// Digits and letters that are not taken for each other; 12 of them are 60 bits.
const LETTERS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const CODE_LETTERS: usize = 12;

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

/// What a phone may do.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PairingRight {
    /// Look, and change nothing.
    Read,
    #[default]
    Write,
}

/// One that was paired.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Phone {
    pub number: u64,
    pub name: String,
    pub right: PairingRight,
    /// Of its token.
    #[serde(with = "as_text")]
    pub token: Digest,
    /// When it was paired; seconds since 1970-01-01 UTC.
    pub paired: i64,
    /// When it last asked, to about ten minutes; seconds since 1970-01-01 UTC.
    pub used: Option<i64>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
struct KnownCode {
    #[serde(with = "as_text")]
    code: Digest,
    right: PairingRight,
    made: Moment,
}

/// When something is, by the clock and by how long the machine has run: the clock may be put anywhere, and some machines have none
/// that goes on while they are off.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Moment {
    /// Seconds since 1970-01-01 UTC.
    pub clock: i64,
    /// `None` where the system does not say.
    running: Option<Running>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
struct Running {
    /// Another one each time that the machine starts.
    boot: String,
    /// Since it started, while it slept too.
    seconds: i64,
}

/// A code as it is shown, once.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Code(String);

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
    pub fn stamp(&self) -> Option<(SystemTime, u64, u64)> {
        let metadata = std::fs::metadata(self.path()).ok()?;
        #[cfg(unix)]
        let number = std::os::unix::fs::MetadataExt::ino(&metadata);
        #[cfg(not(unix))]
        let number = 0;
        Some((metadata.modified().ok()?, metadata.len(), number))
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

impl KnownCode {
    fn holds(&self, now: &Moment) -> bool {
        match (&self.made.running, &now.running) {
            (Some(made), Some(now)) => {
                made.boot == now.boot && (made.seconds..made.seconds + CODE_HOLDS).contains(&now.seconds)
            }
            // A clock that was put back does not make a code hold longer.
            (None, None) => (self.made.clock - CODE_HOLDS..self.made.clock + CODE_HOLDS).contains(&now.clock),
            _ => false,
        }
    }
}

impl Moment {
    pub fn now() -> Self {
        let clock = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs() as i64);
        Self { clock, running: Running::now() }
    }
}

impl Running {
    fn now() -> Option<Self> {
        let boot = crate::files::of_system("/proc/sys/kernel/random/boot_id")?.trim().to_owned();
        let uptime = crate::files::of_system("/proc/uptime")?;
        let seconds = uptime.split('.').next()?.trim().parse().ok()?;
        Some(Self { boot, seconds })
    }
}

impl Code {
    fn new() -> Result<Self, PhonesError> {
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

    fn digest(&self) -> Digest {
        Digest::of(self.0.as_bytes())
    }
}

/// 256 random bits.
fn token() -> Result<String, PhonesError> {
    let mut bytes = [0; 32];
    SysRng.try_fill_bytes(&mut bytes)?;
    Ok(Digest::from_bytes(bytes).to_string())
}

mod as_text {
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    use crate::digest::Digest;

    pub fn serialize<S: Serializer>(digest: &Digest, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(digest)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Digest, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn phones() -> (tempfile::TempDir, Phones) {
        let folder = tempfile::tempdir().unwrap();
        let phones = Phones::of(&StateDir::new(folder.path()));
        (folder, phones)
    }

    /// Where the system says no more than the clock.
    fn at(clock: i64) -> Moment {
        Moment { clock, running: None }
    }

    fn running(clock: i64, boot: &str, seconds: i64) -> Moment {
        Moment { clock, running: Some(Running { boot: boot.to_owned(), seconds }) }
    }

    #[test]
    fn a_code_of_another_boot_does_not_hold_and_one_of_this_boot_whatever_the_clock_says() {
        let (_folder, phones) = phones();
        let offer = |now: &Moment| phones.offer(PairingRight::Write, now).unwrap().code;
        let is_in = |code: &Code, now: &Moment| phones.pair(code, "phone", now).unwrap().is_some();
        let old = offer(&running(100, "first", 50));
        for other in [running(100, "second", 50), running(160, "second", 110), at(100)] {
            assert!(!is_in(&old, &other), "{other:?}");
        }
        assert!(is_in(&old, &running(1_800_000_000, "first", 60)), "the clock was set meanwhile");
        let late = offer(&running(100, "first", 50));
        assert!(!is_in(&late, &running(100, "first", 650)) && !is_in(&late, &running(100, "first", 49)));
        if cfg!(target_os = "linux") {
            let (first, second) = (Moment::now().running.unwrap(), Moment::now().running.unwrap());
            assert!(first.boot == second.boot && first.boot.len() == 36 && first.seconds <= second.seconds);
        }
    }

    #[test]
    fn who_puts_a_phone_out_ends_the_codes_that_it_may_have() {
        let (_folder, phones) = phones();
        let offer = || phones.offer(PairingRight::Write, &at(0)).unwrap().code;
        let stolen = phones.pair(&offer(), "stolen", &at(0)).unwrap().unwrap().phone;
        let (asked_for, kept) = (offer(), offer());
        assert_eq!(phones.withdraw(99).unwrap(), None);
        assert!(phones.pair(&kept, "mine", &at(0)).unwrap().is_some(), "nobody was put out");
        phones.withdraw(stolen.number).unwrap().unwrap();
        assert_eq!(phones.pair(&asked_for, "stolen", &at(0)).unwrap(), None);
        assert!(phones.pair(&offer(), "new", &at(0)).unwrap().is_some());
    }

    #[test]
    fn no_name_can_be_taken_for_a_number() {
        let (_folder, phones) = phones();
        let names = ["2", "007", "2", "2nd"].map(|name| {
            let offer = phones.offer(PairingRight::Write, &at(0)).unwrap();
            phones.pair(&offer.code, name, &at(0)).unwrap().unwrap().phone.name
        });
        assert_eq!(names, ["phone 2", "phone 007", "phone 2 2", "2nd"]);
    }

    #[test]
    fn a_code_pairs_one_phone_and_only_in_its_time() {
        let (_folder, phones) = phones();
        let offer = phones.offer(PairingRight::Read, &at(1000)).unwrap();
        assert_eq!(offer.ends, 1600);
        for now in [1600, 9999, 399] {
            assert_eq!(phones.pair(&offer.code, "late", &at(now)).unwrap(), None, "{now}");
        }
        assert_eq!(phones.pair(&Code::typed("0000"), "guess", &at(1000)).unwrap(), None);
        let paired = phones.pair(&offer.code, " Pixel\n ", &at(1599)).unwrap().unwrap();
        assert_eq!((paired.phone.name.as_str(), paired.phone.right), ("Pixel", PairingRight::Read));
        assert_eq!(paired.phone.token, Digest::of(paired.token.as_bytes()));
        assert_eq!(phones.pair(&offer.code, "second", &at(1599)).unwrap(), None, "it was used");
    }

    #[test]
    fn no_secret_is_in_the_file_and_nobody_else_can_read_it() {
        let (_folder, phones) = phones();
        let (used, open) =
            (phones.offer(PairingRight::Write, &at(0)).unwrap(), phones.offer(PairingRight::Write, &at(0)).unwrap());
        let paired = phones.pair(&used.code, "phone", &at(0)).unwrap().unwrap();
        let text = std::fs::read_to_string(phones.path()).unwrap();
        for secret in [used.code.plain(), open.code.plain(), &paired.token] {
            assert!(!text.contains(secret), "{text}");
        }
        #[cfg(unix)]
        assert_eq!(
            std::os::unix::fs::PermissionsExt::mode(&phones.path().metadata().unwrap().permissions()) & 0o777,
            0o600
        );
    }

    #[test]
    fn names_and_numbers_come_once_and_a_withdrawn_phone_is_gone() {
        let (_folder, phones) = phones();
        let pair = |name: &str| {
            let offer = phones.offer(PairingRight::Write, &at(0)).unwrap();
            phones.pair(&offer.code, name, &at(0)).unwrap().unwrap().phone
        };
        let (first, second, third) = (pair("phone"), pair("phone"), pair("\u{7}"));
        assert_eq!([&first.name, &second.name, &third.name], ["phone", "phone 2", "phone 3"]);
        assert_eq!(phones.withdraw(third.number).unwrap().unwrap(), third);
        assert_eq!(phones.withdraw(third.number).unwrap(), None);
        assert_eq!(pair("x").number, 4);
        phones.note_use(&[(1, 50), (2, 60), (9, 70)]).unwrap();
        phones.note_use(&[(1, 40)]).unwrap();
        let used: Vec<_> = phones.read().unwrap().phones.iter().map(|phone| phone.used).collect();
        assert_eq!(used, [Some(50), Some(60), None]);
        assert_eq!(phones.read().unwrap().phones[1].name, second.name);
    }

    #[test]
    fn what_killed_processes_left_is_swept_and_nothing_else() {
        let (folder, phones) = phones();
        phones.sweep();
        assert!(!folder.path().join("access").exists(), "nothing is made for it");
        phones.offer(PairingRight::Write, &at(0)).unwrap();
        std::fs::write(phones.folder.join(".tmp-x1"), "a key").unwrap();
        phones.sweep();
        let mut left: Vec<_> = phones.folder.read_dir().unwrap().map(|entry| entry.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, [".lock", "phones.json"]);
    }

    #[test]
    fn of_many_who_bring_one_code_at_once_one_is_paired() {
        let (_folder, phones) = phones();
        let offer = phones.offer(PairingRight::Write, &at(0)).unwrap();
        let bring = &|name: usize| phones.pair(&offer.code, &name.to_string(), &at(0)).unwrap().is_some();
        let paired = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|name| scope.spawn(move || bring(name))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).filter(|paired| *paired).count()
        });
        assert_eq!((paired, phones.read().unwrap().phones.len()), (1, 1));
    }

    #[test]
    fn there_are_bounds_and_a_damaged_file_is_named() {
        let (_folder, phones) = phones();
        let first = phones.offer(PairingRight::Write, &at(0)).unwrap();
        (0..MOST_CODES).for_each(|_| drop(phones.offer(PairingRight::Write, &at(0)).unwrap()));
        assert_eq!(phones.pair(&first.code, "x", &at(0)).unwrap(), None, "newer ones took its place");
        for _ in 0..MOST_PHONES {
            let offer = phones.offer(PairingRight::Write, &at(0)).unwrap();
            phones.pair(&offer.code, "x", &at(0)).unwrap().unwrap();
        }
        let offer = phones.offer(PairingRight::Write, &at(0)).unwrap();
        assert!(matches!(phones.pair(&offer.code, "x", &at(0)), Err(PhonesError::TooMany)));
        assert!(matches!(phones.pair(&offer.code, "x", &at(0)), Err(PhonesError::TooMany)), "the code was not used up");
        std::fs::write(phones.path(), "{\"last\": ").unwrap();
        let error = phones.offer(PairingRight::Write, &at(0)).unwrap_err().to_string();
        assert!(error.contains("phones.json"), "{error}");
    }

    proptest! {
        #[test]
        fn however_it_is_typed_it_is_the_same_code(grouped: bool, lower: bool) {
            let code = Code::new().unwrap();
            let text = if grouped { format!(" {} ", code.grouped()) } else { code.plain().to_owned() };
            let text = if lower { text.to_lowercase().replace('0', "o").replace('1', "l") } else { text };
            prop_assert_eq!(Code::typed(&text), code);
        }
    }
}
