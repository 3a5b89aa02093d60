//! The command `files`.

use clap::Subcommand;
use signet_gateway::{
    Config,
    admin::{self, AdminError},
};
use std::path::PathBuf;

#[derive(Subcommand)]
pub enum FilesCommand {
    /// Read every sealed file of the state directory; changes nothing and works while the gateway
    /// runs. Exit code 1 when a file is damaged.
    Check,
    /// Mend a damaged file: keep it aside, save every record that still authenticates. Stop the
    /// gateway first.
    Salvage {
        /// As `check` names it.
        file: PathBuf,
    },
}

pub async fn files(c: &Config, command: FilesCommand) -> Result<(), AdminError> {
    match command {
        FilesCommand::Check => {
            let mut damaged = None;
            for f in admin::files_check(c)? {
                match f.found {
                    Ok((records, 0)) => {
                        println!("good     {}: {records} records", f.path.display())
                    }
                    Ok((records, torn)) => {
                        println!(
                            "good     {}: {records} records; {torn} bytes of one that was never \
                                finished",
                            f.path.display()
                        );
                    }
                    Err(e) => {
                        println!("DAMAGED  {e}");
                        damaged = damaged.or(Some(e));
                    }
                }
            }
            damaged.map_or(Ok(()), |e| Err(AdminError::Sealed(e)))
        }
        FilesCommand::Salvage { file } => {
            let s = admin::files_salvage(c, &file).await?;
            println!("{} records kept, {} lost.", s.kept, admin::lost(&s));
            if !s.lost.is_empty() {
                let places: Vec<String> = s.lost.iter().map(u64::to_string).collect();
                println!(
                    "Lost: record {}{}",
                    places.join(", "),
                    if s.rest_unreadable { " and what follows" } else { "" }
                );
            }
            println!("The damaged file is kept as {}.", s.kept_aside.display());
            Ok(())
        }
    }
}
