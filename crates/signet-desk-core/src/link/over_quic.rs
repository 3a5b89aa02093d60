//! Whether QUIC is dialled beside FIXS over TCP, and in words why not; and what is learnt of a
//! network from how it went: pure decisions.

use signet_quic::client::ConnectError;
use std::time::Duration;

/// What was heard over QUIC by the time that a connection was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Heard {
    /// QUIC carries the connection.
    Through,
    /// Something came back, such as a gateway's word that it is busy, or no datagram could leave.
    /// This says nothing of the network.
    Something,
    /// Nothing, for so long.
    Nothing(Duration),
}

impl Heard {
    /// Of an attempt that failed after so long.
    pub(super) fn by(why: &ConnectError, after: Duration) -> Self {
        match why {
            ConnectError::NoAnswer => Self::Nothing(after),
            _ => Self::Something,
        }
    }
}

/// On what it depends whether QUIC is dialled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Facts {
    /// The venue is a Signet gateway, and its settings allow QUIC.
    pub offered: bool,
    /// A proxy is on the way, or it cannot be told whether one is.
    pub proxy: bool,
    /// QUIC did not come through on this network lately.
    pub held_up: bool,
}

/// Why FIXS over TCP alone is dialled. It is dialled at once then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TcpAlone {
    /// The venue has none.
    NotOffered,
    /// A proxy carries TCP only.
    Proxy,
    /// What drops datagrams says nothing, so each attempt would cost time.
    HeldUp,
}

impl TcpAlone {
    /// For the trader; `None`: there is nothing to say.
    pub(super) fn words(self) -> Option<&'static str> {
        match self {
            Self::NotOffered => None,
            Self::Proxy => Some("not QUIC: a proxy is on the way"),
            Self::HeldUp => Some("not QUIC: this network did not carry it lately"),
        }
    }
}

/// What lasts is said before what may change with the network.
pub(super) fn decide(f: Facts) -> Result<(), TcpAlone> {
    match f {
        Facts { offered: false, .. } => Err(TcpAlone::NotOffered),
        Facts { proxy: true, .. } => Err(TcpAlone::Proxy),
        Facts { held_up: true, .. } => Err(TcpAlone::HeldUp),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_silence_is_held_against_a_network() {
        let ms = Duration::from_millis(700);
        let text = String::new;
        for (why, heard) in [
            (ConnectError::NoAnswer, Heard::Nothing(ms)),
            (ConnectError::Reset, Heard::Something),
            (ConnectError::Busy, Heard::Something),
            (ConnectError::Local, Heard::Something),
            (ConnectError::Closed { number: 1, reason: text() }, Heard::Something),
            (ConnectError::Settings { detail: text() }, Heard::Something),
            (ConnectError::Other { detail: text() }, Heard::Something),
            (std::io::Error::from(std::io::ErrorKind::ConnectionRefused).into(), Heard::Something),
        ] {
            assert_eq!(Heard::by(&why, ms), heard, "{why:?}");
        }
    }

    #[test]
    fn table_of_ways() {
        let all = [false, true];
        for offered in all {
            for proxy in all {
                for held_up in all {
                    let want = match (offered, proxy, held_up) {
                        (false, ..) => Err(TcpAlone::NotOffered),
                        (_, true, _) => Err(TcpAlone::Proxy),
                        (.., true) => Err(TcpAlone::HeldUp),
                        _ => Ok(()),
                    };
                    let facts = Facts { offered, proxy, held_up };
                    assert_eq!(decide(facts), want, "{facts:?}");
                }
            }
        }
    }

    /// A venue that has no QUIC is not at fault, and everything else has its reason.
    #[test]
    fn every_other_reason_has_words() {
        assert_eq!(TcpAlone::NotOffered.words(), None);
        for why in [TcpAlone::Proxy, TcpAlone::HeldUp] {
            assert!(why.words().is_some_and(|w| w.starts_with("not QUIC: ")), "{why:?}");
        }
    }
}
