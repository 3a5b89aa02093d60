//! `signet-gateway init`: whatever a firm answers, its files fit together, appear together, and replace
//! nothing.

#![cfg(unix)]

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as B64};
use proptest::prelude::*;
use signet_gateway::{
    Config, Loaded, doctor, faults,
    init::{
        Answers, Bank, CertificateOrder, DealerAnswer, Given, InitError, Installed, Listen, Order,
        Renewed, TraderAnswer, install, issue_certificate, renew_gateway,
    },
    list_faults,
};
use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Output},
};
use tempfile::TempDir;
use time::{Duration, OffsetDateTime};

const EXAMPLE: &str = include_str!("../../packaging/gateway/answers.example.toml");

fn example() -> Answers {
    Answers::parse(EXAMPLE).unwrap()
}

fn put(dir: &Path, answers: &Answers, force: bool) -> Result<Installed, InitError> {
    put_at(dir, answers, force, OffsetDateTime::now_utc())
}

fn put_at(
    dir: &Path,
    answers: &Answers,
    force: bool,
    now: OffsetDateTime,
) -> Result<Installed, InitError> {
    let bank = Bank::of(answers, 7).map_err(InitError::Answers)?;
    let given = Given::read(&bank, dir)?;
    let folder = dir.join("signet");
    install(&Order { bank: &bank, given: &given, folder: &folder, force, account: None, now })
}

/// Everything in a folder, with contents and modes.
fn snapshot(folder: &Path) -> BTreeMap<PathBuf, (u32, Vec<u8>)> {
    let mut all = BTreeMap::new();
    let mut open = vec![folder.to_owned()];
    while let Some(dir) = open.pop() {
        for e in fs::read_dir(&dir).into_iter().flatten().map(Result::unwrap) {
            let mode = e.metadata().unwrap().permissions().mode() & 0o7777;
            if e.file_type().unwrap().is_dir() {
                open.push(e.path());
                all.insert(e.path(), (mode, vec![]));
            } else {
                all.insert(e.path(), (mode, fs::read(e.path()).unwrap()));
            }
        }
    }
    all
}

fn gateway(config: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_signet-gateway"))
        .arg("--config")
        .arg(config)
        .args(args)
        .output()
        .unwrap()
}

fn text(out: &Output) -> String {
    String::from_utf8([&out.stdout[..], &out.stderr[..]].concat()).unwrap()
}

/// `check-config` is content and warns of nothing.
#[track_caller]
fn checked(config: &Path) {
    let out = gateway(config, &["check-config"]);
    assert!(out.status.success() && out.stderr.is_empty(), "{}", text(&out));
}

fn names() -> impl Strategy<Value = String> {
    "[A-Za-z0-9'\"\\\\$#äß€ .-]{0,40}".prop_map(|t| format!("N{}", t.trim()).trim().to_owned())
}

/// Some with a label of IDNA, which only browsers look into.
fn host_names() -> impl Strategy<Value = String> {
    prop_oneof![
        9 => "[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?(\\.[a-z]{2,6}){1,3}",
        1 => "xn--[a-z]{0,3}-?[a-z0-9]{1,4}\\.[a-z]{2,6}",
    ]
}

fn dealer_answers() -> impl Strategy<Value = DealerAnswer> {
    ("[A-Z][A-Z0-9_-]{0,20}", names(), host_names(), 1..u16::MAX, any::<bool>(), any::<bool>())
        .prop_map(|(id, name, host, port, signs, sign)| DealerAnswer {
            comp_id: format!("D{id}"),
            name,
            host,
            port,
            signs,
            sign,
            ..DealerAnswer::default()
        })
}

fn trader_answers() -> impl Strategy<Value = TraderAnswer> {
    ("[a-z0-9._-]{1,30}", "[A-Za-z0-9_-]{1,20}", names()).prop_map(|(id, comp_id, name)| {
        TraderAnswer { id: format!("t{id}"), comp_id: format!("T{comp_id}"), name }
    })
}

