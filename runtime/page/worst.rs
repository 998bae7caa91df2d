//! The pictures that went worst.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use maud::{Markup, html};

use super::{percent, wide};
use crate::labels::Label;

/// One picture with what was said about it.
pub struct WorstPicture {
    pub path: String,
    pub label: Label,
    pub named: Label,
    /// Of the true label, and of the one it was named.
    pub probability: f64,
    pub named_probability: f64,
    pub thumbnail: Thumbnail,
}

pub enum Thumbnail {
    /// An encoded JPEG.
    Jpeg(Vec<u8>),
    /// Why there is none.
    Missing(String),
}

pub fn worst(pictures: &[WorstPicture]) -> Markup {
    if pictures.is_empty() {
        return html! {};
    }
    wide(
        "The pictures that went worst",
        html! {
            p.quiet { "Either hard, or labelled wrong: " code { "edgetl samples doctor" } " looks into the labels." }
            div.pictures { @for picture in pictures { (one(picture)) } }
        },
    )
}

fn one(picture: &WorstPicture) -> Markup {
    let alternative = format!("{}, named {}", picture.label, picture.named);
    html! {
        figure {
            @match &picture.thumbnail {
                Thumbnail::Jpeg(bytes) => img src=(format!("data:image/jpeg;base64,{}", STANDARD.encode(bytes))) alt=(alternative);,
                Thumbnail::Missing(reason) => div.missing { (reason) },
            }
            figcaption {
                strong { (picture.label) } " (" (percent(picture.probability)) ")"
                @if picture.named == picture.label { ", named right" }
                @else { ", named " strong { (picture.named) } " (" (percent(picture.named_probability)) ")" }
                div.path { (picture.path) }
            }
        }
    }
}
