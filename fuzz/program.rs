//! `edgetl` itself, compiled as the fuzzers are.

// What the coverage calls.
use libfuzzer_sys as _;

fn main() -> std::process::ExitCode {
    edgetl::cli::main()
}
