//! Lines and points over two axes, drawn as SVG whose colours are those of the page.

use std::ops::Range;

use maud::{Markup, PreEscaped, html};
use plotters::coord::Shift;
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;

/// Pixels at which text is as large as around it when the plot fills a phone.
const SIZE: (u32, u32) = (360, 240);
/// Stand-ins that become variables of the style sheet, so that plots follow day and night.
const INK: RGBColor = RGBColor(1, 0, 0);
const GRID: RGBColor = RGBColor(2, 0, 0);
const SERIES: [(RGBColor, &str); 4] = [
    (RGBColor(3, 0, 0), "var(--one)"),
    (RGBColor(4, 0, 0), "var(--two)"),
    (RGBColor(5, 0, 0), "var(--three)"),
    (RGBColor(6, 0, 0), "var(--four)"),
];

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

    fn swatch(&self) -> String {
        let pale = if self.stroke == Stroke::Band { ";opacity:.3" } else { "" };
        format!("background:{}{pale}", SERIES[self.colour % SERIES.len()].1)
    }

    /// In pixels, of the mark of each point.
    fn radius(&self, point: usize) -> u32 {
        let largest = self.weights.iter().copied().fold(0.0, f64::max);
        match self.weights.get(point) {
            Some(weight) if largest > 0.0 => (2.0 + 6.0 * (weight / largest).sqrt()).round() as u32,
            _ => 3,
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

    /// `shown` is the range of all places.
    fn label(&self, place: f64, shown: &Range<f64>) -> String {
        if self.logarithmic && shown.end - shown.start > 2.0 && (place - place.round()).abs() > 0.01 {
            return String::new();
        }
        let value = if self.logarithmic { 10f64.powf(place) } else { place };
        match value.abs() {
            _ if self.percent => format!("{:.0} %", value * 100.0),
            0.0 => "0".to_owned(),
            size if !(1e-2..1e5).contains(&size) => format!("{value:.0e}"),
            size if size >= 10.0 => format!("{value:.0}"),
            _ => format!("{}", (value * 1e3).round() / 1e3),
        }
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
                (PreEscaped(self.svg()))
                ul.legend {
                    @for series in named {
                        li { i style=(series.swatch()) {} (series.name) }
                    }
                }
            }
        }
    }

    fn svg(&self) -> String {
        let mut svg = String::new();
        let area = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        self.draw(&area).expect("writing to a string does not fail");
        drop(area);
        let quoted = |colour: RGBColor| format!("\"#{:02X}{:02X}{:02X}\"", colour.0, colour.1, colour.2);
        svg = svg.replace(&quoted(INK), "\"var(--quiet)\"").replace(&quoted(GRID), "\"var(--grid)\"");
        for (colour, variable) in SERIES {
            svg = svg.replace(&quoted(colour), &format!("\"{variable}\""));
        }
        svg
    }

    fn draw<B: DrawingBackend>(&self, area: &DrawingArea<B, Shift>) -> Result<(), DrawingAreaErrorKind<B::ErrorType>> {
        let drawn: Vec<(&Series, Vec<(f64, f64)>)> =
            self.series.iter().map(|series| (series, self.placed(series))).collect();
        let all = || drawn.iter().flat_map(|(_, points)| points.iter());
        let (x, y) = (self.x.shown(all().map(|point| point.0)), self.y.shown(all().map(|point| point.1)));
        let mut chart = ChartBuilder::on(area)
            .margin(10)
            .margin_left(2)
            .margin_right(24)
            .x_label_area_size(38)
            .y_label_area_size(54)
            .build_cartesian_2d(x.clone(), y.clone())?;
        self.draw_axes(&mut chart, &x, &y)?;
        for (series, points) in drawn {
            draw_series(&mut chart, series, points)?;
        }
        Ok(())
    }

    fn draw_axes<B: DrawingBackend>(
        &self,
        chart: &mut Chart<'_, B>,
        x: &Range<f64>,
        y: &Range<f64>,
    ) -> Result<(), DrawingAreaErrorKind<B::ErrorType>> {
        chart
            .configure_mesh()
            .x_labels(6)
            .y_labels(6)
            .axis_style(INK)
            .bold_line_style(GRID)
            .light_line_style(GRID.mix(0.0))
            .label_style(("sans-serif", 13, &INK))
            .axis_desc_style(("sans-serif", 13, &INK))
            .x_desc(self.x.title)
            .y_desc(self.y.title)
            .x_label_formatter(&|place| self.x.label(*place, x))
            .y_label_formatter(&|place| self.y.label(*place, y))
            .draw()
    }

    fn placed(&self, series: &Series) -> Vec<(f64, f64)> {
        series.points.iter().filter_map(|&(x, y)| Some((self.x.place(x)?, self.y.place(y)?))).collect()
    }
}

type Chart<'a, B> = ChartContext<'a, B, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

fn draw_series<B: DrawingBackend>(
    chart: &mut Chart<'_, B>,
    series: &Series,
    points: Vec<(f64, f64)>,
) -> Result<(), DrawingAreaErrorKind<B::ErrorType>> {
    let colour = SERIES[series.colour % SERIES.len()].0;
    let line = colour.stroke_width(2);
    match series.stroke {
        Stroke::Band => drop(chart.draw_series([Polygon::new(points, colour.mix(0.15))])?),
        Stroke::Dashed => drop(chart.draw_series(DashedLineSeries::new(points, 5, 4, line))?),
        Stroke::Line => drop(chart.draw_series(LineSeries::new(points, line))?),
        Stroke::Marked => {
            chart.draw_series(LineSeries::new(points.clone(), line))?;
            let mark = |(number, point)| Circle::new(point, series.radius(number), colour.filled());
            chart.draw_series(points.into_iter().enumerate().map(mark))?;
        }
    }
    Ok(())
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
        assert!(!html.contains("\"#0"), "a colour that is not the page's: {html}");
    }
}
