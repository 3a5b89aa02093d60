//! What receivers of the firm are told of people here, with `[signals.transmit]`.

use super::{EndReason, Pipeline};
use crate::{risk::Access, transmit::Ended};
use signet_identity::CompId;
use signet_policy::score::Assessment;

impl Pipeline {
    /// A person was judged, who proved to be that person.
    pub fn tell_level(&self, user: &str, a: &Assessment) {
        self.transmitters.iter().for_each(|t| t.judged(user, a));
    }

    /// A session was cut off.
    pub(super) fn tell_ended(&self, desk: &CompId, access: &Access, serial: &str, why: &EndReason) {
        let (user, device) = (access.user.as_str(), access.device.as_deref());
        let ended = Ended { user, device, desk: desk.as_str(), serial };
        self.transmitters.iter().for_each(|t| t.ended(ended, why.code, &why.words));
    }
}
