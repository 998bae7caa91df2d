//! What of a picture shows that a network can do nothing with it: too few pixels, no light, too much of it, no edges.
//!
//! All is measured on what the network is given, so that frame and file, crop and region are judged alike.

mod grey;
#[cfg(test)]
mod tests;

use fast_image_resize::Resizer;
use serde::Serialize;

use super::geometry::Placement;
use super::picture::{Dimensions, Picture};
use grey::Grey;

/// In pixels of the original: fewer on the shorter side are too few.
const LEAST_SIDE: u32 = 48;
/// Sharpness below this is blurred.
const LEAST_SHARPNESS: f32 = 0.32;
/// Highlights below this are too dark.
const LEAST_HIGHLIGHTS: f32 = 0.16;
/// Shadows above this are too bright.
const MOST_SHADOWS: f32 = 0.68;

/// The longer side, in pixels, on which a picture is measured, so that inputs of all sizes compare. A picture of fewer pixels is
/// measured on its own: that it was enlarged is no blur.
const MEASURED_SIDE: u32 = 96;
/// What is measured of one picture. Limits and how they were found: `docs/cameras.md`.
#[derive(Clone, Copy, PartialEq, Debug)]
#[non_exhaustive]
pub struct Quality {
    /// Of the part that the network sees, in pixels of the original.
    pub width: u32,
    pub height: u32,
    /// The luma below which a twentieth of the pixels lie, from 0 (black) to 1 (white).
    pub shadows: f32,
    /// The luma above which a twentieth of the pixels lie.
    pub highlights: f32,
    /// How much of the change over four pixels happens between two: 0.25 where edges are slopes, 0.7 where they are steps, at most
    /// 1; `None` where nothing stands out from its surroundings, and of inputs or pictures of fewer than 48 pixels.
    ///
    /// The mean fourth power of differences between neighbours over that of differences between pixels four apart, the fourth
    /// root of it, in the least sharp of four directions, since moving blurs one alone. It is a ratio, so low contrast is not taken
    /// for blur; edges outweigh noise and plain ground in it.
    ///
    /// Source: the width of edges, as in P. Marziliano et al., "A no-reference perceptual blur metric", ICIP 2002.
    pub sharpness: Option<f32>,
}

/// Why a picture is of no use.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, thiserror::Error)]
#[serde(tag = "fault", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum PoorPicture {
    #[error("too small: expected the network to see at least {LEAST_SIDE} pixels a side, got {width}x{height}")]
    TooSmall { width: u32, height: u32 },
    #[error("too dark: expected its brightest parts to have at least {} of white, got {}", percent(LEAST_HIGHLIGHTS), percent(*highlights))]
    TooDark { highlights: f32 },
    #[error("too bright: expected its darkest parts to have at most {} of white, got {}", percent(MOST_SHADOWS), percent(*shadows))]
    TooBright { shadows: f32 },
    #[error("blurred: expected a sharpness of at least {LEAST_SHARPNESS}, got {sharpness:.2}")]
    Blurred { sharpness: f32 },
}

impl PoorPicture {
    /// What is wrong, in a word or two: `too small`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::TooSmall { .. } => "too small",
            Self::TooDark { .. } => "too dark",
            Self::TooBright { .. } => "too bright",
            Self::Blurred { .. } => "blurred",
        }
    }
}

fn percent(share: f32) -> String {
    format!("{:.0} %", 100.0 * share)
}

impl Quality {
    /// Of the picture that lies in `input` where `placement` says.
    pub(super) fn of(input: &Picture, placement: &Placement, resizer: &mut Resizer) -> Self {
        let seen = |length: f64| (length.round() as u32).max(1);
        let (width, height) = (seen(placement.source.width), seen(placement.source.height));
        let grey = Grey::of(input, placement, measured(placement.size, Dimensions { width, height }), resizer);
        let (shadows, highlights) = grey.tails();
        Self { width, height, shadows, highlights, sharpness: grey.sharpness() }
    }

    /// What makes the picture useless, if anything does.
    pub fn fault(&self) -> Option<PoorPicture> {
        let Self { width, height, shadows, highlights, sharpness } = *self;
        if width.min(height) < LEAST_SIDE {
            return Some(PoorPicture::TooSmall { width, height });
        }
        if highlights < LEAST_HIGHLIGHTS {
            return Some(PoorPicture::TooDark { highlights });
        }
        if shadows > MOST_SHADOWS {
            return Some(PoorPicture::TooBright { shadows });
        }
        let sharpness = sharpness.filter(|sharpness| *sharpness < LEAST_SHARPNESS)?;
        Some(PoorPicture::Blurred { sharpness })
    }
}

/// The size at which a picture is measured that has the size `placed` in the input, and `seen` in the original.
fn measured(placed: Dimensions, seen: Dimensions) -> Dimensions {
    let longest = placed.width.max(placed.height).max(MEASURED_SIDE);
    let side = |placed: u32, seen: u32| (placed * MEASURED_SIDE / longest).clamp(1, seen);
    Dimensions { width: side(placed.width, seen.width), height: side(placed.height, seen.height) }
}
