//! BMP: headers that programs write and the decoder refuses, and run-length coding, which is read here.
//!
//! Source: the documentation of BITMAPINFOHEADER; OS/2's of BITMAPINFOHEADER2.

use std::borrow::Cow;

use image::{ColorType, ImageError};

use super::opened::Opened;
use super::picture::{Dimensions, Turn};

/// Of the file's own header.
const FILE: usize = 14;
/// Of the usual header behind it.
const INFO: usize = 40;

/// What a header says, where it is one of 40 bytes or more.
struct Header {
    size: usize,
    width: u32,
    /// Whether rows go down.
    top_down: bool,
    height: u32,
    bits: u16,
    compression: u32,
    colours: usize,
    /// Where pixels begin.
    pixels: usize,
}

impl Header {
    fn read(bytes: &[u8]) -> Option<Self> {
        let word = |at: usize| Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?));
        let half = |at: usize| Some(u16::from_le_bytes(*bytes.get(at..)?.first_chunk()?));
        let size = word(FILE)? as usize;
        let height = word(FILE + 8)? as i32;
        let bits = half(FILE + 14)?;
        let used = word(FILE + 32)? as usize;
        let colours = if bits > 8 { 0 } else { 1usize << bits };
        let header = Self {
            size,
            width: word(FILE + 4)?,
            top_down: height < 0,
            height: height.unsigned_abs(),
            bits,
            compression: word(FILE + 16)?,
            colours: if used == 0 { colours } else { used.min(colours) },
            pixels: word(10)? as usize,
        };
        (size >= INFO).then_some(header)
    }

    /// How many bytes of the last row's padding are not there.
    fn lacking(&self, length: usize) -> usize {
        let row = (u64::from(self.width) * u64::from(self.bits)).div_ceil(32) * 4;
        let end = (row * u64::from(self.height)).saturating_add(self.begin() as u64);
        let padding = row - (u64::from(self.width) * u64::from(self.bits)).div_ceil(8);
        let lacking = end.saturating_sub(length as u64);
        if self.compression == 0 && lacking <= padding { lacking as usize } else { 0 }
    }

    /// Where pixels begin: some programs give the place of the palette instead.
    fn begin(&self) -> usize {
        if self.bits <= 8 && self.pixels == FILE + self.size { self.pixels + 4 * self.colours } else { self.pixels }
    }
}

/// The file as the decoder takes it: with one plane, pixels behind the palette, and a header of 40 bytes for OS/2's of 64.
pub(super) fn mended(bytes: &[u8]) -> Cow<'_, [u8]> {
    const OS2: usize = 64;
    let Some(header) = Header::read(bytes) else { return Cow::Borrowed(bytes) };
    let one_plane = bytes[FILE + 12..FILE + 14] == [1, 0];
    let lacking = header.lacking(bytes.len());
    if one_plane && lacking == 0 && header.begin() == header.pixels && header.size != OS2 {
        return Cow::Borrowed(bytes);
    }
    let mut whole = bytes.to_vec();
    whole[FILE + 12..FILE + 14].copy_from_slice(&[1, 0]);
    let mut begin = header.begin();
    if header.size == OS2 && bytes.len() >= FILE + OS2 {
        whole[FILE] = INFO as u8;
        whole.drain(FILE + INFO..FILE + OS2);
        begin = begin.saturating_sub(OS2 - INFO);
    }
    whole[10..14].copy_from_slice(&(begin as u32).to_le_bytes());
    whole.resize(whole.len() + lacking, 0);
    Cow::Owned(whole)
}

/// A file of run-length coded indices; `None` where this is none. Pixels that it skips have the first colour, as where
/// Pillow reads it.
pub(super) fn run_length_coded(bytes: &[u8]) -> Option<Opened<'_>> {
    let header = Header::read(bytes).filter(|header| matches!((header.compression, header.bits), (1, 8) | (2, 4)))?;
    let dimensions = Dimensions { width: header.width, height: header.height };
    // Rows are written from the bottom up; those of a picture that goes down then stand on their head.
    let turn = Turn { mirror_y: header.top_down, ..Turn::default() };
    let layout = ColorType::Rgb8;
    Some(Opened {
        dimensions,
        layout,
        turn,
        beside: 0,
        at_worst: 0,
        read: Box::new(move |pixels| {
            let palette = palette(bytes, &header);
            pixels.as_chunks_mut::<3>().0.fill(palette[0]);
            let codes = bytes.get(header.begin()..).unwrap_or_default();
            let mut canvas = Canvas { pixels, width: header.width as usize, at: (0, 0) };
            match canvas.paint(codes, header.bits, &palette) {
                Some(()) => Ok(()),
                None => Err(ImageError::IoError(std::io::ErrorKind::UnexpectedEof.into())),
            }
        }),
    })
}

fn palette(bytes: &[u8], header: &Header) -> [[u8; 3]; 256] {
    let mut palette = [[0; 3]; 256];
    let stored = bytes.get(FILE + header.size..).unwrap_or_default();
    for (colour, &[blue, green, red, _]) in
        palette.iter_mut().zip(&stored.as_chunks().0[..header.colours.min(stored.len() / 4)])
    {
        *colour = [red, green, blue];
    }
    palette
}

/// RGB pixels, top row first, with the place that is painted next, rows counted from the bottom.
struct Canvas<'a> {
    pixels: &'a mut [u8],
    width: usize,
    at: (usize, usize),
}

