use super::*;
use signet_devca::{DevPki, Order};
use signet_identity::{ClientProfile, ServerProfile};
use std::net::SocketAddr;
use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpListener, TcpSocket};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

/// Longer than any machine needs, so that a failure ends.
const PATIENCE: Duration = Duration::from_secs(60);
const LONG: RaceLimits = RaceLimits { connect: PATIENCE, answer: PATIENCE };

fn pki() -> DevPki {
    DevPki::generate("bank.example", time::OffsetDateTime::now_utc()).unwrap()
}

fn here(port: u16) -> Endpoint {
    Endpoint { host: "127.0.0.1".into(), port }
}

/// It takes connections; what it says is the caller's affair.
async fn listener() -> (TcpListener, Endpoint) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = here(listener.local_addr().unwrap().port());
    (listener, at)
}

/// A gateway that answers.
async fn answering(pki: &DevPki) -> Endpoint {
    let shown = pki.issue(&Order::gateway("GATEWAY")).unwrap().certified_key().unwrap();
    let profile = ServerProfile::new(pki.desk_roots().unwrap(), shown);
    let acceptor = TlsAcceptor::from(profile.config().unwrap());
    let (listener, at) = listener().await;
    tokio::spawn(async move {
        while let Ok((tcp, _)) = listener.accept().await {
            if let Ok(mut tls) = acceptor.accept(tcp).await {
                let _ = tls.read(&mut [0; 1]).await;
            }
        }
    });
    at
}

fn race(pki: &DevPki, hosts: &[&Endpoint], limits: RaceLimits) -> HandshakeRace {
    race_by(pki, hosts, &ProxySetting::Direct, limits)
}

fn race_by(
    pki: &DevPki,
    hosts: &[&Endpoint],
    setting: &ProxySetting,
    limits: RaceLimits,
) -> HandshakeRace {
    let shown = pki.issue(&Order::desk("ALICE")).unwrap().certified_key().unwrap();
    let profile = ClientProfile::new(pki.gateway_roots().unwrap(), shown);
    let name = ServerName::try_from("localhost").unwrap();
    let hosts = hosts.iter().map(|at| ((*at).clone(), name.clone())).collect();
    HandshakeRace::begin(profile.config().unwrap(), hosts, setting, limits)
}

async fn next(race: &mut HandshakeRace) -> Option<Attempt> {
    timeout(PATIENCE, race.next()).await.expect("it ends")
}

#[tokio::test]
async fn a_host_that_takes_connections_and_says_nothing_is_passed_over() {
    let pki = pki();
    let (silent, nobody) = listener().await;
    let there = answering(&pki).await;
    let began = Instant::now();
    let mut race = race(&pki, &[&nobody, &there], LONG);
    let made = next(&mut race).await.expect("an attempt");
    let port = made.outcome.expect("a connection").get_ref().0.peer_addr().unwrap().port();
    assert_eq!((made.number, port), (1, there.port));
    assert!(began.elapsed() >= HANDSHAKE_DELAY, "a gateway that a crowd comes back to has time");
    drop(race);
    let (mut given_up, _) = silent.accept().await.unwrap();
    let mut hello = Vec::new();
    let closed = timeout(PATIENCE, given_up.read_to_end(&mut hello)).await;
    closed.expect("it is closed").expect("in order");
    assert!(!hello.is_empty(), "a handshake was begun");
}

/// The number of the attempt that makes the connection, however the others end.
async fn winner(mut race: HandshakeRace) -> Option<usize> {
    while let Some(ended) = next(&mut race).await {
        if ended.outcome.is_ok() {
            return Some(ended.number);
        }
    }
    None
}

#[tokio::test]
async fn an_attempt_that_fails_says_why_and_the_others_go_on() {
    let (own, foreign) = (pki(), pki());
    // Bound and not listening: it refuses, and nothing else gets this port meanwhile.
    let gone = TcpSocket::new_v4().unwrap();
    gone.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let refusing = here(gone.local_addr().unwrap().port());
    let (stranger, there) = (answering(&foreign).await, answering(&own).await);

    let mut alone = race(&own, &[&refusing], LONG);
    let ended = next(&mut alone).await.expect("an attempt");
    let refused = DialError::Direct(Refusal::ConnectionRefused);
    assert!(matches!(&ended.outcome, Err(AttemptError::Dial(e)) if *e == refused), "{ended:?}");
    assert!(next(&mut alone).await.is_none());

    let mut alone = race(&own, &[&stranger], LONG);
    let ended = next(&mut alone).await.expect("an attempt");
    assert!(matches!(&ended.outcome, Err(AttemptError::Handshake(_))), "{ended:?}");
    assert!(!ended.is_unanswered() && next(&mut alone).await.is_none());

    for (hosts, won) in [
        (vec![&there], Some(0)),
        (vec![&refusing, &there], Some(1)),
        (vec![&stranger, &there], Some(1)),
        (vec![&stranger, &refusing, &there], Some(2)),
        (vec![&stranger, &refusing], None),
    ] {
        assert_eq!(winner(race(&own, &hosts, LONG)).await, won, "{hosts:?}");
    }
}

