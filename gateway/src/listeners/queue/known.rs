//! Networks from which a desk logged on lately. They are let in first, so that strangers cannot
//! hold up traders who come back.

use std::{
    collections::{BTreeSet, HashMap},
    net::IpAddr,
    time::{Duration, Instant},
};

/// Networks that are remembered; beyond it the one that was seen least lately is forgotten.
const NETWORKS_MAX: usize = 8_192;
/// For how long: from the evening at home to the morning after.
const REMEMBERED: Duration = Duration::from_secs(16 * 60 * 60);

/// The networks and when a desk last logged on from each.
#[derive(Debug, Default)]
pub(super) struct KnownNetworks {
    last: HashMap<IpAddr, Instant>,
    oldest: BTreeSet<(Instant, IpAddr)>,
}

impl KnownNetworks {
    /// A desk logged on from there.
    pub(super) fn logged_on(&mut self, now: Instant, network: IpAddr) {
        if let Some(before) = self.last.insert(network, now) {
            self.oldest.remove(&(before, network));
        }
        self.oldest.insert((now, network));
        while self.oldest.len() > NETWORKS_MAX
            && let Some((_, forgotten)) = self.oldest.pop_first()
        {
            self.last.remove(&forgotten);
        }
    }

    pub(super) fn knows(&self, now: Instant, network: IpAddr) -> bool {
        self.last.get(&network).is_some_and(|t| now.saturating_duration_since(*t) < REMEMBERED)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn net(n: u32) -> IpAddr {
        IpAddr::V4((n << 8).into())
    }

    #[test]
    fn a_network_is_known_for_some_hours_after_its_last_logon() {
        let (mut k, t) = (KnownNetworks::default(), Instant::now());
        let ms = Duration::from_millis(1);
        assert!(!k.knows(t, net(1)));
        k.logged_on(t, net(1));
        assert!(k.knows(t, net(1)) && !k.knows(t, net(2)));
        assert!(k.knows(t + REMEMBERED - ms, net(1)) && !k.knows(t + REMEMBERED, net(1)));
        k.logged_on(t + REMEMBERED, net(1));
        assert!(k.knows(t + REMEMBERED * 2 - ms, net(1)));
        assert_eq!((k.last.len(), k.oldest.len()), (1, 1));
    }

    #[test]
    fn no_more_than_so_many_are_remembered_and_the_oldest_go() {
        let (mut k, t) = (KnownNetworks::default(), Instant::now());
        k.logged_on(t, net(1));
        k.logged_on(t, net(2));
        k.logged_on(t + Duration::from_secs(1), net(1));
        for n in 0..NETWORKS_MAX as u32 - 1 {
            k.logged_on(t + Duration::from_secs(2), net(10 + n));
        }
        assert_eq!((k.last.len(), k.oldest.len()), (NETWORKS_MAX, NETWORKS_MAX));
        let now = t + Duration::from_secs(2);
        assert!(k.knows(now, net(1)) && !k.knows(now, net(2)));
    }
}
