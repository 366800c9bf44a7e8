//! Prints the list of errors: `cargo run -p phi-gateway --example errors > docs/errors.md`.
#![expect(clippy::print_stdout, reason = "printing is all it does")]

fn main() {
    print!("{}", phi_gateway::errors());
}
