//! The records of the file of tickets. Types of their own, apart from the views: a member that a
//! later Signet adds has a default, so that every record stays readable.

use super::lists::{DealerList, Listed};
use crate::view::{self, Ask, LegForm, PackageForm, PackageShape, PriceType, TicketForm};
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
    approve_first: bool,
    #[serde(default)]
    note: String,
    /// What the limit counts; left out for a price.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    numbers: String,
    /// The rate that a limit in discount margins is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    over: Option<String>,
    #[serde(default)]
    package: Option<Package>,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Shape {
    Spread,
    Butterfly,
    Curve,
    Switch,
    Roll,
    Hedge,
    Free,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Package {
    shape: Shape,
    #[serde(default)]
    size: String,
    legs: Vec<Leg>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Leg {
    buys: bool,
    instrument: String,
    #[serde(default)]
    typed: String,
    #[serde(default)]
    ratio: String,
    #[serde(default)]
    quantity: String,
    #[serde(default)]
    settles: String,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ListedDealer {
    id: String,
    #[serde(default)]
    name: String,
}

/// One record.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Line {
    Draft(Option<Form>),
    Template { name: String, form: Form },
    Dropped { name: String },
    Favourite { dealer: String, on: bool },
    DealerList { venue: String, name: String, dealers: Vec<ListedDealer> },
    DealerListRenamed { venue: String, name: String, to: String },
    DealerListDropped { venue: String, name: String },
    Asked { rfq: String, at_ms: f64, form: Form },
}

impl Line {
    pub(super) fn dealer_list(venue: &str, list: &DealerList) -> Self {
        let one = |d: &Listed| ListedDealer { id: d.id.clone(), name: d.name.clone() };
        Self::DealerList {
            venue: venue.into(),
            name: list.name.clone(),
            dealers: list.dealers.iter().map(one).collect(),
        }
    }

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
        PriceType::Margin => "discount margin",
    }
}

fn price_type(numbers: &str) -> PriceType {
    match numbers {
        "yield" => PriceType::Yield,
        "spread" => PriceType::Spread,
        "discount margin" => PriceType::Margin,
        _ => PriceType::Price,
    }
}

impl ListedDealer {
    pub(super) fn into_listed(self) -> Listed {
        Listed { id: self.id, name: self.name }
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
            limit_over,
            min_quantity,
            all_or_none,
            approve_first,
            note,
            price_type,
            package,
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
            approve_first,
            note,
            numbers: numbers(price_type).into(),
            over: limit_over,
            package: package.map(Package::of),
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
            limit_over: self.over,
            min_quantity: self.min_quantity,
            all_or_none: self.all_or_none,
            approve_first: self.approve_first,
            note: self.note,
            price_type: price_type(&self.numbers),
            package: self.package.map(Package::into_view),
        }
    }
}

impl Package {
    fn of(p: PackageForm) -> Self {
        let leg = |l: LegForm| {
            let LegForm { side, instrument, typed, ratio, quantity, settles } = l;
            let buys = side == view::Side::Buy;
            Leg { buys, instrument, typed, ratio, quantity, settles }
        };
        let PackageForm { shape, size, legs } = p;
        let shape = match shape {
            PackageShape::Spread => Shape::Spread,
            PackageShape::Butterfly => Shape::Butterfly,
            PackageShape::Curve => Shape::Curve,
            PackageShape::Switch => Shape::Switch,
            PackageShape::Roll => Shape::Roll,
            PackageShape::Hedge => Shape::Hedge,
            PackageShape::Free => Shape::Free,
        };
        Self { shape, size, legs: legs.into_iter().map(leg).collect() }
    }

    fn into_view(self) -> PackageForm {
        let leg = |l: Leg| {
            let Leg { buys, instrument, typed, ratio, quantity, settles } = l;
            let side = if buys { view::Side::Buy } else { view::Side::Sell };
            LegForm { side, instrument, typed, ratio, quantity, settles }
        };
        let shape = match self.shape {
            Shape::Spread => PackageShape::Spread,
            Shape::Butterfly => PackageShape::Butterfly,
            Shape::Curve => PackageShape::Curve,
            Shape::Switch => PackageShape::Switch,
            Shape::Roll => PackageShape::Roll,
            Shape::Hedge => PackageShape::Hedge,
            Shape::Free => PackageShape::Free,
        };
        PackageForm { shape, size: self.size, legs: self.legs.into_iter().map(leg).collect() }
    }
}
