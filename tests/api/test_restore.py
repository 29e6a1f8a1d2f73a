"""VoiceFixer through the product: hse restore, /v1/audio/convert, and as a filter, with a small pair of networks with random
weights. The networks' numbers are the golden cases' concern; here it is what goes in and comes out."""
import array
import base64
import contextlib
import io
import json
import os
import random
import shutil
import subprocess
import tempfile
import wave

import fake
import server

CASE = os.path.join(server.ROOT, "tests", "golden", "voicefixer", "convert_small_s11")
RATE = 44100


def wav(samples, rate, channels=1):
    """16-bit samples (-1..1), interleaved."""
    a = array.array("h", [max(-32768, min(32767, round(x * 32767))) for x in samples])
    out = io.BytesIO()
    with wave.open(out, "wb") as f:
        f.setnchannels(channels)
        f.setsampwidth(2)
        f.setframerate(rate)
        f.writeframes(a.tobytes())
    return out.getvalue()


def noise(n, level=0.2, seed=1):
    r = random.Random(seed)
    return [r.uniform(-level, level) for _ in range(n)]


# name, recording, samples of the answer
RECORDINGS = [
    ("plain", wav(noise(22050), 44100), 22050),
    ("8 kHz", wav(noise(4000), 8000), 22050),
    ("96 kHz", wav(noise(24000), 96000), 11025),
    ("6 channels", wav(noise(6 * 9600), 48000, 6), 8820),
    ("silence", wav([0.0] * 20000, 44100), 20000),
    ("one sample", wav([0.5], 44100), 1),
    ("clipped", wav([max(-1.0, min(1.0, x)) for x in noise(10001, 8)], 44100), 10001),
]


@contextlib.contextmanager
def models():
    """A folder of models: the pair under the names of the published files."""
    with tempfile.TemporaryDirectory() as d:
        folder = os.path.join(d, "voicefixer")
        os.makedirs(folder)
        for name in ("vf.ckpt", "model.ckpt-1490000_trimed.pt"):
            shutil.copy(os.path.join(CASE, name), folder)
        yield d


@contextlib.contextmanager
def restoring():
    with models() as d, server.running(variables={"HSE_MODELS": d}) as s:
        yield s


def b64(data):
    return base64.b64encode(data).decode()


def program(folder, *args, want=0):
    environment = {**os.environ, "HSE_MODELS": folder, "HSE_HOST": "", "HSE_PORT": "9"}
    r = subprocess.run([server.HSE, *args], capture_output=True, timeout=100, env=environment)
    assert r.returncode == want, (args, r.returncode, r.stderr[-400:])
    return r


def test_the_models_are_found_and_listed(hse):
    with models() as d:
        told = program(d, "check", os.path.join(d, "voicefixer"))
        assert b"VoiceFixerRestorer" in told.stdout and b"VoiceFixerVocoder" in told.stdout and not told.stderr, told.stderr
        listed = {m["name"]: m for m in json.loads(program(d, "models", "--json").stdout)}
        assert listed["voicefixer"]["restores"] and not listed["voicefixer"]["speaks"]
        assert b"restores" in program(d, "models").stdout
    with restoring() as s:
        assert "voicefixer" in [m["id"] for m in s.get("/v1/audio/convert/models")["data"]]


def test_the_command_restores_files_and_folders(hse):
    with models() as d:
        came, went = os.path.join(d, "in"), os.path.join(d, "out")
        os.mkdir(came)
        for name, data, _ in RECORDINGS:
            with open(os.path.join(came, name + ".wav"), "wb") as f:
                f.write(data)
        program(d, "restore", "--local", came, "-o", went)
        for name, _, count in RECORDINGS:
            with open(os.path.join(went, name + ".wav"), "rb") as f:
                samples, rate = server.wav_samples(f.read())
            assert rate == RATE and len(samples) == count, (name, rate, len(samples), count)
        one = os.path.join(d, "one.wav")
        program(d, "restore", "--local", os.path.join(came, "plain.wav"), "-o", one)
        with open(one, "rb") as f, open(os.path.join(went, "plain.wav"), "rb") as g:
            assert f.read() == g.read()


def peak_bytes(folder, *args):
    """The most memory that the command had resident."""
    p = subprocess.Popen([server.HSE, *args], env={**os.environ, "HSE_MODELS": folder, "HSE_HOST": "", "HSE_PORT": "9"})
    _, status, usage = os.wait4(p.pid, 0)
    p.returncode = os.waitstatus_to_exitcode(status)
    assert p.returncode == 0, args
    return usage.ru_maxrss * 1024


def test_the_command_needs_no_more_memory_for_a_longer_recording(hse):
    """Recording and answer held whole would be 63 MB more for three minutes more."""
    with models() as d:
        peak = []
        for minutes in (1, 4):
            path = os.path.join(d, f"{minutes}.wav")
            with wave.open(path, "wb") as f:
                f.setnchannels(1), f.setsampwidth(2), f.setframerate(RATE)
                f.writeframes(random.Random(minutes).randbytes(minutes * 60 * RATE * 2))
            peak.append(peak_bytes(d, "restore", "--local", path, "-o", os.path.join(d, "out.wav")))
        assert peak[1] - peak[0] < 36 << 20, peak


