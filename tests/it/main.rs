//! Everything that is tested from outside, linked once.

mod advise_baseline;
mod architectures;
mod backbone_bounds;
mod backbone_brought;
mod backbone_cli;
mod backbone_compare;
mod backbone_distrust;
mod backbone_export;
mod backbone_import;
#[cfg(target_os = "linux")]
mod backbone_library;
mod backbone_names;
mod common;
mod conformance;
mod crash_collect;
mod crash_fit;
mod crash_store;
mod damage;
mod deciding;
mod documents;
#[cfg(unix)]
mod drifting;
mod evaluating;
mod exits;
mod explaining;
mod fetching;
mod fitting_carefully;
mod forgetting;
mod frames;
#[cfg(unix)]
mod gpu_tools;
mod head_artifact;
mod head_data;
mod head_diagnosis;
mod head_earlier_maps;
mod head_fit;
mod head_memory;
mod head_reference;
mod head_tasks;
#[cfg(unix)]
mod hostile;
mod imprinting;
mod insight;
mod install_onnxruntime;
#[cfg(target_os = "linux")]
mod installing;
#[cfg(unix)]
mod json;
mod keeping;
mod layering;
mod learning;
mod library;
mod main_job;
mod near_twins;
mod nets;
mod packaging;
mod page;
mod photographs;
mod pictures;
mod poor_pictures;
mod reviewing;
mod revision;
#[cfg(target_os = "linux")]
mod scarce_threads;
#[cfg(unix)]
mod serve;
#[cfg(unix)]
mod sources;
mod store_processes;
#[cfg(unix)]
mod strange_names;
mod switches;
mod taps;
mod telling;
mod thumbnails;
#[cfg(unix)]
mod trusted_files;
mod upgrading;
#[cfg(target_os = "linux")]
mod v4l2;
mod visualizing;
mod watching;
mod zoo;
