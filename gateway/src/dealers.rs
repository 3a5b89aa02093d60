//! Connections to dealers: dialled by the gateway, one FIX session each, kept up for ever.

use crate::core::Core;
use signet_fix::{
    framer::Framer,
    pump::pump,
    session::{Binding, Session},
};
use signet_identity::{PeerIdentity, Refusal, Role, Stage, describe};
use signet_rfq::DealerId;
use std::{rc::Rc, sync::Arc, time::Duration};
use tokio::{net::TcpStream, time::timeout};
use tokio_rustls::{TlsConnector, client::TlsStream, rustls::pki_types::ServerName};

const DIAL_MAX: Duration = Duration::from_secs(10);
const RETRY_FIRST: Duration = Duration::from_millis(100);
const RETRY_LAST: Duration = Duration::from_secs(5);

pub struct Line {
    pub dealer: DealerId,
    pub host: String,
    pub port: u16,
    pub server_name: String,
    pub trust_domain: String,
    pub tls: Arc<rustls::ClientConfig>,
    pub session: Rc<Session>,
}

impl Line {
    /// Dials, logs on and pumps, again and again.
    pub async fn keep_up(self, core: Rc<Core>) {
        let mut wait = RETRY_FIRST;
        loop {
            match timeout(DIAL_MAX, self.dial()).await {
                Ok(Ok(stream)) => {
                    let began = tokio::time::Instant::now();
                    self.run(stream, &core).await;
                    // A line that held was good: start over with short waits.
                    if began.elapsed() > RETRY_LAST {
                        wait = RETRY_FIRST;
                    }
                }
                Ok(Err(why)) => tracing::warn!(dealer = %self.dealer, code = why.0, "cannot connect: {}", why.1),
                Err(_) => tracing::warn!(dealer = %self.dealer, "cannot connect: no answer within {DIAL_MAX:?}"),
            }
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(RETRY_LAST);
        }
    }

    async fn dial(&self) -> Result<TlsStream<TcpStream>, (&'static str, String)> {
        let refused = |stage| {
            move |e: std::io::Error| {
                let r = Refusal::seen_by_client(&e, stage);
                (r.code(), r.message().to_string())
            }
        };
        let tcp = TcpStream::connect((self.host.as_str(), self.port)).await.map_err(refused(Stage::Connect))?;
        tcp.set_nodelay(true).map_err(refused(Stage::Connect))?;
        let name = ServerName::try_from(self.server_name.clone()).map_err(|_| ("dealer.server_name", "not a host name".into()))?;
        let stream = TlsConnector::from(self.tls.clone()).connect(name, tcp).await.map_err(refused(Stage::Handshake))?;
        let peer = PeerIdentity::of_connection(stream.get_ref().1).map_err(|e| ("dealer.certificate", e.to_string()))?;
        peer.require(Role::Dealer, &self.trust_domain).map_err(|e| ("dealer.certificate", e.to_string()))?;
        if peer.comp_id.as_str() != self.dealer.as_str() {
            return Err(("dealer.certificate", format!("the certificate is {}'s", peer.comp_id)));
        }
        tracing::info!(dealer = %self.dealer, tls = describe(stream.get_ref().1), "connected to dealer");
        Ok(stream)
    }

    async fn run(&self, stream: TlsStream<TcpStream>, core: &Rc<Core>) {
        let outbox = match self.session.attach(Binding::None) {
            Ok(o) => o,
            Err(e) => return tracing::error!(dealer = %self.dealer, error = %e, "the session cannot be attached"),
        };
        self.session.tick();
        let mut framer = Framer::new();
        let closed = pump(stream, &mut framer, &self.session, &outbox, |e| core.dealer_event(&self.dealer, e)).await;
        tracing::info!(dealer = %self.dealer, why = %closed, "connection ended");
    }
}
