"""Small whole checkpoints, as seeds for the fuzz targets model_hs1 and model_silero.

    python3 tests/fuzz/make_model_seeds.py

Standard library alone. Weights are small pseudo-random numbers; shapes are those of config.json.
"""
import json
import math
import os
import random
import struct

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "seeds")
random.seed(1)


def safetensors(tensors):
    """{name: (shape, values or None)} -> bytes; None draws the values."""
    header, data = {}, b""
    for name, (shape, values) in tensors.items():
        n = math.prod(shape)
        values = values or [random.uniform(-0.3, 0.3) for _ in range(n)]
        blob = struct.pack(f"<{n}f", *values)
        header[name] = {"dtype": "F32", "shape": list(shape), "data_offsets": [len(data), len(data) + len(blob)]}
        data += blob
    text = json.dumps(header, separators=(",", ":")).encode()
    return struct.pack("<Q", len(text)) + text + data


def save(target, name, part, config, tensors):
    os.makedirs(os.path.join(HERE, target), exist_ok=True)
    text = json.dumps({"model": config}, separators=(",", ":")).encode()
    with open(os.path.join(HERE, target, name), "wb") as f:
        f.write(bytes([part]) + struct.pack("<H", len(text)) + text + safetensors(tensors))


def positive(n):
    return [random.uniform(0.5, 1.5) for _ in range(n)]


def encoder():
    c = dict(mel_n_channels=3, model_hidden_size=4, model_num_layers=2, model_embedding_size=5)
    t = {}
    for k in range(2):
        t[f"model_state.lstm.weight_ih_l{k}"] = ([16, 3 if k == 0 else 4], None)
        t[f"model_state.lstm.weight_hh_l{k}"] = ([16, 4], None)
        t[f"model_state.lstm.bias_ih_l{k}"] = ([16], None)
        t[f"model_state.lstm.bias_hh_l{k}"] = ([16], None)
    t["model_state.linear.weight"] = ([5, 4], None)
    t["model_state.linear.bias"] = ([5], [0.1] * 5)
    t["model_state.similarity_weight"] = ([1], None)
    t["model_state.similarity_bias"] = ([1], None)
    save("model_hs1", "encoder.bin", 0, c, t)


def norm(t, name, n):
    for key in ("weight", "running_var"):
        t[f"{name}.{key}"] = ([n], positive(n))
    for key in ("bias", "running_mean"):
        t[f"{name}.{key}"] = ([n], None)


def rnn(t, name, gates, inputs, hidden):
    for end in ("", "_reverse"):
        t[f"{name}.weight_ih_l0{end}"] = ([gates * hidden, inputs], None)
        t[f"{name}.weight_hh_l0{end}"] = ([gates * hidden, hidden], None)
        t[f"{name}.bias_ih_l0{end}"] = ([gates * hidden], None)
        t[f"{name}.bias_hh_l0{end}"] = ([gates * hidden], None)


def cbhg(t, name, inputs, ch, k, highways):
    for i in range(k):
        t[f"{name}.conv1d_bank.{i}.conv.weight"] = ([ch, inputs, i + 1], None)
        norm(t, f"{name}.conv1d_bank.{i}.bnorm", ch)
    t[f"{name}.conv_project1.conv.weight"] = ([ch, k * ch, 3], None)
    norm(t, f"{name}.conv_project1.bnorm", ch)
    t[f"{name}.conv_project2.conv.weight"] = ([inputs, ch, 3], None)
    norm(t, f"{name}.conv_project2.bnorm", inputs)
    t[f"{name}.pre_highway.weight"] = ([ch, inputs], None)
    for i in range(highways):
        for w in ("W1", "W2"):
            t[f"{name}.highways.{i}.{w}.weight"] = ([ch, ch], None)
            t[f"{name}.highways.{i}.{w}.bias"] = ([ch], None)
    rnn(t, f"{name}.rnn", 3, ch, ch)


def synthesizer():
    c = dict(embed_dims=3, series_embed_dims=2, num_chars=4, durpred_conv_dims=3, durpred_rnn_dims=2, durpred_dropout=0.5,
             pitch_conv_dims=2, pitch_rnn_dims=2, pitch_dropout=0.5, pitch_strength=1.0, energy_conv_dims=2, energy_rnn_dims=2,
             energy_dropout=0.5, energy_strength=0.5, rnn_dims=3, prenet_dims=4, prenet_k=2, postnet_num_highways=1,
             prenet_dropout=0.5, postnet_dims=3, postnet_k=3, prenet_num_highways=2, postnet_dropout=0.5, n_mels=5,
             speaker_embed_dims=3, padding_value=-4.0)
    t = {"embedding.weight": ([4, 3], None)}
    for name, conv, hidden in (("dur_pred", 3, 2), ("pitch_pred", 2, 2), ("energy_pred", 2, 2)):
        t[f"{name}.embedding.weight"] = ([4, 2], None)
        for i in range(3):
            t[f"{name}.convs.{i}.conv.weight"] = ([conv, 5 if i == 0 else conv, 5], None)
            norm(t, f"{name}.convs.{i}.bnorm", conv)
        rnn(t, f"{name}.rnn", 3, conv, hidden)
        t[f"{name}.lin.weight"] = ([1, 2 * hidden], None)
        t[f"{name}.lin.bias"] = ([1], [3.0])
    cbhg(t, "prenet", 3, 4, 2, 2)
    rnn(t, "lstm", 4, 11, 3)
    t["lin.weight"], t["lin.bias"] = ([5, 6], None), ([5], None)
    cbhg(t, "postnet", 5, 3, 3, 1)
    t["post_proj.weight"] = ([5, 6], None)
    for name in ("pitch_proj", "energy_proj"):
        t[f"{name}.weight"], t[f"{name}.bias"] = ([8, 1, 3], None), ([8], None)
    t["step"] = ([1], [0.0])
    save("model_hs1", "synthesizer.bin", 1, c, {f"model_state.{k}": v for k, v in t.items()})


