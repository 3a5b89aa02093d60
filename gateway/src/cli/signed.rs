//! The command `signed`.

use clap::{Args, Subcommand};
use signet_gateway::{
    Config,
    admin::{self, AdminError},
    signed::read::Wanted,
};
use signet_rfq::UtcMillis;
use std::path::PathBuf;

#[derive(Subcommand)]
pub enum SignedCommand {
    /// One line per message; the whole log and each message shown are checked. Exit code 1 when
    /// something is wrong.
    List {
        #[command(flatten)]
        which: WantedArguments,
    },
    /// JSON lines, for whoever verifies them with other programs.
    Export {
        #[command(flatten)]
        which: WantedArguments,
    },
    /// Check an export; needs no gateway, only this program. Exit code 1 when something is wrong.
    Verify {
        /// What `export` wrote.
        file: PathBuf,
        /// The export was made with --from, --to, --desk or --rfq: messages may be missing.
        #[arg(long)]
        part: bool,
    },
}

#[derive(Args)]
pub struct WantedArguments {
    /// From this time on: 2026-11-21 or 2026-11-21T08:00:00Z.
    #[arg(long, value_parser = admin::moment)]
    from: Option<UtcMillis>,
    /// Before this time.
    #[arg(long, value_parser = admin::moment)]
    to: Option<UtcMillis>,
    /// What this desk (or dealer) sent: its CompID.
    #[arg(long)]
    desk: Option<String>,
    /// What belongs to this RFQ, as the desk names it.
    #[arg(long)]
    rfq: Option<String>,
}

impl From<WantedArguments> for Wanted {
    fn from(a: WantedArguments) -> Self {
        Self { from: a.from, to: a.to, sender: a.desk, rfq: a.rfq, msg_type: None }
    }
}

pub fn signed(c: &Config, command: SignedCommand) -> Result<(), AdminError> {
    let mut out = std::io::stdout().lock();
    let totals = match command {
        SignedCommand::List { which } => admin::signed_list(c, &which.into(), &mut out)?,
        SignedCommand::Export { which } => admin::signed_export(c, &which.into(), &mut out)?,
        SignedCommand::Verify { file, part } => return verify(&file, part),
    };
    if totals.bad > 0 { Err(AdminError::SignedNotGood(totals.bad)) } else { Ok(()) }
}

pub fn verify(file: &std::path::Path, part: bool) -> Result<(), AdminError> {
    let v = admin::signed_verify(file)?;
    println!(
        "{} messages, each good under its certificate's key; the last is number {} of the log.",
        v.messages, v.last
    );
    match v.first_missing {
        Some(first) if !part => Err(AdminError::SignedMissing { missing: v.missing, first }),
        Some(first) => {
            println!(
                "{} messages before it are not in the file, the first is number {first}.",
                v.missing
            );
            Ok(())
        }
        None => Ok(()),
    }
}
