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
    for (host, found) in [("127.0.0.1", addresses(&["127.0.0.1:0"])), ("::1", vec![])] {
        assert_eq!(ipv4_alone(host), found, "{host}");
    }
    for wrong in ["a\0b", &"x".repeat(300)] {
        assert_eq!((both_families(wrong), ipv4_alone(wrong)), (vec![], vec![]), "{wrong:?}");
    }
}

/// Lookups that never returned, by name and by how many seconds ago each began, and what another
/// one of `name` waits for, in seconds from now.
#[test]
fn table_of_lookups_that_hang() {
    const PLACE: Result<(), Option<u64>> = Err(None);
    let wait = |seconds| Err(Some(seconds));
    let many = |name: &'static str, count: usize, ago: u64| vec![(name, ago); count];
    let each = |count: usize, ago: u64| -> Vec<(&'static str, u64)> {
        (0..count).map(|n| (&*format!("other{n}").leak(), ago)).collect()
    };
    for (hung, want) in [
        (vec![], Ok(())),
        (many("name", 15, 0), Ok(())),
        (many("name", 16, 0), wait(1)),
        (many("name", 16, 1), Ok(())),
        (many("name", 17, 0), wait(2)),
        // The youngest one counts.
        ([many("name", 16, 900), many("name", 1, 1)].concat(), wait(1)),
        ([many("name", 16, 900), many("name", 1, 2)].concat(), Ok(())),
        (many("name", 26, 24), wait(1_000)),
        // Those of other names: one that has none is not held up.
        (many("other", 16, 0), Ok(())),
        (many("other", 127, 0), Ok(())),
        (each(127, 0), Ok(())),
        ([many("name", 1, 9), each(62, 0)].concat(), Ok(())),
        ([many("name", 1, 9), each(63, 0)].concat(), wait(1)),
        ([many("name", 1, 9), each(67, 6)].concat(), wait(10)),
        ([many("name", 1, 9), each(67, 16)].concat(), Ok(())),
        // The longer one of both pauses.
        ([each(45, 0), many("name", 20, 0)].concat(), wait(16)),
        ([many("name", 18, 0), each(52, 0)].concat(), wait(64)),
        // The bound.
        (each(128, 0), wait(60)),
        ([each(1, 59), each(127, 1)].concat(), wait(1)),
        ([many("name", 1, 9), each(127, 0)].concat(), wait(51)),
        // Those given up have left their places, and not their threads.
        ([each(1, 60), each(127, 1)].concat(), Ok(())),
        (each(128, 99_999_999), Ok(())),
        ([many("name", 1, 9), each(127, 99_999_999)].concat(), wait(4_194_967_296)),
        (each(191, 99_999_999), Ok(())),
        (each(192, 99_999_999), PLACE),
    ] {
        let now = Instant::now() + Duration::from_secs(1 << 30);
        let mut underway = Underway::default();
        for (name, ago) in &hung {
            let (id, host) = (underway.next_id, Arc::from(*name));
            underway.next_id += 1;
            underway.all.push(Call { id, host, since: now - Duration::from_secs(*ago) });
        }
        let found = underway.begin(&"name".into(), now).map(|_| ()).map_err(|wait| match wait {
            Wait::Until(time) => Some((time - now).as_secs()),
            Wait::ForAPlace => None,
        });
        assert_eq!(found, want, "{hung:?}");
    }
}

/// However long a resolver never answers, names are asked again within as long.
#[test]
fn a_resolver_that_never_answers_never_uses_up_all_places() {
    const YEAR: Duration = Duration::from_secs(365 * 24 * 3_600);
    for names in [1, 3, 40] {
        let names: Vec<Arc<str>> = (0..names).map(|n| format!("dealer{n}").into()).collect();
        let (mut underway, began) = (Underway::default(), Instant::now());
        let mut now = began;
        while now < began + YEAR {
            let mut next: Option<Instant> = None;
            for name in &names {
                match underway.begin(name, now) {
                    Ok(_) => next = Some(now),
                    Err(Wait::Until(time)) => next = Some(next.map_or(time, |at| at.min(time))),
                    Err(Wait::ForAPlace) => {}
                }
            }
            let next = next.expect("there is always a place");
            assert!(next - now <= (now - began) + Duration::from_secs(512), "{}", names.len());
            now = next;
        }
        // A resolver that answers again is asked by each, one after the other, without a pause.
        now += YEAR * 200;
        for name in names.iter().chain(&names) {
            let id = underway.begin(name, now).unwrap();
            underway.end(id, false);
        }
    }
}

/// Begins a lookup of each name that may begin, and returns how many do.
fn begin_each(underway: &mut Underway, names: &[Arc<str>], now: Instant) -> usize {
    names.iter().filter(|name| underway.begin(name, now).is_ok()).count()
}

fn names(kind: &str, count: usize) -> Vec<Arc<str>> {
    (0..count).map(|n| format!("{kind}{n}").into()).collect()
}

fn find_each(underway: &mut Underway, names: &[Arc<str>], now: Instant) {
    for name in names {
        let id = underway.begin(name, now).unwrap();
        underway.end(id, true);
    }
}

