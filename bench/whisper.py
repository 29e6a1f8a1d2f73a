"""Whisper beside CTranslate2 and whisper.cpp: the same random full-size weights, processes in turn, and every figure that was asked for.

    scripts/bench whisper [--sizes base small] [--threads 1 2] [--pairs 5] [--hse PROGRAM] [--out FOLDER]

scripts/bench builds the program and installs the peers (bench/requirements.txt); with both there, bench/.venv/bin/python bench/whisper.py
does the same. Under 12 minutes on a quiet machine of two cores. Ratios are the median over the pairs, of the wall clock and, beside it, of
the CPU time of the two processes, which neighbours on the machine disturb less. Decoding is each program's own search. Memory is the peak
of the resident set. Quality: bf16 and int8 against float32 on the kit's recording and models.
"""
import argparse
import os
import statistics
import subprocess
import sys
import time

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
PYTHON = sys.executable
KIT = os.path.join(ROOT, "tests", "golden", "whisper")
WALL, CPU = 0, 2                            # places in a peer's answer
rows = []                                   # of the closing table: what, reached, asked


def verdict(what, reached, asked, unit="x", least=True):
    rows.append((what, reached, asked, unit, reached >= asked if least else reached <= asked))


class Peer:
    """Answers each line with `MILLISECONDS COUNT CPU_MILLISECONDS`."""

    def __init__(self, name, command):
        self.name = name
        self.p = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=ROOT)
        self.ask("1")
        self.banner = self.p.stdout.readline().strip()
        if not self.banner.startswith("ready"):
            raise SystemExit(f"{name} did not start: {' '.join(command)}: {self.banner}")

    def ask(self, line):
        self.p.stdin.write(line + "\n")
        self.p.stdin.flush()

    def once(self, line):
        self.ask(line)
        ms, count, cpu = self.p.stdout.readline().split()
        return float(ms), int(count), float(cpu)

    def peak_mb(self):
        with open(f"/proc/{self.p.pid}/status") as f:
            return next(int(x.split()[1]) / 1024 for x in f if x.startswith("VmHWM"))

    def close(self):
        self.p.stdin.close()
        self.p.wait(60)


def pairs(title, ours, peer, n, line, asked, per_token):
    ours.once(line), peer.once(line)
    got = []
    for i in range(n):
        order = (ours, peer) if i % 2 == 0 else (peer, ours)
        one = {x.name: x.once(line) for x in order}
        got.append((one[ours.name], one[peer.name]))
    each = lambda r, k: r[k] / (r[1] if per_token else 1)
    a, b = ([statistics.median(each(r[who], k) for r in got) for k in (WALL, CPU)] for who in (0, 1))
    wall, cpu = (statistics.median(r[1][k] / r[1][1] / (r[0][k] / r[0][1]) for r in got) for k in (WALL, CPU))
    print(f"  {title:<16} hse {a[0]:8.2f} ms (CPU {a[1]:8.2f})   {peer.name:<17} {b[0]:8.2f} ms (CPU {b[1]:8.2f})   x {wall:.2f}, by CPU x {cpu:.2f}"
          + (f"   (asked: {asked})" if asked else ""), flush=True)
    return wall, cpu


def eight(ours, n):
    """Tokens a second of eight windows at once against one."""
    ratios = []
    ours.once("1"), ours.once("8")
    for _ in range(n):
        one, many = ours.once("1"), ours.once("8")
        ratios.append([many[1] / many[k] / (one[1] / one[k]) for k in (WALL, CPU)])
    wall, cpu = (statistics.median(r[i] for r in ratios) for i in (0, 1))
    print(f"  eight at once    x {wall:.2f} the tokens a second of one, by CPU x {cpu:.2f}   (asked: 5)", flush=True)
    return wall, cpu


def hse(args, job, *more):
    out = subprocess.run([args.hse, "bench", job, *more], capture_output=True, text=True, cwd=ROOT)
    return out.stdout.strip() or out.stderr.strip()


def peak(args):
    print("  " + hse(args, "peak") + "; load " + " ".join(f"{x:.1f}" for x in os.getloadavg()), flush=True)


