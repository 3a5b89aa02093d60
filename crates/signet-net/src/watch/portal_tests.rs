//! The answers of real servers on this machine, and the tables.

use super::*;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

const TEXT: Known = Known::Text("it is online");

/// Answers each connection like this; what it was asked is returned with the task.
async fn server(answer: Vec<u8>) -> (u16, tokio::task::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let task = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            let mut chunk = [0; 512];
            let count = stream.read(&mut chunk).await.unwrap();
            assert!(count > 0, "the request broke off");
            request.extend_from_slice(&chunk[..count]);
        }
        // Whoever asks may have read enough.
        let _ = stream.write_all(&answer).await;
        let _ = stream.shutdown().await;
        String::from_utf8(request).unwrap()
    });
    (port, task)
}

fn check(port: u16, known: Known) -> PortalCheck {
    let check: PortalCheck = format!("http://127.0.0.1:{port}/check?now").parse().unwrap();
    PortalCheck { known, ..check }
}

async fn asked(answer: impl Into<Vec<u8>>, known: Known) -> PortalAnswer {
    let (port, task) = server(answer.into()).await;
    let found = check(port, known).ask().await;
    task.await.unwrap();
    found
}

#[tokio::test]
async fn what_answers_in_the_place_of_the_page_is_a_portal() {
    let page =
        |text: &str| format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{text}", text.len());
    let to_the_end = "HTTP/1.1 200 OK\r\n\r\n<html>it is online</html>";
    let redirect = "HTTP/1.1 302 Found\r\nLocation: http://portal.example/\r\n\r\n";
    let long = page(&"<html>it is online".repeat(1_000));
    for (answer, known, want) in [
        (page("it is online\n"), TEXT, PortalAnswer::Open),
        (to_the_end.to_owned(), TEXT, PortalAnswer::Open),
        ("HTTP/1.1 204 No Content\r\n\r\n".into(), Known::NoContent, PortalAnswer::Open),
        (page("<html>Sign in</html>"), TEXT, PortalAnswer::Portal),
        (page("<html>Sign in</html>"), Known::NoContent, PortalAnswer::Portal),
        (redirect.to_owned(), TEXT, PortalAnswer::Portal),
        (redirect.to_owned(), Known::NoContent, PortalAnswer::Portal),
        // No known page is so long.
        (long, TEXT, PortalAnswer::Portal),
        ("HTTP/1.1 503 Service Unavailable\r\n\r\n".into(), TEXT, PortalAnswer::Unknown),
        ("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nit is".into(), TEXT, PortalAnswer::Unknown),
        (format!("HTTP/1.1 200 OK\r\nX: {}", "x".repeat(100_000)), TEXT, PortalAnswer::Unknown),
        ("SSH-2.0-OpenSSH_9.6\r\n".into(), TEXT, PortalAnswer::Unknown),
        (String::new(), TEXT, PortalAnswer::Unknown),
    ] {
        let begins: String = answer.chars().take(60).collect();
        assert_eq!(asked(answer, known).await, want, "{begins:?} {known:?}");
    }
}

#[tokio::test]
async fn the_request_says_nothing_but_what_page_it_wants() {
    let (port, task) = server(b"HTTP/1.1 204 No Content\r\n\r\n".to_vec()).await;
    assert_eq!(check(port, Known::NoContent).ask().await, PortalAnswer::Open);
    let request = task.await.unwrap().to_ascii_lowercase();
    let mut lines: Vec<&str> = request.trim_end().split("\r\n").collect();
    lines[1..].sort_unstable();
    let host = format!("host: 127.0.0.1:{port}");
    let first = "get /check?now http/1.1";
    let said = [first, "cache-control: no-cache", "connection: close", host.as_str()];
    assert_eq!(lines, said);
}

#[tokio::test]
async fn where_nobody_answers_nothing_is_known() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    assert_eq!(check(port, TEXT).ask().await, PortalAnswer::Unknown);
}

/// The clock is virtual.
#[tokio::test(start_paused = true)]
async fn what_takes_the_connection_and_says_nothing_tells_nothing() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = silent.local_addr().unwrap().port();
    assert_eq!(check(port, TEXT).ask().await, PortalAnswer::Unknown);
}

#[test]
fn each_status_and_kind_of_page() {
    use PortalAnswer::{Open, Portal, Unknown};
    let (right, wrong) = (&b"yes: it is online."[..], &b"Sign in"[..]);
    for (status, no_content, with_text, with_other) in [
        (200, Portal, Open, Portal),
        (201, Portal, Portal, Portal),
        (204, Open, Portal, Portal),
        (301, Portal, Portal, Portal),
        (302, Portal, Portal, Portal),
        (307, Portal, Portal, Portal),
        (400, Unknown, Unknown, Unknown),
        (403, Unknown, Unknown, Unknown),
        (404, Unknown, Unknown, Unknown),
        (407, Unknown, Unknown, Unknown),
        (500, Unknown, Unknown, Unknown),
        (502, Unknown, Unknown, Unknown),
        (511, Portal, Portal, Portal),
    ] {
        let status = StatusCode::from_u16(status).unwrap();
        assert_eq!(judge(status, right, Known::NoContent), no_content, "{status}");
        assert_eq!(judge(status, right, TEXT), with_text, "{status}");
        assert_eq!(judge(status, wrong, TEXT), with_other, "{status}");
        assert_eq!(judge(status, b"", TEXT), with_other, "{status}");
    }
}

#[test]
fn pages_of_a_firm() {
    for (page, want) in [
        ("http://check.bank.example/", Some(("check.bank.example", 80, "/"))),
        ("http://check.bank.example", Some(("check.bank.example", 80, "/"))),
        ("http://check.bank.example:8080/a?b=c", Some(("check.bank.example", 8080, "/a?b=c"))),
        ("http://192.0.2.1/x", Some(("192.0.2.1", 80, "/x"))),
        ("http://[2001:db8::1]/x", Some(("2001:db8::1", 80, "/x"))),
        ("https://check.bank.example/", None),
        ("http://user:password@check.bank.example/", None),
        ("http://check.bank.example:0/", None),
        ("http://check.bank.example:65536/", None),
        ("http://[check.bank.example]/", None),
        ("http://[[2001:db8::1]/x", None),
        ("http:///x", None),
        ("check.bank.example", None),
        ("/x", None),
        ("off", None),
        ("", None),
        ("http://check.bank.example/a\r\nX: y", None),
    ] {
        let read = page.parse::<PortalCheck>().ok();
        let read = read.as_ref().map(|c| (c.host.as_str(), c.port, c.path.as_str()));
        assert_eq!(read, want, "{page:?}");
    }
    let long = format!("http://check.bank.example/{}", "x".repeat(PAGE_CHARS_MAX));
    assert!(long.parse::<PortalCheck>().is_err());
}

#[test]
fn the_page_of_this_system_can_be_asked() {
    let check = PortalCheck::of_system();
    assert_eq!(check.is_none(), cfg!(windows));
    if let Some(check) = check {
        assert!(matches!(check.known, Known::Text(_)), "{}", check.page());
    }
}
