#!/usr/bin/env python3
"""Writes the seeds of the targets ctranslate2, shards, whisper_vocabulary and bpe, and the files of CTranslate2's format that
tests/unit/formats reads exactly. Needs nothing but Python; the outputs are committed.

Element i of every tensor is (i - 3) / 2 (floats) or i - 3 (integers), as make_seeds.py has it.
"""
import base64
import json
import os
import struct

HERE = os.path.dirname(os.path.abspath(__file__))
SEEDS = os.path.join(HERE, "seeds")
DATA = os.path.join(HERE, "..", "unit", "formats", "data")


def write(folder, name, data):
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, name), "wb") as f:
        f.write(data)


def seed(target, name, data):
    write(os.path.join(SEEDS, target), name, data)


# ---- model.bin ----

def bfloat16(v):
    return struct.pack("<f", v)[2:]


KINDS = {  # id, item size, one element
    "f32": (0, 4, lambda v: struct.pack("<f", v / 2)), "i8": (1, 1, lambda v: struct.pack("<b", v)),
    "i16": (2, 2, lambda v: struct.pack("<h", v)), "i32": (3, 4, lambda v: struct.pack("<i", v)),
    "f16": (4, 2, lambda v: struct.pack("<e", v / 2)), "bf16": (5, 2, lambda v: bfloat16(v / 2)),
}


def string(s):
    return struct.pack("<H", len(s) + 1) + s.encode() + b"\0"


