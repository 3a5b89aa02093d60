//! What the receiver calls a person of the registry.

use crate::config::TransmitSection;
use serde_json::{Value, json};

/// The Subject Identifier (RFC 9493); `None`: the receiver has no name for this person.
pub(super) fn subject(section: &TransmitSection, user: &str) -> Option<Value> {
    let email = |email: &str| json!({ "format": "email", "email": email });
    let sub = |sub: &str| json!({ "format": "iss_sub", "iss": section.issuer, "sub": sub });
    if let Some(name) = section.users.get(user) {
        return Some(if name.contains('@') { email(name) } else { sub(name) });
    }
    if let Some(domain) = &section.email_domain {
        return Some(email(&format!("{user}@{domain}")));
    }
    section.subject_is_user_id.then(|| sub(user))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_of_people() {
        let by_domain = "email_domain = 'bank.example'";
        let by_table = "users = { alice = 'al@other.example', bob = '00u1' }";
        let email = |e: &str| Some(json!({ "format": "email", "email": e }));
        let sub = |s: &str| Some(json!({ "format": "iss_sub", "iss": "https://gw", "sub": s }));
        for (settings, user, want) in [
            (by_domain.to_owned(), "alice", email("alice@bank.example")),
            ("subject_is_user_id = true".to_owned(), "alice", sub("alice")),
            (by_table.to_owned(), "alice", email("al@other.example")),
            (by_table.to_owned(), "bob", sub("00u1")),
            (by_table.to_owned(), "carol", None),
            (format!("{by_table}\n{by_domain}"), "carol", email("carol@bank.example")),
            (format!("{by_table}\n{by_domain}"), "bob", sub("00u1")),
        ] {
            let section = format!(
                "url = 'https://h/p'\nissuer = 'https://gw'\naudience = 'a'\ntrust = 't'\n{settings}"
            );
            assert_eq!(
                subject(&toml::from_str(&section).unwrap(), user),
                want,
                "{settings} {user}"
            );
        }
    }
}
