//! Noticing that pictures are no longer like those that a head was taught with, with a false-alarm rate that holds over the whole
//! life of a head and not only for one look.
//!
//! Each test is a process of evidence that starts at 1 and, as long as nothing changed, is expected to stay where it is, whenever one
//! looks. By Ville's inequality the chance that it *ever* exceeds 1/a is then at most a. `docs/drift.md` says what that needs.
//!
//! ```text
//!  Dataset, head ──► Reference ──────────┐
//!  look ──► Stretches ──► Record ──► Ranks ──► Bets     distance to what was taught, share of unknown
//!                                └─► Mix                shares of the classes
//! ```
//!
//! Sources: Ville, "Étude critique de la notion de collectif", 1939; Vovk, Nouretdinov and Gammerman, "Testing exchangeability
//! on-line", 2003; Ramdas, Grünwald, Vovk and Shafer, "Game-theoretic statistics and safe anytime-valid inference", 2023.

mod bets;
mod found;
mod mix;
mod neighbours;
mod ranks;
mod record;
mod reference;
#[cfg(test)]
mod simulations;
mod stretches;

pub use found::{Found, Kind};
pub use record::{Look, Record};
pub use reference::{Reference, Unwatched};
pub use stretches::Stretches;

/// ln(e^a + e^b)
fn ln_add(a: f64, b: f64) -> f64 {
    let (high, low) = if a > b { (a, b) } else { (b, a) };
    if high == f64::NEG_INFINITY { high } else { high + (low - high).exp().ln_1p() }
}
