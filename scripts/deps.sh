#!/usr/bin/env bash
# Installs the system packages that building, running and testing need, and those that are named.
#
#   scripts/deps.sh [PACKAGE...]    for `make test` and everything else
#   scripts/deps.sh run             for `make run` alone
#
# Debian 12 and Ubuntu since 22.04; elsewhere it says what is needed.
set -euo pipefail
cd "$(dirname "$0")/.."

# What `make run` needs.
to_run=(
  build-essential cmake pkg-config            # the FIX engine's C++ and native crates
  libwebkit2gtk-4.1-dev librsvg2-dev          # the desk's window
  libdbus-1-dev libudev-dev
  libpcsclite-dev                             # security keys in smart card readers
  gnome-keyring dbus                          # a keychain, where the desktop has none
  xvfb xauth                                  # a real window for tests and headless machines
  fonts-dejavu-core
)
# What `make test` needs beside it.
to_test=(
  webkit2gtk-driver                           # what drives the window
  openssl curl                                # what the tests sign with, and enrol with
  libfaketime                                 # a clock that tests can set
  softhsm2                                    # a PKCS#11 token without hardware
  swtpm libtpm2-pkcs11-1 libtpm2-pkcs11-tools # a TPM without hardware, and keys in it
  tpm2-abrmd libtss2-tcti-tabrmd0 tpm2-tools
  postgresql                                  # a registry's database; the tests make clusters of their own
  python3 python3-venv                        # a FIX engine and python-fido2 from PyPI, for the interoperability tests
  pcscd vsmartcard-vpcd python3-pyscard       # a reader without hardware, and a client in Python
  util-linux iproute2                         # namespaces: that reader for its test alone, and networks that change
  git shellcheck                              # what make lint reads the tree with
)
# The documents are checked with Python's reader of TOML, which the Python of Ubuntu 22.04 lacks.
if grep -qs '^UBUNTU_CODENAME=jammy$' /etc/os-release; then to_test+=(python3-tomli); fi

# Whoever tries the desk gets no databases and daemons of tests.
if [ "${1:-}" = run ]; then packages=("${to_run[@]}"); else packages=("${to_run[@]}" "${to_test[@]}" "$@"); fi

need() { printf 'signet: %s\n' "$*" >&2; exit 1; }

command -v cargo >/dev/null || need "Rust is missing. Install it with rustup (rust-toolchain.toml names the version), open a new terminal, then run this again."
if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
  need "Node.js with npm is missing: 20.19 or newer, of 22 the 22.13 or newer. Install it, then run this again."
fi
# What the packages of the page say they work with. Distributions bring an older one: Debian 12 has 18, Ubuntu 22.04 has 12.
node -e 'const [a, b] = process.versions.node.split(".").map(Number);
  process.exit((a === 20 && b >= 19) || (a === 22 && b >= 13) || a > 22 ? 0 : 1)' ||
  need "Node.js $(node --version) is too old: 20.19 or newer is needed, of 22 the 22.13 or newer. Install it, then run this again."
# rustup fetches the version that the file names; a distribution's Rust does not.
wanted=$(sed -n 's/^channel = "\(.*\)"/\1/p' rust-toolchain.toml)
have=$(cargo --version) || need "cargo does not start (its words are above). rust-toolchain.toml asks for Rust $wanted: rustup toolchain install $wanted"
have=$(cut -d ' ' -f 2 <<<"$have")
[ "$(printf '%s\n' "$wanted" "$have" | sort -V | head -n 1)" = "$wanted" ] ||
  need "Rust $have is too old, $wanted is needed. Install it with rustup, which takes the version from rust-toolchain.toml, then run this again."

# elsewhere SYSTEM: what to install where there is no apt-get.
elsewhere() {
  case "$1" in
    Linux)
      echo "not a Debian system; make run needs, under this system's names: ${to_run[*]}"
      echo "on Fedora: dnf install gcc-c++ make cmake pkgconf-pkg-config webkit2gtk4.1-devel librsvg2-devel dbus-devel systemd-devel pcsc-lite-devel gnome-keyring dbus-daemon dbus-tools xorg-x11-server-Xvfb"
      echo "make test needs Debian 12: scripts/deps.sh lists its packages"
      ;;
    Darwin) echo "make run needs the command line tools of Xcode (xcode-select --install) and CMake; make test needs Debian. Nobody has tried a Mac yet (docs/platforms.md)." ;;
    *) echo "make run needs the C++ build tools of Visual Studio, CMake and Microsoft's WebView2 here; make test needs Debian. Nobody has tried it here yet (docs/platforms.md)." ;;
  esac
}

missing=()
if command -v dpkg-query >/dev/null && command -v apt-get >/dev/null; then
  for p in "${packages[@]}"; do
    # Of several architectures, it says it for each.
    [[ "$(dpkg-query -W -f=' ${db:Status-Status} ' "$p" 2>/dev/null)" == *" installed "* ]] || missing+=("$p")
  done
else
  elsewhere "$(uname -s)" | sed 's/^/signet: /' >&2
fi

if [ ${#missing[@]} -gt 0 ]; then
  if [ "$(id -u)" = 0 ]; then as_root=(); elif command -v sudo >/dev/null; then as_root=(sudo); else
    need "please install, as root: apt-get install ${missing[*]}"
  fi
  echo "signet: installing ${missing[*]}"
  # One source of this machine that fails need not be one of what is missing.
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get update -qq ||
    echo "signet: apt-get update failed (its words are above); going on with the lists that are here" >&2
  # PostgreSQL's package makes and starts a cluster unless told not to; who has it already has decided.
  if [[ " ${missing[*]} " == *" postgresql "* ]] && ! dpkg-query -W postgresql-common >/dev/null 2>&1; then
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq -o DPkg::Lock::Timeout=300 --no-install-recommends postgresql-common >/dev/null ||
      need "apt-get could not install: ${missing[*]}"
    "${as_root[@]}" sed -i -E 's/^#?create_main_cluster .*/create_main_cluster = false/' /etc/postgresql-common/createcluster.conf
  fi
  # A new machine may be at its first updates.
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq -o DPkg::Lock::Timeout=300 --no-install-recommends "${missing[@]}" >/dev/null ||
    need "apt-get could not install: ${missing[*]}"
  # As it comes, the virtual reader makes the system's pcscd listen on every interface. The tests bring
  # a configuration of their own.
  if [[ " ${missing[*]} " == *" vsmartcard-vpcd "* ]] && [ -f /etc/reader.conf.d/vpcd ]; then
    "${as_root[@]}" sed -i -E 's/^([A-Z])/#\1/' /etc/reader.conf.d/vpcd
  fi
fi
