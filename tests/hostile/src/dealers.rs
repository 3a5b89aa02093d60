//! A dealer with a good certificate and bad manners. The gateway dials it again and again.

use crate::{
    BUND, GATEWAY,
    dice::Dice,
    venue::Res,
    wire::{Wire, at},
};
use signet_devca::{DevPki, Order};
use signet_identity::ServerProfile;
use std::{net::SocketAddr, time::Duration};
use tokio::{
    net::TcpListener,
    time::{Instant, timeout},
};
use tokio_rustls::{TlsAcceptor, TlsStream};

/// What a hostile dealer does with one connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attack {
    QuotesOfOthersRfqs,
    QuotesOfItsOwnRfqs,
    StrayReports,
    Rejects,
    SessionRejects,
    ResetsInSession,
    ResendRequests,
    TestRequests,
    Garbage,
}

pub const ATTACKS: [Attack; 9] = [
    Attack::QuotesOfOthersRfqs,
    Attack::QuotesOfItsOwnRfqs,
    Attack::StrayReports,
    Attack::Rejects,
    Attack::SessionRejects,
    Attack::ResetsInSession,
    Attack::ResendRequests,
    Attack::TestRequests,
    Attack::Garbage,
];

pub struct HostileDealer {
    pub name: String,
    listener: std::net::TcpListener,
    tls: TlsAcceptor,
}

impl HostileDealer {
    pub fn new(pki: &DevPki, name: &str) -> Res<Self> {
        let key = pki.issue(&Order::dealer(name))?.certified_key()?;
        let tls = TlsAcceptor::from(ServerProfile::new(pki.gateway_roots()?, key).config()?);
        let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
        listener.set_nonblocking(true)?;
        Ok(Self { name: name.into(), listener, tls })
    }

    pub fn address(&self) -> Res<(String, SocketAddr)> {
        Ok((self.name.clone(), self.listener.local_addr()?))
    }

    /// Answers the gateway and attacks it until the time is up; with `always` in one way only.
    pub async fn runs(self, mut dice: Dice, always: Option<Attack>, until: Instant) -> u64 {
        let (tls, Ok(listener)) = (self.tls, TcpListener::from_std(self.listener)) else {
            return 0;
        };
        let mut n = 0;
        while Instant::now() < until {
            let Ok(Ok((tcp, _))) = timeout(Duration::from_millis(500), listener.accept()).await
            else {
                continue;
            };
            let Ok(Ok(stream)) = timeout(Duration::from_secs(5), tls.accept(tcp)).await else {
                continue;
            };
            let mut w = Wire::new(TlsStream::Server(stream), &self.name, GATEWAY);
            if !(w.hears("|35=A|").await && w.says("35=A|98=0|108=60|141=Y|").await) {
                continue;
            }
            let attack =
                always.unwrap_or_else(|| ATTACKS[dice.below(ATTACKS.len() as u64) as usize]);
            let end = until.min(
                Instant::now() + Duration::from_secs(if always.is_some() { 3_600 } else { 4 }),
            );
            n += attacks(&mut w, attack, &mut dice, end).await;
        }
        n
    }
}

async fn attacks(w: &mut Wire, attack: Attack, dice: &mut Dice, until: Instant) -> u64 {
    let mut n = 0u64;
    while Instant::now() < until {
        // The RFQ it was asked in last, if there is one.
        let own = w.last("131").unwrap_or_else(|| "H0.R1".into());
        let batch: Vec<u8> = (0..20).flat_map(|i| message(w, attack, dice, n + i, &own)).collect();
        if !w.writes(&batch).await {
            break;
        }
        n += 20;
        tokio::task::yield_now().await;
        if n.is_multiple_of(200) && !w.listens(Duration::from_millis(1)).await {
            break;
        }
    }
    n
}

fn message(w: &mut Wire, attack: Attack, dice: &mut Dice, n: u64, own: &str) -> Vec<u8> {
    let quote = |rfq: &str, n: u64| {
        format!(
            "35=S|131={rfq}|117=q{n}|55={BUND}|48={BUND}|22=4|132=99.1|133=99.2|134=5000000|135=5000000|62={}|60={}|",
            at(30_000),
            at(0)
        )
    };
    match attack {
        Attack::QuotesOfOthersRfqs => w.next(&quote(&format!("HONEST.R{}", dice.below(1_000)), n)),
        Attack::QuotesOfItsOwnRfqs => w.next(&quote(own, n)),
        Attack::StrayReports => w.next(&format!(
            "35=8|37=o{n}|11=HONEST.R{}:1|17=e{n}|150=F|39=2|55={BUND}|48={BUND}|22=4|54=1|38=5000000|151=0|14=5000000|6=99.1|31=99.1|32=5000000|60={}|",
            dice.below(1_000),
            at(0)
        )),
        Attack::Rejects => w.next(&format!("35=j|45={n}|372=AJ|379=HONEST.R{}:1|380=0|58=no|", dice.below(1_000))),
        Attack::SessionRejects => w.next(&format!("35=3|45={}|372=R|373=5|58=no|", dice.below(1_000) + 1)),
        Attack::ResetsInSession => {
            w.seq = 1;
            w.next("35=A|98=0|108=60|141=Y|")
        }
        Attack::ResendRequests => w.next("35=2|7=1|16=0|"),
        Attack::TestRequests => w.next(&format!("35=1|112=t{n}|")),
        Attack::Garbage => {
            let junk = dice.below(400) as usize + 1;
            dice.bytes(junk)
        }
    }
}
