//! Answers that were examined.

use super::answers::{Answers, DealerAnswer, TraderAnswer};
use ipnetwork::IpNetwork;
use signet_identity::{CompId, is_trust_domain, is_user_id, policy_extension};
use signet_policy::place::Country;
use signet_registry::{RegistryUrl, is_desk_comp_id};
use signet_rfq::{DealerId, is_plain};
use signet_stepup::rp::is_rp_id;
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    net::SocketAddr,
    path::{Path, PathBuf},
};

/// Longest CompID that the gateway takes.
const COMP_ID_MAX: usize = 24;
/// Longest name of a firm: the venue is called "<firm> RFQ", of at most 60 characters.
const FIRM_MAX: usize = 50;
/// So many dealers, traders, hosts and networks are enough for a first gateway.
const MANY: usize = 500;

/// What is wrong with one answer. At fault: whoever gave it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnswerFault {
    /// As the answers file names it: `dealer 2: host`.
    pub answer: String,
    /// What is wrong.
    pub why: String,
    /// What to write.
    pub cure: &'static str,
}

impl fmt::Display for AnswerFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}; {}", self.answer, self.why, self.cure)
    }
}

/// A dealer, examined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dealer {
    pub comp_id: DealerId,
    pub name: String,
    pub host: String,
    pub port: u16,
    /// The name that its certificate must have.
    pub server_name: String,
    /// Its own authority's file; `None`: the firm's authority issues its certificate.
    pub ca: Option<PathBuf>,
    /// The file with its certificate request.
    pub request: Option<PathBuf>,
    pub signs: bool,
    pub sign: bool,
}

/// A trader, examined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trader {
    pub id: String,
    pub comp_id: CompId,
    pub name: String,
}

/// Everything that the files of a first gateway are made from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bank {
    pub firm: String,
    pub comp_id: CompId,
    pub trust_domain: String,
    /// At least one; no two are equal.
    pub hosts: Vec<String>,
    pub countries: Vec<Country>,
    pub networks: Vec<IpNetwork>,
    pub currency: String,
    /// As `[registry] url` has it.
    pub database: String,
    pub database_password_file: Option<PathBuf>,
    pub state_dir: PathBuf,
    pub admin: String,
    pub console_host: String,
    /// An object identifier.
    pub managed_policy: String,
    /// What a laptop must report to count as managed; `None`: the default.
    pub require: Option<Vec<String>>,
    pub instruments: Option<PathBuf>,
    pub desks: SocketAddr,
    pub enrolment: SocketAddr,
    pub admins: SocketAddr,
    pub console: SocketAddr,
    pub outside_gateways: Option<PathBuf>,
    pub outside_admins: Option<PathBuf>,
    pub dealers: Vec<Dealer>,
    pub traders: Vec<Trader>,
}

/// Collects what is wrong, so that somebody reads all of it at once.
#[derive(Default)]
struct Faults(Vec<AnswerFault>);

impl Faults {
    fn add(&mut self, answer: impl Into<String>, why: impl Into<String>, cure: &'static str) {
        self.0.push(AnswerFault { answer: answer.into(), why: why.into(), cure });
    }

    /// The answer if it can be read, otherwise a fault.
    fn read<T>(
        &mut self,
        (answer, text): (&str, &str),
        cure: &'static str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        if text.is_empty() {
            self.add(answer, "is not answered", cure);
            return None;
        }
        let found = read(text);
        if found.is_none() {
            self.add(answer, format!("{text:?} cannot be used"), cure);
        }
        found
    }
}

const HOST: &str = "write a host name in lower case, such as rfq.bank.example";
const DOTTED: &str = "write a host name with a dot, such as console.bank.example: keys are \
    registered for it";
const ADDRESS: &str = "write ADDRESS:PORT with a port from 1, such as 0.0.0.0:9443";
const COMP_ID: &str = "write 1 to 24 characters of A-Z a-z 0-9 _ -";

impl Bank {
    /// Examines answers. `random` makes what nobody has to choose.
    ///
    /// # Errors
    /// Everything that is wrong, each with the answer that must be corrected.
    pub fn of(a: &Answers, random: u64) -> Result<Self, Vec<AnswerFault>> {
        let mut f = Faults::default();
        let read = Self::read(a, random, &mut f);
        match read {
            Some(bank) if f.0.is_empty() => Ok(bank),
            _ => Err(f.0),
        }
    }

