//! Flags that say which backbone, and what an ONNX file may not say of itself.

use std::path::PathBuf;

use anyhow::Context as _;

#[cfg(feature = "fetch")]
use super::bring::Wanted;
use super::context::Context;
use super::engine::EngineArgs;
use super::failure::hinted;
use super::remedy::{self, OrRemedy as _};
use super::trial::{self, Purpose};
use crate::atomic_file;
use crate::backbone::{BackboneError, ImportRequest, Package, PreprocessSpec, Preset};
use crate::device::DeviceError;
#[cfg(feature = "fetch")]
use crate::hub::Reference;
use crate::manifest::Resize;

#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Backbone")]
pub struct BackboneArgs {
    /// An ONNX file, a package folder, a name that `edgetl backbone list` shows, or hf:OWNER/REPOSITORY or https://…, which are
    /// fetched [default: the one in use]
    #[arg(long, value_name = "FILE|DIR|NAME|hf:…")]
    pub backbone: Option<PathBuf>,
    /// Earlier maps of the network that are taken beside the last, where it has one: 0 or 1; a state that has the network
    /// without goes on without [default: 1]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=1))]
    pub taps: Option<u32>,
    #[command(flatten)]
    pub preprocess: PreprocessArgs,
}

/// What an ONNX file may not say of the pixels it wants.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Preprocessing of an ONNX file")]
pub struct PreprocessArgs {
    /// Normalisation of an ONNX file: imagenet, inception (x/127.5-1) or raw (0 to 255)
    #[arg(long)]
    pub preset: Option<Preset>,
    /// Input size of an ONNX file in pixels: N or WIDTHxHEIGHT
    #[arg(long, value_parser = size)]
    pub size: Option<(u32, u32)>,
    /// Shortest side before the centre crop, in pixels; or squash, or letterbox
    #[arg(long, value_name = "N|squash|letterbox", value_parser = resize)]
    pub resize: Option<ResizeArg>,
    /// Mean of the three channels, in the network's order: below 2 on the 0 to 1 scale, else on 0 to 255
    #[arg(long, value_parser = triple, allow_hyphen_values = true)]
    pub mean: Option<[f32; 3]>,
    /// Standard deviation of the three channels, likewise
    #[arg(long, value_parser = triple)]
    pub std: Option<[f32; 3]>,
    /// The network takes blue first
    #[arg(long)]
    pub bgr: bool,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ResizeArg {
    ShortestSide(u32),
    Mode(Resize),
}

impl PreprocessArgs {
    pub fn spec(&self) -> PreprocessSpec {
        let (resize, shortest_side) = match self.resize {
            Some(ResizeArg::ShortestSide(side)) => (Some(Resize::ShortestSide), Some(side)),
            Some(ResizeArg::Mode(mode)) => (Some(mode), None),
            None => (None, None),
        };
        PreprocessSpec {
            preset: self.preset,
            size: self.size,
            resize,
            shortest_side,
            mean: self.mean,
            std: self.std,
            bgr: self.bgr,
            ..PreprocessSpec::default()
        }
    }
}

impl BackboneArgs {
    /// The backbone that the flags name; `None` for the one in use. One that is not kept yet is tried under limits first.
    pub fn package(&self, engine: &EngineArgs, context: &Context) -> anyhow::Result<Option<Package>> {
        let named = self.named(engine, context)?;
        match (named, self.taps) {
            (None, Some(0)) => Ok(Some(context.device().backbones().in_use().or_remedy()?.without_taps())),
            (package, Some(0)) => Ok(package.map(|package| package.without_taps())),
            (package, _) => Ok(package),
        }
    }

    fn named(&self, engine: &EngineArgs, context: &Context) -> anyhow::Result<Option<Package>> {
        let request = || ImportRequest {
            preprocess: self.preprocess.spec(),
            last_map_alone: self.taps == Some(0),
            engine: context.engine(engine),
            ..ImportRequest::default()
        };
        let Some(path) = &self.backbone else { return Ok(None) };
        #[cfg(feature = "fetch")]
        if let Some(Ok(reference @ (Reference::Repository(_) | Reference::Address(_)))) = path.to_str().map(str::parse)
        {
            return brought(&reference, request(), context).map(Some);
        }
        atomic_file::recover_folder(path);
        if path.is_file() {
            return trial::pass(path, &request(), Purpose::Run)
                .and_then(|request| Package::from_onnx(path, &request).map_err(unreadable))
                .with_context(|| format!("cannot make a backbone of `{}`", path.display()))
                .map(Some);
        }
        if path.is_dir() {
            trial::pass(path, &request(), Purpose::Run)?;
            return Ok(Some(Package::open(path)?));
        }
        let name = path.to_string_lossy();
        let named = name.parse().map_err(|_| DeviceError::NoSuchBackbone { name: name.into_owned() });
        named.and_then(|name| context.device().backbones().named(&name)).map(Some).or_remedy()
    }
}

/// A network from elsewhere, as `backbone fetch` makes a package of it.
#[cfg(feature = "fetch")]
fn brought(reference: &Reference, request: ImportRequest, context: &Context) -> anyhow::Result<Package> {
    let brought = Wanted::new(reference)?.bring(None, context)?;
    let request = brought.fetched.said_in(request);
    let request = trial::pass(&brought.network, &request, Purpose::Run)?;
    let package = Package::from_onnx(&brought.network, &request).map_err(unreadable)?;
    brought.clear();
    Ok(package)
}

/// A network that cannot be understood, with what can be done about it.
pub fn unreadable(error: BackboneError) -> anyhow::Error {
    match remedy::of_network(&error) {
        Some(remedy) => hinted(remedy, error),
        None => error.into(),
    }
}

fn size(text: &str) -> Result<(u32, u32), String> {
    let (width, height) = text.split_once(['x', 'X']).unwrap_or((text, text));
    let side = |text: &str| text.trim().parse().map_err(|_| format!("expected N or WIDTHxHEIGHT, got `{text}`"));
    Ok((side(width)?, side(height)?))
}

fn resize(text: &str) -> Result<ResizeArg, String> {
    match text {
        "squash" => Ok(ResizeArg::Mode(Resize::Squash)),
        "letterbox" => Ok(ResizeArg::Mode(Resize::Letterbox)),
        side => side
            .parse()
            .map(ResizeArg::ShortestSide)
            .map_err(|_| format!("expected pixels, `squash` or `letterbox`, got `{side}`")),
    }
}

fn triple(text: &str) -> Result<[f32; 3], String> {
    let numbers: Vec<f32> = text.split(',').filter_map(|part| part.trim().parse().ok()).collect();
    match numbers[..] {
        [all] if !text.contains(',') => Ok([all; 3]),
        [first, second, third] if text.split(',').count() == 3 => Ok([first, second, third]),
        _ => Err(format!("expected three numbers with commas between, or one, got `{text}`")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_triples_and_resizes_are_read_as_people_write_them() {
        assert_eq!(size("224"), Ok((224, 224)));
        assert_eq!(size("320x240"), Ok((320, 240)));
        assert!(size("big").is_err());
        assert_eq!(triple("104,117, 123"), Ok([104.0, 117.0, 123.0]));
        assert_eq!(triple("0.5"), Ok([0.5; 3]));
        assert!(triple("1,2").is_err());
        assert!(triple("1,x,2,3").is_err());
        assert_eq!(resize("256"), Ok(ResizeArg::ShortestSide(256)));
        assert_eq!(resize("squash"), Ok(ResizeArg::Mode(Resize::Squash)));
        assert!(resize("none").is_err());
    }
}
