//! Onboards a trader as in production: invitation, enrolment, connection, first security key. This
//! module types and touches in place of the person.

use crate::{Practice, PracticeError, VENUE_NAME, failed};
use signet_desk_core::{Desk, DeskConfig, KeyStore, view::*};
use signet_stepup::client::NoKeys;
use signet_vkey::{VirtualKey, VirtualKeys};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

const PATIENCE: Duration = Duration::from_secs(60);

impl Practice {
    /// Enrols `comp_id` into `keychain`, without a security key. Answers the name of the identity.
    pub fn enrol_only(
        &self,
        config: &DeskConfig,
        keychain: Arc<dyn KeyStore>,
        user: &str,
        comp_id: &str,
    ) -> Result<String, PracticeError> {
        let invited = self.invite(user, comp_id, "keychain")?;
        let config = DeskConfig { venues: Vec::new(), ..config.clone() };
        let desk = Desk::start(config, keychain, Arc::new(NoKeys)).map_err(said)?;
        let done = self.enrol(&desk, &invited.link, &invited.code);
        self.runtime.block_on(desk.shut_down());
        done
    }

    /// Enrols `comp_id` into `keychain` and registers `key`, whose PIN is `pin`. Answers the name
    /// of the identity. `config` is that of the desk that will run: its session continues where
    /// this one ends.
    pub fn onboard(
        &self,
        config: &DeskConfig,
        keychain: Arc<dyn KeyStore>,
        user: &str,
        comp_id: &str,
        key: &VirtualKey,
        pin: &str,
    ) -> Result<String, PracticeError> {
        let invited = self.invite(user, comp_id, "keychain")?;
        let config = DeskConfig { venues: Vec::new(), ..config.clone() };
        let keys = Arc::new(VirtualKeys::new(vec![key.clone()]));
        let desk = Desk::start(config, keychain, keys).map_err(said)?;
        let done = self.enrol(&desk, &invited.link, &invited.code).and_then(|identity| {
            self.register(&desk, &identity, key, pin)?;
            Ok(identity)
        });
        self.runtime.block_on(desk.shut_down());
        done
    }

    fn enrol(&self, desk: &Desk, link: &str, code: &str) -> Result<String, PracticeError> {
        let read = desk.read_invitation(link).map_err(said)?;
        let intent = EnrolIntent {
            invitation: link.into(),
            compared: read.fingerprint,
            code: code.into(),
            device: "practice laptop".into(),
            holder: Holder::Keychain,
        };
        self.runtime.block_on(desk.enrol(intent)).map_err(said)?;
        match desk.pull(0, &[]).enrol {
            Some(EnrolView { identity: Some(identity), .. }) => Ok(identity),
            other => Err(PracticeError { what: "enrolment", why: format!("{other:?}") }),
        }
    }

    /// Connects and registers: enrolment with a code has just granted it.
    fn register(
        &self,
        desk: &Desk,
        identity: &str,
        key: &VirtualKey,
        pin: &str,
    ) -> Result<(), PracticeError> {
        desk.connect_now(identity, VENUE_NAME).map_err(said)?;
        wait("the desk to be online", || {
            let f = desk.pull(0, &[]);
            let online = f.session.is_some_and(|s| s.state == LinkState::Online);
            Ok((online && f.access.is_some_and(|a| a.step_up)).then_some(()))
        })?;
        desk.register_key(key.name(), None).map_err(said)?;
        key.hold_finger(true);
        let mut given = false;
        let done = wait("the key to be registered", || {
            let f = desk.pull(0, &[]);
            if let Some(d) =
                f.step_up.iter().flatten().find(|d| d.phase == StepUpPhase::Pin && !given)
            {
                given = true;
                desk.give_key_pin(&d.id, d.pin_question, pin.into()).map_err(said)?;
            }
            match f.keys {
                Some(KeysView { phase: RegisterPhase::Done, .. }) => Ok(Some(())),
                Some(KeysView { problem: Some(p), .. }) => Err(said(p)),
                _ => Ok(None),
            }
        });
        key.hold_finger(false);
        done
    }
}

fn said(p: Problem) -> PracticeError {
    failed::<String>("onboarding")(format!("{}: {}", p.code, p.message))
}

fn wait(
    what: &'static str,
    mut look: impl FnMut() -> Result<Option<()>, PracticeError>,
) -> Result<(), PracticeError> {
    let began = Instant::now();
    while began.elapsed() < PATIENCE {
        if look()?.is_some() {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    Err(PracticeError { what: "onboarding", why: format!("waited in vain for {what}") })
}
