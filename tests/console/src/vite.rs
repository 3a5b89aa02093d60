//! The desk's page on its development server, with the simulated desk of `ui/dev`.

use crate::{Daemon, PATIENCE, ports::free_port, root};
use std::{
    net::TcpStream,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

/// Vite, while a test uses it.
pub struct Vite {
    port: u16,
    _node: Daemon,
}

impl Vite {
    /// Starts it on a free port.
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    pub fn start() -> Self {
        let port = free_port();
        let ui = root().join("ui");
        let node = Command::new("node")
            .arg(ui.join("node_modules/vite/bin/vite.js"))
            .args(["--host", "127.0.0.1", "--strictPort", "--port", &port.to_string()])
            .current_dir(&ui)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .expect("the front end's packages are installed: make ui");
        let vite = Self { port, _node: Daemon(node) };
        let began = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(began.elapsed() < PATIENCE, "Vite does not listen");
            thread::sleep(Duration::from_millis(50));
        }
        vite
    }

    /// Where a scene of the simulated desk is.
    #[must_use]
    pub fn scene(&self, name: &str) -> String {
        format!("http://127.0.0.1:{}/?fake&practice&scene={name}", self.port)
    }
}
