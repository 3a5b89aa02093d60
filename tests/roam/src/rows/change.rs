//! What happens to the laptop or its gateway in each row.

use crate::{
    network::Net,
    talk::nanos,
    world::{Transport, World},
};
use signet_desk_core::view::LinkState;
use std::time::Duration;

/// What happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Row {
    /// To the other network; the old path goes silent, and the system tells.
    SilentSwitch,
    /// The device is down for three seconds, and has another address then.
    LinkDown,
    /// No route for long.
    NoRoute,
    /// Silent for long, and nobody tells; then another network.
    BlackHole,
    /// A reset of a connection that is older than ten seconds.
    ResetOld,
    /// A reset of a connection that is two seconds old.
    ResetYoung,
    /// The gateway is killed and started again.
    GatewayKilled,
    /// The laptop sleeps: its process stands still.
    Asleep(Sleep),
    /// Silent, and nobody tells; an accept is clicked at once. Another network as soon as the desk
    /// says that prices cannot be reached.
    DeadPath,
    /// The same while nobody waits for anything and no price is on screen.
    DeadPathIdle,
    /// The translator gives the connection another port.
    NatNewPort,
    /// The translator forgets the connection and tells nobody.
    NatForgets,
    /// Silent switch to a network that blocks UDP.
    UdpBlocked,
    /// Silent switch from such a network to one that carries it.
    UdpFree,
}

/// How a laptop sleeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sleep {
    /// For how long.
    pub length: Length,
    /// The laptop is in another network then.
    pub moved: bool,
    /// CLOCK_MONOTONIC stands still meanwhile, as that of a real laptop does.
    pub clock_stops: bool,
}

/// How long a laptop sleeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Length {
    /// Eight seconds.
    Nap,
    /// Sixteen seconds, or twenty: longer than a desk takes for a nap.
    Long,
    /// Ninety seconds. Only where time does not matter.
    Longest,
}

const fn asleep(length: Length, moved: bool, clock_stops: bool) -> Row {
    Row::Asleep(Sleep { length, moved, clock_stops })
}

/// All of them, by the names that the command line has.
pub const ROWS: [(&str, Row); 23] = [
    ("silent_switch", Row::SilentSwitch),
    ("link_down", Row::LinkDown),
    ("no_route", Row::NoRoute),
    ("black_hole", Row::BlackHole),
    ("reset_old", Row::ResetOld),
    ("reset_young", Row::ResetYoung),
    ("gateway_killed", Row::GatewayKilled),
    ("suspended_8", asleep(Length::Nap, false, false)),
    ("suspended_8_moved", asleep(Length::Nap, true, false)),
    ("suspended_20", asleep(Length::Long, false, false)),
    ("suspended_20_moved", asleep(Length::Long, true, false)),
    ("suspended_90", asleep(Length::Longest, false, false)),
    ("suspended_90_moved", asleep(Length::Longest, true, false)),
    ("stopped_clock_20", asleep(Length::Long, false, true)),
    ("stopped_clock_20_moved", asleep(Length::Long, true, true)),
    ("stopped_clock_90", asleep(Length::Longest, false, true)),
    ("stopped_clock_90_moved", asleep(Length::Longest, true, true)),
    ("dead_path", Row::DeadPath),
    ("dead_path_idle", Row::DeadPathIdle),
    ("nat_new_port", Row::NatNewPort),
    ("nat_forgets", Row::NatForgets),
    ("udp_blocked", Row::UdpBlocked),
    ("udp_free", Row::UdpFree),
];

impl Row {
    /// A reset is TCP's, and UDP is QUIC's.
    pub(super) fn is_of(self, over: Transport) -> bool {
        match self {
            Self::ResetOld | Self::ResetYoung => over == Transport::Fixs,
            Self::UdpBlocked | Self::UdpFree => over == Transport::Quic,
            _ => true,
        }
    }

    /// The connection after it is over QUIC, where QUIC is dialled; `None`: either may win.
    pub(super) fn ends_over_quic(self) -> Option<bool> {
        match self {
            Self::UdpBlocked => Some(false),
            Self::UdpFree => Some(true),
            _ => None,
        }
    }

    /// The connection itself goes on, where it can move.
    pub(super) fn goes_on(self, over: Transport) -> bool {
        let moves = matches!(
            self,
            Self::SilentSwitch
                | Self::LinkDown
                | Self::NatNewPort
                | Self::NatForgets
                | Self::Asleep(Sleep { length: Length::Nap, .. })
        );
        moves && over == Transport::Quic
    }

