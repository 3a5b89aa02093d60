//! The registry's place: a file, or a PostgreSQL server.

use signet_identity::host_and_optional_port;
use std::{
    fmt, fs,
    io::{self, Read as _},
    path::{Path, PathBuf},
};
use zeroize::Zeroizing;

/// A registry's place. Shown without user name, password or parameters.
#[derive(Clone, PartialEq, Eq)]
pub enum RegistryUrl {
    /// A file of SQLite; one gateway uses it.
    Sqlite(PathBuf),
    /// The whole URL, password included.
    Postgres(Zeroizing<String>),
}

/// Why a text does not name a registry. At fault: whoever wrote the configuration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UrlError {
    /// Neither `sqlite:` nor `postgres://` begins it.
    #[error("must be sqlite:FILE or postgres://USER@HOST/DATABASE")]
    Scheme,
    /// `sqlite:` is followed by nothing, or by parameters.
    #[error("names no file")]
    NoFile,
    /// What names the server is not a host, or a host and a port.
    #[error("names no server: a host, or a host and a port, with brackets around an IPv6 address")]
    Host,
    /// The server is on another machine and the URL does not have it prove its identity.
    #[error(
        "a registry on another machine needs sslmode=verify-full and sslrootcert=FILE: whoever \
            alters it decides who may trade"
    )]
    NotVerified,
    /// The driver could take another server, or another way of proving it, than is read here.
    #[error(
        "write host, hostaddr, sslmode and sslrootcert once each, host or hostaddr, with these \
            names, no control character, and no # (in a password: %23)"
    )]
    Ambiguous,
    /// The URL holds a password, and a file with one is named too.
    #[error("holds a password and password_file is set too; use one")]
    TwoPasswords,
    /// The file with the password cannot be used.
    #[error("password_file {path}: {why}")]
    PasswordFile {
        /// The file, as an absolute path where the configuration's folder is one.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
}

impl RegistryUrl {
    /// `base` is what relative file names are relative to.
    pub fn parse(text: &str, base: &Path, password_file: Option<&Path>) -> Result<Self, UrlError> {
        if let Some(file) = text.strip_prefix("sqlite:") {
            let file = file.strip_prefix("//").unwrap_or(file);
            if file.is_empty() || file.contains('?') {
                return Err(UrlError::NoFile);
            }
            return Ok(Self::Sqlite(base.join(file)));
        }
        let rest = text
            .strip_prefix("postgres://")
            .or_else(|| text.strip_prefix("postgresql://"))
            .ok_or(UrlError::Scheme)?;
        check_verified(rest)?;
        let mut url = Zeroizing::new(text.to_owned());
        if let Some(path) = password_file {
            url = with_password(rest, &base.join(path))?;
        }
        Ok(Self::Postgres(url))
    }

    /// What sqlx takes.
    pub(super) fn for_driver(&self) -> Zeroizing<String> {
        match self {
            Self::Sqlite(path) => {
                let path = path
                    .to_string_lossy()
                    .replace('%', "%25")
                    .replace('?', "%3F")
                    .replace('#', "%23");
                Zeroizing::new(format!("sqlite://{path}?mode=rwc"))
            }
            Self::Postgres(url) => url.clone(),
        }
    }
}

/// Parameters that say which server it is and how it proves that.
const JUDGED: [&str; 4] = ["host", "hostaddr", "sslmode", "sslrootcert"];
/// What the driver takes for one of them, too.
const ALSO_TAKEN: [&str; 3] = ["ssl-mode", "ssl-root-cert", "ssl-ca"];

/// More than any password has.
const SECRET_BYTES_MAX: u64 = 4 * 1024;
/// A reader looks for the end of a file behind its text, and takes more room for that.
const SECRET_ROOM: usize = 8 * 1024;

/// Whether each parameter means to the driver what it means here: of two of a name it takes the
/// last, it knows others for the same thing, tabs and ends of lines are nothing to it, nor is what
/// comes after a `#`.
fn is_plain(rest: &str, parameters: &str) -> bool {
    let names = parameters.split('&').map(|p| p.split_once('=').map_or(p, |(name, _)| name));
    let names: Vec<&str> = names.collect();
    let times = |name: &str| names.iter().filter(|n| **n == name).count();
    let hosts = times("host").saturating_add(times("hostaddr"));
    !rest.contains(|c: char| c == '#' || c.is_control())
        && !names.iter().any(|n| ALSO_TAKEN.contains(n) || n.contains(['%', '+']))
        && JUDGED.into_iter().all(|name| times(name) <= 1)
        && hosts <= 1
}

