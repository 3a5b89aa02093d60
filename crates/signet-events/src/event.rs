//! One thing that happened.

use crate::{Entry, Text, entry};
use serde::Serialize;
use std::{fmt, net::IpAddr};

/// Who did it. What a peer only claims to be is an [`Actor::Address`] until it is proved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind", content = "id")]
pub enum Actor {
    /// The gateway itself.
    Gateway,
    /// An account of the operating system, by its real uid: `alice(1000)@gw1`.
    Account(Text),
    /// An administrator, by certificate and address: `admin sylvia from 192.0.2.1`.
    Administrator(Text),
    /// A desk that proved its certificate, by its CompID.
    Desk(Text),
    /// A dealer, by its CompID.
    Dealer(Text),
    /// A program that the firm trusts to say it, such as its identity provider.
    Service(Text),
    /// Somebody at this address who proved nothing.
    Address(IpAddr),
}

/// Side of the trader.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// The trader buys.
    Buy,
    /// The trader sells.
    Sell,
}

/// What an event is about; what is not known or does not apply is `None`.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[allow(missing_docs, reason = "the names are those of the fields in docs/events.md")]
pub struct About {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device: Option<Text>,
    /// CompID of a desk.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub desk: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dealer: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<IpAddr>,
    /// ISO 3166-1, two letters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub country: Option<Text>,
    /// Where a session was before it went on at `address`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address_before: Option<IpAddr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub country_before: Option<Text>,
    /// Number of the autonomous system of the address (RFC 6793).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub as_number: Option<u32>,
    /// Whose autonomous system that is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub as_name: Option<Text>,
    /// Serial number of a certificate, hexadecimal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate: Option<Text>,
    /// Digest of the policy that decided, or that is in force now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<Text>,
    /// Digest of the policy before it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy_before: Option<Text>,
    /// The rules or policies that decided, by their ids.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<Text>,
    /// The kind of reason for which a touch was asked: `amount`, `logon`, `wake`, `risk`, `policy`
    /// and so on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Text>,
    /// Risk score of an access: 0 and more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub score: Option<u32>,
    /// `allow`, `step_up` or `deny`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decision: Option<Text>,
    /// What the score is made of, each as `attribute: condition (points)`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub factors: Vec<Text>,
    /// The RFQ, as the gateway names it: unique over all desks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rfq: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quote: Option<Text>,
    /// The accept (ClOrdID), as the gateway names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accept: Option<Text>,
    /// ExecID of the dealer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub execution: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instrument: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub side: Option<Side>,
    /// Decimal, in units of the instrument.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quantity: Option<Text>,
    /// Decimal, in the instrument's convention.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price: Option<Text>,
    /// ISO 4217.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub currency: Option<Text>,
    /// MsgType (35) of the message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<Text>,
    /// A file, a setting or another thing of the gateway.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object: Option<Text>,
    /// How many: of what was left out, of records, of attempts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
}

impl About {
    /// About the desk with this CompID.
    #[must_use]
    pub fn desk(id: impl fmt::Display) -> Self {
        Self { desk: Some(Text::of(id)), ..Self::default() }
    }

    /// About the dealer with this CompID.
    #[must_use]
    pub fn dealer(id: impl fmt::Display) -> Self {
        Self { dealer: Some(Text::of(id)), ..Self::default() }
    }

    /// About a person.
    #[must_use]
    pub fn user(id: impl fmt::Display) -> Self {
        Self { user: Some(Text::of(id)), ..Self::default() }
    }

    /// About a person's device.
    #[must_use]
    pub fn device(user: impl fmt::Display, device: impl fmt::Display) -> Self {
        Self { device: Some(Text::of(device)), ..Self::user(user) }
    }

    /// About a file, a setting or another thing of the gateway.
    #[must_use]
    pub fn object(name: impl fmt::Display) -> Self {
        Self { object: Some(Text::of(name)), ..Self::default() }
    }

    /// The one name for what it is about: `USER/DEVICE`, a user, a CompID, an object; else empty.
    #[must_use]
    pub fn subject(&self) -> String {
        let one = [&self.user, &self.desk, &self.dealer, &self.object];
        match (&self.user, &self.device) {
            (Some(user), Some(device)) => format!("{user}/{device}"),
            _ => one.into_iter().flatten().next().map(Text::to_string).unwrap_or_default(),
        }
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gateway => f.write_str("gateway"),
            Self::Account(id) | Self::Administrator(id) => id.fmt(f),

            Self::Desk(id) => write!(f, "desk {id}"),
            Self::Dealer(id) => write!(f, "dealer {id}"),
            Self::Service(id) => write!(f, "service {id}"),
            Self::Address(ip) => write!(f, "address {ip}"),
        }
    }
}

impl Actor {
    /// The actor that a row of the registry names, in the words of its `Display`, or of the
    /// enrolment service for who asks it (`est 192.0.2.1`). Other words are an account.
    #[must_use]
    pub fn read(words: &str) -> Self {
        let after = |kind: &str| words.strip_prefix(kind).filter(|id| !id.is_empty());
        if words == "gateway" {
            return Self::Gateway;
        }
        if let Ok(ip) = after("address ").or(after("est ")).unwrap_or(words).parse() {
            return Self::Address(ip);
        }
        match (after("desk "), after("dealer "), after("service ")) {
            (Some(id), ..) => Self::Desk(id.into()),
            (_, Some(id), _) => Self::Dealer(id.into()),
            (.., Some(id)) => Self::Service(id.into()),
            _ if words.starts_with("admin ") => Self::Administrator(words.into()),
            _ => Self::Account(words.into()),
        }
    }

