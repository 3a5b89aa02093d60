//! What stands between a key and a trade beyond the terms themselves: a minimum time between
//! showing the terms and confirming them, and a second confirmation of a price that is far from the
//! market. Pure; the caller passes the clock.

use rust_decimal::Decimal;
use serde::Deserialize;
use signet_rfq::{PriceType, Side, UtcMillis};

/// Longer than the bounce of a key; shorter than a held key takes to its first repetition on most
/// systems.
const CONFIRM_AFTER_MIN_MS: u32 = 250;
const CONFIRM_AFTER_MAX_MS: u32 = 5_000;
/// Ten percent: a price that is so far from the market is a slip, whatever the firm trades.
const OFF_MARKET_BP_MAX: u32 = 1_000;

/// How the firm protects its traders from slips.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TradingSettings {
    /// Terms that were shown for a shorter time, in milliseconds, cannot be confirmed.
    #[serde(default = "confirm_after_default")]
    pub confirm_after_ms: u32,
    /// A price that is worse than the market by more than so many basis points of it is to be
    /// confirmed twice; 0 for never.
    #[serde(default = "off_market_default")]
    pub off_market_bp: u32,
    /// The same in ticks of the instrument; 0 for never.
    #[serde(default)]
    pub off_market_ticks: u32,
}

/// Longer than a held key takes to its first repetition (X11: 660 ms, GNOME: 500 ms).
fn confirm_after_default() -> u32 {
    700
}

/// Half a percent.
fn off_market_default() -> u32 {
    50
}

impl Default for TradingSettings {
    fn default() -> Self {
        Self {
            confirm_after_ms: confirm_after_default(),
            off_market_bp: off_market_default(),
            off_market_ticks: 0,
        }
    }
}

impl TradingSettings {
    /// No protection: for tests that press as fast as they can.
    pub const NONE: Self = Self { confirm_after_ms: 0, off_market_bp: 0, off_market_ticks: 0 };

    /// Whether an administrator may set this; the error names the key.
    pub(crate) fn check(&self) -> Result<(), String> {
        let (min, max) = (CONFIRM_AFTER_MIN_MS, CONFIRM_AFTER_MAX_MS);
        if !(min..=max).contains(&self.confirm_after_ms) {
            return Err(format!("confirm_after_ms must be {min} to {max}"));
        }
        if self.off_market_bp > OFF_MARKET_BP_MAX {
            return Err(format!("off_market_bp must be 0 to {OFF_MARKET_BP_MAX}"));
        }
        Ok(())
    }
}

/// What a price is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Against {
    /// The middle of what so many dealers quote.
    Composite(usize),
    /// The best of the other dealers, where too few quote for a composite.
    Other,
    /// What the trader traded last in this instrument.
    LastTrade,
}

/// A price that is far from the market, and from what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OffMarket {
    pub against: Against,
    pub reference: Decimal,
    /// How much worse, in the unit of the price.
    pub worse: Decimal,
    /// What that is a share of.
    pub of: Decimal,
}

/// The worst price that an accept agrees to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Agreed {
    pub price_type: PriceType,
    pub side: Side,
    pub price: Decimal,
    pub tick: Option<Decimal>,
    /// What a difference is a share of; `None` for the price that it is compared with. The net
    /// price of a package may be near zero, and is measured by the prices that it is made of.
    pub of: Option<Decimal>,
}

/// Whether a price is worse than one of the references by more than the firm allows without a
/// second look; the reference from which it is farthest.
pub(crate) fn off_market(
    agreed: Agreed,
    references: &[(Against, Decimal)],
    settings: &TradingSettings,
) -> Option<OffMarket> {
    let way = agreed.price_type.direction();
    let far = |(against, reference): &(Against, Decimal)| {
        // A difference that cannot be written is as far as can be.
        let worse = way.worse(agreed.side, agreed.price, *reference).unwrap_or(Decimal::MAX);
        let of = agreed.of.unwrap_or(*reference).abs();
        let by_share = settings.off_market_bp > 0 && {
            match agreed.price_type.as_of_a_price(worse) {
                // A share of a yield or a spread says nothing.
                Some(bp) => bp.is_none_or(|bp| bp > Decimal::from(settings.off_market_bp)),
                None => {
                    let share = Decimal::new(i64::from(settings.off_market_bp), 4);
                    of.checked_mul(share).is_none_or(|most| worse > most)
                }
            }
        };
        let by_ticks = settings.off_market_ticks > 0
            && agreed.tick.is_some_and(|tick| {
                let most = Decimal::from(settings.off_market_ticks).checked_mul(tick);
                most.is_none_or(|most| worse > most)
            });
        (worse > Decimal::ZERO && (by_share || by_ticks)).then_some(OffMarket {
            against: *against,
            reference: *reference,
            worse,
            of,
        })
    };
    references.iter().filter_map(far).max_by_key(|o| o.worse)
}

/// What a press of Confirm does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pressed {
    /// The terms were not there long enough, or Confirm was pressed a moment ago: nothing happens.
    TooSoon,
    /// The price is far from the market, and the trader was told just now: pressed again, it goes.
    Warned,
    /// The accept leaves.
    Goes,
}

/// The guard of one armed accept.
#[derive(Debug, Clone)]
pub(crate) struct Guard {
    /// When the terms were shown or changed, or Confirm was pressed, last; the laptop's clock.
    quiet_since: UtcMillis,
    /// The worst price that the trader has confirmed once in spite of the warning.
    seen: Option<Decimal>,
}

impl Guard {
    /// Terms are shown now.
    pub(crate) fn shown(now: UtcMillis) -> Self {
        Self { quiet_since: now, seen: None }
    }

    /// Terms that were read since `shown`, beside others that are confirmed with them; `seen` is
    /// the price far from the market that the trader has confirmed once already.
    pub(crate) fn read(shown: UtcMillis, seen: Option<Decimal>) -> Self {
        Self { quiet_since: shown, seen }
    }

    /// The terms that are shown changed now: the time to read them begins again.
    pub(crate) fn changed(&mut self, now: UtcMillis) {
        self.quiet_since = now;
    }

    /// Whether the trader has confirmed this price once already.
    pub(crate) fn has_seen(&self, price: Decimal) -> bool {
        self.seen == Some(price)
    }

    /// The trader presses Confirm. Every press that comes too soon begins the time again, so that a
    /// held key never trades, however long it is held.
    pub(crate) fn press(
        &mut self,
        price: Decimal,
        warned: bool,
        settings: &TradingSettings,
        now: UtcMillis,
    ) -> Pressed {
        let quiet_ms = now.since(self.quiet_since);
        self.quiet_since = now;
        if quiet_ms < i64::from(settings.confirm_after_ms) {
            return Pressed::TooSoon;
        }
        if warned && !self.has_seen(price) {
            self.seen = Some(price);
            return Pressed::Warned;
        }
        Pressed::Goes
    }
}

#[cfg(test)]
#[path = "guard_tests.rs"]
mod tests;
