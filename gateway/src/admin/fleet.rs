//! The firm's laptops as administrators look at them: who has which, and what needs a hand.

use super::{AdminError, csv, date, open};
use crate::{clock::now, config::Config};
use serde_json::{Value, json};
use signet_events::one_line;
use signet_policy::software::{SoftwarePolicy, StatedVersion, When};
use signet_registry::{
    AccountState, FLEET_PAGE_MAX, FleetPlace, FleetRow, Registry, RegistryError,
};
use signet_rfq::UtcMillis;

/// Rows that one question reads at most; the rest are asked for with [`FleetPage::next`].
const READ_MAX: usize = 5 * FLEET_PAGE_MAX;
/// Longest text that is looked for, bytes.
pub const FIND_MAX: usize = 100;

/// Something about a laptop that needs a hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FleetFlag {
    /// The user or the device is locked, or the user is kept out.
    Locked,
    /// The user has no device yet.
    NotEnrolled,
    /// The device was never on.
    NeverSeen,
    /// The device has no certificate in force.
    NoCertificate,
    /// Its certificate has ended, or ends soon.
    CertificateEnds,
    /// What it ran last would be refused at a logon: too old, withdrawn, or it says no version.
    OldVersion,
    /// The user has fewer than two security keys: losing one keeps them out.
    NoSecondKey,
}

/// Every flag with its word, as it is asked for and shown.
pub const FLEET_FLAGS: [(&str, FleetFlag); 7] = [
    ("locked", FleetFlag::Locked),
    ("not-enrolled", FleetFlag::NotEnrolled),
    ("never-seen", FleetFlag::NeverSeen),
    ("no-certificate", FleetFlag::NoCertificate),
    ("certificate-ends", FleetFlag::CertificateEnds),
    ("old-version", FleetFlag::OldVersion),
    ("no-second-key", FleetFlag::NoSecondKey),
];

impl FleetFlag {
    /// The word, which never changes.
    pub fn word(self) -> &'static str {
        FLEET_FLAGS.iter().find(|(_, f)| *f == self).map_or("", |(w, _)| *w)
    }

    /// From its word.
    pub fn read(word: &str) -> Option<Self> {
        FLEET_FLAGS.iter().find(|(w, _)| *w == word).map(|(_, f)| *f)
    }
}

/// What a row is judged by.
#[derive(Debug, Clone)]
pub struct FleetTerms {
    /// The time.
    pub now: UtcMillis,
    /// A certificate that ends within so many days is flagged.
    pub days: u32,
    /// Which versions may log on.
    pub software: SoftwarePolicy,
}

/// What is looked for.
#[derive(Debug, Clone, Default)]
pub struct FleetQuery {
    /// A text in user, name, CompID, device, serial number, version or platform, whatever the case.
    pub find: Option<String>,
    /// Rows with one of these; empty: every row.
    pub flags: Vec<FleetFlag>,
    /// Behind this place.
    pub after: Option<FleetPlace>,
    /// Rows in the answer.
    pub limit: usize,
}

/// Some rows with their flags.
#[derive(Debug, Clone)]
pub struct FleetPage {
    /// By user and device.
    pub rows: Vec<(FleetRow, Vec<FleetFlag>)>,
    /// Where the next page begins; `None`: there is nothing more. A page may be empty and yet have
    /// a next one.
    pub next: Option<FleetPlace>,
}

/// What needs a hand.
pub fn flags(row: &FleetRow, terms: &FleetTerms) -> Vec<FleetFlag> {
    let enrolled = !row.device.is_empty();
    let seen = row.seen.0 > 0;
    let ends = terms.now.0.saturating_add(i64::from(terms.days).saturating_mul(86_400_000));
    let refused = || {
        let stated = StatedVersion::read(Some(row.version.as_str()));
        terms.software.judge(&stated, When::Logon).is_err()
    };
    let found = [
        (FleetFlag::Locked, is_locked(row) || row.locked_out),
        (FleetFlag::NotEnrolled, !enrolled),
        (FleetFlag::NeverSeen, enrolled && !seen),
        (FleetFlag::NoCertificate, enrolled && row.serial.is_empty()),
        (FleetFlag::CertificateEnds, !row.serial.is_empty() && row.not_after.0 <= ends),
        (FleetFlag::OldVersion, seen && refused()),
        (FleetFlag::NoSecondKey, enrolled && row.keys < 2),
    ];
    found.into_iter().filter(|(_, holds)| *holds).map(|(f, _)| f).collect()
}

fn is_meant(row: &FleetRow, flags: &[FleetFlag], query: &FleetQuery) -> bool {
    let texts =
        [&row.user, &row.name, &row.comp_id, &row.device, &row.serial, &row.version, &row.platform];
    let found = |text: &String| {
        let text = text.to_lowercase();
        texts.iter().any(|t| t.to_lowercase().contains(&text))
    };
    let flagged = query.flags.is_empty() || query.flags.iter().any(|f| flags.contains(f));
    flagged && query.find.as_ref().is_none_or(found)
}

