//! Where releases come from: an HTTPS server of the firm, or a folder or share. Nothing that comes
//! from here is trusted: lists carry a signature, packages are compared with the list.

use crate::error::UpdateError;
use http_body_util::{BodyExt as _, Empty};
use hyper::{
    StatusCode,
    body::{Body as _, Bytes, Incoming},
    header::{CONTENT_RANGE, HOST, RANGE},
};
use hyper_util::rt::TokioIo;
use rustls_pki_types::{CertificateDer, ServerName};
use signet_identity::{
    ClientProfile, TlsPolicy, TlsVersions, TrustRoots, authority, host_and_optional_port,
};
use signet_net::{ProxySetting, dial, handshake};
use std::{
    fs::File,
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    path::PathBuf,
    time::Duration,
};
use tokio::{sync::mpsc, time::timeout};

/// Dialling, the handshake, the head of an answer, and each pause within an answer.
const SILENCE_MAX: Duration = Duration::from_secs(30);
const HEAD_BYTES_MAX: usize = 16 * 1024;
/// A file of a folder is read in pieces of this size, and so many wait to be taken.
const PIECE_BYTES: u64 = 64 * 1024;
const PIECES_AHEAD: usize = 4;

/// Where releases come from.
#[derive(Debug)]
pub enum Source {
    /// An HTTPS server.
    Server(Server),
    /// A folder, which may be a share that the system mounts.
    Folder(PathBuf),
}

/// An HTTPS server of the firm.
#[derive(Debug)]
pub struct Server {
    host: String,
    port: u16,
    /// Without a slash at its end.
    path: String,
    roots: TrustRoots,
    proxy: ProxySetting,
    hybrid_only: bool,
}

impl Server {
    /// The server of an `https:` URL, whose certificate one of these authorities must have issued.
    ///
    /// # Errors
    /// The URL or an authority cannot be used. At fault: the policy.
    pub fn new(
        url: &str,
        anchors: &[Vec<u8>],
        proxy: ProxySetting,
        hybrid_only: bool,
    ) -> Result<Self, UpdateError> {
        let wrong = |why: &str| UpdateError::Fetch {
            from: url.into(),
            file: "anything".into(),
            why: why.into(),
        };
        if anchors.is_empty() {
            return Err(UpdateError::NotSet("authority for its update server (server_anchors)"));
        }
        let rest =
            url.strip_prefix("https://").ok_or_else(|| wrong("it does not begin with https://"))?;
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"._~/+-".contains(&b);
        if !path.bytes().all(plain) || path.split('/').any(|part| part == "..") {
            return Err(wrong("its path has more than letters, digits and . _ ~ + - /"));
        }
        let (host, port) = host_and_optional_port(authority)
            .map_err(|_| wrong("what follows https:// is not a host, or a host and a port"))?;
        let (host, port) = (host.to_owned(), port.unwrap_or(443));
        ServerName::try_from(host.clone()).map_err(|_| wrong("its host is not a host name"))?;
        let anchors = anchors.iter().map(|der| CertificateDer::from(der.clone()));
        let roots = TrustRoots::new(anchors).map_err(|e| wrong(&e.to_string()))?;
        let path = match path.trim_end_matches('/') {
            "" => String::new(),
            path => format!("/{path}"),
        };
        Ok(Self { host, port, path, roots, proxy, hybrid_only })
    }

    fn shown(&self) -> String {
        format!("https://{}{}", self.authority(), self.path)
    }

    /// Host and port, as a URL and a request have them.
    fn authority(&self) -> String {
        authority(&self.host, self.port)
    }

    /// The answer to a request for `file`, from byte `from` on.
    async fn get(&self, file: &str, from: u64) -> Result<hyper::Response<Incoming>, String> {
        let text = |e: &dyn std::error::Error| e.to_string();
        let tcp = dial(&self.host, self.port, &self.proxy, SILENCE_MAX).await;
        let tcp = tcp.map_err(|e| text(&e))?;
        let policy = TlsPolicy {
            versions: TlsVersions::Tls13Only,
            hybrid_only: self.hybrid_only,
            ..TlsPolicy::default()
        };
        let profile = ClientProfile::without_certificate(self.roots.clone()).with_policy(policy);
        let config = profile.config().map_err(|e| text(&e))?;
        let name = ServerName::try_from(self.host.clone()).map_err(|e| text(&e))?;
        let tls = handshake(config, name, tcp, SILENCE_MAX).await.map_err(|e| text(&e))?;
        let mut builder = hyper::client::conn::http1::Builder::new();
        builder.max_buf_size(HEAD_BYTES_MAX.max(64 * 1024));
        let opened = timeout(SILENCE_MAX, builder.handshake(TokioIo::new(tls))).await;
        let (mut sender, connection) =
            opened.map_err(|_| "it is silent".to_owned())?.map_err(|e| text(&e))?;
        // It ends with the answer, or when the answer is dropped.
        tokio::spawn(connection);
        let mut request =
            hyper::Request::get(format!("{}/{file}", self.path)).header(HOST, self.authority());
        if from > 0 {
            request = request.header(RANGE, format!("bytes={from}-"));
        }
        let request = request.body(Empty::<Bytes>::new()).map_err(|e| text(&e))?;
        let answer = timeout(SILENCE_MAX, sender.send_request(request)).await;
        answer.map_err(|_| "it is silent".to_owned())?.map_err(|e| text(&e))
    }
}

