"""Drives one server with more and more clients at once, and prints the tables of docs/speed.md.

    make load [ARGS=--quick]
    python bench/load.py [--quick] [--rounds 3] [--program build/release/hse] [--model bench/out/hs1-full] [--dtype auto] [--clients 1,2,4,8,16,32]
                         [--only speech,narrators,vad,queue,first]

The model is the full-size Harmony Speech V1 chain (bench/hs1_full.py writes it) and Silero VAD; MeloTTS and OpenVoice V1, Whisper and VoiceFixer join in
where bench/vits_full.py, bench/whisper_full.py and bench/voicefixer_full.py have written them. Four questions:

 1. throughput: audio seconds a second of the clock and of CPU time, latencies and the mean batch (from /metrics) at 1 to 32 clients, texts of mixed lengths
    (`speech`: Harmony Speech V1; `narrators`: MeloTTS with its BERT, OpenVoice V1);
 2. the same for voice activity;
 3. a short request's p95 alone, and while a text (a recording whose speech is looked for, one that is restored, one that is transcribed) of
    ten minutes is in the queue;
 4. when the first byte of a 100-sentence text comes, as a share of the time of the whole.

Standard library only. Every figure is of this run; the machine's load is printed with them.
"""
import argparse
import base64
import http.client
import io
import json
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import wave

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), ".."))
SPEECH = os.path.join(ROOT, "tests/golden/silero/audio/jfk_16k.wav")
RATE = 16000
SENTENCES = [
    "It is half past nine.", "The train leaves in ten minutes from the other platform.", "Nobody had told them.",
    "When the rain stopped, the children ran out and looked for the bridge that they had built.", "Yes, of course.",
    "She opened the letter slowly, read it twice, and put it back into the drawer without a word.",
]


def text_of(i):
    """Texts of one to four sentences; the same i is the same text in every run."""
    return " ".join(SENTENCES[(i * 5 + k) % len(SENTENCES)] for k in range(1 + i * 7 % 4))


class Server:
    def __init__(self, program, model, dtype, threads, restorer="", recogniser="", narrators=""):
        self.restores, self.transcribes = os.path.isdir(restorer), os.path.isdir(recogniser)
        self.narrators = [(name, folder, kind) for name, folder, kind in (("melotts", "melo", "MeloTTSSynthesizer"),
                                                                           ("openvoice-v1", "openvoice-v1", "OpenVoiceV1Synthesizer"))
                          if os.path.isdir(os.path.join(narrators, folder))]
        self.dir = tempfile.TemporaryDirectory()
        config = os.path.join(self.dir.name, "load.yml")
        types = (("hs1-encoder", "HarmonySpeechEncoder"), ("hs1-synthesizer", "HarmonySpeechSynthesizer"), ("hs1-vocoder", "HarmonySpeechVocoder"))
        with open(config, "w") as f:
            f.write("keep_alive: -1\nmax_requests: 1024\nmodel_configs:\n")
            for name, kind in types if os.path.isdir(model) else ():
                f.write(f"  - {{name: {name}, model: {os.path.abspath(model)}, model_type: {kind}}}\n")
            for name, folder, kind in self.narrators:
                f.write(f"  - {{name: {name}, model: {os.path.abspath(os.path.join(narrators, folder))}, model_type: {kind}, language: EN}}\n")
            for name, kind in (("vf-restorer", "VoiceFixerRestorer"), ("vf-vocoder", "VoiceFixerVocoder")) if self.restores else ():
                f.write(f"  - {{name: {name}, model: {os.path.abspath(restorer)}, model_type: {kind}}}\n")
            if self.transcribes:
                f.write(f"  - {{name: whisper, model: {os.path.abspath(recogniser)}, model_type: FasterWhisper}}\n")
            f.write(f"  - {{name: silero-vad, model: {os.path.join(ROOT, 'models/demo/silero')}, model_type: SileroVAD}}\n")
        self.process = subprocess.Popen([program, "serve", "--port", "0", "--config", config, "--log-level", "warn", "--dtype", dtype, "--threads",
                                         str(threads), "--timeout", "3600"], stdout=subprocess.PIPE, text=True,
                                        env={k: v for k, v in os.environ.items() if not k.startswith("HSE_") or k == "HSE_CPU"})
        self.head = ""
        for line in self.process.stdout:
            self.head = self.head or line.strip()
            if match := re.search(r"http://[^:]+:(\d+)", line):
                self.port = int(match[1])
                break
        else:
            sys.exit("the server did not start")

    def stop(self):
        self.process.terminate()
        self.process.wait(30)
        self.dir.cleanup()

    def cpu_s(self):
        """CPU seconds so far: a figure that other work on the machine disturbs less than the clock."""
        with open(f"/proc/{self.process.pid}/stat") as f:
            fields = f.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def connect(self):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=3600)

    def batches(self):
        """{model: (items, batches)} since the start."""
        c = self.connect()
        c.request("GET", "/metrics")
        text = c.getresponse().read().decode()
        out = {}
        for what, i in (("sum", 0), ("count", 1)):
            for labels, value in re.findall(r"^hse_batch_size_" + what + r"\{([^}]*)\} (\S+)", text, re.M):
                name = re.search(r'model="([^"]*)"', labels)[1]
                out.setdefault(name, [0, 0])[i] = float(value)
        return out


