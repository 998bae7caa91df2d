//! Tensors that a file keeps beside itself: read only from inside the model's folder, and only as much as they need.

use std::collections::HashSet;
use std::fs::{File, Metadata};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Component, Path, PathBuf};

use tract_onnx::pb;
use tract_onnx::pb::tensor_proto::{DataLocation, DataType};

use super::check::{element_count, raw_bytes};
use super::{GraphError, MAX_BYTES};

/// Why data beside a model is not read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExternalError {
    #[error("expected a plain relative path inside the model's folder, got `{0}`")]
    Location(String),
    #[error("expected `{0}` inside the model's folder, got one outside it")]
    Outside(PathBuf),
    #[error("cannot read `{path}`")]
    Read { path: PathBuf, source: io::Error },
    #[error("expected a file at `{0}`, got something else")]
    NotAFile(PathBuf),
    #[error("expected `{key}` to be a number, got `{value}`")]
    Number { key: &'static str, value: String },
    #[error("expected {expected} bytes, got {got}")]
    Length { expected: u64, got: u64 },
    #[error("expected `{path}` to reach byte {needed}, got {got} bytes")]
    Range { path: PathBuf, needed: u64, got: u64 },
    #[error("expected at most {MAX_BYTES} bytes in all, got more")]
    Total,
}

/// Brings every tensor of `model` that lies in another file into the model.
pub(super) fn inline(model: &mut pb::ModelProto, folder: &Path) -> Result<(), GraphError> {
    let mut reader = Reader { folder, left: MAX_BYTES };
    model.graph.iter_mut().try_for_each(|graph| reader.graph(graph))
}

/// The bytes on the disk of the files in which `model` says it keeps tensors; of what is not there, none.
pub(super) fn stored_bytes(model: &pb::ModelProto, folder: &Path) -> u64 {
    let mut locations = HashSet::new();
    model.graph.iter().for_each(|graph| collect_locations(graph, &mut locations));
    let stored = |location: &str| resolve(folder, location).ok()?.metadata().ok().map(|file| stored_length(&file));
    locations.into_iter().filter_map(stored).fold(0, u64::saturating_add).min(MAX_BYTES)
}

fn collect_locations<'a>(graph: &'a pb::GraphProto, locations: &mut HashSet<&'a str>) {
    let attributes = || graph.node.iter().flat_map(|node| &node.attribute);
    let tensors = attributes().flat_map(|attribute| attribute.t.iter().chain(&attribute.tensors));
    let entries = graph.initializer.iter().chain(tensors).flat_map(|tensor| &tensor.external_data);
    locations.extend(entries.filter(|entry| entry.key == "location").map(|entry| entry.value.as_str()));
    attributes().flat_map(|attribute| attribute.g.iter().chain(&attribute.graphs)).for_each(|graph| {
        collect_locations(graph, locations);
    });
}

/// A file's length without its holes, which cost whoever made it nothing.
pub fn stored_length(file: &Metadata) -> u64 {
    #[cfg(unix)]
    let stored = std::os::unix::fs::MetadataExt::blocks(file).saturating_mul(512);
    #[cfg(not(unix))]
    let stored = file.len();
    // Nothing but holes, a short file, or a file system that counts no blocks.
    if stored == 0 { file.len().min(4096) } else { file.len().min(stored) }
}

struct Reader<'a> {
    folder: &'a Path,
    /// Bytes that may still be read.
    left: u64,
}

