//! The backbone in the box, from `models/edgetl-tiny`.

#[cfg(feature = "embedded-backbone")]
use super::Golden;
use super::Package;
#[cfg(feature = "embedded-backbone")]
use crate::manifest::Manifest;

#[cfg(feature = "embedded-backbone")]
macro_rules! file {
    ($name:literal) => {
        include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/models/edgetl-tiny/", $name))
    };
}

impl Package {
    /// The package that is part of this program; `None` where it was built without feature `embedded-backbone`.
    #[cfg(not(feature = "embedded-backbone"))]
    pub fn embedded() -> Option<Self> {
        None
    }

    /// The package that is part of this program; `None` where it was built without feature `embedded-backbone`.
    #[cfg(feature = "embedded-backbone")]
    pub fn embedded() -> Option<Self> {
        let text = std::str::from_utf8(file!("manifest.toml")).ok()?;
        let mut package = Self::new(Manifest::parse(text).ok()?, file!("backbone.onnx").to_vec());
        package.set_golden(Golden::parse(file!("golden.safetensors")).ok()?);
        Some(package)
    }
}

#[cfg(all(test, feature = "embedded-backbone"))]
mod tests {
    use super::*;
    use crate::digest::Digest;

    #[test]
    fn the_package_in_the_box_is_whole() {
        let package = Package::embedded().expect("every file parses");
        let written = Manifest::parse(std::str::from_utf8(file!("manifest.toml")).unwrap()).unwrap();
        assert_eq!(written.onnx.sha256, Digest::of(package.onnx()));
        assert_eq!(package.golden().unwrap().features.ncols(), written.feature.width());
    }
}
