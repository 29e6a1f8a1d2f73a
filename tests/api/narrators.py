"""Folders of MeloTTS voices and OpenVoice V1 base speakers for tests: the golden cases' small random models, their words, and BERTs of the
right width with random weights."""
import array
import contextlib
import json
import os
import random
import shutil
import struct
import subprocess
import sys
import tempfile

import server

sys.path.insert(0, os.path.join(server.ROOT, "scripts", "languages"))
import pack  # noqa: E402

GOLDEN = os.path.join(server.ROOT, "tests", "golden")


def case(*names):
    return os.path.join(GOLDEN, *names)


# By a language's code: the golden case whose words it has, MeloTTS' first speaker, BERT's repository and width.
LANGUAGES = {
    "en": ("text_en", "EN-US", "google-bert/bert-base-uncased", 768),
    "zh": ("text_zh", "ZH", "hfl/chinese-roberta-wwm-ext-large", 1024),
    "zh_mix_en": ("text_zh_mix_en", "ZH", "google-bert/bert-base-multilingual-uncased", 768),
    "es": ("text_es", "ES", "dccuchile/bert-base-spanish-wwm-uncased", 768),
    "fr": ("text_fr", "FR", "dbmdz/bert-base-french-europeana-cased", 768),
    "ja": ("text_jp", "JP", "tohoku-nlp/bert-base-japanese-v3", 768),
    "ko": ("text_kr", "KR", "kykim/bert-kor-base", 768),
}


def melo_folder(to, language="en", words_of_its_own=True, uses_bert=False):
    """A MeloTTS folder; words_of_its_own: with its table of English words. Without `uses_bert` only BERT's word pieces are read."""
    os.makedirs(to)
    with open(case("melo", "model_resflow_noise", "config.json")) as f:
        config = json.load(f)
    if not uses_bert:
        config["data"]["disable_bert"] = True
    if language != "en":
        config["data"]["spk2id"] = {LANGUAGES[language][1]: 0}
    with open(os.path.join(to, "config.json"), "w") as f:
        json.dump(config, f)
    shutil.copy(case("melo", "model_resflow_noise", "checkpoint.pth"), to)
    if words_of_its_own:
        shutil.copy(case("melo", "text_en", "cmudict.rep"), to)


def bert_folder(to, language="en", weights=True):
    """The language's BERT: the case's word pieces, and one layer's random weights where wanted (the two behind it are not read)."""
    name, _, _, hidden = LANGUAGES[language]
    shutil.copytree(case("melo", name, "bert"), to)
    if not weights:
        return
    inner, positions = 32, 128
    with open(os.path.join(to, "vocab.txt"), encoding="utf-8") as f:
        vocabulary = sum(1 for _ in f)
    with open(os.path.join(to, "config.json"), "w") as f:
        json.dump({"hidden_size": hidden, "num_attention_heads": 8, "num_hidden_layers": 3, "intermediate_size": inner, "hidden_act": "gelu",
                   "vocab_size": vocabulary, "max_position_embeddings": positions, "type_vocab_size": 2}, f)
    shapes = {"embeddings.word_embeddings.weight": (vocabulary, hidden), "embeddings.position_embeddings.weight": (positions, hidden),
              "embeddings.token_type_embeddings.weight": (2, hidden), "embeddings.LayerNorm.weight": (hidden,), "embeddings.LayerNorm.bias": (hidden,)}
    layer = "encoder.layer.0."
    for part, rows, columns in (("attention.self.query", hidden, hidden), ("attention.self.key", hidden, hidden), ("attention.self.value", hidden, hidden),
                                ("attention.output.dense", hidden, hidden), ("intermediate.dense", inner, hidden), ("output.dense", hidden, inner)):
        shapes[layer + part + ".weight"], shapes[layer + part + ".bias"] = (rows, columns), (rows,)
    for part in ("attention.output", "output"):
        shapes[layer + part + ".LayerNorm.weight"], shapes[layer + part + ".LayerNorm.bias"] = (hidden,), (hidden,)
    write_safetensors(os.path.join(to, "model.safetensors"), {"bert." + n: s for n, s in shapes.items()})


