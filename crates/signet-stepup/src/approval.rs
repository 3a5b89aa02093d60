//! The text of an approval.
//!
//! A person touches a key for this text and nothing else: its SHA-256 is signed. The text is made
//! of lines `name=value` in one fixed order, so that a desk, a gateway and a later reader of the
//! evidence write the same bytes with a text editor and a hash.

use aws_lc_rs::digest;
use rust_decimal::Decimal;
use signet_rfq::{PriceType, Side};
use std::fmt;

/// First line of every text; the number changes with the format.
const HEAD: &str = "signet-step-up 1";
/// Longest value, bytes.
const VALUE_LEN_MAX: usize = 256;
/// Longest text that is read, bytes.
pub const TEXT_LEN_MAX: usize = 8 * 1024;

/// SHA-256 of an approval's text.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest(pub [u8; 32]);

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|b| write!(f, "{b:02x}"))
    }
}

/// Why there is no approval text. At fault: whoever gave the values or sent the text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ApprovalError {
    /// A value is not allowed in a line; holds its name in the text.
    #[error("{0} is empty, too long or holds control characters")]
    Value(&'static str),
    /// The text is not one that [`Approval::text`] writes, or is longer than [`TEXT_LEN_MAX`].
    #[error("the text to approve is not one that this version knows")]
    Unreadable,
}

/// Why a session needs its trader to be verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SessionReason {
    /// The session begins.
    Logon,
    /// The trader asked to be verified.
    OnDemand,
    /// The laptop woke from sleep.
    Wake,
    /// The screen was unlocked.
    Unlock,
    /// The trader did nothing for too long.
    Idle,
    /// The risk score of the session rose.
    Risk,
}

impl SessionReason {
    /// Every reason, in the order of the enum.
    pub const ALL: [Self; 6] =
        [Self::Logon, Self::OnDemand, Self::Wake, Self::Unlock, Self::Idle, Self::Risk];

    /// As approval texts and tag 20103 write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Logon => "logon",
            Self::OnDemand => "on-demand",
            Self::Wake => "wake",
            Self::Unlock => "unlock",
            Self::Idle => "idle",
            Self::Risk => "risk",
        }
    }

    /// The reason of a word; `None` for one that [`Self::as_str`] does not write.
    pub fn read(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|r| r.as_str() == word)
    }
}

/// An RFQ, before it goes to its dealers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestTerms {
    /// QuoteReqID as the desk wrote it.
    pub rfq: String,
    /// ISIN or currency pair.
    pub instrument: String,
    /// `buy`, `sell` or `two-way`, from the trader's side.
    pub ask: String,
    /// Plain decimal without trailing zeros after the point.
    pub quantity: String,
    /// The least that is traded, in the same form; `None` for any part.
    pub min_quantity: Option<String>,
    /// ISO 4217.
    pub currency: String,
    /// `YYYYMMDD`.
    pub settlement: String,
    /// What the prices count, when they are not plain prices: `yield`, `spread`, or a discount
    /// margin with what it is over, as `signet_rfq::PriceType` is written.
    pub price_type: Option<String>,
    /// A line for each leg of a package; none for a single instrument.
    pub legs: Vec<String>,
    /// Seconds, plain decimal.
    pub ttl_s: String,
    /// In the order asked.
    pub dealers: Vec<String>,
}

/// A quote that is accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcceptTerms {
    /// QuoteReqID (131) as the desk wrote it.
    pub rfq: String,
    /// ClOrdID as the desk wrote it.
    pub accept: String,
    /// CompID of the dealer.
    pub dealer: String,
    /// QuoteID (117) as the dealer wrote it.
    pub quote: String,
    /// ISIN or currency pair.
    pub instrument: String,
    /// `buy` or `sell`, from the trader's side.
    pub side: String,
    /// Plain decimals without trailing zeros after the point.
    pub price: String,
    /// In `currency`; the same form as `price`.
    pub quantity: String,
    /// ISO 4217.
    pub currency: String,
    /// `YYYYMMDD`.
    pub settlement: String,
    /// What the prices count, when they are not plain prices: `yield`, `spread`, or a discount
    /// margin with what it is over, as `signet_rfq::PriceType` is written.
    pub price_type: Option<String>,
    /// A line for each leg of a package, with its price; none for a single instrument.
    pub legs: Vec<String>,
    /// Which later quotes of the dealer are approved too.
    pub limit: Option<LimitTerms>,
}

