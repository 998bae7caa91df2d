//! Which pixels a place sees along one side of the picture.

use std::ops::Range;

use serde::Serialize;

/// Place `i` sees `size` pixels, from `offset + i * stride` on; what lies outside the picture is padding.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Reach {
    pub size: i64,
    pub stride: i64,
    pub offset: i64,
}

/// A kernel that slides along one side.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sliding {
    pub kernel: i64,
    pub stride: i64,
    pub dilation: i64,
    /// Places that are put before the first.
    pub padded: i64,
}

impl Reach {
    /// Of the picture itself.
    pub const PIXEL: Self = Self { size: 1, stride: 1, offset: 0 };

    /// Of what a kernel makes of places with this reach.
    ///
    /// Source: Araujo, Norris, Sim, "Computing Receptive Fields of Convolutional Neural Networks", Distill, 2019.
    pub fn slid(self, sliding: Sliding) -> Self {
        let Sliding { kernel, stride, dilation, padded } = sliding;
        Self {
            size: self.size + (kernel - 1) * dilation * self.stride,
            stride: self.stride * stride,
            offset: self.offset - padded * self.stride,
        }
    }

    /// Of what is computed of places with either reach; `None` where they do not lie over each other.
    pub fn with(self, other: Self) -> Option<Self> {
        let offset = self.offset.min(other.offset);
        let end = (self.offset + self.size).max(other.offset + other.size);
        (self.stride == other.stride).then_some(Self { size: end - offset, stride: self.stride, offset })
    }

    /// The pixels that `place` sees, of a side of `length`; at least one.
    pub fn pixels(self, place: usize, length: usize) -> Range<usize> {
        let length = length as i64;
        let start = self.offset + place as i64 * self.stride;
        let from = start.clamp(0, length - 1);
        (from as usize)..((start + self.size).clamp(from + 1, length) as usize)
    }
}
