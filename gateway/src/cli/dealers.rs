//! `signet-gateway dealer`: lines that the gateway cut after misbehaviour.

use clap::Subcommand;
use signet_gateway::{
    Config,
    admin::{self, AdminError},
};

#[derive(Subcommand)]
pub(super) enum DealerCommand {
    /// Every dealer, and whether its line is cut.
    List,
    /// Let the gateway dial a dealer again whose line it cut.
    Resume {
        /// CompID.
        dealer: String,
    },
}

pub(super) async fn dealer(c: &Config, command: DealerCommand) -> Result<(), AdminError> {
    match command {
        DealerCommand::List => print!("{}", admin::dealers(c)),
        DealerCommand::Resume { dealer } => {
            admin::resume_dealer(c, &dealer).await?;
            println!("resumed: {dealer}");
        }
    }
    Ok(())
}
