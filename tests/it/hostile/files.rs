//! Pictures that are small as files and take much to decode, made here byte by byte.

/// Bits, the lowest of each byte first, as deflate has them.
#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    free: u32,
}

impl Bits {
    fn push(&mut self, value: u32, length: u32) {
        for place in 0..length {
            if self.free == 0 {
                self.bytes.push(0);
                self.free = 8;
            }
            let last = self.bytes.last_mut().unwrap();
            *last |= ((value >> place & 1) as u8) << (8 - self.free);
            self.free -= 1;
        }
    }

    /// A Huffman code, which begins with its highest bit.
    fn code(&mut self, code: u32, length: u32) {
        self.push(code.reverse_bits() >> (32 - length), length);
    }
}

/// A zlib stream of `count` zeros: one literal, then copies of 258 of them at distance 1, in fixed codes.
pub fn zeros(count: usize) -> Vec<u8> {
    let mut bits = Bits::default();
    bits.push(0b011, 3);
    let (copies, literals) = if count == 0 { (0, 0) } else { ((count - 1) / 258, 1 + (count - 1) % 258) };
    (0..literals).for_each(|_| bits.code(0b0011_0000, 8));
    for _ in 0..copies {
        bits.code(0b1100_0101, 8);
        bits.code(0, 5);
    }
    bits.code(0, 7);
    let sum = ((count % 65_521) as u32) << 16 | 1;
    [&[0x78, 0x01], &bits.bytes[..], &sum.to_be_bytes()].concat()
}

const SHORT: u16 = 3;
const LONG: u16 = 4;

/// A TIFF of `data` at offset 8 and a directory; all numbers are 16 or 32 bits long.
pub fn tiff(data: &[u8], tags: &[(u16, &[u32])]) -> Vec<u8> {
    let start = 8 + data.len().next_multiple_of(2);
    let behind = start + 2 + 12 * tags.len() + 4;
    let (mut directory, mut values) = ((tags.len() as u16).to_le_bytes().to_vec(), Vec::new());
    for (tag, numbers) in tags {
        // Sizes and places are longer than 16 bits.
        let kind = if matches!(tag, 256 | 257 | 273 | 278 | 279 | 322..=325) { LONG } else { SHORT };
        let bytes = |number: &u32| number.to_le_bytes()[..if kind == LONG { 4 } else { 2 }].to_vec();
        let mut packed: Vec<u8> = numbers.iter().flat_map(bytes).collect();
        directory.extend([tag.to_le_bytes(), kind.to_le_bytes()].concat());
        directory.extend((numbers.len() as u32).to_le_bytes());
        if packed.len() <= 4 {
            packed.resize(4, 0);
            directory.extend(packed);
        } else {
            directory.extend(((behind + values.len()) as u32).to_le_bytes());
            values.extend(packed);
        }
    }
    let mut bytes = [b"II\x2a\0", &(start as u32).to_le_bytes()[..], data].concat();
    bytes.resize(start, 0);
    [bytes, directory, vec![0; 4], values].concat()
}

/// A picture of zeros in strips of 100 rows that all lie in the same few bytes; `float` says what its samples are.
pub fn strips((width, height): (u32, u32), bits: u32, samples: u32, float: bool) -> Vec<u8> {
    let strip = zeros((width * samples * bits / 8 * 100) as usize);
    let count = height.div_ceil(100) as usize;
    let format = vec![if float { 3 } else { 1 }; samples as usize];
    let mut tags: Vec<(u16, Vec<u32>)> = vec![
        (256, vec![width]),
        (257, vec![height]),
        (258, vec![bits; samples as usize]),
        (259, vec![8]),
        (262, vec![if samples < 3 { 1 } else { 2 }]),
        (273, vec![8; count]),
        (277, vec![samples]),
        (278, vec![100]),
        (279, vec![strip.len() as u32; count]),
    ];
    if samples == 4 {
        tags.push((338, vec![2]));
    }
    tags.push((339, format));
    let tags: Vec<(u16, &[u32])> = tags.iter().map(|(tag, numbers)| (*tag, numbers.as_slice())).collect();
    tiff(&strip, &tags)
}

/// RGB in square tiles, each colour in tiles of its own, that all lie in the same few bytes (image-tiff issue 403).
pub fn planar_tiles((width, height): (u32, u32), side: u32) -> Vec<u8> {
    let tile = zeros((side * side) as usize);
    let count = (width.div_ceil(side) * height.div_ceil(side) * 3) as usize;
    let (offsets, lengths) = (vec![8; count], vec![tile.len() as u32; count]);
    let (width, height, side) = ([width], [height], [side]);
    tiff(
        &tile,
        &[
            (256, &width),
            (257, &height),
            (258, &[8, 8, 8]),
            (259, &[8]),
            (262, &[2]),
            (277, &[3]),
            (284, &[2]),
            (322, &side),
            (323, &side),
            (324, &offsets),
            (325, &lengths),
        ],
    )
}

