//! The list of releases, the decision and what is remembered: tables over every case.

use proptest::prelude::*;
use semver::Version;
use signet_managed::Secret;
use signet_update::{
    Digest, Facts, Kept, Marks, Refusal, ReleaseList, State, Step, Trial, UpdateError, Wait,
    bucket, decide,
};
use std::path::Path;
use time::{Duration, OffsetDateTime, macros::datetime};

const NOW: OffsetDateTime = datetime!(2026-12-02 12:00 UTC);
const TARGET: &str = "linux-x86_64-deb";

fn v(text: &str) -> Version {
    Version::parse(text).unwrap()
}

fn kept(version: &str) -> Kept {
    Kept { version: v(version), sha256: Digest::of(version.as_bytes()), size: 7 }
}

fn release(version: &str) -> String {
    format!(
        "[[channel.release]]\nversion = \"{version}\"\n[[channel.release.package]]\n\
         target = \"{TARGET}\"\nfile = \"signet-desk_{version}.deb\"\nsize = 7\n\
         sha256 = \"{}\"\n",
        Digest::of(version.as_bytes())
    )
}

fn text(version: &str, more: &str, releases: &[&str]) -> String {
    let releases: String = releases.iter().map(|r| release(r)).collect();
    format!(
        "format = 1\nproduct = \"signet-desk\"\nserial = 5\nissued = \"2026-12-01T00:00:00Z\"\n\
         expires = \"2027-01-01T00:00:00Z\"\nhalted = false\n[[channel]]\nname = \"stable\"\n\
         version = \"{version}\"\n{more}\n{releases}"
    )
}

fn list(version: &str, more: &str) -> ReleaseList {
    ReleaseList::from_toml(&text(version, more, &["0.1.0", "0.2.0", "0.3.0"])).unwrap()
}

/// A computer with 0.1.0, whose package it keeps.
fn computer() -> State {
    State {
        serial: 4,
        list: Some(Digest::of(b"the list before")),
        highest: Some(v("0.1.0")),
        confirmed: Some(kept("0.1.0")),
        ..State::default()
    }
}

fn on_trial(version: &str, attempts: u32) -> State {
    let package = kept(version);
    State { trial: Some(Trial { package, since: 0, attempts }), ..computer() }
}

fn step(have: &str, state: &State, list: Option<&ReleaseList>, marks: Marks) -> Step {
    step_at(have, state, list, marks, true, NOW)
}

fn step_at(
    have: &str,
    state: &State,
    list: Option<&ReleaseList>,
    marks: Marks,
    answers: bool,
    now: OffsetDateTime,
) -> Step {
    decide(&Facts {
        have: &v(have),
        answers,
        state,
        list,
        channel: "stable",
        target: TARGET,
        bucket: |_, _| 50,
        device: "computer",
        now,
        marks,
    })
}

fn fetch(version: &str, way_back: bool, offer: &str) -> Step {
    let all = list(offer, "");
    let package = all.channel("stable").unwrap().package(&v(version), TARGET).unwrap().clone();
    Step::Fetch { version: v(version), package, way_back, offer: v(offer) }
}

const QUIET: Marks = Marks { busy: false, works: false, starts: 0 };
const BUSY: Marks = Marks { busy: true, ..QUIET };
const WORKS: Marks = Marks { works: true, ..QUIET };
const TWICE: Marks = Marks { starts: 2, ..QUIET };
const ONCE: Marks = Marks { starts: 1, ..QUIET };

#[test]
fn the_way_of_an_update_from_the_list_to_the_confirmed_version() {
    let l = list("0.2.0", "");
    let new = State { confirmed: None, highest: None, ..computer() };
    assert_eq!(step("0.1.0", &new, Some(&l), QUIET), fetch("0.1.0", true, "0.2.0"));
    assert_eq!(step("0.1.0", &computer(), Some(&l), QUIET), fetch("0.2.0", false, "0.2.0"));
    let mut state = State { ready: Some(kept("0.2.0")), ..computer() };
    assert_eq!(step("0.1.0", &state, Some(&l), QUIET), Step::Apply(kept("0.2.0")));
    state.begin_trial(kept("0.2.0"), NOW);
    assert_eq!(step("0.2.0", &state, Some(&l), QUIET), Step::Wait(Wait::Trial));
    assert_eq!(step("0.2.0", &state, None, WORKS), Step::Confirm);
    state.confirm();
    assert_eq!(step("0.2.0", &state, Some(&l), QUIET), Step::Nothing);
    assert_eq!((state.confirmed, state.previous), (Some(kept("0.2.0")), Some(kept("0.1.0"))));
    assert_eq!(state.highest, Some(v("0.2.0")));
}

