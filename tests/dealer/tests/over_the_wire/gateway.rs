//! A gateway made by hand: FIX as bytes, over TLS, with no engine at all.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use signet_dealer::{Credentials, Instruments, Settings, Signs, Simulator};
use signet_devca::{DevPki, Order};
use signet_identity::{ClientProfile, ServerProfile};
use time::OffsetDateTime;
use time::macros::format_description;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

pub const TRUST_DOMAIN: &str = "practice.signet.example";
pub const DEALER: &str = "NORTHBANK";
/// Less than the heartbeat.
const PATIENCE: Duration = Duration::from_secs(25);

/// One practice world: authorities, settings of one well-behaved dealer, a directory for its state.
pub struct World {
    pub pki: DevPki,
    pub settings: Settings,
    pub state: tempfile::TempDir,
}

impl World {
    pub fn new() -> Self {
        let mut settings = Settings::parse(signet_dealer::DEALERS_TOML).unwrap();
        settings.dealers.truncate(1);
        let dealer = &mut settings.dealers[0];
        (dealer.quote_delay_ms, dealer.requote_every_ms) = ([0, 0], [0, 0]);
        // The gateway here is made by hand and signs nothing.
        (dealer.signs, dealer.wants_signed) = (Signs::No, false);
        let pki = DevPki::generate(TRUST_DOMAIN, OffsetDateTime::now_utc()).unwrap();
        Self { pki, settings, state: tempfile::tempdir().unwrap() }
    }

    pub async fn start(&self) -> Simulator {
        let mut credentials = Credentials::new(TRUST_DOMAIN);
        for dealer in &self.settings.dealers {
            let key = self.pki.issue(&Order::dealer(&dealer.id)).unwrap().certified_key().unwrap();
            let profile = ServerProfile::new(self.pki.gateway_roots().unwrap(), key);
            credentials = credentials.with_dealer(&dealer.id, &profile).unwrap();
        }
        let instruments = Instruments::parse(signet_dealer::INSTRUMENTS_TOML).unwrap();
        let state: &Path = self.state.path();
        Simulator::start(&self.settings, instruments, &credentials, state).await.unwrap()
    }

    pub fn client(&self, order: &Order) -> Arc<ClientConfig> {
        let key = self.pki.issue(order).unwrap().certified_key().unwrap();
        ClientProfile::new(self.pki.dealer_roots().unwrap(), key).config().unwrap()
    }

    pub async fn dial(&self, simulator: &Simulator) -> Gateway {
        let config = self.client(&Order::gateway("SIGNET"));
        Gateway::dial(simulator.addresses()[DEALER], config).await.unwrap()
    }
}

/// A message as read: its fields in order.
#[derive(Debug, Clone)]
pub struct Message(pub Vec<(u32, String)>);

impl Message {
    pub fn get(&self, tag: u32) -> &str {
        self.0.iter().find(|field| field.0 == tag).map_or("", |field| &field.1)
    }
}

pub struct Gateway {
    stream: TlsStream<TcpStream>,
    buffer: Vec<u8>,
    pub next_out: u64,
}

impl Gateway {
    pub async fn dial(address: SocketAddr, config: Arc<ClientConfig>) -> std::io::Result<Self> {
        let socket = TcpStream::connect(address).await?;
        let name = ServerName::try_from("localhost").unwrap();
        let stream = TlsConnector::from(config).connect(name, socket).await?;
        Ok(Self { stream, buffer: Vec::new(), next_out: 1 })
    }

    /// Logs on with the next number of ours and returns the dealer's answer.
    pub async fn log_on(&mut self) -> Message {
        self.send("A", "98=0|108=30").await;
        let answer = self.read().await;
        assert_eq!(answer.get(35), "A", "{answer:?}");
        answer
    }

    /// Sends a body of `tag=value|…` with header, length and checksum worked out here.
    pub async fn send(&mut self, msg_type: &str, body: &str) {
        let number = self.next_out;
        self.next_out += 1;
        self.send_numbered(number, msg_type, body).await;
    }

    pub async fn send_numbered(&mut self, number: u64, msg_type: &str, body: &str) {
        let time = now();
        let body = format!("35={msg_type}|49=SIGNET|56={DEALER}|34={number}|52={time}|{body}|");
        let body = body.replace('|', "\u{1}");
        let start = format!("8=FIX.4.4\u{1}9={}\u{1}{body}", body.len());
        let sum = start.bytes().map(u32::from).sum::<u32>() % 256;
        self.stream.write_all(format!("{start}10={sum:03}\u{1}").as_bytes()).await.unwrap();
        self.stream.flush().await.unwrap();
    }

