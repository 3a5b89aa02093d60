//! The facts file: rates, groups, panels and lists, and when a trading day begins.

use super::{EntitleError, MAX_CURRENCIES, MAX_GROUPS, MAX_MEMBERS, MAX_NAME_CHARS, World};
use rust_decimal::Decimal;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// Most digits after the point in a rate; with a quantity's it stays exact.
const MAX_RATE_SCALE: u32 = 10;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    reporting_currency: String,
    #[serde(default)]
    day_begins_utc_minutes: u16,
    #[serde(default)]
    rates: BTreeMap<String, String>,
    #[serde(default)]
    groups: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    panels: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    lists: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    admin_groups: BTreeMap<String, Vec<String>>,
}

/// Names of groups, each with its members.
pub(crate) type Groups = BTreeMap<String, BTreeSet<String>>;

/// The facts, checked against the gateway's dealers and instruments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// ISO 4217 code; limits of policies are in this currency.
    pub reporting_currency: String,
    /// Minutes after midnight UTC at which a trading day begins.
    pub day_begins_utc_minutes: u16,
    /// What one unit of a currency is in the reporting currency, that one (as 1) included.
    pub rates: BTreeMap<String, Decimal>,
    /// Of traders.
    pub groups: Groups,
    /// Of dealers.
    pub panels: Groups,
    /// Of instruments, by id: symbols have been resolved.
    pub lists: Groups,
    /// Groups of administrators, by name.
    pub admin_groups: Groups,
}

impl Facts {
    /// Reads the file. Names that the gateway does not know are refused.
    pub fn from_toml(text: &str, world: &World) -> Result<Self, EntitleError> {
        let file: File = toml::from_str(text)
            .map_err(|e| EntitleError::Facts(e.to_string().trim_end().replace('\n', " ")))?;
        if file.day_begins_utc_minutes >= 24 * 60 {
            return Err(fact("day_begins_utc_minutes", "0 to 1439"));
        }
        let dealer = |name: &str| match world.dealers.contains(name) {
            true => Ok(name.to_owned()),
            false => Err(format!("{name:?} is not a configured dealer")),
        };
        let lists = groups("lists", file.lists, |name| world.instrument(name))?;
        Ok(Self {
            rates: rates(&file.reporting_currency, file.rates)?,
            reporting_currency: file.reporting_currency,
            day_begins_utc_minutes: file.day_begins_utc_minutes,
            groups: groups("groups", file.groups, person)?,
            panels: groups("panels", file.panels, dealer)?,
            lists,
            admin_groups: groups("admin_groups", file.admin_groups, person)?,
        })
    }

    /// Everybody in a group.
    pub fn traders(&self) -> BTreeSet<&str> {
        self.groups.values().flatten().map(String::as_str).collect()
    }

    /// Whether some group has both of these traders.
    pub fn share_a_group(&self, one: &str, other: &str) -> bool {
        self.groups.values().any(|members| members.contains(one) && members.contains(other))
    }

    /// Every administrator in a group.
    pub fn administrators(&self) -> BTreeSet<&str> {
        self.admin_groups.values().flatten().map(String::as_str).collect()
    }
}

/// Groups by member: what each belongs to.
pub(crate) fn by_member(groups: &Groups) -> BTreeMap<&str, BTreeSet<&str>> {
    let mut all: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (group, members) in groups {
        for m in members {
            all.entry(m).or_default().insert(group);
        }
    }
    all
}

fn fact(key: impl Into<String>, why: impl Into<String>) -> EntitleError {
    EntitleError::Fact { key: key.into(), why: why.into() }
}

fn rates(
    reporting: &str,
    written: BTreeMap<String, String>,
) -> Result<BTreeMap<String, Decimal>, EntitleError> {
    if !is_currency(reporting) {
        return Err(fact("reporting_currency", "must be an ISO 4217 code"));
    }
    if written.len() > MAX_CURRENCIES {
        return Err(fact("rates", format!("more than {MAX_CURRENCIES}")));
    }
    let mut rates = BTreeMap::from([(reporting.to_owned(), Decimal::ONE)]);
    for (currency, text) in written {
        let key = format!("rates.{currency}");
        if !is_currency(&currency) {
            return Err(fact(key, "is no ISO 4217 code"));
        }
        let rate: Decimal = text.parse().map_err(|e| fact(&key, format!("{text:?}: {e}")))?;
        if rate <= Decimal::ZERO
            || rate > Decimal::from(1_000_000_000)
            || rate.scale() > MAX_RATE_SCALE
        {
            return Err(fact(
                key,
                format!(
                    "{text}: greater than 0, at most 1000000000, at most {MAX_RATE_SCALE} digits \
                        after the point"
                ),
            ));
        }
        if currency == reporting && rate != Decimal::ONE {
            return Err(fact(key, "one unit of the reporting currency is 1"));
        }
        rates.insert(currency, rate);
    }
    Ok(rates)
}

pub(crate) fn is_currency(text: &str) -> bool {
    text.len() == 3 && text.bytes().all(|b| b.is_ascii_uppercase())
}

/// Printable ASCII of sensible length: nothing that looks like something else.
pub(crate) fn is_name(text: &str) -> bool {
    (1..=MAX_NAME_CHARS).contains(&text.len())
        && text.bytes().all(|b| (0x20..0x7f).contains(&b))
        && text.trim() == text
}

fn person(name: &str) -> Result<String, String> {
    if is_name(name) { Ok(name.to_owned()) } else { Err(format!("{name:?} is not a user id")) }
}

fn groups(
    key: &str,
    written: BTreeMap<String, Vec<String>>,
    resolve: impl Fn(&str) -> Result<String, String>,
) -> Result<Groups, EntitleError> {
    if written.len() > MAX_GROUPS || written.values().map(Vec::len).sum::<usize>() > MAX_MEMBERS {
        return Err(fact(
            key,
            format!("more than {MAX_GROUPS}, or more than {MAX_MEMBERS} members together"),
        ));
    }
    let mut all = Groups::new();
    for (name, members) in written {
        let key = format!("{key}.{name}");
        if !is_name(&name) {
            return Err(fact(
                key,
                format!("a name is 1 to {MAX_NAME_CHARS} printable ASCII characters"),
            ));
        }
        let mut set = BTreeSet::new();
        for m in &members {
            let id = resolve(m).map_err(|why| fact(&key, why))?;
            if !set.insert(id) {
                return Err(fact(key, format!("{m:?} is named twice")));
            }
        }
        all.insert(name, set);
    }
    Ok(all)
}
