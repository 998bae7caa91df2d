//! Samples as other programs read them: folders of pictures, a table, a matrix of features.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write as _};
use std::path::Path;

use super::Device;
use super::error::DeviceError;
use super::file_error::ExportError;
use crate::files;
use crate::preprocess::Limits;
use crate::store::{Filter, SampleRow, Store};

/// What was written.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct ExportReport {
    pub samples: usize,
    pub pictures: usize,
    /// Samples whose picture is gone or another one by now: they have a row, and no picture.
    pub without_picture: usize,
    /// Rows and columns of the features; rows of samples without features hold NaN.
    pub features: (usize, usize),
}

const COLUMNS: [&str; 10] =
    ["path", "label", "split", "group", "id", "content_hash", "source", "added_at", "width", "height"];

impl Device {
    /// Writes the samples that `filter` finds into `folder`, which must not be there or be empty: their pictures as
    /// `SPLIT/LABEL/NUMBER.ext`, `samples.csv`, and `features.npy` (`[N,C]`, rows as in the table) of the backbone in use.
    ///
    /// # Errors
    /// When the store cannot be read or the folder not be written.
    pub fn export(&self, filter: &Filter, folder: &Path) -> Result<ExportReport, DeviceError> {
        let error = |path: &Path, source| ExportError { path: path.to_owned(), source };
        let store = self.existing_store()?;
        fs::create_dir_all(folder).map_err(|source| error(folder, source))?;
        if fs::read_dir(folder).map_err(|source| error(folder, source))?.next().is_some() {
            return Err(error(folder, io::ErrorKind::DirectoryNotEmpty.into()).into());
        }
        let rows = store.samples(filter)?;
        let mut without_picture = 0;
        let table = folder.join("samples.csv");
        let mut writer = csv::Writer::from_path(&table).map_err(|source| error(&table, source.into()))?;
        let mut record =
            |fields: [&str; 10]| writer.write_record(fields).map_err(|source| error(&table, source.into()));
        record(COLUMNS)?;
        for row in &rows {
            let path = picture(row, folder)?;
            without_picture += usize::from(path.is_none());
            record([
                path.as_deref().unwrap_or(""),
                row.label.as_ref().map_or("", |label| label.as_str()),
                row.split.as_str(),
                row.group.as_deref().unwrap_or(""),
                &row.id.0.to_string(),
                &row.hash.to_string(),
                &row.source,
                &row.added_at.to_string(),
                &row.width.to_string(),
                &row.height.to_string(),
            ])?;
        }
        writer.flush().map_err(|source| error(&table, source))?;
        let features = self.features(&store, &rows, &folder.join("features.npy"))?;
        Ok(ExportReport { samples: rows.len(), pictures: rows.len() - without_picture, without_picture, features })
    }

    fn features(&self, store: &Store, rows: &[SampleRow], path: &Path) -> Result<(usize, usize), DeviceError> {
        let package = self.backbones().in_use_of(store)?;
        let (fingerprint, dim) = (package.fingerprint(), package.manifest().feature.width());
        let error = |source| ExportError { path: path.to_owned(), source };
        let mut file = BufWriter::new(File::create(path).map_err(error)?);
        file.write_all(&npy_header(rows.len(), dim)).map_err(error)?;
        for row in rows {
            let vector = store.vector(row.id, &fingerprint)?.unwrap_or_else(|| vec![f32::NAN; dim]);
            for value in vector {
                file.write_all(&value.to_le_bytes()).map_err(error)?;
            }
        }
        file.flush().map_err(error)?;
        Ok((rows.len(), dim))
    }
}

/// Copies the picture of a sample; its path below `folder`, or `None` where its file is gone or has other bytes by now.
fn picture(row: &SampleRow, folder: &Path) -> Result<Option<String>, ExportError> {
    let source = files::path_of(&row.source);
    let Ok(bytes) = files::read(&source, Limits::default().max_bytes) else { return Ok(None) };
    if crate::digest::ContentHash::of(&bytes) != row.hash {
        return Ok(None);
    }
    let label = row.label.as_ref().map_or("unlabelled", |label| label.as_str()).replace(['/', '\\'], "_");
    // Such a name would be a hidden folder, or the one above.
    let label = if label.starts_with('.') { format!("_{label}") } else { label };
    let extension = source.extension().and_then(|extension| extension.to_str()).unwrap_or("img").to_lowercase();
    let name = format!("{}/{label}/{:06}.{extension}", row.split, row.id.0);
    let path = folder.join(&name);
    let written = fs::create_dir_all(path.parent().expect("below the folder")).and_then(|()| fs::write(&path, bytes));
    written.map_err(|source| ExportError { path, source })?;
    Ok(Some(name))
}

/// Before `rows` x `columns` values of little-endian float32, row after row.
///
/// Source: NumPy, "NEP 1 — A simple file format for NumPy arrays", version 1.0.
fn npy_header(rows: usize, columns: usize) -> Vec<u8> {
    const ALIGNMENT: usize = 64;
    let mut text = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({rows}, {columns}), }}");
    let before = b"\x93NUMPY\x01\x00".len() + 2;
    let padding = ALIGNMENT - (before + text.len() + 1) % ALIGNMENT;
    text.push_str(&" ".repeat(padding % ALIGNMENT));
    text.push('\n');
    let mut header = b"\x93NUMPY\x01\x00".to_vec();
    header.extend_from_slice(&(text.len() as u16).to_le_bytes());
    header.extend_from_slice(text.as_bytes());
    header
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_of_a_matrix_is_the_one_that_numpy_writes() {
        // numpy 2.3: np.save of zeros((3, 512), "<f4").
        let expected = b"\x93NUMPY\x01\x00v\x00{'descr': '<f4', 'fortran_order': False, 'shape': (3, 512), }";
        let header = npy_header(3, 512);
        assert_eq!(header.len(), 128);
        assert!(header.starts_with(expected) && header.ends_with(b" \n"), "{header:?}");
    }
}
