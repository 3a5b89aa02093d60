//! On which networks QUIC does not come through. Kept in a small file, so that a desk that starts
//! again on the same network does not learn it a second time.
//!
//! The file holds no address and no name: a network is a keyed digest of both. A file that is
//! missing, damaged, too large or of another version is a laptop that knows nothing yet.

use super::over_quic::Heard;
use aws_lc_rs::hmac;
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use serde::{Deserialize, Serialize};
use signet_net::Doubling;
use signet_rfq::UtcMillis;
use std::{
    collections::HashMap,
    fs::{self, File, OpenOptions},
    io::{self, Read as _, Write as _},
    net::IpAddr,
    path::{Path, PathBuf},
    time::Duration,
};

/// A network is to blame when nothing came back over QUIC for so long, in one attempt or in several
/// in a row: a datagram or two may be lost on any network. The first is sent again after a second.
const SILENCE: Duration = Duration::from_secs(2);

/// How long TCP alone is dialled on a network where QUIC did not come through once. Each further
/// time doubles it, to a bound: QUIC costs a quarter of a second there, and a network may let it
/// through one day.
const TCP_ONLY: Doubling =
    Doubling { first: Duration::from_secs(10 * 60), longest: Duration::from_secs(4 * 3_600) };
/// More times than this make no difference.
const TIMES_MAX: u32 = 8;
/// What was learnt so long ago is forgotten.
const KEPT_MS: i64 = 7 * 24 * 3_600_000;
/// Networks that are remembered.
const NETWORKS_MAX: usize = 64;
/// The file of so many networks is smaller than this.
const BYTES_MAX: u64 = 32 * 1024;
const VERSION: u32 = 1;
const FILE: &str = "networks.json";
const KEY_BYTES: usize = 32;

/// A network, as far as this laptop can tell one from another: its own address there, and what the
/// system calls it.
pub(super) type NetworkName = (Option<IpAddr>, Option<String>);

/// On which networks QUIC did not come through.
#[derive(Debug)]
pub(super) struct Networks {
    /// `None`: kept in memory only.
    file: Option<PathBuf>,
    /// Makes digests that mean nothing outside this file.
    secret: [u8; KEY_BYTES],
    held_up: HashMap<Digest, Learnt>,
    /// For how long nothing came back over QUIC, on the network that was used last.
    silent: Option<(Digest, Duration)>,
}

type Digest = [u8; KEY_BYTES];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Learnt {
    /// How often QUIC was tried in a row and did not come through.
    times: u32,
    at: UtcMillis,
}

impl Learnt {
    fn is_tcp_only(self, now: UtcMillis) -> bool {
        let ms = TCP_ONLY.doubled_ms(self.times.saturating_sub(1));
        (0..ms).contains(&now.since(self.at))
    }

