//! One request: where it comes from, who asks, whether they may, and what is answered.

use super::{
    attempts::Attempts,
    ceremonies::Ceremonies,
    headers,
    journal_search::JournalMarks,
    login::Ceremony,
    refusal::ConsoleRefusal,
    request::{self, Needs, Route},
    sessions::{Over, Session, Sessions, TokenDigest},
};
use crate::{
    GatewayError,
    admin_api::AdminRefusal,
    clock::now,
    config::{ClientCertificate, Config, ConsoleSection},
    cut_lines::CutLines,
    events::EventSink,
    history::Person,
    limits::{JournalBudget, Subject, left_out_words},
    listeners::{
        https::{self, Answers, AnswersOverTls, Client, Response, TurnedAway},
        tls::ListenerTls,
    },
    operator::Overview,
    pipeline::{Judged, Trading},
    risk::{self, Administrator},
};
use hyper::{Request, StatusCode, body::Incoming, http::request::Parts as Head};
use serde_json::{Value, json};
use signet_events::{About, Actor, Text};
use signet_identity::{PeerIdentity, Role};
use signet_policy::{
    entitle::{Act, AdminAction, Entitlements as _, Outcome, Proof, Question},
    score::Decision,
};
use signet_registry::{ConsoleError, Registry, RegistryError, Standing};
use signet_stepup::rp::WebParty;
use std::{
    cell::RefCell,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};
use time::OffsetDateTime;
use tokio::{sync::Semaphore, time::timeout};
use tokio_rustls::TlsAcceptor;

/// Of somebody who is not logged in.
const LOGIN_BYTES_MAX: usize = 64 * 1024;
const BODY_BYTES_MAX: usize = 1024 * 1024;
/// A database that takes longer counts as one that does not answer.
const REGISTRY_MAX: Duration = Duration::from_secs(5);

/// What the console is made of.
pub(super) struct Parts {
    pub(super) tls: ListenerTls,
    pub(super) config: Config,
    pub(super) section: ConsoleSection,
    pub(super) party: WebParty,
    pub(super) registry: Registry,
    pub(super) cut_lines: CutLines,
    pub(super) overview: Overview,
    pub(super) events: EventSink,
    pub(super) trading: Trading,
}

pub(super) struct Console {
    pub(super) parts: Parts,
    pub(super) sessions: RefCell<Sessions>,
    /// Of logins and registrations.
    pub(super) ceremonies: RefCell<Ceremonies<Ceremony>>,
    /// Of those who are logged in, apart: whoever opens challenges in somebody's name, for which
    /// nobody has to be anybody, must not keep them from signing a change of policy.
    pub(super) signing: RefCell<Ceremonies<Ceremony>>,
    pub(super) attempts: RefCell<Attempts>,
    /// From which the credentials of names that are unknown are made.
    pub(super) secret: [u8; 32],
    /// Reading the whole evidence: one at a time. Given back when the work ends, also when whoever
    /// asked for it is gone.
    pub(super) heavy: Arc<Semaphore>,
    /// The same for the history of the policies, where the next one waits for its turn.
    pub(super) history: Arc<Semaphore>,
    /// Where a search in the journal finds its parts.
    pub(super) journal: Arc<Mutex<JournalMarks>>,
    pub(super) budget: RefCell<JournalBudget>,
}

/// The browser's end of a connection.
pub(super) struct Peer {
    pub(super) ip: IpAddr,
    /// With a client certificate: whose, and what it asserts.
    pub(super) certificate: Option<PeerIdentity>,
}

/// Whoever is logged in.
pub(super) struct Caller {
    pub(super) session: Session,
    pub(super) token: TokenDigest,
    /// How long the session may last at most.
    pub(super) left: Duration,
    pub(super) ip: IpAddr,
    pub(super) judged: Judged,
    hardware_key: bool,
}

/// What is answered.
pub(super) enum Done {
    Json(Value),
    /// A session begins with this token.
    LoggedIn(Value, String),
    LoggedOut,
    /// A file of this name.
    Tar(String, Vec<u8>),
}

impl Answers for Console {
    const WHAT: &'static str = "console";

    async fn answer(&self, request: Request<Incoming>, client: &Client) -> Response {
        let (head, body) = request.into_parts();
        let what = format!("{} {}", head.method, head.uri.path());
        let route = request::route(&head.method, head.uri.path());
        let is_page = route.as_ref().is_ok_and(|r| r.is_page());
        let done = match route {
            Ok(route) => self.respond(route, &head, body, client).await,
            Err(e) => Err(e),
        };
        let answer = match done {
            Ok(response) => response,
            Err(refusal) => {
                self.note_refusal(&refusal, client.from.ip(), &head, &what);
                refusal.response()
            }
        };
        let kept = is_page && answer.status() == StatusCode::OK;
        headers::on(answer, kept)
    }

