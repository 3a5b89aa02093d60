//! The command `journal`.

use clap::Subcommand;
use signet_gateway::{
    Config,
    checkpoint::{JournalFault, Standing, journal_each, journal_verify, public_key},
};
use std::path::{Path, PathBuf};

#[derive(Subcommand)]
pub enum JournalCommand {
    /// Check the journal of RFQs and the evidence against signed checkpoints. Exit code 1 when
    /// something was changed, cut off, moved or is missing; the file and the record are named.
    Verify {
        /// A checkpoint that a second party holds, or a folder of them; can be given several times.
        #[arg(long)]
        checkpoint: Vec<PathBuf>,
        /// First say of each of these checkpoints by itself whether the evidence leads to it.
        #[arg(long, requires = "checkpoint")]
        each: bool,
    },
    /// Print the public key that checkpoints are verified with.
    Key,
}

pub fn journal(config: &Path, command: JournalCommand) -> Result<(), String> {
    let config = Config::read(config).map_err(|e| e.to_string())?;
    match command {
        JournalCommand::Verify { checkpoint, each } => {
            if each {
                say_each(&config, &checkpoint)?;
            }
            println!("{}", journal_verify(&config, &checkpoint).map_err(explained)?);
            Ok(())
        }
        JournalCommand::Key => {
            println!("{}", public_key(&config).map_err(|e| e.to_string())?);
            Ok(())
        }
    }
}

/// One line for each checkpoint, smallest first.
fn say_each(config: &Config, checkpoints: &[PathBuf]) -> Result<(), String> {
    for c in journal_each(config, checkpoints).map_err(explained)? {
        let standing = match c.standing {
            Standing::Leads => "leads",
            Standing::Differs => "DIFFERS",
            Standing::Longer => "LONGER than the evidence",
            Standing::Older => "older than the files that are here",
        };
        println!("{}: over {} records: {standing}", c.path.display(), c.size);
    }
    Ok(())
}

fn explained(e: JournalFault) -> String {
    format!("{e}\n  {}: {}", e.code(), e.cure())
}
