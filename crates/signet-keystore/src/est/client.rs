//! The exchanges with an EST service.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::CertificateDer;
use signet_identity::{
    ClientProfile, Crls, DeviceKey, EnrolledFacts, EstAddress, Identity, Invitation, KeyError,
    SpkiPin, TlsPolicy, TlsVersions, TrustRoots, is_user_id,
};
use signet_net::ProxySetting;
use time::OffsetDateTime;
use zeroize::Zeroizing;

use super::answer::{self, CsrAttributes, Enrolled, Expected};
use super::error::EstError;
use super::http;
use crate::csr::certificate_request;

/// How long one exchange may take, unless told otherwise: an external authority behind the
/// gateway may be slow.
pub const TIME_MAX_DEFAULT: Duration = Duration::from_secs(45);
/// The longest one-time code, in characters.
const CODE_CHARS_MAX: usize = 100;

/// One EST service, and what is trusted about it.
#[derive(Debug, Clone)]
pub struct EstClient {
    address: EstAddress,
    trust_domain: String,
    roots: TrustRoots,
    pins: Vec<SpkiPin>,
    policy: TlsPolicy,
    crls: Option<Crls>,
    proxy: ProxySetting,
    time_max: Duration,
}

impl EstClient {
    /// The service that an invitation names.
    ///
    /// The invitation's pins are those of the gateway's FIX listener, and the EST service may have
    /// another key, so they are not applied here; see [`Self::with_pins`].
    ///
    /// # Errors
    /// When none of the invitation's anchors can be read.
    pub fn for_invitation(invitation: &Invitation) -> Result<Self, EstError> {
        let roots = TrustRoots::new(invitation.anchors.iter().cloned())?;
        Ok(Self::new(invitation.est.clone(), &invitation.fix.trust_domain, roots))
    }

    /// A service at an address.
    #[must_use]
    pub fn new(address: EstAddress, trust_domain: &str, roots: TrustRoots) -> Self {
        Self {
            address,
            trust_domain: trust_domain.to_owned(),
            roots,
            pins: Vec::new(),
            policy: TlsPolicy::default(),
            crls: None,
            proxy: ProxySetting::default(),
            time_max: TIME_MAX_DEFAULT,
        }
    }

    /// Accepts only an EST service with one of these keys.
    #[must_use]
    pub fn with_pins(mut self, pins: impl IntoIterator<Item = SpkiPin>) -> Self {
        self.pins = pins.into_iter().collect();
        self
    }

    /// Sets hybrid-only and FIPS. TLS 1.2 is never allowed, whatever the policy says.
    #[must_use]
    pub fn with_policy(mut self, policy: TlsPolicy) -> Self {
        self.policy = TlsPolicy { versions: TlsVersions::Tls13Only, ..policy };
        self
    }

    /// Checks the service's certificate against revocation lists.
    #[must_use]
    pub fn with_crls(mut self, crls: Crls) -> Self {
        self.crls = Some(crls);
        self
    }

    /// Sets whether and which proxy is used.
    #[must_use]
    pub fn with_proxy(mut self, proxy: ProxySetting) -> Self {
        self.proxy = proxy;
        self
    }

    /// Sets how long one exchange may take.
    #[must_use]
    pub fn with_time_max(mut self, time_max: Duration) -> Self {
        self.time_max = time_max;
        self
    }