    fn turned_away(&self, from: SocketAddr, why: &TurnedAway) {
        let Some(left_out) = self.budget.borrow_mut().spend(now()) else { return };
        let words = format!("{why}{}", left_out_words(left_out));
        let actor = Actor::Address(from.ip().to_canonical());
        self.parts.events.by(actor, why.code(), About::object("admin.console.listen"), words);
    }
}

impl AnswersOverTls for Console {
    fn tls(&self) -> TlsAcceptor {
        self.parts.tls.acceptor()
    }
}

impl Console {
    pub(super) fn new(parts: Parts) -> Result<Self, GatewayError> {
        let mut secret = [0; 32];
        aws_lc_rs::rand::fill(&mut secret)
            .map_err(|_| GatewayError::Session("no random numbers for the console".into()))?;
        Ok(Self {
            parts,
            sessions: RefCell::default(),
            ceremonies: RefCell::default(),
            signing: RefCell::default(),
            attempts: RefCell::default(),
            secret,
            heavy: Arc::new(Semaphore::new(1)),
            history: Arc::new(Semaphore::new(1)),
            journal: Arc::default(),
            budget: RefCell::default(),
        })
    }

    pub(super) fn tls(&self) -> &ListenerTls {
        &self.parts.tls
    }

    async fn respond(
        &self,
        route: Route,
        head: &Head,
        body: Incoming,
        client: &Client,
    ) -> Result<Response, ConsoleRefusal> {
        let post = head.method == hyper::Method::POST;
        request::from_here(&head.headers, &self.parts.section.origin, post, route.is_page())?;
        let peer = self.peer(client)?;
        let query = request::parameters(route, head.uri.query())?;
        if let Route::Page(p) = route {
            return Ok(https::with_type(StatusCode::OK, p.kind, p.bytes));
        }
        if post && !https::is_of_type(&head.headers, "application/json") {
            return Err(ConsoleRefusal::ContentType);
        }
        let needs = route.needs();
        if needs == Needs::Nothing {
            let body = https::body(body, LOGIN_BYTES_MAX).await?;
            return Ok(answer(self.enter(route, &body, &peer).await?));
        }
        // Before the body is read: nobody else makes us keep a large one.
        let (session, token, _) = self.session(head)?;
        if post && !request::repeats(&head.headers, &session.csrf) {
            return Err(ConsoleRefusal::Csrf);
        }
        let body = https::body(body, BODY_BYTES_MAX).await?;
        if route == Route::Logout {
            self.end_session(&token, peer.ip, "logged out");
            return Ok(answer(Done::LoggedOut));
        }
        // The body may have taken its time: everything is judged as it is now.
        let peer = self.peer(client)?;
        let (session, token, left) = self.session(head)?;
        self.check_standing(&session, &peer).await?;
        let touched = session.from == peer.ip;
        let judged = match self.judge(&session.name, &peer, touched).await {
            Err(ConsoleRefusal::Admin(AdminRefusal::Risk(a))) if a.decision == Decision::StepUp => {
                let over = Over::Moved;
                self.end_session(&token, peer.ip, &over.to_string());
                return Err(ConsoleRefusal::SessionOver(over));
            }
            judged => judged?,
        };
        let hardware_key = self.hardware_key(&peer);
        let caller = Caller { session, token, left, ip: peer.ip, judged, hardware_key };
        if let Needs::Right(action) = needs {
            caller.must(action, route.proof())?;
        }
        let actor = caller.actor().to_string();
        tracing::info!(actor, what = head.uri.path(), "console: allowed");
        Ok(answer(self.carry_out(route, &query, &body, &caller).await?))
    }

    /// Who is at the other end, as far as a certificate says so.
    fn peer(&self, client: &Client) -> Result<Peer, ConsoleRefusal> {
        let ip = client.from.ip().to_canonical();
        if self.parts.section.client_certificate == ClientCertificate::None {
            return Ok(Peer { ip, certificate: None });
        }
        let refused = |e: &dyn std::fmt::Display| ConsoleRefusal::Certificate(e.to_string());
        let leaf = client.chain.first().ok_or_else(|| refused(&"there is none"))?;
        let named = PeerIdentity::from_certificate(leaf).map_err(|e| refused(&e))?;
        let domain = &self.parts.config.gateway.trust_domain;
        named.require(Role::Admin, domain).map_err(|e| refused(&e))?;
        self.parts
            .tls
            .recheck(&client.chain, OffsetDateTime::now_utc())
            .map_err(|e| refused(&e.message()))?;
        Ok(Peer { ip, certificate: Some(named) })
    }

