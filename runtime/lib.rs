//! Teach small computers new image classes on the device itself.
//!
//! A pretrained backbone runs frozen; every image goes through it once; its global-average-pooled feature vector is
//! cached; a small head is fitted on the cache. `docs/design.md` draws the flow and the file formats.
//!
//! Layers, each looking only downwards (`tests/it/layering.rs` holds this):
//!
//! ```text
//! cli > serve > watch > device > {page, explain} > {predictor, sources, demo, advice, hub, camera, announce, drift} > {backbone, preprocess, store, head}
//!     > {manifest, dataset, metrics}
//!     > {atomic_file, digest, labels, memory, panics, processes, tensor, threads, tls, trust} > {causes, clock, files, printable}
//! ```

pub mod advice;
pub mod announce;
pub mod atomic_file;
pub mod backbone;
pub mod camera;
pub mod causes;
#[cfg(feature = "cli")]
pub mod cli;
mod clock;
pub mod dataset;
pub mod demo;
pub mod device;
pub mod digest;
pub mod drift;
pub mod explain;
pub mod files;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
pub mod head;
#[cfg(feature = "fetch")]
pub mod hub;
pub mod labels;
pub mod manifest;
mod memory;
pub mod metrics;
pub mod page;
pub mod panics;
pub mod predictor;
pub mod preprocess;
pub mod printable;
pub mod processes;
#[cfg(feature = "serve")]
pub mod serve;
pub mod sources;
pub mod store;
pub mod tensor;
pub mod threads;
#[cfg(any(feature = "announce", feature = "cameras", feature = "fetch"))]
pub mod tls;
pub mod trust;
pub mod watch;
