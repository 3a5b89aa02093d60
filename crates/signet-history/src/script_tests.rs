//! `verify.sh` against whoever wrote the file: in every shell that is here it may say OK only of
//! what [`verify`] has no fault with, and it runs nothing that a file says.

use crate::{
    encode,
    export::{Selection, Source, export},
    record::{Chain, What},
    tests::{DESK, ENDS, End, FAR, RFQ, T0, Written, quote, request, trade},
    verify::{verify, verify_since},
};
use proptest::prelude::*;
use signet_tlog::{leaf_hash, note::SignerKey};
use std::{fs, path::Path, process::Command};
use tempfile::TempDir;

/// Two kinds of shell: a plain one, and one with more than POSIX.
const SHELLS: [&str; 2] = ["sh", "bash"];

/// Whether a shell's script ends with status 0, and what it says.
fn said(shell: &str, dir: &Path, file: &Path, more: &[&str]) -> Option<(bool, String)> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/verify.sh");
    let out =
        Command::new(shell).arg(script).arg(file).args(more).current_dir(dir).output().ok()?;
    let text = [&out.stdout[..], &out.stderr[..]].concat();
    Some((out.status.success(), String::from_utf8_lossy(&text).into_owned()))
}

/// What each shell says of a text; every one says the same.
#[track_caller]
fn judged(name: &str, text: &str, more: &[&str]) -> (bool, String) {
    judged_in(&SHELLS, name, text, more)
}

#[track_caller]
fn judged_in(shells: &[&str], name: &str, text: &str, more: &[&str]) -> (bool, String) {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("history.txt");
    fs::write(&file, text).unwrap();
    let all: Vec<_> = shells.iter().filter_map(|s| said(s, dir.path(), &file, more)).collect();
    assert_eq!(all.len(), shells.len(), "a shell is missing");
    for (good, said) in &all {
        assert_eq!(*good, all[0].0, "{name}: {all:?}");
        assert_eq!(*good, said.lines().any(|l| l.starts_with("OK")), "{name}: {said}");
    }
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "{name}: something was run");
    all.into_iter().next().unwrap()
}

/// As whoever has the key of the history writes it, without a look at the records.
fn text_of(w: &Written, aids: &[(usize, String)]) -> String {
    let base = encode(Chain::default().to_bytes());
    let mut out = format!(
        "signet-desk-history 1\nkey {}\ncheckpoint {}\nbase {base}\n",
        w.key.verifier(),
        encode(w.note())
    );
    for (n, r) in w.records.iter().enumerate() {
        out += &format!("r {n} {} {}\n", encode(leaf_hash(r)), encode(r));
        let of = aids.iter().filter(|(of, _)| *of == n);
        of.for_each(|(_, line)| out += &format!("{line}\n"));
    }
    out + &format!("end {}\n", w.records.len())
}

/// Bytes as a record, in its place.
fn raw(w: &mut Written, change: impl Fn(String) -> Vec<u8>) {
    let next = w.chain.next(crate::Moment { at_ms: T0, ..Default::default() }, What::Down);
    let record = change(String::from_utf8(next).unwrap());
    w.chain.push(&record);
    w.records.push(record);
}

#[test]
fn the_script_finds_nothing_wrong_with_what_is_right() {
    let mut whole = Written::traded();
    let texts = "€ \"quoted\" \\ back \n\t\u{1} \u{7f} \u{1f600} \"frame\":\"AAAA\",\"n\":7,";
    whole.add(T0, What::Note { rfq: RFQ.into(), text: texts.into() });
    let lost = What::Lost { records: 2, from_ms: -1, to_ms: 0 };
    whole.add(-5, lost);
    whole.add(T0, What::QuotesLeftOut { records: 9, from_ms: -1, to_ms: T0 });
    whole.add(T0, What::Aside { folder: "C:\\old".into(), why: texts.into() });
    whole.add(T0, What::NotSent { msg: "AJ".into(), id: "R1:1".into(), code: "c".into() });
    let frame = encode(texts);
    whole.add(T0, What::Refused { msg: "8".into(), why: texts.into(), frame });
    let (rfq, accept) = (RFQ.to_owned(), "R1:1".to_owned());
    whole.add(T0, What::Reason { rfq, accept, text: texts.into() });
    let key = whole.key.verifier().to_string();
    let all = whole.export(&Selection::default());
    let (good, said) = judged("whole", &all, &[&key]);
    assert!(good && said.contains("OK: history of TRADER1: 19 records, 0 left out, 4 "), "{said}");
    assert!(said.contains("Without an earlier checkpoint an end that was cut off"), "{said}");
    let part = Selection { rfq: Some("R2".into()), ..Selection::default() };
    assert!(judged("a part", &whole.export(&part), &[]).0);
    // A plain venue takes messages that are not signed.
    let mut direct = Written::new();
    up(&mut direct, true, &ENDS.desk.chain[0]);
    let plain = crate::tests::plain(&request(1));
    direct.add(T0, crate::observe(crate::Seen::Sent(&plain)).unwrap());
    assert!(judged("direct", &direct.export(&Selection::default()), &[]).0);
}

