//! Checkpoints at second parties: folders, which are best on another machine, and HTTPS servers.

use super::thread::{Signed, replace};
use crate::{config::Address, events::EventSink};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{Method, Request, StatusCode, body::Bytes, header::HOST};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use signet_events::About;
use std::{fs, path::PathBuf, sync::Arc, time::Duration};
use time::OffsetDateTime;
use tokio::{
    sync::{oneshot, watch},
    time::{sleep, timeout},
};
use tokio_rustls::TlsConnector;

/// For one attempt.
const ATTEMPT_MAX: Duration = Duration::from_secs(20);
const PAUSE_MIN: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_secs(60);
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// A second party.
pub(crate) enum Target {
    /// A folder.
    Folder(PathBuf),
    /// A server, and how it is reached: with the gateway's certificate.
    Server(Address, Arc<ClientConfig>),
}

impl Target {
    fn name(&self) -> String {
        match self {
            Self::Folder(path) => path.display().to_string(),
            Self::Server(a, _) => format!("https://{}:{}{}", a.host, a.port, a.path),
        }
    }

    async fn give(&self, signed: &Signed) -> Result<(), String> {
        match self {
            Self::Folder(path) => write_aside(path.clone(), signed.clone()).await,
            Self::Server(address, tls) => put(address, tls.clone(), signed).await,
        }
    }
}

