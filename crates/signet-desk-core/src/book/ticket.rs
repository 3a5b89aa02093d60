//! What the ticket needs of the book beside its intents.

use super::Book;
use crate::{
    price, settlement,
    view::{AcceptView, ArmIntent, Problem, SettlementDay},
};
use signet_rfq::{Catalogue, RfqId, UtcMillis};
use std::sync::Arc;

impl Book {
    /// The instruments that are in use; another value whenever the list is another one.
    pub(crate) fn catalogue(&self) -> Arc<Catalogue> {
        self.reference.catalogue().clone()
    }

    /// The settlement day that a text means for an instrument.
    pub(crate) fn read_settlement(
        &self,
        instrument: &str,
        text: &str,
        now: UtcMillis,
    ) -> Result<SettlementDay, Problem> {
        settlement::read(self.reference.chosen(instrument)?, text, self.clock.gateway(now))
    }

    /// As [`Self::arm`]; the price is as the screen shows it: `99-16+`.
    pub(crate) fn arm_typed(
        &mut self,
        mut intent: ArmIntent,
        now: UtcMillis,
    ) -> Result<AcceptView, Problem> {
        if let Some(price) = self.shown_price(&intent) {
            intent.price = price;
        }
        self.arm(&intent, now)
    }

    /// The number behind the price of an intent.
    fn shown_price(&self, intent: &ArmIntent) -> Option<String> {
        let rfq = self.screen.rfq(&RfqId::new(intent.rfq_id.clone()).ok()?)?;
        let i = self.reference.instrument(&rfq.terms.instrument)?;
        price::read(i.price_format, &intent.price).map(|p| p.to_string())
    }
}
