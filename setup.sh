#!/usr/bin/env bash
# Sets up this checkout: virtual environment at .venv, locked dependencies, toybackend itself, our own ffmpeg.
# Installs system packages where it may (root on a machine with apt), and else says which are missing.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
python=${PYTHON:-python3}

say() { printf 'setup: %s\n' "$*" >&2; }

may_install() { command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; }

# ensurepip is in a package of its own on Debian.
if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    may_install || { say "missing: python3-venv; install it, then run this again"; exit 1; }
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends python3 python3-venv >/dev/null
fi
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { say "Python 3.11 or newer is needed"; exit 1; }

[ -x .venv/bin/python ] || "$python" -m venv .venv
.venv/bin/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
.venv/bin/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --no-index -e .

# Our own ffmpeg takes two thirds of the processor time; without it the static one in the imageio-ffmpeg wheel does the work.
ffmpeg/build.sh || say "going on with the ffmpeg of the imageio-ffmpeg package"