#[test]
fn a_list_that_does_not_count_is_refused_by_what_is_wrong_with_it() {
    let l = list("0.2.0", "");
    let at = |state: &State, now| step_at("0.1.0", state, Some(&l), QUIET, true, now);
    assert_eq!(at(&computer(), datetime!(2027-01-01 0:00 UTC)), Step::Refuse(Refusal::Expired));
    let early = datetime!(2026-11-30 23:00 UTC);
    assert_eq!(at(&computer(), early), Step::Refuse(Refusal::NotYet));
    assert_eq!(at(&computer(), early + Duration::minutes(55)), fetch("0.2.0", false, "0.2.0"));
    let later = State { serial: 6, ..computer() };
    assert_eq!(at(&later, NOW), Step::Refuse(Refusal::OlderList { seen: 6 }));
    let same = State { serial: 5, ..computer() };
    assert_eq!(at(&same, NOW), Step::Refuse(Refusal::SerialReused));
    let again = State { list: Some(l.digest), ..same };
    assert_eq!(at(&again, NOW), fetch("0.2.0", false, "0.2.0"));
    assert_eq!(step("0.1.0", &computer(), None, QUIET), Step::Wait(Wait::NoList));
}

#[test]
fn an_older_version_is_refused_but_for_the_way_back() {
    let l = list("0.2.0", "");
    let older = |than: &str| Step::Refuse(Refusal::Older { than: v(than) });
    assert_eq!(step("0.3.0", &computer(), Some(&l), QUIET), older("0.3.0"));
    let before = State { highest: Some(v("0.3.0")), ..computer() };
    assert_eq!(step("0.1.0", &before, Some(&l), QUIET), older("0.3.0"), "it worked here once");
    let candidate = list("0.2.0", "");
    assert_eq!(step("0.2.0-rc.1", &computer(), Some(&candidate), QUIET), {
        Step::Refuse(Refusal::NoWayBack)
    });
    // Withdrawn: only to the package that worked here, and only as the list says.
    let l = list("0.1.0", "withdrawn = [\"0.2.0\"]");
    let state = State {
        highest: Some(v("0.2.0")),
        confirmed: Some(kept("0.2.0")),
        previous: Some(kept("0.1.0")),
        ..computer()
    };
    assert_eq!(step("0.2.0", &state, Some(&l), QUIET), Step::RollBack(kept("0.1.0")));
    assert_eq!(
        step("0.2.0", &state, Some(&l), BUSY),
        Step::Wait(Wait::OpenRequest { long: false })
    );
    let no_way = Step::Refuse(Refusal::NoWayBack);
    for previous in
        [None, Some(kept("0.0.9")), Some(Kept { sha256: Digest::of(b"x"), ..kept("0.1.0") })]
    {
        let state = State { previous, ..state.clone() };
        assert_eq!(step("0.2.0", &state, Some(&l), QUIET), no_way);
    }
    let not_withdrawn = list("0.1.0", "");
    assert_eq!(step("0.2.0", &state, Some(&not_withdrawn), QUIET), older("0.2.0"));
}

