//! The page that people teach with, out of the program itself.

use std::io::Write as _;
use std::sync::{Arc, LazyLock};

use axum::Router;
use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use flate2::Compression;
use flate2::write::GzEncoder;

use super::refusal::Refusal;
use super::routes::App;
use crate::digest::Digest;

/// Nothing comes from anywhere else, and nothing in the page runs but these files.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; \
                      connect-src 'self'; media-src 'self' blob:; base-uri 'none'; form-action 'none'; \
                      frame-ancestors 'none'";

/// One of its files.
struct File {
    name: &'static str,
    text: &'static str,
}

macro_rules! files {
    ($($name:literal),* $(,)?) => {
        [$(File { name: $name, text: include_str!(concat!("page/", $name)) }),*]
    };
}

const INDEX: File = File { name: "index.html", text: include_str!("page/index.html") };
const FILES: &[File] = &files![
    "answers.js",
    "api.js",
    "burst.js",
    "bus.js",
    "changes.js",
    "choose.js",
    "comparison.js",
    "confusion.js",
    "correct.js",
    "counted.js",
    "de.js",
    "dom.js",
    "door.js",
    "drift.js",
    "en.js",
    "explain.js",
    "fit.js",
    "grid.js",
    "history.js",
    "icon.svg",
    "language.js",
    "live.js",
    "look.js",
    "main.js",
    "naming.js",
    "page.css",
    "pairing.js",
    "phones.css",
    "phones.js",
    "piles.js",
    "reason.js",
    "reliability.js",
    "rename.js",
    "review.js",
    "setup-backbones.js",
    "setup-backup.js",
    "setup-cameras.js",
    "setup-region.js",
    "setup-settings.js",
    "setup-told.js",
    "setup.css",
    "setup.js",
    "source-words.js",
    "source.js",
    "start.js",
    "stock.js",
    "store.js",
    "stream.js",
    "svg.js",
    "swipe.js",
    "teach.js",
    "threshold.js",
    "thumbs.js",
    "tile.js",
    "trust.css",
    "trust.js",
    "update.js",
    "upload.js",
    "words.js",
];

/// What stands in `index.html` where the page finds of which files it was made.
const MARK: &str = "DIGEST";

/// A file as it is sent.
struct Sent {
    name: &'static str,
    text: &'static str,
    /// What nearly every browser takes.
    packed: Vec<u8>,
    /// Of the text, whichever way it is sent.
    tag: String,
}

static SENT: LazyLock<Vec<Sent>> = LazyLock::new(|| {
    let marked = Sent::new(&File { name: INDEX.name, text: MARKED.as_str() });
    FILES.iter().map(Sent::new).chain([marked]).collect()
});

static MARKED: LazyLock<String> = LazyLock::new(|| INDEX.text.replacen(MARK, digest(), 1));

/// Of all files together.
static TOGETHER: LazyLock<String> = LazyLock::new(|| {
    let texts: Vec<&[u8]> = FILES.iter().chain([&INDEX]).flat_map(|file| [file.text.as_bytes(), b"\0"]).collect();
    Digest::of(&texts.concat()).short()
});

/// By which an open page knows whether this program has another.
pub(super) fn digest() -> &'static str {
    &TOGETHER
}

/// Open to all: there is no secret in it, and it asks for a token where one is needed.
pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/", get(async |asked: HeaderMap| file(INDEX.name, &asked)))
        .route("/favicon.ico", get(async |asked: HeaderMap| file("icon.svg", &asked)))
        .route("/page/{name}", get(async |Path(name): Path<String>, asked: HeaderMap| file(&name, &asked)))
}

fn file(name: &str, asked: &HeaderMap) -> Response {
    match SENT.iter().find(|file| file.name == name) {
        Some(file) => file.answer(asked),
        None => Refusal::NoSuchPath(format!("/page/{name}")).into_response(),
    }
}

impl Sent {
    fn new(&File { name, text }: &File) -> Self {
        let mut packed = GzEncoder::new(Vec::new(), Compression::best());
        let packed = packed.write_all(text.as_bytes()).and_then(|()| packed.finish()).expect("memory takes all");
        Self { name, text, packed, tag: format!("W/\"{}\"", Digest::of(text.as_bytes()).short()) }
    }

