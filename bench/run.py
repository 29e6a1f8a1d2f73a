"""Side by side with the peers: two processes that stay alive run in turn, A B A B ..., and the median of the pairs' ratios counts.

    make bench                              everything
    bench/.venv/bin/python bench/run.py hs1 vad start matmul voicefixer [--pairs 9] [--threads 1 2]

Machines are shared and change speed from minute to minute: look at the ratios, and at the peak printed before and after.
"""
import argparse
import os
import re
import statistics
import subprocess
import sys
import time

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
PYTHON = sys.executable
HSE = os.path.join(ROOT, "build", "hse")
OUT = os.path.join(ROOT, "bench", "out")
TEXT = "Hello there, this is a sentence of middling length for a benchmark."


class Peer:
    """A process that answers each line on its standard input with `MILLISECONDS COUNT`."""

    def __init__(self, name, command, first=""):
        self.name = name
        self.p = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT)
        self.p.stdin.write(first + "\n")
        self.p.stdin.flush()
        self.banner = self.p.stdout.readline().strip()
        if not self.banner.startswith("ready"):
            raise SystemExit(f"{name} did not start: {' '.join(command)}: {self.banner}")

    def ask(self, line="go"):
        self.p.stdin.write(line + "\n")
        self.p.stdin.flush()
        self.answer = self.p.stdout.readline().strip()
        return self.answer.split()

    def once(self):
        ms, count = self.ask()[:2]
        return float(ms), int(count)

    def close(self):
        self.p.stdin.close()
        try:
            self.p.wait(30)
        except subprocess.TimeoutExpired:               # a peer's threads may not find their end; its answers are here
            self.p.kill()


def peak():
    out = subprocess.run([HSE, "bench", "peak"], capture_output=True, text=True, cwd=ROOT)
    return out.stdout.strip() or out.stderr.strip()


def pairs(title, ours, peer, n, warm=2):
    """Runs the two in turn and prints both medians and the median ratio."""
    for x in (ours, peer):
        for _ in range(warm):
            x.once()
    rows = []
    for i in range(n):
        order = (ours, peer) if i % 2 == 0 else (peer, ours)
        got = {x.name: x.once()[0] for x in order}
        rows.append((got[ours.name], got[peer.name]))
    a, b = statistics.median(r[0] for r in rows), statistics.median(r[1] for r in rows)
    ratio = statistics.median(r[1] / r[0] for r in rows)
    print(f"  {title:<34} {ours.name} {a:9.2f} ms   {peer.name} {b:9.2f} ms   x {ratio:.2f}", flush=True)
    return ratio


def hs1(args):
    folder = os.path.join(OUT, "hs1-full")
    if not os.path.exists(os.path.join(folder, "vocoder", "vocoder.pt")):
        subprocess.run([PYTHON, os.path.join(ROOT, "bench", "hs1_full.py"), folder], check=True)
    print("HS1 chain at the full upstream dims, one sentence")
    for threads in args.threads:
        peers = [Peer("torch " + kind, [PYTHON, "bench/hs1_peer.py", folder, str(threads), kind], TEXT)
                 for kind in ("float32", "bfloat16")]
        for dtype in ("float32", "bfloat16", "int8"):
            ours = Peer("hse", [HSE, "bench", "speak", "--peer", "--models", folder, "--threads", str(threads), "--dtype", dtype], TEXT)
            for peer in peers:
                pairs(f"{dtype}, {threads} thread(s)", ours, peer, args.pairs)
            ours.close()
        for peer in peers:
            print("  " + peer.banner)
            peer.close()
    print(subprocess.run([HSE, "bench", "snr", "--models", folder, "--text", TEXT], capture_output=True, text=True).stdout, end="")


