use super::*;
use signet_devca::DevPki;
use signet_identity::{CompId, EstAddress, FixAddress, HolderRule};
use time::OffsetDateTime;

fn invitation(venue: &str, port: u16) -> Invitation {
    let pki = DevPki::generate("bank.example", OffsetDateTime::now_utc()).expect("a PKI");
    let gateway = pki.issue(&signet_devca::Order::gateway("SIGNET")).expect("a certificate");
    Invitation {
        venue: venue.into(),
        user: "alice".into(),
        holder: HolderRule::Keychain,
        code_expires: OffsetDateTime::now_utc().replace_nanosecond(0).expect("a time"),
        est: EstAddress { host: "localhost".into(), port: 8443, server_name: "localhost".into() },
        fix: FixAddress {
            host: "localhost".into(),
            port,
            server_name: "localhost".into(),
            comp_id: "SIGNET".parse::<CompId>().expect("a CompID"),
            trust_domain: "bank.example".into(),
        },
        pins: Vec::new(),
        anchors: gateway.chain().last().cloned().into_iter().collect(),
        rp_id: None,
    }
}

fn remember(venues: &Venues, i: &Invitation) {
    venues.enrolled(i, Venue::of_invitation(i).expect("a venue")).expect("written");
}

#[test]
fn an_enrolled_venue_is_known_after_a_restart_and_a_new_invitation_replaces_it() {
    let dir = tempfile::tempdir().expect("a folder");
    let venues = Venues::open(&[], dir.path(), None);
    remember(&venues, &invitation("Bank", 9443));
    assert_eq!(venues.find("Bank").map(|v| v.port), Some(9443));
    remember(&venues, &invitation("Bank", 9444));
    let again = Venues::open(&[], dir.path(), None);
    assert_eq!(again.all().iter().map(|v| v.port).collect::<Vec<_>>(), [9444]);
}

#[test]
fn what_the_administrator_deployed_stands() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut deployed = Venue::of_invitation(&invitation("Bank", 1)).expect("a venue");
    deployed.est = None;
    let venues = Venues::open(&[deployed], dir.path(), None);
    remember(&venues, &invitation("Bank", 2));
    remember(&venues, &invitation("Bank", 3));
    let known = venues.find("Bank").expect("known");
    assert_eq!((known.port, known.est.is_some()), (1, true), "after a second invitation too");
}

#[test]
fn a_file_that_is_no_invitation_does_not_hide_the_others() {
    let dir = tempfile::tempdir().expect("a folder");
    remember(&Venues::open(&[], dir.path(), None), &invitation("Bank", 9443));
    fs::write(dir.path().join(FOLDER).join("broken.signet-invite"), "version = 1\nvenue = 3")
        .expect("written");
    fs::write(
        dir.path().join(FOLDER).join("huge.signet-invite"),
        vec![b'#'; INVITATION_BYTES_MAX + 1],
    )
    .expect("written");
    assert_eq!(Venues::open(&[], dir.path(), None).all().len(), 1);
}

#[test]
fn no_name_of_a_venue_leads_out_of_the_folder_or_onto_another() {
    assert!(!slug("../../etc/passwd").contains(['/', '.']));
    assert_ne!(slug("Bank A"), slug("Bank_A"));
}
