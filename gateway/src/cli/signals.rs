//! The command `signals`.

use clap::Subcommand;
use signet_gateway::{Config, transmit::key_set};
use std::path::Path;

#[derive(Subcommand)]
pub enum SignalsCommand {
    /// Print the public key that a receiver verifies signals with, as a JWK Set.
    Keys {
        /// The receiver, where there are several; left out, the first.
        #[arg(long)]
        receiver: Option<String>,
    },
}

pub fn signals(config: &Path, command: SignalsCommand) -> Result<(), String> {
    let SignalsCommand::Keys { receiver } = command;
    let config = Config::read(config).map_err(|e| e.to_string())?;
    print!("{}", key_set(&config, receiver.as_deref()).map_err(|e| e.to_string())?);
    Ok(())
}
