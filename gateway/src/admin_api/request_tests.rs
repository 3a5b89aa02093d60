use super::*;
use proptest::prelude::*;

fn get(path: &str) -> Result<Command, &'static str> {
    let (path, query) = path.split_once('?').map_or((path, None), |(p, q)| (p, Some(q)));
    read(&Method::GET, path, query, false, b"").map_err(|e| e.code())
}

fn post(path: &str, body: &str) -> Result<Command, &'static str> {
    read(&Method::POST, path, None, true, body.as_bytes()).map_err(|e| e.code())
}

#[test]
fn table_of_questions() {
    let bad = Err("admin.malformed");
    let missing = Err("admin.not_found");
    let long = "a".repeat(33);
    for (path, want) in [
        ("/v1/sessions", Ok(Command::Sessions)),
        ("/v1/policy", Ok(Command::Policy)),
        ("/v1/users", Ok(Command::Users)),
        ("/v1/users/alice", Ok(Command::User("alice".into()))),
        ("/v1/events", Ok(Command::Events { limit: 100, before: None })),
        ("/v1/events?limit=1", Ok(Command::Events { limit: 1, before: None })),
        ("/v1/events?limit=1000", Ok(Command::Events { limit: 1_000, before: None })),
        ("/v1/events?limit=9&before=77", Ok(Command::Events { limit: 9, before: Some(77) })),
        ("/v1/events?limit=9&before=0", bad.clone()),
        ("/v1/events?limit=9&before=", bad.clone()),
        ("/v1/events?before=77", bad.clone()),
        ("/v1/events?limit=9&before=7&before=7", bad.clone()),
        ("/v1/events?limit=9&before=9999999999999999999", bad.clone()),
        ("/v1/fleet", Ok(Command::Fleet(Laptops::default()))),
        ("/v1/fleet?limit=7", Ok(Command::Fleet(Laptops { limit: 7, ..Laptops::default() }))),
        ("/v1/fleet?limit=0", bad.clone()),
        ("/v1/fleet?", bad.clone()),
        ("/v1/fleet/alice", missing.clone()),
        ("/v1/events?limit=1001", bad.clone()),
        ("/v1/events?limit=0", bad.clone()),
        ("/v1/events?limit=-1", bad.clone()),
        ("/v1/events?limit=", bad.clone()),
        ("/v1/events?limit=1&limit=2", bad.clone()),
        ("/v1/events?limit=99999999999999999999999", bad.clone()),
        ("/v1/events?", bad.clone()),
        ("/v1/users?limit=1", bad.clone()),
        ("/v1/users/Alice", bad.clone()),
        ("/v1/users/..", bad.clone()),
        ("/v1/users/.", bad.clone()),
        ("/v1/users/%2e%2e", bad.clone()),
        ("/v1/users/alice%00", bad.clone()),
        ("/v1/users/' OR 1=1", bad.clone()),
        (&*format!("/v1/users/{long}"), bad.clone()),
        ("/v1/users/", bad.clone()),
        ("/v1/users/../policy", missing.clone()),
        ("/v1/users/alice/", missing.clone()),
        ("/v1//users", missing.clone()),
        ("/v1/", missing.clone()),
        ("/v1", missing.clone()),
        ("/", missing.clone()),
        ("*", missing.clone()),
        ("/V1/users", missing.clone()),
        ("/v2/users", missing.clone()),
        ("/v1/signed", missing.clone()),
        ("/v1/users/alice/lock", Err("admin.method")),
        ("/v1/revoke", Err("admin.method")),
        ("/v1/policies", Ok(Command::Waiting)),
        ("/v1/policies/prepare", Err("admin.method")),
        ("/v1/policies/x", missing.clone()),
        ("/v1/policy/reload", Err("admin.method")),
    ] {
        assert_eq!(get(path), want, "{path}");
    }
    let with_body = read(&Method::GET, "/v1/users", None, true, b"{}");
    assert_eq!(with_body.unwrap_err().code(), "admin.malformed");
}