/// How far an approved accept may follow its dealer's quotes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimitTerms {
    /// The worst price; the same form as the accept's.
    pub price: String,
    /// Milliseconds since 1970, UTC: not passed on from then on.
    pub until_ms: String,
}

/// An accept that is approved before its quote is chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AheadTerms {
    /// QuoteReqID (131) as the desk wrote it.
    pub rfq: String,
    /// ISIN or currency pair.
    pub instrument: String,
    /// `buy` or `sell`, from the trader's side.
    pub side: String,
    /// The most, in `currency`; plain decimal without trailing zeros after the point.
    pub quantity: String,
    /// ISO 4217.
    pub currency: String,
    /// `YYYYMMDD`.
    pub settlement: String,
    /// What the prices count, when they are not plain prices: `yield`, `spread`, or a discount
    /// margin with what it is over, as `signet_rfq::PriceType` is written.
    pub price_type: Option<String>,
    /// A line for each leg of a package, without a price; none for a single instrument.
    pub legs: Vec<String>,
    /// The worst price, and until when.
    pub limit: LimitTerms,
    /// Any one of these.
    pub dealers: Vec<String>,
}

impl AheadTerms {
    /// Whether an accept is the one that was approved.
    pub fn covers(&self, accept: &AcceptTerms) -> bool {
        let same = (&self.rfq, &self.instrument, &self.side, &self.currency, &self.settlement)
            == (
                &accept.rfq,
                &accept.instrument,
                &accept.side,
                &accept.currency,
                &accept.settlement,
            )
            && self.price_type == accept.price_type;
        let number = |text: &str| text.parse::<Decimal>().ok();
        let size = number(&accept.quantity).zip(number(&self.quantity));
        // A package goes as a whole, whatever the prices of its legs that make the net price.
        let whole = self.legs.is_empty() || size.is_some_and(|(taken, all)| taken == all);
        same && whole
            && unpriced(&accept.legs).as_ref() == Some(&self.legs)
            && is_net(accept)
            && self.dealers.contains(&accept.dealer)
            && size.is_some_and(|(taken, most)| taken > Decimal::ZERO && taken <= most)
            && self.limit.allows(self.price_type.as_deref(), &self.side, &accept.price)
    }
}

impl LimitTerms {
    /// Whether a price is not worse; what cannot be read is.
    fn allows(&self, price_type: Option<&str>, side: &str, price: &str) -> bool {
        let number = |text: &str| text.parse::<Decimal>().ok();
        let both = number(price).zip(number(&self.price));
        let side = match side {
            "buy" => Side::Buy,
            "sell" => Side::Sell,
            _ => return false,
        };
        let of = price_type.map_or(Some(PriceType::Price), PriceType::read);
        both.zip(of).is_some_and(|((price, limit), of)| !of.direction().beyond(side, price, limit))
    }
}

impl AcceptTerms {
    /// Whether `goes_on` is approved by who approved `self`: the same terms, or, with a limit,
    /// another quote of the same dealer whose price is not worse than it. Of a package every leg is
    /// the same but for its price, and the prices of the legs make the net price.
    pub fn covers(&self, goes_on: &Self) -> bool {
        let Some(limit) = &self.limit else { return self == goes_on };
        let followed = Self {
            quote: goes_on.quote.clone(),
            price: goes_on.price.clone(),
            legs: goes_on.legs.clone(),
            ..self.clone()
        };
        let legs = unpriced(&self.legs);
        followed == *goes_on
            && legs.is_some()
            && legs == unpriced(&goes_on.legs)
            && is_net(goes_on)
            && limit.allows(self.price_type.as_deref(), &self.side, &goes_on.price)
    }
}

/// What a person approves with a touch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// To be on, or to go on.
    Session(SessionReason),
    /// An RFQ goes to its dealers.
    Request(RequestTerms),
    /// A quote is accepted.
    Accept(AcceptTerms),
    /// A quote of this RFQ will be accepted.
    Ahead(AheadTerms),
    /// Another security key for the same person, under this name.
    RegisterKey {
        /// 1 to 40 characters, chosen by the person.
        name: String,
    },
}

