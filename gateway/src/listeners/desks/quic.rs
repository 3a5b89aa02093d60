//! Desks over QUIC: the same admission and the same session as over TCP, on a connection that may
//! move to another address.

use super::{
    ADMISSION_MAX, DeskListener, WAIT_MAX,
    admit::{Secured, VouchedFor},
    in_time,
};
use crate::{
    GatewayError,
    listeners::{
        queue::{AdmissionQueue, Ticket},
        tls::ListenerTls,
    },
    pipeline::Pipeline,
    response,
};
use signet_fix::session::Outbox;
use signet_identity::CompId;
use signet_quic::server::{Connecting, Endpoint, Incoming, Keys, Move, Moves, ServerStream};
use std::{
    cell::Cell,
    convert::Infallible,
    net::{SocketAddr, UdpSocket},
    rc::Rc,
    sync::Arc,
};
use tokio::sync::Semaphore;

/// Handshakes in progress above which a client must first show that it receives at its address.
const UNPROVED_MAX: usize = 16;

const BEHIND_BALANCER: &str =
    "moved behind a load balancer that cannot say for which client it speaks; closed";

/// The UDP side of the listener for desks.
pub struct QuicListener {
    endpoint: Endpoint,
    tls: Rc<ListenerTls>,
    /// The lists that the endpoint has.
    changes: Cell<u64>,
}

impl QuicListener {
    /// Listens on `socket`, which is bound.
    pub fn new(socket: UdpSocket, tls: Rc<ListenerTls>, keys: &Keys) -> Result<Self, GatewayError> {
        let changes = tls.changes();
        let profile = tls.quic().map_err(|e| GatewayError::Tls(e.to_string()))?;
        let endpoint = Endpoint::new(socket, &profile, keys, UNPROVED_MAX)
            .map_err(|source| GatewayError::Io { what: "desks.quic".into(), source })?;
        Ok(Self { endpoint, tls, changes: Cell::new(changes) })
    }

    /// Accepts for ever; every connection is a task of this thread.
    pub(super) async fn serve(
        self,
        desks: &Rc<DeskListener>,
        connections: &Arc<Semaphore>,
        queue: &AdmissionQueue,
        pipeline: &Rc<Pipeline>,
    ) {
        loop {
            let incoming = self.endpoint.accept().await;
            let Some(from) = incoming.remote() else { continue };
            // A load balancer cannot say over QUIC for which client it speaks.
            if desks.is_balancer(from) || !self.lists_are_current() {
                incoming.refuse();
                continue;
            }
            // A connection attempt from a forged address must not use up the tries of its owner:
            // one whose address is not proved yet is asked about after the handshake.
            if incoming.is_validated() && !pipeline.may_try(Some(from.ip())) {
                incoming.refuse();
                continue;
            }
            // An address that may be forged uses up nobody's share: it counts once it is proved.
            let ticket = match queue.arrive(incoming.is_validated().then(|| from.ip())) {
                Ok(t) => t,
                Err(e) => {
                    tracing::warn!(%from, code = "admission.refused", "{e}; one refused");
                    incoming.refuse();
                    continue;
                }
            };
            let (desks, pipeline) = (desks.clone(), pipeline.clone());
            let (connections, lists) = (connections.clone(), self.changes.get());
            tokio::task::spawn_local(async move {
                let turn = async {
                    ticket.turn().await;
                    Some(())
                };
                if in_time(turn, WAIT_MAX, &ticket, from, &pipeline.events).await.is_none() {
                    return;
                }
                let events = &pipeline.events;
                let admitted = Box::pin(async {
                    let (secured, moves) =
                        secure(incoming, from, lists, &ticket, &pipeline).await?;
                    let admitted = desks.admit(secured, Some(&moves), &ticket, &pipeline).await?;
                    Some((admitted, moves))
                });
                if let Some((a, moves)) =
                    in_time(admitted, ADMISSION_MAX, &ticket, from, events).await
                {
                    ticket.logged_on();
                    let run = desks.run_counted(a, Some(moves), from, &connections, &pipeline);
                    Box::pin(run).await;
                }
            });
        }
    }

