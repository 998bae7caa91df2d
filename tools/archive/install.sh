#!/bin/sh
# Installs the edgetl whose archive and SHA256SUMS lie beside this script; or takes it away again.
#
#   sh install.sh [--user | --prefix DIR]               default: /usr/local, which takes root
#   sh install.sh [--user | --prefix DIR] --uninstall
#
# Nothing is fetched. An archive is unpacked only when its SHA-256 is the one in SHA256SUMS, the program is put in place only when
# it runs here, and a second run with a newer archive upgrades. What edgetl was taught lies elsewhere and is never touched.
set -eu
umask 022

# The oldest C library that the programs need; tests/it/installing.rs holds it to tools/cross/targets.sh.
GLIBC_FLOOR=2.28
LIST=share/edgetl/installed-files

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
prefix='' uninstall=''

die() {
  printf 'error: %s\n' "$1" >&2
  [ $# -lt 2 ] || printf '\nhint: %s\n' "$2" >&2
  exit 1
}

usage() {
  sed -n '2,/^set /s/^# \{0,1\}//p' "$0"
}

while [ $# -gt 0 ]; do
  case $1 in
    --user) prefix=${HOME:?expected the variable HOME, got none}/.local ;;
    --prefix)
      [ $# -gt 1 ] && [ -n "$2" ] || die 'expected a folder after --prefix, got none'
      prefix=$2
      shift
      ;;
    --uninstall) uninstall=1 ;;
    -h | --help) usage; exit 0 ;;
    *) die "expected --user, --prefix DIR or --uninstall, got \`$1\`" ;;
  esac
  shift
done

if [ -z "$prefix" ]; then
  [ "$(id -u)" = 0 ] || die 'expected root, which /usr/local belongs to' \
    "sudo sh $0, or into your own folder: sh $0 --user"
  prefix=/usr/local
fi
case $prefix in /*) ;; *) prefix=$PWD/$prefix ;; esac

# target: the triple of the programs that run here.
target() {
  system=$(uname -s) machine=$(uname -m)
  [ "$system" = Linux ] || die "expected Linux, got $system" 'build it: cargo install --path . --locked'
  case $machine in
    x86_64 | amd64) wide=x86_64-unknown-linux-gnu narrow='' ;;
    # A 64-bit kernel may have 32-bit programs only, as on a Raspberry Pi.
    aarch64 | arm64) wide=aarch64-unknown-linux-gnu narrow=armv7-unknown-linux-gnueabihf ;;
    armv7* | armv8l) wide='' narrow=armv7-unknown-linux-gnueabihf ;;
    *) wide='' narrow='' ;;
  esac
  case $(getconf LONG_BIT 2>/dev/null || echo 64) in 32) triple=$narrow ;; *) triple=${wide:-$narrow} ;; esac
  [ -n "$triple" ] || die "expected an x86_64, aarch64 or armv7 processor with a system that fits, got $machine" \
    'build it there: cargo install --path . --locked'
}

# at_least FOUND WANTED: versions as 2.31.
at_least() {
  [ "${1%%.*}" -gt "${2%%.*}" ] && return 0
  minor=${1#*.}
  [ "${1%%.*}" -eq "${2%%.*}" ] && [ "${minor%%.*}" -ge "${2#*.}" ]
}

check_c_library() {
  found=$(getconf GNU_LIBC_VERSION 2>/dev/null | sed -n 's/^glibc \([0-9][0-9]*\.[0-9][0-9]*\).*/\1/p')
  [ -n "$found" ] || die "expected glibc $GLIBC_FLOOR or newer, got another C library" \
    'on Alpine and the like build it: cargo install --path . --locked'
  at_least "$found" "$GLIBC_FLOOR" || die "expected glibc $GLIBC_FLOOR or newer, got $found" \
    'a newer release of the system has it; else build edgetl here: cargo install --path . --locked'
}

# find_archive: the one for this machine beside the script, the newest where there are several.
find_archive() {
  archive=$(cd "$here" && ls -1 edgetl-*-"$triple".tar.gz 2>/dev/null | sort -V | tail -n 1)
  [ -n "$archive" ] && return 0
  others=$(cd "$here" && ls -1 edgetl-*.tar.gz 2>/dev/null | tr '\n' ' ' || true)
  die "expected edgetl-VERSION-$triple.tar.gz beside this script, got ${others:-no archive}" \
    "take the archive for this machine ($machine), SHA256SUMS and install.sh of one release into one folder"
}

sum() {
  if command -v sha256sum >/dev/null; then
    sha256sum <"$1"
  elif command -v shasum >/dev/null; then
    shasum -a 256 <"$1"
  else
    openssl dgst -sha256 -r <"$1"
  fi | cut -d ' ' -f 1
}

