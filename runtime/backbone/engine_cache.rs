//! Where TensorRT's engines are kept, and what is said while one is built.
//!
//! An engine fits one GPU, one driver, one TensorRT and one network, so each combination has a folder of its own, named by
//! a digest; `key.txt` in it says of what.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;

use super::{BackboneError, TensorRtOptions};
use crate::digest::Digest;

/// After how long a build says that it goes on, and how often from then on; a refusal comes before the first.
const REPORTS: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(15));

/// What an engine is built for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct EngineKey {
    pub gpu: String,
    pub driver: String,
    pub tensorrt: String,
    /// Of the cut network's bytes.
    pub network: Digest,
    pub fp16: bool,
}

impl EngineKey {
    /// The key of `network` on this machine; what the machine does not tell is `unknown`, and TensorRT itself refuses an
    /// engine that does not fit.
    pub fn of(network: &[u8], options: &TensorRtOptions) -> Self {
        let root = Path::new("/");
        Self {
            gpu: gpu(root, options.device).unwrap_or_else(unknown),
            driver: driver(root).unwrap_or_else(unknown),
            tensorrt: tensorrt().unwrap_or_else(unknown),
            network: Digest::of(network),
            fp16: options.fp16,
        }
    }

    fn text(&self) -> String {
        let Self { gpu, driver, tensorrt, network, fp16 } = self;
        format!("gpu {gpu}\ndriver {driver}\ntensorrt {tensorrt}\nnetwork {network}\nfp16 {fp16}\n")
    }

    /// The folder below `cache` for engines of this key, made and proven to be writable.
    ///
    /// # Errors
    /// When it cannot be made or written to.
    pub fn folder(&self, cache: &Path) -> Result<PathBuf, BackboneError> {
        let text = self.text();
        let folder = cache.join(Digest::of(text.as_bytes()).short());
        let write = || -> io::Result<()> {
            std::fs::create_dir_all(&folder)?;
            // A key of before proves nothing about today's permissions.
            let mut file = tempfile::NamedTempFile::new_in(&folder)?;
            file.write_all(text.as_bytes())?;
            file.persist(folder.join("key.txt"))?;
            Ok(())
        };
        write().map_err(|source| BackboneError::EngineCache { path: folder.clone(), source })?;
        Ok(folder)
    }
}

fn unknown() -> String {
    "unknown".to_owned()
}

/// The name of GPU `device`: of a card from its driver, of a Jetson from the board.
fn gpu(root: &Path, device: u32) -> Option<String> {
    let mut cards: Vec<PathBuf> = std::fs::read_dir(root.join("proc/driver/nvidia/gpus"))
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path().join("information")))
        .collect();
    cards.sort();
    let card = cards.get(device as usize).and_then(crate::files::of_system);
    let model = card.as_deref().and_then(|text| text.lines().find_map(|line| line.strip_prefix("Model:")));
    let board = || crate::files::of_system(root.join("proc/device-tree/model"));
    let name = model.map(str::to_owned).or_else(board)?;
    Some(name.trim_matches(|c: char| c.is_whitespace() || c == '\0').to_owned())
}

/// The driver's version line; on a Jetson the release of its system, which the driver is part of.
fn driver(root: &Path) -> Option<String> {
    let files = ["proc/driver/nvidia/version", "etc/nv_tegra_release"];
    let text = files.iter().find_map(|file| crate::files::of_system(root.join(file)))?;
    text.lines().next().map(|line| line.trim().to_owned())
}

/// The version of the TensorRT library that the loader would take.
fn tensorrt() -> Option<String> {
    ["libnvinfer.so.10", "libnvinfer.so.8", "libnvinfer.so"].iter().find_map(|name| {
        // SAFETY: loading runs the initialisers of NVIDIA's library, which ONNX Runtime is about to load as well.
        let library = unsafe { libloading::Library::new(*name) }.ok()?;
        // SAFETY: the function of this name takes nothing and gives an int in every TensorRT since 5.
        let version = unsafe { library.get::<unsafe extern "C" fn() -> i32>(b"getInferLibVersion").ok()?() };
        Some(version.to_string())
    })
}

/// Whether `folder` holds an engine already.
fn has_engine(folder: &Path) -> bool {
    let mut entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.any(|entry| entry.path().extension().is_some_and(|extension| extension == "engine"))
}