/// A page of the rows that are looked for. Reads a bounded number of rows.
pub async fn fleet_page(
    registry: &Registry,
    query: &FleetQuery,
    terms: &FleetTerms,
) -> Result<FleetPage, RegistryError> {
    let (mut rows, mut after, mut read) = (Vec::new(), query.after.clone(), 0);
    while read < READ_MAX {
        let page = registry.fleet(after.as_ref(), FLEET_PAGE_MAX, terms.now).await?;
        let last = page.len() < FLEET_PAGE_MAX;
        read += page.len();
        for row in page {
            if rows.len() >= query.limit {
                return Ok(FleetPage { rows, next: after });
            }
            after = Some(row.place());
            let flags = flags(&row, terms);
            if is_meant(&row, &flags, query) {
                rows.push((row, flags));
            }
        }
        if last {
            return Ok(FleetPage { rows, next: None });
        }
    }
    Ok(FleetPage { rows, next: after })
}

/// How rows are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FleetFormat {
    /// For people.
    Table,
    /// One object a line.
    Json,
    /// RFC 4180, with a head.
    Csv,
}

/// Gives the whole list to `out`, line by line, page by page; it says whether to go on.
pub async fn fleet(
    config: &Config,
    mut query: FleetQuery,
    days: u32,
    format: FleetFormat,
    mut out: impl FnMut(&str) -> bool,
) -> Result<(), AdminError> {
    let terms = FleetTerms { now: now(), days, software: config.risk.read()?.software };
    let registry = open(config).await?;
    let mut left = query.limit;
    let mut go_on = match format {
        FleetFormat::Table => out(&table_line(&HEAD)),
        FleetFormat::Csv => out(&csv::line(&CSV_HEAD)),
        FleetFormat::Json => true,
    };
    while go_on && left > 0 {
        query.limit = left.min(FLEET_PAGE_MAX);
        let page = fleet_page(&registry, &query, &terms).await?;
        left -= page.rows.len();
        for (row, flags) in &page.rows {
            let line = match format {
                FleetFormat::Table => table_line(&cells(row, flags)),
                FleetFormat::Json => fleet_json(row, flags).to_string(),
                FleetFormat::Csv => csv::line(&csv_cells(row, flags)),
            };
            go_on = go_on && out(&line);
        }
        query.after = page.next;
        if query.after.is_none() {
            break;
        }
    }
    registry.close().await;
    Ok(())
}

const HEAD: [&str; 9] = [
    "USER",
    "DEVICE",
    "STATE",
    "LAST SEEN (UTC)",
    "VERSION",
    "PLATFORM",
    "CERTIFICATE UNTIL",
    "KEYS",
    "NEEDS A HAND",
];

fn table_line<T: AsRef<str>>(c: &[T; 9]) -> String {
    let [user, device, state, seen, version, platform, until, keys, flags] =
        c.each_ref().map(|t| t.as_ref());
    format!(
        "{user:<20} {device:<20} {state:<7} {seen:<19} {version:<12} {platform:<16} {until:<19} \
            {keys:>4}  {flags}"
    )
    .trim_end()
    .to_owned()
}

/// As RFC 3339 writes it; `None`: never, or beyond what can be written.
fn known(at: UtcMillis) -> Option<String> {
    Some(at).filter(|a| a.0 > 0).and_then(|a| date(a).ok())
}

/// To the second, as people read it; `-`: never.
fn moment(at: UtcMillis) -> String {
    known(at).map_or_else(|| "-".into(), |t| t.get(..19).unwrap_or(&t).replace('T', " "))
}

fn is_locked(row: &FleetRow) -> bool {
    [row.user_state, row.device_state].contains(&AccountState::Locked)
}

fn state(row: &FleetRow) -> &'static str {
    match is_locked(row) {
        true => "locked",
        false if row.locked_out => "out",
        false => "active",
    }
}

fn words(flags: &[FleetFlag]) -> String {
    flags.iter().map(|f| f.word()).collect::<Vec<_>>().join(" ")
}

fn cells(row: &FleetRow, flags: &[FleetFlag]) -> [String; 9] {
    let said = |text: &str| if text.is_empty() { "-".into() } else { one_line(text) };
    let version =
        if row.seen.0 > 0 && row.version.is_empty() { "unknown" } else { row.version.as_str() };
    [
        row.user.clone(),
        said(&row.device),
        state(row).into(),
        moment(row.seen),
        said(version),
        said(&row.platform),
        moment(row.not_after),
        row.keys.to_string(),
        words(flags),
    ]
}

