#!/usr/bin/env bash
# Runs the test suite and holds the coverage floors. Conversion is tested on three ffmpegs: our build, the wheel's
# and the distribution's, which is installed here where we may.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

if ! command -v ffmpeg >/dev/null && command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends ffmpeg >/dev/null
fi

.venv/bin/python -m pytest --cov --cov-report= "$@"

floor() { .venv/bin/coverage report --precision=1 --skip-covered --fail-under="$1" --include="$2"; }
floor 95 'toybackend/protocol.py,toybackend/upload.py'
floor 95 'toybackend/services/*'
floor 95 'toybackend/transcoder/*'
