"""The HS1 chain in PyTorch, as a peer that answers on standard input: each line runs the chain once and prints its milliseconds.

    bench/.venv/bin/python bench/hs1_peer.py MODEL_DIR THREADS [float32|bfloat16]
"""
import json
import os
import sys
import time

import torch

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "training", "hs1"))
from common import text_ids  # noqa: E402
from model import PQMF, ForwardTacotron, MelGAN  # noqa: E402

folder, threads = sys.argv[1], int(sys.argv[2])
kind = sys.argv[3] if len(sys.argv) > 3 else "float32"
torch.set_num_threads(threads)


def part(name, key):
    config = json.load(open(os.path.join(folder, name, "config.json")))["model"]
    return config, key(torch.load(os.path.join(folder, name, name + ".pt"), map_location="cpu"))


config, weights = part("synthesizer", lambda k: k["model_state"])
synth = ForwardTacotron(**config).eval()
synth.load_state_dict(weights)
config, weights = part("vocoder", lambda k: k["model"]["generator"])
vocoder = MelGAN(**config).eval()
vocoder.load_state_dict(weights)
for m in vocoder.modules():                      # what upstream does before it serves
    if hasattr(m, "parametrizations"):
        torch.nn.utils.parametrize.remove_parametrizations(m, "weight")
pqmf = PQMF()
voices = sorted(os.listdir(os.path.join(folder, "voices")))
voice = torch.tensor(json.load(open(os.path.join(folder, "voices", voices[0])))["embedding"])[None]
ids = torch.tensor([text_ids(sys.stdin.readline().strip())])
print("ready", torch.__version__, "threads", torch.get_num_threads(), kind, torch.backends.cpu.get_cpu_capability(), flush=True)


@torch.no_grad()
def run():
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=kind == "bfloat16"):
        mel, _ = synth.generate(ids, voice)
        return pqmf.synthesis(vocoder(mel / 4.0).float())


for line in sys.stdin:
    start = time.perf_counter()
    wav = run()
    print(f"{(time.perf_counter() - start) * 1e3:.3f} {wav.numel()}", flush=True)
