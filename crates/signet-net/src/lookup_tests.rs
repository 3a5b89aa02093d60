use super::*;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep};

fn addresses(all: &[&str]) -> Vec<SocketAddr> {
    all.iter().map(|one| one.parse().unwrap()).collect()
}

/// A lookup that takes so many milliseconds; `None`: for ever.
fn after(ms: Option<u64>, found: &[&str]) -> Lookup {
    let found = addresses(found);
    Box::pin(async move {
        match ms {
            Some(ms) => sleep(Duration::from_millis(ms)).await,
            None => std::future::pending().await,
        }
        found
    })
}

const V4: &str = "192.0.2.1:1";
const V6: &str = "[2001:db8::1]:1";

/// When the answers for both families and for IPv4 come, what they are, what is used and from when
/// on, and what is late. The clock is virtual.
#[tokio::test(start_paused = true)]
async fn ipv6_is_waited_for_50_ms_from_when_ipv4_is_known() {
    let (both, ipv4): (&[&str], &[&str]) = (&[V6, V4], &[V4]);
    let (reverse, ipv6, none): (&[&str], &[&str], &[&str]) = (&[V4, V6], &[V6], &[]);
    for ((at, found), (ipv4_at, ipv4_found), want_at, want, late) in [
        ((Some(10), both), (Some(10), ipv4), 10, both, None),
        ((Some(10), both), (None, none), 10, both, None),
        ((Some(55), both), (Some(10), ipv4), 55, both, None),
        // The system's order counts, whatever it is.
        ((Some(55), reverse), (Some(10), ipv4), 55, reverse, None),
        ((Some(70), both), (Some(10), ipv4), 60, ipv4, Some(ipv6)),
        ((Some(5_000), ipv4), (Some(0), ipv4), 50, ipv4, Some(none)),
        ((Some(5_000), none), (Some(0), ipv4), 50, ipv4, Some(none)),
        // A host without IPv4 addresses, and an answer for IPv4 that is lost.
        ((Some(5_000), ipv6), (Some(0), none), 5_000, ipv6, None),
        ((Some(20), both), (Some(5_000), none), 20, both, None),
        // A name server that fails for IPv6 may spoil the answer for both.
        ((Some(0), none), (Some(30), ipv4), 30, ipv4, None),
        ((Some(30), none), (Some(0), ipv4), 30, ipv4, None),
        ((Some(0), none), (Some(10), none), 10, none, None),
        ((Some(10), none), (Some(0), none), 10, none, None),
    ] {
        let case = format!("{at:?} {found:?}, {ipv4_at:?} {ipv4_found:?}");
        let began = Instant::now();
        let is = answer(after(at, found), after(ipv4_at, ipv4_found)).await;
        let (took, want_at) = (began.elapsed(), Duration::from_millis(want_at));
        assert!((want_at..want_at + Duration::from_millis(5)).contains(&took), "{case}: {took:?}");
        assert_eq!(is.found, addresses(want), "{case}");
        let came = match is.late {
            Some(late) => Some(late.await),
            None => None,
        };
        assert_eq!(came, late.map(addresses), "{case}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_for_ipv6_that_never_comes_holds_nothing_up() {
    let is = answer(after(None, &[]), after(Some(0), &[V4])).await;
    assert_eq!(is.found, addresses(&[V4]));
    assert!(is.late.is_some());
}

#[tokio::test]
async fn the_system_resolves_names_for_each_family() {
    let is = resolve("localhost", 7).await;
    assert!(!is.found.is_empty() && is.found.iter().all(|at| at.port() == 7), "{:?}", is.found);
    assert!(is.found.iter().all(|at| at.ip().is_loopback()), "{:?}", is.found);
    for address in [V4, V6] {
        let at: SocketAddr = address.parse().unwrap();
        let is = resolve(&at.ip().to_string(), at.port()).await;
        assert!(is.found == [at] && is.late.is_none(), "{address}: {:?}", is.found);
    }
    for (host, found) in [("127.0.0.1", addresses(&["127.0.0.1:7"])), ("::1", vec![])] {
        assert_eq!(ipv4_alone(host, 7), found, "{host}");
    }
    for wrong in ["a\0b", &"x".repeat(300)] {
        assert_eq!((both_families(wrong, 7), ipv4_alone(wrong, 7)), (vec![], vec![]), "{wrong:?}");
    }
}

#[tokio::test]
async fn a_lookup_that_nobody_waits_for_keeps_its_place_until_it_ends() {
    static ONE: Semaphore = Semaphore::const_new(1);
    let (begun, begins) = oneshot::channel();
    let (end, ends) = std::sync::mpsc::channel::<()>();
    let slow = tokio::spawn(blocking(&ONE, move || {
        let _ = begun.send(());
        let _ = ends.recv();
        Vec::new()
    }));
    begins.await.unwrap();
    slow.abort();
    assert!(slow.await.unwrap_err().is_cancelled());
    assert_eq!(ONE.available_permits(), 0);
    end.send(()).unwrap();
    let found = addresses(&[V4]);
    let next = found.clone();
    assert_eq!(blocking(&ONE, move || next).await, found);
    let fails = blocking(&ONE, || panic!("a fault, as a test wants it"));
    assert!(fails.await.is_empty());
    assert_eq!(blocking(&ONE, || addresses(&[V6])).await, addresses(&[V6]), "the place is free");
}
