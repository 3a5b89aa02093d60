//! Lock-outs that the gateway ordered: which there are, and their end.

use super::{AdminError, actor, date, open};
use crate::{clock::now, config::Config, response::Network};
use signet_events::one_line;
use signet_identity::is_user_id;
use signet_registry::Registry;
use std::fmt::Write as _;

/// Who or what may be locked out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LockedOut {
    /// A person, by user id.
    Person(String),
    /// A network, as lists show it.
    Network(String),
}

impl LockedOut {
    /// Reads what an administrator names.
    ///
    /// # Errors
    /// It is neither. An id that could be both is an address.
    pub fn read(text: &str) -> Result<Self, AdminError> {
        match Network::read(text) {
            Some(network) => Ok(Self::Network(network.to_string())),
            None if is_user_id(text) => Ok(Self::Person(text.to_owned())),
            None => Err(AdminError::NotLockable(text.to_owned())),
        }
    }

    /// The name, as lists show it.
    pub fn name(&self) -> &str {
        let (Self::Person(name) | Self::Network(name)) = self;
        name
    }
}

/// The people who are locked out, for a person. Which networks are only the running gateway knows:
/// [`crate::operator::Request::Lockouts`].
pub async fn lockouts(config: &Config) -> Result<String, AdminError> {
    let registry = open(config).await?;
    let all = registry.lockouts(now()).await?;
    registry.close().await;
    let mut text = format!("{:<20} {:<9} {:<22} {:<22} WHY\n", "USER", "KIND", "SINCE", "UNTIL");
    for (user, l) in &all {
        let until = if l.until.0 == 0 { "it is lifted".to_owned() } else { date(l.until)? };
        let (kind, since) = (l.kind.as_str(), date(l.since)?);
        // The words of a signal are the identity provider's.
        let words = one_line(&l.words);
        let _ = writeln!(text, "{user:<20} {kind:<9} {since:<22} {until:<22} {words}");
    }
    let _ = writeln!(text, "{} people locked out", all.len());
    Ok(text)
}

/// Ends a lock-out.
pub async fn lift(config: &Config, what: &LockedOut) -> Result<(), AdminError> {
    let registry = open(config).await?;
    lift_in(&registry, what, &actor()).await?;
    registry.close().await;
    Ok(())
}

/// In a registry that is open.
pub async fn lift_in(registry: &Registry, what: &LockedOut, by: &str) -> Result<(), AdminError> {
    match what {
        LockedOut::Person(user) => registry.lift_lockout(user, by, now()).await?,
        LockedOut::Network(network) => registry.lift_network(network, by, now()).await?,
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_of_names() {
        for (text, want) in [
            ("alice", Some("alice")),
            ("192.0.2.1", Some("192.0.2.1")),
            ("2001:db8::7", Some("2001:db8::/64")),
            ("2001:db8::/64", Some("2001:db8::/64")),
            ("192.0.2.0/24", None),
            ("Alice Smith", None),
            ("", None),
        ] {
            let read = LockedOut::read(text);
            assert_eq!(read.as_ref().ok().map(LockedOut::name), want, "{text}");
        }
        assert!(matches!(LockedOut::read("192.0.2.1"), Ok(LockedOut::Network(_))));
    }
}
