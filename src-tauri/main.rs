//! `signet-desk`: the program a trader starts.

#![cfg_attr(not(debug_assertions), windows_subsystem = "windows")]

use std::{ffi::OsString, path::PathBuf, process::ExitCode};

const HELP: &str = "Signet Desk: request quotes and trade over FIXS from any network

Usage: signet-desk [--config FILE] [LINK]
       signet-desk doctor [--config FILE] [--identity NAME]
       signet-desk history export FILE [--from TIME] [--to TIME] [--rfq ID]
                                  [--identity NAME] [--config FILE]
       signet-desk history verify FILE [--part] [--checkpoint EARLIER]
       signet-desk policy show [--json] [--config FILE]
       signet-desk policy check FILE [--key KEY]
       signet-desk update status | check | fetch | run | rollback
       signet-desk update verify FILE [--key KEY]
       signet-desk erase [--yes]
       signet-desk --version | --help

  LINK              signet://rfq?isin=…: offer it for the ticket of the desk; it sends nothing
  doctor            say why a venue cannot be reached, and what to send to support
  history export    write this desk's own signed history into a new file
  history verify    check such a file, on any computer; --part: records may be left out;
                    --checkpoint: it must go on where this earlier checkpoint was
  policy show       which settings are in force, who decided them, and which may be changed;
                    --json: for programs
  policy check      for administrators: check a policy file, with --key also its signature
  update status     which update is ready, and what this computer keeps
  update run        for administrators and the timer: do all that is due; check only says it,
                    fetch only fetches it, rollback goes back to the version before
  update verify     check a list of releases, with --key also its signature
  erase             say what this desk keeps of this user; --yes: delete keys (but those in a
                    token), settings and history
  --from, --to TIME 2026-11-21 or 2026-11-21T08:00:00Z
  --rfq ID          only what is about this RFQ; of the rest the hashes go along
  --config FILE     the venues to offer, instead of the desk.toml of this machine or user
  --identity NAME   examine or export with this identity only
  --key KEY         the file with the firm's public key, in minisign's format

Without an option it opens its window. RUST_LOG chooses what is logged to standard error.";

#[cfg(all(feature = "practice", not(debug_assertions)))]
compile_error!("the practice venue must not be in a release build");

fn main() -> ExitCode {
    // SAFETY: the first statement of the only thread.
    unsafe { signet_desk::remove_web_view_variables() };

    // Keys are in this process's memory: no other process may read it, and it is never dumped.
    for problem in signet_identity::harden_process().problems {
        eprintln!("signet-desk: {problem}");
    }
    let mut arguments = std::env::args_os().skip(1);
    if std::env::args_os().nth(1).is_some_and(|first| first == "doctor") {
        return doctor(arguments.skip(1).collect());
    }
    if std::env::args_os().nth(1).is_some_and(|first| first == "history") {
        return history(arguments.skip(1).collect());
    }
    if std::env::args_os().nth(1).is_some_and(|first| first == "policy") {
        return policy(arguments.skip(1).collect());
    }
    if std::env::args_os().nth(1).is_some_and(|first| first == "update") {
        return update(arguments.skip(1).collect());
    }
    if std::env::args_os().nth(1).is_some_and(|first| first == "erase") {
        return erase(&arguments.skip(1).collect::<Vec<_>>());
    }
    let (first, second) = (arguments.next(), arguments.next());
    match (first.as_deref().map(|a| a.to_string_lossy()).as_deref(), second) {
        (None, _) => open(None, None),
        (Some(link), None) if link.starts_with("signet:") => open(None, Some(link.into())),
        (Some("--config"), Some(file)) => {
            let link = arguments.next().map(|a| a.to_string_lossy().into_owned());
            open(Some(file.into()), link.filter(|l| l.starts_with("signet:")))
        }
        (Some("--version" | "-V"), None) => {
            println!("signet-desk {}", env!("CARGO_PKG_VERSION"));
            ExitCode::SUCCESS
        }
        (Some("--help" | "-h"), None) => {
            println!("{HELP}");
            ExitCode::SUCCESS
        }
        (Some(other), _) => {
            eprintln!("signet-desk: {other:?} cannot be used like this.\n\n{HELP}");
            ExitCode::from(2)
        }
    }
}

fn doctor(arguments: Vec<OsString>) -> ExitCode {
    let (mut config, mut identity) = (None, None);
    let mut rest = arguments.into_iter();
    while let Some(option) = rest.next() {
        match (option.to_str(), rest.next()) {
            (Some("--config"), Some(file)) => config = Some(PathBuf::from(file)),
            (Some("--identity"), Some(name)) => {
                identity = Some(name.to_string_lossy().into_owned())
            }
            _ => {
                eprintln!("signet-desk doctor: {option:?} cannot be used like this.\n\n{HELP}");
                return ExitCode::from(2);
            }
        }
    }
    signet_desk::doctor::run(config, identity.as_deref())
}