impl Reader<'_> {
    fn graph(&mut self, graph: &mut pb::GraphProto) -> Result<(), GraphError> {
        graph.initializer.iter_mut().try_for_each(|tensor| self.tensor(tensor))?;
        for attribute in graph.node.iter_mut().flat_map(|node| &mut node.attribute) {
            attribute.t.iter_mut().chain(&mut attribute.tensors).try_for_each(|tensor| self.tensor(tensor))?;
            attribute.g.iter_mut().chain(&mut attribute.graphs).try_for_each(|graph| self.graph(graph))?;
        }
        Ok(())
    }

    fn tensor(&mut self, tensor: &mut pb::TensorProto) -> Result<(), GraphError> {
        if tensor.data_location != Some(DataLocation::External as i32) {
            return Ok(());
        }
        let impossible = || GraphError::TensorDims { tensor: tensor.name.clone(), dims: tensor.dims.clone() };
        let elements = element_count(&tensor.dims).ok_or_else(impossible)?;
        let unknown = || GraphError::TensorType { tensor: tensor.name.clone(), got: tensor.data_type };
        let data_type = DataType::try_from(tensor.data_type).map_err(|_| unknown())?;
        let external = |source| GraphError::External { tensor: tensor.name.clone(), source };
        let data = self.read(tensor, raw_bytes(data_type, elements)).map_err(external)?;
        tensor.raw_data = data;
        tensor.data_location = None;
        tensor.external_data.clear();
        Ok(())
    }

    fn read(&mut self, tensor: &pb::TensorProto, expected: u64) -> Result<Vec<u8>, ExternalError> {
        let entry = |key: &str| tensor.external_data.iter().find(|entry| entry.key == key).map(|entry| &entry.value);
        let number = |key: &'static str| match entry(key) {
            Some(value) => {
                value.trim().parse().map(Some).map_err(|_| ExternalError::Number { key, value: value.clone() })
            }
            None => Ok(None),
        };
        let got = number("length")?.unwrap_or(expected);
        if got != expected {
            return Err(ExternalError::Length { expected, got });
        }
        self.left = self.left.checked_sub(expected).ok_or(ExternalError::Total)?;
        let path = resolve(self.folder, entry("location").map_or("", String::as_str))?;
        read_range(&path, number("offset")?.unwrap_or(0), expected)
    }
}

/// A path whose file, symbolic links followed, lies inside `folder`.
fn resolve(folder: &Path, location: &str) -> Result<PathBuf, ExternalError> {
    let refused = || ExternalError::Location(location.to_owned());
    let relative = Path::new(location);
    let plain = relative.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    // `*/_ORT_MEM_ADDR_/*` makes ONNX Runtime take the offset for an address in memory.
    if location.is_empty() || !plain || location.contains(['\\', '*', ':', '\0']) {
        return Err(refused());
    }
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let canonical =
        |path: &Path| path.canonicalize().map_err(|source| ExternalError::Read { path: path.to_owned(), source });
    let (root, path) = (canonical(folder)?, canonical(&folder.join(relative))?);
    match path.starts_with(&root) {
        true => Ok(path),
        false => Err(ExternalError::Outside(folder.join(relative))),
    }
}

