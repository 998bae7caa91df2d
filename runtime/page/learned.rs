//! What the layers of a network learned, as one HTML file: filters, and the parts of pictures that excite channels.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use maud::{Markup, PreEscaped, html};

use super::{document, wide};

const STYLE: &str = include_str!("learned.css");

/// All that the page shows.
pub struct Learned {
    pub title: String,
    pub subtitle: String,
    /// PNG files, or why there are none.
    pub filters: Result<Vec<Vec<u8>>, String>,
    /// Under the filters: which, and how many are left out.
    pub filters_caption: String,
    /// From early to late.
    pub layers: Vec<LearnedLayer>,
    /// What is to be known of all layers, a sentence each.
    pub remarks: Vec<String>,
    pub origin: Vec<(&'static str, String)>,
}

pub struct LearnedLayer {
    pub tensor: String,
    /// Its size, what a place sees and what is not counted, a sentence each.
    pub sentences: Vec<String>,
    pub channels: Vec<LearnedChannel>,
}

pub struct LearnedChannel {
    pub number: usize,
    /// Why it is shown.
    pub why: String,
    pub patches: Vec<LearnedPatch>,
}

pub struct LearnedPatch {
    pub image: Option<PatchImage>,
    pub label: String,
    /// Where the picture is, and how strong the channel is there.
    pub about: String,
}

pub struct PatchImage {
    pub bytes: Vec<u8>,
    /// A PNG of few pixels, which are shown as squares; else a JPEG.
    pub small: bool,
}

impl Learned {
    /// The whole document.
    pub fn html(&self) -> String {
        let body = html! {
            style { (PreEscaped(STYLE)) }
            header { h1 { (self.title) } p.quiet { (self.subtitle) } }
            main {
                (self.filters())
                @if !self.remarks.is_empty() {
                    (wide("How to read the layers", html! { @for remark in &self.remarks { p.quiet { (remark) } } }))
                }
                @for layer in &self.layers { (of_layer(layer)) }
            }
            footer { dl.origin { @for (what, value) in &self.origin { div { dt { (what) } dd { (value) } } } } }
        };
        document(&self.title, body)
    }

    fn filters(&self) -> Markup {
        let content = match &self.filters {
            Err(reason) => html! { p { (reason) "." } },
            Ok(filters) => html! {
                div.filters {
                    @for (number, filter) in filters.iter().enumerate() {
                        img src=(data("png", filter)) alt=(format!("filter {}", number + 1)) loading="lazy";
                    }
                }
                p.quiet { (self.filters_caption) }
            },
        };
        wide("The first filters", content)
    }
}

fn of_layer(layer: &LearnedLayer) -> Markup {
    wide(
        &layer.tensor,
        html! {
            @for sentence in &layer.sentences { p.quiet { (sentence) } }
            div.channels { @for channel in &layer.channels { (of_channel(channel)) } }
        },
    )
}

fn of_channel(channel: &LearnedChannel) -> Markup {
    html! {
        div.channel {
            h3 { "Channel " (channel.number) " " small { (channel.why) } }
            div.patches {
                @for patch in &channel.patches {
                    figure title=(patch.about) {
                        @match &patch.image {
                            Some(PatchImage { bytes, small: true }) =>
                                img.small src=(data("png", bytes)) alt=(patch.about) loading="lazy";,
                            Some(PatchImage { bytes, .. }) =>
                                img src=(data("jpeg", bytes)) alt=(patch.about) loading="lazy";,
                            None => div.missing { "gone" },
                        }
                        figcaption { (patch.label) }
                    }
                }
            }
        }
    }
}

fn data(kind: &str, bytes: &[u8]) -> String {
    format!("data:image/{kind};base64,{}", STANDARD.encode(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_escapes_names_and_loads_nothing() {
        let image = Some(PatchImage { bytes: vec![1, 2, 3], small: true });
        let patch = LearnedPatch { image, label: "<b>".into(), about: "a\"b".into() };
        let gone = LearnedPatch { image: None, label: String::new(), about: String::new() };
        let channel = LearnedChannel { number: 7, why: "most used".into(), patches: vec![patch, gone] };
        let layer = LearnedLayer { tensor: "<x>".into(), sentences: vec!["8x8".into()], channels: vec![channel] };
        let page = Learned {
            title: "net".into(),
            subtitle: String::new(),
            filters: Err("no convolution".into()),
            filters_caption: String::new(),
            layers: vec![layer],
            remarks: Vec::new(),
            origin: Vec::new(),
        };
        let html = page.html();
        assert!(html.contains("&lt;b&gt;") && html.contains("&lt;x&gt;") && html.contains("Channel 7"), "{html}");
        assert!(
            html.contains("no convolution.") && html.contains("gone") && html.contains("data:image/png;base64,AQID")
        );
        assert!(!html.contains("<script") && !html.contains("http://") && !html.contains("https://"));
    }
}