impl Action {
    /// Whether `goes_on` may be done by who approved `self`.
    pub fn covers(&self, goes_on: &Self) -> bool {
        match (self, goes_on) {
            (Self::Accept(approved), Self::Accept(goes_on)) => approved.covers(goes_on),
            (approved, goes_on) => approved == goes_on,
        }
    }

    /// What it is called in the text.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Session(_) => "session",
            Self::Request(_) => "request",
            Self::Accept(_) => "accept",
            Self::Ahead(_) => "accept-ahead",
            Self::RegisterKey { .. } => "register-key",
        }
    }
}

/// Who approves what, where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approval {
    /// The gateway's CompID.
    pub gateway: String,
    /// CompID of the desk whose action it is.
    pub desk: String,
    /// CompID of the desk at which it is approved: the same, or a second person's.
    pub approver: String,
    /// What is approved.
    pub action: Action,
}

impl Approval {
    /// The canonical text, or the value that is not allowed in one.
    pub fn text(&self) -> Result<String, ApprovalError> {
        let mut out = String::from(HEAD);
        for (name, value) in self.lines() {
            let good = !value.is_empty()
                && value.len() <= VALUE_LEN_MAX
                && !value.chars().any(char::is_control);
            if !good {
                return Err(ApprovalError::Value(name));
            }
            out.push('\n');
            out.push_str(name);
            out.push('=');
            out.push_str(value);
        }
        out.push('\n');
        Ok(out)
    }

    /// SHA-256 of [`Self::text`]: what the key signs through [`crate::Context`].
    pub fn digest(&self) -> Result<Digest, ApprovalError> {
        Ok(digest_of(&self.text()?))
    }

    fn lines(&self) -> Vec<(&'static str, &str)> {
        let mut l = vec![
            ("gateway", self.gateway.as_str()),
            ("desk", &self.desk),
            ("approver", &self.approver),
        ];
        match &self.action {
            Action::Session(why) => l.extend([("action", "session"), ("reason", why.as_str())]),
            Action::Request(r) => {
                l.extend([
                    ("action", "request"),
                    ("rfq", r.rfq.as_str()),
                    ("instrument", &r.instrument),
                    ("side", &r.ask),
                    ("quantity", &r.quantity),
                ]);
                l.extend(r.min_quantity.iter().map(|q| ("at-least", q.as_str())));
                l.extend([("currency", r.currency.as_str()), ("settlement", &r.settlement)]);
                l.extend(r.price_type.iter().map(|t| ("price-type", t.as_str())));
                l.extend(r.legs.iter().map(|leg| ("leg", leg.as_str())));
                l.push(("ttl-s", &r.ttl_s));
                l.extend(r.dealers.iter().map(|d| ("dealer", d.as_str())));
            }
            Action::Accept(a) => {
                l.extend([
                    ("action", "accept"),
                    ("rfq", a.rfq.as_str()),
                    ("accept", &a.accept),
                    ("dealer", &a.dealer),
                    ("quote", &a.quote),
                    ("instrument", &a.instrument),
                    ("side", &a.side),
                    ("price", &a.price),
                    ("quantity", &a.quantity),
                    ("currency", &a.currency),
                    ("settlement", &a.settlement),
                ]);
                l.extend(a.price_type.iter().map(|t| ("price-type", t.as_str())));
                l.extend(a.legs.iter().map(|leg| ("leg", leg.as_str())));
                if let Some(limit) = &a.limit {
                    l.extend([("limit", limit.price.as_str()), ("until-ms", &limit.until_ms)]);
                }
            }
            Action::Ahead(a) => {
                l.extend([
                    ("action", "accept-ahead"),
                    ("rfq", a.rfq.as_str()),
                    ("instrument", &a.instrument),
                    ("side", &a.side),
                    ("quantity", &a.quantity),
                    ("currency", &a.currency),
                    ("settlement", &a.settlement),
                ]);
                l.extend(a.price_type.iter().map(|t| ("price-type", t.as_str())));
                l.extend(a.legs.iter().map(|leg| ("leg", leg.as_str())));
                l.extend([("limit", a.limit.price.as_str()), ("until-ms", &a.limit.until_ms)]);
                l.extend(a.dealers.iter().map(|d| ("dealer", d.as_str())));
            }
            Action::RegisterKey { name } => {
                l.extend([("action", "register-key"), ("key", name.as_str())])
            }
        }
        l
    }