fn some_answers() -> impl Strategy<Value = Answers> {
    let networks = prop::sample::subsequence(
        vec!["10.20.0.0/16", "192.0.2.0/24", "2001:db8::/32", "127.0.0.0/8", "10.1.2.3/32"],
        0..5,
    );
    let countries = prop::sample::subsequence(vec!["GB", "FR", "SG", "US", "JP", "DE"], 1..6);
    let currency = prop::sample::select(vec!["", "EUR", "USD", "GBP", "JPY", "CHF", "SEK", "DKK"]);
    let database = prop::sample::select(vec![
        "",
        "sqlite",
        "postgres://signet@db.bank.example/signet?sslmode=verify-full&sslrootcert=/etc/ca.pem",
        "postgres://signet@localhost/signet",
    ]);
    let who = (names(), host_names(), prop::collection::vec(host_names(), 1..4));
    let where_from = (countries, networks, currency, database);
    let parties = (
        prop::collection::vec(dealer_answers(), 1..6),
        prop::collection::vec(trader_answers(), 0..6),
        "[a-z0-9._-]{1,32}",
    );
    let address = prop::sample::select(vec!["", "0.0.0.0:443", "[::1]:8449"]);
    let console = (any::<bool>(), address);
    (who, where_from, parties, console).prop_map(|(who, from, parties, (console, at))| Answers {
        listen: Listen { console: at.into(), ..Listen::default() },
        firm: who.0,
        trust_domain: who.1.clone(),
        console_host: if console { format!("c.{}", who.1) } else { String::new() },
        hosts: who.2,
        countries: from.0.iter().map(|c| (*c).to_owned()).collect(),
        networks: from.1.iter().map(|n| (*n).to_owned()).collect(),
        currency: from.2.into(),
        database: from.3.into(),
        dealer: parties.0,
        trader: parties.1,
        admin: parties.2,
        require: console.then(|| vec!["tpm".into(), "disk_encryption".into()]),
        ..Answers::default()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn whatever_valid_answers_say_the_files_pass_check_config(answers in some_answers()) {
        prop_assume!(Bank::of(&answers, 7).is_ok());
        let dir = TempDir::new().unwrap();
        let done = put(dir.path(), &answers, false);
        prop_assert!(done.is_ok(), "{}", done.unwrap_err());
        // Where they are, not where they were made.
        let config = Config::read(&dir.path().join("signet/gateway.toml")).unwrap();
        prop_assert_eq!(faults(&config), Vec::<String>::new());
        prop_assert_eq!(doctor::files(&config), Vec::<String>::new());
        prop_assert!(list_faults(&config).is_empty());
        let loaded = Loaded::of(config);
        prop_assert!(loaded.is_ok(), "{:?}", loaded.err().map(|e| e.to_string()));
        // What is secret is its owner's alone.
        for (path, (mode, bytes)) in snapshot(dir.path()) {
            let secret = String::from_utf8_lossy(&bytes).contains("PRIVATE KEY");
            prop_assert_eq!(secret, path.to_string_lossy().ends_with("-key.pem"), "{:?}", path);
            prop_assert!(!secret || mode == 0o600, "{:?}: {:o}", path, mode);
        }
        prop_assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "nothing is left beside");
    }
}

#[test]
fn the_example_of_answers_becomes_a_gateway_by_the_command() {
    let dir = TempDir::new().unwrap();
    let answers = answered(dir.path());
    let config = dir.path().join("etc/gateway.toml");
    fs::create_dir(dir.path().join("etc")).unwrap();
    let arguments = ["init", "--yes", "--account", "root", "--answers", answers.to_str().unwrap()];
    let out = gateway(&config, &arguments);
    let said = text(&out);
    assert!(out.status.success(), "{said}");
    checked(&config);
    // The first administrator has a code, and three commands are next.
    assert!(said.contains("One-time code for a console key of sylvia"), "{said}");
    let next: Vec<&str> = said.split("\nNext:\n").nth(1).unwrap().lines().collect();
    assert_eq!(next.len(), 3, "{said}");
    assert!(
        next[1].contains("user add --id alice --comp-id ALICE1 --name 'Alice Smith'"),
        "{said}"
    );
    assert!(next.iter().all(|c| c.trim_start().starts_with("signet-gateway --config ")), "{said}");
    // Once more: says what is there, and changes nothing.
    let before = snapshot(dir.path());
    let out = gateway(&config, &arguments);
    let said = text(&out);
    assert!(!out.status.success() && said.contains("init.already_there"), "{said}");
    assert!(said.contains("gateway-key.pem") && said.contains("nothing is missing"), "{said}");
    let now = snapshot(dir.path());
    assert!(before == now, "something changed");
    // Without a terminal, the error names each missing answer with its cure.
    let out = gateway(&dir.path().join("other/gateway.toml"), &["init", "--yes"]);
    let said = text(&out);
    assert!(!out.status.success() && said.contains("trust_domain: is not answered"), "{said}");
    assert!(!dir.path().join("other").exists());
}

#[test]
fn force_writes_settings_again_and_keeps_every_key() {
    let dir = TempDir::new().unwrap();
    put(dir.path(), &example(), false).unwrap();
    let folder = dir.path().join("signet");
    let before = snapshot(&folder);
    let mut answers = example();
    answers.countries = vec!["SG".into()];
    fs::remove_file(folder.join("entitlements.toml")).unwrap();
    let e = put(dir.path(), &answers, false).unwrap_err();
    assert!(
        matches!(&e, InitError::AlreadyThere { missing, .. } if missing == &["entitlements.toml"])
    );
    let done = put(dir.path(), &answers, true).unwrap();
    let after = snapshot(&folder);
    assert!(fs::read_to_string(folder.join("risk.toml")).unwrap().contains("[\"SG\"]"));
    assert!(folder.join("entitlements.toml").exists());
    for (path, was) in &before {
        if path.extension().is_some_and(|e| e == "pem") {
            assert_eq!(after.get(path), Some(was), "{path:?}");
        }
    }
    assert!(done.kept.iter().any(|n| n == "gateway-key.pem"), "{done:?}");
    assert!(done.written.iter().all(|n| !n.ends_with("-key.pem")), "{done:?}");
    checked(&folder.join("gateway.toml"));
    // Authorities on a medium that is offline: settings are written all the same.
    let away = ["gateways-ca-key.pem", "dealers-ca-key.pem", "admins-ca-key.pem"];
    away.iter().for_each(|k| fs::remove_file(folder.join("authorities").join(k)).unwrap());
    put(dir.path(), &example(), true).unwrap();
    // What one of them would have to sign is refused, and nothing changes.
    let admin = ["admins/sylvia.pem", "admins/sylvia-key.pem"];
    admin.iter().for_each(|n| fs::remove_file(folder.join(n)).unwrap());
    let before = snapshot(dir.path());
    let e = put(dir.path(), &example(), true).unwrap_err();
    assert_eq!(e.code(), "init.authority_away", "{e}");
    // Half of a pair is never completed with a stranger.
    fs::write(folder.join("admins/sylvia-key.pem"), "").unwrap();
    assert_eq!(put(dir.path(), &example(), true).unwrap_err().code(), "init.key_alone");
    fs::remove_file(folder.join("admins/sylvia-key.pem")).unwrap();
    assert!(snapshot(dir.path()) == before, "something changed");
}

#[test]
fn a_failure_leaves_nothing_half_made() {
    let dir = TempDir::new().unwrap();
    let folder = dir.path().join("signet");
    // A file is where a folder must be: found when half of the files are in place.
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("dealers-notes.txt"), "mine").unwrap();
    fs::write(folder.join("admins"), "mine").unwrap();
    let before = snapshot(dir.path());
    let e = put(dir.path(), &example(), false).unwrap_err();
    assert_eq!(e.code(), "init.file", "{e}");
    assert!(snapshot(dir.path()) == before, "something was left");
    fs::remove_file(folder.join("admins")).unwrap();
    // The files of an answer do not fit: one authority for desks and dealers cannot be, and a
    // certificate that is no authority is refused before anything is made.
    let mut answers = example();
    answers.dealer[0].ca = "nowhere.pem".into();
    assert_eq!(put(dir.path(), &answers, false).unwrap_err().code(), "init.given_file");
    fs::write(dir.path().join("instruments.toml"), "[[instrument]]\nid = 1\n").unwrap();
    answers = example();
    answers.instruments = "instruments.toml".into();
    let e = put(dir.path(), &answers, false).unwrap_err();
    assert!(e.code() == "init.check" && e.to_string().contains("instruments.toml"), "{e}");
    // An init that was killed is noticed.
    fs::create_dir(dir.path().join(".signet.init")).unwrap();
    assert_eq!(put(dir.path(), &example(), false).unwrap_err().code(), "init.left_over");
    fs::remove_dir(dir.path().join(".signet.init")).unwrap();
    // What is there already stays beside the new files.
    put(dir.path(), &example(), false).unwrap();
    assert_eq!(fs::read_to_string(folder.join("dealers-notes.txt")).unwrap(), "mine");
    checked(&folder.join("gateway.toml"));
}

