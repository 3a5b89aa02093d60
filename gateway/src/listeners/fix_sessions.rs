//! How FIX sessions are opened and run at this end.

use crate::{
    clock::now,
    config::{Config, DealerEntry, ResetSchedule},
    events::EventSink,
};
use signet_events::About;
use signet_fix::{
    pump::Closed,
    session::{LogonReset, Role, Session, SessionConfig, SessionOptions},
    store::SealedStore,
};
use signet_identity::CompId;
use signet_journal::StoreKey;
use std::{fmt::Display, path::Path};

/// How a desk's sessions are run at this end.
pub(crate) fn desk_options(c: &Config) -> SessionOptions {
    SessionOptions {
        heartbeat_s: 1..=c.desks.heartbeat_max_s,
        ..SessionOptions::between_desk_and_gateway()
    }
}

pub(crate) fn dealer_options(d: &DealerEntry) -> SessionOptions {
    let logon_reset =
        if d.reset == ResetSchedule::Logon { LogonReset::Always } else { LogonReset::Never };
    SessionOptions { logon_reset, ..SessionOptions::default() }
}

pub(crate) fn open_session(
    c: &Config,
    (role, options): (Role, SessionOptions),
    target: &CompId,
    path: &Path,
    key: &StoreKey,
    sync: bool,
) -> Result<Session, String> {
    let store = SealedStore::open(path, key, now(), sync).map_err(|e| e.to_string())?;
    let settings = SessionConfig {
        role,
        sender: c.gateway.comp_id.clone(),
        target: target.clone(),
        heartbeat_s: c.dealers.heartbeat_s,
        strict: role == Role::Acceptor,
    };
    Session::open_with(&settings, options, Box::new(store)).map_err(|e| e.to_string())
}

/// Tells administrators of a connection that ended because a message of ours could not be signed.
/// The event is about the gateway, whose key that is: peers without end must not have one each.
pub(super) fn tell_unsigned(events: &EventSink, peer: &impl Display, closed: &Closed) {
    if let Closed::Unsigned(why) = closed {
        let words = format!("connection of {peer} ended: {why}");
        events.gateway("holder.unsigned", About::object("gateway"), words);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::Outlet;
    use signet_events::{
        Event,
        catalogue::{UNKNOWN, entry},
    };
    use signet_fix::signature::SignError;
    use std::sync::{Arc, Mutex};

    #[derive(Default)]
    struct Kept(Mutex<Vec<(&'static str, String, String)>>);

    impl Outlet for Kept {
        fn take(&self, e: &Event) {
            let told = (e.code, e.about.subject(), e.words.to_string());
            self.0.lock().unwrap().push(told);
        }
    }

    #[test]
    fn administrators_hear_of_a_key_that_does_not_sign_and_of_no_other_end() {
        let kept = Arc::new(Kept::default());
        let events = EventSink::new(None, Some(kept.clone()));
        let desk = CompId::new("ALICE1").unwrap();
        for closed in [Closed::ByPeer, Closed::BySession, Closed::Displaced, Closed::Stalled] {
            tell_unsigned(&events, &desk, &closed);
        }
        assert!(kept.0.lock().unwrap().is_empty());
        tell_unsigned(&events, &desk, &Closed::Unsigned(SignError("no token".into())));
        let told = kept.0.lock().unwrap();
        let [(code, subject, words)] = &told[..] else { panic!("{told:?}") };
        assert_ne!(entry(code).code, UNKNOWN);
        assert_eq!((*code, subject.as_str()), ("holder.unsigned", "gateway"));
        assert!(words.contains("ALICE1") && words.contains("no token"), "{words}");
    }
}
