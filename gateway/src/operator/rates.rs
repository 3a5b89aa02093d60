//! What changed between two readings of the metrics, for `signet-gateway top`. Pure.

use std::collections::BTreeMap;

/// One reading: every series by its name with labels.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Sample(BTreeMap<String, f64>);

/// A row of the table of messages, or of dealers.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The values of the labels that tell it from others.
    pub labels: Vec<String>,
    /// So many each second.
    pub per_second: f64,
    /// Seconds; `None`: nothing was measured meanwhile.
    pub p50: Option<f64>,
    /// Seconds.
    pub p99: Option<f64>,
}

/// Two readings, so many seconds apart.
#[derive(Debug, Clone, Copy)]
pub struct Rates<'a> {
    /// The earlier one.
    pub before: &'a Sample,
    /// The later one.
    pub after: &'a Sample,
    /// Time between them.
    pub seconds: f64,
}

impl Sample {
    /// From Prometheus' text format, as this program writes it.
    pub fn read(text: &str) -> Self {
        let series = |line: &str| {
            let (name, value) = line.rsplit_once(' ')?;
            Some((name.to_owned(), value.parse().ok()?))
        };
        Self(text.lines().filter(|l| !l.starts_with('#')).filter_map(series).collect())
    }

    /// The value of a series.
    pub fn value(&self, series: &str) -> Option<f64> {
        self.0.get(series).copied()
    }

    /// The series of a name: its labels, and the value.
    fn of<'a>(&'a self, name: &'a str) -> impl Iterator<Item = (Vec<(&'a str, String)>, f64)> {
        let from = format!("{name}{{");
        let ours = self.0.range(from.clone()..).take_while(move |(k, _)| k.starts_with(&from));
        ours.map(move |(k, v)| (labels(&k[name.len()..]), *v))
    }
}

/// `{a="x",b="y"}`. A dealer's CompID may have quotes, commas, braces and backslashes.
fn labels(text: &str) -> Vec<(&str, String)> {
    let mut found = Vec::new();
    let mut rest = text.trim_start_matches('{');
    while let Some((name, quoted)) = rest.split_once("=\"") {
        let mut value = quoted.chars();
        found.push((name.trim_start_matches(','), unquoted(&mut value)));
        rest = value.as_str();
    }
    found
}

/// Up to the quote that ends it, and without what escapes.
fn unquoted(text: &mut std::str::Chars<'_>) -> String {
    let mut value = String::new();
    while let Some(c) = text.next() {
        match c {
            '"' => break,
            '\\' => match text.next() {
                Some('n') => value.push('\n'),
                other => value.extend(other),
            },
            c => value.push(c),
        }
    }
    value
}

impl Rates<'_> {
    /// How much a counter grew each second, by its labels.
    pub fn counter(&self, name: &str) -> Vec<(Vec<String>, f64)> {
        let before: BTreeMap<Vec<String>, f64> =
            self.before.of(name).map(|(l, v)| (values(&l), v)).collect();
        let grown = |(l, v): (Vec<(&str, String)>, f64)| {
            let labels = values(&l);
            let grew = (v - before.get(&labels).copied().unwrap_or(0.0)).max(0.0);
            (labels, grew / self.seconds.max(1e-9))
        };
        self.after.of(name).map(grown).collect()
    }

    /// The rows of a histogram: how often, and how long.
    pub fn histogram(&self, name: &str) -> Vec<Row> {
        let mut buckets: BTreeMap<Vec<String>, Vec<(f64, f64)>> = BTreeMap::new();
        for (sample, sign) in [(self.after, 1.0), (self.before, -1.0)] {
            for (l, v) in sample.of(&format!("{name}_bucket")) {
                let le = l.iter().find(|(k, _)| *k == "le").map_or("", |(_, v)| v.as_str());
                let le = if le == "+Inf" { f64::INFINITY } else { le.parse().unwrap_or(f64::NAN) };
                let rest: Vec<_> = l.iter().filter(|(k, _)| *k != "le").cloned().collect();
                let all = buckets.entry(values(&rest)).or_default();
                match all.iter_mut().find(|(b, _)| *b == le) {
                    Some((_, n)) => *n += sign * v,
                    None => all.push((le, sign * v)),
                }
            }
        }
        let row = |(labels, mut all): (Vec<String>, Vec<(f64, f64)>)| {
            all.sort_by(|a, b| a.0.total_cmp(&b.0));
            let count = all.last().map_or(0.0, |(_, n)| *n).max(0.0);
            Row {
                labels,
                per_second: count / self.seconds.max(1e-9),
                p50: quantile(&all, 0.5),
                p99: quantile(&all, 0.99),
            }
        };
        buckets.into_iter().map(row).collect()
    }
}

fn values(labels: &[(&str, String)]) -> Vec<String> {
    labels.iter().map(|(_, v)| v.clone()).collect()
}

