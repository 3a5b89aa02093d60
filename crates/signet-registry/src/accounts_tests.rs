use super::*;
use crate::{RegistryUrl, events::verify};

const NOW: UtcMillis = UtcMillis(1_000);

fn user(id: &str, comp_id: &str) -> (NewUser, NewCode) {
    let user = NewUser {
        id: id.into(),
        comp_id: comp_id.into(),
        name: "N".into(),
        role: "standard".into(),
        protection: "keychain".into(),
    };
    let digest = format!("digest of {id} {comp_id}");
    (user, NewCode { digest, expires: UtcMillis(NOW.0 + 3_600_000), managed: false })
}

#[test]
fn table_of_comp_ids_of_desks() {
    let (longest, longer) = ("A".repeat(24), "A".repeat(25));
    for (text, good) in [
        ("ALICE1", true),
        ("alice_1-x", true),
        (longest.as_str(), true),
        (longer.as_str(), false),
        ("", false),
        ("ALICE.1", false),
        ("ALICE 1", false),
        ("ALICE+1", false),
        ("ALIC\u{c9}", false),
    ] {
        assert_eq!(is_desk_comp_id(text), good, "{text:?}");
        assert_eq!(user("alice", text).0.check().is_ok(), good, "{text:?}");
    }
}

#[tokio::test]
async fn all_are_added_in_one_chain_or_nobody_is() {
    let dir = tempfile::tempdir().unwrap();
    let r = Registry::open(&RegistryUrl::Sqlite(dir.path().join("r.db"))).await.unwrap();
    let add = async |users: &[(NewUser, NewCode)]| {
        r.add_users(users, "root@gw", NOW).await.map_err(|e| e.to_string())
    };
    let both = [user("alice", "ALICE1"), user("bob", "BOB1")];
    assert_eq!(add(&both).await, Ok(()));
    for (users, why) in [
        ([user("carol", "CAROL1"), user("alice", "OTHER")], "there is a user alice already"),
        ([user("carol", "CAROL1"), user("dave", "bob1")], "the CompID bob1 is in use already"),
        // Of one list, before either is in the database.
        ([user("carol", "CAROL1"), user("carol", "OTHER")], "there is a user carol already"),
        ([user("carol", "CAROL1"), user("dave", "Carol1")], "the CompID Carol1 is in use already"),
    ] {
        assert_eq!(add(&users).await, Err(why.to_owned()));
    }
    r.note(NewEvent::new(NOW, "root@gw", "user.list", "", "")).await.unwrap();
    assert_eq!(add(&[user("carol", "CAROL1")]).await, Ok(()));
    let ids: Vec<String> = r.users().await.unwrap().into_iter().map(|u| u.id).collect();
    assert_eq!(ids, ["alice", "bob", "carol"]);
    let (events, head) = r.events().await.unwrap();
    assert_eq!(verify(&events, (head.0, &head.1)), Ok(7));
    let told: Vec<(&str, &str)> =
        events.iter().map(|e| (e.kind.as_str(), e.subject.as_str())).collect();
    let of = |id| [("user.added", id), ("code.made", id)];
    let want = [&of("alice")[..], &of("bob"), &[("user.list", "")], &of("carol")].concat();
    assert_eq!(told, want);
    r.close().await;
}

#[test]
fn a_name_shows_all_that_it_is() {
    let (good, _) = user("alice", "ALICE1");
    for (name, is_good) in [
        ("Zoë Ångström", true),
        ("山田", true),
        ("", false),
        ("\u{3164}", false),
        ("Ada\u{200b}", false),
        ("Ada\u{202e}", false),
        ("Ada\u{e0041}", false),
        ("Ada\n", false),
    ] {
        let named = NewUser { name: name.into(), ..good.clone() };
        assert_eq!(named.check().is_ok(), is_good, "{name:?}");
    }
}
