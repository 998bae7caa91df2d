//! [`RunningStatistics`] as bytes: safetensors, in double precision.
//!
//! | | Type | Shape | |
//! |---|---|---|---|
//! | `format`, `labels`, `taken_out` | metadata | | `edgetl-statistics-1`; JSON; a number |
//! | `counts`, `sums`, `directions` | F64 | `[K]`, `[K,C]`, `[K,C]` | |
//! | `moment` | F64 | `[C(C+1)/2]` | the lower triangle, row by row |
//! | `members` | I64 | `[M,3]` | id, class, rows of each sample |

use std::collections::BTreeMap;

use ndarray::{Array1, Array2};
use safetensors::{Dtype, SafeTensors};

use super::ClassStatistics;
use super::running::{Member, RunningStatistics};
use super::safetensors_file::{Tensor, serialize};
use crate::dataset::SampleId;
use crate::labels::{ClassIndex, Labels};

const FORMAT: &str = "edgetl-statistics-1";

impl RunningStatistics {
    pub fn to_bytes(&self) -> Vec<u8> {
        let sums = &self.sums;
        let (classes, channels) = sums.sums.dim();
        let labels = serde_json::to_string(&self.labels).expect("labels are strings");
        let metadata = BTreeMap::from([
            ("format", FORMAT.to_owned()),
            ("labels", labels),
            ("taken_out", self.taken_out.to_string()),
        ]);
        let triangle = (0..channels).flat_map(|row| (0..=row).map(move |column| &sums.moment[[row, column]]));
        let members = self.members.iter().flat_map(|(id, member)| [id.0, member.class.0 as i64, member.rows as i64]);
        let tensors = [
            Tensor::f64("counts", &[classes], &sums.counts),
            Tensor::f64("directions", &[classes, channels], &sums.directions),
            Tensor::i64("members", &[self.members.len(), 3], members),
            Tensor::f64("moment", &[channels * (channels + 1) / 2], triangle),
            Tensor::f64("sums", &[classes, channels], &sums.sums),
        ];
        serialize(&metadata, &tensors)
    }

    /// `None` for bytes that are damaged or of another version: the sums are made from the samples again then.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (_, header) = SafeTensors::read_metadata(bytes).ok()?;
        let metadata = header.metadata().as_ref()?;
        if metadata.get("format")? != FORMAT {
            return None;
        }
        let labels: Labels = serde_json::from_str(metadata.get("labels")?).ok()?;
        let taken_out = metadata.get("taken_out")?.parse().ok()?;
        let file = SafeTensors::deserialize(bytes).ok()?;
        let sums = matrix(&file, "sums")?;
        let (classes, channels) = sums.dim();
        let sums = ClassStatistics {
            counts: doubles(&file, "counts")?,
            directions: matrix(&file, "directions").filter(|directions| directions.dim() == sums.dim())?,
            moment: symmetric(&doubles(&file, "moment")?, channels)?,
            sums,
        };
        let members = members(&file, classes)?;
        let fits = labels.len() == classes && sums.counts.len() == classes && is_finite(&sums);
        fits.then(|| Self { labels: labels.into(), sums, members, taken_out })
    }
}

fn is_finite(sums: &ClassStatistics) -> bool {
    let values = sums.counts.iter().chain(&sums.sums).chain(&sums.directions).chain(&sums.moment);
    values.into_iter().all(|value| value.is_finite())
}

fn doubles(file: &SafeTensors, name: &str) -> Option<Array1<f64>> {
    let tensor = file.tensor(name).ok().filter(|tensor| tensor.dtype() == Dtype::F64)?;
    Some(tensor.data().as_chunks().0.iter().map(|&bytes| f64::from_le_bytes(bytes)).collect())
}

fn matrix(file: &SafeTensors, name: &str) -> Option<Array2<f64>> {
    let &[rows, columns] = file.tensor(name).ok()?.shape() else { return None };
    doubles(file, name)?.into_shape_with_order((rows, columns)).ok()
}

fn symmetric(triangle: &Array1<f64>, size: usize) -> Option<Array2<f64>> {
    if triangle.len() != size * (size + 1) / 2 {
        return None;
    }
    let place = |row: usize, column: usize| row * (row + 1) / 2 + column;
    Some(Array2::from_shape_fn((size, size), |(row, column)| triangle[place(row.max(column), row.min(column))]))
}

fn members(file: &SafeTensors, classes: usize) -> Option<BTreeMap<SampleId, Member>> {
    let tensor = file.tensor("members").ok().filter(|tensor| tensor.dtype() == Dtype::I64)?;
    let numbers: Vec<i64> = tensor.data().as_chunks().0.iter().map(|&bytes| i64::from_le_bytes(bytes)).collect();
    let member = |&[id, class, rows]: &[i64; 3]| {
        let class = usize::try_from(class).ok().filter(|class| *class < classes)?;
        Some((SampleId(id), Member { class: ClassIndex(class), rows: usize::try_from(rows).ok()? }))
    };
    numbers.as_chunks::<3>().0.iter().map(member).collect()
}
