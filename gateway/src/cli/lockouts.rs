//! `signet-gateway lockout`: what the gateway keeps out by itself.

use clap::Subcommand;
use signet_gateway::{
    Config,
    admin::{self, AdminError, LockedOut},
};

#[derive(Subcommand)]
pub(super) enum LockoutCommand {
    /// People who are locked out, until when, and why.
    List,
    /// Let a person or a network in again; gateways notice within a second.
    Lift {
        /// A user id, or the address of a network.
        what: String,
    },
}

pub(super) async fn lockout(c: &Config, command: LockoutCommand) -> Result<(), AdminError> {
    match command {
        LockoutCommand::List => print!("{}", admin::lockouts(c).await?),
        LockoutCommand::Lift { what } => {
            let what = LockedOut::read(&what)?;
            admin::lift(c, &what).await?;
            println!("lifted: {}", what.name());
        }
    }
    Ok(())
}
