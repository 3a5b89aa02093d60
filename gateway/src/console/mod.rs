//! The administrators' web console: its server. The pages are in `gateway/console`.
//!
//! Beside the administrators' interface, on the same thread, with a listener of its own. A browser
//! logs in with a security key and gets a session; each request passes the same gates as at that
//! interface (key and account as of now, risk of the access, entitlements), and the same functions
//! do what it asks for, with the administrator and the key as actor.
//!
//! | file | what it does |
//! | --- | --- |
//! | `request.rs` | reads a request: where it comes from, its session, its parameters |
//! | `sessions.rs`, `ceremonies.rs`, `attempts.rs` | sessions, open challenges, failures: pure, bounded |
//! | `server.rs` | the gates, in their order |
//! | `login.rs` | login and registration with a security key |
//! | `approvals.rs` | preparation and approval of a change of policy with security keys |
//! | `actions.rs`, `policies.rs` | what is done |
//! | `views.rs`, `rows.rs`, `search.rs`, `journal_search.rs` | what is shown |
//! | `headers.rs`, `refusal.rs`, `pages.rs`, `tar.rs` | how it is answered |

mod actions;
mod approvals;
mod attempts;
mod ceremonies;
mod headers;
mod journal_search;
mod login;
mod pages;
mod policies;
mod refusal;
mod request;
mod rows;
mod search;
mod server;
mod sessions;
mod tar;
mod views;

use crate::{
    GatewayError,
    config::{ClientCertificate, Config, ConsoleSection, LoadedConsole},
    cut_lines::CutLines,
    events::EventSink,
    listeners::{
        crl::{self, CrlFiles},
        https,
        tls::ListenerTls,
    },
    operator::{Overview, OverviewParts},
    pipeline::Trading,
    threads::{Beside, Served, lasting},
};
use server::{Console, Parts};
use signet_identity::{ServerIdentity, ServerProfile, TlsVersions, TrustRoots};
use signet_registry::{Registry, RegistryUrl};
use std::rc::Rc;
use tokio::net::TcpListener;

/// What the console is made from.
pub struct Plan {
    pub config: Config,
    pub section: ConsoleSection,
    pub loaded: LoadedConsole,
    /// The gateway's own.
    pub identity: ServerIdentity,
    /// Authorities of administrators.
    pub roots: TrustRoots,
    pub registry: RegistryUrl,
    pub events: EventSink,
    pub trading: Trading,
    pub overview: OverviewParts,
}

/// The listener, for the thread that serves it.
pub fn beside(plan: Plan) -> Beside {
    Box::new(move || Box::pin(open(plan)))
}

async fn open(plan: Plan) -> Result<Served, GatewayError> {
    let Plan { config, section, loaded, identity, roots, .. } = plan;
    let failed = |what: String| move |source| GatewayError::Io { what, source };
    let listener = TcpListener::bind(section.listen)
        .await
        .map_err(failed(format!("admin.console.listen {}", section.listen)))?;
    let address = listener.local_addr().map_err(failed("admin.console.listen".into()))?;
    let mut files = match &config.admin {
        Some(a) => CrlFiles::new("admin.crl", &a.crl, a.crl_required),
        None => CrlFiles::new("admin.crl", &[], None),
    };
    files.refresh();
    let identity = loaded.identity.unwrap_or(identity);
    let profile =
        ServerProfile::new(roots, &identity).with_policy(config.tls.policy(TlsVersions::default()));
    let profile = match section.client_certificate {
        ClientCertificate::Required => profile,
        ClientCertificate::None => profile.without_client_certificate(),
    };
    let tls = ListenerTls::new("the console", profile, files.crls(None), files.required())
        .map_err(|e| GatewayError::Tls(e.to_string()))?;
    let registry = Registry::open(&plan.registry).await?;
    let console = Rc::new(Console::new(Parts {
        tls,
        cut_lines: CutLines::of(&config),
        overview: Overview::new(plan.overview),
        party: loaded.party,
        config,
        section,
        registry,
        events: plan.events,
        trading: plan.trading,
    })?);
    tracing::info!(%address, "the administrators' console is up");
    let serving = async move {
        let accepting = lasting("console", https::serve(listener, console.clone()));
        keep_up(&console, files).await;
        accepting.abort();
    };
    Ok(Served { address, serving: Box::pin(serving) })
}

async fn keep_up(console: &Console, mut files: CrlFiles) {
    loop {
        tokio::time::sleep(crl::LOOK).await;
        console.sweep();
        if files.in_use() {
            let Some((lists, changed)) = files.refreshed_aside().await else {
                return tracing::error!(
                    alert = true,
                    "the revocation lists for the console are not looked at any longer; restart \
                        the gateway"
                );
            };
            files = lists;
            console.tls().take(&mut files, None, changed);
        }
    }
}
