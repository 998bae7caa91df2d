//! Lines and points over two axes, drawn as SVG whose colours are those of the page.

use std::ops::Range;

use maud::{Markup, html};

/// Pixels at which text is as large as around it when the plot fills a phone.
const WIDTH: f64 = 360.0;
const HEIGHT: f64 = 240.0;
/// Where the axes end: left, top, right, bottom.
const AREA: (f64, f64, f64, f64) = (58.0, 10.0, 336.0, 196.0);
/// About as many lines of the grid as have room for their labels.
const TICKS: f64 = 5.0;
/// The page's colours for series.
const COLOURS: [&str; 4] = ["var(--one)", "var(--two)", "var(--three)", "var(--four)"];

/// How a series is drawn.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Stroke {
    Line,
    Dashed,
    /// A line with a point at each value.
    Marked,
    /// Filled between the first half of the points and the second half, which runs back.
    Band,
}

pub struct Series {
    pub name: String,
    pub stroke: Stroke,
    /// Which of the page's colours; those of series with one colour are one.
    pub colour: usize,
    pub points: Vec<(f64, f64)>,
    /// How much each point stands for, where they differ: larger marks stand for more.
    pub weights: Vec<f64>,
}

impl Series {
    pub fn new(name: impl Into<String>, stroke: Stroke, colour: usize, points: Vec<(f64, f64)>) -> Self {
        Self { name: name.into(), stroke, colour, points, weights: Vec::new() }
    }

    fn ink(&self) -> &'static str {
        COLOURS[self.colour % COLOURS.len()]
    }

    fn swatch(&self) -> String {
        let pale = if self.stroke == Stroke::Band { ";opacity:.3" } else { "" };
        format!("background:{}{pale}", self.ink())
    }

    /// In pixels, of the mark of each point.
    fn radius(&self, point: usize) -> f64 {
        let largest = self.weights.iter().copied().fold(0.0, f64::max);
        match self.weights.get(point) {
            Some(weight) if largest > 0.0 => (2.0 + 6.0 * (weight / largest).sqrt()).round(),
            _ => 3.0,
        }
    }
}

pub struct Plot {
    /// What it shows, for those who do not see it.
    pub description: String,
    pub x: Axis,
    pub y: Axis,
    pub series: Vec<Series>,
}

pub struct Axis {
    pub title: &'static str,
    /// Values are shown as shares of 100.
    pub percent: bool,
    /// Values are above 0 and drawn by their logarithm.
    pub logarithmic: bool,
    /// What is shown, where it is not all.
    pub range: Option<Range<f64>>,
}

impl Axis {
    pub fn plain(title: &'static str) -> Self {
        Self { title, percent: false, logarithmic: false, range: None }
    }

    pub fn percent(title: &'static str, range: Range<f64>) -> Self {
        Self { title, percent: true, logarithmic: false, range: Some(range) }
    }

    pub fn logarithmic(title: &'static str) -> Self {
        Self { logarithmic: true, ..Self::plain(title) }
    }

    /// Where a value is drawn; `None`: nowhere.
    fn place(&self, value: f64) -> Option<f64> {
        let place = if self.logarithmic { value.log10() } else { value };
        place.is_finite().then_some(place)
    }

    fn label(&self, place: f64) -> String {
        let value = if self.logarithmic { 10f64.powf(place) } else { place };
        match value.abs() {
            _ if self.percent => format!("{:.0} %", value * 100.0),
            0.0 => "0".to_owned(),
            size if !(1e-2..1e5).contains(&size) => format!("{value:.0e}"),
            size if size >= 10.0 => format!("{value:.0}"),
            _ => format!("{}", (value * 1e3).round() / 1e3),
        }
    }

    /// Round places within `shown`.
    fn ticks(&self, shown: &Range<f64>) -> Vec<f64> {
        let rough = (shown.end - shown.start) / TICKS;
        let power = 10f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0].into_iter().map(|times| times * power).find(|step| *step >= rough * 0.999);
        let step = step.unwrap_or(10.0 * power);
        let step = if self.logarithmic && shown.end - shown.start > 2.0 { step.max(1.0).round() } else { step };
        let first = (shown.start / step - 1e-9).ceil() as i64;
        (first..).map(|number| number as f64 * step).take_while(|place| *place <= shown.end + step * 1e-9).collect()
    }

    /// The range given, else the one of `places` with some room.
    fn shown(&self, places: impl Iterator<Item = f64>) -> Range<f64> {
        if let Some(range) = &self.range {
            return range.clone();
        }
        let (low, high) =
            places.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), place| (low.min(place), high.max(place)));
        if low > high {
            return 0.0..1.0;
        }
        let room = ((high - low) * 0.05).max(high.abs() * 1e-3).max(1e-9);
        low - room..high + room
    }
}

impl Plot {
    /// The drawing with its legend.
    pub fn figure(&self) -> Markup {
        let named = self.series.iter().filter(|series| !series.name.is_empty());
        html! {
            figure role="img" aria-label=(self.description) {
                (self.svg())
                ul.legend {
                    @for series in named {
                        li { i style=(series.swatch()) {} (series.name) }
                    }
                }
            }
        }
    }

