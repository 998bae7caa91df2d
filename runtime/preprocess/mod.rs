//! From image files to normalised network input: the one place where pictures are decoded, resized and normalised.

use std::io;
use std::path::{Path, PathBuf};

use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::U8x3;
use fast_image_resize::{FilterType, ResizeAlg, ResizeOptions, Resizer};
use ndarray::ArrayViewMut3;

mod allowance;
mod augment;
mod bmp;
mod by_image;
mod colour;
mod decode;
mod error;
mod exif;
mod geometry;
mod gif;
mod jpeg;
mod normalise;
mod opened;
mod picture;
mod quality;
mod seen;
mod thumbnail;
mod tiff;
mod webp;

#[cfg(test)]
mod damage_tests;
#[cfg(test)]
mod parity_tests;

pub use allowance::Share;
pub use augment::{View, shrink};
pub use decode::{Limits, MemoryHooks, decode, decode_held};
pub use error::{DecodeError, Unrecognised};
pub use picture::{Dimensions, Picture, PictureError, Turn};
pub use quality::{PoorPicture, Quality};
pub use seen::Seen;
pub use thumbnail::{extension, to_jpeg, to_png, to_small_jpeg, to_thumbnail};

use crate::files;
use crate::manifest::{Filter, ManifestError, Preprocess};
use decode::Stored;
use normalise::Normalisation;

/// Of decoding and resizing, stored beside each feature. It rises with every change by which a picture gives other pixels than
/// before: 1 until 16-bit samples of 10 and 12 bits were stretched and orientations of every type of integer
/// followed.
pub const REVISION: u32 = 2;

/// Working buffers above this many bytes are given back after a picture rather than kept for the next.
const KEPT_BYTES: usize = 8 << 20;

/// Turns pictures into network input; owns its buffers, so each worker thread has its own.
#[derive(Debug)]
pub struct Preprocessor {
    settings: Preprocess,
    limits: Limits,
    normalisation: Normalisation,
    resizer: Resizer,
    options: ResizeOptions,
    /// The needed rows of the picture at their final width.
    narrow: Vec<u8>,
    /// The scaled part of the picture as it is stored, before it is turned and placed.
    part: Vec<u8>,
    resized: Picture,
    /// The size of the last picture, upright.
    last: Dimensions,
}

#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PreprocessError {
    #[error("the preprocessing settings are invalid")]
    Settings(#[from] ManifestError),
    #[error(transparent)]
    Decode(#[from] DecodeError),
    #[error("expected an output of shape {expected:?} in standard layout, got {got:?}")]
    Output { expected: [usize; 3], got: Vec<usize> },
    #[error("cannot read `{path}`")]
    Read { path: PathBuf, source: io::Error },
    #[error("expected a file of at most {limit} bytes, got more in `{path}`")]
    FileSize { path: PathBuf, limit: u64 },
    #[error("cannot decode `{path}`")]
    File { path: PathBuf, source: DecodeError },
}

/// What is done beside turning a picture into network input.
pub struct Extras<'a> {
    /// Told how many bytes decoding takes, before it takes them.
    pub before: &'a mut dyn FnMut(u64),
    /// Filled with a small JPEG file of the picture, upright.
    pub thumbnail: Option<&'a mut Vec<u8>>,
}

impl Preprocessor {
    /// # Errors
    /// When the settings do not pass their own check.
    pub fn new(settings: Preprocess, limits: Limits) -> Result<Self, PreprocessError> {
        settings.check()?;
        let method = match settings.filter {
            Filter::Bilinear => ResizeAlg::Convolution(FilterType::Bilinear),
            Filter::Bicubic => ResizeAlg::Convolution(FilterType::CatmullRom),
            Filter::Lanczos => ResizeAlg::Convolution(FilterType::Lanczos3),
            Filter::Nearest => ResizeAlg::Nearest,
        };
        Ok(Self {
            normalisation: Normalisation::new(&settings),
            resizer: Resizer::new(),
            options: ResizeOptions::new().resize_alg(method),
            narrow: Vec::new(),
            part: Vec::new(),
            last: Dimensions { width: settings.width, height: settings.height },
            resized: Picture::filled(settings.width, settings.height, settings.background),
            settings,
            limits,
        })
    }

    pub fn settings(&self) -> &Preprocess {
        &self.settings
    }

    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Decodes, resizes, crops and normalises the bytes of an image file into `out`; the dimensions are those of the
    /// upright original.
    ///
    /// Shapes: `out` is `[3, height, width]` of the settings, in standard layout.
    pub fn run(&mut self, bytes: &[u8], out: ArrayViewMut3<f32>) -> Result<Dimensions, PreprocessError> {
        self.run_with(bytes, out, &mut Extras { before: &mut |_| {}, thumbnail: None })
    }

