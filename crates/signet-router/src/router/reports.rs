//! A dealer's reports about accepts: what they did, and what the desk is told of it.

use super::{Output, Router, accepts::accept_of_colleague};
use signet_fix::message::{AppMessage, ExecType, ExecutionReport, OrdStatus, RfqStatus};
use signet_identity::CompId;
use signet_rfq::{
    Accept, AcceptId, AcceptState, DealerId, Declined, Report, RfqId, Taken, UtcMillis,
    lifecycle::{AcceptEvent, AcceptPhase},
};

impl Router {
    pub(super) fn execution(&mut self, dealer: &DealerId, report: ExecutionReport, now: UtcMillis) {
        let found = self.accepts.get(&report.accept).cloned().and_then(|sent| {
            let own = self.accept_named(&sent.rfq, &report.accept, dealer)?;
            Some((sent.rfq, own, sent.desk))
        });
        let Some((id, own, desk)) = found else {
            if self.counter_executed(dealer, &report, now) {
                return;
            }
            let words = format!(
                "reports {} for accept {}, which it was not sent",
                report.exec_type.words(),
                report.accept
            );
            self.alert("execution.stray", dealer, words);
            return self.stray(dealer, "an execution report", report.accept.as_str());
        };
        let Some(e) = self.rfqs.get_mut(&id) else { return };
        let silent = format!("the dealer's answer: {}", report.exec_type.words());
        // Whether it fits is the gateway's word, not the dealer's.
        let report = ExecutionReport { disputed: false, ..report };
        let heard = Report { text: report.text.clone().or(Some(silent)), ..report.report() };
        let Ok(taken) = e.rfq.report(&own, &heard, Declined::ByDealer, now) else { return };
        let state = e.rfq.accept_of(&own).cloned();
        // A desk that has not heard on which quote a limit let it go on compares with this.
        let report = ExecutionReport { price: state.as_ref().map(|(a, _)| a.price), ..report };
        let record = format!(
            "{dealer} reports {} ({}) for accept {}: {}; it is {} now",
            report.exec_type.words(),
            report.exec_id,
            report.accept,
            taken.event,
            taken.after
        );
        self.tell_taken((&id, &own), (&desk, dealer), &taken, state, report, now);
        // Every report leaves a record, also one that says nothing new.
        self.note(record);
    }

    /// What a report did to an accept, told to its desk.
    fn tell_taken(
        &mut self,
        (id, own): (&RfqId, &AcceptId),
        (desk, dealer): (&CompId, &DealerId),
        taken: &Taken,
        state: Option<(Accept, AcceptState)>,
        report: ExecutionReport,
        now: UtcMillis,
    ) {
        if let Some(d) = &taken.dispute {
            // It counts for the day in which it came into dispute.
            if let Some(e) = self.rfqs.get_mut(id) {
                e.kept = self.elapsed.kept(e.kept, now);
            }
            self.alert(
                "execution.disputed",
                dealer,
                format!("{} for accept {}: {}", report.exec_id, report.accept, d.why),
            );
            let report = ExecutionReport { disputed: true, text: Some(d.why.clone()), ..report };
            // Who has the RFQ by now cannot trade in it until it is settled.
            if let Some(e) = self.rfqs.get(id).filter(|e| &e.desk != desk) {
                let price_type = e.rfq.terms.price_type.as_reported(report.price_type);
                let (has, accept) = (e.desk.clone(), accept_of_colleague(&e.rfq, own));
                let report = ExecutionReport { price_type, ..report.clone() };
                if let Some(accept) = accept {
                    self.forward(&has, dealer, &accept, report);
                }
            }
            self.forward(desk, dealer, own, report);
            return self.after_answer(id, now);
        }
        match (taken.event, taken.changed) {
            (AcceptEvent::Noted, _) => self.forward(desk, dealer, own, report),
            (_, false) => {}
            (AcceptEvent::Working, _) => {
                let looking = ExecutionReport {
                    exec_type: ExecType::PendingNew,
                    status: OrdStatus::PendingNew,
                    ..report
                };
                self.forward(desk, dealer, own, looking);
            }
            (AcceptEvent::Refused | AcceptEvent::NothingTraded, _) => match state {
                Some((a, AcceptState::Declined(why))) => self.tell_declined(id, &a, &why, now),
                // The rest of what was executed in part.
                _ => self.forward(desk, dealer, own, report),
            },
            (AcceptEvent::TradeCancelled | AcceptEvent::TradeCorrected, _) => {
                let words = format!("{} of {}: {}", report.exec_id, report.accept, taken.event);
                self.alert("execution.changed", dealer, words);
                self.forward(desk, dealer, own, report);
            }
            _ => {
                self.forward(desk, dealer, own, report);
                let first =
                    !matches!(taken.before, AcceptPhase::Filled | AcceptPhase::PartlyFilled);
                if first && matches!(taken.after, AcceptPhase::Filled | AcceptPhase::PartlyFilled) {
                    self.out.push(Output::Traded(desk.clone(), dealer.clone()));
                    self.ended(id, RfqStatus::Open, None, now);
                }
            }
        }
    }

    /// An accept is in flight no longer: it is not asked about, and time may end its RFQ.
    fn after_answer(&mut self, id: &RfqId, now: UtcMillis) {
        if let Some(e) = self.rfqs.get_mut(id).filter(|e| !e.rfq.in_flight()) {
            e.asked_at = None;
        }
        self.rfq_tick(id, now);
    }

    fn forward(
        &mut self,
        desk: &CompId,
        dealer: &DealerId,
        accept: &AcceptId,
        report: ExecutionReport,
    ) {
        let report =
            ExecutionReport { accept: accept.clone(), dealer: Some(dealer.clone()), ..report };
        self.tell_desk(desk, AppMessage::ExecutionReport(report));
    }
}
