//! Connects: opens the keychain and the files, then dials until it is told to stop.

use super::{
    Link,
    conversation::Conversation,
    dial::{DIAL_MAX, dial},
    keys::Keys,
    outcome::{Ended, Fault, Next, backoff, internal},
    stores::{names, open_stores},
    target::Target,
};
use crate::{
    blotter::Blotter,
    book::lock,
    posture,
    problem::{problem, sentence},
    signing,
    venue::Venue,
    view::{LinkState, Problem, VenueView},
};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use signet_fix::session::{Binding, Channel, Outbox, Session};
use signet_identity::{CompId, Identity, MessagePublicKey, Refusal, channel_binding, describe};
use signet_journal::StoreKey;
use signet_keystore::{IdentityName, IdentitySlot, KeychainError, SwitchAction, SwitchEvent};
use std::{path::Path, rc::Rc, time::Duration};
use time::OffsetDateTime;
use tokio::{net::TcpStream, time::timeout};
use tokio_rustls::client::TlsStream;

/// After a link that was up for this long the waits start short again.
const HELD: Duration = Duration::from_secs(10);

impl Link {
    /// Gets the key, then connects and reconnects until it is superseded or refused.
    pub(super) async fn keep(self: Rc<Self>, generation: u64, identity: String, venue: String) {
        let target = match self.prepare(generation, &identity, &venue).await {
            Ok(t) => t,
            Err(p) if self.is_wanted(generation) => return self.refused(p),
            Err(_) => return,
        };
        let mut attempt = 0u32;
        while self.is_wanted(generation) {
            attempt += 1;
            let first = attempt == 1;
            self.show(|s| {
                s.state = if first { LinkState::Connecting } else { LinkState::Reconnecting };
                s.attempt = attempt;
            });
            let began = tokio::time::Instant::now();
            let (slot, identity) = target.keys.take(OffsetDateTime::now_utc());
            let ended = self.connect_once(generation, &target, slot, &identity).await;
            if !self.is_wanted(generation) {
                return;
            }
            self.ceremony.abandon();
            self.direct_lost();
            lock(&self.book).link_lost();
            let ended = self.settle_key(&target.keys, slot, ended).await;
            if ended.next == Next::GiveUp {
                return self.refused(ended.problem);
            }
            tracing::info!(
                code = ended.problem.code,
                attempt,
                "link lost or not made: {}",
                ended.problem.message
            );
            // The link held, so the next attempt comes soon.
            if began.elapsed() > HELD {
                attempt = 0;
            }
            self.show(|s| {
                s.state = LinkState::Reconnecting;
                s.problem = Some(ended.problem);
                s.attempt = attempt.max(1);
            });
            tokio::time::sleep(backoff(attempt)).await;
        }
    }

    /// Tells the change of keys how the connection ended. A refusal of the renewed certificate does
    /// not stop the link, because the certificate before it may still be good.
    async fn settle_key(&self, keys: &Keys, slot: IdentitySlot, ended: Ended) -> Ended {
        let refused = ended.fault == Fault::OwnKey;
        let event = if refused { SwitchEvent::Refused(slot) } else { SwitchEvent::Unreached };
        if keys.happened(event) == SwitchAction::Discard {
            self.issuer.discard(&keys.name).await;
        }
        match refused && slot == IdentitySlot::Pending {
            true => Ended { next: Next::TryAgain, ..ended },
            false => ended,
        }
    }

    /// Prepares everything that does not need the network: keychain, stores, session.
    async fn prepare(
        &self,
        generation: u64,
        identity: &str,
        venue: &str,
    ) -> Result<Target, Problem> {
        let venue = self.issuer.venues.find(venue);
        let venue = venue.ok_or_else(|| {
            problem(
                "venue.unknown",
                "This desk is not configured for that venue.",
                "Choose a venue from the list.",
            )
        })?;
        self.show(|s| {
            s.state = LinkState::WaitingForKeychain;
            s.problem = None;
            s.identity = Some(identity.into());
            s.venue = Some(VenueView { name: venue.name.clone(), endpoint: venue.endpoint() });
            s.tls = None;
            s.attempt = 0;
            s.clock_offset_ms = None;
            s.round_trip_ms = None;
        });
        lock(&self.book).forget_clock();
        let name: IdentityName = identity.parse().map_err(|e: KeychainError| Problem::from(&e))?;
        let (loaded, pending, key) = self.load(&name).await?;
        if !self.is_wanted(generation) {
            return Err(internal("superseded"));
        }
        let (comp_id, folder) = names(&loaded, &name, &venue)?;
        let session = self.open(&self.config.data_dir.join(folder), &comp_id, &venue, &key)?;
        let keys = Rc::new(Keys::new(name, loaded, pending));
        *self.keys.borrow_mut() = Some(keys.clone());
        Ok(Target { venue, keys, session })
    }

