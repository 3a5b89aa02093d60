//! `signet-gateway`: the command line. `run` is the gateway; the others are an administrator's.

mod cli_files;
mod cli_keys;
mod cli_policy;
mod cli_sessions;
mod cli_signed;

use clap::{Args, Parser, Subcommand, ValueEnum};
use signet_gateway::{
    Config, Gateway, Loaded, Options,
    admin::{self, Account, AdminError, CodeTerms, Invited},
    doctor,
};
use signet_policy::entitle::Entitlements as _;
use signet_registry::{AccountState, CertificateSelector, NewUser};
use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

/// Signet Gateway: the enforcement point between traders' desks and dealers.
#[derive(Parser)]
#[command(version)]
struct Arguments {
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
    /// Keep a user or a device out; live sessions end within a second.
    #[command(subcommand)]
    Lock(AccountArgument),
    /// Let a user or a device in again.
    #[command(subcommand)]
    Unlock(AccountArgument),
    /// Take certificates back for good; live sessions end within a second.
    Revoke {
        #[command(flatten)]
        which: RevokeArguments,
        #[arg(long, value_enum, default_value = "unspecified")]
        reason: Reason,
    },
    /// The embedded issuing authority.
    #[command(subcommand)]
    Ca(CaCommand),
    /// The registry's database.
    #[command(subcommand)]
    Registry(RegistryCommand),
    /// Traders' security keys.
    #[command(subcommand)]
    Key(cli_keys::KeyCommand),
    /// What was approved with a security key.
    #[command(subcommand)]
    Evidence(cli_keys::EvidenceCommand),
    /// Entitlements: who may ask which dealer for what.
    #[command(subcommand)]
    Policy(cli_policy::PolicyCommand),
    /// Messages with their signatures (tags 93/89), as they travelled.
    #[command(subcommand)]
    Signed(cli_signed::SignedCommand),
    /// The sealed files of the state directory.
    #[command(subcommand)]
    Files(cli_files::FilesCommand),
    /// Sequence numbers of FIX sessions. Only while the gateway is stopped.
    #[command(subcommand)]
    Session(cli_sessions::SessionCommand),
    /// What was done and what was refused; the chain of events is checked.
    Events {
        /// How many of the newest.
        #[arg(long, default_value_t = 100)]
        limit: usize,
    },
}

