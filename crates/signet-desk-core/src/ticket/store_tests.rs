use super::{super::lists::Listed, *};
use crate::view::{Ask, LegForm, PackageForm, PackageShape, Side};
use std::path::PathBuf;

fn form(quantity: &str) -> TicketForm {
    TicketForm {
        price_type: Default::default(),
        instrument: "DE000BU2Z049".into(),
        typed: "DBR 2.5 02/35".into(),
        ask: Ask::TwoWay,
        quantity: quantity.into(),
        dealers: vec!["NORTH".into()],
        ttl_s: 60,
        settlement_date: Some("2026-12-15".into()),
        price_limit: "99.5".into(),
        limit_over: Some("EURIBOR 3M in EUR".into()),
        min_quantity: "1m".into(),
        all_or_none: true,
        approve_first: true,
        note: "for the pension fund".into(),
        package: Some(PackageForm {
            shape: PackageShape::Hedge,
            size: "5m".into(),
            legs: vec![LegForm {
                side: Side::Sell,
                instrument: "DE000BU2Z049".into(),
                typed: "DBR".into(),
                ratio: "2".into(),
                quantity: "10m".into(),
                settles: "3m".into(),
            }],
        }),
    }
}

fn template(name: &str) -> TemplateView {
    TemplateView { name: name.into(), form: form("5m") }
}

fn asked(id: &str) -> AskedView {
    AskedView { rfq_id: id.into(), at_ms: 1.0, form: form(id) }
}

fn place(dir: &tempfile::TempDir) -> (PathBuf, StoreKey) {
    (dir.path().join("tickets.log"), StoreKey::new([7; 32]))
}

#[test]
fn a_limit_that_was_kept_without_its_rate_has_none() {
    let kept = r#"{"draft":{"instrument":"A","typed":"A","ask":"buy","quantity":"1m","dealers":[],
        "ttl_s":60,"price_limit":"45","numbers":"discount margin"}}"#;
    let Line::Draft(Some(form)) = serde_json::from_str(kept).unwrap() else { panic!() };
    let form = form.into_view();
    assert_eq!((form.price_type, form.limit_over), (crate::view::PriceType::Margin, None));
}

#[test]
fn the_numbers_of_a_ticket_survive_a_restart() {
    use crate::view::PriceType::{Margin, Price, Spread, Yield};
    for of in [Price, Yield, Spread, Margin] {
        let dir = tempfile::tempdir().unwrap();
        let (path, key) = place(&dir);
        let kept = TicketForm { price_type: of, ..form("1m") };
        TicketStore::open(&path, &key).unwrap().keep_draft(Some(kept.clone())).unwrap();
        let read = TicketStore::open(&path, &key).unwrap();
        assert_eq!(read.view().draft, Some(kept), "{of:?}");
    }
}

#[test]
fn everything_survives_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let (path, key) = place(&dir);
    let mut s = TicketStore::open(&path, &key).unwrap();
    s.keep_draft(Some(form("1m"))).unwrap();
    s.keep_draft(Some(form("2m"))).unwrap();
    s.keep_template(&template("Bunds")).unwrap();
    s.keep_template(&template("Gone")).unwrap();
    s.drop_template("gone").unwrap();
    s.favour("NORTH", true).unwrap();
    s.favour("SOUTH", true).unwrap();
    s.favour("SOUTH", false).unwrap();
    s.keep_asked(&asked("R1")).unwrap();
    s.keep_asked(&asked("R2")).unwrap();
    let before = s.view();
    drop(s);
    let s = TicketStore::open(&path, &key).unwrap();
    assert_eq!(s.view(), before);
    assert_eq!(before.draft, Some(form("2m")));
    assert_eq!(before.templates, [template("Bunds")]);
    let ids: Vec<&str> = before.asked.iter().map(|a| a.rfq_id.as_str()).collect();
    assert_eq!(ids, ["R2", "R1"], "newest first");
    assert_eq!(s.form("R1"), Some(&form("R1")));
    assert!(s.is_favourite("NORTH") && !s.is_favourite("SOUTH"));
    let sealed = std::fs::read(&path).unwrap();
    assert!(!sealed.windows(7).any(|w| w == b"pension"), "nobody else reads it");
}