class Request:
    """One request under way: when its first byte and its end came, and how much audio."""

    def __init__(self, server, path, body, accept="application/json"):
        self.connection = server.connect()
        self.began = time.perf_counter()
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.connection.request("POST", path, data, {"Content-Type": "application/json", "Accept": accept})
        self.answer = self.connection.getresponse()
        if self.answer.status != 200:
            sys.exit(f"{path}: {self.answer.status} {self.answer.read()[:300]}")

    def finish(self):
        first = self.answer.read(1)
        self.first_s = time.perf_counter() - self.began
        size = len(first)
        while piece := self.answer.read1(1 << 16):
            size += len(piece)
        self.total_s = time.perf_counter() - self.began
        self.audio_s = size / 2 / RATE
        self.connection.close()
        return self

    def leave(self):
        if self.connection.sock:
            self.connection.sock.close()
        self.connection.close()


def speak(server, text, model="harmonyspeech"):
    return Request(server, "/v1/audio/speech", {"model": model, "input": text, "output_options": {"format": "pcm", "sample_rate": RATE, "stream": True}},
                   "audio/pcm")


def recording(seconds, field="source_audio", **fields):
    """The body of a request with the JFK recording again and again; written beforehand, so that the clients do not take the cores that
    they measure."""
    with wave.open(SPEECH) as w:
        once = w.readframes(w.getnframes())
    data = (once * (int(seconds * RATE * 2 / len(once)) + 1))[:int(seconds * RATE) * 2]
    out = io.BytesIO()
    with wave.open(out, "wb") as w:
        w.setnchannels(1)
        w.setsampwidth(2)
        w.setframerate(RATE)
        w.writeframes(data)
    data = base64.b64encode(out.getvalue()).decode()
    return json.dumps({"input_audio": data, "get_timestamps": True} if not fields else {**fields, field: data}).encode()


def detect(server, body):
    return Request(server, "/v1/audio/vad", body)


def percentile(values, p):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * p / 100))]


def run_clients(clients, jobs, run):
    """Each client takes the next job when its last is done. Wall time and the results."""
    results, left, lock = [], list(range(jobs)), threading.Lock()

    def client():
        while True:
            with lock:
                if not left:
                    return
                i = left.pop(0)
            r = run(i)
            with lock:
                results.append(r)

    threads = [threading.Thread(target=client) for _ in range(clients)]
    began = time.perf_counter()
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return time.perf_counter() - began, results


def mean_batch(before, after, names):
    items = sum(after[n][0] - before.get(n, [0, 0])[0] for n in names if n in after)
    batches = sum(after[n][1] - before.get(n, [0, 0])[1] for n in names if n in after)
    return items / batches if batches else 0.0


def level(server, clients, count, run, audio_of, models):
    """One run of so many clients: audio seconds a second, and a CPU second; the requests; mean batches."""
    before, cpu = server.batches(), server.cpu_s()
    wall, results = run_clients(clients, count, run)
    after = server.batches()
    seconds = sum(audio_of(r) for r in results)
    return seconds / wall, seconds / max(server.cpu_s() - cpu, 0.01), results, {n: mean_batch(before, after, [n]) for n in models}


