//! Decoded pictures and the way they are turned upright.

/// An upright 8-bit RGB picture: `[height, width, 3]`, row by row, at least one pixel.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Picture {
    width: u32,
    height: u32,
    pixels: Vec<u8>,
}

#[derive(Debug, thiserror::Error)]
#[error("expected width x height x 3 bytes of at least one pixel, got {width}x{height} and {bytes} bytes")]
pub struct PictureError {
    width: u32,
    height: u32,
    bytes: usize,
}

/// Width and height in pixels.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Dimensions {
    pub width: u32,
    pub height: u32,
}

impl Dimensions {
    /// Width times height.
    pub fn pixels(self) -> u64 {
        u64::from(self.width) * u64::from(self.height)
    }
}

impl Picture {
    /// # Errors
    /// When `pixels` does not hold exactly width x height RGB pixels, or there are none.
    pub fn new(width: u32, height: u32, pixels: Vec<u8>) -> Result<Self, PictureError> {
        let wanted = u64::from(width).checked_mul(u64::from(height)).and_then(|count| count.checked_mul(3));
        if width == 0 || height == 0 || wanted != Some(pixels.len() as u64) {
            return Err(PictureError { width, height, bytes: pixels.len() });
        }
        Ok(Self { width, height, pixels })
    }

    /// A picture of one colour.
    pub(super) fn filled(width: u32, height: u32, colour: [u8; 3]) -> Self {
        Self { width, height, pixels: colour.repeat(width as usize * height as usize) }
    }

    pub fn width(&self) -> u32 {
        self.width
    }

    pub fn height(&self) -> u32 {
        self.height
    }

    pub fn dimensions(&self) -> Dimensions {
        Dimensions { width: self.width, height: self.height }
    }

    /// RGB, row by row.
    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }

    pub(super) fn pixels_mut(&mut self) -> &mut [u8] {
        &mut self.pixels
    }

    pub fn into_pixels(self) -> Vec<u8> {
        self.pixels
    }
}

/// How a stored picture becomes upright: the upright pixel (x, y) is the stored pixel (x, y), or (y, x) when
/// transposed, counted from the right and from the bottom where mirrored.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Turn {
    pub transpose: bool,
    pub mirror_x: bool,
    pub mirror_y: bool,
}

impl From<image::metadata::Orientation> for Turn {
    fn from(orientation: image::metadata::Orientation) -> Self {
        use image::metadata::Orientation as O;
        let (transpose, mirror_x, mirror_y) = match orientation {
            O::NoTransforms => (false, false, false),
            O::FlipHorizontal => (false, true, false),
            O::Rotate180 => (false, true, true),
            O::FlipVertical => (false, false, true),
            O::Rotate90FlipH => (true, false, false),
            O::Rotate90 => (true, false, true),
            O::Rotate270FlipH => (true, true, true),
            O::Rotate270 => (true, true, false),
        };
        Self { transpose, mirror_x, mirror_y }
    }
}

impl Turn {
    pub fn is_none(self) -> bool {
        self == Self::default()
    }

    /// The upright size of a stored size, and the other way round.
    pub fn size(self, size: Dimensions) -> Dimensions {
        match self.transpose {
            true => Dimensions { width: size.height, height: size.width },
            false => size,
        }
    }

    /// Writes `stored`, turned, into `upright` with its top left corner at (left, top).
    pub fn paste(self, stored: &Picture, upright: &mut Picture, (left, top): (u32, u32)) {
        let size = self.size(stored.dimensions());
        let (width, stride) = (size.width as usize, upright.width as usize);
        for y in 0..size.height {
            let start = ((top + y) as usize * stride + left as usize) * 3;
            let row = &mut upright.pixels[start..start + width * 3];
            if self.transpose || self.mirror_x {
                for (x, pixel) in row.as_chunks_mut::<3>().0.iter_mut().enumerate() {
                    *pixel = stored.pixel(self.source(x as u32, y, stored));
                }
            } else {
                let source = stored.offset(self.source(0, y, stored));
                row.copy_from_slice(&stored.pixels[source..source + width * 3]);
            }
        }
    }

    fn source(self, x: u32, y: u32, stored: &Picture) -> (u32, u32) {
        let (x, y) = if self.transpose { (y, x) } else { (x, y) };
        (if self.mirror_x { stored.width - 1 - x } else { x }, if self.mirror_y { stored.height - 1 - y } else { y })
    }
}

impl Picture {
    fn offset(&self, (x, y): (u32, u32)) -> usize {
        (y as usize * self.width as usize + x as usize) * 3
    }

    /// At (x, y).
    pub(super) fn pixel(&self, at: (u32, u32)) -> [u8; 3] {
        let start = self.offset(at);
        [self.pixels[start], self.pixels[start + 1], self.pixels[start + 2]]
    }
}

/// Of a pixel, from 0 to 255: ITU-R BT.601.
pub(super) fn luma([red, green, blue]: [u8; 3]) -> f32 {
    0.299 * f32::from(red) + 0.587 * f32::from(green) + 0.114 * f32::from(blue)
}
