"""/v1/voice/convert and /v1/audio/convert in HSE's JSON and as forms. Converter and restorer are fake ones."""
import base64
import json

import fake
import server

WAV = server.speech_wav()
B64 = server.speech_base64()


def other_wav(hse):
    return hse.post("/v1/audio/speech", {"input": "I am another voice altogether, as you can hear.", "voice": "kal16", "response_format": "wav"},
                    {"Accept": "audio/wav"})


def embed(f, wav):
    return f.post("/v1/embed/speaker", {"input_audio": base64.b64encode(wav).decode()})["data"]


def test_hse_json_of_a_conversion(hse):
    with fake.running() as f:
        r = f.post("/v1/voice/convert", {"model": "fake-converter", "source_audio": B64, "target_embedding": embed(f, WAV)})
        assert r["id"].startswith("vc-") and r["model"] == "fake-converter" and isinstance(r["created"], int)
        samples, rate = server.wav_samples(base64.b64decode(r["data"]))
        assert rate == 16000 and abs(len(samples) - 176000) < 10
        full = f.post("/v1/voice/convert", {"model": "", "source_audio": B64, "target_audio": None, "target_embedding": embed(f, WAV),
                                            "generation_options": {"seed": 3, "speed": 1.0, "pitch": 1, "energy": 0, "style": None},
                                            "output_options": {"format": "wav", "sample_rate": None, "stream": False}, "pre_processing_filters": []})
        assert full["data"] == r["data"]


def test_hse_json_of_a_restoration(hse):
    with fake.running() as f:
        r = f.post("/v1/audio/convert", {"model": "", "source_audio": B64})
        assert r["id"].startswith("ac-") and len(server.wav_samples(base64.b64decode(r["data"]))[0]) > 1000
        names = [m["id"] for m in f.get("/v1/audio/convert/models")["data"]]
        assert r["model"] in names, (r["model"], names)
        assert [m["id"] for m in f.get("/v1/voice/convert/models")["data"]] == ["fake-converter"]


def test_forms_are_answered_with_audio(hse):
    with fake.running() as f:
        for path, fields in (("/v1/audio/convert", []), ("/v1/voice/convert", [("target_audio", "t.wav", other_wav(f))])):
            body, head = fake.form([("response_format", "flac")], [("source_audio", "s.wav", WAV), *fields])
            status, got, data = f.request("POST", path, body, head)
            assert status == 200 and got["content-type"] == "audio/flac" and data[:4] == b"fLaC", (path, status, data[:200])
            status, got, data = f.request("POST", path, body, {**head, "Accept": "application/json"})
            assert got["content-type"] == "application/json" and base64.b64decode(json.loads(data)["data"])[:4] == b"fLaC"
            body, head = fake.form([("output_options[format]", "pcm"), ("output_options[sample_rate]", "8000")], [("source_audio", "s.wav", WAV), *fields])
            _, got, data = f.request("POST", path, body, head)
            assert got["content-type"] == "audio/pcm" and got["transfer-encoding"] == "chunked" and len(data) > 8000


def test_streamed_bits_are_the_whole_ones(hse):
    with fake.running() as f:
        body = {"source_audio": B64, "output_options": {"format": "pcm", "stream": True}}
        streamed = f.post("/v1/audio/convert", body, {"Accept": "audio/pcm"})
        whole = base64.b64decode(f.post("/v1/audio/convert", {"source_audio": B64, "output_options": {"format": "pcm"}})["data"])
        assert streamed == whole and len(whole) > 100000


def test_the_target_is_a_recording_an_embedding_or_a_stored_voice(hse):
    with fake.running() as f:
        other = other_wav(f)
        body, head = fake.form([("name", "other")], [("audio_sample", "o.wav", other)])
        assert f.request("POST", "/v1/audio/voices", body, head)[0] == 200
        convert = lambda **target: f.post("/v1/voice/convert", {"source_audio": B64, **target})
        by_audio = convert(target_audio=base64.b64encode(other).decode())
        by_name = convert(voice="other")
        assert by_audio["input_quality"]["speech_seconds"] > 0.5 and "input_quality" not in by_name
        assert by_audio["data"] == by_name["data"] != convert(target_audio=B64)["data"]


def test_what_is_refused(hse):
    rows = [("/v1/voice/convert", {"source_audio": B64}, "target_audio"), ("/v1/voice/convert", {"target_audio": B64}, "source_audio"),
            ("/v1/voice/convert", {"source_audio": B64, "target_audio": B64, "voice": "x"}, "target_audio"),
            ("/v1/voice/convert", {"source_audio": B64, "target_embedding": "AAA="}, "target_embedding"),
            ("/v1/voice/convert", {"source_audio": B64, "target_audio": B64, "generation_options": {"speed": 2}}, "generation_options.speed"),
            ("/v1/voice/convert", {"source_audio": B64, "target_audio": B64, "output_options": {"stream": True}}, "output_options.stream"),
            ("/v1/voice/convert", {"source_audio": B64, "voice": "nobody"}, "voice"),
            ("/v1/audio/convert", {"source_audio": "AAAA"}, "source_audio"), ("/v1/audio/convert", {"source_audio": ""}, "source_audio"),
            ("/v1/audio/convert", {"source_audio": B64, "normalize": "loud"}, "normalize"),
            ("/v1/audio/convert", {"source_audio": B64, "response_format": "mp3", "output_options": {"format": "wav"}}, "response_format"),
            ("/v1/audio/convert", {"source_audio": B64, "nonsense": 1}, "nonsense")]
    with fake.running() as f:
        for path, body, param in rows:
            status, _, data = f.request("POST", path, body)
            assert status == 400 and json.loads(data)["error"]["param"] == param, (body.keys(), status, data[:300])
        for path in ("/v1/voice/convert", "/v1/audio/convert"):
            status, _, data = f.request("POST", path, {"source_audio": B64, "voice": "x", "model": "nobody"} if "voice" in path else
                                        {"source_audio": B64, "model": "nobody"})
            assert status == 404 and json.loads(data)["error"]["code"] == "model_not_found", data[:200]


def test_fields_change_something(hse):
    with fake.running() as f:
        base = f.post("/v1/audio/convert", {"source_audio": B64})["data"]
        for field in ({"normalize": "peak"}, {"output_options": {"sample_rate": 16000}}, {"response_format": "flac"}):
            assert f.post("/v1/audio/convert", {"source_audio": B64, **field})["data"] != base, field
