"""The command line as a user types it."""
import json
import os
import subprocess
import tempfile

import server


def hse_run(*args, stdin=None, want=0):
    r = subprocess.run([server.HSE, *args], input=stdin, capture_output=True, timeout=100)
    assert r.returncode == want, (args, r.returncode, r.stderr[-400:])
    return r


def test_speak_to_file_and_pipe(hse):
    with tempfile.TemporaryDirectory() as d:
        for kind in ("wav", "mp3", "flac", "opus", "aac"):
            path = os.path.join(d, "x." + kind)
            hse_run("speak", "Hello there.", "-o", path)
            assert os.path.getsize(path) > 1000, kind
        piped = hse_run("speak", "-", stdin=b"Hello there.").stdout
        a, rate = server.wav_samples(piped)
        b, _ = server.wav_samples(open(os.path.join(d, "x.wav"), "rb").read())
        assert rate == 16000 and a == b
        raw = hse_run("speak", "Hello there.", "--raw").stdout
        assert raw == a.tobytes()


def test_clone_and_embedding_files(hse):
    with tempfile.TemporaryDirectory() as d:
        clone = hse_run("speak", "Hello there.", "--clone", server.SPEECH).stdout
        for name in ("e.json", "e.npy", "e.f32"):
            said = hse_run("embed", server.SPEECH, "-o", os.path.join(d, name)).stderr.decode()
            assert said.splitlines()[-1] == f"{os.path.join(d, name)}: 64 numbers by harmonyspeech", said
            assert hse_run("speak", "Hello there.", "--embedding", os.path.join(d, name)).stdout == clone, name
        assert json.load(open(os.path.join(d, "e.json")))["model"] == "harmonyspeech"
        text = hse_run("embed", server.SPEECH).stdout
        open(os.path.join(d, "e.txt"), "wb").write(text)
        assert hse_run("speak", "Hello there.", "--embedding", os.path.join(d, "e.txt")).stdout == clone


def test_vad_gives_the_originals_timestamps(hse):
    r = json.loads(hse_run("vad", "--json", server.SPEECH).stdout)
    want = json.load(open(os.path.join(server.ROOT, "tests/golden/silero/timestamps_jfk_16k/results.json")))
    first = want[0] if isinstance(want, list) else want["runs"][0]
    key = next(k for k in first if isinstance(first[k], list))
    assert r["timestamps"] == first[key] and r["sample_rate"] == 16000
    assert len(hse_run("vad", server.SPEECH).stdout.splitlines()) == len(first[key])
    assert hse_run("vad", "--rttm", server.SPEECH).stdout.startswith(b"SPEAKER jfk_16k.wav 1 ")
    assert hse_run("vad", "--audacity", server.SPEECH).stdout.count(b"\tspeech\n") == len(first[key])
    with open(server.SPEECH, "rb") as f:
        assert hse_run("vad", "-", stdin=f.read()).stdout == hse_run("vad", server.SPEECH).stdout


def test_text_line_by_line(hse):
    out = hse_run("text", stdin="It cost £5.\n\nThree 3s.\n".encode()).stdout.decode().split("\n")
    assert out[0] == "It cost five pounds." and out[1] == "" and len(out) == 4, out
    ids = hse_run("text", "--stage", "ids", "Hi.").stdout.split()
    assert ids[-1] == b"1" and len(ids) == 4, ids
    assert b"phonemes" in hse_run("text", "--stage", "phonemes", "Hi.", want=1).stderr


def test_usage_errors(hse):
    for args in (["nonsense"], [], ["speak"], ["speak", "x", "--bogus"], ["vad"], ["speak", "x", "--speed", "fast"], ["serve", "--port", "99999"],
                 ["vad", "--json", "--rttm", "x.wav"], ["speak", "x", "-o", "x.doc"]):
        r = hse_run(*args, want=2)
        assert r.stderr.strip() and not r.stdout, args


def test_failures_are_one_line(hse):
    for args in (["vad", "/nonexistent.wav"], ["speak", "x", "--voice", "nobody"], ["speak", "x", "-o", "/nonexistent/x.wav"],
                 ["check", "/nonexistent.pt"], ["embed", "/dev/null"], ["speak", "x", "--model", "nothing"], ["golden", "/nonexistent"]):
        r = hse_run(*args, want=1)
        assert r.stderr.count(b"\n") == 1 and r.stderr.startswith(b"hse"), (args, r.stderr)


def test_help_everywhere(hse):
    overview = hse_run("--help").stdout.decode()
    for command in ("speak", "embed", "vad", "text", "serve", "models", "check", "golden", "bench", "version", "completion"):
        assert command in overview
        text = hse_run(command, "--help").stdout.decode()
        assert "Usage: hse " + command in text and "--help" in text, command
    assert "complete" in hse_run("completion").stdout.decode()
    assert hse_run("man").stdout.startswith(b".TH HSE")


def test_check_says_what_a_checkpoint_is(hse):
    demo = os.path.join(server.ROOT, "models", "demo")
    out = hse_run("check", demo + "/harmonyspeech/synthesizer/synthesizer.pt", demo + "/silero/silero_vad.onnx",
                  demo + "/silero/silero_vad_16k.safetensors").stdout.decode()
    assert "torch" in out and "onnx" in out and "safetensors" in out and "float32" in out, out


def test_models_and_version(hse):
    names = [m["name"] for m in json.loads(hse_run("models", "--json").stdout)]
    assert "harmonyspeech" in names
    assert b"instruction set" in hse_run("version").stdout


def test_port_in_use(hse):
    r = hse_run("serve", "--port", str(hse.port), want=1)
    assert b"use" in r.stderr, r.stderr


def test_a_second_server_stops_on_sigterm(hse):
    other = server.Server()
    assert other.stop() == 0
