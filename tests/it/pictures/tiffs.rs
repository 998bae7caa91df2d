//! TIFF files as other programs write them.

use super::{is_unsupported, pixels, refusal};
use edgetl::preprocess::DecodeError;

/// A file of one strip, little-endian.
struct Tiff {
    /// Tag, type and values.
    entries: Vec<(u16, u16, Vec<u32>)>,
    strip: Vec<u8>,
    big: bool,
}

const SHORT: u16 = 3;
const LONG: u16 = 4;

impl Tiff {
    /// Of `width` x `height` pixels with samples of `bits` each.
    fn new((width, height): (u32, u32), photometric: u32, bits: &[u32], strip: &[u8]) -> Self {
        let entries = vec![
            (256, LONG, vec![width]),
            (257, LONG, vec![height]),
            (258, SHORT, bits.to_vec()),
            (259, SHORT, vec![1]),
            (262, SHORT, vec![photometric]),
            (277, SHORT, vec![bits.len() as u32]),
            (278, LONG, vec![height]),
            (279, LONG, vec![strip.len() as u32]),
        ];
        Self { entries, strip: strip.to_vec(), big: false }
    }

    fn with(mut self, tag: u16, values: &[u32]) -> Self {
        self.entries.retain(|(own, ..)| *own != tag);
        self.entries.push((tag, SHORT, values.to_vec()));
        self
    }

    fn bytes(mut self) -> Vec<u8> {
        let (word, header, counted, entry) = if self.big { (8, 16, 8, 20) } else { (4, 8, 2, 12) };
        self.entries.push((273, LONG, vec![0]));
        self.entries.sort_by_key(|entry| entry.0);
        let values_at = header + counted + entry * self.entries.len() + word;
        let size = |kind: u16| if kind == SHORT { 2 } else { 4 };
        let inline = |kind: u16, count: usize| size(kind) * count <= word;
        let values: usize = self
            .entries
            .iter()
            .filter(|(_, kind, v)| !inline(*kind, v.len()))
            .map(|(_, kind, v)| size(*kind) * v.len())
            .sum();
        let strip_at = (values_at + values) as u32;
        self.entries.iter_mut().filter(|entry| entry.0 == 273).for_each(|entry| entry.2 = vec![strip_at]);
        let number = |value: u64, length: usize| value.to_le_bytes()[..length].to_vec();
        let mut bytes = match self.big {
            true => [b"II+\0\x08\0\0\0".to_vec(), number(16, 8)].concat(),
            false => [b"II*\0".to_vec(), number(8, 4)].concat(),
        };
        let mut behind = Vec::new();
        bytes.extend(number(self.entries.len() as u64, counted));
        for (tag, kind, values) in &self.entries {
            bytes.extend(
                [number((*tag).into(), 2), number((*kind).into(), 2), number(values.len() as u64, word)].concat(),
            );
            let mut written: Vec<u8> = values.iter().flat_map(|&value| number(value.into(), size(*kind))).collect();
            if inline(*kind, values.len()) {
                written.resize(word, 0);
                bytes.extend(written);
            } else {
                bytes.extend(number((values_at + behind.len()) as u64, word));
                behind.extend(written);
            }
        }
        bytes.extend(number(0, word));
        [bytes, behind, self.strip].concat()
    }
}

const GREY: u32 = 1;
const RGB: u32 = 2;
const PALETTE: u32 = 3;

#[test]
fn indices_of_every_size_become_the_colours_of_their_palette() {
    for (bits, strip) in [(1, &[0b0100_0000][..]), (2, &[0b0001_0000]), (4, &[0x01, 0x00]), (8, &[0, 1, 0])] {
        let count = 1usize << bits;
        let mut map = vec![0; 3 * count];
        (map[0], map[count], map[2 * count]) = (0x1234, 0x8000, 0xffff);
        (map[1], map[count + 1], map[2 * count + 1]) = (0xff00, 0x0100, 0x0000);
        let file = Tiff::new((3, 1), PALETTE, &[bits], strip).with(320, &map).bytes();
        assert_eq!(pixels(&file), [[0x12, 0x80, 0xff], [0xff, 0x01, 0], [0x12, 0x80, 0xff]], "{bits}");
    }
    let short = Tiff::new((3, 1), PALETTE, &[8], &[0, 1, 2]).with(320, &[1, 2, 3]).bytes();
    assert!(matches!(refusal(&short), DecodeError::Parts(_)));
}