check_hash() {
  [ -f "$here/SHA256SUMS" ] || die "expected \`$here/SHA256SUMS\`, got none" 'take it from the release too'
  wanted=$(awk -v name="$archive" '{ file = $2; sub(/^\*/, "", file) } file == name { print $1 }' "$here/SHA256SUMS")
  [ -n "$wanted" ] || die "expected a line for \`$archive\` in \`$here/SHA256SUMS\`, got none" 'both must be of one release'
  command -v sha256sum >/dev/null || command -v shasum >/dev/null || command -v openssl >/dev/null ||
    die 'expected sha256sum, shasum or openssl, got none'
  got=$(sum "$here/$archive")
  [ "$got" = "$wanted" ] || die "expected the SHA-256 $wanted of \`$here/$archive\`, got $got: the file is damaged or another" \
    'take it from the release again; nothing was changed'
}

# forget LIST: removes the files that it names, and the folders of its own that are empty then.
forget() {
  while IFS= read -r file; do rm -f -- "$prefix/$file"; done <"$1"
  sed -n 's|/[^/]*$||p' "$1" | grep edgetl | sort -ru | while IFS= read -r folder; do
    rmdir -- "$prefix/$folder" 2>/dev/null || true
  done
}

uninstall() {
  [ -f "$prefix/$LIST" ] || die "expected an edgetl in \`$prefix\` that this script installed, got none" \
    'name the place: --user, or --prefix DIR; a Debian package goes with: apt remove edgetl'
  cp "$prefix/$LIST" "$scratch/list"
  echo "$LIST" >>"$scratch/list"
  forget "$scratch/list"
  echo "removed edgetl from $prefix; what it was taught is where it was (.edgetl, or your --state)"
}

install_files() {
  mkdir -p "$prefix" && [ -w "$prefix" ] || die "cannot write to \`$prefix\`" "another place: --prefix DIR, or --user"
  # Not in the folder for temporary files, from which some systems run nothing.
  unpacked=$(mktemp -d "$prefix/.edgetl.XXXXXX")
  root=$unpacked/${archive%.tar.gz}
  tar -C "$unpacked" -xzf "$here/$archive"
  [ -f "$root/bin/edgetl" ] || die "expected \`bin/edgetl\` in \`$here/$archive\`, got none"
  version=$("$root/bin/edgetl" --version 2>"$scratch/said") || die "the program does not run here: $(tail -n 1 "$scratch/said")" \
    'nothing was changed; is this machine as old or as small as docs/device.md says it may be?'
  (cd "$root" && find . -type f | sed 's|^\./||' | sort) >"$scratch/list"
  if [ -f "$prefix/$LIST" ]; then
    before=$("$prefix/bin/edgetl" --version 2>/dev/null || echo 'an edgetl that does not run')
    # What only the older one had.
    sort "$prefix/$LIST" | comm -23 - "$scratch/list" >"$scratch/gone"
    forget "$scratch/gone"
  fi
  # Known before it is there, so that what an interrupted run leaves can be taken away too.
  mkdir -p "$prefix/$(dirname -- "$LIST")"
  if [ -f "$prefix/$LIST" ]; then sort -u "$prefix/$LIST" "$scratch/list" >"$scratch/both"; else cp "$scratch/list" "$scratch/both"; fi
  cp "$scratch/both" "$prefix/$LIST"
  while IFS= read -r file; do
    mkdir -p "$prefix/$(dirname -- "$file")"
    # Under another name first: a running program keeps its file, and no file is ever half there.
    cp -p "$root/$file" "$prefix/$file.new"
    mv -f "$prefix/$file.new" "$prefix/$file"
  done <"$scratch/list"
  cp "$scratch/list" "$prefix/$LIST"
}

say_what_was_done() {
  case ${before:-} in
    '') echo "installed $version in $prefix" ;;
    "$version") echo "installed $version in $prefix again" ;;
    *) echo "installed $version in $prefix, in place of $before" ;;
  esac
  first=$(command -v edgetl || true)
  if [ -z "$first" ]; then
    echo "$prefix/bin is not on the PATH: export PATH=\"$prefix/bin:\$PATH\""
  elif [ "$first" != "$prefix/bin/edgetl" ]; then
    echo "another edgetl comes before it on the PATH: $first"
  fi
  echo 'next: edgetl demo'
}

scratch=$(mktemp -d)
unpacked=''
trap 'rm -rf "$scratch" ${unpacked:+"$unpacked"}' EXIT
trap 'exit 130' INT TERM
if [ -n "$uninstall" ]; then
  uninstall
else
  target
  check_c_library
  find_archive
  check_hash
  install_files
  say_what_was_done
fi
