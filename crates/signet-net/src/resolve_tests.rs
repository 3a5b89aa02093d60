use super::*;
use proptest::prelude::*;
use tokio::time::timeout;

/// Longer than any machine needs, so that a failure ends.
const PATIENCE: Duration = Duration::from_secs(60);

fn address(n: u8) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, n], 1))
}

fn found(all: &[u8]) -> VecDeque<Found> {
    all.iter().map(|n| Ok(Way::Address(address(*n)))).collect()
}

fn tries(which: usize, n: u8) -> Next {
    Next::Try(which, Ok(Way::Address(address(n))))
}

#[test]
fn a_name_that_is_not_resolved_holds_up_those_after_it_for_a_while() {
    let now = Instant::now();
    let end = now + HOST_DELAY;
    for (hosts, at, want) in [
        (vec![], now, Next::Over),
        (vec![None], now, Next::Unknown),
        (vec![None], end, Next::Unknown),
        (vec![Some(vec![1, 2])], now, tries(0, 1)),
        // Nobody waits for a name that comes later.
        (vec![Some(vec![1]), None], now, tries(0, 1)),
        (vec![None, Some(vec![1])], now, Next::NotBefore(end)),
        (vec![None, Some(vec![1])], end, tries(1, 1)),
        (vec![None, Some(vec![]), Some(vec![1])], now, Next::NotBefore(end)),
        (vec![None, Some(vec![])], now, Next::Unknown),
        (vec![Some(vec![]), Some(vec![1])], now, tries(1, 1)),
        (vec![Some(vec![]), Some(vec![])], now, Next::Over),
    ] {
        let mut queue = Queue::of(hosts.len());
        for (which, all) in hosts.iter().enumerate() {
            if let Some(all) = all {
                queue.add(which, found(all), now);
            }
        }
        assert_eq!(queue.next(at), want, "{hosts:?}");
    }
}

#[test]
fn a_name_that_is_resolved_late_has_its_turn_then() {
    let now = Instant::now();
    let end = now + HOST_DELAY;
    let not_found = || Err(Refusal::DnsFailure.into());
    let mut queue = Queue::of(4);
    queue.add(1, found(&[3, 4]), now);
    assert_eq!(queue.next(end), tries(1, 3));
    queue.add(2, only(not_found()), end);
    queue.add(0, found(&[1, 2]), end);
    for want in [tries(0, 1), tries(1, 4), Next::Try(2, not_found()), tries(0, 2), Next::Unknown] {
        assert_eq!(queue.next(end), want);
    }
    queue.close();
    assert_eq!(queue.next(end), Next::Try(3, not_found()));
    assert_eq!(queue.next(end), Next::Over);
}

fn late(all: &[u8]) -> Vec<SocketAddr> {
    let v6 = |n: &u8| SocketAddr::from(([0x2001, 0xdb8, 0, 0, 0, 0, 0, u16::from(*n)], 1));
    all.iter().map(v6).collect()
}

fn tries_late(which: usize, n: u8) -> Next {
    Next::Try(which, Ok(Way::Address(late(&[n])[0])))
}

#[test]
fn a_family_that_is_late_takes_turns_with_the_other_and_begins() {
    let now = Instant::now();
    let mut queue = Queue::of(2);
    queue.add(0, found(&[1, 2]), now);
    queue.expect_more(0);
    queue.add(1, found(&[11]), now);
    assert_eq!(queue.next(now), tries(0, 1));
    queue.join(0, late(&[8, 9]));
    // The first turn of a host is an address of each family, also when one is late.
    for want in [tries_late(0, 8), tries(1, 11), tries(0, 2), tries_late(0, 9), Next::Over] {
        assert_eq!(queue.next(now), want);
    }
}

