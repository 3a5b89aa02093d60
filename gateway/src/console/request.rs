//! What a browser asks for, read from one HTTP request. Pure; whatever cannot be read exactly is
//! refused.

use super::{
    headers::COOKIE,
    pages::{Page, page},
    refusal::ConsoleRefusal,
    sessions::TokenDigest,
};
use crate::admin_api::decoded;
use aws_lc_rs::{
    constant_time::verify_slices_are_equal,
    digest::{SHA256, digest},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as B64};
use hyper::{Method, header, header::HeaderMap};
use serde::de::DeserializeOwned;
use signet_policy::entitle::{AdminAction, Proof};
use std::collections::BTreeMap;

/// Of a query.
const QUERY_CHARS_MAX: usize = 1_000;

/// What is proved for a change of policy: two people take its steps, and sign them with their keys.
pub(super) const SIGNED_BY_TWO: Proof = Proof { touched: true, second_person: true };

/// What an address leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Route {
    Page(&'static Page),
    LoginStart,
    LoginFinish,
    RegisterStart,
    RegisterFinish,
    Me,
    Logout,
    Overview,
    Sessions,
    EndSession,
    Rfqs,
    Alerts,
    Fleet,
    Locks,
    Lift,
    Dealers,
    Resume,
    Policies,
    History,
    Version,
    PrepareStart,
    PrepareFinish,
    ApproveStart,
    ApproveFinish,
    Reject,
    Evidence,
    Bundle,
}

/// Who may ask for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Needs {
    /// Anybody who reaches the console.
    Nothing,
    /// Whoever is logged in.
    Session,
    /// And is entitled to this.
    Right(AdminAction),
}

/// Every path below `/console/api/`.
const API: &[(&str, bool, Route)] = &[
    ("login/start", true, Route::LoginStart),
    ("login/finish", true, Route::LoginFinish),
    ("register/start", true, Route::RegisterStart),
    ("register/finish", true, Route::RegisterFinish),
    ("me", false, Route::Me),
    ("logout", true, Route::Logout),
    ("overview", false, Route::Overview),
    ("sessions", false, Route::Sessions),
    ("sessions/end", true, Route::EndSession),
    ("rfqs", false, Route::Rfqs),
    ("alerts", false, Route::Alerts),
    ("fleet", false, Route::Fleet),
    ("locks", false, Route::Locks),
    ("locks/lift", true, Route::Lift),
    ("dealers", false, Route::Dealers),
    ("dealers/resume", true, Route::Resume),
    ("policies", false, Route::Policies),
    ("policies/history", false, Route::History),
    ("policies/version", false, Route::Version),
    ("policies/prepare/start", true, Route::PrepareStart),
    ("policies/prepare/finish", true, Route::PrepareFinish),
    ("policies/approve/start", true, Route::ApproveStart),
    ("policies/approve/finish", true, Route::ApproveFinish),
    ("policies/reject", true, Route::Reject),
    ("evidence", false, Route::Evidence),
    ("evidence/bundle", false, Route::Bundle),
];

impl Route {
    pub(super) fn needs(self) -> Needs {
        match self {
            Self::Page(_)
            | Self::LoginStart
            | Self::LoginFinish
            | Self::RegisterStart
            | Self::RegisterFinish => Needs::Nothing,
            Self::Me | Self::Logout => Needs::Session,
            Self::Overview
            | Self::Sessions
            | Self::Rfqs
            | Self::Alerts
            | Self::Fleet
            | Self::Locks
            | Self::Dealers
            | Self::Policies
            | Self::History
            | Self::Version
            | Self::Evidence
            | Self::Bundle => Needs::Right(AdminAction::Read),
            Self::Lift => Needs::Right(AdminAction::Lock),
            Self::EndSession | Self::Resume => Needs::Right(AdminAction::Sessions),
            Self::PrepareStart
            | Self::PrepareFinish
            | Self::ApproveStart
            | Self::ApproveFinish
            | Self::Reject => Needs::Right(AdminAction::Policy),
        }
    }

    /// What is proved for it. Of a change of policy a step has no effect before the key's signature
    /// is verified, and none takes force by one person.
    pub(super) fn proof(self) -> Proof {
        match self {
            Self::PrepareStart | Self::PrepareFinish | Self::ApproveStart | Self::ApproveFinish => {
                SIGNED_BY_TWO
            }
            Self::Reject => Proof { touched: false, ..SIGNED_BY_TWO },
            _ => Proof::default(),
        }
    }

    /// Which parameters its address may have.
    fn parameters(self) -> &'static [&'static str] {
        match self {
            Self::Alerts => &["after"],
            Self::Version => &["digest"],
            Self::Fleet => &["find", "flag", "user", "device"],
            Self::Evidence => &["rfq", "user", "code", "from", "to", "cursor"],
            Self::Bundle => &["rfq", "desk"],
            _ => &[],
        }
    }

    pub(super) fn is_page(self) -> bool {
        matches!(self, Self::Page(_))
    }
}

