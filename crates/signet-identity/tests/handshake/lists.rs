//! Revocation lists as authorities really publish them (RFC 5280 §5, §6.3), by clause. A revoked
//! desk never gets in while a list that names it is present; one odd list takes nothing from the
//! others.

use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose, SanType,
};
use rcgen::{CustomExtension, SigningKey as _};
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::pki_types::{
    CertificateDer, CertificateRevocationListDer, PrivateKeyDer, PrivatePkcs8KeyDer,
};
use rustls::sign::CertifiedKey;
use signet_identity::{CertificateFacts, Crls, Refusal, Revocation, ServerProfile, TrustRoots};
use time::{Duration, OffsetDateTime};

use crate::pair::{gateway, pki};

/// An authority of a name, and what it issues.
pub struct Authority(pub CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub fn new(name: &str) -> Self {
        Self::with(name, |_| ())
    }

    pub fn with(name: &str, change: impl FnOnce(&mut CertificateParams)) -> Self {
        let mut params = authority_params(name);
        change(&mut params);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    pub fn der(&self) -> CertificateDer<'static> {
        self.0.der().clone()
    }

    /// A desk's certificate and key; `above` is what it shows besides.
    pub fn desk(
        &self,
        above: &[CertificateDer<'static>],
        change: impl FnOnce(&mut CertificateParams),
    ) -> Arc<CertifiedKey> {
        let mut params = CertificateParams::default();
        params.subject_alt_names =
            vec![SanType::URI("spiffe://practice.signet.example/desk/TRADER1".try_into().unwrap())];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let leaf = params.signed_by(&key, &self.0).unwrap().der().clone();
        let signing =
            any_supported_type(&PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der())))
                .unwrap();
        Arc::new(CertifiedKey::new([&[leaf][..], above].concat(), signing))
    }
}

pub fn authority_params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

pub fn extension(oid: &[u64], critical: bool, value: Vec<u8>) -> CustomExtension {
    let mut e = CustomExtension::from_oid_content(oid, value);
    e.set_criticality(critical);
    e
}

pub fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let n = content.len();
    let length = match n {
        0..128 => vec![n as u8],
        128..256 => vec![0x81, n as u8],
        _ => vec![0x82, (n >> 8) as u8, n as u8],
    };
    [vec![tag], length, content].concat()
}

const SEQUENCE: u8 = 0x30;
const OCTETS: u8 = 0x04;
const IDP: &[u8] = &[0x55, 0x1d, 0x1c];
const DELTA: &[u8] = &[0x55, 0x1d, 0x1b];
const AKI: &[u8] = &[0x55, 0x1d, 0x23];
const NUMBER: &[u8] = &[0x55, 0x1d, 0x14];
const UNHEARD_OF: &[u8] = &[0x55, 0x87, 0x67];

fn ext(oid: &[u8], critical: bool, value: &[u8]) -> Vec<u8> {
    let critical = if critical { tlv(1, &[&[0xff]]) } else { vec![] };
    tlv(SEQUENCE, &[&tlv(6, &[oid]), &critical, &tlv(OCTETS, &[value])])
}

/// A list, written octet by octet as RFC 5280 §5.1 has it: no library makes the odd ones.
#[derive(Clone)]
pub struct List {
    pub this_update: OffsetDateTime,
    pub next_update: OffsetDateTime,
    pub number: u8,
    pub revoked: Vec<CertificateDer<'static>>,
    pub extensions: Vec<Vec<u8>>,
    pub entry_extensions: Vec<u8>,
    pub version_2: bool,
}