fn up(w: &mut Written, direct: bool, own: &[u8]) {
    w.add(
        T0,
        What::Up {
            again: false,
            venue: "Bank".into(),
            peer: "SIGNET".into(),
            own: DESK.into(),
            direct,
            tls: "TLS 1.3".into(),
            own_certificate: encode(own),
            peer_certificate: encode(&ENDS.gateway.chain[0]),
        },
    );
}

fn received(w: &mut Written, frame: &[u8]) {
    let (msg, frame) = ("8".to_owned(), encode(frame));
    w.add(T0, What::Received { msg, signed: true, frame });
}

fn sent(w: &mut Written, frame: &[u8]) {
    w.add(T0, What::Sent { msg: "R".into(), frame: encode(frame) });
}

/// A message of any bytes with a good signature.
fn signed_bytes(by: &End, covered: &[u8], sum: &str) -> Vec<u8> {
    let value = encode(by.signs_bytes(covered));
    [covered, format!("93=88\u{1}89={value}\u{1}{sum}").as_bytes()].concat()
}

fn der(frame: &[u8]) -> String {
    let found = signet_fix::signature::parts(frame).unwrap();
    encode(crate::read::signature_der(&found.signature))
}

/// Changes what was written; the lines that are to help a verifier.
type Forge = fn(&mut Written) -> Vec<String>;

