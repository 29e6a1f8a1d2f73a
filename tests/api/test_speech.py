"""POST /v1/audio/speech: OpenAI's form with the SDK, HSE's form raw, and that every field does something."""
import array
import base64
import http.client
import json
import re
import struct
import threading
import time

import openai

import server

TEXT = "Hello there."


def client(hse):
    return openai.OpenAI(base_url=hse.url + "/v1", api_key="none", max_retries=0, timeout=60)


def wav(hse, **fields):
    body = {"input": TEXT, "voice": "slt", "response_format": "wav", **fields}
    return server.wav_samples(hse.post("/v1/audio/speech", body, {"Accept": "audio/wav"}))


def test_openai_sdk_every_format(hse):
    starts = {"mp3": (b"ID3", b"\xff\xfb", b"\xff\xf3"), "opus": (b"OggS",), "aac": (b"\xff\xf1", b"\xff\xf9"),
              "flac": (b"fLaC",), "wav": (b"RIFF",), "pcm": (b"",)}
    types = {"mp3": "audio/mpeg", "opus": "audio/ogg", "aac": "audio/aac", "flac": "audio/flac", "wav": "audio/wav", "pcm": "audio/pcm"}
    for name, magic in starts.items():
        r = client(hse).audio.speech.create(model="tts-1", voice="alloy", input=TEXT, response_format=name)
        data = r.read()
        assert len(data) > 1000 and data.startswith(magic), (name, len(data), data[:8])
        assert r.response.headers["content-type"] == types[name], (name, r.response.headers["content-type"])


def test_openai_sdk_default_is_mp3(hse):
    data = client(hse).audio.speech.create(model="gpt-4o-mini-tts", voice="nova", input=TEXT).read()
    assert data[:3] == b"ID3" or data[0] == 0xFF, data[:8]


def test_openai_sdk_streams(hse):
    with client(hse).audio.speech.with_streaming_response.create(model="tts-1", voice="alloy", input=TEXT, response_format="pcm") as r:
        data = b"".join(r.iter_bytes(1024))
    assert len(data) > 8000 and len(data) % 2 == 0


def test_pcm_is_24_khz_and_as_long_as_the_wav(hse):
    samples, rate = wav(hse)
    pcm = hse.post("/v1/audio/speech", {"input": TEXT, "voice": "slt", "response_format": "pcm"}, {"Accept": "audio/pcm"})
    assert rate == 16000 and abs(len(pcm) / 2 / 24000 - len(samples) / rate) < 0.01


def test_streamed_pcm_is_the_one_shot_pcm(hse):
    text = "One sentence. A second one, which is longer than the first! And a third?"
    fields = {"input": text, "voice": "slt", "response_format": "pcm"}
    own = {"Accept": "audio/pcm"}
    a = hse.post("/v1/audio/speech", {**fields, "output_options": {"stream": True}}, own)
    b = hse.post("/v1/audio/speech", fields, own)
    body = {"input": text, "voice": "slt", "output_options": {"format": "pcm"}}
    c = base64.b64decode(hse.post("/v1/audio/speech", body, {"Accept": "application/json"})["data"])
    assert a == b == c, (len(a), len(b), len(c))


def test_voice_as_object_and_all_openai_names(hse):
    names = "alloy ash ballad coral echo fable onyx nova sage shimmer verse marin cedar".split()
    own = ["slt", "awb", "kal16", "rms"]
    out = {n: bytes(wav(hse, voice=n)[0]) for n in names + own}
    assert len(set(out.values())) == len({out[v] for v in own}) == 4, "OpenAI's names are the model's voices in turn"
    assert bytes(wav(hse, voice={"id": "slt"})[0]) == out["slt"]
    assert out["alloy"] == out["slt"], "the first name is the default voice"


def test_fields_change_something(hse):
    base, _ = wav(hse)
    for field in ({"speed": 2.0}, {"generation_options": {"speed": 0.5}}, {"generation_options": {"pitch": 1.3}},
                  {"generation_options": {"energy": 1.5}}, {"normalize": "peak"}, {"normalize": "none"}, {"voice": "kal16"},
                  {"output_options": {"sample_rate": 8000}}):
        other, _ = wav(hse, **field)
        assert bytes(other) != bytes(base), field
    fast, _ = wav(hse, speed=2.0)
    assert len(fast) < 0.75 * len(base)
    peak, _ = wav(hse, normalize="peak")
    assert abs(max(abs(x) for x in peak) / 32768 - 0.97) < 0.01


def test_text_normalization(hse):
    on, _ = wav(hse, input="It cost £5.")
    words, _ = wav(hse, input="It cost five pounds.")
    off, _ = wav(hse, input="It cost £5.", text_normalization="off")
    reference, _ = wav(hse, input="It cost £5.", text_normalization="reference")
    assert bytes(on) == bytes(words) and bytes(on) != bytes(off) and bytes(on) != bytes(reference)


