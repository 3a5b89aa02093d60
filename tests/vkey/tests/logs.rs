//! A whole ceremony with every log line caught, at every level anybody could ask for.

mod support;

use signet_stepup::{
    client::{KeyOperation, Pin, Status, StepUp},
    logs::may_be_logged,
};
use signet_vkey::{TestAuthority, VirtualKeys};
use std::{
    io::Write,
    sync::{Arc, Mutex},
};
use support::*;
use tracing_subscriber::{
    EnvFilter, Layer as _, filter::filter_fn, fmt, fmt::MakeWriter, layer::SubscriberExt as _,
    util::SubscriberInitExt as _,
};

#[derive(Clone, Default)]
struct Caught(Arc<Mutex<Vec<u8>>>);

impl Write for Caught {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("lock").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Caught {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

impl Caught {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().expect("lock")).into_owned()
    }
}

#[tokio::test]
async fn no_level_lets_a_library_under_a_ceremony_speak() {
    let (capped, open) = (Caught::default(), Caught::default());
    // What somebody could put into RUST_LOG, longer targets included.
    let asked = "trace,authenticator=trace,authenticator::ctap2=trace,authenticator::transport=trace,webauthn_rs_core=trace";
    tracing_subscriber::registry()
        .with(
            fmt::layer()
                .with_ansi(false)
                .with_writer(capped.clone())
                .with_filter(filter_fn(|m| may_be_logged(m.target())))
                .with_filter(EnvFilter::new(asked)),
        )
        .with(
            fmt::layer()
                .with_ansi(false)
                .with_writer(open.clone())
                .with_filter(EnvFilter::new(asked)),
        )
        .init();

    let authority = TestAuthority::generate().expect("authority");
    let rp = Rp::trusting(&authority);
    let keys = VirtualKeys::new(vec![key(&authority, "one")]);
    let passkey = rp.register(&keys).await;
    let (options, state) = rp.ask_to_sign(&[passkey]);
    let mut pins = ["31415926", PIN].into_iter();
    let (answer, _) = run(keys.begin(order(KeyOperation::Sign(options))), |ceremony, status| {
        if let Status::Pin { .. } = status {
            ceremony.give_pin(Pin::new(pins.next().expect("two PINs").into()));
        }
    })
    .await;
    rp.signed(&answer.expect("signed"), &state).expect("accepted");
    tracing::trace!("the ceremony is over");
    log::trace!(target: "some_library", "records of the log crate come through");

    let (capped, open) = (capped.text(), open.text());
    assert!(
        capped.contains("the ceremony is over") && capped.contains("some_library"),
        "the log was caught: {capped}"
    );
    // Without the caps they would speak: otherwise this test shows nothing.
    assert!(open.contains(" authenticator::ctap2"), "{open}");
    for target in signet_stepup::logs::LOG_CAPS {
        assert!(!capped.contains(&format!(" {target}")), "{target} wrote into the log: {capped}");
    }
    for pin in [PIN, "31415926"] {
        let bytes = format!("{:?}", pin.as_bytes());
        assert!(!capped.contains(pin) && !capped.contains(bytes.trim_matches(['[', ']'])));
    }
}
