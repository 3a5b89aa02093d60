//! What traders call a package.

use super::Leg;
use crate::{AssetClass, InstrumentId};
use serde::{Deserialize, Serialize};

/// The name of a package, derived from its legs. It is a label: nothing is decided on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum PackageKind {
    /// One leg against another, of different kinds.
    Spread,
    /// One government bond against another.
    Curve,
    /// One bond against another, not both of a government.
    Switch,
    /// The same instrument on two dates, bought on one and sold on the other.
    Roll,
    /// The wings against the body.
    Butterfly,
    /// A currency pair goes with bonds.
    Hedge,
    /// Anything else.
    Package,
}

impl PackageKind {
    /// Every kind.
    pub const ALL: [Self; 7] = [
        Self::Spread,
        Self::Curve,
        Self::Switch,
        Self::Roll,
        Self::Butterfly,
        Self::Hedge,
        Self::Package,
    ];

    /// As screens write it.
    pub fn words(self) -> &'static str {
        match self {
            Self::Spread => "Spread",
            Self::Curve => "Curve",
            Self::Switch => "Switch",
            Self::Roll => "Roll",
            Self::Butterfly => "Butterfly",
            Self::Hedge => "Hedged",
            Self::Package => "Package",
        }
    }

    /// The kind of these legs; `class` is what is known of an instrument.
    pub fn of(legs: &[Leg], class: impl Fn(&InstrumentId) -> Option<AssetClass>) -> Self {
        let classes: Vec<Option<AssetClass>> = legs.iter().map(|l| class(&l.instrument)).collect();
        let bonds = classes.iter().flatten().filter(|c| c.has_isin()).count();
        let pairs = classes.iter().flatten().count() - bonds;
        if bonds > 0 && pairs > 0 {
            return Self::Hedge;
        }
        match legs {
            [a, b] if a.side != b.side && a.instrument == b.instrument => Self::Roll,
            [a, b] if a.side != b.side => match classes[..] {
                [Some(AssetClass::GovernmentBond), Some(AssetClass::GovernmentBond)] => Self::Curve,
                [Some(AssetClass::GovernmentBond), Some(_)]
                | [Some(_), Some(AssetClass::GovernmentBond)] => Self::Spread,
                [Some(a), Some(b)] if a.has_isin() && b.has_isin() => Self::Switch,
                _ => Self::Spread,
            },
            [a, b, c] if a.side == c.side && a.side != b.side => Self::Butterfly,
            _ => Self::Package,
        }
    }
}