#[test]
fn table_of_orders() {
    use AccountState::{Active, Locked};
    let user = |u: &str, s| Ok(Command::SetState(Account::User(u.into()), s));
    let device = |d: &str, s| Ok(Command::SetState(Account::Device(d.into()), s));
    let revoke = |which, reason| Ok(Command::Revoke { which, reason });
    let bad = || Err("admin.malformed");
    let end = |reason: &str| {
        Ok(Command::End { desk: CompId::new("ALICE-1").unwrap(), reason: reason.into() })
    };
    let resume = |dealer: &str| Ok(Command::Resume(DealerId::new(dealer).unwrap()));
    let digest = "0123456789abcdef".repeat(4);
    let long = format!(r#"{{"reason":"{}"}}"#, "x".repeat(121));
    for (path, body, want) in [
        ("/v1/users/alice/lock", "{}", user("alice", Locked)),
        ("/v1/users/alice/unlock", " { } ", user("alice", Active)),
        ("/v1/users/alice/lock", "", bad()),
        ("/v1/users/alice/lock", "[]", bad()),
        ("/v1/users/alice/lock", "{} {}", bad()),
        ("/v1/users/alice/lock", r#"{"force":true}"#, bad()),
        ("/v1/users/alice/LOCK", "{}", Err("admin.not_found")),
        (
            "/v1/users/alice/role",
            r#"{"role":"privileged"}"#,
            Ok(Command::SetRole { user: "alice".into(), role: "privileged" }),
        ),
        ("/v1/users/alice/role", r#"["privileged"]"#, bad()),
        ("/v1/users/alice/role", r#"{"role":"god"}"#, bad()),
        ("/v1/users/alice/role", r#"{"role":"standard","role":"privileged"}"#, bad()),
        ("/v1/devices/alice/laptop/lock", "{}", device("alice/laptop", Locked)),
        ("/v1/devices/alice/laptop/unlock", "{}", device("alice/laptop", Active)),
        ("/v1/devices/alice/../lock", "{}", bad()),
        ("/v1/devices/../laptop/lock", "{}", bad()),
        ("/v1/devices/alice/laptop/x/lock", "{}", Err("admin.not_found")),
        ("/v1/devices/laptop/lock", "{}", Err("admin.not_found")),
        (
            "/v1/revoke",
            r#"{"user":"alice"}"#,
            revoke(CertificateSelector::User("alice".into()), "unspecified"),
        ),
        (
            "/v1/revoke",
            r#"{"device":"alice/x","reason":"cessation"}"#,
            revoke(CertificateSelector::Device("alice/x".into()), "cessation"),
        ),
        (
            "/v1/revoke",
            r#"{"serial":"0A:ff"}"#,
            revoke(CertificateSelector::Serial("0A:ff".into()), "unspecified"),
        ),
        ("/v1/revoke", r#"{"serial":":"}"#, bad()),
        ("/v1/revoke", r#"{"serial":"xyz"}"#, bad()),
        ("/v1/revoke", r#"{"device":"x"}"#, bad()),
        ("/v1/revoke", r#"{"user":"alice","serial":"01"}"#, bad()),
        ("/v1/revoke", r#"{"user":"alice","reason":"because"}"#, bad()),
        ("/v1/revoke", "{}", bad()),
        ("/v1/sessions/ALICE-1/end", r#"{"reason":"go home"}"#, end("go home")),
        ("/v1/sessions/ALICE-1/end", r#"{"reason":" "}"#, bad()),
        ("/v1/sessions/ALICE-1/end", r#"{"reason":"a\u0001b"}"#, bad()),
        ("/v1/sessions/ALICE-1/end", r#"{"reason":"über"}"#, bad()),
        ("/v1/sessions/ALICE-1/end", "{}", bad()),
        ("/v1/sessions/ALICE-1/end", long.as_str(), bad()),
        ("/v1/sessions/ALICE%2D1/end", r#"{"reason":"x"}"#, end("x")),
        ("/v1/sessions/ALICE%201/end", r#"{"reason":"x"}"#, bad()),
        ("/v1/users/al%69ce/lock", "{}", user("alice", Locked)),
        ("/v1/users/alice%2Flock", "{}", Err("admin.method")),
        ("/v1/devices/alice/x%2Fy/lock", "{}", bad()),
        ("/v1/dealers/NORTH/resume", "{}", resume("NORTH")),
        ("/v1/dealers/NORTH%20BANK%2FFX/resume", "{}", resume("NORTH BANK/FX")),
        ("/v1/dealers/A+B%2b%25/resume", "{}", resume("A+B+%")),
        ("/v1/dealers/NORTH%0A/resume", "{}", bad()),
        ("/v1/dealers/NORTH%/resume", "{}", bad()),
        ("/v1/dealers/NORTH%2/resume", "{}", bad()),
        ("/v1/dealers/N%C3%96RD/resume", "{}", bad()),
        ("/v1/dealers//resume", "{}", bad()),
        ("/v1/sessions//end", r#"{"reason":"x"}"#, bad()),
        ("/v1/policy/reload", "{}", Ok(Command::Reload)),
        ("/v1/policies/ABC/approve", "{}", bad()),
        (&*format!("/v1/policies/{}/approve", "A".repeat(64)), "{}", bad()),
        (&*format!("/v1/policies/{digest}/approve"), "{}", Ok(Command::Approve(digest.clone()))),
        (&*format!("/v1/policies/{digest}/reject"), "{}", Ok(Command::Reject(digest.clone()))),
        (&*format!("/v1/policies/{digest}/approve"), r#"{"force":true}"#, bad()),
        ("/v1/policy", "{}", Err("admin.method")),
        ("/v1/events", "{}", Err("admin.method")),
        ("/v1/fleet", "{}", Err("admin.method")),
    ] {
        assert_eq!(post(path, body), want, "{path} {body}");
    }
    assert_eq!(
        read(&Method::POST, "/v1/users/alice/lock", None, false, b"{}").unwrap_err().code(),
        "admin.content_type"
    );
    assert_eq!(
        read(&Method::DELETE, "/v1/users/alice", None, true, b"{}").unwrap_err().code(),
        "admin.method"
    );
    assert_eq!(
        read(&Method::OPTIONS, "/v1/users/alice/lock", None, true, b"{}").unwrap_err().code(),
        "admin.method"
    );
}

#[test]
fn every_change_needs_more_than_reading() {
    let digest = "a".repeat(64);
    let [approve, reject] = ["approve", "reject"].map(|how| format!("/v1/policies/{digest}/{how}"));
    let prepare = r#"{"policy":"risk","documents":{"settings":"x"}}"#;
    for (path, body, want) in [
        ("/v1/users/a/lock", "{}", AdminAction::Lock),
        ("/v1/devices/a/b/unlock", "{}", AdminAction::Lock),
        ("/v1/revoke", r#"{"user":"a"}"#, AdminAction::Lock),
        ("/v1/users/a/role", r#"{"role":"standard"}"#, AdminAction::Users),
        ("/v1/sessions/A/end", r#"{"reason":"x"}"#, AdminAction::Sessions),
        ("/v1/policy/reload", "{}", AdminAction::Policy),
        ("/v1/policies/prepare", prepare, AdminAction::Policy),
        (&*approve, "{}", AdminAction::Policy),
        (&*reject, "{}", AdminAction::Policy),
    ] {
        assert_eq!(post(path, body).unwrap().action(), want, "{path}");
    }
}

fn any_path() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        Just("v1".to_owned()),
        Just("users".to_owned()),
        Just("devices".to_owned()),
        Just("sessions".to_owned()),
        Just("events".to_owned()),
        Just("fleet".to_owned()),
        Just("policy".to_owned()),
        Just("revoke".to_owned()),
        Just("lock".to_owned()),
        Just("unlock".to_owned()),
        Just("role".to_owned()),
        Just("end".to_owned()),
        Just("reload".to_owned()),
        Just("policies".to_owned()),
        Just("prepare".to_owned()),
        Just("approve".to_owned()),
        "[0-9a-f]{63,65}",
        "[ -~]{0,12}",
        ".{0,8}",
        "[a-z0-9._-]{1,40}",
    ];
    prop::collection::vec(word, 0..7).prop_map(|w| format!("/{}", w.join("/")))
}

proptest! {
    /// No request makes it panic, and whatever is understood names nothing that could be more than
    /// a name.
    #[test]
    fn any_request_is_understood_or_refused(
        path in any_path(),
        query in prop::option::of("[ -~]{0,20}|(limit|days)=[0-9]{0,6}"),
        post in any::<bool>(),
        json in any::<bool>(),
        body in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..200),
            "\\{(\"(user|device|serial|reason|role)\":\"[ -~]{0,40}\",?){0,3}\\}".prop_map(String::into_bytes),
            Just(b"{}".to_vec()),
            Just(vec![]),
        ],
    ) {
        let method = if post { Method::POST } else { Method::GET };
        match read(&method, &path, query.as_deref(), json, &body) {
            Ok(command) => {
                let changes = command.action() != AdminAction::Read;
                prop_assert_eq!(changes, post);
                let names = match &command {
                    Command::User(u) | Command::SetRole { user: u, .. } | Command::SetState(Account::User(u), _) => vec![u.clone()],
                    Command::SetState(Account::Device(d), _) => d.splitn(2, '/').map(str::to_owned).collect(),
                    Command::End { desk, reason } => {
                        prop_assert!(reason.bytes().all(|b| (0x20..0x7f).contains(&b)));
                        vec![desk.as_str().to_lowercase()]
                    }
                    Command::Revoke { which: CertificateSelector::User(u), .. } => vec![u.clone()],
                    Command::Revoke { which: CertificateSelector::Device(d), .. } => d.splitn(2, '/').map(str::to_owned).collect(),
                    Command::Revoke { which: CertificateSelector::Serial(s), .. } => vec![s.replace(':', "").to_lowercase()],
                    _ => vec![],
                };
                for n in names {
                    prop_assert!(!n.is_empty() && n.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-".contains(&b)), "{}", n);
                }
            }
            Err(e) => {
                prop_assert!(e.status().is_client_error());
                prop_assert!(!e.code().is_empty() && !e.to_string().is_empty() && !e.cure().is_empty());
            }
        }
    }
}