    /// Hands newer lists to the endpoint; `false`: they are not in force, so nobody may come in.
    fn lists_are_current(&self) -> bool {
        let changes = self.tls.changes();
        if changes == self.changes.get() {
            return true;
        }
        let taken = self.tls.quic().is_ok_and(|profile| self.endpoint.set_tls(&profile).is_ok());
        if taken {
            self.changes.set(changes);
        } else {
            tracing::error!(
                code = "quic.tls",
                "the newest revocation lists cannot be used over \
                QUIC; desks come in over TCP only"
            );
        }
        taken
    }
}

/// The handshake. `lists`: those that the endpoint had when the connection came. `None` when
/// refused; the reason has been logged.
async fn secure(
    incoming: Incoming,
    from: SocketAddr,
    lists: u64,
    ticket: &Ticket,
    pipeline: &Pipeline,
) -> Option<(Secured<ServerStream>, Moves)> {
    let proved = incoming.is_validated();
    let connection = async { incoming.accept().map(Connecting::established)?.await };
    let connection = connection
        .await
        .map_err(|e| {
            tracing::warn!(%from, code = e.code(), "QUIC refused: {e}");
            pipeline.events.stranger(from.ip(), e.code(), e.to_string());
            pipeline.stranger_failed(Some(from.ip()), response::of_quic(&e));
        })
        .ok()?;
    if !proved && !may_be_there(from, ticket, pipeline) {
        return None;
    }
    let (exporter, chain) = (connection.exporter(), connection.peer_certificates());
    let (words, vouched_for) = (connection.describe(), Some(from.ip()));
    let (stream, moves) = connection.into_parts();
    Some((Secured { stream, exporter, chain, words, from, vouched_for, lists }, moves))
}

/// Whether a connection without a Logon may be at an address that it has proved. If not, the reason
/// has been logged.
fn may_be_there(from: SocketAddr, ticket: &Ticket, pipeline: &Pipeline) -> bool {
    if !pipeline.may_try(Some(from.ip())) {
        tracing::debug!(%from, code = "lockout.network", "the network is locked out; closed");
        return false;
    }
    let place = ticket.named(from.ip());
    if let Err(e) = &place {
        tracing::warn!(%from, code = "admission.refused", "{e}; one refused");
    }
    place.is_ok()
}

/// Until the Logon is there: `address` is where the connection has moved to by then, and is judged
/// with it. What may not be there is closed. Over TCP nothing moves.
pub(super) async fn follow_moves(
    desks: &DeskListener,
    moves: Option<&Moves>,
    address: &Cell<VouchedFor>,
    ticket: &Ticket,
    pipeline: &Pipeline,
) -> Infallible {
    let Some(moves) = moves else { return std::future::pending().await };
    loop {
        moves.claimed().await;
        let mut may = true;
        moves.judge(|Move { to, .. }| {
            let balancer = desks.is_balancer(to);
            if balancer {
                tracing::warn!(%to, code = "proxy.refused", "{BEHIND_BALANCER}");
            }
            may = !balancer && may_be_there(to, ticket, pipeline);
            if may {
                address.set(Some(to.ip().to_canonical()));
            }
            may
        });
        if !may {
            moves.close();
        }
    }
}

/// Has the pipeline judge every address to which the connection moves. Over TCP there is none.
pub(super) async fn judge_moves(
    desks: &DeskListener,
    moves: Option<&Moves>,
    desk: &CompId,
    outbox: &Rc<Outbox>,
    pipeline: &Rc<Pipeline>,
) -> Infallible {
    let Some(moves) = moves else { return std::future::pending().await };
    loop {
        moves.claimed().await;
        let mut nobody_vouches = false;
        moves.judge(|to| {
            nobody_vouches = desks.is_balancer(to.to);
            !nobody_vouches && pipeline.moved(desk, outbox, to.to.ip().to_canonical())
        });
        if nobody_vouches {
            tracing::warn!(%desk, code = "proxy.refused", "{BEHIND_BALANCER}");
            moves.close();
        }
    }
}
