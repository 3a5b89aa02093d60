//! A desk that trades as a person does, with the real core of Signet Desk, and how long that takes.

use crate::{BUND, DOMAIN, GATEWAY, HONEST_DEALER, HONEST_DESK, venue::Res};
use signet_desk_core::{
    Desk, DeskConfig, TradingSettings, Venue,
    view::{AcceptState, ArmIntent, Ask, LineState, LinkState, Side, Ticket},
};
use signet_devca::{DevPki, Order};
use signet_identity::CompId;
use signet_keystore::{IdentityName, MemoryKeychain};
use signet_stepup::client::NoKeys;
use std::{
    net::SocketAddr,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

/// Longer than this is a failure, on however slow a machine.
const PATIENCE: Duration = Duration::from_secs(30);
const VENUE: &str = "Hostile";

pub struct HonestDesk {
    desk: Desk,
    runtime: tokio::runtime::Runtime,
    seq: u64,
    rfqs: Vec<signet_desk_core::view::RfqView>,
    lines: Vec<signet_desk_core::view::LineView>,
    link: Option<LinkState>,
}

/// How long the two waits of one trade took.
#[derive(Debug, Clone, Copy)]
pub struct Took {
    pub quote: Duration,
    pub fill: Duration,
}

impl HonestDesk {
    pub fn start(pki: &DevPki, gateway: SocketAddr, dir: &Path) -> Res<Self> {
        let keychain = Arc::new(MemoryKeychain::new());
        let entry: IdentityName = HONEST_DESK.parse()?;
        signet_devca::store_desk_identity(
            keychain.as_ref(),
            &pki.issue(&Order::desk(HONEST_DESK))?,
            &entry,
        )?;
        let venue = Venue {
            name: VENUE.into(),
            host: "localhost".into(),
            port: gateway.port(),
            also: vec![],
            server_name: "localhost".into(),
            comp_id: CompId::new(GATEWAY)?,
            trust_domain: DOMAIN.into(),
            roots: pki.gateway_roots()?,
            pins: vec![],
            allow_tls12: false,
            quic: false,
            crl: vec![],
            crl_required: false,
            est: None,
            rp_id: None,
            direct: None,
        };
        let config = DeskConfig {
            venues: vec![venue],
            trading: TradingSettings::NONE,
            practice: true,
            ..DeskConfig::empty(dir.join("desk"), "test")
        };
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let desk = Desk::start(config, keychain, Arc::new(NoKeys)).map_err(|e| format!("{e:?}"))?;
        runtime
            .block_on(desk.connect(HONEST_DESK.into(), VENUE.into()))
            .map_err(|e| format!("{e:?}"))?;
        let mut honest = Self { desk, runtime, seq: 0, rfqs: vec![], lines: vec![], link: None };
        honest.until("online", |h| {
            let r = h.desk.reference();
            h.link == Some(LinkState::Online)
                && r.instruments > 0
                && r.dealers.iter().any(|d| d.id == HONEST_DEALER && d.online)
        })?;
        Ok(honest)
    }

    fn pull(&mut self) {
        let f = self.desk.pull(self.seq, &[]);
        if f.whole {
            self.rfqs.clear();
            self.lines.clear();
        }
        self.seq = f.seq as u64;
        for r in f.rfqs {
            self.rfqs.retain(|x| x.id != r.id);
            self.rfqs.push(r);
        }
        for l in f.lines {
            self.lines.retain(|x| (&x.rfq_id, &x.dealer) != (&l.rfq_id, &l.dealer));
            self.lines.push(l);
        }
        for id in f.removed {
            self.rfqs.retain(|x| x.id != id);
            self.lines.retain(|x| x.rfq_id != id);
        }
        self.link = f.session.map(|s| s.state).or(self.link);
    }

    fn until(&mut self, what: &str, done: impl Fn(&Self) -> bool) -> Res<Duration> {
        let began = Instant::now();
        loop {
            self.pull();
            if done(self) {
                return Ok(began.elapsed());
            }
            if began.elapsed() > PATIENCE {
                return Err(format!(
                    "never: {what}; link {:?}, rfqs {:#?}, lines {:#?}",
                    self.link, self.rfqs, self.lines
                )
                .into());
            }
            std::thread::sleep(Duration::from_micros(200));
        }
    }

    /// Asks, is quoted, accepts, is filled.
    pub fn trades(&mut self) -> Res<Took> {
        let ticket = Ticket {
            price_type: Default::default(),
            legs: vec![],
            instrument: BUND.into(),
            ask: Ask::Buy,
            quantity: "5m".into(),
            dealers: vec![HONEST_DEALER.into()],
            ttl_s: 60,
            settlement_date: None,
        };
        let id = self.desk.send_rfq(ticket).map_err(|e| format!("{e:?}"))?;
        let quoted =
            |h: &Self| h.lines.iter().any(|l| l.rfq_id == id && l.state == LineState::Quoted);
        let quote = self.until("a quote for the honest desk", quoted)?;
        let line = self.lines.iter().find(|l| l.rfq_id == id).ok_or("the line is gone")?;
        let intent = ArmIntent {
            rfq_id: id.clone(),
            dealer: HONEST_DEALER.into(),
            quote_id: line.quote_id.clone().ok_or("no quote")?,
            side: Side::Buy,
            price: line.offer.as_ref().ok_or("no offer")?.price.clone(),
        };
        let armed = self.desk.arm(intent).map_err(|e| format!("{e:?}"))?;
        self.desk.accept(&id, &armed.id).map_err(|e| format!("{e:?}"))?;
        let state = |h: &Self| {
            h.rfqs.iter().find(|r| r.id == id).and_then(|r| r.accept.as_ref()).map(|a| a.state)
        };
        let fill =
            self.until("a fill for the honest desk", |h| state(h) == Some(AcceptState::Filled))?;
        let _ = self.desk.dismiss_rfq(&id);
        Ok(Took { quote, fill })
    }
}

impl Drop for HonestDesk {
    fn drop(&mut self) {
        self.runtime.block_on(self.desk.shut_down());
    }
}

/// So many in a thousand took no longer than this.
pub fn percentile(sorted: &[Duration], per_mille: usize) -> Duration {
    let last = sorted.len().saturating_sub(1);
    sorted.get((sorted.len() * per_mille / 1_000).min(last)).copied().unwrap_or_default()
}
