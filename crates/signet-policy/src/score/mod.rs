//! The risk score of an access: a table of points, five attributes, two thresholds.
//!
//! The table is a TOML file with attribute, condition, points and rationale in each row. An unknown
//! attribute scores as its worst condition, so that a missing database never makes an access look
//! better.

mod table;

pub use table::{ScoreTable, TableError};

use serde::{Deserialize, Serialize};

/// What is scored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Attribute {
    /// Who the person is: standard or privileged.
    Identity,
    /// How the session authenticated.
    Authentication,
    /// Whether the firm manages the laptop and it complies.
    Device,
    /// Whether the address is one of the firm's networks.
    Network,
    /// Whether the country is one where the person is expected.
    Country,
}

impl Attribute {
    /// Every attribute, in the table's order.
    pub const ALL: [Self; 5] =
        [Self::Identity, Self::Authentication, Self::Device, Self::Network, Self::Country];

    /// As the table names it.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Identity => "user identity",
            Self::Authentication => "authentication",
            Self::Device => "device health",
            Self::Network => "network location",
            Self::Country => "geographic location",
        }
    }
}

/// One row of the table: what an attribute can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Condition {
    /// The role in the registry is `standard`.
    StandardUser,
    /// The role in the registry is `privileged`.
    PrivilegedUser,
    /// See [`Authentication::PasswordOnly`].
    PasswordOnly,
    /// See [`Authentication::SoftwareToken`].
    SoftwareToken,
    /// See [`Authentication::HardwareToken`].
    HardwareToken,
    /// [`crate::posture::judge`] found the laptop managed and compliant.
    Managed,
    /// It did not.
    Unmanaged,
    /// The address is in a configured network of the firm.
    CorporateNetwork,
    /// The address is in none.
    UnknownNetwork,
    /// The country is one where the person, or everybody, is expected.
    ExpectedCountry,
    /// The country is another one.
    AnomalousCountry,
}

impl Condition {
    /// Every condition, in the table's order.
    pub const ALL: [Self; 11] = [
        Self::StandardUser,
        Self::PrivilegedUser,
        Self::PasswordOnly,
        Self::SoftwareToken,
        Self::HardwareToken,
        Self::Managed,
        Self::Unmanaged,
        Self::CorporateNetwork,
        Self::UnknownNetwork,
        Self::ExpectedCountry,
        Self::AnomalousCountry,
    ];

    /// The attribute whose row it is.
    pub const fn attribute(self) -> Attribute {
        match self {
            Self::StandardUser | Self::PrivilegedUser => Attribute::Identity,
            Self::PasswordOnly | Self::SoftwareToken | Self::HardwareToken => {
                Attribute::Authentication
            }
            Self::Managed | Self::Unmanaged => Attribute::Device,
            Self::CorporateNetwork | Self::UnknownNetwork => Attribute::Network,
            Self::ExpectedCountry | Self::AnomalousCountry => Attribute::Country,
        }
    }

    /// As the table names it.
    pub const fn words(self) -> &'static str {
        match self {
            Self::StandardUser => "standard user",
            Self::PrivilegedUser => "privileged user",
            Self::PasswordOnly => "password only",
            Self::SoftwareToken => "MFA, software token",
            Self::HardwareToken => "MFA, hardware token",
            Self::Managed => "managed, compliant",
            Self::Unmanaged => "unmanaged",
            Self::CorporateNetwork => "known corporate network",
            Self::UnknownNetwork => "unknown or dynamic IP",
            Self::ExpectedCountry => "expected country",
            Self::AnomalousCountry => "anomalous country",
        }
    }
}

/// The attributes of an access; `None` for an unknown one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Attributes {
    /// The role in the registry is `privileged`.
    pub privileged: Option<bool>,
    /// How the session authenticated.
    pub authentication: Option<Authentication>,
    /// The laptop counts as managed and compliant.
    pub managed: Option<bool>,
    /// The address is in a network of the firm.
    pub corporate_network: Option<bool>,
    /// The country is one where the person is expected.
    pub expected_country: Option<bool>,
}

