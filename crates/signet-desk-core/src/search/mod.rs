//! Finds instruments by what a trader types: ISIN, pair, symbol, name, nickname, coupon, maturity.
//! Pure: texts in, ids out. A name finds an instrument; a request always names it by its id.
//!
//! Every typed word must be found in an instrument. Each word gets points for where it is found,
//! and fewer points are better:
//!
//! | where | points | and how | points |
//! | --- | --- | --- | --- |
//! | the symbol's first word (`DBR`, `EUR`) | 0 | the whole word | 0 |
//! | another word of the symbol, the id, a nickname (`bund`), the maturity (`feb`, `35`) | 1 | its beginning | 3 |
//! | the name | 2 | inside the text, without what separates its words | 12 |
//!
//! Before all others comes an instrument whose id is what was typed, then one whose symbol is.
//! Instruments with equal points are ordered by symbol, then by id, so that the same text always
//! shows the same list.

mod words;

use std::collections::BTreeMap;
use words::{folded, nicknames, squeezed, words};

/// What is listed of one instrument.
#[derive(Debug, Clone, Copy)]
pub struct Listed<'a> {
    /// ISIN, or the currency pair.
    pub id: &'a str,
    /// What traders call it.
    pub symbol: &'a str,
    /// Its full name.
    pub name: &'a str,
    /// A government bond, whose symbol begins with the issuer's ticker.
    pub government: bool,
}

/// More words than this are not looked at.
const WORDS_MAX: usize = 8;
/// More characters than this are not looked at.
const TYPED_MAX: usize = 120;

const FIRST: u8 = 0;
const BESIDE: u8 = 1;
const IN_NAME: u8 = 2;
const BEGINNING: u8 = 3;
const INSIDE: u8 = 12;
const NOWHERE: u8 = u8::MAX;

/// The instruments that have a word, with the points for where it is.
type Places = Vec<(u32, u8)>;

/// A searchable list of instruments, in the order by symbol and id.
#[derive(Debug, Default)]
pub struct Index {
    ids: Vec<Box<str>>,
    /// Symbol, id and name without separators, for a word that begins no word.
    plain: Vec<Box<str>>,
    /// Every word, sorted, with the instruments that have it and the points for where.
    words: Vec<(Box<str>, Places)>,
    /// By the id without separators, which several instruments may share.
    by_id: BTreeMap<Box<str>, Vec<u32>>,
    by_symbol: BTreeMap<Box<str>, Vec<u32>>,
}

/// What a text means, without a choice from the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meant<'a> {
    /// No instrument has it as its id or symbol.
    Nothing,
    /// This instrument, by its id.
    One(&'a str),
    /// So many instruments have this symbol, or this id but for what separates its words.
    Several(usize),
}

