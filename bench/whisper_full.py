"""Writes Whisper models at full size with random weights: CTranslate2 folders (float16 and int8) and whisper.cpp's ggml files
(f16 and q8_0) with the same numbers.

    bench/.venv/bin/python bench/whisper_full.py bench/out/whisper base small

The weights are drawn so that activations stay of order 1 and attention is neither flat nor a single position. Only the shapes matter
for speed; what the models say is nonsense.
"""
import json
import os
import struct
import sys

import numpy as np

SIZES = {"tiny": (384, 6, 4), "base": (512, 8, 6), "small": (768, 12, 12), "medium": (1024, 16, 24)}    # width, heads, layers
VOCAB, MELS, FRAMES, CONTEXT = 51865, 80, 1500, 448
TEXT = 50257                                        # ids of text; whisper.cpp makes up the names of the others


def sinusoids(length, channels):
    scale = np.exp(-np.log(10000) / (channels // 2 - 1) * np.arange(channels // 2))
    at = np.arange(length)[:, None] * scale[None, :]
    return np.concatenate([np.sin(at), np.cos(at)], axis=1).astype(np.float16).astype(np.float32)


def weights(size, seed=1):
    """Under OpenAI's names, exact in float16."""
    width, _, layers = SIZES[size]
    rng = np.random.default_rng(seed)
    out = {}

    def put(name, shape, scale):
        out[name] = (rng.standard_normal(shape, dtype=np.float32) * scale).astype(np.float16).astype(np.float32)

    def linear(name, rows, cols, bias=True, gain=1.0):
        put(name + ".weight", (rows, cols), gain / cols ** 0.5)
        if bias:
            put(name + ".bias", (rows,), 0.02)

    def norm(name):
        out[name + ".weight"] = (1 + 0.1 * rng.standard_normal(width)).astype(np.float16).astype(np.float32)
        put(name + ".bias", (width,), 0.02)

    def attention(name):
        linear(name + ".query", width, width, gain=1.4)
        linear(name + ".key", width, width, False, 1.4)
        linear(name + ".value", width, width)
        linear(name + ".out", width, width, gain=0.5)

    def block(name, cross):
        attention(name + ".attn"), norm(name + ".attn_ln")
        if cross:
            attention(name + ".cross_attn"), norm(name + ".cross_attn_ln")
        linear(name + ".mlp.0", 4 * width, width), linear(name + ".mlp.2", width, 4 * width, gain=0.5), norm(name + ".mlp_ln")

    put("encoder.conv1.weight", (width, MELS, 3), 1 / (3 * MELS) ** 0.5), put("encoder.conv1.bias", (width,), 0.02)
    put("encoder.conv2.weight", (width, width, 3), 1 / (3 * width) ** 0.5), put("encoder.conv2.bias", (width,), 0.02)
    out["encoder.positional_embedding"] = sinusoids(FRAMES, width)
    for i in range(layers):
        block(f"encoder.blocks.{i}", False)
    norm("encoder.ln_post")
    put("decoder.token_embedding.weight", (VOCAB, width), 0.1)
    put("decoder.positional_embedding", (CONTEXT, width), 0.05)
    for i in range(layers):
        block(f"decoder.blocks.{i}", True)
    norm("decoder.ln")
    return out


def byte_alphabet():
    keep = list(range(33, 127)) + list(range(161, 173)) + list(range(174, 256))
    table = {b: chr(b) for b in keep}
    for n, b in enumerate(b for b in range(256) if b not in keep):
        table[b] = chr(256 + n)
    return [table[b] for b in range(256)]


def vocabulary():
    """The 256 bytes, made-up words, the special tokens."""
    words = byte_alphabet()
    words += [f"\u0120w{i}" for i in range(TEXT - 1 - len(words))] + [""]
    languages = ("en zh de es ru ko fr ja pt tr pl ca nl ar sv it id hi fi vi he uk el ms cs ro da hu ta no th ur hr bg lt la mi ml cy sk te fa lv bn "
                 "sr az sl kn et mk br eu is hy ne mn bs kk sq sw gl mr pa si km sn yo so af oc ka be tg sd gu am yi lo uz fo ht ps tk nn mt sa lb "
                 "my bo tl mg as tt haw ln ha ba jw su").split()
    words += ["<|endoftext|>", "<|startoftranscript|>"] + [f"<|{x}|>" for x in languages]
    words += ["<|translate|>", "<|transcribe|>", "<|startoflm|>", "<|startofprev|>", "<|nospeech|>", "<|notimestamps|>"]
    words += [f"<|{i * 0.02:.2f}|>" for i in range(1501)]
    assert len(words) == VOCAB
    return words


# ---- CTranslate2 ----

def ct2_variables(w, layers):
    out = {}

    def take(ct2, *names, bias=True):
        out[ct2 + "/weight"] = np.concatenate([w[n + ".weight"] for n in names])
        if bias:
            parts = [w.get(n + ".bias", np.zeros(len(w[n + ".weight"]), np.float32)) for n in names]
            out[ct2 + "/bias"] = np.concatenate(parts)

    def norm(ct2, name):
        out[ct2 + "/gamma"], out[ct2 + "/beta"] = w[name + ".weight"], w[name + ".bias"]

    for half, last, cross in (("encoder", "ln_post", False), ("decoder", "ln", True)):
        out[half + "/position_encodings/encodings"] = w[half + ".positional_embedding"]
        norm(half + "/layer_norm", f"{half}.{last}")
        for i in range(layers):
            to, of = f"{half}/layer_{i}", f"{half}.blocks.{i}"
            norm(to + "/self_attention/layer_norm", of + ".attn_ln")
            take(to + "/self_attention/linear_0", of + ".attn.query", of + ".attn.key", of + ".attn.value")
            take(to + "/self_attention/linear_1", of + ".attn.out")
            if cross:
                norm(to + "/attention/layer_norm", of + ".cross_attn_ln")
                take(to + "/attention/linear_0", of + ".cross_attn.query")
                take(to + "/attention/linear_1", of + ".cross_attn.key", of + ".cross_attn.value")
                take(to + "/attention/linear_2", of + ".cross_attn.out")
            norm(to + "/ffn/layer_norm", of + ".mlp_ln")
            take(to + "/ffn/linear_0", of + ".mlp.0"), take(to + "/ffn/linear_1", of + ".mlp.2")
    take("encoder/conv1", "encoder.conv1"), take("encoder/conv2", "encoder.conv2")
    take("decoder/embeddings", "decoder.token_embedding", bias=False)
    return out


def ct2_write(folder, size, w, kind):
    _, heads, layers = SIZES[size]
    variables = {}
    for name, v in ct2_variables(w, layers).items():
        matrix = name.endswith("/weight")
        if kind == "int8" and matrix:
            flat = v.reshape(len(v), -1)
            scale = (127 / np.abs(flat).max(axis=1)).astype(np.float32)
            variables[name] = (1, np.rint(flat * scale[:, None]).astype(np.int8).reshape(v.shape))
            variables[name + "_scale"] = (0, scale)
        else:
            variables[name] = (4, v.astype(np.float16)) if kind == "float16" else (0, v)
    scalars = {"encoder/num_heads": heads, "decoder/num_heads": heads}
    flags = {"decoder/activation": 3, "decoder/alignment_heads": 1, "decoder/alignment_layer": -1, "decoder/pre_norm": 1,
             "decoder/scale_embeddings": 0, "decoder/start_from_zero_embedding": 0, "decoder/alibi": 0,
             "encoder/activation": 3, "encoder/pre_norm": 1}
    for name, v in scalars.items():
        variables[name] = (2, np.array(v, np.int16))
    for name, v in flags.items():
        variables[name] = (1, np.array(v, np.int8))
    string = lambda s: struct.pack("<H", len(s) + 1) + s.encode() + b"\0"
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "model.bin"), "wb") as f:
        f.write(struct.pack("<I", 6) + string("WhisperSpec") + struct.pack("<II", 3, len(variables)))
        for name in sorted(variables):
            dtype, v = variables[name]
            f.write(string(name) + struct.pack("<B", v.ndim) + struct.pack(f"<{v.ndim}I", *v.shape) + struct.pack("<BI", dtype, v.nbytes))
            f.write(v.tobytes())
        f.write(struct.pack("<I", 1) + string("decoder/projection/weight") + string("decoder/embeddings/weight"))
    with open(os.path.join(folder, "config.json"), "w") as f:
        json.dump({"alignment_heads": [[layers - 1, 0]], "lang_ids": list(range(50259, 50358)), "suppress_ids": [], "suppress_ids_begin": [220, 50257]}, f)
    with open(os.path.join(folder, "preprocessor_config.json"), "w") as f:
        json.dump({"feature_size": MELS}, f)
    with open(os.path.join(folder, "vocabulary.json"), "w") as f:
        json.dump(vocabulary(), f)