#[test]
fn the_other_family_of_a_host_is_waited_for_before_another_host_and_not_for_long() {
    let now = Instant::now();
    let end = now + HOST_DELAY;
    let known = |hosts| {
        let mut queue = Queue::of(hosts);
        queue.add(0, found(&[1]), now);
        queue.expect_more(0);
        assert_eq!(queue.next(now), tries(0, 1));
        queue
    };
    let mut alone = known(1);
    assert_eq!(alone.next(end), Next::Unknown);
    alone.join(0, vec![]);
    assert_eq!(alone.next(end), Next::Over);

    let mut two = known(2);
    two.add(1, found(&[11]), now);
    assert_eq!(two.next(now), Next::NotBefore(end));
    assert_eq!(two.next(end), tries(1, 11));
    assert_eq!(two.next(end), Next::Unknown);
    two.join(0, late(&[8]));
    assert_eq!(two.next(end), tries_late(0, 8));
    assert_eq!(two.next(end), Next::Over);

    let mut closed = known(1);
    closed.close();
    assert_eq!(closed.next(now), Next::Over);
}

/// Everything that is tried of these hosts, in order.
fn order(hosts: &[Vec<u8>]) -> Vec<(usize, u8)> {
    let now = Instant::now();
    let mut queue = Queue::of(hosts.len());
    for (which, all) in hosts.iter().enumerate() {
        queue.add(which, found(all), now);
    }
    let number = |found: Found| match found {
        Ok(Way::Address(SocketAddr::V4(to))) => to.ip().octets()[3],
        other => panic!("{other:?}"),
    };
    let mut tried = Vec::new();
    while let Next::Try(which, found) = queue.next(now) {
        tried.push((which, number(found)));
    }
    assert_eq!(queue.next(now), Next::Over);
    tried
}

#[test]
fn hosts_take_turns_in_the_order_of_the_settings() {
    for (hosts, want) in [
        (vec![], vec![]),
        (vec![vec![1, 2, 3]], vec![(0, 1), (0, 2), (0, 3)]),
        (vec![vec![1], vec![11]], vec![(0, 1), (1, 11)]),
        (vec![vec![1, 2], vec![11, 12]], vec![(0, 1), (1, 11), (0, 2), (1, 12)]),
        // A data centre that is gone has many addresses.
        (vec![vec![1, 2, 3, 4], vec![11]], vec![(0, 1), (1, 11), (0, 2), (0, 3), (0, 4)]),
        (vec![vec![1], vec![11, 12, 13]], vec![(0, 1), (1, 11), (1, 12), (1, 13)]),
        (
            vec![vec![1, 2, 3], vec![], vec![21], vec![31, 32]],
            vec![(0, 1), (2, 21), (3, 31), (0, 2), (3, 32), (0, 3)],
        ),
    ] {
        assert_eq!(order(&hosts), want, "{hosts:?}");
    }
}

/// RFC 8305 §4 for each host, and the hosts in turn, after an address of each family.
#[test]
fn families_take_turns_within_each_host() {
    let all = |text: &[&str]| text.iter().map(|a| a.parse().unwrap()).collect::<Vec<SocketAddr>>();
    let first = all(&["[2001:db8::1]:1", "[2001:db8::2]:1", "192.0.2.1:1", "192.0.2.2:1"]);
    let second = all(&["198.51.100.1:1", "198.51.100.2:1", "[2001:db8::9]:1"]);
    let now = Instant::now();
    let mut queue = Queue::of(2);
    queue.add(0, ways_of(first), now);
    queue.add(1, ways_of(second), now);
    for (which, to) in [
        (0, "[2001:db8::1]:1"),
        (0, "192.0.2.1:1"),
        (1, "198.51.100.1:1"),
        (1, "[2001:db8::9]:1"),
        (0, "[2001:db8::2]:1"),
        (1, "198.51.100.2:1"),
        (0, "192.0.2.2:1"),
    ] {
        assert_eq!(queue.next(now), Next::Try(which, Ok(Way::Address(to.parse().unwrap()))));
    }
    assert_eq!(queue.next(now), Next::Over);
}