fn erase(arguments: &[OsString]) -> ExitCode {
    match arguments {
        [] => signet_desk::erase::run(false),
        [yes] if yes == "--yes" => signet_desk::erase::run(true),
        _ => {
            eprintln!("signet-desk erase: it cannot be used like this.\n\n{HELP}");
            ExitCode::from(2)
        }
    }
}

fn policy(arguments: Vec<OsString>) -> ExitCode {
    let words: Vec<&str> = arguments.iter().filter_map(|a| a.to_str()).collect();
    match &words[..] {
        _ if words.len() != arguments.len() => {}
        ["show"] => return signet_desk::policy::show(None, false),
        ["show", "--json"] => return signet_desk::policy::show(None, true),
        ["show", "--config", file] => return signet_desk::policy::show(Some(file.into()), false),
        ["show", "--json", "--config", file] | ["show", "--config", file, "--json"] => {
            return signet_desk::policy::show(Some(file.into()), true);
        }
        ["check", file] => return signet_desk::policy::check(file.as_ref(), None),
        ["check", file, "--key", key] => {
            return signet_desk::policy::check(file.as_ref(), Some(key.as_ref()));
        }
        _ => {}
    }
    eprintln!("signet-desk policy: it cannot be used like this.\n\n{HELP}");
    ExitCode::from(2)
}

fn update(arguments: Vec<OsString>) -> ExitCode {
    use signet_desk::update::{Order, order, status, verify};
    let words: Vec<&str> = arguments.iter().filter_map(|a| a.to_str()).collect();
    match &words[..] {
        _ if words.len() != arguments.len() => {}
        ["status"] => return status(),
        ["check"] => return order(Order::Check),
        ["fetch"] => return order(Order::Fetch),
        ["run"] => return order(Order::Run),
        ["rollback"] => return order(Order::RollBack),
        ["verify", file] => return verify(file.as_ref(), None),
        ["verify", file, "--key", key] => return verify(file.as_ref(), Some(key.as_ref())),
        _ => {}
    }
    eprintln!("signet-desk update: it cannot be used like this.\n\n{HELP}");
    ExitCode::from(2)
}

fn history(arguments: Vec<OsString>) -> ExitCode {
    let words: Vec<&str> = arguments.iter().filter_map(|a| a.to_str()).collect();
    let wrong = |why: &str| {
        eprintln!("signet-desk history: {why}\n\n{HELP}");
        ExitCode::from(2)
    };
    if words.len() != arguments.len() {
        return wrong("an argument is not text");
    }
    match &words[..] {
        ["verify", file] => signet_desk::history::check(file.as_ref(), false, None),
        ["verify", file, "--part"] => signet_desk::history::check(file.as_ref(), true, None),
        ["verify", file, "--checkpoint", earlier] => {
            signet_desk::history::check(file.as_ref(), false, Some(earlier.as_ref()))
        }
        ["verify", file, "--part", "--checkpoint", earlier] => {
            signet_desk::history::check(file.as_ref(), true, Some(earlier.as_ref()))
        }
        ["export", file, options @ ..] => {
            let mut order = signet_desk::history::Order::default();
            for option in options.chunks(2) {
                let [name, value] = option else { return wrong("an option has no value") };
                if let Err(why) = order.option(name, value) {
                    return wrong(&why);
                }
            }
            signet_desk::history::export(file.as_ref(), &order)
        }
        _ => wrong("it cannot be used like this"),
    }
}

#[cfg(not(feature = "practice"))]
fn open(config: Option<PathBuf>, link: Option<String>) -> ExitCode {
    #[cfg(feature = "bench")]
    if std::env::var_os("SIGNET_BENCH_RATES").is_some() {
        return signet_desk::run(None, None, signet_desk::bench::desk);
    }
    let instance = match signet_desk::start::instance(link.as_deref()) {
        Ok(instance) => instance,
        Err(already) => return already,
    };
    signet_desk::run(instance, link, |app| signet_desk::start::desk(app, config))
}

/// The practice build knows one venue, its own.
#[cfg(feature = "practice")]
fn open(_: Option<PathBuf>, link: Option<String>) -> ExitCode {
    let folder = signet_desk::practice::folder();
    let Some(instance) = signet_desk::instance::take(&folder, link.as_deref()) else {
        println!("signet-desk: a desk is open on this folder already.");
        return ExitCode::SUCCESS;
    };
    // SAFETY: still the only thread of the program.
    let venue = unsafe { signet_desk::practice::Venue::start() };
    let desk = venue.desk();
    let code = signet_desk::run(Some(instance), link, move |app| {
        signet_desk::check::start_if_asked(app, &desk);
        desk
    });
    drop(venue);
    code
}
