//! `signet-gateway registry` and `ca`: the registry's database and the embedded authority.

use clap::Subcommand;
use signet_gateway::{
    Config,
    admin::{self, AdminError},
    config::KeySource,
};
use std::path::PathBuf;

#[derive(Subcommand)]
pub(super) enum CaCommand {
    /// Make its key and certificate, where [enrolment] says; never overwrites.
    Init {
        /// The name in the certificate; the venue's if left out.
        #[arg(long)]
        name: Option<String>,
        /// How long the certificate is valid, years.
        #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=20))]
        years: u16,
    },
}

#[derive(Subcommand)]
pub(super) enum RegistryCommand {
    /// Write everything to a new file, while gateways run.
    Backup {
        /// A file that is not there yet.
        #[arg(long)]
        out: PathBuf,
    },
    /// Read it back from a file, into either kind of database. One-time codes that were open then
    /// are void.
    Restore {
        /// What `backup` wrote.
        #[arg(long)]
        from: PathBuf,
        /// Lose what the registry holds now.
        #[arg(long)]
        replace: bool,
        /// Codes that were open at the time of the backup are open again, also those that were used
        /// since.
        #[arg(long)]
        keep_codes: bool,
    },
    /// Say whether this program can work with the registry as it is; changes nothing.
    Check,
    /// Bring an older registry up to date.
    Migrate,
}

pub(super) async fn registry(c: &Config, command: RegistryCommand) -> Result<(), AdminError> {
    match command {
        RegistryCommand::Backup { out } => {
            println!("{} rows in {}", admin::backup(c, &out).await?, out.display());
        }
        RegistryCommand::Restore { from, replace, keep_codes } => {
            let rows = admin::restore(c, &from, (replace, keep_codes)).await?;
            let codes = match keep_codes {
                true => "One-time codes used since are open again; make new ones for those users.",
                false => "One-time codes that were open are void; make new ones.",
            };
            println!(
                "{rows} rows restored. Locks and revocations made since the backup are lost; \
                    apply them again. {codes}"
            );
        }
        RegistryCommand::Check => println!("{}", admin::check(c).await?),
        RegistryCommand::Migrate => {
            let (from, to) = admin::migrate(c).await?;
            println!("schema {from} -> {to}");
        }
    }
    Ok(())
}

pub(super) fn ca(c: &Config, CaCommand::Init { name, years }: CaCommand) -> Result<(), AdminError> {
    let (certificate, key, print) = admin::ca_init(c, name.as_deref(), years)?;
    println!("Certificate: {} (add it to the file that desks.trust names)", certificate.display());
    match key {
        KeySource::File(file) => {
            println!("Key:         {} (mode 0600; back it up, guard it)", file.display());
        }
        KeySource::Token(held) => println!("Key:         {held} (it never leaves the token)"),
    }
    println!("Fingerprint: {print}");
    Ok(())
}
