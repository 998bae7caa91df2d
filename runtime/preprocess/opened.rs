//! A file of which only the header is read: how large it is, and what decoding it will take.

use image::{ColorType, ImageError};

use super::picture::{Dimensions, Turn};

pub(super) struct Opened<'a> {
    pub dimensions: Dimensions,
    /// Of the pixels that `read` gives.
    pub layout: ColorType,
    pub turn: Turn,
    /// The most bytes that the decoder holds at once beside the pixels and the file.
    pub beside: u64,
    /// What a stream made for it can have the decoder hold instead, though nothing in the header shows it.
    pub at_worst: u64,
    /// Writes all pixels, in `layout`.
    pub read: ReadPixels<'a>,
}

pub(super) type ReadPixels<'a> = Box<dyn FnOnce(&mut [u8]) -> Result<(), ImageError> + 'a>;

impl Opened<'_> {
    /// How many bytes `read` writes.
    pub fn length(&self) -> u64 {
        self.pixels().saturating_mul(self.layout.bytes_per_pixel().into())
    }

    pub fn pixels(&self) -> u64 {
        self.dimensions.pixels()
    }
}
