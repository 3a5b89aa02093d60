use super::*;
use crate::stepup::{AskedFor, Authority, KeyTicket};
use signet_registry::{
    CertificateRequest, Claim, CodePurpose, CounterBack, IssuedCertificate, NewCode, NewUser,
    RegistryUrl, code::OneTimeCode,
};
use signet_softkey::{Maker, Quirk, SoftKey, challenge_of};
use signet_stepup::{
    Action, CeremonyKind, Digest, SessionReason, client_data_json,
    rp::{AttestationList, RelyingParty, RpSettings},
};
use std::path::Path;
use tempfile::TempDir;
use zeroize::Zeroizing;

const MODEL: &str = "00112233-4455-6677-8899-aabbccddeeff";
const HERE: [u8; 32] = [1; 32];
const THERE: [u8; 32] = [2; 32];
const HOUR: i64 = 3_600_000;
/// When `alice` was enrolled.
const T0: UtcMillis = UtcMillis(1_000_000);
const SERIAL: &str = "0a";

struct World {
    dir: TempDir,
    maker: Maker,
    service: Service,
    now: Cell<i64>,
}

fn settings(maker: &Maker, models: &[(&str, &str)]) -> StepUp {
    let list = AttestationList::from_toml(&maker.list(models), Path::new("/")).unwrap();
    let rp = RpSettings {
        rp_id: "stepup.bank.example".into(),
        origin: None,
        name: "Bank".into(),
        timeout: Duration::from_secs(60),
    };
    StepUp {
        relying_party: RelyingParty::new(&rp, list).unwrap(),
        first_key_ms: HOUR,
        answer_ms: 60_000,
        counter_back: CounterBack::default(),
    }
}

async fn open(dir: &TempDir) -> Registry {
    Registry::open(&RegistryUrl::parse("sqlite:r.db", dir.path(), None).unwrap()).await.unwrap()
}

impl World {
    /// `alice`, enrolled at [`T0`] with the certificate [`SERIAL`], and `bob`.
    async fn new() -> Self {
        let (dir, maker) = (tempfile::tempdir().unwrap(), Maker::new("Maker"));
        let registry = open(&dir).await;
        let user = |id: &str| NewUser {
            id: id.into(),
            comp_id: id.to_uppercase(),
            name: "Somebody".into(),
            role: "standard".into(),
            protection: "keychain".into(),
        };
        let code = |digest: &str| NewCode {
            digest: digest.into(),
            expires: UtcMillis(T0.0 + HOUR),
            managed: false,
        };
        let users = [(user("alice"), code("a")), (user("bob"), code("b"))];
        registry.add_users(&users, "test", UtcMillis(T0.0 - 1)).await.unwrap();
        enrol(&registry, "a", SERIAL).await;
        let service = Service::new(registry, settings(&maker, &[(MODEL, "Test key")]));
        Self { dir, maker, service, now: Cell::new(T0.0) }
    }

    /// With a key of `alice`.
    async fn with_key() -> (Self, SoftKey) {
        let w = Self::new().await;
        let mut key = w.maker.key(MODEL);
        w.register(&mut key, "blue", Authority::ByCode(None)).await.unwrap();
        (w, key)
    }

    fn now(&self) -> UtcMillis {
        UtcMillis(self.now.get())
    }

    fn later(&self, ms: i64) {
        self.now.set(self.now.get() + ms);
    }

    async fn begin_key(
        &self,
        name: &str,
        authority: Authority,
    ) -> Result<Challenge, StepUpRefusal> {
        let ticket = KeyTicket {
            user: "alice".into(),
            desk: "ALICE".into(),
            exporter: HERE,
            serial: SERIAL.into(),
            key_name: name.into(),
            authority,
        };
        self.service.begin_registration(ticket, self.now()).await
    }

    async fn register(
        &self,
        key: &mut SoftKey,
        name: &str,
        authority: Authority,
    ) -> Result<KeyView, StepUpRefusal> {
        let c = self.begin_key(name, authority).await?;
        let data = client_data_json(
            CeremonyKind::Register,
            &challenge_of(&c.options),
            "https://stepup.bank.example",
            None,
        );
        let answer = key.register(&c.options, &data);
        self.service.finish_registration(&c.id, "ALICE", HERE, &answer, self.now()).await
    }