/// The command as a unit or a shell with a strict umask runs it.
fn gateway_under_umask(config: &Path, args: &[&str]) -> Output {
    let mut sh = Command::new("sh");
    sh.args(["-c", "umask 077; exec \"$@\"", "sh", env!("CARGO_BIN_EXE_signet-gateway")]);
    sh.arg("--config").arg(config).args(args).output().unwrap()
}

/// Answers in a file, with a state directory of the test's own, and the command that takes them.
fn answered(dir: &Path) -> PathBuf {
    let answers = dir.join("answers.toml");
    let set = format!("state_dir = {:?}\n", dir.join("state").display().to_string());
    fs::write(&answers, EXAMPLE.replacen("#state_dir = \"/var/lib/signet\"\n", &set, 1)).unwrap();
    answers
}

/// The gateway runs as another account than the one that makes its files.
#[test]
fn what_others_read_can_be_read_whatever_the_umask_is() {
    let dir = TempDir::new().unwrap();
    let answers = answered(dir.path());
    let folder = dir.path().join("etc");
    let config = folder.join("gateway.toml");
    let out = gateway_under_umask(
        &config,
        &["init", "--yes", "--account", "root", "--answers", answers.to_str().unwrap()],
    );
    assert!(out.status.success(), "{}", text(&out));
    let modes = |when: &str| {
        for (path, (mode, _)) in snapshot(&folder).into_iter().filter(|(p, _)| p.is_file()) {
            let name = path.to_string_lossy().into_owned();
            let want = match (name.ends_with("-key.pem"), name.ends_with(".pem")) {
                (true, _) => 0o600,
                (false, true) => 0o644,
                _ => 0o640,
            };
            assert_eq!(mode, want, "{when}: {name} {mode:o}");
        }
    };
    modes("init");
    let before = fs::read(folder.join("gateway.pem")).unwrap();
    let out = gateway_under_umask(&config, &["certificate", "gateway", "--now"]);
    assert!(out.status.success(), "{}", text(&out));
    assert_ne!(fs::read(folder.join("gateway.pem")).unwrap(), before);
    modes("renewed");
    let issued = folder.join("oscar.pem");
    let order = ["certificate", "admin", "oscar", "--out", issued.to_str().unwrap()];
    let out = gateway_under_umask(&config, &order);
    assert!(out.status.success(), "{}", text(&out));
    modes("issued");
}

