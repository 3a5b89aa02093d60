//! One request: who asks, whether they may, and what is done.

use super::{
    AdminRefusal, answers,
    fleet::Laptops,
    request::{self, Command},
};
use crate::{
    admin::{self, FleetQuery, FleetTerms},
    clock::now,
    cut_lines::CutLines,
    events::EventSink,
    history::{Person, PolicyRefusal},
    limits::{JournalBudget, left_out_words},
    listeners::{
        https::{self, Answers, AnswersOverTls, Client, Response, TurnedAway},
        tls::ListenerTls,
    },
    pipeline::{ChangeOrder, ChangeStep, Draft, EndOrder, Trading},
    risk::{self, Administrator},
};
use hyper::{Request, StatusCode, body::Incoming, header};
use serde_json::{Value, json};
use signet_events::{About, Actor};
use signet_identity::{PeerError, PeerIdentity, Role};
use signet_policy::{
    entitle::{Act, Entitlements as _, Outcome, Question},
    score::Decision,
};
use signet_registry::{Registry, RegistryError};
use signet_rfq::DealerId;
use std::{cell::RefCell, net::SocketAddr, time::Duration};
use time::OffsetDateTime;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

const BODY_BYTES_MAX: usize = 4 * 1024;
/// Of a change of policy: what a record of the history takes.
const POLICY_BYTES_MAX: usize = 256 * 1024;
/// A database that takes longer counts as one that does not answer.
const REGISTRY_MAX: Duration = Duration::from_secs(5);

/// The dealers, and which of their lines are cut.
#[derive(Default)]
pub struct Lines {
    pub dealers: Vec<DealerId>,
    pub cut: CutLines,
}

pub struct Api {
    lines: Lines,
    tls: ListenerTls,
    trust_domain: String,
    hardware_policies: Vec<String>,
    registry: Option<Registry>,
    events: EventSink,
    trading: Trading,
    budget: RefCell<JournalBudget>,
    approve_by_key: bool,
}

impl Answers for Api {
    const WHAT: &'static str = "administrators";

    async fn answer(&self, request: Request<Incoming>, client: &Client) -> Response {
        let ip = client.from.ip().to_canonical();
        // Claimed identity, for logging; not yet authorised.
        let named = client.chain.first().map(PeerIdentity::from_certificate);
        let id = match &named {
            Some(Ok(p)) => format!("{} {}", p.role, p.comp_id),
            _ => "somebody".to_owned(),
        };
        let actor = format!("{id} from {ip}");
        let by = match &named {
            Some(Ok(_)) => Actor::Administrator(actor.as_str().into()),
            _ => Actor::Address(ip),
        };
        let what = format!("{} {}", request.method(), request.uri().path());
        match self.respond(request, client, named, &actor).await {
            Ok(value) => https::with_type(StatusCode::OK, "application/json", format!("{value}\n")),
            Err(refusal) => {
                tracing::warn!(
                    actor,
                    what,
                    code = refusal.code(),
                    "administrators: refused: {refusal}"
                );
                let detail = format!("{what}: {}", explained(&refusal));
                self.note_refusal(refusal.code(), by, &id, &detail);
                refusal.response()
            }
        }
    }

    fn turned_away(&self, from: SocketAddr, why: &TurnedAway) {
        let actor = Actor::Address(from.ip().to_canonical());
        self.note_refusal(why.code(), actor, "admin.listen", &why.to_string());
    }
}

impl AnswersOverTls for Api {
    fn tls(&self) -> TlsAcceptor {
        self.tls.acceptor()
    }
}

impl Api {
    pub fn new(
        tls: ListenerTls,
        trust_domain: String,
        hardware_policies: Vec<String>,
        registry: Option<Registry>,
        events: EventSink,
        trading: Trading,
    ) -> Self {
        Self {
            lines: Lines::default(),
            tls,
            trust_domain,
            hardware_policies,
            registry,
            events,
            trading,
            budget: RefCell::default(),
            approve_by_key: false,
        }
    }

    pub fn with_lines(self, lines: Lines) -> Self {
        Self { lines, ..self }
    }

    /// Whether changes of policy are prepared and approved with a security key only, which is not
    /// done here.
    pub fn approved_by_key(self, approve_by_key: bool) -> Self {
        Self { approve_by_key, ..self }
    }

    pub fn tls(&self) -> &ListenerTls {
        &self.tls
    }

    pub async fn close(&self) {
        if let Some(r) = &self.registry {
            r.clone().close().await;
        }
    }

