use super::*;

#[test]
fn a_refusal_of_the_key_is_told_from_any_other() {
    let holder = |code, fault| Refusal::KeyHolder { code, fault, message: String::new(), cure: "" };
    for r in [
        Refusal::ClientCertificateRefused { alert: String::new() },
        Refusal::ClientCertificateExpired,
        Refusal::ClientCertificateRevoked,
        Refusal::ClientCertificateUnknownCa,
        Refusal::NoClientCertificateSent,
        Refusal::KeyUnavailable { detail: String::new() },
        holder("token.removed", HolderFault::Key),
        holder("holder.timed_out", HolderFault::Key),
    ] {
        assert_eq!(Ended::by(&r).fault, Fault::OwnKey, "{r:?}");
    }
    for r in [
        Refusal::NameMismatch { presented: Vec::new() },
        Refusal::TimedOut,
        Refusal::RevocationListStale { seconds: 1 },
        Refusal::ServerCertificateRevoked,
        holder("keychain.locked", HolderFault::Keychain),
    ] {
        assert_eq!(Ended::by(&r).fault, Fault::Other, "{r:?}");
    }
}

/// What answers in the gateway's place on one network may not be there on the next.
#[test]
fn a_refusal_is_tried_again_where_it_may_pass() {
    let text = String::new;
    let pin = signet_identity::SpkiPin::of_spki(b"key");
    for (r, next) in [
        (Refusal::DnsFailure, Next::TryAgain),
        (Refusal::ConnectionRefused, Next::TryAgain),
        (Refusal::Unreachable, Next::TryAgain),
        (Refusal::TimedOut, Next::TryAgain),
        (Refusal::ClosedDuringHandshake, Next::TryAgain),
        (Refusal::NotTls, Next::AwaitWay),
        (Refusal::NoCommonTlsVersion, Next::AwaitWay),
        (Refusal::NoCommonSuite, Next::AwaitWay),
        (Refusal::NameMismatch { presented: Vec::new() }, Next::AwaitWay),
        (Refusal::UnknownCa, Next::AwaitWay),
        (Refusal::Expired, Next::AwaitWay),
        (Refusal::NotYetValid, Next::AwaitWay),
        (Refusal::PinMismatch { presented: pin }, Next::AwaitGateway),
        (Refusal::ServerNotCertifiedForThis, Next::AwaitGateway),
        (Refusal::ServerCertificateInvalid { detail: text() }, Next::AwaitWay),
        (Refusal::ServerCertificateRevoked, Next::AwaitGateway),
        (Refusal::ClientCertificateRefused { alert: text() }, Next::GiveUp),
        (Refusal::ClientCertificateExpired, Next::GiveUp),
        (Refusal::ClientCertificateRevoked, Next::GiveUp),
        (Refusal::ClientCertificateUnknownCa, Next::GiveUp),
        (Refusal::NoClientCertificateSent, Next::GiveUp),
        (Refusal::KeyUnavailable { detail: text() }, Next::GiveUp),
        (Refusal::RevocationListMissing, Next::GiveUp),
        (Refusal::RevocationListStale { seconds: 1 }, Next::GiveUp),
    ] {
        assert_eq!(Ended::by(&r).next, next, "{r:?}");
    }
}

/// A hostile network can always pretend to be a portal. It must not turn a failed check of the
/// gateway's identity into one.
#[test]
fn a_portal_is_why_only_where_one_can_be() {
    for (next, way, portal) in [
        (Next::TryAgain, true, true),
        (Next::AwaitWay, true, true),
        (Next::AwaitGateway, true, false),
        (Next::AwaitNetwork, false, false),
        (Next::GiveUp, false, false),
        (Next::After(Duration::from_secs(1)), false, false),
    ] {
        assert_eq!((next.may_be_the_way(), next.may_be_a_portal()), (way, portal), "{next:?}");
    }
    assert_eq!(Ended::by_another(internal("another")).next, Next::AwaitGateway);
}

#[test]
fn a_logon_that_is_refused_says_what_is_at_fault() {
    let refused = |code: Option<&str>| {
        let g =
            Goodbye { text: "no".into(), code: code.map(Into::into), cure: None, retry_s: None };
        let e = Ended::of(&Closed::ByPeer, false, Some(g));
        (e.problem.code, e.fault, e.next)
    };
    let give_up = Next::GiveUp;
    for (said, code, fault, next) in [
        (None, "logon.refused", Fault::OwnKey, give_up),
        (Some("logon.refused"), "logon.refused", Fault::OwnKey, give_up),
        (Some("Not a code"), "logon.refused", Fault::OwnKey, give_up),
        (Some("refused"), "logon.refused", Fault::OwnKey, give_up),
        (Some("admission.user_locked"), "admission.user_locked", Fault::Other, give_up),
        (Some("logon.refused_today"), "logon.refused_today", Fault::Other, give_up),
        // Another network may be allowed.
        (Some("risk.denied"), "risk.denied", Fault::Other, Next::AwaitNetwork),
        (Some("risk.no_step_up"), "risk.no_step_up", Fault::Other, Next::AwaitNetwork),
        (Some("risk.denied_today"), "risk.denied_today", Fault::Other, give_up),
    ] {
        assert_eq!(refused(said), (code.to_owned(), fault, next), "{said:?}");
    }
}