/// A server that is reached over a network must prove who it is. `host=/...` in the parameters is a
/// socket of this machine.
fn check_verified(rest: &str) -> Result<(), UrlError> {
    let (place, parameters) = rest.split_once('?').unwrap_or((rest, ""));
    if !is_plain(rest, parameters) {
        return Err(UrlError::Ambiguous);
    }
    let server = place.split('/').next().unwrap_or_default();
    let server = server.rsplit('@').next().unwrap_or_default();
    let is_socket = |host: &str| host.to_ascii_lowercase().starts_with("%2f");
    // Of a text that is not one host, as `[::1].bank.example`, the driver may read another part.
    let host = match server {
        "" => "",
        socket if is_socket(socket) => socket,
        text => host_and_optional_port(text).map_err(|_| UrlError::Host)?.0,
    };
    let parameter = |name: &str| {
        parameters
            .split('&')
            .filter_map(|p| p.split_once('='))
            .find(|(k, _)| *k == name)
            .map(|(_, v)| v)
    };
    let host = parameter("host").or(parameter("hostaddr")).unwrap_or(host);
    let here = host.is_empty()
        || host == "localhost"
        || host.starts_with('/')
        || is_socket(host)
        || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback());
    if here || (parameter("sslmode") == Some("verify-full") && parameter("sslrootcert").is_some()) {
        return Ok(());
    }
    Err(UrlError::NotVerified)
}

fn with_password(rest: &str, path: &Path) -> Result<Zeroizing<String>, UrlError> {
    let fail = |why: &dyn fmt::Display| UrlError::PasswordFile {
        path: path.to_owned(),
        why: why.to_string(),
    };
    let (place, _) = rest.split_once(['/', '?']).unwrap_or((rest, ""));
    let Some((user, _)) = place.rsplit_once('@') else {
        return Err(fail(&"the URL names no user"));
    };
    if user.contains(':') {
        return Err(UrlError::TwoPasswords);
    }
    let password = secret_in(path).map_err(|e| fail(&e))?;
    let mut url = Zeroizing::new(format!("postgres://{user}:"));
    for byte in password.trim_end_matches(['\r', '\n']).bytes() {
        // Reserved everywhere in a URL, so that any password is one.
        url.push_str(&format!("%{byte:02X}"));
    }
    url.push_str(&rest[user.len()..]);
    Ok(url)
}

/// The text of a file that only its owner may read. What is judged is the file that is read, not
/// what is at `path` a moment before.
fn secret_in(path: &Path) -> io::Result<Zeroizing<String>> {
    let file = fs::File::open(path)?;
    let about = file.metadata()?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        if about.permissions().mode() & 0o077 != 0 {
            return Err(io::Error::other("others may read it; chmod 600"));
        }
    }
    if about.len() > SECRET_BYTES_MAX {
        return Err(io::Error::other("it is too long"));
    }
    // With room for all of it: a text that grows leaves copies of itself in memory.
    let mut text = Zeroizing::new(String::with_capacity(SECRET_ROOM));
    file.take(SECRET_BYTES_MAX).read_to_string(&mut text)?;
    Ok(text)
}

impl fmt::Display for RegistryUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
            Self::Postgres(url) => {
                let place = url
                    .split("://")
                    .nth(1)
                    .unwrap_or_default()
                    .split('?')
                    .next()
                    .unwrap_or_default();
                write!(f, "postgres://{}", place.rsplit('@').next().unwrap_or_default())
            }
        }
    }
}

