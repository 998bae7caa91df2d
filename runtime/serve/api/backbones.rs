//! The networks that are kept, and those that can be fetched by name.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::{Answer, Problem, blocking};
use crate::clock::date;
use crate::device::{Device, DeviceError, KeptComparison};
use crate::serve::routes::App;

#[derive(Serialize, ToSchema)]
pub(super) struct Backbone {
    name: String,
    fingerprint: String,
    in_use: bool,
    /// On the disk.
    bytes: u64,
    /// Pixels of its input.
    width: u32,
    height: u32,
    /// Length of its features.
    dim: usize,
    licence: String,
    /// What the last comparison found; null where it did not take part.
    compared: Option<Compared>,
}

/// What a comparison found of a backbone.
#[derive(Serialize, ToSchema)]
struct Compared {
    at: String,
    /// Stored pictures that were held out, each once.
    asked: usize,
    /// The share that was named rightly, and an interval of 95 %.
    accuracy: Option<f64>,
    low: Option<f64>,
    high: Option<f64>,
    seconds_a_picture: Option<f64>,
    recommended: bool,
    /// Why there are no numbers.
    reason: Option<String>,
}

impl Compared {
    fn of(comparison: &KeptComparison, fingerprint: &str) -> Option<Self> {
        let row = comparison.rows.iter().find(|row| row.fingerprint == fingerprint)?.clone();
        Some(Self {
            at: date(i64::try_from(comparison.at).unwrap_or(i64::MAX)),
            asked: comparison.asked,
            accuracy: row.accuracy,
            low: row.low,
            high: row.high,
            seconds_a_picture: row.seconds_a_picture,
            recommended: row.recommended,
            reason: row.reason,
        })
    }
}

/// The backbones that are kept on this device, with what the last comparison of them found.
#[utoipa::path(
    get, path = "/v1/backbones",
    responses((status = 200, body = Vec<Backbone>), (status = "default", response = Problem))
)]
pub(super) async fn list(State(app): State<Arc<App>>) -> Answer<Vec<Backbone>> {
    let listed = |device: &Device| {
        let (backbones, comparison) = (device.backbones(), device.last_comparison()?);
        let in_use = backbones.name_in_use()?;
        let kept = backbones.list().map_err(DeviceError::from)?.into_iter();
        let row = |kept: crate::device::Kept| {
            let fingerprint = kept.manifest.fingerprint().to_string();
            Backbone {
                in_use: in_use.as_ref() == Some(&kept.name),
                bytes: kept.bytes(),
                name: kept.name.to_string(),
                width: kept.manifest.preprocess.width,
                height: kept.manifest.preprocess.height,
                dim: kept.manifest.feature.width(),
                licence: kept.manifest.licence,
                compared: comparison.as_ref().and_then(|comparison| Compared::of(comparison, &fingerprint)),
                fingerprint,
            }
        };
        Ok(kept.map(row).collect())
    };
    blocking(&app, listed).await.map(Json)
}

/// A network that `POST /v1/backbones/fetch` takes.
#[derive(Serialize, ToSchema)]
pub(super) struct CatalogueEntry {
    name: String,
    /// Of its file, or nearly.
    bytes: u64,
    /// Pixels a side of its input.
    input: u32,
    /// Length of its features, of its last map.
    features: usize,
    /// Percent right on ImageNet's validation pictures, as published.
    top1: Option<f32>,
    licence: String,
    good_for: String,
    /// Whether a backbone of this name is kept.
    kept: bool,
}

#[derive(Serialize, ToSchema)]
pub(super) struct Catalogue {
    /// Whether this program can fetch at all.
    can_fetch: bool,
    networks: Vec<CatalogueEntry>,
}

/// The networks that can be fetched by name, the smallest first.
#[utoipa::path(
    get, path = "/v1/backbones/catalogue",
    responses((status = 200, body = Catalogue), (status = "default", response = Problem))
)]
pub(super) async fn catalogue(State(app): State<Arc<App>>) -> Answer<Catalogue> {
    let kept = |device: &Device| Ok(device.backbones().list().map_err(DeviceError::from)?);
    let names: Vec<String> = blocking(&app, kept).await?.into_iter().map(|kept| kept.name.to_string()).collect();
    let mut networks = fetchable();
    networks.iter_mut().for_each(|network| network.kept = names.contains(&network.name));
    Ok(Json(Catalogue { can_fetch: app.others.fetch.is_some(), networks }))
}

/// Whether [`fetch`](super::jobs::fetch) takes `name`.
pub(super) fn is_fetchable(name: &str) -> bool {
    fetchable().iter().any(|network| network.name == name)
}

/// The networks of the catalogue; none in a program that cannot fetch.
fn fetchable() -> Vec<CatalogueEntry> {
    #[cfg(feature = "fetch")]
    {
        let entry = |entry: crate::hub::catalogue::Entry| CatalogueEntry {
            name: entry.name,
            bytes: entry.bytes,
            input: entry.input,
            features: entry.features,
            top1: entry.top1,
            licence: entry.licence,
            good_for: entry.good_for,
            kept: false,
        };
        crate::hub::catalogue::entries().into_iter().map(entry).collect()
    }
    #[cfg(not(feature = "fetch"))]
    Vec::new()
}
