//! The 8-bit stage of `edgetl::preprocess` for comparison with other libraries, and what each stage costs.
//!
//! `preprocess levels SETTINGS` reads paths from stdin; for each it writes to stdout one byte, 1 or 0, and after a 1
//! the resized picture, `[height, width, 3]`. `preprocess time SETTINGS ROUNDS FILE` prints the least milliseconds of
//! each stage. `preprocess decode` reads paths from stdin; for each it writes width and height, 32 bits each, and the RGB pixels
//! of the upright picture, or 0, the length of a message and the message. SETTINGS is a manifest's `[preprocess]` as JSON.

use std::error::Error;
use std::io::{self, BufRead, Write};
use std::path::Path;
use std::time::Instant;

use edgetl::manifest::Preprocess;
use edgetl::preprocess::{Limits, Preprocessor, decode, read_file};
use ndarray::Array3;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["levels", settings] => levels(serde_json::from_str(settings)?),
        ["decode"] => decode_all(),
        ["time", settings, rounds, file] => time(serde_json::from_str(settings)?, rounds.parse()?, Path::new(file)),
        _ => Err("expected `levels SETTINGS`, `decode` or `time SETTINGS ROUNDS FILE`".into()),
    }
}

fn levels(mut settings: Preprocess) -> Result<(), Box<dyn Error>> {
    (settings.range, settings.mean, settings.std) = (255.0, [0.0; 3], [1.0; 3]);
    let mut values = Array3::zeros((3, settings.height as usize, settings.width as usize));
    let mut preprocessor = Preprocessor::new(settings, Limits::default())?;
    let mut stdout = io::stdout().lock();
    for path in io::stdin().lock().lines() {
        match preprocessor.load(Path::new(&path?), values.view_mut()) {
            Ok(_) => {
                let levels = values.view().permuted_axes([1, 2, 0]);
                stdout.write_all(&[1])?;
                stdout.write_all(&levels.iter().map(|level| level.round() as u8).collect::<Vec<_>>())?;
            }
            Err(error) => {
                eprintln!("{error}: {}", error.source().map(ToString::to_string).unwrap_or_default());
                stdout.write_all(&[0])?;
            }
        }
    }
    Ok(())
}

fn decode_all() -> Result<(), Box<dyn Error>> {
    let limits = Limits::default();
    let mut stdout = io::stdout().lock();
    for path in io::stdin().lock().lines() {
        let bytes = read_file(Path::new(&path?), &limits)?;
        let (numbers, content) = match decode(&bytes, &limits, [0; 3]) {
            Ok(picture) => ([picture.width(), picture.height()], picture.into_pixels()),
            Err(error) => ([0, error.to_string().len() as u32], error.to_string().into_bytes()),
        };
        stdout.write_all(&numbers.map(u32::to_le_bytes).concat())?;
        stdout.write_all(&content)?;
    }
    Ok(())
}

fn time(settings: Preprocess, rounds: usize, file: &Path) -> Result<(), Box<dyn Error>> {
    let limits = Limits::default();
    let bytes = read_file(file, &limits)?;
    let picture = decode(&bytes, &limits, settings.background)?;
    let mut values = Array3::zeros((3, settings.height as usize, settings.width as usize));
    let mut preprocessor = Preprocessor::new(settings.clone(), limits)?;
    let least = |stage: &mut dyn FnMut()| {
        let once = |_| {
            let start = Instant::now();
            stage();
            start.elapsed().as_secs_f64() * 1e3
        };
        (0..rounds).map(once).fold(f64::INFINITY, f64::min)
    };
    let decoding = least(&mut || drop(decode(&bytes, &limits, settings.background)));
    let resizing = least(&mut || drop(preprocessor.run_picture(&picture, values.view_mut())));
    let all = least(&mut || drop(preprocessor.run(&bytes, values.view_mut())));
    println!("decode {decoding:.3} ms, resize and normalise {resizing:.3} ms, all {all:.3} ms");
    Ok(())
}
