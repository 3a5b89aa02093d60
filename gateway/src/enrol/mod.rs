//! Enrolment over secure transport (RFC 7030): how a desk gets its certificate, and the next one.
//!
//! A listener of its own, apart from trading: TLS 1.3, a client certificate asked for and not
//! required. Who may have what is decided in [`csr`], `limit` and the registry; this file puts the
//! parts together, [`server`] speaks HTTP.

pub mod ca;
pub mod csr;
pub mod issuing;
pub mod pkcs7;
pub mod refusal;
pub mod server;
pub mod upstream;

use crate::{
    limits::{JournalBudget, RateLimit, Subject},
    pipeline::{NotNow, Renewal, RenewalRisk},
};
use csr::Csr;
pub(crate) use csr::key_in_request;
use issuing::Issuing;
use refusal::{EnrolRefusal, Refused};
use rustls_pki_types::CertificateDer;
use signet_identity::{PeerIdentity, Role, is_user_id};
use signet_registry::{
    CertificateRequest, Claim, ClaimError, ClaimRefusal, IssueOrder, IssuedCertificate, NewEvent,
    Registry, code::OneTimeCode, hex,
};
use std::{cell::RefCell, net::SocketAddr};
use time::OffsetDateTime;
use zeroize::Zeroizing;

/// Who sent a request, and what was asked.
#[derive(Debug)]
pub enum Request {
    /// simpleenroll: user id and one-time code.
    First { user: String, code: Zeroizing<String>, body: Vec<u8> },
    /// simplereenroll: the certificate that was shown in the handshake.
    Renewal { shown: Option<CertificateDer<'static>>, body: Vec<u8> },
}

/// A refusal with what goes with it over HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    pub refusal: EnrolRefusal,
    /// Seconds to wait, when too many attempts failed.
    pub retry_after_s: Option<u64>,
}

/// The enrolment service without its sockets.
#[derive(Debug)]
pub struct Service {
    registry: Registry,
    issuing: Issuing,
    trust_domain: String,
    risk: RenewalRisk,
    limit: RefCell<RateLimit>,
    budget: RefCell<JournalBudget>,
}

impl Service {
    pub fn new(
        registry: Registry,
        issuing: Issuing,
        trust_domain: String,
        risk: RenewalRisk,
    ) -> Self {
        Self {
            registry,
            issuing,
            trust_domain,
            risk,
            limit: RefCell::default(),
            budget: RefCell::default(),
        }
    }

    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    pub fn issuing(&self) -> &Issuing {
        &self.issuing
    }

    /// One request for a certificate: the certificate, DER, or why not. Refusals are written down.
    pub async fn enrol(&self, request: Request, from: SocketAddr) -> Result<Vec<u8>, Answer> {
        let now = crate::clock::now();
        // Anybody can fail with a code in somebody's name. Renewals of that person, for which a
        // certificate was shown, are counted apart: nobody else can make them wait.
        let (way, who) = match &request {
            Request::First { user, .. } => ("code", user.trim().to_lowercase()),
            Request::Renewal { shown, .. } => {
                ("renewal", shown.as_ref().and_then(|c| enrolled_user(c)).unwrap_or_default())
            }
        };
        let mut subjects = vec![Subject::address(from.ip())];
        if !who.is_empty() {
            subjects.push(Subject::user(&format!("{way} {who}")));
        }
        let checked = self.limit.borrow_mut().check(&subjects, now);
        if let Err(wait) = checked {
            tracing::warn!(
                %from,
                user = %printable(&who),
                code = EnrolRefusal::RateLimited.code(),
                "enrolment refused"
            );
            return Err(Answer { refusal: EnrolRefusal::RateLimited, retry_after_s: Some(wait) });
        }
        let done = match request {
            Request::First { code, body, .. } => self.first(&who, &code, &body, from).await,
            Request::Renewal { shown, body } => self.renewal(shown, &body, from).await,
        };
        let refusal = match done {
            Ok(der) => {
                self.limit.borrow_mut().succeeded(&subjects);
                return Ok(der);
            }
            Err(Refused::Because(r)) => r,
            Err(Refused::Registry(e)) => {
                tracing::error!(
                    error = %e,
                    code = e.code(),
                    "enrolment: the registry failed; {}",
                    e.cure()
                );
                EnrolRefusal::Unavailable
            }
        };
        // Somebody in the wrong place must not use up the attempts of the person whose certificate
        // it is.
        let counted =
            if refusal == EnrolRefusal::RiskDenied { &subjects[..1] } else { &subjects[..] };
        self.refused(refusal, counted, &who, from).await;
        Err(Answer { refusal, retry_after_s: None })
    }

    /// A refusal on the way to [`Service::enrol`]: too large, wrong content type.
    pub async fn refused_early(&self, refusal: EnrolRefusal, from: SocketAddr) {
        self.refused(refusal, &[Subject::address(from.ip())], "", from).await;
    }

