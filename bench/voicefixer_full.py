"""Writes VoiceFixer at its real dims with random weights, by the recipes of the golden cases: vf.ckpt and
model.ckpt-1490000_trimed.pt, as published.

    bench/.venv/bin/python bench/voicefixer_full.py bench/out/voicefixer-full
"""
import collections
import json
import os
import sys

import numpy as np
import torch

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
CASES = os.path.join(ROOT, "tests", "golden", "voicefixer")
RECIPES = [os.path.join(CASES, "restorer_full_s13", "vf.ckpt.recipe.json"),
           os.path.join(CASES, "vocoder_t5_full_s13", "model.ckpt-1490000_trimed.pt.recipe.json")]
MASK = (1 << 64) - 1


def fnv1a64(name):
    h = 0xCBF29CE484222325
    for b in name.encode():
        h = (h ^ b) * 0x100000001B3 & MASK
    return h


def numbers(name, seed, spec):
    if "int" in spec:
        return torch.tensor(spec["int"], dtype=torch.int64)
    count = int(np.prod(spec["shape"], dtype=np.int64))
    start = np.uint64((fnv1a64(name) + seed * 0xD1342543DE82EF95) & MASK)
    with np.errstate(over="ignore"):
        z = start + (np.arange(1, count + 1, dtype=np.uint64)) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    u = (z >> np.uint64(40)).astype(np.float64) / 2 ** 24
    v = (spec["b"] + spec["a"] * (2 * u - 1)).astype(np.float32)
    return torch.from_numpy(v).to(torch.bfloat16).to(torch.float32).reshape(spec["shape"])


def write(folder):
    os.makedirs(folder, exist_ok=True)
    for path in RECIPES:
        recipe = json.load(open(path))
        tensors = collections.OrderedDict((k, numbers(k, recipe["seed"], v)) for k, v in recipe["tensors"].items())
        wrap = recipe["wrap"]
        torch.save({wrap: tensors} if wrap else tensors, os.path.join(folder, recipe["file"]))
        print(recipe["file"], sum(t.numel() for t in tensors.values()), "numbers")


if __name__ == "__main__":
    write(sys.argv[1])