    /// Reads a text back; only one that [`Self::text`] would write is read.
    pub fn parse(text: &str) -> Result<Self, ApprovalError> {
        Self::read(text)
            .filter(|a| a.text().as_deref() == Ok(text))
            .ok_or(ApprovalError::Unreadable)
    }

    fn read(text: &str) -> Option<Self> {
        let body = text.strip_suffix('\n').filter(|_| text.len() <= TEXT_LEN_MAX)?;
        let mut lines = body.split('\n');
        lines.next().filter(|l| *l == HEAD)?;
        let mut rest = Lines(
            lines.map(|l| l.split_once('=')).collect::<Option<Vec<_>>>()?.into_iter().peekable(),
        );
        let (gateway, desk, approver) =
            (rest.take("gateway")?, rest.take("desk")?, rest.take("approver")?);
        let action = match rest.take("action")?.as_str() {
            "session" => Action::Session(SessionReason::read(&rest.take("reason")?)?),
            "request" => Action::Request(RequestTerms {
                rfq: rest.take("rfq")?,
                instrument: rest.take("instrument")?,
                ask: rest.take("side")?,
                quantity: rest.take("quantity")?,
                min_quantity: rest.take("at-least"),
                currency: rest.take("currency")?,
                settlement: rest.take("settlement")?,
                price_type: rest.take("price-type"),
                legs: std::iter::from_fn(|| rest.take("leg")).collect(),
                ttl_s: rest.take("ttl-s")?,
                dealers: std::iter::from_fn(|| rest.take("dealer")).collect(),
            }),
            "accept" => Action::Accept(AcceptTerms {
                rfq: rest.take("rfq")?,
                accept: rest.take("accept")?,
                dealer: rest.take("dealer")?,
                quote: rest.take("quote")?,
                instrument: rest.take("instrument")?,
                side: rest.take("side")?,
                price: rest.take("price")?,
                quantity: rest.take("quantity")?,
                currency: rest.take("currency")?,
                settlement: rest.take("settlement")?,
                price_type: rest.take("price-type"),
                legs: std::iter::from_fn(|| rest.take("leg")).collect(),
                limit: match rest.take("limit") {
                    None => None,
                    Some(price) => Some(LimitTerms { price, until_ms: rest.take("until-ms")? }),
                },
            }),
            "accept-ahead" => Action::Ahead(AheadTerms {
                rfq: rest.take("rfq")?,
                instrument: rest.take("instrument")?,
                side: rest.take("side")?,
                quantity: rest.take("quantity")?,
                currency: rest.take("currency")?,
                settlement: rest.take("settlement")?,
                price_type: rest.take("price-type"),
                legs: std::iter::from_fn(|| rest.take("leg")).collect(),
                limit: LimitTerms { price: rest.take("limit")?, until_ms: rest.take("until-ms")? },
                dealers: std::iter::from_fn(|| rest.take("dealer")).collect(),
            }),
            "register-key" => Action::RegisterKey { name: rest.take("key")? },
            _ => return None,
        };
        rest.0.next().is_none().then_some(Self { gateway, desk, approver, action })
    }
}

/// One line of a leg with a price: what it says without the price, whether the trader buys it, and
/// ratio and price. `None` for a line that [`crate::terms`] does not write.
fn priced_leg(line: &str) -> Option<(String, bool, Decimal, Decimal)> {
    let words: Vec<&str> = line.splitn(9, ' ').collect();
    let [side, quantity, "settling", date, "ratio", ratio, "at", price, of] = words[..] else {
        return None;
    };
    let buys = match side {
        "buy" => true,
        "sell" => false,
        _ => return None,
    };
    of.strip_prefix("of ")?;
    let plain = format!("{side} {quantity} settling {date} ratio {ratio} {of}");
    Some((plain, buys, ratio.parse().ok()?, price.parse().ok()?))
}

/// The lines of the legs without their prices; `None` when one has none.
fn unpriced(legs: &[String]) -> Option<Vec<String>> {
    legs.iter().map(|l| priced_leg(l).map(|(plain, ..)| plain)).collect()
}

/// Whether the price is the sum of the legs' prices; of a single instrument always. Who sells the
/// package does the opposite in every leg.
fn is_net(accept: &AcceptTerms) -> bool {
    let net = accept.legs.iter().try_fold(Decimal::ZERO, |net, line| {
        let (_, buys, ratio, price) = priced_leg(line)?;
        let part = ratio.checked_mul(price)?;
        match buys == (accept.side == "buy") {
            true => net.checked_add(part),
            false => net.checked_sub(part),
        }
    });
    accept.legs.is_empty() || (net.is_some() && net == accept.price.parse().ok())
}