/// How a session authenticated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Authentication {
    /// No key was proved.
    PasswordOnly,
    /// The client key in the laptop's keychain, which the person's login unlocks.
    SoftwareToken,
    /// A security key touched, with PIN or fingerprint, for the logon of this very connection.
    HardwareToken,
}

impl Attributes {
    /// The row an attribute falls into.
    pub fn condition(&self, attribute: Attribute) -> Option<Condition> {
        let either = |known: Option<bool>, yes, no| known.map(|k| if k { yes } else { no });
        match attribute {
            Attribute::Identity => {
                either(self.privileged, Condition::PrivilegedUser, Condition::StandardUser)
            }
            Attribute::Authentication => self.authentication.map(|a| match a {
                Authentication::PasswordOnly => Condition::PasswordOnly,
                Authentication::SoftwareToken => Condition::SoftwareToken,
                Authentication::HardwareToken => Condition::HardwareToken,
            }),
            Attribute::Device => either(self.managed, Condition::Managed, Condition::Unmanaged),
            Attribute::Network => either(
                self.corporate_network,
                Condition::CorporateNetwork,
                Condition::UnknownNetwork,
            ),
            Attribute::Country => either(
                self.expected_country,
                Condition::ExpectedCountry,
                Condition::AnomalousCountry,
            ),
        }
    }
}

/// The decision that follows from a score. Later variants are stricter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// Messages go on; nothing is asked for first.
    Allow,
    /// Nothing is sent on without a touch of the security key, or a lease that one opened.
    StepUp,
    /// The connection is refused, or ended, and an alert raised.
    Deny,
}

impl Decision {
    /// As events and logs write it; never changes between releases.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::StepUp => "step-up",
            Self::Deny => "deny",
        }
    }
}

/// A concern beside the table that asks for a stricter decision; it adds no points.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Concern {
    /// Stable.
    pub code: &'static str,
    /// One sentence for the person.
    pub words: String,
    /// What the person or the administrator does about it.
    pub cure: String,
    /// The decision is this one or a stricter one.
    pub at_least: Decision,
}

/// What one attribute contributed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Factor {
    /// [`Attribute::words`].
    pub attribute: String,
    /// The table's words; `not known` when the attribute could not be told.
    pub condition: String,
    /// Points it adds to the score.
    pub points: u32,
    /// Why the row has these points, as the table says.
    pub rationale: String,
    /// What in particular put it into this condition; empty when unknown.
    pub cause: String,
}

/// The decision, and everything it was made from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assessment {
    /// Sum of the factors' points.
    pub score: u32,
    /// By the thresholds, or stricter where a concern asks for it.
    pub decision: Decision,
    /// In the table's order, those of zero points too.
    pub factors: Vec<Factor>,
    /// What asked for more than the score, in the order it was given.
    pub concerns: Vec<Concern>,
    /// What would help, the most effective first.
    pub cures: Vec<String>,
    /// SHA-256 of the table as it was read, lower-case hexadecimal.
    pub policy: String,
}

/// What a factor says where an attribute is not known.
pub const NOT_KNOWN: &str = "not known";

impl Assessment {
    /// One sentence for the person: the score and what it consists of.
    pub fn words(&self) -> String {
        let counted = self.factors.iter().filter(|f| f.points > 0);
        let parts: Vec<String> = counted
            .map(|f| match f.condition.as_str() {
                NOT_KNOWN => format!("{} not known +{}", f.attribute, f.points),
                condition if f.cause.is_empty() => format!("{condition} +{}", f.points),
                condition => format!("{condition} +{}: {}", f.points, f.cause),
            })
            .collect();
        let what = match self.decision {
            Decision::Allow => "allowed",
            Decision::StepUp => "a touch of your security key is wanted",
            Decision::Deny => "refused",
        };
        let score = if parts.is_empty() {
            "nothing counts against it".to_owned()
        } else {
            parts.join(", ")
        };
        let concerns: String = self.concerns.iter().map(|c| format!(" {}", c.words)).collect();
        format!("Risk {} ({score}): {what}.{concerns}", self.score)
    }

