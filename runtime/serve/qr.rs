//! QR codes, which phones read with their camera.

use qrcode::{Color, EcLevel, QrCode};

/// Light modules around it that readers need.
const QUIET: usize = 4;

/// Rows of a code, `true` for dark, with the quiet zone around it; `None` where `text` is too long for one.
pub fn rows(text: &str) -> Option<Vec<Vec<bool>>> {
    let code = QrCode::with_error_correction_level(text, EcLevel::M).ok()?;
    let (width, modules) = (code.width(), code.to_colors());
    let side = width + 2 * QUIET;
    let is_dark = |row: usize, column: usize| {
        let (Some(row), Some(column)) = (row.checked_sub(QUIET), column.checked_sub(QUIET)) else { return false };
        row < width && column < width && modules[row * width + column] == Color::Dark
    };
    Some((0..side).map(|row| (0..side).map(|column| is_dark(row, column)).collect()).collect())
}

/// Two rows a line in half blocks, dark modules in the colour of the text.
pub fn half_blocks(rows: &[Vec<bool>]) -> Vec<String> {
    let line = |pair: &[Vec<bool>]| {
        let lower = |column: usize| pair.get(1).is_some_and(|row| row[column]);
        let block = |(column, upper): (usize, &bool)| match (*upper, lower(column)) {
            (true, true) => '█',
            (true, false) => '▀',
            (false, true) => '▄',
            (false, false) => ' ',
        };
        pair[0].iter().enumerate().map(block).collect()
    };
    rows.chunks(2).map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_fits_a_terminal_and_has_its_three_corners_in_a_light_frame() {
        for text in [
            "https://192.168.178.123:8443/#pair=ABCDEFGHJKMN".to_owned(),
            format!("https://{}:8443/#pair=ABCDEFGHJKMN", "a".repeat(200)),
        ] {
            let rows = rows(&text).unwrap();
            let side = rows.len();
            assert!(side <= 80 && rows.iter().all(|row| row.len() == side), "{side}");
            for (row, column) in [(QUIET, QUIET), (QUIET, side - QUIET - 7), (side - QUIET - 7, QUIET)] {
                let ring = (0..7)
                    .all(|step| rows[row][column + step] && rows[row + step][column] && rows[row + 6][column + step]);
                assert!(ring && !rows[row + 1][column + 1] && rows[row + 3][column + 3]);
            }
            let frame = |index: usize| !(QUIET..side - QUIET).contains(&index);
            assert!((0..side * side).all(|at| !rows[at / side][at % side] || !(frame(at / side) || frame(at % side))));
        }
        assert_eq!(rows(&"a".repeat(10_000)), None);
    }

    #[test]
    fn two_rows_are_one_line_of_half_blocks() {
        let rows = [vec![true, true, false, false], vec![true, false, true, false], vec![true, false, false, true]];
        assert_eq!(half_blocks(&rows), ["█▀▄ ", "▀  ▀"]);
    }
}