    async fn begin(&self, action: Action) -> Result<Challenge, StepUpRefusal> {
        self.service.begin(ticket(action, UtcMillis(self.now.get() + 60_000)), self.now()).await
    }

    async fn answer(&self, c: &Challenge, answer: &str) -> Result<Passed, StepUpRefusal> {
        self.service.finish(&c.id, "ALICE", HERE, answer, self.now()).await
    }

    async fn step_up(&self, key: &mut SoftKey, action: Action) -> Result<Passed, StepUpRefusal> {
        let c = self.begin(action.clone()).await?;
        self.answer(&c, &sign(key, &c, action, HERE)).await
    }

    async fn key_code(&self, random: u8) -> Authority {
        let code = OneTimeCode::new([random; 16]);
        let new = NewCode {
            digest: code.digest_for(CodePurpose::Key),
            expires: UtcMillis(self.now.get() + HOUR),
            managed: false,
        };
        self.service.registry.add_key_code("alice", &new, "test", self.now()).await.unwrap();
        Authority::ByCode(Some(code.shown()))
    }

    async fn kinds(&self) -> Vec<String> {
        self.service.registry.events().await.unwrap().0.into_iter().map(|e| e.kind).collect()
    }

    async fn evidence_count(&self) -> i64 {
        self.service.registry.verify_evidence().await.unwrap().unwrap()
    }
}

/// `alice` redeems a code and gets a certificate.
async fn enrol(registry: &Registry, digest: &str, serial: &str) {
    let ask = CertificateRequest {
        common_name: "laptop".into(),
        device: "laptop".into(),
        key: format!("key of {serial}"),
    };
    let Claim::Issue(order) =
        registry.claim_by_code("alice", Some(digest), &ask, T0).await.unwrap()
    else {
        panic!()
    };
    let issued = IssuedCertificate {
        serial: serial.into(),
        not_before: T0,
        not_after: UtcMillis(T0.0 + 24 * HOUR),
        der: vec![1],
    };
    registry.complete(&order, &issued, "test", T0).await.unwrap();
}

fn logon() -> Action {
    Action::Session(SessionReason::Logon)
}

fn approval(action: Action) -> Approval {
    Approval { gateway: "GW".into(), desk: "ALICE".into(), approver: "ALICE".into(), action }
}

fn ticket(action: Action, deadline: UtcMillis) -> Ticket {
    Ticket {
        user: "alice".into(),
        desk: "ALICE".into(),
        exporter: HERE,
        approval: approval(action),
        policy: "p1".into(),
        deadline,
        asked: "{\"reason\":\"accept\",\"rules\":[],\"policy\":null}".into(),
    }
}

fn sign(key: &mut SoftKey, c: &Challenge, action: Action, exporter: [u8; 32]) -> String {
    sign_for(key, c, &Context { approval: approval(action).digest().unwrap(), exporter })
}

fn sign_for(key: &mut SoftKey, c: &Challenge, context: &Context) -> String {
    let data = client_data_json(
        CeremonyKind::Sign,
        &challenge_of(&c.options),
        "https://stepup.bank.example",
        Some(context),
    );
    key.sign(&c.options, &data).unwrap()
}

fn run(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test);
}

