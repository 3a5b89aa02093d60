//! `signet-gateway lockout`: what the gateway keeps out by itself. People are in the registry, for
//! every gateway of it; networks only the gateway knows that runs.

use super::own_account;
use clap::Subcommand;
use serde_json::Value;
use signet_gateway::{
    Config,
    admin::{self, AdminError, LockedOut},
    operator::Request,
};
use std::{fmt::Write as _, path::Path};

#[derive(Subcommand)]
pub(super) enum LockoutCommand {
    /// People who are locked out, until when, and why; networks that the gateway on this machine
    /// keeps out.
    List,
    /// Let a person or a network in again; gateways notice within a second.
    Lift {
        /// A user id, or the address of a network.
        what: String,
    },
}

pub(super) fn lockout(config: &Path, command: LockoutCommand) -> Result<(), String> {
    let c = Config::read(config).map_err(|e| said(&e.into()))?;
    match command {
        LockoutCommand::List => list(config, &c),
        LockoutCommand::Lift { what } => {
            let what = LockedOut::read(&what).map_err(|e| said(&e))?;
            match (&what, &c.registry) {
                // Other gateways would hear of it through a registry.
                (LockedOut::Network(network), None) => {
                    ask(&c, &Request::LiftNetwork { network: network.clone() })?;
                }
                _ => {
                    let lifted =
                        own_account(config).and_then(|()| lift(&c, &what).map_err(|e| said(&e)));
                    lifted.or_else(|why| at_this_gateway(&c, &what, why))?;
                }
            }
            println!("lifted: {}", what.name());
            Ok(())
        }
    }
}

fn list(config: &Path, c: &Config) -> Result<(), String> {
    // Each is shown where the other cannot be.
    let shown = c
        .registry
        .as_ref()
        .map(|_| own_account(config).and_then(|()| people(c).map_err(|e| said(&e))));
    if let Some(Ok(text)) = &shown {
        print!("{text}");
    }
    match (ask(c, &Request::Lockouts {}), shown) {
        (Ok(answer), shown) => {
            print!("{}", networks(&answer));
            shown.unwrap_or(Ok(String::new())).map(drop)
        }
        (Err(why), Some(Ok(_))) => {
            eprintln!("signet-gateway: networks: {why}");
            Ok(())
        }
        (Err(_), Some(Err(why))) | (Err(why), None) => Err(why),
    }
}

/// A network where the registry cannot be reached: `why` not.
fn at_this_gateway(c: &Config, what: &LockedOut, why: String) -> Result<(), String> {
    let LockedOut::Network(network) = what else { return Err(why) };
    ask(c, &Request::LiftNetwork { network: network.clone() }).map_err(|_| why.clone())?;
    eprintln!("signet-gateway: at this gateway only: {why}");
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn people(c: &Config) -> Result<String, AdminError> {
    admin::lockouts(c).await
}

#[tokio::main(flavor = "current_thread")]
async fn lift(c: &Config, what: &LockedOut) -> Result<(), AdminError> {
    admin::lift(c, what).await
}

/// Asks the gateway that runs on this machine.
#[cfg(unix)]
fn ask(c: &Config, request: &Request) -> Result<Value, String> {
    signet_gateway::operator::ask(c, request)
        .map_err(|e| format!("{e}\n  {}: {}", e.code(), e.cure()))
}

#[cfg(not(unix))]
fn ask(_: &Config, _: &Request) -> Result<Value, String> {
    Err("a running gateway can be asked on Unix only".to_owned())
}

/// For a person.
fn networks(answer: &Value) -> String {
    let all = answer["networks"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut text = format!("{:<43} {:>12} IN A ROW\n", "NETWORK", "SECONDS LEFT");
    for n in all {
        let number = |key: &str| n[key].as_u64().unwrap_or_default();
        let (name, left) = (n["network"].as_str().unwrap_or_default(), number("seconds_left"));
        let _ = writeln!(text, "{name:<43} {left:>12} {}", number("in_a_row"));
    }
    let _ = writeln!(text, "{} networks locked out at this gateway", all.len());
    text
}

fn said(e: &AdminError) -> String {
    format!("{e}\n  {}: {}", e.code(), e.cure())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn networks_are_listed_for_a_person() {
        let answer = json!({ "networks": [
            { "network": "192.0.2.1", "seconds_left": 299, "in_a_row": 1 },
            { "network": "2001:db8::/64", "seconds_left": 7, "in_a_row": 3 },
        ] });
        let text = networks(&answer);
        let rows: Vec<Vec<&str>> = text.lines().map(|l| l.split_whitespace().collect()).collect();
        assert_eq!(rows[1], ["192.0.2.1", "299", "1"], "{text}");
        assert_eq!(rows[2], ["2001:db8::/64", "7", "3"], "{text}");
        assert!(text.ends_with("\n2 networks locked out at this gateway\n"), "{text}");
        assert!(networks(&json!({})).ends_with("\n0 networks locked out at this gateway\n"));
    }
}
