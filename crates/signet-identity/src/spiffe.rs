//! The SPIFFE URI in a Signet certificate, taken apart and put together.
//!
//! Short form: `spiffe://<trust domain>/<desk|gateway|dealer>/<CompID>`, and
//! `spiffe://<trust domain>/admin/<id>`, where the id is spelled like a user's.
//!
//! Long form, desks enrolled by a gateway:
//! `spiffe://<trust domain>/desk/<CompID>/<user>/<device>/<protection>`.
//!
//! There is one spelling of each name and no escaping, so two texts never mean the same identity.

use std::str::FromStr;

use x509_parser::extensions::GeneralName;
use x509_parser::prelude::X509Certificate;

use crate::peer::{CompId, PeerError, Role};

/// The longest trust domain, in characters (SPIFFE-ID §2.1).
const TRUST_DOMAIN_CHARS_MAX: usize = 255;
/// The longest user id, in characters.
pub const USER_CHARS_MAX: usize = 32;
/// The longest device name, in characters.
pub const DEVICE_CHARS_MAX: usize = 40;
/// The protections a certificate can state.
pub const PROTECTIONS: [&str; 2] = ["keychain", "token"];

/// What the long form of the URI adds to role and CompID.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct EnrolledFacts {
    /// The user's id: 1 to 32 of `a-z 0-9 . _ -`.
    pub user: String,
    /// The device's name: 1 to 40 of the same.
    pub device: String,
    /// `keychain` or `token`: what the admin ordered the key to be held in. Without attestation
    /// it does not prove where the key is.
    pub protection: String,
}

impl EnrolledFacts {
    /// Checks the three names.
    pub fn new(user: &str, device: &str, protection: &str) -> Result<Self, PeerError> {
        if !is_user_id(user) {
            return Err(PeerError::BadUser);
        }
        if !is_device_name(device) {
            return Err(PeerError::BadDevice);
        }
        if !PROTECTIONS.contains(&protection) {
            return Err(PeerError::BadProtection);
        }
        Ok(Self {
            user: user.to_owned(),
            device: device.to_owned(),
            protection: protection.to_owned(),
        })
    }

    /// The URI an issuer writes into the desk's certificate.
    #[must_use]
    pub fn desk_uri(&self, trust_domain: &str, comp_id: &CompId) -> String {
        let Self { user, device, protection } = self;
        format!("spiffe://{trust_domain}/{}/{comp_id}/{user}/{device}/{protection}", Role::Desk)
    }
}

/// Whether this is a user id as certificates, invitations and EST carry it.
#[must_use]
pub fn is_user_id(text: &str) -> bool {
    is_lower_case_name(text, USER_CHARS_MAX)
}

/// Whether this is a device name as certificates carry it.
#[must_use]
pub fn is_device_name(text: &str) -> bool {
    is_lower_case_name(text, DEVICE_CHARS_MAX)
}

/// The device name nearest to what a person typed or a computer is called: lower case, anything
/// else a dash, never longer than allowed. `None` when nothing of it is usable.
#[must_use]
pub fn device_name(text: &str) -> Option<String> {
    let mut name = String::new();
    for c in text.trim().chars() {
        let c = c.to_ascii_lowercase();
        let usable = c.is_ascii_lowercase() || c.is_ascii_digit() || "._-".contains(c);
        let c = if usable { c } else { '-' };
        if name.len() == DEVICE_CHARS_MAX {
            break;
        }
        if !(c == '-' && name.ends_with('-')) {
            name.push(c);
        }
    }
    let name = name.trim_matches('-');
    is_device_name(name).then(|| name.to_owned())
}

/// `.` and `..` are path segments of their own in URIs (SPIFFE-ID §2.2), so no name is only dots.
fn is_lower_case_name(text: &str, chars_max: usize) -> bool {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-".contains(&b);
    (1..=chars_max).contains(&text.len())
        && text.bytes().all(allowed)
        && text.bytes().any(|b| b != b'.')
}

