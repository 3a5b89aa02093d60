//! TLS of a listener, rebuilt when revocation lists change.

use super::crl::CrlFiles;
use rustls::ServerConfig;
use rustls_pki_types::CertificateDer;
use signet_identity::{Crls, ProfileError, Refusal, Revocation, ServerProfile, TlsVersions};
use std::{
    cell::{Cell, RefCell},
    sync::Arc,
};
use time::OffsetDateTime;
use tokio_rustls::TlsAcceptor;

pub struct ListenerTls {
    /// Whose listener it is, for the log.
    whose: &'static str,
    base: ServerProfile,
    now: RefCell<(ServerProfile, TlsAcceptor)>,
    /// How often that has changed.
    changes: Cell<u64>,
}

impl ListenerTls {
    /// Lists that cannot be used count as missing: the gateway starts, and `required` says for
    /// whom.
    pub fn new(
        whose: &'static str,
        base: ServerProfile,
        crls: Option<Crls>,
        required: bool,
    ) -> Result<Self, ProfileError> {
        let now = built(&base, crls).or_else(|e| {
            tracing::error!(error = %e, required, "the revocation lists for {whose} cannot be \
                used");
            let none = Crls::default().with_revocation(Revocation::Required);
            built(&base, Some(none).filter(|_| required))
        })?;
        Ok(Self { whose, base, now: RefCell::new(now), changes: Cell::new(0) })
    }

    pub fn acceptor(&self) -> TlsAcceptor {
        self.now.borrow().1.clone()
    }

    /// How often lists were taken: whoever keeps what [`Self::quic`] returned looks here.
    pub fn changes(&self) -> u64 {
        self.changes.get()
    }

    /// What handshakes over QUIC use: the same profile, TLS 1.3 only.
    pub fn quic(&self) -> Result<Arc<ServerConfig>, ProfileError> {
        self.now.borrow().0.clone().with_versions(TlsVersions::default()).config()
    }

    /// Asks of a chain, leaf first, what a handshake would now: dates, path and lists.
    pub fn recheck(
        &self,
        chain: &[CertificateDer<'_>],
        now: OffsetDateTime,
    ) -> Result<(), Refusal> {
        self.now.borrow().0.recheck(chain, now)
    }

    /// Takes lists that were read, in the files (`changed`) or our own; whether they are in force
    /// now. Lists that cannot be used change nothing.
    pub fn take(&self, files: &mut CrlFiles, own: Option<&[u8]>, changed: bool) -> bool {
        files.complain(OffsetDateTime::now_utc());
        if !changed {
            return false;
        }
        match built(&self.base, files.crls(own)) {
            Ok(new) => {
                self.now.replace(new);
                self.changes.set(self.changes.get() + 1);
                true
            }
            Err(e) => {
                tracing::error!(error = %e, "new revocation lists for {} cannot be used; the last \
                    ones stay", self.whose);
                false
            }
        }
    }
}

fn built(
    base: &ServerProfile,
    crls: Option<Crls>,
) -> Result<(ServerProfile, TlsAcceptor), ProfileError> {
    let profile = crls.into_iter().fold(base.clone(), ServerProfile::with_crls);
    let acceptor = TlsAcceptor::from(profile.config()?);
    Ok((profile, acceptor))
}
