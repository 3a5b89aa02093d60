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

use super::{
    AppMessage, ExecutionReport, GroupMark, QuoteRequest, SecurityList, SnapshotMark, VenueState,
};
use crate::{tag, tagvalue::Fields};
use signet_rfq::{Instrument, Over, PriceType, StatedType};
use std::{borrow::Cow, fmt};

/// Longest value of DeskKnows (20136) that is read, bytes.
pub const KNOWS_MAX: usize = 256;

/// Something that a gateway sends to desks that know it, and to no other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Capability {
    /// The least quantity of a request (232 to 234), in U2 and UI.
    LeastQuantity,
    /// That a dealer lets a part of its quotes be taken (20008), in U1.
    Parts,
    /// Discount margins (220 to 222), in y, U2, UI, S, AJ and 8, and in what U4 asks to approve.
    DiscountMargin,
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
    pub const ALL: [Self; 3] = [Self::LeastQuantity, Self::Parts, Self::DiscountMargin];

    /// In DeskKnows (20136). Never changes between releases.
    pub const fn word(self) -> &'static str {
        match self {
            Self::LeastQuantity => "least-quantity",
            Self::Parts => "parts",
            Self::DiscountMargin => "discount-margin",
        }
    }

    /// Another one for each.
    const fn bit(self) -> u32 {
        match self {
            Self::LeastQuantity => 1,
            Self::Parts => 2,
            Self::DiscountMargin => 4,
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
            // Such a desk takes whole quotes, as from any dealer.
            (Self::Parts, AppMessage::VenueState(v)) if v.dealers.iter().any(|d| d.parts) => {
                let mut shorter: VenueState = v.clone();
                shorter.dealers.iter_mut().for_each(|d| d.parts = false);
                Without::Shortened(Box::new(AppMessage::VenueState(shorter)))
            }
            (Self::DiscountMargin, m) => without_margin(m),
            (Self::LeastQuantity | Self::Parts, _) => Without::Same,
        }
    }

    /// Whether a request has something of it.
    const fn is_in(self, q: &QuoteRequest) -> bool {
        match self {
            Self::LeastQuantity => q.min_quantity.is_some(),
            // It is the dealer's, and in no request.
            Self::Parts => false,
            Self::DiscountMargin => matches!(q.price_type, PriceType::Margin(_)),
        }
    }
}

/// Without 220 to 222 a discount margin is a spread: nothing of a request in one is told to a desk
/// that does not know them, not even its own. The desk sees that the instrument is not asked for in
/// it. A dealer's report that is disputed is told, as one whose numbers are not known.
fn without_margin(m: &AppMessage) -> Without {
    let in_margins = match m {
        AppMessage::SecurityList(y) => return without_margins(y),
        AppMessage::Snapshot(SnapshotMark::Rfq(q)) => Capability::DiscountMargin.is_in(q),
        AppMessage::Group(GroupMark::Rfq(g)) => Capability::DiscountMargin.is_in(&g.request),
        AppMessage::Quote(q) => has_benchmark(q.qualifiers.price_type),
        AppMessage::QuoteResponse(r) => has_benchmark(r.price_type.stated()),
        AppMessage::StepUpChallenge(c) => approves_margin(&c.approval),
        AppMessage::ExecutionReport(e) => return report_without_margin(e),
        _ => false,
    };
    if in_margins { Without::Withheld } else { Without::Same }
}

/// Whether it is said with any of 220 to 222. No quote goes to a desk with the curve of a spread.
fn has_benchmark(stated: Option<StatedType>) -> bool {
    stated.is_some_and(|s| matches!(s.over(), Over::Reference(_) | Over::Curve(_)))
}

/// Whether what is to be approved is in a discount margin. A second person at a desk that does not
/// know them would read its number as a price, and sign it.
fn approves_margin(approval: &str) -> bool {
    let of = |line: &str| line.strip_prefix("price-type=").and_then(PriceType::read);
    approval.lines().filter_map(of).any(|of| matches!(of, PriceType::Margin(_)))
}

