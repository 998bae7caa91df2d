//! `edgetl serve`, driven as its users drive it: the real program on a port of its own, over HTTP on loopback.

#![cfg(unix)]

#[path = "../common/mod.rs"]
mod common;

mod answers;
mod life;
mod refusals;
mod service;
mod swaps;
