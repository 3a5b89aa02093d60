//! The questions of `init` on a terminal.

use super::{
    answers::{Answers, DealerAnswer, TraderAnswer},
    bank::Bank,
};
use std::io;

/// Somebody who answers.
pub trait Dialogue {
    /// A line without its end; `None` when they went away.
    ///
    /// # Errors
    /// The terminal.
    fn ask(&mut self, question: &str) -> io::Result<Option<String>>;

    /// Tells them something.
    ///
    /// # Errors
    /// The terminal.
    fn say(&mut self, text: &str) -> io::Result<()>;
}

/// One question: what faults name, the words, and where the answer goes. An error is shown and the
/// question asked once more.
struct Question {
    key: &'static str,
    words: &'static str,
    answered: fn(&Answers) -> bool,
    take: fn(&mut Answers, &str) -> Result<(), String>,
    /// Asked until the answer is empty.
    repeats: bool,
}

fn listed(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|t| !t.is_empty()).map(str::to_owned).collect()
}

const QUESTIONS: &[Question] = &[
    Question {
        key: "firm",
        words: "The firm, as traders read it",
        answered: |a| !a.firm.is_empty(),
        take: |a, t| set(&mut a.firm, t),
        repeats: false,
    },
    Question {
        key: "trust_domain",
        words: "A name of the firm's for the certificates, such as bank.example",
        answered: |a| !a.trust_domain.is_empty(),
        take: |a, t| set(&mut a.trust_domain, t),
        repeats: false,
    },
    Question {
        key: "hosts",
        words: "Host names under which desks reach this gateway, with commas",
        answered: |a| !a.hosts.is_empty(),
        take: |a, t| list(&mut a.hosts, t),
        repeats: false,
    },
    Question {
        key: "countries",
        words: "Countries where the firm's people work, with commas (GB, FR)",
        answered: |a| !a.countries.is_empty(),
        take: |a, t| list(&mut a.countries, t),
        repeats: false,
    },
    Question {
        key: "networks",
        words: "The firm's networks, with commas (10.20.0.0/16); Enter for none",
        answered: |a| !a.networks.is_empty(),
        take: |a, t| list(&mut a.networks, t),
        repeats: false,
    },
    Question {
        key: "database",
        words: "The database: sqlite, or postgres://...; Enter for sqlite",
        answered: |a| !a.database.is_empty(),
        take: |a, t| set(&mut a.database, t),
        repeats: false,
    },
    Question {
        key: "admin",
        words: "User id of the first administrator (sylvia)",
        answered: |a| !a.admin.is_empty(),
        take: |a, t| set(&mut a.admin, t),
        repeats: false,
    },
    Question {
        key: "dealer",
        words: "A dealer: COMPID,HOST:PORT[,ca=FILE][,request=FILE]; Enter when there is none left",
        answered: |a| !a.dealer.is_empty(),
        take: |a, t| t.parse::<DealerAnswer>().map(|d| a.dealer.push(d)),
        repeats: true,
    },
    Question {
        key: "trader",
        words: "A trader: ID,COMPID,NAME; Enter when there is none left",
        answered: |a| !a.trader.is_empty(),
        take: |a, t| t.parse::<TraderAnswer>().map(|d| a.trader.push(d)),
        repeats: true,
    },
];

fn set(field: &mut String, text: &str) -> Result<(), String> {
    text.clone_into(field);
    Ok(())
}

fn list(field: &mut Vec<String>, text: &str) -> Result<(), String> {
    *field = listed(text);
    Ok(())
}

/// Asks what is not answered yet, each question until its answer can be used.
///
/// # Errors
/// The terminal; or it was closed.
pub fn ask(answers: &mut Answers, who: &mut impl Dialogue) -> io::Result<()> {
    for q in QUESTIONS {
        if (q.answered)(answers) {
            continue;
        }
        loop {
            let text = who.ask(q.words)?.ok_or(io::ErrorKind::UnexpectedEof)?;
            let text = text.trim();
            let mut with = answers.clone();
            let taken = if text.is_empty() { Ok(()) } else { (q.take)(&mut with, text) };
            let faults = match taken {
                Err(why) => vec![why],
                Ok(()) => about(&with, q.key),
            };
            if faults.is_empty() {
                *answers = with;
                if !q.repeats || text.is_empty() {
                    break;
                }
            }
            for fault in faults {
                who.say(&fault)?;
            }
        }
    }
    Ok(())
}

/// What is wrong with one answer; the others may not be given yet.
fn about(answers: &Answers, key: &str) -> Vec<String> {
    let faults = Bank::of(answers, 0).err().unwrap_or_default();
    let same = |of: &str| of == key || of.strip_prefix(key).is_some_and(|r| r.starts_with(' '));
    faults.iter().filter(|f| same(&f.answer)).map(ToString::to_string).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Script(Vec<&'static str>, Vec<String>);

    impl Dialogue for Script {
        fn ask(&mut self, question: &str) -> io::Result<Option<String>> {
            self.1.push(question.to_owned());
            Ok((!self.0.is_empty()).then(|| self.0.remove(0).to_owned()))
        }

        fn say(&mut self, text: &str) -> io::Result<()> {
            self.1.push(format!("! {text}"));
            Ok(())
        }
    }

    #[test]
    fn a_wrong_answer_is_explained_and_asked_for_once_more() {
        let lines = vec![
            "Example Bank",
            "Bank Example",
            "bank.example",
            "rfq.bank.example, rfq2.bank.example",
            "UK",
            "GB",
            "10.0.0.0/4",
            "10.20.0.0/16",
            "",
            "sylvia",
            "NORTHBANK fix.northbank.example",
            "NORTHBANK,fix.northbank.example:9880",
            "",
            "alice,ALICE1,Alice Smith",
            "",
        ];
        let mut who = Script(lines, vec![]);
        let mut answers = Answers::default();
        ask(&mut answers, &mut who).unwrap();
        let said: Vec<&String> = who.1.iter().filter(|l| l.starts_with('!')).collect();
        assert_eq!(said.len(), 4, "{said:?}");
        for (n, wanted) in
            ["trust_domain", "is GB", "networks", "COMPID,HOST:PORT"].iter().enumerate()
        {
            assert!(said[n].contains(wanted), "{said:?}");
        }
        let bank = Bank::of(&answers, 1).unwrap();
        assert_eq!(bank.hosts, ["rfq.bank.example", "rfq2.bank.example"]);
        assert_eq!((bank.dealers.len(), bank.traders[0].name.as_str()), (1, "Alice Smith"));
        assert!(bank.database.starts_with("sqlite:/var/lib/signet"), "{}", bank.database);
    }

    #[test]
    fn nobody_is_asked_for_what_is_answered_and_a_closed_terminal_ends_it() {
        let mut answers = Answers { firm: "Example Bank".into(), ..Answers::default() };
        let mut who = Script(vec![], vec![]);
        let e = ask(&mut answers, &mut who).unwrap_err();
        assert_eq!(e.kind(), io::ErrorKind::UnexpectedEof);
        assert!(who.1.len() == 1 && who.1[0].contains("certificates"), "{:?}", who.1);
    }
}
