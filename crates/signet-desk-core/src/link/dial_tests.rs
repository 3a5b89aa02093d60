use super::*;
use crate::venue::OtherHost;
use signet_devca::{DevPki, Order};
use signet_identity::{CompId, ServerProfile, SoftwareKey};
use signet_net::{ATTEMPT_DELAY, ProxyError};
use std::{path::PathBuf, sync::atomic::AtomicUsize};
use tokio::{io::AsyncReadExt as _, net::TcpListener, task::JoinSet, time::sleep};
use tokio_rustls::TlsAcceptor;

/// Longer than any machine needs, so that a failure ends.
const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn an_answer_tells_more_than_silence_and_silence_more_than_no_connection() {
    let unreached =
        |number, r: Refusal| Failed { number, took: Took::Nobody, ended: Ended::by(&r) };
    let refused = |number| unreached(number, Refusal::ConnectionRefused);
    let not_found = |number| unreached(number, Refusal::DnsFailure);
    // As a firewall of the laptop does; nothing of the venue has said it.
    let forbidden = |number| unreached(number, Refusal::Other { detail: String::new() });
    let heard = |number, r: Refusal| Failed { number, took: Took::Host, ended: Ended::by(&r) };
    let closed = |number| heard(number, Refusal::ClosedDuringHandshake);
    let stranger = |number| heard(number, Refusal::UnknownCa);
    let own_key = |number| heard(number, Refusal::ClientCertificateRevoked);
    let silent = |number| Failed { number, took: Took::Host, ended: Ended::unanswered() };
    let by_proxy = |number, e: ProxyError| Failed {
        number,
        took: Took::Proxy,
        ended: not_connected(&DialError::Proxy(e)),
    };
    let proxy = || "http://proxy:8080".to_owned();
    let proxy_silent = |number| by_proxy(number, ProxyError::TimedOut { proxy: proxy() });
    let proxy_closed = |number| by_proxy(number, ProxyError::Closed { proxy: proxy() });
    // In the order in which they end.
    for (failures, want) in [
        (vec![refused(0), not_found(1)], (1, "net.dns_failure")),
        (vec![not_found(1), refused(0)], (0, "net.connection_refused")),
        (vec![refused(0), not_found(1), refused(2)], (2, "net.connection_refused")),
        (vec![refused(1), silent(0)], (0, "net.timed_out")),
        (vec![silent(0), refused(1)], (0, "net.timed_out")),
        (vec![forbidden(1), silent(0)], (0, "net.timed_out")),
        (vec![closed(1), silent(0)], (0, "net.timed_out")),
        (vec![closed(0), silent(1)], (0, "tls.closed_during_handshake")),
        (vec![stranger(1), silent(0)], (1, "server.unknown_ca")),
        (vec![silent(0), own_key(1)], (1, "client.revoked")),
        (vec![closed(0), own_key(1), not_found(2)], (1, "client.revoked")),
        (vec![stranger(1), own_key(0)], (0, "client.revoked")),
        (vec![own_key(1), stranger(0)], (0, "server.unknown_ca")),
        // A proxy is on the way to some hosts only.
        (vec![proxy_closed(0), refused(1)], (0, "proxy.closed")),
        (vec![refused(1), proxy_silent(0)], (0, "proxy.timed_out")),
        (vec![proxy_silent(1), proxy_closed(0)], (0, "proxy.closed")),
        (vec![proxy_silent(0), silent(1)], (1, "net.timed_out")),
        (vec![stranger(1), proxy_silent(0)], (1, "server.unknown_ca")),
    ] {
        let words = format!("{failures:?}");
        let told = failures.into_iter().reduce(more_telling).unwrap();
        assert_eq!((told.number, told.ended.problem.code.as_str()), want, "{words}");
    }
}

/// A host that takes connections and counts the handshakes that are begun. Dropping it closes them.
struct Host {
    at: Endpoint,
    begun: Arc<AtomicUsize>,
    _tasks: JoinSet<()>,
}

impl Host {
    /// Says nothing.
    async fn silent() -> Self {
        Self::listen(None).await
    }

    /// Answers as a gateway of this name.
    async fn gateway(pki: &DevPki, comp_id: &str) -> Self {
        let shown = pki.issue(&Order::gateway(comp_id)).unwrap().certified_key().unwrap();
        let profile = ServerProfile::new(pki.desk_roots().unwrap(), shown);
        Self::listen(Some(profile.config().unwrap().into())).await
    }

