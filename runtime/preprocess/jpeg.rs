//! JPEG: what the decoder does not tell, and the decoder itself, on the bytes of the file without a copy of them.

use std::borrow::Cow;
use std::ops::Range;

use image::error::{DecodingError, ImageFormatHint};
use image::{ColorType, ImageError, ImageFormat};
use zune_jpeg::errors::DecodeErrors;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;
use zune_jpeg::{ImageInfo, JpegDecoder};

use super::exif;
use super::picture::Turn;
use super::{Dimensions, opened::Opened};

const END_OF_IMAGE: u8 = 0xd9;
const START_OF_SCAN: u8 = 0xda;
/// Defines Huffman codes.
const CODES: u8 = 0xc4;
const PROGRESSIVE: u8 = 0xc2;

/// How many times over a picture's samples may be coded; encoders stay below 10.
pub(super) const MOST_PASSES: u64 = 16;
/// So many samples are decoded in a fraction of a second, however often they are coded.
const FEW_SAMPLES: u64 = 400_000_000;

/// What the segments of a file say.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Outline {
    frame: Frame,
    /// Samples, over all scans.
    coded: u64,
    /// Whether the decoder must hold the coefficients of the whole picture.
    buffered: bool,
    progressive: bool,
    /// Whether codes are defined before the first scan.
    has_codes: bool,
    scans: Vec<Scan>,
    unsupported: Option<&'static str>,
    /// A mark of Adobe that is too short to say how colours are coded, with what fills it up.
    short_mark: Option<Range<usize>>,
}

/// A scan of one file, by places in it.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Scan {
    /// From its marker to the next one that is none of its own.
    range: Range<usize>,
    /// Places of its components in the frame.
    components: Vec<usize>,
}

/// The frame header.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
struct Frame {
    precision: u8,
    size: (u16, u16),
    /// Identifier and sampling factors, across and down.
    components: Vec<(u8, u64, u64)>,
}

impl Frame {
    fn read(segment: &[u8]) -> Option<Self> {
        let [precision, height_high, height_low, width_high, width_low, _, components @ ..] = segment else {
            return None;
        };
        let side = |high, low| u16::from_be_bytes([high, low]);
        let component =
            |[id, factors, _]: &[u8; 3]| (*id, u64::from(factors >> 4).max(1), u64::from(factors & 15).max(1));
        Some(Self {
            precision: *precision,
            size: (side(*width_high, *width_low), side(*height_high, *height_low)),
            components: components.as_chunks().0.iter().map(component).collect(),
        })
    }

    /// Samples of the components that `named` picks, in whole blocks.
    fn samples(&self, named: impl Fn(u8) -> bool) -> u64 {
        let most = |factor: fn(&(u8, u64, u64)) -> u64| self.components.iter().map(factor).max().unwrap_or(1);
        let units = |side: u16, most: u64| u64::from(side).div_ceil(8 * most);
        let count =
            units(self.size.0, most(|component| component.1)) * units(self.size.1, most(|component| component.2));
        let picked = self.components.iter().filter(|component| named(component.0));
        picked.map(|(_, across, down)| across * down * 64 * count).sum()
    }
}

