//! The answers of real servers on this machine.

use super::*;
use signet_identity::SpkiPin;
use signet_net::ProxySetting;
use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

const REDIRECT: &str = "HTTP/1.1 302 Found\r\nLocation: http://portal.example/\r\n\r\n";
const SIGN_IN: &str = "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nSign in";
const EXPECTED: &str = "HTTP/1.1 204 No Content\r\n\r\n";
const SILENCE: &str = "";

/// A page on this machine that answers like this.
struct Page {
    address: String,
    asked: Arc<AtomicUsize>,
}

impl Page {
    async fn that_answers(answer: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}/check", listener.local_addr().unwrap());
        let asked = Arc::<AtomicUsize>::default();
        let count = asked.clone();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::Relaxed);
                let _ = stream.read(&mut [0; 1_024]).await;
                let _ = stream.write_all(answer.as_bytes()).await;
                let _ = stream.shutdown().await;
            }
        });
        Self { address, asked }
    }

    fn config(&self, proxy: ProxySetting) -> DeskConfig {
        DeskConfig {
            portal_check: Some(self.address.parse().unwrap()),
            proxy,
            ..DeskConfig::empty(PathBuf::new(), "test")
        }
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }
}

fn exam(config: &DeskConfig, system: SystemState) -> PortalExam<'_> {
    PortalExam { system: Some(system), ..PortalExam::new(config) }
}

#[tokio::test]
async fn what_answers_for_the_page_is_told() {
    type Want = fn(String) -> PortalFinding;
    let table: [(&str, Want); 4] = [
        (REDIRECT, PortalFinding::Found),
        (SIGN_IN, PortalFinding::Found),
        (EXPECTED, PortalFinding::NoneByPage),
        (SILENCE, PortalFinding::Unanswered),
    ];
    for (answer, want) in table {
        let page = Page::that_answers(answer).await;
        let config = page.config(ProxySetting::Direct);
        let mut exam = exam(&config, SystemState::default());
        let want = Some(want(page.address.clone()));
        for venue in ["gw-1.bank.example", "gw-2.bank.example"] {
            let found = exam.look(venue, &Refusal::TimedOut).await;
            assert_eq!(found, want, "{answer:?} {venue}");
        }
        assert_eq!(page.asked(), 1, "{answer:?}: once for all venues");
    }
}

/// Each condition under which a link asks for no page.
#[tokio::test]
async fn a_page_is_asked_for_only_where_a_link_would() {
    use PortalFinding::{BehindProxy, Found, NoneBySystem};
    let quiet = SystemState::default;
    let proxy: ProxySetting = ProxySetting::Url("http://192.0.2.1:3128".parse().unwrap());
    let told = |page: &str| SystemState { portal: Some(page.into()), ..SystemState::default() };
    let open = SystemState { found_open: true, ..SystemState::default() };
    let pin = || Refusal::PinMismatch { presented: SpkiPin::of_spki(b"key") };
    let direct = ProxySetting::Direct;
    let page = "http://portal.example/".to_owned();
    for (why, system, proxy, want) in [
        (Refusal::DnsFailure, told(&page), direct.clone(), Some(Found(page.clone()))),
        (Refusal::NotTls, told("a\u{202e}b"), direct.clone(), Some(Found("a\u{fffd}b".into()))),
        (Refusal::TimedOut, open, direct.clone(), Some(NoneBySystem)),
        (Refusal::TimedOut, told(&page), proxy.clone(), Some(Found(page.clone()))),
        (Refusal::TimedOut, quiet(), proxy, Some(BehindProxy)),
        (pin(), quiet(), direct.clone(), None),
        (pin(), told(&page), direct.clone(), None),
        (Refusal::ServerCertificateRevoked, quiet(), direct.clone(), None),
        (Refusal::ClientCertificateExpired, quiet(), direct, None),
    ] {
        let server = Page::that_answers(REDIRECT).await;
        let config = server.config(proxy);
        let found = exam(&config, system).look("gw.bank.example", &why).await;
        assert_eq!((found, server.asked()), (want, 0), "{why:?}");
    }
    let off = DeskConfig { proxy: ProxySetting::Direct, ..DeskConfig::empty(PathBuf::new(), "t") };
    let found = exam(&off, quiet()).look("gw.bank.example", &Refusal::TimedOut).await;
    assert_eq!(found, Some(PortalFinding::Off));
}

#[test]
fn a_portal_is_a_failure_with_a_page_and_a_cure() {
    let page = || "http://check.bank.example/".to_owned();
    for (finding, mark, says) in [
        (PortalFinding::Found(page()), "FAILED", "Open http://check.bank.example/ in a browser"),
        (PortalFinding::Found(String::new()), "FAILED", "Open any page that begins with http://"),
        (PortalFinding::NoneBySystem, "ok", "none was found"),
        (PortalFinding::NoneByPage(page()), "ok", "none was found: http://check.bank.example/"),
        (PortalFinding::Unanswered(page()), "-", "http://check.bank.example/ did not answer"),
        (PortalFinding::BehindProxy, "-", "a proxy is on the way"),
        (PortalFinding::Off, "-", "portal_check"),
    ] {
        let text = finding.to_string();
        assert!(text.trim_start().starts_with(mark) && text.contains(says), "{text}");
        assert_eq!(text.contains("what to do:"), mark == "FAILED", "{text}");
        assert_eq!(text.contains("[net.captive_portal]"), mark == "FAILED", "{text}");
    }
}