    fn session(&self, head: &Head) -> Result<(Session, TokenDigest, Duration), ConsoleRefusal> {
        let over = ConsoleRefusal::SessionOver;
        let token = request::token(&head.headers).ok_or(over(Over::Unknown))?;
        let by_person = request::by_person(&head.headers);
        let found = self.sessions.borrow_mut().get(&token, by_person, Instant::now());
        let (session, left) = found.map_err(over)?;
        Ok((session, token, left))
    }

    /// Whether key, account and certificate are still good for the session, which ends otherwise.
    async fn check_standing(&self, s: &Session, peer: &Peer) -> Result<(), ConsoleRefusal> {
        if !self.is_of(peer, &s.name) {
            return Err(ConsoleRefusal::Certificate("it is of another administrator".into()));
        }
        let standing = self.parts.registry.console_standing(&s.name, &s.credential_id, now());
        match self.registry(standing).await? {
            Standing::Good => Ok(()),
            standing => {
                let why = standing_words(standing);
                let key = s.credential_id.clone();
                self.end_sessions(|o| o.credential_id == key || o.name == s.name, peer.ip, why);
                Err(ConsoleRefusal::Locked)
            }
        }
    }

    /// Whether the certificate, if there must be one, is this administrator's.
    pub(super) fn is_of(&self, peer: &Peer, name: &str) -> bool {
        peer.certificate.as_ref().is_none_or(|c| c.comp_id.as_str() == name)
    }

    /// The registry's answer, which does not take for ever.
    pub(super) async fn registry<T>(
        &self,
        asked: impl Future<Output = Result<T, ConsoleError>>,
    ) -> Result<T, ConsoleRefusal> {
        match timeout(REGISTRY_MAX, asked).await {
            Ok(done) => Ok(done?),
            Err(_) => Err(AdminRefusal::RegistrySilent.into()),
        }
    }

    /// The same of what the registry answers otherwise.
    pub(super) async fn registered<T>(
        &self,
        asked: impl Future<Output = Result<T, RegistryError>>,
    ) -> Result<T, ConsoleRefusal> {
        match timeout(REGISTRY_MAX, asked).await {
            Ok(done) => Ok(done.map_err(AdminRefusal::from)?),
            Err(_) => Err(AdminRefusal::RegistrySilent.into()),
        }
    }

    fn hardware_key(&self, peer: &Peer) -> bool {
        let marks = self.parts.config.admin.as_ref().map(|a| &a.hardware_policies);
        let marked = peer.certificate.iter().flat_map(|c| &c.policies);
        let marked = marked.into_iter().any(|p| marks.is_some_and(|m| m.contains(p)));
        self.parts.party.is_attested() || marked
    }

    /// The risk of this access now, which must allow it; with a touch, if one was given there.
    pub(super) async fn judge(
        &self,
        name: &str,
        peer: &Peer,
        touched: bool,
    ) -> Result<Judged, ConsoleRefusal> {
        let policies = peer.certificate.as_ref().map(|c| c.policies.clone()).unwrap_or_default();
        let hardware_key = self.hardware_key(peer);
        let who = Administrator { id: name.to_owned(), address: peer.ip, policies, hardware_key };
        let judged = self.parts.trading.judge(who).await?;
        match judged.risk.decision {
            Decision::Allow => Ok(judged),
            Decision::StepUp if touched => Ok(judged),
            decision => {
                if decision == Decision::Deny {
                    let actor = format!("admin {name} from {}", peer.ip);
                    risk::alert(&actor, "risk.denied", &judged.risk);
                }
                Err(AdminRefusal::Risk(Box::new(judged.risk)).into())
            }
        }
    }

    pub(super) fn end_session(&self, token: &TokenDigest, ip: IpAddr, why: &str) {
        let ended = self.sessions.borrow_mut().end(token);
        ended.iter().for_each(|s| self.tell_ended(s, Some(ip), why));
    }

    pub(super) fn end_sessions(&self, gone: impl Fn(&Session) -> bool, ip: IpAddr, why: &str) {
        let ended = self.sessions.borrow_mut().end_where(gone);
        ended.iter().for_each(|s| self.tell_ended(s, Some(ip), why));
    }

    /// Ends the sessions whose time is over.
    pub(super) fn sweep(&self) {
        let ended = self.sessions.borrow_mut().sweep(Instant::now());
        ended.iter().for_each(|(s, why)| self.tell_ended(s, None, &why.to_string()));
    }

    pub(super) fn tell_ended(&self, s: &Session, ip: Option<IpAddr>, why: &str) {
        let actor = ip.map_or(Actor::Gateway, |ip| actor_of(&s.name, &s.credential_id, ip));
        self.parts.events.by(actor, "console.ended", About::user(&s.name), why);
    }

