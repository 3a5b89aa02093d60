//! Several verdicts made one, and a refusal as its desk reads it.

use signet_fix::{
    AppMessage,
    message::{Advice, Response},
    tagvalue::MAX_TEXT_CHARS,
};
use signet_policy::entitle::{Outcome, Verdict};
use signet_rfq::{DealerId, UtcMillis};
use signet_router::{accept_refusal, counter_refusal, request_refusal};
use std::collections::BTreeSet;

/// QuoteRequestRejectReason (658): not authorized.
const NOT_AUTHORIZED: u16 = 6;
/// Of these 240 characters of a reason, the parts that must not be lost take at most so many: whom
/// it is about, and by which policies. The words get what is left, then the cure.
const MAX_DEALERS_CHARS: usize = 50;
const MAX_IDS_CHARS: usize = 70;

/// What the policies say about one message, to whichever dealers it goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ruling {
    pub outcome: Outcome,
    /// Stable; empty unless it is refused.
    pub code: &'static str,
    /// The policies' words, for the trader.
    pub words: String,
    pub cure: String,
    /// Ids of the policies that determined it, sorted.
    pub ids: Vec<String>,
    /// The dealers that the strictest verdict is about.
    pub dealers: Vec<DealerId>,
    /// Of the documents.
    pub digest: String,
}

impl Ruling {
    /// The strictest of the verdicts, each about a dealer, rules; with none there is nothing to
    /// allow.
    pub fn of(verdicts: Vec<(DealerId, Verdict)>, digest: &str) -> Self {
        let outcome = verdicts.iter().map(|(_, v)| v.outcome()).max().unwrap_or(Outcome::Deny);
        let strictest = verdicts.into_iter().filter(|(_, v)| v.outcome() == outcome);
        let (mut dealers, verdicts): (Vec<DealerId>, Vec<Verdict>) = strictest.unzip();
        // There is a verdict for each leg of a package.
        dealers.dedup();
        let Some(first) = verdicts.first() else {
            return Self::refused(
                "entitle.unknown_person",
                "The policies cannot tell who asks.",
                "Log on again.",
                digest,
            );
        };
        let code = first.code().unwrap_or_default();
        let ids: BTreeSet<String> =
            verdicts.iter().flat_map(|v| v.ids()).map(String::from).collect();
        let all = |of: fn(&Verdict) -> String| {
            let mut texts: Vec<String> = Vec::new();
            for t in verdicts.iter().map(of).filter(|t| !t.is_empty()) {
                if !texts.contains(&t) {
                    texts.push(t);
                }
            }
            texts.join(" ")
        };
        Self {
            outcome,
            code,
            words: all(Verdict::words),
            cure: all(Verdict::cure),
            ids: ids.into_iter().collect(),
            dealers,
            digest: digest.into(),
        }
    }

    /// The verdict about something that no dealer hears of.
    pub fn of_one(verdict: Verdict, digest: &str) -> Self {
        Self {
            outcome: verdict.outcome(),
            code: verdict.code().unwrap_or_default(),
            words: verdict.words(),
            cure: verdict.cure(),
            ids: verdict.ids().into_iter().map(String::from).collect(),
            dealers: Vec::new(),
            digest: digest.into(),
        }
    }

    /// Denied by the gateway, not by a policy.
    pub fn refused(code: &'static str, words: &str, cure: &str, digest: &str) -> Self {
        Self {
            outcome: Outcome::Deny,
            code,
            words: words.into(),
            cure: cure.into(),
            ids: Vec::new(),
            dealers: Vec::new(),
            digest: digest.into(),
        }
    }

    /// The same reasons, refused because what they ask for is not to be had.
    pub fn not_to_be_had(self, code: &'static str, why: &str, cure: &str) -> Self {
        Self {
            outcome: Outcome::Deny,
            code,
            words: format!("{} {why}", self.words),
            cure: cure.into(),
            ..self
        }
    }

    /// What the trader reads: whom it is about, why, the code with the policies, and the cure; no
    /// longer than FIX text may be here. When it has to be shorter, the cure goes first, then the
    /// end of the words.
    pub fn text(&self, m: &AppMessage) -> String {
        let what = if matches!(m, AppMessage::QuoteRequest(_)) {
            "not sent to any dealer"
        } else {
            "not sent to the dealer"
        };
        let whom = some_of(self.dealers.iter().map(DealerId::as_str), MAX_DEALERS_CHARS);
        let whom = if whom.is_empty() { String::new() } else { format!(" ({whom})") };
        let ids = some_of(self.ids.iter().map(String::as_str), MAX_IDS_CHARS);
        let ids = match self.ids.len() {
            0 => String::new(),
            1 => format!(", policy {ids}"),
            _ => format!(", policies {ids}"),
        };
        let (before, after) = (format!("{what}{whom}: "), format!(" [{}{ids}]", self.code));
        // Only printable ASCII travels.
        let plain = |text: &str| {
            text.chars().map(|c| if (' '..='~').contains(&c) { c } else { '?' }).collect::<String>()
        };
        let room = MAX_TEXT_CHARS.saturating_sub(before.len() + after.len());
        let (words, cure) = (plain(&self.words), plain(&self.cure));
        let words = if words.len() > room {
            format!("{}...", words.get(..room.saturating_sub(3)).unwrap_or_default())
        } else {
            words
        };
        let cure = if cure.is_empty() || words.len() + 1 + cure.len() > room {
            String::new()
        } else {
            format!(" {cure}")
        };
        format!("{before}{words}{cure}{after}")
    }

