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
    /// Writes four authorities, a gateway and dealers as PEM files.
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
        /// An administrator's id; may be repeated.
        #[arg(long)]
        admin: Vec<String>,
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
        Action::Generate { out, trust_domain, gateway, dealer, desk, admin } => {
            let orders = dealer
                .iter()
                .map(|id| (id, Order::dealer(id)))
                .chain(desk.iter().map(|id| (id, Order::desk(id))));
            let orders = orders.chain(admin.iter().map(|id| (id, Order::admin(id))));
            generate(&out, &trust_domain, &gateway, orders).map(|()| ExitCode::SUCCESS)
        }
        #[cfg(unix)]
        Action::WithKeyring { program } => with_keyring(&program),
    };
    done.unwrap_or_else(|error| {
        eprintln!("signet-devca: {error}");
        ExitCode::FAILURE
    })
}

fn generate<'a>(
    out: &std::path::Path,
    trust_domain: &str,
    gateway: &str,
    orders: impl Iterator<Item = (&'a String, Order)>,
) -> Result<(), DevCaError> {
    let pki = DevPki::generate(trust_domain, OffsetDateTime::now_utc())?;
    pki.write_roots(out)?;
    pki.issue(&Order::gateway(gateway))?.write_to(out, gateway)?;
    for (name, order) in orders {
        pki.issue(&order)?.write_to(out, name)?;
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
