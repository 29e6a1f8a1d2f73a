"""OpenVoice's and MeloTTS' networks in PyTorch or onnxruntime, as a peer that answers on standard input: each line runs once and prints its
milliseconds, samples, CPU milliseconds and the process's peak in MB; "save FILE" also keeps the samples.

    bench/.venv/bin/python bench/vits_peer.py decode|sentence|convert FOLDER THREADS float32|bfloat16|onnx SECONDS|BERT
"""
import json
import os
import resource
import sys
import time

import numpy as np
import torch

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from vits_model import MELO, OPENVOICE, Converter, Synthesizer, fold  # noqa: E402

what, folder, threads, kind, last = sys.argv[1:6]
threads = int(threads)
torch.set_num_threads(threads)
TOKENS, EACH = 25, 4
SYMBOLS = TOKENS * EACH + 1


def noise(n, start=0):
    """What bench/vits.c draws."""
    i = np.arange(start + 1, start + n + 1, dtype=np.uint64)
    with np.errstate(over="ignore"):
        z = i * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    return ((z >> np.uint64(40)).astype(np.float64) / 2 ** 24 * 2 - 1).astype(np.float32)


def load():
    d = MELO if json.load(open(os.path.join(folder, "config.json")))["data"]["sampling_rate"] == 44100 else OPENVOICE
    m = Converter(d) if what == "convert" else Synthesizer(d, d is MELO)
    tensors = torch.load(os.path.join(folder, "checkpoint.pth"), map_location="cpu")["model"]
    names = (("weight_g", "parametrizations.weight.original0"), ("weight_v", "parametrizations.weight.original1"))
    for old, new in names:
        tensors = {k.replace(old, new): v for k, v in tensors.items()}
    m.load_state_dict(tensors)
    return d, fold(m)


def onnx_decoder(dec, g):
    """The decoder as an onnxruntime session; the speaker is folded into the first convolution's bias."""

    import onnxruntime
    from onnx import TensorProto, helper, numpy_helper
    nodes, weights, count = [], [], 0

    def add(op, inputs, **attributes):
        nonlocal count
        count += 1
        nodes.append(helper.make_node(op, inputs, [f"t{count}"], **attributes))
        return f"t{count}"

    def value(array):
        weights.append(numpy_helper.from_array(np.ascontiguousarray(array, dtype=np.float32), f"w{len(weights)}"))
        return weights[-1].name

    def layer(x, m, bias=None):
        bias = m.bias if bias is None else bias
        inputs = [x, value(m.weight.numpy())] + ([value(bias.numpy())] if bias is not None else [])
        if isinstance(m, torch.nn.ConvTranspose1d):
            return add("ConvTranspose", inputs, strides=list(m.stride), pads=list(m.padding) * 2)
        return add("Conv", inputs, dilations=list(m.dilation), pads=list(m.padding) * 2)

    def leaky(x, slope):
        return add("LeakyRelu", [x], alpha=slope)

    n = len(dec.d["kernels"])
    x = layer("z", dec.conv_pre, dec.conv_pre.bias + dec.cond(g)[0, :, 0])
    for i, up in enumerate(dec.ups):
        x, total = layer(leaky(x, 0.1), up), None
        for block in dec.resblocks[i * n:(i + 1) * n]:
            y = x
            for a, b in zip(block.convs1, block.convs2):
                y = add("Add", [y, layer(leaky(layer(leaky(y, 0.1), a), 0.1), b)])
            total = y if total is None else add("Add", [total, y])
        x = add("Mul", [total, value(np.array(1 / n))])
    x = add("Tanh", [layer(leaky(x, 0.01), dec.conv_post)])
    graph = helper.make_graph(nodes, "decoder", [helper.make_tensor_value_info("z", TensorProto.FLOAT, [1, dec.d["inter"], None])],
                              [helper.make_tensor_value_info(x, TensorProto.FLOAT, None)], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 10
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options,
                                           providers=["CPUExecutionProvider"])
    return lambda z: torch.from_numpy(session.run(None, {"z": z.numpy()})[0])


with torch.inference_mode():
    d, m = load()
    if what == "decode":
        frames = int(float(last) * d["rate"]) // d["hop"]
        z = torch.from_numpy(noise(frames * d["inter"]) * np.float32(1.7)).view(frames, d["inter"]).T[None].contiguous()
        g = m.emb_g.weight[0][None, :, None].clone()
        if kind == "onnx":
            session = onnx_decoder(m.dec, g)
            job = lambda: session(z)  # noqa: E731
        else:
            job = lambda: m.dec(z, g)  # noqa: E731
    elif what == "sentence":
        from transformers import BertModel
        words = BertModel.from_pretrained(last, add_pooling_layer=False).eval()
        words.encoder.layer = words.encoder.layer[:-2]          # what lies behind the features is not computed
        ids = torch.tensor([[1000 + 37 * i for i in range(TOKENS)]])
        of = torch.tensor([min(i // EACH, TOKENS - 1) for i in range(SYMBOLS)])
        odd = torch.arange(SYMBOLS) % 2
        symbols, tones = odd * (10 + torch.arange(SYMBOLS) * 7 % 90), odd * (7 + torch.arange(SYMBOLS) % 3)

        def job():
            features = words(ids).last_hidden_state[0][of].T[None]
            return m(symbols[None], 0, tones[None], odd[None] * 2, torch.zeros(1, 1024, SYMBOLS), features)
    else:
        audio = torch.from_numpy(noise(int(float(last) * d["rate"])) * np.float32(0.3))[None]
        source, target = (torch.from_numpy(noise(d["gin"], at) * np.float32(0.5))[None, :, None] for at in (0, 5000))
        job = lambda: m(audio, source, target)  # noqa: E731

    import onnxruntime as ort
    version = f"onnxruntime {ort.__version__}" if kind == "onnx" else f"torch {torch.__version__} {torch.backends.cpu.get_cpu_capability()}"
    print("ready", version, kind, "threads", threads, flush=True)
    for line in sys.stdin:
        cpu, start = time.process_time(), time.perf_counter()
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=kind == "bfloat16"):
            out = job().float()
        ms, cpu = (time.perf_counter() - start) * 1e3, (time.process_time() - cpu) * 1e3
        if line.startswith("save"):
            out.numpy().tofile(line.split()[1])
        print(f"{ms:.2f} {out.numel()} cpu {cpu:.2f} peak {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024}", flush=True)