    /// The refusal of a message, to its desk; `None` for one that no dealer would get.
    pub fn refusal(&self, m: &AppMessage, now: UtcMillis) -> Option<AppMessage> {
        match m {
            AppMessage::QuoteRequest(q) => {
                let advice = (!self.code.is_empty())
                    .then(|| Advice { code: self.code.into(), cure: self.cure.clone() });
                Some(AppMessage::QuoteRequestReject(request_refusal(
                    q,
                    NOT_AUTHORIZED,
                    self.text(m),
                    advice,
                )))
            }
            AppMessage::QuoteResponse(r) if r.response == Response::Counter => {
                Some(AppMessage::BusinessReject(counter_refusal(r, self.text(m))))
            }
            AppMessage::QuoteResponse(r) => {
                Some(AppMessage::ExecutionReport(accept_refusal(r, self.text(m), now)))
            }
            _ => None,
        }
    }

    /// For the event: everything that explains it.
    pub fn detail(&self, what: &str) -> String {
        let dealers: Vec<&str> = self.dealers.iter().map(DealerId::as_str).collect();
        let because =
            if self.ids.is_empty() { "no policy".to_owned() } else { self.ids.join(", ") };
        format!(
            "{what} {}: {} by {because}; policies {}",
            dealers.join(", "),
            self.code,
            self.digest
        )
    }
}

/// As many of the names as fit, and how many more there are.
fn some_of<'a>(names: impl Iterator<Item = &'a str>, room: usize) -> String {
    let all: Vec<&str> = names.collect();
    let mut text = String::new();
    for (i, name) in all.iter().enumerate() {
        let comma = if i == 0 { "" } else { ", " };
        // The first is named whatever its length.
        if i > 0 && text.len() + comma.len() + name.len() > room {
            return format!("{text} and {} more", all.len() - i);
        }
        text.push_str(comma);
        text.push_str(name);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use signet_policy::entitle::{Because, Cited, Denial};

    fn because(id: &str, words: &str) -> Because {
        let cited = Cited { id: id.into(), forbids: true, words: Some(words.into()), cure: None };
        Because { cited: vec![cited], digest: "d".into() }
    }

    fn dealer(n: &str) -> DealerId {
        DealerId::new(n).unwrap()
    }

    #[test]
    fn the_strictest_verdict_rules_and_names_its_dealers() {
        let (a, t, w) = (
            Verdict::Allow(because("a", "A.")),
            Verdict::Touch(because("t", "T.")),
            Verdict::TwoPeople(because("w", "W.")),
        );
        let d = Verdict::Deny(Denial::Forbidden, because("d", "D."));
        for (verdicts, outcome, ids, dealers) in [
            (vec![("X", &a), ("Y", &a)], Outcome::Allow, vec!["a"], vec!["X", "Y"]),
            (vec![("X", &a), ("Y", &t)], Outcome::Touch, vec!["t"], vec!["Y"]),
            (vec![("X", &w), ("Y", &t)], Outcome::TwoPeople, vec!["w"], vec!["X"]),
            (vec![("X", &d), ("Y", &a), ("Z", &d)], Outcome::Deny, vec!["d"], vec!["X", "Z"]),
            (vec![], Outcome::Deny, vec![], vec![]),
        ] {
            let r = Ruling::of(
                verdicts.iter().map(|(n, v)| (dealer(n), (*v).clone())).collect(),
                "digest",
            );
            assert_eq!(
                (r.outcome, r.ids, r.dealers),
                (
                    outcome,
                    ids.into_iter().map(String::from).collect(),
                    dealers.into_iter().map(dealer).collect()
                )
            );
        }
    }

    #[test]
    fn a_refusal_says_why_and_by_which_policy() {
        let denied = |id, words: &str| Verdict::Deny(Denial::Forbidden, because(id, words));
        let r = Ruling::of(
            vec![
                (dealer("X"), denied("p1", "Too much.")),
                (dealer("Y"), denied("p2", "Too m\u{fc}ch.")),
            ],
            "digest",
        );
        let hit = AppMessage::StepUpRequest { reason: String::new() };
        assert_eq!(
            r.text(&hit),
            "not sent to the dealer (X, Y): Too much. Too m?ch. Ask the risk officer whether it \
                should be allowed. [entitle.forbidden, policies p1, p2]"
        );
        assert_eq!(r.refusal(&hit, UtcMillis(0)), None);
        assert_eq!(r.detail("accept"), "accept X, Y: entitle.forbidden by p1, p2; policies digest");
        let long = Ruling::of(vec![(dealer("X"), denied("p", &"w".repeat(5_000)))], "digest");
        let text = long.text(&hit);
        assert!(
            text.len() == MAX_TEXT_CHARS
                && text.contains("www...")
                && text.ends_with("[entitle.forbidden, policy p]"),
            "{text}"
        );
        // However many dealers and policies and however long their names: what names them is never
        // cut off.
        let names: Vec<String> = (0..12).map(|n| format!("DEALER-WITH-A-LONG-NAM{n:02}")).collect();
        let ids: Vec<String> =
            (0..12).map(|n| format!("{}{n}", "policy-with-a-very-long-name".repeat(2))).collect();
        let many = Ruling::of(
            names.iter().zip(&ids).map(|(n, id)| (dealer(n), denied(id, "Too much."))).collect(),
            "digest",
        )
        .text(&hit);
        assert!(
            many.len() <= MAX_TEXT_CHARS
                && many.contains("and 10 more)")
                && many.contains("Too much."),
            "{many}"
        );
        assert!(many.ends_with("and 11 more]"), "{many}");
    }
}
