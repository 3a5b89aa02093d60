//! `signet-gateway user`: traders.

use super::word;
use clap::{Args, Subcommand, ValueEnum};
use signet_gateway::{
    Config,
    admin::{self, AdminError, CodeTerms, Invited},
};
use signet_registry::NewUser;
use std::path::PathBuf;

#[derive(Subcommand)]
pub(super) enum UserCommand {
    /// Add a trader: prints the one-time code, once, and writes the invitation.
    Add {
        /// 1 to 32 characters of a-z 0-9 . _ -
        #[arg(long)]
        id: String,
        #[arg(long)]
        comp_id: String,
        #[arg(long)]
        name: String,
        #[arg(long, value_enum, default_value = "keychain")]
        protection: Holder,
        #[arg(long, value_enum, default_value = "standard")]
        role: Role,
        #[command(flatten)]
        invite: InviteArguments,
    },
    /// Add many from a CSV file with the columns id, comp_id, name, protection; all or none.
    Import {
        #[arg(long)]
        csv: PathBuf,
        #[command(flatten)]
        invite: InviteArguments,
    },
    /// A new code for a new device, or for a laptop that slept past its certificate.
    Code {
        id: String,
        #[command(flatten)]
        invite: InviteArguments,
    },
    /// Change a user's role; live sessions are re-scored.
    Role {
        id: String,
        #[arg(value_enum)]
        role: Role,
    },
    /// All traders.
    List,
    /// One trader, with devices and certificates.
    Show { id: String },
}

#[derive(Args)]
pub(super) struct InviteArguments {
    /// How long the code works.
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
        UserCommand::Import { csv, invite } => {
            let all = admin::import(c, &csv, invite.terms(), &invite.out).await?;
            let codes = invite.out.join("codes.csv");
            println!("{} users added. Codes: {}", all.len(), codes.display());
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

fn told(i: &Invited) {
    println!("One-time code for {}: {}", i.user, *i.code);
    println!("  shown only now; works until {}; give it by another way than the file", i.expires);
    println!("Invitation: {}", i.file.display());
    println!("Link: {}", i.link);
    println!("The desk will show this fingerprint: {}", i.fingerprint);
}
