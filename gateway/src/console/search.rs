//! Search in the events of the registry and in the journal, and one RFQ's bundle.

use super::{
    journal_search::{Found, JournalMarks, Wanted},
    refusal::ConsoleRefusal,
    request::malformed,
    server::{Caller, Console, Done},
    tar,
};
use crate::{
    admin::{self, AdminError, Touch, date},
    admin_api::AdminRefusal,
    clock::now,
    config::Config,
    evidence::{BundleError, BundleOrder, bundle_files},
    state_dir::{existing_store_key, journal_path},
};
use serde_json::{Value, json};
use signet_events::{About, Actor, Text, entry};
use signet_fix::{tag, tagvalue::Fields};
use signet_identity::is_user_id;
use signet_registry::{Event, EventSearch};
use signet_rfq::UtcMillis;
use signet_router::{
    is_name,
    journal::{RecordKind, Shown, shown},
};
use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// Events in one answer.
const EVENTS_MAX: usize = 100;
/// Records of the journal in one answer.
const RECORDS_MAX: usize = 200;

type Query = BTreeMap<&'static str, String>;

impl Console {
    /// Events, page by page; the records of the journal come with the first page, when an RFQ is
    /// named.
    pub(super) async fn search(&self, query: &Query) -> Result<Done, ConsoleRefusal> {
        let wanted = wanted(query)?;
        let asked = self.parts.registry.search_events(&wanted, EVENTS_MAX);
        let page = self.registered(asked).await?;
        let mut found: Vec<Value> = page.events.iter().map(event).collect();
        let mut unread = None;
        if let Some(rfq) = query.get("rfq").filter(|_| wanted.before.is_none()) {
            let limits = (wanted.from, wanted.to);
            let only_events = wanted.code.is_some() || wanted.subject.is_some();
            match self.records(rfq, limits, only_events).await {
                Ok(records) => {
                    found.splice(0..0, records.rows).for_each(drop);
                    unread = records.unread;
                }
                Err(why) => unread = Some(why),
            }
        }
        let next = page.before.map(|b| b.to_string());
        Ok(Done::Json(json!({ "found": found, "next": next, "journal_unread": unread })))
    }

    async fn records(
        &self,
        rfq: &str,
        limits: (Option<UtcMillis>, Option<UtcMillis>),
        only_events: bool,
    ) -> Result<Found, String> {
        if only_events {
            return Ok(Found::default());
        }
        let Ok(turn) = self.heavy.clone().try_acquire_owned() else {
            return Err("another search reads the journal; try again".into());
        };
        let (config, rfq) = (self.parts.config.clone(), rfq.to_owned());
        let marks = self.journal.clone();
        let search = move || {
            let _turn = turn;
            let mut marks = lock(&marks);
            let rfq = asked_under(&config, &rfq, &mut marks)?.unwrap_or(rfq);
            records(&config, &rfq, limits, &mut marks)
        };
        tokio::task::spawn_blocking(search).await.unwrap_or_else(|e| Err(e.to_string()))
    }

