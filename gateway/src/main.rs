//! `signet-gateway run` and `signet-gateway check-config`.

use clap::{Parser, Subcommand};
use signet_gateway::{Config, Gateway, Options};
use std::{path::PathBuf, process::ExitCode};
use tracing_subscriber::EnvFilter;

/// Signet Gateway: the enforcement point between traders' desks and dealers.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run until SIGTERM or Ctrl-C, then log everybody out and stop.
    Run {
        #[arg(long, default_value = "/etc/signet/gateway.toml")]
        config: PathBuf,
        /// One JSON object per log line.
        #[arg(long)]
        json: bool,
    },
    /// Read the configuration and everything it points to, and say what is wrong with it.
    CheckConfig {
        #[arg(long, default_value = "/etc/signet/gateway.toml")]
        config: PathBuf,
    },
}

fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::Run { config, json } => run(&config, json),
        Command::CheckConfig { config } => check(&config),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("signet-gateway: {e}");
            ExitCode::FAILURE
        }
    }
}

fn check(path: &std::path::Path) -> Result<(), String> {
    let loaded = Config::read(path).and_then(Config::load).map_err(|e| e.to_string())?;
    let c = &loaded.config;
    println!(
        "{}: good. {} desks, {} dealers, {} instruments; desks connect to {}.",
        path.display(),
        c.desk.len(),
        c.dealer.len(),
        loaded.catalogue.len(),
        c.desks.listen
    );
    Ok(())
}

fn run(path: &std::path::Path, json: bool) -> Result<(), String> {
    let filter = EnvFilter::try_from_env("SIGNET_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    if json {
        log.json().init()
    } else {
        log.init()
    }
    let loaded = Config::read(path).and_then(Config::load).map_err(|e| e.to_string())?;
    let gateway = Gateway::start(loaded, Options::default()).map_err(|e| e.to_string())?;
    wait_for_signal().map_err(|e| e.to_string())?;
    gateway.stop();
    Ok(())
}

fn wait_for_signal() -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        #[cfg(unix)]
        {
            let mut term = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
            tokio::select! {
                r = tokio::signal::ctrl_c() => r,
                _ = term.recv() => Ok(()),
            }
        }
        #[cfg(not(unix))]
        tokio::signal::ctrl_c().await
    })
}
