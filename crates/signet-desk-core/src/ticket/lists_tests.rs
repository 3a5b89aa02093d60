use super::*;
use proptest::prelude::*;

/// Dealers as a venue offers them; a name that ends in `-` is offline.
fn offered(all: &str) -> Vec<DealerView> {
    let one = |word: &str| {
        let id = word.trim_end_matches('-');
        DealerView { id: id.into(), name: format!("{id} bank"), online: !word.ends_with('-') }
    };
    all.split_whitespace().map(one).collect()
}

fn list(dealers: &str) -> DealerList {
    let one = |id: &str| Listed { id: id.into(), name: format!("{id} before") };
    DealerList { name: "L".into(), dealers: dealers.split_whitespace().map(one).collect() }
}

/// What is ticked, and what is left out: `!` because it is not offered, `+` because of the most.
fn comes_to(view: &DealerListView) -> (String, String) {
    let left = view.left_out.iter().map(|d| match d.reason {
        LeftOutReason::NotOffered => format!("{}!", d.name),
        LeftOutReason::TooMany => format!("{}+", d.name),
    });
    (view.dealers.join(" "), left.collect::<Vec<_>>().join(", "))
}

#[test]
fn a_dealer_of_a_list_is_ticked_or_left_out_with_the_reason() {
    for (dealers, venue, max, ticked, left_out) in [
        ("A B", "A B C", 5, "A B", ""),
        // The venue's order, not that of the list.
        ("B A", "A B C", 5, "A B", ""),
        // One that is offline can still be asked for; the ticket says so.
        ("A B", "A B- C", 5, "A B", ""),
        ("A X B", "A B C", 5, "A B", "X before!"),
        ("X Y", "A B C", 5, "", "X before!, Y before!"),
        ("A B", "", 5, "", "A before!, B before!"),
        ("A B C", "A B C", 3, "A B C", ""),
        ("A B C", "A B C", 2, "A B", "C bank+"),
        // Those that are online come first, and stand in the venue's order.
        ("A B C", "A- B C", 2, "B C", "A bank+"),
        ("A B C D", "A- B C- D", 3, "A B D", "C bank+"),
        ("A X C", "A C", 1, "A", "X before!, C bank+"),
        ("A", "A", 0, "", "A bank+"),
        ("", "A", 5, "", ""),
    ] {
        let view = resolve(&list(dealers), &offered(venue), max);
        let want = (ticked.to_owned(), left_out.to_owned());
        assert_eq!(comes_to(&view), want, "{dealers} of {venue}, {max} at most");
    }
    let nameless = Listed { id: "X".into(), name: String::new() };
    let nameless = DealerList { name: "L".into(), dealers: vec![nameless] };
    assert_eq!(comes_to(&resolve(&nameless, &[], 5)).1, "X!");
}

#[test]
fn a_list_has_the_dealers_of_the_venue_each_once() {
    let ids = |wanted: &[&str]| {
        let wanted: Vec<String> = wanted.iter().map(|id| (*id).to_owned()).collect();
        let found = listed(&wanted, &offered("A B- C"));
        found.into_iter().map(|d| format!("{} {}", d.id, d.name)).collect::<Vec<_>>().join(", ")
    };
    assert_eq!(ids(&["B", "A", "B", "X"]), "A A bank, B B bank");
    assert_eq!(ids(&[]), "");
}

#[test]
fn a_name_is_short_printable_and_trimmed() {
    let forty = "x".repeat(40);
    for (typed, want) in [
        ("Bunds", Some("Bunds")),
        ("  Bunds, big ones\t", Some("Bunds, big ones")),
        ("é", Some("é")),
        (&*forty, Some(&*forty)),
        ("", None),
        ("   ", None),
        ("a\nb", None),
        ("a\u{7}", None),
        (&*"é".repeat(41), None),
    ] {
        assert_eq!(list_name(typed).ok(), want, "{typed:?}");
    }
    assert_eq!(list_name(" ").unwrap_err().code, "dealer_list.name");
}

proptest! {
    #[test]
    fn no_dealer_of_a_list_goes_missing(
        dealers in proptest::collection::btree_set("[A-H]", 0..8),
        venue in proptest::collection::btree_map("[A-H]", any::<bool>(), 0..8),
        max in 0..9usize,
    ) {
        let dealers = dealers.into_iter().collect::<Vec<_>>().join(" ");
        let venue: Vec<DealerView> = venue
            .into_iter()
            .map(|(id, online)| DealerView { name: id.clone(), id, online })
            .collect();
        let view = resolve(&list(&dealers), &venue, max);
        let left_out = view.left_out.iter().map(|d| d.id.as_str());
        let mut all: Vec<&str> = view.dealers.iter().map(String::as_str).chain(left_out).collect();
        all.sort_unstable();
        prop_assert_eq!(all.join(" "), dealers, "each once, ticked or left out");
        prop_assert!(view.dealers.len() <= max);
        let is_offered = |id: &str| venue.iter().any(|d| d.id == id);
        prop_assert!(view.dealers.iter().all(|id| is_offered(id)));
        for d in &view.left_out {
            prop_assert_eq!(d.reason == LeftOutReason::TooMany, is_offered(&d.id));
        }
    }
}