#[test]
fn everything_is_bounded() {
    let dir = tempfile::tempdir().unwrap();
    let (path, key) = place(&dir);
    let mut s = TicketStore::open(&path, &key).unwrap();
    for n in 0..TEMPLATES_MAX {
        s.keep_template(&template(&format!("T{n}"))).unwrap();
    }
    assert!(matches!(s.keep_template(&template("more")), Err(NotKept::Full(TEMPLATES_MAX))));
    s.keep_template(&template("t0")).unwrap();
    assert_eq!(s.view().templates.len(), TEMPLATES_MAX, "the same name, whatever its case");
    let mut s = TicketStore::default();
    for n in 0..FAVOURITES_MAX {
        s.favour(&format!("D{n}"), true).unwrap();
    }
    assert!(matches!(s.favour("more", true), Err(NotKept::Full(FAVOURITES_MAX))));
    s.favour("D0", true).unwrap();
    for n in 0..ASKED_MAX + 10 {
        s.keep_asked(&asked(&format!("R{n}"))).unwrap();
    }
    assert_eq!((s.asked().count(), s.form("R9")), (ASKED_MAX, None));
    assert_eq!(s.view().asked.len(), ASKED_SHOWN);
}

#[test]
fn the_file_does_not_grow_with_typing() {
    let dir = tempfile::tempdir().unwrap();
    let (path, key) = place(&dir);
    let mut s = TicketStore::open(&path, &key).unwrap();
    s.keep_template(&template("Bunds")).unwrap();
    for n in 0..TIDY_ABOVE + 5 {
        s.keep_draft(Some(form(&n.to_string()))).unwrap();
        s.keep_draft(Some(form(&n.to_string()))).unwrap();
    }
    assert!(s.records < 50, "{} records", s.records);
    let view = s.view();
    drop(s);
    assert_eq!(TicketStore::open(&path, &key).unwrap().view(), view);
}

/// What is kept is told as kept, and once.
#[test]
fn a_file_that_cannot_be_made_shorter_keeps_everything() {
    let dir = tempfile::tempdir().unwrap();
    let (path, key) = place(&dir);
    let mut s = TicketStore::open(&path, &key).unwrap();
    // In the way of the file that would take its place.
    std::fs::create_dir(dir.path().join("tickets.log.new")).unwrap();
    for n in 0..=TIDY_ABOVE {
        s.keep_draft(Some(form(&n.to_string()))).unwrap();
    }
    assert!(s.records > TIDY_ABOVE);
    s.favour("NORTH", true).unwrap();
    s.keep_asked(&asked("R1")).unwrap();
    assert_eq!(s.asked().count(), 1);
    drop(s);
    let s = TicketStore::open(&path, &key).unwrap();
    assert!(s.is_favourite("NORTH"));
    assert_eq!(s.asked().count(), 1);
}

#[test]
fn a_damaged_file_is_put_aside_and_a_strange_record_is_left_out() {
    let dir = tempfile::tempdir().unwrap();
    let (path, key) = place(&dir);
    let mut s = TicketStore::open(&path, &key).unwrap();
    s.favour("NORTH", true).unwrap();
    s.log.as_mut().unwrap().append(b"{\"later\":1}").unwrap();
    s.favour("SOUTH", true).unwrap();
    drop(s);
    let s = TicketStore::open(&path, &key).unwrap();
    assert!(s.is_favourite("NORTH") && s.is_favourite("SOUTH"));
    drop(s);
    let mut bytes = std::fs::read(&path).unwrap();
    let last = bytes.len() - 40;
    bytes[last] ^= 1;
    bytes.extend([0; 64]);
    std::fs::write(&path, bytes).unwrap();
    let s = TicketStore::open(&path, &key).unwrap();
    assert!(s.is_favourite("NORTH"), "what authenticates is kept");
}

fn list(name: &str, dealers: &[&str]) -> DealerList {
    let one = |id: &&str| Listed { id: (*id).into(), name: format!("{id} bank") };
    DealerList { name: name.into(), dealers: dealers.iter().map(one).collect() }
}