    fn read(a: &Answers, random: u64, f: &mut Faults) -> Option<Self> {
        let firm = f.read(("firm", &a.firm), "write 1 to 50 printable characters", firm);
        let own = f.read(("comp_id", or(&a.comp_id, "SIGNET")), COMP_ID, comp_id);
        let domain = "write a name of the firm's in lower case, such as bank.example";
        let trust_domain = f.read(("trust_domain", &a.trust_domain), domain, |t| {
            is_trust_domain(t).then(|| t.to_owned())
        });
        let hosts = hosts(&a.hosts, f);
        let countries = countries(&a.countries, f);
        let networks = networks(&a.networks, f);
        let known = super::texts::CURRENCIES_KNOWN;
        let currency = f.read(("currency", or(&a.currency, "EUR")), known, |c| {
            super::texts::in_euro(c).map(|_| c.to_owned())
        });
        let database = database(a, f);
        if path(&a.database_password_file).is_some_and(|p| !p.is_absolute()) {
            let why = format!("{:?} is relative", a.database_password_file);
            f.add("database_password_file", why, "write an absolute path");
        }
        let state_dir = or(&a.state_dir, "/var/lib/signet");
        let state_dir = f.read(("state_dir", state_dir), "write an absolute path", |d| {
            // The registry's URL would take a question mark for its end.
            let plain = !d.contains('?') && !d.chars().any(char::is_control);
            Some(PathBuf::from(d)).filter(|d| plain && d.is_absolute() && !d.ends_with(".."))
        });
        let id = "write a user id: 1 to 32 characters of a-z 0-9 . _ -";
        let admin = f.read(("admin", &a.admin), id, user_id);
        let first = a.hosts.first().map_or("", String::as_str);
        let console_host = f.read(("console_host", or(&a.console_host, first)), DOTTED, |t| {
            is_rp_id(t).then(|| t.to_owned())
        });
        // 2.25 is the arc of identifiers that somebody makes up (X.667).
        let made_up = format!("2.25.{}", random >> 1);
        let oid = "write an object identifier, such as 1.3.6.1.4.1.99999.1";
        let policy = or(&a.managed_policy, &made_up);
        let policy =
            f.read(("managed_policy", policy), oid, |p| policy_extension(p).map(|_| p.to_owned()));
        let require = a.require.as_ref().map(|r| required(r, f));
        let listen = listeners(a, f);
        let dealers = dealers(&a.dealer, f);
        let traders = traders(&a.trader, f);
        unique(a, f);
        let [desks, enrolment, admins, console] = listen?;
        Some(Self {
            firm: firm?,
            comp_id: own?,
            trust_domain: trust_domain?,
            hosts,
            countries,
            networks,
            currency: currency?,
            database: database?,
            database_password_file: path(&a.database_password_file),
            state_dir: state_dir?,
            admin: admin?,
            console_host: console_host?,
            managed_policy: policy?,
            require,
            instruments: path(&a.instruments),
            desks,
            enrolment,
            admins,
            console,
            outside_gateways: path(&a.outside.gateways),
            outside_admins: path(&a.outside.admins),
            dealers,
            traders,
        })
    }

    /// Whether the firm's own authority issues certificates of dealers.
    pub fn own_dealers(&self) -> bool {
        self.dealers.iter().any(|d| d.ca.is_none())
    }
}

fn or<'t>(given: &'t str, otherwise: &'t str) -> &'t str {
    if given.is_empty() { otherwise } else { given }
}

fn path(text: &str) -> Option<PathBuf> {
    (!text.is_empty()).then(|| text.into())
}

fn firm(text: &str) -> Option<String> {
    (is_plain(text) && text.len() <= FIRM_MAX).then(|| text.to_owned())
}

fn comp_id(text: &str) -> Option<CompId> {
    // As the configuration has it.
    let good = text.len() <= COMP_ID_MAX && !text.contains('.') && is_plain(text);
    CompId::new(text).ok().filter(|_| good)
}

/// As the registry has those of its users.
fn desk_comp_id(text: &str) -> Option<CompId> {
    CompId::new(text).ok().filter(|_| is_desk_comp_id(text))
}

