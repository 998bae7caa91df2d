//! What a user can do about an error.

mod source;

use super::failure::hinted;
use crate::backbone::graph::Foreign;
use crate::backbone::{BackboneError, GraphError, LibraryError, Provider};
use crate::dataset::SampleId;
use crate::device::{BackupError, DeviceError, ExportError, KnownClassesError, LiveHead};
use crate::head::FitError;
use crate::predictor::OpenError;
use crate::store::{HeadFolderError, PublishError, StoreError};

pub use source::of_remark;

const INSTALL: &str = "install it: edgetl doctor --install-onnxruntime";
const WRITABLE: &str = "name a directory that can be written: --state DIR, or EDGETL_STATE";
const NAMED: &str =
    "import the backbone with the names of its classes: edgetl backbone import MODEL.onnx --labels FILE";
const FORGET_AGAIN: &str = "the samples are out of the store, and heads that may have learned from them still there: the \
                            same command again goes on with these";

/// Where nothing better is known.
pub const LOOK: &str = "`edgetl doctor` shows what this machine can run; --provider auto takes what there is";

pub trait OrRemedy<T> {
    /// Adds what the user can do, where that is known.
    fn or_remedy(self) -> anyhow::Result<T>;
}

impl<T, E: Into<DeviceError>> OrRemedy<T> for Result<T, E> {
    fn or_remedy(self) -> anyhow::Result<T> {
        self.map_err(|error| with_remedy(error.into()))
    }
}

fn with_remedy(error: DeviceError) -> anyhow::Error {
    match (of_device(&error), error) {
        // So that who looks for an end of stdout finds it.
        (_, DeviceError::Told(error)) => error.into(),
        // The heads first, then what kept them from being replaced.
        (_, DeviceError::HeadsRemember(error)) => hinted(FORGET_AGAIN, with_remedy(*error)),
        (Some(remedy), error) => hinted(remedy, error),
        (None, error) => error.into(),
    }
}