/// SPIFFE-ID §2.1: lower-case letters, digits, dots, dashes and underscores.
#[must_use]
pub fn is_trust_domain(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b".-_".contains(&b);
    (1..=TRUST_DOMAIN_CHARS_MAX).contains(&text.len()) && text.bytes().all(allowed)
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct SpiffeName {
    pub(crate) trust_domain: String,
    pub(crate) role: Role,
    pub(crate) comp_id: CompId,
    pub(crate) enrolled: Option<EnrolledFacts>,
}

impl SpiffeName {
    pub(crate) fn of_certificate(certificate: &X509Certificate<'_>) -> Result<Self, PeerError> {
        // An error here means the extension occurs twice or cannot be decoded.
        let names = certificate.subject_alternative_name().map_err(|_| PeerError::Unreadable)?;
        let names = names.map(|extension| extension.value.general_names.as_slice());
        let uris: Vec<&str> = names
            .unwrap_or_default()
            .iter()
            .filter_map(|name| match name {
                GeneralName::URI(uri) => Some(*uri),
                _ => None,
            })
            .collect();
        match uris.as_slice() {
            [] => Err(PeerError::NoUri),
            [uri] => uri.parse(),
            several => Err(PeerError::SeveralUris(several.len())),
        }
    }
}

impl FromStr for SpiffeName {
    type Err = PeerError;

    fn from_str(uri: &str) -> Result<Self, PeerError> {
        let rest = uri.strip_prefix("spiffe://").ok_or(PeerError::NotASignetUri)?;
        // One more than the long form has, so that a longer path is seen as such.
        let parts: Vec<&str> = rest.splitn(7, '/').collect();
        let (domain, role, comp_id, enrolled) = match parts.as_slice() {
            [domain, role, comp_id] => (domain, role, comp_id, None),
            [domain, role @ "desk", comp_id, user, device, protection] => {
                (domain, role, comp_id, Some((user, device, protection)))
            }
            _ => return Err(PeerError::NotASignetUri),
        };
        let role = match *role {
            "desk" => Role::Desk,
            "gateway" => Role::Gateway,
            "dealer" => Role::Dealer,
            "admin" if !is_user_id(comp_id) => return Err(PeerError::BadUser),
            "admin" => Role::Admin,
            _ => return Err(PeerError::NotASignetUri),
        };
        if !is_trust_domain(domain) {
            return Err(PeerError::NotASignetUri);
        }
        let comp_id = comp_id.parse()?;
        let enrolled = enrolled
            .map(|(user, device, protection)| EnrolledFacts::new(user, device, protection))
            .transpose()?;
        Ok(Self { trust_domain: (*domain).to_owned(), role, comp_id, enrolled })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn table_of_uris() {
        use PeerError::{BadCompId, BadDevice, BadProtection, BadUser, NotASignetUri};
        type Row = (
            &'static str,
            Result<(&'static str, Role, &'static str, Option<[&'static str; 3]>), PeerError>,
        );
        let table: &[Row] = &[
            (
                "spiffe://bank.example/desk/TRADER1",
                Ok(("bank.example", Role::Desk, "TRADER1", None)),
            ),
            (
                "spiffe://bank.example/gateway/SIGNET",
                Ok(("bank.example", Role::Gateway, "SIGNET", None)),
            ),
            ("spiffe://b/dealer/North-Bank_1.x", Ok(("b", Role::Dealer, "North-Bank_1.x", None))),
            ("spiffe://b/admin/sylvia.o", Ok(("b", Role::Admin, "sylvia.o", None))),
            ("spiffe://b/admin/Sylvia", Err(BadUser)),
            ("spiffe://b/admin/..", Err(BadUser)),
            ("spiffe://b/admin/", Err(BadUser)),
            ("spiffe://b/admin/sylvia/x1", Err(NotASignetUri)),
            ("spiffe://b/admin/sylvia/sylvia/x1/token", Err(NotASignetUri)),
            ("spiffe://b/Admin/sylvia", Err(NotASignetUri)),
            (
                "spiffe://b/desk/A1/alice/x1-laptop/token",
                Ok(("b", Role::Desk, "A1", Some(["alice", "x1-laptop", "token"]))),
            ),
            (
                "spiffe://b/desk/A1/a.b_c-d/0/keychain",
                Ok(("b", Role::Desk, "A1", Some(["a.b_c-d", "0", "keychain"]))),
            ),
            ("SPIFFE://bank.example/desk/T", Err(NotASignetUri)),
            ("https://bank.example/desk/T", Err(NotASignetUri)),
            ("spiffe:///desk/T", Err(NotASignetUri)),
            ("spiffe://Bank.example/desk/T", Err(NotASignetUri)),
            ("spiffe://bank.example:443/desk/T", Err(NotASignetUri)),
            ("spiffe://bank.example/Desk/T", Err(NotASignetUri)),
            ("spiffe://bank.example/trader/T", Err(NotASignetUri)),
            ("spiffe://bank.example/desk", Err(NotASignetUri)),
            ("spiffe://bank.example/desk/", Err(BadCompId)),
            ("spiffe://bank.example/desk/T/", Err(NotASignetUri)),
            ("spiffe://bank.example/desk/T/x", Err(NotASignetUri)),
            ("spiffe://bank.example/desk/T R", Err(BadCompId)),
            ("spiffe://bank.example/desk/T%41", Err(BadCompId)),
            ("spiffe://bank.example/desk/T?x", Err(BadCompId)),
            ("spiffe://bank.example/desk/TRÄDER", Err(BadCompId)),
            ("spiffe://b/gateway/G/alice/x1/token", Err(NotASignetUri)),
            ("spiffe://b/dealer/D/alice/x1/token", Err(NotASignetUri)),
            ("spiffe://b/desk/A1/alice", Err(NotASignetUri)),
            ("spiffe://b/desk/A1/alice/x1", Err(NotASignetUri)),
            ("spiffe://b/desk/A1/alice/x1/token/", Err(NotASignetUri)),
            ("spiffe://b/desk/A1/alice/x1/token/y", Err(NotASignetUri)),
            ("spiffe://b/desk/A1//x1/token", Err(BadUser)),
            ("spiffe://b/desk/A1/Alice/x1/token", Err(BadUser)),
            ("spiffe://b/desk/A1/../x1/token", Err(BadUser)),
            ("spiffe://b/desk/A1/abcdefghijklmnopqrstuvwxyz0123456/x1/token", Err(BadUser)),
            ("spiffe://b/desk/A1/alice/X1/token", Err(BadDevice)),
            ("spiffe://b/desk/A1/alice//token", Err(BadDevice)),
            ("spiffe://b/desk/A1/alice/./token", Err(BadDevice)),
            ("spiffe://b/desk/A1/alice/x1/Token", Err(BadProtection)),
            ("spiffe://b/desk/A1/alice/x1/", Err(BadProtection)),
            ("spiffe://b/desk/A1/alice/x1/token?", Err(BadProtection)),
        ];
        for (uri, expected) in table {
            let found = uri.parse::<SpiffeName>();
            let found = found.as_ref().map(|n| {
                let enrolled = n
                    .enrolled
                    .as_ref()
                    .map(|e| [e.user.as_str(), e.device.as_str(), e.protection.as_str()]);
                (n.trust_domain.as_str(), n.role, n.comp_id.as_str(), enrolled)
            });
            assert_eq!(found, expected.as_ref().copied(), "{uri}");
        }
    }

    #[test]
    fn table_of_device_names() {
        let long = "x".repeat(60);
        let table = [
            ("Alice's ThinkPad X1", Some("alice-s-thinkpad-x1")),
            ("  laptop-7.bank.example ", Some("laptop-7.bank.example")),
            ("ÄÖÜ", None),
            ("", None),
            ("..", None),
            ("a//b", Some("a-b")),
            (long.as_str(), Some(&long[..DEVICE_CHARS_MAX])),
        ];
        for (typed, expected) in table {
            assert_eq!(device_name(typed).as_deref(), expected, "{typed}");
        }
    }

    fn any_role() -> impl Strategy<Value = Role> {
        prop_oneof![Just(Role::Desk), Just(Role::Gateway), Just(Role::Dealer)]
    }

    proptest! {
        #[test]
        fn a_good_short_name_comes_back_whole(
            domain in "[a-z0-9][a-z0-9.-]{0,40}",
            role in any_role(),
            comp_id in "[A-Za-z0-9._-]{1,64}",
        ) {
            let name: SpiffeName = format!("spiffe://{domain}/{role}/{comp_id}").parse().unwrap();
            prop_assert_eq!(name.trust_domain, domain);
            prop_assert_eq!(name.role, role);
            prop_assert_eq!(name.comp_id.as_str(), comp_id);
            prop_assert_eq!(name.enrolled, None);
        }

        #[test]
        fn an_administrator_is_named_like_a_user(id in "[A-Za-z0-9._-]{1,40}") {
            let name = format!("spiffe://b/admin/{id}").parse::<SpiffeName>();
            prop_assert_eq!(name.is_ok(), is_user_id(&id));
        }

        #[test]
        fn a_good_long_name_comes_back_whole(
            domain in "[a-z0-9][a-z0-9.-]{0,40}",
            comp_id in "[A-Za-z0-9._-]{1,64}",
            user in "[a-z0-9_-][a-z0-9._-]{0,31}",
            device in "[a-z0-9_-][a-z0-9._-]{0,39}",
            protection in prop_oneof![Just("keychain"), Just("token")],
        ) {
            let facts = EnrolledFacts::new(&user, &device, protection).unwrap();
            let uri = facts.desk_uri(&domain, &comp_id.parse().unwrap());
            let name: SpiffeName = uri.parse().unwrap();
            prop_assert_eq!((name.trust_domain, name.role, name.comp_id.as_str()), (domain, Role::Desk, comp_id.as_str()));
            prop_assert_eq!(name.enrolled, Some(facts));
        }

        #[test]
        fn no_text_smuggles_a_separator_into_a_name(uri in "spiffe://[ \
            -~]{0,60}|spiffe://[a-z/]{0,40}|spiffe://b/desk/[a-zA-Z/.]{0,30}/(token|keychain)") {
            if let Ok(name) = uri.parse::<SpiffeName>() {
                let again = match &name.enrolled {
                    Some(facts) => facts.desk_uri(&name.trust_domain, &name.comp_id),
                    None => format!("spiffe://{}/{}/{}", name.trust_domain, name.role, name.comp_id),
                };
                prop_assert_eq!(again, uri);
                for part in [name.comp_id.as_str()].into_iter().chain(name.enrolled.iter().flat_map(|e| [e.user.as_str(), e.device.as_str()])) {
                    let separated = part.contains(['/', '=', ' ', '?', '#', '%']);
                    prop_assert!(!separated);
                }
            }
        }

        #[test]
        fn a_normalised_device_name_is_one_and_stays_as_it_is(typed in ".{0,80}") {
            if let Some(name) = device_name(&typed) {
                prop_assert!(is_device_name(&name));
                prop_assert_eq!(device_name(&name), Some(name));
            }
        }
    }
}
