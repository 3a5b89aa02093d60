//! What was decided on a message, and by which policies, as evidence.

use super::{Pipeline, message::id_of, message::not_done};
use crate::{clock::UtcMicros, entitle::Ruling, signed::BlobKind};
use serde_json::json;
use signet_fix::AppMessage;
use signet_identity::CompId;
use signet_policy::entitle::Proof;
use signet_registry::hex;

/// When a decision was made, and what it says of step-up.
pub(super) struct Moment<'a> {
    pub(super) at: UtcMicros,
    /// `arrived`, or `released` after it waited for a touch.
    pub(super) stage: &'static str,
    /// `let-through`, `held` or `refused`.
    pub(super) outcome: &'static str,
    pub(super) proof: Proof,
    /// Why a touch was wanted; empty when none was.
    pub(super) touch: &'a str,
}

impl Pipeline {
    /// Writes a decision down, with the documents in force. `false`: it could not be written; the
    /// desk has been told, and nothing may be done.
    pub(super) fn keep_decision(
        &self,
        desk: &CompId,
        m: &AppMessage,
        ruling: &Ruling,
        moment: &Moment<'_>,
    ) -> bool {
        let policies = self.entitlements.policies();
        let documents = policies.documents();
        let [of_policies, of_facts] = *policies.document_digests();
        let dealers: Vec<&str> = ruling.dealers.iter().map(|d| d.as_str()).collect();
        let record = json!({
            "v": 1, "at_ms": moment.at.millis().0, "stage": moment.stage, "outcome": moment.outcome,
            "desk": desk.as_str(), "person": self.trader(desk), "msg_type": m.msg_type(),
            "id": id_of(m), "policies_say": ruling.outcome.to_string(), "code": ruling.code,
            "policies": ruling.ids, "dealers": dealers, "entitlements": ruling.digest,
            "policies_sha256": hex(&of_policies), "facts_sha256": hex(&of_facts),
            "touched": moment.proof.touched, "second_person": moment.proof.second_person,
            "touch_wanted": moment.touch,
        });
        let kept = [
            (BlobKind::Policies, of_policies, documents.policies),
            (BlobKind::Facts, of_facts, documents.facts),
        ];
        let Err(e) = self.signed.decided(moment.at, &record.to_string(), &kept) else {
            return true;
        };
        let (msg_type, code) = (m.msg_type(), e.code());
        tracing::error!(%desk, msg_type, code, error = %e, "a decision cannot be written; refused");
        let words = "the gateway cannot write down what was decided; nothing was done \
            (signed_log.unwritable)";
        self.to_desk(desk, &not_done(m, None, words.into()));
        false
    }
}