    pub async fn read(&mut self) -> Message {
        timeout(PATIENCE, self.read_whole()).await.expect("no message in time").expect("closed")
    }

    /// The next message of this type, whatever else comes before it.
    pub async fn read_type(&mut self, msg_type: &str) -> Message {
        loop {
            let message = self.read().await;
            if message.get(35) == msg_type {
                return message;
            }
        }
    }

    /// Whether the dealer says nothing for a while.
    pub async fn hears_nothing_for(&mut self, time: Duration) -> bool {
        timeout(time, self.read_whole()).await.is_err()
    }

    /// Stops the dealers, answers the Logout, and returns it.
    pub async fn part(&mut self, simulator: Simulator) -> Message {
        let answer = async {
            let logout = self.read_type("5").await;
            self.send("5", "58=bye").await;
            logout
        };
        tokio::join!(simulator.stop(), answer).1
    }

    pub async fn is_closed(&mut self) -> bool {
        timeout(PATIENCE, self.read_whole()).await.is_ok_and(|message| message.is_none())
    }

    async fn read_whole(&mut self) -> Option<Message> {
        loop {
            if let Some(message) = self.take_message() {
                return Some(message);
            }
            let mut chunk = [0; 4096];
            match self.stream.read(&mut chunk).await {
                Ok(0) | Err(_) => return None,
                Ok(count) => self.buffer.extend_from_slice(&chunk[..count]),
            }
        }
    }

    fn take_message(&mut self) -> Option<Message> {
        let trailer = self.buffer.windows(4).position(|window| window == b"\x0110=")?;
        let end = trailer + 8;
        if self.buffer.len() < end {
            return None;
        }
        let bytes: Vec<u8> = self.buffer.drain(..end).collect();
        check(&bytes);
        let text = String::from_utf8(bytes).unwrap();
        let fields = text.trim_end_matches('\u{1}').split('\u{1}');
        let split = |field: &str| {
            let (tag, value) = field.split_once('=').unwrap();
            (tag.parse().unwrap(), value.to_owned())
        };
        Some(Message(fields.map(split).collect()))
    }

    pub async fn ask(&mut self, id: &str, extra: &str) {
        let end = in_a_minute();
        let body = format!(
            "131={id}|146=1|55=DBR 2.5 \
                02/35|48=DE000BU2Z049|22=4|{extra}38=5000000|15=EUR|126={end}|60={}|423=1",
            now()
        );
        self.send("R", &body).await;
    }

    pub async fn lift(&mut self, quote: &Message, cl_ord_id: &str) {
        let body = format!(
            "693=R-{cl_ord_id}|117={}|694=1|11={cl_ord_id}|55={}|48={}|22=4|54=1|38={}|44={}|60={}",
            quote.get(117),
            quote.get(55),
            quote.get(48),
            quote.get(135),
            quote.get(133),
            now()
        );
        self.send("AJ", &body).await;
    }

    pub async fn ask_status(&mut self, cl_ord_id: &str) -> Message {
        self.send("H", &format!("11={cl_ord_id}|55=DBR 2.5 02/35|54=1")).await;
        self.read_type("8").await
    }
}

/// What every FIX message must be: its length right, its checksum right, its header in order.
fn check(bytes: &[u8]) {
    let text = std::str::from_utf8(bytes).unwrap();
    let order: Vec<&str> =
        text.split('\u{1}').take(3).map(|f| f.split('=').next().unwrap()).collect();
    assert_eq!(order, ["8", "9", "35"], "{text:?}");
    let sum = bytes[..bytes.len() - 7].iter().map(|b| u32::from(*b)).sum::<u32>() % 256;
    assert!(text.ends_with(&format!("10={sum:03}\u{1}")), "{text:?}");
    let body_start = text.find("\u{1}35=").unwrap() + 1;
    let length: usize = text.split('\u{1}').nth(1).unwrap()[2..].parse().unwrap();
    assert_eq!(length, bytes.len() - 7 - body_start, "{text:?}");
    let mut seen = BTreeMap::new();
    for field in text.trim_end_matches('\u{1}').split('\u{1}') {
        let tag = field.split('=').next().unwrap();
        assert!(seen.insert(tag, ()).is_none(), "tag {tag} twice in {text:?}");
    }
}

fn stamp(at: OffsetDateTime) -> String {
    let format =
        format_description!("[year][month][day]-[hour]:[minute]:[second].[subsecond digits:3]");
    at.format(format).unwrap()
}

pub fn now() -> String {
    stamp(OffsetDateTime::now_utc())
}

fn in_a_minute() -> String {
    stamp(OffsetDateTime::now_utc() + Duration::from_secs(60))
}
