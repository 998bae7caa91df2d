//! Asks a device that was taught: `cargo run --release --example answer -- STATE PICTURE…`.

use edgetl::device::Device;
use edgetl::predictor::Statement;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let state = arguments.next().ok_or("expected STATE and pictures")?;
    let mut predictor = Device::open(state)?.predictor()?;
    for path in arguments {
        match predictor.answer(&path, &std::fs::read(&path)?, 1)?.statement {
            Statement::Prediction(prediction) => match prediction.label {
                Some(label) => println!("{path}: {label} {:.2}", prediction.score),
                None => println!("{path}: none of the classes, or not sure; nearest {}", prediction.nearest),
            },
            Statement::Number { value, .. } => println!("{path}: {value}"),
        }
    }
    Ok(())
}
