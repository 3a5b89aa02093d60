//! What a certificate is to say, good or deliberately wrong.

use signet_identity::Role;
use time::{Duration, OffsetDateTime};

/// The lifetime of a practice certificate.
const LIFETIME: Duration = Duration::days(7);
/// How far back validity starts, for clocks that differ a little.
const CLOCK_TOLERANCE: Duration = Duration::minutes(5);

/// The certificate policy that marks managed laptops in practice and tests: an example of X.660,
/// nobody's.
pub const MANAGED: &str = "2.999.1";

/// An order for one certificate.
#[derive(Debug, Clone)]
pub struct Order {
    pub(crate) role: Role,
    pub(crate) comp_id: String,
    pub(crate) dns: Vec<String>,
    pub(crate) uri: Option<String>,
    pub(crate) for_server: bool,
    pub(crate) for_client: bool,
    pub(crate) rsa: bool,
    pub(crate) policy: Option<String>,
    validity: Validity,
}

#[derive(Debug, Clone, Copy)]
enum Validity {
    Current,
    Past,
    Future,
    For(Duration),
}

impl Order {
    /// A desk on a managed laptop: TLS client only.
    #[must_use]
    pub fn desk(comp_id: &str) -> Self {
        Self::new(Role::Desk, comp_id, &[], false, true).with_policy(MANAGED)
    }

    /// On a laptop that nobody manages.
    #[must_use]
    pub fn unmanaged(mut self) -> Self {
        self.policy = None;
        self
    }

    /// A gateway: TLS server towards desks, TLS client towards dealers.
    #[must_use]
    pub fn gateway(comp_id: &str) -> Self {
        Self::new(Role::Gateway, comp_id, &["localhost"], true, true)
    }

    /// A dealer: TLS server only.
    #[must_use]
    pub fn dealer(comp_id: &str) -> Self {
        Self::new(Role::Dealer, comp_id, &["localhost"], true, false)
    }

    /// An administrator at a managed workstation: TLS client only.
    #[must_use]
    pub fn admin(id: &str) -> Self {
        Self::new(Role::Admin, id, &[], false, true).with_policy(MANAGED)
    }

    fn new(role: Role, comp_id: &str, dns: &[&str], for_server: bool, for_client: bool) -> Self {
        Self {
            role,
            comp_id: comp_id.to_owned(),
            dns: dns.iter().map(|&name| name.to_owned()).collect(),
            uri: None,
            for_server,
            for_client,
            rsa: false,
            policy: None,
            validity: Validity::Current,
        }
    }

    /// Replaces the host names.
    #[must_use]
    pub fn with_dns<'a>(mut self, names: impl IntoIterator<Item = &'a str>) -> Self {
        self.dns = names.into_iter().map(str::to_owned).collect();
        self
    }

    /// Replaces the SPIFFE URI by any text, for tests of what must be refused.
    #[must_use]
    pub fn with_uri(mut self, uri: &str) -> Self {
        self.uri = Some(uri.to_owned());
        self
    }

    /// Ends so long after the authority was made, for tests of what happens then.
    #[must_use]
    pub const fn lasting(mut self, time: Duration) -> Self {
        self.validity = Validity::For(time);
        self
    }

    /// For clients too, whatever its role, for tests of what must be refused.
    #[must_use]
    pub const fn for_clients(mut self) -> Self {
        self.for_client = true;
        self
    }

    /// Expired the day before.
    #[must_use]
    pub const fn expired(mut self) -> Self {
        self.validity = Validity::Past;
        self
    }

    /// Valid from the day after.
    #[must_use]
    pub const fn not_yet_valid(mut self) -> Self {
        self.validity = Validity::Future;
        self
    }

    /// An RSA key of 2048 bits, for counterparties that cannot load P-256.
    #[must_use]
    pub const fn with_rsa_key(mut self) -> Self {
        self.rsa = true;
        self
    }

    /// Asserts one certificate policy and no other, such as the one that marks managed devices.
    #[must_use]
    pub fn with_policy(mut self, oid: &str) -> Self {
        self.policy = Some(oid.to_owned());
        self
    }

    /// The role it is for.
    #[must_use]
    pub const fn role(&self) -> Role {
        self.role
    }

    pub(crate) fn spiffe_uri(&self, trust_domain: &str) -> String {
        let standard = || format!("spiffe://{trust_domain}/{}/{}", self.role, self.comp_id);
        self.uri.clone().unwrap_or_else(standard)
    }

    pub(crate) fn validity(&self, now: OffsetDateTime) -> (OffsetDateTime, OffsetDateTime) {
        let day = Duration::days(1);
        match self.validity {
            Validity::Current => (now - CLOCK_TOLERANCE, now + LIFETIME),
            Validity::Past => (now - LIFETIME, now - day),
            Validity::Future => (now + day, now + LIFETIME),
            Validity::For(time) => (now - CLOCK_TOLERANCE, now + time),
        }
    }
}
