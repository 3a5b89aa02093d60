use super::*;

#[test]
fn a_venue_asks_keys_as_its_own_relying_party_only() {
    const OWN: Option<&str> = Some("stepup.bank.example");
    let sign = r#"{"publicKey":{"rpId":"stepup.bank.example"}}"#;
    let register = r#"{"publicKey":{"rp":{"id":"stepup.bank.example"}}}"#;
    for (good, signs) in [(sign, true), (register, false)] {
        assert_eq!(
            origin_of(good, signs, OWN).as_deref(),
            Ok("https://stepup.bank.example"),
            "{good}"
        );
    }
    let both = r#"{"publicKey":{"rpId":"login.bank.example","rp":{"id":"stepup.bank.example"}}}"#;
    let other_way =
        r#"{"publicKey":{"rpId":"stepup.bank.example","rp":{"id":"login.bank.example"}}}"#;
    for (options, signs, allowed) in [
        (sign, true, None),
        (sign, true, Some("bank.example")),
        (sign, true, Some("login.stepup.bank.example")),
        (sign, false, OWN),
        (register, true, OWN),
        (both, true, OWN),
        (other_way, false, OWN),
        (r#"{"publicKey":{"rpId":7}}"#, true, OWN),
        ("rubbish", true, OWN),
    ] {
        assert!(origin_of(options, signs, allowed).is_err(), "{options} {signs} {allowed:?}");
    }
}