impl fmt::Debug for RegistryUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RegistryUrl({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<RegistryUrl, UrlError> {
        RegistryUrl::parse(text, Path::new("/etc/signet"), None)
    }

    #[test]
    fn table_of_urls() {
        let file = |p: &str| Ok(RegistryUrl::Sqlite(p.into()));
        assert_eq!(parse("sqlite:registry.db"), file("/etc/signet/registry.db"));
        assert_eq!(parse("sqlite:///var/lib/r.db"), file("/var/lib/r.db"));
        assert_eq!(parse("sqlite:"), Err(UrlError::NoFile));
        assert_eq!(parse("sqlite:a?mode=memory"), Err(UrlError::NoFile));
        assert_eq!(parse("mysql://x"), Err(UrlError::Scheme));
        for here in [
            "postgres://u@localhost/d",
            "postgresql://u@127.0.0.1:5432/d",
            "postgres://u@[::1]/d",
            "postgres:///d?host=/run/pg",
            "postgres://u@[::1]:5432/d",
            "postgres://u@/d?host=/run/pg",
            "postgres://u@%2Frun%2Fpg/d",
        ] {
            assert!(parse(here).is_ok(), "{here}");
        }
        for there in [
            "postgres://u@db.bank.example/d",
            "postgres://u@db.bank.example/d?sslmode=require",
            "postgres://u@db.bank.example/d?sslmode=verify-full",
            "postgres://u@localhost/d?host=db.bank.example",
            "postgres://localhost@db.bank.example/d",
        ] {
            assert_eq!(parse(there), Err(UrlError::NotVerified), "{there}");
        }
        let verified = "/d?sslmode=verify-full&sslrootcert=/ca.pem";
        for host in ["db.bank.example", "db.bank.example:5432", "[2001:db8::1]:5432"] {
            assert!(parse(&format!("postgres://u@{host}{verified}")).is_ok(), "{host}");
        }
        for host in [
            "[::1].bank.example",
            "[::1]x:5432",
            "[::1",
            "[localhost]",
            "::1",
            "127.0.0.1:5432:1",
            "localhost:",
            "localhost:+1",
            "localhost\\bank.example",
        ] {
            for rest in ["/d", verified] {
                let url = format!("postgres://u@{host}{rest}");
                assert_eq!(parse(&url), Err(UrlError::Host), "{url}");
            }
        }
    }

    /// The driver takes the last of two, and knows more names.
    #[test]
    fn what_the_driver_could_read_otherwise_is_refused() {
        let good = "postgres://u@db.bank.example/d?sslmode=verify-full&sslrootcert=/ca.pem";
        for more in [
            "&sslmode=disable",
            "&ssl-mode=disable",
            "&%73slmode=disable",
            "&ssl\tmode=disable",
            "&ssl-ca=/other.pem",
            "&ssl-root-cert=/other.pem",
            "&sslrootcert=/other.pem",
            "&sslmode",
            "&x=#",
        ] {
            assert_eq!(parse(&format!("{good}{more}")), Err(UrlError::Ambiguous), "{more}");
        }
        for text in [
            "postgres://u@localhost/d?host=localhost&hostaddr=192.0.2.1",
            "postgres://u@localhost/d?host=localhost&host=db.bank.example",
            "postgres://u@db.bank.example/d#?sslmode=verify-full&sslrootcert=/ca.pem",
            "postgres://u@db.bank.example/d?x=1#&sslmode=verify-full&sslrootcert=/ca.pem",
        ] {
            assert_eq!(parse(text), Err(UrlError::Ambiguous), "{text}");
        }
        assert!(parse(&format!("{good}&application_name=a&options=x")).is_ok());
        assert!(parse("postgres://u:a%23b@localhost/d").is_ok());
    }

    #[test]
    fn nothing_secret_is_shown() {
        let url = parse("postgres://signet:hunter2@localhost/registry?x=hunter2").unwrap();
        assert_eq!(
            format!("{url} {url:?}"),
            "postgres://localhost/registry RegistryUrl(postgres://localhost/registry)"
        );
    }

    #[cfg(unix)]
    #[test]
    fn a_password_comes_from_a_private_file() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("password");
        fs::write(&path, "p@ss/w?\n").unwrap();
        let read = || {
            RegistryUrl::parse(
                "postgres://signet@localhost/registry",
                dir.path(),
                Some(Path::new("password")),
            )
        };
        let refused = |words: &str| {
            let why = read().unwrap_err().to_string();
            assert!(why.contains(words), "{why}");
        };
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        refused("others may read it; chmod 600");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        let RegistryUrl::Postgres(url) = read().unwrap() else { panic!() };
        assert_eq!(*url, "postgres://signet:%70%40%73%73%2F%77%3F@localhost/registry");
        fs::write(&path, "x".repeat(5_000)).unwrap();
        refused("it is too long");
        let two = RegistryUrl::parse(
            "postgres://signet:x@localhost/registry",
            dir.path(),
            Some(Path::new("password")),
        );
        assert_eq!(two, Err(UrlError::TwoPasswords));
    }
}
