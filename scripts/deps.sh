#!/usr/bin/env bash
# Installs the system packages that building, running and testing need, and those that are named.
# Debian 12 and relatives; elsewhere it says what is needed.
set -euo pipefail
cd "$(dirname "$0")/.."

packages=(
  build-essential cmake pkg-config            # the FIX engine's C++ and native crates
  libwebkit2gtk-4.1-dev librsvg2-dev          # the desk's window
  libdbus-1-dev libudev-dev
  gnome-keyring dbus                          # a keychain, where the desktop has none
  xvfb xauth webkit2gtk-driver                # a real window for tests and headless machines
  fonts-dejavu-core openssl curl              # what the tests read and sign with, and enrol with
  libfaketime                                 # a clock that tests can set
  softhsm2                                    # a PKCS#11 token without hardware
  swtpm libtpm2-pkcs11-1 libtpm2-pkcs11-tools # a TPM without hardware, and keys in it
  tpm2-abrmd libtss2-tcti-tabrmd0 tpm2-tools
  postgresql                                  # a registry's database; the tests make clusters of their own
  python3 python3-venv                        # a FIX engine and python-fido2 from PyPI, for the interoperability tests
  libpcsclite-dev                             # security keys in smart card readers
  pcscd vsmartcard-vpcd python3-pyscard       # a reader without hardware, and a client in Python
  util-linux iproute2                         # namespaces: that reader for its test alone, and networks that change
  git shellcheck                              # what make lint reads the tree with
  "$@"                                        # what one target alone needs
)

need() { printf 'signet: %s\n' "$*" >&2; exit 1; }

command -v cargo >/dev/null || need "Rust is missing. Install it with rustup (rust-toolchain.toml names the version), then run this again."
command -v npm >/dev/null || need "Node.js 20 or newer with npm is missing. Install it, then run this again."

missing=()
if command -v dpkg-query >/dev/null; then
  for p in "${packages[@]}"; do
    [ "$(dpkg-query -W -f='${db:Status-Status}' "$p" 2>/dev/null)" = installed ] || missing+=("$p")
  done
else
  echo "signet: not a Debian system; these packages are needed under this system's names: ${packages[*]}" >&2
fi

if [ ${#missing[@]} -gt 0 ]; then
  if [ "$(id -u)" = 0 ]; then as_root=(); elif command -v sudo >/dev/null; then as_root=(sudo); else
    need "please install, as root: apt-get install ${missing[*]}"
  fi
  echo "signet: installing ${missing[*]}"
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get update -qq
  # PostgreSQL's package makes and starts a cluster unless told not to; who has it already has decided.
  if [[ " ${missing[*]} " == *" postgresql "* ]] && ! dpkg-query -W postgresql-common >/dev/null 2>&1; then
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends postgresql-common >/dev/null
    "${as_root[@]}" sed -i -E 's/^#?create_main_cluster .*/create_main_cluster = false/' /etc/postgresql-common/createcluster.conf
  fi
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null ||
    need "apt-get could not install: ${missing[*]}"
  # As it comes, the virtual reader makes the system's pcscd listen on every interface. The tests bring
  # a configuration of their own.
  if [[ " ${missing[*]} " == *" vsmartcard-vpcd "* ]] && [ -f /etc/reader.conf.d/vpcd ]; then
    "${as_root[@]}" sed -i -E 's/^([A-Z])/#\1/' /etc/reader.conf.d/vpcd
  fi
fi
