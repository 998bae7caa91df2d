//! What a restart must not forget, as a file a camera in the state folder.

use std::io;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{DriftEvent, DriftView};
use crate::atomic_file;
use crate::dataset::SampleId;
use crate::drift::{Record, Unwatched};
use crate::files;
use crate::predictor::Answer;
use crate::store::StateDir;

/// Of a file, which has a few thousand numbers a class.
const LONGEST: u64 = 16 << 20;

/// Which head: two devices may number different ones alike.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct HeadName {
    pub version: u64,
    pub hash: String,
}

/// Of one camera, since its head is live.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Kept {
    pub head: HeadName,
    /// The last sample that the reference was made with.
    pub newest: Option<SampleId>,
    pub record: Option<Record>,
    pub told: Vec<DriftEvent>,
    /// Why the head is not watched for drift.
    pub unwatched: Option<Unwatched>,
}

#[derive(Serialize, Deserialize)]
struct Written {
    head: HeadName,
    newest: Option<i64>,
    record: Option<Record>,
    told: Vec<DriftEvent>,
    unwatched: Option<Unwatched>,
}

impl HeadName {
    pub fn of(answer: &Answer) -> Self {
        Self { version: answer.head_version, hash: answer.head_hash.clone() }
    }
}

impl Kept {
    /// What was written of `camera`; `None` where there is nothing, or nothing that can be read: then it begins anew.
    pub fn read(state: &StateDir, camera: &str) -> Option<Self> {
        let path = path(state, camera);
        let bytes = match files::read(&path, LONGEST) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
            Err(error) => {
                tracing::warn!(
                    "what was known of the drift of camera {camera} cannot be read, so it begins anew: {error}"
                );
                return None;
            }
        };
        match serde_json::from_slice::<Written>(&bytes) {
            Ok(Written { head, newest, record, told, unwatched }) => {
                Some(Self { head, newest: newest.map(SampleId), record, told, unwatched })
            }
            Err(error) => {
                tracing::warn!(
                    "`{}` is damaged, so watching camera {camera} for drift begins anew: {error}",
                    path.display()
                );
                None
            }
        }
    }

    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, state: &StateDir, camera: &str) -> io::Result<()> {
        let Self { head, newest, record, told, unwatched } = self.clone();
        let written = Written { head, newest: newest.map(|newest| newest.0), record, told, unwatched };
        std::fs::create_dir_all(state.drift())?;
        atomic_file::replace(&path(state, camera), &serde_json::to_vec(&written)?)
    }

    /// Whether it is of `head`, which is not watched for that reason, or is.
    pub fn is_of(&self, head: &HeadName, unwatched: Option<&Unwatched>) -> bool {
        self.head == *head && self.unwatched.as_ref() == unwatched
    }

    pub fn view(&self, camera: &str, false_alarms: f64) -> DriftView {
        let enough = Record::enough(false_alarms);
        let evidence = self.record.as_ref().map(Record::evidence).unwrap_or_default();
        DriftView {
            camera: camera.to_owned(),
            head_version: Some(self.head.version).filter(|version| *version > 0),
            looks: self.record.as_ref().map_or(0, Record::looks),
            evidence: evidence.into_iter().map(|(kind, evidence)| (kind, (evidence / enough).max(0.0))).collect(),
            told: self.told.clone(),
            because: self.unwatched.as_ref().map(Unwatched::to_string),
            code: self.unwatched.as_ref().map(Unwatched::code),
        }
    }
}

/// What the state folder has of the drift of `camera`.
pub fn kept_view(state: &StateDir, camera: &str, false_alarms: f64) -> Option<DriftView> {
    Kept::read(state, camera).map(|kept| kept.view(camera, false_alarms))
}

fn path(state: &StateDir, camera: &str) -> PathBuf {
    state.drift().join(format!("{camera}.json"))
}
