use super::{number::MAX_DECIMAL_LEN, *};
use proptest::prelude::*;
use rust_decimal::Decimal;
use signet_rfq::UtcMillis;

#[test]
fn fields_and_what_is_not_fields() {
    let ok = Fields::parse(b"8=FIX.4.4\x0135=S\x0158=a=b\x01").unwrap();
    assert_eq!(ok.as_slice(), [(8, &b"FIX.4.4"[..]), (35, b"S"), (58, b"a=b")]);
    for (bytes, want) in [
        (&b"8=FIX"[..], ParseError::NotTagValue),
        (b"junk\x01", ParseError::NotTagValue),
        (b"=x\x01", ParseError::BadTag),
        (b"-1=x\x01", ParseError::BadTag),
        (b"0=x\x01", ParseError::BadTag),
        (b"01=x\x01", ParseError::BadTag),
        (b"9999999999=x\x01", ParseError::BadTag),
        (b"58=\x01", ParseError::Empty(58)),
        (b"96=abc\x01", ParseError::BadDataLength(96)),
        (b"95=2\x0196=abc\x01", ParseError::BadDataLength(96)),
        (b"95=99999\x0196=abc\x01", ParseError::BadDataLength(96)),
    ] {
        assert_eq!(Fields::parse(bytes), Err(want), "{:?}", String::from_utf8_lossy(bytes));
    }
}

/// Lengths of one to four digits, and sums of one to three.
#[test]
fn a_frame_has_its_length_and_a_sum_of_three_digits() {
    for n in 0..1_200 {
        let body = format!("35=0\u{1}58={}\u{1}", "x".repeat(n));
        let head = format!("8=FIX.4.4\u{1}9={}\u{1}{body}", body.len());
        let sum = head.bytes().fold(0_u8, u8::wrapping_add);
        let want = format!("{head}10={sum:03}\u{1}");
        assert_eq!(String::from_utf8(seal("FIX.4.4", body.as_bytes())).unwrap(), want);
    }
}

#[test]
fn every_data_field_of_the_dictionary_is_known_here() {
    let dictionary = include_str!("../../dictionary/FIX44-signet.xml");
    let data: Vec<u32> = dictionary
        .lines()
        .filter(|l| l.contains("type=\"DATA\""))
        .map(|l| l.split('"').nth(1).unwrap().parse().unwrap())
        .collect();
    assert!(!data.is_empty());
    assert!(data.iter().all(|t| data_length_tag(*t).is_some()), "{data:?}");
}

#[test]
fn data_fields_may_hold_the_separator() {
    let f = Fields::parse(b"95=5\x0196=a\x01b=c\x0158=t\x01").unwrap();
    assert_eq!(f.get(96), Some(&b"a\x01b=c"[..]));
    assert_eq!(f.text(58), Some("t"));
}

#[test]
fn group_entries_are_cut_at_their_first_tag() {
    let f = Fields::parse(b"146=2\x0155=A\x0154=1\x0155=B\x0138=5\x0158=x\x0154=9\x01").unwrap();
    let e = f.group(55, &[54, 38], 0..f.as_slice().len());
    assert_eq!(e, [1..3, 3..5]);
}

#[test]
fn decimals_are_exact_and_plain() {
    for (s, want) in [
        ("99.125", Some("99.125")),
        ("-1", Some("-1")),
        (".5", Some("0.5")),
        ("5.", Some("5")),
        ("007", Some("7")),
    ] {
        assert_eq!(parse_decimal(s.as_bytes()), want.map(|w| w.parse().unwrap()), "{s}");
    }
    for s in [
        "",
        "-",
        ".",
        "1e5",
        "1,000",
        "0x1",
        "1.2.3",
        " 1",
        "+1",
        "NaN",
        "9999999999999999999999999999999",
    ] {
        assert_eq!(parse_decimal(s.as_bytes()), None, "{s}");
    }
}

#[test]
fn the_longest_numbers_are_read_as_they_are_written() {
    for s in [
        "-.1234567890123456789012345678",
        "-79228162514264337593543950335",
        "-0.0000000000000000000000000001",
        "7.9228162514264337593543950335",
    ] {
        let d = parse_decimal(s.as_bytes()).unwrap();
        let mut written = Vec::new();
        d.write(&mut written);
        assert_eq!(parse_decimal(&written), Some(d), "{s}");
    }
    for s in ["-0", "-.0", "-0.000"] {
        assert!(!parse_decimal(s.as_bytes()).unwrap().is_sign_negative(), "{s}");
    }
}

#[test]
fn timestamps() {
    for (s, ms) in [
        ("20261121-02:22:00.125", Some(1_795_227_720_125)),
        ("20261121-02:22:00", Some(1_795_227_720_000)),
        ("20261121-02:22:00.125999", Some(1_795_227_720_125)),
        ("20261121-02:22:00.1", Some(1_795_227_720_100)),
        ("20161231-23:59:60", Some(1_483_228_799_000)),
        ("20261321-02:22:00", None),
        ("20261121 02:22:00", None),
        ("20261121-02:22:00.", None),
        ("20261121-25:22:00", None),
        ("", None),
    ] {
        assert_eq!(parse_utc(s.as_bytes()), ms.map(UtcMillis), "{s}");
    }
    assert_eq!(format_utc(UtcMillis(1_795_227_720_125)), "20261121-02:22:00.125");
    assert!(is_date(b"20261124") && !is_date(b"20261324") && !is_date(b"2026-11-24"));
}