const CSV_HEAD: [&str; 13] = [
    "user",
    "name",
    "comp_id",
    "device",
    "state",
    "key_in",
    "serial",
    "certificate_until",
    "security_keys",
    "last_seen",
    "version",
    "platform",
    "flags",
];

fn csv_cells(row: &FleetRow, flags: &[FleetFlag]) -> [String; 13] {
    [
        row.user.clone(),
        row.name.clone(),
        row.comp_id.clone(),
        row.device.clone(),
        state(row).into(),
        row.protection.clone(),
        row.serial.clone(),
        known(row.not_after).unwrap_or_default(),
        row.keys.to_string(),
        known(row.seen).unwrap_or_default(),
        row.version.clone(),
        row.platform.clone(),
        words(flags),
    ]
}

/// One row for a program; what is not known is `null`.
pub fn fleet_json(row: &FleetRow, flags: &[FleetFlag]) -> Value {
    let said = |text: &str| Some(text.to_owned()).filter(|t| !t.is_empty());
    json!({
        "user": row.user, "name": row.name, "comp_id": row.comp_id, "device": said(&row.device),
        "state": state(row), "key_in": said(&row.protection), "serial": said(&row.serial),
        "certificate_until": known(row.not_after), "security_keys": row.keys,
        "last_seen": known(row.seen),
        "version": said(&row.version), "platform": said(&row.platform),
        "flags": flags.iter().map(|f| f.word()).collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use signet_policy::software::SoftwareSettings;

    const DAY: i64 = 86_400_000;
    const NOW: UtcMillis = UtcMillis(1_795_000_000_000);

    fn good() -> FleetRow {
        FleetRow {
            user: "alice".into(),
            name: "Alice Adams".into(),
            comp_id: "ALICE1".into(),
            user_state: AccountState::Active,
            locked_out: false,
            device: "laptop".into(),
            protection: "keychain".into(),
            device_state: AccountState::Active,
            serial: "0a".into(),
            not_after: UtcMillis(NOW.0 + 31 * DAY),
            keys: 2,
            seen: UtcMillis(NOW.0 - DAY),
            version: "1.2.0".into(),
            platform: "linux/x86_64".into(),
        }
    }

    fn terms() -> FleetTerms {
        let settings = SoftwareSettings {
            least_version: Some("1.2.0".into()),
            refused_versions: vec!["1.3.1".into()],
        };
        let software = SoftwarePolicy::new(&settings).unwrap();
        FleetTerms { now: NOW, days: 30, software }
    }

    type Change = fn(&mut FleetRow);

    #[test]
    fn table_of_flags() {
        let table: [(Change, &str); 14] = [
            (|_| {}, ""),
            (|r| r.user_state = AccountState::Locked, "locked"),
            (|r| r.device_state = AccountState::Locked, "locked"),
            (|r| r.locked_out = true, "locked"),
            (
                |r| {
                    (r.device, r.serial, r.version) = Default::default();
                    (r.keys, r.seen, r.not_after) = (0, UtcMillis(0), UtcMillis(0));
                },
                "not-enrolled",
            ),
            (|r| (r.seen, r.version) = (UtcMillis(0), String::new()), "never-seen"),
            (|r| (r.serial, r.not_after) = (String::new(), UtcMillis(0)), "no-certificate"),
            (|r| r.not_after = UtcMillis(NOW.0 + 30 * DAY), "certificate-ends"),
            (|r| r.not_after = UtcMillis(NOW.0 - 1), "certificate-ends"),
            (|r| r.version = "1.1.9".into(), "old-version"),
            (|r| r.version = "1.3.1".into(), "old-version"),
            (|r| r.version = String::new(), "old-version"),
            (|r| r.version = "unreadable".into(), "old-version"),
            (|r| r.keys = 1, "no-second-key"),
        ];
        for (change, want) in table {
            let mut row = good();
            change(&mut row);
            assert_eq!(words(&flags(&row, &terms())), want, "{row:?}");
        }
        let mut any = terms();
        any.software = SoftwarePolicy::default();
        let unknown = FleetRow { version: String::new(), ..good() };
        assert!(flags(&unknown, &any).is_empty(), "any version may log on");
        for (word, flag) in FLEET_FLAGS {
            assert_eq!((FleetFlag::read(word), flag.word()), (Some(flag), word));
        }
    }

    /// A spreadsheet takes a field that begins with one of these for a formula, and what a desk
    /// says of its platform is its own word.
    #[test]
    fn a_field_is_no_formula() {
        let row = FleetRow { platform: "=1+1/x".into(), name: "Adams, \"Al\"".into(), ..good() };
        let line = csv::line(&csv_cells(&row, &[]));
        assert!(line.starts_with("alice,\"Adams, \"\"Al\"\"\",ALICE1,"), "{line}");
        assert!(line.contains(",'=1+1/x,"), "{line}");
    }
}