    /// The address that it names: its own, or that of an administrator (`admin sylvia from
    /// 192.0.2.1`, with the key and perhaps a reason behind it in the console). A name has no
    /// blank, and may be `from`; a reason may be about an address.
    #[must_use]
    pub fn address(&self) -> Option<IpAddr> {
        match self {
            Self::Address(ip) => Some(*ip),
            Self::Administrator(id) => {
                let mut behind_name = id.as_str().split(' ').skip(2);
                behind_name.next().filter(|word| *word == "from")?;
                behind_name.next()?.parse().ok()
            }
            _ => None,
        }
    }
}

/// Which record of the evidence an event follows from, so that what was lost on the way can be told
/// again, and nothing twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Origin {
    /// Records of the evidence up to and with it.
    pub position: u64,
    /// Which of the events that follow from the record, from 0.
    pub index: u32,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "e{}-{}", self.position, self.index)
    }
}

impl Origin {
    /// What `Display` has written.
    #[must_use]
    pub fn read(words: &str) -> Option<Self> {
        let (position, index) = words.strip_prefix('e')?.split_once('-')?;
        Some(Self { position: position.parse().ok()?, index: index.parse().ok()? })
    }
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// When, in microseconds since 1970, UTC.
    pub at_us: i64,
    /// What it is, in the catalogue.
    pub entry: &'static Entry,
    /// The code that it was raised with: that of the entry, or one that the entry stands for.
    pub code: &'static str,
    /// Who did it.
    pub actor: Actor,
    /// What it is about.
    pub about: About,
    /// The rest, for a person.
    pub words: Text,
    /// Where it can be found again, for an event of the business that changed something.
    pub origin: Option<Origin>,
}

impl Event {
    /// What the gateway did or saw. A code that the catalogue lacks is an event all the same, under
    /// [`UNKNOWN`](crate::catalogue::UNKNOWN).
    #[must_use]
    pub fn new(at_us: i64, code: &'static str, words: impl Into<Text>) -> Self {
        Self {
            at_us,
            entry: entry(code),
            code,
            actor: Actor::Gateway,
            about: About::default(),
            words: words.into(),
            origin: None,
        }
    }

    /// The same, done by somebody.
    #[must_use]
    pub fn by(self, actor: Actor) -> Self {
        Self { actor, ..self }
    }

    /// The same, which follows from a record of the evidence.
    #[must_use]
    pub fn following(self, origin: Option<Origin>) -> Self {
        Self { origin, ..self }
    }

    /// The same, about something.
    #[must_use]
    pub fn about(self, about: About) -> Self {
        Self { about, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_it_is_about_has_one_name() {
        let both = About { dealer: Some("NORTH".into()), ..About::desk("ALICE1") };
        for (about, name) in [
            (About::default(), ""),
            (About::desk("ALICE1"), "ALICE1"),
            (both, "ALICE1"),
            (About::dealer("NORTH"), "NORTH"),
            (About::user("alice"), "alice"),
            (About::device("alice", "laptop"), "alice/laptop"),
            (About::object("desks.crl"), "desks.crl"),
        ] {
            assert_eq!(about.subject(), name, "{about:?}");
        }
    }

    #[test]
    fn who_did_it_is_told_in_words() {
        for (actor, words) in [
            (Actor::Gateway, "gateway"),
            (Actor::Account("alice(1000)@gw1".into()), "alice(1000)@gw1"),
            (Actor::Administrator("admin sylvia".into()), "admin sylvia"),
            (Actor::Desk("ALICE1".into()), "desk ALICE1"),
            (Actor::Dealer("NORTH".into()), "dealer NORTH"),
            (Actor::Service("idp".into()), "service idp"),
            (Actor::Address([192, 0, 2, 1].into()), "address 192.0.2.1"),
        ] {
            assert_eq!(actor.to_string(), words);
            assert_eq!(Actor::read(words), actor);
        }
        assert_eq!(Actor::read("192.0.2.9"), Actor::Address([192, 0, 2, 9].into()));
        assert_eq!(Actor::read("est 2001:db8::1"), Actor::read("2001:db8::1"));
        assert_eq!(Actor::read("desk "), Actor::Account("desk ".into()));
        assert_eq!(Actor::read("est nobody"), Actor::Account("est nobody".into()));
    }

    #[test]
    fn table_of_the_addresses_that_actors_name() {
        let here = Some(IpAddr::from([192, 0, 2, 1]));
        for (words, want) in [
            ("192.0.2.1", here),
            ("est 192.0.2.1", here),
            ("admin sylvia from 192.0.2.1", here),
            ("admin sylvia from 192.0.2.1 with key c2VjcmV0", here),
            ("admin from from 192.0.2.1 with key c2VjcmV0", here),
            ("admin sylvia from 192.0.2.1 with key c2VjcmV0 (calls from 10.9.9.9)", here),
            ("admin sylvia (calls from 10.9.9.9)", None),
            ("admin sylvia", None),
            ("admin sylvia from", None),
            ("admin sylvia from home", None),
            ("alice(1000)@gw1", None),
            ("desk ALICE1", None),
            ("gateway", None),
        ] {
            assert_eq!(Actor::read(words).address(), want, "{words}");
        }
    }
}