/// Where an address leads.
pub(super) fn route(method: &Method, path: &str) -> Result<Route, ConsoleRefusal> {
    let rest = path.strip_prefix("/console/").ok_or(ConsoleRefusal::NotFound)?;
    let (post, route) = match rest.strip_prefix("api/") {
        Some(name) => {
            let found = API.iter().find(|(n, ..)| *n == name).ok_or(ConsoleRefusal::NotFound)?;
            (found.1, found.2)
        }
        None => (false, Route::Page(page(rest).ok_or(ConsoleRefusal::NotFound)?)),
    };
    match *method {
        Method::GET if !post => Ok(route),
        Method::POST if post => Ok(route),
        _ => Err(ConsoleRefusal::Method),
    }
}

/// The one value of a header; `None` when it is not there, there twice, or no text.
fn one(headers: &HeaderMap, name: impl header::AsHeaderName) -> Option<&str> {
    let mut all = headers.get_all(name).iter();
    let first = all.next()?;
    if all.next().is_some() { None } else { first.to_str().ok() }
}

/// Whether the request comes from where pages of the console come from: asked before anything else
/// is looked at.
pub(super) fn from_here(
    headers: &HeaderMap,
    origin: &str,
    post: bool,
    is_page: bool,
) -> Result<(), ConsoleRefusal> {
    let authority = origin.strip_prefix("https://").unwrap_or_default();
    if !one(headers, header::HOST).is_some_and(|h| h.eq_ignore_ascii_case(authority)) {
        return Err(ConsoleRefusal::Host);
    }
    let named = headers.contains_key(header::ORIGIN);
    if (post || named) && one(headers, header::ORIGIN) != Some(origin) {
        return Err(ConsoleRefusal::CrossSite);
    }
    // What a browser says by itself; programs say nothing.
    let site = "sec-fetch-site";
    let fine = matches!(one(headers, site), Some("same-origin" | "none"));
    if !is_page && headers.contains_key(site) && !fine {
        return Err(ConsoleRefusal::CrossSite);
    }
    Ok(())
}

/// The digest of the token in the cookie.
pub(super) fn token(headers: &HeaderMap) -> Option<TokenDigest> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|v| v.to_str().ok());
    let pairs = cookies.flat_map(|c| c.split(';')).filter_map(|p| p.trim().split_once('='));
    let mut ours = pairs.filter(|(name, _)| *name == COOKIE).map(|(_, value)| value);
    let value = ours.next()?;
    // Two are none: somebody has put one there.
    if ours.next().is_some() || B64.decode(value).ok()?.len() != 32 {
        return None;
    }
    Some(digest_of(value))
}

/// What is kept of a token.
pub(super) fn digest_of(token: &str) -> TokenDigest {
    let mut sum = [0; 32];
    sum.copy_from_slice(digest(&SHA256, token.as_bytes()).as_ref());
    sum
}

/// Whether a change repeats the token that only a page of the console can know.
pub(super) fn repeats(headers: &HeaderMap, csrf: &str) -> bool {
    one(headers, "x-signet-csrf")
        .is_some_and(|t| verify_slices_are_equal(t.as_bytes(), csrf.as_bytes()).is_ok())
}

/// Whether a person caused it, as the page says.
pub(super) fn by_person(headers: &HeaderMap) -> bool {
    !headers.contains_key("x-signet-poll")
}

/// The parameters of a query, each at most once.
pub(super) fn parameters(
    route: Route,
    query: Option<&str>,
) -> Result<BTreeMap<&'static str, String>, ConsoleRefusal> {
    let known = route.parameters();
    let mut found = BTreeMap::new();
    let Some(query) = query.filter(|q| !q.is_empty()) else { return Ok(found) };
    if query.len() > QUERY_CHARS_MAX {
        return Err(malformed("the query is too long"));
    }
    for pair in query.split('&') {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let name = known.iter().find(|k| **k == name);
        let name = name.ok_or_else(|| malformed("the query has an unknown parameter"))?;
        let value = decoded(value).ok_or_else(|| malformed(format!("{name}: cannot be read")))?;
        if value.is_empty() {
            continue;
        }
        if found.insert(*name, value).is_some() {
            return Err(malformed(format!("{name}: there twice")));
        }
    }
    Ok(found)
}

/// The body, which must be a JSON object of this form.
pub(super) fn from_json<T: DeserializeOwned>(body: &[u8]) -> Result<T, ConsoleRefusal> {
    // An array would do for serde, field by field.
    if body.trim_ascii_start().first() != Some(&b'{') {
        return Err(malformed("the body is no JSON object"));
    }
    serde_json::from_slice(body).map_err(|e| malformed(format!("the body: {e}")))
}

pub(super) fn malformed(why: impl Into<String>) -> ConsoleRefusal {
    ConsoleRefusal::Malformed(why.into())
}

#[cfg(test)]
#[path = "request_tests.rs"]
mod tests;