/// Gives a second party the newest checkpoint, again and again until it has it. One that comes
/// meanwhile takes its place: it covers the earlier one.
pub(super) async fn keep_up(
    target: Target,
    mut newest: watch::Receiver<Option<Signed>>,
    events: EventSink,
) {
    let (name, mut failing) = (target.name(), false);
    while newest.changed().await.is_ok() {
        let mut pause = PAUSE_MIN;
        loop {
            let Some(signed) = newest.borrow_and_update().clone() else { break };
            let given = timeout(ATTEMPT_MAX, target.give(&signed)).await;
            let Err(why) = given.unwrap_or_else(|_| Err("no answer in time".into())) else {
                if std::mem::take(&mut failing) {
                    let words = "second party reached again";
                    events.gateway("checkpoint.published", About::object(&*name), words);
                }
                break;
            };
            tracing::error!(second_party = name, why, "a checkpoint was not handed over");
            if !std::mem::replace(&mut failing, true) {
                events.gateway("checkpoint.unpublished", About::object(&*name), why);
            }
            // Nothing newer will come: the gateway stops.
            if newest.has_changed().is_err() {
                return;
            }
            sleep(pause).await;
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }
}

/// On a thread of its own: a folder of a machine that is away can hold a writer for ever, and must
/// not hold the gateway's end.
async fn write_aside(folder: PathBuf, signed: Signed) -> Result<(), String> {
    let (done, answer) = oneshot::channel();
    let write = move || drop(done.send(write(&folder, &signed).map_err(|e| e.to_string())));
    std::thread::Builder::new()
        .name("signet-publish".into())
        .spawn(write)
        .map_err(|e| e.to_string())?;
    answer.await.unwrap_or_else(|_| Err("the writer ended early".into()))
}

/// `DAY/SIZE.checkpoint`, which is never replaced by another, and `latest.checkpoint`.
fn write(folder: &std::path::Path, signed: &Signed) -> std::io::Result<()> {
    let at = OffsetDateTime::from_unix_timestamp(signed.at.0.div_euclid(1_000))
        .unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let day = folder.join(at.date().to_string());
    fs::create_dir_all(&day)?;
    let file = day.join(format!("{:020}.checkpoint", signed.size));
    match fs::read(&file) {
        Ok(there) if there != signed.note.as_bytes() => {
            // A log that was accepted as it is after it was rewritten may come to one size twice.
            let other = day.join(format!("{:020}-{}.checkpoint", signed.size, signed.at.0));
            replace(&other, signed.note.as_bytes())?;
        }
        _ => replace(&file, signed.note.as_bytes())?,
    }
    replace(&folder.join("latest.checkpoint"), signed.note.as_bytes())
}

/// `PUT PATH/SIZE.checkpoint`.
pub(super) async fn put(
    a: &Address,
    tls: Arc<ClientConfig>,
    signed: &Signed,
) -> Result<(), String> {
    let tcp = signet_net::tcp(&a.host, a.port).await.map_err(|e| e.to_string())?;
    let name = ServerName::try_from(a.host.clone()).map_err(|e| e.to_string())?;
    let tls = TlsConnector::from(tls).connect(name, tcp).await.map_err(|e| e.to_string())?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(tls))
        .await
        .map_err(|e| e.to_string())?;
    let request = Request::builder()
        .method(Method::PUT)
        .uri(format!("{}/{:020}.checkpoint", a.path, signed.size))
        .header(HOST, format!("{}:{}", a.host, a.port))
        .header(hyper::header::CONTENT_TYPE, "text/plain; charset=utf-8")
        .body(Full::new(Bytes::from(signed.note.clone())))
        .map_err(|e| e.to_string())?;
    let answer = async {
        let answer = sender.send_request(request).await.map_err(|e| e.to_string())?;
        let status = answer.status();
        Limited::new(answer.into_body(), ANSWER_BYTES_MAX)
            .collect()
            .await
            .map_err(|e| e.to_string())?;
        Ok::<StatusCode, String>(status)
    };
    // A server that closes after its answer is read first: the end of the connection may come in
    // the same turn as the answer, which knows of it by itself.
    let drive = async {
        let _ = connection.await;
        std::future::pending::<()>().await;
    };
    let status = tokio::select! {
        status = answer => status?,
        () = drive => return Err("it hung up".into()),
    };
    if status.is_success() { Ok(()) } else { Err(format!("it answered {status}")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use signet_rfq::UtcMillis;

    #[test]
    fn a_folder_keeps_every_checkpoint_it_was_given() {
        let folder = tempfile::tempdir().unwrap();
        let at = UtcMillis(1_795_262_400_000);
        let signed = |size, note: &str| Signed { at, size, note: note.into() };
        for (size, note) in [(1, "one"), (2, "two"), (2, "two"), (2, "other")] {
            write(folder.path(), &signed(size, note)).unwrap();
        }
        let day = folder.path().join("2026-11-21");
        let mut names: Vec<_> = fs::read_dir(&day)
            .unwrap()
            .map(|e| e.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        assert_eq!(
            names,
            [
                "00000000000000000001.checkpoint",
                "00000000000000000002-1795262400000.checkpoint",
                "00000000000000000002.checkpoint"
            ]
        );
        let read = |p: PathBuf| fs::read_to_string(p).unwrap();
        assert_eq!(read(day.join(&names[2])), "two");
        assert_eq!(read(folder.path().join("latest.checkpoint")), "other");
    }

    /// A server that wants the gateway's certificate takes what it is sent, and says 503 once.
    #[test]
    fn a_server_is_given_the_newest_checkpoint_over_mutual_tls_until_it_takes_it() {
        use hyper::service::service_fn;
        use signet_devca::{DevPki, Order};
        use signet_identity::{ClientProfile, ServerProfile, TlsPolicy, TlsVersions};
        use std::{cell::RefCell, convert::Infallible, rc::Rc};

        let pki = DevPki::generate("bank.example", OffsetDateTime::now_utc()).unwrap();
        let issued = |order: Order| pki.issue(&order).unwrap().certified_key().unwrap();
        let witness = issued(Order::gateway("WITNESS").with_dns(["localhost"]));
        let policy =
            TlsPolicy { versions: TlsVersions::default(), hybrid_only: false, fips: false };
        let server = ServerProfile::new(pki.gateway_roots().unwrap(), witness);
        let server = server.with_policy(policy).config().unwrap();
        let client =
            ClientProfile::new(pki.gateway_roots().unwrap(), issued(Order::gateway("SIGNET")));
        let client = client.with_policy(policy).config().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let local = tokio::task::LocalSet::new();
        runtime.block_on(local.run_until(async {
            let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
            let port = listener.local_addr().unwrap().port();
            let taken: Rc<RefCell<Vec<(String, String)>>> = Rc::default();
            let seen = taken.clone();
            tokio::task::spawn_local(async move {
                let acceptor = tokio_rustls::TlsAcceptor::from(server);
                loop {
                    let (tcp, _) = listener.accept().await.unwrap();
                    let Ok(tls) = acceptor.accept(tcp).await else { continue };
                    assert!(tls.get_ref().1.peer_certificates().is_some());
                    let seen = seen.clone();
                    let answer = move |r: Request<hyper::body::Incoming>| {
                        let seen = seen.clone();
                        async move {
                            let what = format!("{} {}", r.method(), r.uri());
                            let body = r.into_body().collect().await.unwrap().to_bytes();
                            let first = seen.borrow().is_empty();
                            let body = String::from_utf8(body.to_vec()).unwrap();
                            seen.borrow_mut().push((what, body));
                            let status = if first { 503 } else { 201 };
                            let mut answer = hyper::Response::new(Full::new(Bytes::new()));
                            *answer.status_mut() = StatusCode::from_u16(status).unwrap();
                            Ok::<_, Infallible>(answer)
                        }
                    };
                    let serve = hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(tls), service_fn(answer));
                    let _ = serve.await;
                }
            });
            let address = Address::read(&format!("https://localhost:{port}/gw1")).unwrap();
            let newest = watch::Sender::new(None);
            let target = Target::Server(address, client);
            let task =
                tokio::task::spawn_local(keep_up(target, newest.subscribe(), EventSink::default()));
            let signed = |size, note: &str| Signed { at: UtcMillis(0), size, note: note.into() };
            newest.send_replace(Some(signed(7, "seven")));
            while taken.borrow().len() < 2 {
                sleep(Duration::from_millis(5)).await;
            }
            newest.send_replace(Some(signed(9, "nine")));
            while taken.borrow().len() < 3 {
                sleep(Duration::from_millis(5)).await;
            }
            drop(newest);
            task.await.unwrap();
            let put = |size: &str, note: &str| {
                (format!("PUT /gw1/{size:0>20}.checkpoint"), note.to_owned())
            };
            let want = [put("7", "seven"), put("7", "seven"), put("9", "nine")];
            assert_eq!(*taken.borrow(), want);
        }));
    }
}
