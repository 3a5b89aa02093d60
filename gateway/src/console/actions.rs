//! What is done for whoever is logged in and entitled.

use super::{
    refusal::ConsoleRefusal,
    request::{Route, from_json, malformed},
    server::{Caller, Console, Done},
};
use crate::{
    admin::{self, AdminError, LockedOut},
    admin_api::AdminRefusal,
    pipeline::EndOrder,
};
use serde::Deserialize;
use serde_json::json;
use signet_events::About;
use signet_identity::CompId;
use signet_policy::entitle::{AdminAction, Proof};
use signet_rfq::DealerId;
use std::collections::BTreeMap;

/// What the person at the desk reads.
const REASON_CHARS_MAX: usize = 120;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct End {
    desk: String,
    reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Lift {
    kind: Kind,
    subject: String,
    reason: String,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Person,
    Network,
    Dealer,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Resume {
    dealer: String,
}

impl Console {
    /// After the last gate.
    pub(super) async fn carry_out(
        &self,
        route: Route,
        query: &BTreeMap<&'static str, String>,
        body: &[u8],
        caller: &Caller,
    ) -> Result<Done, ConsoleRefusal> {
        match route {
            Route::Me => Ok(Done::Json(caller.me())),
            Route::Overview => Ok(Done::Json(self.parts.overview.status().await)),
            Route::Sessions => self.seen_sessions().await,
            Route::EndSession => self.end_desk(body, caller).await,
            Route::Rfqs => self.seen_rfqs().await,
            Route::Alerts => self.seen_alerts(query.get("after")),
            Route::Fleet => self.seen_fleet(query).await,
            Route::Locks => self.seen_locks().await,
            Route::Lift => self.lift(body, caller).await,
            Route::Dealers => Ok(self.seen_dealers()),
            Route::Resume => {
                let Resume { dealer } = from_json(body)?;
                self.resume(&dealer, "", caller)
            }
            Route::Policies => self.policies(caller).await,
            Route::History => self.history().await,
            Route::Version => self.version(query.get("digest")).await,
            Route::PrepareStart => self.prepare_start(body, caller).await,
            Route::PrepareFinish => self.prepare_finish(body, caller).await,
            Route::ApproveStart => self.approve_start(body, caller).await,
            Route::ApproveFinish => self.approve_finish(body, caller).await,
            Route::Reject => self.reject(body, caller).await,
            Route::Evidence => self.search(query).await,
            Route::Bundle => self.bundle(query, caller).await,
            // The others do not come here.
            Route::Page(_)
            | Route::LoginStart
            | Route::LoginFinish
            | Route::RegisterStart
            | Route::RegisterFinish
            | Route::Logout => Err(ConsoleRefusal::NotFound),
        }
    }

    async fn end_desk(&self, body: &[u8], caller: &Caller) -> Result<Done, ConsoleRefusal> {
        let End { desk, reason } = from_json(body)?;
        let reason = checked_reason(reason)?;
        let id = CompId::new(desk.as_str()).map_err(|_| malformed("desk: this is not a CompID"))?;
        let order = EndOrder { desk: id, reason, actor: caller.actor() };
        match self.parts.trading.end(order).await? {
            true => Ok(Done::Json(json!({ "ended": desk }))),
            false => Err(AdminRefusal::NotOn(desk).into()),
        }
    }

    async fn lift(&self, body: &[u8], caller: &Caller) -> Result<Done, ConsoleRefusal> {
        let Lift { kind, subject, reason } = from_json(body)?;
        let reason = checked_reason(reason)?;
        if kind == Kind::Dealer {
            // To resume a line is another right than to lift a lock-out.
            caller.must(AdminAction::Sessions, Proof::default())?;
            return self.resume(&subject, &reason, caller);
        }
        let what = LockedOut::read(&subject).map_err(|e| malformed(e.to_string()))?;
        match (&what, kind) {
            (LockedOut::Person(_), Kind::Person) | (LockedOut::Network(_), Kind::Network) => {}
            _ => return Err(malformed("subject: not of this kind")),
        }
        let actor = format!("{} ({reason})", caller.actor());
        let lifted = async { Ok(admin::lift_in(&self.parts.registry, &what, &actor).await) };
        self.registry(lifted).await?.map_err(AdminRefusal::from)?;
        Ok(Done::Json(json!({ "lifted": what.name() })))
    }

    fn resume(&self, dealer: &str, reason: &str, caller: &Caller) -> Result<Done, ConsoleRefusal> {
        let unknown = || AdminRefusal::Admin(AdminError::NoDealer(dealer.to_owned()));
        let id = DealerId::new(dealer).map_err(|_| unknown())?;
        if !self.parts.config.dealer.iter().any(|d| d.comp_id == id) {
            return Err(unknown().into());
        }
        admin::resume_dealer_in(&self.parts.cut_lines, &id).map_err(AdminRefusal::from)?;
        self.parts.events.by(caller.actor(), "dealer.resumed", About::dealer(&id), reason);
        Ok(Done::Json(json!({ "resumed": dealer })))
    }
}

fn checked_reason(reason: String) -> Result<String, ConsoleRefusal> {
    let printable = !reason.trim().is_empty() && reason.chars().all(|c| (' '..='~').contains(&c));
    if printable && reason.len() <= REASON_CHARS_MAX {
        return Ok(reason);
    }
    Err(malformed(format!("reason: 1 to {REASON_CHARS_MAX} printable ASCII characters")))
}