    /// Written down, but not by the thousand.
    fn note_refusal(&self, why: &ConsoleRefusal, ip: IpAddr, head: &Head, what: &str) {
        let (ip, code) = (ip.to_canonical(), why.code());
        tracing::warn!(%ip, what, code, "console: refused: {why}");
        // A login has an event of its own, which names the reason.
        if !why.is_told() || matches!(why, ConsoleRefusal::LoginRefused) {
            return;
        }
        let Some(left_out) = self.budget.borrow_mut().spend(now()) else { return };
        let (actor, about) = match self.session(head) {
            Ok((s, ..)) => (actor_of(&s.name, &s.credential_id, ip), About::user(&s.name)),
            Err(_) => (Actor::Address(ip), About::object("admin.console")),
        };
        let words = format!("{what}: {why}{}", left_out_words(left_out));
        self.parts.events.by(actor, code, About { address: Some(ip), ..about }, words);
    }

    /// Who is counted when a login fails.
    pub(super) fn subjects(name: &str, ip: IpAddr) -> [Subject; 2] {
        [Subject::user(name), Subject::address(ip)]
    }
}

impl Caller {
    pub(super) fn name(&self) -> &str {
        &self.session.name
    }

    pub(super) fn actor(&self) -> Actor {
        actor_of(&self.session.name, &self.session.credential_id, self.ip)
    }

    pub(super) fn person(&self) -> Person {
        let (id, hardware_key) = (self.session.name.clone(), self.hardware_key);
        Person { id, actor: self.actor(), hardware_key }
    }

    /// Whether the entitlements in force allow it.
    pub(super) fn must(&self, action: AdminAction, proof: Proof) -> Result<(), ConsoleRefusal> {
        let act = Act::Admin { action, privileged: true, hardware_key: self.hardware_key };
        let question = Question { who: self.name(), proof, act };
        let verdict = self.judged.entitlements.decide(&question);
        match verdict.outcome() {
            Outcome::Allow => Ok(()),
            _ => Err(AdminRefusal::Entitle(Box::new(verdict)).into()),
        }
    }

    /// Who is logged in, for the page.
    pub(super) fn me(&self) -> Value {
        let may = |action| self.must(action, Proof::default()).is_ok();
        let left = i64::try_from(self.left.as_millis()).unwrap_or(0);
        json!({
            "name": self.name(),
            "csrf": self.session.csrf,
            "until": crate::admin::date(now() + left).ok(),
            "idle_s": super::sessions::IDLE_MAX.as_secs(),
            "may": {
                "read": may(AdminAction::Read),
                "lock": may(AdminAction::Lock),
                "sessions": may(AdminAction::Sessions),
                "policy": self.must(AdminAction::Policy, request::SIGNED_BY_TWO).is_ok(),
            },
        })
    }

    pub(super) fn new(
        console: &Console,
        (session, token): (Session, TokenDigest),
        peer: &Peer,
        judged: Judged,
    ) -> Self {
        let hardware_key = console.hardware_key(peer);
        let left = super::sessions::AGE_MAX;
        Self { session, token, left, ip: peer.ip, judged, hardware_key }
    }
}

/// An administrator with the key that was used, as events name them.
pub(super) fn actor_of(name: &str, credential_id: &str, ip: IpAddr) -> Actor {
    Actor::Administrator(Text::of(format!("admin {name} from {ip} with key {credential_id}")))
}

fn standing_words(standing: Standing) -> &'static str {
    match standing {
        Standing::Good => "",
        Standing::KeyNotActive => "the security key is locked or was removed",
        Standing::AccountLocked => "the account is locked",
        Standing::LockedOut => "the person is locked out",
    }
}

fn answer(done: Done) -> Response {
    let json = |v: Value| https::with_type(StatusCode::OK, "application/json", format!("{v}\n"));
    match done {
        Done::Json(v) => json(v),
        Done::LoggedIn(v, token) => {
            let mut r = json(v);
            headers::set_cookie(&mut r, Some(&token));
            r
        }
        Done::LoggedOut => {
            let mut r = json(json!({}));
            headers::set_cookie(&mut r, None);
            r
        }
        Done::Tar(name, bytes) => {
            let mut r = https::with_type(StatusCode::OK, "application/x-tar", bytes);
            let shown = format!("attachment; filename=\"{name}\"");
            if let Ok(value) = hyper::header::HeaderValue::from_str(&shown) {
                r.headers_mut().insert(hyper::header::CONTENT_DISPOSITION, value);
            }
            r
        }
    }
}