    /// `DESK.ID`, as the lists of the console name an RFQ, or as its desk or its dealers name it.
    pub(super) async fn bundle(
        &self,
        query: &Query,
        caller: &Caller,
    ) -> Result<Done, ConsoleRefusal> {
        let named = query.get("rfq").ok_or_else(|| malformed("rfq: missing"))?;
        let Ok(mut turn) = self.heavy.clone().try_acquire_owned() else {
            return Err(ConsoleRefusal::Busy);
        };
        let desk = query.get("desk").cloned();
        let (config, marks, name) =
            (self.parts.config.clone(), self.journal.clone(), named.clone());
        let look = move || (asked_under(&config, &name, &mut lock(&marks)), turn);
        let looked = tokio::task::spawn_blocking(look).await;
        let (found, back) =
            looked.map_err(|e| AdminRefusal::Admin(AdminError::StoreKey(e.to_string())))?;
        turn = back;
        // A journal that cannot be read leaves the evidence.
        let named = &found.ok().flatten().unwrap_or_else(|| named.clone());
        let mut tries = vec![(desk.clone(), named.clone())];
        if desk.is_none() {
            let split =
                |(at, _): (usize, &str)| (Some(named[..at].to_owned()), named[at + 1..].to_owned());
            tries.extend(named.match_indices('.').take(4).map(split));
        }
        let mut last = AdminError::from(BundleError::Unknown(named.clone()));
        for (desk, rfq) in tries {
            let approvals = self.touches(&rfq).await?;
            let (config, order) = (
                self.parts.config.clone(),
                BundleOrder {
                    rfq: rfq.clone(),
                    desk,
                    checkpoint: None,
                    out: Default::default(),
                    whole: false,
                },
            );
            // The turn goes with the work: whoever asked may be gone before it ends.
            let work = move || (bundle_files(&config, &order, approvals), turn);
            let made = tokio::task::spawn_blocking(work).await;
            let made =
                made.map_err(|e| AdminRefusal::Admin(AdminError::StoreKey(e.to_string())))?;
            turn = made.1;
            match made.0 {
                Ok((files, made)) => {
                    let at = u64::try_from(now().0.div_euclid(1_000)).unwrap_or(0);
                    let name = file_name(&made.desk, &rfq);
                    let tar = tar::archive(&name, &files, at)
                        .map_err(|e| AdminRefusal::Admin(e.into()))?;
                    let about = About { rfq: Some(Text::of(&rfq)), ..About::desk(&made.desk) };
                    let words = format!("the bundle of RFQ {rfq}: {} records", made.records);
                    self.parts.events.by(caller.actor(), "console.exported", about, words);
                    return Ok(Done::Tar(format!("{name}.tar"), tar));
                }
                Err(BundleError::Unknown(_)) => {}
                Err(e) => {
                    last = e.into();
                    break;
                }
            }
        }
        Err(AdminRefusal::Admin(last).into())
    }

    /// Every touch that names an RFQ of this name. Each part of the evidence has its time: of a
    /// large registry there are many, and one that is slow is of a registry that does not answer.
    async fn touches(&self, rfq: &str) -> Result<Vec<Touch>, ConsoleRefusal> {
        let (mut next, mut all) = (Some(0), Vec::new());
        while let Some(after) = next {
            let part = async { Ok(admin::touches_after(&self.parts.registry, rfq, after).await) };
            let (found, then) = self.registry(part).await?.map_err(AdminRefusal::from)?;
            all.extend(found);
            next = then;
        }
        Ok(all)
    }
}

/// A name for a file, of what may stand in one.
fn file_name(desk: &str, rfq: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '_' };
    let name: String = format!("rfq-{desk}-{rfq}").chars().map(plain).take(80).collect();
    name
}

fn wanted(query: &Query) -> Result<EventSearch, ConsoleRefusal> {
    let time = |name: &str| -> Result<Option<UtcMillis>, ConsoleRefusal> {
        let Some(text) = query.get(name) else { return Ok(None) };
        let at = OffsetDateTime::parse(text, &Rfc3339)
            .map_err(|_| malformed(format!("{name}: a time such as 2026-01-31T08:00:00Z")))?;
        Ok(crate::clock::millis(at))
    };
    let before = query.get("cursor").map(|c| c.parse::<i64>());
    Ok(EventSearch {
        code: query.get("code").cloned(),
        subject: query.get("user").cloned(),
        text: query.get("rfq").cloned(),
        from: time("from")?,
        to: time("to")?,
        before: before.transpose().map_err(|_| malformed("cursor: not one of this console"))?,
    })
}

