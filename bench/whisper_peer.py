"""Whisper in a peer's engine, which answers on standard input: each line runs once, "MILLISECONDS COUNT CPU_MILLISECONDS".

    bench/.venv/bin/python bench/whisper_peer.py ct2 FOLDER THREADS COMPUTE_TYPE encode|decode
    bench/.venv/bin/python bench/whisper_peer.py cpp FILE.bin THREADS - encode|decode

encode: a window of noise; a line "first" (ct2): with its first token, which is when CTranslate2 computes what the decoder attends to.
decode: 100 tokens of that window, greedily; a line "beam 5" searches with 5 beams. whisper.cpp is called through pywhispercpp's
bindings of its C API, so no thread of Python stands in between.
"""
import sys
import time

import numpy as np

kind, path, threads, compute, job = sys.argv[1:6]
threads = int(threads)
TOKENS, PROMPT = 100, [50258, 50259, 50359, 50363]
noise = (np.random.default_rng(1).random((80, 3000), dtype=np.float32) - 0.5) * 1.4

if kind == "ct2":
    import ctranslate2
    model = ctranslate2.models.Whisper(path, device="cpu", compute_type=compute, intra_threads=threads)
    features = ctranslate2.StorageView.from_array(noise[None])
    encoded = model.encode(features) if job == "decode" else None
    banner = f"ctranslate2 {ctranslate2.__version__} {model.compute_type} threads {threads}"

    def run(line):
        if job == "encode":
            output = model.encode(features)
            if line.startswith("first"):
                model.generate(output, [PROMPT], beam_size=1, max_length=len(PROMPT) + 1, suppress_tokens=[50257], suppress_blank=False)
            return np.array(output).shape[1]
        beams = int(line.split()[1]) if line.startswith("beam") else 1
        r = model.generate(encoded, [PROMPT], beam_size=beams, max_length=2 * TOKENS, suppress_tokens=[50257], suppress_blank=False)
        return len(r[0].sequences_ids[0])
else:
    import _pywhispercpp as cpp
    ctx = cpp.whisper_init_from_file_with_params(path, cpp.whisper_context_default_params())
    cpp.whisper_set_mel(ctx, np.ascontiguousarray(noise), 3000, 80)
    cpp.whisper_encode(ctx, 0, threads)
    banner = f"whisper.cpp (pywhispercpp) threads {threads}: {' '.join(str(cpp.whisper_print_system_info()).split())[:150]}"

    def run(line):
        if job == "encode":
            cpp.whisper_encode(ctx, 0, threads)
            return 1500
        for past in range(len(PROMPT) + TOKENS):        # the binding takes one token at a time; which one costs the same
            cpp.whisper_decode(ctx, PROMPT[min(past, 3)], 1, past, threads)
        return TOKENS + len(PROMPT)


run(sys.stdin.readline())
print("ready", banner, flush=True)
for line in sys.stdin:
    start, cpu = time.perf_counter(), time.process_time()
    count = run(line)
    print(f"{(time.perf_counter() - start) * 1e3:.3f} {count} {(time.process_time() - cpu) * 1e3:.3f}", flush=True)
