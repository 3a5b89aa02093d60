//! What the running listeners agree to, asked by hand: ClientHello messages put together here, and
//! `openssl s_client`. FIXS 1.1 and the table in `signet_identity`'s TLS policy say what is right.

use crate::support::{PATIENCE, World};
use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpStream,
    process::{Command, Stdio},
    time::Duration,
};

const SSL3: u16 = 0x0300;
const TLS10: u16 = 0x0301;
const TLS11: u16 = 0x0302;
const TLS12: u16 = 0x0303;
/// ECDHE with AES-GCM, ECDSA and RSA. The listener's own key is ECDSA, so it can agree to the first
/// two.
const TLS12_ALLOWED: [u16; 2] = [0xc02b, 0xc02c];

/// What a listener answered to a ClientHello.
#[derive(Debug, PartialEq, Eq)]
enum Answer {
    /// ServerHello: version, suite, compression.
    Hello { version: u16, suite: u16, compression: u8, session_id: usize, extensions: Vec<u16> },
    /// An alert, or nothing but the end.
    Refused,
}

fn vector(length_bytes: usize, body: &[u8]) -> Vec<u8> {
    let length = (body.len() as u32).to_be_bytes();
    [&length[4 - length_bytes..], body].concat()
}

fn extension(kind: u16, body: &[u8]) -> Vec<u8> {
    [&kind.to_be_bytes()[..], &vector(2, body)].concat()
}

/// A ClientHello with what is asked about, and otherwise whatever makes agreement as easy as can
/// be.
fn client_hello(version: u16, suites: &[u16], compressions: &[u8], tls13: bool) -> Vec<u8> {
    let suites: Vec<u8> = suites.iter().flat_map(|s| s.to_be_bytes()).collect();
    let groups = [0x001d_u16, 0x0017, 0x0018].map(u16::to_be_bytes).concat();
    let schemes =
        [0x0403_u16, 0x0503, 0x0804, 0x0401, 0x0203, 0x0201].map(u16::to_be_bytes).concat();
    let mut extensions = [
        extension(10, &vector(2, &groups)),
        extension(11, &vector(1, &[0])),
        extension(13, &vector(2, &schemes)),
        // Extended master secret and session tickets.
        extension(23, &[]),
        extension(35, &[]),
    ]
    .concat();
    if tls13 {
        extensions.extend(extension(43, &vector(1, &[3, 4])));
        // The base point of X25519: not a good key, but one.
        let share = [&[0, 0x1d][..], &vector(2, &[&[9][..], &[0; 31]].concat())].concat();
        extensions.extend(extension(51, &vector(2, &share)));
    }
    let mut body = version.to_be_bytes().to_vec();
    body.extend([7; 32]);
    body.extend(vector(1, &[]));
    body.extend(vector(2, &suites));
    body.extend(vector(1, compressions));
    if version > SSL3 {
        body.extend(vector(2, &extensions));
    }
    let handshake = [&[1][..], &vector(3, &body)].concat();
    [&[22][..], &version.min(TLS10).to_be_bytes(), &vector(2, &handshake)].concat()
}

fn ask(port: u16, hello: &[u8]) -> Answer {
    let mut tcp = TcpStream::connect(("127.0.0.1", port)).unwrap();
    tcp.set_read_timeout(Some(PATIENCE)).unwrap();
    tcp.write_all(hello).unwrap();
    let mut head = [0; 5];
    if tcp.read_exact(&mut head).is_err() || head[0] != 22 {
        return Answer::Refused;
    }
    let mut body = vec![0; usize::from(u16::from_be_bytes([head[3], head[4]]))];
    tcp.read_exact(&mut body).unwrap();
    assert_eq!(body[0], 2, "a handshake is answered with ServerHello");
    let session_id = usize::from(body[38]);
    let rest = &body[39 + session_id..];
    let (suite, compression) = (u16::from_be_bytes([rest[0], rest[1]]), rest[2]);
    let mut extensions = vec![];
    let end = 4 + usize::from(u16::from_be_bytes([body[2], body[3]]));
    let mut left = &body[(39 + session_id + 5).min(end)..end];
    while left.len() >= 4 {
        extensions.push(u16::from_be_bytes([left[0], left[1]]));
        left = &left[4 + usize::from(u16::from_be_bytes([left[2], left[3]]))..];
    }
    Answer::Hello {
        version: u16::from_be_bytes([body[4], body[5]]),
        suite,
        compression,
        session_id,
        extensions,
    }
}

/// Every suite number that was ever given out for TLS 1.2 and before, and the space around them.
fn old_suites() -> impl Iterator<Item = u16> {
    (0x0000..=0x00c7).chain(0xc001..=0xc0b5).chain(0xcca8..=0xccae).chain(0xd001..=0xd005)
}

fn gateway(allow_tls12: bool) -> World {
    // Whoever tries this much from one address would be locked out.
    let mut w = World::with("sqlite:registry.db", "[response]\nnetwork_failures = 0\n");
    if allow_tls12 {
        fs::write(
            &w.config,
            w.text("gateway.toml").replacen("[desks]\n", "[desks]\nallow_tls12 = true\n", 1),
        )
        .unwrap();
    }
    w.start();
    w
}

fn fix(w: &World) -> u16 {
    w.gateway.as_ref().unwrap().address().port()
}

#[track_caller]
fn refused(port: u16, version: u16, suites: &[u16]) {
    assert_eq!(
        ask(port, &client_hello(version, suites, &[0], false)),
        Answer::Refused,
        "port {port} version {version:#06x}"
    );
}

