//! Waiting that a change of networks cuts short, and a change of name servers where a name has to
//! be resolved. A connection that is up waits for networks only: it needs no name.

use signet_net::watch::{Change, NetworkChanges};
use std::{net::IpAddr, time::Duration};
use tokio::time::{sleep, timeout};

/// Hints about one change come in bunches: addresses, then routes.
pub(super) const SETTLE: Duration = Duration::from_millis(20);
/// A dial that is under way may end within this time of a change of name servers. One that does not
/// may wait for a server that is gone, so it begins again.
const DIAL_GRACE: Duration = Duration::from_millis(300);

/// Waits for `time`, or until something changes that another attempt may profit from; what that is.
/// `dns`: a name has to be resolved for it.
pub(super) async fn pause(
    time: Duration,
    changes: &mut NetworkChanges,
    dns: bool,
) -> Option<Change> {
    let changed = async {
        if dns {
            return changes.any_changed().await;
        }
        changes.changed().await;
        Change::Network
    };
    let change = timeout(time, changed).await.ok()?;
    sleep(SETTLE).await;
    Some(change)
}

/// Waits until a change that was told has settled, or `has_other_way`; whether it has.
pub(super) async fn settled(
    changes: &mut NetworkChanges,
    has_other_way: impl Fn() -> bool,
) -> bool {
    let other_way = async {
        while !has_other_way() {
            changes.changed().await;
        }
    };
    timeout(SETTLE, other_way).await.is_ok()
}

/// Returns when a dial that is under way is better begun again.
pub(super) async fn dial_again(changes: &mut NetworkChanges, dns: bool) {
    let mut names = changes.clone();
    let grace = async {
        names.dns_changed().await;
        sleep(DIAL_GRACE).await;
    };
    tokio::select! {
        () = changes.changed() => sleep(SETTLE).await,
        () = grace, if dns => changes.forget(),
    }
}

/// Whether one of the hosts is a name.
pub(super) fn needs_dns<'a>(hosts: impl IntoIterator<Item = &'a str>) -> bool {
    let is_address = |host: &str| host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok();
    hosts.into_iter().any(|host| !is_address(host))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FOR_EVER: Duration = Duration::from_secs(3_600);
    const PATIENCE: Duration = Duration::from_secs(20);

    #[tokio::test]
    async fn a_pause_ends_at_once_when_what_it_waits_for_changes() {
        type Tell = fn(&NetworkChanges);
        let network: Tell = NetworkChanges::hint;
        let dns: Tell = NetworkChanges::dns_hint;
        let both: Tell = |c| {
            c.dns_hint();
            c.hint();
        };
        for (tell, has_name, woken) in [
            (network, true, Some(Change::Network)),
            (network, false, Some(Change::Network)),
            (dns, true, Some(Change::Dns)),
            (dns, false, None),
            (both, true, Some(Change::Network)),
            (both, false, Some(Change::Network)),
        ] {
            // Told before and during the pause is the same.
            for before in [true, false] {
                let told = NetworkChanges::none();
                let mut changes = told.clone();
                let tells = async {
                    if !before {
                        sleep(SETTLE).await;
                        tell(&told);
                    }
                    std::future::pending::<()>().await;
                };
                if before {
                    tell(&told);
                }
                let limit = if woken.is_some() { PATIENCE } else { 10 * SETTLE };
                let paused = async {
                    tokio::select! {
                        woken = pause(FOR_EVER, &mut changes, has_name) => woken.unwrap(),
                        () = tells => unreachable!(),
                    }
                };
                assert_eq!(timeout(limit, paused).await.ok(), woken, "{has_name} {before}");
                assert_eq!(pause(SETTLE, &mut changes, has_name).await, None, "counts once");
            }
        }
        let mut quiet = NetworkChanges::none();
        assert_eq!(pause(SETTLE, &mut quiet, true).await, None);
    }

    /// Addresses are told before routes: only with the route there is another way.
    #[tokio::test]
    async fn a_change_has_settled_as_soon_as_there_is_another_way() {
        for (hints, way_with, settles) in
            [(0, Some(0), true), (1, Some(1), true), (3, Some(3), true), (3, None, false)]
        {
            let told = NetworkChanges::none();
            let (mut changes, hinted) = (told.clone(), std::cell::Cell::new(0));
            let tells = async {
                for n in 1..=hints {
                    hinted.set(n);
                    told.hint();
                }
                std::future::pending::<()>().await;
            };
            let found = tokio::select! {
                biased;
                found = settled(&mut changes, || way_with == Some(hinted.get())) => found,
                () = tells => unreachable!(),
            };
            assert_eq!(found, settles, "{hints} {way_with:?}");
            assert_eq!(pause(SETTLE, &mut changes, false).await, None, "a hint counts once");
        }
    }

    #[tokio::test]
    async fn a_dial_begins_again_with_other_name_servers_only_if_it_needs_them_and_once() {
        let told = NetworkChanges::none();
        let mut changes = told.clone();
        told.dns_hint();
        let waited = timeout(2 * DIAL_GRACE, dial_again(&mut changes, false)).await;
        assert!(waited.is_err(), "an address is not resolved");
        timeout(PATIENCE, dial_again(&mut changes, true)).await.unwrap();
        let again = timeout(2 * DIAL_GRACE, dial_again(&mut changes, true)).await;
        assert!(again.is_err(), "the same change counts once");
        told.hint();
        timeout(PATIENCE, dial_again(&mut changes, true)).await.unwrap();
    }

    #[test]
    fn addresses_need_no_name_server() {
        for (hosts, needs) in [
            (&[][..], false),
            (&["192.0.2.1"], false),
            (&["2001:db8::1"], false),
            (&["[2001:db8::1]"], false),
            (&["gateway.example"], true),
            (&["192.0.2.1", "gateway.example"], true),
            (&["192.0.2.256"], true),
            (&["localhost"], true),
        ] {
            assert_eq!(needs_dns(hosts.iter().copied()), needs, "{hosts:?}");
        }
    }
}