def speed(args, size, threads):
    folder, ggml = os.path.join(args.out, size + "-int8"), os.path.join(args.out, f"ggml-{size}-q8_0.bin")
    name = f"{size}, {threads} thread{'s' if threads > 1 else ''}: "
    print(f"{size}, {threads} thread(s)")
    peak(args)
    for job in ("encode", "decode"):
        token = job == "decode"
        ours = Peer("hse", [args.hse, "bench", f"whisper-{job}", "--peer", "--model", folder, "--threads", str(threads), "--dtype", "int8"])
        peer = [PYTHON, "bench/whisper_peer.py"]
        ct2 = Peer("CTranslate2 int8", peer + ["ct2", folder, str(threads), "int8", job])
        if token:
            verdict(name + "greedy token / CTranslate2 int8", pairs(job, ours, ct2, args.pairs, "1", 3, token)[0], 3)
            verdict(name + "token, 5 beams / CTranslate2 int8", pairs("decode, 5 beams", ours, ct2, args.pairs, "beam 5", 2, token)[0], 2)
        else:                               # CTranslate2's encode ends with the encoder; what the decoder attends to is in its first token
            verdict(name + "encoder / CTranslate2 int8", pairs("encoder alone", ours, ct2, args.pairs, "alone", 2.5, token)[0], 2.5)
        mine = ours.peak_mb()
        if not token:
            verdict(name + "window, first token / CTranslate2 int8", pairs("with first token", ours, ct2, args.pairs, "first", 2.5, token)[0], 2.5)
        print("  " + ct2.banner)
        ct2.close()
        cpp = Peer("whisper.cpp q8_0", peer + ["cpp", ggml, str(threads), "-", job])
        wall = pairs(job, ours, cpp, args.pairs, "1", None if token else 4, token)[0]
        if not token:
            verdict(name + "window / whisper.cpp q8_0", wall, 4)
        theirs = cpp.peak_mb() - args.idle
        print(f"  peak memory      hse {mine:.0f} MB, whisper.cpp {theirs:.0f} MB (its interpreter's {args.idle:.0f} MB taken off)")
        verdict(name + f"peak memory, {job} / whisper.cpp", mine / theirs, 1, least=False)
        weights = float(ours.banner.split("weights ")[1].split()[0])
        verdict(name + f"peak memory, {job}", mine, (weights * 1.1e6 / 1048576 + 150), "MB", least=False)
        print("  " + cpp.banner)
        cpp.close()
        if token:
            verdict(name + "eight windows / one, tokens a second", eight(ours, args.pairs)[0], 5)
        print("  " + ours.banner)
        ours.close()
    peak(args)


def load(args):
    print("Load of small from the page cache, weights and vocabulary")
    for kind in ("int8", "float16"):
        for threads in args.threads:
            out = hse(args, "whisper-load", "--model", os.path.join(args.out, "small-" + kind), "--threads", str(threads), "--dtype", "int8", "--runs", "9")
            print(f"  {kind} file, {threads} thread(s): {out}", flush=True)
            verdict(f"load of small, {kind} file, {threads} thread(s)", float(out.split("median ")[1].split()[0]), 150, "ms", least=False)


def quality(args):
    print("What the reduced types cost against float32: the kit's recording, 100 tokens each")
    equal = {"bfloat16": [0, 0], "int8": [0, 0]}
    for model in ("en/ct2_int8_float16", "ml/ct2_float16", "v3/ct2_float16"):
        out = hse(args, "whisper-quality", "--model", os.path.join(KIT, "models", model), "--audio", os.path.join(KIT, "audio", "jfk.wav"))
        for line in out.splitlines():
            print("  " + line.replace(KIT + "/models/", ""), flush=True)
            kind, words = line.split(": ")[1].split()[0], line.split()
            snr = float(line.split("logits ")[1].split()[0])
            verdict(f"logits' SNR, {kind}, {model}", snr, 35 if kind == "bfloat16" else 20, "dB")
            at = words.index("of")
            equal[kind][0] += int(words[at - 1])
            equal[kind][1] += int(words[at + 1])
    for kind, (same, all_) in equal.items():
        verdict(f"equal tokens, {kind}", 100.0 * same / all_, 98, "%")


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--sizes", nargs="+", default=["base", "small"])
    p.add_argument("--threads", nargs="+", type=int, default=[1, 2])
    p.add_argument("--pairs", type=int, default=5)
    p.add_argument("--hse", default=os.path.join(ROOT, "build", "hse"))
    p.add_argument("--out", default=os.path.join(ROOT, "bench", "out", "whisper"))
    args = p.parse_args()
    began = time.monotonic()
    for size in dict.fromkeys(args.sizes + ["small"]):
        if not os.path.exists(os.path.join(args.out, f"ggml-{size}-q8_0.bin")):
            subprocess.run([PYTHON, os.path.join(ROOT, "bench", "whisper_full.py"), args.out, size], check=True)
    idle = subprocess.run([PYTHON, "-c", "import numpy; print(next(x.split()[1] for x in open('/proc/self/status') if x.startswith('VmHWM')))"],
                          capture_output=True, text=True, check=True).stdout
    args.idle = int(idle) / 1024
    with open("/proc/cpuinfo") as f:
        print(time.strftime("%Y-%m-%d") + ", " + next((x.split(":")[1].strip() for x in f if x.startswith("model name")), "unknown processor"))
    for size in args.sizes:
        for threads in args.threads:
            speed(args, size, threads)
    load(args)
    quality(args)
    print(f"\nBy the clock, {args.pairs} pairs each, {(time.monotonic() - began) / 60:.1f} minutes")
    for what, reached, asked, unit, met in rows:
        print(f"  {what:<58} {reached:8.2f} {unit:<2}  asked {asked:6.1f}  {'met' if met else 'MISSED'}")


if __name__ == "__main__":
    main()