impl Index {
    /// Takes at most `u32::MAX` instruments; a catalogue has far fewer.
    pub fn new<'a>(all: impl IntoIterator<Item = Listed<'a>>) -> Self {
        let mut all: Vec<Listed<'a>> = all.into_iter().collect();
        all.sort_by(|a, b| (folded(a.symbol), a.id).cmp(&(folded(b.symbol), b.id)));
        let mut index = Self::default();
        let mut found: BTreeMap<String, Places> = BTreeMap::new();
        for (at, one) in (0u32..).zip(&all) {
            let (id, symbol) = (squeezed(one.id), squeezed(one.symbol));
            for (word, points) in words_of(one, &id) {
                let places = found.entry(word).or_default();
                match places.last_mut() {
                    Some((last, p)) if *last == at => *p = points.min(*p),
                    _ => places.push((at, points)),
                }
            }
            let plain = format!("{symbol}\n{id}\n{}", squeezed(one.name));
            index.plain.push(plain.into());
            index.ids.push(one.id.into());
            index.by_id.entry(id.into()).or_default().push(at);
            index.by_symbol.entry(symbol.into()).or_default().push(at);
        }
        index.words = found.into_iter().map(|(w, p)| (w.into(), p)).collect();
        index
    }

    /// How many instruments there are.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// The ids of the instruments that hold every typed word, the likeliest first, at most `most`.
    pub fn find(&self, typed: &str, most: usize) -> Vec<&str> {
        let typed: String = typed.chars().take(TYPED_MAX).collect();
        let wanted: Vec<String> = words(&typed).into_iter().take(WORDS_MAX).collect();
        let whole = squeezed(&typed);
        let by_id = self.by_id.get(whole.as_str());
        let the_one = by_id.and_then(|ids| self.named(ids, &typed));
        let by_symbol = self.by_symbol.get(whole.as_str());
        let mut points = vec![Some(0u16); self.ids.len()];
        for word in &wanted {
            self.add(word, &mut points);
        }
        // What is typed in full is on the list, however its words lie.
        for at in by_symbol.into_iter().chain(by_id).flatten() {
            if let Some(p) = points.get_mut(*at as usize) {
                p.get_or_insert(0);
            }
        }
        let among = |all: Option<&Vec<u32>>, at: u32| all.is_some_and(|all| all.contains(&at));
        let best = |at: u32| match at {
            at if the_one == Some(at) => 0u8,
            at if among(by_id, at) => 1,
            at if among(by_symbol, at) => 2,
            _ => 3,
        };
        let mut hits: Vec<(u8, u16, u32)> =
            (0u32..).zip(&points).filter_map(|(at, p)| p.map(|p| (best(at), p, at))).collect();
        if hits.len() > most {
            // Only what is shown is sorted.
            hits.select_nth_unstable(most);
            hits.truncate(most);
        }
        hits.sort_unstable();
        hits.into_iter().filter_map(|(_, _, at)| self.id(at)).collect()
    }

    /// The instrument that the text means: by its id, or by a symbol that no other instrument has.
    /// Spaces and slashes do not matter: `eurusd` is EUR/USD.
    pub fn meant(&self, typed: &str) -> Meant<'_> {
        let wanted = squeezed(typed);
        let one = |at: u32| self.id(at).map_or(Meant::Nothing, Meant::One);
        if let Some(ids) = self.by_id.get(wanted.as_str()) {
            return self.named(ids, typed).map_or(Meant::Several(ids.len()), one);
        }
        match self.by_symbol.get(wanted.as_str()).map(Vec::as_slice) {
            Some([at]) => one(*at),
            Some(several) => Meant::Several(several.len()),
            None => Meant::Nothing,
        }
    }

    /// The one of these instruments whose id was typed. Of several it must be typed as it is, upper
    /// or lower case apart.
    fn named(&self, ids: &[u32], typed: &str) -> Option<u32> {
        if let [one] = ids {
            return Some(*one);
        }
        let only = |is: &dyn Fn(&str) -> bool| {
            let mut all = ids.iter().filter(|at| self.id(**at).is_some_and(is));
            all.next().copied().filter(|_| all.next().is_none())
        };
        let typed = typed.trim();
        only(&|id| id == typed).or_else(|| only(&|id| folded(id) == folded(typed)))
    }

    fn id(&self, at: u32) -> Option<&str> {
        self.ids.get(at as usize).map(|id| &**id)
    }

    /// Adds the points of one word; an instrument without it is out.
    fn add(&self, word: &str, points: &mut [Option<u16>]) {
        let mut best = vec![NOWHERE; points.len()];
        let from = self.words.partition_point(|(w, _)| &**w < word);
        let same = self.words.iter().skip(from).take_while(|(w, _)| w.starts_with(word));
        for (found, places) in same {
            let part = if found.len() == word.len() { 0 } else { BEGINNING };
            for (at, p) in places {
                if let Some(b) = best.get_mut(*at as usize) {
                    *b = (*b).min(p + part);
                }
            }
        }
        let plain = squeezed(word);
        for ((total, b), text) in points.iter_mut().zip(best).zip(&self.plain) {
            let Some(t) = *total else { continue };
            *total = match b {
                NOWHERE if text.contains(&plain) => Some(t + u16::from(INSIDE)),
                NOWHERE => None,
                b => Some(t + u16::from(b)),
            };
        }
    }
}

/// The words by which an instrument is found, with their points.
fn words_of(one: &Listed<'_>, id: &str) -> Vec<(String, u8)> {
    let symbol = words(one.symbol);
    let name = words(one.name);
    let mut all = vec![(id.to_owned(), BESIDE)];
    let ticker = symbol.first().filter(|_| one.government);
    all.extend(ticker.into_iter().flat_map(|t| nicknames(t)).map(|n| ((*n).to_owned(), BESIDE)));
    all.extend(words::maturity(one.symbol, &name).into_iter().map(|w| (w, BESIDE)));
    let place = |n: usize| if n == 0 { FIRST } else { BESIDE };
    all.extend(symbol.into_iter().enumerate().map(|(n, w)| (w, place(n))));
    all.extend(name.into_iter().map(|w| (w, IN_NAME)));
    all
}

#[cfg(test)]
mod tests;
