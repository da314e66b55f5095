#!/usr/bin/env bash
# Speaks and encodes the test clips in this folder, and toybackend/clips/demo.amr. Run by hand, rarely: what it
# makes is committed, so that the tests need neither a synthesiser nor encoders. README.md lists the result.
#
# Needs espeak-ng, ffmpeg and python3, as in Debian 12. Debian's ffmpeg has no AMR encoders; its libavcodec-extra
# has them, but would replace a library of the system, so it is unpacked into a folder of our own for this run.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
demo=$here/../../toybackend/clips/demo.amr
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"

encoders=(libavcodec-extra59 libaribb24-0 libvo-amrwbenc0 libopencore-amrnb0 libopencore-amrwb0)

amr_encoders() {
    local package
    cd "$work"
    apt-get download -qq -o APT::Sandbox::User= "${encoders[@]}"
    for package in ./*.deb; do dpkg-deb -x "$package" "$work/extra"; done
    LD_LIBRARY_PATH=$(dirname "$(find "$work/extra" -name 'libavcodec.so.*' | head -n 1)")
    export LD_LIBRARY_PATH
    cd "$here"
}

# speak NAME TEXT: espeak-ng's own 22,050 Hz mono WAV, unhurried, in a woman's voice. "en" is British English, and
# takes the variant f3, which "en-gb" would ignore.
speak() { espeak-ng -v en+f3 -s 150 -p 60 -w "$work/$1.wav" "$2"; }

# encode FROM TO OPTIONS…: bit-exact, so that running this again gives the same bytes where the encoder allows it.
encode() {
    local from=$1 to=$2
    shift 2
    ffmpeg -nostdin -v error -y -i "$work/$from.wav" "$@" -map_metadata -1 -fflags +bitexact -flags:a +bitexact "$to"
}

amr_nb=(-ar 8000 -ac 1 -c:a libopencore_amrnb -b:a 12.2k)
amr_wb=(-ar 16000 -ac 1 -c:a libvo_amrwbenc -b:a 12.65k)
opus=(-ar 48000 -ac 1 -c:a libopus -b:a 24k)
aac=(-ar 44100 -ac 1 -c:a aac -b:a 48k)
picture=(-f lavfi -i "testsrc2=size=64x48:rate=5:duration=2")

amr() {
    encode hello hello_nb.amr "${amr_nb[@]}"
    encode story story_nb.amr "${amr_nb[@]}" -t 11.1
    encode hello hello_wb.amr -f amr "${amr_wb[@]}"
    # Two words with three seconds of silence between them: the encoder sends SID and NO_DATA frames there.
    encode hello dtx_nb.amr "${amr_nb[@]}" -dtx 1 -af "asplit[a][b];[b]adelay=6000[c];[a][c]amix=duration=longest"
    # 149 frames and the one that the encoder adds: 150 can be packed by five.
    encode hello hello.3gp -af apad -t 2.98 "${amr_nb[@]}" -brand 3gp4
    python3 pack_3gp.py hello.3gp hello_packed.3gp
    encode demo "$demo" "${amr_nb[@]}"
}

containers() {
    # A phone writes where it was; the place here is a park in Greenwich.
    ffmpeg -nostdin -v error -y -i "$work/hello.wav" "${aac[@]}" -metadata title="Hello" \
        -metadata location="+51.4769-000.0005/" -movflags use_metadata_tags -fflags +bitexact hello.m4a
    encode hello hello.aac "${aac[@]}"
    # Written to a pipe, as a browser's recorder does it: a WebM without a duration and without cues.
    encode hello - -f webm "${opus[@]}" | cat >hello.webm
    encode hello hello.ogg "${opus[@]}"
    encode hello hello.wav -ar 16000 -ac 1 -c:a pcm_s16le
    encode hello hello.caf -ar 8000 -ac 1 -c:a pcm_s16be
    encode hello hello.flac -ar 16000 -ac 1 -c:a flac -sample_fmt s16
}

with_pictures() {
    ffmpeg -nostdin -v error -y -f lavfi -i "color=c=orange:size=32x32:duration=0.04" -frames:v 1 "$work/cover.png"
    ffmpeg -nostdin -v error -y -i "$work/hello.wav" -i "$work/cover.png" -map 0:a -map 1:v -ar 44100 -ac 1 \
        -c:a libmp3lame -b:a 48k -c:v copy -disposition:v attached_pic -id3v2_version 3 \
        -metadata title="Hello" -metadata artist="A tester" -fflags +bitexact hello.mp3
    ffmpeg -nostdin -v error -y "${picture[@]}" -i "$work/hello.wav" -map 0:v -map 1:a -t 2 \
        -c:v libvpx -b:v 30k "${opus[@]}" -fflags +bitexact video.webm
    ffmpeg -nostdin -v error -y "${picture[@]}" -i "$work/hello.wav" -map 0:v -map 1:a -t 2 \
        -c:v libx264 -pix_fmt yuv420p -crf 40 "${aac[@]}" -fflags +bitexact video.mp4
}

amr_encoders
mkdir -p "$(dirname "$demo")"
speak hello "Hello! Can you hear me? This is a test."
speak story "Once upon a time there was a small bear who did not want to go to sleep. He looked at the moon, and the \
moon looked at him. Little bear, said the moon, I will stay awake for you, so that you may close your eyes."
speak demo "Hello my little one, this is mum. Sleep well, see you tomorrow."
amr
containers
with_pictures

# What `toybackend doctor` converts: one of each kind that phones and pages send.
cd "$here"
for pair in hello_wb.amr:wide.amr dtx_nb.amr:pauses.amr hello_packed.3gp:packed.3gp hello.webm:browser.webm hello.m4a:phone.m4a; do
    cp "${pair%%:*}" "$(dirname "$demo")/${pair##*:}"
done