struct Lines<'a>(std::iter::Peekable<std::vec::IntoIter<(&'a str, &'a str)>>);

impl Lines<'_> {
    fn take(&mut self, name: &str) -> Option<String> {
        self.0.next_if(|(n, _)| *n == name).map(|(_, v)| v.to_owned())
    }
}

/// SHA-256 of a text as it stands.
pub fn digest_of(text: &str) -> Digest {
    let mut out = [0u8; 32];
    out.copy_from_slice(digest::digest(&digest::SHA256, text.as_bytes()).as_ref());
    Digest(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn accept() -> Approval {
        let s = str::to_owned;
        Approval {
            gateway: s("SIGNET"),
            desk: s("ALICE"),
            approver: s("ALICE"),
            action: Action::Accept(AcceptTerms {
                price_type: None,
                legs: vec![],
                rfq: s("r-1"),
                accept: s("r-1:2"),
                dealer: s("NORTHBANK"),
                quote: s("q9"),
                instrument: s("EUR/USD"),
                side: s("buy"),
                price: s("1.08345"),
                quantity: s("5000000"),
                currency: s("EUR"),
                settlement: s("20261124"),
                limit: None,
            }),
        }
    }

    #[test]
    fn what_is_not_a_price_says_so_in_every_text() {
        let s = str::to_owned;
        let typed = || Some(s("yield"));
        let Action::Accept(a) = accept().action else { panic!() };
        let a = AcceptTerms { price_type: typed(), price: s("-0.125"), ..a };
        let of = |action| Approval { action, ..accept() };
        let text = of(Action::Accept(a.clone())).text().unwrap();
        assert!(text.ends_with("settlement=20261124\nprice-type=yield\n"), "{text}");
        let Action::Request(r) = request(&["D"]).action else { panic!() };
        let r = RequestTerms { price_type: typed(), ..r };
        let ahead = AheadTerms { price_type: typed(), ..ahead() };
        let whole = RequestTerms { min_quantity: Some(s("5000000")), ..r.clone() };
        for (action, line) in [
            (Action::Request(r), "\nquantity=5000000\ncurrency=EUR\n"),
            (Action::Request(whole.clone()), "\nquantity=5000000\nat-least=5000000\ncurrency="),
            (Action::Request(whole), "\nprice-type=yield\nttl-s="),
            (Action::Accept(a), "\nprice-type=yield\n"),
            (Action::Ahead(ahead), "\nprice-type=yield\nlimit="),
        ] {
            let approval = of(action);
            let text = approval.text().unwrap();
            assert!(text.contains(line), "{text}");
            assert_eq!(Approval::parse(&text), Ok(approval));
        }
    }

    const MARGIN: &str = "discount margin over EURIBOR 3M in EUR";

    /// A margin over one rate is not one over another, and not a spread.
    #[test]
    fn a_discount_margin_is_approved_with_what_it_is_over() {
        let s = str::to_owned;
        let Action::Accept(base) = accept().action else { panic!() };
        let approved = AcceptTerms { price_type: Some(s(MARGIN)), price: s("45"), ..base };
        let text = Approval { action: Action::Accept(approved.clone()), ..accept() }.text();
        let line = "\nprice-type=discount margin over EURIBOR 3M in EUR\n";
        assert!(text.as_ref().is_ok_and(|t| t.contains(line)), "{text:?}");
        let limit = LimitTerms { price: s("40"), until_ms: s("1795227780000") };
        let followed = AcceptTerms { limit: Some(limit.clone()), ..approved.clone() };
        let early = AheadTerms { price_type: Some(s(MARGIN)), limit, ..ahead() };
        for (of, want) in [
            (MARGIN, true),
            ("discount margin over EURIBOR 6M in EUR", false),
            ("discount margin over EURIBOR 3M in USD", false),
            ("discount margin over SONIA 3M in EUR", false),
            ("spread", false),
            ("yield", false),
        ] {
            let of = Some(s(of));
            let exact = AcceptTerms { price_type: of.clone(), ..approved.clone() };
            let later = AcceptTerms { price_type: of.clone(), ..followed.clone() };
            assert_eq!(approved.covers(&exact), want, "{of:?}");
            assert_eq!(followed.covers(&later), want, "{of:?}");
            assert_eq!(early.covers(&exact), want, "{of:?}");
        }
    }

    #[test]
    fn a_limit_is_kept_in_the_direction_of_the_numbers() {
        let s = str::to_owned;
        for (of, side, limit, price, want) in [
            (None, "buy", "99.5", "99.5", true),
            (None, "buy", "99.5", "99.6", false),
            (None, "sell", "99.5", "99.4", false),
            (Some("yield"), "buy", "2.5", "2.5", true),
            (Some("yield"), "buy", "2.5", "2.6", true),
            (Some("yield"), "buy", "2.5", "2.4", false),
            (Some("yield"), "sell", "2.5", "2.6", false),
            (Some("yield"), "sell", "-0.1", "-0.2", true),
            (Some("spread"), "buy", "42", "41.9", false),
            (Some("spread"), "sell", "42", "41.9", true),
            (Some("spread"), "sell", "42", "42.1", false),
            (Some(MARGIN), "buy", "42", "42", true),
            (Some(MARGIN), "buy", "42", "42.1", true),
            (Some(MARGIN), "buy", "42", "41.9", false),
            (Some(MARGIN), "sell", "42", "41.9", true),
            (Some(MARGIN), "sell", "42", "42.1", false),
            // What nobody knows is not approved.
            (Some("discount"), "buy", "42", "42", false),
            (Some("discount margin"), "buy", "42", "42", false),
            (Some("yield"), "both", "2.5", "2.5", false),
        ] {
            let of = of.map(s);
            let until_ms = s("1795227780000");
            let Action::Accept(base) = accept().action else { panic!() };
            let limit = LimitTerms { price: s(limit), until_ms };
            let approved = AcceptTerms {
                price_type: of.clone(),
                side: s(side),
                limit: Some(limit.clone()),
                ..base.clone()
            };
            let goes_on = AcceptTerms { price: s(price), ..approved.clone() };
            assert_eq!(approved.covers(&goes_on), want, "{of:?} {side} {price}");
            let in_prices = AcceptTerms { price_type: None, ..goes_on.clone() };
            assert_eq!(approved.covers(&in_prices), want && of.is_none(), "other numbers");
            let early = AheadTerms { price_type: of.clone(), side: s(side), limit, ..ahead() };
            let taken = AcceptTerms { limit: None, ..goes_on };
            assert_eq!(early.covers(&taken), want, "ahead: {of:?} {side} {price}");
            let in_prices = AcceptTerms { price_type: None, ..taken };
            assert_eq!(early.covers(&in_prices), want && of.is_none(), "ahead, other numbers");
        }
    }

    fn request(dealers: &[&str]) -> Approval {
        let s = str::to_owned;
        let terms = RequestTerms {
            price_type: None,
            legs: vec![],
            rfq: s("r-1"),
            instrument: s("EUR/USD"),
            ask: s("two-way"),
            quantity: s("5000000"),
            min_quantity: None,
            currency: s("EUR"),
            settlement: s("20261124"),
            ttl_s: s("60"),
            dealers: dealers.iter().map(|d| s(d)).collect(),
        };
        Approval { action: Action::Request(terms), ..accept() }
    }

    /// The vector of docs/protocol.md; the digest was made with `sha256sum`.
    #[test]
    fn the_text_of_an_accept() {
        let text = accept().text().unwrap();
        assert_eq!(
            text,
            "signet-step-up 1\ngateway=SIGNET\ndesk=ALICE\napprover=ALICE\naction=accept\nrfq=r-1\naccept=r-1:2\ndealer=NORTHBANK\n\
             quote=q9\ninstrument=EUR/USD\nside=buy\nprice=1.08345\nquantity=5000000\ncurrency=EUR\nsettlement=20261124\n"
        );
        assert_eq!(format!("{:?}", digest_of(&text)), DIGEST_OF_THE_VECTOR);
    }

    const DIGEST_OF_THE_VECTOR: &str =
        "86a547af06ecaa25edba8f5e92a6e269ea835cf8f280f61a81c875ee897b0c68";

    fn with_limit(price: &str) -> Approval {
        let Action::Accept(terms) = accept().action else { unreachable!() };
        let limit = Some(LimitTerms { price: price.into(), until_ms: "1795227780000".into() });
        Approval { action: Action::Accept(AcceptTerms { limit, ..terms }), ..accept() }
    }

    #[test]
    fn the_limit_of_an_accept_ends_its_text() {
        let text = with_limit("1.0836").text().unwrap();
        let lines = "limit=1.0836\nuntil-ms=1795227780000\n";
        assert_eq!(text, format!("{}{lines}", accept().text().unwrap()));
        let half = text.replace("until-ms=1795227780000\n", "");
        assert_eq!(Approval::parse(&half), Err(ApprovalError::Unreadable));
    }

    /// What goes on, field by field, against what was approved.
    #[test]
    fn an_approval_covers_a_later_quote_within_its_limit_and_nothing_else() {
        let terms = |a: Approval| match a.action {
            Action::Accept(terms) => terms,
            _ => unreachable!(),
        };
        let (buy, plain) = (terms(with_limit("1.0836")), terms(accept()));
        let sell = AcceptTerms { side: "sell".into(), ..terms(with_limit("1.083")) };
        let later = |of: &AcceptTerms, price: &str| AcceptTerms {
            quote: "q10".into(),
            price: price.into(),
            ..of.clone()
        };
        let s = str::to_owned;
        let odd = LimitTerms { price: s("1.09"), until_ms: s("1795227780000") };
        for (what, approved, goes_on, covered) in [
            ("itself", &buy, buy.clone(), true),
            ("better", &buy, later(&buy, "1.08"), true),
            ("at the limit", &buy, later(&buy, "1.0836"), true),
            ("at the limit, written otherwise", &buy, later(&buy, "1.08360"), true),
            ("worse", &buy, later(&buy, "1.08361"), false),
            ("no number", &buy, later(&buy, "cheap"), false),
            ("another dealer", &buy, AcceptTerms { dealer: s("E"), ..later(&buy, "1") }, false),
            ("another size", &buy, AcceptTerms { quantity: s("1"), ..later(&buy, "1") }, false),
            ("another side", &buy, AcceptTerms { side: s("sell"), ..later(&buy, "1") }, false),
            ("another request", &buy, AcceptTerms { rfq: s("r"), ..later(&buy, "1") }, false),
            ("another accept", &buy, AcceptTerms { accept: s("x"), ..later(&buy, "1") }, false),
            ("another day", &buy, AcceptTerms { settlement: s("x"), ..later(&buy, "1") }, false),
            ("another limit", &buy, AcceptTerms { limit: Some(odd), ..later(&buy, "1") }, false),
            ("a seller, better", &sell, later(&sell, "1.084"), true),
            ("a seller, worse", &sell, later(&sell, "1.0829"), false),
            ("no limit, itself", &plain, plain.clone(), true),
            ("no limit, better", &plain, later(&plain, "1.08"), false),
        ] {
            let [approved, goes_on] = [approved.clone(), goes_on].map(Action::Accept);
            assert_eq!(approved.covers(&goes_on), covered, "{what}");
        }
    }

    fn ahead() -> AheadTerms {
        let s = str::to_owned;
        AheadTerms {
            price_type: None,
            rfq: s("r-1"),
            instrument: s("EUR/USD"),
            side: s("buy"),
            quantity: s("5000000"),
            currency: s("EUR"),
            settlement: s("20261124"),
            legs: vec![],
            limit: LimitTerms { price: s("1.0836"), until_ms: s("1795227780000") },
            dealers: vec![s("NORTHBANK"), s("E")],
        }
    }

    #[test]
    fn an_approval_ahead_covers_one_rfq_within_side_size_and_limit() {
        let s = str::to_owned;
        let Action::Accept(base) = accept().action else { unreachable!() };
        let sell = AheadTerms {
            side: s("sell"),
            limit: LimitTerms { price: s("1.083"), ..ahead().limit },
            ..ahead()
        };
        for (what, approved, goes_on, covered) in [
            ("at a better price", ahead(), base.clone(), true),
            ("at the limit", ahead(), AcceptTerms { price: s("1.0836"), ..base.clone() }, true),
            ("beyond it", ahead(), AcceptTerms { price: s("1.08361"), ..base.clone() }, false),
            ("the other dealer", ahead(), AcceptTerms { dealer: s("E"), ..base.clone() }, true),
            ("a stranger", ahead(), AcceptTerms { dealer: s("X"), ..base.clone() }, false),
            ("less", ahead(), AcceptTerms { quantity: s("1"), ..base.clone() }, true),
            ("more", ahead(), AcceptTerms { quantity: s("5000001"), ..base.clone() }, false),
            ("nothing", ahead(), AcceptTerms { quantity: s("0"), ..base.clone() }, false),
            ("below", ahead(), AcceptTerms { quantity: s("-1"), ..base.clone() }, false),
            ("a part", AheadTerms { quantity: s("2000000"), ..ahead() }, base.clone(), false),
            ("no number", ahead(), AcceptTerms { quantity: s("all"), ..base.clone() }, false),
            ("another side", ahead(), AcceptTerms { side: s("sell"), ..base.clone() }, false),
            ("another RFQ", ahead(), AcceptTerms { rfq: s("r-2"), ..base.clone() }, false),
            ("another day", ahead(), AcceptTerms { settlement: s("x"), ..base.clone() }, false),
            ("another currency", ahead(), AcceptTerms { currency: s("U"), ..base.clone() }, false),
            ("another bond", ahead(), AcceptTerms { instrument: s("x"), ..base.clone() }, false),
            ("a seller", sell.clone(), AcceptTerms { side: s("sell"), ..base.clone() }, true),
            (
                "a seller, beyond",
                sell,
                AcceptTerms { side: s("sell"), price: s("1.0829"), ..base },
                false,
            ),
        ] {
            assert_eq!(approved.covers(&goes_on), covered, "{what}");
        }
    }

    #[test]
    fn every_kind_is_read_back() {
        let sessions =
            SessionReason::ALL.map(|r| Approval { action: Action::Session(r), ..accept() });
        let key = Approval { action: Action::RegisterKey { name: "blue key".into() }, ..accept() };
        let ahead = Approval { action: Action::Ahead(ahead()), ..accept() };
        for a in [ahead, accept(), with_limit("1.1"), request(&[]), request(&["B", "A"]), key]
            .into_iter()
            .chain(sessions)
        {
            assert_eq!(Approval::parse(&a.text().unwrap()), Ok(a));
        }
    }

    #[test]
    fn no_two_approvals_share_a_text() {
        assert_ne!(request(&["A", "B"]).text(), request(&["B", "A"]).text());
        let mut a = accept();
        a.approver = "BOB".into();
        assert_ne!(a.digest(), accept().digest());
    }

    #[test]
    fn values_cannot_forge_lines() {
        for bad in ["", "a\nside=sell", "a\r", "a\u{85}b", &"x".repeat(257)] {
            let a = Approval { desk: bad.into(), ..accept() };
            assert_eq!(a.text(), Err(ApprovalError::Value("desk")), "{bad:?}");
        }
    }

    #[test]
    fn only_the_canonical_form_is_read() {
        let good = accept().text().unwrap();
        let changes: [(&str, &str); 8] = [
            ("signet-step-up 1", "signet-step-up 2"),
            ("desk=ALICE\n", ""),
            ("side=buy\n", "side=buy\nside=sell\n"),
            ("side=buy\nprice=1.08345\n", "price=1.08345\nside=buy\n"),
            ("settlement=20261124\n", "settlement=20261124"),
            ("settlement=20261124\n", "settlement=20261124\nextra=1\n"),
            ("action=accept", "action=other"),
            ("price=1.08345", "price="),
        ];
        for (from, to) in changes {
            assert!(good.contains(from));
            assert_eq!(
                Approval::parse(&good.replacen(from, to, 1)),
                Err(ApprovalError::Unreadable),
                "{from:?}"
            );
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused_without_panic(text in "(signet-step-up \
            1\n)?([a-z-]{0,9}=?[ -~]{0,9}\n){0,9}") {
            if let Ok(a) = Approval::parse(&text) {
                prop_assert_eq!(a.text().unwrap(), text);
            }
        }

        #[test]
        fn any_values_come_back(v in "[ -~à-ÿ]{1,40}", d in proptest::collection::vec("[A-Z]{1,8}", 0..5)) {
            let mut a = request(&d.iter().map(String::as_str).collect::<Vec<_>>());
            a.gateway = v.clone();
            prop_assert_eq!(Approval::parse(&a.text().unwrap()), Ok(a));
        }
    }
}