def table(title, server, levels, rounds, jobs_of, run, audio_of, models):
    """The levels in turn, `rounds` times; medians, since one run of a level says little on a machine whose speed changes."""
    print(f"\n{title}\n")
    print("| clients | requests | audio s / s | of one client | audio s / CPU s | of one client | p50 s | p95 s | p99 s | mean batch |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    runs = {c: [] for c in levels}
    for _ in range(rounds):
        for c in levels:
            runs[c].append(level(server, c, jobs_of(c), run, audio_of, models))
    base, worst, at8 = None, None, None
    for c in levels:
        rate, by_cpu = (statistics.median(r[i] for r in runs[c]) for i in (0, 1))
        base = base or (rate, by_cpu)
        times = [q.total_s for r in runs[c] for q in r[2]]
        ratio, batch = rate / base[0], {n: statistics.median(r[3][n] for r in runs[c]) for n in models}
        worst = ratio if worst is None else min(worst, ratio)
        at8 = ratio if c == 8 else at8
        print(f"| {c} | {len(times)} | {rate:.2f} | {ratio:.2f} x | {by_cpu:.2f} | {by_cpu / base[1]:.2f} x | {statistics.median(times):.2f} | {percentile(times, 95):.2f} | "
              f"{percentile(times, 99):.2f} | {', '.join(f'{n} {b:.1f}' for n, b in batch.items())} |", flush=True)
    print(f"\nleast of all levels: {worst:.2f} x one client" + (f"; at 8: {at8:.2f} x" if at8 else ""))


def queued(title, short, long, count):
    """p95 of a short request alone and while the long one is under way."""
    short()                                             # its models are loaded
    alone = [short().total_s for _ in range(count)]
    request = long()
    reader = threading.Thread(target=lambda: drain(request), daemon=True)
    reader.start()
    time.sleep(0.5)
    busy = [short().total_s for _ in range(count)]
    still = reader.is_alive()
    request.leave()
    a, b = percentile(alone, 95), percentile(busy, 95)
    print(f"{title}: short p95 {a * 1e3:.0f} ms alone, {b * 1e3:.0f} ms beside it: {b / a:.2f} x (p50 {statistics.median(alone) * 1e3:.0f} and "
          f"{statistics.median(busy) * 1e3:.0f} ms, {count} each{'' if still else '; the long one ended first'})", flush=True)
    return b / a


class Long:
    """A long recording's answer comes at its end only, so its request is sent from a thread of its own; who leaves closes the connection."""

    def __init__(self, server, path, body):
        self.path, self.body, self.connection = path, body, server.connect()

    def finish(self):
        self.connection.request("POST", self.path, self.body, {"Content-Type": "application/json", "Accept": "application/json"})
        self.connection.getresponse().read()

    def leave(self):
        if self.connection.sock:
            self.connection.sock.shutdown(socket.SHUT_RDWR)


def drain(request):
    try:
        request.finish()
    except (OSError, ValueError, AttributeError, http.client.HTTPException):
        pass                                            # it was given up; http.client is half closed then


def long_beside_short(server, count, short_audio):
    def said():
        return speak(server, SENTENCES[0]).finish()

    def heard():
        return detect(server, short_audio).finish()

    print()
    ten_minutes = " ".join(SENTENCES[i % len(SENTENCES)] for i in range(150))
    queued("ten minutes of text in the queue", said, lambda: speak(server, ten_minutes), count)
    queued("a ten-minute recording in the queue", heard, lambda: Long(server, "/v1/audio/vad", recording(600)), count)
    if server.restores:
        body = recording(600, model="voicefixer")
        Request(server, "/v1/audio/convert", recording(1, model="voicefixer")).finish()         # loads the models
        queued("ten minutes being restored", said, lambda: Long(server, "/v1/audio/convert", body), count)
    if server.transcribes:
        # one search a window: with random weights every window would fail at every temperature
        brief, body = (recording(s, "input_audio", model="whisper", language="en", vad_filter=False, temperature_inc=0) for s in (3, 600))
        path = "/v1/audio/transcriptions"

        def written():
            return Request(server, path, brief).finish()

        written()
        queued("ten minutes being transcribed, short: speech", said, lambda: Long(server, path, body), count)
        queued("ten minutes being transcribed, short: a transcription of 3 s", written, lambda: Long(server, path, body), count)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--program", default=os.path.join(ROOT, "build/release/hse"))
    parser.add_argument("--model", default=os.path.join(ROOT, "bench/out/hs1-full"))
    parser.add_argument("--restorer", default=os.path.join(ROOT, "bench/out/voicefixer-full"), help="left out where it is not there")
    parser.add_argument("--recogniser", default=os.path.join(ROOT, "bench/out/whisper/base-int8"), help="left out where it is not there")
    parser.add_argument("--narrators", default=os.path.join(ROOT, "bench/out/vits-full"), help="left out where it is not there")
    parser.add_argument("--only", default="speech,narrators,vad,queue,first", help="of the four questions")
    parser.add_argument("--dtype", default="auto", choices=["auto", "float32", "bfloat16", "int8"])
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--clients", default="")
    parser.add_argument("--rounds", type=int, default=0, help="how often each level is run; its medians are printed (default 3, with --quick 1)")
    parser.add_argument("--quick", action="store_true", help="fewer levels and requests; under five minutes")
    o = parser.parse_args()
    only = o.only.split(",")
    if not os.path.isdir(o.model) and {"speech", "queue", "first"} & set(only):
        sys.exit(f"{o.model} is not there: python bench/hs1_full.py {o.model} writes it")
    levels = [int(c) for c in o.clients.split(",")] if o.clients else [1, 8] if o.quick else [1, 2, 4, 8, 16, 32]
    rounds = o.rounds or (1 if o.quick else 3)
    server = Server(o.program, o.model, o.dtype, o.threads, o.restorer, o.recogniser, o.narrators)
    try:
        print(f"{time.strftime('%d %B %Y')}, {server.head}, dtype {o.dtype}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
        if os.path.isdir(o.model):
            speak(server, "Warm up. " * 3).finish()                    # loads the models
        audio = [recording(s) for s in (3, 11, 30, 60)]
        detect(server, audio[0]).finish()
        if "speech" in only:
            table("Speech, full-size Harmony Speech V1, texts of one to four sentences", server, levels, rounds,
                  lambda c: 16 if o.quick else max(64, 4 * c), lambda i: speak(server, text_of(i)).finish(), lambda r: r.audio_s,
                  ["hs1-synthesizer", "hs1-vocoder"])
        for name, _, kind in server.narrators if "narrators" in only else ():
            speak(server, "Warm up.", name).finish()
            table(f"Speech, full-size {kind}, texts of one to four sentences", server, levels, rounds, lambda c: 8 if o.quick else max(16, 2 * c),
                  lambda i, name=name: speak(server, text_of(i), name).finish(), lambda r: r.audio_s, [name])

        def vad(i):
            r = detect(server, audio[i % len(audio)]).finish()
            r.audio_s = (3, 11, 30, 60)[i % len(audio)]
            return r
        if "vad" in only:
            table("Voice activity, recordings of 3 to 60 s", server, levels, rounds, lambda c: 32 if o.quick else max(64, 8 * c), vad, lambda r: r.audio_s,
                  ["silero-vad"])
        if "queue" in only:
            long_beside_short(server, 8 if o.quick else 40, audio[0])
        if "first" in only:
            hundred = " ".join(["Yes, of course."] * 100 if o.quick else [SENTENCES[i % len(SENTENCES)] for i in range(100)])
            r = speak(server, hundred).finish()
            print(f"a text of 100 sentences: first byte after {r.first_s * 1e3:.0f} ms of {r.total_s:.1f} s, {100 * r.first_s / r.total_s:.2f} % "
                  f"({r.audio_s:.0f} s of audio)")
        print(f"load at the end {os.getloadavg()[0]:.1f}")
    finally:
        server.stop()


if __name__ == "__main__":
    main()
