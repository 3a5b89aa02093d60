//! An EST service of `openssl` commands: `s_server` for TLS 1.3, `req` and `x509` for the request
//! and the certificate, `crl2pkcs7` for the answer. One `s_server` serves one connection.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// What the service does with a good request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    Right,
    OtherUser,
    OtherKey,
    Huge,
    Html,
    /// None at all.
    Silence,
}

pub struct Service {
    home: Arc<TempDir>,
    port: u16,
    answer: Arc<Mutex<Answer>>,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Service {
    /// `None`, with a word about it, where there is no OpenSSL 3.
    pub fn start() -> Option<Self> {
        let version = Command::new("openssl")
            .arg("version")
            .output()
            .ok()
            .map(|o| String::from_utf8_lossy(&o.stdout).into_owned());
        if !version.is_some_and(|version| version.starts_with("OpenSSL 3")) {
            assert!(std::env::var_os("CI").is_none(), "openssl is missing");
            eprintln!("skipped: no OpenSSL 3 here");
            return None;
        }
        let home = Arc::new(TempDir::with_prefix("signet-est-").unwrap());
        authority(home.path());
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (answer, requests) =
            (Arc::new(Mutex::new(Answer::Right)), Arc::new(Mutex::new(Vec::new())));
        let service = Self {
            home: Arc::clone(&home),
            port,
            answer: Arc::clone(&answer),
            requests: Arc::clone(&requests),
        };
        thread::spawn(move || {
            for connection in listener.incoming().map_while(Result::ok) {
                let (home, answer, requests) =
                    (Arc::clone(&home), *answer.lock().unwrap(), Arc::clone(&requests));
                thread::spawn(move || serve(connection, home.path(), answer, &requests));
            }
        });
        Some(service)
    }

    pub const fn port(&self) -> u16 {
        self.port
    }

    pub fn root(&self) -> PathBuf {
        self.home.path().join("ca.pem")
    }

    pub fn answer(&self, answer: Answer) {
        *self.answer.lock().unwrap() = answer;
    }

    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

fn openssl(home: &Path, line: &str) -> Vec<u8> {
    let output = Command::new("openssl")
        .args(line.split(' '))
        .current_dir(home)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(output.status.success(), "openssl {line}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

fn authority(home: &Path) {
    const KEY: &str = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";
    openssl(
        home,
        &format!(
            "req -x509 {KEY} -keyout ca.key -out ca.pem -days 2 -subj /CN=est-test -addext \
                keyUsage=keyCertSign,cRLSign"
        ),
    );
    openssl(home, &format!("req {KEY} -keyout tls.key -out tls.csr -subj /CN=est"));
    fs::write(home.join("tls.ext"), "subjectAltName=DNS:localhost\nextendedKeyUsage=serverAuth\n")
        .unwrap();
    openssl(
        home,
        "x509 -req -in tls.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile tls.ext \
            -out tls.pem",
    );
    openssl(home, &format!("req {KEY} -keyout other.key -out other.csr -subj /CN=x1"));
}

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Puts an `s_server` of its own behind one connection. Renewal is told by the path, which is
/// inside TLS; so every connection may show a certificate and `-verify` checks it if it does.
fn serve(mut front: TcpStream, home: &Path, answer: Answer, requests: &Mutex<Vec<String>>) {
    let port = crate::ports::free_port();
    let child = Command::new("openssl")
        .args([
            "s_server",
            "-quiet",
            "-naccept",
            "1",
            "-tls1_3",
            "-verify",
            "1",
            "-verify_return_error",
        ])
        .args([
            "-CAfile",
            "ca.pem",
            "-cert",
            "tls.pem",
            "-key",
            "tls.key",
            "-accept",
            &format!("127.0.0.1:{port}"),
        ])
        .current_dir(home)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut child = Running(child);
    let deadline = Instant::now() + Duration::from_secs(60);
    let mut behind = loop {
        match TcpStream::connect(("127.0.0.1", port)) {
            Ok(stream) => break stream,
            Err(error) => assert!(Instant::now() < deadline, "s_server: {error}"),
        }
        thread::sleep(Duration::from_millis(20));
    };
    let (mut front_in, mut behind_in) = (front.try_clone().unwrap(), behind.try_clone().unwrap());
    thread::spawn(move || std::io::copy(&mut front_in, &mut behind));
    thread::spawn(move || std::io::copy(&mut behind_in, &mut front));

    let (mut plain_in, mut plain_out) =
        (child.0.stdout.take().unwrap(), child.0.stdin.take().unwrap());
    let Some(request) = read_request(&mut plain_in) else { return };
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    requests.lock().unwrap().push(head.to_owned() + "\r\n");
    if answer != Answer::Silence {
        let response = respond(home, head, body, answer);
        let _ = plain_out.write_all(&response);
        let _ = plain_out.flush();
    }
    // Until the client has read it and goes.
    let _ = plain_in.read_to_end(&mut Vec::new());
}

fn read_request(from: &mut impl std::io::Read) -> Option<String> {
    let mut bytes = Vec::new();
    loop {
        let mut chunk = [0; 4096];
        let count = from.read(&mut chunk).ok().filter(|count| *count > 0)?;
        bytes.extend_from_slice(&chunk[..count]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head
            .lines()
            .filter_map(|line| line.split_once(':'))
            .find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
        let length = length.map_or(0, |(_, value)| value.trim().parse().unwrap());
        if body.len() >= length {
            return Some(text);
        }
    }
}

fn http(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

fn respond(home: &Path, head: &str, body: &str, answer: Answer) -> Vec<u8> {
    const CERTS: &str = "Content-Type: application/pkcs7-mime; \
        smime-type=certs-only\r\nContent-Transfer-Encoding: base64\r\n";
    let path = head.split(' ').nth(1).unwrap_or_default();
    match path.strip_prefix("/.well-known/est/").unwrap_or_default() {
        "cacerts" => http("200 OK", CERTS, &bundle(home, "ca.pem")),
        "csrattrs" => b"HTTP/1.1 204 No Content\r\n\r\n".to_vec(),
        "simpleenroll" if !head.contains("Basic YWxpY2U6Q09ERS0x") => {
            let headers = "Content-Type: text/plain\r\nSignet-Code: \
                enrol.code_wrong\r\nWWW-Authenticate: Basic realm=est\r\n";
            http("401 Unauthorized", headers, b"The code is wrong.\n")
        }
        "simpleenroll" | "simplereenroll" => match answer {
            Answer::Html => http("200 OK", "Content-Type: text/html\r\n", b"<html>"),
            Answer::Huge => http("200 OK", CERTS, &vec![b'A'; 300 * 1024]),
            answer => http("200 OK", CERTS, &issue(home, body, answer)),
        },
        _ => http("404 Not Found", "", b""),
    }
}

fn issue(home: &Path, request: &str, answer: Answer) -> Vec<u8> {
    let pem = format!(
        "-----BEGIN CERTIFICATE REQUEST-----\n{}\n-----END CERTIFICATE REQUEST-----\n",
        request.trim()
    );
    fs::write(home.join("in.csr"), pem).unwrap();
    // Fails on a request whose signature is wrong.
    openssl(home, "req -in in.csr -verify -noout");
    let subject = String::from_utf8(openssl(home, "req -in in.csr -noout -subject")).unwrap();
    assert_eq!(subject.trim(), "subject=CN = x1");
    let user = if answer == Answer::OtherUser { "mallory" } else { "alice" };
    let uri = format!(
        "subjectAltName=URI:spiffe://bank.example/desk/ALICE1/{user}/x1/keychain\nextendedKeyUsage=clientAuth\n"
    );
    fs::write(home.join("desk.ext"), uri).unwrap();
    let csr = if answer == Answer::OtherKey { "other.csr" } else { "in.csr" };
    openssl(
        home,
        &format!(
            "x509 -req -in {csr} -CA ca.pem -CAkey ca.key -CAcreateserial -days 7 -extfile \
                desk.ext -out desk.pem"
        ),
    );
    bundle(home, "desk.pem")
}

/// In lines, as RFC 7030 allows.
fn bundle(home: &Path, certificate: &str) -> Vec<u8> {
    let pem =
        String::from_utf8(openssl(home, &format!("crl2pkcs7 -nocrl -certfile {certificate}")))
            .unwrap();
    pem.lines()
        .filter(|line| !line.starts_with("-----"))
        .map(|line| format!("{line}\r\n"))
        .collect::<String>()
        .into_bytes()
}
