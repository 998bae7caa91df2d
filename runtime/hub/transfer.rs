//! Files brought into a folder, whole or not at all, and continued where they were cut off.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use super::client::{Answer, Client, broken, host};
use super::listing::refused;
use super::tries::Tries;
use super::{Checked, Fetched, HubError, Plan, Remote, Watch};
use crate::atomic_file;
use crate::digest::Digest;
use crate::files;

/// More than the two gigabytes of a file of protobuf is no network.
const MOST_BYTES: u64 = 2 << 30;
/// Left free beside what is fetched and the package that is made of it.
const RESERVE: u64 = 64 << 20;
const LOCK: &str = ".lock";

pub fn fetch(client: &Client, plan: &Plan, folder: &Path, watch: &mut Watch<'_>) -> Result<Fetched, HubError> {
    fs::create_dir_all(folder).map_err(|source| HubError::Write { path: folder.to_owned(), source })?;
    let _lock = lock(folder)?;
    let expected = [&plan.network].into_iter().chain(&plan.beside).filter_map(|remote| remote.size).sum::<u64>();
    check_room(folder, 2 * expected)?;
    let mut bytes = 0;
    for remote in &plan.beside {
        let mut quiet = Watch { progress: &mut |_, _| {}, say: &mut *watch.say, stop: watch.stop };
        bytes += one(client, remote, folder, &mut quiet)?.1;
    }
    let (checked, network) = one(client, &plan.network, folder, watch)?;
    Ok(Fetched { network: folder.join(&plan.network.name), checked, bytes: bytes + network })
}

/// Held until it is dropped, or the process ends however it may.
fn lock(folder: &Path) -> Result<File, HubError> {
    let path = folder.join(LOCK);
    let failed = |source| HubError::Write { path: path.clone(), source };
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(HubError::Locked { folder: folder.to_owned() }),
        // Some network shares have no locks; two at once then spoil no more than the time of one.
        Err(TryLockError::Error(_)) => Ok(file),
    }
}

fn check_room(folder: &Path, bytes: u64) -> Result<(), HubError> {
    let needed = bytes + RESERVE;
    match files::free_bytes(folder) {
        Some(free) if free < needed => Err(HubError::Room { folder: folder.to_owned(), needed, free }),
        _ => Ok(()),
    }
}

/// Brings one file, and says against what it was checked and how many bytes came over the network.
fn one(client: &Client, remote: &Remote, folder: &Path, watch: &mut Watch<'_>) -> Result<(Checked, u64), HubError> {
    let path = folder.join(&remote.name);
    let here = || Digest::of_file(&path).ok().filter(|digest| Some(*digest) == remote.sha256);
    if remote.sha256.is_some() && here().is_some() {
        return Ok((remote.checked, 0));
    }
    let is_wanted =
        |file: &Path| remote.sha256.is_none_or(|wanted| Digest::of_file(file).is_ok_and(|digest| digest == wanted));
    if let Some(cached) = remote.cached.as_deref().filter(|cached| is_wanted(cached)) {
        fs::copy(cached, &path).map_err(|source| HubError::Write { path, source })?;
        return Ok((remote.checked, 0));
    }
    let mut tries = Tries::default();
    let mut again = true;
    let mut came = 0;
    loop {
        let mut transfer = Transfer { client, remote, folder, path: &path, watch, came: 0, continued: false };
        let result = transfer.run();
        let (further, continued) = (transfer.came, transfer.continued);
        came += further;
        if further > 0 {
            tries.got_further();
        }
        match result {
            Ok(checked) => return Ok((checked, came)),
            // What was there before may have been another file's beginning.
            Err(HubError::WrongDigest { .. } | HubError::Length { .. }) if continued && again => again = false,
            Err(error) => tries.after(error, watch)?,
        }
    }
}

/// One try.
struct Transfer<'a, 'b> {
    client: &'a Client,
    remote: &'a Remote,
    folder: &'a Path,
    path: &'a Path,
    watch: &'a mut Watch<'b>,
    /// Bytes of this try.
    came: u64,
    /// Whether it began behind bytes of an earlier one.
    continued: bool,
}

impl Transfer<'_, '_> {
    fn run(&mut self) -> Result<Checked, HubError> {
        let first = self.client.get_renamed(&self.remote.address)?;
        self.check_answer(&first)?;
        let (wanted, checked) = self.wanted(&first);
        let part = self.part(wanted, &first);
        let (answer, mut file, start) = self.opened(first, &part)?;
        let (address, whole) = (self.remote.address.clone(), whole(&answer, start));
        if let Some((expected, got)) = self.remote.size.zip(whole).filter(|(expected, got)| expected != got) {
            return Err(HubError::Length { address, expected, got });
        }
        let length = self.copy(answer, &mut file, start, whole, &part)?;
        let write_failed = |source| HubError::Write { path: part.clone(), source };
        file.sync_all().map_err(write_failed)?;
        let judged = self.judge(&part, length, wanted);
        if let Err(error) = judged {
            let _ = fs::remove_file(&part);
            return Err(error);
        }
        fs::rename(&part, self.path).and_then(|()| atomic_file::sync_folder(self.path)).map_err(write_failed)?;
        Ok(checked)
    }

    /// The answer to the first question: the file itself, or where its content lies.
    fn check_answer(&self, answer: &Answer) -> Result<(), HubError> {
        let address = || self.remote.address.clone();
        let (status, is_there) = (answer.status(), answer.status() == 200 || answer.location().is_some());
        match &self.remote.of {
            Some(named) if !is_there => Err(refused(answer, named, self.client.has_token())),
            Some(_) if answer.header("x-repo-commit").is_none() => Err(HubError::NotTheHub { address: address() }),
            None if status == 404 => Err(HubError::NothingThere { address: address() }),
            None if !is_there => Err(HubError::Status { address: address(), status }),
            None if answer.is_page() => Err(HubError::Page { address: address() }),
            _ => Ok(()),
        }
    }