#[test]
fn a_first_key_and_a_step_up_with_evidence() {
    run(async {
        let w = World::new().await;
        let version = w.service.registry.version().await.unwrap();
        assert_eq!(w.begin(logon()).await, Err(StepUpRefusal::NoKey));
        let mut key = w.maker.key(MODEL);
        let made = w.register(&mut key, "blue", Authority::ByCode(None)).await.unwrap();
        assert_eq!(
            (made.name.as_str(), made.model.as_str(), made.state),
            ("blue", "Test key", KeyState::Active)
        );
        w.later(5);
        let passed = w.step_up(&mut key, logon()).await.unwrap();
        assert_eq!(passed, Passed { evidence_seq: 1, key_name: "blue".into() });
        let keys = w.service.keys("alice").await.unwrap();
        assert_eq!(keys, [KeyView { last_used: w.now(), ..made }]);
        assert_eq!(w.step_up(&mut key, logon()).await.unwrap().evidence_seq, 2);
        assert_eq!(w.evidence_count().await, 2);

        let row = w.service.registry.evidence_by_seq(1).await.unwrap().unwrap();
        let record = Evidence::from_json(&row.record).unwrap();
        assert_eq!(record.verify(), Ok(()));
        assert_eq!(
            (record.user.as_str(), record.policy.as_str(), record.key_name.as_str()),
            ("alice", "p1", "blue")
        );
        assert_eq!(record.approval, approval(logon()).text().unwrap());
        // Nobody's admission depends on it, so no gateway reads its view again.
        assert_eq!(w.service.registry.version().await.unwrap(), version);
        let kinds = w.kinds().await;
        assert_eq!(&kinds[kinds.len() - 3..], ["key.registered", "stepup.passed", "stepup.passed"]);
        // What a gateway does not hand to the SIEM itself is read from here.
        let (rows, _) = w.service.registry.events().await.unwrap();
        for row in rows {
            assert_eq!(row.origin, "", "{}", row.kind);
            let asked = AskedFor::at_end_of(&row.detail);
            let want = (row.kind == "stepup.passed").then(|| "accept".to_owned());
            assert_eq!(asked.reason, want, "{}", row.detail);
            let issued = (row.kind == "certificate.issued").then_some(SERIAL);
            assert_eq!(row.certificate(), issued, "{}", row.detail);
        }
    });
}

#[test]
fn who_may_register_a_first_key() {
    run(async {
        let w = World::new().await;
        w.later(HOUR);
        assert_eq!(
            w.begin_key("k", Authority::ByCode(None)).await,
            Err(StepUpRefusal::CodeNeeded),
            "the hour is over"
        );
        w.later(-1);
        let other = KeyTicket {
            user: "alice".into(),
            desk: "ALICE".into(),
            exporter: HERE,
            serial: "0b".into(),
            key_name: "k".into(),
            authority: Authority::ByCode(None),
        };
        let of_bob = KeyTicket { user: "bob".into(), serial: SERIAL.into(), ..other.clone() };
        for t in [other, of_bob] {
            assert_eq!(
                w.service.begin_registration(t, w.now()).await,
                Err(StepUpRefusal::CodeNeeded),
                "not this certificate"
            );
        }
        let mut key = w.maker.key(MODEL);
        w.register(&mut key, "blue", Authority::ByCode(None)).await.unwrap();
        assert_eq!(
            w.begin_key("k", Authority::ByCode(None)).await,
            Err(StepUpRefusal::KeyNeeded),
            "there is one now"
        );
        // After a reset the enrolment counts no more: a code is needed, once.
        w.service.registry.reset_keys("alice", "lost", "admin", w.now()).await.unwrap();
        assert_eq!(w.begin_key("k", Authority::ByCode(None)).await, Err(StepUpRefusal::CodeNeeded));
        let (first, second) = (w.key_code(1).await, w.key_code(2).await);
        assert_eq!(w.begin_key("k", first).await, Err(StepUpRefusal::CodeReplaced));
        w.register(&mut key, "green", second.clone()).await.unwrap();
        assert_eq!(w.begin_key("k", second.clone()).await, Err(StepUpRefusal::KeyNeeded));
        w.service.registry.reset_keys("alice", "lost", "admin", w.now()).await.unwrap();
        assert_eq!(w.begin_key("k", second).await, Err(StepUpRefusal::CodeUsed));
        let third = w.key_code(3).await;
        w.later(HOUR);
        assert_eq!(w.begin_key("k", third).await, Err(StepUpRefusal::CodeExpired));
    });
}

#[test]
fn an_enrolment_code_is_no_key_code_and_the_other_way_round() {
    run(async {
        let w = World::new().await;
        let code = OneTimeCode::new([7; 16]);
        let new =
            NewCode { digest: code.digest(), expires: UtcMillis(T0.0 + HOUR), managed: false };
        w.service.registry.add_code("alice", &new, "test", w.now()).await.unwrap();
        assert_eq!(
            w.begin_key("k", Authority::ByCode(Some(code.shown()))).await,
            Err(StepUpRefusal::CodeWrong)
        );
        w.key_code(8).await;
        let ask =
            CertificateRequest { common_name: "l".into(), device: "l".into(), key: "k".into() };
        let digest = OneTimeCode::new([8; 16]).digest_for(CodePurpose::Key);
        assert!(
            w.service.registry.claim_by_code("alice", Some(&digest), &ask, w.now()).await.is_err()
        );
    });
}

