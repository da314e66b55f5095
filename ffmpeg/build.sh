#!/usr/bin/env bash
# Makes our own small static ffmpeg: ffmpeg/bin/ffmpeg, and ffmpeg/bin/BUILD which says what it was made of.
#
#   ffmpeg/build.sh                                        where there is apt: the distribution's own source package
#   FFMPEG_TARBALL=ffmpeg-5.1.9.tar.xz ffmpeg/build.sh     elsewhere: a release tarball, checked against source.sha256
#
# A second call with the same recipe returns at once; `rm -r ffmpeg/bin` asks for a fresh one.
# README.md says why we build it ourselves and what each part is for.
set -euo pipefail
shopt -s inherit_errexit

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
bin=$here/bin
headers=(lame/lame.h opencore-amrnb/interf_dec.h opencore-amrwb/dec_if.h)
commands=(gcc make nasm pkg-config xz patch)
packages=(gcc libc6-dev make nasm pkg-config xz-utils patch dpkg-dev
    libmp3lame-dev libopencore-amrnb-dev libopencore-amrwb-dev)

say() { printf 'ffmpeg/build.sh: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }
has() { command -v "$1" >/dev/null; }

# The flags without their comments, one per line: a flag may hold spaces.
flags() { grep -v -e '^#' -e '^$' "$here/configure-flags"; }

# Whatever changes the program changes this line.
recipe() {
    {
        flags
        cat "$here/build.sh" "$here/source.sha256"
        uname -m
        [ -z "${FFMPEG_TARBALL:-}" ] || sha256sum <"$FFMPEG_TARBALL"
    } | sha256sum | cut -d' ' -f1
}

up_to_date() { [ -x "$bin/ffmpeg" ] && grep -qsx "recipe: $(recipe)" "$bin/BUILD"; }

missing_tools() {
    local name
    for name in "${commands[@]}"; do has "$name" || echo "$name"; done
    [ -n "${FFMPEG_TARBALL:-}" ] || has dpkg-source || echo dpkg-source
    has gcc || return 0
    for name in "${headers[@]}"; do
        echo "#include <stddef.h>
#include <$name>" | gcc -E - >/dev/null 2>&1 || echo "$name"
    done
}

ensure_tools() {
    local missing
    missing=$(missing_tools)
    [ -n "$missing" ] || return 0
    if has apt-get && [ "$(id -u)" = 0 ]; then
        say "installing what the build needs: ${packages[*]}"
        apt-get update -qq
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${packages[@]}" >/dev/null
        missing=$(missing_tools)
    fi
    [ -z "$missing" ] || die "missing: ${missing//$'\n'/ }
Install these first (names as in Debian; the libraries with their static archives), then run this again:
    apt-get install ${packages[*]}"
}

# The system's own package sources, asked for source code instead of programs: a private copy with private
# lists, so that nothing on the system changes and nobody has to be root.
source_lists() {
    local from=$1 file to
    mkdir -p "$from/parts" "$from/lists/partial" "$from/cache/archives/partial"
    for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
        to=$from/parts/$(basename "$file")
        [ ! -f "$file" ] || sed -n 's/^deb\([[:space:]]\)/deb-src\1/p' "$file" >"$to"
    done
    for file in /etc/apt/sources.list.d/*.sources; do
        to=$from/parts/$(basename "$file")
        [ ! -f "$file" ] || sed 's/^Types:.*/Types: deb-src/' "$file" >"$to"
    done
}

# Debian's signature over its package lists is what vouches for this source; apt checks it on the way.
fetch_from_apt() {
    local work=$1 from=$1/apt options version
    source_lists "$from"
    options=(-qq -o Dir::Etc::sourcelist=/dev/null -o "Dir::Etc::sourceparts=$from/parts"
        -o "Dir::State::lists=$from/lists" -o "Dir::Cache=$from/cache" -o APT::Sandbox::User=)
    apt-get "${options[@]}" update || say "some package sources did not answer"
    (cd "$work" && apt-get "${options[@]}" source ffmpeg >/dev/null) || die "apt has no source package of ffmpeg"
    mv "$work"/ffmpeg-*/ "$work/source"
    version=$(sed -n 's/^Version: //p' "$work"/ffmpeg_*.dsc | head -n 1)
    echo "source: ffmpeg $version, the distribution's source package"
}

fetch_from_tarball() {
    local work=$1 name
    name=$(cut -d' ' -f3 "$here/source.sha256")
    [ "$(sha256sum <"$FFMPEG_TARBALL" | cut -d' ' -f1)" = "$(cut -d' ' -f1 "$here/source.sha256")" ] ||
        die "$FFMPEG_TARBALL is not the $name that source.sha256 pins"
    mkdir "$work/source"
    tar -xf "$FFMPEG_TARBALL" -C "$work/source" --strip-components=1
    echo "source: $name, SHA-256 as pinned"
}

fetch() {
    if [ -n "${FFMPEG_TARBALL:-}" ]; then
        fetch_from_tarball "$1"
    elif has apt-get; then
        fetch_from_apt "$1"
    else
        die "there is no apt here: give FFMPEG_TARBALL=/path/to/$(cut -d' ' -f3 "$here/source.sha256")"
    fi
}

# A misspelt part, or one whose library was not found, is left out by configure without an error.
check_parts() {
    local kind part
    flags | sed -nE 's/^--enable-(protocol|demuxer|decoder|parser|encoder|muxer|filter)=/\1 /p' |
        while read -r kind parts; do
            for part in ${parts//,/ }; do
                [ "$kind" = filter ] && part=${part}_filter || part=${part}_$kind
                grep -qx "#define CONFIG_${part^^} 1" config_components.h || die "not in the build: $part"
            done
        done
}

compile() {
    local lines
    mapfile -t lines < <(flags)
    ./configure "${lines[@]}" >configure.out || { tail -n 20 ffbuild/config.log >&2; die "configure failed"; }
    check_parts
    make -j"$(nproc)" ffmpeg >make.out 2>&1 || { tail -n 20 make.out >&2; die "make failed"; }
}

# The program goes into place in one step: whoever runs the old one is not disturbed.
put_in_place() {
    mkdir -p "$bin"
    install -m 755 "$1/source/ffmpeg" "$bin/ffmpeg.new"
    {
        echo "recipe: $(recipe)"
        echo "$2"
        "$bin/ffmpeg.new" -hide_banner -version | head -n 1
        gcc --version | head -n 1
        echo "flags:"
        flags
    } >"$bin/BUILD"
    mv "$bin/ffmpeg.new" "$bin/ffmpeg"
}

main() {
    local source
    [ -z "${FFMPEG_TARBALL:-}" ] || [ -r "$FFMPEG_TARBALL" ] || die "cannot read FFMPEG_TARBALL=$FFMPEG_TARBALL"
    if up_to_date; then say "bin/ffmpeg is up to date"; return; fi
    ensure_tools
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    source=$(fetch "$work")
    say "$source"
    (cd "$work/source" && compile)
    put_in_place "$work" "$source"
    say "made bin/ffmpeg, $(stat -c %s "$bin/ffmpeg") bytes"
}

main
