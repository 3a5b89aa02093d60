//! What a desk says of its program, and whether that program may be used. A claim: it keeps old
//! software out, not a program that lies.

use super::Risk;
use signet_fix::{
    message::Capabilities,
    session::{Stated, stated_program},
    tagvalue::Fields,
};
use signet_policy::software::{SoftwareRefusal, StatedVersion, When};

/// Shown in place of a text that is too long or cannot be read.
const UNREADABLE: &str = "unreadable";

/// As a Logon states it. Texts are bounded and printable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeskSoftware {
    version: StatedVersion,
    /// Empty: it says nothing.
    platform: String,
    knows: Capabilities,
}

impl Default for DeskSoftware {
    fn default() -> Self {
        Self {
            version: StatedVersion::Nothing,
            platform: String::new(),
            knows: Capabilities::default(),
        }
    }
}

impl DeskSoftware {
    /// From the fields of a Logon.
    pub fn of_logon(logon: &Fields<'_>) -> Self {
        let (version, platform) = stated_program(logon);
        let version = match version {
            Stated::Nothing => StatedVersion::Nothing,
            Stated::Unreadable => StatedVersion::Unreadable,
            Stated::Text(t) => StatedVersion::read(Some(t)),
        };
        let platform = match platform {
            Stated::Nothing => "",
            Stated::Unreadable => UNREADABLE,
            Stated::Text(t) => t,
        };
        let knows = Capabilities::of_logon(logon);
        Self { version, platform: platform.to_owned(), knows }
    }

    /// For people; empty when it says nothing.
    pub fn version(&self) -> String {
        match &self.version {
            StatedVersion::Nothing => String::new(),
            StatedVersion::Unreadable => UNREADABLE.to_owned(),
            StatedVersion::Version(v) => v.to_string(),
        }
    }

    /// Which newer fields and messages it knows.
    pub fn knows(&self) -> Capabilities {
        self.knows
    }

    /// System and processor, as `linux/x86_64`; empty when it says nothing.
    pub fn platform(&self) -> &str {
        &self.platform
    }
}

impl Risk {
    /// Whether a desk's program may be used, by the policy in force.
    pub fn judge_software(&self, of: &DeskSoftware, when: When) -> Result<(), SoftwareRefusal> {
        self.policy.borrow().software.judge(&of.version, when)
    }
}
