//! The stored pictures, read again from where they were collected.

use std::collections::BTreeMap;

use ndarray::s;

use super::{NotUsed, batch, input, not_used};
use crate::device::error::DeviceError;
use crate::files;
use crate::predictor::ExtractError;
use crate::preprocess::{Picture, Preprocessor, decode, read_file};
use crate::store::SampleRow;
use crate::tensor::InputBatch;

/// At most `most` of `rows`, of each label as many as of others where it has as many, spread over what it has.
pub fn sampled(rows: &[SampleRow], most: usize) -> Vec<SampleRow> {
    let mut labels: BTreeMap<Option<&str>, Vec<&SampleRow>> = BTreeMap::new();
    for row in rows {
        labels.entry(row.label.as_ref().map(|label| label.as_str())).or_default().push(row);
    }
    let mut sizes: Vec<usize> = labels.values().map(Vec::len).collect();
    sizes.sort_unstable();
    // What small classes leave goes to the others.
    let (mut left, mut share) = (most, most);
    for (number, size) in sizes.iter().enumerate() {
        share = left / (sizes.len() - number);
        if *size > share {
            break;
        }
        left -= size;
    }
    let spread = |rows: Vec<&SampleRow>| {
        let count = rows.len().min(share);
        (0..count).map(|number| rows[number * rows.len() / count].clone()).collect::<Vec<_>>()
    };
    labels.into_values().flat_map(spread).collect()
}

/// Rows of the store as pictures.
pub struct Source<'a> {
    pub rows: &'a [SampleRow],
    preprocessor: Preprocessor,
    pub read: usize,
    pub unread: Vec<NotUsed>,
}

impl<'a> Source<'a> {
    pub fn new(rows: &'a [SampleRow], preprocessor: Preprocessor) -> Self {
        Self { rows, preprocessor, read: 0, unread: Vec::new() }
    }

    /// Upright; `None` where it cannot be read.
    pub fn picture(&self, number: usize) -> Result<Picture, NotUsed> {
        let source = &self.rows[number].source;
        let limits = self.preprocessor.limits();
        let bytes = read_file(&files::path_of(source), limits).map_err(|error| not_used(source, &error))?;
        decode(&bytes, limits, self.preprocessor.settings().background).map_err(|error| not_used(source, &error))
    }

    /// As the network takes it; one that cannot be read is noted.
    pub fn input(&mut self, number: usize) -> Result<Option<InputBatch>, DeviceError> {
        let picture = match self.picture(number) {
            Ok(picture) => picture,
            Err(unread) => {
                self.unread.push(unread);
                return Ok(None);
            }
        };
        let mut values = batch(self.preprocessor.settings());
        let slot = values.slice_mut(s![0, .., .., ..]);
        self.preprocessor.run_picture(&picture, slot).map_err(ExtractError::from)?;
        self.read += 1;
        input(values).map(Some)
    }

    /// A small JPEG file.
    pub fn thumbnail(&mut self, picture: &Picture) -> Vec<u8> {
        self.preprocessor.thumbnail(picture)
    }

    pub fn settings(&self) -> &crate::manifest::Preprocess {
        self.preprocessor.settings()
    }
}