    async fn refused(
        &self,
        refusal: EnrolRefusal,
        subjects: &[Subject],
        who: &str,
        from: SocketAddr,
    ) {
        let now = crate::clock::now();
        tracing::warn!(%from, user = %printable(who), code = refusal.code(), "enrolment refused");
        if !refusal.counts() {
            return;
        }
        let before = self.limit.borrow_mut().check(subjects, now).is_err();
        self.limit.borrow_mut().failed(subjects, now);
        let limited = !before && self.limit.borrow_mut().check(subjects, now).is_err();
        let Some(left_out) = self.budget.borrow_mut().spend(now) else { return };
        let mut detail = refusal.to_string();
        if left_out > 0 {
            detail.push_str(&format!(
                " ({left_out} refusals before this were not written down one by one.)"
            ));
        }
        // The refusals that follow cost nothing, and are in the log only.
        let last = limited.then(|| {
            let words = "No further attempt is answered for 15 minutes.".to_owned();
            (EnrolRefusal::RateLimited, words)
        });
        for (refusal, words) in [Some((refusal, detail)), last].into_iter().flatten() {
            let actor = format!("est {}", from.ip());
            let event = NewEvent::new(now, &actor, refusal.code(), printable(who), words);
            if let Err(e) = self.registry.note(event).await {
                tracing::error!(error = %e, code = e.code(), "a refusal could not be written down");
            }
        }
    }

    async fn first(
        &self,
        user: &str,
        code: &str,
        body: &[u8],
        from: SocketAddr,
    ) -> Result<Vec<u8>, Refused> {
        let digest = OneTimeCode::read(code).map(|c| c.digest());
        // What cannot be a user is asked for like one that is not there; databases differ about odd
        // bytes.
        let user = if is_user_id(user) { user } else { "?" };
        // The code first: a stranger learns nothing about requests.
        let read = Csr::read(body);
        let ask = read.as_ref().map_or_else(|_| no_ask(), |csr| csr.ask.clone());
        let csr = match read {
            Ok(csr) => csr,
            Err(why) => {
                // Whether the code was right decides what is told.
                return Err(
                    match self
                        .registry
                        .claim_by_code(user, digest.as_deref(), &ask, crate::clock::now())
                        .await
                    {
                        Err(
                            e @ (ClaimError::Registry(_)
                            | ClaimError::Refused(ClaimRefusal::CodeWrong)),
                        ) => e.into(),
                        Ok(Claim::Issue(order)) => {
                            self.registry.release(&order).await?;
                            why.into()
                        }
                        _ => why.into(),
                    },
                );
            }
        };
        let claim =
            self.registry.claim_by_code(user, digest.as_deref(), &ask, crate::clock::now()).await?;
        self.finish(claim, &csr, from).await
    }

    async fn renewal(
        &self,
        shown: Option<CertificateDer<'static>>,
        body: &[u8],
        from: SocketAddr,
    ) -> Result<Vec<u8>, Refused> {
        let shown = shown.ok_or(EnrolRefusal::NoCertificate)?;
        let peer =
            PeerIdentity::from_certificate(&shown).map_err(|_| EnrolRefusal::CertificateUnknown)?;
        peer.require(Role::Desk, &self.trust_domain)
            .map_err(|_| EnrolRefusal::CertificateUnknown)?;
        let csr = Csr::read(body)?;
        // Before anything changes in the registry.
        self.risk.permits(Renewal::new(&peer, from.ip())).await.map_err(|e| match e {
            NotNow::Risk => EnrolRefusal::RiskDenied,
            NotNow::Silent => EnrolRefusal::Unavailable,
        })?;
        let spki = hex(peer.spki_sha256.as_bytes());
        let claim =
            self.registry.claim_renewal(&peer.serial, &spki, &csr.ask, crate::clock::now()).await?;
        self.finish(claim, &csr, from).await
    }

    async fn finish(&self, claim: Claim, csr: &Csr, from: SocketAddr) -> Result<Vec<u8>, Refused> {
        let order = match claim {
            Claim::Again(der) => return Ok(der),
            Claim::Issue(order) => order,
        };
        let issued = match self.issue(&order, csr).await {
            Ok(issued) => issued,
            Err(e) => {
                self.registry.release(&order).await?;
                return Err(e.into());
            }
        };
        let actor = format!("est {}", from.ip());
        let done = self.registry.complete(&order, &issued, &actor, crate::clock::now()).await;
        if let Err(ClaimError::Refused(ClaimRefusal::KeyReused)) = done
            && let Some(der) = self.registry.completed_meanwhile(&order).await?
        {
            return Ok(der);
        }
        done?;
        tracing::info!(
            %from,
            user = order.user,
            device = order.device,
            serial = issued.serial,
            "certificate issued"
        );
        Ok(issued.der)
    }

    async fn issue(
        &self,
        order: &IssueOrder,
        csr: &Csr,
    ) -> Result<IssuedCertificate, EnrolRefusal> {
        let uri =
            ca::desk_uri(&self.trust_domain, order).map_err(|_| EnrolRefusal::NoDeviceName)?;
        csr.permits(&uri)?;
        let failed = |e: &dyn std::fmt::Display| {
            tracing::error!(error = %e, user = order.user, "the issuing authority failed");
            EnrolRefusal::AuthorityFailed
        };
        match &self.issuing {
            Issuing::Embedded(ca) => {
                let mut random = [0u8; 16];
                aws_lc_rs::rand::fill(&mut random).map_err(|e| failed(&e))?;
                ca.issue(order, &csr.spki, random, OffsetDateTime::now_utc())
                    .map_err(|e| failed(&e))
            }
            Issuing::Upstream(up) => up.issue(order, &csr.der).await.map_err(|e| failed(&e)),
        }
    }
}

/// What a request that cannot be read asks: nothing that could be granted.
fn no_ask() -> CertificateRequest {
    CertificateRequest { common_name: String::new(), device: String::new(), key: "-".into() }
}

fn enrolled_user(certificate: &CertificateDer<'_>) -> Option<String> {
    Some(PeerIdentity::from_certificate(certificate).ok()?.enrolled?.user)
}

fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(64).collect()
}
