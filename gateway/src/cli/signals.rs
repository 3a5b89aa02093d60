//! The command `signals`.

use clap::Subcommand;
use signet_gateway::{
    Config,
    admin::{self, AdminError},
    transmit::key_set,
};
use std::path::Path;

#[derive(Subcommand)]
pub enum SignalsCommand {
    /// Print the public key that a receiver verifies signals with, as a JWK Set.
    Keys {
        /// The receiver, where there are several; left out, the first.
        #[arg(long)]
        receiver: Option<String>,
    },
    /// What identity providers said of devices that holds.
    List,
    /// Take back everything that an identity provider said, which is gone and cannot take it back.
    Forget {
        /// Its issuer, as `signals list` shows it.
        #[arg(long, value_name = "ISSUER")]
        provider: String,
    },
}

/// Needs no registry.
pub(super) fn keys(config: &Path, receiver: Option<&str>) -> Result<(), String> {
    let config = Config::read(config).map_err(|e| e.to_string())?;
    print!("{}", key_set(&config, receiver).map_err(|e| e.to_string())?);
    Ok(())
}

pub(super) async fn signals(c: &Config, command: SignalsCommand) -> Result<(), AdminError> {
    match command {
        SignalsCommand::Keys { .. } => {}
        SignalsCommand::List => print!("{}", admin::signals(c).await?),
        SignalsCommand::Forget { provider } => {
            let taken_back = admin::forget_signals(c, &provider).await?;
            println!("{taken_back} words of {provider} taken back");
        }
    }
    Ok(())
}
