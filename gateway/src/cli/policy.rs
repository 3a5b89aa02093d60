//! `signet-gateway policy ...`: what the policies say, before and while they are in force.

use clap::{Args, Subcommand, ValueEnum};
use signet_gateway::{
    Config, ConfigError,
    admin::AdminError,
    config::{EntitlementsSection, Texts},
};
use signet_policy::entitle::{
    CedarEntitlements, Diff, EntitleError, Entitlements as _, Expectations, Outcome, Scenario,
    ScenarioError, Side, Verdict, diff,
};
use std::{
    fs, io,
    path::{Path, PathBuf},
    process::ExitCode,
};

/// Questions asked of both sets by `diff`, unless told otherwise.
const QUESTIONS: usize = 200_000;

#[derive(Subcommand)]
pub enum PolicyCommand {
    /// Read policies and facts and say what is wrong with them, and what looks forgotten.
    Check {
        #[command(flatten)]
        files: Files,
    },
    /// SHA-256 over schema, policies and facts: what decisions and events name.
    Digest {
        #[command(flatten)]
        files: Files,
    },
    /// Ask one question and print why. What is left out is harmless: nothing traded or open, one
    /// dealer, no touch. Exit code 1 unless it is allowed as it stands.
    Explain {
        #[command(flatten)]
        files: Files,
        #[command(flatten)]
        question: Box<Question>,
    },
    /// Ask every question of a file of expectations. Exit code 1 when an answer is not as expected.
    Test {
        #[command(flatten)]
        files: Files,
        /// See entitlements.tests.example.toml.
        #[arg(long)]
        file: PathBuf,
    },
    /// What new policies or facts allow that was denied, and the other way round. Exit code 1 when
    /// anything is wider.
    Diff(DiffArguments),
    /// Every version of the risk policy and the entitlements that was in force or prepared, and who
    /// did it.
    History,
    /// The text of a version of the history.
    Show {
        /// Its digest, or the beginning of it.
        digest: String,
    },
    /// What security keys signed to prepare and approve a version, as files that OpenSSL verifies.
    Approval {
        /// Digest of the version, whole.
        digest: String,
        /// A folder that is not there yet.
        #[arg(long)]
        out: PathBuf,
    },
    /// The difference between the texts of two versions of the history.
    Compare {
        /// Digest of the older one, or the beginning of it.
        old: String,
        /// Digest of the newer one, or the beginning of it.
        new: String,
    },
}

/// Which documents; those of the configuration if left out.
#[derive(Args)]
pub struct Files {
    /// Cedar; the file of the configuration if left out.
    #[arg(long)]
    policies: Option<PathBuf>,
    /// TOML; the file of the configuration if left out.
    #[arg(long)]
    facts: Option<PathBuf>,
}

#[derive(Args)]
pub struct DiffArguments {
    /// Those of the configuration if left out.
    #[arg(long)]
    old_policies: Option<PathBuf>,
    /// Those of the configuration if left out.
    #[arg(long)]
    old_facts: Option<PathBuf>,
    /// Those of the configuration if left out.
    #[arg(long)]
    new_policies: Option<PathBuf>,
    /// Those of the configuration if left out.
    #[arg(long)]
    new_facts: Option<PathBuf>,
    /// At most about so many questions; more are sampled.
    #[arg(long, default_value_t = QUESTIONS)]
    questions: usize,
}

#[derive(Clone, Copy, ValueEnum)]
enum SideWord {
    Buy,
    Sell,
    TwoWay,
}