#[test]
fn what_holds_an_update_back() {
    let ready = State { ready: Some(kept("0.2.0")), ..computer() };
    let l = list("0.2.0", "");
    assert_eq!(
        step("0.1.0", &ready, Some(&l), BUSY),
        Step::Wait(Wait::OpenRequest { long: false })
    );
    for (hours, long) in [(23, false), (25, true)] {
        let since = (NOW - Duration::hours(hours)).unix_timestamp();
        let state = State { waits_since: Some(since), ..ready.clone() };
        assert_eq!(step("0.1.0", &state, Some(&l), BUSY), Step::Wait(Wait::OpenRequest { long }));
    }
    let halted = text("0.2.0", "", &["0.1.0", "0.2.0"]).replace("halted = false", "halted = true");
    let halted = ReleaseList::from_toml(&halted).unwrap();
    assert_eq!(step("0.1.0", &ready, Some(&halted), QUIET), Step::Wait(Wait::Halted));
    for (percent, from, waits) in [
        (50, "2026-12-02T11:00:00Z", true),
        (51, "2026-12-02T11:00:00Z", false),
        (100, "2026-12-02T13:00:00Z", true),
    ] {
        let rings = format!("rings = [{{ from = \"{from}\", percent = {percent} }}]");
        let step = step("0.1.0", &ready, Some(&list("0.2.0", &rings)), QUIET);
        assert_eq!(
            matches!(step, Step::Wait(Wait::Ring { .. })),
            waits,
            "{percent} {from}: {step:?}"
        );
    }
    let only = ReleaseList::from_toml(&text("0.2.0", "", &["0.2.0"])).unwrap();
    let new = State { confirmed: None, ..ready.clone() };
    assert_eq!(step("0.1.0", &new, Some(&only), QUIET), Step::Refuse(Refusal::NoWayBack));
    let failed = State { failed: vec![kept("0.2.0").sha256], ..ready.clone() };
    assert_eq!(step("0.1.0", &failed, Some(&l), QUIET), Step::Refuse(Refusal::FailedHere));
    assert_eq!(
        step("0.1.0", &on_trial("0.2.0", 2), Some(&l), QUIET),
        fetch("0.2.0", false, "0.2.0")
    );
    assert_eq!(
        step("0.1.0", &on_trial("0.2.0", 3), Some(&l), QUIET),
        Step::Refuse(Refusal::FailedHere)
    );
    let other = ReleaseList::from_toml(&text("0.2.0", "", &["0.2.0"]).replace("stable", "beta"));
    assert_eq!(
        step("0.1.0", &ready, Some(&other.unwrap()), QUIET),
        Step::Refuse(Refusal::NoChannel)
    );
    let elsewhere = text("0.2.0", "", &["0.2.0"]).replace(TARGET, "windows-x86_64-msi");
    let elsewhere = ReleaseList::from_toml(&elsewhere).unwrap();
    assert_eq!(step("0.1.0", &ready, Some(&elsewhere), QUIET), Step::Refuse(Refusal::NoPackage));
}

/// Every mark, with and without an answer of the program, with and without a list.
#[test]
fn a_trial_ends_with_or_without_a_list() {
    let state = on_trial("0.2.0", 1);
    let lists = [None, Some(list("0.2.0", "")), Some(list("0.2.0", "withdrawn = []"))];
    let back = Step::RollBack(kept("0.1.0"));
    let busy = Step::Wait(Wait::OpenRequest { long: false });
    for l in &lists {
        let l = l.as_ref();
        for (marks, answers, want) in [
            (QUIET, true, &Step::Wait(Wait::Trial)),
            (ONCE, true, &Step::Wait(Wait::Trial)),
            (WORKS, true, &Step::Confirm),
            (Marks { works: true, ..BUSY }, true, &Step::Confirm),
            (TWICE, true, &back),
            (Marks { starts: 9, ..BUSY }, true, &busy),
            (QUIET, false, &back),
            (WORKS, false, &back),
            (BUSY, false, &busy),
        ] {
            assert_eq!(&step_at("0.2.0", &state, l, marks, answers, NOW), want, "{marks:?}");
        }
    }
    let alone = State { confirmed: None, ..state.clone() };
    assert_eq!(step("0.2.0", &alone, None, TWICE), Step::Refuse(Refusal::NoWayBack));
    let withdrawn = list("0.3.0", "withdrawn = [\"0.2.0\"]");
    assert_eq!(step("0.2.0", &state, Some(&withdrawn), WORKS), back);
    // Nobody opened it, and a later one is there; the way back is still the one that worked.
    let later = list("0.3.0", "");
    assert_eq!(step("0.2.0", &state, Some(&later), QUIET), fetch("0.3.0", false, "0.3.0"));
    assert_eq!(step("0.2.0", &state, Some(&later), ONCE), Step::Wait(Wait::Trial));
    let expired = step_at("0.2.0", &state, Some(&later), TWICE, true, NOW + Duration::days(900));
    assert_eq!(expired, back);
}

