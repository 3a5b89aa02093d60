//! The commands `key` and `evidence`.

use clap::Subcommand;
use signet_gateway::{
    Config,
    admin::{self, AdminError},
    evidence::{BundleOrder, CompareOrder, Outcome, evidence_compare, evidence_index},
};
use signet_registry::KeyState;
use std::process::ExitCode;

/// The exit code where the two sides differ, and each difference may be explained.
const EXPLAINED: u8 = 3;

#[derive(Subcommand)]
pub enum KeyCommand {
    /// One trader's keys, removed ones too.
    List {
        /// The user id.
        user: String,
    },
    /// A locked key is not asked for until it is unlocked.
    Lock {
        /// The user id.
        user: String,
        /// Its id or its name.
        key: String,
        /// Why; it is kept with the key.
        #[arg(long, default_value = "")]
        reason: String,
    },
    /// Also after its counter went back; find out first whether it was copied.
    Unlock {
        /// The user id.
        user: String,
        /// Its id or its name.
        key: String,
    },
    /// For good. What it approved stays proved.
    Remove {
        /// The user id.
        user: String,
        /// Its id or its name.
        key: String,
        /// Why; it is kept with the key.
        #[arg(long, default_value = "")]
        reason: String,
    },
    /// Remove all keys of a trader; the next first key needs a new code.
    Reset {
        /// The user id.
        user: String,
        /// Why; it is kept with the key.
        #[arg(long)]
        reason: String,
    },
    /// A one-time code for a first key: prints it, once.
    Code {
        /// The user id.
        user: String,
        /// How long the code works, hours.
        #[arg(long, default_value_t = 24)]
        code_hours: u32,
    },
}

#[derive(Subcommand)]
pub enum EvidenceCommand {
    /// One line per step-up.
    List {
        /// Of this user only.
        #[arg(long)]
        user: Option<String>,
    },
    /// Check the whole chain and what each record proves. Exit code 1 when something is wrong.
    Verify,
    /// JSON lines, for whoever verifies them with other programs.
    Export {
        /// A number, or `all`.
        which: String,
    },
    /// Everything that was kept about one RFQ, in a folder that verifies with OpenSSL or a browser.
    Bundle {
        /// As its desk or its dealers (131) name it.
        rfq: String,
        /// A folder that is not there yet.
        #[arg(long)]
        out: std::path::PathBuf,
        /// CompID of the desk, when several desks have an RFQ of this name.
        #[arg(long)]
        desk: Option<String>,
        /// Prove against this checkpoint, as a second party has it; else the gateway's last one.
        #[arg(long)]
        checkpoint: Option<std::path::PathBuf>,
        /// Read every file of the evidence, and not only those that its indexes name.
        #[arg(long)]
        whole: bool,
    },
    /// Make the indexes of the evidence that are missing, so that the next bundle reads only the
    /// files that name its RFQ. A bundle makes them too, and then takes as long as this.
    Index,
    /// Hold the evidence against a desk's own history: every request, quote, accept and trade of
    /// one against the other, and whose signature proves which. A bundle needs no gateway, only
    /// this program. Exit code 0: they say the same; 3: they do not, and each difference may be
    /// explained; 1: something differs that nothing explains, or nothing could be compared.
    Compare {
        /// A bundle's folder, or the gateway's state directory.
        evidence: std::path::PathBuf,
        /// What the desk wrote with `signet-desk history export`.
        history: std::path::PathBuf,
        /// The key of the gateway's checkpoints, as a second party has it; for a bundle.
        #[arg(long)]
        key: Option<String>,
        /// A checkpoint of the desk's history, as a second party has it: the one over the most
        /// records (`DAY/SIZE.checkpoint` in the desk's folder there). The history must go on from
        /// it. Without one, a desk that cuts off the end of its history looks like one that
        /// crashed.
        #[arg(long)]
        checkpoint: Option<std::path::PathBuf>,
        /// How far apart the two sides' times of one event may be, milliseconds.
        #[arg(long, default_value_t = 2_000)]
        tolerance_ms: u32,
        /// One JSON object.
        #[arg(long)]
        json: bool,
    },
}