/// What a trader forges who has every key of the laptop. Everything that the trader can sign fits.
#[test]
fn table_of_records_that_a_forger_signs() {
    let rows: [(&str, Forge); 18] = [
        ("the desk's key for the gateway's", |w| {
            let frame = ENDS.desk.signs(&trade("E1", "1", false));
            received(w, &frame);
            let covered = frame.len() - 105;
            let aid = |who: &str| format!("s 4 {who} {covered} {}", der(&frame));
            vec![aid("own")]
        }),
        ("a certificate of the forger's choice", |w| {
            let frame = ENDS.desk.signs(&trade("E1", "1", false));
            received(w, &frame);
            vec![format!("s 4 leaf {} {}", frame.len() - 105, der(&frame))]
        }),
        ("a signature beside the message", |w| {
            let frame = ENDS.desk.signs(&request(1));
            let other = ENDS.desk.signs(&request(2));
            let at = frame.len() - 105;
            sent(w, &[&frame[..at], &other[other.len() - 105..]].concat());
            vec![format!("s 4 own {at} {}", der(&frame))]
        }),
        ("less than the message", |w| {
            let frame = ENDS.desk.signs(&request(1));
            let at = frame.len() - 105;
            sent(w, &[&frame[..at], b"44=1\x01", &frame[at..]].concat());
            vec![format!("s 4 own {at} {}", der(&frame))]
        }),
        ("no signature", |w| {
            sent(w, &crate::tests::plain(&request(1)));
            vec![]
        }),
        ("no field", |w| {
            sent(w, &signed_bytes(&ENDS.desk, b"8=FIX.4.4\x01nothing\x01", "10=000\u{1}"));
            vec![]
        }),
        ("no end", |w| {
            sent(w, &signed_bytes(&ENDS.desk, b"8=FIX.4.4\x01", "10=000"));
            vec![]
        }),
        ("a direct venue, and a bad signature without a line", |w| {
            up(w, true, &ENDS.desk.chain[0]);
            sent(w, &ENDS.gateway.signs(&request(1)));
            vec![]
        }),
        ("a certificate with bytes after it", |w| {
            up(w, false, &[&ENDS.desk.chain[0][..], b"x"].concat());
            sent(w, &ENDS.desk.signs(&request(1)));
            vec![]
        }),
        ("a space", |w| {
            raw(w, |r| r.replace("{\"kind\"", "{ \"kind\"").into_bytes());
            vec![]
        }),
        ("another version", |w| {
            raw(w, |r| r.replace("\"v\":1", "\"v\":2").into_bytes());
            vec![]
        }),
        ("an unknown kind", |w| {
            raw(w, |r| r.replace("down", "up-and-down").into_bytes());
            vec![]
        }),
        ("two kinds", |w| {
            raw(w, |r| r.replace("\"down\"", "\"down\",\"kind\":\"down\"").into_bytes());
            vec![]
        }),
        ("an escape that is not needed", |w| {
            let note = |r: String| r.replace("\"down\"", "\"note\",\"rfq\":\"R\",\"text\":\"\\/\"");
            raw(w, |r| note(r).into_bytes());
            vec![]
        }),
        ("bytes that are not UTF-8", |w| {
            let note = |r: String| r.replace("\"down\"", "\"note\",\"rfq\":\"R\",\"text\":\"?\"");
            let byte = |b| if b == b'?' { 0xff } else { b };
            raw(w, |r| note(r).bytes().map(byte).collect());
            vec![]
        }),
        ("another desk", |w| {
            let desk = "TRADER2".to_owned();
            w.add(T0, What::Started { desk, version: "1".into(), torn_bytes: 0 });
            vec![]
        }),
        ("another number", |w| {
            raw(w, |r| r.replace("\"n\":4", "\"n\":5").into_bytes());
            vec![]
        }),
        ("the statement of another key", |w| {
            let other = SignerKey::new("TRADER1/history", &[8; 32].into()).unwrap();
            let statement = crate::statement(other.verifier(), &ENDS.desk.chain[0]);
            let signature = encode(ENDS.desk.signs_bytes(statement.as_bytes()));
            let chain = ENDS.desk.chain.iter().map(encode).collect();
            w.add(T0, What::Key { statement, signature, chain });
            vec![]
        }),
    ];
    // Each row waits for many short programs: two at a time.
    std::thread::scope(|s| {
        for half in rows.chunks(rows.len() / 2) {
            s.spawn(move || half.iter().for_each(|(name, forge)| is_found(name, *forge)));
        }
    });
}

fn is_found(name: &str, forge: Forge) {
    let mut w = Written::new();
    let aids: Vec<_> = forge(&mut w).into_iter().map(|l| (4, l)).collect();
    let text = text_of(&w, &aids);
    assert_ne!(verify(&text).faults, [], "{name}");
    let key = w.key.verifier().to_string();
    let (good, said) = judged(name, &text, &[&key]);
    assert!(!good && said.contains("FAULT"), "{name}: {said}");
}

/// Lines that a shell would take for more than text.
#[test]
fn table_of_lines_that_a_shell_must_not_obey() {
    let whole = Written::new().export(&Selection::default());
    let key = Written::new().key.verifier().to_string();
    let forged =
        |line: &str, end: &str| format!("signet-desk-history 1\nkey {key}\n{line}\nend {end}\n");
    let hash = encode([0; 32]);
    let line = |from: &str, to: &str| {
        assert!(whole.contains(from), "{from}");
        whole.replacen(from, to, 1)
    };
    let run = "next[$(touch${IFS}pwned)]";
    for (name, text) in [
        ("the number of faults", forged("h 0*(faults=-5)+6 AAAA", "7")),
        ("the number of faults, in place", line("\nr 0 ", "\nr 0*(faults=-9) ")),
        ("a command for a number", forged(&format!("h {run} {hash}"), "1")),
        ("a command in a record's number", line("\nr 0 ", &format!("\nr {run} "))),
        ("a command for a length", line("\nend ", &format!("\ns 3 own {run} AAAA\nend "))),
        ("a command for an end", line("\nend 4", &format!("\nend {run}"))),
        ("a folder for a certificate", line("\nend ", "\ns 3 ../../x 1 AAAA\nend ")),
        ("a zero before a number", line("\nr 3 ", "\nr 03 ")),
        ("a number that is too long", line("\nr 3 ", "\nr 36893488147419103235 ")),
        ("a sum", line("\nr 3 ", "\nr 2+1 ")),
        ("a sign", line("\nr 3 ", "\nr +3 ")),
        ("two spaces", line("\nr 3 ", "\nr  3 ")),
        ("a tab", line("\nr 3 ", "\nr\t3 ")),
        ("nothing", line("\nr 3 ", "\n\nr 3 ")),
        ("a second key", line("\nbase ", &format!("\nkey {key}\nbase "))),
        ("a base after records", line("\nend ", &format!("\nbase {}\nend ", encode([0; 40])))),
        ("a base that is too large", base(&whole, [0xff; 40].as_slice())),
        ("a base that is too short", base(&whole, [0; 39].as_slice())),
        ("a base that is too long", base(&whole, [0; 41].as_slice())),
        ("a key that prints", line(&key, "a\\n\\033[2JOK:+00000000+AQAA")),
        ("a key with another id", line(&key, &key.replacen("history+", "history+0", 1))),
        ("after the end", format!("{whole}s 3 own 1 AAAA\n")),
        ("a NUL", line("\nr 3 ", "\nr \u{0}3 ")),
        ("an end without a line feed", whole.trim_end().to_owned()),
        ("an early end", "signet-desk-history 1\n".into()),
        ("only a head", whole.split("\nr ").next().unwrap().to_owned() + "\n"),
    ] {
        let (good, said) = judged(name, &text, &[&key]);
        assert!(!good && said.contains("FAULT"), "{name}: {said}");
        assert!(!said.contains('\u{1b}'), "{name}: {said}");
    }
}

