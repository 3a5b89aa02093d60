//! Certificates for this laptop: the first, for a one-time code, and each renewal, for a new key
//! and before the old certificate ends.

use crate::{
    book::{Book, lock},
    enrol,
    holders::Holders,
    problem::{code_of_peer, problem, sentence},
    venue::{TlsSwitches, Venue, Venues},
    view::{EnrolIntent, EnrolPhase, EnrolView, Problem},
};
use signet_identity::{CompId, DeviceKey, Identity, Invitation};
use signet_keystore::{
    HolderError, HolderKind, IdentityName, IdentitySlot, KeyLabel, KeyPlace, KeychainError,
    LabelError,
    est::{Enrolled, EstClient, EstError},
    next_label,
};
use signet_net::ProxySetting;
use std::sync::{Arc, Mutex};

/// What issuing needs of the desk.
#[derive(Clone)]
pub(crate) struct Issuer {
    pub holders: Arc<Holders>,
    pub venues: Arc<Venues>,
    pub book: Arc<Mutex<Book>>,
    pub proxy: ProxySetting,
    pub tls: TlsSwitches,
    /// One renewal at a time.
    pub renewing: Arc<tokio::sync::Mutex<()>>,
}

impl Issuer {
    /// Enrols this laptop, from the invitation to an identity that may connect, and tells the
    /// window how it goes. A step that fails leaves no key behind; the one-time code stays unused
    /// unless the service took it.
    pub(crate) async fn enrol(&self, intent: EnrolIntent, random: [u8; 4]) {
        match self.try_enrol(intent, random).await {
            Ok((name, venue)) => {
                tracing::info!(identity = %name, venue, "this laptop is enrolled");
                self.tell(EnrolPhase::Done, Some(name.to_string()), Some(venue), None);
            }
            Err(why) => {
                tracing::warn!(code = why.code, "enrolment failed: {}", why.message);
                self.tell(EnrolPhase::Failed, None, None, Some(why));
            }
        }
    }

    /// The venue of an invitation, if it can be used and the firm allows it.
    pub(crate) fn admitted(&self, invitation: &Invitation) -> Result<Venue, Problem> {
        let venue = Venue::of_invitation(invitation).map_err(|e| {
            problem(
                "invitation.unusable",
                sentence(&e.to_string()),
                "Ask your administrator for a new invitation.",
            )
        })?;
        self.venues.admit(&venue)?;
        Ok(venue)
    }

    /// Makes a key, gets its certificate and stores both. The answer is the name of the identity
    /// and that of the venue.
    async fn try_enrol(
        &self,
        intent: EnrolIntent,
        random: [u8; 4],
    ) -> Result<(IdentityName, String), Problem> {
        let phase = |phase| self.tell(phase, None, None, None);
        let (invitation, device) = enrol::check(&intent)?;
        let venue = self.admitted(&invitation)?;
        phase(EnrolPhase::MakingKey);
        let label = first_label(&invitation.user, random)?;
        let kind = Holders::kind(intent.holder);
        let (place, key) = self.blocking(move |h| h.generate(kind, label)).await?;
        phase(EnrolPhase::Asking);
        let asked = async {
            let service = EstClient::for_invitation(&invitation)?
                .with_proxy(self.proxy.clone())
                .with_policy(self.tls.policy());
            service.simpleenroll(key.clone(), &invitation.user, &intent.code, &device).await
        };
        let enrolled = match asked.await {
            Ok(enrolled) => enrolled,
            Err(e) => {
                self.forget(vec![place]).await;
                return Err(Problem::from(&e));
            }
        };
        phase(EnrolPhase::Storing);
        let name = self.store(enrolled, place, key).await?;
        self.venues.enrolled(&invitation, venue).map_err(|e| {
            problem(
                "venue.not_remembered",
                format!("The identity is stored, but the venue could not be saved: {e}."),
                "Make room on the disk, ask for another code and enrol again.",
            )
        })?;
        Ok((name, invitation.venue))
    }