#[test]
fn codes_are_not_guessed() {
    run(async {
        let w = World::new().await;
        let good = w.key_code(1).await;
        let wrong = || Authority::ByCode(Some(Zeroizing::new("not a code".into())));
        for _ in 0..5 {
            assert_eq!(w.begin_key("k", wrong()).await, Err(StepUpRefusal::CodeWrong));
        }
        assert!(
            matches!(w.begin_key("k", good.clone()).await, Err(StepUpRefusal::RateLimited(s)) if s > 0)
        );
        w.later(CODE_WINDOW_MS);
        assert!(w.begin_key("k", good).await.is_ok());
        assert_eq!(w.kinds().await.iter().filter(|k| *k == "stepup.refused").count(), 6);
    });
}

#[test]
fn a_grant_that_went_away_before_the_answer_counts_no_more() {
    run(async {
        let w = World::new().await;
        let mut key = w.maker.key(MODEL);
        let data = |c: &Challenge| {
            client_data_json(
                CeremonyKind::Register,
                &challenge_of(&c.options),
                "https://stepup.bank.example",
                None,
            )
        };
        // Two challenges on one ground: the second answer finds a key there.
        let (a, b) = (
            w.begin_key("a", Authority::ByCode(None)).await.unwrap(),
            w.begin_key("b", Authority::ByCode(None)).await.unwrap(),
        );
        let (first, second) =
            (key.register(&a.options, &data(&a)), key.register(&b.options, &data(&b)));
        assert!(w.service.finish_registration(&a.id, "ALICE", HERE, &first, w.now()).await.is_ok());
        assert_eq!(
            w.service.finish_registration(&b.id, "ALICE", HERE, &second, w.now()).await,
            Err(StepUpRefusal::CodeNeeded)
        );
        // The same with a code that is replaced meanwhile.
        w.service.registry.reset_keys("alice", "lost", "admin", w.now()).await.unwrap();
        let code = w.key_code(1).await;
        let c = w.begin_key("c", code).await.unwrap();
        w.key_code(2).await;
        let answer = key.register(&c.options, &data(&c));
        assert_eq!(
            w.service.finish_registration(&c.id, "ALICE", HERE, &answer, w.now()).await,
            Err(StepUpRefusal::CodeNeeded)
        );
        assert_eq!(w.service.keys("alice").await, Ok(vec![]));
    });
}

#[test]
fn another_key_takes_a_step_up_with_the_first() {
    run(async {
        let (w, mut key) = World::with_key().await;
        let name = |n: &str| Action::RegisterKey { name: n.into() };
        let mut other = w.maker.key(MODEL);
        let by = |seq| Authority::ByKey { evidence_seq: seq };
        assert_eq!(
            w.begin_key("green", by(1)).await,
            Err(StepUpRefusal::KeyNeeded),
            "nothing was passed"
        );
        let seq = w.step_up(&mut key, logon()).await.unwrap().evidence_seq;
        assert_eq!(
            w.begin_key("green", by(seq)).await,
            Err(StepUpRefusal::KeyNeeded),
            "that was for something else"
        );
        let seq = w.step_up(&mut key, name("green")).await.unwrap().evidence_seq;
        assert_eq!(
            w.begin_key("red", by(seq)).await,
            Err(StepUpRefusal::KeyNeeded),
            "another name"
        );
        let seq = w.step_up(&mut key, name("green")).await.unwrap().evidence_seq;
        w.later(120_001);
        assert_eq!(w.begin_key("green", by(seq)).await, Err(StepUpRefusal::KeyNeeded), "too late");
        let seq = w.step_up(&mut key, name("green")).await.unwrap().evidence_seq;
        w.register(&mut other, "green", by(seq)).await.unwrap();
        assert_eq!(w.begin_key("black", by(seq)).await, Err(StepUpRefusal::KeyNeeded), "once");
        // Either key counts from now on.
        w.step_up(&mut other, logon()).await.unwrap();
        w.step_up(&mut key, logon()).await.unwrap();
        let elsewhere =
            |t: KeyTicket, desk: &str, exporter| KeyTicket { desk: desk.into(), exporter, ..t };
        for (desk, exporter) in [("BOB", HERE), ("ALICE", THERE)] {
            let seq = w.step_up(&mut key, name("red")).await.unwrap().evidence_seq;
            let t = KeyTicket {
                user: "alice".into(),
                desk: String::new(),
                exporter: HERE,
                serial: SERIAL.into(),
                key_name: "red".into(),
                authority: by(seq),
            };
            let done = w.service.begin_registration(elsewhere(t, desk, exporter), w.now()).await;
            assert_eq!(done, Err(StepUpRefusal::KeyNeeded), "{desk}");
        }
    });
}