def test_seed_comes_back(hse):
    body = {"input": TEXT, "generation_options": {"seed": 42}}
    status, head, _ = hse.request("POST", "/v1/audio/speech", body)
    assert status == 200 and head["x-hse-seed"] == "42"
    _, first, _ = hse.request("POST", "/v1/audio/speech", {"input": TEXT})
    assert first["x-hse-seed"].isdigit()


def test_hse_json(hse):
    body = {"model": "harmonyspeech", "input": TEXT, "mode": "voice_cloning", "input_audio": server.speech_base64(), "language": "EN",
            "voice": None, "generation_options": {"seed": 1, "style": "", "speed": 1.0, "pitch": 1.0, "energy": 1.0},
            "output_options": {"format": "wav", "sample_rate": 16000, "stream": False}, "pre_processing_filters": [],
            "post_generation_filters": []}
    r = hse.post("/v1/audio/speech", body)
    assert r["id"].startswith("tts-") and r["model"] == "harmonyspeech" and isinstance(r["created"], int)
    samples, rate = server.wav_samples(base64.b64decode(r["data"]))
    assert rate == 16000 and len(samples) > 8000


def test_cloning_by_embedding_is_cloning_by_audio(hse):
    e = hse.post("/v1/embed/speaker", {"model": "harmonyspeech", "input_audio": server.speech_base64()})["data"]
    assert len(base64.b64decode(e)) == 64 * 4
    common = {"model": "harmonyspeech", "input": TEXT, "mode": "voice_cloning"}
    a = hse.post("/v1/audio/speech", {**common, "input_embedding": e})["data"]
    b = hse.post("/v1/audio/speech", {**common, "input_audio": server.speech_base64()})["data"]
    assert a == b


def test_which_answer(hse):
    """The table of docs/api.md: Accept decides first, then the body."""
    openai_body, hse_body = {"input": TEXT, "voice": "slt"}, {"input": TEXT, "voice": "slt", "language": "en"}
    rows = [("audio/mpeg", openai_body, True), ("audio/*", hse_body, True), ("application/octet-stream", hse_body, True),
            ("application/json", openai_body, False), ("*/*", openai_body, True), ("*/*", hse_body, False),
            ("*/*", {"input": TEXT}, False), (None, openai_body, True), (None, hse_body, False),
            ("*/*", {**openai_body, "language": None, "instructions": None}, True),
            # What axios sends with every request names JSON, and takes anything.
            ("application/json, text/plain, */*", openai_body, True), ("application/json, text/plain, */*", hse_body, False),
            ("audio/webm,audio/*;q=0.9,*/*;q=0.5", hse_body, True), ("application/json, application/*+json", openai_body, False)]
    for accept, body, binary in rows:
        _, head, _ = hse.request("POST", "/v1/audio/speech", body, {"Accept": accept} if accept else {})
        assert head["content-type"].startswith("audio/" if binary else "application/json"), (accept, body, head["content-type"])
    for body, binary in ((openai_body, True), (hse_body, False)):           # openai 1.2 to 1.12 for Python
        _, head, _ = hse.request("POST", "/v1/audio/speech", body, {"Accept": "application/json", "X-Stainless-Lang": "python"})
        assert head["content-type"].startswith("audio/" if binary else "application/json"), (body, head["content-type"])


def test_wav_header(hse):
    short = hse.post("/v1/audio/speech", {"input": TEXT, "voice": "slt", "response_format": "wav"}, {"Accept": "audio/wav"})
    assert struct.unpack("<I", short[4:8])[0] == len(short) - 8, "a short answer has its true size"
    streamed = hse.post("/v1/audio/speech", {"input": TEXT, "voice": "slt", "response_format": "wav", "output_options": {"stream": True}},
                        {"Accept": "audio/wav"})
    assert struct.unpack("<I", streamed[4:8])[0] == 0xFFFFFFFF and streamed.count(b"RIFF") == 1
    assert streamed[44:] == short[44:]


def test_first_byte_long_before_the_last(hse):
    text = " ".join(f"This is sentence number {i} of a rather long text." for i in range(100))
    hse.post("/v1/audio/speech", {"input": TEXT, "voice": "slt", "response_format": "pcm"}, {"Accept": "audio/pcm"})
    c = http.client.HTTPConnection("127.0.0.1", hse.port, timeout=100)
    c.request("POST", "/v1/audio/speech", json.dumps({"input": text, "voice": "slt", "response_format": "pcm"}),
              {"Content-Type": "application/json", "Accept": "audio/pcm"})
    r = c.getresponse()
    first, total = r.read(2), 2
    assert len(first) == 2 and r.headers.get("transfer-encoding") == "chunked"
    while True:
        piece = r.read(1 << 16)
        if not piece:
            break
        total += len(piece)
    assert total > 100 * 24000 * 2, total
    c.close()


