//! `signet-gateway`: the program. [`cli`] reads its command line.

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    // Before anything secret is read. What the system refuses is reported and does not stop the
    // gateway.
    for problem in signet_identity::harden_process().problems {
        eprintln!("signet-gateway: {problem}");
    }
    cli::main()
}
