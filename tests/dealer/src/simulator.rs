//! All dealers of one process, and the handles to make them misbehave.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::ServerConfig;
use signet_identity::{
    MessageKey, PemError, ProfileError, ServerIdentity, ServerProfile, TrustRoots,
};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::book::Force;
use crate::dealer::{self, Control, Setup};
use crate::instrument::Instruments;
use crate::ledger::LedgerError;
use crate::settings::{Settings, SettingsError, Signs};

/// The dealers could not be started. At fault: the settings or this machine.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SimulatorError {
    /// The settings cannot be used.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// A certificate and its key make no TLS server.
    #[error(transparent)]
    Profile(#[from] ProfileError),
    /// A file of certificates or keys cannot be read.
    #[error(transparent)]
    Pem(#[from] PemError),
    /// The file of orders cannot be used.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The folder for sequence numbers and orders cannot be made, or not kept private.
    #[error("{path}: {source}")]
    StateDirectory {
        /// The folder.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// One dealer cannot start.
    #[error("dealer {id}: {detail}")]
    Dealer {
        /// Its CompID.
        id: String,
        /// What is wrong.
        detail: String,
    },
    /// [`Credentials`] have no certificate for a dealer of the settings.
    #[error("dealer {id} has no certificate")]
    NoCertificate {
        /// Its CompID.
        id: String,
    },
    /// No running dealer has this CompID.
    #[error("there is no dealer {id}")]
    NoSuchDealer {
        /// The CompID that was asked for.
        id: String,
    },
    /// The dealer's task has ended.
    #[error("dealer {id} has stopped")]
    Stopped {
        /// Its CompID.
        id: String,
    },
}

/// The dealers' TLS credentials: each has its own certificate, all trust the same authority for
/// gateways.
#[derive(Debug, Clone)]
pub struct Credentials {
    trust_domain: String,
    servers: BTreeMap<String, Arc<ServerConfig>>,
    message_keys: BTreeMap<String, MessageKey>,
}

impl Credentials {
    /// Gateways must belong to `trust_domain`. Add each dealer's certificate with
    /// [`Credentials::with_dealer`].
    #[must_use]
    pub fn new(trust_domain: &str) -> Self {
        Self {
            trust_domain: trust_domain.to_owned(),
            servers: BTreeMap::new(),
            message_keys: BTreeMap::new(),
        }
    }

    /// The TLS side of one dealer.
    pub fn with_dealer(mut self, id: &str, profile: &ServerProfile) -> Result<Self, ProfileError> {
        self.servers.insert(id.to_owned(), profile.config()?);
        Ok(self)
    }

    /// What a dealer that signs its messages signs with: the key of its certificate.
    #[must_use]
    pub fn with_message_key(mut self, id: &str, key: MessageKey) -> Self {
        self.message_keys.insert(id.to_owned(), key);
        self
    }

    /// Reads `gateways-ca.pem`, `<id>.pem` and `<id>-key.pem` of every dealer, as the practice
    /// authority writes them.
    pub fn from_directory(
        directory: &Path,
        trust_domain: &str,
        settings: &Settings,
    ) -> Result<Self, SimulatorError> {
        let roots = TrustRoots::from_pem_file(&directory.join("gateways-ca.pem"))?;
        let mut credentials = Self::new(trust_domain);
        for dealer in &settings.dealers {
            let chain = directory.join(format!("{}.pem", dealer.id));
            let key = directory.join(format!("{}-key.pem", dealer.id));
            let identity = ServerIdentity::from_pem_files(&chain, &key)?;
            let profile = ServerProfile::new(roots.clone(), identity.certified_key());
            let key = identity.message_key().map_err(|e| SimulatorError::Dealer {
                id: dealer.id.clone(),
                detail: e.to_string(),
            })?;
            credentials =
                credentials.with_dealer(&dealer.id, &profile)?.with_message_key(&dealer.id, key);
        }
        Ok(credentials)
    }
}

/// Running dealers. Dropping it ends them without a Logout; [`Simulator::stop`] is kinder.
#[derive(Debug)]
pub struct Simulator {
    dealers: BTreeMap<String, Running>,
}

#[derive(Debug)]
struct Running {
    address: SocketAddr,
    control: DealerControl,
    task: JoinHandle<()>,
}

/// Makes one dealer do things. Cheap to clone.
#[derive(Debug, Clone)]
pub struct DealerControl {
    id: String,
    controls: mpsc::Sender<Control>,
}

impl DealerControl {
    /// Returns when the dealer has done it (what it sends by that is then on its way).
    pub async fn force(&self, force: Force) -> Result<(), SimulatorError> {
        let stopped = || SimulatorError::Stopped { id: self.id.clone() };
        let (done, is_done) = oneshot::channel();
        self.controls.send(Control::Force(force, done)).await.map_err(|_| stopped())?;
        is_done.await.map_err(|_| stopped())
    }
}

impl Simulator {
    /// Starts every dealer. Sequence numbers and orders live on in `state_dir`.
    ///
    /// # Errors
    /// When one of them cannot start; those already started are ended again.
    pub async fn start(
        settings: &Settings,
        instruments: Instruments,
        credentials: &Credentials,
        state_dir: &Path,
    ) -> Result<Self, SimulatorError> {
        settings.check()?;
        make_private(state_dir)?;
        let instruments = Arc::new(instruments);
        let mut simulator = Self { dealers: BTreeMap::new() };
        for dealer in &settings.dealers {
            let id = dealer.id.clone();
            let tls = credentials.servers.get(&id);
            let tls = tls.ok_or_else(|| SimulatorError::NoCertificate { id: id.clone() })?;
            if dealer.signs != Signs::No && !credentials.message_keys.contains_key(&id) {
                return Err(SimulatorError::Dealer {
                    id,
                    detail: "signs, and has no key to sign with".into(),
                });
            }
            let setup = Setup {
                settings: Arc::new(dealer.clone()),
                gateway: settings.gateway.clone(),
                trust_domain: credentials.trust_domain.clone(),
                instruments: Arc::clone(&instruments),
                tls: Arc::clone(tls),
                message_key: credentials.message_keys.get(&id).cloned(),
            };
            let started = dealer::start(setup, state_dir).await?;
            tracing::info!(dealer = %id, address = %started.address, "listens");
            let control = DealerControl { id: id.clone(), controls: started.controls };
            let running = Running { address: started.address, control, task: started.task };
            simulator.dealers.insert(id, running);
        }
        Ok(simulator)
    }

    /// Where each dealer listens, by CompID.
    #[must_use]
    pub fn addresses(&self) -> BTreeMap<String, SocketAddr> {
        self.dealers.iter().map(|(id, running)| (id.clone(), running.address)).collect()
    }

    /// The handle to one dealer.
    pub fn control(&self, id: &str) -> Result<DealerControl, SimulatorError> {
        let running = self.dealers.get(id);
        running
            .map(|running| running.control.clone())
            .ok_or_else(|| SimulatorError::NoSuchDealer { id: id.to_owned() })
    }

    /// Makes one dealer do something.
    pub async fn force(&self, id: &str, force: Force) -> Result<(), SimulatorError> {
        self.control(id)?.force(force).await
    }

    /// Logs every session out and ends all dealers.
    pub async fn stop(mut self) {
        let dealers = std::mem::take(&mut self.dealers);
        for running in dealers.values() {
            // One that has ended already needs no telling.
            let _ = running.control.controls.send(Control::Stop).await;
        }
        for running in dealers.into_values() {
            if let Err(error) = running.task.await {
                tracing::error!(%error, "a dealer ended badly");
            }
        }
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        for running in self.dealers.values() {
            running.task.abort();
        }
    }
}

/// The engine's store keeps messages in the clear, so only the owner may read it, although they are
/// simulated.
fn make_private(directory: &Path) -> Result<(), SimulatorError> {
    let failed = |source| SimulatorError::StateDirectory { path: directory.to_owned(), source };
    std::fs::create_dir_all(directory).map_err(failed)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let private = std::fs::Permissions::from_mode(0o700);
        std::fs::set_permissions(directory, private).map_err(failed)?;
    }
    Ok(())
}
