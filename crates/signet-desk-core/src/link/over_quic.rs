//! Whether QUIC is dialled beside FIXS over TCP, and in words why not: a pure decision.

/// What it depends on.
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
