//! The command `signals`.

use clap::Subcommand;
use signet_gateway::{Config, transmit::key_set};
use std::path::Path;

#[derive(Subcommand)]
pub enum SignalsCommand {
    /// Print the public key that a receiver verifies signals with, as a JWK Set.
    Keys,
}

pub fn signals(config: &Path, SignalsCommand::Keys: SignalsCommand) -> Result<(), String> {
    let config = Config::read(config).map_err(|e| e.to_string())?;
    print!("{}", key_set(&config).map_err(|e| e.to_string())?);
    Ok(())
}