fn base(whole: &str, bytes: &[u8]) -> String {
    let line = whole.lines().find(|l| l.starts_with("base ")).unwrap();
    whole.replacen(line, &format!("base {}", encode(bytes)), 1)
}

/// A signed note in another form than a checkpoint has.
#[test]
fn table_of_checkpoints_that_are_none() {
    let w = Written::new();
    let (whole, note) = (w.export(&Selection::default()), w.note());
    let signs = |text: &str| w.key.sign(text).unwrap();
    let body = note.split("\n\n").next().unwrap().to_owned() + "\n";
    let other = SignerKey::new("witness.example", &[9; 32].into()).unwrap();
    let witness = other.sign(&body).unwrap();
    let witness = witness.rsplit_once("\n\n").unwrap().1;
    for (name, changed, good) in [
        ("as it is", note.clone(), true),
        ("a line more", signs(&format!("{body}time 2026\n")), true),
        ("a witness", format!("{note}{witness}"), true),
        ("text after the blank line", note.replacen("\n\n", "\n\nmore\n", 1), false),
        ("a blank line more", note.replacen("\n\n", "\n\n\n", 1), false),
        ("signed twice", format!("{note}{}", note.rsplit_once("\n\n").unwrap().1), false),
        ("a zero before the size", signs(&body.replacen("\n4\n", "\n04\n", 1)), false),
        ("another size", signs(&body.replacen("\n4\n", "\n5\n", 1)), false),
        ("another name", signs(&body.replacen("TRADER1", "TRADER2", 1)), false),
        ("no signature", body.clone(), false),
        ("a signature of another", witness.to_owned(), false),
    ] {
        let text = whole.replacen(&encode(&note), &encode(&changed), 1);
        assert_eq!(verify(&text).faults.is_empty(), good, "{name}");
        assert_eq!(judged_in(&["bash"], name, &text, &[]).0, good, "{name}");
        let dir = TempDir::new().unwrap();
        let earlier = dir.path().join("earlier");
        fs::write(&earlier, &changed).unwrap();
        let (since, file) = (verify_since(&whole, Some(&changed)), earlier.to_str().unwrap());
        assert_eq!(since.faults.is_empty(), good, "{name}");
        let (found, said) = judged_in(&["sh"], name, &whole, &["-", "-", file]);
        assert_eq!(found, good, "earlier: {name}: {said}");
        assert_eq!(
            said.contains("over the first 4 of 4 records;"),
            good,
            "earlier: {name}: {said}"
        );
    }
}

/// An export from record `first` on.
fn from(w: &Written, first: usize) -> String {
    let mut base = Chain::default();
    w.records[..first].iter().for_each(|r| base.push(r));
    let (note, key) = (w.note(), w.key.verifier());
    let s = Source { key, checkpoint: &note, base, records: &w.records[first..] };
    export(&s, &Selection::default()).unwrap()
}

