//! Prices: a random walk on the tick, and a dealer's spread and skew around it.

use rust_decimal::Decimal;

use crate::dice::Dice;
use crate::instrument::Instrument;
use crate::settings::DealerSettings;

/// How far the walk may go between two quotes, in ticks either way.
const STEP_TICKS_MAX: u64 = 2;
/// How far the walk may stray from the reference mid, as a fraction of it.
const STRAY_MAX: Decimal = Decimal::from_parts(2, 0, 0, false, 2);

/// One step of the simulated market.
pub(crate) fn walk(mid: Decimal, instrument: &Instrument, dice: &mut Dice) -> Decimal {
    let ticks = Decimal::from(dice.between(0, 2 * STEP_TICKS_MAX)) - Decimal::from(STEP_TICKS_MAX);
    let moved = mid + ticks * instrument.tick;
    let stray = (instrument.reference_mid * STRAY_MAX).abs().max(instrument.half_spread);
    let near = (moved - instrument.reference_mid).abs() <= stray;
    if near { moved } else { instrument.reference_mid }
}

/// Bid and offer of this dealer around a mid, both on the tick, the bid below the offer; of yields
/// and spreads above it.
pub(crate) fn two_way(
    mid: Decimal,
    instrument: &Instrument,
    settings: &DealerSettings,
) -> (Decimal, Decimal) {
    let mid = mid + Decimal::from(settings.skew_ticks) * instrument.tick;
    let half = instrument.half_spread * settings.spread_factor;
    let on_tick = |price: Decimal| price / instrument.tick;
    let bid = on_tick(mid - half).floor() * instrument.tick;
    let offer = on_tick(mid + half).ceil() * instrument.tick;
    if instrument.inverse {
        // Who buys wants the higher yield.
        return (offer, bid);
    }
    // A wide dealer of a cheap instrument still bids something.
    (bid.max(instrument.tick), offer.max(instrument.tick + instrument.tick))
}

/// Half of a quantity, on the lot; the whole when half would be too small.
pub(crate) fn half_of(quantity: Decimal, instrument: &Instrument) -> Decimal {
    let half = (quantity / Decimal::TWO / instrument.lot).floor() * instrument.lot;
    if half >= instrument.min_quantity { half } else { quantity }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::instrument::Instruments;
    use crate::settings::Settings;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn quotes_are_on_the_tick_and_never_crossed(seed in any::<u64>(), steps in 0..200_usize, skew in -1000..1000_i64) {
            let all = Instruments::parse(include_str!("../instruments.toml")).unwrap();
            let mut settings = Settings::parse(include_str!("../dealers.toml")).unwrap().dealers.remove(0);
            settings.skew_ticks = skew;
            let mut dice = Dice::new(seed, 0);
            for instrument in all.iter() {
                let mut mid = instrument.reference_mid;
                for _ in 0..steps {
                    mid = walk(mid, instrument, &mut dice);
                }
                let (bid, offer) = two_way(mid, instrument, &settings);
                prop_assert!(Decimal::ZERO < bid && bid < offer, "{} {bid} {offer}", instrument.id);
                prop_assert!((bid % instrument.tick).is_zero() && (offer % instrument.tick).is_zero());
                let half = half_of(instrument.max_quantity, instrument);
                prop_assert!((half % instrument.lot).is_zero() && half > Decimal::ZERO);
            }
        }
    }
}