    /// A time that is still to come says that the clock was set back; nothing follows from it.
    fn is_kept(self, now: UtcMillis) -> bool {
        (0..KEPT_MS).contains(&now.since(self.at))
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    version: u32,
    secret: String,
    networks: Vec<StoredNetwork>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredNetwork {
    network: String,
    times: u32,
    at: i64,
}

impl Networks {
    /// What the file in `folder` still says. `secret` is for a file that is new.
    pub(super) fn open(folder: &Path, secret: [u8; KEY_BYTES], now: UtcMillis) -> Self {
        let file = folder.join(FILE);
        let (secret, held_up) = read(&file, now).unwrap_or_else(|e| {
            if e.kind() != io::ErrorKind::NotFound {
                tracing::info!(error = %e, "what was learnt of networks is forgotten");
            }
            (secret, HashMap::new())
        });
        Self { file: Some(file), secret, held_up, silent: None }
    }

    /// Whether to dial TCP only.
    pub(super) fn is_tcp_only(&self, network: &NetworkName, now: UtcMillis) -> bool {
        self.held_up.get(&self.digest(network)).is_some_and(|l| l.is_tcp_only(now))
    }

    /// Takes how QUIC went when a connection was made.
    pub(super) fn heard(&mut self, network: &NetworkName, heard: Heard, now: UtcMillis) {
        let before = self.silent.take();
        match heard {
            Heard::Through => self.came_through(network, true, now),
            Heard::Something => {}
            Heard::Nothing(time) => {
                let digest = self.digest(network);
                let before = before.filter(|(of, _)| *of == digest);
                let time = before.map_or(time, |(_, before)| before.saturating_add(time));
                if time >= SILENCE {
                    self.came_through(network, false, now);
                } else {
                    self.silent = Some((digest, time));
                }
            }
        }
    }

    /// Remembers whether QUIC came through.
    fn came_through(&mut self, network: &NetworkName, quic: bool, now: UtcMillis) {
        let network = self.digest(network);
        let before = self.held_up.get(&network).copied().filter(|l| l.is_kept(now));
        if quic {
            if self.held_up.remove(&network).is_none() {
                return;
            }
        } else {
            // Attempts that began at the same time are one.
            if before.is_some_and(|l| l.is_tcp_only(now)) {
                return;
            }
            let times = before.map_or(0, |l| l.times).saturating_add(1).min(TIMES_MAX);
            self.held_up.insert(network, Learnt { times, at: now });
        }
        bound(&mut self.held_up, now);
        if let Err(e) = self.write() {
            tracing::info!(error = %e, "what was learnt of this network is not kept");
        }
    }

    fn digest(&self, (address, name): &NetworkName) -> Digest {
        // The address has one of three forms, so it and the name are told apart.
        let text = format!("{address:?}\n{name:?}");
        let key = hmac::Key::new(hmac::HMAC_SHA256, &self.secret);
        let tag = hmac::sign(&key, text.as_bytes());
        tag.as_ref().try_into().unwrap_or_default()
    }

    /// Another file takes the place of the old one, so that a crash leaves either. It is not
    /// flushed: a file that is lost costs a quarter of a second on each network.
    fn write(&self) -> io::Result<()> {
        let Some(file) = &self.file else { return Ok(()) };
        let networks = self.held_up.iter().map(|(network, learnt)| StoredNetwork {
            network: BASE64.encode(network),
            times: learnt.times,
            at: learnt.at.0,
        });
        let stored = Stored {
            version: VERSION,
            secret: BASE64.encode(self.secret),
            networks: networks.collect(),
        };
        let text = serde_json::to_vec(&stored).map_err(io::Error::other)?;
        if let Some(folder) = file.parent() {
            signet_journal::private_folder(folder)?;
        }
        let beside = file.with_extension("new");
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options.open(&beside)?.write_all(&text)?;
        fs::rename(&beside, file)
    }
}

fn read(file: &Path, now: UtcMillis) -> io::Result<(Digest, HashMap<Digest, Learnt>)> {
    let invalid = |why: &str| io::Error::new(io::ErrorKind::InvalidData, why.to_owned());
    let mut text = Vec::new();
    let read = File::open(file)?.take(BYTES_MAX + 1).read_to_end(&mut text)?;
    if read as u64 > BYTES_MAX {
        return Err(invalid("the file is far too large"));
    }
    let stored: Stored = serde_json::from_slice(&text)?;
    if stored.version != VERSION {
        return Err(invalid("the file is of another version"));
    }
    let bytes = |text: &str| BASE64.decode(text).ok().and_then(|b| Digest::try_from(b).ok());
    let secret = bytes(&stored.secret).ok_or_else(|| invalid("no secret"))?;
    let mut held_up = HashMap::new();
    for n in stored.networks {
        let network = bytes(&n.network).ok_or_else(|| invalid("a network is not a digest"))?;
        let learnt = Learnt { times: n.times.clamp(1, TIMES_MAX), at: UtcMillis(n.at) };
        held_up.insert(network, learnt);
    }
    bound(&mut held_up, now);
    Ok((secret, held_up))
}

/// Forgets what is old, and the oldest of too many.
fn bound(held_up: &mut HashMap<Digest, Learnt>, now: UtcMillis) {
    held_up.retain(|_, l| l.is_kept(now));
    while held_up.len() > NETWORKS_MAX {
        let Some(oldest) = held_up.iter().min_by_key(|(_, l)| l.at.0).map(|(n, _)| *n) else {
            return;
        };
        held_up.remove(&oldest);
    }
}

#[cfg(test)]
#[path = "networks_tests.rs"]
mod tests;