impl Source {
    /// Where it is, for people.
    #[must_use]
    pub fn shown(&self) -> String {
        match self {
            Self::Server(server) => server.shown(),
            Self::Folder(folder) => folder.display().to_string(),
        }
    }

    /// A small file; at most `max` bytes, which are all there within `limit`. A server that sends
    /// one byte now and then is never silent, and a version on trial that does not work waits for
    /// its answer.
    ///
    /// # Errors
    /// [`UpdateError::Fetch`].
    pub async fn small(
        &self,
        file: &str,
        max: u64,
        limit: Duration,
    ) -> Result<Vec<u8>, UpdateError> {
        timeout(limit, self.small_whole(file, max)).await.unwrap_or_else(|_| {
            let why = format!("it takes longer than {} s", limit.as_secs());
            Err(UpdateError::Fetch { from: self.shown(), file: file.into(), why })
        })
    }

    async fn small_whole(&self, file: &str, max: u64) -> Result<Vec<u8>, UpdateError> {
        let failed =
            |why: String| UpdateError::Fetch { from: self.shown(), file: file.into(), why };
        let too_long = || failed(format!("it is longer than {max} bytes"));
        let mut bytes = Vec::new();
        match self {
            Self::Folder(folder) => {
                let mut pieces = pieces(folder.join(file), 0).map_err(failed)?;
                while let Some(more) = pieces.recv().await {
                    bytes.extend_from_slice(&more.map_err(|e| failed(e.to_string()))?);
                    if bytes.len() as u64 > max {
                        return Err(too_long());
                    }
                }
            }
            Self::Server(server) => {
                let answer = server.get(file, 0).await.map_err(failed)?;
                if answer.status() != StatusCode::OK {
                    return Err(failed(format!("HTTP status {}", answer.status().as_u16())));
                }
                let mut body = answer.into_body();
                while let Some(more) = piece(&mut body).await.map_err(failed)? {
                    bytes.extend_from_slice(&more);
                    if bytes.len() as u64 > max {
                        return Err(too_long());
                    }
                }
            }
        }
        if bytes.len() as u64 > max { Err(too_long()) } else { Ok(bytes) }
    }

    /// Writes a package of `size` bytes into `part`, and goes on behind what is in it. Returns when
    /// `part` has all bytes; whether they are the right ones the caller checks. It breaks off after
    /// `limit`: a server that sends one byte now and then is never silent.
    ///
    /// # Errors
    /// [`UpdateError::BrokeOff`]: what came stays in `part`. [`UpdateError::Fetch`].
    pub async fn package(
        &self,
        file: &str,
        size: u64,
        part: &mut File,
        limit: Duration,
    ) -> Result<(), UpdateError> {
        if let Ok(ended) = timeout(limit, self.package_whole(file, size, part)).await {
            return ended;
        }
        let got = part.metadata().map_or(0, |m| m.len());
        Err(UpdateError::BrokeOff { from: self.shown(), file: file.into(), got, size })
    }

    async fn package_whole(
        &self,
        file: &str,
        size: u64,
        part: &mut File,
    ) -> Result<(), UpdateError> {
        let failed =
            |why: String| UpdateError::Fetch { from: self.shown(), file: file.into(), why };
        let disk = |e: io::Error| failed(format!("this computer cannot write it: {e}"));
        let mut got = part.metadata().map_err(disk)?.len();
        if got >= size {
            part.set_len(0).map_err(disk)?;
            got = 0;
        }
        let came = match self {
            Self::Folder(folder) => {
                part.seek(SeekFrom::Start(got)).map_err(disk)?;
                let from = pieces(folder.join(file), got).map_err(failed)?;
                copied(from, part, got, size).await.map_err(failed)?
            }
            Self::Server(server) => {
                let answer = server.get(file, got).await.map_err(failed)?;
                match (answer.status(), begins(&answer)) {
                    (StatusCode::OK, _) => {
                        part.set_len(0).map_err(disk)?;
                        got = 0;
                    }
                    (StatusCode::PARTIAL_CONTENT, Some(at)) if got > 0 && at == got => {}
                    (status, _) => {
                        // A part that the server cannot go on with is of no use.
                        part.set_len(0).map_err(disk)?;
                        return Err(failed(format!("HTTP status {}", status.as_u16())));
                    }
                }
                part.seek(SeekFrom::Start(got)).map_err(disk)?;
                stream(answer.into_body(), part, got, size).await.map_err(failed)?
            }
        };
        part.sync_all().map_err(disk)?;
        if came < size {
            let (from, file) = (self.shown(), file.into());
            return Err(UpdateError::BrokeOff { from, file, got: came, size });
        }
        Ok(())
    }
}

