#!/usr/bin/env python3
"""Writes the seeds of the checkpoint fuzzers and the valid files that tests/unit/formats reads exactly.

Needs numpy, torch, safetensors and onnx. Run from anywhere; the outputs are committed, so nobody has to run it but to add
a seed. Element i of every tensor is (i - 3) / 2 (floats), i - 3 (signed), i (unsigned) or i odd (bool), in C order.
"""
import io
import json
import os
import pickle
import struct
import sys
import zipfile
from collections import OrderedDict, defaultdict

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper
from safetensors.torch import save

HERE = os.path.dirname(os.path.abspath(__file__))
SEEDS = os.path.join(HERE, "seeds")
DATA = os.path.join(HERE, "..", "unit", "formats", "data")


def write(folder, name, data):
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, name), "wb") as f:
        f.write(data)


def seed(target, name, data):
    write(os.path.join(SEEDS, target), name, data)


def data_file(name, data):
    write(DATA, name, data)


def values(count, kind):
    i = np.arange(count)
    return {"f": (i - 3) / 2, "i": i - 3, "u": i, "b": i % 2 == 1}[kind]


TORCH = {"f32": (torch.float32, "f"), "f64": (torch.float64, "f"), "f16": (torch.float16, "f"), "bf16": (torch.bfloat16, "f"),
         "i8": (torch.int8, "i"), "u8": (torch.uint8, "u"), "i16": (torch.int16, "i"), "i32": (torch.int32, "i"),
         "i64": (torch.int64, "i"), "bool": (torch.bool, "b")}
TORCH_NEW = {"u16": (torch.uint16, "u"), "u32": (torch.uint32, "u"), "u64": (torch.uint64, "u")}


def tensor(name, *shape):
    dtype, kind = {**TORCH, **TORCH_NEW}[name]
    return torch.tensor(values(int(np.prod(shape)), kind)).to(dtype).reshape(shape)


class Opaque:
    """A class of nobody's: must stay inert."""

    def __init__(self):
        self.weight = torch.ones(2)


def state(new=True):
    model = OrderedDict((k, tensor(k, 2, 3)) for k in (dict(TORCH, **TORCH_NEW) if new else TORCH))
    base = tensor("f32", 4, 6)
    model["t.view"] = base.t()
    model["t.part"] = base[1:3, 2:5]
    model["t.row"] = base[2]
    model["scalar"] = tensor("f32").reshape(())
    model["empty"] = torch.zeros(0, 3)
    model["expanded"] = tensor("f32", 3).expand(2, 3)
    model["parameter"] = torch.nn.Parameter(tensor("f32", 2, 2))
    model._metadata = OrderedDict(version=1)
    ignored = {"opaque": Opaque(), "set": {1, 2}, "frozen": frozenset([3]), "none": None, "bytes": b"ab", ("a", 1): 5,
               "device": torch.device("cpu"), "dtype": torch.float16, "default": defaultdict(list, a=1)}
    return {"step": 7, "big": 1 << 40, "huge": 1 << 80, "negative": -5, "rate": 0.25, "name": "tiny \u00e9", "flag": True,
            "model": model, "list": [tensor("f32", 2), {"k": tensor("i64", 1)}, 4], 9: tensor("f32", 1), "size": torch.Size([2, 3]),
            "ignored": ignored}


def torch_bytes(obj, **kw):
    f = io.BytesIO()
    torch.save(obj, f, **kw)
    return f.getvalue()


def repack(data, method, descriptor=False):
    class Stream(io.BytesIO):
        def seekable(self):
            return not descriptor

        def seek(self, *a):
            if descriptor:
                raise io.UnsupportedOperation
            return super().seek(*a)

        def tell(self):
            if descriptor:
                raise io.UnsupportedOperation
            return super().tell()

    out = Stream()
    with zipfile.ZipFile(io.BytesIO(data)) as z, zipfile.ZipFile(out, "w", method) as w:
        for i in z.infolist():
            w.writestr(zipfile.ZipInfo(i.filename), z.read(i), method)
    return out.getvalue()