    async fn respond(
        &self,
        request: Request<Incoming>,
        client: &Client,
        named: Option<Result<PeerIdentity, PeerError>>,
        actor: &str,
    ) -> Result<Value, AdminRefusal> {
        let who = self.administrator(client, named)?;
        let from_browser = |name: &header::HeaderName| {
            *name == header::ORIGIN || name.as_str().starts_with("sec-fetch-")
        };
        if request.headers().keys().any(from_browser) {
            return Err(AdminRefusal::Browser);
        }
        let (head, body) = request.into_parts();
        let changes_policy = head.uri.path() == "/v1/policies/prepare";
        let bytes_max = if changes_policy { POLICY_BYTES_MAX } else { BODY_BYTES_MAX };
        let body = https::body(body, bytes_max).await?;
        // The body may have taken its time: it is judged as things are now.
        self.tls
            .recheck(&client.chain, OffsetDateTime::now_utc())
            .map_err(AdminRefusal::CertificateNotGood)?;
        let hardware_key = who.hardware_key;
        let judged = self.trading.judge(who.clone()).await?;
        match judged.risk.decision {
            Decision::Allow => {}
            Decision::StepUp => return Err(AdminRefusal::Risk(Box::new(judged.risk))),
            Decision::Deny => {
                risk::alert(actor, "risk.denied", &judged.risk);
                return Err(AdminRefusal::Risk(Box::new(judged.risk)));
            }
        }
        let json = https::is_of_type(&head.headers, "application/json");
        let command = request::read(&head.method, head.uri.path(), head.uri.query(), json, &body)?;
        let act = Act::Admin { action: command.action(), privileged: true, hardware_key };
        let question = Question { who: &who.id, proof: command.proof(), act };
        let verdict = judged.entitlements.decide(&question);
        if verdict.outcome() != Outcome::Allow {
            return Err(AdminRefusal::Entitle(Box::new(verdict)));
        }
        tracing::info!(actor, ?command, score = judged.risk.score, "administrators: allowed");
        let actor = Actor::Administrator(actor.into());
        self.carry_out(command, Person { id: who.id, actor, hardware_key }).await
    }

    /// Who it is, if a certificate that is good now says that it is an administrator.
    fn administrator(
        &self,
        client: &Client,
        named: Option<Result<PeerIdentity, PeerError>>,
    ) -> Result<Administrator, AdminRefusal> {
        let peer = named.unwrap_or(Err(PeerError::NoCertificate))?;
        peer.require(Role::Admin, &self.trust_domain)?;
        self.tls
            .recheck(&client.chain, OffsetDateTime::now_utc())
            .map_err(AdminRefusal::CertificateNotGood)?;
        let hardware_key = peer.policies.iter().any(|p| self.hardware_policies.contains(p));
        let (id, address) = (peer.comp_id.to_string(), client.from.ip().to_canonical());
        Ok(Administrator { id, address, policies: peer.policies, hardware_key })
    }

    async fn carry_out(&self, command: Command, who: Person) -> Result<Value, AdminRefusal> {
        let change = |what, by| self.trading.change(ChangeOrder { what, by });
        match command {
            Command::Waiting => Ok(json!({ "prepared": self.trading.waiting().await? })),
            Command::Prepare(..) | Command::Approve(_) if self.approve_by_key => {
                Err(PolicyRefusal::KeyNeeded.into())
            }
            Command::Prepare(policy, texts) => {
                let draft = Draft::unsigned(policy, texts.0);
                Ok(json!(change(ChangeStep::Prepare(draft), who).await??))
            }
            Command::Approve(id) => Ok(json!(change(ChangeStep::Approve(id, None), who).await??)),
            Command::Reject(id) => Ok(json!(change(ChangeStep::Reject(id), who).await??)),
            Command::Sessions => Ok(answers::sessions(&self.trading.sessions().await?)?),
            Command::Policy => Ok(json!(self.trading.in_force().await?)),
            Command::End { desk, reason } => {
                let name = desk.to_string();
                match self.trading.end(EndOrder { desk, reason, actor: who.actor }).await? {
                    true => Ok(json!({ "ended": name })),
                    false => Err(AdminRefusal::NotOn(name)),
                }
            }
            Command::Lockouts => {
                let networks = self.trading.lockouts().await?;
                let people = match &self.registry {
                    Some(r) => timeout(REGISTRY_MAX, r.lockouts(now()))
                        .await
                        .map_err(|_| AdminRefusal::RegistrySilent)??,
                    None => vec![],
                };
                Ok(answers::lockouts(&people, &networks)?)
            }
            Command::Dealers => Ok(answers::dealers(&self.lines.dealers, &self.lines.cut)),
            Command::Resume(dealer) => self.resume(&dealer, who.actor),
            Command::Reload => answers::reloaded(&self.trading.reload(who.actor).await?),
            Command::Fleet(which) => self.fleet(which).await,
            command => {
                let registry = self.registry.as_ref().ok_or(AdminRefusal::NoRegistry)?;
                let actor = who.actor.to_string();
                timeout(REGISTRY_MAX, self.with_registry(registry, command, &actor))
                    .await
                    .unwrap_or(Err(AdminRefusal::RegistrySilent))
            }
        }
    }