#[test]
fn names_that_were_found_are_asked_for_however_many_others_hang() {
    let mut now = Instant::now();
    let mut underway = Underway::default();
    let known = names("known", KEPT);
    find_each(&mut underway, &known, now);
    // One that hangs takes part of what all share, and not what is kept for the others.
    assert_eq!(begin_each(&mut underway, &vec![known[0].clone(); 99], now), AT_ONCE_OF_NAME);
    let mut hung = AT_ONCE_OF_NAME;
    for (round, most) in [LOOKUPS_MAX, THREADS_MAX - KEPT, THREADS_MAX - KEPT].iter().enumerate() {
        let strangers = names(&format!("stranger{round}-"), 1_000);
        hung += begin_each(&mut underway, &strangers, now);
        assert_eq!(hung, *most, "{round}");
        now += GIVEN_UP_AFTER;
    }
    assert_eq!(begin_each(&mut underway, &known, now), KEPT - 1);
    // A century later: each has its one, and whoever is found meanwhile takes none of them.
    now += Duration::from_secs(100 * 365 * 24 * 3_600);
    assert_eq!(begin_each(&mut underway, &known, now), 0);
    underway.remember("found".into());
    assert!(
        underway.begin(&known[1], now).is_err() && underway.begin(&"found".into(), now).is_err()
    );
    assert_eq!(underway.all.len(), THREADS_MAX - 1);
}

#[test]
fn the_names_that_were_found_last_are_remembered() {
    let now = Instant::now();
    let mut underway = Underway::default();
    let all = names("found", KEPT + 2);
    find_each(&mut underway, &all[..KEPT], now);
    // Found again, and under way: not those that make room.
    find_each(&mut underway, &all[..1], now);
    let hangs = underway.begin(&all[1], now).unwrap();
    find_each(&mut underway, &all[KEPT..], now);
    let is_known = |underway: &Underway, n: usize| underway.known.contains(&all[n]);
    let known = |underway: &Underway| (0..all.len()).filter(|n| is_known(underway, *n)).count();
    assert_eq!(known(&underway), KEPT);
    for (n, want) in [(0, true), (1, true), (2, false), (3, false), (KEPT, true), (KEPT + 1, true)]
    {
        assert_eq!(is_known(&underway, n), want, "{n}");
    }
    // One that finds nothing is as well known as before, and no better.
    underway.end(hangs, false);
    let id = underway.begin(&all[2], now).unwrap();
    underway.end(id, false);
    assert!(is_known(&underway, 1) && !is_known(&underway, 2));
    underway.end(u64::MAX, true);
    assert_eq!(known(&underway), KEPT);
}

fn lookups() -> &'static Lookups {
    Box::leak(Box::new(Lookups::new()))
}

/// Begins a lookup that returns when `end` is told what it finds, and waits until it runs.
async fn begun(
    lookups: &'static Lookups,
    name: &str,
) -> (tokio::task::JoinHandle<Vec<SocketAddr>>, std::sync::mpsc::Sender<Vec<SocketAddr>>) {
    let (begun, begins) = oneshot::channel();
    let (end, ends) = std::sync::mpsc::channel();
    let slow = tokio::spawn(lookups.run(name.into(), move |_| {
        let _ = begun.send(());
        ends.recv().unwrap_or_default()
    }));
    begins.await.unwrap();
    (slow, end)
}

#[tokio::test]
async fn a_lookup_that_nobody_waits_for_keeps_its_place_until_it_ends() {
    let all = lookups();
    let (slow, end) = begun(all, "slow").await;
    slow.abort();
    assert!(slow.await.unwrap_err().is_cancelled());
    assert_eq!(all.underway().all.len(), 1);
    let mut ended = all.ended.subscribe();
    end.send(addresses(&[V4])).unwrap();
    assert_eq!(ended.recv().await.unwrap(), ("slow".into(), addresses(&[V4])));
    assert!(all.underway().all.is_empty());
    let fails = all.run("fails".into(), |_| panic!("a fault, as a test wants it"));
    assert!(fails.await.is_empty());
    assert!(all.underway().all.is_empty(), "the place is free");
}

#[tokio::test]
async fn a_name_that_hangs_is_asked_by_few_who_tell_the_others_and_holds_up_no_other_name() {
    let all = lookups();
    let mut hung = vec![];
    for _ in 0..AT_ONCE_OF_NAME {
        hung.push(begun(all, "hangs").await);
    }
    // Older than any test lasts, and still not returned: another one would wait for years.
    let now = Instant::now();
    for n in 0..40 {
        let (id, host) = (1_000 + n, "hangs".into());
        all.underway().all.push(Call { id, host, since: now });
    }
    let shares = tokio::spawn(all.run("hangs".into(), |_| unreachable!("it has no place")));
    assert_eq!(all.run("answers".into(), |_| addresses(&[V6])).await, addresses(&[V6]));
    while all.ended.receiver_count() == 0 {
        tokio::task::yield_now().await;
    }
    // One that finds nothing proves nothing for those that still wait.
    let (first, end) = hung.remove(0);
    end.send(vec![]).unwrap();
    assert!(first.await.unwrap().is_empty());
    let (second, end) = hung.remove(0);
    end.send(addresses(&[V4])).unwrap();
    assert_eq!(second.await.unwrap(), addresses(&[V4]));
    assert_eq!(shares.await.unwrap(), addresses(&[V4]));
    // Only those that found something are known.
    assert_eq!(all.underway().known, ["answers", "hangs"].map(Arc::<str>::from));
}