#[derive(Args)]
pub struct Question {
    /// The registry's user id; without a registry, the desk's CompID.
    #[arg(long)]
    user: String,
    /// see, request, counter, accept, see-rfqs, take-over, admin-read, admin-lock, admin-users,
    /// admin-keys, admin-policy or admin-sessions.
    #[arg(long)]
    action: String,
    /// CompID of the dealer, for `see`, `request`, `counter` and `accept`.
    #[arg(long)]
    dealer: Option<String>,
    /// The trader that has the RFQ, for `see-rfqs` and `take-over`.
    #[arg(long)]
    colleague: Option<String>,
    /// ISIN, currency pair or symbol.
    #[arg(long)]
    instrument: Option<String>,
    /// The trader's, for `request`, `counter` and `accept`.
    #[arg(long, value_enum)]
    side: Option<SideWord>,
    /// In the instrument's currency: 20000000, 20_000_000, 20m.
    #[arg(long)]
    quantity: Option<String>,
    /// Accepted today already, in the reporting currency.
    #[arg(long)]
    day_notional: Option<String>,
    /// Outstanding already, in the reporting currency.
    #[arg(long)]
    outstanding: Option<String>,
    /// RFQs open already.
    #[arg(long, default_value_t = 0)]
    open_rfqs: usize,
    /// How many dealers the RFQ asks.
    #[arg(long)]
    dealers: Option<usize>,
    /// The trader has no trade yet today.
    #[arg(long)]
    first_today: bool,
    /// The trader has no remembered trade with this dealer.
    #[arg(long)]
    new_dealer: bool,
    /// How much worse than the best other quote, hundredths of a per cent.
    #[arg(long)]
    off_market_bps: Option<i64>,
    /// For how long the trader did nothing.
    #[arg(long, default_value_t = 0)]
    idle_seconds: i64,
    /// Approved with a touch of the trader's key.
    #[arg(long)]
    touched: bool,
    /// Approved by a second person too.
    #[arg(long)]
    second_person: bool,
    /// Administrators: the role in the registry.
    #[arg(long)]
    privileged: bool,
    /// Administrators: the key of the connection is in hardware.
    #[arg(long)]
    hardware_key: bool,
}

impl From<Question> for Scenario {
    fn from(q: Question) -> Self {
        let side = |s| match s {
            SideWord::Buy => Side::Buy,
            SideWord::Sell => Side::Sell,
            SideWord::TwoWay => Side::TwoWay,
        };
        Self {
            user: q.user,
            action: q.action,
            dealer: q.dealer,
            colleague: q.colleague,
            instrument: q.instrument,
            side: q.side.map(side),
            quantity: q.quantity,
            day: q.day_notional,
            outstanding: q.outstanding,
            open_rfqs: q.open_rfqs,
            dealers: q.dealers,
            first_today: q.first_today,
            new_dealer: q.new_dealer,
            off_market_bps: q.off_market_bps,
            idle_seconds: q.idle_seconds,
            touched: q.touched,
            second_person: q.second_person,
            privileged: q.privileged,
            hardware_key: q.hardware_key,
        }
    }
}

