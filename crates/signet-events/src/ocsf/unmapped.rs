//! What OCSF has no place for, under the names of `docs/events.md`.

use super::{Limits, cut, parts::unmapped_list};
use crate::{About, Event, Side, Text};
use serde::Serialize;

#[derive(Serialize)]
pub(super) struct Unmapped {
    at_us: i64,
    code: String,
    /// The entry that the code has in the catalogue; `area.*` stands for its area.
    entry: &'static str,
    actor: String,
    response: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    device: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    desk: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dealer: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    country: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    address_before: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    country_before: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    as_number: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    as_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    policy_before: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    rules: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    decision: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    factors: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rfq: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    quote: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    accept: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    execution: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    instrument: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    side: Option<Side>,
    #[serde(skip_serializing_if = "Option::is_none")]
    quantity: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    price: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    currency: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    object: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    count: Option<u64>,
}

impl Unmapped {
    pub(super) fn of(event: &Event, code: &str, limits: Limits) -> Self {
        let about: &About = &event.about;
        let text = |t: &Option<Text>| t.as_ref().map(|t| cut(t.as_str(), limits.chars));
        Self {
            at_us: event.at_us,
            code: cut(code, 100),
            entry: event.entry.code,
            actor: cut(&event.actor.to_string(), limits.chars),
            response: event.entry.response,
            user: text(&about.user),
            device: text(&about.device),
            desk: text(&about.desk),
            dealer: text(&about.dealer),
            address: about.address.map(|a| a.to_string()),
            country: text(&about.country),
            address_before: about.address_before.map(|a| a.to_canonical().to_string()),
            country_before: text(&about.country_before),
            as_number: about.as_number,
            as_name: text(&about.as_name),
            certificate: text(&about.certificate),
            policy_before: text(&about.policy_before),
            rules: unmapped_list(&about.rules, limits),
            reason: text(&about.reason),
            decision: text(&about.decision),
            factors: unmapped_list(&about.factors, limits),
            rfq: text(&about.rfq),
            quote: text(&about.quote),
            accept: text(&about.accept),
            execution: text(&about.execution),
            instrument: text(&about.instrument),
            side: about.side,
            quantity: text(&about.quantity),
            price: text(&about.price),
            currency: text(&about.currency),
            message: text(&about.message),
            object: text(&about.object),
            count: about.count,
        }
    }
}