    async fn listen(acceptor: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let begun = Arc::<AtomicUsize>::default();
        let (counted, mut tasks) = (begun.clone(), JoinSet::new());
        tasks.spawn(async move {
            let mut served = JoinSet::new();
            while let Ok((tcp, _)) = listener.accept().await {
                served.spawn(serve(tcp, acceptor.clone(), counted.clone()));
            }
        });
        Self { at: Endpoint { host: "127.0.0.1".into(), port }, begun, _tasks: tasks }
    }

    fn begun(&self) -> usize {
        self.begun.load(Relaxed)
    }
}

async fn serve(mut tcp: TcpStream, acceptor: Option<TlsAcceptor>, begun: Arc<AtomicUsize>) {
    if tcp.peek(&mut [0; 1]).await.is_ok_and(|n| n > 0) {
        begun.fetch_add(1, Relaxed);
    }
    match acceptor {
        Some(acceptor) => {
            if let Ok(mut tls) = acceptor.accept(tcp).await {
                let _ = tls.read(&mut [0; 1]).await;
            }
        }
        None => {
            let _ = tcp.read_to_end(&mut Vec::new()).await;
        }
    }
}

fn pki() -> DevPki {
    DevPki::generate("bank.example", time::OffsetDateTime::now_utc()).unwrap()
}

fn alice(pki: &DevPki, protection: Protection) -> Identity {
    let issued = pki.issue(&Order::desk("ALICE")).unwrap();
    let key = SoftwareKey::from_pkcs8(issued.key_pkcs8(), protection).unwrap();
    Identity::new(issued.chain().to_vec(), Arc::new(key)).unwrap()
}

/// A venue with the gateway `GATEWAY` at these hosts.
fn venue(pki: &DevPki, hosts: &[&Host]) -> Venue {
    let name = || "localhost".to_owned();
    let also = hosts[1..].iter().map(|h| OtherHost { at: h.at.clone(), server_name: name() });
    Venue {
        name: "Bank".into(),
        host: hosts[0].at.host.clone(),
        port: hosts[0].at.port,
        server_name: name(),
        also: also.collect(),
        comp_id: CompId::new("GATEWAY").unwrap(),
        trust_domain: "bank.example".into(),
        roots: pki.gateway_roots().unwrap(),
        pins: vec![],
        allow_tls12: false,
        quic: false,
        crl: vec![],
        crl_required: false,
        est: None,
        rp_id: None,
        direct: None,
    }
}

fn config() -> DeskConfig {
    DeskConfig { proxy: ProxySetting::Direct, ..DeskConfig::empty(PathBuf::new(), "test") }
}

/// The port to which the desk connects over TCP, or how it failed.
async fn dialled(v: &Venue, identity: &Identity) -> Result<u16, Ended> {
    let config = config();
    let made = timeout(PATIENCE, dial(v, identity, &config, 0, None)).await.expect("it ends")?;
    Ok(made.wire.path.expect("a path").peer().port())
}

/// As [`dialled`], with a key that signs at once and limits of the test's own.
async fn raced(v: &Venue, identity: &Identity, limits: RaceLimits) -> Result<(), Ended> {
    raced_by(v, identity, &ProxySetting::Direct, limits).await
}

async fn raced_by(
    v: &Venue,
    identity: &Identity,
    proxy: &ProxySetting,
    limits: RaceLimits,
) -> Result<(), Ended> {
    let tls = profile(v, identity, &config().tls).unwrap().config().unwrap();
    race(v, tls, proxy, &hosts(v, 0), limits).await.map(drop)
}

#[tokio::test]
async fn a_silent_host_and_another_gateway_hold_up_no_key_that_signs_at_once() {
    let pki = pki();
    let alice = alice(&pki, Protection::OsKeychain);
    let there = Host::gateway(&pki, "GATEWAY").await;
    for first in [Host::silent().await, Host::gateway(&pki, "OTHER").await] {
        let v = venue(&pki, &[&first, &there]);
        assert_eq!(dialled(&v, &alice).await.unwrap(), there.at.port);
        assert_eq!(first.begun(), 1, "the venue's own host is tried first");
    }
}

