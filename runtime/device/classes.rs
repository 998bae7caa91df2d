//! The classes of the stored samples, and whether a head knows them.

use super::Device;
use super::error::DeviceError;
use crate::labels::Label;
use crate::store::{Filter, Split};

/// So many pictures of a class are a fair beginning: twice what tells anything (`advice::TOO_FEW`).
const ENOUGH: usize = 2 * crate::advice::TOO_FEW;

/// A label of samples for training.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Class {
    pub label: Label,
    pub pictures: usize,
    /// Whether the live head knows it.
    pub in_head: bool,
}

/// What the stored samples for training are labelled with.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Classes {
    pub classes: Vec<Class>,
    pub unlabelled: usize,
    /// Pictures that wait for a label, which are no samples yet.
    pub waiting: usize,
}

impl Class {
    /// How many more pictures it needs by a rule of thumb.
    pub fn more(&self) -> Option<usize> {
        ENOUGH.checked_sub(self.pictures).filter(|more| *more > 0)
    }
}

impl Device {
    /// # Errors
    /// When the state cannot be read.
    pub fn classes(&self) -> Result<Classes, DeviceError> {
        let Some(store) = self.store_if_any()? else { return Ok(Classes::default()) };
        let head = self.heads().live()?;
        let is_known =
            |label: &Label| head.as_ref().is_some_and(|head| head.artifact.labels().iter().any(|own| own == label));
        let mut classes = Classes { waiting: store.review_ids()?.len(), ..Classes::default() };
        for (label, pictures) in store.counts_by_label(&Filter { split: Some(Split::Train), ..Filter::default() })? {
            match label {
                None => classes.unlabelled = pictures,
                Some(label) => classes.classes.push(Class { in_head: is_known(&label), label, pictures }),
            }
        }
        Ok(classes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_needs_as_many_more_as_make_twenty() {
        let more = |pictures| Class { label: Label::new("ant").unwrap(), pictures, in_head: false }.more();
        assert_eq!([1, 19, 20, 300].map(more), [Some(19), Some(1), None, None]);
    }
}
