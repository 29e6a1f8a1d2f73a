"""What a recording is worth, and how alike two voices are: the extra fields of /v1/embed/speaker and of cloning."""
import array
import base64
import json
import math

import server

B64 = server.speech_base64()


def embed(hse, **fields):
    return hse.post("/v1/embed/speaker", {"input_audio": B64, **fields})


def spoil(change):
    """The kit's recording with each sample changed."""
    wav = server.speech_wav()
    samples, _ = server.wav_samples(wav)
    out = array.array("h", (max(-32768, min(32767, int(change(i, x)))) for i, x in enumerate(samples)))
    return base64.b64encode(wav[:44] + out.tobytes()).decode()


def test_quality_of_the_recording(hse):
    q = embed(hse)["quality"]
    assert set(q) == {"seconds", "speech_seconds", "snr_db", "clipped"} and abs(q["seconds"] - 11) < 0.01 and 5 < q["speech_seconds"] < 11
    assert q["snr_db"] > 15 and q["clipped"] < 0.001, q
    noisy = embed(hse, input_audio=spoil(lambda i, x: x + 600 * math.sin(i * i * 0.37)))["quality"]
    assert noisy["snr_db"] < q["snr_db"] - 1, (noisy, q)
    loud = embed(hse, input_audio=spoil(lambda i, x: 8 * x))["quality"]
    assert loud["clipped"] > 0.01, loud


def test_similarity_of_two_voices(hse):
    same = embed(hse, reference_audio=B64)["similarity"]
    assert abs(same - 1) < 1e-5 and "similarity" not in embed(hse)
    other = hse.post("/v1/audio/speech", {"input": "I am somebody else, and I speak for a while so that this can be heard.", "voice": "kal16",
                                          "response_format": "wav"}, {"Accept": "audio/wav"})
    by_audio = embed(hse, reference_audio=base64.b64encode(other).decode())["similarity"]
    by_embedding = embed(hse, reference_embedding=embed(hse, input_audio=base64.b64encode(other).decode())["data"])["similarity"]
    assert by_audio < 0.95 * same and abs(by_audio - by_embedding) < 1e-6, (by_audio, by_embedding)
    hse.post("/v1/audio/voices", {"name": "alike", "audio_sample": B64})
    try:
        assert abs(embed(hse, reference_voice="alike")["similarity"] - 1) < 1e-5
    finally:
        hse.request("DELETE", "/v1/audio/voices/alike")


def test_references_that_are_wrong(hse):
    rows = [({"reference_audio": "%%"}, 400, "reference_audio"), ({"reference_audio": base64.b64encode(b"x" * 99).decode()}, 400, "reference_audio"),
            ({"reference_embedding": "AAAA"}, 400, "reference_embedding"), ({"reference_embedding": base64.b64encode(bytes(8)).decode()}, 400, "reference_embedding"),
            ({"reference_voice": "nobody"}, 404, "reference_voice"), ({"reference_audio": B64, "reference_voice": "x"}, 400, "reference_audio")]
    for fields, status, param in rows:
        got, _, data = hse.request("POST", "/v1/embed/speaker", {"input_audio": B64, **fields})
        assert got == status and json.loads(data)["error"]["param"] == param, (fields, got, data[:200])


def test_cloning_says_what_the_recording_is_worth(hse):
    body = {"input": "Hello there.", "mode": "voice_cloning", "input_audio": B64}
    status, head, data = hse.request("POST", "/v1/audio/speech", body)
    q = json.loads(data)["input_quality"]
    assert q == embed(hse)["quality"] and float(head["x-hse-input-snr-db"]) == q["snr_db"]
    status, head, data = hse.request("POST", "/v1/audio/speech", body, {"Accept": "audio/mpeg"})
    assert float(head["x-hse-input-speech-seconds"]) == q["speech_seconds"] and float(head["x-hse-input-clipped"]) == q["clipped"]
    assert "input_quality" not in hse.post("/v1/audio/speech", {"input": "Hi.", "voice": "slt", "language": "en"})
