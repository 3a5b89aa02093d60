//! The section `[metrics]`: where the metrics are read.

use super::{Config, ConfigError, value};
use serde::Deserialize;
use std::{
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
};

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MetricsSection {
    #[serde(default = "default_listen")]
    pub listen: SocketAddr,
    /// CA certificates that whoever reads must have a certificate of, over TLS. Without it anybody
    /// on this machine may read over plain HTTP, and nobody else.
    #[serde(default)]
    pub trust: Option<PathBuf>,
}

fn default_listen() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 9446).into()
}

impl Config {
    /// Fail closed: names of dealers and counts of trades do not go over a network in the clear.
    pub(crate) fn check_metrics(&self) -> Result<(), ConfigError> {
        let open =
            |m: &&MetricsSection| m.trust.is_none() && !m.listen.ip().to_canonical().is_loopback();
        match self.metrics.as_ref().filter(open) {
            Some(m) => Err(value(
                "metrics.listen",
                format!(
                    "{} can be reached from other machines; name the authority of who may read in \
                        metrics.trust, or listen on 127.0.0.1",
                    m.listen
                ),
            )),
            None => Ok(()),
        }
    }
}