#[test]
fn names_of_keys() {
    run(async {
        let (w, mut key) = World::with_key().await;
        // Keys are listed by age.
        w.later(1);
        let seq = w
            .step_up(&mut key, Action::RegisterKey { name: "green".into() })
            .await
            .unwrap()
            .evidence_seq;
        w.register(&mut w.maker.key(MODEL), "green", Authority::ByKey { evidence_seq: seq })
            .await
            .unwrap();
        let (blue, green) = (
            w.service.keys("alice").await.unwrap()[0].clone(),
            w.service.keys("alice").await.unwrap()[1].clone(),
        );
        for bad in ["", " x", "a\nb", &"x".repeat(41), "GREEN"] {
            assert!(
                matches!(
                    w.service.rename("alice", &blue.id, bad, w.now()).await,
                    Err(StepUpRefusal::KeyName(_))
                ),
                "{bad:?}"
            );
            assert!(
                matches!(
                    w.begin_key(bad, Authority::ByCode(None)).await,
                    Err(StepUpRefusal::KeyName(_))
                ),
                "{bad:?}"
            );
        }
        assert_eq!(
            w.service.rename("alice", &green.id, "Green", w.now()).await.unwrap().name,
            "Green",
            "its own name in capitals"
        );
        assert_eq!(
            w.service.rename("bob", &blue.id, "mine", w.now()).await,
            Err(StepUpRefusal::NoSuchKey)
        );
        assert_eq!(
            w.service.rename("alice", "0123", "mine", w.now()).await,
            Err(StepUpRefusal::NoSuchKey)
        );
    });
}

#[test]
fn a_challenge_is_answered_once_here_and_in_time() {
    run(async {
        let (w, mut key) = World::with_key().await;
        let c = w.begin(logon()).await.unwrap();
        let answer = sign(&mut key, &c, logon(), HERE);
        assert!(w.answer(&c, &answer).await.is_ok());
        assert_eq!(w.answer(&c, &answer).await, Err(StepUpRefusal::NotOpen), "replayed");
        for (name, desk, exporter, wait, want) in [
            ("another desk", "BOB", HERE, 0, StepUpRefusal::NotYours),
            ("relayed over another connection", "ALICE", THERE, 0, StepUpRefusal::NotYours),
            ("late", "ALICE", HERE, 60_001, StepUpRefusal::Late),
        ] {
            let c = w.begin(logon()).await.unwrap();
            let answer = sign(&mut key, &c, logon(), HERE);
            w.later(wait);
            assert_eq!(
                w.service.finish(&c.id, desk, exporter, &answer, w.now()).await,
                Err(want),
                "{name}"
            );
            assert_eq!(
                w.answer(&c, &answer).await,
                Err(StepUpRefusal::NotOpen),
                "{name}: and gone"
            );
        }
        let c = w.begin(logon()).await.unwrap();
        w.later(60_000);
        assert!(w.answer(&c, &sign(&mut key, &c, logon(), HERE)).await.is_ok(), "at the deadline");
        // Taken back.
        let c = w.begin(logon()).await.unwrap();
        w.service.answer(Request::Drop(c.id.clone())).await;
        assert_eq!(
            w.answer(&c, &sign(&mut key, &c, logon(), HERE)).await,
            Err(StepUpRefusal::NotOpen)
        );
        // A gateway that was restarted knows nothing of it.
        let c = w.begin(logon()).await.unwrap();
        let again =
            Service::new(w.service.registry.clone(), settings(&w.maker, &[(MODEL, "Test key")]));
        let done =
            again.finish(&c.id, "ALICE", HERE, &sign(&mut key, &c, logon(), HERE), w.now()).await;
        assert_eq!(done, Err(StepUpRefusal::NotOpen));
        // An answer to one kind of challenge is none to the other.
        let c = w.begin(logon()).await.unwrap();
        let done = w
            .service
            .finish_registration(&c.id, "ALICE", HERE, &sign(&mut key, &c, logon(), HERE), w.now())
            .await;
        assert_eq!(done, Err(StepUpRefusal::NotOpen));
        assert_eq!(w.evidence_count().await, 2);
    });
}

