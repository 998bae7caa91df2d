//! On what the nodes of a network ran: ONNX Runtime's own record of a run, not what was registered.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{EngineError, Provider};

/// How many nodes ran on each of ONNX Runtime's execution providers, by its own name for them.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Placement(pub BTreeMap<String, usize>);

#[derive(Deserialize)]
struct Event {
    #[serde(default)]
    cat: String,
    #[serde(default)]
    args: BTreeMap<String, serde_json::Value>,
}

#[derive(Debug, thiserror::Error)]
#[error("expected nodes to run on {expected}, got none there, but {}", list(got))]
pub(super) struct Misplaced {
    expected: &'static str,
    got: BTreeMap<String, usize>,
}

fn list(nodes: &BTreeMap<String, usize>) -> String {
    let each: Vec<_> = nodes.iter().map(|(name, count)| format!("{count} on {name}")).collect();
    if each.is_empty() { "none anywhere".to_owned() } else { each.join(", ") }
}

impl Placement {
    /// Reads the profile that a session wrote.
    pub fn parse(profile: &[u8]) -> Result<Self, EngineError> {
        let events: Vec<Event> = serde_json::from_slice(profile)?;
        let mut nodes = BTreeMap::new();
        for event in events.iter().filter(|event| event.cat == "Node") {
            if let Some(provider) = event.args.get("provider").and_then(serde_json::Value::as_str) {
                *nodes.entry(provider.to_owned()).or_insert(0) += 1;
            }
        }
        Ok(Self(nodes))
    }

    /// # Errors
    /// When not one node ran on `provider`.
    pub fn check(&self, provider: Provider) -> Result<(), Misplaced> {
        let expected = match provider {
            Provider::TensorRt => "TensorrtExecutionProvider",
            Provider::Cuda => "CUDAExecutionProvider",
            Provider::Cpu | Provider::Tract => "CPUExecutionProvider",
        };
        match self.0.contains_key(expected) {
            true => Ok(()),
            false => Err(Misplaced { expected, got: self.0.clone() }),
        }
    }
}

impl std::fmt::Display for Placement {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&list(&self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two nodes and the session's own events, as ONNX Runtime 1.31 writes them.
    const PROFILE: &[u8] = br#"[
        {"cat":"Session","pid":1,"tid":1,"dur":9,"ts":1,"ph":"X","name":"model_run","args":{}},
        {"cat":"Node","pid":1,"tid":1,"dur":2,"ts":2,"ph":"X","name":"a_kernel_time","args":{"op_name":"Conv","provider":"CUDAExecutionProvider"}},
        {"cat":"Node","pid":1,"tid":1,"dur":2,"ts":4,"ph":"X","name":"b_kernel_time","args":{"op_name":"Shape","provider":"CPUExecutionProvider"}},
        {"cat":"Node","pid":1,"tid":1,"dur":0,"ts":4,"ph":"X","name":"b_fence_before","args":{"op_name":"Shape"}}
    ]"#;

    #[test]
    fn the_provider_that_ran_is_told_from_one_that_was_only_registered() {
        let placement = Placement::parse(PROFILE).unwrap();
        assert_eq!(placement.to_string(), "1 on CPUExecutionProvider, 1 on CUDAExecutionProvider");
        placement.check(Provider::Cuda).unwrap();
        let error = placement.check(Provider::TensorRt).unwrap_err().to_string();
        assert!(error.contains("TensorrtExecutionProvider") && error.contains("1 on CUDA"), "{error}");
        assert!(Placement::default().check(Provider::Cpu).is_err());
        assert!(Placement::parse(b"[{").is_err());
    }
}
