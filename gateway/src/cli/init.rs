//! `signet-gateway init` and `certificate`.

use clap::{Args, Subcommand};
use signet_gateway::{
    Config,
    init::{
        Account, Answers, Bank, CertificateOrder, DealerAnswer, Dialogue, Given, InitError,
        Installed, Order, Renewed, TraderAnswer, ask, install, issue_certificate, next,
        renew_gateway,
    },
};
use std::{
    fs,
    io::{self, IsTerminal as _, Write as _},
    path::{Path, PathBuf},
    process,
};
use time::OffsetDateTime;

/// The account that the package makes.
const PACKAGED_ACCOUNT: &str = "signet";
const NOBODY_ANSWERS: &str = "there is no terminal to ask on, or it was closed";

#[derive(Args)]
pub(super) struct InitArguments {
    /// A TOML file with answers; answers.example.toml has every one.
    #[arg(long)]
    answers: Option<PathBuf>,
    /// Asks nothing: what is not answered has its default, or is a fault.
    #[arg(long)]
    yes: bool,
    /// Writes the settings again, and what is missing. Keys and certificates stay.
    #[arg(long)]
    force: bool,
    /// The account that runs the gateway; as root: `signet`.
    #[arg(long)]
    account: Option<String>,
    /// The firm, as traders read it.
    #[arg(long)]
    firm: Option<String>,
    /// A name of the firm's for the certificates.
    #[arg(long)]
    trust_domain: Option<String>,
    /// A host name under which desks reach the gateway; can be given several times.
    #[arg(long)]
    host: Vec<String>,
    /// A country where the firm's people work; can be given several times.
    #[arg(long)]
    country: Vec<String>,
    /// A network of the firm; can be given several times.
    #[arg(long)]
    network: Vec<String>,
    /// `sqlite`, or the URL of a PostgreSQL database.
    #[arg(long)]
    database: Option<String>,
    /// The user id of the first administrator.
    #[arg(long)]
    admin: Option<String>,
    /// COMPID,HOST:PORT[,name=N][,ca=FILE][,request=FILE][,server_name=S]; several times.
    #[arg(long)]
    dealer: Vec<DealerAnswer>,
    /// ID,COMPID[,NAME]; can be given several times.
    #[arg(long)]
    trader: Vec<TraderAnswer>,
    /// Has an outside authority issue the gateway's certificate: the file with its certificates.
    #[arg(long, value_name = "AUTHORITY")]
    csr: Option<PathBuf>,
}

#[derive(Subcommand)]
pub(super) enum CertificateCommand {
    /// The gateway's next certificate, when two thirds of the present one's time are over. The
    /// running gateway takes it within a second.
    Gateway {
        /// Whatever the time.
        #[arg(long)]
        now: bool,
        /// Host names in place of the present ones; can be given several times.
        #[arg(long)]
        host: Vec<String>,
    },
    /// For a configured dealer, by its certificate request.
    Dealer {
        /// CompID of the dealer.
        comp_id: String,
        /// Its certificate request, PEM.
        #[arg(long)]
        request: PathBuf,
        /// A file that is not there yet.
        #[arg(long)]
        out: PathBuf,
        /// How long the certificate is valid, days.
        #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..=90))]
        days: u32,
    },
    /// For an administrator: by a request, or with a new key beside the certificate.
    Admin {
        /// The administrator's user id.
        id: String,
        /// A certificate request, PEM; left out: a new key is written beside the certificate.
        #[arg(long)]
        request: Option<PathBuf>,
        /// A file that is not there yet.
        #[arg(long)]
        out: PathBuf,
        /// How long the certificate is valid, days.
        #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..=90))]
        days: u32,
    },
}

struct Terminal;

impl Dialogue for Terminal {
    fn ask(&mut self, question: &str) -> io::Result<Option<String>> {
        print!("{question}: ");
        io::stdout().flush()?;
        let mut line = String::new();
        let read = io::stdin().read_line(&mut line)?;
        Ok((read > 0).then_some(line))
    }

    fn say(&mut self, text: &str) -> io::Result<()> {
        println!("  {text}");
        Ok(())
    }
}

fn words(e: InitError) -> String {
    format!("{e}\n  {}: {}", e.code(), e.cure())
}