    /// What was listed; else what the hub says now.
    fn wanted(&self, answer: &Answer) -> (Option<Digest>, Checked) {
        let linked = || {
            let tag = answer.header("x-linked-etag")?;
            tag.trim_start_matches("W/").trim_matches('"').parse().ok()
        };
        match self.remote.sha256 {
            Some(digest) => (Some(digest), self.remote.checked),
            None => linked().map_or((None, Checked::Nothing), |digest| (Some(digest), Checked::Hub)),
        }
    }

    /// Named by what the content is, so that no beginning of another file is continued.
    fn part(&self, wanted: Option<Digest>, answer: &Answer) -> PathBuf {
        let tag = answer.header("etag").unwrap_or_default();
        let length = answer.length().map(|length| length.to_string()).unwrap_or_default();
        let content = wanted
            .unwrap_or_else(|| Digest::of_fields([self.remote.address.as_bytes(), tag.as_bytes(), length.as_bytes()]));
        self.folder.join(format!(".{}.{}.part", self.remote.name, content.short()))
    }

    /// The answer with the content, the file that it goes to, and from which byte on.
    fn opened(&mut self, first: Answer, part: &Path) -> Result<(Answer, File, u64), HubError> {
        let write_failed = |source| HubError::Write { path: part.to_owned(), source };
        let mut file = OpenOptions::new().create(true).append(true).open(part).map_err(write_failed)?;
        let have = file.metadata().map_err(write_failed)?.len();
        let answer = match (first.location(), have) {
            (None, 0) => first,
            (None, _) => self.client.get_content(&first.address, have)?,
            (Some(_), _) => self.content(&first, have)?,
        };
        let begins = |start: u64| start == have;
        let start = match answer.status() {
            200 => 0,
            206 if answer.range().is_some_and(|(start, _)| begins(start)) => have,
            206 if answer.range().is_some_and(|(start, _)| start == 0) => 0,
            // Nothing is left to send: it is whole, or it is not what it was.
            206 | 416 => {
                fs::remove_file(part).map_err(write_failed)?;
                let host = host(&answer.address).to_owned();
                return Err(HubError::BrokenOff { host, source: Some("the part here does not fit".into()) });
            }
            403 if self.remote.of.is_some() => return Err(HubError::Expired { address: self.remote.address.clone() }),
            status => return Err(HubError::Status { address: self.remote.address.clone(), status }),
        };
        if start == 0 && have > 0 {
            file.set_len(0).and_then(|()| file.flush()).map_err(write_failed)?;
        }
        self.continued = start > 0;
        Ok((answer, file, start))
    }

    fn content(&self, first: &Answer, have: u64) -> Result<Answer, HubError> {
        let Some(location) = first.location() else { unreachable!("it was asked before") };
        self.client.get_content(&super::client::resolved(&first.address, location), have)
    }

    fn copy(
        &mut self,
        answer: Answer,
        file: &mut File,
        start: u64,
        whole: Option<u64>,
        part: &Path,
    ) -> Result<u64, HubError> {
        let (host, patience) = (host(&answer.address).to_owned(), answer.patience());
        let mut reader = answer.reader();
        let mut buffer = vec![0; 64 << 10];
        let mut length = start;
        let most = whole.or(self.remote.size).unwrap_or(MOST_BYTES).min(MOST_BYTES);
        loop {
            if self.watch.stop.load(Ordering::Relaxed) {
                return Err(HubError::Stopped);
            }
            let read = reader.read(&mut buffer).map_err(|error| broken(&host, patience, error))?;
            if read == 0 {
                break;
            }
            length += read as u64;
            if length > most {
                let address = self.remote.address.clone();
                return Err(HubError::Length { address, expected: most, got: length });
            }
            file.write_all(&buffer[..read]).map_err(|source| HubError::Write { path: part.to_owned(), source })?;
            self.came += read as u64;
            (self.watch.progress)(length, whole.or(self.remote.size));
        }
        match whole.or(self.remote.size) {
            Some(whole) if length < whole => Err(HubError::BrokenOff { host, source: None }),
            _ => Ok(length),
        }
    }

    /// Whether what came is what was wanted.
    fn judge(&self, part: &Path, length: u64, wanted: Option<Digest>) -> Result<(), HubError> {
        let address = self.remote.address.clone();
        let read_failed = |source| HubError::Write { path: part.to_owned(), source };
        let beginning = beginning(part).map_err(read_failed)?;
        if self.remote.name.ends_with(".onnx") {
            if beginning.starts_with(b"version https://git-lfs") {
                return Err(HubError::Pointer { address });
            }
            if beginning.trim_ascii_start().starts_with(b"<") {
                return Err(HubError::Page { address });
            }
        }
        if let Some(expected) = self.remote.size.filter(|expected| *expected != length) {
            return Err(HubError::Length { address, expected, got: length });
        }
        let got = Digest::of_file(part).map_err(read_failed)?;
        match wanted {
            Some(expected) if expected != got => Err(HubError::WrongDigest { address, expected, got }),
            _ => Ok(()),
        }
    }
}

/// How long the whole file is by this answer.
fn whole(answer: &Answer, start: u64) -> Option<u64> {
    match answer.range().filter(|_| answer.status() == 206) {
        Some((_, whole)) => whole,
        None => answer.length().map(|length| start + length),
    }
}

fn beginning(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(64).read_to_end(&mut bytes)?;
    Ok(bytes)
}
