"""Silero VAD, one 32 ms chunk in onnxruntime, as a peer on standard input: each line runs 1,000 chunks and prints the microseconds of one.

    bench/.venv/bin/python bench/vad_peer.py silero_vad.onnx THREADS
"""
import sys
import time

import numpy as np
import onnxruntime as ort

options = ort.SessionOptions()
options.intra_op_num_threads = options.inter_op_num_threads = int(sys.argv[2])
options.log_severity_level = 3
session = ort.InferenceSession(sys.argv[1], options, providers=["CPUExecutionProvider"])
audio = (np.random.RandomState(1).randn(1000, 512) * 0.1).astype(np.float32)
rate = np.array(16000, dtype=np.int64)
sys.stdin.readline()
print("ready onnxruntime", ort.__version__, "threads", sys.argv[2], flush=True)
for line in sys.stdin:
    state, context = np.zeros((2, 1, 128), np.float32), np.zeros((1, 64), np.float32)
    start = time.perf_counter()
    for chunk in audio:
        x = np.concatenate([context, chunk[None]], axis=1)
        _, state = session.run(None, {"input": x, "state": state, "sr": rate})
        context = x[:, -64:]
    print(f"{(time.perf_counter() - start) * 1e3:.3f} {len(audio)}", flush=True)
