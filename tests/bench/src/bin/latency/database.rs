//! A registry in PostgreSQL, with a network between it and the gateway.

use crate::{between::start_delay, postgres};
use std::{net::SocketAddr, path::Path, time::Duration};

/// Two milliseconds there and back.
const ONE_WAY: Duration = Duration::from_millis(1);

/// It ends with this.
pub struct Database {
    _server: postgres::Postgres,
    /// The section `[registry]`.
    pub registry: String,
}

impl Database {
    /// `None`: PostgreSQL is not installed, or `SIGNET_WITHOUT_POSTGRES=1` leaves it out.
    pub fn start(dir: &Path) -> Option<Self> {
        postgres::installed()?;
        let server = postgres::Postgres::start()?;
        let (url, password) = server.database("bench", dir);
        let rest = url.strip_prefix("postgres://signet@127.0.0.1:").expect("its URL");
        let (port, name) = rest.split_once('/').expect("a port and a name");
        let at = SocketAddr::from(([127, 0, 0, 1], port.parse::<u16>().expect("a port")));
        let registry = format!(
            "url = \"postgres://signet@127.0.0.1:{}/{name}\"\npassword_file = \"{}\"\n",
            start_delay(at, ONE_WAY).port(),
            password.display()
        );
        Some(Self { _server: server, registry })
    }
}