/// Whatever the code: the gateway says when.
#[test]
fn a_refusal_that_ends_by_time_is_tried_again_then_and_says_when() {
    let refused = |retry_s| {
        let (text, code) = ("kept out for a time".to_owned(), Some("lockout.user".to_owned()));
        let g = Goodbye { text, code, cure: Some("Wait.".into()), retry_s };
        Ended::of(&Closed::ByPeer, false, Some(g))
    };
    for (retry_s, next) in [
        (None, Next::GiveUp),
        (Some(0), Next::GiveUp),
        (Some(1), Next::After(Duration::from_secs(2))),
        (Some(900), Next::After(Duration::from_secs(901))),
        (Some(86_400), Next::After(Duration::from_secs(86_401))),
        (Some(86_401), Next::GiveUp),
        (Some(u32::MAX), Next::GiveUp),
    ] {
        let e = refused(retry_s);
        assert_eq!((e.next, e.fault), (next, Fault::Other), "{retry_s:?}");
        let says_when = e.problem.cure.starts_with("The desk tries again by itself at ");
        assert_eq!(says_when, next != Next::GiveUp, "{:?}", e.problem);
        assert!(e.problem.cure.ends_with("Wait."), "{:?}", e.problem);
    }
}

#[test]
fn a_connection_that_was_up_for_a_while_is_made_again_at_once() {
    let ms = |n| Some(Duration::from_millis(n));
    for (attempt, was_on, least, most) in [
        // Up for a while: at once, however often.
        (0, ms(1_000), 0, 0),
        (0, ms(3_600_000), 0, 0),
        // It ended soon, or was never up.
        (0, ms(0), 87, 113),
        (0, ms(999), 87, 113),
        (1, None, 87, 113),
        (2, None, 175, 225),
        (6, None, 1_750, 2_250),
        (u32::MAX, None, 1_750, 2_250),
    ] {
        let waits = wait_before(attempt, was_on).as_millis();
        assert!((least..=most).contains(&waits), "{attempt} {was_on:?}: {waits}");
    }
}

#[test]
fn a_busy_gateway_is_waited_for_before_the_trader_is_told() {
    for (fault, in_a_row, told) in [
        (Fault::Unanswered, 1, false),
        (Fault::Unanswered, 2, false),
        (Fault::Unanswered, 3, true),
        (Fault::Other, 1, true),
        (Fault::OwnKey, 1, true),
    ] {
        assert_eq!(fault.is_told(in_a_row), told, "{fault:?} {in_a_row}");
    }
    let e = Ended::unanswered();
    assert_eq!((e.next, e.fault), (Next::TryAgain, Fault::Unanswered));
}

#[test]
fn the_waits_double_up_to_two_seconds_and_are_spread() {
    for (attempt, least, most) in [
        (0, 88, 113),
        (1, 88, 113),
        (2, 175, 225),
        (3, 350, 450),
        (5, 1_400, 1_800),
        (6, 1_750, 2_250),
        (u32::MAX, 1_750, 2_250),
    ] {
        let ms = Duration::from_millis;
        assert_eq!(backoff_with(attempt, 0), ms(least), "{attempt}");
        assert_eq!(backoff_with(attempt, 255), ms(most), "{attempt}");
        let half = backoff_with(attempt, 128);
        assert!(ms(least) < half && half < ms(most), "{attempt}");
    }
}

fn reset() -> Closed {
    Closed::Io(io::ErrorKind::ConnectionReset.into())
}

#[test]
fn a_host_that_took_the_connection_and_did_not_serve_it_is_told_from_one_that_did() {
    for (ended, fault) in [
        (Ended::given_up(GivenUp::NoLogon), Fault::NoLogon),
        (Ended::given_up(GivenUp::Dead), Fault::Other),
        (Ended::given_up(GivenUp::Slept), Fault::Other),
        (Ended::of(&Closed::ByPeer, false, None), Fault::Closed),
        (Ended::of(&Closed::ByPeer, true, None), Fault::Other),
        (Ended::of(&reset(), false, None), Fault::Closed),
        (Ended::of(&reset(), true, None), Fault::Other),
        (Ended::by(&Refusal::ClosedDuringHandshake), Fault::Closed),
        (Ended::by(&Refusal::ConnectionRefused), Fault::Other),
        (Ended::by(&Refusal::Unreachable), Fault::Other),
    ] {
        assert_eq!((ended.fault, ended.next), (fault, Next::TryAgain), "{:?}", ended.problem);
        assert!(ended.fault.is_told(1), "{:?}", ended.problem);
    }
}
