//! From a bank to the settings of its gateway. Pure: no file is read or written.

use super::{bank::Bank, given::Given, policies::POLICIES};
use rust_decimal::{Decimal, RoundingStrategy};
use signet_stepup::rp::origin_of;
use std::fmt::Write as _;

/// The currencies with a rate to begin with, as the cure for another one.
pub(super) const CURRENCIES_KNOWN: &str = "write EUR, USD, GBP, CHF, JPY, AUD, CAD, SEK, NOK or \
    DKK, and change it in entitlements.toml later if the firm counts in another one";
/// Where metrics are read on this machine.
pub(super) const METRICS_PORT: u16 = 9446;

/// Rough values in euros, in ten-thousandths: a start, not a market.
const IN_EURO: [(&str, i64); 10] = [
    ("EUR", 10_000),
    ("USD", 9_500),
    ("GBP", 12_000),
    ("CHF", 10_800),
    ("JPY", 65),
    ("AUD", 6_100),
    ("CAD", 6_800),
    ("SEK", 920),
    ("NOK", 880),
    ("DKK", 1_345),
];

/// What one unit of a currency is in euros, roughly.
pub(super) fn in_euro(currency: &str) -> Option<Decimal> {
    IN_EURO.iter().find(|(c, _)| *c == currency).map(|(_, n)| Decimal::new(*n, 4))
}

/// The settings, each with the name of its file.
pub fn texts(bank: &Bank, given: &Given) -> Vec<(&'static str, String)> {
    vec![
        ("gateway.toml", gateway(bank)),
        ("risk.toml", risk(bank)),
        ("entitlements.cedar", POLICIES.to_owned()),
        ("entitlements.toml", facts(bank)),
        ("instruments.toml", given.instruments.clone()),
    ]
}

/// A TOML string, whatever it contains.
fn q(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

fn list<'a>(all: impl IntoIterator<Item = &'a str>) -> String {
    format!("[{}]", all.into_iter().map(q).collect::<Vec<_>>().join(", "))
}

fn gateway(b: &Bank) -> String {
    format!("{}{}{}", trading(b), access(b), dealers(b))
}

/// What the gateway is, and where desks connect.
fn trading(b: &Bank) -> String {
    let (venue, comp_id) = (q(&format!("{} RFQ", b.firm)), q(b.comp_id.as_str()));
    let (domain, state) = (q(&b.trust_domain), q(&b.state_dir.display().to_string()));
    let desks = b.desks;
    format!(
        r#"# Made by `signet-gateway init`. signet-gateway.example.toml documents every key.
# After a change: signet-gateway check-config

[gateway]
name = {venue}
comp_id = {comp_id}
state_dir = {state}
instruments = "instruments.toml"
trust_domain = {domain}

[tls]
certificate = "gateway.pem"
key = "gateway-key.pem"

[desks]
listen = "{desks}"
trust = "desks-ca.pem"

[desk_default]                       # registered traders: every dealer that policies permit

[risk]
settings = "risk.toml"

[entitlements]
policies = "entitlements.cedar"
facts = "entitlements.toml"
"#
    )
}

/// Who is registered, how they enrol, and where administrators connect.
fn access(b: &Bank) -> String {
    let (url, host) = (q(&b.database), q(b.hosts.first().map_or("", String::as_str)));
    let password = b.database_password_file.as_ref();
    let password = password.map(|p| format!("password_file = {}\n", q(&p.display().to_string())));
    let password = password.unwrap_or_default();
    let (enrolment, port) = (b.enrolment, b.enrolment.port());
    let (admins, console, policy) = (b.admins, b.console, q(&b.managed_policy));
    let origin = q(&origin_of(&b.console_host, b.console.port()));
    format!(
        r#"
[registry]
url = {url}
{password}
[enrolment]
listen = "{enrolment}"
public_host = {host}
public_port = {port}
anchors = "gateways-ca.pem"
ca_certificate = "desks-ca.pem"
ca_key = "desks-ca-key.pem"
managed_policy = {policy}

[admin]
listen = "{admins}"
trust = "admins-ca.pem"

[admin.console]
listen = "{console}"
origin = {origin}

[metrics]
listen = "127.0.0.1:{METRICS_PORT}"
"#
    )
}

fn dealers(b: &Bank) -> String {
    let mut text = String::from("\n[dealers]\ntrust = \"dealers-ca.pem\"\n");
    for d in &b.dealers {
        let bracketed = if d.host.contains(':') { format!("[{}]", d.host) } else { d.host.clone() };
        let _ = write!(
            text,
            "\n[[dealer]]\ncomp_id = {}\nname = {}\naddress = {}\nserver_name = {}\n",
            q(d.comp_id.as_str()),
            q(&d.name),
            q(&format!("{bracketed}:{}", d.port)),
            q(&d.server_name)
        );
        for (key, set) in [("signs", d.signs), ("sign", d.sign)] {
            if set {
                let _ = writeln!(text, "{key} = true");
            }
        }
    }
    text
}

fn risk(b: &Bank) -> String {
    let mut text = format!(
        "# How accesses are scored; risk.example.toml documents every key. Read again within \
         a second of a change.\n\ncountries = {}\n",
        list(b.countries.iter().map(|c| c.as_str()))
    );
    if b.networks.is_empty() {
        text.push_str("\n# [[network]]                        # a network of the firm\n");
        text.push_str("# range = \"10.20.0.0/16\"\n");
    }
    let home = b.countries.first().map_or("", |c| c.as_str());
    for n in &b.networks {
        let _ = write!(text, "\n[[network]]\nrange = \"{n}\"\ncountry = {}\n", q(home));
    }
    let _ = write!(text, "\n[posture]\nmanaged_policies = {}\n", list([b.managed_policy.as_str()]));
    if let Some(require) = &b.require {
        let _ = writeln!(text, "require = {}", list(require.iter().map(String::as_str)));
    }
    text
}

fn facts(b: &Bank) -> String {
    let mut text = format!(
        "# The facts that entitlements.cedar refers to. Read again within about two seconds of a \
         change.\n\nreporting_currency = {}\n\n[rates]                              # rough, to \
         begin with: set the firm's own, slightly high\n",
        q(&b.currency)
    );
    let unit = in_euro(&b.currency).unwrap_or(Decimal::ONE);
    for (currency, _) in IN_EURO.iter().filter(|(c, _)| *c != b.currency) {
        let rate = in_euro(currency).and_then(|r| r.checked_div(unit)).unwrap_or(Decimal::ONE);
        // Rounded up: a limit is then reached early rather than late.
        let rate = rate.round_dp_with_strategy(6, RoundingStrategy::AwayFromZero).normalize();
        let _ = writeln!(text, "{currency} = \"{rate}\"");
    }
    let _ = write!(
        text,
        "\n[groups]                             # traders, by user id\ntraders = {}\n\n[panels]\n\
         dealers = {}\n\n[admin_groups]\nsecurity-officers = {}\n",
        list(b.traders.iter().map(|t| t.id.as_str())),
        list(b.dealers.iter().map(|d| d.comp_id.as_str())),
        list([b.admin.as_str()])
    );
    text
}
