#!/bin/sh
# Install into a folder of its own, build the example programs against what was installed, in C and as C++, and run them.
# Usage: library.sh BUILD SOURCE
set -eu
build=$1 source=$2 prefix=$1/install-test/usr
failed=0

fail() {
    echo "FAIL $1"
    failed=1
}

rm -rf "$1/install-test" && mkdir -p "$1/install-test"
cmake --install "$build" --prefix "$prefix" >"$build/install-test.log"
libdir=$(dirname "$(find "$prefix" -name libhse.a)")
export PKG_CONFIG_PATH="$libdir/pkgconfig" LD_LIBRARY_PATH="$libdir"
unset HSE_MODELS HSE_MEDIA HSE_DTYPE HSE_CPU HF_HOME || true

# The installed tree holds all that a user needs.
for file in include/hse.h bin/hse libexec/hse/hse-media share/hse/models/demo/silero/LICENSE \
    share/hse/models/demo/harmonyspeech/voices/slt.json; do
    [ -e "$prefix/$file" ] || fail "$file is not installed"
done

# The example, against the shared library found by pkg-config, with every warning.
cc -std=c17 -Wall -Wextra -Wconversion -Werror "$source/examples/speak.c" $(pkg-config --cflags --libs hse) -o "$prefix/speak"
HOME=$prefix "$prefix/speak" "Hello there, this is the installed library." "$prefix/a.wav" >"$prefix/a.txt" || fail "the example failed"
cat "$prefix/a.txt"
grep -q '^speech from 0\.' "$prefix/a.txt" || fail "no speech was found in what was spoken"
[ "$(head -c 4 "$prefix/a.wav")" = RIFF ] || fail "a.wav is not a wav"
[ "$(wc -c <"$prefix/a.wav")" -gt 40000 ] || fail "a.wav is short"
"$prefix/speak" "" "$prefix/b.wav" 2>"$prefix/b.txt" && fail "an empty text was spoken"
grep -q 'input' "$prefix/b.txt" || fail "the error does not name the input: $(cat "$prefix/b.txt")"
[ ! -e "$prefix/b.wav" ] || fail "a failed call left a file"

# The same bytes from the installed program and from the static library.
HOME=$prefix "$prefix/bin/hse" speak "Hello there, this is the installed library." -o "$prefix/c.wav" 2>/dev/null || fail "hse speak failed"
cmp "$prefix/a.wav" "$prefix/c.wav" || fail "the program and the library differ"
cc -std=c17 "$source/examples/speak.c" -I"$prefix/include" "$libdir/libhse.a" \
    $(pkg-config --libs jansson yaml-0.1 soxr kissfft-float zlib libutf8proc expat) -lm -ldl -pthread -o "$prefix/speak-static"
HOME=$prefix HSE_MODELS="$prefix/share/hse/models" "$prefix/speak-static" "Hello there, this is the installed library." "$prefix/d.wav" >/dev/null ||
    fail "the statically linked example failed"
cmp "$prefix/a.wav" "$prefix/d.wav" || fail "the static and the shared library differ"

# The language packs of the source tree are where the installed program and library look, and one of them speaks.
if [ -n "$(ls "$source"/build/languages/v*/es.pack 2>/dev/null)" ]; then
    version=$(basename "$(dirname "$(ls -d "$source"/build/languages/v*/es.pack | tail -1)")")
    [ -e "$prefix/share/hse/languages/$version/es.pack" ] || fail "es.pack is not installed"
    env -u HSE_LANGUAGES HOME="$prefix" XDG_CACHE_HOME="$prefix" "$prefix/bin/hse" languages >"$prefix/languages.txt" || fail "hse languages failed"
    grep -q "share/hse/languages/$version/es.pack" "$prefix/languages.txt" ||
        fail "the installed program does not find es.pack: $(cat "$prefix/languages.txt")"
    if command -v python3 >/dev/null; then
        PYTHONPATH=$source/tests/api python3 - "$prefix/melo" <<'MODEL' || fail "no model for the test"
import sys
import narrators
narrators.melo_folder(sys.argv[1], "es", words_of_its_own=False)
narrators.bert_folder(sys.argv[1] + "/bert", "es", weights=False)
MODEL
        env -u HSE_LANGUAGES HOME="$prefix" XDG_CACHE_HOME="$prefix" "$prefix/bin/hse" speak --local --models "$prefix" -m ov2-synthesizer-es \
            -o "$prefix/es.wav" "El tren sale a las nueve." 2>"$prefix/es.txt" || fail "Spanish is not spoken: $(cat "$prefix/es.txt")"
        [ "$(wc -c <"$prefix/es.wav")" -gt 5000 ] || fail "es.wav is short"
    fi
fi

# hse.h is C++ too.
printf '#include <hse.h>\nint main() { hse_vad_params p; hse_vad_params_init(&p); return hse_abi_version() == HSE_ABI_VERSION ? 0 : 1; }\n' >"$prefix/cpp.cc"
if command -v c++ >/dev/null; then
    c++ -Wall -Wextra -Werror "$prefix/cpp.cc" $(pkg-config --cflags --libs hse) -o "$prefix/cpp" && "$prefix/cpp" || fail "C++"
fi

# Exactly the functions of hse.h are visible, and the soname carries the ABI version.
lib=$libdir/libhse.so
nm -D --defined-only "$lib" | awk '$2 ~ /[A-Z]/ {print $3}' | grep -v '^_' | sort >"$prefix/visible"
sed -n '/^HSE_API/{:a;/(/!{N;ba};s/[^(]*[ *]\(hse_[a-z0-9_]*\)(.*/\1/p}' "$prefix/include/hse.h" | sort >"$prefix/declared"
diff "$prefix/declared" "$prefix/visible" || fail "visible symbols are not those of hse.h"
abi=$(sed -n 's/^#define HSE_ABI_VERSION \([0-9]*\).*/\1/p' "$prefix/include/hse.h")
readelf -d "$lib" | grep -q "SONAME.*\[libhse.so.$abi\]" || fail "the soname is not libhse.so.$abi"

# Library code never ends the process and never prints; neither library nor program links FFmpeg.
bad=$(nm "$libdir/libhse.a" 2>/dev/null | grep -E ' U (abort|exit|_exit|quick_exit|__assert_fail|printf|puts|putchar|setlocale)$' | sort -u) || true
[ -z "$bad" ] || fail "libhse.a uses: $bad"
for file in "$lib" "$prefix/bin/hse"; do
    if ldd "$file" | grep -E 'libav(codec|format|util)|libswresample'; then fail "$file links FFmpeg"; fi
done
[ $failed = 0 ] && echo "the installed library is whole"
exit $failed
