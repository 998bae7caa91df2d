//! What stands before a camera: drawings of one shape, another with each frame.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::common::Device;
use crate::serve::service::Service;

pub const CAMERA: &str = "bench";
/// None comes twice in a story.
const FRAMES: usize = 300;
const PACE: Duration = Duration::from_millis(100);

/// Sends frames to the camera `bench` until it is dropped.
pub struct Scene {
    shown: Arc<Mutex<&'static str>>,
    over: Arc<AtomicBool>,
    sender: Option<JoinHandle<()>>,
}

/// A device with nothing but a camera, and its service.
pub fn empty() -> (Device, Service) {
    let device = Device::new();
    std::fs::write(device.path("edgetl.toml"), format!("[camera.{CAMERA}]\nsource = \"push\"\n")).unwrap();
    let service = Service::start(&device, &[]);
    (device, service)
}

impl Scene {
    /// Shows `shape` first.
    pub fn before(device: &Device, address: SocketAddr, shape: &'static str) -> Self {
        let folder = device.draw("scene", FRAMES, 7_000);
        let (shown, over) = (Arc::new(Mutex::new(shape)), Arc::new(AtomicBool::new(false)));
        let (what, stop, next) = (shown.clone(), over.clone(), AtomicUsize::new(0));
        let sender = std::thread::spawn(move || {
            while !stop.load(Ordering::SeqCst) {
                let number = next.fetch_add(1, Ordering::SeqCst) % FRAMES;
                let shape = *what.lock().unwrap();
                let frame = std::fs::read(folder.join(shape).join(format!("{number:03}.png"))).unwrap();
                let url = format!("http://{address}/v1/cameras/{CAMERA}/frame");
                // The service may be starting or ending.
                let _ = ureq::put(&url).header("Content-Type", "image/png").send(&frame[..]);
                std::thread::sleep(PACE);
            }
        });
        Self { shown, over, sender: Some(sender) }
    }

    pub fn show(&self, shape: &'static str) {
        *self.shown.lock().unwrap() = shape;
        // Until frames of it have come through.
        std::thread::sleep(5 * PACE);
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        let _ = self.sender.take().map(JoinHandle::join);
    }
}
