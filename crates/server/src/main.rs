//! The binary `phi`.

use std::process::ExitCode;

use clap::Parser;
use phi_server::cli::Cli;

/// The requests of many threads make and drop small things all the time; this one gives memory back after a burst.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    phi_server::serve::harden();
    phi_server::serve::travel_light();
    let cli = Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            phi_server::say::fail(&anyhow::Error::new(error).context("the process cannot start its threads"));
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(phi_server::run(cli)) {
        Ok(code) => code,
        Err(error) => {
            phi_server::say::fail(&error);
            ExitCode::FAILURE
        }
    }
}
