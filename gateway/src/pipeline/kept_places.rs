//! Where desks were last, across a restart: a file of text in the state directory, written off the
//! trading thread.
//!
//! The registry has only the country of a person, for the risk. The address of a desk's session is
//! a fact of this gateway, with a registry or without. The file decides nothing but whether a logon
//! is told as resumed from a new address: whoever forges it hides or makes such an event.

use super::{
    Pipeline,
    places::{DESKS_MAX, Last, Place},
};
use crate::{
    clock::now,
    delivery::{read_text, replace},
    events::EventSink,
};
use signet_events::About;
use signet_identity::CompId;
use signet_rfq::UtcMillis;
use std::{
    collections::BTreeMap,
    convert::Infallible,
    fmt::Write as _,
    net::IpAddr,
    path::{Path, PathBuf},
    rc::Rc,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// How often what has changed is written. A gateway that stops in order writes once more.
const WRITE_EVERY: Duration = Duration::from_secs(60);
const HEADER: &str = "signet last places 1";
/// A line has at most 20 digits, an address of 39 characters, a country of 2, a CompID of 64, and
/// what is between them.
const FILE_MAX: u64 = 136 * (DESKS_MAX as u64 + 1);
const CODE: &str = "session.last_places";
/// For a country that is not known.
const NOWHERE: &str = "-";

/// By desk.
pub(super) type All = BTreeMap<CompId, Last>;

/// Writes where desks were last, now and then, for ever.
pub async fn keep_places(pipeline: Rc<Pipeline>) -> Infallible {
    KeptPlaces::new(pipeline).serve().await
}

/// The file of a pipeline's places. Dropped, it writes what has changed.
struct KeptPlaces {
    pipeline: Rc<Pipeline>,
    /// What the file is to say.
    kept: Arc<Mutex<Kept>>,
    every: Duration,
}

/// What the file is to say, and whether it says that.
#[derive(Debug)]
struct Kept {
    file: PathBuf,
    all: All,
    failing: bool,
}

impl KeptPlaces {
    fn new(pipeline: Rc<Pipeline>) -> Self {
        let (file, all) = pipeline.places.to_keep();
        let kept = Arc::new(Mutex::new(Kept { file, all, failing: false }));
        Self { pipeline, kept, every: WRITE_EVERY }
    }

    async fn serve(&self) -> Infallible {
        loop {
            tokio::time::sleep(self.every).await;
            if let Some(changed) = self.due() {
                let kept = self.kept.clone();
                let written = tokio::task::spawn_blocking(move || locked(&kept).write(changed));
                self.said(written.await.unwrap_or_else(|e| Some(e.to_string())));
            }
        }
    }

    /// What has changed since it was written, if anything is to be written.
    fn due(&self) -> Option<All> {
        let changed = self.pipeline.places.take_changed();
        (!changed.is_empty() || locked(&self.kept).failing).then_some(changed)
    }

    fn said(&self, failure: Option<String>) {
        if let Some(why) = failure {
            let words = format!("the last places of desks cannot be written: {why}");
            told(&self.pipeline.events, words);
        }
    }
}

impl Drop for KeptPlaces {
    fn drop(&mut self) {
        if let Some(changed) = self.due() {
            let failure = locked(&self.kept).write(changed);
            self.said(failure);
        }
    }
}

/// What a thread that panicked left is whole: `write` changes it before it touches the file.
fn locked(kept: &Mutex<Kept>) -> MutexGuard<'_, Kept> {
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Kept {
    /// Takes in what has changed, and writes everything. Why it cannot be written, told once until
    /// it can be again; what was taken in is written at the next try.
    fn write(&mut self, changed: All) -> Option<String> {
        let now = now();
        self.all.extend(changed);
        self.all.retain(|_, last| last.is_remembered(now));
        let written = replace(&self.file, &encode(&self.all));
        let was_failing = std::mem::replace(&mut self.failing, written.is_err());
        written.err().filter(|_| !was_failing).map(|e| e.to_string())
    }
}

/// Where desks were when the gateway ran before. If that cannot be read, nothing is known, and an
/// event says so; if there is no file yet, nothing is said.
pub(super) fn read_places(file: &Path, events: &EventSink) -> All {
    let unreadable = |why: String| {
        told(events, format!("the last places of desks cannot be read, none is known: {why}"));
        All::new()
    };
    match read_text(file, FILE_MAX).map(|text| text.map(|t| decode(now(), &t))) {
        Ok(None) => All::new(),
        Ok(Some(Some(all))) => all,
        Ok(Some(None)) => unreadable("the content is not what the gateway writes".into()),
        Err(e) => unreadable(e.to_string()),
    }
}

fn told(events: &EventSink, words: String) {
    tracing::warn!(code = CODE, "{words}");
    events.gateway(CODE, About::object("desks.places"), words);
}

/// One line for each desk: when it logged on last or moved, in milliseconds since 1970, the
/// address, the country, and the desk, whose name may have spaces.
fn encode(all: &All) -> String {
    let mut text = format!("{HEADER}\n");
    for (desk, last) in all.iter().take(DESKS_MAX) {
        let Last { place: Place { address, country }, at } = last;
        let country = country.map_or(NOWHERE.to_owned(), |c| c.to_string());
        let _ = writeln!(text, "{} {address} {country} {desk}", at.0);
    }
    text
}

/// The places of a text, without those that are forgotten by now. `None`: this gateway did not
/// write that.
fn decode(now: UtcMillis, text: &str) -> Option<All> {
    let lines = text.strip_prefix(HEADER)?.strip_prefix('\n')?;
    let mut all = All::new();
    for (n, line) in lines.lines().enumerate() {
        let mut fields = line.splitn(4, ' ');
        let at = fields.next()?.parse::<i64>().ok().filter(|at| *at >= 0)?;
        let address = fields.next()?.parse::<IpAddr>().ok()?;
        let country = match fields.next()? {
            NOWHERE => None,
            code => Some(code.parse().ok()?),
        };
        let desk = CompId::new(fields.next()?).ok()?;
        if n >= DESKS_MAX || address.to_canonical() != address {
            return None;
        }
        // A clock that was ahead makes nothing be remembered for longer.
        let at = UtcMillis(at.min(now.0));
        if all.insert(desk, Last { place: Place { address, country }, at }).is_some() {
            return None;
        }
    }
    all.retain(|_, last| last.is_remembered(now));
    Some(all)
}

#[cfg(test)]
mod tests {
    use super::super::places::REMEMBERED_MS;
    use super::*;
    use proptest::prelude::*;
    use std::fs;

    const NOW: UtcMillis = UtcMillis(1_795_219_200_000);

    fn desk(name: &str) -> CompId {
        CompId::new(name).unwrap()
    }

    fn last(at: i64, address: &str, country: &str) -> Last {
        let place = Place { address: address.parse().unwrap(), country: country.parse().ok() };
        Last { place, at: UtcMillis(at) }
    }

    fn some() -> All {
        All::from([
            (desk("ALICE1"), last(NOW.0, "192.0.2.1", "GB")),
            (desk("DESK OF BOB"), last(NOW.0 - 5, "2001:db8::1", "")),
        ])
    }

    #[test]
    fn what_is_written_is_read_again() {
        let text = encode(&some());
        assert_eq!(
            text,
            format!(
                "{HEADER}\n1795219200000 192.0.2.1 GB ALICE1\n1795219199995 2001:db8::1 - DESK OF \
                    BOB\n"
            )
        );
        assert_eq!(decode(NOW, &text), Some(some()));
        assert_eq!(decode(NOW, &encode(&All::new())), Some(All::new()));
    }

    proptest! {
        #[test]
        fn any_places_are_read_as_they_were(
            all in prop::collection::btree_map(
                "[ -~]{1,64}",
                (0..=NOW.0, any::<u128>(), any::<bool>(), prop::option::of("[A-Z]{2}")),
                0..20,
            ),
        ) {
            let place = |(at, bits, v4, country): (i64, u128, bool, Option<String>)| {
                let address = match v4 {
                    true => IpAddr::V4((bits as u32).into()),
                    false => IpAddr::V6(bits.into()).to_canonical(),
                };
                let country = country.map(|c| c.parse().unwrap());
                Last { place: Place { address, country }, at: UtcMillis(at) }
            };
            let all: All = all.into_iter().map(|(name, l)| (desk(&name), place(l))).collect();
            let mut remembered = all.clone();
            remembered.retain(|_, l| l.is_remembered(NOW));
            prop_assert_eq!(decode(NOW, &encode(&all)), Some(remembered));
        }

        #[test]
        fn no_text_makes_it_panic(text in ".*", lines in "[0-9. :A-Z\n-]{0,200}") {
            let _ = decode(NOW, &text);
            let _ = decode(NOW, &format!("{HEADER}\n{lines}"));
        }
    }

    #[test]
    fn what_is_too_old_is_left_out_and_what_is_yet_to_come_is_of_now() {
        let past = NOW.0 - REMEMBERED_MS;
        let all = All::from([
            (desk("A"), last(past, "192.0.2.1", "GB")),
            (desk("B"), last(past + 1, "192.0.2.2", "GB")),
            (desk("C"), last(NOW.0 + 1, "192.0.2.3", "GB")),
        ]);
        let left = All::from([
            (desk("B"), last(past + 1, "192.0.2.2", "GB")),
            (desk("C"), last(NOW.0, "192.0.2.3", "GB")),
        ]);
        assert_eq!(decode(NOW, &encode(&all)), Some(left));
    }

    #[test]
    fn what_the_gateway_did_not_write_is_not_read() {
        let good = format!("{HEADER}\n7 192.0.2.1 GB ALICE1\n");
        assert!(decode(NOW, &good).is_some());
        for bad in [
            String::new(),
            good.replace("places 1", "places 2"),
            good.replace("192.0.2.1", "192.0.2"),
            good.replace("192.0.2.1", "::ffff:192.0.2.1"),
            good.replace("GB", "gb"),
            good.replace("GB", ""),
            good.replace("7 ", "-7 "),
            good.replace("7 ", "99999999999999999999 "),
            good.replace("ALICE1", ""),
            good.replace(" ALICE1", ""),
            good.replace("ALICE1", &"A".repeat(65)),
            format!("{good}7 192.0.2.2 GB ALICE1\n"),
            format!("{good}\n"),
        ] {
            assert_eq!(decode(NOW, &bad), None, "{bad}");
        }
    }

    #[test]
    fn no_more_than_so_many_are_written_or_read() {
        let one = last(NOW.0, "2001:db8:1111:2222:3333:4444:5555:6666", "GB");
        let all: All = (0..=DESKS_MAX).map(|n| (desk(&format!("{n:064}")), one)).collect();
        let text = encode(&all);
        assert!(text.len() as u64 <= FILE_MAX);
        assert_eq!(decode(NOW, &text).unwrap().len(), DESKS_MAX);
        let text = format!("{text}7 192.0.2.1 GB ALICE1\n");
        assert_eq!(decode(NOW, &text), None);
    }

    #[test]
    fn what_cannot_be_written_is_told_once_and_written_later() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("missing/desks.places");
        let mut kept = Kept { file: file.clone(), all: All::new(), failing: false };
        // By the machine's clock: it forgets by that.
        let here = last(now().0, "192.0.2.1", "GB");
        assert!(kept.write(All::from([(desk("A"), here)])).is_some());
        assert!(kept.write(All::from([(desk("B"), here)])).is_none() && kept.failing);
        fs::create_dir(dir.path().join("missing")).unwrap();
        assert!(kept.write(All::new()).is_none() && !kept.failing);
        let read = read_places(&file, &EventSink::new(None, None));
        assert_eq!(read, All::from([(desk("A"), here), (desk("B"), here)]));
        fs::remove_dir_all(dir.path().join("missing")).unwrap();
        assert!(kept.write(All::new()).is_some(), "told again");
    }

    #[test]
    fn a_file_that_is_not_the_gateways_leaves_nothing_known() {
        let dir = tempfile::tempdir().unwrap();
        let events = EventSink::new(None, None);
        assert!(read_places(&dir.path().join("none"), &events).is_empty());
        let file = dir.path().join("desks.places");
        fs::write(&file, "something else").unwrap();
        assert!(read_places(&file, &events).is_empty());
        fs::write(&file, [0xff, 0xfe]).unwrap();
        assert!(read_places(&file, &events).is_empty());
        assert!(read_places(dir.path(), &events).is_empty(), "a folder");
    }
}
