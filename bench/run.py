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

    def once(self):
        self.p.stdin.write("go\n")
        self.p.stdin.flush()
        self.answer = self.p.stdout.readline().strip()
        ms, count = self.answer.split()[:2]
        return float(ms), int(count)

    def close(self):
        self.p.stdin.close()
        self.p.wait(30)


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
    ap.add_argument("what", nargs="*", default=["matmul", "vad", "hs1", "start"])
    ap.add_argument("--pairs", type=int, default=7)
    ap.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    args = ap.parse_args()
    model = re.search(r"model name\s*:\s*(.*)", open("/proc/cpuinfo").read())
    print(f"{time.strftime('%Y-%m-%d')}, {model[1] if model else 'unknown processor'}, {os.cpu_count()} cores; peak before: {peak()}")
    for name in args.what:
        {"hs1": hs1, "vad": vad, "start": start, "matmul": matmul, "voicefixer": voicefixer}[name](args)
    print(f"peak after: {peak()}")


if __name__ == "__main__":
    main()
