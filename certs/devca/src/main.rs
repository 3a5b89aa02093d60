//! `signet-devca`: practice certificates and a practice keychain from the command line.
//!
//! DEMONSTRATION AND TESTS ONLY.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use signet_devca::{DevCaError, DevPki, Order};
use time::OffsetDateTime;

/// Practice certificates for Signet. Demonstration and tests only.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Writes three authorities, a gateway and dealers as PEM files.
    Generate {
        /// Where to write; made for its owner only.
        #[arg(long)]
        out: PathBuf,
        /// The trust domain of the SPIFFE URIs.
        #[arg(long, default_value = "practice.signet.example")]
        trust_domain: String,
        /// The gateway's CompID.
        #[arg(long, default_value = "SIGNET")]
        gateway: String,
        /// A dealer's CompID; may be repeated.
        #[arg(long)]
        dealer: Vec<String>,
        /// A desk's CompID, for counterparty tests that read files; may be repeated.
        #[arg(long)]
        desk: Vec<String>,
    },
    /// Runs a program with a private, empty, unlocked keychain.
    #[cfg(unix)]
    WithKeyring {
        /// The program and its arguments.
        #[arg(required = true, trailing_var_arg = true)]
        program: Vec<std::ffi::OsString>,
    },
}

fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Action::Generate { out, trust_domain, gateway, dealer, desk } => {
            generate(&out, &trust_domain, &gateway, &dealer, &desk).map(|()| ExitCode::SUCCESS)
        }
        #[cfg(unix)]
        Action::WithKeyring { program } => with_keyring(&program),
    };
    done.unwrap_or_else(|error| {
        eprintln!("signet-devca: {error}");
        ExitCode::FAILURE
    })
}

fn generate(out: &std::path::Path, trust_domain: &str, gateway: &str, dealers: &[String], desks: &[String]) -> Result<(), DevCaError> {
    let pki = DevPki::generate(trust_domain, OffsetDateTime::now_utc())?;
    pki.write_roots(out)?;
    pki.issue(&Order::gateway(gateway))?.write_to(out, gateway)?;
    for dealer in dealers {
        pki.issue(&Order::dealer(dealer))?.write_to(out, dealer)?;
    }
    for desk in desks {
        pki.issue(&Order::desk(desk))?.write_to(out, desk)?;
    }
    Ok(())
}

#[cfg(unix)]
fn with_keyring(program: &[std::ffi::OsString]) -> Result<ExitCode, DevCaError> {
    let keyring = signet_devca::private_keyring::PrivateKeyring::start()?;
    let Some((name, arguments)) = program.split_first() else {
        return Ok(ExitCode::FAILURE);
    };
    let status = std::process::Command::new(name)
        .args(arguments)
        .envs(keyring.env())
        .status()
        .map_err(|source| DevCaError::Program { program: "the given program", source })?;
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}