def vad(args):
    print("Silero VAD, 1,000 chunks of 32 ms, one thread")
    model = os.path.join(ROOT, "models", "demo", "silero", "silero_vad.onnx")
    ours = Peer("hse", [HSE, "bench", "vad", "--peer", "--threads", "1"])
    peer = Peer("onnxruntime", [PYTHON, "bench/vad_peer.py", model, "1"])
    pairs("float32", ours, peer, args.pairs)
    print("  " + peer.banner)
    ours.close(), peer.close()


def snr(got, want):
    import numpy as np
    a, b = np.fromfile(got, np.float32).astype(np.float64), np.fromfile(want, np.float32).astype(np.float64)
    if len(a) != len(b):
        return float("nan")
    error = ((a - b) ** 2).sum()
    return 10 * np.log10((b * b).sum() / error) if error else float("inf")


def vits_rounds(title, command, folder, last, threads, kinds, asked, n):
    """All processes in turn, n times; ratios are medians of the rounds' own. SNR is against our float32."""
    program = os.path.join(ROOT, "build", "release", "bench", "bench_vits")
    ours = [Peer("hse " + t, [program, command, folder, str(threads), t, last]) for t in ("bf16", "f32")]
    peers = [Peer(k, [PYTHON, "bench/vits_peer.py", command, folder, str(threads), k, last]) for k in kinds]
    waves, memory = {}, {}
    for x in ours + peers:
        waves[x.name] = os.path.join(OUT, "vits-" + x.name.replace(" ", "-") + ".f32")
        x.p.stdout.readline()                   # the answer to the first line, which is empty: it warms up
        x.ask("save " + waves[x.name])
    rows, share = [], []
    for i in range(n):
        row = {}
        for x in (ours + peers)[::-1 if i % 2 else 1]:
            before = float(ours[0].ask("peak")[0]) if x is ours[0] else 0
            ms, _, _, cpu, _, memory[x.name] = x.ask()
            row[x.name] = (float(ms), float(cpu))
            if x is ours[0]:
                gflop = float(x.banner.split("GFLOP")[1])
                share.append(gflop / (float(cpu if threads == 1 else ms) / 1e3) / (max(before, float(x.ask("peak")[0])) * threads))
        rows.append(row)
    print(f"  {title}, {threads} thread(s)")
    for x in ours + peers:
        ms, cpu = (statistics.median(r[x.name][j] for r in rows) for j in (0, 1))
        print(f"    {x.name:10} {ms:8.0f} ms, CPU {cpu:8.0f} ms, {memory[x.name]} MB, {snr(waves[x.name], waves['hse f32']):.1f} dB   {x.banner[6:]}")
    best = [p.name for p in peers if p.name != "bfloat16"]
    for name, want in zip(("hse bf16", "hse f32"), asked):
        by = [statistics.median(min(r[p][j] for p in best) / r[name][j] for r in rows) for j in (0, 1)]
        auto = statistics.median(r["bfloat16"][0] / r[name][0] for r in rows)
        print(f"    {name} x {by[0]:.2f} (CPU x {by[1]:.2f}; asked {want}) the fastest float32 peer, x {auto:.2f} PyTorch's bf16 autocast")
    if command == "decode":
        print(f"    bf16 at {100 * statistics.median(share):.0f} % of the peak of the same minute (asked 85)", flush=True)
    for x in ours + peers:
        x.close()


def vits(args):
    """OpenVoice and MeloTTS at their real dims."""
    folder = os.path.join(OUT, "vits-full")
    if not os.path.exists(os.path.join(folder, "openvoice-v2", "converter", "checkpoint.pth")):
        subprocess.run([PYTHON, os.path.join(ROOT, "bench", "vits_full.py"), folder], check=True)
    at = lambda name: os.path.join(folder, name)  # noqa: E731
    print("OpenVoice and MeloTTS at their real dims, random weights")
    for threads in args.threads:
        for name, want in (("melo", 2.2), ("openvoice-v1/checkpoints/base_speakers/EN", 2.0)):
            vits_rounds(f"decoder, {name.split(chr(47))[0]}, 2 s", "decode", at(name), "2", threads, ("float32", "bfloat16", "onnx"), (want, 1.05),
                        args.pairs)
        vits_rounds("a MeloTTS sentence with BERT", "sentence", at("melo"), at("bert-base-uncased"), threads, ("float32", "bfloat16"), (2, 1),
                    args.pairs)
        vits_rounds("tone conversion, 3 s", "convert", at("openvoice-v2/converter"), "3", threads, ("float32", "bfloat16"), (2, 1), args.pairs)


