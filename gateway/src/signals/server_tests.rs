use super::{super::files::Files, *};
use crate::pipeline::SignalInbox;
use rustls::{ServerConfig, server::ResolvesServerCertUsingSni};
use serde_json::Value;
use signet_signals::{SESSION_REVOKED, Signer};
use std::{future::poll_fn, pin::pin, sync::Arc, task::Poll};

const ISSUER: &str = "https://idp.bank.example";

/// A provider with a key, and the receiver that it pushes to.
struct Scene {
    receiver: Receiver,
    signer: Signer,
    _dir: tempfile::TempDir,
}

impl Scene {
    fn new() -> (Self, SignalInbox) {
        let dir = tempfile::tempdir().unwrap();
        let signer = Signer::from_pkcs8(&Signer::make_pkcs8().unwrap()).unwrap();
        let keys = dir.path().join("keys.json");
        std::fs::write(&keys, signer.key_set()).unwrap();
        let section = format!(
            "issuer = '{ISSUER}'\naudience = 'us'\nkeys = '{}'\nsubject_is_user_id = true",
            keys.display()
        );
        let section = toml::from_str(&section).unwrap();
        let files = Files::read(&section).unwrap();
        let provider = Provider::new(section, files, None, 1);
        let crypto = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = ServerConfig::builder_with_provider(crypto)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(ResolvesServerCertUsingSni::new()));
        let (orders, inbox) = SignalOrders::new();
        let tls = TlsAcceptor::from(Arc::new(tls));
        let receiver = Receiver::new(tls, vec![provider], EventSink::default(), orders);
        (Self { receiver, signer, _dir: dir }, inbox)
    }

    fn token(&self, jti: &str) -> String {
        let claims: Value = json!({
            "iss": ISSUER, "aud": "us", "iat": now().0.div_euclid(1_000), "jti": jti,
            "sub_id": {"format": "opaque", "id": "alice"}, "events": {SESSION_REVOKED: {}},
        });
        self.signer.sign(&claims).unwrap()
    }
}

/// Goes as far as it gets without the trading thread's answer.
async fn begun<F: Future<Output = Result<(), PushRefusal>>>(push: std::pin::Pin<&mut F>) {
    let mut push = push;
    let polled = poll_fn(|cx| Poll::Ready(push.as_mut().poll(cx))).await;
    assert!(polled.is_pending(), "it was decided without the trading thread");
}

#[tokio::test]
async fn a_repeat_of_what_is_not_decided_is_not_taken() {
    let (scene, mut inbox) = Scene::new();
    let (receiver, token) = (&scene.receiver, scene.token("t1"));
    let provider = &receiver.providers[0];
    let mut first = pin!(receiver.take(provider, &token));
    begun(first.as_mut()).await;
    let again = receiver.take(provider, &token).await;
    assert_eq!(again, Err(PushRefusal::Token(SetRefusal::InProgress)));
    assert_eq!(again.unwrap_err().status(), StatusCode::SERVICE_UNAVAILABLE);
    inbox.answer_next(Err(SignalRefusal::NotKept)).await;
    assert_eq!(first.await, Err(PushRefusal::NotKept));
    // It comes again, is acted on, and from then on a repeat is taken.
    let mut second = pin!(receiver.take(provider, &token));
    begun(second.as_mut()).await;
    inbox.answer_next(Ok(SignalDone::Sessions(1))).await;
    assert_eq!(second.await, Ok(()));
    assert_eq!(receiver.take(provider, &token).await, Ok(()));
}

/// Nothing between the push, what the trading thread does, and the answer waits for a clock: the
/// answer is there as soon as the trading thread has acted, and not before.
#[tokio::test]
async fn the_answer_comes_with_the_word_of_the_trading_thread_and_not_before() {
    let (scene, mut inbox) = Scene::new();
    let (receiver, token) = (&scene.receiver, scene.token("t3"));
    let mut push = pin!(receiver.take(&receiver.providers[0], &token));
    // However often it has its turn.
    for _ in 0..3 {
        begun(push.as_mut()).await;
    }
    inbox.answer_next(Ok(SignalDone::Sessions(1))).await;
    let polled = poll_fn(|cx| Poll::Ready(push.as_mut().poll(cx))).await;
    assert_eq!(polled, Poll::Ready(Ok(())));
}

#[tokio::test]
async fn what_a_provider_hung_up_on_is_not_said_to_be_taken() {
    let (scene, mut inbox) = Scene::new();
    let (receiver, token) = (&scene.receiver, scene.token("t2"));
    let provider = &receiver.providers[0];
    {
        let mut aborted = pin!(receiver.take(provider, &token));
        begun(aborted.as_mut()).await;
    }
    let mut retry = pin!(receiver.take(provider, &token));
    begun(retry.as_mut()).await;
    // The order of the push that was aborted, then the one of the retry.
    inbox.answer_next(Err(SignalRefusal::NotKept)).await;
    inbox.answer_next(Err(SignalRefusal::NotKept)).await;
    assert_eq!(retry.await, Err(PushRefusal::NotKept));
}

#[test]
fn what_the_provider_is_to_send_again_is_a_503() {
    for (refusal, code) in [
        (PushRefusal::TooFast, "signal.too_fast"),
        (PushRefusal::NotKept, "signal.not_kept"),
        (PushRefusal::Silent, "signal.trading_silent"),
        (PushRefusal::Token(SetRefusal::InProgress), "set.in_progress"),
        (PushRefusal::Token(SetRefusal::TooMany), "set.too_many"),
    ] {
        let is = (refusal.status().as_u16(), refusal.code());
        assert_eq!(is, (503, code), "{refusal}");
    }
}
