//! Which laptops are asked for, read from a query. Pure.

use super::{
    AdminRefusal,
    request::{decoded, malformed},
};
use crate::admin::{FIND_MAX, FLEET_FLAGS, FleetFlag};
use signet_identity::{is_device_name, is_user_id};
use signet_registry::FleetPlace;
use std::str::FromStr;

/// Laptops in one answer.
const LIMIT_MAX: usize = 1_000;
const LIMIT_USUAL: usize = 200;
/// A certificate that ends within so many days is flagged, as on the command line.
const DAYS_USUAL: u32 = 30;
const DAYS_MAX: u32 = 3_650;
/// Of the query.
const QUERY_CHARS_MAX: usize = 1_000;
/// Of a number; with more it is refused.
const DIGITS_MAX: usize = 4;

/// Which laptops are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Laptops {
    pub find: Option<String>,
    /// Empty: every laptop.
    pub flags: Vec<FleetFlag>,
    pub days: u32,
    pub limit: usize,
    /// Behind this place.
    pub after: Option<FleetPlace>,
}

impl Default for Laptops {
    fn default() -> Self {
        Self { find: None, flags: vec![], days: DAYS_USUAL, limit: LIMIT_USUAL, after: None }
    }
}

/// Each parameter at most once, but `flag`, of which each word at most once.
pub fn laptops(query: &str) -> Result<Laptops, AdminRefusal> {
    if query.len() > QUERY_CHARS_MAX {
        return Err(malformed("the query is too long"));
    }
    let (mut find, mut flags, mut days, mut limit, mut after) = (None, vec![], None, None, None);
    for pair in query.split('&') {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let value = decoded(value).filter(|v| !v.is_empty());
        let value = value.ok_or_else(|| malformed("a value of the query cannot be read"))?;
        let again = match name {
            "find" => find.replace(text(value)?).is_some(),
            "flag" => {
                let flag = flag(&value)?;
                let again = flags.contains(&flag);
                flags.push(flag);
                again
            }
            "days" => days.replace(number(&value, "days", 0, DAYS_MAX)?).is_some(),
            "limit" => limit.replace(number(&value, "limit", 1, LIMIT_MAX)?).is_some(),
            "after" => after.replace(place(&value)?).is_some(),
            _ => return Err(malformed("find, flag, days, limit and after, and nothing else")),
        };
        if again {
            return Err(malformed("a parameter of the query is there twice"));
        }
    }
    let usual = Laptops::default();
    let (days, limit) = (days.unwrap_or(usual.days), limit.unwrap_or(usual.limit));
    Ok(Laptops { find, flags, days, limit, after })
}

fn text(value: String) -> Result<String, AdminRefusal> {
    if value.len() > FIND_MAX {
        return Err(malformed(format!("find: at most {FIND_MAX} bytes")));
    }
    Ok(value)
}

fn flag(word: &str) -> Result<FleetFlag, AdminRefusal> {
    FleetFlag::read(word).ok_or_else(|| {
        let known = FLEET_FLAGS.map(|(word, _)| word);
        malformed(format!("flag: one of {}", known.join(", ")))
    })
}

fn number<T>(text: &str, name: &str, least: T, most: T) -> Result<T, AdminRefusal>
where
    T: FromStr + PartialOrd + std::fmt::Display,
{
    let digits = text.len() <= DIGITS_MAX && text.bytes().all(|b| b.is_ascii_digit());
    let read = text.parse::<T>().ok().filter(|n| digits && *n >= least && *n <= most);
    read.ok_or_else(|| malformed(format!("{name}: {least} to {most}")))
}

/// `USER/DEVICE`, or `USER` for one without a device.
fn place(text: &str) -> Result<FleetPlace, AdminRefusal> {
    let (user, device) = text.split_once('/').map_or((text, None), |(u, d)| (u, Some(d)));
    if !is_user_id(user) || !device.is_none_or(is_device_name) {
        return Err(malformed("after: USER or USER/DEVICE, both of a-z 0-9 . _ -"));
    }
    Ok(FleetPlace { user: user.into(), device: device.unwrap_or_default().into() })
}

