#!/usr/bin/env bash
# Trains the demo voice from nothing: data, encoder, vocoder, synthesizer, export, a spoken sample.
# Usage: run.sh OUT [--smoke]     Each step is skipped when its result is there, so a stopped run goes on where it was.
set -euo pipefail
[ $# -ge 1 ] || { echo "usage: run.sh OUT [--smoke]" >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
out=$(mkdir -p "$1" && cd "$1" && pwd)
encoder_min=5 vocoder_min=60 synth_min=50 tune_min=20 limit=()
if [ "${2:-}" = --smoke ]; then
    encoder_min=0.3 vocoder_min=0.5 synth_min=0.5 tune_min=0.3 limit=(--counts 480,20,20,20 --held 8)
fi

if ! command -v flite >/dev/null || [ ! -e /usr/include/flite/flite.h ]; then
    sudo=$([ "$(id -u)" = 0 ] || echo sudo)
    $sudo apt-get update -qq && $sudo apt-get install -y -qq flite flite1-dev gcc python3-venv
fi
if [ ! -x "$out/venv/bin/python" ]; then
    python3 -m venv "$out/venv"
    "$out/venv/bin/pip" install -q --disable-pip-version-check -r "$here/../requirements.txt"
fi
py=$out/venv/bin/python
[ -x "$out/flite_dump" ] || cc -O2 -o "$out/flite_dump" "$here/flite_dump.c" -lflite_cmu_us_slt -lflite_cmu_us_rms -lflite_cmu_us_awb \
    -lflite_cmu_us_kal16 -lflite_usenglish -lflite_cmulex -lflite -lm
cd "$here"
[ -e "$out/data/index.json" ] || $py prepare.py --dump "$out/flite_dump" --out "$out/data" "${limit[@]}"
[ -e "$out/run/embeddings.npz" ] || $py train_encoder.py --data "$out/data" --run "$out/run" --minutes $encoder_min
[ -e "$out/run/vocoder.done" ] || { $py train_vocoder.py --data "$out/data" --run "$out/run" --minutes $vocoder_min; touch "$out/run/vocoder.done"; }
[ -e "$out/run/synth.done" ] || { $py train_synth.py --data "$out/data" --run "$out/run" --minutes $synth_min; touch "$out/run/synth.done"; }
if [ ! -e "$out/run/gta.npy" ]; then
    $py gta.py --data "$out/data" --run "$out/run" --out "$out/run/gta.npy"
    $py train_vocoder.py --data "$out/data" --run "$out/run" --minutes $tune_min --mels "$out/run/gta.npy"
fi
$py export.py --run "$out/run" --out "$out/model" --bf16
$py speak.py --model "$out/model" --voice slt --out "$out/hello.wav" "Hello there."
echo "done: $out/model, $out/hello.wav"