/// The answers of the file, with those of the flags in their place.
fn answers(a: &InitArguments) -> Result<Answers, String> {
    let mut answers = match &a.answers {
        None => Answers::default(),
        Some(path) => {
            let text = fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))?;
            let wrong = |e| format!("{}: {e}  init.answers: correct the file", path.display());
            Answers::parse(&text).map_err(wrong)?
        }
    };
    for (field, flag) in [
        (&mut answers.firm, &a.firm),
        (&mut answers.trust_domain, &a.trust_domain),
        (&mut answers.database, &a.database),
        (&mut answers.admin, &a.admin),
    ] {
        if let Some(flag) = flag {
            flag.clone_into(field);
        }
    }
    for (field, flag) in [
        (&mut answers.hosts, &a.host),
        (&mut answers.countries, &a.country),
        (&mut answers.networks, &a.network),
    ] {
        if !flag.is_empty() {
            flag.clone_into(field);
        }
    }
    if !a.dealer.is_empty() {
        answers.dealer.clone_from(&a.dealer);
    }
    if !a.trader.is_empty() {
        answers.trader.clone_from(&a.trader);
    }
    if let Some(path) = &a.csr {
        answers.outside.gateways = path.display().to_string();
    }
    Ok(answers)
}

/// Eight random bytes.
fn random() -> Result<u64, String> {
    let mut bytes = [0; 8];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| "the source of random numbers fails")?;
    Ok(u64::from_le_bytes(bytes))
}

pub(super) fn init(config: &Path, a: &InitArguments) -> Result<(), String> {
    if config.file_name().is_none_or(|n| n != "gateway.toml") {
        return Err(format!("{}: init writes a file gateway.toml", config.display()));
    }
    let folder =
        std::path::absolute(config.parent().unwrap_or(Path::new(""))).map_err(|e| e.to_string())?;
    let mut answers = answers(a)?;
    let asks = !a.yes && io::stdin().is_terminal();
    if asks {
        ask(&mut answers, &mut Terminal).map_err(|_| NOBODY_ANSWERS)?;
    }
    if a.force {
        answers.keep_policy(&folder).map_err(words)?;
    }
    let bank = Bank::of(&answers, random()?).map_err(|f| words(InitError::Answers(f)))?;
    let base = a.answers.as_deref().and_then(Path::parent).unwrap_or(Path::new(""));
    let given = Given::read(&bank, base).map_err(words)?;
    let account = account(a)?;
    if asks {
        let question = format!("Make the files in {}? [y/N]", folder.display());
        let said = Terminal.ask(&question).map_err(|e| e.to_string())?;
        if !said.is_some_and(|s| matches!(s.trim(), "y" | "Y" | "yes")) {
            return Err("nothing was made".into());
        }
    }
    let order = Order {
        bank: &bank,
        given: &given,
        folder: &folder,
        force: a.force,
        account: account.as_ref(),
        now: OffsetDateTime::now_utc(),
    };
    let done = install(&order).map_err(words)?;
    tell(&bank, &folder, &done);
    invite(&bank, &folder, account.as_ref());
    println!("\nNext:");
    let systemd = Path::new("/run/systemd/system").exists();
    for command in next(&bank, &folder, account.as_ref(), &done, systemd) {
        println!("  {command}");
    }
    Ok(())
}

/// As root, the gateway runs as another account.
fn account(a: &InitArguments) -> Result<Option<Account>, String> {
    #[cfg(unix)]
    let root = nix::unistd::geteuid().is_root();
    #[cfg(not(unix))]
    let root = false;
    match &a.account {
        Some(name) if name == "root" => Ok(None),
        Some(name) => Account::named(name).map(Some).map_err(words),
        None if root => Account::named(PACKAGED_ACCOUNT).map(Some).map_err(words),
        None => Ok(None),
    }
}

fn tell(bank: &Bank, folder: &Path, done: &Installed) {
    for (what, names) in [("Written", &done.written), ("Kept", &done.kept)] {
        if !names.is_empty() {
            println!("{what} in {}: {}", folder.display(), names.join(", "));
        }
    }
    for request in &done.requests {
        let place = request.replace(".csr", ".pem");
        println!("{request}: have the outside authority answer it, and put the answer at {place}");
    }
    if done.written.iter().any(|n| n.starts_with("authorities/")) {
        println!(
            "authorities/ issues certificates of gateways, dealers and administrators. Back it up \
             on a medium that is offline. Without gateways-ca-key.pem here the gateway's \
             certificate, which lasts 7 days, is not renewed by itself."
        );
    }
    println!("Give each dealer gateways-ca.pem: its listener trusts that authority.");
    let waiting = bank.dealers.iter().filter(|d| d.ca.is_none() && d.request.is_none());
    for d in waiting {
        println!(
            "{0} needs a certificate of ours: signet-gateway certificate dealer {0} --request FILE \
             --out {0}.pem",
            d.comp_id
        );
    }
    if bank.networks.is_empty() {
        println!(
            "No network of the firm is known, so desks need a security key ([step_up]) to log on."
        );
    }
}