#[test]
fn what_is_final_stays_final() {
    let mut state = on_trial("0.2.0", 1);
    state.fail(kept("0.2.0").sha256);
    state.went_back_to(&kept("0.1.0"));
    assert_eq!((&state.trial, &state.confirmed), (&None, &Some(kept("0.1.0"))));
    state.confirm();
    assert_eq!(state.confirmed, Some(kept("0.1.0")), "a late word of a desk confirms nothing");
    assert_eq!(
        step("0.1.0", &state, Some(&list("0.2.0", "")), QUIET),
        Step::Refuse(Refusal::FailedHere)
    );
    for n in 0..40 {
        state.fail(Digest::of(&[n]));
    }
    assert_eq!(state.failed.len(), 16);
    // What an administrator installs by hand ends a trial.
    assert_eq!(on_trial("0.2.0", 1).with_installed(&v("0.4.0")).trial, None);
    assert!(on_trial("0.2.0", 1).with_installed(&v("0.1.0")).trial.is_some());
    let back = State { previous: Some(kept("0.0.9")), ..computer() }.with_installed(&v("0.0.9"));
    assert_eq!((back.confirmed, back.previous), (Some(kept("0.0.9")), None));
}

#[test]
fn the_state_comes_back_and_a_damaged_one_is_an_error() {
    let mut state = on_trial("0.2.0", 2);
    state.fail(Digest::of(b"x"));
    state.waits_since = Some(1);
    let text = state.to_text();
    assert_eq!(State::read(&text, Path::new("s")).unwrap(), state);
    for wrong in
        ["", "format = 2\nserial = 0", &text[..text.len() - 9], &format!("colour = 1\n{text}")]
    {
        let read = State::read(wrong, Path::new("s"));
        assert!(matches!(read, Err(UpdateError::State { .. })), "{wrong}");
    }
}

#[test]
fn a_list_with_something_that_it_cannot_have_is_refused() {
    let good = text(
        "0.2.0",
        "rings = [{ from = \"2026-12-01T00:00:00Z\", percent = 10 }]\nwithdrawn = [\"0.1.5\"]",
        &["0.1.0", "0.2.0"],
    );
    assert!(ReleaseList::from_toml(&good).is_ok());
    let digest = Digest::of(b"0.2.0").to_string();
    for (from, to) in [
        ("format = 1", "format = 2"),
        ("signet-desk\"\nserial", "signet-gateway\"\nserial"),
        ("serial = 5", "serial = 0"),
        ("serial = 5", "serial = -1"),
        ("halted = false", ""),
        ("halted = false", "halted = false\ncolour = 1"),
        ("2027-01-01", "2026-12-01"),
        ("percent = 10", "percent = 101"),
        ("percent = 10", "percent = 10, x = 1"),
        ("name = \"stable\"", "name = \"../stable\""),
        ("version = \"0.2.0\"\nrings", "version = \"0.2\"\nrings"),
        ("version = \"0.2.0\"\nrings", "version = \"0.2.0+b\"\nrings"),
        ("version = \"0.2.0\"\nrings", "version = \"0.3.0\"\nrings"),
        ("withdrawn = [\"0.1.5\"", "withdrawn = [\"0.2.0\""),
        ("version = \"0.1.0\"", "version = \"0.2.0\""),
        ("file = \"signet", "file = \"/signet"),
        ("file = \"signet", "file = \".signet"),
        ("file = \"signet", "file = \"a/../signet"),
        ("size = 7", "size = 0"),
        ("size = 7", "size = 99999999999"),
        (digest.as_str(), "abcd"),
    ] {
        assert!(good.contains(from), "{from}");
        let text = good.replacen(from, to, 1);
        assert!(
            matches!(ReleaseList::from_toml(&text), Err(UpdateError::List(_))),
            "{from} -> {to}"
        );
    }
    let long = format!("{good}{}", "#".repeat(300_000));
    assert!(ReleaseList::from_toml(&long).is_err());
    let many = vec![release("9.9.9"); 17].concat();
    assert!(ReleaseList::from_toml(&format!("{good}{many}")).is_err());
}

