//! Lists of dealers at a venue, and what they come to when dealers and venues change.

use super::{
    super::life_tests::{self, NOW},
    *,
};
use crate::{
    ticket::TicketStore,
    view::{LeftOutReason, VenueView},
};
use signet_fix::message::{AppMessage, DealerState, VenueState};
use signet_journal::StoreKey;
use signet_rfq::DealerId;

/// The venue offers these dealers and no others.
fn offers(b: &mut Book, ids: &str) {
    let dealer = |id: &str| DealerState {
        id: DealerId::new(id).unwrap(),
        name: format!("{id} bank"),
        online: true,
        counters: false,
        parts: false,
    };
    let dealers = ids.split_whitespace().map(dealer).collect();
    let state = VenueState { name: "Venue".into(), practice: false, dealers, at: NOW };
    b.message(AppMessage::VenueState(state), NOW);
}

fn book_with(ids: &str) -> Book {
    let mut b = life_tests::book();
    offers(&mut b, ids);
    b
}

fn keep(b: &mut Book, name: &str, dealers: &str) -> Result<(), String> {
    let dealers: Vec<String> = dealers.split_whitespace().map(str::to_owned).collect();
    b.keep_dealer_list(name, &dealers).map_err(|p| p.code)
}

fn shown(b: &Book) -> Vec<String> {
    let one = |l: &DealerListView| {
        let left_out = l.left_out.iter().map(|d| format!("{} {:?}", d.name, d.reason));
        let left_out = left_out.collect::<Vec<_>>().join(", ");
        format!("{}: {} [{left_out}]", l.name, l.dealers.join(" "))
    };
    b.dealer_lists().iter().map(one).collect()
}

#[test]
fn a_list_follows_what_the_venue_offers() {
    let mut b = book_with("NORTH SOUTH EAST");
    keep(&mut b, " Bunds ", "SOUTH NORTH SOUTH").unwrap();
    assert_eq!(shown(&b), ["Bunds: NORTH SOUTH []"]);
    offers(&mut b, "SOUTH EAST");
    assert_eq!(shown(&b), ["Bunds: SOUTH [NORTH bank NotOffered]"]);
    offers(&mut b, "SOUTH NORTH");
    assert_eq!(shown(&b), ["Bunds: SOUTH NORTH []"], "it comes back");
}

#[test]
fn a_list_ticks_no_more_dealers_than_one_request_may_ask() {
    let ids: Vec<String> = (0..MAX_DEALERS_PER_RFQ + 2).map(|n| format!("D{n:02}")).collect();
    let mut b = book_with(&ids.join(" "));
    keep(&mut b, "Everybody", &ids.join(" ")).unwrap();
    let list = b.dealer_lists().remove(0);
    assert_eq!(list.dealers, ids[..MAX_DEALERS_PER_RFQ]);
    let left_out: Vec<&str> = list.left_out.iter().map(|d| d.id.as_str()).collect();
    assert_eq!(left_out, ids[MAX_DEALERS_PER_RFQ..]);
    assert!(list.left_out.iter().all(|d| d.reason == LeftOutReason::TooMany));
}

#[test]
fn what_cannot_be_kept_is_refused_and_changes_nothing() {
    let mut b = book_with("NORTH SOUTH");
    keep(&mut b, "Bunds", "NORTH").unwrap();
    let long = "x".repeat(41);
    let many = "NORTH ".repeat(DEALERS_MAX + 1);
    for (name, dealers, code) in [
        ("", "NORTH", "dealer_list.name"),
        ("a\nb", "NORTH", "dealer_list.name"),
        (&*long, "NORTH", "dealer_list.name"),
        ("New", "", "dealer_list.empty"),
        ("New", &*many, "dealer_list.too_long"),
        ("New", "NORTH NOBODY", "dealers.unknown"),
        ("Bunds", "NOBODY", "dealers.unknown"),
    ] {
        assert_eq!(keep(&mut b, name, dealers), Err(code.into()), "{name}");
    }
    assert_eq!(shown(&b), ["Bunds: NORTH []"]);
    for n in 1..20 {
        keep(&mut b, &format!("L{n}"), "NORTH").unwrap();
    }
    assert_eq!(keep(&mut b, "One more", "NORTH"), Err("ticket.full".into()));
    keep(&mut b, "bunds", "SOUTH").unwrap();
    assert_eq!(shown(&b)[0], "bunds: SOUTH []", "one of the same name is replaced");
}

#[test]
fn a_list_is_renamed_and_deleted() {
    let mut b = book_with("NORTH SOUTH");
    keep(&mut b, "Bunds", "NORTH").unwrap();
    keep(&mut b, "Gilts", "SOUTH").unwrap();
    for (name, to, want) in [
        ("Bunds", "gilts", Err("dealer_list.taken")),
        ("Other", "New", Err("dealer_list.unknown")),
        ("Bunds", " ", Err("dealer_list.name")),
        ("bunds", "BUNDS", Ok(())),
        ("Bunds", " Euro ", Ok(())),
        ("Bunds", "Again", Err("dealer_list.unknown")),
    ] {
        let got = b.rename_dealer_list(name, to).map_err(|p| p.code);
        assert_eq!(got, want.map_err(str::to_owned), "{name} to {to}");
    }
    assert_eq!(shown(&b), ["Euro: NORTH []", "Gilts: SOUTH []"]);
    b.drop_dealer_list("EURO").unwrap();
    b.drop_dealer_list("Euro").unwrap();
    assert_eq!(shown(&b), ["Gilts: SOUTH []"]);
}

#[test]
fn lists_are_of_one_venue_and_survive_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("tickets.log");
    let at = |b: &mut Book, venue: &str| {
        // The file of the connection before is closed first.
        b.begin_tickets(TicketStore::default());
        let view = VenueView { name: venue.into(), endpoint: String::new() };
        b.link(NOW, |s| s.venue = Some(view));
        b.begin_tickets(TicketStore::open(&path, &StoreKey::new([7; 32])).unwrap());
    };
    let mut b = book_with("NORTH SOUTH");
    at(&mut b, "First");
    keep(&mut b, "Bunds", "NORTH").unwrap();
    at(&mut b, "Second");
    assert!(shown(&b).is_empty());
    keep(&mut b, "Bunds", "SOUTH").unwrap();
    b.drop_dealer_list("Nothing").unwrap();
    at(&mut b, "First");
    assert_eq!(shown(&b), ["Bunds: NORTH []"]);
    b.drop_dealer_list("Bunds").unwrap();
    at(&mut b, "Second");
    assert_eq!(shown(&b), ["Bunds: SOUTH []"], "that of another venue stays");
}
