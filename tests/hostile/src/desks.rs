//! Desks with good certificates and bad manners.

use crate::{
    BUND, GATEWAY, HONEST_DEALER,
    dice::Dice,
    venue::Res,
    wire::{Wire, at},
};
use signet_devca::{DevPki, Order};
use signet_identity::{ClientProfile, MessageKey};
use std::{net::SocketAddr, time::Duration};
use tokio::{
    net::{TcpSocket, TcpStream},
    time::{Instant, sleep, timeout},
};
use tokio_rustls::{TlsConnector, TlsStream, rustls::pki_types::ServerName};

/// What a hostile desk does with one connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attack {
    Requests,
    RequestsThatAreWithdrawn,
    OneIdAgainAndAgain,
    AcceptsOfOthersQuotes,
    StatusRequests,
    ResendRequests,
    HeartbeatsAhead,
    LogonsInSession,
    SequenceJumps,
    Garbage,
    LongMessages,
    NeverReads,
    Lists,
    TestRequests,
    RejectsOfEverything,
    ComesAndGoes,
}

pub const ATTACKS: [Attack; 16] = [
    Attack::Requests,
    Attack::RequestsThatAreWithdrawn,
    Attack::OneIdAgainAndAgain,
    Attack::AcceptsOfOthersQuotes,
    Attack::StatusRequests,
    Attack::ResendRequests,
    Attack::HeartbeatsAhead,
    Attack::LogonsInSession,
    Attack::SequenceJumps,
    Attack::Garbage,
    Attack::LongMessages,
    Attack::NeverReads,
    Attack::Lists,
    Attack::TestRequests,
    Attack::RejectsOfEverything,
    Attack::ComesAndGoes,
];

/// A desk's identity.
#[derive(Clone)]
pub struct HostileDesk {
    pub name: String,
    pub gateway: SocketAddr,
    /// Where it comes from.
    pub from: SocketAddr,
    tls: TlsConnector,
    key: MessageKey,
    /// Whom it asks.
    dealer: String,
}

impl HostileDesk {
    pub fn new(
        pki: &DevPki,
        name: &str,
        gateway: SocketAddr,
        from: [u8; 4],
        dealer: &str,
    ) -> Res<Self> {
        let key = pki.issue(&Order::desk(name))?.certified_key()?;
        let message_key = MessageKey::of(&key)?;
        let tls = TlsConnector::from(ClientProfile::new(pki.gateway_roots()?, key).config()?);
        Ok(Self {
            name: name.into(),
            gateway,
            from: SocketAddr::from((from, 0)),
            tls,
            key: message_key,
            dealer: dealer.into(),
        })
    }

    /// TCP and TLS from this desk's address.
    pub async fn connects(&self) -> Res<Wire> {
        let socket = TcpSocket::new_v4()?;
        socket.bind(self.from)?;
        let tcp: TcpStream =
            timeout(Duration::from_secs(5), socket.connect(self.gateway)).await??;
        tcp.set_nodelay(true)?;
        let tls = timeout(
            Duration::from_secs(10),
            self.tls.connect(ServerName::try_from("localhost")?, tcp),
        )
        .await??;
        let mut wire = Wire::new(TlsStream::Client(tls), &self.name, GATEWAY);
        wire.key = Some(self.key.clone());
        Ok(wire)
    }

    pub async fn logs_on(&self) -> Res<Wire> {
        let mut w = self.connects().await?;
        let logon = format!("35=A|98=0|108=60|20000={}|", w.binding);
        let answered = w.says(&logon).await && w.hears("|35=A|").await;
        if answered { Ok(w) } else { Err("no Logon".into()) }
    }

