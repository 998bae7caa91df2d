//! What reads bytes that somebody else wrote, each as a function that a fuzzer calls with any bytes; `fuzz/` holds the fuzzers.
//!
//! A target fails by a panic, by a hang or by memory, and where what was read does not hold what its reader promises.

use crate::backbone::graph::{CutRequest, Network, Shapes};
use crate::digest::Digest;
use crate::head::HeadArtifact;
use crate::manifest::Manifest;
use crate::preprocess::{Limits, decode};

/// Takes any bytes.
pub type Target = fn(&[u8]);

/// Every target by the name of its corpus.
pub const TARGETS: &[(&str, Target)] = &[
    ("pictures", pictures),
    ("onnx", onnx),
    ("head", head),
    ("manifest", manifest),
    ("lists", lists),
    ("beside", beside),
    ("frames", frames),
    #[cfg(feature = "cli")]
    ("settings", settings),
    #[cfg(feature = "serve")]
    ("body", body),
];

/// A picture keeps its limits of size.
pub fn pictures(bytes: &[u8]) {
    const PIXELS: u64 = 250_000;
    if let Ok(picture) = decode(bytes, &Limits::of_pixels(PIXELS), [0; 3]) {
        assert!(picture.dimensions().pixels() <= PIXELS);
    }
}

/// The layer table, the search for the feature and the cut; what was cut is a network again.
pub fn onnx(bytes: &[u8]) {
    let Ok(network) = Network::parse(bytes) else { return };
    let layers = network.layers(&Shapes::new(), &[]);
    let Ok(input) = network.image_input(None) else { return };
    // Shapes are made up: every tensor a small map, so that the search goes as far as it can.
    let shapes: Shapes = layers.iter().map(|layer| (layer.output.clone(), vec![1, 4, 2, 2])).collect();
    let _ = network.find_feature(&input, None, &shapes);
    let Some(last) = layers.last() else { return };
    if let Ok(cut) = network.cut(&CutRequest { input: &input, outputs: &[&last.output], height: 8, width: 8 }) {
        Network::parse(&cut.network.to_bytes()).expect("what was cut is a network again");
    }
}

/// What was read as a head is written as one, and read again as the same. A checksum is put right first: no other bytes
/// come past it.
pub fn head(bytes: &[u8]) {
    let bytes = with_checksum(bytes.to_vec());
    let Ok(head) = HeadArtifact::from_bytes(&bytes) else { return };
    let written = head.to_bytes();
    let again = HeadArtifact::from_bytes(&written).expect("what was written is read");
    assert_eq!(again.to_bytes(), written);
}

fn with_checksum(mut file: Vec<u8>) -> Vec<u8> {
    const KEY: &[u8] = b"\"checksum\":\"";
    const DIGITS: usize = 64;
    let place = file.windows(KEY.len()).position(|window| window == KEY).map(|at| at + KEY.len());
    if let Some(place) = place.filter(|place| place + DIGITS <= file.len()) {
        file[place..][..DIGITS].fill(b'0');
        let digest = Digest::of(&file).to_string();
        file[place..][..DIGITS].copy_from_slice(digest.as_bytes());
    }
    file
}

/// What was read as a manifest is written as one with the same fingerprint.
pub fn manifest(bytes: &[u8]) {
    let Ok(manifest) = Manifest::parse(&String::from_utf8_lossy(bytes)) else { return };
    let again = Manifest::parse(&manifest.to_toml()).expect("what was written is read");
    assert_eq!(again.fingerprint(), manifest.fingerprint());
}

/// The first byte says which kind of list the rest is.
pub fn lists(bytes: &[u8]) {
    thread_local! {
        static FOLDER: tempfile::TempDir = tempfile::tempdir().expect("a folder can be made");
    }
    let Some((kind, text)) = bytes.split_first() else { return };
    let name = ["list.csv", "list.tsv", "list.txt", "list.json", "list.jsonl"][usize::from(*kind) % 5];
    FOLDER.with(|folder| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("a file can be written");
        if let Ok(found) = crate::sources::scan(&path) {
            found.remarks.iter().for_each(|remark| drop(remark.to_string()));
        }
    });
}