    fn svg(&self) -> Markup {
        let drawn: Vec<(&Series, Vec<(f64, f64)>)> =
            self.series.iter().map(|series| (series, self.placed(series))).collect();
        let all = || drawn.iter().flat_map(|(_, points)| points.iter());
        let (x, y) = (self.x.shown(all().map(|point| point.0)), self.y.shown(all().map(|point| point.1)));
        let frame = Frame { x, y };
        html! {
            svg viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) xmlns="http://www.w3.org/2000/svg" font-size="13" fill="var(--quiet)" {
                (self.axes(&frame))
                @for (series, points) in &drawn { (frame.series(series, points)) }
            }
        }
    }

    fn axes(&self, frame: &Frame) -> Markup {
        let (left, top, right, bottom) = AREA;
        let middle = ((left + right) / 2.0, (top + bottom) / 2.0);
        html! {
            @for place in self.x.ticks(&frame.x) {
                @let at = round(frame.across(place));
                line x1=(at) x2=(at) y1=(top) y2=(bottom) stroke="var(--grid)" {}
                text x=(at) y=(bottom + 16.0) text-anchor="middle" { (self.x.label(place)) }
            }
            @for place in self.y.ticks(&frame.y) {
                @let at = round(frame.down(place));
                line x1=(left) x2=(right) y1=(at) y2=(at) stroke="var(--grid)" {}
                text x=(left - 5.0) y=(at + 4.5) text-anchor="end" { (self.y.label(place)) }
            }
            path d=(format!("M{left} {top}V{bottom}H{right}")) fill="none" stroke="var(--quiet)" {}
            text x=(middle.0) y=(HEIGHT - 8.0) text-anchor="middle" { (self.x.title) }
            text x="12" y=(middle.1) text-anchor="middle" transform=(format!("rotate(-90 12 {})", middle.1)) { (self.y.title) }
        }
    }

    fn placed(&self, series: &Series) -> Vec<(f64, f64)> {
        series.points.iter().filter_map(|&(x, y)| Some((self.x.place(x)?, self.y.place(y)?))).collect()
    }
}

/// The places that the axes show.
struct Frame {
    x: Range<f64>,
    y: Range<f64>,
}

impl Frame {
    fn across(&self, place: f64) -> f64 {
        let (left, _, right, _) = AREA;
        left + (place - self.x.start) / (self.x.end - self.x.start) * (right - left)
    }

    fn down(&self, place: f64) -> f64 {
        let (_, top, _, bottom) = AREA;
        bottom - (place - self.y.start) / (self.y.end - self.y.start) * (bottom - top)
    }

    fn series(&self, series: &Series, points: &[(f64, f64)]) -> Markup {
        let pixels: Vec<(f64, f64)> =
            points.iter().map(|&(x, y)| (round(self.across(x)), round(self.down(y)))).collect();
        let line = pixels.iter().map(|(x, y)| format!("{x},{y}")).collect::<Vec<_>>().join(" ");
        let ink = series.ink();
        let dashes = if series.stroke == Stroke::Dashed { "5 4" } else { "none" };
        html! {
            @if series.stroke == Stroke::Band {
                polygon points=(line) fill=(ink) opacity="0.15" {}
            } @else {
                polyline points=(line) fill="none" stroke=(ink) stroke-width="2" stroke-dasharray=(dashes) {}
            }
            @if series.stroke == Stroke::Marked {
                @for (number, (x, y)) in pixels.iter().enumerate() { circle cx=(x) cy=(y) r=(series.radius(number)) fill=(ink) {} }
            }
        }
    }
}

/// To a tenth of a pixel.
fn round(pixels: f64) -> f64 {
    (pixels * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plot_is_svg_in_the_colours_of_the_page() {
        let points = vec![(1e-4, 2.0), (1e-3, 1.0), (1e-1, 4.0), (0.0, 1.0)];
        let series = vec![Series::new("a<b", Stroke::Marked, 1, points)];
        let plot = Plot { description: "<>".into(), x: Axis::logarithmic("rate"), y: Axis::plain("loss"), series };
        let html = plot.figure().into_string();
        assert!(html.contains("<svg") && html.contains("var(--two)") && html.contains("var(--grid)"), "{html}");
        assert!(html.contains("a&lt;b") && html.contains("aria-label=\"&lt;&gt;\""));
        assert_eq!(html.matches("<circle").count(), 3, "a rate of 0 has no logarithm: {html}");
        assert!(!html.contains("\"#"), "a colour that is not the page's: {html}");
    }

    #[test]
    fn ticks_are_round_numbers_within_what_is_shown() {
        let close = |found: Vec<f64>, expected: &[f64]| {
            found.len() == expected.len() && found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-9)
        };
        assert!(close(Axis::plain("").ticks(&(0.0..1.0)), &[0.0, 0.2, 0.4, 0.6, 0.8, 1.0]));
        assert!(close(Axis::plain("").ticks(&(17.0..93.0)), &[20.0, 40.0, 60.0, 80.0]));
        assert!(close(Axis::logarithmic("").ticks(&(-4.1..-0.9)), &[-4.0, -3.0, -2.0, -1.0]));
    }
}
