//! The SPIFFE URI in a Signet certificate, taken apart.
//!
//! Short form: `spiffe://<trust domain>/<desk|gateway|dealer>/<CompID>`, and
//! `spiffe://<trust domain>/admin/<id>`, where the id is spelled like a user's.
//!
//! Long form, desks enrolled by a gateway:
//! `spiffe://<trust domain>/desk/<CompID>/<user>/<device>/<protection>`.

use std::str::FromStr;

use super::comp_id::CompId;
use super::enrolled::EnrolledFacts;
use super::error::PeerError;
use super::role::Role;
use super::rules::{is_trust_domain, is_user_id};

/// The names in one URI.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct SpiffeName {
    pub(crate) trust_domain: String,
    pub(crate) role: Role,
    pub(crate) comp_id: CompId,
    pub(crate) enrolled: Option<EnrolledFacts>,
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
    }
}
