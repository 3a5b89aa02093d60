//! The FIXS settings of TLS, in one place, for every listener and dialler.
//!
//! Versions, suites and groups are in `policy`. Both ends are authenticated by certificate; there
//! is no compression or renegotiation (rustls has neither). Resumption is off at both ends: a
//! resumed session would skip the check of the client's certificate, so a revoked desk could come
//! back.

mod chain;
mod client;
mod crl;
mod error;
mod list;
mod pair;
mod path;
mod pem;
mod policy;
mod recorder;
mod revocation;
mod roots;
mod server;
mod shown;
mod signatures;
mod verify;

pub use chain::check_client_chain;
pub use client::{ClientProfile, PinMatch};
pub use crl::{Crls, Revocation, UnusableList};
pub use error::{CRL_FILE_BYTES_MAX, CRLS_MAX, CrlError, PemError, ProfileError};
pub use list::{CrlFacts, PartialList};
pub use pem::ServerIdentity;
pub use policy::{TlsPolicy, TlsVersions};
pub use recorder::ChainRecorder;
pub use roots::TrustRoots;
pub use server::ServerProfile;
pub use shown::Shown;