#[test]
fn deadlines_are_cut_to_what_is_configured() {
    run(async {
        let (w, _) = World::with_key().await;
        let begin = async |at: i64| {
            w.service.begin(ticket(logon(), UtcMillis(at)), w.now()).await.map(|c| c.deadline.0)
        };
        assert_eq!(begin(T0.0 + 10).await, Ok(T0.0 + 10));
        assert_eq!(begin(T0.0 + HOUR).await, Ok(T0.0 + 60_000));
        assert_eq!(begin(T0.0 - 1).await, Err(StepUpRefusal::Late));
    });
}

#[test]
fn table_of_answers_that_do_not_count() {
    run(async {
        let (w, mut key) = World::with_key().await;
        let right = Context { approval: approval(logon()).digest().unwrap(), exporter: HERE };
        for (name, quirk, context, want) in [
            (
                "another approval",
                None,
                Context { approval: Digest([9; 32]), ..right },
                RpError::ApprovalDiffers,
            ),
            (
                "another connection",
                None,
                Context { exporter: THERE, ..right },
                RpError::OtherConnection,
            ),
            ("no PIN", Some(Quirk::NoUserVerification), right, RpError::NotVerified),
            ("no touch", Some(Quirk::NoUserPresence), right, RpError::NotPresent),
        ] {
            let c = w.begin(logon()).await.unwrap();
            key.quirk = quirk;
            let answer = sign_for(&mut key, &c, &context);
            key.quirk = None;
            assert_eq!(w.answer(&c, &answer).await, Err(StepUpRefusal::Answer(want)), "{name}");
        }
        // The connection is the one of the challenge, whichever that is.
        for (signed, want) in
            [(HERE, Err(StepUpRefusal::Answer(RpError::OtherConnection))), (THERE, Ok(1))]
        {
            let there = Ticket { exporter: THERE, ..ticket(logon(), UtcMillis(T0.0 + 10)) };
            let c = w.service.begin(there, w.now()).await.unwrap();
            let answer = sign(&mut key, &c, logon(), signed);
            let done = w.service.finish(&c.id, "ALICE", THERE, &answer, w.now()).await;
            assert_eq!(done.map(|p| p.evidence_seq), want);
        }
        assert_eq!(w.evidence_count().await, 1);
        assert_eq!(w.kinds().await.iter().filter(|k| *k == "stepup.refused").count(), 5);
        assert!(w.step_up(&mut key, logon()).await.is_ok(), "the key is none the worse");
    });
}

#[test]
fn a_counter_that_goes_back_locks_the_key() {
    run(async {
        let (w, mut key) = World::with_key().await;
        w.step_up(&mut key, logon()).await.unwrap();
        key.quirk = Some(Quirk::CounterBack);
        let went_back =
            |e| matches!(e, Err(StepUpRefusal::Answer(RpError::CounterWentBack { .. })));
        assert!(went_back(w.step_up(&mut key, logon()).await));
        assert_eq!(w.begin(logon()).await, Err(StepUpRefusal::NoUsableKey("locked")));
        assert_eq!(w.service.keys("alice").await.unwrap()[0].state, KeyState::Locked);
        assert!(w.kinds().await.contains(&"key.counter_went_back".into()));
        // Also when each challenge alone looks good: the newest state counts.
        let (w, mut key) = World::with_key().await;
        let (a, b) = (w.begin(logon()).await.unwrap(), w.begin(logon()).await.unwrap());
        let (first, second) =
            (sign(&mut key, &a, logon(), HERE), sign(&mut key, &b, logon(), HERE));
        assert!(w.answer(&b, &second).await.is_ok());
        assert!(went_back(w.answer(&a, &first).await));
        assert_eq!(w.service.keys("alice").await.unwrap()[0].state, KeyState::Locked);
        assert_eq!(w.evidence_count().await, 1);
    });
}

