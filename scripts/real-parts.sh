#!/usr/bin/env bash
# Brings the real programs the tests talk to: each is taken from PATH, else from our cache, else installed once into the cache
# (or by the system's package manager). Says what it does and how long it takes; when everything is there it needs no network.
#
# Cache: $MARQUEE_PARTS, else $XDG_CACHE_HOME/marquee-parts, else ~/.cache/marquee-parts.
# A part that cannot be installed is reported and does not stop the others; with REQUIRE_REAL=1 the script then exits 1.
#
# To add a part: write get_<part>, which leaves an executable of that name in the folder $1 or installs it system-wide,
# and one `want` line at the end.
set -uo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache=${MARQUEE_PARTS:-${XDG_CACHE_HOME:-$HOME/.cache}/marquee-parts}
missing=()

say () { printf 'real-parts: %s\n' "$*"; }

# --- the parts ---------------------------------------------------------------------------------------------------------

# MinIO's server comes from the Go module proxy, built here in about 3 minutes. (Where a container engine runs, that is where
# `docker info` succeeds, its published image would be the quicker way; the tests need a plain executable, so it is not used.)
minio_version=v0.0.0-20260212201848-7aac2a2c5b7c
get_minio () { GOBIN=$1 go install "github.com/minio/minio@$minio_version"; }

# One Debian package holds both programs.
get_ffmpeg () { install_package ffmpeg; }

# Debian's own browser: there is no other way to one here.
get_chromium () { install_package chromium; }

# The Debian package would start a server of its own on port 80: install_package asks it not to.
get_nginx () { install_package nginx-light; }

# The Rust client is our own few lines over a published crate: its version is the hash of its sources.
rust_client=$root/test/clients/nostr-blossom
rust_client_version=$(cd "$rust_client" && find Cargo.toml Cargo.lock src -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum | cut -c1-64)
get_blossom_rs () {
  CARGO_TARGET_DIR=$cache/target/blossom-rs cargo build --release --locked --manifest-path "$rust_client/Cargo.toml" &&
    cp "$cache/target/blossom-rs/release/blossom-rs" "$1/"
}

# The relay whose configuration relay-config/ has. Not --locked: the `time` crate in its lock file is refused by a compiler of today. 5 minutes.
nostr_rs_relay_version=0.8.12
get_nostr_rs_relay () {
  command -v protoc >/dev/null || install_package protobuf-compiler || return 1
  CARGO_TARGET_DIR=$cache/target/nostr-rs-relay cargo install "nostr-rs-relay@$nostr_rs_relay_version" --root "$cache/target/nostr-rs-relay/root" --no-track --force &&
    cp "$cache/target/nostr-rs-relay/root/bin/nostr-rs-relay" "$1/" && rm -rf "$cache/target/nostr-rs-relay"
}

# Makes real OCI images and layouts without a container engine, over a registry of its own on this machine.
crane_version=v0.20.3
get_crane () { GOBIN=$1 go install "github.com/google/go-containerregistry/cmd/crane@$crane_version"; }

# A client in Python: a folder of its own in the cache with the published package, and a `python` that finds it.
nostr_sdk_py_version=0.45.1
get_nostr_sdk_py () {
  local folder=$cache/venv/nostr-sdk-$nostr_sdk_py_version
  rm -rf "$folder"
  python3 -m venv "$folder" 2>/dev/null || { rm -rf "$folder" && install_package python3-venv && python3 -m venv "$folder"; } || return 1
  "$folder/bin/python" -m pip install -q --disable-pip-version-check --only-binary :all: "nostr-sdk==$nostr_sdk_py_version" &&
    "$folder/bin/python" -c 'import nostr_sdk' &&
    printf '#!/bin/sh\nexec "%s/bin/python" "$@"\n' "$folder" > "$1/nostr-sdk-py" && chmod +x "$1/nostr-sdk-py"
}

# --- how a part is found or made ---------------------------------------------------------------------------------------

lists_are_fresh=
install_package () {
  local as_root=()
  command -v apt-get >/dev/null || { say "no apt-get here: install $1 by hand"; return 1; }
  [ "$(id -u)" = 0 ] || as_root=(sudo -n)
  if [ -z "$lists_are_fresh" ]; then "${as_root[@]}" apt-get update -q && lists_are_fresh=1 || return 1; fi
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y -q --no-install-recommends "$1"
}

# want NAME VERSION GET: VERSION marks what the cache holds, so that a changed pin or source is built again; empty when the
# part comes from the system's packages.
want () {
  local name=$1 version=$2 get=$3 started=$SECONDS fresh
  if command -v "$name" >/dev/null; then say "$name: $(command -v "$name")"; return; fi
  if [ -n "$version" ] && [ -x "$cache/bin/$name" ] && [ "$(cat "$cache/versions/$name" 2>/dev/null)" = "$version" ]; then
    say "$name: $cache/bin/$name"; return
  fi
  say "$name: not here, installing it${version:+ (${version:0:40})} ..."
  fresh=$(mktemp -d "$cache/fresh.XXXXXX") || { missing+=("$name"); return; }
  # The lock is not handed down: a compiler's background server would keep it for as long as it lives.
  if "$get" "$fresh" 9>&- </dev/null && place "$name" "$version" "$fresh"; then
    say "$name: installed in $((SECONDS - started)) s"
  else
    say "$name: COULD NOT BE INSTALLED (after $((SECONDS - started)) s)"
    missing+=("$name")
  fi
  rm -rf "$fresh"
}

# Moves the finished executable into the cache in one step, so that an interrupted run never leaves half of one.
place () {
  local name=$1 version=$2 fresh=$3
  if [ -x "$fresh/$name" ]; then
    rm -f "$cache/versions/$name" && mv -f "$fresh/$name" "$cache/bin/$name" && printf '%s\n' "$version" > "$cache/versions/$name"
  else
    hash -r; command -v "$name" >/dev/null
  fi
}

mkdir -p "$cache/bin" "$cache/versions" || exit 1
# Found on PATH means found outside the cache: what the cache holds is judged by its version.
PATH=$(printf '%s' "$PATH" | awk -v RS=: -v ORS=: -v skip="$cache/bin" '$0 != skip' | sed 's/:$//'):/usr/sbin # nginx is there
if command -v flock >/dev/null; then
  exec 9>"$cache/lock"
  flock -n 9 || { say 'another run is installing, waiting for it ...'; flock 9; }
fi

want minio      "$minio_version"       get_minio
want ffmpeg     ''                     get_ffmpeg
want ffprobe    ''                     get_ffmpeg
want chromium   ''                     get_chromium
want nginx      ''                     get_nginx
want blossom-rs "$rust_client_version" get_blossom_rs
want nostr-rs-relay "$nostr_rs_relay_version" get_nostr_rs_relay
want nostr-sdk-py   "$nostr_sdk_py_version"   get_nostr_sdk_py
want crane      "$crane_version"       get_crane

[ ${#missing[@]} = 0 ] && { say "all here ($SECONDS s)"; exit 0; }
say "missing: ${missing[*]} ($SECONDS s)"
[ "${REQUIRE_REAL:-}" = 1 ] && exit 1
say 'the tests that need them will be skipped (REQUIRE_REAL=1 makes this a failure)'
exit 0
