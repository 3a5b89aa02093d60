//! The local socket: who may ask, and what is done.

use super::{
    Operator,
    answers::{self, date_us},
    ask::{Answer, ControlRefusal, REQUEST_BYTES_MAX, Request, checked_reason, control_path},
};
use crate::{
    admin::account_of, admin_api::networks, config::Config, pipeline::Which, response::Network,
};
use serde_json::{Value, json};
use signet_events::{About, Actor, Text};
use std::{
    fs, io,
    os::unix::fs::{FileTypeExt as _, PermissionsExt as _},
    path::Path,
    rc::Rc,
    sync::Arc,
    time::Duration,
};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{UnixListener, UnixStream, unix::UCred},
    sync::Semaphore,
    time::timeout,
};

/// Commands at once.
const CONNECTIONS_MAX: usize = 16;
/// A whole question with its answer.
const CONNECTION_MAX: Duration = Duration::from_secs(10);
const ALERTS_MAX: usize = 500;

/// `None`: it cannot be; trading goes on without it, and the log says why.
pub(super) fn open(config: &Config) -> Option<UnixListener> {
    let path = control_path(config);
    match bind(&path) {
        Ok(l) => Some(l),
        Err(e) => {
            tracing::error!(
                path = %path.display(),
                error = %e,
                "the commands status, top, sessions, alerts and kill will not work, nor lockout of \
                    networks: their socket cannot be opened. Its path may have about 100 bytes; \
                    choose a shorter state_dir"
            );
            None
        }
    }
}