#[test]
fn a_list_counts_only_with_the_signature_of_the_firms_key() {
    let (secret, other) = (Secret::generate().unwrap().0, Secret::generate().unwrap().0);
    let text = text("0.2.0", "", &["0.2.0"]);
    let signature = secret.sign(text.as_bytes(), "list 5").unwrap();
    let read = |text: &str, signature: &str, key: &Secret| {
        ReleaseList::read(text.as_bytes(), signature, &key.public()).map_err(|e| e.code())
    };
    assert_eq!(read(&text, &signature, &secret).unwrap().serial, 5);
    let changed = text.replace("serial = 5", "serial = 6");
    assert_eq!(read(&changed, &signature, &secret), Err("update.list_tampered"));
    assert_eq!(read(&text, &signature, &other), Err("update.other_key"));
    assert_eq!(read(&text, "", &secret), Err("update.signature_damaged"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever is remembered and offered: no older version is installed but one that worked here,
    /// nothing that failed here, and nothing while a request is open.
    #[test]
    fn nothing_wrong_is_ever_installed(
        have in 0u64..4, offered in 0u64..4, highest in 0u64..4, confirmed in 0u64..4,
        previous in 0u64..4, ready in 0u64..4, trial in proptest::option::of(0u64..4),
        failed in 0u64..4, withdrawn in 0u64..4, busy: bool, works: bool, starts in 0u32..4,
        answers: bool,
    ) {
        let name = |n: u64| format!("0.{n}.0");
        let more = if withdrawn == offered { String::new() } else {
            format!("withdrawn = [\"{}\"]", name(withdrawn))
        };
        let all: Vec<String> = (0..4).map(name).collect();
        let all: Vec<&str> = all.iter().map(String::as_str).collect();
        let l = ReleaseList::from_toml(&text(&name(offered), &more, &all)).unwrap();
        let state = State {
            highest: Some(v(&name(highest))),
            confirmed: Some(kept(&name(confirmed))),
            previous: Some(kept(&name(previous))),
            ready: Some(kept(&name(ready))),
            trial: trial.map(|n| Trial { package: kept(&name(n)), since: 0, attempts: 1 }),
            failed: vec![kept(&name(failed)).sha256],
            ..computer()
        }.with_installed(&v(&name(have)));
        let marks = Marks { busy, works, starts };
        match step_at(&name(have), &state, Some(&l), marks, answers, NOW) {
            Step::Apply(k) => {
                prop_assert!(!busy && k.version > v(&name(have)));
                prop_assert!(k.version >= v(&name(highest)) && !state.failed.contains(&k.sha256));
                prop_assert!(state.confirmed.is_some());
            }
            Step::RollBack(k) => {
                prop_assert!(!busy && k.version != v(&name(have)));
                prop_assert!([&state.confirmed, &state.previous].contains(&&Some(k)));
            }
            _ => {}
        }
    }

    #[test]
    fn any_text_is_read_without_a_panic(any in "\\PC{0,200}", cut in 0usize..900, at in 0usize..900) {
        let good = text("0.2.0", "", &["0.1.0", "0.2.0"]);
        let _ = ReleaseList::from_toml(&any);
        let _ = State::read(&any, Path::new("s"));
        let _ = ReleaseList::from_toml(&good.chars().take(cut).collect::<String>());
        let mut changed: Vec<char> = good.chars().collect();
        let at = at % changed.len();
        changed[at] = any.chars().next().unwrap_or('\0');
        let _ = ReleaseList::from_toml(&changed.into_iter().collect::<String>());
    }
}

#[test]
fn computers_are_spread_evenly_and_otherwise_for_each_version() {
    let mut places = [[0u32; 2]; 100];
    let mut same = 0;
    for n in 0..20_000 {
        let device = format!("computer {n}");
        let (a, b) = (bucket(&device, &v("0.2.0")), bucket(&device, &v("0.3.0")));
        places[usize::from(a)][0] += 1;
        places[usize::from(b)][1] += 1;
        same += u32::from(a == b);
    }
    assert!(places.iter().flatten().all(|n| (120..280).contains(n)), "{places:?}");
    assert!(same < 400, "{same}");
}
