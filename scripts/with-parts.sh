#!/usr/bin/env bash
# Runs a command with our own tools and the parts that scripts/real-parts.sh brought on its PATH:
#   scripts/with-parts.sh tap dist/test/auth/token.test.js
# What PATH had before the cache's programs wins, as in real-parts.sh.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache=${MARQUEE_PARTS:-${XDG_CACHE_HOME:-$HOME/.cache}/marquee-parts}
[ $# -gt 0 ] || { echo "usage: $0 CMD [ARG...]" >&2; exit 2; }
export PATH="$root/node_modules/.bin:$PATH:$cache/bin:/usr/sbin" # nginx is in /usr/sbin
exec "$@"