    /// RFC 7030 §4.1: the authorities of the certificates that the service issues.
    ///
    /// # Errors
    /// [`EstError`]; the certificates are not checked here.
    pub async fn cacerts(&self) -> Result<Vec<CertificateDer<'static>>, EstError> {
        let body = self.exchange(None, http::Request::get("cacerts")).await?;
        answer::certificates(&answer::base64(&body)?)
    }

    /// RFC 7030 §4.5: what a request should contain. Empty when the server has no wishes.
    ///
    /// # Errors
    /// [`EstError`] when the list cannot be read or is too long.
    pub async fn csrattrs(&self) -> Result<CsrAttributes, EstError> {
        match self.exchange(None, http::Request::get("csrattrs")).await {
            Ok(body) if body.is_empty() => Ok(CsrAttributes::default()),
            Ok(body) => answer::csr_attributes(&answer::base64(&body)?),
            // §4.5.2: a server without attributes may answer 404.
            Err(EstError::Refused { status: 404, .. }) => Ok(CsrAttributes::default()),
            Err(error) => Err(error),
        }
    }

    /// RFC 7030 §4.2.1: the first certificate of `key`, for the one-time code.
    ///
    /// `device` is a name from [`signet_identity::device_name`]. Only success uses up the code.
    ///
    /// # Errors
    /// [`EstError::BadInput`] for a user id or code that cannot be one, else what the server, the
    /// key or the check of the certificate says.
    pub async fn simpleenroll(
        &self,
        key: Arc<dyn DeviceKey>,
        user: &str,
        code: &str,
        device: &str,
    ) -> Result<Enrolled, EstError> {
        if !is_user_id(user) {
            return Err(EstError::BadInput("the user id"));
        }
        let printable = code.bytes().all(|b| b.is_ascii_graphic() || b == b' ');
        if code.trim().is_empty() || code.len() > CODE_CHARS_MAX || !printable {
            return Err(EstError::BadInput("the enrolment code"));
        }
        let credentials = Zeroizing::new(format!("{user}:{}", code.trim()));
        let credentials = Zeroizing::new(STANDARD.encode(credentials.as_bytes()));
        let expected = Expected {
            trust_domain: self.trust_domain.clone(),
            user: user.to_owned(),
            device: device.to_owned(),
            comp_id: None,
        };
        self.enroll(None, "simpleenroll", Some(credentials), key, expected).await
    }

    /// RFC 7030 §4.2.2: the next certificate, for a new key, proved by the current identity.
    ///
    /// # Errors
    /// [`EstError::NotEnrolledHere`] for a certificate without a user, [`EstError::SameKey`] for
    /// its own key, else as [`Self::simpleenroll`].
    pub async fn simplereenroll(
        &self,
        current: &Identity,
        key: Arc<dyn DeviceKey>,
    ) -> Result<Enrolled, EstError> {
        let peer = current.peer().map_err(EstError::Certificate)?;
        let EnrolledFacts { user, device, .. } = peer.enrolled.ok_or(EstError::NotEnrolledHere)?;
        if current.facts().spki_sha256 == SpkiPin::of_spki(key.spki().as_ref()) {
            return Err(EstError::SameKey);
        }
        let expected = Expected {
            trust_domain: self.trust_domain.clone(),
            user,
            device,
            comp_id: Some(peer.comp_id),
        };
        self.enroll(Some(current), "simplereenroll", None, key, expected).await
    }

    async fn enroll(
        &self,
        current: Option<&Identity>,
        operation: &'static str,
        credentials: Option<Zeroizing<String>>,
        key: Arc<dyn DeviceKey>,
        expected: Expected,
    ) -> Result<Enrolled, EstError> {
        if self.csrattrs().await?.excludes_p256() {
            return Err(EstError::KeyKindUnwanted);
        }
        let authorities = self.cacerts().await?;
        let request = {
            let (key, device) = (Arc::clone(&key), expected.device.clone());
            // A token may wait here for its PIN.
            let signed =
                tokio::task::spawn_blocking(move || certificate_request(key.as_ref(), &device))
                    .await;
            signed.map_err(|_| KeyError::CannotSign)??
        };
        let request = http::Request::post(operation, STANDARD.encode(request), credentials);
        let body = self.exchange(current, request).await?;
        let certificates = answer::certificates(&answer::base64(&body)?)?;
        answer::check(
            certificates,
            &authorities,
            key.spki().as_ref(),
            &expected,
            OffsetDateTime::now_utc(),
        )
    }

    async fn exchange(
        &self,
        current: Option<&Identity>,
        request: http::Request,
    ) -> Result<Vec<u8>, EstError> {
        let profile = match current {
            Some(identity) => ClientProfile::new(self.roots.clone(), identity.certified_key()),
            None => ClientProfile::without_certificate(self.roots.clone()),
        };
        let mut profile = profile.with_policy(self.policy).with_pins(self.pins.iter().copied());
        if let Some(crls) = &self.crls {
            profile = profile.with_crls(crls.clone());
        }
        http::exchange(&self.address, &self.proxy, profile.config()?, request, self.time_max).await
    }
}