def torch_files():
    for protocol in (2, 3, 4, 5):
        data = torch_bytes(state(), pickle_protocol=protocol)
        data_file(f"torch-p{protocol}.pt", data)
        data_file(f"legacy-p{protocol}.pt",
                  torch_bytes(state(False), pickle_protocol=protocol, _use_new_zipfile_serialization=False))
    data = torch_bytes(state())
    data_file("torch-deflated.pt", repack(data, zipfile.ZIP_DEFLATED))
    data_file("torch-stored.pt", repack(data, zipfile.ZIP_STORED))
    data_file("torch-streamed.pt", repack(data, zipfile.ZIP_DEFLATED, True))
    data_file("bare.pt", torch_bytes(tensor("f32", 1, 4, 1)))
    data_file("bare-legacy.pt", torch_bytes(tensor("f32", 1, 4, 1), _use_new_zipfile_serialization=False))
    data_file("whole-module.pt", torch_bytes(Opaque()))
    data_file("script.pt", script())

    small = OrderedDict(a=tensor("f32", 2), b=[tensor("bf16", 2, 2).t(), {"c": tensor("i64", 2)}], n=3, s="x", r=0.5)
    for protocol in (2, 4):
        seed("torch", f"zip-p{protocol}", torch_bytes(small, pickle_protocol=protocol))
        seed("torch", f"legacy-p{protocol}",
             torch_bytes(small, pickle_protocol=protocol, _use_new_zipfile_serialization=False))
    seed("torch", "deflated", repack(torch_bytes(small), zipfile.ZIP_DEFLATED))
    seed("torch", "bare", torch_bytes(tensor("f16", 3)))
    # The third form of the torch target: the pickle's length, the pickle, then the bytes of the storages.
    every = state()
    for protocol in (2, 4):
        for name, obj in (("small", small), ("every", every), ("v3", OrderedDict(u=tensor("u16", 2)))):
            f = io.BytesIO(torch_bytes(obj, pickle_protocol=protocol))
            with zipfile.ZipFile(f) as z:
                pkl = z.read(next(n for n in z.namelist() if n.endswith("/data.pkl")))
            seed("torch", f"parts-{name}-p{protocol}", b"\0" + struct.pack("<H", len(pkl)) + pkl + bytes(range(64)))


def script():
    class M(torch.nn.Module):
        def forward(self, x):
            return x + 1

    f = io.BytesIO()
    torch.jit.save(torch.jit.script(M()), f)
    return f.getvalue()


def pickles():
    everything = [None, True, False, 0, 1, 255, 256, 65535, -1, 1 << 31, 1 << 62, 1 << 63, -(1 << 63), 1 << 2000, 1.5, "a",
                  "\u00e9" * 200, b"b", b"b" * 300, bytearray(b"c"), (), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4), [], [1], {},
                  {"a": 1}, {1, 2}, frozenset([1]), OrderedDict(a=1), defaultdict(int), Exception("x"), range(3), complex(1, 2)]
    shared = []
    shared += [shared, {"s": shared}]
    for protocol in (2, 3, 4, 5):
        seed("pickle", f"everything-p{protocol}", pickle.dumps(everything, protocol))
        seed("pickle", f"cycle-p{protocol}", pickle.dumps(shared, protocol))
        seed("pickle", f"long-p{protocol}", pickle.dumps({i: str(i) for i in range(300)}, protocol))
    seed("pickle", "old-strings", b"\x80\x02(U\x01aT\x02\x00\x00\x00bcl0]0(]\x88aNd0N.")
    seed("pickle", "marks", b"\x80\x02(K\x01K\x02l(K\x03K\x04d\x86N2010)1.")
    seed("pickle", "pairs", b"\x80\x02ccollections\nOrderedDict\n](]K\x01aK\x02aK\x03K\x04\x86e\x85R.")
    seed("pickle", "ordered", b"\x80\x02ccollections\nOrderedDict\n]K\x01K\x02\x86a\x85R.")
    seed("pickle", "module", b"\x80\x02(U\x06modulecx\ny\nU\x00U\x00tQ.")
    seed("pickle", "new-ex", b"\x80\x04cx\ny\n)}\x92}b.")
    # Found by the torch target: items added to an inert object were written over its name.
    seed("pickle", "additems-inert", b"\x80\x04cxxxxxxxx\nyyyyyyyy\n)R(K\x01K\x02\x90.")
    seed("pickle", "deep", b"\x80\x02" + b"]" * 300 + b"a" * 299 + b".")


