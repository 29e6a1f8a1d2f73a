"""The command line as a client of a running server: the same bytes as in its own process, and what only a server can do."""
import http.server
import json
import os
import subprocess
import tempfile
import threading

import server


def run(hse, *args, stdin=None, want=0, env=None, named=True):
    """The command with the server under test as the one it finds (HSE_HOST), or with none."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("HSE_") or k == "HSE_CPU"}
    clean["HSE_HOST"] = f"127.0.0.1:{hse.port}" if named else "127.0.0.1:1"
    r = subprocess.run([server.HSE, *args], input=stdin, capture_output=True, timeout=100, env={**clean, **(env or {})})
    assert r.returncode == want, (args, r.returncode, r.stderr[-400:])
    return r


def test_it_says_which_server_it_uses(hse):
    r = run(hse, "vad", server.SPEECH)
    assert r.stderr == f"hse: using the server at {hse.url}\n".encode(), r.stderr
    assert run(hse, "vad", server.SPEECH, "--local").stderr == b""
    assert run(hse, "vad", server.SPEECH, named=False).stderr == b""
    assert run(hse, "vad", server.SPEECH, "--server", hse.url, named=False).stderr == r.stderr
    assert run(hse, "vad", server.SPEECH, named=False, env={"HSE_SERVER": hse.url}).stderr == r.stderr
    # An option of the engine means this process.
    assert run(hse, "vad", server.SPEECH, "--threads", "1").stderr == b""


def test_speech_has_the_same_bytes(hse):
    with tempfile.TemporaryDirectory() as d:
        long = "A sentence among others, said again. " * 40         # over the size that is sent in one piece
        for i, args in enumerate((["Hello there."], [long], ["Hello there.", "--speed", "1.3", "--rate", "22050"], ["Dr. Smith paid $5.", "--voice", "awb"],
                                  ["Hello.", "--loudness", "peak"], ["Hello.", "--clone", server.SPEECH], ["It is 9.", "--normalize", "off"])):
            a, b = (os.path.join(d, f"{i}{kind}.wav") for kind in "ab")
            run(hse, "speak", *args, "-o", a)
            run(hse, "speak", *args, "-o", b, "--local")
            data = open(a, "rb").read()
            assert data == open(b, "rb").read() and len(data) > 2000, args
            assert int.from_bytes(data[4:8], "little") == len(data) - 8 and int.from_bytes(data[40:44], "little") == len(data) - 44, args
        for args in (["--format", "flac"], ["--raw"]):
            assert run(hse, "speak", "Hello there.", *args).stdout == run(hse, "speak", "Hello there.", *args, "--local").stdout, args


def test_a_long_text_into_a_pipe_comes_at_once(hse):
    long = ("A sentence among others, said again. " * 40).encode()
    for local in ([], ["--local"]):
        out = run(hse, "speak", "-", *local, stdin=long).stdout
        assert out[4:8] == b"\xff\xff\xff\xff" and out[40:44] == b"\xff\xff\xff\xff", local
        with tempfile.TemporaryDirectory() as d:            # a file behind standard output gets its length
            path = os.path.join(d, "x.wav")
            with open(path, "wb") as f:
                subprocess.run([server.HSE, "speak", "-", *(local or ["--server", hse.url])], input=long, stdout=f, check=True, timeout=100,
                               stderr=subprocess.DEVNULL)
            data = open(path, "rb").read()
            assert data[44:] == out[44:] and int.from_bytes(data[40:44], "little") == len(data) - 44


def test_embeddings_and_speech_times_are_the_same(hse):
    for args in (["embed", server.SPEECH], ["vad", server.SPEECH], ["vad", "--json", server.SPEECH], ["vad", "--rttm", "--threshold", "0.7", server.SPEECH]):
        assert run(hse, *args).stdout == run(hse, *args, "--local").stdout, args
    # A server looks for speech at 16 kHz, as HSE does; the network at 8 kHz is another one. Times are in samples of the file in both.
    other = os.path.join(server.ROOT, "tests/golden/silero/audio/jfk_8k.wav")
    a, b = (json.loads(run(hse, "vad", "--json", other, *how).stdout) for how in ([], ["--local"]))
    assert (a["sample_rate"], a["duration"]) == (b["sample_rate"], b["duration"]) == (8000, 11.0), (a, b)
    assert abs(a["timestamps"][0]["start"] - b["timestamps"][0]["start"]) < 1600 and a["timestamps"][-1]["end"] <= 88000, (a, b)


def test_the_servers_words_come_through(hse):
    r = run(hse, "speak", "x", "--voice", "nobody", want=1)
    assert b"nobody" in r.stderr and b"slt" in r.stderr, r.stderr
    r = run(hse, "speak", "x", "--model", "nothing", want=1)
    assert b"nothing" in r.stderr, r.stderr
    r = run(hse, "speak", "x", "--server", "127.0.0.1:1", want=1)
    assert b"cannot be reached" in r.stderr and r.stderr.count(b"\n") == 1, r.stderr
    for args in (["--server", "ftp://a"], ["--server", "http://a:99999"], ["--server", hse.url, "--local"], ["--server", hse.url, "--cpu", "generic"],
                 ["--server", "http://"], ["--server", "a b"]):
        assert run(hse, "speak", "x", *args, want=2).stderr.count(b"\n") == 1, args


def test_errors_name_the_file_that_was_typed(hse):
    """Not the field of the request that its bytes became."""
    with tempfile.TemporaryDirectory() as d:
        path = {}
        for name, data in (("empty", b""), ("text", b"Hello there.\n"), ("short", server.speech_wav()[:3000]), ("numbers", bytes(48))):
            path[name] = os.path.join(d, name)
            with open(path[name], "wb") as f:
                f.write(data)
        for args, name, words in ((["speak", "Hi.", "--clone", path["empty"]], "empty", "the audio is empty"),
                                  (["speak", "Hi.", "--clone", path["text"]], "text", "no audio file"),
                                  (["speak", "Hi.", "--clone", path["short"]], "short", "no speech"),
                                  (["speak", "Hi.", "--embedding", path["numbers"]], "numbers", "12 numbers"),
                                  (["embed", path["empty"]], "empty", "the audio is empty"), (["embed", path["text"]], "text", "no audio file"),
                                  (["vad", path["text"]], "text", "no audio file"), (["voices", "add", "x", path["text"]], "text", "no audio file"),
                                  (["voices", "add", "x", path["empty"]], "empty", "the audio is empty")):
            for local in ([], ["--local"]):
                more = ["-o", os.path.join(d, "out.wav")] if args[0] == "speak" else []
                line = run(hse, *args, *more, *local, want=1, env={"HSE_STATE": d}).stderr.decode().splitlines()[-1]
                assert line.startswith(f"hse: {path[name]}: ") and words in line and line.count(path[name]) == 1, (args, local, line)


def test_a_key_is_sent(hse):
    with server.running("--api-keys", "one,two") as s:
        assert b"key" in run(s, "vad", server.SPEECH, want=1).stderr.lower()
        for how in ({"env": {"HSE_API_KEY": "two"}}, {}):
            args = [] if how else ["--api-key", "one"]
            assert b"using the server" in run(s, "vad", server.SPEECH, *args, **how).stderr


def test_models_in_memory(hse):
    with server.running() as s:
        assert b"0 models" in run(s, "ps").stdout
        assert b"harmonyspeech is in memory" in run(s, "load", "harmonyspeech", "--keep-alive", "1h").stdout
        out = run(s, "ps").stdout.decode()
        assert all(name in out for name in ("hs1-synthesizer", "hs1-vocoder", "MiB")), out
        run(s, "speak", "Hello there.", "-o", os.devnull, "--format", "wav")
        line = next(x for x in run(s, "ps").stdout.decode().splitlines() if x.startswith("hs1-vocoder"))
        assert float(line.split()[-1]) >= 1 and "min" in line, line             # a mean batch, and the hour that was asked for
        assert any(m["id"] == "hs1-vocoder" and m["loaded"] for m in json.loads(run(s, "ps", "--json").stdout)["data"])
        assert b"is out of memory" in run(s, "stop", "harmonyspeech").stdout
        assert b"0 models" in run(s, "ps").stdout
        assert b"not loaded" in run(s, "ps", "--all").stdout
        assert b"nothing" in run(s, "load", "nothing", want=1).stderr
        assert run(s, "load", "x", "--keep-alive", "soon", want=2).stderr.count(b"\n") == 1
        assert b"read again" in run(s, "reload").stdout
        r = run(s, "ps", want=1, named=False)
        assert b"no server is running" in r.stderr and r.stderr.count(b"\n") == 1, r.stderr


def test_voices_of_a_server_and_of_the_folder(hse):
    with tempfile.TemporaryDirectory() as d:
        with server.running("--state", d) as s:
            assert b"anna" in run(s, "voices", "add", "anna", server.SPEECH, "--consent", "hers").stdout
            assert b"anna" in run(s, "voices", "ls").stdout
            assert b"anna" in run(s, "voices", "ls", "--state", d).stdout                     # this process, the same folder
            by_server = run(s, "speak", "Hello.", "--voice", "anna").stdout
            assert by_server == run(s, "speak", "Hello.", "--voice", "anna", "--state", d).stdout == run(s, "speak", "Hello.", "--clone", server.SPEECH).stdout
            marked = ["speak", '<speak>One. <voice name="anna">Two.</voice></speak>']
            assert run(s, *marked).stdout == run(s, *marked, "--state", d).stdout != run(s, "speak", "<speak>One. Two.</speak>").stdout
            assert b"anna" in run(s, *marked, "--state", os.path.join(d, "none"), want=1).stderr
            assert run(s, "voices", "add", "anna", server.SPEECH, want=1).stderr.count(b"anna")
            run(s, "voices", "rm", "anna")
            assert b"anna" not in run(s, "voices", "ls").stdout
            assert b"anna" in run(s, "voices", "rm", "anna", want=1).stderr
        run(hse, "voices", "add", "bert", server.SPEECH, "--state", d)
        assert [v["name"] for v in json.loads(run(hse, "voices", "ls", "--json", "--state", d).stdout)] == ["bert"]
        run(hse, "voices", "rm", "bert", "--state", d)
        for local in ([], ["--state", d]):
            line = run(hse, "voices", "add", "kal16", server.SPEECH, *local, want=1).stderr.decode().splitlines()[-1]
            assert "of its own" in line and "kal16" in line, line
        assert json.loads(run(hse, "voices", "ls", "--json", "--state", d).stdout) == []
    for args in (["voices"], ["voices", "add", "x"], ["voices", "rm"], ["voices", "ls", "x"], ["voices", "grow"]):
        assert run(hse, *args, want=2).stderr.count(b"\n") == 1, args


# ---- a server that is not ours: what the client makes of its answers ----------------------------------------------------

WORDS = [{"word": "Hello", "start": 0.5, "end": 0.9}, {"word": "there.", "start": 0.9, "end": 1.25}, {"word": "Bye.", "start": 2.0, "end": 2.5}]
SEGMENT = {"seek": 0, "tokens": [1, 2], "temperature": 0.0, "avg_logprob": -0.2, "compression_ratio": 1.0, "no_speech_prob": 0.01}
VERBOSE = {"task": "transcribe", "language": "english", "duration": 3.0, "text": "Hello there. Bye.",
           "segments": [{**SEGMENT, "id": 0, "start": 0.5, "end": 1.25, "text": " Hello there."}, {**SEGMENT, "id": 1, "start": 2.0, "end": 2.5, "text": " Bye."}],
           "words": WORDS}


class Fake(http.server.BaseHTTPRequestHandler):
    answer = (200, "application/json", json.dumps(VERBOSE).encode())
    seen = []
    protocol_version = "HTTP/1.1"
    chunked, cut = False, False
    together = None                                             # a barrier: so many requests must be under way at once

    def log_message(self, *_):
        pass

    def reply(self, status, kind, body):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        if self.chunked:
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for i in range(0, len(body), 7):
                self.wfile.write(b"%x\r\n%s\r\n" % (len(body[i:i + 7]), body[i:i + 7]))
            if not self.cut:
                self.wfile.write(b"0\r\n\r\n")
        else:
            self.send_header("Content-Length", str(len(body) + (100 if self.cut else 0)))
            self.end_headers()
            self.wfile.write(body)
        self.close_connection = True

    def do_GET(self):
        self.reply(200, "application/json", b'{"version":"9"}') if self.path == "/version" else self.reply(404, "text/plain", b"no")

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        Fake.seen.append((self.path, self.headers["Content-Type"], body))
        if Fake.together:
            Fake.together.wait()
        self.reply(*Fake.answer)


class fake:
    def __init__(self, answer=None, chunked=False, cut=False):
        self.settings = answer or (200, "application/json", json.dumps(VERBOSE).encode()), chunked, cut

    def __enter__(self):
        Fake.answer, Fake.chunked, Fake.cut = self.settings
        Fake.seen = []
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Fake)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


def test_transcripts_of_a_server_in_every_format(hse):
    for chunked in (False, True):
        with fake(chunked=chunked) as f, tempfile.TemporaryDirectory() as d:
            assert run(f, "transcribe", server.SPEECH).stdout == b"Hello there.\nBye.\n"
            assert run(f, "transcribe", server.SPEECH, "--format", "srt", "-w").stdout.startswith(b"1\n00:00:00,500 --> 00:00:00,900\nHello\n\n2\n")
            run(f, "transcribe", server.SPEECH, "-o", d, "--format", "txt,srt,vtt,json,tsv,lrc")
            names = {n: open(os.path.join(d, n)).read() for n in os.listdir(d)}
            assert sorted(names) == ["jfk_16k." + k for k in ("json", "lrc", "srt", "tsv", "txt", "vtt")], sorted(names)
            assert names["jfk_16k.vtt"].startswith("WEBVTT\n\n00:00:00.500 --> 00:00:01.250\nHello there.\n\n")
            assert json.loads(names["jfk_16k.json"])["segments"][1]["text"] == " Bye."
            assert names["jfk_16k.tsv"].splitlines()[1] == "500\t1250\tHello there."
            colored = run(f, "transcribe", server.SPEECH, "--print-colors").stdout
            assert colored.count(b"\x1b[38;5;") == 3 and b"Hello" in colored, colored


def test_what_is_asked_of_a_transcribing_server(hse):
    with fake() as f:
        run(f, "transcribe", server.SPEECH, "-l", "de", "--prompt", "A prompt", "--hotwords", "Kennedy", "--no-vad", "-w", "-m", "tiny")
        run(f, "transcribe", server.SPEECH, "--task", "translate", "-l", "de,fr", "--beam-size", "1")
        (path, kind, body), (path2, _, body2) = Fake.seen
        assert path == "/v1/audio/transcriptions" and kind.startswith("multipart/form-data; boundary=")
        for name, value in (("model", "tiny"), ("language", "de"), ("prompt", "A prompt"), ("hotwords", "Kennedy"), ("vad_filter", "false"),
                            ("response_format", "verbose_json"), ("timestamp_granularities[]", "word")):
            assert f'name="{name}"\r\n\r\n{value}\r\n'.encode() in body, name
        assert server.speech_wav() in body and b'filename="jfk_16k.wav"' in body
        assert path2 == "/v1/audio/translations" and body2.count(b'name="languages[]"') == 2 and b'name="beam_size"\r\n\r\n1\r\n' in body2


def test_recordings_are_sent_side_by_side(hse):
    with fake() as f, tempfile.TemporaryDirectory() as d:
        Fake.together = threading.Barrier(3, timeout=60)
        try:
            for i in range(3):
                with open(os.path.join(d, f"{i}.wav"), "wb") as w:
                    w.write(server.speech_wav())
            out = run(f, "transcribe", *(os.path.join(d, f"{i}.wav") for i in range(3))).stdout.decode()
            assert out == "".join(f"{d}/{i}.wav:\nHello there.\nBye.\n" for i in range(3)), out
        finally:
            Fake.together = None


def test_a_strange_server_is_an_error_in_one_line(hse):
    cases = (((200, "application/json", b'{"text": 1}'), "verbose_json"), ((200, "application/json", b"{"), "JSON"), ((200, "text/plain", b""), "JSON"),
             ((503, "application/json", b'{"error":{"message":"too busy"}}'), "too busy"), ((500, "text/html", b"<p>"), "status 500"),
             ((404, "application/json", b'{"message":"no such model"}'), "no such model"), ((413, "application/json", b'{"message":"too large"}'), "too large"))
    for answer, words in cases:
        with fake(answer) as f:
            r = run(f, "transcribe", server.SPEECH, want=1)
            assert words in r.stderr.decode().splitlines()[-1] and r.stderr.count(b"\n") == 2, (answer, r.stderr)
    for chunked in (False, True):
        with fake(chunked=chunked, cut=True) as f:
            assert b"using" not in run(f, "transcribe", server.SPEECH, want=1).stderr       # its /version was cut as well: it is not used
            assert run(f, "ps", want=1).stderr.startswith(b"hse: no hse serve: http://")
            assert b"cut" in run(f, "transcribe", server.SPEECH, "--server", f"127.0.0.1:{f.port}", want=1).stderr


def test_conversions_ask_for_wav_and_write_any_format(hse):
    wav = server.speech_wav()
    with fake((200, "audio/wav", wav), chunked=True) as f, tempfile.TemporaryDirectory() as d:
        out = os.path.join(d, "x.wav")
        run(f, "convert", server.SPEECH, "--to", server.SPEECH, "-o", out)
        assert open(out, "rb").read()[44:] == wav[wav.index(b"data") + 8:]
        assert run(f, "restore", server.SPEECH).stdout == open(out, "rb").read()
        paths = [p for p, _, _ in Fake.seen]
        assert paths == ["/v1/voice/convert", "/v1/audio/convert"], paths
        bodies = [json.loads(b) for _, _, b in Fake.seen]
        assert set(bodies[0]) == {"output_options", "source_audio", "target_audio"} and set(bodies[1]) == {"output_options", "source_audio"}, bodies
        folder, target = os.path.join(d, "in"), os.path.join(d, "out")
        os.mkdir(folder)
        for name in ("a.wav", "b.wav", "notes.txt"):
            open(os.path.join(folder, name), "wb").write(wav)
        run(f, "restore", folder, "-o", target, "--format", "flac")
        assert sorted(os.listdir(target)) == ["a.flac", "b.flac"]
        run(f, "restore", folder, want=2)
        run(f, "restore", folder, os.path.join(folder, "a.wav"), "-o", target, want=2)      # two results of one name
    for args in (["convert", server.SPEECH], ["convert", server.SPEECH, "--to", "x", "--voice", "y"], ["transcribe", "x", "--format", "doc"],
                 ["transcribe", "x", "--format", "srt,vtt"], ["transcribe", "a/x.wav", "b/x.wav", "-o", "/tmp"], ["transcribe", "x", "--raw", "16000"]):
        assert run(hse, *args, want=2).stderr.count(b"\n") == 1, args


def test_what_is_not_there_is_refused_by_name(hse):
    """Without a recogniser or a restorer the commands say so, and which model could, here and by a server."""
    for args, families in ((["transcribe", server.SPEECH], b"(whisper)"), (["convert", server.SPEECH, "--to", server.SPEECH, "-o", "/tmp/never.wav"], b"(openvoice_v1, openvoice_v2)"),
                           (["restore", server.SPEECH, "-o", "/tmp/never.wav"], b"(voicefixer)")):
        for how in ([], ["--local"]):
            r = run(hse, *args, *how, want=1)
            assert b"no model here does the task" in r.stderr and b"put one " + families in r.stderr, (args, how, r.stderr)
            assert not os.path.exists("/tmp/never.wav")