def variable(version, name, kind, shape, values=None):
    number, size, pack = KINDS[kind]
    count = 1
    for d in shape:
        count *= d
    data = values if values is not None else b"".join(pack(i - 3) for i in range(count))
    out = string(name) + struct.pack("<B", len(shape)) + b"".join(struct.pack("<I", d) for d in shape)
    if version >= 4:
        out += struct.pack("<BI", number, len(data))
    else:
        out += struct.pack("<BI", size, len(data) // size)
    return out + data


def model_bin(version, variables, aliases=(), spec="WhisperSpec", revision=3):
    out = struct.pack("<I", version)
    if version >= 2:
        out += string(spec) + struct.pack("<I", revision)
    out += struct.pack("<I", len(variables)) + b"".join(variables)
    if version >= 3:
        out += struct.pack("<I", len(aliases)) + b"".join(string(a) + string(b) for a, b in aliases)
    return out


def scales(*v):
    return b"".join(struct.pack("<f", x) for x in v)


def every_kind(version):
    kinds = KINDS if version >= 4 else ("f32", "i8", "i16")
    v = [variable(version, k, k, (2, 3)) for k in kinds]
    v += [variable(version, "scalar", "i16", ()), variable(version, "empty", "f32", (0, 3)),
          variable(version, "w/weight", "i8", (2, 3)),
          variable(version, "w/weight_scale", "f32", (2,), scales(4, 0.5)),
          variable(version, "x/weight", "i16", (2, 3)), variable(version, "x/weight_scale", "f32", (), scales(8))]
    return model_bin(version, v, (("y/weight", "w/weight"), ("z", "f32")))


def ctranslate2():
    for version in (1, 2, 3, 4, 6):
        data = every_kind(version)
        seed("ctranslate2", "v%d" % version, data)
        if version in (1, 3, 6):
            write(DATA, "ct2-v%d.bin" % version, data)
    seed("ctranslate2", "nothing", model_bin(6, []))
    seed("ctranslate2", "newer", model_bin(7, []))
    seed("ctranslate2", "other", model_bin(6, [variable(6, "a", "f32", (2,))], spec="TransformerSpec"))


# ---- an index of shards ----

def shards():
    for name, index in {
        "one": {"metadata": {"total_size": 8}, "weight_map": {"a": "a.safetensors", "b": "a.safetensors"}},
        "two": {"weight_map": {"a": "a.safetensors", "c": "c.safetensors"}},
        "none": {"weight_map": {}}, "gone": {"weight_map": {"a": "gone.safetensors"}},
        "outside": {"weight_map": {"a": "../a.safetensors"}}, "itself": {"weight_map": {"a": "x.index.json"}},
    }.items():
        seed("shards", name, json.dumps(index).encode())


# ---- vocabularies ----

def alphabet():
    same = list(range(33, 127)) + list(range(161, 173)) + list(range(174, 256))
    chars, n = {}, 0
    for b in range(256):
        if b in same:
            chars[b] = chr(b)
        else:
            chars[b] = chr(256 + n)
            n += 1
    return chars


CHARS = alphabet()
SPECIAL = ["<|endoftext|>", "<|startoftranscript|>", "<|en|>", "<|zh|>", "<|translate|>", "<|transcribe|>", "<|startoflm|>",
           "<|startofprev|>", "<|nospeech|>", "<|notimestamps|>"]


def name(data):
    return "".join(CHARS[b] for b in data)


def tokens():
    """The bytes in GPT-2's order, then merges."""
    order = list(range(33, 127)) + list(range(161, 173)) + list(range(174, 256))
    order += [b for b in range(256) if b not in order]
    out, merges = [bytes([b]) for b in order], []
    for a, b in ((b" ", b"t"), (b"h", b"e"), (b" t", b"he"), (b"a", b"a"), (b"aa", b"aa"), (b"\xc3", b"\xa9"), (b" ", b" "),
                 (b"<", b"|")):
        merges.append((a, b))
        out.append(a + b)
    return out, merges


def tokenizer_json(pairs, times):
    t, merges = tokens()
    vocab = {name(x): i for i, x in enumerate(t)}
    vocab[""] = len(t)
    base = len(t) + 1
    added = [{"id": base + i, "content": s, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False,
              "special": True} for i, s in enumerate(SPECIAL)]
    if times:
        added += [{"id": base + len(SPECIAL) + i, "content": "<|%.2f|>" % (i * 0.02), "special": False} for i in range(3)]
    vocab["<|endoftext|>"] = base
    merged = [[name(a), name(b)] if pairs else name(a) + " " + name(b) for a, b in merges]
    return json.dumps({"version": "1.0", "added_tokens": added, "normalizer": None, "pre_tokenizer": {"type": "ByteLevel"},
                       "model": {"type": "BPE", "dropout": None, "continuing_subword_prefix": "", "fuse_unk": False,
                                 "vocab": vocab, "merges": merged}}, ensure_ascii=not pairs).encode()


def vocabularies():
    """The first byte says which reader: see tests/fuzz/models/whisper_vocabulary.c."""
    t, merges = tokens()
    names = [name(x) for x in t] + [""] + SPECIAL + ["<|0.00|>", "<|0.02|>"]
    files = {
        "tokenizer-strings": b"T" + tokenizer_json(False, False), "tokenizer-pairs": b"T" + tokenizer_json(True, True),
        "tokenizer-merges-first": b"T" + b'{"added_tokens":[],"model":{"merges":["a a"],"vocab":{"a":0,"aa":1}}}',
        "list": b"L" + json.dumps(names).encode(), "lines": b"L" + ("\n".join(names) + "\n").encode(),
        "vocab": b"V" + json.dumps({n: i for i, n in enumerate(names[:len(t) + 1])}).encode(),
        "merges": b"M" + ("#version: 0.2\n" + "".join(name(a) + " " + name(b) + "\n" for a, b in merges)).encode(),
        "added": b"A" + json.dumps({s: len(t) + 1 + i for i, s in enumerate(SPECIAL)}).encode(),
        "tiktoken": b"K" + b"".join(base64.b64encode(x) + b" %d\n" % i for i, x in enumerate(t)) + b"= %d\n" % len(t),
    }
    for key, data in files.items():
        seed("whisper_vocabulary", key, data)


def texts():
    for key, text in {
        "words": " the theory isn't there   yet\n\n  2024 x\u00b2 \u00bd", "runs": "a" * 300 + " " * 300 + "aa" * 20,
        "special": "<|en|><|endoftext|> <|nothing|> <|", "scripts": "\u65e5\u672c\u8a9e \u0e2a\u0e27\u0e31\u0e2a\u0e14\u0e35 "
        "\U0001f600\u200d\U0001f467 caf\u00e9 \u0415\u0436 \u0661\u0662\u0663",
        "spaces": " \t\r\n\u00a0\u2003\u3000x\u0085\u2028 y ",
    }.items():
        seed("bpe", key, text.encode())
    seed("bpe", "broken", b"\xff\xc3\xe2\x82\xf0\x9f\x98 ok \xed\xa0\x80\xf4\x90\x80\x80\xc0\xaf")


if __name__ == "__main__":
    for part in (ctranslate2, shards, vocabularies, texts):
        part()