/// The state directory is this process' alone (its journal is locked), so a socket that is there is
/// of a gateway that is gone.
fn bind(path: &Path) -> io::Result<UnixListener> {
    match fs::symlink_metadata(path) {
        Ok(m) if m.file_type().is_socket() => fs::remove_file(path)?,
        Ok(_) => return Err(io::Error::other("a file that is not a socket is in its place")),
        Err(e) if e.kind() == io::ErrorKind::NotFound => {}
        Err(e) => return Err(e),
    }
    let listener = UnixListener::bind(path)?;
    // The folder keeps others out already.
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// Removes the socket.
pub(super) fn close(config: &Config) {
    let _ = fs::remove_file(control_path(config));
}

/// Answers for ever.
pub(super) async fn serve(listener: UnixListener, operator: Rc<Operator>) {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let Ok(place) = places.clone().acquire_owned().await else { return };
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(e) => {
                tracing::error!(error = %e, "operator: cannot accept");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let operator = operator.clone();
        tokio::task::spawn_local(async move {
            if timeout(CONNECTION_MAX, connection(stream, &operator)).await.is_err() {
                tracing::warn!("operator: a command took too long; closed");
            }
            drop(place);
        });
    }
}

async fn connection(mut stream: UnixStream, operator: &Operator) {
    let answer = match stream.peer_cred() {
        Ok(who) => {
            let mut line = Vec::new();
            let mut reader = BufReader::new((&mut stream).take(REQUEST_BYTES_MAX));
            match reader.read_until(b'\n', &mut line).await {
                Ok(_) => operator.obey(&who, &line).await,
                Err(e) => Err(malformed(&e)),
            }
        }
        Err(e) => Err(malformed(&e)),
    };
    let answer = answer.map_or_else(Answer::Refused, Answer::Done);
    if let Ok(bytes) = serde_json::to_vec(&answer) {
        let _ = stream.write_all(&bytes).await;
    }
    let _ = stream.shutdown().await;
}

fn malformed(e: &dyn std::fmt::Display) -> ControlRefusal {
    let cure = "use the signet-gateway of the version that runs";
    ControlRefusal::new("operator.malformed", format!("the request cannot be read: {e}"), cure)
}

fn silent(e: impl std::fmt::Display) -> ControlRefusal {
    let cure = "try again; if it stays so, see the gateway's log";
    ControlRefusal::new("operator.trading_silent", e.to_string(), cure)
}

/// Root, and the account that the gateway itself runs as.
fn may_ask(uid: u32, own: u32) -> bool {
    uid == 0 || uid == own
}

impl Operator {
    async fn obey(&self, who: &UCred, line: &[u8]) -> Result<Value, ControlRefusal> {
        let account = account_of(who.uid(), who.pid());
        let actor = Actor::Account(Text::of(&account));
        if !may_ask(who.uid(), nix::unistd::geteuid().as_raw()) {
            let code = "admin.account_refused";
            tracing::warn!(account, code, "operator: refused");
            self.events.by(actor, code, About::object("control.sock"), "not its account");
            let words = format!("{account} may not ask this gateway");
            let cure = "run the command as root or as the gateway's account";
            return Err(ControlRefusal::new(code, words, cure));
        }
        let request: Request = serde_json::from_slice(line).map_err(|e| malformed(&e))?;
        tracing::debug!(account, ?request, "operator: asked");
        match request {
            Request::Status {} => Ok(self.status().await),
            Request::Sessions {} => {
                let all = self.trading.sessions().await.map_err(silent)?;
                answers::sessions(&all).map_err(silent)
            }
            Request::Metrics {} => Ok(json!({ "text": self.text() })),
            Request::Alerts { after, limit } => {
                let all = self.alerts.after(after, limit.min(ALERTS_MAX));
                let one = |a: &crate::metrics::Alert| {
                    let mut v = json!(a);
                    v["at"] = json!(date_us(a.at_us));
                    v
                };
                let alerts: Vec<Value> = all.iter().map(one).collect();
                // Their numbers begin again at each start.
                Ok(json!({ "alerts": alerts, "since_ms": self.started.0 }))
            }
            Request::Lockouts {} => {
                let all = self.trading.lockouts().await.map_err(silent)?;
                Ok(json!({ "networks": networks(&all) }))
            }
            Request::LiftNetwork { network } => self.lift(&network, actor).await,
            Request::Kill { name, reason } => self.kill(name, &reason, actor).await,
        }
    }

    /// At this gateway alone: others of the same registry hear of a lift through that.
    async fn lift(&self, network: &str, actor: Actor) -> Result<Value, ControlRefusal> {
        let refused = |code: &str, words: String| {
            ControlRefusal::new(code, words, "see signet-gateway lockout list")
        };
        let found = Network::read(network).ok_or_else(|| {
            refused("lockout.unknown", format!("{network:?} is not the address of a network"))
        })?;
        tracing::warn!(%actor, network = %found, "operator: a network is let in by order");
        match self.trading.lift_network(found, actor).await.map_err(silent)? {
            true => Ok(json!({ "lifted": found.to_string() })),
            false => Err(refused("lockout.not_there", format!("{found} is not locked out"))),
        }
    }

    async fn kill(
        &self,
        name: Option<String>,
        reason: &str,
        actor: Actor,
    ) -> Result<Value, ControlRefusal> {
        let reason = checked_reason(reason)?.to_owned();
        let which = name.clone().map_or(Which::All, Which::Named);
        tracing::warn!(%actor, ?which, reason, "operator: sessions are ended by order");
        let ended = self.trading.end_all(which, reason, actor).await.map_err(silent)?;
        match name {
            Some(name) if ended.is_empty() => {
                let words = format!("no desk or user {name:?} is on");
                Err(ControlRefusal::new("admin.not_on", words, "see signet-gateway sessions"))
            }
            _ => Ok(json!({ "ended": ended })),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_root_and_the_gateways_account_may_ask() {
        for (uid, own, may) in
            [(0, 990, true), (990, 990, true), (1000, 990, false), (1000, 0, false), (0, 0, true)]
        {
            assert_eq!(may_ask(uid, own), may, "{uid} {own}");
        }
    }

    #[tokio::test]
    async fn a_socket_of_a_gateway_that_is_gone_is_replaced_and_a_file_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("control.sock");
        drop(bind(&path).unwrap());
        assert!(path.exists(), "left behind, as by a crash");
        let listener = bind(&path).unwrap();
        let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600);
        drop(listener);
        fs::remove_file(&path).unwrap();
        fs::write(&path, "mine").unwrap();
        assert!(bind(&path).is_err());
        assert_eq!(fs::read_to_string(&path).unwrap(), "mine");
    }
}