#[test]
fn a_value_cannot_inject_a_field() {
    let mut b = Body::new("R");
    b.put(131, "x\u{1}38=999");
    assert_eq!(b.finish("FIX.4.4"), Err(BadValue(131)));
    let mut b = Body::new("j");
    b.put_text(58, "line\nbreak\u{1}38=1");
    let frame = b.finish("FIX.4.4").unwrap();
    assert_eq!(Fields::parse(&frame).unwrap().text(58), Some("line break 38=1"));
}

proptest! {
    #[test]
    fn any_bytes_parse_or_fail_without_panic(b in prop::collection::vec(any::<u8>(), 0..300)) {
        if let Ok(f) = Fields::parse(&b) {
            let n = f.as_slice().len();
            let _ = f.group(55, &[54], 0..n);
            for (_, v) in f.as_slice() { parse_decimal(v); parse_utc(v); is_date(v); }
        }
    }

    #[test]
    fn times_survive(ms in -62_000_000_000_000i64..253_000_000_000_000) {
        prop_assert_eq!(parse_utc(format_utc(UtcMillis(ms)).as_bytes()), Some(UtcMillis(ms)));
    }

    #[test]
    fn decimals_survive(n in any::<i64>(), scale in 0u32..9) {
        let d = Decimal::new(n, scale);
        prop_assert_eq!(parse_decimal(d.to_string().as_bytes()), Some(d));
    }

    /// Whatever number a peer may send is written in a form that is read as the same number.
    #[test]
    fn a_number_that_was_read_is_read_again(
        text in prop_oneof!["-?[0-9]{0,31}[.]?[0-9]{0,31}", "-?[.][0-9]{25,30}", "-?0{0,5}[0-9]{20,29}[.]?[0-9]{0,9}", "-?0[.]0{20,30}[0-9]?"],
    ) {
        if let Some(d) = parse_decimal(text.as_bytes()) {
            let mut written = Vec::new();
            d.write(&mut written);
            prop_assert_eq!(parse_decimal(&written), Some(d), "{} is written as {:?}", text, String::from_utf8_lossy(&written));
            prop_assert!(!d.is_zero() || !d.is_sign_negative());
        }
    }

    #[test]
    fn numbers_are_written_as_rust_writes_them(
        m in prop_oneof![any::<i64>().prop_map(i128::from), -79_228_162_514_264_337_593_543_950_335i128..79_228_162_514_264_337_593_543_950_335],
        scale in 0u32..=28,
        n in any::<u64>(),
        i in any::<i32>(),
    ) {
        let written = |v: &dyn Fn(&mut Vec<u8>)| { let mut out = vec![]; v(&mut out); String::from_utf8(out).unwrap() };
        for d in [Decimal::from_i128_with_scale(m, scale), Decimal::from_i128_with_scale(m % 1_000, scale), -Decimal::new(0, scale)] {
            prop_assert_eq!(written(&|out| d.write(out)), d.to_string());
        }
        prop_assert_eq!(written(&|out| n.write(out)), n.to_string());
        prop_assert_eq!(written(&|out| i.write(out)), i.to_string());
    }

    #[test]
    fn long_and_short_decimals_are_read_alike(text in "-?[0-9]{0,22}[.]?[0-9]{0,6}") {
        let digits = text.trim_start_matches('-');
        let plain = digits.bytes().any(|b| b.is_ascii_digit()) && text.len() <= MAX_DECIMAL_LEN;
        let want = plain.then(|| format!("{}0{}", if text.starts_with('-') { "-" } else { "" }, digits.trim_end_matches('.')));
        prop_assert_eq!(parse_decimal(text.as_bytes()), want.and_then(|w| Decimal::from_str_exact(&w).ok()));
    }

    #[test]
    fn what_is_written_is_read(values in prop::collection::vec((1u32..99_999, "[ -~]{1,30}"), 0..20)) {
        let mut b = Body::new("S");
        let data = |t: u32| DATA_FIELDS.iter().any(|(_, d)| *d == t);
        for (t, v) in &values { if !data(*t) { b.put(*t, v); } }
        let frame = b.finish("FIX.4.4").unwrap();
        let f = Fields::parse(&frame).unwrap();
        let read: Vec<_> = f.as_slice()[3..f.as_slice().len() - 1].iter()
            .map(|(t, v)| (*t, String::from_utf8(v.to_vec()).unwrap())).collect();
        let want: Vec<_> = values.into_iter().filter(|(t, _)| !data(*t)).collect();
        prop_assert_eq!(read, want);
    }
}
