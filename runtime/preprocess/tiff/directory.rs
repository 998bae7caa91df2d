//! TIFF: the directory of the first picture, which EXIF data has too.

use std::collections::HashMap;

pub const WIDTH: u16 = 256;
pub const HEIGHT: u16 = 257;
pub const BITS: u16 = 258;
pub const COMPRESSION: u16 = 259;
pub const STRIP_OFFSETS: u16 = 273;
pub const SAMPLES: u16 = 277;
pub const STRIP_ROWS: u16 = 278;
pub const STRIP_LENGTHS: u16 = 279;
pub const PLANAR: u16 = 284;
pub const TILE_WIDTH: u16 = 322;
pub const TILE_HEIGHT: u16 = 323;
pub const TILE_OFFSETS: u16 = 324;
pub const TILE_LENGTHS: u16 = 325;
pub const JPEG_TABLES: u16 = 347;
pub const PHOTOMETRIC: u16 = 262;
pub const PREDICTOR: u16 = 317;
pub const FILL_ORDER: u16 = 266;
pub const ORIENTATION: u16 = 274;
pub const COLOUR_MAP: u16 = 320;
pub const EXTRA_SAMPLES: u16 = 338;
pub const SAMPLE_FORMAT: u16 = 339;
pub const SUBSAMPLING: u16 = 530;

/// The first directory of a TIFF file, or of an EXIF chunk.
pub(in crate::preprocess) struct Directory<'a> {
    pub bytes: &'a [u8],
    big_endian: bool,
    /// By tag.
    pub entries: HashMap<u16, Entry>,
}

#[derive(Clone, Copy)]
pub(in crate::preprocess) struct Entry {
    /// Bytes a value.
    pub size: u64,
    pub count: u64,
    /// Where the values are in the file.
    pub at: u64,
}

impl<'a> Directory<'a> {
    /// The first directory, classic or BigTIFF.
    pub fn read(bytes: &'a [u8]) -> Option<Self> {
        let big_endian = bytes.starts_with(b"MM");
        let mut directory = Self { bytes, big_endian, entries: HashMap::new() };
        let big = directory.integer(2, 2)? == 43;
        let (start, counted, entry, word) = if big { (8, 8, 20, 8) } else { (4, 2, 12, 4) };
        let first = directory.integer(start, word)?;
        for number in 0..directory.integer(first, counted)? {
            let at = number.checked_mul(entry)?.checked_add(first)?.checked_add(counted)?;
            let Some(tag) = directory.integer(at, 2) else { break };
            let (kind, count) = (directory.integer(at + 2, 2)?, directory.integer(at + 4, word)?);
            let size = match kind {
                1 | 2 | 6 | 7 => 1,
                3 | 8 => 2,
                4 | 9 | 11 | 13 => 4,
                5 | 10 | 12 | 16..=18 => 8,
                _ => continue,
            };
            let inline = at + 4 + word;
            let place = if count.saturating_mul(size) <= word { inline } else { directory.integer(inline, word)? };
            if is_read(tag as u16) {
                directory.entries.insert(tag as u16, Entry { size, count, at: place });
            }
        }
        Some(directory)
    }

    pub fn integer(&self, at: u64, length: u64) -> Option<u64> {
        let at = usize::try_from(at).ok()?;
        let bytes = self.bytes.get(at..at.checked_add(length as usize)?)?.iter();
        let add = |number: u64, byte: &u8| number << 8 | u64::from(*byte);
        Some(if self.big_endian { bytes.fold(0, add) } else { bytes.rev().fold(0, add) })
    }

    /// All values of a tag that are in the file.
    pub fn numbers(&self, tag: u16) -> Vec<u64> {
        let Some(entry) = self.entries.get(&tag) else { return Vec::new() };
        let places = (0..entry.count).map_while(|index| entry.at.checked_add(index.checked_mul(entry.size)?));
        places.map_while(|at| self.integer(at, entry.size)).collect()
    }

    pub fn number(&self, tag: u16, default: u64) -> u64 {
        let first = self.entries.get(&tag).filter(|entry| entry.count > 0);
        first.and_then(|entry| self.integer(entry.at, entry.size)).unwrap_or(default)
    }

    /// Whether integers of the file have their high byte first.
    pub fn is_big_endian(&self) -> bool {
        self.big_endian
    }
}

/// Whether the decoder reads the values of a tag as it opens a file; others, such as colour profiles, it leaves.
fn is_read(tag: u16) -> bool {
    matches!(tag, 254..=284 | 317 | 320..=325 | 338 | 339 | 347 | 529..=532)
}