/// Why there is no answer. At fault: whoever wrote the file or the question.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error("{0}\n  {code}: {cure}", code = .0.code(), cure = .0.cure())]
    Documents(#[from] EntitleError),
    #[error(transparent)]
    Question(#[from] ScenarioError),
    #[error("{0}\n  {code}: {cure}", code = .0.code(), cure = .0.cure())]
    History(#[from] AdminError),
    #[error("{path}: {source}")]
    File { path: PathBuf, source: io::Error },
}

/// 0: allowed, good, nothing wider. 1: denied or owed, not as expected, wider. 2: it cannot be
/// told.
pub fn policy(config: &Path, command: PolicyCommand) -> ExitCode {
    match run(config, command) {
        Ok(good) => ExitCode::from(u8::from(!good)),
        Err(e) => {
            eprintln!("signet-gateway: {e}");
            ExitCode::from(2)
        }
    }
}

fn run(config: &Path, command: PolicyCommand) -> Result<bool, PolicyError> {
    let c = Config::read(config)?;
    match command {
        PolicyCommand::Check { files } => {
            let e = load(&c, files.policies, files.facts)?.1;
            println!("Good: {} policies, digest {}.", e.policy_count(), e.digest());
            for remark in e.remarks() {
                println!("Remark: {remark}.");
            }
            Ok(true)
        }
        PolicyCommand::Digest { files } => {
            println!("{}", texts(&c, files.policies, files.facts)?.documents().digest());
            Ok(true)
        }
        PolicyCommand::Explain { files, question } => {
            let e = load(&c, files.policies, files.facts)?.1;
            explain(&e, &Scenario::from(*question))
        }
        PolicyCommand::Test { files, file } => {
            let text = fs::read_to_string(&file)
                .map_err(|source| PolicyError::File { path: file, source })?;
            let expected = Expectations::from_toml(&text)?;
            Ok(test(&load(&c, files.policies, files.facts)?.1, &expected))
        }
        PolicyCommand::History => Ok(super::history::list(&c)?),
        PolicyCommand::Show { digest } => Ok(super::history::show(&c, &digest)?),
        PolicyCommand::Approval { digest, out } => Ok(super::history::approval(&c, &digest, &out)?),
        PolicyCommand::Compare { old, new } => Ok(super::history::compare(&c, &old, &new)?),
        PolicyCommand::Diff(a) => {
            let (old_texts, old) = load(&c, a.old_policies, a.old_facts)?;
            let (new_texts, new) = load(&c, a.new_policies, a.new_facts)?;
            println!("Old: {}", old.digest());
            println!("New: {}", new.digest());
            if old_texts == new_texts {
                println!("They are the same documents.");
                return Ok(true);
            }
            Ok(differences(&diff(&old, &new, a.questions)))
        }
    }
}

fn texts(
    c: &Config,
    policies: Option<PathBuf>,
    facts: Option<PathBuf>,
) -> Result<Texts, PolicyError> {
    let configured = c.entitlements.clone();
    let files = EntitlementsSection {
        policies: policies.unwrap_or(configured.policies),
        facts: facts.unwrap_or(configured.facts),
    };
    Ok(files.read()?)
}

fn load(
    c: &Config,
    policies: Option<PathBuf>,
    facts: Option<PathBuf>,
) -> Result<(Texts, CedarEntitlements), PolicyError> {
    let texts = texts(c, policies, facts)?;
    let loaded = CedarEntitlements::load(&texts.documents(), &c.world(&c.catalogue()?))?;
    Ok((texts, loaded))
}

fn explain(e: &CedarEntitlements, scenario: &Scenario) -> Result<bool, PolicyError> {
    let (verdict, facts) = scenario.with(e, |q| (e.decide(q), e.weighed(q)))?;
    let code = verdict.code().map(|c| format!(" ({c})")).unwrap_or_default();
    println!("{} {}: {}{code}", scenario.user, scenario.action, verdict.outcome());
    println!("{}", verdict.words());
    if !verdict.cure().is_empty() {
        println!("What would help: {}", verdict.cure());
    }
    println!();
    match &verdict {
        Verdict::Touch(_) | Verdict::TwoPeople(_) => println!("Policies that ask for it:"),
        _ if verdict.because().cited.is_empty() => println!("No policy permits it."),
        _ => println!("Policies that determine it:"),
    }
    for c in &verdict.because().cited {
        println!("  {} ({})", c.id, if c.forbids { "forbids" } else { "permits" });
        c.words.iter().for_each(|w| println!("    {w}"));
        c.cure.iter().for_each(|w| println!("    cure: {w}"));
    }
    println!();
    match facts {
        Ok(all) => {
            println!("Facts weighed:");
            all.iter().for_each(|(name, value)| println!("  {name:<24} {value}"));
        }
        Err(why) => println!("Facts: {why}"),
    }
    println!();
    println!("Digest of the policies: {}", e.digest());
    Ok(verdict.outcome() == Outcome::Allow)
}

fn test(e: &CedarEntitlements, expected: &Expectations) -> bool {
    let report = expected.run(e);
    for r in &report.results {
        match &r.failure {
            None => println!("ok    {}", r.name),
            Some(why) => println!("FAIL  {}: {why}", r.name),
        }
    }
    println!(
        "{} of {} as expected; digest {}.",
        report.results.len() - report.failed(),
        report.results.len(),
        e.digest()
    );
    if !report.untested.is_empty() {
        println!("Policies that determined no answer here: {}.", report.untested.join(", "));
    }
    report.failed() == 0
}

fn differences(d: &Diff) -> bool {
    for (title, wider) in [("Wider:", true), ("Narrower:", false)] {
        let lines: Vec<&str> =
            d.changes.iter().filter(|c| c.wider == wider).map(|c| c.text.as_str()).collect();
        if !lines.is_empty() {
            println!("{title}");
            lines.iter().for_each(|l| println!("  {l}"));
        }
    }
    if d.changes.is_empty() {
        println!("No question is answered otherwise.");
    }
    match d.sampled() {
        true => println!(
            "Sampled: {} of {} questions were asked; raise --questions to ask more.",
            d.asked, d.all
        ),
        false => println!("{} questions were asked of both.", d.asked),
    }
    println!("Amounts are varied one at a time. This is a comparison by questions, not a proof.");
    !d.widens()
}
