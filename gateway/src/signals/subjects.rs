//! Which user and device of the registry a token is about. Pure.

use crate::{config::ProviderSection, pipeline::NamedDevice};
use signet_identity::{is_device_name, is_user_id};
use signet_signals::{Identifier, Subject};

/// A person of the registry, and which device of theirs is named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Who {
    pub user: String,
    pub device: NamedDevice,
}

/// `None`: the settings name nobody for this subject.
pub fn who(settings: &ProviderSection, subject: &Subject) -> Option<Who> {
    let user = user(settings, &subject.user)?;
    let named = |d| device(settings, d).map_or(NamedDevice::Unknown, NamedDevice::One);
    let device = subject.device.as_ref().map_or(NamedDevice::None, named);
    Some(Who { user, device })
}

fn user(settings: &ProviderSection, id: &Identifier) -> Option<String> {
    let name = match id {
        Identifier::Email(email) => email,
        // An account of another issuer may have the same name.
        Identifier::IssuerSubject { iss, sub } if *iss == settings.issuer => sub,
        Identifier::IssuerSubject { .. } => return None,
        Identifier::Opaque(id) => id,
    };
    let listed = match id {
        Identifier::Email(address) => settings.users.of_address(address),
        _ => settings.users.of_id(name),
    };
    if let Some(user) = listed {
        return Some(user.clone());
    }
    let found = match id {
        Identifier::Email(email) => {
            let (local, domain) = email.rsplit_once('@')?;
            let ours = settings.email_domain.as_ref()?;
            domain.eq_ignore_ascii_case(ours).then_some(local)?
        }
        _ => settings.subject_is_user_id.then_some(name)?,
    };
    is_user_id(found).then(|| found.to_owned())
}

fn device(settings: &ProviderSection, id: &Identifier) -> Option<String> {
    let name = match id {
        Identifier::Opaque(name) => name,
        // A device of another issuer may have the same name.
        Identifier::IssuerSubject { iss, sub } if *iss == settings.issuer => sub,
        Identifier::IssuerSubject { .. } | Identifier::Email(_) => return None,
    };
    let known = settings.devices.get(name).cloned();
    known.or_else(|| is_device_name(name).then(|| name.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(more: &str) -> ProviderSection {
        let text = format!("issuer = 'https://idp'\naudience = 'us'\nkeys = 'k'\n{more}");
        toml::from_str(&text).unwrap()
    }

    fn email(text: &str) -> Identifier {
        Identifier::Email(text.into())
    }

    fn sub(iss: &str, sub: &str) -> Identifier {
        Identifier::IssuerSubject { iss: iss.into(), sub: sub.into() }
    }

    #[test]
    fn table_of_people() {
        let by_domain = "email_domain = 'Bank.example'";
        let by_id = "subject_is_user_id = true";
        let by_table = "users = { 'al@other.example' = 'alice', '00u1' = 'alice' }";
        let by_capitals = "users = { 'Al@Other.example' = 'alice' }";
        for (settings_text, id, want) in [
            (by_domain, email("alice@bank.example"), Some("alice")),
            (by_domain, email("alice@evil.example"), None),
            (by_domain, email("alice@x.bank.example"), None),
            (by_domain, email("a b@bank.example"), None),
            (by_domain, sub("https://idp", "alice"), None),
            (by_id, sub("https://idp", "alice"), Some("alice")),
            (by_id, sub("https://other", "alice"), None),
            (by_id, Identifier::Opaque("alice".into()), Some("alice")),
            (by_id, Identifier::Opaque("Alice Smith".into()), None),
            (by_id, email("alice@bank.example"), None),
            (by_table, email("al@other.example"), Some("alice")),
            (by_table, sub("https://idp", "00u1"), Some("alice")),
            (by_table, sub("https://other", "00u1"), None),
            (by_table, Identifier::Opaque("00u2".into()), None),
            (by_capitals, email("al@other.example"), Some("alice")),
            ("users = { 'Mar\u{212a}@x' = 'mark' }", email("mark@x"), None),
            (by_capitals, sub("https://idp", "Al@Other.example"), Some("alice")),
            (by_capitals, sub("https://idp", "al@other.example"), None),
        ] {
            let found = user(&settings(settings_text), &id);
            assert_eq!(found.as_deref(), want, "{settings_text} {id:?}");
        }
    }

    #[test]
    fn table_of_devices() {
        let s = settings("subject_is_user_id = true\ndevices = { 'mdm-17' = 'laptop' }");
        let one = |name: &str| NamedDevice::One(name.into());
        for (device, want) in [
            (None, NamedDevice::None),
            (Some(Identifier::Opaque("mdm-17".into())), one("laptop")),
            (Some(Identifier::Opaque("desktop".into())), one("desktop")),
            (Some(Identifier::Opaque("not a device".into())), NamedDevice::Unknown),
            (Some(sub("https://idp", "mdm-17")), one("laptop")),
            (Some(sub("https://idp", "desktop")), one("desktop")),
            (Some(sub("https://other", "mdm-17")), NamedDevice::Unknown),
            (Some(sub("https://other", "desktop")), NamedDevice::Unknown),
            (Some(email("a@b")), NamedDevice::Unknown),
        ] {
            let subject = Subject { user: Identifier::Opaque("alice".into()), device };
            let found = who(&s, &subject).unwrap();
            assert_eq!((found.user.as_str(), found.device), ("alice", want));
        }
    }
}
