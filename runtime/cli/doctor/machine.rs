//! The processor and what this program may use of it.

use serde::Serialize;

#[derive(Serialize)]
pub struct Machine {
    version: &'static str,
    architecture: &'static str,
    system: &'static str,
    /// The cores that this process may use.
    cores: usize,
    /// Vector extensions, as far as engines choose their kernels by them.
    features: Vec<&'static str>,
}

impl Machine {
    pub fn look() -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION"),
            architecture: std::env::consts::ARCH,
            system: std::env::consts::OS,
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            features: features(),
        }
    }

    pub fn text(&self) -> String {
        let features = if self.features.is_empty() { "none known".to_owned() } else { self.features.join(" ") };
        format!(
            "edgetl {} on {} {}, {} usable cores, vector extensions: {features}",
            self.version, self.architecture, self.system, self.cores
        )
    }
}

#[cfg(any(target_arch = "x86_64", target_arch = "x86"))]
fn features() -> Vec<&'static str> {
    [
        ("sse4.2", std::arch::is_x86_feature_detected!("sse4.2")),
        ("avx", std::arch::is_x86_feature_detected!("avx")),
        ("avx2", std::arch::is_x86_feature_detected!("avx2")),
        ("fma", std::arch::is_x86_feature_detected!("fma")),
        ("f16c", std::arch::is_x86_feature_detected!("f16c")),
        ("avx512f", std::arch::is_x86_feature_detected!("avx512f")),
        ("avx512vnni", std::arch::is_x86_feature_detected!("avx512vnni")),
    ]
    .into_iter()
    .filter_map(|(name, there)| there.then_some(name))
    .collect()
}

#[cfg(target_arch = "aarch64")]
fn features() -> Vec<&'static str> {
    [
        ("neon", std::arch::is_aarch64_feature_detected!("neon")),
        ("fp16", std::arch::is_aarch64_feature_detected!("fp16")),
        ("dotprod", std::arch::is_aarch64_feature_detected!("dotprod")),
        ("i8mm", std::arch::is_aarch64_feature_detected!("i8mm")),
        ("sve", std::arch::is_aarch64_feature_detected!("sve")),
    ]
    .into_iter()
    .filter_map(|(name, there)| there.then_some(name))
    .collect()
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "x86", target_arch = "aarch64")))]
fn features() -> Vec<&'static str> {
    Vec::new()
}