#[tokio::test]
async fn what_is_reported_when_no_host_serves() {
    let pki = pki();
    let alice = alice(&pki, Protection::OsKeychain);
    let limits = RaceLimits { connect: PATIENCE, answer: 12 * ATTEMPT_DELAY };
    let (silent, silent_too) = (Host::silent().await, Host::silent().await);
    let (other, another) =
        (Host::gateway(&pki, "OTHER").await, Host::gateway(&pki, "ANOTHER").await);
    for hosts in [
        vec![&other],
        vec![&other, &another],
        vec![&other, &silent],
        // A gateway that is not the right one tells more than one that says nothing.
        vec![&silent, &other],
    ] {
        let ended = raced(&venue(&pki, &hosts), &alice, limits).await.unwrap_err();
        assert_eq!((ended.next, ended.fault), (Next::AwaitGateway, Fault::Other));
        assert_eq!(ended.problem.code, "server.wrong_identity");
        assert_eq!(ended.problem.message, "The server is OTHER, not GATEWAY.");
    }
    let v = venue(&pki, &[&silent, &silent_too]);
    let (ended, as_of_one) = (raced(&v, &alice, limits).await.unwrap_err(), Ended::unanswered());
    assert_eq!((ended.next, ended.fault), (as_of_one.next, as_of_one.fault));
    assert_eq!(ended.problem, as_of_one.problem);
}

/// Not the venue, which answers: the trader reads which proxy it is and what can be done.
#[tokio::test]
async fn a_silent_proxy_is_named_and_not_the_venue() {
    let pki = pki();
    let alice = alice(&pki, Protection::OsKeychain);
    let limits = RaceLimits { connect: PATIENCE, answer: 3 * ATTEMPT_DELAY };
    let (silent, there) = (Host::silent().await, Host::gateway(&pki, "GATEWAY").await);
    let proxy = format!("http://127.0.0.1:{}", silent.at.port);
    let setting = ProxySetting::Url(proxy.parse().unwrap());
    for hosts in [vec![&there], vec![&there, &there]] {
        let v = venue(&pki, &hosts);
        let ended = raced_by(&v, &alice, &setting, limits).await.unwrap_err();
        // No host is passed over for it, and the trader is told at the first time.
        assert_eq!((ended.next, ended.fault), (Next::TryAgain, Fault::Other));
        assert!(ended.fault.is_told(1));
        let Problem { code, message, cure, .. } = &ended.problem;
        assert_eq!(code, "proxy.timed_out");
        let names_it = message.to_lowercase().contains(&proxy);
        assert!(names_it && cure.contains("switch the proxy off"), "{message} {cure}");
    }
    assert_eq!(there.begun(), 0);
}

/// A name that is none is a fault of the settings, and stops no other host.
#[tokio::test]
async fn a_host_with_a_wrong_name_is_left_out() {
    let pki = pki();
    let alice = alice(&pki, Protection::OsKeychain);
    let there = Host::gateway(&pki, "GATEWAY").await;
    let mut v = venue(&pki, &[&there, &there]);
    v.server_name = "no host name".into();
    assert_eq!(dialled(&v, &alice).await.unwrap(), there.at.port);
    v.also.clear();
    let ended = dialled(&v, &alice).await.unwrap_err();
    assert_eq!((ended.next, ended.problem.code.as_str()), (Next::GiveUp, "venue.server_name"));
}

/// Each handshake may ask a person for a touch.
#[tokio::test]
async fn a_key_in_a_token_begins_one_handshake() {
    let pki = pki();
    let alice = alice(&pki, Protection::Hardware);
    let (silent, there) = (Host::silent().await, Host::gateway(&pki, "GATEWAY").await);
    let v = venue(&pki, &[&silent, &there]);
    let looks = async move {
        let begun = async {
            while silent.begun() == 0 {
                sleep(Duration::from_millis(1)).await;
            }
        };
        timeout(PATIENCE, begun).await.expect("a handshake is begun");
        sleep(3 * ATTEMPT_DELAY).await;
        // The host closes the connection now, which ends the handshake.
        silent.begun()
    };
    let (ended, begun) = tokio::join!(dialled(&v, &alice), looks);
    let ended = ended.unwrap_err();
    assert_eq!((ended.next, ended.fault), (Next::TryAgain, Fault::Closed));
    assert_eq!((begun, there.begun()), (1, 0));
    assert_eq!(dialled(&venue(&pki, &[&there]), &alice).await.unwrap(), there.at.port);
}