fn user_id(text: &str) -> Option<String> {
    is_user_id(text).then(|| text.to_owned())
}

/// A DNS name in its one spelling; no address, since certificates are for names.
fn host(text: &str) -> Option<String> {
    let label = |l: &str| {
        (1..=63).contains(&l.len())
            && !l.starts_with('-')
            && !l.ends_with('-')
            && l.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    let last = text.rsplit('.').next().unwrap_or_default();
    let numeric = last.bytes().all(|b| b.is_ascii_digit());
    (text.len() <= 253 && !numeric && text.split('.').all(label)).then(|| text.to_owned())
}

fn hosts(given: &[String], f: &mut Faults) -> Vec<String> {
    if given.is_empty() || given.len() > MANY {
        f.add(
            "hosts",
            format!("{} host names", given.len()),
            "name at least one, the first of \
            which desks dial",
        );
    }
    let read =
        |(n, text): (usize, &String)| f.read((&format!("hosts {}", n + 1), text), HOST, host);
    let mut seen = BTreeSet::new();
    given.iter().enumerate().filter_map(read).filter(|h| seen.insert(h.clone())).collect()
}

fn countries(given: &[String], f: &mut Faults) -> Vec<Country> {
    const CURE: &str = "write codes of ISO 3166-1 in capitals; the United Kingdom is GB";
    if given.is_empty() {
        f.add("countries", "is not answered", CURE);
    }
    let mut all = Vec::new();
    for text in given {
        let read = |t: &str| t.parse::<Country>().ok().filter(|c| c.is_assigned());
        all.extend(f.read(("countries", text), CURE, read));
    }
    all
}

fn networks(given: &[String], f: &mut Faults) -> Vec<IpNetwork> {
    const CURE: &str = "write ADDRESS/BITS, at most a /8 of IPv4 or a /16 of IPv6";
    if given.len() > MANY {
        f.add("networks", format!("{} networks", given.len()), "name at most 500");
    }
    let narrow = |n: &IpNetwork| n.prefix() >= if n.is_ipv4() { 8 } else { 16 };
    let mut all = Vec::new();
    for text in given {
        let read = |t: &str| t.parse().ok().filter(narrow);
        all.extend(f.read(("networks", text), CURE, read));
    }
    all
}

/// Facts about a laptop, each once.
fn required(given: &[String], f: &mut Faults) -> Vec<String> {
    const KNOWN: [&str; 5] = ["disk_encryption", "secure_boot", "firewall", "screen_lock", "tpm"];
    const CURE: &str = "write some of disk_encryption, secure_boot, firewall, screen_lock, tpm";
    let mut all = BTreeSet::new();
    for text in given {
        let known = |t: &str| KNOWN.contains(&t).then(|| t.to_owned());
        all.extend(f.read(("require", text), CURE, known));
    }
    all.into_iter().collect()
}

/// `[registry] url`.
fn database(a: &Answers, f: &mut Faults) -> Option<String> {
    const CURE: &str = "write sqlite, or postgres://USER@HOST/DATABASE?sslmode=verify-full&\
        sslrootcert=/etc/signet/db-ca.pem";
    let state = or(&a.state_dir, "/var/lib/signet");
    match or(&a.database, "sqlite") {
        "sqlite" if a.database_password_file.is_empty() => {
            Some(format!("sqlite:{state}/registry.db"))
        }
        "sqlite" => {
            f.add("database_password_file", "SQLite has none", "leave it out");
            None
        }
        // The password's file is looked at when everything is in place.
        url => match RegistryUrl::parse(url, Path::new(""), None) {
            Ok(RegistryUrl::Postgres(_)) => Some(url.to_owned()),
            Ok(RegistryUrl::Sqlite(_)) => {
                f.add("database", "names a file", "write sqlite: the file is in state_dir");
                None
            }
            Err(e) => {
                f.add("database", e.to_string(), CURE);
                None
            }
        },
    }
}

fn listeners(a: &Answers, f: &mut Faults) -> Option<[SocketAddr; 4]> {
    let all = [
        ("listen: desks", or(&a.listen.desks, "0.0.0.0:9443")),
        ("listen: enrolment", or(&a.listen.enrolment, "0.0.0.0:9444")),
        ("listen: admin", or(&a.listen.admin, "127.0.0.1:9445")),
        ("listen: console", or(&a.listen.console, "127.0.0.1:9449")),
    ];
    let mut ports = BTreeSet::from([super::texts::METRICS_PORT]);
    let read = all.map(|(key, text)| {
        let address = |t: &str| t.parse::<SocketAddr>().ok().filter(|a| a.port() != 0);
        let found = f.read((key, text), ADDRESS, address)?;
        if !ports.insert(found.port()) {
            f.add(
                key,
                format!("port {} is used twice", found.port()),
                "give each listener a port \
                of its own; 9446 is that of the metrics",
            );
        }
        Some(found)
    });
    let [Some(desks), Some(enrolment), Some(admins), Some(console)] = read else { return None };
    Some([desks, enrolment, admins, console])
}

fn dealers(given: &[DealerAnswer], f: &mut Faults) -> Vec<Dealer> {
    if given.is_empty() || given.len() > MANY {
        f.add("dealer", format!("{} dealers", given.len()), "name 1 to 500 dealers");
    }
    let mut all = Vec::new();
    for (n, d) in given.iter().enumerate() {
        let key = |k: &str| format!("dealer {}: {k}", n + 1);
        let id = f.read((&key("comp_id"), &d.comp_id), COMP_ID, |t| {
            comp_id(t).and_then(|_| DealerId::new(t).ok())
        });
        let name = f.read(
            (&key("name"), or(&d.name, &d.comp_id)),
            "write 1 to 50 printable \
            characters",
            firm,
        );
        let dialled = f.read((&key("host"), &d.host), "write a host name or an address", |t| {
            host(t).or_else(|| t.parse::<std::net::IpAddr>().ok().map(|_| t.to_owned()))
        });
        let server_name = f.read((&key("server_name"), or(&d.server_name, &d.host)), HOST, host);
        if d.port == 0 {
            f.add(key("port"), "is not answered", "write the port that the dealer named");
        }
        if !d.ca.is_empty() && !d.request.is_empty() {
            f.add(
                key("request"),
                "the dealer has an authority of its own too",
                "leave out ca for a \
                dealer whose certificate the firm issues, or request for another one",
            );
        }
        let (Some(comp_id), Some(name), Some(host), Some(server_name)) =
            (id, name, dialled, server_name)
        else {
            continue;
        };
        all.push(Dealer {
            comp_id,
            name,
            host,
            port: d.port,
            server_name,
            ca: path(&d.ca),
            request: path(&d.request),
            signs: d.signs,
            sign: d.sign,
        });
    }
    all
}

fn traders(given: &[TraderAnswer], f: &mut Faults) -> Vec<Trader> {
    if given.len() > MANY {
        f.add(
            "trader",
            format!("{} traders", given.len()),
            "name at most 500; add the others with \
            user import",
        );
    }
    let mut all = Vec::new();
    for (n, t) in given.iter().enumerate() {
        let key = |k: &str| format!("trader {}: {k}", n + 1);
        let id = f.read((&key("id"), &t.id), "write 1 to 32 characters of a-z 0-9 . _ -", user_id);
        let comp_id = f.read((&key("comp_id"), &t.comp_id), COMP_ID, desk_comp_id);
        let name = or(&t.name, &t.id);
        let name = f.read((&key("name"), name), "write 1 to 50 printable characters", firm);
        if let (Some(id), Some(comp_id), Some(name)) = (id, comp_id, name) {
            all.push(Trader { id, comp_id, name });
        }
    }
    all
}

/// No CompID and no user id belongs to two.
fn unique(a: &Answers, f: &mut Faults) {
    const CURE: &str = "give each of them one of its own";
    let own = ("comp_id".to_owned(), or(&a.comp_id, "SIGNET"));
    let dealers = a.dealer.iter().enumerate();
    let dealers = dealers.map(|(n, d)| (format!("dealer {}: comp_id", n + 1), d.comp_id.as_str()));
    let traders = a.trader.iter().enumerate();
    let traders = traders.map(|(n, t)| (format!("trader {}: comp_id", n + 1), t.comp_id.as_str()));
    let mut seen = BTreeSet::new();
    for (key, id) in [own].into_iter().chain(dealers).chain(traders) {
        if !id.is_empty() && !seen.insert(id) {
            f.add(key, format!("{id} is used twice"), CURE);
        }
    }
    let (mut seen, mut comp_ids) = (BTreeSet::new(), BTreeMap::new());
    for (n, t) in a.trader.iter().enumerate() {
        // The registry does not tell them apart.
        let before = comp_ids.insert(t.comp_id.to_lowercase(), t.comp_id.as_str());
        if let Some(other) = before.filter(|other| *other != t.comp_id) {
            let why = format!("{} differs from {other} in case only", t.comp_id);
            f.add(format!("trader {}: comp_id", n + 1), why, CURE);
        }
        if !t.id.is_empty() && !seen.insert(t.id.as_str()) {
            f.add(format!("trader {}: id", n + 1), format!("{} is used twice", t.id), CURE);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> Answers {
        Answers::parse(include_str!("../../../packaging/gateway/answers.example.toml")).unwrap()
    }

    /// What is wrong, as somebody reads it.
    fn said(change: impl FnOnce(&mut Answers)) -> Vec<String> {
        let mut a = good();
        change(&mut a);
        let faults = Bank::of(&a, 7).err().unwrap_or_default();
        faults.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_example_has_the_defaults_it_says() {
        let b = Bank::of(&good(), 7).unwrap();
        assert_eq!((b.comp_id.as_str(), b.currency.as_str()), ("SIGNET", "EUR"));
        assert_eq!(b.database, "sqlite:/var/lib/signet/registry.db");
        assert_eq!(b.console_host, "rfq.bank.example");
        let all = [b.desks, b.enrolment, b.admins, b.console].map(|a| a.to_string());
        assert_eq!(all, ["0.0.0.0:9443", "0.0.0.0:9444", "127.0.0.1:9445", "127.0.0.1:9449"]);
        assert_eq!(b.managed_policy, "2.25.3");
        assert!(b.own_dealers());
    }

    #[test]
    fn table_of_answers_that_cannot_be_used() {
        type Change = fn(&mut Answers);
        let table: &[(Change, &str)] = &[
            (|a| a.firm.clear(), "firm: is not answered"),
            (|a| a.firm = "A\u{1b}[2J".into(), "firm: "),
            (|a| a.firm = " Bank".into(), "firm: "),
            (|a| a.firm = "Ba\u{200b}nk".into(), "firm: "),
            (|a| a.firm = "x".repeat(51), "firm: "),
            (|a| a.comp_id = "SIG.NET".into(), "comp_id: "),
            (|a| a.comp_id = "S".repeat(25), "comp_id: "),
            (|a| a.comp_id = "SIGNET ".into(), "comp_id: "),
            (|a| a.comp_id = "NORTHBANK".into(), "dealer 1: comp_id: NORTHBANK is used twice"),
            (|a| a.trust_domain.clear(), "trust_domain: is not answered"),
            (|a| a.trust_domain = "Bank Example".into(), "trust_domain: "),
            (|a| a.trust_domain = "bank.example/x".into(), "trust_domain: "),
            (|a| a.hosts.clear(), "hosts: 0 host names"),
            (|a| a.hosts = vec!["RFQ.bank.example".into()], "hosts 1: "),
            (|a| a.hosts = vec!["10.0.0.1".into()], "hosts 1: "),
            (|a| a.hosts = vec!["a..b".into()], "hosts 1: "),
            (|a| a.hosts = vec!["-a.example".into()], "hosts 1: "),
            (|a| a.countries.clear(), "countries: is not answered"),
            (|a| a.countries = vec!["UK".into()], "the United Kingdom is GB"),
            (|a| a.networks = vec!["10.0.0.0/7".into()], "networks: "),
            (|a| a.networks = vec!["fd00::/12".into()], "networks: "),
            (|a| a.networks = vec!["home".into()], "networks: "),
            (|a| a.currency = "XXX".into(), "currency: "),
            (|a| a.database = "mysql://x".into(), "database: "),
            (|a| a.database = "sqlite:elsewhere.db".into(), "database: names a file"),
            (|a| a.database = "postgres://s@db.bank.example/s".into(), "verify-full"),
            (|a| a.database_password_file = "/p".into(), "database_password_file: SQLite has none"),
            (
                |a| {
                    a.database = "postgres://s@localhost/s".into();
                    a.database_password_file = "p".into();
                },
                "database_password_file: \"p\" is relative",
            ),
            (|a| a.state_dir = "/var/lib/a?b".into(), "state_dir: "),
            (|a| a.state_dir = "var/lib".into(), "state_dir: "),
            (|a| a.state_dir = "/var/lib/..".into(), "state_dir: "),
            (|a| a.admin.clear(), "admin: is not answered"),
            (|a| a.admin = "Sylvia".into(), "admin: "),
            (|a| a.admin = "../sylvia".into(), "admin: "),
            (|a| a.console_host = "console".repeat(40), "console_host: "),
            (|a| a.console_host = "localhost".into(), "console_host: "),
            (|a| a.hosts = vec!["localhost".into()], "console_host: "),
            (|a| a.console_host = "rfq.localhost".into(), "console_host: "),
            (|a| a.console_host = "xn--a.bank.example".into(), "console_host: "),
            (|a| a.require = Some(vec!["encryption".into()]), "require: "),
            (|a| a.managed_policy = "managed".into(), "managed_policy: "),
            (|a| a.listen.desks = "9443".into(), "listen: desks: "),
            (|a| a.listen.desks = "0.0.0.0:0".into(), "listen: desks: "),
            (|a| a.listen.admin = "0.0.0.0:9443".into(), "listen: admin: port 9443 is used twice"),
            (|a| a.listen.console = "0.0.0.0:9446".into(), "9446 is that of the metrics"),
            (|a| a.dealer.clear(), "dealer: 0 dealers"),
            (|a| a.dealer[1].comp_id.clear(), "dealer 2: comp_id: is not answered"),
            (|a| a.dealer[1].comp_id = " SOUTH".into(), "dealer 2: comp_id: "),
            (|a| a.dealer[1].comp_id = "NORTHBANK".into(), "dealer 2: comp_id: NORTHBANK is used"),
            (|a| a.dealer[1].host.clear(), "dealer 2: host: is not answered"),
            (|a| a.dealer[1].host = "10.1.1.1".into(), "dealer 2: server_name: "),
            (|a| a.dealer[1].port = 0, "dealer 2: port: is not answered"),
            (
                |a| (a.dealer[0].ca, a.dealer[0].request) = ("a".into(), "b".into()),
                "dealer 1: request: the dealer has an authority of its own too",
            ),
            (|a| a.trader[0].id = "Alice".into(), "trader 1: id: "),
            (|a| a.trader[0].comp_id = "HARBOUR".into(), "trader 1: comp_id: HARBOUR is used"),
            (|a| a.trader[0].comp_id = "ALICE+1".into(), "trader 1: comp_id: "),
            (|a| a.trader[0].comp_id = "A".repeat(25), "trader 1: comp_id: "),
            (
                |a| {
                    let comp_id = a.trader[0].comp_id.to_lowercase();
                    a.trader.push(TraderAnswer { comp_id, id: "al".into(), name: "Al".into() });
                },
                "trader 2: comp_id: alice1 differs from ALICE1 in case only",
            ),
            (|a| a.trader[0].name = "A\nB".into(), "trader 1: name: "),
            (|a| a.trader.push(a.trader[0].clone()), "trader 2: id: alice is used twice"),
        ];
        for (n, (change, wanted)) in table.iter().enumerate() {
            let said = said(change);
            assert!(said.iter().any(|s| s.contains(wanted)), "row {n}, {wanted}: {said:?}");
            let cured = |s: &String| s.rsplit_once("; ").is_some_and(|(_, cure)| cure.len() > 8);
            assert!(said.iter().all(cured), "row {n}: {said:?}");
        }
        assert_eq!(said(|_| ()), Vec::<String>::new());
    }

    #[test]
    fn everything_that_is_wrong_is_said_at_once() {
        let said = Bank::of(&Answers::default(), 7).unwrap_err();
        let named: Vec<&str> = said.iter().map(|f| f.answer.as_str()).collect();
        assert_eq!(
            named,
            ["firm", "trust_domain", "hosts", "countries", "admin", "console_host", "dealer"]
        );
    }
}
