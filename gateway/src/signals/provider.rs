//! One identity provider: where it pushes to, how it proves who it is, and what it said before.

use super::{files::Files, published::Published, server::PushRefusal};
use crate::{clock::now, config::ProviderSection};
use signet_signals::{Expected, Keys, Received, Replays, SetRefusal, judge};
use std::{cell::RefCell, rc::Rc};

/// Tokens of one provider that could still be sent again, and of all of them together.
const REPLAYS_MAX: usize = 100_000;
const REPLAYS_IN_ALL: usize = 400_000;
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
        providers: usize,
    ) -> Self {
        let (keys, replays) = (RefCell::new(files.keys()), Replays::new(replays_max(providers)));
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

    /// A token that is good and was not seen before, and what holds its id meanwhile. Published
    /// keys are fetched again for a token whose key is not among them, as often as the settings
    /// allow.
    pub(super) async fn genuine(&self, token: &str) -> Result<(Received, Taken<'_>), PushRefusal> {
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
        self.replays.borrow_mut().take(&received.jti, received.too_old_at, now_s())?;
        let jti = received.jti.clone();
        Ok((received, Taken { replays: &self.replays, jti, done: false }))
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

/// A token that is being acted on. Unless it is done it may come again, also when the provider hung
/// up before anything was decided.
pub(super) struct Taken<'a> {
    replays: &'a RefCell<Replays>,
    jti: String,
    done: bool,
}

impl Taken<'_> {
    /// It was acted on, for good.
    pub(super) fn done(mut self) {
        self.replays.borrow_mut().done(&self.jti);
        self.done = true;
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        if !self.done {
            self.replays.borrow_mut().forget(&self.jti);
        }
    }
}

/// How many ids are remembered of each of so many providers, so that none takes the room of
/// another.
fn replays_max(providers: usize) -> usize {
    REPLAYS_MAX.min(REPLAYS_IN_ALL / providers.max(1))
}

fn now_s() -> i64 {
    now().0.div_euclid(1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_providers_take_no_more_room_than_four() {
        for (providers, want) in [(0, 100_000), (1, 100_000), (4, 100_000), (16, 25_000)] {
            assert_eq!(replays_max(providers), want, "{providers}");
        }
    }
}
