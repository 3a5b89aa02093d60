//! Fields and messages that are newer than the first desks. A gateway that is updated first goes on
//! serving desks of the version before: it sends a desk what that desk says in its Logon (20136)
//! that it knows, and nothing newer. A desk refuses a whole message for one field that its
//! dictionary does not have.
//!
//! What is only sent to a desk that asked for it needs no word: who sends ListDigest (20039) reads
//! ListUnchanged (20040).
//!
//! The next field gets a [`Capability`] with its word, its bit, and its lines in
//! [`Capability::without`].

use super::{AppMessage, GroupMark, QuoteRequest, SnapshotMark};
use crate::{tag, tagvalue::Fields};
use std::{borrow::Cow, fmt};

/// Longest value of DeskKnows (20136) that is read, bytes.
pub const KNOWS_MAX: usize = 256;

/// Something that a gateway sends to desks that know it, and to no other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Capability {
    /// The least quantity of a request (232 to 234), in U2 and UI.
    LeastQuantity,
}

/// What becomes of a message for a desk that does not know a capability.
#[derive(Debug, PartialEq, Eq)]
enum Without {
    /// It has nothing of it.
    Same,
    /// It goes without it.
    Shortened(Box<AppMessage>),
    /// It is not sent: without it, it would mislead the trader.
    Withheld,
}

impl Capability {
    /// All there are.
    pub const ALL: [Self; 1] = [Self::LeastQuantity];

    /// In DeskKnows (20136). Never changes between releases.
    pub const fn word(self) -> &'static str {
        match self {
            Self::LeastQuantity => "least-quantity",
        }
    }

    /// Another one for each.
    const fn bit(self) -> u32 {
        match self {
            Self::LeastQuantity => 1,
        }
    }

    /// The table of capabilities and messages.
    ///
    /// A desk's own request goes without what the desk does not know: it must be on the trader's
    /// screen, where it can be ended, and the gateway keeps to its terms whatever the desk knows. A
    /// colleague's request is not shown: whoever took it over would answer for terms that their
    /// desk does not show, and that no accept of theirs states.
    fn without(self, m: &AppMessage) -> Without {
        match (self, m) {
            (Self::LeastQuantity, AppMessage::Snapshot(SnapshotMark::Rfq(q))) if self.is_in(q) => {
                let shorter = QuoteRequest { min_quantity: None, ..q.clone() };
                Without::Shortened(Box::new(AppMessage::Snapshot(SnapshotMark::Rfq(shorter))))
            }
            (Self::LeastQuantity, AppMessage::Group(GroupMark::Rfq(g)))
                if self.is_in(&g.request) =>
            {
                Without::Withheld
            }
            (Self::LeastQuantity, _) => Without::Same,
        }
    }

    /// Whether a request has something of it.
    const fn is_in(self, q: &QuoteRequest) -> bool {
        match self {
            Self::LeastQuantity => q.min_quantity.is_some(),
        }
    }
}

/// What a desk knows, as it says. A claim: a desk that claims too much refuses what it is sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Capabilities(u32);

impl Capabilities {
    /// What this version knows.
    pub fn all() -> Self {
        Capability::ALL.into_iter().fold(Self::default(), Self::with)
    }

    /// From the fields of a Logon. Words that this version does not know count for nothing, and a
    /// value that is too long or not text says nothing.
    pub fn of_logon(logon: &Fields<'_>) -> Self {
        let stated = logon.text(tag::DESK_KNOWS).filter(|v| v.len() <= KNOWS_MAX);
        let words = stated.unwrap_or_default().split(',');
        let known = words.filter_map(|w| Capability::ALL.into_iter().find(|c| c.word() == w));
        known.fold(Self::default(), Self::with)
    }

    const fn with(self, c: Capability) -> Self {
        Self(self.0 | c.bit())
    }

    /// Whether this is among them.
    pub const fn knows(self, c: Capability) -> bool {
        self.0 & c.bit() != 0
    }

    /// Whether a desk that knows these shows a request with all of its terms.
    pub fn cover(self, q: &QuoteRequest) -> bool {
        self.missing().all(|c| !c.is_in(q))
    }

    fn missing(self) -> impl Iterator<Item = Capability> {
        Capability::ALL.into_iter().filter(move |c| !self.knows(*c))
    }
}

/// As in DeskKnows (20136): words with commas between them.
impl fmt::Display for Capabilities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = Capability::ALL.into_iter().filter(|c| self.knows(*c));
        for (n, c) in known.enumerate() {
            let comma = if n == 0 { "" } else { "," };
            write!(f, "{comma}{}", c.word())?;
        }
        Ok(())
    }
}

