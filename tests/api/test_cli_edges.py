"""The command line where things go wrong: readers that leave, full disks, Ctrl-C, files and folders that cannot be used."""
import os
import re
import signal
import stat
import subprocess
import tempfile
import time

import server

LONG = " ".join(f"Sentence number {i} is spoken in full." for i in range(400))


def run(*args, stdin=b"", want=None, **more):
    r = subprocess.run([server.HSE, *args], input=stdin, stderr=subprocess.PIPE, stdout=more.pop("stdout", subprocess.PIPE), timeout=110, **more)
    if want is not None:
        assert r.returncode == want, (args, r.returncode, r.stderr[-400:])
    return r


def one_line(r, of=1):
    text = r.stderr.decode()
    assert r.returncode == of and text.startswith("hse") and text.count("\n") == 1, (r.args, r.returncode, text)
    return text


def test_a_reader_that_leaves(hse):
    for args in (["speak", LONG, "--raw"], ["check", "--tensors", os.path.join(server.ROOT, "models/demo/harmonyspeech/synthesizer/synthesizer.pt")],
                 ["speak", "--help"]):
        p = subprocess.Popen([server.HSE, *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        p.stdout.read(100)
        p.stdout.close()
        errors = p.stderr.read()
        assert p.wait(60) in (0, 1) and errors.count(b"\n") <= 1, (args[0], p.returncode, errors)


def test_a_full_disk(hse):
    demo = os.path.join(server.ROOT, "models", "demo")
    for args in (["speak", "Hi."], ["speak", "Hi.", "--raw"], ["vad", server.SPEECH], ["embed", server.SPEECH], ["models"], ["version"], ["text", "Hi."],
                 ["check", os.path.join(demo, "silero", "silero_vad.onnx")], ["--help"], ["completion"], ["man"], ["watermark", server.SPEECH]):
        with open("/dev/full", "wb") as full:
            r = run(*args, stdout=full)
        assert r.returncode == 1 and r.stderr.count(b"\n") == 1, (args, r.returncode, r.stderr)
    one_line(run("speak", "Hi.", "-o", "/dev/full", "--format", "wav"))
    one_line(run("embed", server.SPEECH, "-o", "/dev/full"))
    assert stat.S_ISCHR(os.stat("/dev/full").st_mode)


def test_devices_and_pipes_as_output_are_not_replaced(hse):
    with tempfile.TemporaryDirectory() as d:
        fifo = os.path.join(d, "x.wav")
        os.mkfifo(fifo)
        p = subprocess.Popen([server.HSE, "speak", "Hi.", "-o", fifo])
        with open(fifo, "rb") as f:
            assert len(server.wav_samples(f.read())[0]) > 1000
        assert p.wait(20) == 0 and stat.S_ISFIFO(os.stat(fifo).st_mode)


def test_a_dash_is_standard_output(hse):
    model = os.path.join(server.ROOT, "tests", "golden", "whisper", "models", "ml", "ct2_float16")
    with tempfile.TemporaryDirectory() as d:
        for args, begins in ((["speak", "Hi.", "-o", "-"], b"RIFF"), (["speak", "Hi.", "-o", "-", "--format", "flac"], b"fLaC"),
                             (["embed", server.SPEECH, "-o", "-"], run("embed", server.SPEECH).stdout),
                             (["transcribe", server.SPEECH, "--model", model, "--beam-size", "1", "--format", "vtt", "-o", "-"], b"WEBVTT")):
            assert run(*args, want=0, cwd=d).stdout.startswith(begins), args
        assert not os.listdir(d)


def test_output_that_cannot_be_written(hse):
    with tempfile.TemporaryDirectory() as d:
        assert "x.wav" in one_line(run("speak", "Hi.", "-o", os.path.join(d, "none", "x.wav")))
        os.mkdir(os.path.join(d, "folder.wav"))
        one_line(run("speak", "Hi.", "-o", os.path.join(d, "folder.wav")))
        one_line(run("speak", "Hi.", "-o", os.path.join(d, "x" * 300 + ".wav")))
        assert os.listdir(d) == ["folder.wav"]


def test_control_c_leaves_no_file(hse):
    with tempfile.TemporaryDirectory() as d:
        for number in (signal.SIGINT, signal.SIGTERM):
            p = subprocess.Popen([server.HSE, "speak", LONG * 4, "-o", os.path.join(d, "x.wav")], stderr=subprocess.PIPE)
            time.sleep(1)
            p.send_signal(number)
            began = time.monotonic()
            errors = p.stderr.read()
            assert p.wait(60) == 1 and errors.count(b"\n") == 1, (p.returncode, errors)
            assert time.monotonic() - began < 20 and not os.listdir(d)
        # While it waits for a typed text there is nothing to finish. (A test run in the background inherits an ignored SIGINT.)
        p = subprocess.Popen([server.HSE, "speak", "-"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                             preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
        time.sleep(0.5)
        p.send_signal(signal.SIGINT)
        assert p.wait(20) != 0
        p.stdin.close()


def test_texts_that_are_no_texts(hse):
    for text, words in ((b"a\0b", "NUL"), (b"", "empty"), (b" \n\t", "empty"), (b"Hello \xff there.", "byte 6"), (b"\xed\xa0\x80", "UTF-8"),
                        (b"." * 5000, "nothing")):
        assert words in one_line(run("speak", "-", stdin=text)), text
    for name in ("/nonexistent", "/", "/dev/null"):
        one_line(run("speak", "-f", name))
    one_line(run("text", stdin=b"a\n\xff\n"))


def wav(samples, fmt, bits, channels=1, rate=16000):
    frame = channels * bits // 8
    head = b"WAVEfmt " + b"".join(v.to_bytes(n, "little") for v, n in ((16, 4), (fmt, 2), (channels, 2), (rate, 4), (rate * frame, 4), (frame, 2), (bits, 2)))
    return b"RIFF" + (len(head) + 8 + len(samples)).to_bytes(4, "little") + head + b"data" + len(samples).to_bytes(4, "little") + samples


def test_recordings_that_are_none(hse):
    import struct
    with tempfile.TemporaryDirectory() as d:
        path = os.path.join(d, "x.wav")
        for name, data, words in (("no samples", wav(b"", 1, 16), "no samples"), ("empty file", b"", ""), ("text", b"Hello there, reader.\n" * 9, ""),
                                  ("NaN", wav(struct.pack("<f", float("nan")) * 16000, 3, 32), "finite"),
                                  ("infinite", wav(struct.pack("<f", float("inf")) * 16000, 3, 32), "finite"),
                                  ("no rate", wav(bytes(32000), 1, 16, rate=0), "rate"), ("no channels", wav(bytes(320), 1, 16, channels=0), "channels"),
                                  ("header cut", wav(bytes(320), 1, 16)[:30], "")):
            with open(path, "wb") as f:
                f.write(data)
            for args in (["vad", path], ["embed", path], ["speak", "Hi.", "--clone", path, "-o", path + ".out.wav"]):
                assert words in one_line(run(*args)), (name, args[0])
            for option in ("--embedding",):
                one_line(run("speak", "Hi.", option, path, "-o", path + ".out.wav"))
        assert os.listdir(d) == ["x.wav"]


def test_checkpoints_cut_and_damaged(hse):
    demo = os.path.join(server.ROOT, "models", "demo")
    with tempfile.TemporaryDirectory() as d:
        for name in ("harmonyspeech/encoder/encoder.pt", "harmonyspeech/vocoder/vocoder.pt", "silero/silero_vad.onnx", "silero/silero_vad_16k.safetensors"):
            with open(os.path.join(demo, name), "rb") as f:
                data = f.read()
            path = os.path.join(d, os.path.basename(name))
            for n in (0, 1, 9, 100, 1000, len(data) // 2, len(data) - 30, len(data) - 1):
                with open(path, "wb") as f:
                    f.write(data[:n])
                assert os.path.basename(name) in one_line(run("check", path)), (name, n)
        # A flipped bit in a tensor of a zip is seen by its CRC.
        with open(os.path.join(demo, "harmonyspeech/encoder/encoder.pt"), "rb") as f:
            data = bytearray(f.read())
        data[len(data) // 2] ^= 0x10
        path = os.path.join(d, "encoder.pt")
        with open(path, "wb") as f:
            f.write(data)
        assert "CRC" in one_line(run("check", path))


def test_a_pipe_that_ends_early_is_no_news(hse):
    for args in (["man"], ["speak", "--help"], ["config", "show"]):
        p = subprocess.Popen([server.HSE, *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        p.stdout.close()
        assert p.stderr.read() == b"" and p.wait(60) in (0, 1), args        # 0: it had said all before


def test_errors_name_what_was_typed(hse):
    with tempfile.TemporaryDirectory() as d:
        with open(os.path.join(d, "text"), "w") as f:
            f.write("no PEM")
        for args, words in ((["vad", "-dash.wav"], "unknown option -d (an operand that begins with - goes behind --)"), (["vad", "--", "-dash.wav"], "-dash.wav"),
                            (["help", "frob"], "\"frob\""), (["speak", "x", "-o"], "-o needs a value"),
                            (["serve", "--port", "0", "--tls-cert", d + "/none", "--tls-key", d + "/none"], "/none: No such file"),
                            (["serve", "--port", "0", "--tls-cert", d + "/text", "--tls-key", d + "/text"], "/text: expected a PEM file")):
            r = run(*args)
            assert r.returncode in (1, 2) and words in r.stderr.decode().splitlines()[-1], (args, r.stderr)


def test_wrong_words_everywhere(hse):
    for command in ("speak", "embed", "vad", "text", "serve", "models", "check", "golden", "bench", "version", "completion"):
        for args in (["--no-such-option"], ["-Z"], ["--help=yes"]):
            r = run(command, *args)
            assert r.returncode == 2 and r.stderr.count(b"\n") == 1 and re.search(rb"see hse \w+ --help", r.stderr), (command, args, r.stderr)
    for args in (["speak", "x", "--speed", "nan"], ["speak", "x", "--speed", ""], ["speak", "x", "--speed", "1e9"], ["speak", "x", "--rate", "7999"],
                 ["speak", "x", "--threads", "-1"], ["speak", "x", "--cpu", "z80"], ["speak", "x", "--dtype", "int4"], ["speak", "x", "-o"],
                 ["speak", "x", "-f", "y"], ["speak", "x", "--voice", "a", "--clone", "b"], ["vad", "x", "--threshold", "2"], ["vad", "x", "--seconds"],
                 ["text", "--lang", "xx", "a"], ["serve", "extra"], ["serve", "--tls-cert", "x"], ["embed", "a", "b"], ["bench", "nothing"],
                 ["speak", "x", "--log-level", "loud"]):
        r = run(*args)
        assert r.returncode == 2 and r.stderr.count(b"\n") == 1 and not r.stdout, (args, r.returncode, r.stderr)


def test_environment_variables(hse):
    def with_env(variables, *args):
        return subprocess.run([server.HSE, *args], env={**os.environ, **variables}, capture_output=True, timeout=60)

    r = with_env({"HSE_CPU": "generic"}, "version")
    assert r.returncode == 0 and b"generic" in r.stdout, r.stdout
    for variables in ({"HSE_PORT": "many"}, {"HSE_MAX_REQUESTS": "0"}, {"HSE_TIMEOUT": "-1"}, {"HSE_LOG_LEVEL": "loud"}, {"HSE_TEXT_NORMALIZATION": "x"}):
        r = with_env(variables, "serve")
        assert r.returncode == 2 and r.stderr.count(b"\n") == 1 and (next(iter(variables)).encode() in r.stderr or b"log-level" in r.stderr), (variables, r.stderr)
    with tempfile.TemporaryDirectory() as d:
        path = os.path.join(d, "hse.sock")
        p = subprocess.Popen([server.HSE, "serve"], env={**os.environ, "HSE_HOST": path}, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        try:
            while "listening on" not in (line := p.stdout.readline()):
                assert line
            out = subprocess.run(["curl", "-s", "--unix-socket", path, "http://localhost/health"], capture_output=True, timeout=20).stdout
            assert b'"ok"' in out, out
        finally:
            p.terminate()
            assert p.wait(20) == 0
        assert not os.path.exists(path)
