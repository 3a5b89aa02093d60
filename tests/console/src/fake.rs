//! `fake.mjs`, while a test uses it.

use crate::{Daemon, root};
use serde_json::Value;
use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    process::{Command, Stdio},
};

/// The console's contract without a gateway.
pub struct Fake {
    port: u16,
    _node: Daemon,
}

impl Fake {
    /// Starts it with its own answers.
    ///
    /// # Panics
    /// When Node.js does not start it.
    #[must_use]
    pub fn start() -> Self {
        let mut child = Command::new("node")
            .arg(root().join("tests/console/fake.mjs"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("Node.js is installed; make deps says how");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("its output"))
            .read_line(&mut line)
            .expect("a port");
        Self { port: line.trim().parse().expect("a port"), _node: Daemon(child) }
    }

    /// Where browsers find it.
    #[must_use]
    pub fn address(&self) -> String {
        format!("http://localhost:{}/console/", self.port)
    }

    /// Replaces parts of its state (`state` in `fake.mjs`).
    pub fn set(&self, state: &Value) {
        self.ask("/fake/set", state);
    }

    /// Makes so many sessions.
    pub fn make(&self, rows: usize, first: usize) {
        self.ask("/fake/make", &serde_json::json!({ "rows": rows, "first": first }));
    }

    /// What the pages have posted, in order.
    #[must_use]
    pub fn posts(&self) -> Vec<Value> {
        self.ask("/fake/posts", &Value::Null).as_array().cloned().unwrap_or_default()
    }

    /// The last body that was posted there.
    ///
    /// # Panics
    /// When nothing was.
    #[must_use]
    pub fn posted(&self, name: &str) -> Value {
        let all = self.posts();
        let found = all.iter().rev().find(|p| p["name"] == name);
        found.unwrap_or_else(|| panic!("nothing was posted to {name}: {all:?}"))["body"].clone()
    }

    fn ask(&self, path: &str, body: &Value) -> Value {
        let body = body.to_string();
        let mut link = TcpStream::connect(("127.0.0.1", self.port)).expect("the stand-in listens");
        write!(link, "POST {path} HTTP/1.0\r\nContent-Length: {}\r\n\r\n{body}", body.len())
            .expect("it reads");
        let mut answer = String::new();
        link.read_to_string(&mut answer).expect("it answers");
        let (_, json) = answer.split_once("\r\n\r\n").expect("an answer");
        serde_json::from_str(json).expect("JSON")
    }
}