#[test]
fn lists_of_dealers_are_kept_by_venue_and_renamed() {
    let dir = tempfile::tempdir().unwrap();
    let (path, key) = place(&dir);
    let mut s = TicketStore::open(&path, &key).unwrap();
    s.at_venue("First");
    s.keep_dealer_list(&list("Bunds", &["NORTH"])).unwrap();
    s.keep_dealer_list(&list("Gilts", &["SOUTH"])).unwrap();
    s.keep_dealer_list(&list("bunds", &["NORTH", "EAST"])).unwrap();
    assert!(matches!(s.rename_dealer_list("Bunds", "GILTS"), Err(NotKept::Taken)));
    assert!(matches!(s.rename_dealer_list("Other", "New"), Err(NotKept::NoList)));
    s.rename_dealer_list("Bunds", "Euro").unwrap();
    s.rename_dealer_list("euro", "EURO").unwrap();
    s.drop_dealer_list("gilts").unwrap();
    s.at_venue("Second");
    assert!(matches!(s.rename_dealer_list("EURO", "New"), Err(NotKept::NoList)));
    for n in 0..LISTS_MAX {
        s.keep_dealer_list(&list(&format!("L{n}"), &["NORTH"])).unwrap();
    }
    assert!(matches!(s.keep_dealer_list(&list("more", &["A"])), Err(NotKept::Full(LISTS_MAX))));
    // Whatever the file is written as, it says the same.
    for records in [0, TIDY_ABOVE + 1] {
        s.records = s.records.max(records);
        s.tidy();
        drop(s);
        s = TicketStore::open(&path, &key).unwrap();
        s.at_venue("First");
        let lists: Vec<DealerList> = s.dealer_lists().cloned().collect();
        assert_eq!(lists, [list("EURO", &["NORTH", "EAST"])]);
        s.at_venue("Second");
        assert_eq!(s.dealer_lists().count(), LISTS_MAX);
    }
}

#[test]
fn a_damaged_list_takes_no_other_with_it() {
    let dir = tempfile::tempdir().unwrap();
    let (path, key) = place(&dir);
    let mut s = TicketStore::open(&path, &key).unwrap();
    s.favour("NORTH", true).unwrap();
    s.keep_dealer_list(&list("Bunds", &["NORTH"])).unwrap();
    for record in [
        &br#"{"dealer_list":{"venue":"","name":"Broken","dealers":[{"name":"no id"}]}}"#[..],
        br#"{"dealer_list":{"name":"No venue","dealers":[]}}"#,
        br#"{"dealer_list_renamed":{"venue":"","name":"Broken","to":"Bunds"}}"#,
        // Without the dealers' names.
        br#"{"dealer_list":{"venue":"","name":"Short","dealers":[{"id":"EAST"}]}}"#,
    ] {
        s.log.as_mut().unwrap().append(record).unwrap();
    }
    s.keep_dealer_list(&list("Gilts", &["SOUTH"])).unwrap();
    drop(s);
    let s = TicketStore::open(&path, &key).unwrap();
    let lists: Vec<DealerList> = s.dealer_lists().cloned().collect();
    let east = Listed { id: "EAST".into(), name: String::new() };
    let short = DealerList { name: "Short".into(), dealers: vec![east] };
    assert_eq!(lists, [list("Bunds", &["NORTH"]), list("Gilts", &["SOUTH"]), short]);
    assert!(s.is_favourite("NORTH"));
}

/// What an earlier version kept has no package.
#[test]
fn a_form_without_a_package_is_read() {
    let old = r#"{"template":{"name":"Bunds","form":{"instrument":"DE000BU2Z049","typed":"DBR",
        "ask":"buy","quantity":"5m","dealers":["NORTH"],"ttl_s":60}}}"#;
    let line: Line = serde_json::from_str(old).unwrap();
    let mut s = TicketStore::default();
    s.take(line);
    assert_eq!(s.view().templates[0].form.package, None);
    for shape in [
        PackageShape::Spread,
        PackageShape::Butterfly,
        PackageShape::Curve,
        PackageShape::Switch,
        PackageShape::Roll,
        PackageShape::Hedge,
        PackageShape::Free,
    ] {
        let package = form("5m").package.map(|p| PackageForm { shape, ..p });
        let f = TicketForm { package, ..form("5m") };
        assert_eq!(Form::of(&f).into_view(), f, "{shape:?}");
    }
}
