//! The queue of connections that have not logged on yet: a crowd of desks that come back at once
//! waits its turn. `state.rs` decides, purely; `known.rs` says which networks go first, `kept.rs`
//! keeps them across a restart; `hello.rs` says when a connection has said enough to be given a
//! turn.

mod hello;
mod kept;
mod known;
mod limits;
mod places;
mod state;
mod tally;

pub use kept::KeptNetworks;
pub use limits::{QueueFull, QueueLimits};

use crate::events::EventSink;
use state::{State, Told};
use std::{
    cell::RefCell,
    collections::HashMap,
    convert::Infallible,
    io,
    net::IpAddr,
    path::PathBuf,
    rc::Rc,
    time::{Duration, Instant},
};
use tokio::{io::Interest, net::TcpStream, sync::Notify, time::MissedTickBehavior};

/// The least time between two rounds; a thread that is busy takes longer.
const ROUND: Duration = Duration::from_millis(50);

/// What one connection is told.
#[derive(Debug, Default)]
struct Signals {
    turn: Notify,
    evicted: Notify,
}

#[derive(Debug)]
struct Shared {
    state: RefCell<State>,
    signals: RefCell<HashMap<u64, Rc<Signals>>>,
    wake: Notify,
}

/// The queue of one listener, for the tasks of its thread.
#[derive(Debug, Clone)]
pub struct AdmissionQueue(Rc<Shared>);

impl AdmissionQueue {
    pub fn new(limits: QueueLimits) -> Self {
        Self(Rc::new(Shared {
            state: RefCell::new(State::new(limits)),
            signals: RefCell::default(),
            wake: Notify::new(),
        }))
    }

    /// From here on the networks that go first are those in `file`, and are kept there.
    pub fn keeping(&self, file: PathBuf, events: EventSink) -> KeptNetworks {
        KeptNetworks::read(self.0.clone(), file, events)
    }

    /// A connection comes. `None`: its source is not known yet.
    pub fn arrive(&self, source: Option<IpAddr>) -> Result<Ticket, QueueFull> {
        let id = self.0.state.borrow_mut().arrive(Instant::now(), source);
        // Another one may have lost its place for it, or for nothing.
        self.0.wake.notify_one();
        let (id, signals) = (id?, Rc::new(Signals::default()));
        self.0.signals.borrow_mut().insert(id, signals.clone());
        Ok(Ticket { queue: self.0.clone(), id, signals })
    }

    /// How many have their turn.
    pub fn turns(&self) -> usize {
        self.0.state.borrow().turns_taken()
    }

    /// Gives out turns for ever. Without it nobody gets one.
    pub async fn serve(&self) -> Infallible {
        // The next round is so long after the last one, however often the queue changes meanwhile.
        let mut rounds = tokio::time::interval(ROUND);
        rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            for (id, told) in self.advance() {
                if let Some(s) = self.0.signals.borrow().get(&id) {
                    match told {
                        Told::Turn => s.turn.notify_one(),
                        Told::Evicted => s.evicted.notify_one(),
                    }
                }
            }
            let empty = self.0.state.borrow().is_empty();
            tokio::select! {
                _ = rounds.tick(), if !empty => self.0.state.borrow_mut().next_round(),
                () = self.0.wake.notified() => {}
            }
        }
    }

    fn advance(&self) -> Vec<(u64, Told)> {
        self.0.state.borrow_mut().advance(Instant::now())
    }
}

/// Held while a connection is not logged on.
#[derive(Debug)]
pub struct Ticket {
    queue: Rc<Shared>,
    id: u64,
    signals: Rc<Signals>,
}

impl Ticket {
    /// Returns when the connection has said something and its turn has come; one that hung up
    /// meanwhile costs no handshake.
    pub async fn turn_of(&self, stream: &TcpStream) -> io::Result<()> {
        hello::spoken(stream).await?;
        self.turn().await;
        match stream.ready(Interest::READABLE).await?.is_read_closed() {
            true => Err(io::ErrorKind::UnexpectedEof.into()),
            false => Ok(()),
        }
    }

    /// Returns when the turn of a connection that has said something has come.
    pub async fn turn(&self) {
        self.tell(State::ready);
        self.signals.turn.notified().await;
    }

    /// Returns when another connection was given this place.
    pub async fn evicted(&self) {
        self.signals.evicted.notified().await;
    }

    /// The source is known now.
    pub fn named(&self, source: IpAddr) -> Result<(), QueueFull> {
        let named = self.queue.state.borrow_mut().named(Instant::now(), self.id, source);
        self.queue.wake.notify_one();
        named
    }

    /// TLS is complete.
    pub fn encrypted(&self) {
        self.tell(State::encrypted);
    }

    /// A desk logged on; its network is known from now on.
    pub fn logged_on(self) {
        self.tell(|s, id| s.logged_on(Instant::now(), id));
    }

    fn tell(&self, f: impl FnOnce(&mut State, u64)) {
        f(&mut self.queue.state.borrow_mut(), self.id);
        self.queue.wake.notify_one();
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.queue.signals.borrow_mut().remove(&self.id);
        self.tell(State::gone);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::LimitsSection;
    use tokio::{io::AsyncWriteExt as _, net::TcpListener};

    #[tokio::test]
    async fn one_that_hung_up_while_it_waited_is_not_served() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let queue = AdmissionQueue::new(QueueLimits::of(&LimitsSection::default()));
        for hangs_up in [false, true] {
            let mut peer = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
            peer.write_all(b"hello").await.unwrap();
            let (stream, from) = listener.accept().await.unwrap();
            let ticket = queue.arrive(Some(from.ip())).unwrap();
            if hangs_up {
                peer.shutdown().await.unwrap();
                while !stream.ready(Interest::READABLE).await.unwrap().is_read_closed() {
                    tokio::task::yield_now().await;
                }
            }
            let turn = tokio::select! {
                turn = ticket.turn_of(&stream) => turn,
                never = queue.serve() => match never {},
            };
            assert_eq!(turn.is_err(), hangs_up);
        }
    }
}