fn event(e: &Event) -> Value {
    let first = e.subject.split('/').next().unwrap_or_default();
    let user = Some(first).filter(|s| is_user_id(s));
    let desk = Some(first).filter(|s| user.is_none() && !s.is_empty());
    json!({
        "at": date(e.at).ok(), "code": e.kind, "user": user, "desk": desk, "rfq": null,
        "severity": entry(&e.kind).severity.caption().to_lowercase(), "subject": e.subject,
        "actor": e.actor, "words": e.detail, "seq": e.seq,
    })
}

/// A search that broke off leaves marks that hold all the same.
fn lock(marks: &Mutex<JournalMarks>) -> MutexGuard<'_, JournalMarks> {
    marks.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The RFQ that dealers call so, as `DESK.ID`; `None`: it is no name of theirs, or the journal does
/// not know it.
fn asked_under(
    config: &Config,
    name: &str,
    marks: &mut JournalMarks,
) -> Result<Option<String>, String> {
    if !is_name(name) {
        return Ok(None);
    }
    let key = existing_store_key(config).map_err(|e| e.to_string())?;
    let asked = |s: Shown| {
        let id = Fields::parse(&s.message).ok()?.text(tag::QUOTE_REQ_ID)?.to_owned();
        let found = s.what == RecordKind::RequestDecided && s.name.as_deref() == Some(name);
        found.then(|| Value::from(format!("{}.{id}", s.id)))
    };
    let wanted = Wanted {
        from: None,
        to: None,
        rows: 1,
        at: &|r| shown(r).map(|s| s.at),
        row: &|r| shown(r).and_then(&asked),
    };
    let found = marks.search(&journal_path(config), &key, &wanted).map_err(|e| e.to_string())?;
    Ok(found.rows.first().and_then(Value::as_str).map(str::to_owned))
}

/// The newest records of the journal about an RFQ, newest first.
fn records(
    config: &Config,
    rfq: &str,
    (from, to): (Option<UtcMillis>, Option<UtcMillis>),
    marks: &mut JournalMarks,
) -> Result<Found, String> {
    let key = existing_store_key(config).map_err(|e| e.to_string())?;
    let wanted = Wanted {
        from,
        to,
        rows: RECORDS_MAX,
        at: &|r| shown(r).map(|s| s.at),
        row: &|r| shown(r).and_then(|s| record(&s, rfq)),
    };
    marks.search(&journal_path(config), &key, &wanted).map_err(|e| e.to_string())
}

fn record(s: &Shown, rfq: &str) -> Option<Value> {
    let fields = Fields::parse(&s.message).ok()?;
    // Of an RFQ of a desk; its ids are as that desk calls them.
    let from_desk = !s.what.is_of_dealer();
    let actor = if s.what.is_by_gateway() { Actor::Gateway.to_string() } else { s.id.clone() };
    let named = |id: &str| match from_desk {
        true => id == rfq || rfq.strip_prefix(s.id.as_str()) == Some(&format!(".{id}")),
        false => id == rfq || id.split_once('.').is_some_and(|(_, id)| id == rfq),
    };
    let accept = |id: &str| id.split(':').next().is_some_and(named);
    // What an RFQ was called before it changed hands.
    let before = || {
        let owner = fields.text(tag::OWNER_DESK)?;
        Some(format!("{owner}.{}", fields.text(tag::OWNER_RFQ)?))
    };
    let ids = [tag::QUOTE_REQ_ID, tag::CL_ORD_ID, tag::QUOTE_RESP_ID];
    let found = ids.iter().any(|t| fields.text(*t).is_some_and(|id| named(id) || accept(id)));
    if !found && before().as_deref() != Some(rfq) {
        return None;
    }
    let text = String::from_utf8_lossy(&s.message).replace('\u{1}', "|");
    let desk = if from_desk { Some(s.id.clone()) } else { None };
    Some(json!({
        "at": date(s.at).ok(), "code": format!("journal.{}", s.what.word()),
        "user": null, "desk": desk,
        "rfq": rfq, "severity": "informational", "subject": s.id, "actor": actor,
        "words": Text::of(text).as_str(),
    }))
}
