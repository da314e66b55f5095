#!/usr/bin/env bash
# Runs the test suite and holds the coverage floors. Conversion is tested on three ffmpegs: our build, the wheel's
# and the distribution's; the pages in Chromium; power cuts on what strace records. They are installed here where we may.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

wanted=()
command -v ffmpeg >/dev/null || wanted+=(ffmpeg)
command -v chromium >/dev/null || wanted+=(chromium fonts-noto-cjk)
command -v chromium-headless-shell >/dev/null || wanted+=(chromium-headless-shell)
command -v strace >/dev/null || wanted+=(strace)
if [ ${#wanted[@]} -gt 0 ]; then
    if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
        apt-get update -qq
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${wanted[@]}" >/dev/null
    else
        echo "test: missing: ${wanted[*]}; without them the tests that need them fail" >&2
    fi
fi

# Where no bytecode may be kept, each of some hundred processes compiles everything anew.
unset PYTHONDONTWRITEBYTECODE
# A file is tested by one process: what its tests share, they share. Of four processes on two cores two wait for the
# disk, or for a sound to be over. The long ones begin first, see `tests/conftest.py`. What all this takes was installed
# above: the tests themselves run where there is no network but loopback.
run() {
    .venv/bin/python tests/offline.py .venv/bin/python -m pytest \
        --numprocesses 4 --dist loadfile --no-loadscope-reorder "$@"
}

# To watch which lines run makes everything twice as slow; these are the tests that the floors are about.
measured=(tests/services tests/transcoder tests/commands/test_backup.py tests/test_{protocol,upload}.py)
outcome=0
run --cov --cov-report= "$@" "${measured[@]}" || outcome=$?
run "${measured[@]/#/--ignore=}" "$@" || outcome=$?
[ "$outcome" = 0 ] || exit "$outcome"

floor() { .venv/bin/coverage report --precision=1 --skip-covered --fail-under="$1" --include="$2"; }
floor 95 'toybackend/protocol.py,toybackend/upload.py'
floor 95 'toybackend/services/*'
floor 95 'toybackend/transcoder/*'