def safetensors():
    tensors = {k: tensor(k, 2, 3) for k in dict(TORCH, **TORCH_NEW)}
    tensors["scalar"] = tensor("f32").reshape(())
    tensors["empty"] = torch.zeros(0, 3)
    data = save(tensors, {"format": "pt", "note": "\u00e9 \"quoted\" \\ \n"})
    data_file("all.safetensors", data)
    seed("safetensors", "all", data)
    seed("safetensors", "one", save({"a": tensor("f32", 2)}))
    seed("safetensors", "none", save({}))
    head = json.dumps({"__metadata__": {}, "\ud83d\ude00": {"shape": [], "data_offsets": [0, 1], "dtype": "U8"}}).encode()
    seed("safetensors", "escaped", struct.pack("<Q", len(head)) + head + b"x")


def npy_bytes(a, version=None):
    f = io.BytesIO()
    np.lib.format.write_array(f, a, version)
    return f.getvalue()


def arrays():
    kinds = {"float32": "f", "float64": "f", "float16": "f", "int8": "i", "uint8": "u", "int16": "i", "uint16": "u",
             "int32": "i", "uint32": "u", "int64": "i", "uint64": "u", "bool": "b"}
    every = {k: values(6, v).astype(k).reshape(2, 3) for k, v in kinds.items()}
    every["scalar"] = values(1, "f").astype("float32").reshape(())
    every["empty"] = np.zeros((0, 3), "float32")
    every["fortran"] = np.asfortranarray(values(24, "f").astype("float32").reshape(2, 3, 4))
    for name, writer in (("stored", np.savez), ("deflated", np.savez_compressed)):
        f = io.BytesIO()
        writer(f, **every)
        data_file(f"{name}.npz", f.getvalue())
        f = io.BytesIO()
        writer(f, a=every["float32"], b=every["int64"])
        seed("npy", f"npz-{name}", f.getvalue())
    for version in ((1, 0), (2, 0), (3, 0)):
        data_file(f"v{version[0]}.npy", npy_bytes(every["float32"], version))
        seed("npy", f"v{version[0]}", npy_bytes(every["float32"], version))
    data_file("fortran.npy", npy_bytes(every["fortran"]))
    for name, a in every.items():
        seed("npy", name, npy_bytes(a))


def make_tensor(name, number, count=6, raw=False, unpacked=False):
    t = TensorProto(name=name, data_type=number, dims=[2, 3] if count == 6 else [count])
    kind = "b" if number == TensorProto.BOOL else "u" if number in (2, 4, 12, 13) else "i" if number in (3, 5, 6, 7) else "f"
    dtype = {1: "<f4", 2: "u1", 3: "i1", 4: "<u2", 5: "<i2", 6: "<i4", 7: "<i8", 9: "?", 10: "<f2", 11: "<f8", 12: "<u4",
             13: "<u8"}.get(number)
    v = values(count, kind)
    bits = v.astype(dtype) if dtype else torch.tensor(v).to(torch.bfloat16).view(torch.int16).numpy().view("<u2")
    if raw:
        t.raw_data = bits.tobytes()
    elif number == 1:
        t.float_data.extend(bits.tolist())
    elif number == 11:
        t.double_data.extend(bits.tolist())
    elif number == 7:
        t.int64_data.extend(bits.tolist())
    elif number in (12, 13):
        t.uint64_data.extend(bits.tolist())
    else:
        t.int32_data.extend((bits.view("<u2") if number == 10 else bits).astype("int64").tolist())
    return t


