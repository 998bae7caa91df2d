//! The six forms, as signed distances: below 0 inside, in units of the form's radius.

use std::f32::consts::TAU;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Shape {
    Circle,
    Ring,
    Square,
    Triangle,
    Star,
    Cross,
}

impl Shape {
    pub const ALL: [Self; 6] = [Self::Circle, Self::Ring, Self::Square, Self::Triangle, Self::Star, Self::Cross];

    pub fn name(self) -> &'static str {
        match self {
            Self::Circle => "circle",
            Self::Ring => "ring",
            Self::Square => "square",
            Self::Triangle => "triangle",
            Self::Star => "star",
            Self::Cross => "cross",
        }
    }

    /// The distance of `(x, y)` to the edge of a form of radius 1 around the origin, about right near the edge.
    pub(super) fn distance(self, x: f32, y: f32) -> f32 {
        let radius = x.hypot(y);
        match self {
            Self::Circle => radius - 0.9,
            Self::Ring => (radius - 0.75).abs() - 0.2,
            Self::Square => x.abs().max(y.abs()) - 0.8,
            Self::Triangle => regular_polygon(3, x, y, 0.5),
            Self::Star => star(x, y),
            Self::Cross => bar(x, y).min(bar(y, x)),
        }
    }
}

fn bar(x: f32, y: f32) -> f32 {
    (x.abs() - 0.95).max(y.abs() - 0.28)
}

fn regular_polygon(sides: u32, x: f32, y: f32, apothem: f32) -> f32 {
    let sector = TAU / sides as f32;
    let angle = (y.atan2(x) + TAU).rem_euclid(sector) - sector / 2.0;
    x.hypot(y) * angle.cos() - apothem
}

/// Five points; the edge runs between an outer radius of 1 and an inner one of 0.42.
fn star(x: f32, y: f32) -> f32 {
    let sector = TAU / 5.0;
    let angle = ((y.atan2(x) + TAU).rem_euclid(sector) - sector / 2.0).abs();
    let radius = x.hypot(y);
    let (px, py) = (radius * angle.cos(), radius * angle.sin());
    let (inner, outer) = ((0.42, 0.0), ((sector / 2.0).cos(), (sector / 2.0).sin()));
    let (ex, ey) = (outer.0 - inner.0, outer.1 - inner.1);
    ((px - inner.0) * ey - (py - inner.1) * ex) / ex.hypot(ey)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ring_is_hollow_and_the_other_forms_are_not() {
        for shape in Shape::ALL {
            assert_eq!(shape.distance(0.0, 0.0) < 0.0, shape != Shape::Ring, "{}", shape.name());
            assert!(shape.distance(1.3, 0.9) > 0.0, "{}", shape.name());
        }
    }

    #[test]
    fn a_star_is_wide_at_its_points_and_narrow_between_them() {
        let at =
            |turn: f32, radius: f32| Shape::Star.distance(radius * (TAU * turn).cos(), radius * (TAU * turn).sin());
        assert!(at(0.0, 0.9) < 0.0);
        assert!(at(0.1, 0.9) > 0.0);
        assert!(at(0.1, 0.35) < 0.0);
    }
}