impl Outline {
    /// `None` where the file stops before its end-of-image marker.
    ///
    /// The decoder paints what is missing grey and calls it done. Walks the segments by their lengths, so that the
    /// marker of an embedded thumbnail does not count.
    ///
    /// Source: ITU-T T.81, annex B.1.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let mut outline = Self::default();
        let mut rest = bytes.get(2..)?;
        loop {
            let (marker, after) = next_marker(rest)?;
            // Of the two bytes of the marker.
            let at = bytes.len() - after.len() - 2;
            if !is_bare(marker) || marker == END_OF_IMAGE {
                outline
                    .scans
                    .last_mut()
                    .filter(|scan| scan.range.end == 0)
                    .into_iter()
                    .for_each(|scan| scan.range.end = at);
            }
            rest = match marker {
                END_OF_IMAGE => return Some(outline),
                _ if is_bare(marker) => after,
                _ => {
                    let length = usize::from(u16::from_be_bytes(*after.first_chunk()?)).max(2);
                    outline.note(marker, after.get(2..length)?, at);
                    &after[length..]
                }
            };
        }
    }

    fn note(&mut self, marker: u8, segment: &[u8], at: usize) {
        match (marker, segment) {
            (CODES, _) => self.has_codes |= self.scans.is_empty(),
            (0xee, [b'A', b'd', b'o', b'b', b'e', ..]) if segment.len() < 12 => {
                self.short_mark = Some(at..at + 4 + segment.len());
            }
            (0xc3, _) => self.unsupported = Some("lossless coding"),
            (0xc5..=0xc7, _) => self.unsupported = Some("hierarchical coding"),
            (0xc9..=0xcb | 0xcd..=0xcf, _) => self.unsupported = Some("arithmetic coding"),
            (0xc0..=PROGRESSIVE, _) => {
                self.frame = Frame::read(segment).unwrap_or_default();
                self.progressive |= marker == PROGRESSIVE;
                self.buffered |= self.progressive;
            }
            (START_OF_SCAN, [count, components @ ..]) => {
                let ids: Vec<u8> = components.as_chunks().0.iter().take((*count).into()).map(|[id, _]| *id).collect();
                self.coded += self.frame.samples(|id| ids.contains(&id));
                self.buffered |= ids.len() < self.frame.components.len();
                let place = |id: &u8| self.frame.components.iter().position(|component| component.0 == *id);
                // More than these are no encoder's.
                if self.scans.len() < 8 {
                    self.scans.push(Scan { range: at..0, components: ids.iter().filter_map(place).collect() });
                }
            }
            _ => {}
        }
    }

    /// What the decoder lacks for this file.
    pub fn unsupported(&self) -> Option<&'static str> {
        self.unsupported.or(match self.frame.precision {
            0 | 8 => None,
            12 => Some("samples of 12 bits"),
            _ => Some("samples of other than 8 bits"),
        })
    }

    /// The file as the decoder takes it, where that is another: with the mark of a webcam's frame, for which standard codes
    /// hold, and its scans in the order of the frame's components.
    fn mended<'a>(&self, bytes: &'a [u8]) -> Cow<'a, [u8]> {
        let baseline = !self.buffered || self.scans.iter().all(|scan| scan.components.len() == 1);
        let is_progressive = self.progressive;
        let mut order: Vec<&Scan> = self.scans.iter().collect();
        order.sort_by_key(|scan| scan.components.first().copied());
        let turned = baseline && !is_progressive && order.iter().zip(&self.scans).any(|(one, other)| *one != other);
        let mut whole = Cow::Borrowed(bytes);
        if turned && self.scans.len() == self.frame.components.len() {
            whole = Cow::Owned(self.in_order(bytes, &order));
        }
        if let Some(mark) = self.short_mark.clone().filter(|_| matches!(whole, Cow::Borrowed(_))) {
            let behind = &bytes[mark.end..];
            let next = behind.iter().position(|&byte| byte == 0xff).unwrap_or(0);
            whole = Cow::Owned([&bytes[..mark.start], &behind[next..]].concat());
        }
        if !self.has_codes && !is_progressive {
            const WEBCAM: [u8; 9] = [0xff, 0xe0, 0, 7, b'A', b'V', b'I', b'1', 0];
            whole = Cow::Owned([&whole[..2], &WEBCAM, &whole[2..]].concat());
        }
        whole
    }

    /// What stands between scans, tables among it, goes before all of them.
    fn in_order(&self, bytes: &[u8], order: &[&Scan]) -> Vec<u8> {
        let first = self.scans.iter().map(|scan| scan.range.start).min().unwrap_or(2);
        let last = self.scans.iter().map(|scan| scan.range.end).max().unwrap_or(first);
        let mut parts = vec![&bytes[..first]];
        let between = self.scans.windows(2).map(|pair| &bytes[pair[0].range.end..pair[1].range.start]);
        parts.extend(between);
        parts.extend(order.iter().map(|scan| &bytes[scan.range.clone()]));
        parts.push(&bytes[last..]);
        parts.concat()
    }

    /// How many times over the samples are coded, where that is more than any encoder makes and takes long to decode.
    pub fn excess(&self) -> Option<u64> {
        let times = self.coded.div_ceil(self.frame.samples(|_| true).max(1));
        (times > MOST_PASSES && self.coded > FEW_SAMPLES).then_some(times)
    }

    /// Bytes that the decoder holds beside the picture; what the decoder made of the header goes before what is noted.
    fn beside(&self, info: &ImageInfo) -> u64 {
        let components = u64::from(info.components);
        let same = self.frame.size == (info.width, info.height) && self.frame.components.len() as u64 == components;
        let whole =
            || components * u64::from(info.width).next_multiple_of(64) * u64::from(info.height).next_multiple_of(64);
        let samples = if same { self.frame.samples(|_| true) } else { whole() };
        // Coefficients are 16 bits each; rows in work are some, of 16 lines at most, in several copies.
        let rows = u64::from(info.width) * components * 16 * 8;
        let buffered = self.buffered || !same;
        rows + if buffered { 2 * samples } else { 0 }
    }
}