def start(args):
    """From exec to the first byte of speech over HTTP, against what HSE's imports alone take; and both resident sizes."""
    imports = "import torch, transformers, librosa, faster_whisper, fastapi"
    ours, theirs, mem_ours, mem_theirs = [], [], 0, 0
    for i in range(args.pairs + 1):
        out = subprocess.run([PYTHON, "bench/start.py", HSE], capture_output=True, text=True, cwd=ROOT, check=True).stdout.split()
        began = time.perf_counter()
        got = subprocess.run([PYTHON, "-c", imports + "\nimport re; print(re.search(r'VmRSS:\\s+(\\d+)', open('/proc/self/status').read())[1])"],
                             capture_output=True, text=True)
        took = (time.perf_counter() - began) * 1e3
        if got.returncode:
            raise SystemExit(got.stderr)
        if i:                                   # the first of each warms the page cache
            ours.append(float(out[0])), theirs.append(took)
            mem_ours, mem_theirs = int(out[1]), int(got.stdout)
    ratio = statistics.median(b / a for a, b in zip(ours, theirs))
    print("Start to the first audio byte of \"Hello there.\", against HSE's imports alone")
    print(f"  hse {statistics.median(ours):.1f} ms, {mem_ours / 1024:.1f} MiB resident   imports {statistics.median(theirs):.0f} ms, "
          f"{mem_theirs / 1024:.0f} MiB   x {ratio:.1f} faster, x {mem_theirs / mem_ours:.1f} smaller")


def voicefixer(args):
    """10 s of noise restored; a run takes seconds, so one of each warms up."""
    folder = os.path.join(OUT, "voicefixer-full")
    program = os.path.join(ROOT, "build", "release", "bench", "bench_voicefixer")
    if not os.path.exists(os.path.join(folder, "vf.ckpt")):
        subprocess.run([PYTHON, os.path.join(ROOT, "bench", "voicefixer_full.py"), folder], check=True)
    print("VoiceFixer at the full upstream dims, 10 s")
    for threads in args.threads:
        for kind, dtype in (("float32", "f32"), ("bfloat16", "bf16")):
            ours = Peer("hse", [program, folder, "10", str(threads), dtype])
            peer = Peer("torch", [PYTHON, "bench/voicefixer_peer.py", folder, "10", str(threads), kind])
            pairs(f"{kind}, {threads} thread(s)", ours, peer, args.pairs, 1)
            for x in (ours, peer):
                print(f"    {x.name}: {x.answer}")
                x.close()


def matmul(args):
    program = os.path.join(ROOT, "build", "release", "bench", "bench_matmul")
    if not os.path.exists(program):
        raise SystemExit("bench_matmul is not built: scripts/bench builds it")
    subprocess.run([program], check=True)


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("what", nargs="*", default=["matmul", "vad", "hs1", "vits", "start"])
    ap.add_argument("--pairs", type=int, default=7)
    ap.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    args = ap.parse_args()
    model = re.search(r"model name\s*:\s*(.*)", open("/proc/cpuinfo").read())
    print(f"{time.strftime('%Y-%m-%d')}, {model[1] if model else 'unknown processor'}, {os.cpu_count()} cores; peak before: {peak()}")
    for name in args.what:
        {"hs1": hs1, "vad": vad, "start": start, "matmul": matmul, "voicefixer": voicefixer, "vits": vits}[name](args)
    print(f"peak after: {peak()}")


if __name__ == "__main__":
    main()