    /// [`run`](Self::run), with more done for the same decoding.
    pub fn run_with(
        &mut self,
        bytes: &[u8],
        out: ArrayViewMut3<f32>,
        extras: &mut Extras<'_>,
    ) -> Result<Dimensions, PreprocessError> {
        self.check(&out)?;
        let after = |stored: Dimensions, turn: Turn| self.working_bytes(stored, turn);
        let mut hooks = MemoryHooks { after: &after, before: extras.before };
        let Stored { picture, turn, share } =
            decode::decode_stored(bytes, &self.limits, self.settings.background, &mut hooks)?;
        let dimensions = turn.size(picture.dimensions());
        self.fit(&picture, turn);
        self.normalise(out);
        if let Some(image) = &mut extras.thumbnail {
            **image = thumbnail::thumbnail(&picture, turn, &mut self.resizer);
        }
        share.give_back(picture.into_pixels());
        Ok(dimensions)
    }

    /// What [`fit`](Self::fit) holds beside a picture.
    fn working_bytes(&self, stored: Dimensions, turn: Turn) -> u64 {
        let placement = geometry::place(&self.settings, turn.size(stored)).as_stored(turn, stored);
        let Dimensions { width, height } = placement.size;
        let rows = placement.source.rows(stored.height, height);
        let narrow = 3 * u64::from(width) * u64::from(rows.end - rows.start);
        // The resizer computes a weight for each pixel of a row and of a column and each step of the filter, at most
        // six, in double precision, and rounds it to as many bytes again.
        let weights = (u64::from(stored.width) + u64::from(stored.height)) * 6 * (8 + 8);
        narrow + weights + 3 * self.resized.dimensions().pixels() + thumbnail::BYTES
    }

    /// [`run`](Self::run) for a picture that is already decoded: a camera frame, a drawing, an augmented view.
    pub fn run_picture(&mut self, picture: &Picture, out: ArrayViewMut3<f32>) -> Result<(), PreprocessError> {
        self.check(&out)?;
        self.fit(picture, Turn::default());
        self.normalise(out);
        Ok(())
    }

    /// [`run`](Self::run) for the content of a file.
    ///
    /// # Errors
    /// Each carries the path.
    pub fn load(&mut self, path: &Path, out: ArrayViewMut3<f32>) -> Result<Dimensions, PreprocessError> {
        let bytes = read_file(path, &self.limits)?;
        self.run(&bytes, out).map_err(|error| match error {
            PreprocessError::Decode(source) => PreprocessError::File { path: path.to_owned(), source },
            other => other,
        })
    }

    /// What [`run_picture`](Self::run_picture) normalises: resized, cropped, still 8-bit RGB, whatever the order of
    /// the network's channels.
    pub fn resize(&mut self, picture: &Picture) -> Picture {
        self.fit(picture, Turn::default());
        self.resized.clone()
    }

    /// Of the last picture; of a plain one in the colour of the background before there was any.
    pub fn quality(&mut self) -> Quality {
        Quality::of(&self.resized, &geometry::place(&self.settings, self.last), &mut self.resizer)
    }

    /// A JPEG file of `picture`, its longer side at most 160 pixels.
    pub fn thumbnail(&mut self, picture: &Picture) -> Vec<u8> {
        thumbnail::thumbnail(picture, Turn::default(), &mut self.resizer)
    }

    fn check(&self, out: &ArrayViewMut3<f32>) -> Result<(), PreprocessError> {
        let expected = [3, self.settings.height as usize, self.settings.width as usize];
        if out.shape() != expected || !out.is_standard_layout() {
            return Err(PreprocessError::Output { expected, got: out.shape().to_vec() });
        }
        Ok(())
    }

    /// Resizes into `self.resized`. Turning comes after, on the few pixels that are left.
    fn fit(&mut self, stored: &Picture, turn: Turn) {
        self.last = turn.size(stored.dimensions());
        let upright = geometry::place(&self.settings, self.last);
        let placement = upright.as_stored(turn, stored.dimensions());
        let Dimensions { width, height } = placement.size;
        let mut part = std::mem::take(&mut self.part);
        part.resize(width as usize * height as usize * 3, 0);
        self.convolve(stored, &placement, &mut part);
        let part = Picture::new(width, height, part).expect("the part has the size it was given");
        let whole = part.dimensions() == self.resized.dimensions();
        if whole && turn.is_none() {
            self.part = std::mem::replace(&mut self.resized, part).into_pixels();
        } else {
            if !whole {
                self.resized.pixels_mut().as_chunks_mut::<3>().0.fill(self.settings.background);
            }
            turn.paste(&part, &mut self.resized, placement.offset);
            self.part = part.into_pixels();
        }
    }