impl Canvas<'_> {
    /// `None` where the codes end before the picture does.
    fn paint(&mut self, mut codes: &[u8], bits: u16, palette: &[[u8; 3]; 256]) -> Option<()> {
        let height = self.pixels.len() / 3 / self.width.max(1);
        let index = |byte: u8, place: usize| match (bits, place % 2) {
            (4, 0) => byte >> 4,
            (4, _) => byte & 15,
            _ => byte,
        };
        while self.at.1 < height {
            let (&[count, value], rest) = codes.split_first_chunk()?;
            codes = rest;
            match (count, value) {
                (0, 0) => self.at = (0, self.at.1 + 1),
                (0, 1) => return Some(()),
                (0, 2) => {
                    let (&[right, up], rest) = codes.split_first_chunk()?;
                    codes = rest;
                    self.at = (self.at.0 + usize::from(right), self.at.1 + usize::from(up));
                }
                (0, count) => {
                    let count = usize::from(count);
                    let length = if bits == 4 { count.div_ceil(2) } else { count };
                    let literal = codes.get(..length)?;
                    let step = if bits == 4 { 2 } else { 1 };
                    (0..count).for_each(|place| self.put(palette[usize::from(index(literal[place / step], place))]));
                    codes = codes.get(length.next_multiple_of(2)..).unwrap_or_default();
                }
                _ => (0..usize::from(count)).for_each(|place| self.put(palette[usize::from(index(value, place))])),
            }
        }
        Some(())
    }

    /// What lies outside is left out.
    fn put(&mut self, colour: [u8; 3]) {
        let height = self.pixels.len() / 3 / self.width.max(1);
        let (x, y) = self.at;
        if x < self.width && y < height {
            self.pixels.as_chunks_mut().0[(height - 1 - y) * self.width + x] = colour;
        }
        self.at.0 += 1;
    }
}

#[cfg(test)]
mod tests {

    /// A file of `bits` per index with three colours: black, red, green.
    fn file(bits: u16, compression: u32, height: i32, codes: &[u8]) -> Vec<u8> {
        let mut bytes = b"BM\0\0\0\0\0\0\0\0".to_vec();
        bytes.extend((14 + 40 + 12u32).to_le_bytes());
        bytes.extend(
            [&40u32.to_le_bytes()[..], &4u32.to_le_bytes(), &height.to_le_bytes(), &1u16.to_le_bytes()].concat(),
        );
        bytes.extend(
            [&bits.to_le_bytes()[..], &compression.to_le_bytes(), &[0; 12], &3u32.to_le_bytes(), &[0; 4]].concat(),
        );
        bytes.extend([0, 0, 0, 0, 0, 0, 255, 0, 0, 255, 0, 0]);
        bytes.extend(codes);
        bytes
    }

    fn indices(bytes: &[u8]) -> Vec<u8> {
        let picture = super::super::decode(bytes, &super::super::Limits::default(), [9; 3]).unwrap();
        picture
            .pixels()
            .as_chunks::<3>()
            .0
            .iter()
            .map(|pixel| {
                if pixel[0] > 0 {
                    1
                } else if pixel[1] > 0 {
                    2
                } else {
                    0
                }
            })
            .collect()
    }

    #[test]
    fn runs_literals_and_skips_are_painted_from_the_bottom_up() {
        // A run, the end of the row; a skip of one, a literal of three, padded; the end.
        let codes = [3, 1, 0, 0, 0, 2, 1, 0, 0, 3, 2, 1, 2, 0, 0, 1];
        assert_eq!(indices(&file(8, 1, 2, &codes)), [0, 2, 1, 2, 1, 1, 1, 0]);
        assert_eq!(indices(&file(8, 1, -2, &codes)), [1, 1, 1, 0, 0, 2, 1, 2]);
        assert_eq!(indices(&file(4, 2, 1, &[4, 0x12, 0, 1])), [1, 2, 1, 2]);
        assert_eq!(indices(&file(4, 2, 1, &[0, 3, 0x21, 0x20, 0, 1])), [2, 1, 2, 0]);
    }

    #[test]
    fn codes_that_end_early_are_an_error_and_those_that_leave_the_picture_are_none() {
        let short = file(8, 1, 2, &[3, 1]);
        assert!(super::super::decode(&short, &super::super::Limits::default(), [0; 3]).is_err());
        assert_eq!(indices(&file(8, 1, 1, &[255, 1, 0, 1])), [1; 4]);
        assert_eq!(indices(&file(8, 1, 1, &[0, 2, 200, 200, 5, 1])), [0; 4]);
    }

    #[test]
    fn headers_of_other_programs_are_mended() {
        let plain = file(8, 0, 1, &[0, 1, 2, 0]);
        let with = |at: usize, new: &[u8]| [&plain[..at], new, &plain[at + new.len()..]].concat();
        assert_eq!(indices(&plain), [0, 1, 2, 0]);
        assert_eq!(indices(&with(26, &[7, 7])), [0, 1, 2, 0], "planes");
        assert_eq!(indices(&with(10, &[54])), [0, 1, 2, 0], "the place of the palette");
        let narrow = with(18, &[3]);
        assert_eq!(indices(&narrow[..narrow.len() - 1]), [0, 1, 2], "padding that is not there");
        let os2 = [&plain[..10], &[90], &plain[11..14], &[64], &plain[15..54], &[0; 24], &plain[54..]].concat();
        assert_eq!(indices(&os2), [0, 1, 2, 0]);
    }
}
