//! What a text says for a search: its words, a bond's maturity, the nicknames of an issuer.

use crate::settlement::MONTHS;

/// How traders call the bonds of an issuer whose ticker begins their symbols.
const NICKNAMES: [(&str, &[&str]); 17] = [
    ("dbr", &["bund", "germany"]),
    ("obl", &["bobl", "germany"]),
    ("bko", &["schatz", "germany"]),
    ("frtr", &["oat", "france"]),
    ("btps", &["btp", "italy"]),
    ("btp", &["italy"]),
    ("spgb", &["bono", "spain"]),
    ("bgb", &["olo", "belgium"]),
    ("nether", &["dsl", "netherlands"]),
    ("ukt", &["gilt", "uk"]),
    ("t", &["ust", "treasury", "usa"]),
    ("ust", &["treasury", "usa"]),
    ("jgb", &["japan"]),
    ("can", &["canada"]),
    ("acgb", &["australia"]),
    ("swiss", &["eidgenossen", "switzerland"]),
    ("ragb", &["austria"]),
];

pub(super) fn nicknames(ticker: &str) -> &'static [&'static str] {
    NICKNAMES.iter().find(|(t, _)| *t == ticker).map_or(&[], |(_, names)| names)
}

/// Lower case, and without the marks on Latin letters: `République` is found as `republique`.
pub(super) fn folded(text: &str) -> String {
    text.chars().flat_map(char::to_lowercase).map(unmarked).collect()
}

fn unmarked(c: char) -> char {
    match c {
        'à'..='å' | 'ā' | 'ă' | 'ą' => 'a',
        'ç' | 'ć' | 'č' => 'c',
        'ď' | 'đ' => 'd',
        'è'..='ë' | 'ē' | 'ė' | 'ę' | 'ě' => 'e',
        'ì'..='ï' | 'ī' | 'į' => 'i',
        'ł' => 'l',
        'ñ' | 'ń' | 'ň' => 'n',
        'ò'..='ö' | 'ø' | 'ō' | 'ő' => 'o',
        'ř' => 'r',
        'ś' | 'š' | 'ș' => 's',
        'ť' | 'ț' => 't',
        'ù'..='ü' | 'ū' | 'ů' | 'ű' => 'u',
        'ý' | 'ÿ' => 'y',
        'ź' | 'ż' | 'ž' => 'z',
        other => other,
    }
}

/// The words of a text: letters and digits, and the point of a coupon. A comma between digits is
/// such a point too.
pub(super) fn words(text: &str) -> Vec<String> {
    let text: Vec<char> = folded(text).chars().collect();
    let (mut all, mut word) = (Vec::new(), String::new());
    for (n, &c) in text.iter().enumerate() {
        let digit =
            |at: Option<usize>| at.and_then(|at| text.get(at)).is_some_and(char::is_ascii_digit);
        if c.is_alphanumeric() {
            word.push(c);
        } else if matches!(c, '.' | ',') && digit(n.checked_sub(1)) && digit(Some(n + 1)) {
            word.push('.');
        } else if !word.is_empty() {
            all.push(std::mem::take(&mut word));
        }
    }
    if !word.is_empty() {
        all.push(word);
    }
    all
}

/// The words of a text in one piece.
pub(super) fn squeezed(text: &str) -> String {
    words(text).concat()
}

/// The words of a maturity: `february` and `35` of `DBR 2.5 02/35`, or of a name with `Feb 2035`.
/// The year of a symbol is in this century.
pub(super) fn maturity(symbol: &str, name: &[String]) -> Vec<String> {
    let mut all = Vec::new();
    for part in symbol.split_whitespace() {
        let Some((month, year)) = part.split_once('/') else { continue };
        let two = |t: &str| t.len() == 2 && t.bytes().all(|b| b.is_ascii_digit());
        if !two(month) || !two(year) {
            continue;
        }
        if let Some(named) = month.parse::<usize>().ok().and_then(|m| MONTHS.get(m.wrapping_sub(1)))
        {
            all.extend([(*named).to_owned(), year.to_owned(), format!("20{year}")]);
        }
    }
    for (n, word) in name.iter().enumerate() {
        let is_year = word.len() == 4
            && word.bytes().all(|b| b.is_ascii_digit())
            && matches!(word.get(..2), Some("19" | "20" | "21"));
        if !is_year {
            continue;
        }
        all.extend(word.get(2..).map(str::to_owned));
        let before = n.checked_sub(1).and_then(|n| name.get(n));
        let month = before
            .filter(|m| m.len() >= 3)
            .and_then(|m| MONTHS.iter().find(|full| full.starts_with(m.as_str())));
        all.extend(month.map(|m| (*m).to_owned()));
    }
    all
}