def write_safetensors(path, shapes):
    draw = random.Random(os.path.basename(os.path.dirname(path)))               # the folder of a test has another name each time
    block = array.array("f", [draw.gauss(0, 0.05) for _ in range(4093)])        # a prime: no two rows are alike
    header, at, sizes = {}, 0, []
    for name, shape in shapes.items():
        n = shape[0] * (shape[1] if len(shape) > 1 else 1)
        header[name] = {"dtype": "F32", "shape": list(shape), "data_offsets": [at, at + 4 * n]}
        at += 4 * n
        sizes.append((n, name.endswith("LayerNorm.weight")))
    head = json.dumps(header).encode()
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(head)) + head)
        for n, is_scale in sizes:
            f.write(array.array("f", [1.0] * n).tobytes() if is_scale else (block.tobytes() * (n // len(block) + 1))[:4 * n])


def has_pack(*languages):
    """Are the real packs of these languages there, as `make` leaves them beside the program?"""
    return all(os.path.exists(os.path.join(os.path.dirname(server.HSE), "languages", f"v{pack.VERSION}", f"{x}.pack")) for x in languages)


def base_folder(to):
    inner = os.path.join(to, "checkpoints", "base_speakers", "EN")
    os.makedirs(inner)
    for name in ("config.json", "checkpoint.pth"):
        shutil.copy(case("openvoice", "tts_small", name), inner)


def english_pack(folder):
    """A few words, and a network that says nothing."""
    os.makedirs(os.path.join(folder, f"v{pack.VERSION}"))
    words = {"hello": "hh ah0 l ow1", "world": "w er1 l d", "did": "d ih1 d", "you": "y uw1", "ever": "eh1 v er0",
             "hear": "hh ih1 r", "a": "ah0", "folk": "f ow1 k", "tale": "t ey1 l", "about": "ah0 b aw1 t",
             "giant": "jh ay1 ah0 n t", "turtle": "t er1 t ah0 l", "one": "w ah1 n", "two": "t uw1"}
    shapes = {"enc_emb": (29, 1), "enc_w_ih": (3, 1), "enc_w_hh": (3, 1), "enc_b_ih": (1, 3), "enc_b_hh": (1, 3), "dec_emb": (74, 1),
              "dec_w_ih": (3, 1), "dec_w_hh": (3, 1), "dec_b_ih": (1, 3), "dec_b_hh": (1, 3), "fc_w": (74, 1), "fc_b": (1, 74)}
    network = [("g2p." + name, struct.pack("<II", r, c) + bytes(4 * r * c)) for name, (r, c) in shapes.items()]
    pack.write(os.path.join(folder, f"v{pack.VERSION}", "en.pack"),
               [("rep", pack.table({})), ("ipa", pack.table(words)), ("homograph", pack.table({}))] + network)


@contextlib.contextmanager
def folders():
    with tempfile.TemporaryDirectory() as d:
        melo_folder(os.path.join(d, "models", "myshell-ai", "MeloTTS-English"))
        bert_folder(os.path.join(d, "models", "myshell-ai", "MeloTTS-English", "bert"), weights=False)
        base_folder(os.path.join(d, "models", "myshell-ai", "openvoice"))
        english_pack(os.path.join(d, "languages"))
        yield d


def variables(d):
    return {"HSE_MODELS": os.path.join(d, "models"), "HSE_LANGUAGES": os.path.join(d, "languages")}


def hse(d, *words, more=None, want=0):
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("HSE_", "HF_")) or k == "HSE_CPU"}
    environment.update({"HF_HUB_CACHE": "", "HF_HOME": os.path.join(d, "hf"), "XDG_STATE_HOME": d, "XDG_CACHE_HOME": d}, **variables(d), **(more or {}))
    r = subprocess.run([server.HSE, *words], capture_output=True, text=True, env=environment, timeout=60)
    assert r.returncode == want, (words, r.returncode, r.stderr)
    return r.stdout if want == 0 else r.stderr
