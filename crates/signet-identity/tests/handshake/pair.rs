//! Both ends of a TLS connection in one thread, without a socket.

use std::io::{Read as _, Write as _};
use std::sync::Arc;

use rustls::pki_types::ServerName;
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, ClientConnection, ServerConfig, ServerConnection};
use signet_devca::{DevPki, Order};
use signet_identity::{ClientProfile, Refusal, ServerProfile, Stage};
use time::OffsetDateTime;

pub const TRUST_DOMAIN: &str = "practice.signet.example";

pub fn pki() -> DevPki {
    DevPki::generate(TRUST_DOMAIN, OffsetDateTime::now_utc()).unwrap()
}

/// Another world, whose authorities bear other names.
pub fn foreign_pki() -> DevPki {
    DevPki::generate("elsewhere.example", OffsetDateTime::now_utc()).unwrap()
}

pub fn issue(pki: &DevPki, order: &Order) -> Arc<CertifiedKey> {
    pki.issue(order).unwrap().certified_key().unwrap()
}

pub fn desk(pki: &DevPki) -> ClientProfile {
    ClientProfile::new(pki.gateway_roots().unwrap(), issue(pki, &Order::desk("TRADER1")))
}

pub fn gateway(pki: &DevPki) -> ServerProfile {
    ServerProfile::new(pki.desk_roots().unwrap(), issue(pki, &Order::gateway("SIGNET")))
}

pub struct Pair {
    pub client: ClientConnection,
    pub server: ServerConnection,
}

/// How each end saw the failure; an end that saw none is `None`.
#[derive(Debug, PartialEq, Eq)]
pub struct Failure {
    pub client: Option<Refusal>,
    /// Whether the client believed the handshake complete when it failed.
    pub client_was_done: bool,
    pub server: Option<Refusal>,
}

impl Pair {
    pub fn connect(
        client: &Arc<ClientConfig>,
        server: &Arc<ServerConfig>,
    ) -> Result<Self, Box<Failure>> {
        let name = ServerName::try_from("localhost").unwrap();
        let mut pair = Self {
            client: ClientConnection::new(Arc::clone(client), name).unwrap(),
            server: ServerConnection::new(Arc::clone(server)).unwrap(),
        };
        pair.run().map(|()| pair)
    }

    fn run(&mut self) -> Result<(), Box<Failure>> {
        let (mut client, mut server) = (None, None);
        let mut client_was_done = false;
        // Goes on after a failure, so that the failing end's alert reaches the other.
        for _ in 0..20 {
            let mut wire = Vec::new();
            while self.client.wants_write() {
                self.client.write_tls(&mut wire).unwrap();
            }
            if server.is_none() && !wire.is_empty() {
                self.server.read_tls(&mut wire.as_slice()).unwrap();
                let done = self.server.process_new_packets();
                server = done.err().map(|e| Refusal::seen_by_server(&e, Stage::Handshake));
            }
            let mut wire = Vec::new();
            while self.server.wants_write() {
                self.server.write_tls(&mut wire).unwrap();
            }
            if client.is_none() && !wire.is_empty() {
                client_was_done = !self.client.is_handshaking();
                let stage = if client_was_done { Stage::Session } else { Stage::Handshake };
                self.client.read_tls(&mut wire.as_slice()).unwrap();
                let done = self.client.process_new_packets();
                client = done.err().map(|e| Refusal::seen_by_client(&e, stage));
            }
        }
        if client.is_none() && server.is_none() {
            return Ok(());
        }
        Err(Box::new(Failure { client, client_was_done, server }))
    }

    /// Sends a line each way, to see that the connection carries data.
    pub fn exchange(&mut self) {
        self.client.writer().write_all(b"ping").unwrap();
        self.server.writer().write_all(b"pong").unwrap();
        self.run().unwrap();
        let (mut to_server, mut to_client) = ([0; 4], [0; 4]);
        self.server.reader().read_exact(&mut to_server).unwrap();
        self.client.reader().read_exact(&mut to_client).unwrap();
        assert_eq!((&to_server, &to_client), (b"ping", b"pong"));
    }
}

pub fn failure(client: &ClientProfile, server: &ServerProfile) -> Failure {
    match Pair::connect(&client.config().unwrap(), &server.config().unwrap()) {
        Ok(_) => panic!("the handshake succeeded"),
        Err(failure) => *failure,
    }
}
