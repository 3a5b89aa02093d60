//! Our EST client against servers nobody here wrote: a service put together from `openssl`
//! commands only (its TLS, its reading of requests, its certificates, its PKCS#7).
#![cfg(all(unix, feature = "est"))]

mod openssl;
#[path = "../../../../tests/needs/ports.rs"]
mod ports;

use std::sync::Arc;
use std::time::Duration;

use openssl::{Answer, Service};
use signet_identity::{DeviceKey, EstAddress, Identity, Refusal, TrustRoots};
use signet_keystore::est::{EstClient, EstError};
use signet_keystore::{KeyHolder, MemoryKeychain};
use signet_net::ProxySetting;

const TRUST_DOMAIN: &str = "bank.example";

fn client(service: &Service) -> EstClient {
    let address = EstAddress {
        host: "127.0.0.1".into(),
        port: service.port(),
        server_name: "localhost".into(),
    };
    EstClient::new(address, TRUST_DOMAIN, TrustRoots::from_pem_file(&service.root()).unwrap())
        .with_proxy(ProxySetting::Direct)
}

fn key(label: &str) -> Arc<dyn DeviceKey> {
    MemoryKeychain::new().generate(&label.parse().unwrap()).unwrap()
}

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

#[test]
fn enrolled_and_renewed() {
    let Some(service) = Service::start() else { return };
    run(async {
        let client = client(&service);
        assert_eq!(client.cacerts().await.unwrap().len(), 1);
        assert!(client.csrattrs().await.unwrap().oids.is_empty(), "this service answers 204");
        let first = key("a");
        let enrolled =
            client.simpleenroll(Arc::clone(&first), "alice", "CODE-1", "x1").await.unwrap();
        let facts = enrolled.peer.enrolled.clone().unwrap();
        assert_eq!(
            (facts.user.as_str(), facts.device.as_str(), enrolled.peer.comp_id.as_str()),
            ("alice", "x1", "ALICE1")
        );
        let identity = Identity::new(enrolled.chain, first).unwrap();

        let second = key("b");
        let renewed = client.simplereenroll(&identity, Arc::clone(&second)).await.unwrap();
        assert_ne!(renewed.peer.serial, identity.facts().serial);
        Identity::new(renewed.chain, second).unwrap();
        let seen = service.requests();
        assert!(
            seen.iter().any(|r| r.starts_with("POST /.well-known/est/simpleenroll HTTP/1.1\r\n")
                && r.contains("Basic YWxpY2U6Q09ERS0x")),
            "{seen:?}"
        );
        let renewal = seen.last().unwrap();
        assert!(
            renewal.starts_with("POST /.well-known/est/simplereenroll ")
                && !renewal.to_lowercase().contains("authorization"),
            "{renewal}"
        );
        let same = client.simplereenroll(&identity, Arc::clone(identity.key())).await.unwrap_err();
        assert_eq!(same.code(), "enrol.same_key");
    });
}

/// The service takes certificates of its own authority only: that it refuses this one in the
/// handshake shows that renewal is made with the current identity's certificate and key.
#[test]
fn a_renewal_shows_the_certificate_it_renews() {
    let (Some(service), Some(other)) = (Service::start(), Service::start()) else { return };
    run(async {
        let foreign = key("a");
        let enrolled = client(&other)
            .simpleenroll(Arc::clone(&foreign), "alice", "CODE-1", "x1")
            .await
            .unwrap();
        let foreign = Identity::new(enrolled.chain, foreign).unwrap();
        let error = client(&service).simplereenroll(&foreign, key("b")).await.unwrap_err();
        assert!(
            matches!(error, EstError::Tls(_)) && error.code().starts_with("client."),
            "{error:?}"
        );
        assert!(!service.requests().iter().any(|request| request.contains("simplereenroll")));
    });
}

#[test]
fn refused_in_the_servers_words() {
    let Some(service) = Service::start() else { return };
    run(async {
        let client = client(&service);
        let refused = client.simpleenroll(key("a"), "alice", "WRONG", "x1").await.unwrap_err();
        assert_eq!(
            (refused.code(), refused.to_string().as_str()),
            ("enrol.code_wrong", "The code is wrong.")
        );
        for (user, code) in [("Alice", "CODE-1"), ("alice", ""), ("alice", "a\r\nX: y")] {
            assert_eq!(
                client.simpleenroll(key("a"), user, code, "x1").await.unwrap_err().code(),
                "enrol.bad_input"
            );
        }
    });
}

#[test]
fn certificates_that_are_not_ours() {
    let Some(service) = Service::start() else { return };
    run(async {
        let client = client(&service);
        for (trick, code) in [
            (Answer::OtherUser, "enrol.other_name"),
            (Answer::OtherKey, "enrol.other_key"),
            (Answer::Huge, "enrol.answer_too_large"),
            (Answer::Html, "enrol.not_est"),
        ] {
            service.answer(trick);
            assert_eq!(
                client.simpleenroll(key("a"), "alice", "CODE-1", "x1").await.unwrap_err().code(),
                code,
                "{trick:?}"
            );
        }
    });
}

#[test]
fn servers_that_are_not_the_one() {
    let Some(service) = Service::start() else { return };
    let Some(other) = Service::start() else { return };
    run(async {
        let stranger = client(&service);
        let address = EstAddress {
            host: "127.0.0.1".into(),
            port: other.port(),
            server_name: "localhost".into(),
        };
        let impostor = EstClient::new(
            address,
            TRUST_DOMAIN,
            TrustRoots::from_pem_file(&service.root()).unwrap(),
        )
        .with_proxy(ProxySetting::Direct);
        let error = impostor.cacerts().await.unwrap_err();
        assert!(matches!(error, EstError::Tls(Refusal::UnknownCa)), "{error:?}");
        drop(stranger);

        let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = EstAddress {
            host: "127.0.0.1".into(),
            port: silent.local_addr().unwrap().port(),
            server_name: "localhost".into(),
        };
        let waiting = EstClient::new(
            address,
            TRUST_DOMAIN,
            TrustRoots::from_pem_file(&service.root()).unwrap(),
        )
        .with_proxy(ProxySetting::Direct)
        .with_time_max(Duration::from_millis(300));
        assert_eq!(waiting.cacerts().await.unwrap_err().code(), "net.timed_out");
    });
}

/// The handshake is over, so it is the service that does not answer, not the network.
#[test]
fn a_service_that_does_not_answer() {
    let Some(service) = Service::start() else { return };
    service.answer(Answer::Silence);
    run(async {
        let waiting = client(&service).with_time_max(Duration::from_secs(10));
        assert_eq!(waiting.cacerts().await.unwrap_err().code(), "enrol.timed_out");
        assert_eq!(service.requests().len(), 1);
    });
}
