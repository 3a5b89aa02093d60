//! Security keys of the person at a desk: listed and registered in band.

use super::{Pipeline, step_up::StepUp};
use crate::{
    clock::now,
    stepup::{Authority, KeyState, KeyTicket, KeyView, StepUpRefusal},
};
use serde::Serialize;
use signet_fix::{
    AppMessage,
    message::{KeyReport, KeyRequest},
};
use signet_identity::CompId;
use signet_stepup::pending::ApprovalRefusal;
use std::rc::Rc;
use zeroize::Zeroizing;

impl Pipeline {
    /// Lists the keys of the desk's person, or adds one: the first by a code, a further one by
    /// touching one that is registered.
    pub(super) fn about_keys(self: &Rc<Self>, s: &Rc<StepUp>, desk: &CompId, k: KeyRequest) {
        let (pipeline, s, d) = (self.clone(), s.clone(), desk.clone());
        let (Some(c), Some(place)) = (self.sessions.connection(desk), s.permit(desk)) else {
            return self.to_desk(desk, &refused(&StepUpRefusal::Busy));
        };
        tokio::task::spawn_local(async move {
            let _place = place;
            match k {
                KeyRequest::List => match s.service.keys(&c.user).await {
                    Ok(keys) => pipeline
                        .to_desk(&d, &AppMessage::KeyReport(KeyReport::List(key_list(&keys)))),
                    Err(why) => pipeline.to_desk(&d, &refused(&why)),
                },
                KeyRequest::Begin { name, code } => match s.service.keys(&c.user).await {
                    Ok(keys) if keys.iter().any(|k| k.state == KeyState::Active) => {
                        pipeline.step(&s, |w| w.hold_registration(&d, name, now()));
                    }
                    Ok(_) => pipeline.register_key(
                        &s,
                        &d,
                        name,
                        Authority::ByCode(code.map(Zeroizing::new)),
                    ),
                    Err(why) => pipeline.to_desk(&d, &refused(&why)),
                },
                KeyRequest::Finish { id, credential } => {
                    let report = match s
                        .service
                        .finish_registration(&id, d.as_str(), c.exporter, credential)
                        .await
                    {
                        Ok(key) => AppMessage::KeyReport(KeyReport::Registered { name: key.name }),
                        Err(why) => refused(&why),
                    };
                    pipeline.to_desk(&d, &report);
                    pipeline.look_at_keys(&s, &d);
                }
            }
        });
    }

    /// Has the desk make a key's credential.
    pub(super) fn register_key(
        self: &Rc<Self>,
        s: &Rc<StepUp>,
        desk: &CompId,
        key_name: String,
        authority: Authority,
    ) {
        let Some(c) = self.sessions.connection(desk) else { return };
        let (pipeline, s, desk) = (self.clone(), s.clone(), desk.clone());
        tokio::task::spawn_local(async move {
            let ticket = KeyTicket {
                user: c.user,
                desk: desk.to_string(),
                exporter: c.exporter,
                serial: c.serial,
                key_name,
                authority,
            };
            let report = match s.service.begin_registration(ticket).await {
                Ok(c) => AppMessage::KeyReport(KeyReport::Options {
                    id: c.id,
                    deadline: c.deadline,
                    options: c.options,
                }),
                Err(why) => refused(&why),
            };
            pipeline.to_desk(&desk, &report);
        });
    }

    /// Asks how many good keys the desk's person has; the desk is told when that changed.
    pub(super) fn look_at_keys(self: &Rc<Self>, s: &Rc<StepUp>, desk: &CompId) {
        let Some(c) = self.sessions.connection(desk) else { return };
        let (pipeline, s, desk) = (self.clone(), s.clone(), desk.clone());
        tokio::task::spawn_local(async move {
            // A registry that is busy says nothing: the desk keeps what it was told.
            let keys = match s.service.keys(&c.user).await {
                Ok(keys) => keys,
                Err(e) => return tracing::warn!(%desk, error = %e, "the keys are not known now"),
            };
            let good = keys.iter().filter(|k| k.state == KeyState::Active).count();
            pipeline.step(&s, |w| w.keys(&desk, u32::try_from(good).unwrap_or(u32::MAX), now()));
        });
    }
}

/// A key as its owner's desk shows it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct KeyLine<'a> {
    id: &'a str,
    name: &'a str,
    model: &'a str,
    good: bool,
    registered_ms: i64,
    last_used_ms: i64,
}

fn key_list(keys: &[KeyView]) -> String {
    let line = |k: &'_ KeyView| {
        serde_json::to_value(KeyLine {
            id: &k.id,
            name: &k.name,
            model: &k.model,
            good: k.state == KeyState::Active,
            registered_ms: k.registered.0,
            last_used_ms: k.last_used.0,
        })
    };
    let lines: Vec<_> = keys.iter().filter_map(|k| line(k).ok()).collect();
    serde_json::Value::Array(lines).to_string()
}

fn refused(why: &StepUpRefusal) -> AppMessage {
    ApprovalRefusal::from(why).key_report()
}
