"""POST /v1/embed/speaker and /v1/audio/vad in HSE's form."""
import base64
import json
import os
import struct

import server


def golden(case):
    folder = os.path.join(server.ROOT, "tests", "golden", "silero", case)
    return json.load(open(os.path.join(folder, "results.json")))


def vad(hse, **fields):
    return hse.post("/v1/audio/vad", {"model": "silero-vad", "input_audio": server.speech_base64(), **fields})


def test_vad_says_yes(hse):
    r = vad(hse)
    assert r["id"].startswith("stt-") and r["speech_activity"] is True and r["timestamps"] is None and r["model"]


def test_vad_gives_the_originals_timestamps(hse):
    want = golden("timestamps_jfk_16k")
    first = want[0] if isinstance(want, list) else want["runs"][0]
    key = next(k for k in first if isinstance(first[k], list))
    assert vad(hse, get_timestamps=True)["timestamps"] == first[key]


def test_vad_parameters_change_something(hse):
    base = vad(hse, get_timestamps=True)["timestamps"]
    for field in ({"threshold": 0.95}, {"min_speech_duration_ms": 3000}, {"min_silence_duration_ms": 2000}, {"speech_pad_ms": 200},
                  {"return_seconds": True}, {"max_speech_duration_s": 1.0}, {"neg_threshold": 0.9}):
        assert vad(hse, get_timestamps=True, **field)["timestamps"] != base, field


def test_vad_of_silence(hse):
    silence = b"RIFF" + struct.pack("<I", 36 + 32000) + b"WAVEfmt " + struct.pack("<IHHIIHH", 16, 1, 1, 16000, 32000, 2, 16) + \
        b"data" + struct.pack("<I", 32000) + bytes(32000)
    r = hse.post("/v1/audio/vad", {"input_audio": base64.b64encode(silence).decode(), "get_timestamps": True})
    assert r["speech_activity"] is False and r["timestamps"] == []


def test_embedding_is_normalised_and_repeatable(hse):
    body = {"model": "harmonyspeech", "input_audio": server.speech_base64()}
    a, b = hse.post("/v1/embed/speaker", body), hse.post("/v1/embed/speaker", body)
    assert a["id"].startswith("embed-") and a["data"] == b["data"] and a["id"] != b["id"]
    e = struct.unpack("<64f", base64.b64decode(a["data"]))
    assert abs(sum(x * x for x in e) - 1) < 1e-4


def test_embed_data_url(hse):
    r = hse.post("/v1/embed/speaker", {"input_audio": "data:audio/wav;base64," + server.speech_base64()})
    assert len(base64.b64decode(r["data"])) == 256
