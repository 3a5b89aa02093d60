//! A laptop of the firm with a package database of its own, and where the firm publishes.

mod server;

pub use server::{Fault, Server};

use semver::Version;
use signet_devca::{DevPki, Order};
use signet_identity::Role;
use signet_managed::{PublicKey, Secret};
use signet_net::ProxySetting;
use signet_update::{
    Digest, Installer, Outcome, Place, Server as Source, Settings, Source as From, State, Store,
    UpdateError, Updater,
};
use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
};
use time::OffsetDateTime;

pub fn v(text: &str) -> Version {
    Version::parse(text).unwrap()
}

pub struct Laptop {
    dir: tempfile::TempDir,
    pub place: Place,
    secret: Secret,
    server: Option<Server>,
    anchors: Vec<Vec<u8>>,
}

impl Laptop {
    /// With version 0.1.0 installed, and releases in a folder.
    pub fn with_folder() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let place = Place::below_for_tests(dir.path());
        let (secret, _) = Secret::generate().unwrap();
        let laptop = Self { dir, place, secret, server: None, anchors: vec![] };
        for folder in ["share", "desks", "build", "root/var/lib/dpkg/info"] {
            fs::create_dir_all(laptop.at(folder)).unwrap();
        }
        for folder in ["updates", "triggers"] {
            fs::create_dir_all(laptop.at("root/var/lib/dpkg").join(folder)).unwrap();
        }
        for file in ["status", "available"] {
            laptop.write(&format!("root/var/lib/dpkg/{file}"), "");
        }
        for version in ["0.0.9", "0.1.0", "0.2.0", "0.3.0"] {
            laptop.package(version, &format!("echo signet-desk {version}"));
        }
        let first = laptop.at("share/signet-desk_0.1.0_amd64.deb");
        let installer = Installer::below_for_tests(laptop.at("root"));
        let dir = laptop.dir.path();
        installer.run(fs::File::open(&first).unwrap(), &first, dir, false).unwrap();
        laptop
    }

    /// The same, with releases on a TLS server.
    pub fn with_server() -> Self {
        let pki = DevPki::generate("bank.example", OffsetDateTime::now_utc()).unwrap();
        let order = Order::gateway("UPDATES").with_dns(["localhost"]);
        let issued = pki.issue(&order).unwrap();
        let mut laptop = Self::with_folder();
        laptop.anchors = vec![pki.root(Role::Gateway).to_vec()];
        laptop.server = Some(Server::start(laptop.at("share"), issued.certified_key().unwrap()));
        laptop
    }

    pub fn at(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        fs::write(self.at(name), bytes).unwrap();
    }

    pub fn mode(&self, name: &str, mode: u32) {
        fs::set_permissions(self.at(name), fs::Permissions::from_mode(mode)).unwrap();
    }

    pub fn server(&self) -> &Server {
        self.server.as_ref().unwrap()
    }

    pub fn forget_authority(&mut self) {
        let other = DevPki::generate("bank.example", OffsetDateTime::now_utc()).unwrap();
        self.anchors = vec![other.root(Role::Gateway).to_vec()];
    }

    /// Builds the package of a version whose program is this line of shell.
    pub fn package(&self, version: &str, line: &str) {
        let root = self.at("build").join(version);
        fs::create_dir_all(root.join("usr/bin")).unwrap();
        fs::create_dir_all(root.join("DEBIAN")).unwrap();
        let program = root.join("usr/bin/signet-desk");
        // Long enough that a transfer can break off within it.
        let noise: String = (0..40).map(|n| format!("# {}\n", Digest::of(&[n]))).collect();
        fs::write(&program, format!("#!/bin/sh\n{line}\n{noise}")).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        let control = format!(
            "Package: signet-desk\nVersion: {version}\nArchitecture: all\n\
             Maintainer: test <test@bank.example>\nDescription: test\n"
        );
        fs::write(root.join("DEBIAN/control"), control).unwrap();
        let file = self.at(&format!("share/signet-desk_{version}_amd64.deb"));
        let built = Command::new("dpkg-deb").arg("--build").arg(&root).arg(&file).output().unwrap();
        assert!(built.status.success(), "{built:?}");
    }

    pub fn publish(&self, serial: u64, version: &str, more: &str) {
        self.sign(&release_text(self, serial, version, more));
    }

    pub fn sign(&self, list: &str) {
        self.sign_with(&self.secret, list);
    }

    pub fn publish_by_a_stranger(&self, serial: u64, version: &str) {
        let (stranger, _) = Secret::generate().unwrap();
        self.sign_with(&stranger, &release_text(self, serial, version, ""));
    }

    fn sign_with(&self, secret: &Secret, list: &str) {
        self.write("share/releases.toml", list);
        self.write("share/releases.toml.minisig", secret.sign(list.as_bytes(), "test").unwrap());
    }

    fn key(&self) -> PublicKey {
        self.secret.public()
    }

    pub fn settings(&self) -> Settings {
        let source = match &self.server {
            None => From::Folder(self.at("share")),
            Some(server) => {
                let url = format!("https://localhost:{}/", server.port());
                From::Server(Source::new(&url, &self.anchors, ProxySetting::Direct, false).unwrap())
            }
        };
        Settings { source, key: self.key(), channel: "stable" }
    }

    fn updater(&self) -> Result<Updater, UpdateError> {
        self.updater_of("this computer")
    }

    /// Of a computer that its system calls so.
    pub fn updater_of(&self, device: &str) -> Result<Updater, UpdateError> {
        let installer = Installer::below_for_tests(self.at("root"));
        Updater::open(self.place.clone(), installer, device.into())
    }

    /// Has the store, as another update that runs.
    pub fn hold(&self) -> Store {
        Store::open(self.place.clone(), "package").unwrap()
    }

    fn does(
        &mut self,
        what: impl AsyncFnOnce(&mut Updater, &Settings) -> Result<Outcome, UpdateError>,
    ) -> Result<Outcome, &'static str> {
        let settings = self.settings();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let done = self.updater().and_then(|mut updater| {
            runtime.block_on(async { what(&mut updater, &settings).await })
        });
        done.map_err(|e| {
            eprintln!("{e}. {}", e.cure());
            e.code()
        })
    }

    pub fn check(&mut self) -> Result<Outcome, &'static str> {
        self.does(async |u, s| u.check(s, OffsetDateTime::now_utc()).await)
    }

    pub fn fetch(&mut self) -> Result<Outcome, &'static str> {
        self.does(async |u, s| u.fetch(s, OffsetDateTime::now_utc()).await)
    }

    pub fn run(&mut self) -> Result<Outcome, &'static str> {
        self.does(async |u, s| u.run(s, OffsetDateTime::now_utc()).await)
    }

    pub fn installed(&self) -> String {
        let said = Command::new(&self.place.program).arg("--version").output().unwrap();
        String::from_utf8(said.stdout).unwrap().trim().to_owned()
    }

    pub fn state(&self) -> State {
        self.place.read_state().unwrap()
    }

    /// How many whole packages are kept.
    pub fn packages(&self) -> usize {
        let folder = fs::read_dir(self.place.own.join("packages")).unwrap();
        let whole = |path: &Path| path.extension().is_some_and(|e| e == "package");
        folder.filter(|entry| whole(&entry.as_ref().unwrap().path())).count()
    }
}

/// A list with every package of the share.
pub fn release_text(laptop: &Laptop, serial: u64, version: &str, more: &str) -> String {
    let target = Installer::below_for_tests(laptop.at("root")).target();
    let mut text = format!(
        "format = 1\nproduct = \"signet-desk\"\nserial = {serial}\n\
         issued = \"2020-01-01T00:00:00Z\"\nexpires = \"2099-01-02T00:00:00Z\"\nhalted = false\n\
         [[channel]]\nname = \"stable\"\nversion = \"{version}\"\n{more}\n"
    );
    for version in ["0.0.9", "0.1.0", "0.2.0", "0.3.0"] {
        let file = format!("signet-desk_{version}_amd64.deb");
        let bytes = fs::read(laptop.at("share").join(&file)).unwrap();
        text += &format!(
            "[[channel.release]]\nversion = \"{version}\"\n[[channel.release.package]]\n\
             target = \"{target}\"\nfile = \"{file}\"\nsize = {}\nsha256 = \"{}\"\n",
            bytes.len(),
            Digest::of(&bytes)
        );
    }
    text
}
