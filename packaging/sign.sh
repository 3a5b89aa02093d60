#!/usr/bin/env bash
# Writes checksums and the apt and dnf repositories of a folder of packages, and signs them with the OpenPGP key
# SIGNET_SIGN_KEY: sign.sh FOLDER. It builds nothing, so the key need not be where programs are built; what was built, and
# how, is said by the statements that the builds left in FOLDER.
#
# FOLDER/SHA256SUMS[.asc], and repository/: apt/ (reprepro), rpm/ (createrepo_c), signet.asc (the public key),
# signet.sources and signet.repo to copy to the machines, with the address of the firm's server in SIGNET_REPOSITORY_URL.
# SIGNET_REPOSITORY_DAYS (default 90; 0: for ever): apt refuses the repository after so many days, so that nobody can keep
# machines on an old one. Sign again before.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
fail() { printf 'sign: %s\n' "$*" >&2; exit 1; }
[ -d "$1" ] || fail "there is no folder $1; make package makes what is signed"
folder=$(realpath "$1")
key=${SIGNET_SIGN_KEY:-}
url=${SIGNET_REPOSITORY_URL:-https://packages.bank.example/signet}
days=${SIGNET_REPOSITORY_DAYS:-90}
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git -C "$here/.." log -1 --format=%ct)}
export SOURCE_DATE_EPOCH
[[ $days =~ ^[0-9]{1,4}$ ]] || fail "SIGNET_REPOSITORY_DAYS is a number of days, not $days"

# The statement of the build is about the package as it is handed out.
sign_rpm() {
  local before after
  before=$(sha256sum <"$1" | cut -d ' ' -f 1)
  rpmsign --define "_gpg_name $key" --define "__gpg $(command -v gpg)" --addsign "$1" >/dev/null
  after=$(sha256sum <"$1" | cut -d ' ' -f 1)
  find "$folder" -maxdepth 1 -name '*.intoto.json' -exec sed -i "s/\"$before\"/\"$after\"/" {} +
}

if [ -n "$key" ]; then
  for tool in gpg rpmsign reprepro createrepo_c; do
    command -v "$tool" >/dev/null || fail "$tool is missing (Debian: apt-get install gnupg rpm reprepro createrepo-c)"
  done
  gpg --batch --list-secret-keys "$key" >/dev/null 2>&1 || fail "GnuPG has no secret key $key"
  while IFS= read -r -d '' rpm; do sign_rpm "$rpm"; done < <(find "$folder" -maxdepth 1 -name '*.rpm' -print0 | sort -z)
fi

[ -n "$(find "$folder" -maxdepth 1 -type f -regex '.*\.\(deb\|rpm\|exe\|msi\|pkg\|dmg\|oci\.tar\)')" ] || fail "there is no package in $folder"
python3 "$here/provenance.py" --check "$folder"
(cd "$folder" && find . -maxdepth 1 -type f \( -name '*.deb' -o -name '*.rpm' -o -name '*.json' -o -name '*.exe' -o -name '*.msi' \
  -o -name '*.pkg' -o -name '*.dmg' -o -name '*.oci.tar' \) -printf '%P\0' | sort -z | xargs -0 sha256sum >SHA256SUMS)
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
[ "$days" -eq 0 ] || echo "ValidFor: ${days}d" >>"$to/apt/conf/distributions"
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
# The key is one that an administrator put there: dnf -y would take another from the server.
cat >"$to/signet.repo" <<REPO
[signet]
name=Signet
baseurl=$url/rpm
enabled=1
gpgcheck=1
repo_gpgcheck=1
gpgkey=file:///etc/pki/rpm-gpg/RPM-GPG-KEY-signet
REPO
echo "sign: signed with $key"
