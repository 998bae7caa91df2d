//! Every look of every camera in a file, from which the same events can be made again.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::Moment;
use super::decision::{Change, Decision, Look, Rules};
use super::event::Decided;

/// A log that is longer becomes `FILE.1`, in the place of the one before, and a new one is begun.
const MOST_BYTES: u64 = 32 << 20;
/// Of a line.
const LONGEST: u64 = 1 << 16;

/// A line of a log.
#[derive(Debug, Serialize, Deserialize)]
struct Line {
    camera: String,
    #[serde(flatten)]
    entry: Entry,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
enum Entry {
    Rules {
        rules: Rules,
        /// When what was decided before was over; `None` where a program began.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        anew: Option<Moment>,
    },
    /// A visit was over then, without a look.
    Passed {
        passed: Moment,
    },
    Look(Look),
}

/// Writes a log.
pub struct Log {
    path: PathBuf,
    file: BufWriter<File>,
    written: u64,
    /// What every file begins with.
    rules: Vec<(String, Rules)>,
}

impl Log {
    /// Goes on with the log at `path`, or begins it.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn open(path: &Path, rules: Vec<(String, Rules)>) -> io::Result<Self> {
        let file = File::options().create(true).read(true).append(true).open(path)?;
        let written = whole_lines(&file)?;
        file.set_len(written)?;
        let mut log = Self { path: path.to_owned(), file: BufWriter::new(file), written, rules };
        log.begin()?;
        Ok(log)
    }

    pub fn look(&mut self, camera: &str, look: &Look) -> io::Result<()> {
        if self.written > MOST_BYTES {
            self.turn_over()?;
        }
        self.write(camera, Entry::Look(look.clone()))
    }

    pub fn passed(&mut self, camera: &str, passed: Moment) -> io::Result<()> {
        self.write(camera, Entry::Passed { passed })
    }

    /// What was decided about the camera holds no longer.
    pub fn begin_anew(&mut self, camera: &str, now: Moment) -> io::Result<()> {
        let rules = self.rules.iter().find(|(name, _)| name == camera).map(|(_, rules)| rules.clone());
        rules.map_or(Ok(()), |rules| self.write(camera, Entry::Rules { rules, anew: Some(now) }))
    }

    fn begin(&mut self) -> io::Result<()> {
        for (camera, rules) in self.rules.clone() {
            self.write(&camera, Entry::Rules { rules, anew: None })?;
        }
        Ok(())
    }

    fn turn_over(&mut self) -> io::Result<()> {
        let mut old = self.path.clone().into_os_string();
        old.push(".1");
        std::fs::rename(&self.path, old)?;
        self.file = BufWriter::new(File::create(&self.path)?);
        self.written = 0;
        self.begin()
    }

    fn write(&mut self, camera: &str, entry: Entry) -> io::Result<()> {
        let mut line = serde_json::to_vec(&Line { camera: camera.to_owned(), entry })?;
        line.push(b'\n');
        self.written += line.len() as u64;
        self.file.write_all(&line)?;
        self.file.flush()
    }
}

/// How long a file is up to the end of its last whole line: a power cut may have left a part of one.
fn whole_lines(mut file: &File) -> io::Result<u64> {
    let length = file.metadata()?.len();
    let from = length.saturating_sub(LONGEST);
    file.seek(io::SeekFrom::Start(from))?;
    let mut tail = Vec::new();
    file.take(LONGEST).read_to_end(&mut tail)?;
    Ok(from + tail.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last as u64 + 1))
}

#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReplayError {
    #[error("cannot read the log `{path}`")]
    Read { path: PathBuf, source: io::Error },
    #[error("expected a line of a log in line {line} of `{path}`")]
    Line { path: PathBuf, line: usize, source: serde_json::Error },
    #[error("expected a line with the rules of `{camera}` before line {line} of `{path}`")]
    NoRules { path: PathBuf, line: usize, camera: String },
    #[error("cannot tell of an event")]
    Told(#[source] io::Error),
}

/// Tells the events that the log at `path` leads to; `changed` may change the rules under which they were decided.
///
/// # Errors
/// When the log cannot be read, or what `tell` gave. The last line may be cut off.
pub fn replay(
    path: &Path,
    changed: &dyn Fn(Rules) -> Rules,
    tell: &mut dyn FnMut(Decided) -> io::Result<()>,
) -> Result<(), ReplayError> {
    let read_error = |source| ReplayError::Read { path: path.to_owned(), source };
    let mut reader = BufReader::new(File::open(path).map_err(read_error)?.take(u64::MAX));
    let mut decisions = BTreeMap::<String, Decision>::new();
    let mut text = Vec::new();
    for number in 1.. {
        text.clear();
        (&mut reader).take(LONGEST).read_until(b'\n', &mut text).map_err(read_error)?;
        let is_whole = text.ends_with(b"\n");
        let line = match serde_json::from_slice::<Line>(&text) {
            Ok(line) => line,
            Err(_) if !is_whole && (text.len() as u64) < LONGEST => return Ok(()),
            Err(source) => return Err(ReplayError::Line { path: path.to_owned(), line: number, source }),
        };
        let camera = line.camera;
        for change in changes(&mut decisions, &camera, line.entry, changed).ok_or_else(|| ReplayError::NoRules {
            path: path.to_owned(),
            line: number,
            camera: camera.clone(),
        })? {
            let event = Decided { camera: camera.clone(), change, head_version: None, seconds: None, picture: None };
            tell(event).map_err(ReplayError::Told)?;
        }
    }
    Ok(())
}

