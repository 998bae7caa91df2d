//! What `/metrics` shows, in Prometheus' text format.

use prometheus_client::encoding::{EncodeLabelSet, prometheus_text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

use std::sync::{Arc, OnceLock};

use super::camera_metrics::{CameraMetrics, Shown};
use crate::device::Facts;

/// Upper bounds in seconds: from a small network on a fast machine to a large one on a slow one.
const LATENCIES: [f64; 12] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct Request {
    /// As routed, never as sent: a client must not be able to make names.
    route: String,
    status: u16,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct Reload {
    result: &'static str,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct Engine {
    backbone: String,
    provider: &'static str,
}

/// Every metric; all of them can be changed from any thread.
pub(super) struct Metrics {
    registry: Registry,
    requests: Family<Request, Counter>,
    pub predict_seconds: Histogram,
    pub queue_depth: Gauge,
    pub queue_capacity: Gauge,
    pub rejected: Counter,
    pub connections: Gauge,
    head_version: Gauge,
    pub head_stale: Gauge,
    reloads: Family<Reload, Counter>,
    engine: Family<Engine, Gauge>,
    /// Set once, when there are cameras.
    cameras: Arc<OnceLock<Shown>>,
}

impl Metrics {
    pub fn new() -> Self {
        let mut metrics = Self {
            registry: Registry::with_prefix("edgetl"),
            requests: Family::default(),
            predict_seconds: Histogram::new(LATENCIES),
            queue_depth: Gauge::default(),
            queue_capacity: Gauge::default(),
            rejected: Counter::default(),
            connections: Gauge::default(),
            head_version: Gauge::default(),
            head_stale: Gauge::default(),
            reloads: Family::default(),
            engine: Family::default(),
            cameras: Arc::default(),
        };
        metrics.register();
        metrics
    }

    fn register(&mut self) {
        let registry = &mut self.registry;
        let version = vec![("version", env!("CARGO_PKG_VERSION")), ("architecture", std::env::consts::ARCH)];
        registry.register("build", "This program", Info::new(version));
        registry.register("requests", "Requests by route and status", self.requests.clone());
        let help = "Time from a picture's last byte to its answer";
        registry.register("predict_duration_seconds", help, self.predict_seconds.clone());
        registry.register("queue_depth", "Pictures that wait for the worker", self.queue_depth.clone());
        registry.register("queue_capacity", "Pictures that may wait", self.queue_capacity.clone());
        let help = "Pictures refused for want of a place or of memory";
        registry.register("rejected", help, self.rejected.clone());
        registry.register("connections", "Open connections", self.connections.clone());
        registry.register("head_version", "Number of the head that answers", self.head_version.clone());
        let help = "1 while the published head cannot be used and the one before it answers";
        registry.register("head_stale", help, self.head_stale.clone());
        let help = "Attempts to take over a newly published head, by result";
        registry.register("head_reloads", help, self.reloads.clone());
        registry.register("engine", "1 for the backbone and the provider that run", self.engine.clone());
        registry.register_collector(Box::new(CameraMetrics(self.cameras.clone())));
        for ok in [true, false] {
            self.reloads.get_or_create(&Reload::of(ok)).inc_by(0);
        }
    }

    /// Shows cameras, and who is told of them, from now on.
    pub fn watch(&self, shown: Shown) {
        let _ = self.cameras.set(shown);
    }

    /// Shows what answers now.
    pub fn show(&self, facts: &Facts) {
        self.head_version.set(facts.head_version as i64);
        self.engine.clear();
        let engine = Engine { backbone: facts.backbone.clone(), provider: facts.provider.as_str() };
        self.engine.get_or_create(&engine).set(1);
    }

    pub fn requested(&self, route: &str, status: u16) {
        self.requests.get_or_create(&Request { route: route.to_owned(), status }).inc();
    }

    pub fn reloaded(&self, ok: bool) {
        self.reloads.get_or_create(&Reload::of(ok)).inc();
    }

    /// Text format 0.0.4.
    pub fn text(&self) -> String {
        let mut text = String::new();
        prometheus_text::encode(&mut text, &self.registry).expect("a string takes everything");
        text
    }
}

impl Reload {
    fn of(ok: bool) -> Self {
        Self { result: if ok { "ok" } else { "failed" } }
    }
}
