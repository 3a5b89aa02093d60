//! Small files of countries and autonomous systems in the MaxMind DB format (specification version 2.0), for tests: the real
//! ones are large, and change.

use ipnetwork::IpNetwork;
use std::net::IpAddr;

/// How a file names the country of a network.
#[derive(Debug, Clone, Copy)]
pub enum Form {
    /// `{"country": {"iso_code": "GB"}}`, as MaxMind and DB-IP.
    Nested,
    /// `{"country_code": "GB"}`, as iptoasn.
    Flat,
    /// `{"country": "GB"}`, as IPinfo.
    Text,
    /// `{"cc": "GB"}`: a form that nobody knows.
    Unknown,
}

/// How a file names the autonomous system of a network.
#[derive(Debug, Clone, Copy)]
pub enum AsnForm {
    /// `{"autonomous_system_number": 3320, "autonomous_system_organization": "..."}`, as MaxMind,
    /// DB-IP and iptoasn.
    Number,
    /// `{"asn": "AS3320", "as_name": "..."}`, as IPinfo.
    Spelt,
    /// `{"as": 3320}`: a form that nobody knows.
    Unknown,
}

/// A file of networks, the numbers of their autonomous systems and whose these are, built at
/// `built_s`.
///
/// # Panics
/// As [`country_file`].
#[must_use]
pub fn asn_file(networks: &[(&str, u32, &str)], built_s: u64, form: AsnForm) -> Vec<u8> {
    let entry = |asn: &u32, name: &str| {
        let n = number(6, (*asn).into());
        match form {
            AsnForm::Number => map(&[
                ("autonomous_system_number", n),
                ("autonomous_system_organization", string(name)),
            ]),
            AsnForm::Spelt => {
                map(&[("asn", string(&format!("AS{asn}"))), ("as_name", string(name))])
            }
            AsnForm::Unknown => map(&[("as", n)]),
        }
    };
    let entries: Vec<_> = networks.iter().map(|(at, n, name)| (*at, entry(n, name))).collect();
    file(&entries, built_s, "Test-ASN")
}

/// A file of these networks and countries, built at `built_s` (seconds since 1970).
///
/// # Panics
/// When a network overlaps an earlier one, or there are more than fit; it is for tests.
#[must_use]
pub fn country_file(networks: &[(&str, &str)], built_s: u64, form: Form) -> Vec<u8> {
    let entry = |country: &str| {
        let code = ("iso_code", string(country));
        match form {
            Form::Nested => map(&[("country", map(&[code]))]),
            Form::Flat => map(&[("country_code", string(country))]),
            Form::Text => map(&[("country", string(country))]),
            Form::Unknown => map(&[("cc", string(country))]),
        }
    };
    let entries: Vec<_> = networks.iter().map(|(at, country)| (*at, entry(country))).collect();
    file(&entries, built_s, "Test-Country")
}

/// A file of networks and what it says of them.
fn file(networks: &[(&str, Vec<u8>)], built_s: u64, kind: &str) -> Vec<u8> {
    let mut data: Vec<u8> = Vec::new();
    let mut tree = Tree::default();
    for (network, entry) in networks {
        let network: IpNetwork = network.parse().expect("a network");
        tree.put(network, data.len());
        data.extend(entry);
    }
    let nodes = tree.0.len();
    let mut file = tree.bytes();
    file.extend([0; 16]);
    file.extend(data);
    file.extend(b"\xab\xcd\xefMaxMind.com");
    file.extend(map(&[
        ("binary_format_major_version", number(5, 2)),
        ("binary_format_minor_version", number(5, 0)),
        ("build_epoch", number(9, built_s)),
        ("database_type", string(kind)),
        ("description", map(&[("en", string("test"))])),
        ("ip_version", number(5, 6)),
        // An empty array: type 11, written as an extended type.
        ("languages", vec![0x00, 0x04]),
        ("node_count", number(6, nodes as u64)),
        ("record_size", number(5, 24)),
    ]));
    file
}

#[derive(Clone, Copy)]
enum Record {
    Nothing,
    Node(usize),
    Data(usize),
}

/// Nodes of two records each; the first is the root.
struct Tree(Vec<[Record; 2]>);

impl Default for Tree {
    fn default() -> Self {
        Self(vec![[Record::Nothing; 2]])
    }
}

impl Tree {
    fn put(&mut self, network: IpNetwork, data: usize) {
        // IPv4 lives under ::/96.
        let (bits, depth) = match network.ip() {
            IpAddr::V4(a) => (u128::from(a.to_bits()), 96 + network.prefix()),
            IpAddr::V6(a) => (a.to_bits(), network.prefix()),
        };
        assert!(depth > 0, "the whole internet is in no country");
        let mut node = 0;
        for level in 0..depth {
            let side = usize::from((bits >> (127 - level)) & 1 == 1);
            if level + 1 == depth {
                assert!(
                    matches!(self.0[node][side], Record::Nothing),
                    "{network} overlaps another"
                );
                self.0[node][side] = Record::Data(data);
                return;
            }
            node = match self.0[node][side] {
                Record::Node(n) => n,
                Record::Nothing => {
                    self.0.push([Record::Nothing; 2]);
                    let n = self.0.len() - 1;
                    self.0[node][side] = Record::Node(n);
                    n
                }
                Record::Data(_) => panic!("{network} overlaps another"),
            };
        }
    }

    fn bytes(&self) -> Vec<u8> {
        let count = self.0.len();
        let value = |r: &Record| match r {
            Record::Nothing => count,
            Record::Node(n) => *n,
            Record::Data(offset) => count + 16 + offset,
        };
        let three = |n: usize| u32::try_from(n).expect("fits").to_be_bytes()[1..].to_vec();
        self.0.iter().flatten().flat_map(|r| three(value(r))).collect()
    }
}

fn string(s: &str) -> Vec<u8> {
    // 29 and more are written in a second byte, from 29 on.
    let head = match s.len() {
        n @ 0..29 => vec![0x40 | n as u8],
        n => vec![0x40 | 29, u8::try_from(n - 29).expect("a short text")],
    };
    [&head, s.as_bytes()].concat()
}

fn map(entries: &[(&str, Vec<u8>)]) -> Vec<u8> {
    assert!(entries.len() < 29);
    let mut out = vec![0xe0 | entries.len() as u8];
    for (key, value) in entries {
        out.extend(string(key));
        out.extend(value);
    }
    out
}

/// An unsigned integer of the format's type: 5 is 16 bits, 6 is 32, 9 is 64.
fn number(kind: u8, n: u64) -> Vec<u8> {
    let bytes: Vec<u8> = n.to_be_bytes().into_iter().skip_while(|b| *b == 0).collect();
    let len = bytes.len() as u8;
    let head = if kind <= 7 { vec![(kind << 5) | len] } else { vec![len, kind - 7] };
    [head, bytes].concat()
}
