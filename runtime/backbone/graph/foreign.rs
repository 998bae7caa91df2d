//! Files that are no ONNX, told by how they begin.

use std::fmt;

/// What a file is that was taken for an ONNX network.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Foreign {
    Empty,
    GitLfs,
    Html,
    Xml,
    Json,
    TfLite,
    PyTorch,
    Pickle,
    Keras,
    Hdf5,
    TensorRt,
    SafeTensors,
    Gguf,
    Zip,
    Text,
    Gzip,
    Ncnn,
}

impl Foreign {
    /// `None` where nothing speaks against ONNX.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        let head = &bytes[..bytes.len().min(4096)];
        let begins = |text: &str| {
            let start = head.iter().position(|byte| !byte.is_ascii_whitespace()).unwrap_or(0);
            head.get(start..start + text.len()).is_some_and(|found| found.eq_ignore_ascii_case(text.as_bytes()))
        };
        let holds = |text: &[u8]| head.windows(text.len()).any(|window| window == text);
        Some(match head {
            [] => Self::Empty,
            [_, _, _, _, b'T', b'F', b'L', b'3', ..] => Self::TfLite,
            [b'P', b'K', 3, 4, ..] if holds(b"data.pkl") || holds(b"archive/") => Self::PyTorch,
            [b'P', b'K', 3, 4, ..] if holds(b"model.weights.h5") || holds(b"config.json") => Self::Keras,
            [b'P', b'K', 3 | 5, ..] => Self::Zip,
            [0x80, 2..=5, ..] => Self::Pickle,
            [0x89, b'H', b'D', b'F', ..] => Self::Hdf5,
            [b'f' | b'p', b't', b'r', b't', ..] => Self::TensorRt,
            // Ultralytics puts its metadata, with their length, before the engine.
            [_, _, _, 0, b'{', ..] => Self::TensorRt,
            [_, _, _, _, _, 0, 0, 0, b'{', ..] => Self::SafeTensors,
            [b'G', b'G', b'U', b'F', ..] => Self::Gguf,
            [0x1f, 0x8b, ..] => Self::Gzip,
            _ if begins("version https://git-lfs") => Self::GitLfs,
            _ if begins("<!doctype html") || begins("<html") => Self::Html,
            _ if begins("<?xml") => Self::Xml,
            _ if begins("{") => Self::Json,
            _ if begins("7767517") => Self::Ncnn,
            // The numbers of fields come before everything in ONNX, and are no text.
            _ if head.len() >= 4 && head.iter().all(|byte| matches!(byte, b'\t' | b'\n' | b'\r' | b' '..=b'~')) => {
                Self::Text
            }
            _ => return None,
        })
    }
}

impl fmt::Display for Foreign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "an empty file",
            Self::GitLfs => "a Git LFS pointer, which stands for a file that was not fetched",
            Self::Html => "an HTML page",
            Self::Xml => "XML",
            Self::Json => "JSON",
            Self::TfLite => "a TensorFlow Lite network",
            Self::PyTorch => "a PyTorch file",
            Self::Pickle => "a Python pickle, as PyTorch writes them",
            Self::Keras => "a Keras file",
            Self::Hdf5 => "an HDF5 file, as Keras writes them",
            Self::TensorRt => "a TensorRT engine",
            Self::SafeTensors => "a safetensors file",
            Self::Gguf => "a GGUF file",
            Self::Zip => "a zip archive",
            Self::Text => "text",
            Self::Gzip => "a gzip archive",
            Self::Ncnn => "an ncnn network",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_named_for_how_it_begins() {
        let lfs = b"version https://git-lfs.github.com/spec/v1\noid sha256:aa\nsize 1\n";
        for (bytes, what) in [
            (&b""[..], Foreign::Empty),
            (lfs, Foreign::GitLfs),
            (b"\n<!doctype HTML><title>404", Foreign::Html),
            (b"<html>", Foreign::Html),
            (b"<?xml version=\"1.0\"?><net name=\"x\">", Foreign::Xml),
            (b"\x20\0\0\0TFL3\0", Foreign::TfLite),
            (b"PK\x03\x04\0\0archive/data.pkl", Foreign::PyTorch),
            (b"PK\x03\x04\0\0metadata.json.config.json", Foreign::Keras),
            (b"PK\x03\x04\0\0labels.txt", Foreign::Zip),
            (b"\x80\x02}q\0", Foreign::Pickle),
            (b"\x89HDF\r\n\x1a\n", Foreign::Hdf5),
            (b"ftrt\0\0", Foreign::TensorRt),
            (b"\x10\x02\0\0{\"task\": \"classify\"}", Foreign::TensorRt),
            (b"\x10\x02\0\0\0\0\0\0{\"w\":{}}", Foreign::SafeTensors),
            (b"GGUF\x03", Foreign::Gguf),
            (b"not a network\n", Foreign::Text),
            (b"7767517\n120 140\n", Foreign::Ncnn),
        ] {
            assert_eq!(Foreign::of(bytes), Some(what), "{bytes:?}");
        }
        assert_eq!(Foreign::of(b"\x08\x08\x12\x07pytorch"), None);
    }
}
