//! Reads invitations and checks what the trader entered for an enrolment. `issue.rs` carries it
//! out.

use crate::{
    peer_text::shown,
    problem::{problem, sentence},
    view::*,
};
use signet_identity::{HolderRule, Invitation, InvitationError, device_name};
use time::OffsetDateTime;

/// Reads what the trader pasted or the page read from a file.
pub(crate) fn read(text: &str) -> Result<Invitation, Problem> {
    let text = text.trim();
    let read = if text.starts_with("signet:") {
        Invitation::from_link(text)
    } else {
        Invitation::from_toml(text.as_bytes())
    };
    read.map_err(|e| Problem::from(&e))
}

pub(crate) fn view(i: &Invitation, now: OffsetDateTime, host_name: &str) -> InvitationView {
    InvitationView {
        venue: shown(&i.venue),
        user: shown(&i.user),
        enrol_at: shown(&format!("{}:{}", i.est.host, i.est.port)),
        trade_at: shown(&format!("{}:{}", i.fix.host, i.fix.port)),
        fingerprint: fingerprint(i),
        holders: holders(i.holder),
        code_expires_ms: (i.code_expires.unix_timestamp() * 1_000) as f64,
        expired: i.code_expires <= now,
        device: device_name(host_name).unwrap_or_else(|| "laptop".into()),
    }
}

pub(crate) fn fingerprint(i: &Invitation) -> Vec<String> {
    i.fingerprint().split_whitespace().map(str::to_owned).collect()
}

fn holders(rule: HolderRule) -> Vec<Holder> {
    match rule {
        HolderRule::Keychain => vec![Holder::Keychain],
        HolderRule::Token => vec![Holder::Token],
        HolderRule::Any => vec![Holder::Keychain, Holder::Token],
    }
}

/// Checks everything that can be checked before a key is made or a message is sent.
pub(crate) fn check(intent: &EnrolIntent) -> Result<(Invitation, String), Problem> {
    let invitation = read(&intent.invitation)?;
    if intent.compared != fingerprint(&invitation) {
        return Err(problem(
            "enrol.fingerprint_not_compared",
            "The fingerprint that was compared is not the one of this invitation.",
            "Compare the fingerprint on the screen with your administrator's, then go on.",
        ));
    }
    if !holders(invitation.holder).contains(&intent.holder) {
        return Err(problem(
            "enrol.holder_not_allowed",
            "Your administrator does not allow the key to be held there.",
            "Choose what the invitation allows, or ask for another invitation.",
        ));
    }
    if intent.code.trim().is_empty() {
        return Err(problem(
            "enrol.code_missing",
            "The one-time code is missing.",
            "Type the code your administrator gave you.",
        ));
    }
    let device = device_name(&intent.device).ok_or_else(|| {
        problem(
            "enrol.device_name_missing",
            "This laptop needs a name with a letter or a digit in it.",
            "Type a name, such as alice-laptop.",
        )
    })?;
    Ok((invitation, device))
}

/// The name of this computer; empty if the system does not tell it.
pub(crate) fn host_name() -> String {
    let named = std::env::var("COMPUTERNAME")
        .or_else(|_| std::fs::read_to_string("/proc/sys/kernel/hostname"));
    named.or_else(|_| std::env::var("HOSTNAME")).unwrap_or_default()
}

impl From<&InvitationError> for Problem {
    fn from(e: &InvitationError) -> Self {
        problem(e.code(), sentence(&e.to_string()), e.cure())
    }
}

#[cfg(test)]
#[path = "enrol_tests.rs"]
mod tests;
