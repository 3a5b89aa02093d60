//! Checkpoints at second parties: folders, which are best on another machine, HTTPS servers, and
//! witnesses, which judge them.

use super::{
    read::read_found,
    request::{self, in_time},
    thread::{Signed, replace},
    unpublished::{Kind, Unpublished},
    witness::Witness,
};
use crate::{config::Address, events::EventSink};
use hyper::Method;
use rustls::ClientConfig;
use signet_events::About;
use signet_net::Doubling;
use signet_tlog::note::NOTE_LEN_MAX;
use std::{
    fs, io,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::Duration,
};
use time::OffsetDateTime;
use tokio::{
    sync::{oneshot, watch},
    time::sleep,
};

const PAUSE: Doubling =
    Doubling { first: Duration::from_secs(1), longest: Duration::from_secs(60) };
/// After an attempt that was much work, or that the second party can make so.
const PAUSE_COSTLY: Duration = Duration::from_secs(600);

/// A second party.
pub(crate) enum Target {
    /// A folder.
    Folder(PathBuf),
    /// A server, and how it is reached: with the gateway's certificate.
    Server(Address, Arc<ClientConfig>),
    /// A witness.
    Witness(Witness),
}

impl Target {
    fn name(&self) -> String {
        let a = match self {
            Self::Folder(path) => return path.display().to_string(),
            Self::Server(address, _) => address,
            Self::Witness(witness) => witness.address(),
        };
        format!("https://{}:{}{}", a.host, a.port, a.path)
    }

    /// Whether it is given the newest checkpoint signed once more while nothing happens. The others
    /// keep each checkpoint that they are given.
    pub(super) fn takes_repeats(&self) -> bool {
        matches!(self, Self::Witness(_))
    }

    /// `writes`: of a folder, whether a thread writes to it.
    async fn give(&self, signed: &Signed, writes: &Arc<AtomicBool>) -> Result<(), Unpublished> {
        match self {
            Self::Folder(path) => {
                let written = in_time(write_aside(path.clone(), signed.clone(), writes)).await;
                written.map_err(Unpublished::NotWritten)
            }
            Self::Server(address, tls) => put(address, tls.clone(), signed).await,
            // Each of its requests has its time; a proof from long ago takes longer to make.
            Self::Witness(witness) => witness.give(signed).await,
        }
    }
}

/// What was told of a second party: each kind of reason once, and the end of all. Pure.
#[derive(Debug, Default)]
struct Told(Option<Kind>);

impl Told {
    /// It has the checkpoint; whether that is to be told.
    fn is_end(&mut self) -> bool {
        self.0.take().is_some()
    }

    /// It has not, for such a reason; whether that is to be told.
    fn is_news(&mut self, kind: Kind) -> bool {
        self.0.replace(kind) != Some(kind)
    }
}

/// Gives a second party the newest checkpoint, again and again until it has it. One that comes
/// meanwhile takes its place: it covers the earlier one.
pub(super) async fn keep_up(
    target: Target,
    mut newest: watch::Receiver<Option<Signed>>,
    events: EventSink,
) {
    let (name, mut told) = (target.name(), Told::default());
    let writes = Arc::new(AtomicBool::new(false));
    while newest.changed().await.is_ok() {
        let mut tries = 0;
        loop {
            let Some(signed) = newest.borrow_and_update().clone() else { break };
            let Err(why) = target.give(&signed, &writes).await else {
                if told.is_end() {
                    let words = "second party reached again";
                    events.gateway("checkpoint.published", About::object(&*name), words);
                }
                break;
            };
            let words = why.to_string();
            tracing::error!(second_party = name, why = words, "a checkpoint was not handed over");
            if told.is_news(why.kind()) {
                events.gateway("checkpoint.unpublished", About::object(&*name), words);
            }
            // Nothing newer will come: the gateway stops.
            if newest.has_changed().is_err() {
                return;
            }
            sleep(if why.is_costly() { PAUSE_COSTLY } else { PAUSE.doubled(tries) }).await;
            tries = tries.saturating_add(1);
        }
    }
}

/// Takes the mark back, also when the thread could not be started.
struct Writing(Arc<AtomicBool>);

impl Drop for Writing {
    fn drop(&mut self) {
        self.0.store(false, SeqCst);
    }
}

