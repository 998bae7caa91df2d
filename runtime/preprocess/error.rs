//! Why a picture cannot be decoded.

use std::error::Error;
use std::fmt;
use std::io;

use image::error::UnsupportedErrorKind;
use image::{ImageError, ImageFormat};

#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    #[error("expected a JPEG, PNG, WebP, BMP, GIF or TIFF picture, got {0}")]
    Unrecognised(Unrecognised),
    #[error("expected at most {limit} pixels, got {width}x{height}, which are {}", u64::from(*width) * u64::from(*height))]
    TooLarge { width: u32, height: u32, limit: u64 },
    #[error("expected a picture that takes at most {limit} bytes to decode, got one that takes {needed}")]
    Memory { needed: u64, limit: u64 },
    #[error("expected at most {limit} bytes of texts and profiles before the pixels, got more")]
    Chunks { limit: u64 },
    #[error("expected pixels that are coded at most {limit} times over, got {times} times")]
    Repeated { times: u64, limit: u64 },
    #[error("expected strips or tiles that make up the picture of a {0:?} file, got others")]
    Parts(ImageFormat),
    #[error("the decoder gave up on the {format:?} file: {message}")]
    Panicked { format: ImageFormat, message: String },
    #[error("expected at least one pixel, got {width}x{height}")]
    NoPixels { width: u32, height: u32 },
    #[error("the {0:?} file ends early")]
    Truncated(ImageFormat),
    #[error("unsupported: {what} in a {format:?} file")]
    Unsupported { format: ImageFormat, what: String },
    #[error("the {format:?} file is damaged")]
    Damaged { format: ImageFormat, source: ImageError },
}

/// What a file that holds no known picture holds instead.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unrecognised {
    Empty,
    Text,
    /// An HEIF or AVIF container, as phones write them.
    Heif,
    /// Any other content, by its first bytes.
    Binary([u8; 4]),
}

impl fmt::Display for Unrecognised {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("an empty file"),
            Self::Text => f.write_str("text"),
            Self::Heif => f.write_str("HEIF or AVIF"),
            Self::Binary([a, b, c, d]) => write!(f, "a file that begins with {a:02x} {b:02x} {c:02x} {d:02x}"),
        }
    }
}

/// The error of a decoder, which calls a file that ends early by several names.
pub(super) fn from_decoder(format: ImageFormat, error: ImageError) -> DecodeError {
    let mut cause: Option<&(dyn Error + 'static)> = Some(&error);
    while let Some(current) = cause {
        if current.downcast_ref().is_some_and(|error: &io::Error| error.kind() == io::ErrorKind::UnexpectedEof) {
            return DecodeError::Truncated(format);
        }
        cause = current.source();
    }
    if let ImageError::Unsupported(unsupported) = &error {
        return DecodeError::Unsupported { format, what: said(&unsupported.kind()) };
    }
    DecodeError::Damaged { format, source: error }
}

/// What a decoder says that it lacks.
fn said(kind: &UnsupportedErrorKind) -> String {
    match kind {
        UnsupportedErrorKind::GenericFeature(what) => what.clone(),
        UnsupportedErrorKind::Color(colour) => format!("colours in {colour:?}"),
        other => format!("{other:?}"),
    }
}