def vocoder(name, **changes):
    c = dict(in_channels=3, out_channels=2, kernel_size=3, channels=8, bias=True, upsample_scales=[2, 3], stack_kernel_size=3,
             stacks=2, nonlinear_activation="LeakyReLU", nonlinear_activation_params={"negative_slope": 0.2},
             pad="ReflectionPad1d", pad_params={}, use_final_nonlinear_activation=True, use_weight_norm=True,
             use_causal_conv=False)
    c.update(changes)
    causal, t = c["use_causal_conv"], {}

    def conv(key, d0, d1, k, out):
        key = f"model.generator.melgan.{key}"
        if c["use_weight_norm"]:
            t[key + ".weight_g"] = ([d0, 1, 1], positive(d0))
            t[key + ".weight_v"] = ([d0, d1, k], None)
        else:
            t[key + ".weight"] = ([d0, d1, k], None)
        if c["bias"]:
            t[key + ".bias"] = ([out], None)

    end, up, s = (".conv" if causal else ""), (".deconv" if causal else ""), c["stacks"]
    conv(f"{0 if causal else 1}{end}", c["channels"], c["in_channels"], c["kernel_size"], c["channels"])
    ch = c["channels"]
    for i, u in enumerate(c["upsample_scales"]):
        at = (2 if causal else 3) + i * (2 + s)
        conv(f"{at}{up}", ch, ch // 2, 2 * u, ch // 2)
        ch //= 2
        for j in range(s):
            conv(f"{at + 1 + j}.stack.{1 if causal else 2}{end}", ch, ch, c["stack_kernel_size"], ch)
            conv(f"{at + 1 + j}.stack.{3 if causal else 4}", ch, ch, 1, ch)
            conv(f"{at + 1 + j}.skip_layer", ch, ch, 1, ch)
    conv(f"{(2 if causal else 4) + len(c['upsample_scales']) * (2 + s)}{end}", c["out_channels"], ch, c["kernel_size"], c["out_channels"])
    save("model_hs1", name, 2, c, t)


def silero_tensors(n, fold):
    bins, rows = n // 2 + 1, []
    for k in range(2 * bins):
        for i in range(n):
            w = 0.5 - 0.5 * math.cos(2 * math.pi * i / n)
            angle = 2 * math.pi * (k % bins) * i / n
            rows.append((w * (math.cos(angle) if k < bins else -math.sin(angle))) if fold else random.uniform(-0.1, 0.1))
    return {"stft": ([2 * bins, 1, n], rows), "c1": ([2, bins, 3], None), "b1": ([2], None), "c2": ([3, 2, 3], None), "b2": ([3], None),
            "c3": ([2, 3, 3], None), "b3": ([2], None), "c4": ([4, 2, 3], None), "b4": ([4], None)}


def silero():
    folder = os.path.join(HERE, "model_silero")
    os.makedirs(folder, exist_ok=True)
    names = dict(stft="stft_conv.weight", **{f"c{i}": f"conv{i}.weight" for i in range(1, 5)}, **{f"b{i}": f"conv{i}.bias" for i in range(1, 5)})
    for fold in (True, False):
        t = {names[k]: v for k, v in silero_tensors(128, fold).items()}
        t.update({"lstm_cell.weight_ih": ([8, 4], None), "lstm_cell.weight_hh": ([8, 2], None), "lstm_cell.bias_ih": ([8], None),
                  "lstm_cell.bias_hh": ([8], None), "final_conv.weight": ([1, 2, 1], None), "final_conv.bias": ([1], None)})
        with open(os.path.join(folder, "folded.safetensors" if fold else "plain.safetensors"), "wb") as f:
            f.write(safetensors(t))
    onnx = dict(stft="encoder.feature_extractor.forward_basis_buffer", **{f"c{i + 1}": f"encoder.conv_layers.{i}.weight" for i in range(4)},
                **{f"b{i + 1}": f"encoder.conv_layers.{i}.bias" for i in range(4)})
    t = {onnx[k]: v for k, v in silero_tensors(128, True).items()}
    t.update({"onnx::LSTM_209": ([1, 8, 4], None), "onnx::LSTM_210": ([1, 8, 2], None), "onnx::LSTM_211": ([1, 16], None),
              "decoder.conv1d.weight": ([1, 2, 1], None), "decoder.conv1d.bias": ([1], None)})

    def varint(v):
        out = b""
        while v > 127:
            out, v = out + bytes([v & 127 | 128]), v >> 7
        return out + bytes([v])

    def field(number, blob):
        return varint(number << 3 | 2) + varint(len(blob)) + blob

    graph = b""
    for name, (shape, values) in t.items():
        values = values or [random.uniform(-0.3, 0.3) for _ in range(math.prod(shape))]
        tensor = b"".join(varint(1 << 3) + varint(d) for d in shape) + varint(2 << 3) + varint(1)
        tensor += field(8, name.encode()) + field(9, struct.pack(f"<{len(values)}f", *values))
        graph += field(5, tensor)
    with open(os.path.join(folder, "batched.onnx"), "wb") as f:
        f.write(varint(1 << 3) + varint(8) + field(7, graph))


encoder()
synthesizer()
vocoder("vocoder.bin")
vocoder("vocoder-causal.bin", use_causal_conv=True, use_weight_norm=False, bias=False, out_channels=1, pad="ConstantPad1d",
        pad_params={"value": 0.5})
vocoder("vocoder-plain.bin", pad="ReplicationPad1d", nonlinear_activation="ReLU", nonlinear_activation_params={}, stacks=1)
silero()