proptest! {
    #[test]
    fn nothing_is_left_out_and_no_host_is_far_ahead(
        counts in proptest::collection::vec(0u8..16, 0..8),
    ) {
        let hosts: Vec<Vec<u8>> = counts.iter().map(|n| (1..=*n).collect()).collect();
        let tried = order(&hosts);
        for (which, host) in hosts.iter().enumerate() {
            let of_host = tried.iter().filter(|(w, _)| *w == which).map(|(_, n)| *n);
            prop_assert_eq!(&of_host.collect::<Vec<_>>(), host);
        }
        for (at, (which, n)) in tried.iter().enumerate() {
            // Before the n-th turn of a host each other one had as many, or has nothing left; those
            // before it in the settings had one more.
            for (other, host) in hosts.iter().enumerate() {
                let due = usize::from(*n) - usize::from(other >= *which);
                let had = tried[..at].iter().filter(|(w, _)| *w == other).count();
                prop_assert_eq!(had, due.min(host.len()), "{} before {:?}", other, tried[at]);
            }
        }
    }
}

/// What the resolver tells in time, and the others in their turn.
#[tokio::test(start_paused = true)]
async fn a_host_that_becomes_known_late_is_tried_after_those_in_time() {
    let ms = |n| Some(Duration::from_millis(n));
    let hosts = vec![(ms(700), vec![address(1)]), (ms(0), vec![address(2)]), (None, vec![])];
    let mut addresses = Addresses(Ways::named_after(hosts));
    let began = Instant::now();
    assert_eq!(addresses.next().await, Some((1, address(2))));
    assert!((HOST_DELAY..2 * HOST_DELAY).contains(&began.elapsed()));
    assert_eq!(addresses.next().await, Some((0, address(1))));
    assert!(began.elapsed() >= Duration::from_millis(700));
    // Nothing else is known, so there is nothing to wait for but the end.
    let mut ways = addresses.into_ways().until(Instant::now() + HOST_DELAY);
    assert_eq!(ways.next().await, None);
    assert!(began.elapsed() >= Duration::from_millis(700) + HOST_DELAY);
}

#[tokio::test(start_paused = true)]
async fn addresses_that_are_late_join_those_that_are_known() {
    let by = Duration::from_secs(5);
    let mut addresses = Addresses(Ways::with_late(vec![address(1)], by, late(&[8])));
    let began = Instant::now();
    assert_eq!(addresses.next().await, Some((0, address(1))));
    assert!(began.elapsed() < by, "nobody waits for them");
    assert_eq!(addresses.next().await, Some((0, late(&[8])[0])));
    assert_eq!(addresses.next().await, None);
}

#[tokio::test]
async fn the_addresses_of_hosts_are_in_the_order_of_the_hosts() {
    let at = |host: &str, port| Endpoint { host: host.into(), port };
    let hosts = [
        // Longer than any name, so nobody is asked.
        at(&"x".repeat(300), 1),
        at("192.0.2.1", 2),
        at("2001:db8::1", 3),
        at("192.0.2.1", 2),
    ];
    let mut all = Vec::new();
    let mut addresses = Addresses::of(&hosts);
    while let Some(next) = timeout(PATIENCE, addresses.next()).await.expect("it ends") {
        all.push(next);
    }
    let want = [(1, "192.0.2.1:2"), (2, "[2001:db8::1]:3"), (3, "192.0.2.1:2")];
    let want: Vec<(usize, SocketAddr)> =
        want.iter().map(|(which, text)| (*which, text.parse().unwrap())).collect();
    assert_eq!(all, want);
    assert_eq!(Addresses::of(&[]).next().await, None);
}

#[tokio::test]
async fn the_name_of_a_host_behind_a_proxy_is_not_resolved_here() {
    let proxy: ProxyUrl = "http://192.0.2.9:8080".parse().unwrap();
    let hosts = [Endpoint { host: "gateway.example".into(), port: 9443 }];
    let mut ways = Ways::to(&hosts, &ProxySetting::Url(proxy.clone()));
    assert_eq!(ways.next().await, Some((0, Ok(Way::Proxy(proxy)))));
    assert_eq!(ways.next().await, None);
}