#[test]
fn a_counter_that_goes_back_is_refused_and_told_also_where_the_key_stays_usable() {
    run(async {
        let (mut w, mut key) = World::with_key().await;
        let settings = settings(&w.maker, &[(MODEL, "Test key")]);
        let settings = StepUp { counter_back: CounterBack::Refuse, ..settings };
        w.service = Service::new(w.service.registry.clone(), settings);
        let went_back = Err("stepup.counter_went_back");
        w.step_up(&mut key, logon()).await.unwrap();
        // Each challenge alone looks good; the newest state counts.
        let (a, b) = (w.begin(logon()).await.unwrap(), w.begin(logon()).await.unwrap());
        let first = sign(&mut key, &a, logon(), HERE);
        let second = sign(&mut key, &b, logon(), HERE);
        assert!(w.answer(&b, &second).await.is_ok());
        assert_eq!(w.answer(&a, &first).await.map_err(|e| e.code()), went_back);
        assert!(w.step_up(&mut key, logon()).await.is_ok(), "the key is usable");
        key.quirk = Some(Quirk::CounterBack);
        assert_eq!(w.step_up(&mut key, logon()).await.map_err(|e| e.code()), went_back);
        assert!(w.begin(logon()).await.is_ok(), "and still");
        assert_eq!(w.service.keys("alice").await.unwrap()[0].state, KeyState::Active);
        let told = w.kinds().await;
        assert_eq!(told.iter().filter(|k| *k == "key.counter_went_back").count(), 2);
        assert_eq!(w.evidence_count().await, 3, "no refused answer is evidence");
    });
}

#[test]
fn what_is_locked_meanwhile_does_not_count() {
    run(async {
        let (w, mut key) = World::with_key().await;
        let which = KeySelector { user: "alice".into(), key: "blue".into() };
        let set = async |state| {
            w.service.registry.set_key_state(&which, state, "", "admin", w.now()).await.unwrap()
        };
        let c = w.begin(logon()).await.unwrap();
        set(KeyState::Locked).await;
        let done = w.answer(&c, &sign(&mut key, &c, logon(), HERE)).await;
        assert_eq!(done, Err(StepUpRefusal::NoUsableKey("it was locked or removed")));
        set(KeyState::Active).await;
        let c = w.begin(logon()).await.unwrap();
        w.service
            .registry
            .set_user_state("alice", AccountState::Locked, "admin", w.now())
            .await
            .unwrap();
        assert_eq!(
            w.answer(&c, &sign(&mut key, &c, logon(), HERE)).await,
            Err(StepUpRefusal::UserLocked)
        );
        assert_eq!(w.begin(logon()).await, Err(StepUpRefusal::UserLocked));
        w.service
            .registry
            .set_user_state("alice", AccountState::Active, "admin", w.now())
            .await
            .unwrap();
        w.step_up(&mut key, logon()).await.unwrap();
        set(KeyState::Removed).await;
        assert_eq!(w.begin(logon()).await, Err(StepUpRefusal::NoKey));
        assert_eq!(w.evidence_count().await, 1, "and stays");
    });
}

#[test]
fn a_model_that_was_withdrawn_is_not_asked_any_more() {
    run(async {
        let (mut w, mut key) = World::with_key().await;
        w.service = Service::new(
            w.service.registry.clone(),
            settings(&w.maker, &[("10112233-4455-6677-8899-aabbccddeeff", "Newer")]),
        );
        assert_eq!(
            w.begin(logon()).await,
            Err(StepUpRefusal::NoUsableKey("their models are no longer approved"))
        );
        w.service =
            Service::new(w.service.registry.clone(), settings(&w.maker, &[(MODEL, "Test key")]));
        assert!(w.step_up(&mut key, logon()).await.is_ok());
    });
}

