//! How wide the columns of a table may be.

/// Between two columns.
const GAP: usize = 2;
/// No column becomes narrower than so many characters.
const LEAST: usize = 10;

/// The characters in a line of the terminal; `None` where nobody knows, as where stdout is a file.
pub fn terminal() -> Option<usize> {
    let asked = || std::env::var("COLUMNS").ok()?.parse().ok();
    terminal_size::terminal_size_of(std::io::stdout()).map(|(width, _)| width.0.into()).or_else(asked)
}

/// How wide each column may be for a line to fit: as wide as it is, but for the widest ones.
pub fn fitting<const N: usize>(header: [usize; N], rows: &[[String; N]], line: Option<usize>) -> [usize; N] {
    let mut widths = header;
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let line = line.unwrap_or(usize::MAX);
    while widths.iter().sum::<usize>() + GAP * N.saturating_sub(1) > line {
        match widths.iter_mut().zip(header).filter(|(width, header)| **width > LEAST.max(*header)).max() {
            Some((widest, _)) => *widest -= 1,
            None => break,
        }
    }
    widths
}

/// `cell` with `…` in the place of its middle, where it is wider than `width`; of a path the end is what tells it apart.
pub fn shortened(cell: String, width: usize) -> String {
    let characters: Vec<char> = cell.chars().collect();
    if characters.len() <= width {
        return cell;
    }
    let end = (width - 1) * 2 / 3;
    let start = width - 1 - end;
    let (first, last) = (&characters[..start], &characters[characters.len() - end..]);
    first.iter().chain(&['…']).chain(last).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_widest_column_gives_way_until_a_line_fits() {
        let rows = [["a".to_owned(), "/a/rather/long/path/to/a/picture.jpg".to_owned(), "12".to_owned()]];
        assert_eq!(fitting([5, 4, 2], &rows, None), [5, 36, 2]);
        let narrow = fitting([5, 4, 2], &rows, Some(30));
        assert_eq!((narrow, narrow.iter().sum::<usize>() + 4), ([5, 19, 2], 30));
        assert_eq!(fitting([5, 4, 2], &rows, Some(3)), [5, 10, 2]);
        assert_eq!(shortened(rows[0][1].clone(), 19), "/a/rat…/picture.jpg");
    }
}
