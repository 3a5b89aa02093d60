//! Links by which another program of this user offers something for the ticket:
//! `signet://rfq?isin=DE000BU2Z049&side=buy&quantity=5m`.
//!
//! Whoever can make this user's system open a link can send one, a web page too. So a link is
//! short, is read completely or refused, and is only ever an offer: the trader takes it or not.

use crate::{
    problem::problem,
    view::{Ask, Problem, TicketOffer},
};
use signet_rfq::parse_quantity;

/// What every such link begins with.
const PREFIX: &str = "signet://rfq?";
/// Bytes of a link.
pub const LINK_MAX: usize = 512;
const SYMBOL_MAX: usize = 40;
const QUANTITY_MAX: usize = 24;

/// What a link offers.
///
/// # Errors
/// A link that is not read completely is refused, with the reason.
pub fn read_link(link: &str) -> Result<TicketOffer, Problem> {
    if link.len() > LINK_MAX {
        return Err(refused("it is too long"));
    }
    let query = link.strip_prefix(PREFIX).ok_or_else(|| refused("it does not begin so"))?;
    let (mut instrument, mut ask, mut quantity) = (None, None, None);
    for pair in query.split('&') {
        let (name, value) = pair.split_once('=').ok_or_else(|| refused("a part has no value"))?;
        let value = decoded(value).ok_or_else(|| refused("a value is not readable text"))?;
        let twice = match name {
            "isin" => instrument.replace(isin(&value)?).is_some(),
            "symbol" => instrument.replace(symbol(value)?).is_some(),
            "side" => ask.replace(side(&value)?).is_some(),
            "quantity" => quantity.replace(amount(value)?).is_some(),
            _ => return Err(refused("it has a part that this desk does not know")),
        };
        if twice {
            return Err(refused("it says the same part twice"));
        }
    }
    let instrument = instrument.ok_or_else(|| refused("it names no instrument"))?;
    Ok(TicketOffer { instrument, ask, quantity })
}

fn isin(text: &str) -> Result<String, Problem> {
    let bytes = text.as_bytes();
    let sound = bytes.len() == 12
        && bytes[..2].iter().all(u8::is_ascii_uppercase)
        && bytes.iter().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
        && bytes[11].is_ascii_digit();
    if sound { Ok(text.to_owned()) } else { Err(refused("its ISIN is not one")) }
}

fn symbol(text: String) -> Result<String, Problem> {
    let known = |c: char| c.is_ascii_alphanumeric() || " ./-%".contains(c);
    let sound = !text.trim().is_empty() && text.len() <= SYMBOL_MAX && text.chars().all(known);
    if sound { Ok(text) } else { Err(refused("its symbol is not one")) }
}

fn side(text: &str) -> Result<Ask, Problem> {
    match text {
        "buy" => Ok(Ask::Buy),
        "sell" => Ok(Ask::Sell),
        "twoway" => Ok(Ask::TwoWay),
        _ => Err(refused("its side is not buy, sell or twoway")),
    }
}

fn amount(text: String) -> Result<String, Problem> {
    let sound = text.len() <= QUANTITY_MAX && parse_quantity(&text).is_ok();
    if sound { Ok(text) } else { Err(refused("its quantity is not one")) }
}

/// The text of a percent-encoded value; `None` unless it is UTF-8 without control characters.
fn decoded(value: &str) -> Option<String> {
    let (mut bytes, mut rest) = (Vec::new(), value.bytes());
    while let Some(b) = rest.next() {
        bytes.push(match b {
            b'%' => {
                let high = char::from(rest.next()?).to_digit(16)?;
                let low = char::from(rest.next()?).to_digit(16)?;
                u8::try_from(high * 16 + low).ok()?
            }
            other => other,
        });
    }
    String::from_utf8(bytes).ok().filter(|text| !text.chars().any(char::is_control))
}

fn refused(why: &str) -> Problem {
    problem(
        "link.unreadable",
        format!("A link from another program was not followed: {why}."),
        format!("A link for the ticket is written like {PREFIX}isin=DE000BU2Z049&side=buy."),
    )
}

#[cfg(test)]
#[path = "offer_tests.rs"]
mod tests;
