//! FIX as a hostile peer writes it: by hand, and not by the encoder under test.

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use signet_identity::{MessageKey, channel_binding};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use time::{OffsetDateTime, macros::format_description};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, ReadHalf, WriteHalf},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::TlsStream;

/// For a peer that does not read, or reads no more.
const STUCK: Duration = Duration::from_secs(2);

/// A time as FIX writes it, so far from now.
pub fn at(ms: i64) -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let nanos = i128::try_from(since.as_nanos()).unwrap_or(0) + i128::from(ms) * 1_000_000;
    let form =
        format_description!("[year][month][day]-[hour]:[minute]:[second].[subsecond digits:3]");
    let t = OffsetDateTime::from_unix_timestamp_nanos(nanos).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    t.format(form).unwrap_or_default()
}

fn whole(body: &[u8]) -> Vec<u8> {
    let mut m = format!("8=FIX.4.4\u{1}9={}\u{1}", body.len()).into_bytes();
    m.extend_from_slice(body);
    sum(m)
}

fn sum(mut m: Vec<u8>) -> Vec<u8> {
    let sum = m.iter().fold(0u8, |n, b| n.wrapping_add(*b));
    m.extend_from_slice(format!("10={sum:03}\u{1}").as_bytes());
    m
}

/// One connection of a hostile peer.
pub struct Wire {
    write: WriteHalf<TlsStream<TcpStream>>,
    read: ReadHalf<TlsStream<TcpStream>>,
    pub binding: String,
    pub seq: u64,
    pub me: String,
    pub you: String,
    /// Business messages are signed with it.
    pub key: Option<MessageKey>,
    /// What came, as far as nobody has looked at it yet; `|` for SOH.
    pub heard: String,
}

impl Wire {
    pub fn new(tls: TlsStream<TcpStream>, me: &str, you: &str) -> Self {
        let binding = match &tls {
            TlsStream::Client(s) => channel_binding(s.get_ref().1),
            TlsStream::Server(s) => channel_binding(s.get_ref().1),
        };
        let binding = binding.map(|b| BASE64.encode(b)).unwrap_or_default();
        let (read, write) = tokio::io::split(tls);
        Self {
            write,
            read,
            binding,
            seq: 1,
            me: me.into(),
            you: you.into(),
            key: None,
            heard: String::new(),
        }
    }

    /// A message with any number. `body` begins with its MsgType and has `|` for SOH.
    pub fn numbered(&self, seq: u64, body: &str) -> Vec<u8> {
        let (kind, rest) = body.split_once('|').unwrap_or((body, ""));
        let text = format!("{kind}|34={seq}|49={}|52={}|56={}|{rest}", self.me, at(0), self.you)
            .replace('|', "\u{1}");
        let session = matches!(kind, "35=0" | "35=1" | "35=2" | "35=3" | "35=4" | "35=5" | "35=A");
        let Some(key) = self.key.as_ref().filter(|_| !session) else {
            return whole(text.as_bytes());
        };
        // 93 and 89 take 3+2+1 and 3+88+1 bytes.
        let mut m = format!("8=FIX.4.4\u{1}9={}\u{1}{text}", text.len() + 98).into_bytes();
        let signature = key.sign(&m).map(|s| BASE64.encode(s)).unwrap_or_default();
        m.extend_from_slice(format!("93={}\u{1}89={signature}\u{1}", signature.len()).as_bytes());
        sum(m)
    }

    /// The next message.
    pub fn next(&mut self, body: &str) -> Vec<u8> {
        self.seq += 1;
        self.numbered(self.seq - 1, body)
    }

    /// Writes; whether the peer still takes something. What comes meanwhile is read, or the peer
    /// would wait for us.
    pub async fn writes(&mut self, mut bytes: &[u8]) -> bool {
        let mut buffer = vec![0; 16 * 1024];
        while !bytes.is_empty() {
            let step = async {
                tokio::select! {
                    n = self.write.write(bytes) => n.ok().filter(|n| *n > 0).map(|n| (n, 0)),
                    n = self.read.read(&mut buffer) => n.ok().filter(|n| *n > 0).map(|n| (0, n)),
                }
            };
            let Ok(Some((written, came))) = timeout(STUCK, step).await else { return false };
            bytes = &bytes[written..];
            self.keep(&buffer[..came]);
        }
        matches!(timeout(STUCK, self.write.flush()).await, Ok(Ok(())))
    }

    /// Writes without ever reading.
    pub async fn shouts(&mut self, bytes: &[u8]) -> bool {
        matches!(timeout(STUCK, self.write.write_all(bytes)).await, Ok(Ok(())))
    }

    pub async fn says(&mut self, body: &str) -> bool {
        let m = self.next(body);
        self.writes(&m).await
    }

    fn keep(&mut self, bytes: &[u8]) {
        self.heard.push_str(&String::from_utf8_lossy(bytes).replace('\u{1}', "|"));
        if self.heard.len() > 256 * 1024 {
            let from = (self.heard.len() - 64 * 1024..self.heard.len())
                .find(|i| self.heard.is_char_boundary(*i));
            self.heard = from.map(|i| self.heard[i..].to_owned()).unwrap_or_default();
        }
    }

    /// Reads for as long; whether the peer is still there.
    pub async fn listens(&mut self, d: Duration) -> bool {
        let mut buffer = vec![0; 16 * 1024];
        let until = tokio::time::Instant::now() + d;
        loop {
            match tokio::time::timeout_at(until, self.read.read(&mut buffer)).await {
                Ok(Ok(n)) if n > 0 => self.keep(&buffer[..n]),
                Ok(_) => return false,
                Err(_) => return true,
            }
        }
    }

    /// Reads until this comes; whether it came.
    pub async fn hears(&mut self, what: &str) -> bool {
        for _ in 0..100 {
            if self.heard.contains(what) {
                return true;
            }
            if !self.listens(Duration::from_millis(50)).await {
                return self.heard.contains(what);
            }
        }
        false
    }

    /// The value of a tag in the last message that has it.
    pub fn last(&self, tag: &str) -> Option<String> {
        let from = self.heard.rfind(&format!("|{tag}="))? + tag.len() + 2;
        self.heard[from..].split_once('|').map(|(v, _)| v.to_owned())
    }
}
