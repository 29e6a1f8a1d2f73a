"""Writes OpenVoice's and MeloTTS' models at their real dims with random weights, in the published layouts: a MeloTTS folder with its BERT,
OpenVoice V1's English speaker, OpenVoice V2's converter.

    bench/.venv/bin/python bench/vits_full.py bench/out/vits-full

The weights are drawn so that the networks behave like trained ones: each stage's output has a deviation near 1, the audio one of
0.15, and a symbol takes about three frames.
"""
import json
import os
import string
import sys

import torch
from transformers import BertConfig, BertForMaskedLM

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from vits_model import MELO, OPENVOICE, Converter, Synthesizer  # noqa: E402


ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
# What bench/load.py says, so that its words are one token each, as in a real vocabulary.
WORDS = sorted(set("""it is half past nine the train leaves in ten minutes from other platform nobody had told them when rain stopped children ran out and
looked for bridge that they built yes of course she opened letter slowly read twice put back into drawer without a word""".split()))


def louder(layer, factor):
    """Weight-normed layers by their gain, others by their weights."""
    if hasattr(layer, "parametrizations"):
        layer.parametrizations.weight.original0.mul_(factor)
    else:
        layer.weight.mul_(factor)


def settle(dec, seed):
    """Scales the decoder's layers stage by stage."""
    torch.manual_seed(seed)
    x = dec.conv_pre(torch.randn(1, dec.d["inter"], 64))
    n = len(dec.d["kernels"])
    for i, up in enumerate(dec.ups):
        x = torch.nn.functional.leaky_relu(x, 0.1)
        louder(up, 1 / up(x).std())
        x = up(x)
        blocks = dec.resblocks[i * n:(i + 1) * n]
        for b in blocks:
            for layer in list(b.convs1) + list(b.convs2):
                louder(layer, 1.7)
        x = sum(b(x) for b in blocks) / n
    louder(dec.conv_post, 0.15 / dec.conv_post(torch.nn.functional.leaky_relu(x, 0.01)).std())


def save(folder, network, d, **more):
    names = (("parametrizations.weight.original0", "weight_g"), ("parametrizations.weight.original1", "weight_v"))
    tensors = {}
    for k, v in network.state_dict().items():
        for new, old in names:
            k = k.replace(new, old)
        tensors[k] = v
    os.makedirs(folder, exist_ok=True)
    torch.save({"model": tensors, "iteration": 1, "optimizer": None, "learning_rate": 1e-4}, os.path.join(folder, "checkpoint.pth"))
    config = {
        "train": {"segment_size": 16384},
        "data": {"sampling_rate": d["rate"], "filter_length": d["fft"], "hop_length": d["hop"], "win_length": d["fft"], "add_blank": True,
                 **more.pop("data", {})},
        "model": {"inter_channels": d["inter"], "hidden_channels": d["hidden"], "filter_channels": d["filter"], "n_heads": d["heads"],
                  "n_layers": d["layers"], "kernel_size": d["kernel"], "p_dropout": 0.1, "resblock": "1",
                  "resblock_kernel_sizes": d["kernels"], "resblock_dilation_sizes": d["dilations"], "upsample_rates": d["rates"],
                  "upsample_initial_channel": d["channels"], "upsample_kernel_sizes": d["up_kernels"], "gin_channels": d["gin"],
                  **more.pop("model", {})}, **more}
    with open(os.path.join(folder, "config.json"), "w") as f:
        json.dump(config, f, indent=1)
    print(folder, sum(v.numel() for v in tensors.values()), "numbers")


def synthesizer(folder, d, melo, seed):
    torch.manual_seed(seed)
    m = Synthesizer(d, melo)
    with torch.no_grad():
        settle(m.dec, seed)
        m.dp.proj.weight.mul_(0.1)
        m.dp.proj.bias.fill_(1.1)               # exp(1.1 * 0.8) = 2.4, rounded up
        for flow in m.flow.flows.values():
            flow.post.weight.mul_(0.3)
        m.enc_p.proj.weight.mul_(0.5)
    if melo:
        symbols = json.load(open(os.path.join(ROOT, "tests", "golden", "melo", "text_en", "config.json")))["symbols"]
        assert len(symbols) == d["symbols"]
        names = ["EN-US", "EN-BR", "EN_INDIA", "EN-AU", "EN-Default"]
        save(folder, m, d, symbols=symbols, num_tones=d["tones"], num_languages=d["languages"],
             data={"n_speakers": d["speakers"], "spk2id": {n: i for i, n in enumerate(names)}},
             model={"n_layers_trans_flow": d["flow_layers"], "n_flow_layer": 4, "use_transformer_flow": True})
    else:
        symbols = json.load(open(os.path.join(ROOT, "tests", "golden", "openvoice", "tts_small", "config.json")))["symbols"]
        symbols = (symbols + [f"s{i}" for i in range(d["symbols"])])[:d["symbols"]]
        save(folder, m, d, symbols=symbols, data={"n_speakers": d["speakers"]}, speakers={"default": 1, "whispering": 2})


def bert(folder, seed):
    torch.manual_seed(seed)
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] + list(string.punctuation) + WORDS
    words += [p + c for c in string.ascii_lowercase + string.digits for p in ("", "##") if p + c not in WORDS]
    words += [f"w{i}" for i in range(30522 - len(words))]
    BertForMaskedLM(BertConfig(vocab_size=len(words))).save_pretrained(folder)
    with open(os.path.join(folder, "vocab.txt"), "w") as f:
        f.write("\n".join(words) + "\n")
    with open(os.path.join(folder, "tokenizer_config.json"), "w") as f:
        json.dump({"do_lower_case": True}, f)


def write(folder):
    synthesizer(os.path.join(folder, "melo"), MELO, True, 1)
    bert(os.path.join(folder, "bert-base-uncased"), 2)
    synthesizer(os.path.join(folder, "openvoice-v1", "checkpoints", "base_speakers", "EN"), OPENVOICE, False, 3)
    torch.manual_seed(4)
    m = Converter(OPENVOICE)
    with torch.no_grad():
        settle(m.dec, 4)
    save(os.path.join(folder, "openvoice-v2", "converter"), m, OPENVOICE, data={"n_speakers": 0}, model={"zero_g": True}, _version_="v2")


if __name__ == "__main__":
    write(sys.argv[1])
