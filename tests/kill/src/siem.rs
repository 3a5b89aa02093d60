//! A receiver of syslog over mutual TLS (RFC 5425) in a process of its own: it appends the JSON of
//! each frame to `received.jsonl`.

use signet_identity::{ServerIdentity, ServerProfile, TrustRoots};
use std::{collections::BTreeMap, fs::OpenOptions, io::Write as _, net::Ipv4Addr, path::Path};
use tokio::{io::AsyncReadExt as _, net::TcpListener};
use tokio_rustls::TlsAcceptor;

/// Runs until it is killed.
pub fn run(dir: &Path, port: u16) {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(receive(dir, port));
}

async fn receive(dir: &Path, port: u16) {
    let identity = ServerIdentity::from_pem_files(&dir.join("siem.pem"), &dir.join("siem-key.pem"))
        .expect("an identity");
    let roots = TrustRoots::from_pem_file(&dir.join("gateways-ca.pem")).expect("roots");
    let tls = ServerProfile::new(roots, identity.certified_key()).config().expect("a profile");
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.expect("a port");
    let file = dir.join("received.jsonl");
    let mut out = OpenOptions::new().create(true).append(true).open(file).expect("a file");
    loop {
        let Ok((tcp, _)) = listener.accept().await else { continue };
        let Ok(mut stream) = TlsAcceptor::from(tls.clone()).accept(tcp).await else { continue };
        let (mut buffer, mut bytes) = (Vec::new(), vec![0; 64 * 1024]);
        while let Ok(n @ 1..) = stream.read(&mut bytes).await {
            buffer.extend_from_slice(&bytes[..n]);
            while let Some(frame) = take_frame(&mut buffer) {
                let (_, json) = frame.split_once("] ").expect("structured data");
                out.write_all(format!("{json}\n").as_bytes()).expect("written");
            }
        }
    }
}

fn take_frame(buffer: &mut Vec<u8>) -> Option<String> {
    let blank = buffer.iter().position(|b| *b == b' ')?;
    let length: usize = std::str::from_utf8(&buffer[..blank]).ok()?.parse().expect("a length");
    let end = blank + 1 + length;
    (buffer.len() >= end).then(|| {
        let frame = buffer.drain(..end).skip(blank + 1).collect();
        String::from_utf8(frame).expect("UTF-8")
    })
}

/// Texts by uid that a file of JSON lines holds. A uid with two texts is an error; a line that was
/// cut off by a kill is none.
pub fn uids(path: &Path) -> Result<BTreeMap<String, String>, String> {
    let mut all = BTreeMap::new();
    for line in std::fs::read_to_string(path).map_err(|e| e.to_string())?.lines() {
        let Ok(v) = serde_json::from_str::<serde_json::Value>(line) else { continue };
        let uid = v["metadata"]["uid"].as_str().ok_or("an event without a uid")?.to_owned();
        if let Some(before) = all.insert(uid.clone(), line.to_owned())
            && before != line
        {
            return Err(format!("{uid} has two texts"));
        }
    }
    Ok(all)
}