#[test]
fn what_cannot_be_asked_is_said() {
    run(async {
        let (w, _) = World::with_key().await;
        let mut t = ticket(logon(), UtcMillis(T0.0 + 10));
        t.approval.approver = "BOB".into();
        assert!(
            matches!(w.service.begin(t, w.now()).await, Err(StepUpRefusal::BadApproval(_))),
            "another desk's"
        );
        let mut t = ticket(logon(), UtcMillis(T0.0 + 10));
        t.approval.gateway = "a\nb".into();
        assert!(
            matches!(w.service.begin(t, w.now()).await, Err(StepUpRefusal::BadApproval(_))),
            "no text"
        );
        for _ in 0..crate::stepup::pending::PER_DESK_MAX {
            w.begin(logon()).await.unwrap();
        }
        assert_eq!(w.begin(logon()).await, Err(StepUpRefusal::TooManyOpen));
        // The desk connects again: challenges of the old connection can no longer be answered, so
        // none of them counts.
        let t = Ticket { exporter: THERE, ..ticket(logon(), UtcMillis(T0.0 + 10)) };
        assert!(w.service.begin(t, w.now()).await.is_ok());
        w.service.registry.clone().close().await;
        assert_eq!(w.begin(logon()).await, Err(StepUpRefusal::Unavailable));
        assert!(w.dir.path().exists());
    });
}

/// The way the trading thread goes, with the real clock: only that each question reaches its
/// answer.
#[test]
fn questions_reach_the_service_and_come_back() {
    use crate::stepup::StepUpHandle;
    run(async {
        let (w, mut key) = World::with_key().await;
        let (handle, requests) = StepUpHandle::new("https://stepup.bank.example");
        let World { service, dir, .. } = w;
        let done = tokio::task::LocalSet::new();
        let serving = done.spawn_local(Rc::new(service).serve(requests));
        done.run_until(async {
            assert_eq!(handle.keys("alice").await.unwrap().len(), 1);
            let deadline = UtcMillis(crate::clock::now().0 + HOUR);
            let c = handle.begin(ticket(logon(), deadline)).await.unwrap();
            let passed = handle
                .finish(&c.id, "ALICE", HERE, sign(&mut key, &c, logon(), HERE))
                .await
                .unwrap();
            assert_eq!(passed.key_name, "blue");
            let c = handle.begin(ticket(logon(), deadline)).await.unwrap();
            handle.drop_challenge(&c.id);
            assert_eq!(
                handle.finish(&c.id, "ALICE", HERE, "{}".into()).await,
                Err(StepUpRefusal::NotOpen)
            );
            let long = "x".repeat(crate::stepup::ANSWER_LEN_MAX + 1);
            assert_eq!(
                handle.finish(&c.id, "ALICE", HERE, long).await,
                Err(StepUpRefusal::Answer(RpError::AnswerTooLong))
            );
            let id = handle.keys("alice").await.unwrap()[0].id.clone();
            assert_eq!(handle.rename("alice", &id, "red").await.unwrap().name, "red");
            serving.abort();
            let _ = serving.await;
            assert_eq!(handle.keys("alice").await, Err(StepUpRefusal::Unavailable));
        })
        .await;
        drop(dir);
    });
}

#[test]
fn a_queue_that_is_full_says_so_at_once() {
    use crate::stepup::StepUpHandle;
    run(async {
        let (handle, requests) = StepUpHandle::new("https://stepup.bank.example");
        for n in 0..REQUESTS_MAX {
            handle.drop_challenge(&n.to_string());
        }
        assert_eq!(handle.keys("alice").await, Err(StepUpRefusal::Busy));
        drop(requests);
        assert_eq!(handle.keys("alice").await, Err(StepUpRefusal::Unavailable));
    });
}

/// What is open cannot be looked at, so that its answer panics.
#[test]
fn a_question_whose_answer_panics_keeps_no_place() {
    use crate::stepup::StepUpHandle;
    run(async {
        let World { service, dir, .. } = World::new().await;
        let service = Rc::new(service);
        std::mem::forget(service.open.borrow_mut());
        let done = tokio::task::LocalSet::new();
        done.run_until(async {
            for (taken, want) in
                [(WORKING_MAX - 1, Ok(vec![])), (WORKING_MAX, Err(StepUpRefusal::Busy))]
            {
                service.working.set(taken);
                let (handle, requests) = StepUpHandle::new("https://stepup.bank.example");
                let serving = tokio::task::spawn_local(service.clone().serve(requests));
                handle.drop_challenge("x");
                tokio::task::yield_now().await;
                tokio::task::yield_now().await;
                assert_eq!(handle.keys("alice").await, want, "{taken}");
                serving.abort();
            }
        })
        .await;
        drop(dir);
    });
}