impl AppMessage {
    /// This message as a desk is sent it that knows these; `None`: it is sent nothing.
    pub fn for_desk(&self, known: Capabilities) -> Option<Cow<'_, Self>> {
        let mut told = Cow::Borrowed(self);
        for missing in known.missing() {
            match missing.without(&told) {
                Without::Same => {}
                Without::Shortened(m) => told = Cow::Owned(*m),
                Without::Withheld => return None,
            }
        }
        Some(told)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        message::{GroupRfq, tests::any_message},
        tagvalue::seal,
    };
    use proptest::prelude::*;
    use signet_identity::CompId;
    use signet_rfq::{Ask, InstrumentId, PriceType, RfqId, UtcMillis};

    /// Every field that is newer than the first desks, by what it belongs to.
    fn fields(c: Capability) -> &'static [u32] {
        match c {
            Capability::LeastQuantity => &[232, 233, 234],
        }
    }

    fn request(least: Option<i64>) -> QuoteRequest {
        QuoteRequest {
            min_quantity: least.map(Into::into),
            price_type: PriceType::Price,
            legs: vec![],
            id: RfqId::new("R1").unwrap(),
            instrument: InstrumentId::new("EUR/USD").unwrap(),
            isin: false,
            ask: Ask::Buy,
            quantity: 5_000_000.into(),
            currency: "EUR".into(),
            settlement_date: "20261130".into(),
            dealers: vec![],
            expires: UtcMillis(1_795_219_260_000),
            at: UtcMillis(1_795_219_200_000),
        }
    }

    fn of_colleague(request: QuoteRequest) -> AppMessage {
        AppMessage::Group(GroupMark::Rfq(Box::new(GroupRfq {
            desk: CompId::new("BOB").unwrap(),
            name: "bob".into(),
            request,
            quoting: 1,
            hindrance: None,
        })))
    }

    fn own(request: QuoteRequest) -> AppMessage {
        AppMessage::Snapshot(SnapshotMark::Rfq(request))
    }

    #[test]
    fn table_of_capabilities_and_messages() {
        let (old, new) = (Capabilities::default(), Capabilities::all());
        let (plain, least) = (request(None), request(Some(1_000_000)));
        let least_quantity = Capabilities::default().with(Capability::LeastQuantity);
        for (name, m, known, want) in [
            ("its own, plain", own(plain.clone()), old, Some(own(plain.clone()))),
            ("its own", own(least.clone()), old, Some(own(plain.clone()))),
            ("its own", own(least.clone()), least_quantity, Some(own(least.clone()))),
            ("its own", own(least.clone()), new, Some(own(least.clone()))),
            ("plain", of_colleague(plain.clone()), old, Some(of_colleague(plain.clone()))),
            ("a colleague's", of_colleague(least.clone()), old, None),
            (
                "a colleague's",
                of_colleague(least.clone()),
                least_quantity,
                Some(of_colleague(least.clone())),
            ),
            ("a colleague's", of_colleague(least.clone()), new, Some(of_colleague(least.clone()))),
            (
                "the end of the list",
                AppMessage::Group(GroupMark::End { more: true }),
                old,
                Some(AppMessage::Group(GroupMark::End { more: true })),
            ),
        ] {
            assert_eq!(m.for_desk(known).map(Cow::into_owned), want, "{name} to {known:?}");
        }
        for (q, known, want) in
            [(&plain, old, true), (&least, old, false), (&least, least_quantity, true)]
        {
            assert_eq!(known.cover(q), want, "{q:?} to {known:?}");
        }
    }

    proptest! {
        /// Whatever a gateway has to say, a desk gets no field that it does not know, and one that
        /// knows everything gets everything. A desk itself sends R, and is never sent one.
        #[test]
        fn no_desk_is_sent_a_field_that_it_does_not_know(m in any_message()) {
            let all = m.for_desk(Capabilities::all());
            prop_assert_eq!(all.map(Cow::into_owned), Some(m.clone()));
            for missing in Capability::ALL {
                let known = Capability::ALL.into_iter().filter(|c| *c != missing);
                let known = known.fold(Capabilities::default(), Capabilities::with);
                let Some(told) = m.for_desk(known) else { continue };
                let frame = told.encode().finish("FIX.4.4").unwrap();
                let sent = Fields::parse(&frame).unwrap();
                let newer = sent.as_slice().iter().any(|(t, _)| fields(missing).contains(t));
                prop_assert!(!newer || matches!(m, AppMessage::QuoteRequest(_)), "{:?}", told);
            }
        }

        #[test]
        fn no_logon_makes_it_panic(value in "[ -~]{1,300}") {
            let _ = stated(Some(&value));
        }
    }

    fn stated(value: Option<&str>) -> Capabilities {
        let value = value.map_or_else(String::new, |v| format!("20136={v}\u{1}"));
        let frame = seal("FIX.4.4", format!("35=A\u{1}98=0\u{1}{value}").as_bytes());
        Capabilities::of_logon(&Fields::parse(&frame).unwrap())
    }

    #[test]
    fn what_a_logon_says_is_bounded_and_unknown_words_count_for_nothing() {
        let (none, all) = (Capabilities::default(), Capabilities::all());
        let at_most = format!("least-quantity,{}", "x".repeat(KNOWS_MAX - 15));
        let too_long = format!("{at_most}x");
        for (value, want) in [
            (None, none),
            (Some("least-quantity"), all),
            (Some("least-quantity,least-quantity"), all),
            (Some("of-next-year,least-quantity"), all),
            (Some("LEAST-QUANTITY"), none),
            (Some("least-quantity "), none),
            (Some("least"), none),
            (Some(","), none),
            (Some(at_most.as_str()), all),
            (Some(too_long.as_str()), none),
        ] {
            assert_eq!(stated(value), want, "{value:?}");
        }
    }

    #[test]
    fn what_this_version_says_of_itself_is_read_as_it_was_said() {
        let text = Capabilities::all().to_string();
        assert!(text.len() <= KNOWS_MAX && text.bytes().all(|b| b.is_ascii_graphic()), "{text}");
        assert_eq!(stated(Some(&text)), Capabilities::all());
        for (n, c) in Capability::ALL.into_iter().enumerate() {
            assert!(Capabilities::all().knows(c) && c.bit().count_ones() == 1);
            let others = Capability::ALL.iter().take(n).any(|o| o.bit() == c.bit());
            assert!(!others, "{c:?} has a bit of its own");
        }
    }
}