# ---- whisper.cpp ----

def mel_filters():
    f = np.linspace(0, 8000, 201)
    to_hz = lambda m: np.where(m < 15, m * 200 / 3, 1000 * np.exp((m - 15) * np.log(6.4) / 27))
    edge = to_hz(np.linspace(0, 45.245640471924965, MELS + 2))
    up = (f[None] - edge[:-2, None]) / np.diff(edge)[:-1, None]
    down = (edge[2:, None] - f[None]) / np.diff(edge)[1:, None]
    return (np.maximum(0, np.minimum(up, down)) * (2 / (edge[2:] - edge[:-2]))[:, None]).astype(np.float32)


def q8_0(v):
    """Blocks of 32: a float16 scale and 32 int8."""
    blocks = v.reshape(-1, 32)
    d = np.abs(blocks).max(axis=1) / 127
    q = np.rint(blocks / np.where(d > 0, d, 1)[:, None]).astype(np.int8)
    out = np.empty(len(blocks), dtype=[("d", "<f2"), ("q", "i1", 32)])
    out["d"], out["q"] = d.astype(np.float16), q
    return out.tobytes()


def ggml_write(path, size, w, kind):
    width, heads, layers = SIZES[size]
    words = vocabulary()
    back = {c: b for b, c in enumerate(byte_alphabet())}
    with open(path, "wb") as f:
        f.write(struct.pack("<I11i", 0x67676d6c, VOCAB, FRAMES, width, heads, layers, CONTEXT, width, heads, layers, MELS,
                            1 if kind == "f16" else 7))
        filters = mel_filters()
        f.write(struct.pack("<2i", *filters.shape) + filters.tobytes())
        f.write(struct.pack("<i", TEXT))
        for word in words[:TEXT]:
            raw = bytes(back.get(c, 63) for c in word)
            f.write(struct.pack("<I", len(raw)) + raw)
        for name, v in w.items():
            if name in ("encoder.conv1.bias", "encoder.conv2.bias"):
                v = v.reshape(-1, 1)
            stays = v.ndim < 2 or name.endswith("positional_embedding") or name.endswith("bias")
            quantized = kind == "q8_0" and v.ndim == 2 and not stays
            kind_id = 0 if stays else 8 if quantized else 1
            f.write(struct.pack("<3i", v.ndim, len(name), kind_id) + struct.pack(f"<{v.ndim}i", *v.shape[::-1]) + name.encode())
            f.write(v.astype(np.float32).tobytes() if stays else q8_0(v) if quantized else v.astype(np.float16).tobytes())


def write(folder, size):
    w = weights(size)
    for kind in ("float16", "int8"):
        ct2_write(os.path.join(folder, f"{size}-{kind}"), size, w, kind)
    for kind in ("f16", "q8_0"):
        ggml_write(os.path.join(folder, f"ggml-{size}-{kind}.bin"), size, w, kind)


if __name__ == "__main__":
    for one in sys.argv[2:] or ["base", "small"]:
        write(sys.argv[1], one)
        print("wrote", one)