/// As Prometheus' `histogram_quantile`: linear within a bucket, and the last finite bound for what
/// is beyond it. `buckets` are cumulative, by bound.
fn quantile(buckets: &[(f64, f64)], q: f64) -> Option<f64> {
    let total = buckets.last()?.1;
    if total <= 0.0 {
        return None;
    }
    let rank = q * total;
    let at = buckets.iter().position(|(_, n)| *n >= rank)?;
    let (low, below) = match at.checked_sub(1).and_then(|i| buckets.get(i)) {
        Some((bound, n)) => (*bound, *n),
        None => (0.0, 0.0),
    };
    let (high, upto) = *buckets.get(at)?;
    if high.is_infinite() {
        return Some(low);
    }
    let share = if upto > below { (rank - below) / (upto - below) } else { 1.0 };
    Some(low + (high - low) * share)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_of_quantiles() {
        let inf = f64::INFINITY;
        for (buckets, q, want) in [
            (&[(1.0, 0.0), (2.0, 0.0), (inf, 0.0)][..], 0.5, None),
            (&[], 0.5, None),
            (&[(1.0, 10.0), (2.0, 10.0), (inf, 10.0)], 0.5, Some(0.5)),
            (&[(1.0, 0.0), (2.0, 10.0), (inf, 10.0)], 0.5, Some(1.5)),
            (&[(1.0, 5.0), (2.0, 10.0), (inf, 10.0)], 0.99, Some(1.98)),
            (&[(1.0, 0.0), (2.0, 0.0), (inf, 10.0)], 0.5, Some(2.0)),
        ] {
            let found = quantile(buckets, q);
            let near = match (found, want) {
                (Some(a), Some(b)) => (a - b).abs() < 1e-9,
                (a, b) => a == b,
            };
            assert!(near, "{buckets:?} {q}: {found:?}, not {want:?}");
        }
    }

    #[test]
    fn two_readings_make_rates() {
        let before = Sample::read("# TYPE x_total counter\nx_total{peer=\"desk\",type=\"R\"} 10\n");
        let after = Sample::read(
            "x_total{peer=\"desk\",type=\"R\"} 30\nx_total{peer=\"desk\",type=\"AJ\"} 4\n\
             y_bucket{type=\"R\",le=\"1\"} 3\ny_bucket{type=\"R\",le=\"+Inf\"} 4\nup 1\n",
        );
        let rates = Rates { before: &before, after: &after, seconds: 2.0 };
        let row = |t: &str| vec!["desk".to_owned(), t.to_owned()];
        assert_eq!(rates.counter("x_total"), [(row("AJ"), 2.0), (row("R"), 10.0)]);
        let h = rates.histogram("y");
        assert_eq!((h.len(), h[0].labels.clone(), h[0].per_second), (1, vec!["R".into()], 2.0));
        assert_eq!((h[0].p50, h[0].p99), (Some(2.0 / 3.0), Some(1.0)));
        assert_eq!(after.value("up"), Some(1.0));
        // Nothing happened meanwhile; a restart counts from 0 again.
        let idle = Rates { before: &after, after: &after, seconds: 1.0 };
        assert_eq!((idle.histogram("y")[0].per_second, idle.histogram("y")[0].p50), (0.0, None));
        let restarted = Rates { before: &after, after: &before, seconds: 1.0 };
        assert!(restarted.counter("x_total").iter().all(|(_, r)| *r == 0.0));
    }

    #[test]
    fn what_the_gateway_writes_is_read() {
        let metrics = crate::metrics::Metrics::new([]);
        drop(metrics.messages.received(crate::metrics::Peer::Desk, "R"));
        let (before, after) = (Sample::default(), Sample::read(&metrics.text()));
        let rates = Rates { before: &before, after: &after, seconds: 1.0 };
        let rows = rates.histogram("signet_message_seconds");
        let row = rows.iter().find(|r| r.labels == ["desk", "R"]).unwrap();
        assert!(row.p99.is_some() && row.per_second == 1.0, "{rows:?}");
    }

    /// A CompID is any printable ASCII; what is in it does not end a label.
    #[test]
    fn a_dealer_of_any_name_has_its_own_numbers() {
        for name in ["NORTH", "A,B", "a\"b", "\\", "n\\n", "x\",dealer=\"NORTH", "{a}=\"", "a b"] {
            let dealer = signet_rfq::DealerId::new(name).unwrap();
            let metrics = crate::metrics::Metrics::new([&dealer]);
            let (before, after) = (Sample::default(), Sample::read(&metrics.text()));
            let rates = Rates { before: &before, after: &after, seconds: 1.0 };
            for question in ["quote", "accept"] {
                let ours = |l: &Vec<String>| *l == [name, question];
                let asked = rates.counter("signet_dealer_asked_total");
                assert!(asked.iter().any(|(l, _)| ours(l)), "{name}: {asked:?}");
                let rows = rates.histogram("signet_dealer_response_seconds");
                assert!(rows.iter().any(|r| ours(&r.labels)), "{name}: {rows:?}");
                assert_eq!((asked.len(), rows.len()), (2, 2), "{name}");
            }
        }
    }
}
