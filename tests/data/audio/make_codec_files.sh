#!/bin/sh
# Writes the small recordings of tests/unit/audio/test_media.c with ffmpeg: one signal (a tone that rises from 300 to 3000
# Hz in a second, with silence around it) in every container and codec that hse-media takes, and in some that it must refuse
# by name.
set -e
make() { ffmpeg -v error -y -fflags +bitexact -i tone.wav "$@"; }
ffmpeg -v error -y -f lavfi -i "aevalsrc='0.5*sin(2*PI*(300*(t-0.1)+1350*(t-0.1)*(t-0.1)))*between(t,0.1,0.9)':s=24000:d=1" \
    -c:a pcm_s16le -fflags +bitexact tone.wav
make tone.flac
make -ar 44100 -ac 2 -c:a flac -sample_fmt s32 -bits_per_raw_sample 24 stereo24.flac
make -c:a libmp3lame -b:a 64k tone.mp3
make -c:a libmp3lame -b:a 64k -write_xing 0 -id3v2_version 0 bare.mp3
make -c:a libvorbis tone.ogg
make -c:a libopus -b:a 32k tone.opus
make -c:a flac -f ogg oggflac.oga
make -c:a libopus -b:a 32k tone.webm
make -c:a libvorbis tone.mka
make -c:a aac -b:a 64k tone.m4a
make -c:a aac -b:a 64k -movflags +faststart faststart.m4a
make -c:a aac -b:a 64k tone.aac
make -c:a libmp3lame -b:a 64k -f wav mp3.wav
make -c:a pcm_s16be -f mov pcm.mov
make -c:a alac refused-alac.m4a
make -c:a adpcm_ima_wav refused-adpcm.wav
make -f aiff refused.aiff
make -c:a mp2 refused-mp2.mka