/// On a thread of its own: a folder of a machine that is away can hold a writer for ever, and must
/// not hold the gateway's end. Nor may it hold one more with each attempt.
async fn write_aside(
    folder: PathBuf,
    signed: Signed,
    writes: &Arc<AtomicBool>,
) -> Result<(), String> {
    if writes.swap(true, SeqCst) {
        return Err("the folder does not answer: an earlier write to it has not ended".into());
    }
    let (writing, (done, answer)) = (Writing(writes.clone()), oneshot::channel());
    let write = move || {
        let written = write(&folder, &signed).map_err(|e| e.to_string());
        // Before the answer, which the next attempt may follow at once.
        drop(writing);
        drop(done.send(written));
    };
    std::thread::Builder::new()
        .name("signet-publish".into())
        .spawn(write)
        .map_err(|e| e.to_string())?;
    answer.await.unwrap_or_else(|_| Err("the writer ended early".into()))
}

/// `DAY/SIZE.checkpoint`, which is never replaced by another, and `latest.checkpoint`.
fn write(folder: &std::path::Path, signed: &Signed) -> io::Result<()> {
    let at = OffsetDateTime::from_unix_timestamp(signed.at.0.div_euclid(1_000))
        .unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let day = folder.join(at.date().to_string());
    fs::create_dir_all(&day)?;
    let file = day.join(format!("{:020}.checkpoint", signed.size));
    match read_found(&file, NOTE_LEN_MAX as u64) {
        Ok(there) if there == signed.note.as_bytes() => {}
        Err(e) if e.kind() == io::ErrorKind::NotFound => replace(&file, signed.note.as_bytes())?,
        _ => {
            // A log that was accepted as it is after it was rewritten may come to one size twice.
            let other = day.join(format!("{:020}-{}.checkpoint", signed.size, signed.at.0));
            replace(&other, signed.note.as_bytes())?;
        }
    }
    replace(&folder.join("latest.checkpoint"), signed.note.as_bytes())
}

/// `PUT PATH/SIZE.checkpoint`.
async fn put(a: &Address, tls: Arc<ClientConfig>, signed: &Signed) -> Result<(), Unpublished> {
    let below = format!("/{:020}.checkpoint", signed.size);
    let note = signed.note.clone().into();
    let send = request::send(a, tls, (Method::PUT, below.as_str()), note);
    let answer = in_time(send).await.map_err(Unpublished::NotReached)?;
    if answer.status.is_success() { Ok(()) } else { Err(Unpublished::answered(&answer)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::{BodyExt as _, Full};
    use hyper::{Request, StatusCode, body::Bytes};
    use hyper_util::rt::TokioIo;
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

    /// A share that hangs holds a thread for ever. It must not hold one for each attempt.
    #[test]
    fn a_folder_that_holds_a_writer_gets_no_second_one() {
        let folder = tempfile::tempdir().unwrap();
        let signed = Signed { at: UtcMillis(0), size: 7, note: "seven".into() };
        let writes = Arc::new(AtomicBool::new(true));
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let attempt = || {
            let write = write_aside(folder.path().into(), signed.clone(), &writes);
            runtime.block_on(write)
        };
        let e = attempt().unwrap_err();
        assert!(e.contains("has not ended"), "{e}");
        assert!(writes.load(SeqCst), "it still hangs");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        writes.store(false, SeqCst);
        for _ in 0..3 {
            attempt().unwrap();
        }
        // One that fails ends too.
        fs::remove_file(folder.path().join("latest.checkpoint")).unwrap();
        fs::create_dir(folder.path().join("latest.checkpoint")).unwrap();
        for _ in 0..3 {
            let e = attempt().unwrap_err();
            assert!(!e.contains("has not ended"), "{e}");
        }
    }

    #[test]
    fn each_kind_of_reason_is_told_once_and_another_one_too() {
        let away = || Unpublished::NotReached("no route".into()).kind();
        let other = |size| Unpublished::Other(size).kind();
        let mut told = Told::default();
        assert!(!told.is_end(), "nothing was told");
        for (kind, want) in
            [(away(), true), (away(), false), (other(7), true), (other(8), false), (away(), true)]
        {
            assert_eq!(told.is_news(kind), want, "{kind:?}");
        }
        assert!(told.is_end());
        assert!(!told.is_end(), "once");
        assert!(told.is_news(away()), "it began once more");
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
            let came = async |count: usize| {
                while taken.borrow().len() < count {
                    sleep(Duration::from_millis(5)).await;
                }
            };
            let patience = Duration::from_secs(60);
            tokio::time::timeout(patience, came(2)).await.expect("it is tried again");
            newest.send_replace(Some(signed(9, "nine")));
            tokio::time::timeout(patience, came(3)).await.expect("the newest comes");
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
