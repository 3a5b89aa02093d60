//! One identity provider: where it pushes to, how it proves who it is, and what it said before.

use super::{files::Files, published::Published, server::PushRefusal};
use crate::{clock::now, config::ProviderSection};
use signet_signals::{Expected, Keys, Received, Replays, SetRefusal, judge};
use std::{cell::RefCell, rc::Rc};

/// Tokens of one provider that could still be sent again.
const REPLAYS_MAX: usize = 100_000;
pub(super) const PATH: &str = "/signals";

pub(super) struct Provider {
    pub(super) section: ProviderSection,
    files: RefCell<Files>,
    /// Keys of the file, or those that the provider publishes.
    keys: RefCell<Option<Rc<Keys>>>,
    pub(super) published: Option<Published>,
    replays: RefCell<Replays>,
}

impl Provider {
    pub(super) fn new(
        section: ProviderSection,
        files: Files,
        published: Option<Published>,
    ) -> Self {
        let (keys, replays) = (RefCell::new(files.keys()), Replays::new(REPLAYS_MAX));
        let (files, replays) = (RefCell::new(files), RefCell::new(replays));
        Self { section, files, keys, published, replays }
    }

    /// Where its tokens come to.
    pub(super) fn path(&self) -> String {
        match self.section.name.as_str() {
            "" => PATH.to_owned(),
            name => format!("{PATH}/{name}"),
        }
    }

    /// Uses newer files from here on.
    pub(super) fn take(&self, files: Files) {
        self.keys.replace(files.keys());
        self.files.replace(files);
    }

    pub(super) fn is_bearer(&self, shown: Option<&str>) -> bool {
        self.files.borrow().is_bearer(shown)
    }

    /// A token that is good and was not seen before. Keys that are published are fetched again for
    /// a token whose key is not among them, as often as the settings allow.
    pub(super) async fn genuine(&self, token: &str) -> Result<Received, PushRefusal> {
        let (keys, seen) = self.keys();
        let mut judged = self.judged(token, keys);
        if let Some(published) = &self.published
            && matches!(
                judged,
                Err(PushRefusal::NoKeys | PushRefusal::Token(SetRefusal::UnknownKey))
            )
        {
            published.refresh(Some(seen)).await;
            judged = self.judged(token, self.keys().0);
        }
        let received = judged?;
        let mut replays = self.replays.borrow_mut();
        replays.take(&received.jti, received.too_old_at, now_s())?;
        Ok(received)
    }

    /// What was taken could not be acted on: it may come again.
    pub(super) fn forget(&self, jti: &str) {
        self.replays.borrow_mut().forget(jti);
    }

    fn keys(&self) -> (Option<Rc<Keys>>, u64) {
        match &self.published {
            Some(published) => published.keys(),
            None => (self.keys.borrow().clone(), 0),
        }
    }

    fn judged(&self, token: &str, keys: Option<Rc<Keys>>) -> Result<Received, PushRefusal> {
        let expected = Expected {
            issuer: &self.section.issuer,
            audience: &self.section.audience,
            age_max_s: self.section.max_age_seconds.into(),
            skew_s: self.section.max_skew_seconds.into(),
        };
        let keys = keys.ok_or(PushRefusal::NoKeys)?;
        Ok(judge(token.trim(), &keys, &expected, now_s())?)
    }
}

fn now_s() -> i64 {
    now().0.div_euclid(1_000)
}