    /// Stores the certificate of a new key as the current identity of its CompID. Deletes the key
    /// if that fails.
    async fn store(
        &self,
        enrolled: Enrolled,
        place: KeyPlace,
        key: Arc<dyn DeviceKey>,
    ) -> Result<IdentityName, Problem> {
        let name = name_of(&enrolled.peer.comp_id)?;
        let (n, p) = (name.clone(), place.clone());
        let stored = self.blocking(move |h| {
            if belongs_elsewhere(h, &n, &enrolled.peer.trust_domain)? {
                return Err(problem(
                    "identity.of_another_firm",
                    format!("This laptop already has an identity named {n}, of another firm."),
                    "Ask one of the two administrators for another CompID.",
                ));
            }
            let (slot, chain) = (IdentitySlot::Current, &enrolled.chain);
            Ok(h.keychain.store_enrolled(&n, slot, &p, key.as_ref(), chain))
        });
        let (unneeded, ended) = after_storing(stored.await, place);
        self.forget(unneeded).await;
        ended.map(|()| name)
    }

    /// Gets a new certificate for a new key, and stores both beside the current identity until the
    /// gateway accepts them. The trader may have connected again while a renewal was under way: two
    /// would make their keys under one label, so the later one waits, and takes what the other got.
    pub(crate) async fn renew(
        &self,
        venue: &Venue,
        name: &IdentityName,
        current: &Identity,
    ) -> Result<Identity, Problem> {
        let _one = self.renewing.lock().await;
        let n = name.clone();
        let pending = self.blocking(move |h| h.load(&n, IdentitySlot::Pending)).await;
        let ends = current.facts().not_after;
        if let Some(pending) = pending.ok().flatten().filter(|p| p.facts().not_after > ends) {
            return Ok(pending);
        }
        let est = venue.est.clone().ok_or_else(|| {
            problem(
                "renewal.unknown",
                "This laptop does not know where its certificate is renewed.",
                "Ask your administrator for an invitation and enrol this laptop again, before the \
                    certificate ends.",
            )
        })?;
        let mut service = EstClient::new(est, &venue.trust_domain, venue.roots.clone())
            .with_proxy(self.proxy.clone())
            .with_policy(self.tls.policy());
        if let Some(crls) = crate::venue::crls(venue)? {
            service = service.with_crls(crls);
        }
        let n = name.clone();
        let (place, key) = self
            .blocking(move |h| {
                // What cannot be read has no key first below, and a key in use would be taken for
                // one that was left.
                let current = h.keychain.load_enrolled(&n, IdentitySlot::Current);
                current.map_err(|e| Problem::from(&e))?;
                let places = h.keychain.key_places(&n).map_err(|e| Problem::from(&e))?;
                let present = places.first();
                let kind = present.map_or(HolderKind::Keychain, |p| p.holder);
                let label = next_label(&n, present);
                // An interrupted renewal may have left a key under this label.
                h.forget_quietly(&KeyPlace { holder: kind, label: label.clone() });
                h.generate(kind, label)
            })
            .await?;
        let enrolled = match service.simplereenroll(current, key.clone()).await {
            Ok(enrolled) => enrolled,
            Err(e) => {
                self.forget(vec![place]).await;
                return Err(Problem::from(&e));
            }
        };
        let identity = Identity::new(enrolled.chain.clone(), key.clone()).map_err(|e| {
            problem("certificate.unusable", sentence(&e.to_string()), "Tell your administrator.")
        })?;
        let (n, p) = (name.clone(), place.clone());
        let stored = self
            .blocking(move |h| {
                let (slot, chain) = (IdentitySlot::Pending, &enrolled.chain);
                Ok(h.keychain.store_enrolled(&n, slot, &p, key.as_ref(), chain))
            })
            .await;
        let (unneeded, ended) = after_storing(stored, place);
        self.forget(unneeded).await;
        ended.map(|()| identity)
    }

    /// The gateway accepted the pending identity: it is the current one from now on.
    pub(crate) async fn promote(&self, name: &IdentityName) {
        self.settle(name, |h, n| h.keychain.promote_pending(n)).await;
    }

    /// The gateway refused the pending identity: the current one stays.
    pub(crate) async fn discard(&self, name: &IdentityName) {
        self.settle(name, |h, n| h.keychain.discard_pending(n)).await;
    }

    async fn settle(
        &self,
        name: &IdentityName,
        change: impl FnOnce(&Holders, &IdentityName) -> Result<Vec<KeyPlace>, KeychainError>
        + Send
        + 'static,
    ) {
        let n = name.clone();
        match self.blocking(move |h| change(h, &n).map_err(|e| Problem::from(&e))).await {
            Ok(unneeded) => self.forget(unneeded).await,
            // Both identities are still stored; the next connection decides between them.
            Err(why) => {
                tracing::warn!(identity = %name, code = why.code, "the change of keys could not \
                    be finished: {}", why.message)
            }
        }
    }

