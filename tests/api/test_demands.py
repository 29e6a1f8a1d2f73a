"""What users of speech servers ask for, one test for each demand, by its number in the list of demands of docs/quality.md."""
import contextlib
import os
import re
import socket
import struct
import tempfile
import threading
import time

import openai

import server

TEXT = "Hello there. It is half past nine, and the sun is shining."
LONG = " ".join(f"This is sentence number {i} of a long text." for i in range(40))


def stream(hse, body, accept="audio/pcm"):
    """(seconds to the first byte of the body, seconds to the last, the bytes) of a streamed answer, read from the socket."""
    import json
    data = json.dumps(body).encode()
    s = socket.create_connection(("127.0.0.1", hse.port), timeout=110)
    began = time.monotonic()
    s.sendall(f"POST /v1/audio/speech HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nAccept: {accept}\r\nConnection: close\r\n"
              f"Content-Length: {len(data)}\r\n\r\n".encode() + data)
    f = s.makefile("rb")
    assert b" 200 " in f.readline()
    while f.readline() != b"\r\n":
        pass
    out, first = [], None
    while n := int(f.readline(), 16):
        out.append(f.read(n))
        f.readline()
        first = first or time.monotonic() - began
    last = time.monotonic() - began
    s.close()
    return first, last, b"".join(out)


def resident(hse):
    with open(f"/proc/{hse.process.pid}/statm") as f:
        return int(f.read().split()[1]) * os.sysconf("SC_PAGESIZE")


def eventually(condition, what, seconds=30):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, what
        time.sleep(0.02)


def loaded(hse):
    return {m["id"] for m in hse.get("/v1/ps")["data"] if m["loaded"]}


def test_demand_1_audio_out_before_the_whole_text_is_done(hse):
    first, last, _ = stream(hse, {"input": LONG, "voice": "slt", "response_format": "pcm"})
    assert first < 0.2 * last, (first, last)