fn read_range(path: &Path, offset: u64, length: u64) -> Result<Vec<u8>, ExternalError> {
    let read_error = |source| ExternalError::Read { path: path.to_owned(), source };
    // A pipe would wait for a writer when opened, so the kind comes first.
    if !path.metadata().map_err(read_error)?.is_file() {
        return Err(ExternalError::NotAFile(path.to_owned()));
    }
    let mut file = File::open(path).map_err(read_error)?;
    let got = file.metadata().map_err(read_error)?.len();
    let needed = offset.saturating_add(length);
    if needed > got {
        return Err(ExternalError::Range { path: path.to_owned(), needed, got });
    }
    let mut data = vec![0; length as usize];
    file.seek(SeekFrom::Start(offset)).and_then(|_| file.read_exact(&mut data)).map_err(read_error)?;
    Ok(data)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tensor(entries: &[(&str, &str)]) -> pb::TensorProto {
        let entry = |&(key, value): &(&str, &str)| pb::StringStringEntryProto { key: key.into(), value: value.into() };
        pb::TensorProto {
            name: "w".into(),
            dims: vec![2],
            data_type: DataType::Float as i32,
            data_location: Some(DataLocation::External as i32),
            external_data: entries.iter().map(entry).collect(),
            ..Default::default()
        }
    }

    fn read(folder: &Path, entries: &[(&str, &str)]) -> Result<pb::TensorProto, ExternalError> {
        let mut tensor = tensor(entries);
        match (Reader { folder, left: MAX_BYTES }).tensor(&mut tensor) {
            Ok(()) => Ok(tensor),
            Err(GraphError::External { source, .. }) => Err(source),
            Err(other) => panic!("{other:?}"),
        }
    }

    /// A folder `model` with `data.bin` of 12 bytes, and `secret.bin` outside it.
    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("model/inner")).unwrap();
        std::fs::write(folder.path().join("model/data.bin"), (0..12).collect::<Vec<u8>>()).unwrap();
        std::fs::write(folder.path().join("secret.bin"), [9; 64]).unwrap();
        folder
    }

    #[test]
    fn data_inside_the_folder_is_read_at_its_offset() {
        let folder = folder();
        let model = folder.path().join("model");
        let tensor = read(&model, &[("location", "data.bin"), ("offset", "4"), ("length", "8")]).unwrap();
        assert_eq!(tensor.raw_data, [4, 5, 6, 7, 8, 9, 10, 11]);
        assert!(tensor.data_location.is_none() && tensor.external_data.is_empty());
    }

    #[test]
    fn a_path_out_of_the_folder_is_refused_however_it_is_written() {
        let folder = folder();
        let model = folder.path().join("model");
        let absolute = folder.path().join("secret.bin").display().to_string();
        for location in [
            "../secret.bin",
            "inner/../../secret.bin",
            "./../secret.bin",
            &absolute,
            "",
            "..\\secret.bin",
            "*/_ORT_MEM_ADDR_/*",
        ] {
            let error = read(&model, &[("location", location)]).unwrap_err();
            assert!(matches!(error, ExternalError::Location(_)), "{location}: {error:?}");
        }
    }

    #[test]
    #[cfg(unix)]
    fn a_symbolic_link_out_of_the_folder_is_refused_and_one_inside_it_followed() {
        let folder = folder();
        let model = folder.path().join("model");
        std::os::unix::fs::symlink("../secret.bin", model.join("link.bin")).unwrap();
        std::os::unix::fs::symlink("..", model.join("up")).unwrap();
        std::os::unix::fs::symlink("data.bin", model.join("alias.bin")).unwrap();
        for location in ["link.bin", "up/secret.bin"] {
            assert!(matches!(read(&model, &[("location", location)]), Err(ExternalError::Outside(_))), "{location}");
        }
        assert!(read(&model, &[("location", "alias.bin")]).is_ok());
    }

    #[test]
    fn a_range_that_the_file_does_not_have_is_refused_before_it_is_allocated() {
        let folder = folder();
        let model = folder.path().join("model");
        let of = |extra: &[(&str, &str)]| read(&model, &[&[("location", "data.bin")], extra].concat()).unwrap_err();
        assert!(matches!(of(&[("offset", "5")]), ExternalError::Range { needed: 13, got: 12, .. }));
        assert!(matches!(of(&[("offset", "18446744073709551615")]), ExternalError::Range { .. }));
        assert!(matches!(of(&[("length", "9999999999")]), ExternalError::Length { expected: 8, .. }));
        assert!(matches!(of(&[("offset", "-1")]), ExternalError::Number { key: "offset", .. }));
        assert!(matches!(read(&model, &[("location", "inner")]), Err(ExternalError::NotAFile(_))));
        assert!(matches!(read(&model, &[("location", "none.bin")]), Err(ExternalError::Read { .. })));
    }

    #[test]
    fn more_data_than_a_network_may_have_is_refused() {
        let folder = folder();
        let mut big = tensor(&[("location", "data.bin")]);
        big.dims = vec![1 << 29, 1];
        let error = Reader { folder: folder.path(), left: MAX_BYTES }.tensor(&mut big).unwrap_err();
        assert!(matches!(error, GraphError::External { source: ExternalError::Total, .. }), "{error:?}");
    }
}