    async fn forget(&self, places: Vec<KeyPlace>) {
        if places.is_empty() {
            return;
        }
        let holders = self.holders.clone();
        let _ = tokio::task::spawn_blocking(move || holders.forget(&places)).await;
    }

    /// Runs `f` on a thread of its own, because a key holder may wait for a person to unlock it.
    pub(crate) async fn blocking<T: Send + 'static>(
        &self,
        f: impl FnOnce(&Holders) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        let holders = self.holders.clone();
        let done = tokio::task::spawn_blocking(move || f(&holders)).await;
        done.unwrap_or_else(|e| {
            Err(problem("desk.internal", e.to_string(), "Restart Signet Desk."))
        })
    }

    fn tell(
        &self,
        phase: EnrolPhase,
        identity: Option<String>,
        venue: Option<String>,
        problem: Option<Problem>,
    ) {
        lock(&self.book).enrolling(EnrolView { phase, identity, venue, problem });
    }
}

/// Which keys are not needed after a try to store the certificate of the key at `place`, and how it
/// ended. A keychain that gave no answer in time may store it yet, when somebody unlocks it late:
/// its key stays, or the identity would be without one.
fn after_storing(
    stored: Result<Result<Vec<KeyPlace>, KeychainError>, Problem>,
    place: KeyPlace,
) -> (Vec<KeyPlace>, Result<(), Problem>) {
    match stored {
        Ok(Ok(unneeded)) => (unneeded, Ok(())),
        Ok(Err(why @ KeychainError::TimedOut(_))) => (Vec::new(), Err(Problem::from(&why))),
        Ok(Err(why)) => (vec![place], Err(Problem::from(&why))),
        Err(why) => (vec![place], Err(why)),
    }
}

/// The label of the first key: the CompID is not known yet, so it has the user's name and a random
/// number that keeps two attempts apart.
fn first_label(user: &str, random: [u8; 4]) -> Result<KeyLabel, Problem> {
    let label = format!("{user}-{:08x}", u32::from_be_bytes(random)).parse();
    label.map_err(|e: LabelError| Problem::from(&HolderError::from(e)))
}

fn name_of(comp_id: &CompId) -> Result<IdentityName, Problem> {
    comp_id.as_str().parse().map_err(|e: KeychainError| Problem::from(&e))
}

/// Whether the keychain has an identity of this name that another firm issued.
fn belongs_elsewhere(
    h: &Holders,
    name: &IdentityName,
    trust_domain: &str,
) -> Result<bool, Problem> {
    let known = h.keychain.identities().map_err(|e| Problem::from(&e))?;
    let same = known.into_iter().find(|i| i.name == *name).and_then(|i| i.peer);
    Ok(same.is_some_and(|peer| peer.trust_domain != trust_domain))
}

impl From<&EstError> for Problem {
    fn from(e: &EstError) -> Self {
        // The enrolment service's own code passes through the error.
        let code = code_of_peer(e.code(), "enrol.refused");
        problem(code, sentence(&e.to_string()), e.cure())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_whose_certificate_may_be_stored_yet_stays() {
        let place = |label: &str| KeyPlace {
            holder: HolderKind::Pkcs11,
            label: label.parse().expect("a label"),
        };
        let (old, new) = (place("ALICE1-a"), place("ALICE1-b"));
        let late = KeychainError::TimedOut(std::time::Duration::from_secs(60));
        let internal = problem("desk.internal", "It failed.", "Restart Signet Desk.");
        for (stored, unneeded, code) in [
            (Ok(Ok(vec![old.clone()])), vec![old], None),
            (Ok(Err(late)), vec![], Some("keychain.timed_out")),
            (Ok(Err(KeychainError::Locked)), vec![new.clone()], Some("keychain.locked")),
            (Err(internal), vec![new.clone()], Some("desk.internal")),
        ] {
            let (forgotten, ended) = after_storing(stored, new.clone());
            assert_eq!(forgotten, unneeded, "{code:?}");
            assert_eq!(ended.err().map(|p| p.code), code.map(Into::into));
        }
    }
}
