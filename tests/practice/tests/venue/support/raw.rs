//! A FIX peer made by hand: real TLS, and bytes that no engine would write.

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use signet_devca::{DevPki, Order};
use signet_fix::{
    framer::Framer,
    signature::sign,
    tagvalue::{format_utc, seal},
};
use signet_identity::{ClientProfile, MessageKey, ServerProfile, channel_binding};
use signet_practice::GATEWAY;
use signet_rfq::UtcMillis;
use std::{
    net::SocketAddr,
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::timeout,
};
use tokio_rustls::{TlsAcceptor, TlsConnector, TlsStream, rustls::pki_types::ServerName};

/// Less than the heartbeat of the desks here.
pub const PATIENCE: Duration = Duration::from_secs(50);

pub trait Io: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Io for T {}

pub struct Raw {
    stream: Box<dyn Io>,
    framer: Framer,
    /// The channel binding of this connection, base64.
    pub binding: String,
    /// Next MsgSeqNum.
    pub seq: u64,
    pub me: String,
    pub you: String,
    /// Signs business messages; `None`: they leave unsigned.
    pub key: Option<MessageKey>,
    /// Everything that came, newest last, with `|` for SOH.
    pub heard: Vec<String>,
}

pub fn now() -> String {
    format_utc(in_ms(0))
}

pub fn in_ms(ms: i64) -> UtcMillis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    UtcMillis(i64::try_from(since.as_millis()).unwrap() + ms)
}

/// The same message with a signature, as a desk or a dealer that signs would send it.
pub fn signed(frame: &[u8], key: &MessageKey) -> Vec<u8> {
    sign(frame, &|covered: &[u8]| Ok(key.sign(covered).unwrap())).unwrap()
}

impl Raw {
    /// A desk's TLS to the gateway, nothing sent.
    pub async fn desk(at: SocketAddr, pki: &DevPki, comp_id: &str) -> Self {
        let key = pki.issue(&Order::desk(comp_id)).unwrap().certified_key().unwrap();
        let message_key = MessageKey::of(&key).unwrap();
        let tls = ClientProfile::new(pki.gateway_roots().unwrap(), key).config().unwrap();
        let tcp = TcpStream::connect(at).await.unwrap();
        tcp.set_nodelay(true).unwrap();
        let tls = TlsConnector::from(tls)
            .connect(ServerName::try_from("localhost").unwrap(), tcp)
            .await
            .unwrap();
        Self { key: Some(message_key), ..Self::over(TlsStream::Client(tls), comp_id, GATEWAY) }
    }

    pub fn over(tls: TlsStream<TcpStream>, me: &str, you: &str) -> Self {
        let binding = match &tls {
            TlsStream::Client(s) => channel_binding(s.get_ref().1),
            TlsStream::Server(s) => channel_binding(s.get_ref().1),
        };
        Self {
            stream: Box::new(tls),
            framer: Framer::new(),
            binding: BASE64.encode(binding.unwrap()),
            seq: 1,
            me: me.into(),
            you: you.into(),
            key: None,
            heard: vec![],
        }
    }

    /// A desk that is logged on and has its snapshot.
    pub async fn logged_on(at: SocketAddr, pki: &DevPki, comp_id: &str) -> Self {
        let mut raw = Self::desk(at, pki, comp_id).await;
        raw.log_on().await;
        raw.hears(&["35=U2|", "20020=3|"]).await;
        raw
    }

    pub async fn log_on(&mut self) {
        self.log_on_with("").await;
    }

    /// The same with more fields in the Logon.
    pub async fn log_on_with(&mut self, more: &str) {
        let logon = format!("35=A|98=0|108=60|20000={}|{more}", self.binding);
        self.says(&logon).await;
        self.hears(&["35=A|"]).await;
    }

    /// A frame with the right header and trailer around `body`, which begins with its MsgType.
    pub fn frame(&mut self, body: &str) -> Vec<u8> {
        let frame = self.frame_at(self.seq, body);
        self.seq += 1;
        frame
    }

