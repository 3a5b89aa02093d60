//! The identity that a link connects with, and the change of its key while the link is up.

use crate::{holders::Holders, problem::problem, view::Problem};
use signet_identity::{CertificateFacts, Identity};
use signet_keystore::{
    IdentityName, IdentitySlot, KeySwitch, Renewal, RenewalInputs, SwitchAction, SwitchEvent,
    renewal,
};
use std::cell::{Cell, RefCell};
use time::{Duration, OffsetDateTime};

/// A new certificate is tried at most this often while the link is up, so that one that the gateway
/// refuses does not interrupt the trader repeatedly.
const TRY_AGAIN: Duration = Duration::minutes(1);

pub(super) struct Keys {
    pub name: IdentityName,
    current: RefCell<Identity>,
    pending: RefCell<Option<Identity>>,
    switch: Cell<KeySwitch>,
    next: Cell<IdentitySlot>,
    tried: Cell<Option<OffsetDateTime>>,
    renewed: Cell<Option<OffsetDateTime>>,
    failures: Cell<u32>,
    /// A renewal is running.
    pub renewing: Cell<bool>,
    /// The trader asked for one.
    pub wanted: Cell<bool>,
}

impl Keys {
    /// Reads both identities of this name. A pending one that cannot be used is left alone: the
    /// current one trades.
    pub(super) fn load(
        holders: &Holders,
        name: &IdentityName,
    ) -> Result<(Identity, Option<Identity>), Problem> {
        let current = holders.load(name, IdentitySlot::Current)?.ok_or_else(|| {
            problem(
                "keychain.no_such_identity",
                format!("The keychain has no identity named {name}."),
                "Choose another, or enrol this laptop.",
            )
        })?;
        let pending = holders.load(name, IdentitySlot::Pending).unwrap_or_else(|why| {
            tracing::warn!(identity = %name, code = why.code, "the renewed certificate cannot be \
                used: {}", why.message);
            None
        });
        Ok((current, pending))
    }

    pub(super) fn new(name: IdentityName, current: Identity, pending: Option<Identity>) -> Self {
        let (switch, next) = match pending {
            Some(_) => (KeySwitch::Trying { refusals: 0 }, IdentitySlot::Pending),
            None => (KeySwitch::Settled, IdentitySlot::Current),
        };
        Self {
            name,
            current: RefCell::new(current),
            pending: RefCell::new(pending),
            switch: Cell::new(switch),
            next: Cell::new(next),
            tried: Cell::new(None),
            renewed: Cell::new(None),
            failures: Cell::new(0),
            renewing: Cell::new(false),
            wanted: Cell::new(false),
        }
    }

    pub(super) fn current(&self) -> Identity {
        self.current.borrow().clone()
    }

    /// The identity for the next connection.
    pub(super) fn take(&self, now: OffsetDateTime) -> (IdentitySlot, Identity) {
        if let (IdentitySlot::Pending, Some(identity)) =
            (self.next.get(), self.pending.borrow().as_ref())
        {
            self.tried.set(Some(now));
            return (IdentitySlot::Pending, identity.clone());
        }
        (IdentitySlot::Current, self.current())
    }

    /// Takes what became of a connection; the caller carries out the action in the keychain.
    pub(super) fn happened(&self, event: SwitchEvent) -> SwitchAction {
        let (switch, action) = self.switch.get().next(event);
        self.switch.set(switch);
        match action {
            SwitchAction::Connect(slot) => self.next.set(slot),
            SwitchAction::Promote => {
                self.failures.set(0);
                if let Some(new) = self.pending.borrow_mut().take() {
                    *self.current.borrow_mut() = new;
                }
                self.next.set(IdentitySlot::Current);
            }
            SwitchAction::Discard => {
                // Another one is asked for later and later, as after a renewal that failed.
                self.failures.set(self.failures.get().saturating_add(1));
                self.pending.borrow_mut().take();
                self.next.set(IdentitySlot::Current);
            }
        }
        action
    }

    /// Whether an idle link should be made again, with the new certificate.
    pub(super) fn wants_switch(&self, now: OffsetDateTime) -> bool {
        let rested = self.tried.get().is_none_or(|t| now - t >= TRY_AGAIN || now < t);
        self.pending.borrow().is_some() && self.next.get() == IdentitySlot::Pending && rested
    }

    /// Whether to renew now, and how urgent it is.
    pub(super) fn due(&self, now: OffsetDateTime) -> Option<Renewal> {
        if self.renewing.get() || self.pending.borrow().is_some() {
            return None;
        }
        let identity = self.current.borrow();
        let facts = identity.facts();
        let decided = renewal(RenewalInputs {
            now,
            not_before: facts.not_before,
            not_after: facts.not_after,
            last_attempt: self.renewed.get(),
            failures: self.failures.get(),
            jitter_permille: jitter(facts),
        });
        match decided {
            Renewal::Due | Renewal::Urgent => Some(decided),
            Renewal::NotDue { .. } if self.wanted.get() => Some(Renewal::Due),
            _ => None,
        }
    }

    pub(super) fn renewed(&self, now: OffsetDateTime, result: Result<Identity, ()>) {
        self.renewed.set(Some(now));
        self.wanted.set(false);
        match result {
            Ok(identity) => {
                self.tried.set(None);
                *self.pending.borrow_mut() = Some(identity);
                self.happened(SwitchEvent::Issued);
            }
            Err(()) => self.failures.set(self.failures.get().saturating_add(1)),
        }
    }
}

/// The jitter of a certificate's renewal, per mille. It is the same at each start of the desk, and
/// differs between certificates because it is computed from the key's digest.
fn jitter(facts: &CertificateFacts) -> u16 {
    let sum = facts
        .spki_sha256
        .to_string()
        .bytes()
        .fold(0u32, |sum, b| sum.wrapping_mul(31).wrapping_add(b.into()));
    (sum % 1001) as u16
}

#[cfg(test)]
#[path = "keys_tests.rs"]
mod tests;