pub async fn key(c: &Config, command: KeyCommand) -> Result<(), AdminError> {
    match command {
        KeyCommand::List { user } => print!("{}", admin::key_list(c, &user).await?),
        KeyCommand::Lock { user, key, reason } => {
            print!("{}", admin::key_state(c, &user, &key, KeyState::Locked, &reason).await?)
        }
        KeyCommand::Unlock { user, key } => {
            print!("{}", admin::key_state(c, &user, &key, KeyState::Active, "").await?)
        }
        KeyCommand::Remove { user, key, reason } => {
            print!("{}", admin::key_state(c, &user, &key, KeyState::Removed, &reason).await?)
        }
        KeyCommand::Reset { user, reason } => {
            println!("{} keys removed", admin::key_reset(c, &user, &reason).await?)
        }
        KeyCommand::Code { user, code_hours } => {
            let (code, expires) = admin::key_code(c, &user, code_hours).await?;
            println!("One-time code for a security key of {user}: {}", *code);
            println!("  shown only now; works once, until {expires}");
        }
    }
    Ok(())
}

pub async fn evidence(c: &Config, command: EvidenceCommand) -> Result<(), AdminError> {
    let mut out = std::io::stdout().lock();
    match command {
        EvidenceCommand::List { user } => {
            admin::evidence_list(c, user.as_deref(), &mut out).await?
        }
        EvidenceCommand::Verify => print!("{}", admin::evidence_verify(c).await?),
        EvidenceCommand::Export { which } => {
            let seq = if which == "all" {
                None
            } else {
                Some(which.parse().map_err(|_| AdminError::NoNumber(which))?)
            };
            admin::evidence_export(c, seq, &mut out).await?;
        }
        // Answered before the registry is opened.
        EvidenceCommand::Compare { .. } => {}
        EvidenceCommand::Index => {
            let i = evidence_index(c)?;
            let (files, indexed, made) = (i.files, i.indexed, i.made);
            println!("{files} files of evidence, {indexed} with an index: {made} made now");
        }
        EvidenceCommand::Bundle { rfq, out: folder, desk, checkpoint, whole } => {
            let order = BundleOrder { rfq, desk, checkpoint, out: folder, whole };
            let b = admin::evidence_bundle(c, &order).await?;
            println!(
                "RFQ {} of {}: {} records, {} signed messages, {} touches, in {}",
                b.rfq,
                b.desk,
                b.records,
                b.messages,
                b.touches,
                order.out.display()
            );
        }
    }
    Ok(())
}

/// Compares, and says with the exit code what came of it.
pub fn compare(config: &std::path::Path, command: EvidenceCommand) -> ExitCode {
    let why = match compared(config, command) {
        Ok(Outcome::Same) => return ExitCode::SUCCESS,
        Ok(Outcome::Explained) => return ExitCode::from(EXPLAINED),
        Ok(Outcome::Differs) => {
            "the two sides differ\n  compare.differs: keep both sides as they are, and have people \
             look at each difference and at whose signature proves it"
                .into()
        }
        Err(why) => why,
    };
    eprintln!("signet-gateway: {why}");
    ExitCode::FAILURE
}

fn compared(config: &std::path::Path, command: EvidenceCommand) -> Result<Outcome, String> {
    let EvidenceCommand::Compare { evidence, history, key, checkpoint, tolerance_ms, json } =
        command
    else {
        return Ok(Outcome::Same);
    };
    let key = key.map(|k| k.parse()).transpose().map_err(|e| format!("--key: {e}"))?;
    let state = !evidence.join("manifest.json").is_file();
    let config = state.then(|| Config::read(config)).transpose().map_err(|e| e.to_string())?;
    let tolerance_ms = tolerance_ms.into();
    let order = CompareOrder { evidence, export: history, key, checkpoint, tolerance_ms };
    let found = evidence_compare(config.as_ref(), &order)
        .map_err(|e| format!("{e}\n  {}: {}", e.code(), e.cure()))?;
    match json {
        true => println!("{}", serde_json::to_string_pretty(&found).unwrap_or_default()),
        false => println!("{found}"),
    }
    Ok(found.outcome)
}