    /// Names what made the laptop count as it does, and lets the cure follow from it.
    pub fn because_of_device(&mut self, cause: &str) {
        let device = Attribute::Device.words();
        if let Some(f) = self.factors.iter_mut().find(|f| f.attribute == device && f.points > 0) {
            f.cause = cause.into();
        }
        let general = cure(Attribute::Device, None).unwrap_or_default();
        for c in self.cures.iter_mut().filter(|c| *c == general) {
            *c = format!("{general} This one: {cause}.");
        }
    }

    /// What would help, in words; empty when there is nothing to cure.
    pub fn cure(&self) -> String {
        self.cures.join(" ")
    }
}

/// The score of an access by `table`, and what follows from it.
pub fn assess(table: &ScoreTable, a: &Attributes, concerns: Vec<Concern>) -> Assessment {
    let rows = Attribute::ALL.map(|attribute| (attribute, a.condition(attribute)));
    let points = rows.map(|(attribute, condition)| table.points(attribute, condition));
    let score = points.iter().sum();
    let by_score = table.decision(score);
    let decision = concerns.iter().map(|c| c.at_least).fold(by_score, Ord::max);
    let factors = rows.iter().zip(points).map(|((attribute, condition), points)| Factor {
        attribute: attribute.words().into(),
        condition: condition.map_or(NOT_KNOWN, Condition::words).into(),
        points,
        rationale: condition
            .map_or("What is not known counts as the worst of its kind.", |c| table.rationale(c))
            .into(),
        cause: String::new(),
    });
    let factors = factors.collect();
    let cures = cures(table, a, score, &concerns, decision);
    Assessment { score, decision, factors, concerns, cures, policy: table.digest().into() }
}

/// What would lower the decision: a single change that does it if there is one, else all that
/// count.
fn cures(
    table: &ScoreTable,
    a: &Attributes,
    score: u32,
    concerns: &[Concern],
    decision: Decision,
) -> Vec<String> {
    if decision == Decision::Allow {
        return Vec::new();
    }
    let gain = |attribute| table.points(attribute, a.condition(attribute)) - table.least(attribute);
    let mut worth: Vec<(Attribute, u32)> =
        Attribute::ALL.into_iter().map(|x| (x, gain(x))).filter(|(_, g)| *g > 0).collect();
    worth.sort_by_key(|(_, gain)| std::cmp::Reverse(*gain));
    let enough: Vec<_> = worth
        .iter()
        .copied()
        .filter(|(_, gain)| table.decision(score - gain) < table.decision(score))
        .collect();
    let chosen = if enough.is_empty() { worth } else { enough };
    let by_score = chosen
        .into_iter()
        .filter_map(|(attribute, _)| cure(attribute, a.condition(attribute)))
        .map(str::to_owned);
    concerns
        .iter()
        .filter(|c| c.at_least == decision)
        .map(|c| c.cure.clone())
        .chain(by_score)
        .collect()
}

/// What a person or their administrator can do about a condition.
fn cure(attribute: Attribute, condition: Option<Condition>) -> Option<&'static str> {
    Some(match (attribute, condition) {
        (_, Some(Condition::PrivilegedUser)) => return None,
        (Attribute::Identity, _) => "Ask your administrator: your role is not known here.",
        (Attribute::Authentication, _) => "Touch your security key at logon.",
        (Attribute::Device, _) => "Use a laptop that your firm manages.",
        (Attribute::Network, _) => "Connect from a network of your firm.",
        (Attribute::Country, Some(_)) => {
            "If you are travelling, ask your administrator to expect you in this country."
        }
        (Attribute::Country, None) => {
            "Your country cannot be told: ask your administrator about the gateway's country file."
        }
    })
}

#[cfg(test)]
mod tests;
