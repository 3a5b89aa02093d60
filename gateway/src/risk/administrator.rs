//! The risk of one request of an administrator: by the same policy as that of a desk, for
//! each request again.

use super::{Facts, Risk};
use signet_policy::{
    posture::{Evidence, judge},
    score::{Assessment, Authentication, Decision},
};
use signet_rfq::UtcMillis;
use std::{collections::BTreeSet, net::IpAddr};

/// What an administrator showed.
#[derive(Debug, Clone)]
pub struct Administrator {
    pub id: String,
    pub address: IpAddr,
    /// Certificate policies that their authority asserts.
    pub policies: Vec<String>,
    /// Their authority says that the key cannot leave its hardware.
    pub hardware_key: bool,
}

impl Administrator {
    /// As the risk settings name a person: no trader's id has a slash.
    pub fn person(&self) -> String {
        format!("admin/{}", self.id)
    }
}

impl Risk {
    /// Always privileged. No touch can be asked for, so how it authenticated is how the
    /// certificate's key is held; nobody reports about the machine, so it is managed when the
    /// certificate says so. Remembers where they are when that is allowed.
    pub fn administrator(&self, a: &Administrator, now: UtcMillis) -> Assessment {
        let (person, address) = (a.person(), Some(a.address));
        let policy = self.policy();
        let posture = &policy.settings.posture;
        let managed_certificate = a.policies.iter().any(|p| posture.managed_policies.contains(p));
        let managed = judge(
            Evidence { managed_certificate, hardware_key: false, report: None },
            &BTreeSet::new(),
            false,
        )
        .managed;
        let facts = Facts {
            user: &person,
            role: Some("privileged"),
            address,
            authentication: if a.hardware_key {
                Authentication::HardwareToken
            } else {
                Authentication::SoftwareToken
            },
            managed: Some(managed),
            trades: false,
            concerns: self.travel_concern(&person, address, now).into_iter().collect(),
        };
        let assessment = self.assess(&facts, now);
        if assessment.decision == Decision::Allow {
            self.record_place(&person, address, now);
        }
        assessment
    }
}