/// Does `work`, which builds an engine unless `folder` holds it, and says on the log how long it has been at it.
pub(super) fn while_building<T>(folder: Option<&Path>, work: impl FnOnce() -> T) -> T {
    if folder.is_some_and(has_engine) {
        return work();
    }
    let report = |elapsed: Duration| {
        tracing::info!("building the TensorRT engine, this can take minutes; {} s so far", elapsed.as_secs());
    };
    reporting(REPORTS, report, work)
}

/// Does `work` while `report` is told, after a first wait and then every so often, how long it has taken.
fn reporting<T>((first, every): (Duration, Duration), report: impl Fn(Duration) + Send, work: impl FnOnce() -> T) -> T {
    let (done, watch) = mpsc::channel::<()>();
    std::thread::scope(|scope| {
        let watch = move || {
            let (mut elapsed, mut next) = (Duration::ZERO, first);
            while watch.recv_timeout(next) == Err(mpsc::RecvTimeoutError::Timeout) {
                elapsed += next;
                report(elapsed);
                next = every;
            }
        };
        // Where the system gives no thread, nothing is told.
        let _ = std::thread::Builder::new().spawn_scoped(scope, watch);
        let result = work();
        drop(done);
        result
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> EngineKey {
        EngineKey {
            gpu: "NVIDIA H100".to_owned(),
            driver: "580.1".to_owned(),
            tensorrt: "101200".to_owned(),
            network: Digest::of(b"network"),
            fp16: false,
        }
    }

    #[test]
    fn everything_that_an_engine_depends_on_gives_another_folder() {
        let cache = tempfile::tempdir().unwrap();
        let others = [
            EngineKey { gpu: "Orin".to_owned(), ..key() },
            EngineKey { driver: "580.2".to_owned(), ..key() },
            EngineKey { tensorrt: "101300".to_owned(), ..key() },
            EngineKey { network: Digest::of(b"another"), ..key() },
            EngineKey { fp16: true, ..key() },
        ];
        let folder = key().folder(cache.path()).unwrap();
        assert_eq!(key().folder(cache.path()).unwrap(), folder);
        assert!(std::fs::read_to_string(folder.join("key.txt")).unwrap().contains("NVIDIA H100"));
        for other in others {
            assert_ne!(other.folder(cache.path()).unwrap(), folder, "{other:?}");
        }
    }

    #[test]
    fn a_cache_that_cannot_be_written_is_an_error_that_names_it() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let error = key().folder(file.path()).unwrap_err();
        assert!(error.to_string().contains(&*file.path().to_string_lossy()), "{error}");
    }

    #[test]
    fn a_card_and_a_jetson_are_named_by_what_their_drivers_say() {
        let root = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = root.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        assert_eq!((gpu(root.path(), 0), driver(root.path())), (None, None));
        write("proc/device-tree/model", "NVIDIA Jetson Orin Nano\0");
        write("etc/nv_tegra_release", "# R36 (release), REVISION: 4.0\nmore\n");
        assert_eq!(gpu(root.path(), 0).unwrap(), "NVIDIA Jetson Orin Nano");
        assert_eq!(driver(root.path()).unwrap(), "# R36 (release), REVISION: 4.0");
        write("proc/driver/nvidia/gpus/0000:01:00.0/information", "Model: \t NVIDIA T4\nIRQ: 1\n");
        write("proc/driver/nvidia/gpus/0000:02:00.0/information", "Model: \t NVIDIA L4\nIRQ: 2\n");
        write("proc/driver/nvidia/version", "NVRM version: 580.1\nGCC\n");
        assert_eq!(gpu(root.path(), 1).unwrap(), "NVIDIA L4");
        assert_eq!(driver(root.path()).unwrap(), "NVRM version: 580.1");
    }

    #[test]
    fn a_long_build_reports_how_long_and_stops_reporting_when_done() {
        let (sender, reports) = mpsc::channel();
        let (first, every) = (Duration::from_millis(3), Duration::from_millis(5));
        let report = move |elapsed| sender.send(elapsed).unwrap();
        let result = reporting((first, every), report, || (reports.recv().unwrap(), reports.recv().unwrap()));
        assert_eq!(result, (first, first + every));
        assert_eq!(reporting((Duration::from_secs(3600), every), |_| unreachable!("done before"), || 7), 7);
    }
}
