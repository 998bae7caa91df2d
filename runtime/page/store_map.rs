//! Stored pictures as points: what lies close together looks alike to the network.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use maud::{Markup, PreEscaped, html};

use super::{percent, wide};

const STYLE: &str = include_str!("store_map.css");
/// The drawing's size, of which text is as large as around it on a phone.
const WIDTH: f64 = 360.0;
const HEIGHT: f64 = 270.0;
const MARGIN: f64 = 12.0;
/// The longer side of a thumbnail.
const THUMBNAIL: f64 = 96.0;
const COLOURS: [&str; 4] = ["var(--one)", "var(--two)", "var(--three)", "var(--four)"];
/// Told apart without colours: a disc, a square, a diamond, a triangle.
const SHAPES: [&str; 4] = [
    "M-3 0a3 3 0 1 0 6 0a3 3 0 1 0-6 0",
    "M-2.7-2.7h5.4v5.4h-5.4z",
    "M0-3.8L3.8 0L0 3.8L-3.8 0z",
    "M0-3.6L3.6 2.8H-3.6z",
];

/// Some of the stored pictures.
pub struct StoreMap {
    pub labels: Vec<String>,
    pub points: Vec<MapPoint>,
    /// How much of all differences lies along each axis.
    pub explained: [f64; 2],
    /// Pictures that are not drawn.
    pub left_out: usize,
}

pub struct MapPoint {
    /// In any unit.
    pub place: (f64, f64),
    /// Of the labels.
    pub class: usize,
    pub suspect: bool,
    pub unknown: bool,
    pub path: String,
    /// A JPEG file.
    pub thumbnail: Option<Vec<u8>>,
}

impl StoreMap {
    pub(super) fn section(&self) -> Markup {
        wide(
            "The pictures as the network sees them",
            html! {
                style { (PreEscaped(STYLE)) }
                p.quiet { (self.explanation()) }
                figure.storemap role="img" aria-label="stored pictures by their features, in two dimensions" {
                    (self.svg())
                    (self.legend())
                }
            },
        )
    }

    fn explanation(&self) -> String {
        let shown: f64 = self.explained.iter().sum();
        let thumbnails = self.points.iter().filter(|point| point.thumbnail.is_some()).count();
        let left_out = match self.left_out {
            0 => String::new(),
            more => format!(" {more} more pictures are left out."),
        };
        format!(
            "Pictures that lie close together look alike to the network, along the two directions in which they differ most ({} of \
             all differences: classes that overlap here may be far apart in others). {thumbnails} of {} points show their \
             picture on hover, tap or focus.{left_out}",
            percent(shown),
            self.points.len(),
        )
    }

