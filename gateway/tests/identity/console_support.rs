//! A browser with a security key, as far as the console's server can tell.

use crate::{
    admin::{ADMIN, show},
    support::{Http, World},
};
use serde_json::{Value, json};
use signet_devca::Order;
use signet_softkey::{Maker, SoftKey, challenge_of};
use std::{cell::Cell, fs};

pub const ORIGIN: &str = "https://console.bank.example";
pub const HOST: &str = "Host: console.bank.example";
pub const CONSOLE: &str =
    "[admin.console]\nlisten = \"127.0.0.1:0\"\norigin = \"https://console.bank.example\"\n";
pub const MODEL: &str = "00112233-4455-6677-8899-aabbccddeeff";

/// A gateway with a console and certificates of ada and bob.
pub fn started() -> World {
    started_with("", "")
}

pub fn started_with(admin: &str, console: &str) -> World {
    let mut w = World::with("sqlite:registry.db", &format!("{ADMIN}{admin}{CONSOLE}{console}"));
    for who in ["ada", "bob"] {
        show(&w, who, &Order::admin(who));
    }
    w.start();
    w
}

pub fn port(w: &World) -> u16 {
    w.gateway.as_ref().unwrap().console_address().unwrap().port()
}

pub fn json_of(answer: &Http) -> Value {
    serde_json::from_str(&answer.body)
        .unwrap_or_else(|e| panic!("{e}: {} {}", answer.headers, answer.body))
}

#[track_caller]
pub fn good(answer: &Http) -> Value {
    assert_eq!(answer.status, 200, "{}\n{}", answer.headers, answer.body);
    json_of(answer)
}

/// Refused with this status and code, and words.
#[track_caller]
pub fn refused(answer: &Http, status: u16, code: &str) {
    let v = json_of(answer);
    assert_eq!((answer.status, v["code"].as_str()), (status, Some(code)), "{}", answer.body);
    assert!(v["words"].as_str().is_some_and(|w| w.contains("; ") && w.len() > 20), "{v}");
}

/// An administrator's browser, and the key at it.
pub struct Browser<'a> {
    pub w: &'a World,
    /// Whose certificate it shows; empty: none.
    pub certificate: &'static str,
    pub key: SoftKey,
    pub origin: &'static str,
    pub cookie: String,
    pub csrf: String,
    asked: Cell<u32>,
}

impl<'a> Browser<'a> {
    pub fn new(w: &'a World, certificate: &'static str) -> Self {
        let key = Maker::new("Maker").key(MODEL);
        Self::with_key(w, certificate, key)
    }

    pub fn with_key(w: &'a World, certificate: &'static str, key: SoftKey) -> Self {
        let (cookie, csrf, asked) = (String::new(), String::new(), Cell::new(0));
        Self { w, certificate, key, origin: ORIGIN, cookie, csrf, asked }
    }

    /// Registers a key for the owner of the certificate and logs in with it.
    pub fn registered(w: &'a World, name: &'static str) -> Self {
        let mut b = Self::new(w, name);
        let code = invite(w, name);
        good(&b.register(&code));
        b
    }

    /// One request, with these arguments for curl in place of the usual ones.
    pub fn raw(&self, path: &str, args: &[&str]) -> Http {
        let (cert, key) =
            (format!("{}.pem", self.certificate), format!("{}-key.pem", self.certificate));
        let shown = ["--cert", &cert, "--key", &key];
        let shown = if self.certificate.is_empty() { &[][..] } else { &shown[..] };
        self.w.curl_at(port(self.w), path, &[shown, &["--path-as-is"], args].concat())
    }

    pub fn get(&self, name: &str) -> Http {
        let cookie = format!("Cookie: __Host-signet-console={}", self.cookie);
        self.raw(&format!("/console/api/{name}"), &["-H", HOST, "-H", &cookie])
    }

    pub fn post(&self, name: &str, body: &Value) -> Http {
        self.post_with(name, &body.to_string(), &[])
    }

    /// With more headers.
    pub fn post_with(&self, name: &str, body: &str, more: &[&str]) -> Http {
        // A body may be longer than a command line.
        let file = format!("body-{}-{}.json", self.certificate, self.asked.get());
        self.asked.set(self.asked.get() + 1);
        fs::write(self.w.path(&file), body).unwrap();
        let (cookie, origin) = (
            format!("Cookie: __Host-signet-console={}", self.cookie),
            format!("Origin: {}", self.origin),
        );
        let csrf = format!("X-Signet-Csrf: {}", self.csrf);
        let data = format!("@{file}");
        let args = ["-H", HOST, "-H", &cookie, "-H", &csrf, "-H", &origin, "--json", &data];
        self.raw(&format!("/console/api/{name}"), &[&args[..], more].concat())
    }

    /// What a browser writes.
    pub fn client_data(&self, kind: &str, challenge: &str) -> String {
        json!({
            "type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": false,
        })
        .to_string()
    }

    pub fn register(&mut self, code: &str) -> Http {
        let options = self.post("register/start", &json!({ "code": code }));
        if options.status != 200 {
            return options;
        }
        let data = self.client_data("webauthn.create", &challenge_of(&options.body));
        let credential: Value =
            serde_json::from_str(&self.key.register(&options.body, &data)).unwrap();
        let body = json!({ "credential": credential, "label": "blue key" });
        let answer = self.post("register/finish", &body);
        self.keep(answer)
    }

    /// The answer of the key to a challenge.
    pub fn signed(&mut self, options: &str) -> Option<Value> {
        let data = self.client_data("webauthn.get", &challenge_of(options));
        Some(serde_json::from_str(&self.key.sign(options, &data)?).unwrap())
    }

    pub fn log_in(&mut self, name: &str) -> Http {
        let options = self.post("login/start", &json!({ "name": name }));
        if options.status != 200 {
            return options;
        }
        let credential = self.signed(&options.body).expect("a key of this name");
        let answer = self.post("login/finish", &json!({ "credential": credential }));
        self.keep(answer)
    }

    pub fn keep(&mut self, answer: Http) -> Http {
        if answer.status == 200 {
            let cookie = answer.header("set-cookie").expect("a cookie").to_owned();
            let value = cookie.split(';').next().unwrap().split_once('=').unwrap().1;
            self.cookie = value.to_owned();
            self.csrf = json_of(&answer)["csrf"].as_str().unwrap().to_owned();
        }
        answer
    }
}

/// A code from the command line.
pub fn invite(w: &World, name: &str) -> String {
    crate::support::code_in(&w.cli(&["console", "invite", name]))
}