/// Reads the headers of the file; its end was found by [`Outline::read`].
pub(super) fn open<'a>(bytes: &'a [u8], outline: &Outline) -> Result<Opened<'a>, ImageError> {
    let bytes = outline.mended(bytes);
    let options = DecoderOptions::default()
        .set_strict_mode(false)
        .set_max_width(usize::MAX)
        .set_max_height(usize::MAX)
        .jpeg_set_max_scans(usize::MAX);
    let mut header = JpegDecoder::new_with_options(ZCursor::new(&*bytes), options);
    header.decode_headers().map_err(damaged)?;
    let (Some(info), Some(stored)) = (header.info(), header.input_colorspace()) else {
        return Err(damaged(DecodeErrors::FormatStatic("no frame header")));
    };
    let (space, layout) = match stored {
        ColorSpace::Luma => (stored, ColorType::L8),
        ColorSpace::LumaA => (stored, ColorType::La8),
        ColorSpace::RGBA => (stored, ColorType::Rgba8),
        _ => (ColorSpace::RGB, ColorType::Rgb8),
    };
    let options = options.jpeg_set_out_colorspace(space);
    let turn = header.exif().map_or_else(Turn::default, |chunk| exif::turn(chunk));
    drop(header);
    // Application segments are kept as they are, and once more where they are put together; a mended file is a copy.
    let copies = if matches!(bytes, Cow::Owned(_)) { 3 } else { 2 };
    let dimensions = Dimensions { width: info.width.into(), height: info.height.into() };
    Ok(Opened {
        dimensions,
        layout,
        turn,
        beside: outline.beside(&info) + copies * bytes.len() as u64,
        at_worst: 0,
        read: Box::new(move |pixels| {
            JpegDecoder::new_with_options(ZCursor::new(&*bytes), options).decode_into(pixels).map_err(damaged)
        }),
    })
}

/// Width, height and the bytes that decoding takes of a JPEG that is part of another file; `None` where its header is
/// no sound one.
pub(super) fn part(tables: &[u8], bytes: &[u8]) -> Option<(u16, u16, u64)> {
    // Tables are a file of their own, whose end and the part's begin are left out.
    let whole = [&tables[..tables.len().saturating_sub(2)], bytes.get(2..)?].concat();
    let bytes = if tables.is_empty() { bytes } else { &whole };
    let mut header = JpegDecoder::new(ZCursor::new(bytes));
    header.decode_headers().ok()?;
    let info = header.info()?;
    let outline = Outline::read(bytes).filter(|outline| outline.excess().is_none())?;
    let given = u64::from(info.components) * u64::from(info.width) * u64::from(info.height);
    Some((info.width, info.height, given + outline.beside(&info) + 2 * bytes.len() as u64))
}

fn damaged(error: DecodeErrors) -> ImageError {
    ImageError::Decoding(DecodingError::new(ImageFormatHint::Exact(ImageFormat::Jpeg), error))
}

/// The next marker and what follows it; stuffed zeros and fill bytes are no markers.
fn next_marker(mut bytes: &[u8]) -> Option<(u8, &[u8])> {
    loop {
        let start = bytes.iter().position(|&byte| byte == 0xff)?;
        bytes = &bytes[start..];
        let end = bytes.iter().position(|&byte| byte != 0xff)?;
        let marker = bytes[end];
        bytes = &bytes[end + 1..];
        if marker != 0 {
            return Some((marker, bytes));
        }
    }
}

/// Markers without a segment: restarts, start of image and the temporary marker of arithmetic coding.
fn is_bare(marker: u8) -> bool {
    matches!(marker, 0x01 | 0xd0..=0xd8)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: [u8; 25] = [
        0xff, 0xd8, 0xff, 0xe1, 0, 6, 0xff, 0xd9, 1, 2, // a thumbnail's end inside a segment
        0xff, 0xff, 0xda, 0, 4, 1, 2, 0xff, 0, 7, 0xff, 0xd3, 9, // a scan with a stuffed zero and a restart
        0xff, 0xd9,
    ];

    #[test]
    fn only_the_end_of_the_picture_itself_counts() {
        assert!(Outline::read(&WHOLE).is_some());
        assert!(Outline::read(&[&WHOLE[..], b"trailing bytes of a camera"].concat()).is_some());
    }

    #[test]
    fn every_shorter_file_ends_early() {
        for length in 0..WHOLE.len() {
            assert_eq!(Outline::read(&WHOLE[..length]), None, "{length}");
        }
    }

    #[test]
    fn a_segment_shorter_than_its_own_length_does_not_stop_the_walk() {
        assert!(Outline::read(&[0xff, 0xd8, 0xff, 0xe0, 0, 0, 0xff, 0xd9]).is_some());
    }
}
