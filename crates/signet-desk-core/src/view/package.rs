//! The package of a ticket: its legs as they are typed, and what the desk reads in them.

use super::{Problem, Side};
use serde::{Deserialize, Serialize};
use specta::Type;

/// What kind of package the trader makes. It sets how many legs there are, their sides and ratios.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum PackageShape {
    /// One instrument against another, the same size.
    Spread,
    /// The wings against twice the body.
    Butterfly,
    /// One government bond against another, each with its own size.
    Curve,
    /// One bond for another, the same size.
    Switch,
    /// The same instrument from one day to another.
    Roll,
    /// A position and the leg that hedges it, each with its own size.
    Hedge,
    /// Any legs.
    Free,
}

/// One leg as typed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct LegForm {
    /// The trader's side when the package is bought.
    pub side: Side,
    /// ISIN, or the currency pair; empty before one is chosen.
    pub instrument: String,
    /// The text of the instrument field.
    pub typed: String,
    /// How often the price of the leg counts; empty for once.
    pub ratio: String,
    /// As typed: `5m`; empty for the size of the package times the ratio.
    pub quantity: String,
    /// As typed: `3m`, `15 Dec`; empty for the usual day.
    pub settles: String,
}

/// A package as typed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct PackageForm {
    /// What kind of package it is.
    pub shape: PackageShape,
    /// The size of a leg with ratio 1, as typed; empty when each leg has its own.
    pub size: String,
    /// From the first to the last.
    pub legs: Vec<LegForm>,
}

/// A change of a package as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum PackageEdit {
    /// Another kind: its legs, sides and ratios; instruments and sizes stay.
    Shape(PackageShape),
    /// One more leg at the end.
    Add,
    /// Without this leg, from 0.
    Remove(u32),
    /// Every leg on its other side.
    Turn,
}

/// What the desk reads in one leg.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct LegRead {
    /// The size, with group separators; empty while it is not known.
    pub quantity: String,
    /// ISO 4217; empty while no instrument is chosen.
    pub currency: String,
    /// The settlement day, `2026-12-01`; empty while it is not known.
    pub settlement_date: String,
    /// Why a request with this leg would be refused.
    pub problem: Option<Problem>,
}

/// What the desk reads in a package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct PackageRead {
    /// As in the package, from the first to the last.
    pub legs: Vec<LegRead>,
    /// What it will be called: `Butterfly, 3 legs`; empty while a leg is not filled in.
    pub name: String,
    /// All sizes together: `EUR 20,000,000`; empty while one is not known.
    pub gross: String,
    /// What is bought less what is sold: `buy EUR 5,000,000`; empty while a size is not known.
    pub net: String,
    /// Why the package as a whole would be refused.
    pub problem: Option<Problem>,
}
