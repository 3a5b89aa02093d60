//! The command `session`.

use clap::Subcommand;
use signet_gateway::{
    Config,
    admin::{self, AdminError, NewNumbers},
};

#[derive(Subcommand)]
pub enum SessionCommand {
    /// The numbers of all sessions, or of one.
    Show {
        /// CompID of a dealer or a desk.
        party: Option<String>,
    },
    /// Both numbers back to 1; nothing sent before is sent again. The dealer must do the same.
    Reset {
        /// CompID of a dealer or a desk.
        party: String,
    },
    /// Set one number or both, as agreed with the other end.
    #[command(group(clap::ArgGroup::new("number").required(true).multiple(true)))]
    Set {
        /// CompID of a dealer or a desk.
        party: String,
        /// MsgSeqNum (34) of the next message to the other end.
        #[arg(long, group = "number")]
        next_out: Option<u64>,
        /// MsgSeqNum (34) expected next from the other end.
        #[arg(long, group = "number")]
        next_in: Option<u64>,
    },
}

pub async fn session(c: &Config, command: SessionCommand) -> Result<(), AdminError> {
    let text = match command {
        SessionCommand::Show { party } => admin::session_show(c, party.as_deref())?,
        SessionCommand::Reset { party } => {
            admin::session_change(c, &party, NewNumbers::Reset).await?
        }
        SessionCommand::Set { party, next_out, next_in } => {
            admin::session_change(c, &party, NewNumbers::Set { next_out, next_in }).await?
        }
    };
    print!("{text}");
    Ok(())
}