def test_client_that_leaves_is_noticed(hse):
    text = " ".join(f"Sentence {i} of a text that nobody will hear to its end." for i in range(400))
    c = http.client.HTTPConnection("127.0.0.1", hse.port, timeout=30)
    c.request("POST", "/v1/audio/speech", json.dumps({"input": text, "voice": "slt", "response_format": "pcm"}),
              {"Content-Type": "application/json", "x-request-id": "leaver-1"})
    c.getresponse().read(100)
    c.close()
    for _ in range(50):
        if any('"leaver-1"' in line and " 499 " in line for line in hse.log().splitlines()):
            return
        time.sleep(0.1)
    raise AssertionError("the log does not say that the client left")


def test_many_at_once_get_the_bits_of_one(hse):
    import concurrent.futures
    texts = [f"Number {i} speaks{' a little longer' * (i % 5)}." for i in range(24)]
    alone = {t: bytes(wav(hse, input=t)[0]) for t in texts}
    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        together = dict(zip(texts, pool.map(lambda t: bytes(wav(hse, input=t)[0]), texts)))
    assert together == alone


def test_short_texts_are_whole_and_clean(hse):
    for text in ["A", "Yes.", "OK", "No!", "Hi", "7", "I", "Go.", "Why?", "Stop"]:
        samples, rate = wav(hse, input=text)
        loud = [abs(x) for x in samples]
        assert len(samples) / rate > 0.15 and max(loud) > 1000 and max(loud) < 32767, (text, len(samples) / rate, max(loud))


def test_strange_texts(hse):
    for text in ["{", "}", "{}", "{a}", "1" * 60, "$,5", "\u0000".replace("\u0000", " x"), "😀 ok", "a\u0301" * 50, "\t\n x \n\n y", "…"]:
        status, head, data = hse.request("POST", "/v1/audio/speech", {"input": text, "voice": "slt", "response_format": "wav"},
                                         {"Accept": "audio/wav"})
        assert status in (200, 400), (text, status, data[:200])


def test_curl_example_of_the_readme(hse):
    import re
    import subprocess
    readme = open(server.ROOT + "/README.md").read()
    command = re.search(r"```sh\n(curl -sS http://127.*?)```", readme, re.S)[1]
    command = command.replace("127.0.0.1:12080", f"127.0.0.1:{hse.port}").replace("-o hello.wav", "-o -")
    out = subprocess.run(["bash", "-c", command], capture_output=True, timeout=60)
    samples, rate = server.wav_samples(out.stdout)
    assert out.returncode == 0 and len(samples) / rate > 1


def test_a_text_of_100000_characters(hse):
    text = ("The quick brown fox jumps over the lazy dog, and then it rests. " * 1600)[:100000]
    c = http.client.HTTPConnection("127.0.0.1", hse.port, timeout=110)
    c.request("POST", "/v1/audio/speech", json.dumps({"input": text, "voice": "slt", "response_format": "pcm", "speed": 4.0}),
              {"Content-Type": "application/json", "Accept": "audio/pcm"})
    r = c.getresponse()
    assert r.status == 200, r.read()[:200]
    read = 0
    rss = []
    for _ in range(200):
        piece = r.read(1 << 18)
        if not piece:
            break
        read += len(piece)
        rss.append(int(open(f"/proc/{hse.process.pid}/status").read().split("VmRSS:")[1].split()[0]))
    c.close()
    assert read > 10_000_000, read
    assert max(rss) - rss[0] < 128 * 1024, ("memory must not grow with the text", rss[0], max(rss))


def test_a_higher_priority_goes_first(_):
    """Of one client's requests the urgent one, sent last, is done before most of those that stand in the queue; by the body and by the
    header."""
    text = " ".join(f"This is sentence number {i}, which waits." for i in range(6))
    with server.running("--max-batch-size", "1") as hse:
        hse.post("/v1/audio/speech", {"input": "Warm."})
        for body, headers in (({"priority": 9}, None), ({}, {"x-hse-priority": "9"})):
            done = []

            def low(i):
                hse.post("/v1/audio/speech", {"input": text, "priority": 0})
                done.append(i)
            threads = [threading.Thread(target=low, args=(i,)) for i in range(8)]
            for t in threads:
                t.start()
            until = time.monotonic() + 60
            count = lambda: sum(int(n) for n in re.findall(r'hse_requests_(?:waiting|running)\{task="speak"\} (\d+)', hse.request("GET", "/metrics")[2].decode()))
            while count() < 8:
                assert time.monotonic() < until and not done, "they were done before all were there"
                time.sleep(0.005)
            hse.post("/v1/audio/speech", {"input": "This one cannot wait.", **body}, headers)
            assert len(done) <= 4, f"{len(done)} of 8 were done before it"
            for t in threads:
                t.join()