#[derive(Subcommand)]
enum UserCommand {
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
    /// Another role: it counts in the risk of each access, also of sessions that are on.
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
struct InviteArguments {
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
enum Holder {
    Keychain,
    Token,
}

#[derive(Clone, Copy, ValueEnum)]
enum Role {
    Standard,
    Privileged,
}

#[derive(Subcommand)]
enum AccountArgument {
    User {
        id: String,
    },
    /// USER/DEVICE, or DEVICE when only one user has one of that name.
    Device {
        id: String,
    },
}

#[derive(Args)]
#[group(required = true, multiple = false)]
struct RevokeArguments {
    /// One certificate.
    #[arg(long)]
    serial: Option<String>,
    /// All of a device: USER/DEVICE.
    #[arg(long)]
    device: Option<String>,
    /// All of a user; open codes stop working too.
    #[arg(long)]
    user: Option<String>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Reason {
    Unspecified,
    KeyCompromise,
    AffiliationChanged,
    Superseded,
    Cessation,
    PrivilegeWithdrawn,
}

#[derive(Subcommand)]
enum CaCommand {
    /// Make its key and certificate, where [enrolment] says; never overwrites.
    Init {
        /// The name in the certificate; the venue's if left out.
        #[arg(long)]
        name: Option<String>,
        #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=20))]
        years: u16,
    },
}

#[derive(Subcommand)]
enum RegistryCommand {
    /// Write everything to a new file, while gateways run.
    Backup {
        #[arg(long)]
        out: PathBuf,
    },
    /// Read it back from a file, into either kind of database.
    Restore {
        #[arg(long)]
        from: PathBuf,
        /// Lose what the registry holds now.
        #[arg(long)]
        replace: bool,
    },
    /// Bring an older registry up to date.
    Migrate,
}

fn main() -> ExitCode {
    // Before anything secret is read. What the system refuses is said and does not stop the
    // gateway.
    for problem in signet_identity::harden_process().problems {
        eprintln!("signet-gateway: {problem}");
    }
    let Arguments { config, command } = Arguments::parse();
    let done = match command {
        Command::Run { json } => run(&config, json),
        Command::CheckConfig => check(&config),
        Command::Doctor { dealer } => examine(&config, dealer.as_deref()),
        Command::Policy(p) => return cli_policy::policy(&config, p),
        // Works where there is no gateway.
        Command::Signed(cli_signed::SignedCommand::Verify { file, part }) => {
            cli_signed::verify(&file, part)
                .map_err(|e| format!("{e}\n  {}: {}", e.code(), e.cure()))
        }
        command => {
            administer(&config, command).map_err(|e| format!("{e}\n  {}: {}", e.code(), e.cure()))
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("signet-gateway: {e}");
            ExitCode::FAILURE
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn administer(config: &Path, command: Command) -> Result<(), AdminError> {
    let c = Config::read(config)?;
    match command {
        Command::Run { .. }
        | Command::CheckConfig
        | Command::Doctor { .. }
        | Command::Policy(_) => {}
        Command::User(UserCommand::Add { id, comp_id, name, protection, role, invite }) => {
            let user =
                NewUser { id, comp_id, name, role: word(role), protection: word(protection) };
            told(&admin::add(&c, user, invite.terms(), &invite.out).await?);
        }
        Command::User(UserCommand::Import { csv, invite }) => {
            let all = admin::import(&c, &csv, invite.terms(), &invite.out).await?;
            println!(
                "{} users added. Codes: {}",
                all.len(),
                invite.out.join("codes.csv").display()
            );
        }
        Command::User(UserCommand::Code { id, invite }) => {
            told(&admin::code(&c, &id, invite.terms(), &invite.out).await?)
        }
        Command::User(UserCommand::Role { id, role }) => {
            admin::set_role(&c, &id, &word(role)).await?
        }
        Command::User(UserCommand::List) => print!("{}", admin::list(&c).await?),
        Command::User(UserCommand::Show { id }) => print!("{}", admin::show(&c, &id).await?),
        Command::Lock(a) => admin::set_state(&c, &a.into(), AccountState::Locked).await?,
        Command::Unlock(a) => admin::set_state(&c, &a.into(), AccountState::Active).await?,
        Command::Revoke { which, reason } => {
            for serial in admin::revoke(&c, &which.into(), &word(reason)).await? {
                println!("revoked {serial}");
            }
        }
        Command::Ca(CaCommand::Init { name, years }) => {
            let (certificate, key, print) = admin::ca_init(&c, name.as_deref(), years)?;
            println!(
                "Certificate: {} (add it to the file that desks.trust names)",
                certificate.display()
            );
            println!("Key:         {} (mode 0600; back it up, guard it)", key.display());
            println!("Fingerprint: {print}");
        }
        Command::Registry(RegistryCommand::Backup { out }) => {
            println!("{} rows in {}", admin::backup(&c, &out).await?, out.display())
        }
        Command::Registry(RegistryCommand::Restore { from, replace }) => {
            println!(
                "{} rows restored. Whatever was revoked or locked since the backup is not any \
                    more: do it again.",
                admin::restore(&c, &from, replace).await?
            );
        }
        Command::Registry(RegistryCommand::Migrate) => {
            let (from, to) = admin::migrate(&c).await?;
            println!("schema {from} -> {to}");
        }
        Command::Key(k) => cli_keys::key(&c, k).await?,
        Command::Evidence(e) => cli_keys::evidence(&c, e).await?,
        Command::Signed(s) => cli_signed::signed(&c, s)?,
        Command::Files(f) => cli_files::files(&c, f).await?,
        Command::Session(s) => cli_sessions::session(&c, s).await?,
        Command::Events { limit } => print!("{}", admin::events(&c, limit).await?),
    }
    Ok(())
}

/// The word on the command line is the word in the registry.
fn word(value: impl ValueEnum) -> String {
    value.to_possible_value().map(|v| v.get_name().to_owned()).unwrap_or_default()
}

impl From<AccountArgument> for Account {
    fn from(a: AccountArgument) -> Self {
        match a {
            AccountArgument::User { id } => Self::User(id),
            AccountArgument::Device { id } => Self::Device(id),
        }
    }
}

impl From<RevokeArguments> for CertificateSelector {
    fn from(a: RevokeArguments) -> Self {
        match (a.serial, a.device, a.user) {
            (Some(s), _, _) => Self::Serial(s),
            (_, Some(d), _) => Self::Device(d),
            (_, _, user) => Self::User(user.unwrap_or_default()),
        }
    }
}

fn told(i: &Invited) {
    println!("One-time code for {}: {}", i.user, *i.code);
    println!("  shown only now; works until {}; give it by another way than the file", i.expires);
    println!("Invitation: {}", i.file.display());
    println!("Link: {}", i.link);
    println!("The desk will show this fingerprint: {}", i.fingerprint);
}

#[tokio::main(flavor = "current_thread")]
async fn examine(config: &Path, dealer: Option<&str>) -> Result<(), String> {
    let found = doctor::examine(config, dealer).await;
    print!("{found}");
    match found.wrong() {
        0 => Ok(()),
        1 => Err("1 thing is wrong".into()),
        n => Err(format!("{n} things are wrong")),
    }
}

fn check(path: &Path) -> Result<(), String> {
    let config = Config::read(path).map_err(|e| e.to_string())?;
    let mut wrong = signet_gateway::faults(&config);
    wrong.extend(doctor::files(&config));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| e.to_string())?;
    wrong.extend(runtime.block_on(doctor::approvers(&config)));
    for fault in &wrong {
        eprintln!("{fault}");
    }
    if !wrong.is_empty() {
        let things = if wrong.len() == 1 {
            "1 thing is".into()
        } else {
            format!("{} things are", wrong.len())
        };
        return Err(format!("{}: {things} wrong", path.display()));
    }
    let loaded = Loaded::of(config).map_err(|e| e.to_string())?;
    let c = &loaded.config;
    println!(
        "{}: good. {} desks, {} dealers, {} instruments; desks connect to {}.",
        path.display(),
        c.desk.len(),
        c.dealer.len(),
        loaded.catalogue.len(),
        c.desks.listen
    );
    if c.tls.hybrid_only {
        println!("TLS: post-quantum hybrid key exchange only.");
    }
    if c.tls.fips {
        println!("TLS: AWS-LC's FIPS module.");
    }
    if let Some(url) = &loaded.registry {
        println!("Registry: {url}.");
    }
    if let Some(e) = &loaded.enrolment {
        println!("Desks enrol at {}.", e.listen);
    }
    if let Some(a) = &c.admin {
        println!("Administrators connect to {}.", a.listen);
    }
    if let Some(s) = &loaded.step_up {
        let (rp, list) = (s.relying_party.rp_id(), s.relying_party.list());
        println!("Security keys: {} models for {rp}; list {:?}.", list.models(), list.digest());
    }
    println!(
        "Entitlements: {} policies, digest {}.",
        loaded.entitlements.policy_count(),
        loaded.entitlements.digest()
    );
    for line in signet_gateway::lists_enforced(c) {
        println!("{line}.");
    }
    let faults = signet_gateway::list_faults(c);
    for (_, text) in &faults {
        eprintln!("{text}");
    }
    if faults.iter().any(|(required, _)| *required) {
        Err("a required revocation list is missing or stale".into())
    } else {
        Ok(())
    }
}

fn run(path: &Path, json: bool) -> Result<(), String> {
    signet_gateway::log::start(json);
    let loaded = Config::read(path).and_then(Loaded::of).map_err(|e| e.to_string())?;
    let gateway = Gateway::start(loaded, Options::default()).map_err(|e| e.to_string())?;
    wait_for_signal().map_err(|e| e.to_string())?;
    gateway.stop();
    Ok(())
}

fn wait_for_signal() -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        #[cfg(unix)]
        {
            let mut term =
                tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
            tokio::select! {
                r = tokio::signal::ctrl_c() => r,
                _ = term.recv() => Ok(()),
            }
        }
        #[cfg(not(unix))]
        tokio::signal::ctrl_c().await
    })
}
