//! The command line. `run` is the gateway; the other commands are an administrator's.

mod accounts;
mod check;
mod console;
mod dealers;
mod files;
mod fleet;
mod history;
mod init;
mod journal;
mod keys;
mod lockouts;
#[cfg(unix)]
mod operator;
mod pages;
mod policy;
mod registry;
mod run;
mod sessions;
#[cfg(unix)]
mod shown;
mod signals;
mod signed;
mod token;
mod users;

use accounts::{AccountArgument, Reason, RevokeArguments};
use clap::{CommandFactory as _, Parser, Subcommand, ValueEnum};
use registry::{CaCommand, RegistryCommand};
#[cfg(unix)]
use signet_gateway::operator::OperatorError;
use signet_gateway::{
    Config,
    admin::{self, AdminError},
};
use signet_registry::AccountState;
use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};
use users::UserCommand;

/// Signet Gateway: the enforcement point between traders' desks and dealers.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// The gateway's configuration.
    #[arg(long, global = true, default_value = "/etc/signet/gateway.toml")]
    config: PathBuf,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run until SIGTERM or Ctrl-C, then log everybody out and stop.
    Run {
        /// One JSON object per log line.
        #[arg(long)]
        json: bool,
    },
    /// Make everything that a first gateway needs: authorities, certificates, settings. Asks on a
    /// terminal what no flag and no answers file says. Overwrites nothing.
    Init(Box<init::InitArguments>),
    /// Certificates of the authorities that `init` made.
    #[command(subcommand)]
    Certificate(init::CertificateCommand),
    /// Read the configuration and everything it points to, and say what is wrong with it.
    CheckConfig,
    /// Look at configuration, certificates, registry, revocation lists and dealers, and say what is
    /// wrong and what cures it. Sends no FIX message. Exit code 1 when something is wrong.
    Doctor {
        /// This dealer only, with every step.
        #[arg(long)]
        dealer: Option<String>,
    },
    /// Traders: add them, give them codes, look at them.
    #[command(subcommand)]
    User(UserCommand),
    /// Every laptop: who has it, its certificate, when it was on last and what it ran, and what
    /// needs a hand.
    Fleet(fleet::FleetArguments),
    /// Keep a user or a device out; live sessions end within a second.
    #[command(subcommand)]
    Lock(AccountArgument),
    /// Let a user or a device in again.
    #[command(subcommand)]
    Unlock(AccountArgument),
    /// People and networks that the gateway keeps out by itself after failures.
    #[command(subcommand)]
    Lockout(lockouts::LockoutCommand),
    /// Dealers, and lines that the gateway cut after misbehaviour.
    #[command(subcommand)]
    Dealer(dealers::DealerCommand),
    /// Take certificates back for good; live sessions end within a second.
    Revoke {
        #[command(flatten)]
        which: RevokeArguments,
        /// As RFC 5280 names it; it is in the revocation list.
        #[arg(long, value_enum, default_value = "unspecified")]
        reason: Reason,
    },
    /// The embedded issuing authority.
    #[command(subcommand)]
    Ca(CaCommand),
    /// The HSM, or another PKCS#11 token, with the gateway's own keys.
    #[command(subcommand)]
    Token(token::TokenCommand),
    /// The registry's database.
    #[command(subcommand)]
    Registry(RegistryCommand),
    /// Traders' security keys.
    #[command(subcommand)]
    Key(keys::KeyCommand),
    /// Administrators' security keys for the web console.
    #[command(subcommand)]
    Console(console::ConsoleCommand),
    /// What was approved with a security key.
    #[command(subcommand)]
    Evidence(keys::EvidenceCommand),
    /// Entitlements: who may ask which dealer for what.
    #[command(subcommand)]
    Policy(policy::PolicyCommand),
    /// Messages with their signatures (tags 93/89), as they travelled.
    #[command(subcommand)]
    Signed(signed::SignedCommand),
    /// Signals of identity providers, and to receivers of the firm.
    #[command(subcommand)]
    Signals(signals::SignalsCommand),
    /// The journal of RFQs and the evidence as a whole: checkpoints and what they prove.
    #[command(subcommand)]
    Journal(journal::JournalCommand),
    /// The sealed files of the state directory.
    #[command(subcommand)]
    Files(files::FilesCommand),
    /// Sequence numbers of FIX sessions. Only while the gateway is stopped.
    #[command(subcommand)]
    Session(sessions::SessionCommand),
    /// How the running gateway is, on one screen.
    #[cfg(unix)]
    Status(operator::JsonArgument),
    /// Rates and response times of the running gateway, each second.
    #[cfg(unix)]
    Top(operator::TopArguments),
    /// The desks that are on, with what their risk is made of.
    #[cfg(unix)]
    Sessions(operator::JsonArgument),
    /// Events of high and critical severity since the start of the running gateway.
    #[cfg(unix)]
    Alerts(operator::AlertArguments),
    /// End sessions now; an event says who did it.
    #[cfg(unix)]
    Kill(operator::KillArguments),
    /// Man pages and completions of shells, for a package.
    #[command(hide = true)]
    Pages {
        /// A folder.
        #[arg(long)]
        out: PathBuf,
    },
    /// What was done and what was refused; the chain of events is checked.
    Events {
        /// How many of the newest.
        #[arg(long, default_value_t = 100)]
        limit: usize,
    },
}

