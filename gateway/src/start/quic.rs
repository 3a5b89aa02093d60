//! Where desks connect: TCP, and UDP beside it where QUIC can be had.
//!
//! QUIC is a way more, not the only one. A system or a network on which it cannot be had gives a
//! gateway without it, which says so, unless the settings ask for QUIC by name (`desks.quic =
//! true`): then the start fails.

use crate::{
    GatewayError,
    config::Config,
    events::EventSink,
    listeners::{desks::QuicListener, tls::ListenerTls},
    state_dir::quic_keys,
};
use signet_events::About;
use std::{
    io,
    net::{SocketAddr, UdpSocket},
    rc::Rc,
};
use tokio::net::{TcpListener, TcpSocket};

/// Ports that the system may choose, for one that is free for TCP and UDP.
const BIND_TRIES: u32 = 16;
/// Connections that the system keeps until the thread takes them; its own limit (`somaxconn`) may
/// be lower.
const BACKLOG: u32 = 4_096;

/// The UDP side of the listener for desks, before it serves.
#[derive(Debug)]
pub(super) enum Udp {
    /// The settings want none.
    NotWanted,
    Bound(UdpSocket),
    /// The port cannot be had.
    Refused(io::Error),
}

/// TCP, and UDP at the same address and port when desks may come over QUIC.
pub(super) fn bind(config: &Config) -> Result<(TcpListener, Udp, SocketAddr), GatewayError> {
    let failed = |source| {
        let what = format!("desks.listen {}", config.desks.listen);
        GatewayError::Io { what, source }
    };
    let mut tries = 0;
    loop {
        let listener = listen(config.desks.listen).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        if !config.quic() {
            return Ok((listener, Udp::NotWanted, address));
        }
        tries += 1;
        match UdpSocket::bind(address) {
            Ok(udp) => return Ok((listener, Udp::Bound(udp), address)),
            // The system chose a port that is free for TCP only; it may choose again.
            Err(_) if config.desks.listen.port() == 0 && tries < BIND_TRIES => {}
            Err(e) => return Ok((listener, Udp::Refused(e), address)),
        }
    }
}

/// As `TcpListener::bind`, with a longer backlog: of a crowd, the system drops what the thread has
/// not taken yet, and those desks come back a second later.
fn listen(at: SocketAddr) -> io::Result<TcpListener> {
    let socket = if at.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // On Windows the option would let another program take the port.
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    socket.bind(at)?;
    socket.listen(BACKLOG)
}

/// The listener over QUIC, if it is wanted and can be had.
///
/// # Errors
/// It cannot be had, and `desks.quic` asks for it; or its keys cannot be kept.
pub(super) fn listener(
    config: &Config,
    tls: &Rc<ListenerTls>,
    udp: Udp,
    events: &EventSink,
) -> Result<Option<QuicListener>, GatewayError> {
    let made = match udp {
        Udp::NotWanted => return Ok(None),
        Udp::Bound(udp) => QuicListener::new(udp, tls.clone(), &quic_keys(config)?),
        Udp::Refused(source) => {
            let what = format!("desks.listen {} on UDP (desks.quic)", config.desks.listen);
            Err(GatewayError::Io { what, source })
        }
    };
    match made {
        Ok(made) => Ok(Some(made)),
        Err(e) if config.desks.quic == Some(true) => Err(e),
        Err(e) => {
            tracing::warn!(
                code = "quic.off",
                "{e}; desks come in over TCP only. Set desks.quic to false if that is meant, to \
                true if the gateway is not to start without QUIC"
            );
            events.gateway("quic.off", About::object("gateway"), e.to_string());
            Ok(None)
        }
    }
}