#[tokio::test]
async fn the_end_says_whether_anybody_took_the_connection() {
    let pki = pki();
    let ((_held, nobody), (_held_too, neither)) = (listener().await, listener().await);
    let limits = RaceLimits { connect: PATIENCE, answer: 3 * ATTEMPT_DELAY };
    let mut silent = race(&pki, &[&nobody, &neither], limits);
    let ended = next(&mut silent).await.expect("an attempt");
    assert!(ended.is_unanswered(), "{ended:?}");
    assert!(next(&mut silent).await.is_none());

    // Beside a proxy that makes no tunnel: nobody waits longer than for the answer of the host.
    let mut mixed = race(&pki, &[&nobody], limits);
    let proxy = format!("http://127.0.0.1:{}", neither.port).parse().unwrap();
    mixed.attempt(0, Way::Proxy(proxy));
    let ended = next(&mut mixed).await.expect("an attempt");
    assert!(ended.is_unanswered(), "{ended:?}");
    assert!(next(&mut mixed).await.is_none());

    let limits = RaceLimits { connect: ATTEMPT_DELAY, answer: ATTEMPT_DELAY / 2 };
    let mut unknown = race(&pki, &[&nobody], limits);
    unknown.ways = Ways::named_after(vec![(None, vec![])]);
    let ended = next(&mut unknown).await.expect("an attempt");
    let late = DialError::Direct(Refusal::TimedOut);
    assert!(matches!(&ended.outcome, Err(AttemptError::Dial(e)) if *e == late), "{ended:?}");
    assert!(next(&mut unknown).await.is_none());
    assert!(next(&mut race(&pki, &[], LONG)).await.is_none());
}

/// The host behind it answers, and is not at fault.
#[tokio::test]
async fn a_proxy_that_takes_the_connection_and_says_nothing_is_named() {
    let pki = pki();
    let (_silent, at) = listener().await;
    let (there, too) = (answering(&pki).await, answering(&pki).await);
    let url = format!("http://127.0.0.1:{}", at.port);
    let setting = ProxySetting::Url(url.parse().unwrap());
    let limits = RaceLimits { connect: PATIENCE, answer: 3 * ATTEMPT_DELAY };
    for hosts in [vec![&there], vec![&there, &too]] {
        let mut race = race_by(&pki, &hosts, &setting, limits);
        let ended = next(&mut race).await.expect("an attempt");
        let Err(AttemptError::Dial(why)) = &ended.outcome else { panic!("{ended:?}") };
        assert_eq!(*why, DialError::Proxy(ProxyError::TimedOut { proxy: url.clone() }));
        assert!(why.to_string().contains(&url) && why.cure().contains("proxy"), "{why}");
        assert!(next(&mut race).await.is_none());
    }
}

/// One that is not there is not reached, which is something else.
#[tokio::test]
async fn a_proxy_that_is_not_reached_is_told_from_a_silent_one() {
    let pki = pki();
    let gone = TcpSocket::new_v4().unwrap();
    gone.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let url = format!("http://{}", gone.local_addr().unwrap());
    let there = answering(&pki).await;
    let mut race = race_by(&pki, &[&there], &ProxySetting::Url(url.parse().unwrap()), LONG);
    let ended = next(&mut race).await.expect("an attempt");
    let why = Box::new(Refusal::ConnectionRefused);
    let want = DialError::Proxy(ProxyError::Unreachable { proxy: url, why });
    assert!(matches!(&ended.outcome, Err(AttemptError::Dial(e)) if *e == want), "{ended:?}");
    assert!(next(&mut race).await.is_none());
}

/// The first host has more addresses than anybody waits for; the second one has its turn after the
/// first of them.
#[tokio::test]
async fn a_host_with_many_silent_addresses_holds_up_no_other() {
    let pki = pki();
    let mut silent = Vec::new();
    for _ in 0..6 {
        silent.push(TcpListener::bind("127.0.0.1:0").await.unwrap());
    }
    let dead = silent.iter().map(|l| l.local_addr().unwrap()).collect();
    let there = answering(&pki).await;
    let living = vec![SocketAddr::from(([127, 0, 0, 1], there.port))];
    let mut race = race(&pki, &[&there, &there], LONG);
    let at_once = Some(Duration::ZERO);
    race.ways = Ways::named_after(vec![(at_once, dead), (at_once, living)]);
    assert_eq!(winner(race).await, Some(1));
}