fn of_device(error: &DeviceError) -> Option<String> {
    let remedy = match error {
        DeviceError::Store(error) => return of_store(error),
        DeviceError::HeadFolder(error) => return of_head_folder(error),
        DeviceError::Backbone(error) => return Some(of_loading(error)),
        DeviceError::Open(error) => return Some(of_opening(error)),
        DeviceError::State(_) => WRITABLE,
        DeviceError::Fit(FitError::GoalLabel(_)) => "`edgetl samples list --count` shows the labels",
        DeviceError::Fit(FitError::Memory { .. }) => "--memory SIZE allows more, where the machine has it",
        DeviceError::Fit(FitError::OneClass(_)) => "`edgetl collect` adds pictures of another class",
        DeviceError::Fit(FitError::Alike { .. }) => {
            "look at some of them: black, covered or empty pictures look alike, as do copies of one; `edgetl samples list` \
             says where they are"
        }
        DeviceError::Fit(_) => "`edgetl samples list` shows what is stored; `edgetl collect` adds more",
        DeviceError::KnownClasses(error) => of_known_classes(error),
        DeviceError::Source(error) => source::of_source(error),
        DeviceError::CurrentBackbone(_) => {
            "name the one to use: edgetl backbone use NAME; `edgetl backbone list` shows what is kept"
        }
        DeviceError::NoBackbone { .. } => {
            "fetch one: edgetl backbone fetch --list; or name a file: edgetl collect SOURCE --backbone FILE.onnx --preset imagenet"
        }
        DeviceError::NoSuchBackbone { .. } => {
            "`edgetl backbone list` shows what is kept; `edgetl backbone import MODEL.onnx` and `edgetl backbone fetch NAME` \
             bring others"
        }
        DeviceError::Layer { .. } => "`edgetl backbone inspect NAME` shows the tensors",
        DeviceError::BackboneGone(_) | DeviceError::HeadBackbone { .. } => {
            "collect with that backbone again, or fit a new head: edgetl fit-head"
        }
        DeviceError::BackboneInUse { .. } => "choose another first: edgetl backbone use NAME; or --force",
        DeviceError::BackboneNeeded { .. } => "--force removes it all the same; that head cannot predict then",
        DeviceError::RemoveBackbone { .. } => "look at what is left of the folder",
        DeviceError::NothingLabelled { .. } => {
            "put them into folders named after their labels, or say --label LABEL; --unlabelled keeps them without one"
        }
        DeviceError::NoSamples => "collect labelled pictures first: edgetl collect FOLDER",
        DeviceError::NoUnlabelled => "collect some: edgetl collect --unlabelled FOLDER; or fit without --pseudo-labels",
        DeviceError::Decide { .. } => "fit a head for these samples: edgetl fit-head, with the same flags",
        DeviceError::Head { .. } => {
            "`edgetl heads rollback` takes an older one, with --to any other; `edgetl fit-head` makes a new one"
        }
        DeviceError::Publish { source, live } => match **source {
            PublishError::Forgotten => "fit again, without them: edgetl fit-head",
            PublishError::Superseded => "fit again, to be compared with that one: edgetl fit-head --unless-worse",
            _ => return Some(live_head(live)),
        },
        DeviceError::SyncUnknown { .. } => "mend or move that, so that nothing is taken for gone which is there",
        DeviceError::SyncSource { .. } => "name a folder of folders named after labels",
        DeviceError::Backup(BackupError::Begun { .. }) => "start the service, which finishes it: edgetl serve",
        DeviceError::Backup(BackupError::Half { .. }) => {
            "mend that and start the service again, which finishes the restore; what was there before is in the folder `replaced-…`"
        }
        DeviceError::Backup(BackupError::Occupied { .. }) => "name a new state directory: --state DIR",
        DeviceError::Export(ExportError { source, .. }) if source.kind() == std::io::ErrorKind::DirectoryNotEmpty => {
            "name a folder that is not there yet"
        }
        DeviceError::NoRefit(_) => "fit another head first, which can be fitted again without them: edgetl fit-head",
        _ => return None,
    };
    Some(remedy.to_owned())
}

fn of_store(error: &StoreError) -> Option<String> {
    let remedy = match error {
        StoreError::Missing { .. } => {
            "collect pictures first: edgetl collect FOLDER; or name the state directory: --state DIR"
        }
        StoreError::DamagedRows { ids } => return Some(of_damaged_rows(ids)),
        StoreError::DamagedReview { id } => return Some(format!("`edgetl review dismiss {}` lets it go", id.0)),
        StoreError::OtherBackbones { .. } => {
            "collect the pictures again with the backbone in use: edgetl collect FOLDER"
        }
        StoreError::Newer { .. } => {
            "update edgetl; or go on in another state directory, --state DIR, with the `edgetl restore` of a backup that this \
             version wrote"
        }
        StoreError::NetworkShare { .. } => {
            "locks do not work there: keep the state on a disk of this machine, and copy it with edgetl backup"
        }
        StoreError::Full { .. } => "free some space; what was reported as stored is safe",
        StoreError::ReadOnly { .. } | StoreError::Unreachable { .. } | StoreError::CannotOpen { .. } => WRITABLE,
        StoreError::Damaged { .. } | StoreError::Integrity { .. } => {
            "stop what uses it, then `edgetl samples rescue` keeps what can be read; or `edgetl restore` a backup"
        }
        StoreError::NotADatabase { .. } | StoreError::Foreign { .. } => {
            "move the file away, then `edgetl restore` a backup, or collect again; the pictures themselves are not in it"
        }
        _ => return None,
    };
    Some(remedy.to_owned())
}

