//! What is kept of a look as a file: a picture that gives the same feature again.

use std::sync::Arc;

use super::witness::Sight;
use crate::camera::Content;
use crate::preprocess::to_png;

/// What the network saw: the frame itself, where nothing of it was turned or cut.
pub fn seen(sight: &Sight<'_>) -> Content {
    if sight.is_whole { sight.frame.content.clone() } else { Content::Pixels(Arc::new(sight.picture.clone())) }
}

/// As a file: the camera's own bytes, else without a loss, so that the feature of it is the one that is known. `None` where the
/// picture is larger than any format allows.
pub fn file(content: &Content) -> Option<Arc<[u8]>> {
    match content {
        Content::File(bytes) => Some(bytes.clone()),
        Content::Pixels(picture) => to_png(picture).map(Arc::from),
    }
}
