use super::*;
use proptest::prelude::*;

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

#[test]
fn table_of_urls() {
    let table = [
        ("http://proxy.hotel.example:3128", Ok(("proxy.hotel.example", 3128, None))),
        ("proxy.hotel.example", Ok(("proxy.hotel.example", 8080, None))),
        ("http://192.0.2.1/", Ok(("192.0.2.1", 8080, None))),
        ("http://[2001:db8::1]:81", Ok(("2001:db8::1", 81, None))),
        ("http://u%40bank:p%3A%25@proxy:1", Ok(("proxy", 1, Some("u@bank:p:%")))),
        ("https://proxy", Err("proxy.scheme")),
        ("socks5://proxy", Err("proxy.scheme")),
        ("", Err("proxy.bad_url")),
        ("http://", Err("proxy.bad_url")),
        ("http://proxy:0", Err("proxy.bad_url")),
        ("http://proxy:x", Err("proxy.bad_url")),
        ("http://[proxy]:1", Err("proxy.bad_url")),
        ("http://[[2001:db8::1]:81", Err("proxy.bad_url")),
        ("http://2001:db8::1", Err("proxy.bad_url")),
        ("http://u%0d%0aX: y:p@proxy", Err("proxy.bad_url")),
        ("http://u%4@proxy", Err("proxy.bad_url")),
        ("http://a b", Err("proxy.bad_url")),
    ];
    for (text, expected) in table {
        let found = text.parse::<ProxyUrl>();
        let found = found
            .as_ref()
            .map(|u| (u.host(), u.port(), u.credentials.as_deref().map(String::as_str)))
            .map_err(ProxyError::code);
        assert_eq!(found, expected, "{text}");
    }
}

#[test]
fn table_of_choices() {
    let env = |https: Option<&str>, all: Option<&str>, no: Option<&str>| ProxyEnvironment {
        https_proxy: https.map(Into::into),
        all_proxy: all.map(Into::into),
        no_proxy: no.map(Into::into),
    };
    let from = ProxySetting::FromEnvironment;
    let fixed = ProxySetting::Url("http://fixed:1".parse().unwrap());
    let table = [
        (&from, env(None, None, None), "gw.bank.example", None),
        (
            &from,
            env(Some("http://a:1"), Some("http://b:2"), None),
            "gw.bank.example",
            Some("http://a:1"),
        ),
        (&from, env(None, Some("http://b:2"), None), "gw.bank.example", Some("http://b:2")),
        (&from, env(Some(""), None, None), "gw.bank.example", None),
        (&from, env(Some("http://a:1"), None, Some("bank.example")), "gw.bank.example", None),
        (&from, env(Some("http://a:1"), None, Some(".bank.example,x")), "GW.Bank.Example.", None),
        (&from, env(Some("http://a:1"), None, Some("bank.example:443")), "gw.bank.example", None),
        (
            &from,
            env(Some("http://a:1"), None, Some("ank.example")),
            "gw.bank.example",
            Some("http://a:1"),
        ),
        (&from, env(Some("http://a:1"), None, Some("192.0.2.7")), "192.0.2.7", None),
        (&from, env(Some("http://a:1"), None, Some("*")), "gw.bank.example", None),
        (&from, env(Some("http://a:1"), None, None), "localhost", None),
        (&from, env(Some("http://a:1"), None, None), "127.0.0.1", None),
        (&ProxySetting::Direct, env(Some("http://a:1"), None, None), "gw.bank.example", None),
        (&fixed, env(None, None, Some("*")), "gw.bank.example", Some("http://fixed:1")),
    ];
    for (setting, environment, host, expected) in table {
        let found = setting.choose(&environment, host).unwrap().map(|url| url.to_string());
        assert_eq!(found.as_deref(), expected, "{setting:?} {environment:?} {host}");
    }
    assert_eq!(
        from.choose(&env(Some("socks5://a"), None, None), "x").unwrap_err().code(),
        "proxy.scheme"
    );
}

/// What the proxy answers, and what comes of it.
fn answered(url: &str, answer: &'static [u8]) -> (Result<(), ProxyError>, String) {
    let url: ProxyUrl = url.parse().unwrap();
    run(async move {
        let (mut ours, mut theirs) = tokio::io::duplex(64 * 1024);
        let proxy = tokio::spawn(async move {
            let mut request = vec![0; 4096];
            let count = theirs.read(&mut request).await.unwrap();
            theirs.write_all(answer).await.unwrap();
            String::from_utf8(request[..count].to_vec()).unwrap()
        });
        let result = url.connect(&mut ours, "gw.bank.example", 9443).await;
        (result, proxy.await.unwrap())
    })
}