/// The way out of damaged rows.
pub fn of_damaged_rows(ids: &[SampleId]) -> String {
    let ids: Vec<String> = ids.iter().map(|id| id.0.to_string()).collect();
    format!(
        "`edgetl samples list --id {ids}` shows the pictures; take them out and collect them again: edgetl samples remove \
         --id {ids}, then edgetl collect --again FOLDER",
        ids = ids.join(",")
    )
}

fn of_head_folder(error: &HeadFolderError) -> Option<String> {
    let remedy = match error {
        HeadFolderError::Empty { .. } => {
            "fit one first: edgetl collect FOLDER, then edgetl fit-head; or name the state: --state DIR"
        }
        HeadFolderError::NoSuchVersion { .. } | HeadFolderError::NothingOlder { .. } => {
            "`edgetl heads list` shows what is there"
        }
        HeadFolderError::Pointer { .. } => {
            "`edgetl heads rollback --to VERSION` names another; `edgetl heads list` shows what is there"
        }
        HeadFolderError::Read { .. } | HeadFolderError::Write { .. } | HeadFolderError::NoNumberLeft { .. } => {
            return None;
        }
    };
    Some(remedy.to_owned())
}

fn of_known_classes(error: &KnownClassesError) -> &'static str {
    match error {
        KnownClassesError::NoClassifier { .. } => {
            "only a linear classifier right behind the feature is kept: see `edgetl backbone inspect`; fit without it"
        }
        KnownClassesError::NoSuchClass(_) => {
            "labels.txt in the backbone's folder names them all; --keep-classes alone keeps every one"
        }
        _ => NAMED,
    }
}

fn live_head(live: &LiveHead) -> String {
    match live {
        LiveHead::New(version) => format!("the new head is live all the same, as head {version}"),
        LiveHead::Other(version) => format!("head {version} is live"),
        LiveHead::None => "no head is live".to_owned(),
        LiveHead::Unknown(reason) => format!("which head is live cannot be found out: {reason}"),
    }
}

/// The way out of a network that does not load.
pub fn of_loading(error: &BackboneError) -> String {
    of_backbone(error).unwrap_or_else(|| LOOK.to_owned())
}

/// The way out of a backbone that does not open.
pub fn of_opening(error: &OpenError) -> String {
    match error {
        OpenError::Backbone(error) => of_loading(error),
        OpenError::Golden { .. } => OTHER_FEATURES.to_owned(),
    }
}

/// Of features that are not those that a backbone was made with.
pub const OTHER_FEATURES: &str = "`edgetl doctor` compares every provider; --provider auto takes one that agrees, where there is one; \
     else import the network again on this machine and collect again";

/// What makes a file one that is obeyed.
pub const OWNERSHIP: &str = "give it to yourself or root and take the others' right to write (chown, chmod go-w)";

/// The way out of `error`; `None` where there is no better one than to look closer.
pub fn of_backbone(error: &BackboneError) -> Option<String> {
    match error {
        BackboneError::Library(error) => of_library(error),
        BackboneError::Load { provider, .. } | BackboneError::Run { provider, .. } => {
            of_provider(*provider, &crate::causes::causes(error))
        }
        BackboneError::EngineCache { .. } => Some(
            "name a folder that can be written: engine_cache under [engine.tensorrt], or `engine_cache = \"\"`".into(),
        ),
        _ => None,
    }
}

/// The way out of a network file that cannot be understood; `None` where there is none but another file.
pub fn of_network(error: &BackboneError) -> Option<String> {
    use GraphError as E;
    let remedy = match error {
        BackboneError::ClassNames(_) => "the file for --labels has a line for each class, in the order of the scores",
        BackboneError::Graph(error) => match error {
            E::Foreign(Foreign::GitLfs) => "`git lfs pull` fetches it",
            E::Foreign(Foreign::Html) => "fetch it again: a web page came in its place",
            E::Foreign(Foreign::Empty) => "fetch it again",
            E::Foreign(Foreign::Zip | Foreign::Gzip) => "unpack it",
            E::Protobuf(_) | E::NoGraph => "the file may be cut short: fetch or export it again",
            E::Foreign(_) => "export it to ONNX with the program that made it",
            E::Channels { .. } | E::NoImageInput(_) => {
                "it takes an image classifier in ONNX, whole and with an RGB image as its input"
            }
            E::NoFeature(_)
            | E::NotFromImage(_)
            | E::MoreInputs { .. }
            | E::UnknownTensor { .. }
            | E::FeatureShape { .. }
            | E::FeatureElement(_)
            | E::UnknownShape(_) => {
                "`edgetl backbone inspect MODEL.onnx` shows its layers; `edgetl backbone import --feature NAME` takes one"
            }
            _ => return None,
        },
        _ => return None,
    };
    Some(remedy.to_owned())
}