/// The script and [`verify_since`] agree about histories that begin later, and earlier checkpoints.
#[test]
fn table_of_histories_that_begin_later() {
    let checkpoint = |w: &Written, size: usize| {
        let mut part = Written::new();
        part.records = w.records[..size].to_vec();
        part.chain = Chain::default();
        part.records.iter().for_each(|r| part.chain.push(r));
        part.note()
    };
    // The removal is of the first record; (what it says, root of it, is it right).
    for (before, right, good) in [(1, true, true), (1, false, false), (2, false, true)] {
        let mut w = Written::new();
        let mut removed = Chain::default();
        w.records[..1].iter().for_each(|r| removed.push(r));
        let root = encode(if right { removed.root() } else { [9; 32] });
        w.add(T0, What::Removed { before, root, keep_days: 1 });
        let text = from(&w, 1);
        assert_eq!(verify(&text).faults.is_empty(), good, "{before} {right}");
        assert_eq!(judged("removed", &text, &[]).0, good, "{before} {right}");
        if !good || before != 1 {
            continue;
        }
        for (size, good) in [(0, false), (1, true), (2, true), (5, true)] {
            let dir = TempDir::new().unwrap();
            let file = dir.path().join("earlier");
            let note = checkpoint(&w, size);
            fs::write(&file, &note).unwrap();
            let file = file.to_str().unwrap();
            assert_eq!(verify_since(&text, Some(&note)).faults.is_empty(), good, "{size}");
            let (found, said) = judged("earlier", &text, &["-", "-", file]);
            assert_eq!(found, good, "{size}: {said}");
        }
    }
}

/// What is put into a line, or in place of one.
fn rubbish() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        "h 0 AAAA",
        "s 3 peer 1 AAAA",
        "k 1 AAAA",
        "c 2 AAAA AAAA",
        "end 4",
        "key x",
        "base AAAA",
        "r 1 AAAA AAAA",
        "signet-desk-history 1",
        "",
        "h 4*(faults=-9) AAAA",
        "end next",
    ]);
    prop_oneof![known.prop_map(str::to_owned), "[ -~]{0,12}"]
}

proptest! {
    // Each case starts OpenSSL a hundred times.
    #![proptest_config(ProptestConfig::with_cases(16))]

    /// Whatever is done to the lines of a file: the script says OK only where the program does.
    #[test]
    fn the_script_is_content_only_where_the_program_is(
        at in any::<prop::sample::Index>(), to in any::<prop::sample::Index>(), how in 0usize..6,
        byte in any::<prop::sample::Index>(), with in b' '..b'~', line in rubbish(), bash in any::<bool>(),
    ) {
        let w = Written::new();
        let whole = w.export(&Selection::default());
        let mut all: Vec<String> = whole.lines().map(str::to_owned).collect();
        let (i, j) = (at.index(all.len()), to.index(all.len()));
        match how {
            0 => all.swap(i, j),
            1 => drop(all.remove(i)),
            2 => all.insert(j, all[i].clone()),
            3 => all.insert(i, line),
            4 => all[i] = line,
            _ => {
                let mut bytes = all[i].clone().into_bytes();
                let place = byte.index(bytes.len());
                bytes[place] = with;
                all[i] = String::from_utf8(bytes).unwrap();
            }
        }
        let text = all.join("\n") + "\n";
        let dir = TempDir::new().unwrap();
        let file = dir.path().join("history.txt");
        fs::write(&file, &text).unwrap();
        let key = w.key.verifier().to_string();
        let shell = if bash { "bash" } else { "sh" };
        let Some((good, said)) = said(shell, dir.path(), &file, &[&key]) else { return Ok(()) };
        let faults = verify(&text).faults;
        prop_assert!(!good || faults.is_empty(), "{how} {i} {j}: {said} {faults:?}");
    }
}

/// The tests above change what they mean to.
#[test]
fn what_is_forged_is_otherwise_right() {
    let mut w = Written::new();
    w.sends(T0, &request(1));
    w.hears(T0, &quote("Q1", "99", FAR, false));
    assert_eq!(verify(&text_of(&w, &[])).faults, []);
    let frame = signed_bytes(&ENDS.desk, b"8=FIX.4.4\x019=1\x01", "10=000\u{1}");
    assert!(signet_fix::signature::parts(&frame).is_ok());
}
