"""Whisper's encoder and decoder beside CTranslate2 and whisper.cpp: the same random full-size weights, in turn, 1 and 2 threads.

    bench/.venv/bin/python bench/whisper.py [--sizes base small] [--threads 1 2] [--pairs 5] [--hse PROGRAM] [--out FOLDER]

Needs ctranslate2, pywhispercpp and numpy (bench/requirements.txt). Ratios are of the wall clock and, beside it, of the CPU time of the two
processes, which neighbours on the machine disturb less. Memory is the peak of the resident set since the start, less what an idle
interpreter or program has. Quality: golden cases in the reduced types, whose floors hse golden checks.
"""
import argparse
import os
import statistics
import subprocess
import sys

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
PYTHON = sys.executable


class Peer:
    """Answers each line with `MILLISECONDS COUNT CPU_MILLISECONDS`."""

    def __init__(self, name, command, first):
        self.name = name
        self.p = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=ROOT)
        self.ask(first)
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


def pairs(title, ours, peer, n, line):
    rows = []
    ours.once(line), peer.once(line)
    for i in range(n):
        order = (ours, peer) if i % 2 == 0 else (peer, ours)
        got = {x.name: x.once(line) for x in order}
        rows.append((got[ours.name], got[peer.name]))
    a = [statistics.median(r[0][k] / (r[0][1] if "decode" in title else 1) for r in rows) for k in (0, 2)]
    b = [statistics.median(r[1][k] / (r[1][1] if "decode" in title else 1) for r in rows) for k in (0, 2)]
    wall, cpu = (statistics.median(r[1][k] / r[1][1] / (r[0][k] / r[0][1]) for r in rows) for k in (0, 2))
    print(f"  {title:<28} hse {a[0]:8.2f} ms (CPU {a[1]:8.2f})   {peer.name} {b[0]:8.2f} ms (CPU {b[1]:8.2f})   x {wall:.2f}, by CPU x {cpu:.2f}",
          flush=True)


def batch(ours, n):
    """Tokens a second of eight windows at once against one."""
    ratios = []
    ours.once("1"), ours.once("8")
    for _ in range(n):
        one, eight = ours.once("1"), ours.once("8")
        ratios.append([eight[1] / eight[k] / (one[1] / one[k]) for k in (0, 2)])
    print(f"  eight windows at once        x {statistics.median(r[0] for r in ratios):.2f} the tokens a second of one, "
          f"by CPU x {statistics.median(r[1] for r in ratios):.2f}", flush=True)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--sizes", nargs="+", default=["base", "small"])
    p.add_argument("--threads", nargs="+", type=int, default=[1, 2])
    p.add_argument("--pairs", type=int, default=5)
    p.add_argument("--hse", default=os.path.join(ROOT, "build", "hse"))
    p.add_argument("--out", default=os.path.join(ROOT, "bench", "out", "whisper"))
    args = p.parse_args()

    def peak():
        out = subprocess.run([args.hse, "bench", "peak"], capture_output=True, text=True)
        print("  " + (out.stdout.strip() or out.stderr.strip()) + "; load " + " ".join(f"{x:.1f}" for x in os.getloadavg()), flush=True)

    for size in args.sizes:
        folder, ggml = os.path.join(args.out, size + "-int8"), os.path.join(args.out, f"ggml-{size}-q8_0.bin")
        if not os.path.exists(ggml):
            subprocess.run([PYTHON, os.path.join(ROOT, "bench", "whisper_full.py"), args.out, size], check=True)
        for threads in args.threads:
            print(f"{size}, {threads} thread(s)")
            peak()
            for job in ("encode", "decode"):
                hse = [args.hse, "bench", f"whisper-{job}", "--peer", "--model", folder, "--threads", str(threads), "--dtype", "int8"]
                peer = [PYTHON, "bench/whisper_peer.py"]
                ours = Peer("hse", hse, "1")
                ct2 = Peer("CTranslate2 int8", peer + ["ct2", folder, str(threads), "int8", job], "1")
                pairs(f"{job}", ours, ct2, args.pairs, "1")
                if job == "decode":
                    pairs("decode, beam 5", ours, ct2, args.pairs, "beam 5")
                ct2.close()
                cpp = Peer("whisper.cpp q8_0", peer + ["cpp", ggml, str(threads), "-", job], "1")
                pairs(f"{job}", ours, cpp, args.pairs, "1")
                print(f"  peak memory of {job}: hse {ours.peak_mb():.0f} MB, whisper.cpp with its interpreter {cpp.peak_mb():.0f} MB")
                cpp.close()
                if job == "decode":
                    batch(ours, args.pairs)
                print("  " + ours.banner)
                ours.close()
            peak()


if __name__ == "__main__":
    main()
