//! `signet-gateway user`: traders.

use super::word;
use clap::{Args, Subcommand, ValueEnum};
use signet_gateway::{
    Config,
    admin::{self, AdminError, CodeTerms, Invited, Progress},
};
use signet_registry::NewUser;
use std::{
    io::{IsTerminal as _, Write as _},
    path::PathBuf,
};

#[derive(Subcommand)]
pub(super) enum UserCommand {
    /// Add a trader: prints the one-time code, once, and writes the invitation.
    Add {
        /// 1 to 32 characters of a-z 0-9 . _ -
        #[arg(long)]
        id: String,
        /// CompID of the trader's desk: nobody else's, and the same in every certificate.
        #[arg(long)]
        comp_id: String,
        /// The person's name, as other people read it.
        #[arg(long)]
        name: String,
        /// Where the keys of the trader's desks must be.
        #[arg(long, value_enum, default_value = "keychain")]
        protection: Holder,
        /// What the risk score takes the trader for.
        #[arg(long, value_enum, default_value = "standard")]
        role: Role,
        #[command(flatten)]
        invite: InviteArguments,
    },
    /// Add many from a CSV file with the columns id, comp_id, name, protection, role; all or none.
    /// Writes an invitation for each, and their codes.
    Import {
        /// The file, with the names of the columns in its first line.
        #[arg(long)]
        csv: PathBuf,
        /// Leave out those who are registered already with this CompID: repeats a run that was
        /// interrupted, and takes a list that grew.
        #[arg(long)]
        skip_existing: bool,
        #[command(flatten)]
        invite: InviteArguments,
    },
    /// A new code for a new device, or for a laptop that slept past its certificate.
    Code {
        /// The user id.
        id: String,
        #[command(flatten)]
        invite: InviteArguments,
    },
    /// Change a user's role; live sessions are re-scored.
    Role {
        /// The user id.
        id: String,
        /// The next role.
        #[arg(value_enum)]
        role: Role,
    },
    /// All traders.
    List,
    /// One trader, with devices and certificates.
    Show {
        /// The user id.
        id: String,
    },
}

#[derive(Args)]
pub(super) struct InviteArguments {
    /// How long the code works, hours.
    #[arg(long, default_value_t = 72)]
    code_hours: u32,
    /// The device is one that the firm manages: its certificate will say so.
    #[arg(long)]
    managed: bool,
    /// An existing directory for the invitation.
    #[arg(long)]
    out: PathBuf,
}

impl InviteArguments {
    fn terms(&self) -> CodeTerms {
        CodeTerms { hours: self.code_hours, managed: self.managed }
    }
}

#[derive(Clone, Copy, ValueEnum)]
pub(super) enum Holder {
    Keychain,
    Token,
}

#[derive(Clone, Copy, ValueEnum)]
pub(super) enum Role {
    Standard,
    Privileged,
}

pub(super) async fn user(c: &Config, command: UserCommand) -> Result<(), AdminError> {
    match command {
        UserCommand::Add { id, comp_id, name, protection, role, invite } => {
            let (role, protection) = (word(role), word(protection));
            let user = NewUser { id, comp_id, name, role, protection };
            told(&admin::add(c, user, invite.terms(), &invite.out).await?);
        }
        UserCommand::Import { csv, skip_existing, invite } => {
            let (terms, out) = (invite.terms(), &invite.out);
            let done = admin::import(c, &csv, terms, out, skip_existing, progress).await?;
            if done.skipped > 0 {
                println!("{} users were registered already", done.skipped);
            }
            match done.codes {
                Some(codes) => {
                    println!("{} users added. Codes: {}", done.invited.len(), codes.display());
                }
                None => println!("nobody was added"),
            }
        }
        UserCommand::Code { id, invite } => {
            told(&admin::code(c, &id, invite.terms(), &invite.out).await?);
        }
        UserCommand::Role { id, role } => admin::set_role(c, &id, &word(role)).await?,
        UserCommand::List => print!("{}", admin::list(c).await?),
        UserCommand::Show { id } => print!("{}", admin::show(c, &id).await?),
    }
    Ok(())
}

/// One line on standard error: rewritten on a terminal, some lines in a log.
fn progress(p: Progress) {
    let mut err = std::io::stderr().lock();
    let live = err.is_terminal();
    let _ = match p {
        Progress::Checked { new, skipped } => {
            writeln!(err, "every line is good: {new} to add, {skipped} registered already")
        }
        Progress::Written(n, of) if live => {
            let (done, left) = (n * 30 / of.max(1), 30 - n * 30 / of.max(1));
            let bar = format!("[{}{}]", "#".repeat(done), ".".repeat(left));
            let end = if n == of { "\n" } else { "" };
            write!(err, "\r{bar} {n} of {of} invitations{end}").and_then(|()| err.flush())
        }
        Progress::Written(n, of) if n == of || n.is_multiple_of(100) => {
            writeln!(err, "{n} of {of} invitations written")
        }
        Progress::Written(..) => Ok(()),
        Progress::Registering => writeln!(err, "adding them to the registry"),
    };
}

fn told(i: &Invited) {
    println!("One-time code for {}: {}", i.user, *i.code);
    println!("  shown only now; works until {}; give it by another way than the file", i.expires);
    println!("Invitation: {}", i.file.display());
    println!("Link: {}", i.link);
    println!("The desk will show this fingerprint: {}", i.fingerprint);
}