    async fn with_registry(
        &self,
        registry: &Registry,
        command: Command,
        actor: &str,
    ) -> Result<Value, AdminRefusal> {
        let at = now();
        match command {
            Command::Users => Ok(answers::users(&registry.users().await?)?),
            Command::User(id) => Ok(answers::user(&registry.user(&id).await?)?),
            Command::Events { limit, before } => {
                Ok(answers::events(&admin::events_page_in(registry, before, limit).await?)?)
            }
            Command::SetState(account, state) => {
                admin::set_state_in(registry, &account, state, actor).await?;
                let (admin::Account::User(name) | admin::Account::Device(name)) = account;
                Ok(json!({ "account": name, "state": state.as_str() }))
            }
            Command::SetRole { user, role } => {
                registry.set_user_role(&user, role, actor, at).await?;
                Ok(json!({ "account": user, "role": role }))
            }
            Command::Revoke { which, reason } => {
                Ok(json!({ "revoked": admin::revoke_in(registry, &which, reason, actor).await? }))
            }
            Command::Lift(what) => {
                admin::lift_in(registry, &what, actor).await?;
                Ok(json!({ "lifted": what.name() }))
            }
            // The others do not come here.
            Command::Sessions
            | Command::Policy
            | Command::Lockouts
            | Command::Dealers
            | Command::Resume(_)
            | Command::End { .. }
            | Command::Reload
            | Command::Fleet(_)
            | Command::Waiting
            | Command::Prepare(..)
            | Command::Approve(_)
            | Command::Reject(_) => {
                Err(RegistryError::Corrupt("a command for the trading thread".into()).into())
            }
        }
    }

    /// Laptops, page by page, judged by the versions that may log on now.
    async fn fleet(&self, which: Laptops) -> Result<Value, AdminRefusal> {
        let registry = self.registry.as_ref().ok_or(AdminRefusal::NoRegistry)?;
        let software = self.trading.software_policy().await?;
        let Laptops { find, flags, days, limit, after } = which;
        let terms = FleetTerms { now: now(), days, software };
        let query = FleetQuery { find, flags, after, limit };
        let page = timeout(REGISTRY_MAX, admin::fleet_page(registry, &query, &terms))
            .await
            .map_err(|_| AdminRefusal::RegistrySilent)??;
        Ok(answers::fleet(&page))
    }

    /// Resumes a dealer's line that was cut.
    fn resume(&self, dealer: &DealerId, by: Actor) -> Result<Value, AdminRefusal> {
        if !self.lines.dealers.contains(dealer) {
            return Err(admin::AdminError::NoDealer(dealer.to_string()).into());
        }
        admin::resume_dealer_in(&self.lines.cut, dealer)?;
        self.events.by(by, "dealer.resumed", About::dealer(dealer), "");
        Ok(json!({ "resumed": dealer.as_str() }))
    }

    /// Written down, but not by the thousand.
    fn note_refusal(&self, code: &'static str, actor: Actor, subject: &str, detail: &str) {
        let Some(left_out) = self.budget.borrow_mut().spend(now()) else { return };
        let more = left_out_words(left_out);
        self.events.by(actor, code, About::object(subject), format!("{detail}{more}"));
    }
}

/// For the event: with what explains a policy's refusal.
fn explained(refusal: &AdminRefusal) -> String {
    match refusal {
        AdminRefusal::Risk(a) => risk::event_words(a),
        AdminRefusal::Entitle(v) => {
            let ids = v.ids();
            let because = if ids.is_empty() { "no policy".to_owned() } else { ids.join(", ") };
            format!("{refusal} By {because}; policies {}", v.because().digest)
        }
        other => other.to_string(),
    }
}