#[test]
fn fixs_1_1_nothing_older_than_tls_1_3_unless_allowed() {
    let strict = gateway(false);
    let lenient = gateway(true);
    let all: Vec<u16> = old_suites().filter(|s| *s != 0x00ff && *s != 0x5600).collect();
    for port in [fix(&strict), strict.est(), fix(&lenient), lenient.est()] {
        for version in [SSL3, TLS10, TLS11] {
            refused(port, version, &all);
        }
    }
    for port in [fix(&strict), strict.est(), lenient.est()] {
        refused(port, TLS12, &all);
    }
    assert!(matches!(
        ask(fix(&lenient), &client_hello(TLS12, &all, &[0], false)),
        Answer::Hello { version: TLS12, .. }
    ));
}

#[test]
fn fixs_1_1_of_tls_1_2_only_ecdhe_with_aes_gcm() {
    let w = gateway(true);
    let mut agreed = vec![];
    for suite in old_suites() {
        match ask(fix(&w), &client_hello(TLS12, &[suite], &[0], false)) {
            Answer::Hello { version, suite: chosen, compression, session_id, extensions } => {
                assert_eq!((version, chosen, compression), (TLS12, suite, 0));
                assert_eq!(session_id, 0, "nothing to resume by number");
                assert!(!extensions.contains(&35), "nor by ticket");
                assert!(extensions.contains(&23), "extended master secret");
                agreed.push(suite);
            }
            Answer::Refused => {}
        }
    }
    assert_eq!(agreed, TLS12_ALLOWED);
    // Compression: deflate alone is not agreed to, next to none it is not chosen (above and here).
    assert_eq!(ask(fix(&w), &client_hello(TLS12, &TLS12_ALLOWED, &[1], false)), Answer::Refused);
    let both = ask(fix(&w), &client_hello(TLS12, &TLS12_ALLOWED, &[1, 0], false));
    assert!(matches!(both, Answer::Hello { compression: 0, .. }), "{both:?}");
}

#[test]
fn fixs_1_1_of_tls_1_3_only_aes_gcm() {
    let w = gateway(false);
    for port in [fix(&w), w.est()] {
        // GCM 128, GCM 256; ChaCha20, CCM, CCM-8 and the ones after are not agreed to.
        let agreed = (0x1301..=0x130f).filter(|s| {
            match ask(port, &client_hello(TLS12, &[*s], &[0], true)) {
                Answer::Hello { suite, version, .. } => suite == *s && version == TLS12,
                Answer::Refused => false,
            }
        });
        assert_eq!(agreed.collect::<Vec<u16>>(), [0x1301, 0x1302]);
    }
}

/// `openssl s_client`, given these words and then the end of its input; what it said.
fn s_client(w: &World, port: u16, args: &[&str], says: &str) -> String {
    let mut c = Command::new("openssl");
    c.args([
        "s_client",
        "-connect",
        &format!("localhost:{port}"),
        "-CAfile",
        "gateways-ca.pem",
        "-servername",
        "localhost",
    ]);
    c.args(args)
        .current_dir(w.dir.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = c.spawn().expect("openssl is installed");
    let mut stdin = child.stdin.take().unwrap();
    // After the handshake, and time enough for a ticket to come.
    std::thread::sleep(Duration::from_millis(1_500));
    let _ = stdin.write_all(says.as_bytes());
    std::thread::sleep(Duration::from_millis(1_500));
    drop(stdin);
    let out = child.wait_with_output().unwrap();
    String::from_utf8_lossy(&[out.stdout, out.stderr].concat()).into_owned()
}

const LAPTOP: [&str; 4] = ["-cert", "laptop.pem", "-key", "laptop-key.pem"];

#[test]
fn no_ticket_no_resumption_no_renegotiation() {
    let w = gateway(true);
    w.enrolled("alice", "ALICE", "laptop");
    for version in ["-tls1_3", "-tls1_2"] {
        let said = s_client(&w, fix(&w), &[&[version][..], &LAPTOP].concat(), "");
        assert!(said.contains("Verify return code: 0 (ok)"), "{said}");
        assert!(
            !said.contains("TLS session ticket") && !said.contains("New Session Ticket arrived"),
            "{said}"
        );
        assert!(said.contains("Compression: NONE"), "{said}");
        let again = s_client(&w, fix(&w), &[&[version, "-reconnect"][..], &LAPTOP].concat(), "");
        let (new, reused) = (again.matches("\nNew, ").count(), again.matches("\nReused, ").count());
        assert!(new >= 1 && reused == 0, "{again}");
    }
    let said = s_client(&w, w.est(), &["-tls1_3"], "");
    assert!(
        said.contains("Verify return code: 0 (ok)") && !said.contains("New Session Ticket arrived"),
        "{said}"
    );
    let said = s_client(&w, fix(&w), &[&["-tls1_2"][..], &LAPTOP].concat(), "R\n");
    let ended = said.contains("no renegotiation") || said.contains("unexpected eof");
    // Two certificates of ours, looked at once: no second handshake came about.
    assert!(
        said.contains("RENEGOTIATING") && ended && said.matches("verify return:1").count() == 2,
        "{said}"
    );
}

#[test]
fn a_client_certificate_is_demanded_on_fix() {
    let w = gateway(true);
    let said = s_client(&w, fix(&w), &["-tls1_3"], "");
    assert!(said.contains("certificate required"), "{said}");
    let said = s_client(&w, fix(&w), &["-tls1_2"], "");
    assert!(said.contains("handshake failure") || said.contains("certificate required"), "{said}");
    // One of its own making.
    let own = [
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-keyout",
        "own-key.pem",
    ];
    w.openssl(&[&own[..], &["-out", "own.pem", "-subj", "/CN=own"]].concat());
    let said = s_client(&w, fix(&w), &["-tls1_3", "-cert", "own.pem", "-key", "own-key.pem"], "");
    assert!(said.contains("alert"), "{said}");
}
