use std::process::ExitCode;

fn main() -> ExitCode {
    edgetl::cli::main()
}
