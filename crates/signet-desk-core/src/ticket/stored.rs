//! The records of the file of tickets. Types of their own, apart from the views: a member that a
//! later Signet adds has a default, so that every record stays readable.

use crate::view::{Ask, PriceType, TicketForm};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Side {
    Buy,
    Sell,
    Both,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Form {
    instrument: String,
    typed: String,
    ask: Side,
    quantity: String,
    dealers: Vec<String>,
    ttl_s: u32,
    #[serde(default)]
    settlement_date: Option<String>,
    #[serde(default)]
    price_limit: String,
    #[serde(default)]
    min_quantity: String,
    #[serde(default)]
    all_or_none: bool,
    #[serde(default)]
    note: String,
    /// What the limit counts; left out for a price.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    numbers: String,
}

/// One record.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Line {
    Draft(Option<Form>),
    Template { name: String, form: Form },
    Dropped { name: String },
    Favourite { dealer: String, on: bool },
    Asked { rfq: String, at_ms: f64, form: Form },
}

impl Line {
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        // Texts and numbers always serialise.
        serde_json::to_vec(self).unwrap_or_default()
    }
}

/// A word of its own: the view's names may change, a stored one may not.
fn numbers(of: PriceType) -> &'static str {
    match of {
        PriceType::Price => "",
        PriceType::Yield => "yield",
        PriceType::Spread => "spread",
    }
}

fn price_type(numbers: &str) -> PriceType {
    match numbers {
        "yield" => PriceType::Yield,
        "spread" => PriceType::Spread,
        _ => PriceType::Price,
    }
}

impl Form {
    pub(super) fn of(f: &TicketForm) -> Self {
        // Every member is named, so that a new one does not compile until it is stored.
        let TicketForm {
            instrument,
            typed,
            ask,
            quantity,
            dealers,
            ttl_s,
            settlement_date,
            price_limit,
            min_quantity,
            all_or_none,
            note,
            price_type,
        } = f.clone();
        let ask = match ask {
            Ask::Buy => Side::Buy,
            Ask::Sell => Side::Sell,
            Ask::TwoWay => Side::Both,
        };
        Self {
            instrument,
            typed,
            ask,
            quantity,
            dealers,
            ttl_s,
            settlement_date,
            price_limit,
            min_quantity,
            all_or_none,
            note,
            numbers: numbers(price_type).into(),
        }
    }

    pub(super) fn into_view(self) -> TicketForm {
        TicketForm {
            instrument: self.instrument,
            typed: self.typed,
            ask: match self.ask {
                Side::Buy => Ask::Buy,
                Side::Sell => Ask::Sell,
                Side::Both => Ask::TwoWay,
            },
            quantity: self.quantity,
            dealers: self.dealers,
            ttl_s: self.ttl_s,
            settlement_date: self.settlement_date,
            price_limit: self.price_limit,
            min_quantity: self.min_quantity,
            all_or_none: self.all_or_none,
            note: self.note,
            price_type: price_type(&self.numbers),
        }
    }
}