    pub fn frame_at(&self, seq: u64, body: &str) -> Vec<u8> {
        let (kind, rest) = body.split_once('|').unwrap();
        let text = format!("{kind}|34={seq}|49={}|52={}|56={}|{rest}", self.me, now(), self.you);
        let frame = seal("FIX.4.4", text.replace('|', "\u{1}").as_bytes());
        let session = matches!(kind, "35=0" | "35=1" | "35=2" | "35=3" | "35=4" | "35=5" | "35=A");
        match &self.key {
            Some(key) if !session => signed(&frame, key),
            _ => frame,
        }
    }

    pub async fn says(&mut self, body: &str) {
        let frame = self.frame(body);
        self.writes(&frame).await;
    }

    /// Writes bytes; the peer may have hung up already.
    pub async fn writes(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes).await;
        let _ = self.stream.flush().await;
    }

    /// The next frame, or `None` when the connection has ended.
    pub async fn next(&mut self) -> Option<String> {
        let mut buffer = [0u8; 16 * 1024];
        loop {
            if let Some(f) = self.framer.next_frame().unwrap() {
                let text = String::from_utf8_lossy(f).replace('\u{1}', "|");
                self.heard.push(text.clone());
                return Some(text);
            }
            match self.stream.read(&mut buffer).await {
                Ok(n) if n > 0 => self.framer.push(&buffer[..n]),
                _ => return None,
            }
        }
    }

    /// Waits for a frame that holds every one of `parts`; others are passed over.
    pub async fn hears(&mut self, parts: &[&str]) -> String {
        let from = self.heard.len();
        let wait = async {
            while let Some(f) = self.next().await {
                if parts.iter().all(|p| f.contains(&format!("|{p}"))) {
                    return Some(f);
                }
            }
            None
        };
        match timeout(PATIENCE, wait).await {
            Ok(Some(f)) => f,
            end => panic!("never heard {parts:?} ({end:?}); heard {:#?}", &self.heard[from..]),
        }
    }

    /// Waits until the peer has hung up; what it said until then.
    pub async fn hung_up(&mut self) -> Vec<String> {
        let from = self.heard.len();
        timeout(PATIENCE, async { while self.next().await.is_some() {} })
            .await
            .expect("the peer hangs up");
        self.heard[from..].to_vec()
    }
}

/// Where a dealer made by hand will listen: known before the gateway, which dials it, is started.
pub struct DealerPlace {
    name: &'static str,
    listener: std::net::TcpListener,
}

impl DealerPlace {
    pub fn new(name: &'static str) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        Self { name, listener }
    }

    pub fn address(&self) -> (String, SocketAddr) {
        (self.name.into(), self.listener.local_addr().unwrap())
    }

    /// Inside a runtime: the dealer, with a certificate of its own.
    pub fn opened(self, pki: &DevPki) -> RawDealer {
        let key = pki.issue(&Order::dealer(self.name)).unwrap().certified_key().unwrap();
        let message_key = MessageKey::of(&key).unwrap();
        let tls = TlsAcceptor::from(
            ServerProfile::new(pki.gateway_roots().unwrap(), key).config().unwrap(),
        );
        RawDealer {
            name: self.name,
            listener: TcpListener::from_std(self.listener).unwrap(),
            tls,
            message_key,
            seq: 1,
        }
    }
}

/// A dealer made by hand.
pub struct RawDealer {
    name: &'static str,
    listener: TcpListener,
    tls: TlsAcceptor,
    pub message_key: MessageKey,
    /// MsgSeqNum goes on over connections.
    pub seq: u64,
}

impl RawDealer {
    /// Waits for the gateway and logs it on. What it says is unsigned until [`Raw::key`] is set.
    pub async fn answers(&mut self) -> Raw {
        self.answers_with("35=A|98=0|108=60|").await
    }

    /// The same with another Logon.
    pub async fn answers_with(&mut self, logon: &str) -> Raw {
        let dialled = async {
            loop {
                let (tcp, _) = self.listener.accept().await.unwrap();
                // A gateway that was stopped may have left a connection in the queue.
                if let Ok(tls) = self.tls.accept(tcp).await {
                    return tls;
                }
            }
        };
        let tls = timeout(PATIENCE, dialled).await.expect("the gateway dials");
        let mut raw = Raw::over(TlsStream::Server(tls), self.name, GATEWAY);
        raw.seq = self.seq;
        raw.hears(&["35=A|"]).await;
        raw.says(logon).await;
        raw
    }
}