/// The way out of a library that cannot be used.
pub fn of_library(error: &LibraryError) -> Option<String> {
    let another = "name another with --onnxruntime FILE or EDGETL_ONNXRUNTIME, or";
    let remedy = match error {
        LibraryError::NotFound { .. } => {
            format!("{INSTALL}, or name one with --onnxruntime FILE or EDGETL_ONNXRUNTIME")
        }
        LibraryError::Untrusted(_) => format!("{OWNERSHIP}, or {another} {INSTALL}"),
        LibraryError::TooOld { .. } => format!("{another} {INSTALL}"),
        LibraryError::WrongArchitecture { expected, .. } => {
            format!("{another} install the one for {expected}: edgetl doctor --install-onnxruntime")
        }
        LibraryError::Unreadable { .. } | LibraryError::NotALibrary(_) | LibraryError::NotOnnxRuntime(_) => {
            format!("{another} {INSTALL}")
        }
        LibraryError::Open { .. } | LibraryError::Start { .. } => {
            "`ldd` shows what else the library needs; the file may also be cut short".to_owned()
        }
        LibraryError::FailedBefore | LibraryError::AnotherLoaded { .. } => return None,
    };
    Some(remedy)
}

/// ONNX Runtime tells its refusals apart only by their words.
fn of_provider(provider: Provider, reason: &str) -> Option<String> {
    let needs = match provider {
        Provider::TensorRt => "CUDA, cuDNN and TensorRT",
        Provider::Cuda => "CUDA and cuDNN",
        Provider::Cpu | Provider::Tract => return None,
    };
    let is = |words: &[&str]| words.iter().any(|word| reason.contains(word));
    let remedy = if is(&["not enabled in this build", "not compiled with"]) {
        "this ONNX Runtime was built without it: edgetl doctor --install-onnxruntime --provider cuda fetches one that has it".to_owned()
    } else if is(&["cannot open shared object file", "Failed to load library", "No such file"]) {
        format!("install {needs} in the versions that the library names, or show where they are with LD_LIBRARY_PATH")
    } else if is(&["no CUDA-capable device", "driver version is insufficient", "CUDA failure", "cudaGetDeviceCount"]) {
        "`nvidia-smi` shows whether the GPU and its driver are there; a newer library needs a newer driver".to_owned()
    } else {
        format!("it needs an NVIDIA GPU with {needs}; --provider auto takes what there is")
    };
    Some(remedy)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_of_a_gpu_has_its_own_remedy() {
        for (reason, remedy) in [
            ("CUDA execution provider is not enabled in this build.", "--install-onnxruntime --provider cuda"),
            ("libcublasLt.so.13: cannot open shared object file: No such file or directory", "LD_LIBRARY_PATH"),
            ("CUDA failure 100: no CUDA-capable device is detected", "nvidia-smi"),
            ("something new", "--provider auto"),
        ] {
            assert!(of_provider(Provider::Cuda, reason).unwrap().contains(remedy), "{reason}");
        }
        assert!(of_provider(Provider::TensorRt, "").unwrap().contains("TensorRT"));
        assert_eq!(of_provider(Provider::Cpu, "not enabled in this build"), None);
    }
}
