//! Two engines in one thread, bytes carried by hand between them.

use signet_fix::{
    framer::Framer,
    session::{Binding, Outbox, Role, Session, SessionConfig},
    store::MemoryStore,
};
use signet_identity::CompId;
use signet_rfq::UtcMillis;
use std::rc::Rc;

pub struct End {
    pub session: Session,
    pub outbox: Rc<Outbox>,
}

impl End {
    pub fn new(role: Role, sender: &str, target: &str) -> Self {
        let config = SessionConfig {
            role,
            sender: CompId::new(sender).unwrap(),
            target: CompId::new(target).unwrap(),
            heartbeat_s: 60,
            strict: false,
        };
        let store = Box::new(MemoryStore::new(UtcMillis(0)));
        let session = Session::open(&config, store).unwrap();
        let outbox = session.attach(Binding::None).unwrap();
        Self { session, outbox }
    }

    pub fn frames(&self) -> Vec<Vec<u8>> {
        let mut bytes = vec![];
        self.outbox.take(&mut bytes);
        let mut framer = Framer::new();
        framer.push(&bytes);
        std::iter::from_fn(|| framer.next_frame().unwrap().map(<[u8]>::to_vec)).collect()
    }
}

/// Bytes go to and fro until nobody says anything; what the gateway heard, without fetching what
/// came in the same turn first.
pub fn exchange(gate: &End, dealer: &End) {
    loop {
        let (up, down) = (gate.frames(), dealer.frames());
        if up.is_empty() && down.is_empty() {
            return;
        }
        up.iter().for_each(|f| drop(dealer.session.receive(f)));
        down.iter().for_each(|f| drop(gate.session.receive(f)));
        while gate.session.work() || dealer.session.work() {}
    }
}

pub fn connect(gate: &mut End, dealer: &mut End) {
    gate.outbox = gate.session.attach(Binding::None).unwrap();
    dealer.outbox = dealer.session.attach(Binding::None).unwrap();
    gate.session.tick();
    exchange(gate, dealer);
}