#[test]
fn table_of_answers() {
    let huge: &'static [u8] = Box::leak(
        [b"HTTP/1.1 200 OK\r\nX: ".to_vec(), vec![b'x'; ANSWER_BYTES_MAX]]
            .concat()
            .into_boxed_slice(),
    );
    let table: [(&[u8], &str); 13] = [
        (b"HTTP/1.1 200 Connection established\r\n\r\n", "ok"),
        (b"HTTP/1.0 200\r\nVia: x\r\n\r\n", "ok"),
        (
            b"HTTP/1.1 407 Auth\r\nProxy-Authenticate: Negotiate\r\nproxy-authenticate: Basic \
            realm=x\r\n\r\n",
            "proxy.credentials_wanted",
        ),
        (b"HTTP/1.1 403 Forbidden by policy\r\n\r\n", "proxy.forbidden"),
        (b"HTTP/1.1 502 Bad Gateway\r\n\r\n", "proxy.server_not_reached"),
        (b"HTTP/1.1 302 Found\r\nLocation: http://login.hotel\r\n\r\n", "proxy.status"),
        (b"SSH-2.0-x\r\n\r\n", "proxy.not_a_proxy"),
        (b"HTTP/1.1 two\r\n\r\n", "proxy.not_a_proxy"),
        (b"HTTP/1.1 200 OK\r\n\r\nextra", "proxy.not_a_proxy"),
        (b"HTTP/1.1 200 OK\r\n", "proxy.not_a_proxy"),
        (b"", "proxy.closed"),
        (b"\x15\x03\x01\x00\x02\x02\x28", "proxy.not_a_proxy"),
        (huge, "proxy.not_a_proxy"),
    ];
    for (answer, expected) in table {
        let (result, request) = answered("http://proxy:3128", answer);
        let code = result.as_ref().map_or_else(ProxyError::code, |()| "ok");
        assert_eq!(code, expected, "{}", String::from_utf8_lossy(&answer[..answer.len().min(60)]));
        assert_eq!(
            request,
            "CONNECT gw.bank.example:9443 HTTP/1.1\r\nHost: gw.bank.example:9443\r\n\r\n"
        );
    }
}

#[test]
fn credentials_are_sent_and_never_shown() {
    let (result, request) = answered(
        "http://alice:s3cret@proxy",
        b"HTTP/1.1 407 No\r\nProxy-Authenticate: NTLM\r\n\r\n",
    );
    let error = result.unwrap_err();
    assert!(
        matches!(&error, ProxyError::CredentialsRefused { schemes, .. } if schemes == "NTLM"),
        "{error:?}"
    );
    assert!(request.contains("Proxy-Authorization: Basic YWxpY2U6czNjcmV0\r\n"));
    let url: ProxyUrl = "http://alice:s3cret@proxy".parse().unwrap();
    let environment = ProxyEnvironment {
        https_proxy: Some("http://alice:s3cret@proxy".into()),
        ..ProxyEnvironment::default()
    };
    let shown = format!(
        "{url} {url:?} {error} {error:?} {environment:?} {:?}",
        ProxySetting::Url(url.clone())
    );
    assert!(!shown.contains("s3cret") && !shown.contains("YWxp"), "{shown}");
}

#[test]
fn a_tunnel_over_real_sockets_and_a_proxy_that_is_not_there() {
    run(async {
        let proxy = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = proxy.local_addr().unwrap().port();
        let serving = tokio::spawn(async move {
            let (mut stream, _) = proxy.accept().await.unwrap();
            let mut request = vec![0; 1024];
            let count = stream.read(&mut request).await.unwrap();
            assert!(request[..count].starts_with(b"CONNECT gw.bank.example:9443 "));
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
            stream.write_all(b"through").await.unwrap();
        });
        let limit = std::time::Duration::from_secs(5);
        let setting = ProxySetting::Url(format!("http://127.0.0.1:{port}").parse().unwrap());
        let opened = super::super::dial("gw.bank.example", 9443, &setting, limit).await;
        // The greeting may arrive together with the answer, which a TLS server's never would.
        match opened {
            Ok(mut tunnel) => {
                let mut said = String::new();
                tunnel.read_to_string(&mut said).await.unwrap();
                assert_eq!(said, "through");
            }
            Err(error) => assert_eq!(error.code(), "proxy.not_a_proxy"),
        }
        serving.await.unwrap();
        let error = super::super::dial("gw.bank.example", 9443, &setting, limit).await.unwrap_err();
        assert_eq!(error.code(), "proxy.unreachable");
        let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let setting =
            ProxySetting::Url(format!("http://{}", silent.local_addr().unwrap()).parse().unwrap());
        let error = super::super::dial(
            "gw.bank.example",
            9443,
            &setting,
            std::time::Duration::from_millis(200),
        )
        .await
        .unwrap_err();
        assert_eq!(error.code(), "proxy.timed_out");
        // With a key in a token several hosts are dialled, and one handshake follows.
        let at = |host: &str| crate::Endpoint { host: host.into(), port: 9443 };
        let hosts = [at("gw.bank.example"), at("gw2.bank.example")];
        let limit = std::time::Duration::from_millis(200);
        let error = crate::dial_any(&hosts, &setting, limit).await.unwrap_err();
        assert_eq!(error.code(), "proxy.timed_out");
    });
}

proptest! {
    #[test]
    fn no_setting_and_no_answer_panics(text in ".{0,60}", answer in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = text.parse::<ProxyUrl>();
        let _ = exempt(Some(&text), "gw.bank.example");
        let url: ProxyUrl = "http://p".parse().unwrap();
        let _ = url.judge(&answer);
    }
}
