//! The administrators' interface: HTTPS with JSON, on a listener and a thread of its own, for
//! identities of its own.
//!
//! Every request passes the same gates, whatever the connection was good for before: the
//! certificate as of now (dates and revocation lists), the risk of the access, the entitlements.
//! What is done is done by the functions behind the command line, with the administrator as actor.

mod answers;
mod fleet;
mod refusal;
pub mod request;
mod server;

pub use answers::{networks, sessions};
pub use refusal::AdminRefusal;
pub use request::decoded;

use crate::{
    GatewayError,
    config::AdminSection,
    cut_lines::CutLines,
    events::EventSink,
    listeners::{
        crl::{self, CrlFiles},
        https,
        tls::ListenerTls,
    },
    pipeline::Trading,
    threads::{Beside, HostedThread, Served, Stop, lasting},
};
use server::{Api, Lines};
use signet_identity::{ServerIdentity, ServerProfile, TlsPolicy, TrustRoots};
use signet_registry::{Registry, RegistryUrl};
use signet_rfq::DealerId;
use std::{net::SocketAddr, rc::Rc};
use tokio::{net::TcpListener, sync::oneshot};

/// What the administrators' thread is started with.
pub struct Plan {
    pub section: AdminSection,
    pub roots: TrustRoots,
    pub identity: ServerIdentity,
    pub policy: TlsPolicy,
    pub trust_domain: String,
    pub registry: Option<RegistryUrl>,
    pub dealers: Vec<DealerId>,
    pub cut_lines: CutLines,
    pub events: EventSink,
    pub trading: Trading,
    /// The console, which the same thread serves.
    pub console: Option<Beside>,
    /// Whether changes of policy are prepared and approved with a security key only, in the
    /// console.
    pub approve_by_key: bool,
}

/// The administrators' thread while it runs. Dropping it ends the thread.
pub struct AdminHost {
    /// Where administrators connect.
    pub address: SocketAddr,
    /// Where browsers do, with `[admin.console]`.
    pub console: Option<SocketAddr>,
    _thread: HostedThread,
}

/// Returns when administrators can connect.
pub async fn start(plan: Plan) -> Result<AdminHost, GatewayError> {
    let (ready, opened) = oneshot::channel();
    let thread = HostedThread::spawn("signet-admin", move |stop| work(plan, ready, stop))
        .map_err(|source| GatewayError::Io { what: "thread".into(), source })?;
    let (address, console) = opened.await.map_err(|_| GatewayError::Died)??;
    tracing::info!(%address, "administrators' interface is up");
    Ok(AdminHost { address, console, _thread: thread })
}

type Addresses = Result<(SocketAddr, Option<SocketAddr>), GatewayError>;

async fn work(mut plan: Plan, ready: oneshot::Sender<Addresses>, stop: Stop) {
    let console = match plan.console.take() {
        Some(open) => open().await.map(Some),
        None => Ok(None),
    };
    let opened = match (console, open(plan).await) {
        (Ok(console), Ok(api)) => Ok((console, api)),
        (Err(e), _) | (_, Err(e)) => Err(e),
    };
    let (console, (listener, address, api, files)) = match opened {
        Ok(x) => x,
        Err(e) => return drop(ready.send(Err(e))),
    };
    let _ = ready.send(Ok((address, console.as_ref().map(|c| c.address))));
    let serving = lasting("admin", https::serve(listener, api.clone()));
    let beside = console.map(|Served { serving, .. }| lasting("console", serving));
    tokio::select! {
        _ = stop => {}
        () = keep_up(&api, files) => {}
    }
    serving.abort();
    beside.iter().for_each(tokio::task::JoinHandle::abort);
    api.close().await;
}

async fn open(plan: Plan) -> Result<(TcpListener, SocketAddr, Rc<Api>, CrlFiles), GatewayError> {
    let Plan { section, roots, identity, policy, trust_domain, registry, .. } = plan;
    let (events, trading) = (plan.events, plan.trading);
    let lines = Lines { dealers: plan.dealers, cut: plan.cut_lines };
    let failed = |what: String| move |source| GatewayError::Io { what, source };
    let listener = TcpListener::bind(section.listen)
        .await
        .map_err(failed(format!("admin.listen {}", section.listen)))?;
    let address = listener.local_addr().map_err(failed("admin.listen".into()))?;
    let mut files = CrlFiles::new("admin.crl", &section.crl, section.crl_required);
    files.refresh();
    let profile = ServerProfile::new(roots, &identity).with_policy(policy);
    let tls = |e: &dyn std::fmt::Display| GatewayError::Tls(e.to_string());
    let crls = files.crls(None);
    let tls =
        ListenerTls::new("administrators", profile, crls, files.required()).map_err(|e| tls(&e))?;
    let registry = match registry {
        Some(url) => Some(Registry::open(&url).await?),
        None => None,
    };
    let api = Api::new(tls, trust_domain, section.hardware_policies, registry, events, trading)
        .with_lines(lines)
        .approved_by_key(plan.approve_by_key);
    Ok((listener, address, Rc::new(api), files))
}

async fn keep_up(api: &Api, mut files: CrlFiles) {
    loop {
        tokio::time::sleep(crl::LOOK).await;
        if files.in_use() {
            let Some((lists, changed)) = files.refreshed_aside().await else {
                return tracing::error!(
                    alert = true,
                    "the revocation lists for administrators are not looked at any longer; \
                        restart the gateway"
                );
            };
            files = lists;
            api.tls().take(&mut files, None, changed);
        }
    }
}
