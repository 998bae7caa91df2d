//! Pictures, folders and files made to take memory or time, to panic a decoder or to be waited for: each costs itself.

mod decoding;
pub mod files;
mod odd;
mod runs;