    /// Along the rows first and then along the columns, each rounded to 8 bits, in Pillow's order: where a bicubic
    /// filter overshoots and is clipped, the other order gives other pixels.
    fn convolve(&mut self, stored: &Picture, placement: &geometry::Placement, part: &mut [u8]) {
        let Dimensions { width, height } = placement.size;
        let source = placement.source;
        let rows = source.rows(stored.height(), height);
        let stride = stored.width() as usize * 3;
        let band = &stored.pixels()[rows.start as usize * stride..rows.end as usize * stride];
        let (band_height, top) = (rows.end - rows.start, source.top - f64::from(rows.start));
        let mut narrow = std::mem::take(&mut self.narrow);
        narrow.resize(width as usize * band_height as usize * 3, 0);
        let across = self.options.crop(source.left, 0.0, source.width, band_height.into());
        self.resample((stored.width(), band_height, band), (width, band_height, &mut narrow), across);
        let down = self.options.crop(0.0, top, width.into(), source.height.min(f64::from(band_height) - top));
        self.resample((width, band_height, &narrow), (width, height, part), down);
        self.narrow = if narrow.capacity() > KEPT_BYTES { Vec::new() } else { narrow };
    }

    fn resample(&mut self, from: (u32, u32, &[u8]), to: (u32, u32, &mut [u8]), options: ResizeOptions) {
        let from = TypedImageRef::<U8x3>::from_buffer(from.0, from.1, from.2).expect("sized by the caller");
        let mut to = TypedImage::<U8x3>::from_buffer(to.0, to.1, to.2).expect("sized by the caller");
        self.resizer.resize_typed(&from, &mut to, &options).expect("the crop lies inside the picture");
    }

    fn normalise(&self, mut out: ArrayViewMut3<f32>) {
        let planes = out.as_slice_mut().expect("checked to be in standard layout");
        self.normalisation.apply(self.resized.pixels(), planes);
    }
}

/// Reads a whole file of at most `limits.max_bytes`.
///
/// # Errors
/// Each carries the path.
pub fn read_file(path: &Path, limits: &Limits) -> Result<Vec<u8>, PreprocessError> {
    files::read(path, limits.max_bytes).map_err(|source| match source.kind() {
        io::ErrorKind::FileTooLarge => PreprocessError::FileSize { path: path.to_owned(), limit: limits.max_bytes },
        _ => PreprocessError::Read { path: path.to_owned(), source },
    })
}

/// A JPEG file of the picture at `path`, upright, its longer side at most 160 pixels.
///
/// # Errors
/// As [`Preprocessor::load`].
pub fn thumbnail_of(path: &Path, limits: &Limits) -> Result<Vec<u8>, PreprocessError> {
    let picture = decode(&read_file(path, limits)?, limits, [255; 3])
        .map_err(|source| PreprocessError::File { path: path.to_owned(), source })?;
    Ok(to_thumbnail(&picture))
}

/// Whether a folder scan takes this file for an image, by its extension; decoding goes by content alone.
pub fn is_image_path(path: &Path) -> bool {
    const EXTENSIONS: [&str; 12] =
        ["jpg", "jpeg", "jfif", "jpe", "mpo", "png", "apng", "webp", "bmp", "gif", "tif", "tiff"];
    let extension = path.extension().and_then(|extension| extension.to_str());
    extension.is_some_and(|extension| EXTENSIONS.iter().any(|known| known.eq_ignore_ascii_case(extension)))
}

#[cfg(test)]
mod tests {
    use ndarray::{Array3, Array4, Axis};

    use super::*;
    use crate::manifest::{Channels, Resize};

    fn settings() -> Preprocess {
        Preprocess {
            width: 3,
            height: 2,
            resize: Resize::Squash,
            shortest_side: None,
            filter: Filter::Bilinear,
            channels: Channels::Rgb,
            range: 255.0,
            mean: [0.0; 3],
            std: [1.0; 3],
            background: [7, 8, 9],
        }
    }

    fn run(settings: Preprocess, picture: &Picture) -> Array3<f32> {
        let mut out = Array3::zeros((3, settings.height as usize, settings.width as usize));
        let mut preprocessor = Preprocessor::new(settings, Limits::default()).unwrap();
        preprocessor.run_picture(picture, out.view_mut()).unwrap();
        out
    }

