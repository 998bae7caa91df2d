//! `edgetl serve`, driven as its users drive it: the real program on a port of its own, over HTTP on loopback.

mod answers;
mod cameras;
mod life;
mod origins;
mod refusals;
pub mod service;
mod slow;
mod swaps;