    fn kind(&self) -> &'static str {
        match self.name.rsplit_once('.') {
            Some((_, "html")) => "text/html; charset=utf-8",
            Some((_, "css")) => "text/css; charset=utf-8",
            Some((_, "js")) => "text/javascript; charset=utf-8",
            Some((_, "svg")) => "image/svg+xml",
            _ => "application/octet-stream",
        }
    }

    /// A browser that has it asks each time whether it is still the same, and is told so in a few bytes.
    fn answer(&'static self, asked: &HeaderMap) -> Response {
        let has_it = asked.get(header::IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == self.tag.as_bytes());
        let takes = asked.get(header::ACCEPT_ENCODING).and_then(|takes| takes.to_str().ok()).unwrap_or_default();
        let is_packed = takes.split(',').any(|one| one.trim() == "gzip");
        let headers = [
            (header::CONTENT_TYPE, self.kind()),
            (header::ETAG, &self.tag),
            (header::VARY, "Accept-Encoding"),
            (header::CACHE_CONTROL, "no-cache"),
            (header::CONTENT_SECURITY_POLICY, POLICY),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (header::REFERRER_POLICY, "no-referrer"),
        ];
        if has_it {
            (StatusCode::NOT_MODIFIED, headers).into_response()
        } else if is_packed {
            (headers, [(header::CONTENT_ENCODING, "gzip")], &self.packed[..]).into_response()
        } else {
            (headers, self.text).into_response()
        }
    }
}

#[cfg(test)]
#[path = "page_texts.rs"]
mod texts;

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[test]
    fn every_file_of_the_folder_is_in_the_program() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/runtime/serve/page");
        let there = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut there: Vec<String> = there.collect();
        there.sort_unstable();
        let mut known: Vec<&str> = FILES.iter().chain([&INDEX]).map(|file| file.name).collect();
        known.sort_unstable();
        assert_eq!(known, there);
    }

    /// A file and all that it imports at once.
    fn gather(name: &str, found: &mut Vec<&'static str>) {
        let file = FILES.iter().find(|file| file.name == name).unwrap_or_else(|| panic!("no file `{name}`"));
        if found.contains(&file.name) {
            return;
        }
        found.push(file.name);
        for import in file.text.split("from './").skip(1) {
            gather(import.split('\'').next().unwrap(), found);
        }
    }

    /// As a browser gets them.
    #[test]
    fn what_the_first_screens_need_in_one_language_is_small() {
        for language in ["en.js", "de.js"] {
            let mut needed = vec!["index.html"];
            for first in ["start.js", "main.js", "page.css", "icon.svg", language] {
                gather(first, &mut needed);
            }
            let sent = |name: &&str| SENT.iter().find(|file| file.name == *name).unwrap();
            let bytes: usize = needed.iter().map(|name| sent(name).packed.len()).sum();
            assert!(bytes <= 80_000, "{language}: {bytes}");
        }
    }

    #[test]
    fn a_file_is_sent_packed_to_who_takes_that_and_is_the_same() {
        let asked = |takes: &'static str| HeaderMap::from_iter([(header::ACCEPT_ENCODING, takes.parse().unwrap())]);
        let file = &SENT[0];
        let answer = file.answer(&asked("gzip, deflate, br"));
        assert_eq!(answer.headers()[header::CONTENT_ENCODING], "gzip");
        let mut text = String::new();
        flate2::read::GzDecoder::new(&file.packed[..]).read_to_string(&mut text).unwrap();
        assert_eq!(text, file.text);
        assert_eq!(file.answer(&asked("identity")).headers().get(header::CONTENT_ENCODING), None);
    }

    #[test]
    fn the_page_knows_of_which_files_it_was_made() {
        let index = SENT.iter().find(|file| file.name == "index.html").unwrap();
        assert!(index.text.contains(&format!("content=\"{}\"", digest())), "{}", index.text);
        assert!(!index.text.contains(MARK));
    }

    #[test]
    fn nothing_in_the_page_names_another_address() {
        for file in FILES.iter().chain([&INDEX]) {
            let elsewhere = file.text.matches("://").count() - file.text.matches("http://www.w3.org/").count();
            assert_eq!(elsewhere, 0, "{}", file.name);
            assert!(!file.text.contains("innerHTML"), "{}", file.name);
        }
    }
}
