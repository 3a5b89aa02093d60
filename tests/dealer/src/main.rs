//! `signet-dealer`: simulated dealers from the command line. Practice and tests only.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use signet_dealer::{
    Credentials, DEALERS_TOML, INSTRUMENTS_TOML, InstrumentError, Instruments, Settings,
    SettingsError, Simulator, SimulatorError,
};

/// Simulated FIX 4.4 dealers for Signet. Practice and tests only.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// The dealers and how they behave (TOML); four of them by default.
    #[arg(long)]
    settings: Option<PathBuf>,
    /// What they make prices in (TOML); bonds and currencies by default.
    #[arg(long)]
    instruments: Option<PathBuf>,
    /// A directory with gateways-ca.pem and each dealer's <id>.pem and <id>-key.pem.
    #[arg(long)]
    pki: PathBuf,
    /// Where sequence numbers and orders are kept.
    #[arg(long)]
    state: PathBuf,
    /// The trust domain of the gateway's certificate.
    #[arg(long, default_value = "practice.signet.example")]
    trust_domain: String,
}

#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Settings(#[from] SettingsError),
    #[error(transparent)]
    Instruments(#[from] InstrumentError),
    #[error(transparent)]
    Simulator(#[from] SimulatorError),
    #[error("cannot wait for a signal: {0}")]
    Signal(#[from] std::io::Error),
}

#[tokio::main]
async fn main() -> ExitCode {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    match run(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("signet-dealer: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<(), Failure> {
    let settings = match &arguments.settings {
        Some(path) => Settings::from_file(path)?,
        None => Settings::parse(DEALERS_TOML)?,
    };
    let instruments = match &arguments.instruments {
        Some(path) => Instruments::from_file(path)?,
        None => Instruments::parse(INSTRUMENTS_TOML)?,
    };
    let credentials =
        Credentials::from_directory(&arguments.pki, &arguments.trust_domain, &settings)?;
    let simulator =
        Simulator::start(&settings, instruments, &credentials, &arguments.state).await?;
    for (id, address) in simulator.addresses() {
        println!("{id} {address}");
    }
    wait_for_signal().await?;
    simulator.stop().await;
    Ok(())
}

#[cfg(unix)]
async fn wait_for_signal() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted,
        _ = terminate.recv() => Ok(()),
    }
}

#[cfg(not(unix))]
async fn wait_for_signal() -> std::io::Result<()> {
    tokio::signal::ctrl_c().await
}
