//! What a receiver of the firm is told of people here, with `[signals.transmit]`.

use super::{EndReason, Pipeline};
use crate::{risk::Access, transmit::Ended};
use signet_identity::CompId;
use signet_policy::score::Assessment;

impl Pipeline {
    /// A person was judged, who proved to be that person.
    pub fn tell_level(&self, user: &str, a: &Assessment) {
        if let Some(t) = &self.transmitter {
            t.judged(user, a);
        }
    }

    /// A session was cut off.
    pub(super) fn tell_ended(&self, desk: &CompId, access: &Access, serial: &str, why: &EndReason) {
        let Some(t) = &self.transmitter else { return };
        let (user, device) = (access.user.as_str(), access.device.as_deref());
        t.ended(Ended { user, device, desk: desk.as_str(), serial }, why.code, &why.words);
    }
}
