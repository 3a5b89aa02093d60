use super::*;
use std::{
    fs,
    path::{Path, PathBuf},
};

#[test]
fn a_refused_ticket_names_the_field_to_change() {
    let field = |p: Problem| p.field;
    assert_eq!(field((&QuantityError::Empty).into()), Some(TicketField::Quantity));
    assert_eq!(field((&TermsError::NoDealer).into()), Some(TicketField::Dealers));
    assert_eq!(field((&TermsError::BadTtl).into()), Some(TicketField::Ttl));
    assert_eq!(
        field((&TermsError::Instrument(InstrumentError::TooMany)).into()),
        Some(TicketField::Instrument)
    );
    assert_eq!(field(offline()), None);
}

#[test]
fn a_peers_text_is_not_shown_as_a_code() {
    assert_eq!(code_of_peer("risk.denied", "logon.refused"), "risk.denied");
    for text in ["", "Call 555 now", "risk_denied", "risk.\u{202e}"] {
        assert_eq!(code_of_peer(text, "logon.refused"), "logon.refused", "{text:?}");
    }
}

/// Whatever error it comes by: a venue, a proxy, an enrolment service.
#[test]
fn a_problem_shows_a_peers_words_as_what_they_are() {
    let refused = signet_keystore::est::EstError::Refused {
        status: 403,
        code: "enrol.code_used".into(),
        message: "used\u{202e}by \u{200b}Bob\nCure: call 555".into(),
        retry_after_s: None,
    };
    let p = Problem::from(&refused);
    assert_eq!(p.message, "Used\u{fffd}by \u{fffd}Bob Cure: call 555.");
    let long = problem("enrol.refused", "x".repeat(10_000), "y\u{1b}[2J");
    assert_eq!((long.message.chars().count(), long.cure.as_str()), (1_001, "y\u{fffd}[2J"));
    // Said once more, as where a notice quotes a problem, it is the same.
    assert_eq!(problem("enrol.refused", long.message.clone(), long.cure.clone()), long);
}

/// Every literal that stands where a code belongs, in this crate and in the window's.
#[test]
fn every_code_is_an_area_a_dot_and_a_name() {
    let crate_folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut codes = Vec::new();
    for folder in [crate_folder.join("src"), crate_folder.join("../../src-tauri")] {
        for file in rust_files(&folder) {
            let source = fs::read_to_string(&file).unwrap();
            for call in ["problem(", "Problem::new(", "NoticeKind::Bad,", "NoticeKind::Good,"] {
                for rest in source.split(call).skip(1) {
                    let literal = rest.trim_start().strip_prefix('"');
                    codes.extend(literal.and_then(|l| l.split('"').next()).map(str::to_owned));
                }
            }
        }
    }
    let bad: Vec<&String> = codes.iter().filter(|c| !is_code(c)).collect();
    assert!(codes.len() > 50 && bad.is_empty(), "{} codes, of which bad: {bad:?}", codes.len());
}

/// The sources below a folder, without those of tests.
fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(rust_files(&path));
        } else if path.extension().is_some_and(|e| e == "rs") && !is_test(&path) {
            found.push(path);
        }
    }
    found
}

fn is_test(path: &Path) -> bool {
    path.file_stem().and_then(|s| s.to_str()).is_some_and(|name| name.ends_with("tests"))
}
