# Stages files once, and makes a .deb and an .rpm of them; sourced by the build.sh of a package.
#
# With dpkg-deb and rpmbuild, which every Debian has or can install: further programs to build and trust would make
# the same archives from the same list. The same files and commit give the same bytes: owners, order and times are
# fixed (SOURCE_DATE_EPOCH, by default the commit's).
# shellcheck shell=bash

# begin NAME OUT: sets repo, out, work, root (the staged files), version, arch.
begin() {
  name=$1
  repo=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
  mkdir -p "$2"
  out=$(realpath "$2")
  export LC_ALL=C TZ=UTC
  # Folders get their modes from it.
  umask 022
  SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git -C "$repo" log -1 --format=%ct)}
  export SOURCE_DATE_EPOCH
  version=$(sed -n 's/^version = "\(.*\)"/\1/p' "$repo/Cargo.toml" | head -n 1)
  # 0.2.0-rc.1 is after 0.2.0 for dpkg, and no version for rpm.
  [[ $version =~ ^[0-9]+(\.[0-9]+){2}$ ]] ||
    { echo "package: dpkg and rpm do not order version $version as Cargo does; give it three numbers" >&2; exit 1; }
  arch=$(dpkg --print-architecture)
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  root=$work/root
  mkdir -p "$root"
}

# put MODE SOURCE PLACE
put() { install -D -m "$1" "$2" "$root/$3"; }

# put_program BINARY: without what a debugger reads; the list of its crates (cargo-auditable) stays.
put_program() {
  put 755 "$1" "usr/bin/$name"
  strip --strip-unneeded "$root/usr/bin/$name"
}

# put_pages FOLDER: man pages and completions that the program wrote.
put_pages() {
  local page
  for page in "$1"/*.1; do
    gzip -9n "$page"
    put 644 "$page.gz" "usr/share/man/man1/$(basename "$page").gz"
  done
  put 644 "$1/$name.bash" "usr/share/bash-completion/completions/$name"
  put 644 "$1/_$name" "usr/share/zsh/vendor-completions/_$name"
  put 644 "$1/$name.fish" "usr/share/fish/vendor_completions.d/$name.fish"
}

# libraries: the packages that the program's libraries come from, with the versions whose symbols it uses. Call it in a
# command of its own: a package without them would be installed and not start.
libraries() {
  local place=$work/shlibs
  mkdir -p "$place/debian"
  printf 'Source: %s\n\nPackage: %s\nArchitecture: any\n' "$name" "$name" >"$place/debian/control"
  (cd "$place" && dpkg-shlibdeps -O "$root/usr/bin/$name" >found 2>said) || { cat "$place/said" >&2; return 1; }
  sed -n 's/^shlibs:Depends=//p' "$place/found" | grep . || { echo "package: dpkg-shlibdeps names no library" >&2; return 1; }
}

# symbols: the same for rpm, as its own generator writes it. The names of packages would not do: a program that was built
# with newer libraries is installed by them, and does not start.
symbols() {
  local program=$root/usr/bin/$name
  {
    readelf -dW "$program" | sed -n 's/.*(NEEDED).*\[\(.*\)\]$/\1()(64bit)/p'
    # What is weak may be missing when it starts.
    readelf -VW "$program" | awk '
      /^Version / { needs = /needs/ }
      needs { for (i = 1; i < NF; i++) if ($i == "File:") file = $(i + 1)
              if (!/WEAK/) for (i = 1; i < NF; i++) if ($i == "Name:") print file "(" $(i + 1) ")(64bit)" }'
  } | sort -u | paste -sd, - | grep . || { echo "package: $program names no library" >&2; return 1; }
}

# make_deb SCRIPTS DEPENDS MORE DESCRIPTION: SCRIPTS is the folder with postinst, prerm, postrm as far as they exist;
# MORE further fields; DESCRIPTION as Debian writes it.
make_deb() {
  local deb=$work/deb script
  find "$root" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
  cp -a "$root" "$deb"
  mkdir "$deb/DEBIAN"
  {
    printf 'Package: %s\nVersion: %s\nArchitecture: %s\n' "$name" "$version" "$arch"
    printf 'Maintainer: Signet maintainers <maintainers@signet.invalid>\n'
    # Not with du: folders have other sizes on other file systems.
    printf 'Installed-Size: %s\nDepends: %s\n' "$(find "$root" -type f -printf '%s\n' | awk '{ n += int(($1 + 1023) / 1024) } END { print n }')" "$2"
    [ -z "$3" ] || printf '%s\n' "$3"
    printf 'Priority: optional\nDescription: %s\n' "$4"
  } >"$deb/DEBIAN/control"
  for script in postinst prerm postrm; do
    [ ! -f "$1/$script" ] || install -m 755 "$1/$script" "$deb/DEBIAN/"
  done
  (cd "$root" && find . -type f -printf '%P\0' | sort -z | xargs -0 md5sum) >"$deb/DEBIAN/md5sums"
  find "$deb" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
  dpkg-deb --root-owner-group -Zxz --build "$deb" "$out/${name}_${version}_$arch.deb" >/dev/null
}

# make_rpm SPEC: the files of the .deb, where rpmbuild is.
make_rpm() {
  if ! command -v rpmbuild >/dev/null; then
    echo "package: rpmbuild is not here, so there is no .rpm (Debian: apt-get install rpm)"
    return
  fi
  local needs
  needs=$(symbols)
  rpmbuild -bb --quiet --define "_topdir $work/rpm" --define "_buildhost reproducible" \
    --define "use_source_date_epoch_as_buildtime 1" --define "clamp_mtime_to_source_date_epoch 1" \
    --define "signet_version $version" --define "signet_root $root" --define "signet_needs $needs" --define "_rpmdir $out" \
    --define "_build_name_fmt %%{NAME}-%%{VERSION}-%%{RELEASE}.%%{ARCH}.rpm" \
    --define "__os_install_post %{nil}" --define "_build_id_links none" "$1"
}

# at_most BYTES: what administrators wait for when they copy it around.
at_most() {
  local size
  size=$(stat -c %s "$out/${name}_${version}_$arch.deb")
  ls -l "$root/usr/bin/$name" "$out/$name"[_-]*
  [ "$size" -lt "$1" ] || { echo "package: the .deb has $size bytes, more than $1" >&2; return 1; }
}
