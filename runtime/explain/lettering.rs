//! A line of letters in a picture.

use font8x8::legacy::{BASIC_LEGACY, LATIN_LEGACY};

/// Pixels a side of a letter.
pub const LETTER: u32 = 8;

/// Calls `dot` for every dot of `text`, as x and y from its top left corner, at the size of one pixel a dot.
pub fn letters(text: &str, mut dot: impl FnMut(u32, u32)) {
    for (place, letter) in text.chars().enumerate() {
        for (y, row) in glyph(letter).iter().enumerate() {
            (0..LETTER).filter(|x| row >> x & 1 == 1).for_each(|x| dot(place as u32 * LETTER + x, y as u32));
        }
    }
}

/// Letters of western Europe; a question mark stands for every other one.
fn glyph(letter: char) -> [u8; 8] {
    let code = letter as usize;
    match code {
        0..0x80 => BASIC_LEGACY[code],
        0xA0..=0xFF => LATIN_LEGACY[code - 0xA0],
        _ => BASIC_LEGACY[usize::from(b'?')],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_letter_has_a_cell_of_its_own() {
        let mut dots = Vec::new();
        letters("Iä漢", |x, y| dots.push((x, y)));
        for place in 0..3 {
            assert!(dots.iter().any(|(x, _)| (place * LETTER..(place + 1) * LETTER).contains(x)), "letter {place}");
        }
        assert!(dots.iter().all(|&(x, y)| x < 3 * LETTER && y < LETTER));
    }
}