/// Invites the first administrator, as the gateway's account, whose registry it is.
fn invite(bank: &Bank, folder: &Path, account: Option<&Account>) {
    let said = invited(bank, folder, account).unwrap_or_else(|why| {
        format!(
            "The first administrator's code could not be made: {why}. Make it later: \
             signet-gateway console invite {}\n",
            bank.admin
        )
    });
    print!("{said}");
    println!(
        "  to register a security key at https://{}:{}; the browser shows the certificate \
         admins/{}.pem",
        bank.console_host,
        bank.console.port(),
        bank.admin
    );
}

fn invited(bank: &Bank, folder: &Path, account: Option<&Account>) -> Result<String, String> {
    let config = folder.join("gateway.toml");
    Config::read(&config).map_err(|e| e.to_string())?;
    state_dir(&bank.state_dir, account).map_err(|e| e.to_string())?;
    let program = std::env::current_exe().map_err(|e| e.to_string())?;
    let mut command = process::Command::new(program);
    command.arg("--config").arg(config).args(["console", "invite", &bank.admin]);
    #[cfg(unix)]
    if let Some(a) = account {
        use std::os::unix::process::CommandExt as _;
        command.uid(a.uid).gid(a.gid);
    }
    let out = command.stdin(process::Stdio::null()).output().map_err(|e| e.to_string())?;
    match out.status.success() {
        true => Ok(String::from_utf8_lossy(&out.stdout).into_owned()),
        false => {
            let said = String::from_utf8_lossy(&out.stderr);
            Err(said.lines().next().unwrap_or_default().to_owned())
        }
    }
}

/// Makes the state directory where there is none, for the account alone. Everybody may pass the
/// folders above it that are made with it, whatever the umask is: the account must.
fn state_dir(path: &Path, account: Option<&Account>) -> io::Result<()> {
    if path.exists() {
        return Ok(());
    }
    // Above a name without a folder there is an empty one.
    let above = path.ancestors().skip(1).filter(|p| !p.as_os_str().is_empty());
    let missing: Vec<&Path> = above.take_while(|p| !p.exists()).collect();
    for folder in missing.into_iter().rev() {
        fs::create_dir(folder)?;
        #[cfg(unix)]
        {
            let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
            fs::set_permissions(folder, mode)?;
        }
    }
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)?;
    #[cfg(unix)]
    if let Some(a) = account {
        std::os::unix::fs::chown(path, Some(a.uid), Some(a.gid))?;
    }
    let _ = account;
    Ok(())
}

pub(super) fn certificate(config: &Path, command: CertificateCommand) -> Result<(), String> {
    let now = OffsetDateTime::now_utc();
    let order = match command {
        CertificateCommand::Gateway { now: at_once, host } => {
            match renew_gateway(config, at_once, &host, now).map_err(words)? {
                Renewed::Until(t) => println!("The gateway's new certificate ends on {}", t.date()),
                Renewed::NotYet(t) => println!("The gateway's certificate is renewed from {t} on"),
            }
            return Ok(());
        }
        CertificateCommand::Dealer { comp_id, request, out, days } => {
            CertificateOrder::Dealer { comp_id, request, out, days }
        }
        CertificateCommand::Admin { id, request, out, days } => {
            CertificateOrder::Admin { id, request, out, days }
        }
    };
    for path in issue_certificate(config, &order, now).map_err(words)? {
        println!("Written: {}", path.display());
    }
    Ok(())
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn the_state_directory_is_the_accounts_alone_and_the_account_gets_there() {
        let dir = tempfile::tempdir().unwrap();
        let state = dir.path().join("srv/signet/state");
        for _ in 0..2 {
            state_dir(&state, None).unwrap();
            for (name, mode) in [("srv", 0o755), ("srv/signet", 0o755), ("srv/signet/state", 0o700)]
            {
                let found = fs::metadata(dir.path().join(name)).unwrap().permissions().mode();
                assert_eq!(found & 0o777, mode, "{name}");
            }
        }
    }
}
