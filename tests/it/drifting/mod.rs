//! Noticing that what a camera shows is no longer what its head was taught with.

mod cameras;
mod photographs;