fn report_without_margin(e: &ExecutionReport) -> Without {
    let told = match (e.price_type.map(StatedType::over), e.disputed) {
        (None | Some(Over::Unsaid | Over::Unreadable), _) => return Without::Same,
        (Some(Over::Reference(_)), false) => return Without::Withheld,
        // It is a spread without its curve, too.
        (Some(Over::Curve(_)), false) => StatedType::from(6),
        (Some(Over::Reference(_) | Over::Curve(_)), true) => StatedType::from(0),
    };
    let told = ExecutionReport { price_type: Some(told), ..e.clone() };
    Without::Shortened(Box::new(AppMessage::ExecutionReport(told)))
}

/// An instrument that is asked for in other numbers, too, is listed with those alone.
fn without_margins(y: &SecurityList) -> Without {
    if y.instruments.iter().all(|i| i.margin().is_none()) {
        return Without::Same;
    }
    let other = |i: &Instrument| {
        let mut other = i.clone();
        other.price_types.retain(|t| !matches!(t, PriceType::Margin(_)));
        Some(other).filter(|i| !i.price_types.is_empty())
    };
    let instruments = y.instruments.iter().filter_map(other).collect();
    let shorter = SecurityList { request: y.request.clone(), last: y.last, instruments };
    Without::Shortened(Box::new(AppMessage::SecurityList(shorter)))
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
        message::{
            DealerState, GroupRfq, StepUpChallenge,
            tests::{any_message, decode, pair},
        },
        tagvalue::seal,
    };
    use proptest::prelude::*;
    use signet_identity::CompId;
    use signet_rfq::{Ask, AssetClass, Benchmark, DealerId, InstrumentId, RfqId, UtcMillis};

    /// Every field that is newer than the first desks, by what it belongs to.
    fn fields(c: Capability) -> &'static [u32] {
        match c {
            Capability::LeastQuantity => &[232, 233, 234],
            Capability::Parts => &[20008],
            Capability::DiscountMargin => &[220, 221, 222],
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

    fn venue(parts: [bool; 2]) -> AppMessage {
        let dealer = |(id, parts): (&str, bool)| DealerState {
            id: DealerId::new(id).unwrap(),
            name: id.into(),
            online: true,
            counters: true,
            parts,
        };
        AppMessage::VenueState(VenueState {
            name: "Practice".into(),
            practice: true,
            dealers: ["N", "E"].into_iter().zip(parts).map(dealer).collect(),
            at: UtcMillis(1_795_219_200_000),
        })
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
            ("whole quotes", venue([false; 2]), old, Some(venue([false; 2]))),
            ("parts", venue([true, false]), old, Some(venue([false; 2]))),
            ("parts", venue([true, false]), least_quantity, Some(venue([false; 2]))),
            ("parts", venue([true, false]), new, Some(venue([true, false]))),
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

    fn listed(types: &[&[PriceType]]) -> AppMessage {
        let instruments = types.iter().zip(["DE0001102580", "US0378331005"]).map(|(types, id)| {
            let id = InstrumentId::new(id).unwrap();
            let asset_class = AssetClass::GovernmentBond;
            Instrument { id, asset_class, price_types: types.to_vec(), ..pair("EUR/USD") }
        });
        let request = RfqId::new("list").unwrap();
        let instruments = instruments.collect();
        AppMessage::SecurityList(SecurityList { request, last: true, instruments })
    }

    fn without_last(m: AppMessage) -> AppMessage {
        let AppMessage::SecurityList(mut y) = m else { unreachable!() };
        y.instruments.pop();
        AppMessage::SecurityList(y)
    }

    #[test]
    fn nothing_of_a_discount_margin_is_told_to_a_desk_that_would_read_a_spread() {
        use PriceType::{Price, Spread};
        let of = Benchmark::read("EURIBOR", "3M", "EUR").unwrap();
        let margin = PriceType::Margin(of);
        let asked = |price_type| QuoteRequest { price_type, ..request(None) };
        let decoded = |text: &str| decode(text).unwrap();
        let s = |of: &str| {
            decoded(&format!(
                "35=S|131=R1|117=Q1|55=DE0001102580|{of}132=45|134=5|62=20261121-02:22:00.000|60=20261121-02:22:00.000|"
            ))
        };
        let aj = |of: &str| {
            decoded(&format!(
                "35=AJ|693=x|117=q|694=1|11=x|55=DE0001102580|54=1|38=5|60=20261121-02:22:00.000|44=45|{of}"
            ))
        };
        let report = |of: &str, disputed: bool| {
            let m = decoded(&format!(
                "35=8|37=o|11=x|17=e|150=F|39=2|55=X|54=1|{of}32=5|31=45|151=0|14=5|6=45|60=20261121-02:22:00.000|"
            ));
            let AppMessage::ExecutionReport(e) = m else { unreachable!() };
            AppMessage::ExecutionReport(ExecutionReport { disputed, ..e })
        };
        let over = "220=EUR|221=Euribor|222=3M|423=6|";
        let both = || listed(&[&[margin, Price], &[margin]]);
        let approve = |of: &str| {
            AppMessage::StepUpChallenge(StepUpChallenge {
                id: "c1".into(),
                reason: None,
                deadline: UtcMillis(1_795_219_200_000),
                approval: format!("signet approval 1\nprice=45\n{of}dealer=N\n"),
                options: "{}".into(),
            })
        };
        for (m, want) in [
            (own(asked(margin)), None),
            (of_colleague(asked(margin)), None),
            (own(asked(Spread)), Some(own(asked(Spread)))),
            (of_colleague(asked(Spread)), Some(of_colleague(asked(Spread)))),
            (s(over), None),
            (s("423=6|"), Some(s("423=6|"))),
            (aj(over), None),
            (aj("423=6|"), Some(aj("423=6|"))),
            (report(over, false), None),
            (report(over, true), Some(report("423=0|", true))),
            (report("423=6|", false), Some(report("423=6|", false))),
            (report("221=SWAP|423=6|", false), Some(report("423=6|", false))),
            (report("221=SWAP|423=6|", true), Some(report("423=0|", true))),
            (report("221=EUROBOR|423=6|", true), Some(report("221=EUROBOR|423=6|", true))),
            (both(), Some(without_last(listed(&[&[Price], &[Price]])))),
            (listed(&[&[Price, Spread]]), Some(listed(&[&[Price, Spread]]))),
            (approve(&format!("price-type={margin}\n")), None),
            (approve("price-type=spread\n"), Some(approve("price-type=spread\n"))),
            (approve(""), Some(approve(""))),
        ] {
            let others = Capability::ALL.into_iter().filter(|c| *c != Capability::DiscountMargin);
            let others = others.fold(Capabilities::default(), Capabilities::with);
            assert_eq!(m.for_desk(others).map(Cow::into_owned), want, "{m:?}");
            let all = m.for_desk(Capabilities::all()).map(Cow::into_owned);
            assert_eq!(all, Some(m));
        }
        assert!(!Capabilities::default().cover(&asked(margin)));
        assert!(Capabilities::all().cover(&asked(margin)));
        assert!(Capabilities::default().cover(&asked(Spread)));
    }

    #[test]
    fn what_a_logon_says_is_bounded_and_unknown_words_count_for_nothing() {
        let none = Capabilities::default();
        let least = none.with(Capability::LeastQuantity);
        let at_most = format!("least-quantity,{}", "x".repeat(KNOWS_MAX - 15));
        let too_long = format!("{at_most}x");
        for (value, want) in [
            (None, none),
            (Some("least-quantity"), least),
            (Some("parts"), none.with(Capability::Parts)),
            (Some("parts,least-quantity"), least.with(Capability::Parts)),
            (Some("discount-margin,parts,least-quantity"), Capabilities::all()),
            (Some("least-quantity,least-quantity"), least),
            (Some("of-next-year,least-quantity"), least),
            (Some("LEAST-QUANTITY"), none),
            (Some("least-quantity "), none),
            (Some("least"), none),
            (Some(","), none),
            (Some(at_most.as_str()), least),
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