impl List {
    pub fn of(revoked: &[&CertificateDer<'static>]) -> Self {
        let now = OffsetDateTime::now_utc();
        Self {
            this_update: now - Duration::hours(2),
            next_update: now + Duration::days(1),
            number: 1,
            revoked: revoked.iter().map(|c| (*c).clone()).collect(),
            extensions: vec![],
            entry_extensions: vec![],
            version_2: true,
        }
    }

    pub fn by(&self, authority: &Authority) -> CertificateRevocationListDer<'static> {
        let algorithm = tlv(SEQUENCE, &[&tlv(6, &[&[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2]])]);
        let entries: Vec<u8> = self.revoked.iter().flat_map(|c| self.entry(c)).collect();
        let entries = if entries.is_empty() { vec![] } else { tlv(SEQUENCE, &[&entries]) };
        let mut extensions = vec![ext(NUMBER, false, &tlv(2, &[&[self.number]]))];
        extensions.push(ext(
            AKI,
            false,
            &tlv(SEQUENCE, &[&tlv(0x80, &[&key_identifier(&authority.der())])]),
        ));
        extensions.extend(self.extensions.clone());
        let extensions = tlv(0xa0, &[&tlv(SEQUENCE, &[&extensions.concat()])]);
        let version = if self.version_2 { tlv(2, &[&[1]]) } else { vec![] };
        let tbs = tlv(
            SEQUENCE,
            &[
                &version,
                &algorithm,
                &name(&authority.der()),
                &utc_time(self.this_update),
                &utc_time(self.next_update),
                &entries,
                if self.version_2 { &extensions } else { &[] },
            ],
        );
        let signature = authority.0.key().sign(&tbs).unwrap();
        tlv(SEQUENCE, &[&tbs, &algorithm, &tlv(3, &[&[0], &signature])]).into()
    }

    fn entry(&self, certificate: &CertificateDer<'_>) -> Vec<u8> {
        use x509_parser::prelude::{FromDer as _, X509Certificate};
        let (_, parsed) = X509Certificate::from_der(certificate).unwrap();
        let extensions = if self.entry_extensions.is_empty() {
            vec![]
        } else {
            tlv(SEQUENCE, &[&self.entry_extensions])
        };
        tlv(SEQUENCE, &[&tlv(2, &[parsed.raw_serial()]), &utc_time(self.this_update), &extensions])
    }
}

fn name(certificate: &CertificateDer<'_>) -> Vec<u8> {
    use x509_parser::prelude::{FromDer as _, X509Certificate};
    X509Certificate::from_der(certificate).unwrap().1.subject().as_raw().to_vec()
}

fn key_identifier(certificate: &CertificateDer<'_>) -> Vec<u8> {
    use x509_parser::extensions::ParsedExtension;
    use x509_parser::prelude::{FromDer as _, X509Certificate};
    let (_, parsed) = X509Certificate::from_der(certificate).unwrap();
    let found = parsed.extensions().iter().find_map(|e| match e.parsed_extension() {
        ParsedExtension::SubjectKeyIdentifier(id) => Some(id.0.to_vec()),
        _ => None,
    });
    found.unwrap()
}

fn utc_time(at: OffsetDateTime) -> Vec<u8> {
    let t = at.to_offset(time::UtcOffset::UTC);
    let (y, mo, d, h, mi, s) =
        (t.year() % 100, u8::from(t.month()), t.day(), t.hour(), t.minute(), t.second());
    tlv(0x17, &[format!("{y:02}{mo:02}{d:02}{h:02}{mi:02}{s:02}Z").as_bytes()])
}

struct Case {
    authority: Authority,
    bad: Arc<CertifiedKey>,
    good: Arc<CertifiedKey>,
}

impl Case {
    fn new() -> Self {
        let authority = Authority::new("Example Issuing");
        let (bad, good) = (authority.desk(&[], |_| ()), authority.desk(&[], |_| ()));
        Self { authority, bad, good }
    }

