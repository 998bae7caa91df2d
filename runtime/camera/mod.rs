//! Where frames come from.

mod jpeg_stream;

pub use jpeg_stream::{FrameError, JpegStream};
