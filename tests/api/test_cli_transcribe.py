"""hse transcribe in its own process, with the kit's Whisper of random weights: its words mean nothing, but the same sound gives the same
ones. A model by its path, several recordings at once, pipes of any kind."""
import json
import os
import re
import subprocess
import tempfile

import server

MODELS = os.path.join(server.ROOT, "tests", "golden", "whisper", "models")
MODEL = os.path.join(MODELS, "ml", "ct2_float16")
QUICK = ("--beam-size", "1", "-l", "en", "--temperature", "0")
TWO = "<speak>The first sentence of two is here. <break time='4s'/> And the second one is a little longer than that.</speak>"


def run(*args, stdin=None, want=0, cwd=None):
    clean = {k: v for k, v in os.environ.items() if not k.startswith("HSE_") or k == "HSE_CPU"}
    clean["HSE_HOST"] = "127.0.0.1:1"                           # no server
    r = subprocess.run([server.HSE, *args], input=stdin, capture_output=True, timeout=100, cwd=cwd, env=clean)
    assert r.returncode == want, (args, r.returncode, r.stderr[-400:])
    return r


def test_a_model_by_its_path(hse):
    want = run("transcribe", server.SPEECH, "--model", MODEL, *QUICK).stdout
    assert len(want) > 20
    assert run("transcribe", server.SPEECH, "--model", "./ct2_float16", *QUICK, cwd=os.path.dirname(MODEL)).stdout == want
    assert run("transcribe", server.SPEECH, "--model", "ml/ct2_float16", *QUICK, cwd=MODELS).stdout == want
    assert run("vad", server.SPEECH, "--model", MODEL).stdout
    demo = os.path.join(server.ROOT, "models", "demo", "harmonyspeech")
    assert run("speak", "Hi.", "--model", demo, "-o", "/dev/null", "--format", "wav").returncode == 0
    for path, word in (("./nowhere", b"no folder"), (os.path.dirname(server.SPEECH), b"no built-in model type"), (server.SPEECH, b"no built-in model type")):
        err = run("transcribe", server.SPEECH, "--model", path, want=1).stderr
        assert word in err and err.count(b"\n") == 1, err
    assert b"exclude" in run("transcribe", server.SPEECH, "--model", MODEL, "--server", hse.url, want=2).stderr
    body = {"input_audio": server.speech_base64(), "model": MODEL}
    assert hse.request("POST", "/v1/audio/transcriptions", body)[0] == 404, "a server takes no path from a request"


def test_several_recordings_at_once(hse):
    with tempfile.TemporaryDirectory() as d:
        names = []
        for i in range(5):
            names.append(os.path.join(d, f"{i}.wav"))
            run("speak", f"This is recording number {i}. " * (1 + i % 3), "-o", names[-1])
        one = {n: run("transcribe", n, "--model", MODEL, *QUICK).stdout for n in names}
        assert len(set(one.values())) > 2, one
        want = b"".join(n.encode() + b":\n" + one[n] for n in names)
        for jobs in ("1", "3", "8"):
            assert run("transcribe", *names, "--model", MODEL, "-j", jobs, *QUICK).stdout == want, jobs
        # One that cannot be read is named, and in nobody's way.
        r = run("transcribe", names[0], "/nonexistent.wav", names[1], "--model", MODEL, *QUICK, want=1)
        assert r.stdout == b"%s:\n%s/nonexistent.wav:\n%s:\n%s" % (names[0].encode(), one[names[0]], names[1].encode(), one[names[1]]), r.stdout
        assert r.stderr.count(b"/nonexistent.wav") == 1 and r.stderr.count(b"\n") == 1, r.stderr
        out = os.path.join(d, "out")
        assert run("transcribe", *names, "--model", MODEL, "-o", out, "--format", "txt,json", *QUICK).stdout == b""
        assert {n: open(os.path.join(out, os.path.basename(n)[:-4] + ".txt"), "rb").read() for n in names} == one
        assert json.load(open(os.path.join(out, "2.json")))["language"] == "en"