fn segment(marker: u8, content: &[u8]) -> Vec<u8> {
    [&[0xff, marker][..], &(content.len() as u16 + 2).to_be_bytes(), content].concat()
}

/// A grey progressive JPEG: one scan of means, then `scans` more that find every block empty.
pub fn progressive((width, height): (u16, u16), components: u8, scans: usize) -> Vec<u8> {
    let blocks = usize::from(width).div_ceil(8) * usize::from(height).div_ceil(8);
    let mut frame = vec![8];
    frame.extend([height.to_be_bytes(), width.to_be_bytes()].concat());
    frame.push(components);
    frame.extend((1..=components).flat_map(|id| [id, 0x11, 0]));
    // Each table has one code, a zero bit: no difference of means; a run of 16,384 empty blocks, followed by 14 bits.
    let table = |class: u8, symbol: u8| segment(0xc4, &[&[class, 1][..], &[0; 15], &[symbol]].concat());
    let quantisation = [&[0][..], &[1; 64]].concat();
    let mut bytes = [vec![0xff, 0xd8], segment(0xdb, &quantisation), segment(0xc2, &frame)].concat();
    bytes.extend([table(0, 0), table(0x10, 0xe0)].concat());
    let mut means = vec![components];
    means.extend((1..=components).flat_map(|id| [id, 0]));
    means.extend([0, 0, 1]);
    bytes.extend(segment(0xda, &means));
    bytes.extend(vec![0; blocks * usize::from(components) / 8 + 1]);
    for scan in 0..scans {
        bytes.extend(segment(0xda, &[1, 1 + (scan % usize::from(components)) as u8, 0, 1, 63, 0]));
        bytes.extend(vec![0; blocks.div_ceil(16_384) * 15 / 8 + 2]);
    }
    [&bytes[..], &[0xff, 0xd9]].concat()
}

pub fn chunk(name: &[u8; 4], content: &[u8]) -> Vec<u8> {
    let sum = name.iter().chain(content).fold(!0u32, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| (sum >> 1) ^ (0xedb8_8320 & (sum & 1).wrapping_neg()))
    });
    [&(content.len() as u32).to_be_bytes()[..], name, content, &(!sum).to_be_bytes()].concat()
}

/// A black picture; colour 2 is RGB, 6 RGB with transparency; `before` goes between the header and the pixels.
pub fn png((width, height): (u32, u32), (depth, colour): (u8, u8), before: &[u8]) -> Vec<u8> {
    let channels = if colour == 6 { 4 } else { 3 };
    let row = width as usize * channels * usize::from(depth) / 8 + 1;
    let mut header = [width.to_be_bytes(), height.to_be_bytes()].concat();
    header.extend([depth, colour, 0, 0, 0]);
    let pixels = chunk(b"IDAT", &zeros(row * height as usize));
    [b"\x89PNG\r\n\x1a\n", &chunk(b"IHDR", &header)[..], before, &pixels, &chunk(b"IEND", b"")].concat()
}

fn riff(content: &[u8]) -> Vec<u8> {
    [b"RIFF", &(content.len() as u32 + 4).to_le_bytes()[..], b"WEBP", content].concat()
}

fn webp_chunk(name: &[u8; 4], content: &[u8]) -> Vec<u8> {
    [&name[..], &(content.len() as u32).to_le_bytes(), content, &vec![0; content.len() % 2]].concat()
}

/// One colour, whose codes have one symbol each: pixels take no bits.
fn lossless_stream((width, height): (u32, u32)) -> Vec<u8> {
    let mut bits = Bits::default();
    let head = [(0x2f, 8), (width - 1, 14), (height - 1, 14), (0, 1), (0, 3), (0, 1), (0, 1), (0, 1)];
    head.into_iter().chain([(1, 1), (0, 3)].repeat(5)).for_each(|(value, length)| bits.push(value, length));
    [bits.bytes, vec![0; 8]].concat()
}

pub fn lossless_webp(size: (u32, u32)) -> Vec<u8> {
    riff(&webp_chunk(b"VP8L", &lossless_stream(size)))
}

/// A lossy frame of this size in a canvas of 8 by 8.
pub fn lossy_webp_in_small_canvas((width, height): (u16, u16)) -> Vec<u8> {
    let canvas = webp_chunk(b"VP8X", &[0, 0, 0, 0, 7, 0, 0, 7, 0, 0]);
    let mut frame = vec![0x10, 0, 0, 0x9d, 1, 0x2a];
    frame.extend([width.to_le_bytes(), height.to_le_bytes()].concat());
    frame.resize(10_000, 0);
    riff(&[canvas, webp_chunk(b"VP8 ", &frame)].concat())
}

/// A canvas of 8 by 8 whose first frame is as large as a frame can be.
pub fn gif_of_large_frame() -> Vec<u8> {
    let screen = b"GIF89a\x08\0\x08\0\x80\0\0\0\0\0\0\0\0";
    [&screen[..], b",\0\0\0\0\xff\xff\xff\xff\0\x02\x02\x4c\x01\0;"].concat()
}
