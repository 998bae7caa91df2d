//! `edgetl serve`, driven as its users drive it: the real program on a port of its own, over HTTP on loopback.

mod answers;
mod api_heads;
mod api_live;
mod api_samples;
mod api_setup;
mod api_teach;
mod api_trust;
mod cameras;
mod found;
mod life;
mod origins;
mod phones;
mod refusals;
pub mod service;
mod slow;
mod streams;
mod swaps;
pub mod tls;
