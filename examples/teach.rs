//! Teaches a device: `cargo run --release --example teach -- STATE PHOTOS`, PHOTOS being a folder of folders named after
//! classes.

use edgetl::device::{CollectRequest, Device, FitRequest};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args_os().skip(1);
    let (Some(state), Some(photos)) = (arguments.next(), arguments.next()) else {
        return Err("expected STATE and PHOTOS".into());
    };
    let device = Device::open(state)?;
    let collected = device.collect(&CollectRequest::new([photos]), &mut ())?;
    println!("{} pictures stored, {} known already", collected.stored, collected.duplicates);
    for failed in &collected.failed {
        println!("not used: {}: {}", failed.path, failed.reason);
    }
    let fitted = device.fit(&FitRequest::default())?;
    let report = fitted.head.report();
    match report.cv().accuracy {
        Some(accuracy) => println!("{}: {:.1} % right of pictures held out", report.head, 100.0 * accuracy),
        None => println!("{}: too few pictures to hold any out", report.head),
    }
    let published = device.publish(&fitted)?;
    println!("head {} answers now", published.version);
    Ok(())
}
