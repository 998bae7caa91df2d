//! The smallest boxes that hold most of a map.

use ndarray::Array2;
use serde::Serialize;

use crate::preprocess::Seen;

/// A rectangle in the upright picture's pixels.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct PictureBox {
    pub left: u32,
    pub top: u32,
    pub width: u32,
    pub height: u32,
}

/// Boxes around the fewest places whose positive values are at least `share` of all positive values; none where nothing is.
pub fn boxes(grid: &Array2<f32>, share: f32, seen: &Seen) -> Vec<PictureBox> {
    let mut order: Vec<((usize, usize), f32)> = grid.indexed_iter().map(|(place, &value)| (place, value)).collect();
    order.retain(|(_, value)| *value > 0.0);
    order.sort_by(|a, b| b.1.total_cmp(&a.1));
    let wanted = order.iter().map(|(_, value)| value).sum::<f32>() * share;
    let mut chosen = Array2::from_elem(grid.dim(), false);
    let mut held = 0.0;
    for (place, value) in order {
        if held >= wanted {
            break;
        }
        chosen[place] = true;
        held += value;
    }
    let mut found = Vec::new();
    while let Some((start, _)) = chosen.indexed_iter().find(|(_, chosen)| **chosen) {
        found.push(in_picture(connected(&mut chosen, start), grid.dim(), seen));
    }
    found.into_iter().flatten().collect()
}

/// First and last row and column of the places that touch `start`, which are taken out of `chosen`.
fn connected(chosen: &mut Array2<bool>, start: (usize, usize)) -> [usize; 4] {
    let (mut waiting, mut around) = (vec![start], [start.0, start.0, start.1, start.1]);
    chosen[start] = false;
    while let Some((row, column)) = waiting.pop() {
        around = [around[0].min(row), around[1].max(row), around[2].min(column), around[3].max(column)];
        let neighbours =
            [(row.wrapping_sub(1), column), (row + 1, column), (row, column.wrapping_sub(1)), (row, column + 1)];
        for place in neighbours {
            if let Some(is_chosen) = chosen.get_mut(place).filter(|is_chosen| **is_chosen) {
                *is_chosen = false;
                waiting.push(place);
            }
        }
    }
    around
}

/// `None` where it lies in the border that a letterbox adds.
fn in_picture(
    [first, last, left, right]: [usize; 4],
    (rows, columns): (usize, usize),
    seen: &Seen,
) -> Option<PictureBox> {
    let across = |column: usize| seen.picture_x(column as f64 / columns as f64);
    let down = |row: usize| seen.picture_y(row as f64 / rows as f64);
    let (x0, x1, y0, y1) = (across(left), across(right + 1), down(first), down(last + 1));
    let (x0, y0) = (x0.floor() as u32, y0.floor() as u32);
    let (width, height) = ((x1.ceil() as u32).saturating_sub(x0), (y1.ceil() as u32).saturating_sub(y0));
    (width > 0 && height > 0).then_some(PictureBox { left: x0, top: y0, width, height })
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;
    use crate::preprocess::Dimensions;

    fn seen(width: u32, height: u32) -> Seen {
        Seen::whole(Dimensions { width, height })
    }

    #[test]
    fn two_bright_places_apart_are_two_boxes_and_what_is_negative_counts_for_nothing() {
        let grid = array![[5.0, 5.0, 0.0, -9.0], [0.0, 0.1, 0.0, 0.0], [0.0, 0.0, 0.0, 4.0]];
        let found = boxes(&grid, 0.8, &seen(400, 300));
        assert_eq!(
            found,
            [
                PictureBox { left: 0, top: 0, width: 200, height: 100 },
                PictureBox { left: 300, top: 200, width: 100, height: 100 },
            ]
        );
    }

    #[test]
    fn a_map_without_anything_positive_has_no_boxes() {
        assert!(boxes(&array![[-1.0, 0.0]], 0.8, &seen(10, 10)).is_empty());
    }
}