/// As [`laptops`] reads it again.
pub fn place_words(place: &FleetPlace) -> String {
    match place.device.as_str() {
        "" => place.user.clone(),
        device => format!("{}/{device}", place.user),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(user: &str, device: &str) -> Option<FleetPlace> {
        Some(FleetPlace { user: user.into(), device: device.into() })
    }

    #[test]
    fn table_of_queries() {
        use FleetFlag::{Locked, OldVersion};
        let usual = Laptops::default;
        let long = format!("find={}", "a".repeat(FIND_MAX));
        let found = Laptops { find: Some("a".repeat(FIND_MAX)), ..usual() };
        for (query, want) in [
            ("find=Adams%2c+A", Laptops { find: Some("Adams, A".into()), ..usual() }),
            (&*long, found),
            ("flag=locked", Laptops { flags: vec![Locked], ..usual() }),
            (
                "flag=locked&flag=old-version",
                Laptops { flags: vec![Locked, OldVersion], ..usual() },
            ),
            ("days=0", Laptops { days: 0, ..usual() }),
            ("days=3650", Laptops { days: 3_650, ..usual() }),
            ("limit=1", Laptops { limit: 1, ..usual() }),
            ("limit=1000", Laptops { limit: 1_000, ..usual() }),
            ("after=alice", Laptops { after: at("alice", ""), ..usual() }),
            ("after=alice/laptop", Laptops { after: at("alice", "laptop"), ..usual() }),
            ("after=alice%2flaptop", Laptops { after: at("alice", "laptop"), ..usual() }),
            (
                "limit=7&days=9&after=bob&find=x&flag=locked",
                Laptops {
                    find: Some("x".into()),
                    flags: vec![Locked],
                    days: 9,
                    limit: 7,
                    after: at("bob", ""),
                },
            ),
        ] {
            assert_eq!(laptops(query).ok(), Some(want), "{query}");
        }
        assert_eq!((usual().days, usual().limit), (30, 200));
    }

    #[test]
    fn table_of_refusals() {
        let (too_long, whole) = (format!("find={}", "a".repeat(101)), "a".repeat(1_001));
        for query in [
            "",
            "&",
            "find",
            "find=",
            "find=a&find=b",
            "find=%",
            "find=%zz",
            "find=%ff",
            "find=a%00b",
            "find=a%0ab",
            &*too_long,
            &*whole,
            "flag=",
            "flag=Locked",
            "flag=locked&flag=locked",
            "flag=locked,old-version",
            "days=-1",
            "days=3651",
            "days=00030",
            "days=1&days=1",
            "limit=0",
            "limit=1001",
            "limit=99999999999999999999999",
            "limit=%2b5",
            "after=",
            "after=/",
            "after=alice/",
            "after=Alice",
            "after=alice/..",
            "after=alice/x/y",
            "after=alice&after=bob",
            "before=1",
            "FIND=a",
        ] {
            let refused = laptops(query).map_err(|e| e.code());
            assert_eq!(refused, Err("admin.malformed"), "{query}");
        }
    }

    proptest! {
        /// Whatever is asked, the answer is bounded.
        #[test]
        fn any_query_is_bounded(
            query in "((find|flag|days|limit|after)=[a-z0-9%+/-]{0,9}&?){0,4}|[ -~]{0,40}",
        ) {
            if let Ok(read) = laptops(&query) {
                prop_assert!((1..=LIMIT_MAX).contains(&read.limit) && read.days <= DAYS_MAX);
                prop_assert!(read.flags.len() <= FLEET_FLAGS.len());
                prop_assert!(read.find.is_none_or(|f| !f.is_empty() && f.len() <= FIND_MAX));
            }
        }

        /// Where a page ends the next one begins.
        #[test]
        fn a_place_is_read_again(user in "[a-z0-9]{1,9}", device in "([a-z0-9]{1,9})?") {
            let place = FleetPlace { user, device };
            let read = laptops(&format!("after={}", place_words(&place))).unwrap();
            prop_assert_eq!(read.after, Some(place));
        }
    }
}