/// Certificates that are kept carry the policy by which a laptop counts as managed.
#[test]
fn settings_that_are_written_again_keep_the_policy_that_certificates_carry() {
    let dir = TempDir::new().unwrap();
    let answers = answered(dir.path());
    let config = dir.path().join("etc/gateway.toml");
    let init = |force: bool| {
        let mut all = vec!["init", "--yes", "--account", "root"];
        all.extend(["--answers", answers.to_str().unwrap()]);
        all.extend(force.then_some("--force"));
        gateway(&config, &all)
    };
    let policy = || Config::read(&config).unwrap().enrolment.unwrap().managed_policy.unwrap();
    // There is nothing to keep yet.
    let out = init(true);
    assert!(out.status.success(), "{}", text(&out));
    let first = policy();
    let shown = openssl_text(&dir.path().join("etc/admins/sylvia.pem"));
    assert!(first.starts_with("2.25.") && shown.contains(&first), "{first}: {shown}");
    for _ in 0..2 {
        let out = init(true);
        assert!(out.status.success(), "{}", text(&out));
        assert_eq!(policy(), first);
    }
    // Settings that do not tell: nobody guesses.
    for broken in [Some("not toml ="), Some("[enrolment]\nmanaged_policy = 5\n"), None] {
        match broken {
            Some(text) => fs::write(&config, text).unwrap(),
            None => fs::remove_file(&config).unwrap(),
        }
        let said = text(&init(true));
        assert!(said.contains("managed_policy: is not answered"), "{broken:?}: {said}");
    }
    // An answer counts.
    let given = fs::read_to_string(&answers).unwrap();
    fs::write(&answers, format!("managed_policy = \"1.2.3.4\"\n{given}")).unwrap();
    let out = init(true);
    assert!(out.status.success(), "{}", text(&out));
    assert_eq!(policy(), "1.2.3.4");
}