def test_one_recording_to_one_file(hse):
    """-o talk.srt is what people type: a file in that format, not a folder of that name."""
    with tempfile.TemporaryDirectory() as d:
        for kind in ("txt", "srt", "vtt", "json"):
            path = os.path.join(d, "talk." + kind)
            assert run("transcribe", server.SPEECH, "--model", MODEL, "-o", path, *QUICK).stdout == b""
            assert open(path, "rb").read() == run("transcribe", server.SPEECH, "--model", MODEL, "--format", kind, *QUICK).stdout, kind
        path = os.path.join(d, "more.srt")
        for args, words in (([server.SPEECH, server.SPEECH, "-o", path], b"one file, for 2 recordings"), ([server.SPEECH, "-o", path, "--format", "vtt"], b"--format vtt"),
                            ([server.SPEECH, "-o", path, "--format", "srt,vtt"], b"--format srt,vtt")):
            assert words in run("transcribe", *args, "--model", MODEL, want=2).stderr, args
        assert not os.path.exists(path)
        os.mkdir(path)                                              # a folder of that name is one
        run("transcribe", server.SPEECH, "--model", MODEL, "-o", path, *QUICK)
        assert os.listdir(path) == ["jfk_16k.txt"]
        err = run("transcribe", server.SPEECH, "--model", MODEL, "-o", os.path.join(d, "none", "talk.srt"), *QUICK, want=1).stderr
        assert b"talk.srt" in err and err.count(b"\n") == 1, err


def test_pipes_are_heard_as_they_come(hse):
    """Any kind of file through a pipe: a final is there while the pipe is open, and at the end the text is the file's."""
    with tempfile.TemporaryDirectory() as d:
        for kind in ("mp3", "opus", "flac", "aac", "wav"):
            path = os.path.join(d, "x." + kind)
            run("speak", TWO, "-o", path)
            data = open(path, "rb").read()
            want = run("transcribe", path, "--model", MODEL, *QUICK).stdout.decode().splitlines()
            assert len(want) >= 2, (kind, want)
            p = subprocess.Popen([server.HSE, "transcribe", "-", "--model", MODEL, *QUICK], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            p.stdin.write(data)
            p.stdin.flush()
            first = p.stdout.readline().decode().rstrip("\n")           # the pipe is still open
            assert first == want[0], (kind, first, want)
            rest, err = p.communicate(timeout=60)
            assert p.returncode == 0 and rest.decode().splitlines() == want[1:], (kind, rest, want, err)


def test_pipes_of_other_kinds(hse):
    with tempfile.TemporaryDirectory() as d:
        path = os.path.join(d, "x.wav")
        run("speak", "Some words that are spoken here.", "-o", path)
        answer = json.loads(run("transcribe", "-", "--model", MODEL, "--format", "json", "--beam-size", "1", stdin=open(path, "rb").read()).stdout)
        assert re.fullmatch("[a-z]{2,3}", answer["language"]) and answer["duration"] > 1, answer
    m4a = open(os.path.join(server.ROOT, "tests", "data", "audio", "tone.m4a"), "rb").read()
    run("transcribe", "-", "--model", MODEL, *QUICK, stdin=m4a)         # its end says what is where
    for data, word in ((b"", b"empty"), (b"no audio " * 1000, b"no audio file"), (b"FORM....AIFF" + bytes(100), b"AIFF")):
        err = run("transcribe", "-", "--model", MODEL, stdin=data, want=1).stderr
        assert word in err and err.count(b"\n") == 1, err


def test_reduced_precision_hears_the_same(hse):
    """The floors of docs/precision.md on the kit's recording: logits 35 dB in bf16, 20 dB in int8, 98 % of the tokens equal."""
    equal = {"bfloat16": 0, "int8": 0}
    for folder in ("ml/ct2_float16", "en/ct2_int8_float16", "v3/ct2_float16"):
        text = run("bench", "whisper-quality", "--model", os.path.join(MODELS, folder), "--audio", server.SPEECH).stdout.decode()
        for kind, floor in (("bfloat16", 35), ("int8", 20)):
            logits, tokens = re.search(rf": {kind} against float32: .* logits ([\d.]+|inf) dB, (\d+) of 100 tokens equal", text).groups()
            assert float(logits) >= floor, (folder, kind, text)
            equal[kind] += int(tokens)
    assert equal["bfloat16"] >= 294 and equal["int8"] >= 294, equal