/// `None` for a camera without rules.
fn changes(
    decisions: &mut BTreeMap<String, Decision>,
    camera: &str,
    entry: Entry,
    changed: &dyn Fn(Rules) -> Rules,
) -> Option<Vec<Change>> {
    match entry {
        Entry::Rules { rules, anew } => {
            let before = decisions.insert(camera.to_owned(), Decision::new(changed(rules)));
            Some(before.zip(anew).and_then(|(before, now)| before.end(now)).into_iter().collect())
        }
        Entry::Passed { passed } => Some(decisions.get_mut(camera)?.pass(passed).into_iter().collect()),
        Entry::Look(look) => Some(decisions.get_mut(camera)?.take(look)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::watch::decision::{Kind, Mode, Said};

    fn said(camera: usize, ms: u64, label: &str) -> (usize, Look) {
        (
            camera,
            Look::Said {
                said: Said { at: Moment(ms), label: label.to_owned(), score: 0.83 },
                decided: ms.is_multiple_of(2),
            },
        )
    }

    #[test]
    fn a_log_played_again_gives_the_same_events() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("looks.jsonl");
        let rules = [Rules::default(), Rules { mode: Mode::Visit, ..Rules::default() }];
        let names = ["gate", "bird"];
        let mut log = Log::open(&path, names.iter().map(|name| name.to_string()).zip(rules.clone()).collect()).unwrap();
        let mut decisions = rules.map(Decision::new);
        let mut live = Vec::new();
        let looks = (0..400_u64).map(|at| said((at % 2) as usize, at * 97, ["a", "b"][(at / 30 % 2) as usize]));
        for (camera, look) in looks {
            log.look(names[camera], &look).unwrap();
            live.extend(decisions[camera].take(look).into_iter().map(|change| (names[camera].to_owned(), change)));
        }
        let over = Moment(1_000_000);
        live.extend(decisions[1].pass(over).map(|change| (names[1].to_owned(), change)));
        log.passed(names[1], over).unwrap();
        for (camera, label) in (0..2).flat_map(|camera| [(camera, "c"); 3]) {
            let look = said(camera, 1_000_500, label).1;
            log.look(names[camera], &look).unwrap();
            live.extend(decisions[camera].take(look).into_iter().map(|change| (names[camera].to_owned(), change)));
        }
        let set = Moment(1_001_000);
        for (name, decision) in names.iter().zip(decisions) {
            log.begin_anew(name, set).unwrap();
            live.extend(decision.end(set).map(|change| (name.to_string(), change)));
        }
        assert!(live.last().is_some_and(|(name, change)| name == "bird" && change.event == Kind::Ended));
        drop(log);

        let mut again = Vec::new();
        let mut tell = |event: Decided| {
            again.push((event.camera, event.change));
            Ok(())
        };
        replay(&path, &|rules| rules, &mut tell).unwrap();
        assert!(live.len() > 10);
        assert_eq!(again, live);
        let mut count = 0;
        let stricter = |rules| Rules { threshold: Some(0.9), ..rules };
        replay(&path, &stricter, &mut |_| {
            count += 1;
            Ok(())
        })
        .unwrap();
        assert_eq!(count, 0, "other rules, other events");
    }

    #[test]
    fn a_log_that_is_cut_off_is_read_to_its_end_and_a_damaged_line_is_named() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("looks.jsonl");
        let mut log = Log::open(&path, vec![("gate".to_owned(), Rules { in_a_row: 1, ..Rules::default() })]).unwrap();
        log.look("gate", &said(0, 2, "a").1).unwrap();
        log.look("gate", &said(0, 4, "b").1).unwrap();
        let whole = crate::files::read(&path, 1 << 20).unwrap();
        let count = |bytes: &[u8]| {
            std::fs::write(&path, bytes).unwrap();
            let mut count = 0;
            replay(&path, &|rules| rules, &mut |_| {
                count += 1;
                Ok(())
            })
            .map(|()| count)
        };
        assert_eq!(count(&whole).unwrap(), 2);
        assert_eq!(count(&whole[..whole.len() - 9]).unwrap(), 1);
        std::fs::write(&path, &whole[..whole.len() - 9]).unwrap();
        let mut log = Log::open(&path, vec![("gate".to_owned(), Rules { in_a_row: 1, ..Rules::default() })]).unwrap();
        log.look("gate", &said(0, 6, "c").1).unwrap();
        drop(log);
        assert_eq!(
            count(&crate::files::read(&path, 1 << 20).unwrap()).unwrap(),
            2,
            "what was cut off is gone, and no more"
        );
        let error = count(&[b"{}\n", &whole[..]].concat()).unwrap_err();
        assert!(matches!(error, ReplayError::Line { line: 1, .. }), "{error}");
        let without = whole.iter().position(|byte| *byte == b'\n').unwrap() + 1;
        assert!(matches!(count(&whole[without..]).unwrap_err(), ReplayError::NoRules { line: 1, .. }));
    }
}
