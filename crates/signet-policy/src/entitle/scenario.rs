//! A question as people write it: on the command line and in files of expectations.

use super::{
    Act, AdminAction, Amounts, CedarEntitlements, Colleague, Deal, Entitlements as _, Proof,
    Question, Side, Step, Verdict,
};
use rust_decimal::Decimal;
use serde::Deserialize;

/// Why a question cannot be asked. At fault: whoever wrote it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ScenarioError {
    /// The field, and the action that needs it.
    #[error("{0} is missing; action {1} needs it")]
    Missing(&'static str, String),
    /// The action that was written.
    #[error(
        "{0:?} is not an action: see, request, counter, accept, see-rfqs, take-over, admin-read, \
            admin-lock, admin-users, admin-keys, admin-policy, admin-sessions"
    )]
    NoAction(String),
    /// The amount that was written, cut to 40 characters.
    #[error("{0:?} is not an amount: write 20000000, 20_000_000 or 20m")]
    NoAmount(String),
    /// The instrument is not configured, or several have its symbol; in words.
    #[error("{0}")]
    Instrument(String),
}

/// A field that is left out has its most harmless value: nothing traded or open, one dealer, not
/// idle, nothing approved.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// Trader or administrator.
    pub user: String,
    /// `see`, `request`, `counter`, `accept`, `see-rfqs`, `take-over`, or one of
    /// [`AdminAction::word`].
    pub action: String,
    /// CompID of the dealer; `see`, `request`, `counter` and `accept` need it.
    pub dealer: Option<String>,
    /// The trader that has the RFQ; `see-rfqs` and `take-over` need it.
    pub colleague: Option<String>,
    /// ISIN, currency pair or symbol.
    pub instrument: Option<String>,
    /// The side; `request`, `counter` and `accept` need it.
    pub side: Option<Side>,
    /// In the instrument's currency, such as `20m`.
    pub quantity: Option<String>,
    /// Accepted already today, in the reporting currency.
    pub day: Option<String>,
    /// Outstanding already, in the reporting currency.
    pub outstanding: Option<String>,
    /// Open already.
    #[serde(default)]
    pub open_rfqs: usize,
    /// How many dealers the RFQ asks; 1 if left out.
    pub dealers: Option<usize>,
    /// No trade yet today.
    #[serde(default)]
    pub first_today: bool,
    /// The trader has no remembered trade with this dealer.
    #[serde(default)]
    pub new_dealer: bool,
    /// For `accept`: how much worse than the middle quote, hundredths of a per cent.
    pub off_market_bps: Option<i64>,
    /// Seconds since the trader last did something.
    #[serde(default)]
    pub idle_seconds: i64,
    /// The trader has touched a key for it.
    #[serde(default)]
    pub touched: bool,
    /// A second person has touched a key for it.
    #[serde(default)]
    pub second_person: bool,
    /// For an administrator: the role is `privileged`.
    #[serde(default)]
    pub privileged: bool,
    /// For an administrator: a hardware key was proved.
    #[serde(default)]
    pub hardware_key: bool,
}

impl Scenario {
    /// Asks.
    pub fn decide(&self, entitlements: &CedarEntitlements) -> Result<Verdict, ScenarioError> {
        self.with(entitlements, |q| entitlements.decide(q))
    }

    /// Makes a question of it, for as long as `f` runs.
    pub fn with<T>(
        &self,
        entitlements: &CedarEntitlements,
        f: impl FnOnce(&Question<'_>) -> T,
    ) -> Result<T, ScenarioError> {
        let proof = Proof { touched: self.touched, second_person: self.second_person };
        let ask = |act: Act<'_>| f(&Question { who: &self.user, proof, act });
        let missing = |what| ScenarioError::Missing(what, self.action.clone());
        let dealer = || self.dealer.as_deref().ok_or_else(|| missing("dealer"));
        if self.action == "see" {
            return Ok(ask(Act::See { dealer: dealer()? }));
        }
        if let Some(what) = Colleague::ALL.into_iter().find(|c| c.word() == self.action) {
            let owner = self.colleague.as_deref().ok_or_else(|| missing("colleague"))?;
            return Ok(ask(Act::Colleague { what, owner }));
        }
        let admin = AdminAction::ALL.into_iter().find(|a| a.word() == self.action);
        if let Some(action) = admin {
            return Ok(ask(Act::Admin {
                action,
                privileged: self.privileged,
                hardware_key: self.hardware_key,
            }));
        }
        let step = match self.action.as_str() {
            "request" => Step::Request,
            "counter" => Step::Counter,
            "accept" => Step::Accept { off_market_bps: self.off_market_bps },
            other => return Err(ScenarioError::NoAction(other.into())),
        };
        let name = self.instrument.as_deref().ok_or_else(|| missing("instrument"))?;
        let instrument =
            entitlements.world().instrument(name).map_err(ScenarioError::Instrument)?;
        let reporting = &entitlements.facts().reporting_currency;
        let used = |text: &Option<String>| match text {
            None => Ok(Amounts::new()),
            Some(t) => Ok(Amounts::from([(reporting.clone(), amount(t)?)])),
        };
        let deal = Deal {
            instrument: &instrument,
            side: self.side.ok_or_else(|| missing("side"))?,
            quantity: amount(self.quantity.as_deref().ok_or_else(|| missing("quantity"))?)?,
            day: &used(&self.day)?,
            outstanding: &used(&self.outstanding)?,
            open_rfqs: self.open_rfqs,
            dealers: self.dealers.unwrap_or(1),
            first_today: self.first_today,
            idle_s: self.idle_seconds,
        };
        Ok(ask(Act::Trade { step, dealer: dealer()?, new_dealer: self.new_dealer, deal: &deal }))
    }
}

/// Reads `20000000`, `20_000_000`, `2.5m`, `500k`, `1bn`.
pub fn amount(text: &str) -> Result<Decimal, ScenarioError> {
    let bad = || ScenarioError::NoAmount(text.chars().take(40).collect());
    let compact = text.trim().to_ascii_lowercase();
    let split = compact.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(compact.len());
    let (digits, suffix) = compact.split_at(split);
    let factor = match suffix {
        "" => 1,
        "k" => 1_000,
        "m" => 1_000_000,
        "bn" => 1_000_000_000,
        _ => return Err(bad()),
    };
    let grouped = |d: &str| !d.is_empty() && !d.starts_with(['_', '.']) && !d.ends_with(['_', '.']);
    if !grouped(digits) || !digits.bytes().all(|b| b.is_ascii_digit() || b == b'.' || b == b'_') {
        return Err(bad());
    }
    let number: Decimal = digits.replace('_', "").parse().map_err(|_| bad())?;
    number.checked_mul(Decimal::from(factor)).ok_or_else(bad)
}
