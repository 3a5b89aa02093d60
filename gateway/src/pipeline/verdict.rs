//! What follows from what the step-up rules want and what the policies say. Pure.

use crate::entitle::Ruling;
use signet_policy::entitle::Outcome;
use signet_stepup::rules::Wanted;

/// What becomes of a message of a desk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MessageVerdict {
    /// It goes on to the router.
    LetThrough,
    /// It waits for a touch, or for two people; the reason is for the person who touches.
    Hold(Wanted),
    /// It goes nowhere.
    Refuse,
}

/// The stricter of the rules of `[step_up.when]` and the policies.
pub fn verdict(rules: Wanted, policies: &Ruling) -> MessageVerdict {
    let words = || policies.words.clone();
    MessageVerdict::Hold(match (rules, policies.outcome) {
        (_, Outcome::Deny) => return MessageVerdict::Refuse,
        (Wanted::Nothing, Outcome::Allow) => return MessageVerdict::LetThrough,
        (rules, Outcome::Allow) => rules,
        (Wanted::TwoPeople(reason), Outcome::TwoPeople) => {
            Wanted::TwoPeople(format!("{reason} {}", words()))
        }
        (Wanted::TwoPeople(reason), Outcome::Touch) => Wanted::TwoPeople(reason),
        (_, Outcome::TwoPeople) => Wanted::TwoPeople(words()),
        (Wanted::Touch(reason), Outcome::Touch) => Wanted::Touch(format!("{reason} {}", words())),
        (Wanted::Nothing, Outcome::Touch) => Wanted::Touch(words()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ruling(outcome: Outcome) -> Ruling {
        Ruling {
            outcome,
            code: "entitle.test",
            words: "policy".into(),
            cure: String::new(),
            ids: Vec::new(),
            dealers: Vec::new(),
            digest: String::new(),
        }
    }

    #[test]
    fn every_pair_of_rule_and_policy_has_its_verdict() {
        use Wanted::{Nothing, Touch, TwoPeople};
        let touch = |text: &str| MessageVerdict::Hold(Touch(text.into()));
        let two = |text: &str| MessageVerdict::Hold(TwoPeople(text.into()));
        for (rules, policies, want) in [
            (Nothing, Outcome::Allow, MessageVerdict::LetThrough),
            (Nothing, Outcome::Touch, touch("policy")),
            (Nothing, Outcome::TwoPeople, two("policy")),
            (Nothing, Outcome::Deny, MessageVerdict::Refuse),
            (Touch("rule".into()), Outcome::Allow, touch("rule")),
            (Touch("rule".into()), Outcome::Touch, touch("rule policy")),
            (Touch("rule".into()), Outcome::TwoPeople, two("policy")),
            (Touch("rule".into()), Outcome::Deny, MessageVerdict::Refuse),
            (TwoPeople("rule".into()), Outcome::Allow, two("rule")),
            (TwoPeople("rule".into()), Outcome::Touch, two("rule")),
            (TwoPeople("rule".into()), Outcome::TwoPeople, two("rule policy")),
            (TwoPeople("rule".into()), Outcome::Deny, MessageVerdict::Refuse),
        ] {
            assert_eq!(verdict(rules.clone(), &ruling(policies)), want, "{rules:?} {policies:?}");
        }
    }
}