def test_the_command_knows_the_modes(hse):
    with models() as d:
        path, plain, filtered = (os.path.join(d, n) for n in ("in.wav", "plain.wav", "filtered.wav"))
        with open(path, "wb") as f:
            f.write(RECORDINGS[0][1])
        program(d, "restore", "--local", path, "-o", plain, "--mode", "0")
        program(d, "restore", "--local", path, "-o", filtered, "--mode", "1")
        with open(plain, "rb") as f, open(filtered, "rb") as g:
            a, b = f.read(), g.read()
        assert len(a) == len(b) and a != b
        assert b"mode: 2" in program(d, "restore", "--local", path, "-o", plain, "--mode", "2", want=1).stderr
        program(d, "restore", "--local", path, "-o", plain, "--mode", "3", want=2)


def test_every_recording_is_answered_at_its_length(hse):
    with restoring() as s:
        for name, data, count in RECORDINGS:
            r = s.post("/v1/audio/convert", {"model": "voicefixer", "source_audio": b64(data)})
            samples, rate = server.wav_samples(base64.b64decode(r["data"]))
            assert r["id"].startswith("ac-") and r["model"] == "voicefixer"
            assert rate == RATE and len(samples) == count, (name, rate, len(samples), count)
            body, head = fake.form([("response_format", "wav")], [("source_audio", "in.wav", data)])
            status, got, answer = s.request("POST", "/v1/audio/convert", body, head)
            assert status == 200 and got["content-type"] == "audio/wav", (name, status, answer[:200])
            assert server.wav_samples(answer)[0] == samples, (name, "the form and the JSON differ")


def test_a_recording_of_many_pieces_streams(hse):
    with restoring() as s:
        data = wav(noise(8000 * 40), 8000)
        whole = base64.b64decode(s.post("/v1/audio/convert", {"source_audio": b64(data), "output_options": {"format": "pcm", "sample_rate": 44100}})["data"])
        assert len(whole) == 2 * 40 * RATE
        body = {"source_audio": b64(data), "output_options": {"format": "pcm", "sample_rate": 44100, "stream": True}}
        assert s.post("/v1/audio/convert", body, {"Accept": "audio/pcm"}) == whole
        s.post("/v1/audio/speech", {"input": "Hello."})
        held = {m["id"]: m["activation_bytes"] for m in s.get("/v1/ps")["data"]}
        assert held["hs1-vocoder"] > 0 and all(n == 0 for m, n in held.items() if m.startswith("voicefixer")) and len(held) >= 3, held


def test_modes_are_taken_or_refused_by_name(hse):
    data = RECORDINGS[0][1]
    with restoring() as s:
        answer = lambda **more: s.post("/v1/audio/convert", {"source_audio": b64(data), **more})["data"]
        plain, filtered = answer(), answer(mode=1)
        assert plain == answer(mode=0) != filtered and len(plain) == len(filtered)
        body, head = fake.form([("mode", "1"), ("response_format", "wav")], [("source_audio", "in.wav", data)])
        assert s.request("POST", "/v1/audio/convert", body, head)[2] == base64.b64decode(filtered)
        for mode, word in ((2, "another answer each time"), (3, ""), (-1, ""), (1.5, ""), ("loud", "")):
            status, _, got = s.request("POST", "/v1/audio/convert", {"source_audio": b64(data), "mode": mode})
            e = json.loads(got)["error"]
            assert status == 400 and e["param"] == "mode" and word in e["message"], (mode, status, e)


def test_a_filter_before_and_behind_speech(hse):
    clone = {"input": "Hello there.", "mode": "voice_cloning", "input_audio": server.speech_base64()}
    filters = [{"model": "voicefixer"}]
    with restoring() as s:
        spoken = server.wav_samples(base64.b64decode(s.post("/v1/audio/speech", clone)["data"]))
        before = server.wav_samples(base64.b64decode(s.post("/v1/audio/speech", {**clone, "pre_processing_filters": filters})["data"]))
        behind = server.wav_samples(base64.b64decode(s.post("/v1/audio/speech", {**clone, "post_generation_filters": filters})["data"]))
        assert before[1] == spoken[1] and before[0] != spoken[0], "another voice is heard in what was restored"
        assert behind[1] == RATE and abs(len(behind[0]) - len(spoken[0]) * RATE / spoken[1]) <= 2, (len(behind[0]), len(spoken[0]))
        text = {"input": "Hello there.", "voice": "slt", "response_format": "wav"}
        one = s.post("/v1/audio/speech", {**text, "post_generation_filters": filters}, {"Accept": "audio/wav"})
        assert server.wav_samples(one)[1] == RATE
