//! Networks from which a desk logged on lately. They are let in first, so that strangers cannot
//! hold up traders who come back.

use std::{
    collections::{BTreeSet, HashMap},
    net::IpAddr,
    time::{Duration, Instant},
};

/// Networks that are remembered; beyond it the one that was seen least lately is forgotten.
pub(super) const NETWORKS_MAX: usize = 8_192;
/// For how long: from the evening at home to the morning after.
pub(super) const REMEMBERED: Duration = Duration::from_secs(16 * 60 * 60);

/// The networks and when a desk last logged on from each.
#[derive(Debug, Default)]
pub(super) struct KnownNetworks {
    last: HashMap<IpAddr, Instant>,
    oldest: BTreeSet<(Instant, IpAddr)>,
    /// Since [`Self::changed`] was asked last.
    changed: bool,
}

impl KnownNetworks {
    /// A desk logged on from there.
    pub(super) fn logged_on(&mut self, now: Instant, network: IpAddr) {
        self.changed = true;
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

    /// Networks and how long ago a desk logged on from each; `None` when nothing has changed since
    /// this was asked last.
    pub(super) fn changed(&mut self, now: Instant) -> Option<Vec<(Duration, IpAddr)>> {
        let ages = || self.oldest.iter().map(|(t, net)| (now.saturating_duration_since(*t), *net));
        std::mem::take(&mut self.changed).then(|| ages().collect())
    }

    /// What was known before this gateway started.
    pub(super) fn restore(&mut self, now: Instant, ages: Vec<(Duration, IpAddr)>) {
        for (age, network) in ages {
            if let Some(at) = now.checked_sub(age) {
                self.logged_on(at, network);
            }
        }
        self.changed = false;
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
    fn what_is_restored_is_known_for_as_long_as_it_would_have_been() {
        let (mut before, t) = (KnownNetworks::default(), Instant::now());
        assert_eq!(before.changed(t), None);
        before.logged_on(t, net(1));
        let s = Duration::from_secs(1);
        let ages = before.changed(t + s).unwrap();
        assert_eq!((&ages, before.changed(t + s)), (&vec![(s, net(1))], None));
        let mut after = KnownNetworks::default();
        after.restore(t + s, ages);
        assert!(after.knows(t + REMEMBERED - s, net(1)) && !after.knows(t + REMEMBERED, net(1)));
        assert_eq!(after.changed(t + s), None);
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