def onnx_model(full):
    numbers = (1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 13, 16) if full else (1, 7)
    inits = [make_tensor(f"raw.{n}", n, raw=True) for n in numbers] + [make_tensor(f"rep.{n}", n) for n in numbers]

    def branch(name):
        node = helper.make_node("Constant", [], [f"{name}.w"], value=make_tensor("", 1, raw=True))
        return helper.make_graph([node], name, [], [helper.make_tensor_value_info(f"{name}.w", 1, [2, 3])])

    inner = helper.make_graph(
        [helper.make_node("If", ["c"], ["x"], then_branch=branch("deep"), else_branch=branch("deeper"))], "then", [],
        [helper.make_tensor_value_info("x", 1, [2, 3])], [make_tensor("then.init", 1)])
    nodes = [helper.make_node("Constant", [], ["k.float"], value_float=0.5),
             helper.make_node("Constant", [], ["k.int"], value_int=-7),
             helper.make_node("Constant", [], ["k.floats"], value_floats=[0.5, 1.5]),
             helper.make_node("Constant", [], ["k.ints"], value_ints=[1, -2, 1 << 40]),
             helper.make_node("Constant", [], ["k.text"], value_string="x"),
             helper.make_node("If", ["c"], ["y"], then_branch=inner, else_branch=branch("else")),
             helper.make_node("Add", ["y", "raw.1"], ["z"])]
    graph = helper.make_graph(nodes, "g", [helper.make_tensor_value_info("c", 9, [])],
                              [helper.make_tensor_value_info("z", 1, [2, 3])], inits)
    return helper.make_model(graph).SerializeToString()


def onnx_files():
    data_file("all.onnx", onnx_model(True))
    seed("onnx", "all", onnx_model(True))
    seed("onnx", "small", onnx_model(False))
    t = make_tensor("ext", 1)
    del t.float_data[:]
    t.data_location = TensorProto.EXTERNAL
    t.external_data.add(key="location", value="../weights.bin")
    data_file("external.onnx", helper.make_model(helper.make_graph([], "g", [], [], [t])).SerializeToString())
    seed("onnx", "external", open(os.path.join(DATA, "external.onnx"), "rb").read())


def zips():
    def archive(method, names=("a", "dir/b.npy", "\u00e9")):
        f = io.BytesIO()
        with zipfile.ZipFile(f, "w", method) as z:
            for n in names:
                z.writestr(zipfile.ZipInfo(n), b"hello " * len(n) * 4, method)
        return f.getvalue()

    seed("zip", "stored", archive(zipfile.ZIP_STORED))
    seed("zip", "deflated", archive(zipfile.ZIP_DEFLATED))
    seed("zip", "empty", archive(zipfile.ZIP_STORED, ()))
    seed("zip", "streamed", repack(archive(zipfile.ZIP_STORED), zipfile.ZIP_DEFLATED, True))
    seed("zip", "zip64", torch_bytes({"a": 1}))
    f = io.BytesIO()
    np.savez(f, a=np.zeros(1))
    seed("zip", "forced-zip64", f.getvalue())


def texts():
    for name, text in {
        "config": '{"model": {"n_mels": 80, "rates": [5, 5, 8], "slope": 0.1, "causal": false, "name": "mb", "none": null}}',
        "wrong": '{"model": {"n_mels": "80", "rates": [5, true], "slope": [], "causal": 1, "name": {}}, "extra": -1.5e-3}',
        "strings": '["\\u00e9\\ud83d\\ude00\\n\\"\\\\\\/\\b\\f\\r\\t", "\u00e9\U0001f600"]',
        "numbers": "[0, -0, 1, -1, 9223372036854775807, -9223372036854775808, 1e308, 0.1, 1E+2, 12.5e-3]",
        "nested": "[" * 32 + "]" * 32, "spaces": ' \t\r\n{ "a" : [ ] , "b" : { } } ', "word": "true",
    }.items():
        seed("json", name, text.encode())


if __name__ == "__main__":
    torch.manual_seed(0)
    sys.setrecursionlimit(10000)
    for part in (torch_files, pickles, safetensors, arrays, onnx_files, zips, texts):
        part()