/// A request as a dealer makes it, with its key in `key`.
fn request(dir: &Path, name: &str) -> PathBuf {
    let csr = dir.join(format!("{name}.csr"));
    let mut c = Command::new("openssl");
    c.args(["req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]);
    c.args(["-subj", "/CN=fix", "-addext", "subjectAltName=DNS:evil.example", "-keyout"]);
    c.arg(dir.join(format!("{name}-key.pem"))).arg("-out").arg(&csr);
    assert!(c.output().unwrap().status.success());
    csr
}

fn openssl_text(certificate: &Path) -> String {
    let mut c = Command::new("openssl");
    let out = c.args(["x509", "-noout", "-text", "-in"]).arg(certificate).output().unwrap();
    assert!(out.status.success());
    String::from_utf8(out.stdout).unwrap()
}

#[test]
fn dealers_and_administrators_get_what_their_profiles_say() {
    let dir = TempDir::new().unwrap();
    request(dir.path(), "north");
    let mut answers = example();
    answers.dealer[0].request = "north.csr".into();
    put(dir.path(), &answers, false).unwrap();
    let folder = dir.path().join("signet");
    let text = openssl_text(&folder.join("dealers/NORTHBANK.pem"));
    assert!(text.contains("URI:spiffe://bank.example/dealer/NORTHBANK"), "{text}");
    assert!(text.contains("DNS:fix.northbank.example") && !text.contains("evil"), "{text}");
    assert!(text.contains("TLS Web Server Authentication"), "{text}");
    assert!(
        !text.contains("Client Authentication") && text.contains("Example Bank dealers"),
        "{text}"
    );
    // Later, one by one.
    let (config, now) = (folder.join("gateway.toml"), OffsetDateTime::now_utc());
    let dealer = |id: &str, out: &str| CertificateOrder::Dealer {
        comp_id: id.into(),
        request: dir.path().join("north.csr"),
        out: dir.path().join(out),
        days: 30,
    };
    issue_certificate(&config, &dealer("HARBOUR", "harbour.pem"), now).unwrap();
    let text = openssl_text(&dir.path().join("harbour.pem"));
    assert!(text.contains("dealer/HARBOUR") && text.contains("DNS:fix.harbour.example"), "{text}");
    let e = issue_certificate(&config, &dealer("NOBODY", "n.pem"), now).unwrap_err();
    assert!(e.code() == "certificate.order" && e.to_string().contains("NOBODY"), "{e}");
    issue_certificate(&config, &dealer("HARBOUR", "harbour.pem"), now).unwrap_err();
    let admin = |id: &str| CertificateOrder::Admin {
        id: id.into(),
        request: None,
        out: dir.path().join("oscar.pem"),
        days: 7,
    };
    let files = issue_certificate(&config, &admin("oscar"), now).unwrap();
    assert_eq!(files.len(), 2);
    let text = openssl_text(&files[0]);
    assert!(text.contains("bank.example/admin/oscar") && text.contains("Policy: 2.25.3"), "{text}");
    assert_eq!(
        issue_certificate(&config, &admin("../x"), now).unwrap_err().code(),
        "certificate.order"
    );
    // The certificate is there: no key stays that belongs to none.
    issue_certificate(&config, &admin("olga"), now).unwrap_err();
    assert!(!dir.path().join("olga-key.pem").exists());
    assert!(dir.path().join("oscar-key.pem").exists());
}

#[test]
fn the_gateways_certificate_renews_itself_and_keeps_its_key() {
    let dir = TempDir::new().unwrap();
    let made = OffsetDateTime::now_utc() - Duration::days(5);
    put_at(dir.path(), &example(), false, made).unwrap();
    let config = dir.path().join("signet/gateway.toml");
    let file = dir.path().join("signet/gateway.pem");
    let (first, key) =
        (fs::read(&file).unwrap(), fs::read(dir.path().join("signet/gateway-key.pem")));
    // Two thirds of 7 days are not over after 4, but after 5.
    let now = OffsetDateTime::now_utc();
    let early = now - Duration::days(1);
    assert!(matches!(renew_gateway(&config, false, &[], early).unwrap(), Renewed::NotYet(_)));
    assert_eq!(fs::read(&file).unwrap(), first);
    let Renewed::Until(until) = renew_gateway(&config, false, &[], now).unwrap() else {
        panic!("not renewed");
    };
    assert!((until - now - Duration::days(7)).abs() < Duration::minutes(1));
    assert_ne!(fs::read(&file).unwrap(), first);
    assert_eq!(fs::read(dir.path().join("signet/gateway-key.pem")).unwrap(), key.unwrap());
    checked(&config);
    // With other names, for a gateway that moves.
    renew_gateway(&config, true, &["rfq.bank.example".into(), "new.example".into()], now).unwrap();
    assert!(openssl_text(&file).contains("DNS:new.example"));
    checked(&config);
    fs::remove_file(dir.path().join("signet/authorities/gateways-ca-key.pem")).unwrap();
    let e = renew_gateway(&config, true, &[], now).unwrap_err();
    assert_eq!(e.code(), "init.authority_away", "{e}");
}

#[test]
fn an_outside_authority_gets_requests_and_its_answer_completes_the_gateway() {
    let dir = TempDir::new().unwrap();
    // The firm's PKI: another bank's authorities serve as one.
    let other = TempDir::new().unwrap();
    put(other.path(), &example(), false).unwrap();
    let pki = other.path().join("signet");
    let mut answers = example();
    answers.outside.gateways = pki.join("gateways-ca.pem").display().to_string();
    answers.outside.admins = pki.join("admins-ca.pem").display().to_string();
    let done = put(dir.path(), &answers, false).unwrap();
    assert_eq!(done.requests, ["gateway.csr", "admins/sylvia.csr"]);
    let folder = dir.path().join("signet");
    assert!(!folder.join("gateway.pem").exists(), "what stood in for it is gone");
    assert!(!folder.join("authorities/gateways-ca-key.pem").exists());
    let same =
        |name: &str| fs::read(folder.join(name)).unwrap() == fs::read(pki.join(name)).unwrap();
    assert!(same("gateways-ca.pem") && same("admins-ca.pem"));
    let config = folder.join("gateway.toml");
    let out = gateway(&config, &["check-config"]);
    assert!(!out.status.success() && text(&out).contains("gateway.pem"), "{}", text(&out));
    // The authority answers.
    let mut sign = Command::new("openssl");
    let extensions = dir.path().join("extensions");
    let names = "subjectAltName=URI:spiffe://bank.example/gateway/SIGNET,DNS:rfq.bank.example\n\
        keyUsage=critical,digitalSignature\nextendedKeyUsage=serverAuth,clientAuth\n\
        basicConstraints=critical,CA:FALSE\nauthorityKeyIdentifier=keyid\n";
    fs::write(&extensions, names).unwrap();
    sign.args(["x509", "-req", "-days", "7", "-in"]).arg(folder.join("gateway.csr"));
    sign.arg("-CA").arg(pki.join("gateways-ca.pem"));
    sign.arg("-CAkey").arg(pki.join("authorities/gateways-ca-key.pem"));
    sign.arg("-extfile").arg(&extensions).arg("-out").arg(folder.join("gateway.pem"));
    assert!(sign.output().unwrap().status.success());
    checked(&config);
    // Settings can be written again afterwards; certificate and key stay.
    let before = fs::read(folder.join("gateway.pem")).unwrap();
    put(dir.path(), &answers, true).unwrap();
    assert_eq!(fs::read(folder.join("gateway.pem")).unwrap(), before);
    checked(&config);
}

#[test]
fn a_dealer_may_bring_an_authority_of_its_own() {
    let dir = TempDir::new().unwrap();
    let other = TempDir::new().unwrap();
    put(other.path(), &example(), false).unwrap();
    let ca = other.path().join("signet/authorities/dealers-ca.pem").display().to_string();
    let mut answers = example();
    for d in &mut answers.dealer {
        d.ca.clone_from(&ca);
    }
    put(dir.path(), &answers, false).unwrap();
    let folder = dir.path().join("signet");
    assert!(!folder.join("authorities/dealers-ca-key.pem").exists(), "nobody needs ours");
    checked(&folder.join("gateway.toml"));
    // Desks and dealers never share an authority, however a file comes to name it.
    answers.dealer[0].ca = folder.join("desks-ca.pem").display().to_string();
    let e = put(dir.path(), &answers, true).unwrap_err();
    assert!(e.code() == "init.check" && e.to_string().contains("authorities of its own"), "{e}");
    checked(&folder.join("gateway.toml"));
}

/// A key set as an identity provider publishes it.
fn key_set(dir: &Path) -> String {
    let key = dir.join("idp.key");
    let mut make = Command::new("openssl");
    make.args(["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out"]);
    assert!(make.arg(&key).output().unwrap().status.success());
    let mut public = Command::new("openssl");
    let out = public.args(["pkey", "-pubout", "-outform", "DER", "-in"]).arg(&key).output();
    let der = out.unwrap().stdout;
    let (x, y) = der[der.len() - 64..].split_at(32);
    let [x, y] = [x, y].map(|n| B64.encode(n));
    format!(
        "{{\"keys\":[{{\"kty\":\"EC\",\"crv\":\"P-256\",\"alg\":\"ES256\",\"kid\":\"k\",\
         \"x\":\"{x}\",\"y\":\"{y}\"}}]}}"
    )
}

/// Every example file is of one bank, and together they are a configuration.
#[test]
fn the_example_files_fit_together() {
    let dir = TempDir::new().unwrap();
    let answers = example();
    put(dir.path(), &answers, false).unwrap();
    let folder = dir.path().join("signet");
    let other = TempDir::new().unwrap();
    put(other.path(), &answers, false).unwrap();
    let ca = fs::read(other.path().join("signet/gateways-ca.pem")).unwrap();
    let write = |name: &str, bytes: &[u8]| {
        fs::write(folder.join(name), bytes).unwrap();
        fs::set_permissions(folder.join(name), fs::Permissions::from_mode(0o600)).unwrap();
    };
    for (name, text) in [
        ("risk.toml", include_str!("../risk.example.toml")),
        ("entitlements.toml", include_str!("../entitlements.example.toml")),
        ("entitlements.cedar", include_str!("../entitlements.example.cedar")),
        ("instruments.toml", include_str!("../instruments.example.toml")),
        ("keys.toml", include_str!("../keys.example.toml")),
        ("signals-bearer", "0123456789abcdef0123456789abcdef\n"),
        ("transmit-token", "0123456789abcdef0123456789abcdef\n"),
    ] {
        write(name, text.as_bytes());
    }
    let maker = signet_softkey::Maker::new("Maker");
    write("yubico-root.pem", maker.pem().as_bytes());
    write("siem-ca.pem", &ca);
    write("idp-ca.pem", &ca);
    write("idp-keys.json", key_set(dir.path()).as_bytes());
    let built = u64::try_from(OffsetDateTime::now_utc().unix_timestamp()).unwrap();
    let countries = signet_test_mmdb::country_file(
        &[("2.0.0.0/16", "GB")],
        built,
        signet_test_mmdb::Form::Nested,
    );
    write("country.mmdb", &countries);
    let systems = signet_test_mmdb::asn_file(
        &[("2.0.0.0/16", 64_500, "Example Net")],
        built,
        signet_test_mmdb::AsnForm::Number,
    );
    write("asn.mmdb", &systems);
    let text = include_str!("../signet-gateway.example.toml");
    let state = dir.path().join("state").display().to_string();
    let etc = folder.display().to_string();
    let text = text.replace("/var/lib/signet", &state).replace("/etc/signet", &etc);
    write("gateway.toml", text.as_bytes());
    checked(&folder.join("gateway.toml"));
    // The answers describe the same bank as the configuration.
    let config = Config::read(&folder.join("gateway.toml")).unwrap();
    let bank = Bank::of(&answers, 7).unwrap();
    assert_eq!(config.gateway.name, format!("{} RFQ", bank.firm));
    assert_eq!(config.gateway.trust_domain, bank.trust_domain);
    assert_eq!(config.enrolment.as_ref().unwrap().public_host, bank.hosts[0]);
    let named = |d: &signet_gateway::config::DealerEntry| {
        (d.comp_id.clone(), d.name.clone(), d.address.clone())
    };
    let dealers: Vec<_> = config.dealer.iter().map(named).collect();
    let answered = bank
        .dealers
        .iter()
        .map(|d| (d.comp_id.clone(), d.name.clone(), format!("{}:{}", d.host, d.port)));
    assert_eq!(dealers, answered.collect::<Vec<_>>());
    let risk: toml::Table = include_str!("../risk.example.toml").parse().unwrap();
    assert_eq!(risk["countries"].as_array().unwrap().len(), bank.countries.len());
    assert!(include_str!("../entitlements.example.toml").contains(&format!("\"{}\"", bank.admin)));
}