    fn counting(width: u32, height: u32) -> Picture {
        Picture::new(width, height, (0..width as u8 * height as u8 * 3).collect()).unwrap()
    }

    #[test]
    fn a_picture_of_the_input_size_is_only_normalised_and_split_into_planes() {
        let chosen = Preprocess { range: 1.0, mean: [0.5, 0.25, 0.0], std: [0.5, 0.25, 2.0], ..settings() };
        let out = run(chosen, &counting(3, 2));
        assert_eq!(out[[0, 0, 0]], -1.0);
        assert!((out[[0, 0, 1]] - (3.0 / 255.0 - 0.5) / 0.5).abs() < 1e-6);
        assert!((out[[1, 1, 0]] - (10.0 / 255.0 - 0.25) / 0.25).abs() < 1e-6);
        assert!((out[[2, 1, 2]] - (17.0 / 255.0) / 2.0).abs() < 1e-6);
    }

    #[test]
    fn bgr_swaps_the_planes_and_not_the_order_of_mean_and_std() {
        let chosen = Preprocess { channels: Channels::Bgr, mean: [1.0, 2.0, 4.0], ..settings() };
        let out = run(chosen, &counting(3, 2));
        assert_eq!([out[[0, 0, 0]], out[[1, 0, 0]], out[[2, 0, 0]]], [2.0 - 1.0, 1.0 - 2.0, 0.0 - 4.0]);
    }

    #[test]
    fn a_letterbox_keeps_the_picture_whole_and_paints_the_rest_every_time() {
        let chosen = Preprocess { resize: Resize::Letterbox, width: 6, height: 2, ..settings() };
        let mut preprocessor = Preprocessor::new(chosen, Limits::default()).unwrap();
        let wide = Picture::filled(6, 2, [200; 3]);
        for picture in [&counting(2, 2), &wide, &counting(2, 2)] {
            let resized = preprocessor.resize(picture);
            if picture.width() == 2 {
                let row = [&[7, 8, 9, 7, 8, 9][..], &picture.pixels()[..6], &[7, 8, 9, 7, 8, 9]].concat();
                assert_eq!(resized.pixels()[..18], row);
            } else {
                assert_eq!(resized, wide);
            }
        }
    }

    #[test]
    fn one_image_of_a_batch_can_be_written_in_place() {
        let mut batch = Array4::zeros((2, 3, 2, 3));
        let mut preprocessor = Preprocessor::new(settings(), Limits::default()).unwrap();
        preprocessor.run_picture(&counting(3, 2), batch.index_axis_mut(Axis(0), 1)).unwrap();
        assert_eq!(batch.index_axis(Axis(0), 0).sum(), 0.0);
        assert_eq!(batch.index_axis(Axis(0), 1).sum(), (0..18).sum::<i32>() as f32);
    }

    #[test]
    fn an_output_of_another_shape_is_refused() {
        let mut preprocessor = Preprocessor::new(settings(), Limits::default()).unwrap();
        let mut out = Array3::zeros((3, 3, 2));
        let error = preprocessor.run_picture(&counting(3, 2), out.view_mut()).unwrap_err();
        assert_eq!(error.to_string(), "expected an output of shape [3, 2, 3] in standard layout, got [3, 3, 2]");
        assert!(preprocessor.run_picture(&counting(3, 2), out.view_mut().permuted_axes([0, 2, 1])).is_err());
    }

    #[test]
    fn image_paths_are_told_by_their_extension_in_any_case() {
        for (path, expected) in
            [("a.jpg", true), ("b/c.JPEG", true), ("d.Tif", true), ("e.webp", true), ("i.JFIF", true), ("j.mpo", true)]
                .into_iter()
                .chain([("f.txt", false), ("jpg", false), (".png", false), ("g.jpg.part", false), ("h.avif", false)])
        {
            assert_eq!(is_image_path(Path::new(path)), expected, "{path}");
        }
    }

    #[test]
    fn a_file_over_the_limit_is_refused_with_its_path() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("long.jpg");
        std::fs::write(&path, [0; 33]).unwrap();
        let limits = Limits { max_bytes: 32, ..Limits::default() };
        let error = read_file(&path, &limits).unwrap_err().to_string();
        assert_eq!(error, format!("expected a file of at most 32 bytes, got more in `{}`", path.display()));
        assert_eq!(read_file(&path, &Limits { max_bytes: 33, ..limits }).unwrap(), [0; 33]);
        assert!(matches!(read_file(folder.path(), &limits), Err(PreprocessError::Read { .. })));
    }
}
