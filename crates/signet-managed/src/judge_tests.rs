use super::*;
use crate::{minisign::Secret, values::Value};
use time::macros::datetime;

const NOW: OffsetDateTime = datetime!(2026-11-29 12:00 UTC);

fn text(serial: u64) -> String {
    format!(
        "format = 1\nfirm = \"F\"\nserial = {serial}\nvalid_from = \"2026-11-01T00:00:00Z\"\n\
         valid_until = \"2026-12-01T00:00:00Z\"\n"
    )
}

fn signed(secret: &Secret, policy: &str) -> Found {
    Found::Signed {
        policy: policy.into(),
        signature: secret.sign(policy.as_bytes(), "c").unwrap(),
        key: secret.public().to_text(),
    }
}

fn values(serial: Option<i64>) -> Found {
    let mut values = Values::from([("Firm".to_owned(), Value::Text("F".into()))]);
    values.extend(serial.map(|n| ("Serial".to_owned(), Value::Number(n))));
    Found::Values(values)
}

fn seen(serial: u64, digest: &str) -> Record {
    Record { firm: "F".into(), place: "p".into(), serial, digest: digest.into() }
}

fn judged(found: Found, now: OffsetDateTime, seen: Option<&Record>) -> String {
    match judge(found, "p", now, seen, "r".into()) {
        Ok(Some(managed)) => format!("serial {}", managed.policy.serial),
        Ok(None) => "not managed".into(),
        Err(e) => e.code().into(),
    }
}

/// What is found x what was seen.
#[test]
fn every_find_and_every_record_have_one_answer() {
    let (secret, _) = Secret::generate().unwrap();
    let file = || signed(&secret, &text(7));
    let digest = judge(file(), "p", NOW, None, "r".into()).unwrap().unwrap().digest;
    let (lower, same) = (seen(6, "x"), seen(7, &digest));
    let (other, higher) = (seen(7, "x"), seen(8, "x"));
    let of_values = judge(values(None), "p", NOW, None, "r".into()).unwrap().unwrap().record();
    let finds: [(&str, &dyn Fn() -> Found); 4] = [
        ("nothing", &|| Found::Nothing),
        ("file", &file),
        ("values", &|| values(None)),
        ("values with serial", &|| values(Some(7))),
    ];
    let records = [None, Some(&lower), Some(&same), Some(&other), Some(&higher), Some(&of_values)];
    let gone = "managed.missing";
    let older = "managed.older";
    let reused = "managed.serial_reused";
    let table = [
        ["not managed", gone, gone, gone, gone, gone],
        ["serial 7", "serial 7", "serial 7", reused, older, "serial 7"],
        ["serial 0", older, older, older, older, "serial 0"],
        ["serial 7", "serial 7", reused, reused, older, "serial 7"],
    ];
    for ((name, find), wanted) in finds.into_iter().zip(table) {
        for (record, want) in records.iter().zip(wanted) {
            assert_eq!(judged(find(), NOW, *record), want, "{name} after {record:?}");
        }
    }
}

#[test]
fn its_time_begins_and_ends_to_the_second() {
    let (secret, _) = Secret::generate().unwrap();
    for (now, want) in [
        (datetime!(2026-10-31 23:59:59 UTC), "managed.not_yet_valid"),
        (datetime!(2026-11-01 00:00:00 UTC), "serial 7"),
        (datetime!(2026-11-30 23:59:59 UTC), "serial 7"),
        (datetime!(2026-12-01 00:00:00 UTC), "managed.expired"),
    ] {
        assert_eq!(judged(signed(&secret, &text(7)), now, None), want, "{now}");
    }
}

#[test]
fn the_signature_is_verified_before_the_file_is_read() {
    let (secret, _) = Secret::generate().unwrap();
    let Found::Signed { signature, key, .. } = signed(&secret, &text(7)) else { unreachable!() };
    for policy in [&b"not a policy"[..], b"\xff\xfe", b""] {
        let found =
            Found::Signed { policy: policy.into(), signature: signature.clone(), key: key.clone() };
        assert_eq!(judged(found, NOW, None), "managed.tampered");
    }
    assert_eq!(judged(signed(&secret, "not a policy"), NOW, None), "managed.damaged");
    let binary = vec![0xff, 0xfe];
    let signature = secret.sign(&binary, "c").unwrap();
    let found = Found::Signed { policy: binary, signature, key };
    assert_eq!(judged(found, NOW, None), "managed.damaged");
}

#[test]
fn a_desk_that_is_too_old_or_of_an_unknown_version_is_refused() {
    let (secret, _) = Secret::generate().unwrap();
    let policy = text(7) + "[software]\nleast_version = \"1.2.0\"\n";
    let managed = judge(signed(&secret, &policy), "p", NOW, None, "r".into()).unwrap().unwrap();
    for (have, good) in
        [("1.2.0", true), ("1.10.0", true), ("1.1.9", false), ("1.2.0-rc.1", false), ("x", false)]
    {
        assert_eq!(managed.allows(have).is_ok(), good, "{have}");
    }
}

#[test]
fn a_record_is_read_as_it_was_written() {
    let record = seen(7, "ab");
    assert_eq!(Record::read(&record.to_text()), Some(record.clone()));
    for damaged in ["", "serial = 7", "x", &format!("{}more = 1\n", record.to_text())] {
        assert_eq!(Record::read(damaged), None, "{damaged}");
    }
}
