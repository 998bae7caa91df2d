//! Pictures with what a head looked at, as one HTML file: wrong ones first, the map on hover or tap, one class at a time.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use maud::{Markup, PreEscaped, html};

use super::{document, percent, wide};

const STYLE: &str = include_str!("sheet.css");

/// All that a sheet shows.
pub struct Sheet {
    pub title: String,
    pub subtitle: String,
    /// The numbers at the top: what, how much.
    pub figures: Vec<(&'static str, String)>,
    /// None where no picture has a label.
    pub classes: Vec<SheetClass>,
    /// In the order in which they are shown.
    pub pictures: Vec<SheetPicture>,
    pub origin: Vec<(&'static str, String)>,
}

/// One class of labelled pictures.
pub struct SheetClass {
    pub label: String,
    pub pictures: usize,
    pub right: usize,
    /// A JPEG file: where the class is seen, on average.
    pub average: Vec<u8>,
    /// The share of the maps on the border, or outside the region that was named.
    pub outside: f32,
    /// What is wrong with that, in a sentence.
    pub warning: Option<String>,
}

/// One picture.
pub struct SheetPicture {
    pub name: String,
    /// `None` for one without a label.
    pub label: Option<String>,
    /// Its label's place among the classes.
    pub class: Option<usize>,
    pub said: String,
    pub right: Option<bool>,
    /// JPEG files.
    pub plain: Vec<u8>,
    pub maps: Vec<(String, Vec<u8>)>,
    pub why: Option<String>,
    /// Stored pictures that it resembles: of which class, and each with its distance.
    pub nearest: Vec<(String, Vec<SheetNeighbour>)>,
}

pub struct SheetNeighbour {
    /// A JPEG file; `None` where none is stored.
    pub thumbnail: Option<Vec<u8>>,
    pub name: String,
    pub distance: f32,
}

impl Sheet {
    /// The whole document.
    pub fn html(&self) -> String {
        let body = html! {
            style { (PreEscaped(STYLE)) (PreEscaped(filters(self.classes.len()))) }
            header {
                h1 { (self.title) }
                p.quiet { (self.subtitle) }
                dl.figures { @for (what, value) in &self.figures { div { dt { (what) } dd { (value) } } } }
            }
            main {
                @for class in self.classes.iter().filter(|class| class.warning.is_some()) {
                    p.warning { (class.warning.as_deref().unwrap_or_default()) }
                }
                @if !self.classes.is_empty() { (classes(&self.classes)) }
                (self.pictures())
            }
            footer { dl.origin { @for (what, value) in &self.origin { div { dt { (what) } dd { (value) } } } } }
        };
        document(&self.title, body)
    }

    fn pictures(&self) -> Markup {
        wide(
            "Picture by picture",
            html! {
                @if self.classes.len() > 1 {
                    input type="radio" name="class" id="class-all" checked;
                    label for="class-all" { "all" }
                    @for (number, class) in self.classes.iter().enumerate() {
                        input type="radio" name="class" id=(format!("class-{number}"));
                        label for=(format!("class-{number}")) { (class.label) }
                    }
                }
                p.quiet { "The map shows on hover, tap or focus: the lighter, the more a place speaks for the class." }
                div.sheet { @for picture in &self.pictures { (one(picture)) } }
            },
        )
    }
}

/// Shows one class where its button is chosen; without a script.
fn filters(classes: usize) -> String {
    let rule = |class| format!("#class-{class}:checked~.sheet>:not(.of-{class}){{display:none}}\n");
    (0..classes).map(rule).collect()
}

fn classes(classes: &[SheetClass]) -> Markup {
    wide(
        "Where each class is seen, on average",
        html! {
            div.averages {
                @for class in classes {
                    figure {
                        img src=(data(&class.average)) alt=(format!("average map of {}", class.label));
                        figcaption {
                            strong { (class.label) } br;
                            (class.right) " of " (class.pictures) " right" br;
                            (percent(f64::from(class.outside))) " outside"
                        }
                    }
                }
            }
        },
    )
}

fn one(picture: &SheetPicture) -> Markup {
    let class = picture.class.map_or_else(String::new, |class| format!("of-{class}"));
    let mark = match picture.right {
        Some(true) => "right",
        Some(false) => "wrong",
        None => "",
    };
    html! {
        figure class=(format!("{class} {mark}")) {
            @for (caption, map) in &picture.maps {
                div.look tabindex="0" {
                    img src=(data(&picture.plain)) alt=(picture.name) loading="lazy";
                    img.map src=(data(map)) alt=(format!("map of {caption}")) loading="lazy";
                }
                @if picture.maps.len() > 1 { small { (caption) } }
            }
            figcaption {
                @match (&picture.label, picture.right) {
                    (Some(label), Some(true)) => { strong { (label) } ", said " (picture.said) },
                    (Some(label), _) => { strong { (label) } ", but said " strong { (picture.said) } },
                    (None, _) => strong { (picture.said) },
                }
                @if let Some(why) = &picture.why { div { (why) } }
                div.path { (picture.name) }
                @for (caption, pictures) in &picture.nearest {
                    details {
                        summary { (caption) }
                        div.near {
                            @for near in pictures {
                                figure {
                                    @match &near.thumbnail {
                                        Some(bytes) => img src=(data(bytes)) alt=(near.name) loading="lazy";,
                                        None => div.missing { "no thumbnail" },
                                    }
                                    small title=(near.name) { (format!("{:.3}", near.distance)) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn data(jpeg: &[u8]) -> String {
    format!("data:image/jpeg;base64,{}", STANDARD.encode(jpeg))
}