    /// It takes minutes, so it is run only where every row lasts as long as its name says.
    #[must_use]
    pub fn takes_minutes(self) -> bool {
        matches!(self, Self::Asleep(Sleep { length: Length::Longest, .. }))
    }

    /// CLOCK_MONOTONIC of the desk's process stands still while it sleeps.
    pub(super) fn stops_the_clock(self) -> bool {
        matches!(self, Self::Asleep(Sleep { clock_stops: true, .. }))
    }

    fn is_translated(self) -> bool {
        matches!(self, Self::NatNewPort | Self::NatForgets)
    }
}

/// Tries to be where a row begins.
const TRIES: usize = 20;

/// Brings the laptop to where the row begins: behind a translator, and over QUIC if the desk may.
/// The network before may have been one where TCP came through first.
pub(super) fn prepare(w: &mut World, row: Row, over: Transport) {
    if row.is_translated() {
        w.network.translate(Net::Lte);
    }
    w.network.block_udp(w.here, false);
    w.network.block_udp(w.here.other(), row == Row::UdpBlocked);
    let blocked = row == Row::UdpFree;
    for _ in 0..TRIES {
        let behind = !row.is_translated() || w.here == Net::Lte;
        let wanted = over == Transport::Fixs || w.screen.is_quic() != blocked;
        if behind && wanted && w.screen.link() == Some(LinkState::Online) {
            w.network.block_udp(w.here.other(), row == Row::UdpBlocked);
            return;
        }
        // A claim to another address needs its time.
        w.pause(Duration::from_secs(3));
        w.network.block_udp(w.here.other(), blocked);
        let from = w.switch();
        w.until("online, where the row begins", |s| {
            let restored = s.first(from, |state| state == LinkState::Online).is_some();
            s.link() == Some(LinkState::Online) && (restored || s.is_quic())
        });
        w.pause(Duration::from_secs(1));
    }
    panic!("{row:?} cannot begin: {:#?}", w.screen);
}

/// Whether each row lasts as long as its name says (`ROAM_FULL`).
#[must_use]
pub fn is_full() -> bool {
    std::env::var_os("ROAM_FULL").is_some()
}

/// Seconds of the rows whose length is a matter of patience.
fn seconds(short: u64, full: u64) -> Duration {
    Duration::from_secs(if is_full() { full } else { short })
}

impl Length {
    fn time(self) -> Duration {
        match self {
            Self::Nap => seconds(8, 8),
            Self::Long => seconds(16, 20),
            Self::Longest => seconds(90, 90),
        }
    }
}

/// Answers when the change happened.
pub(super) fn begin(w: &mut World, row: Row) -> u64 {
    let at = nanos();
    match row {
        Row::SilentSwitch | Row::UdpBlocked | Row::UdpFree => return w.switch(),
        Row::LinkDown | Row::NoRoute => w.network.down(w.here).expect("down"),
        Row::BlackHole | Row::DeadPath | Row::DeadPathIdle => w.network.silent(w.here, true),
        Row::ResetOld | Row::ResetYoung => w.network.reset(w.here),
        Row::GatewayKilled => w.firm.kill_gateway(),
        Row::Asleep(_) => w.asleep(true),
        Row::NatNewPort => w.network.other_ports(w.here),
        Row::NatForgets => w.network.forget(w.here),
    }
    at
}

/// Answers since when a connection is possible.
pub(super) fn finish(w: &mut World, row: Row, began: u64) -> u64 {
    let rest = |of: Duration| of.saturating_sub(Duration::from_nanos(nanos() - began));
    match row {
        Row::SilentSwitch
        | Row::UdpBlocked
        | Row::UdpFree
        | Row::ResetOld
        | Row::ResetYoung
        | Row::NatNewPort
        | Row::NatForgets => return began,
        Row::LinkDown | Row::NoRoute => {
            let time = if row == Row::LinkDown { seconds(3, 3) } else { seconds(6, 20) };
            w.pause(rest(time));
            return w.link_up();
        }
        Row::BlackHole => {
            w.pause(rest(seconds(7, 14)));
            return w.switch();
        }
        Row::DeadPath | Row::DeadPathIdle => {
            w.until("the path is known to be dead", |s| !s.is_reachable());
            return w.switch();
        }
        Row::GatewayKilled => w.firm.start_gateway(),
        Row::Asleep(sleep) => {
            std::thread::sleep(sleep.length.time());
            if sleep.moved {
                w.switch();
            }
            let at = nanos();
            w.asleep(false);
            return at;
        }
    }
    nanos()
}