    /// Loads both identities of this name, and the key of its files. May wait for a person.
    async fn load(
        &self,
        name: &IdentityName,
    ) -> Result<(Identity, Option<Identity>, StoreKey), Problem> {
        let n = name.clone();
        let asked = self.issuer.blocking(move |holders| {
            let (current, pending) = Keys::load(holders, &n)?;
            let secret = holders.keychain.secret(&n).map_err(|e| Problem::from(&e))?;
            Ok((current, pending, StoreKey::new(*secret)))
        });
        asked.await
    }

    /// Opens the files of an identity at a venue and closes those that were open before.
    fn open(
        &self,
        folder: &Path,
        comp_id: &CompId,
        venue: &Venue,
        key: &StoreKey,
    ) -> Result<Rc<Session>, Problem> {
        // The files of the connection before may be the same ones, so they are closed first.
        lock(&self.book).begin(Blotter::default());
        *self.direct.borrow_mut() = None;
        let stores = open_stores(folder, comp_id, venue, key)?;
        {
            let mut book = lock(&self.book);
            book.begin(stores.blotter);
            book.resume(stores.in_flight);
        }
        *self.direct.borrow_mut() = stores.direct;
        let session = Rc::new(stores.session);
        *self.session.borrow_mut() = Some(session.clone());
        lock(&self.book).at_gateway(&venue.comp_id, venue.direct.is_some());
        *self.rp_id.borrow_mut() = venue.rp_id.clone();
        self.show(|s| s.comp_id = Some(comp_id.to_string()));
        Ok(session)
    }

    async fn connect_once(
        self: &Rc<Self>,
        generation: u64,
        t: &Target,
        slot: IdentitySlot,
        identity: &Identity,
    ) -> Ended {
        let stream = match timeout(DIAL_MAX, dial(&t.venue, identity, &self.config)).await {
            Ok(Ok(s)) => s,
            Ok(Err(e)) => return e,
            Err(_) => return Ended::by(&Refusal::TimedOut),
        };
        if !self.is_wanted(generation) {
            return Ended::lost(internal("superseded"));
        }
        match self.attach(&stream, t, identity).await {
            Ok(outbox) => {
                let conversation = Conversation::new(self.clone(), t, slot, identity, outbox);
                conversation.run(stream).await
            }
            Err(p) => Ended::refused(p),
        }
    }

    /// Gives the connection to the session, which logs on over it.
    async fn attach(
        &self,
        stream: &TlsStream<TcpStream>,
        t: &Target,
        identity: &Identity,
    ) -> Result<Rc<Outbox>, Problem> {
        let connection = stream.get_ref().1;
        let exporter = channel_binding(connection).map_err(|e| internal(&e.to_string()))?;
        self.exporter.set(exporter);
        let channel = self.channel(stream, t, identity)?;
        self.show(|s| {
            s.state = LinkState::LoggingOn;
            s.tls = Some(describe(connection));
        });
        if t.venue.direct.is_none() {
            // The gateway has sent no nonce yet; the exporter ties the report to this connection.
            let report = posture::envelope(
                identity.message_key(),
                exporter,
                String::new(),
                &self.config.version,
            )
            .await;
            t.session.say_at_logon(report);
        }
        let outbox = t.session.attach(channel).map_err(|e| internal(&e.to_string()))?;
        self.pings.forget();
        t.session.tick();
        Ok(outbox)
    }

    /// How the session is bound to this connection, and who signs on it.
    fn channel(
        &self,
        stream: &TlsStream<TcpStream>,
        t: &Target,
        identity: &Identity,
    ) -> Result<Channel, Problem> {
        // A plain venue does not know the tag of the binding. Approvals sign the exporter anyway.
        let binding = match t.venue.direct {
            Some(_) => Binding::None,
            None => Binding::Required(BASE64.encode(self.exporter.get())),
        };
        let gateway = || MessagePublicKey::of_connection(stream.get_ref().1);
        signing::channel(&t.venue, identity, binding, gateway)
            .map_err(|e| problem("server.key_type", sentence(&e.to_string()), e.cure()))
    }
}