    fn svg(&self) -> Markup {
        let places = self.places();
        html! {
            svg viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) xmlns="http://www.w3.org/2000/svg" {
                @for (point, &(x, y)) in self.points.iter().zip(&places) { (self.point(point, x, y)) }
            }
        }
    }

    /// In pixels of the drawing; both directions by one scale.
    fn places(&self) -> Vec<(f64, f64)> {
        let range = |of: fn(&MapPoint) -> f64| {
            let all = self.points.iter().map(of);
            all.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), at| (low.min(at), high.max(at)))
        };
        let (across, down) = (range(|point| point.place.0), range(|point| point.place.1));
        let room = |(low, high): (f64, f64), length: f64| (length - 2.0 * MARGIN) / (high - low).max(1e-9);
        let scale = room(across, WIDTH).min(room(down, HEIGHT));
        let along =
            |at: f64, (low, high): (f64, f64), length: f64| length / 2.0 + (at - f64::midpoint(low, high)) * scale;
        let round = |pixels: f64| (pixels * 10.0).round() / 10.0;
        let place = |point: &MapPoint| {
            (round(along(point.place.0, across, WIDTH)), round(along(-point.place.1, (-down.1, -down.0), HEIGHT)))
        };
        self.points.iter().map(place).collect()
    }

    fn point(&self, point: &MapPoint, x: f64, y: f64) -> Markup {
        let label = self.labels.get(point.class).map_or("", String::as_str);
        let marks = [(point.suspect, ", suspect label"), (point.unknown, ", called unknown")];
        let said: String = marks.iter().filter(|(holds, _)| *holds).map(|(_, words)| *words).collect();
        // On the side where there is room.
        let left = if x > WIDTH / 2.0 { x - 8.0 - THUMBNAIL } else { x + 8.0 };
        let top = (y - THUMBNAIL / 2.0).clamp(0.0, HEIGHT - THUMBNAIL);
        html! {
            g.point tabindex="0" {
                title { (format!("{label}{said}: {}", point.path)) }
                g.dot transform=(format!("translate({x} {y})")) {
                    path d=(SHAPES[point.class / COLOURS.len() % SHAPES.len()]) fill=(COLOURS[point.class % COLOURS.len()]) {}
                    @if point.suspect { circle r="6" fill="none" stroke="var(--ink)" stroke-width="1.2" {} }
                    @if point.unknown { circle r="7.6" fill="none" stroke="var(--two)" stroke-width="1.2" stroke-dasharray="2 2" {} }
                }
                @if let Some(thumbnail) = &point.thumbnail {
                    image x=(left) y=(top) width=(THUMBNAIL) height=(THUMBNAIL)
                        href=(format!("data:image/jpeg;base64,{}", STANDARD.encode(thumbnail))) {}
                }
            }
        }
    }

    fn legend(&self) -> Markup {
        let key = |marks: Markup| html! { svg.key viewBox="-9 -9 18 18" { (marks) } };
        let any = |of: fn(&MapPoint) -> bool| self.points.iter().filter(|point| of(point)).count();
        let (suspects, unknown) = (any(|point| point.suspect), any(|point| point.unknown));
        html! {
            ul.legend {
                @for (class, label) in self.labels.iter().enumerate() {
                    li {
                        (key(html! { path transform="scale(1.6)" d=(SHAPES[class / COLOURS.len() % SHAPES.len()])
                            fill=(COLOURS[class % COLOURS.len()]) {} }))
                        (label)
                    }
                }
                @if suspects > 0 {
                    li { (key(html! { circle r="7" fill="none" stroke="var(--ink)" stroke-width="1.6" {} })) (suspects) " with a suspect label" }
                }
                @if unknown > 0 {
                    li {
                        (key(html! { circle r="7" fill="none" stroke="var(--two)" stroke-width="1.6" stroke-dasharray="3 3" {} }))
                        (unknown) " that the head calls unknown"
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(place: (f64, f64), class: usize) -> MapPoint {
        MapPoint { place, class, suspect: false, unknown: false, path: "a<b>.jpg".into(), thumbnail: None }
    }

    #[test]
    fn every_point_lies_in_the_drawing_and_marks_and_what_is_left_out_are_told() {
        let suspect = MapPoint { suspect: true, thumbnail: Some(vec![1]), ..point((900.0, -2.0), 1) };
        let points = vec![point((0.0, 0.0), 0), suspect, MapPoint { unknown: true, ..point((3.0, 500.0), 5) }];
        let map = StoreMap { labels: vec!["<i>".into(), "b".into()], points, explained: [0.4, 0.1], left_out: 7 };
        for (x, y) in map.places() {
            assert!((0.0..=WIDTH).contains(&x) && (0.0..=HEIGHT).contains(&y), "{x} {y}");
        }
        let html = map.section().into_string();
        assert!(html.contains("&lt;i&gt;") && html.contains("a&lt;b&gt;.jpg") && html.contains("50.0 %"), "{html}");
        assert!(html.contains("1 with a suspect label") && html.contains("1 that the head calls unknown"));
        assert!(html.contains("7 more pictures are left out") && html.contains("1 of 3 points"));
        assert_eq!(html.matches("<image").count(), 1);
    }

    #[test]
    fn pictures_that_all_look_alike_are_drawn_in_the_middle() {
        let map = StoreMap { labels: Vec::new(), points: vec![point((2.0, 2.0), 0)], explained: [0.0; 2], left_out: 0 };
        assert_eq!(map.places(), [(WIDTH / 2.0, HEIGHT / 2.0)]);
    }
}