/// Reads the command line and does what it says.
pub fn main() -> ExitCode {
    let Arguments { config, command } = Arguments::parse();
    let done = match command {
        Command::Run { json } => own_account(&config).and_then(|()| run::run(&config, json)),
        Command::Init(a) => init::init(&config, &a),
        Command::Pages { out } => {
            pages::pages(Arguments::command(), &out).map_err(|e| format!("{}: {e}", out.display()))
        }
        Command::Certificate(c) => init::certificate(&config, c),
        Command::CheckConfig => check::check(&config),
        Command::Doctor { dealer } => check::examine(&config, dealer.as_deref()),
        Command::Policy(p) => return policy::policy(&config, p),
        Command::Journal(j) => journal::journal(&config, j),
        Command::Lockout(l) => lockouts::lockout(&config, l),
        Command::Signals(signals::SignalsCommand::Keys { receiver }) => {
            signals::keys(&config, receiver.as_deref())
        }
        // Works on a machine without a gateway.
        Command::Signed(signed::SignedCommand::Verify { file, part }) => {
            signed::verify(&file, part).map_err(|e| format!("{e}\n  {}: {}", e.code(), e.cure()))
        }
        // A bundle is compared on a machine without a gateway.
        Command::Evidence(c @ keys::EvidenceCommand::Compare { .. }) => {
            return keys::compare(&config, c);
        }
        #[cfg(unix)]
        Command::Status(a) => watched(&config, |c| operator::status(c, &a)),
        #[cfg(unix)]
        Command::Top(a) => watched(&config, |c| operator::top(c, &a)),
        #[cfg(unix)]
        Command::Sessions(a) => watched(&config, |c| operator::sessions(c, &a)),
        #[cfg(unix)]
        Command::Alerts(a) => watched(&config, |c| operator::alerts(c, &a)),
        #[cfg(unix)]
        Command::Kill(a) => watched(&config, |c| operator::kill(c, a)),
        command => own_account(&config).and_then(|()| {
            administer(&config, command).map_err(|e| format!("{e}\n  {}: {}", e.code(), e.cure()))
        }),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("signet-gateway: {e}");
            ExitCode::FAILURE
        }
    }
}

/// What root makes in the folder of another account, that account cannot use.
fn own_account(config: &Path) -> Result<(), String> {
    #[cfg(unix)]
    if let Ok(c) = Config::read(config) {
        signet_gateway::init::other_account(&c)
            .map_err(|e| format!("{e}\n  {}: {}", e.code(), e.cure()))?;
    }
    let _ = config;
    Ok(())
}

/// Asks the gateway that runs with this configuration.
#[cfg(unix)]
fn watched(
    config: &Path,
    command: impl FnOnce(&Config) -> Result<(), OperatorError>,
) -> Result<(), String> {
    let c = Config::read(config).map_err(|e| e.to_string())?;
    command(&c).map_err(|e| format!("{e}\n  {}: {}", e.code(), e.cure()))
}

#[tokio::main(flavor = "current_thread")]
async fn administer(config: &Path, command: Command) -> Result<(), AdminError> {
    let c = Config::read(config)?;
    match command {
        Command::Run { .. }
        | Command::Init(_)
        | Command::Pages { .. }
        | Command::Certificate(_)
        | Command::CheckConfig
        | Command::Doctor { .. }
        | Command::Policy(_)
        | Command::Journal(_)
        | Command::Lockout(_) => {}
        #[cfg(unix)]
        Command::Status(_)
        | Command::Top(_)
        | Command::Sessions(_)
        | Command::Alerts(_)
        | Command::Kill(_) => {}
        Command::User(u) => users::user(&c, u).await?,
        Command::Fleet(a) => fleet::fleet(&c, a).await?,
        Command::Lock(a) => admin::set_state(&c, &a.into(), AccountState::Locked).await?,
        Command::Unlock(a) => admin::set_state(&c, &a.into(), AccountState::Active).await?,
        Command::Dealer(d) => dealers::dealer(&c, d).await?,
        Command::Signals(s) => signals::signals(&c, s).await?,
        Command::Revoke { which, reason } => {
            for serial in admin::revoke(&c, &which.into(), &word(reason)).await? {
                println!("revoked {serial}");
            }
        }
        Command::Ca(a) => registry::ca(&c, a)?,
        Command::Token(t) => token::token(&c, t)?,
        Command::Registry(r) => registry::registry(&c, r).await?,
        Command::Console(x) => console::console(&c, x).await?,
        Command::Key(k) => keys::key(&c, k).await?,
        Command::Evidence(e) => keys::evidence(&c, e).await?,
        Command::Signed(s) => signed::signed(&c, s)?,
        Command::Files(f) => files::files(&c, f).await?,
        Command::Session(s) => sessions::session(&c, s).await?,
        Command::Events { limit } => print!("{}", admin::events(&c, limit).await?),
    }
    Ok(())
}

/// The word on the command line is the word in the registry.
fn word(value: impl ValueEnum) -> String {
    value.to_possible_value().map(|v| v.get_name().to_owned()).unwrap_or_default()
}
