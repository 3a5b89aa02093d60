#!/usr/bin/env bash
# Writes provenance, checksums and the apt and dnf repositories of a folder of packages, and signs them with the OpenPGP
# key SIGNET_SIGN_KEY: sign.sh FOLDER
#
# FOLDER/SHA256SUMS[.asc], provenance.intoto.json, and repository/: apt/ (reprepro), rpm/ (createrepo_c), signet.asc
# (the public key), signet.sources and signet.repo to copy to the machines, with the address of the firm's server in
# SIGNET_REPOSITORY_URL.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
folder=$(realpath "$1")
key=${SIGNET_SIGN_KEY:-}
url=${SIGNET_REPOSITORY_URL:-https://packages.bank.example/signet}
fail() { printf 'sign: %s\n' "$*" >&2; exit 1; }
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git -C "$here/.." log -1 --format=%ct)}
export SOURCE_DATE_EPOCH

if [ -n "$key" ]; then
  for tool in gpg rpmsign reprepro createrepo_c; do
    command -v "$tool" >/dev/null || fail "$tool is missing (Debian: apt-get install gnupg rpm reprepro createrepo-c)"
  done
  gpg --batch --list-secret-keys "$key" >/dev/null 2>&1 || fail "GnuPG has no secret key $key"
  find "$folder" -maxdepth 1 -name '*.rpm' -print0 | sort -z |
    xargs -0 -r rpmsign --define "_gpg_name $key" --define "__gpg $(command -v gpg)" --addsign >/dev/null
fi

python3 "$here/provenance.py" "$folder"
(cd "$folder" && find . -maxdepth 1 -type f \( -name '*.deb' -o -name '*.rpm' -o -name '*.json' -o -name '*.exe' -o -name '*.msi' \) \
  -printf '%P\0' | sort -z | xargs -0 sha256sum >SHA256SUMS)
rm -rf "$folder/repository" "$folder/SHA256SUMS.asc"
if [ -z "$key" ]; then
  echo "sign: SIGNET_SIGN_KEY is not set: nothing is signed, and there are no repositories"
  exit 0
fi
gpg --batch --yes --local-user "$key" --armor --detach-sign --output "$folder/SHA256SUMS.asc" "$folder/SHA256SUMS"

to=$folder/repository
mkdir -p "$to/apt/conf" "$to/rpm"
gpg --batch --armor --export "$key" >"$to/signet.asc"
cat >"$to/apt/conf/distributions" <<CONF
Origin: Signet
Label: Signet
Codename: stable
Architectures: amd64 arm64
Components: main
Description: Signet Desk and Signet Gateway
SignWith: $key
CONF
find "$folder" -maxdepth 1 -name '*.deb' -print0 | sort -z |
  xargs -0 -r reprepro --silent --basedir "$to/apt" includedeb stable
rm -rf "$to/apt/db" "$to/apt/conf"
find "$folder" -maxdepth 1 -name '*.rpm' -exec cp {} "$to/rpm/" \;
createrepo_c --quiet --revision "$SOURCE_DATE_EPOCH" --set-timestamp-to-revision "$to/rpm"
gpg --batch --yes --local-user "$key" --armor --detach-sign --output "$to/rpm/repodata/repomd.xml.asc" "$to/rpm/repodata/repomd.xml"

cat >"$to/signet.sources" <<SOURCES
Types: deb
URIs: $url/apt
Suites: stable
Components: main
Signed-By: /etc/apt/keyrings/signet.asc
SOURCES
cat >"$to/signet.repo" <<REPO
[signet]
name=Signet
baseurl=$url/rpm
enabled=1
gpgcheck=1
repo_gpgcheck=1
gpgkey=$url/signet.asc
REPO
echo "sign: signed with $key"