/// The files that lie beside a network, the first up to a zero byte.
pub fn beside(bytes: &[u8]) {
    thread_local! {
        static FOLDER: tempfile::TempDir = tempfile::tempdir().expect("a folder can be made");
    }
    let end = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
    let (config, preprocessor) = (&bytes[..end], bytes.get(end + 1..).unwrap_or_default());
    FOLDER.with(|folder| {
        let write =
            |name: &str, text: &[u8]| std::fs::write(folder.path().join(name), text).expect("a file can be written");
        write(crate::backbone::beside::CONFIG, config);
        write(crate::backbone::beside::PREPROCESSOR, preprocessor);
        let read = crate::backbone::beside::Beside::read(&folder.path().join("model.onnx"));
        if let Ok(preprocess) = read.declared.preprocess.resolve(None) {
            preprocess.check().expect("what was resolved is valid");
        }
    });
}

/// Frames and what is between them are all that there is.
pub fn frames(bytes: &[u8]) {
    let mut stream = crate::camera::JpegStream::new(bytes, 1 << 16);
    let mut length = 0;
    loop {
        match stream.frame() {
            Ok(Some(frame)) => length += frame.len() as u64,
            Ok(None) => break,
            Err(_) => {}
        }
    }
    assert_eq!(length + stream.stray(), bytes.len() as u64);
}

/// `edgetl.toml`.
#[cfg(feature = "cli")]
pub fn settings(bytes: &[u8]) {
    let _ = crate::cli::understood(&String::from_utf8_lossy(bytes));
}

/// The type of a request up to the first line feed, its body behind that.
#[cfg(feature = "serve")]
pub fn body(bytes: &[u8]) {
    let end = bytes.iter().position(|&byte| byte == b'\n').unwrap_or(bytes.len());
    let (kind, body) = (&bytes[..end], bytes.get(end + 1..).unwrap_or_default());
    if let Some(picture) = crate::serve::picture_of(kind, body) {
        assert!(picture.len() <= body.len());
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use rand::{RngExt as _, SeedableRng as _};

    use super::*;

    /// So many times each file of a corpus is changed, unless `EDGETL_FUZZ_CHANGES` says how often.
    const CHANGES: usize = 40;

    fn changed(bytes: &[u8], random: &mut rand_pcg::Pcg32) -> Vec<u8> {
        let mut bytes = bytes.to_vec();
        for _ in 0..random.random_range(1..5) {
            let at = random.random_range(0..=bytes.len());
            match (random.random_range(0..4), bytes.get_mut(at)) {
                (0, Some(byte)) => *byte ^= 1 << random.random_range(0..8),
                (1, Some(byte)) => *byte = random.random(),
                (2, _) => bytes.truncate(at),
                _ => bytes.insert(at, random.random()),
            }
        }
        bytes
    }

    #[test]
    fn every_reader_takes_the_kept_inputs_and_changed_ones() {
        let corpora = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
        let mut random = rand_pcg::Pcg32::seed_from_u64(17);
        let asked = std::env::var("EDGETL_FUZZ_CHANGES").ok().map(|changes| changes.parse().expect("a number"));
        let changes = asked.unwrap_or(CHANGES);
        for (name, target) in TARGETS {
            let files = std::fs::read_dir(corpora.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
            let mut files: Vec<_> = files.map(|file| file.unwrap().path()).collect();
            files.sort();
            assert!(!files.is_empty(), "{name}");
            let tried = files.len() * (changes + 1);
            for file in files {
                let kept = std::fs::read(&file).unwrap();
                target(&kept);
                (0..changes).for_each(|_| target(&changed(&kept, &mut random)));
            }
            println!("{name}: {tried} inputs");
        }
    }
}