    fn server(
        &self,
        lists: &[CertificateRevocationListDer<'static>],
        setting: Revocation,
    ) -> ServerProfile {
        let roots = TrustRoots::new([self.authority.der()]).unwrap();
        let sources = lists.iter().map(|l| (None, Ok(l.to_vec())));
        let own = crate::pair::issue(&pki(), &signet_devca::Order::gateway("SIGNET"));
        ServerProfile::new(roots, own)
            .with_crls(Crls::from_sources(sources).with_revocation(setting))
    }

    /// What becomes of the revoked desk and of the good one, in both settings.
    #[track_caller]
    fn expect(
        &self,
        what: &str,
        lists: &[CertificateRevocationListDer<'static>],
        good_when_required: Result<(), &str>,
    ) {
        let now = OffsetDateTime::now_utc();
        for setting in [Revocation::Required, Revocation::BestEffort] {
            let server = self.server(lists, setting);
            let refused = server.recheck(&self.bad.cert, now);
            assert_eq!(
                refused,
                Err(Refusal::ClientCertificateRevoked),
                "{what}: the revoked desk, {setting:?}"
            );
            let good = server.recheck(&self.good.cert, now).map_err(|r| r.code());
            let expected =
                if setting == Revocation::Required { good_when_required } else { Ok(()) };
            assert_eq!(good, expected, "{what}: the good desk, {setting:?}");
        }
    }
}

/// §5.2.3: the list with the higher number supersedes, wherever it stands.
#[test]
fn the_newer_of_two_lists_of_one_authority_counts() {
    let c = Case::new();
    let newer = List { number: 2, ..List::of(&[&c.bad.cert[0]]) }.by(&c.authority);
    let hour = Duration::hours(1);
    let still_good = List { this_update: OffsetDateTime::now_utc() - hour * 5, ..List::of(&[]) }
        .by(&c.authority);
    let stale = List {
        this_update: OffsetDateTime::now_utc() - hour * 50,
        next_update: OffsetDateTime::now_utc() - hour * 20,
        ..List::of(&[])
    };
    let stale = stale.by(&c.authority);
    for (what, older) in [("still good", still_good), ("stale", stale)] {
        c.expect(what, &[older.clone(), newer.clone()], Ok(()));
        c.expect(what, &[newer.clone(), older], Ok(()));
    }
    // A number says more than a date.
    let renumbered = List {
        number: 3,
        this_update: OffsetDateTime::now_utc() - hour * 9,
        ..List::of(&[&c.bad.cert[0]])
    };
    let outdated =
        List { number: 2, next_update: OffsetDateTime::now_utc() - hour, ..List::of(&[]) };
    c.expect("numbers", &[outdated.by(&c.authority), renumbered.by(&c.authority)], Ok(()));
}

/// §5.2, §5.3: a list of a kind that is not processed takes nothing from the base list, wherever it
/// stands, and whom it names is refused.
#[test]
fn one_odd_list_disables_itself_only() {
    let idp = |content: &[u8]| vec![ext(IDP, true, &tlv(SEQUENCE, &[content]))];
    let truth = [0xff];
    // What it is, extensions, extensions of its entry, whether of version 2.
    type Odd = (&'static str, Vec<Vec<u8>>, Vec<u8>, bool);
    let odd: [Odd; 8] = [
        ("delta, 5.2.4", vec![ext(DELTA, true, &tlv(2, &[&[1]]))], vec![], true),
        ("indirect, 5.2.5", idp(&tlv(0x84, &[&truth])), vec![], true),
        ("attribute certificates, 5.2.5", idp(&tlv(0x85, &[&truth])), vec![], true),
        ("some reasons, 5.2.5", idp(&tlv(0x83, &[&[6, 0x40]])), vec![], true),
        ("critical extension, 5.2", vec![ext(UNHEARD_OF, true, &tlv(5, &[]))], vec![], true),
        ("critical entry extension, 5.3", vec![], ext(UNHEARD_OF, true, &tlv(5, &[])), true),
        (
            "certificate issuer of an entry, 5.3.3",
            vec![],
            ext(&[0x55, 0x1d, 0x1d], true, &tlv(SEQUENCE, &[])),
            true,
        ),
        ("version 1", vec![], vec![], false),
    ];
    let c = Case::new();
    let base = List::of(&[&c.bad.cert[0]]).by(&c.authority);
    let other = c.authority.desk(&[], |_| ());
    for (what, extensions, entry_extensions, version_2) in odd {
        let list = List {
            extensions,
            entry_extensions,
            version_2,
            number: 9,
            ..List::of(&[&other.cert[0]])
        };
        let odd = list.by(&c.authority);
        c.expect(what, &[odd.clone(), base.clone()], Ok(()));
        c.expect(what, &[base.clone(), odd.clone()], Ok(()));
        // Alone it proves nothing of those it does not name, and refuses those it names.
        let named = List { revoked: vec![c.bad.cert[0].clone()], ..list };
        c.expect(what, &[named.by(&c.authority)], Err("crl.other_authority"));
    }
    for rubbish in [&b""[..], b"rubbish", &base[..base.len() - 1], &[0x30, 0x82]] {
        let rubbish = CertificateRevocationListDer::from(rubbish.to_vec());
        c.expect("rubbish", &[rubbish.clone(), base.clone()], Ok(()));
        c.expect("rubbish", &[base.clone(), rubbish], Ok(()));
    }
}

/// §5.2.5: lists for users' or for authorities' certificates only, without a distribution point.
#[test]
fn a_list_counts_for_the_kind_of_certificate_it_covers() {
    let c = Case::new();
    let of = |content: &[u8], revoked: &[&CertificateDer<'static>]| {
        let extensions = vec![ext(IDP, true, &tlv(SEQUENCE, &[content]))];
        List { extensions, ..List::of(revoked) }.by(&c.authority)
    };
    let (users, authorities) = (tlv(0x81, &[&[0xff]]), tlv(0x82, &[&[0xff]]));
    let bad = &c.bad.cert[0];
    c.expect("users", &[of(&users, &[bad])], Ok(()));
    c.expect("users, then authorities", &[of(&users, &[bad]), of(&authorities, &[])], Ok(()));
    c.expect("authorities, then users", &[of(&authorities, &[]), of(&users, &[bad])], Ok(()));
    c.expect("authorities", &[of(&authorities, &[bad])], Err("crl.other_authority"));
    // A list of a distribution point counts for the certificates that name it (§6.3.3 b 2 i).
    let point = |uri: &str| tlv(0xa0, &[&tlv(0xa0, &[&tlv(0x86, &[uri.as_bytes()])])]);
    c.expect(
        "another point",
        &[of(&point("http://a.example/1.crl"), &[bad])],
        Err("crl.other_authority"),
    );
    let points = |uri: &str| tlv(SEQUENCE, &[&tlv(SEQUENCE, &[&point(uri)])]);
    let named = |p: &mut CertificateParams| {
        p.custom_extensions.push(extension(
            &[2, 5, 29, 31],
            false,
            points("http://a.example/1.crl"),
        ));
    };
    let pointed = Case {
        good: c.authority.desk(&[], named),
        bad: c.authority.desk(&[], named),
        authority: Authority(c.authority.0),
    };
    let extensions = vec![ext(IDP, true, &tlv(SEQUENCE, &[&point("http://a.example/1.crl")]))];
    let list = List { extensions, ..List::of(&[&pointed.bad.cert[0]]) }.by(&pointed.authority);
    pointed.expect("its point", &[list], Ok(()));
}

/// §6.3.3 f: an authority that changed its key under its name publishes a list under each.
#[test]
fn a_list_counts_for_the_key_that_signed_it() {
    let (old, new) = (Authority::new("Example Issuing"), Authority::new("Example Issuing"));
    let (of_old, of_new) = (old.desk(&[], |_| ()), new.desk(&[], |_| ()));
    let lists =
        [List::of(&[]).by(&old), List { number: 7, ..List::of(&[&of_new.cert[0]]) }.by(&new)];
    let roots = TrustRoots::new([old.der(), new.der()]).unwrap();
    let good = new.desk(&[], |_| ());
    let own = crate::pair::issue(&pki(), &signet_devca::Order::gateway("SIGNET"));
    for order in [lists.clone(), [lists[1].clone(), lists[0].clone()]] {
        let server = ServerProfile::new(roots.clone(), Arc::clone(&own))
            .with_crls(Crls::new(order).unwrap());
        let now = OffsetDateTime::now_utc();
        assert_eq!(server.recheck(&of_old.cert, now), Ok(()));
        assert_eq!(server.recheck(&good.cert, now), Ok(()));
        assert_eq!(server.recheck(&of_new.cert, now), Err(Refusal::ClientCertificateRevoked));
    }
}

/// §4.2.1.3: a key that may not sign lists does not speak for its authority.
#[test]
fn a_list_by_a_key_that_may_not_sign_lists_is_not_believed() {
    let authority =
        Authority::with("Example Issuing", |p| p.key_usages = vec![KeyUsagePurpose::KeyCertSign]);
    let (bad, good) = (authority.desk(&[], |_| ()), authority.desk(&[], |_| ()));
    let c = Case { authority, bad, good };
    let server = c.server(&[List::of(&[]).by(&c.authority)], Revocation::Required);
    assert_eq!(
        server.recheck(&c.good.cert, OffsetDateTime::now_utc()).unwrap_err().code(),
        "crl.invalid"
    );
}

/// An intermediate authority that was revoked takes down whom it vouches for.
#[test]
fn a_revoked_intermediate_is_refused() {
    let root = Authority::new("Example Root");
    let key = KeyPair::generate().unwrap();
    let middle = Authority(
        CertifiedIssuer::signed_by(authority_params("Example Middle"), key, &root.0).unwrap(),
    );
    let desk = middle.desk(&[middle.der()], |_| ());
    let own = crate::pair::issue(&pki(), &signet_devca::Order::gateway("SIGNET"));
    let profile = ServerProfile::new(TrustRoots::new([root.der()]).unwrap(), own);
    let now = OffsetDateTime::now_utc();
    let with = |revoked: &[&CertificateDer<'static>], setting| {
        let lists = [List::of(revoked).by(&root), List::of(&[]).by(&middle)];
        profile.clone().with_crls(Crls::new(lists).unwrap().with_revocation(setting))
    };
    assert_eq!(with(&[], Revocation::Required).recheck(&desk.cert, now), Ok(()));
    for setting in [Revocation::Required, Revocation::BestEffort] {
        assert_eq!(
            with(&[&middle.der()], setting).recheck(&desk.cert, now),
            Err(Refusal::ClientCertificateRevoked)
        );
    }
    // A list for the desk's authority alone does not tell about the authority itself.
    let half = profile.with_crls(Crls::new([List::of(&[]).by(&middle)]).unwrap());
    assert_eq!(half.recheck(&desk.cert, now).unwrap_err().code(), "crl.other_authority");
}

/// RFC 7468 §2: what stands before the first boundary is not read, a byte order mark included.
#[test]
fn a_byte_order_mark_in_front_of_pem_is_ignored() {
    let dir = tempfile::tempdir().unwrap();
    let pki = pki();
    let mark = |text: &str| [b"\xef\xbb\xbf", text.as_bytes()].concat();
    let c = Case::new();
    let list = List::of(&[&c.bad.cert[0]]).by(&c.authority);
    let pem = pem("X509 CRL", &list);
    std::fs::write(dir.path().join("a.crl"), mark(&pem)).unwrap();
    assert_eq!(Crls::from_files([dir.path().join("a.crl")]).facts().len(), 1);
    std::fs::write(dir.path().join("trust.pem"), mark(&c.authority.0.pem())).unwrap();
    assert_eq!(
        TrustRoots::from_pem_file(&dir.path().join("trust.pem")).unwrap().subjects().len(),
        1
    );
    let _ = gateway(&pki);
}

fn pem(label: &str, der: &[u8]) -> String {
    use base64::Engine as _;
    let digits = base64::engine::general_purpose::STANDARD.encode(der);
    let lines: Vec<_> =
        digits.as_bytes().chunks(64).map(|l| std::str::from_utf8(l).unwrap()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

#[test]
fn check_config_can_tell_what_each_list_is_worth() {
    let c = Case::new();
    let delta = List { extensions: vec![ext(DELTA, true, &tlv(2, &[&[1]]))], ..List::of(&[]) }
        .by(&c.authority);
    let sources = [
        (Some("a.crl".into()), Ok(delta.to_vec())),
        (Some("b.crl".into()), Ok(b"rubbish".to_vec())),
    ];
    let crls = Crls::from_sources(sources);
    assert!(crls.facts()[0].partial.unwrap().to_string().contains("delta"));
    assert!(crls.unusable()[0].to_string().starts_with("b.crl, list 1: "));
    let facts = CertificateFacts::from_certificate(&c.authority.der()).unwrap();
    assert_eq!(crls.facts()[0].issuer, facts.subject);
}