    /// One connection, until it is ended or the time is up. How many messages were written.
    pub async fn attacks(&self, attack: Attack, dice: &mut Dice, until: Instant) -> u64 {
        if attack == Attack::ComesAndGoes {
            let mut n = 0;
            while Instant::now() < until && self.logs_on().await.is_ok() {
                n += 1;
            }
            sleep(Duration::from_millis(100)).await;
            return n;
        }
        let Ok(mut w) = self.logs_on().await else {
            sleep(Duration::from_millis(200)).await;
            return 0;
        };
        w.heard.clear();
        let mut n = 0u64;
        // Messages are made in batches, and a batch is written at once.
        while Instant::now() < until {
            let batch: Vec<u8> =
                (0..20).flat_map(|i| self.message(attack, &mut w, dice, n + i)).collect();
            let taken = if attack == Attack::NeverReads {
                w.shouts(&batch).await
            } else {
                w.writes(&batch).await
            };
            if !taken {
                break;
            }
            n += 20;
            tokio::task::yield_now().await;
        }
        n
    }

    fn message(&self, attack: Attack, w: &mut Wire, dice: &mut Dice, n: u64) -> Vec<u8> {
        let unique = format!("{:x}{n:x}", dice.below(1 << 32));
        match attack {
            Attack::Requests => w.next(&self.request(&unique)),
            Attack::RequestsThatAreWithdrawn => {
                let mut both = w.next(&self.request(&unique));
                both.extend(w.next(&withdrawal(&unique)));
                both
            }
            Attack::OneIdAgainAndAgain => w.next(&self.request("SAME")),
            Attack::AcceptsOfOthersQuotes => {
                w.next(&accept(&unique, &format!("q{}", dice.below(100))))
            }
            Attack::StatusRequests => {
                w.next(&format!("35=H|11=R1:{}|55={BUND}|48={BUND}|22=4|54=1|", dice.below(9)))
            }
            Attack::ResendRequests => w.next("35=2|7=1|16=0|"),
            Attack::HeartbeatsAhead => w.numbered(w.seq + 1 + n, "35=0|"),
            Attack::LogonsInSession => {
                w.next(&format!("35=A|98=0|108=60|141=Y|20000={}|", w.binding))
            }
            Attack::SequenceJumps => {
                let to = w.seq + 1 + dice.below(2_000_000_000);
                w.next(&format!("35=4|123=N|36={to}|"))
            }
            Attack::Garbage => {
                let junk = dice.below(400) as usize + 1;
                let mut bytes = dice.bytes(junk);
                if dice.below(2) == 0 {
                    bytes = w.next("35=0|");
                    let at = dice.below(bytes.len() as u64) as usize;
                    bytes[at] ^= 1 << dice.below(8);
                }
                bytes
            }
            Attack::LongMessages => {
                w.next(&format!("35=0|58={}|", "x".repeat(60_000 + dice.below(10_000) as usize)))
            }
            Attack::NeverReads | Attack::TestRequests => w.next(&format!("35=1|112={unique}|")),
            Attack::Lists => w.next(&format!("35=x|320={unique}|559=4|")),
            Attack::RejectsOfEverything => w.next(&format!("35=j|45={n}|372=S|380=0|58=no|")),
            Attack::ComesAndGoes => vec![],
        }
    }

    fn request(&self, id: &str) -> String {
        let (sent, expires) = (at(0), at(60_000));
        let dealer = &self.dealer;
        format!(
            "35=R|131={id}|146=1|55={BUND}|48={BUND}|22=4|303=1|537=1|54=1|38=5000000|64=20991231|15=EUR|126={expires}|60={sent}|423=1|\
             453=1|448={dealer}|447=D|452=35|"
        )
    }
}

fn withdrawal(id: &str) -> String {
    format!("35=U3|131={id}|")
}

fn accept(id: &str, quote: &str) -> String {
    format!(
        "35=AJ|693={id}|117={quote}|694=1|11={id}|453=1|448={HONEST_DEALER}|447=D|452=35|55={BUND}|48={BUND}|22=4|54=1|38=5000000|62={}|60={}|44=99.1|",
        at(2_000),
        at(0)
    )
}