#[test]
fn grey_of_few_bits_fills_the_whole_range() {
    let levels = |photometric, bits, strip: &[u8], width| -> Vec<u8> {
        let file = Tiff::new((width, 2), photometric, &[bits], strip).bytes();
        pixels(&file).iter().map(|pixel| pixel[0]).collect()
    };
    assert_eq!(levels(GREY, 1, &[0b0101_0000, 0b1000_0000], 3), [0, 255, 0, 255, 0, 0]);
    assert_eq!(levels(GREY, 2, &[0b0001_1011, 0b1100_0000], 4), [0, 85, 170, 255, 255, 0, 0, 0]);
    assert_eq!(levels(GREY, 4, &[0x0f, 0x80, 0x12, 0x30], 3), [0, 255, 136, 17, 34, 51]);
    assert_eq!(levels(0, 4, &[0x0f, 0x80, 0x12, 0x30], 3), [255, 0, 119, 238, 221, 204]);
    assert_eq!(levels(0, 8, &[0, 255, 10, 20], 2), [255, 0, 245, 235]);
    assert_eq!(levels(GREY, 12, &[0xff, 0xf0, 0x10, 0x80, 0x00, 0x00], 2), [255, 1, 128, 0]);
}

#[test]
fn colours_multiplied_by_their_alpha_are_divided_by_it() {
    let strip = [100, 50, 0, 128, 10, 20, 30, 255, 0, 0, 0, 0];
    let with = |kind: u32| Tiff::new((3, 1), RGB, &[8; 4], &strip).with(338, &[kind]).bytes();
    // 100 * 255 / 128 is 199, over black again 100.
    let associated = pixels(&with(1));
    assert!(associated[0][0].abs_diff(100) <= 1 && associated[0][1].abs_diff(50) <= 1, "{associated:?}");
    assert_eq!((associated[1], associated[2]), ([10, 20, 30], [0, 0, 0]));
    assert_eq!(pixels(&with(2))[0], [50, 25, 0]);
    assert_eq!(pixels(&with(0))[0], [100, 50, 0], "nothing is known of the fourth");
}

#[test]
fn bits_in_the_other_order_planes_and_inks_are_read() {
    let reversed = [0b0001_1011u8, 0b1100_0000].map(u8::reverse_bits);
    let file = Tiff::new((4, 2), GREY, &[2], &reversed).with(266, &[2]).bytes();
    assert_eq!(pixels(&file).iter().map(|pixel| pixel[0]).collect::<Vec<_>>(), [0, 85, 170, 255, 255, 0, 0, 0]);
    let inks = Tiff::new((2, 1), 5, &[8; 4], &[0, 255, 255, 0, 0, 0, 0, 128]).bytes();
    assert_eq!(pixels(&inks), [[255, 0, 0], [127, 127, 127]]);
    let yellowish = Tiff::new((1, 1), 6, &[8; 3], &[128, 128, 128]).with(530, &[1, 1]).bytes();
    assert_eq!(pixels(&yellowish), [[128; 3]]);
}

#[test]
fn a_big_tiff_is_a_tiff() {
    let plain = Tiff::new((2, 1), RGB, &[8; 3], &[1, 2, 3, 4, 5, 6]);
    let big = Tiff { big: true, ..Tiff::new((2, 1), RGB, &[8; 3], &[1, 2, 3, 4, 5, 6]) };
    assert_eq!(
        (pixels(&big.bytes()), pixels(&plain.bytes())),
        (vec![[1, 2, 3], [4, 5, 6]], vec![[1, 2, 3], [4, 5, 6]])
    );
}

#[test]
fn what_is_not_read_is_named_and_not_called_damaged() {
    let plain = |photometric, bits: &[u32]| Tiff::new((1, 1), photometric, bits, &[0; 16]);
    assert!(is_unsupported(&plain(8, &[8; 3]).bytes(), "Lab"));
    assert!(is_unsupported(&plain(GREY, &[8]).with(259, &[3]).bytes(), "CCITT"));
    assert!(is_unsupported(&plain(RGB, &[8; 3]).with(259, &[6]).bytes(), "old-style JPEG"));
    assert!(is_unsupported(&plain(RGB, &[8; 3]).with(259, &[50000]).bytes(), "Zstandard"));
    assert!(is_unsupported(&plain(GREY, &[64]).with(339, &[3]).bytes(), "floating-point"));
    assert!(is_unsupported(&plain(6, &[8; 3]).with(530, &[2, 2]).bytes(), "YCbCr"));
    assert!(is_unsupported(&plain(32803, &[8]).bytes(), "32803"));
}