def test_demand_2_no_fake_streaming(hse):
    """When the first bytes are here and nobody reads on, the engine has not computed the rest."""
    import json
    figure = lambda: float(re.search(r"\nhse_audio_output_seconds_total (\S+)", hse.request("GET", "/metrics")[2].decode())[1])
    whole = len(hse.post("/v1/audio/speech", {"input": LONG, "voice": "slt", "response_format": "pcm"}, {"Accept": "audio/pcm"})) / 48000
    before = figure()
    body = json.dumps({"input": LONG, "voice": "slt", "response_format": "pcm"}).encode()
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    s.connect(("127.0.0.1", hse.port))
    s.sendall(b"POST /v1/audio/speech HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    got = s.recv(4096)
    assert b" 200 " in got
    computed = figure() - before
    s.close()
    assert computed < 0.5 * whole, (computed, whole)


def test_demand_3_streaming_without_clicks(hse):
    """One header for the whole stream, and the samples of the answer in one piece: there is no seam to hear."""
    import base64
    _, _, streamed = stream(hse, {"input": TEXT, "voice": "slt", "response_format": "pcm"})
    whole = hse.post("/v1/audio/speech", {"input": TEXT, "output_options": {"format": "pcm"}})
    assert streamed == base64.b64decode(whole["data"])
    _, _, data = stream(hse, {"input": LONG, "voice": "slt", "response_format": "wav", "output_options": {"stream": True}}, "audio/wav")
    assert data.count(b"RIFF") == 1 and data.startswith(b"RIFF") and struct.unpack("<I", data[4:8])[0] == 0xFFFFFFFF


def test_demand_4_the_model_stays_loaded_between_calls(_):
    """That the command line uses a running server is shown by test_cli_remote."""
    with server.running() as hse:
        hse.post("/v1/audio/speech", {"input": TEXT})
        families = hse.request("GET", "/metrics")[2].decode()
        loads = re.findall(r'hse_model_loads_total\{model="hs1-vocoder"\} (\d+)', families)
        for _i in range(5):
            hse.post("/v1/audio/speech", {"input": TEXT})
        after = re.findall(r'hse_model_loads_total\{model="hs1-vocoder"\} (\d+)', hse.request("GET", "/metrics")[2].decode())
        assert loads == after == ["1"], (loads, after)


def test_demand_5_memory_comes_back_when_idle(_):
    with server.running() as hse:
        hse.post("/v1/audio/speech", {"input": "Warm.", "keep_alive": 0})           # what is made once, at the first use
        eventually(lambda: not loaded(hse), "nothing was unloaded")
        before = resident(hse)
        for _i in range(10):
            hse.post("/v1/audio/speech", {"input": TEXT, "keep_alive": 0})
            eventually(lambda: not loaded(hse), "nothing was unloaded")
        assert resident(hse) < before + (8 << 20), (before, resident(hse))
        hse.post("/v1/models/load", {"model": "harmonyspeech"})
        hse.post("/v1/models/unload", {"model": "harmonyspeech"})
        assert resident(hse) < before + (8 << 20), "unload by request"


def test_demand_6_memory_does_not_grow(_):
    with server.running() as hse:
        def round_of_everything(n):
            for i in range(n):
                hse.post("/v1/audio/speech", {"input": f"{TEXT} {i}"})
                hse.post("/v1/embed/speaker", {"input_audio": server.speech_base64()})
                hse.post("/v1/audio/vad", {"input_audio": server.speech_base64()})
                hse.request("POST", "/v1/audio/speech", {"input": ""})
        round_of_everything(20)
        before = resident(hse)
        round_of_everything(40)
        assert resident(hse) < before + (8 << 20), (before, resident(hse))


def test_demand_7_concurrent_requests_on_one_model(_):
    """Eight clients at once: their items run together, and each gets the bits that it gets alone."""
    with server.running() as hse:
        texts = [f"Client number {i} says this. And then it says that, which is a little longer." for i in range(8)]
        alone = [hse.post("/v1/audio/speech", {"input": t})["data"] for t in texts]

        def items():
            text = hse.request("GET", "/metrics")[2].decode()
            take = lambda what: sum(float(x) for x in re.findall(rf'hse_batch_size_{what}\{{model="hs1-[sv]\w+"\}} (\S+)', text))
            return take("sum"), take("count")
        before, together = items(), {}
        start = threading.Barrier(8)

        def one(i):
            start.wait()
            for _k in range(4):
                together[i] = hse.post("/v1/audio/speech", {"input": texts[i]})["data"]
        threads = [threading.Thread(target=one, args=(i,)) for i in range(8)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        after = items()
        assert [together[i] for i in range(8)] == alone
        mean = (after[0] - before[0]) / (after[1] - before[1])
        assert mean > 1.5, f"mean batch {mean}"


def test_demand_8_a_short_request_does_not_wait_for_a_long_one(hse):
    """A text of minutes is under way; a sentence that comes later is spoken long before the text is done."""
    done = []
    long = threading.Thread(target=lambda: done.append(("long", stream(hse, {"input": LONG, "voice": "slt", "response_format": "pcm"}))))
    long.start()
    eventually(lambda: 'hse_requests_running{task="speak"} 0' not in hse.request("GET", "/metrics")[2].decode(), "the long one did not begin")
    hse.post("/v1/audio/speech", {"input": "Short."})
    done.append(("short", None))
    long.join()
    assert [d[0] for d in done] == ["short", "long"]


def test_demand_9_one_wedged_call_does_not_block_all(_):
    """Clients that stop reading hold nobody: with as many of them as fit in the socket buffers, others are served; and deadlines,
    503 with Retry-After and cancelling by leaving are there (test_sdk)."""
    with server.running() as hse:
        wedged = []
        import json
        body = json.dumps({"input": LONG * 4, "voice": "slt", "response_format": "wav"}).encode()
        for _i in range(6):
            s = socket.create_connection(("127.0.0.1", hse.port))
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            s.sendall(b"POST /v1/audio/speech HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
            wedged.append(s)
        for s in wedged:
            s.recv(100)
        for _i in range(3):
            hse.post("/v1/audio/speech", {"input": "Still here."})
        for s in wedged:
            s.close()
        eventually(lambda: 'hse_requests_waiting{task="speak"} 0' in hse.request("GET", "/metrics")[2].decode(), "they were not let go")


def test_demand_11_openai_compatible_to_the_sdk(hse):
    """Speech, models, errors by the SDK; transcriptions: test_transcribe does the same."""
    client = openai.OpenAI(base_url=hse.url + "/v1", api_key="none", max_retries=0)
    assert client.audio.speech.create(model="gpt-4o-mini-tts", voice="coral", input=TEXT).read().startswith((b"ID3", b"\xff\xfb", b"\xff\xf3"))
    assert "harmonyspeech" in [m.id for m in client.models.list()]
    with_stream = client.audio.speech.with_streaming_response.create(model="tts-1", voice="alloy", input=TEXT, response_format="pcm")
    with with_stream as r:
        assert sum(len(x) for x in r.iter_bytes()) > 24000
    try:
        client.audio.transcriptions.create(model="whisper-1", file=("a.wav", server.speech_wav()))
    except openai.NotFoundError as e:
        assert e.code == "model_not_found" and e.message


def test_demand_14_response_format_is_respected_and_mp3_is_the_default(hse):
    first = {"mp3": (b"ID3", b"\xff"), "opus": (b"OggS",), "aac": (b"\xff",), "flac": (b"fLaC",), "wav": (b"RIFF",)}
    for name, magic in first.items():
        data = hse.post("/v1/audio/speech", {"input": TEXT, "voice": "alloy", "response_format": name})
        assert data.startswith(magic), (name, data[:8])
    _, head, data = hse.request("POST", "/v1/audio/speech", {"input": TEXT, "voice": "alloy"})
    assert head["content-type"] == "audio/mpeg" and data.startswith(first["mp3"])
    assert len(hse.post("/v1/audio/speech", {"input": TEXT, "voice": "alloy", "response_format": "pcm"})) > 24000


def test_demand_15_voices_are_listed(hse):
    names = [v["name"] for v in hse.get("/v1/audio/voices")["data"]]
    assert names[0] == "slt" and len(names) >= 4
    assert [v["name"] for v in hse.get("/v1/audio/voices?model=harmonyspeech")["data"]] == names
    for name in names[:4]:
        assert hse.post("/v1/audio/speech", {"input": "Hi.", "voice": name})


def form(parts):
    out = b""
    for name, value in parts:
        file = isinstance(value, bytes)
        out += b'--x\r\nContent-Disposition: form-data; name="%s"%s\r\n\r\n' % (name.encode(), b'; filename="a.wav"' if file else b"")
        out += (value if file else value.encode()) + b"\r\n"
    return out + b"--x--\r\n"


def test_demand_16_a_voice_is_brought_once_and_used_by_name(_):
    with server.running() as hse:
        kind = {"Content-Type": "multipart/form-data; boundary=x"}
        status, _, data = hse.request("POST", "/v1/audio/voices", form([("name", "jfk"), ("audio_sample", server.speech_wav())]), kind)
        assert status == 200, data
        by_name = hse.post("/v1/audio/speech", {"input": TEXT, "voice": "jfk", "output_options": {"format": "wav"}})["data"]
        by_audio = hse.post("/v1/audio/speech", {"input": TEXT, "input_audio": server.speech_base64(), "output_options": {"format": "wav"}})["data"]
        assert by_name == by_audio
        assert "jfk" in [v["name"] for v in hse.get("/v1/audio/voices")["data"]]
        assert hse.request("DELETE", "/v1/audio/voices/jfk")[0] == 200
        assert hse.request("POST", "/v1/audio/speech", {"input": TEXT, "voice": "jfk"})[0] == 400


def test_demand_23_a_long_text_is_spoken_whole(hse):
    """Each sentence adds its own audio: a text of n sentences is as long as its parts, none is cut off."""
    def seconds(text):
        return len(hse.post("/v1/audio/speech", {"input": text, "voice": "slt", "response_format": "pcm"}, {"Accept": "audio/pcm"})) / 48000
    sentences = [f"Here comes sentence number {i}, and it has an end." for i in range(20)]
    whole, parts = seconds(" ".join(sentences)), sum(seconds(s) for s in sentences)
    assert 0.8 * parts < whole < 1.6 * parts, (whole, parts)
    one = "word " * 600                                    # without an end of a sentence anywhere
    assert seconds(one) > 100


def test_demand_24_a_very_short_text_without_garbage(hse):
    for text in ("A", "Yes.", "OK", "No!", "I", "Go", "1", "Hi"):
        data = hse.post("/v1/audio/speech", {"input": text, "voice": "slt", "response_format": "pcm"}, {"Accept": "audio/pcm"})
        samples = struct.unpack(f"<{len(data) // 2}h", data)
        peak = max(abs(x) for x in samples)
        assert 0.15 < len(samples) / 24000 < 3 and 1000 < peak < 32767, (text, len(samples), peak)
        tail = samples[-len(samples) // 20:]
        assert max(abs(x) for x in tail) < 0.5 * peak, f"{text}: something comes after the word"


def test_demand_25_nothing_is_asked_of_the_network(_):
    """The server runs where there is no network: in a namespace of its own with nothing but the loopback (where the system lets
    us make one), and in any case it opens no connection."""
    with server.running() as hse:
        hse.post("/v1/audio/speech", {"input": TEXT})
        hse.request("POST", "/v1/audio/speech", {"input": TEXT, "model": "some-org/some-model"})
        ours = {f"{int(line.split()[9])}" for name in ("tcp", "tcp6") for line in open(f"/proc/{hse.process.pid}/net/{name}").readlines()[1:]
                if line.split()[3] == "02"}                 # SYN_SENT: somebody is being called
        inodes = {m[1] for fd in os.listdir(f"/proc/{hse.process.pid}/fd")
                  if (m := re.match(r"socket:\[(\d+)\]", _link(f"/proc/{hse.process.pid}/fd/{fd}")))}
        assert not ours & inodes


def _link(path):
    with contextlib.suppress(OSError):
        return os.readlink(path)
    return ""


def test_demand_35_detected_languages_can_be_restricted(hse):
    """languages[] is taken by the form and reaches the recogniser (test_transcribe shows that it does); an empty one is refused."""
    kind = {"Content-Type": "multipart/form-data; boundary=x"}
    status, _, data = hse.request("POST", "/v1/audio/transcriptions", form([("languages[]", "de"), ("languages[]", "fr"), ("file", server.speech_wav())]), kind)
    assert status in (200, 404), data
    status, _, data = hse.request("POST", "/v1/audio/transcriptions", form([("languages[]", ""), ("file", server.speech_wav())]), kind)
    assert status == 400 and b"languages" in data


def test_demand_36_words_to_expect(hse):
    """keywords[] and prompt are taken by the form and reach the recogniser (test_transcribe shows that they do)."""
    kind = {"Content-Type": "multipart/form-data; boundary=x"}
    status, _, data = hse.request("POST", "/v1/audio/transcriptions",
                                  form([("keywords[]", "Kennedy"), ("prompt", "A speech."), ("file", server.speech_wav())]), kind)
    assert status in (200, 404), data


def test_every_demand_has_a_test(_):
    with open(__file__) as f:
        have = {int(x) for x in re.findall(r"def test_demand_(\d+)_", f.read())}
    assert have == {1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 14, 15, 16, 23, 24, 25, 35, 36}, have