/// The body into `part`; how many bytes `part` then has. A connection that breaks off is not an
/// error here.
async fn stream(mut body: Incoming, part: &mut File, got: u64, size: u64) -> Result<u64, String> {
    let mut at = got;
    while let Ok(Some(more)) = piece(&mut body).await {
        at = at.saturating_add(more.len() as u64);
        if at > size {
            part.set_len(0).map_err(|e| e.to_string())?;
            return Err(format!("it is longer than the {size} bytes of the list"));
        }
        part.write_all(&more).map_err(|e| e.to_string())?;
    }
    Ok(at)
}

/// The next piece of a body; `None` at its end.
async fn piece(body: &mut Incoming) -> Result<Option<Bytes>, String> {
    loop {
        if body.is_end_stream() {
            return Ok(None);
        }
        match timeout(SILENCE_MAX, body.frame()).await {
            Err(_) => return Err("it is silent".into()),
            Ok(None) => return Ok(None),
            Ok(Some(Err(why))) => return Err(why.to_string()),
            Ok(Some(Ok(frame))) => {
                if let Ok(data) = frame.into_data() {
                    return Ok(Some(data));
                }
            }
        }
    }
}

/// Where a part of an answer begins.
fn begins(answer: &hyper::Response<Incoming>) -> Option<u64> {
    let range = answer.headers().get(CONTENT_RANGE)?.to_str().ok()?;
    range.strip_prefix("bytes ")?.split('-').next()?.parse().ok()
}

/// Opens an ordinary file: a pipe or a device on a share would never end. Nor does it wait for one
/// that somebody puts there between the two looks.
fn ordinary(path: PathBuf) -> io::Result<File> {
    let kind = path.metadata()?;
    let mut options = File::options();
    options.read(true);
    #[cfg(unix)]
    if let Ok(flags) = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()) {
        std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, flags);
    }
    let file = options.open(&path)?;
    if kind.is_file() && file.metadata()?.is_file() {
        return Ok(file);
    }
    Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not an ordinary file"))
}

/// A file from byte `from` on, read by a thread of its own. A share that hangs holds whoever reads
/// it, and no limit of time would count. The thread ends when nobody takes what it reads; one that
/// hangs ends with the program.
fn pieces(path: PathBuf, from: u64) -> Result<mpsc::Receiver<io::Result<Vec<u8>>>, String> {
    let (give, take) = mpsc::channel(PIECES_AHEAD);
    let reading = move || {
        let read = ordinary(path).and_then(|mut file| {
            file.seek(SeekFrom::Start(from))?;
            loop {
                let mut piece = Vec::new();
                (&file).take(PIECE_BYTES).read_to_end(&mut piece)?;
                if piece.is_empty() || give.blocking_send(Ok(piece)).is_err() {
                    return Ok(());
                }
            }
        });
        if let Err(why) = read {
            // Whoever asked may have given up.
            let _ = give.blocking_send(Err(why));
        }
    };
    let spawned = std::thread::Builder::new().name("signet-share".into()).spawn(reading);
    spawned.map(|_| take).map_err(|e| e.to_string())
}

/// What comes behind the first `got` bytes into `part`; how many bytes it then has, at most `size`.
/// A share that is silent is not an error here.
async fn copied(
    mut from: mpsc::Receiver<io::Result<Vec<u8>>>,
    part: &mut File,
    got: u64,
    size: u64,
) -> Result<u64, String> {
    let mut at = got;
    while at < size {
        let Ok(Some(more)) = timeout(SILENCE_MAX, from.recv()).await else { break };
        let mut more = more.map_err(|e| e.to_string())?;
        more.truncate(usize::try_from(size.saturating_sub(at)).unwrap_or(usize::MAX));
        part.write_all(&more).map_err(|e| format!("this computer cannot write it: {e}"))?;
        at = at.saturating_add(more.len() as u64);
    }
    Ok(at)
}
