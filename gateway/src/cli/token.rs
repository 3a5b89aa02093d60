//! The command `token`: the HSM with the gateway's own keys.

use clap::Subcommand;
use signet_gateway::{
    Config,
    admin::{AdminError, TokenReport, make_token_key, try_token_keys},
};

#[derive(Subcommand)]
pub(super) enum TokenCommand {
    /// The tokens that the module of `[pkcs11]` reaches. Gives no PIN.
    List,
    /// Make a P-256 key in the token. It never leaves it, so nothing can be backed up here.
    Make {
        /// `pkcs11:token=LABEL;object=NAME`.
        key: String,
    },
    /// Log in, and sign with every key that the configuration names. Gives the PIN also after a
    /// wrong one, unless the token says that it is the last try.
    Check,
}

pub(super) fn token(config: &Config, command: TokenCommand) -> Result<(), AdminError> {
    match command {
        TokenCommand::List => {
            let section = config.pkcs11.as_ref().ok_or(AdminError::NoSection("pkcs11"))?;
            for facts in section.tokens()? {
                println!("{}\t{}\t{}", facts.label, facts.serial, facts.model);
            }
        }
        TokenCommand::Make { key } => {
            let pin = make_token_key(config, &key)?;
            println!("Key: {key}\nPin: {pin}");
            println!(
                "For the gateway's own key: set tls.key to it, then signet-gateway certificate \
                 gateway --now, or give its request to your authority."
            );
        }
        TokenCommand::Check => {
            let reports = try_token_keys(config)?;
            for TokenReport { name, key } in &reports {
                println!("{name}: {key} signs");
            }
            if reports.is_empty() {
                println!("No setting names a key in a token.");
            }
        }
    }
    Ok(())
}
