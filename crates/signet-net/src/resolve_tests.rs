use super::*;
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
    let end = now + RESOLUTION_DELAY;
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
    let end = now + RESOLUTION_DELAY;
    let not_found = || Err(Refusal::DnsFailure.into());
    let mut queue = Queue::of(4);
    queue.add(1, found(&[3, 4]), now);
    assert_eq!(queue.next(end), tries(1, 3));
    queue.add(2, only(not_found()), end);
    queue.add(0, found(&[1, 2]), end);
    for want in [tries(0, 1), tries(0, 2), tries(1, 4), Next::Try(2, not_found()), Next::Unknown] {
        assert_eq!(queue.next(end), want);
    }
    queue.close();
    assert_eq!(queue.next(end), Next::Try(3, not_found()));
    assert_eq!(queue.next(end), Next::Over);
}

#[tokio::test]
async fn a_name_that_hangs_is_waited_for_only_a_moment() {
    let hanging = || {
        let mut ways = Ways { lookups: JoinSet::new(), queue: Queue::of(2) };
        ways.lookups.spawn(std::future::pending());
        ways.lookups.spawn(async { (1, found(&[1])) });
        ways
    };
    let began = Instant::now();
    let mut ways = hanging();
    let next = timeout(PATIENCE, ways.next()).await.expect("it ends");
    assert_eq!(next, Some((1, Ok(Way::Address(address(1))))));
    assert!(began.elapsed() >= RESOLUTION_DELAY);
    let mut ways = hanging();
    timeout(PATIENCE, ways.settle()).await.expect("it ends");
    assert_eq!(ways.queue.into_addresses(), [(1, address(1))]);
}

#[tokio::test]
async fn the_addresses_of_all_hosts_are_in_the_order_of_the_hosts() {
    let at = |host: &str, port| Endpoint { host: host.into(), port };
    let hosts = [
        // Longer than any name, so nobody is asked.
        at(&"x".repeat(300), 1),
        at("192.0.2.1", 2),
        at("2001:db8::1", 3),
        at("192.0.2.1", 2),
    ];
    let all = timeout(PATIENCE, addresses(&hosts)).await.expect("it ends");
    let want = [(1, "192.0.2.1:2"), (2, "[2001:db8::1]:3"), (3, "192.0.2.1:2")];
    let want: Vec<(usize, SocketAddr)> =
        want.iter().map(|(which, text)| (*which, text.parse().unwrap())).collect();
    assert_eq!(all, want);
    assert!(addresses(&[]).await.is_empty());
}

#[tokio::test]
async fn the_name_of_a_host_behind_a_proxy_is_not_resolved_here() {
    let proxy: ProxyUrl = "http://192.0.2.9:8080".parse().unwrap();
    let hosts = [Endpoint { host: "gateway.example".into(), port: 9443 }];
    let mut ways = Ways::to(&hosts, &ProxySetting::Url(proxy.clone()));
    assert_eq!(ways.next().await, Some((0, Ok(Way::Proxy(proxy)))));
    assert_eq!(ways.next().await, None);
}
