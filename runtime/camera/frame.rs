//! One frame of a camera.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use crate::preprocess::Picture;

/// A picture that a camera took.
#[derive(Clone, Debug)]
pub struct Frame {
    pub content: Content,
    /// When it had arrived whole; a camera's own clock is not trusted.
    pub taken: SystemTime,
}

/// What a camera gives.
#[derive(Clone)]
pub enum Content {
    /// An image file, JPEG as a rule, not looked into yet.
    File(Arc<[u8]>),
    Pixels(Arc<Picture>),
}

impl Frame {
    /// A frame that arrived now.
    pub fn now(content: Content) -> Self {
        Self { content, taken: SystemTime::now() }
    }

    pub(super) fn file(bytes: Vec<u8>) -> Self {
        Self::now(Content::File(bytes.into()))
    }
}

/// Without what is in it.
impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(bytes) => write!(f, "File({} bytes)", bytes.len()),
            Self::Pixels(picture) => write!(f, "Pixels({} x {})", picture.width(), picture.height()),
        }
    }
}

/// Whether two frames are the same to the last bit, as those of a camera that stands still are not.
impl PartialEq for Content {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::File(one), Self::File(other)) => one == other,
            (Self::Pixels(one), Self::Pixels(other)) => one == other,
            _ => false,
        }
    }
}
