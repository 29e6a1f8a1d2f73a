"""Wrong requests: the status, the shape that both kinds of client read, the field that is named; and that the server lives on."""
import base64
import json
import re

import openai

import server

TEXT = "Hello there."


def error(hse, path, body, status, param=None, headers=None):
    got, head, data = hse.request("POST", path, body, headers)
    assert got == status, (got, status, data[:300])
    e = json.loads(data)
    assert set(e["error"]) == {"message", "type", "param", "code"}, e
    assert e["object"] == "error" and e["message"] == e["error"]["message"] and e["code"] == status
    assert e["error"]["param"] == param, (e["error"]["param"], param)
    assert not re.search(r"/(home|usr|work|root|tmp|etc)/|0x[0-9a-f]{6}", e["message"]), e["message"]
    return e["error"]


def test_sdk_error_types(hse):
    client = openai.OpenAI(base_url=hse.url + "/v1", api_key="none", max_retries=0)
    for kind, fields in ((openai.BadRequestError, {"input": ""}), (openai.NotFoundError, {"model": "no-such-model"}),
                         (openai.BadRequestError, {"voice": "no-such-voice"}), (openai.BadRequestError, {"response_format": "ogg"})):
        try:
            client.audio.speech.create(**{"model": "tts-1", "voice": "alloy", "input": TEXT, **fields})
            raise AssertionError(f"{fields} was accepted")
        except kind as e:
            assert e.request_id and e.type == "invalid_request_error", (fields, e)


def test_each_field_each_wrong_type(hse):
    wrong = {"text": [1, 1.5, True, [], {"a": 1}, ["x"]], "number": ["x", True, [], {}, "1"], "bool": [1, "true", [], {}],
             "base64": [1, True, [], {}, "%%%"], "object": [1, "x", True, []]}
    fields = {"model": "text", "input": "text", "language": "text", "mode": "text", "response_format": "text", "stream_format": "text",
              "speed": "number", "input_audio": "base64", "input_embedding": "base64", "generation_options": "object",
              "output_options": "object", "generation_options.seed": "number", "generation_options.speed": "number",
              "generation_options.pitch": "number", "generation_options.energy": "number", "output_options.format": "text",
              "output_options.sample_rate": "number", "output_options.stream": "bool", "text_normalization": "text", "normalize": "text",
              "priority": "number", "timeout_s": "number"}
    n = 0
    for path, kind in fields.items():
        for value in wrong[kind]:
            body = {"input": TEXT}
            at = body
            *outer, last = path.split(".")
            for name in outer:
                at = at.setdefault(name, {})
            at[last] = value
            error(hse, "/v1/audio/speech", body, 400, path)
            n += 1
    assert n > 80


def test_bounds(hse):
    rows = [({"speed": 0.24}, "speed"), ({"speed": 4.01}, "speed"), ({"generation_options": {"speed": -1}}, "generation_options.speed"),
            ({"generation_options": {"pitch": 10.1}}, "generation_options.pitch"), ({"output_options": {"sample_rate": 7999}}, "output_options.sample_rate"),
            ({"output_options": {"sample_rate": 192001}}, "output_options.sample_rate"), ({"output_options": {"sample_rate": 16000.5}}, "output_options.sample_rate"),
            ({"priority": 10}, "priority"), ({"priority": -1}, "priority"), ({"timeout_s": 0}, "timeout_s"), ({"mode": "x"}, "mode"),
            ({"generation_options": {"seed": -1}}, "generation_options.seed"), ({"normalize": "loud"}, "normalize")]
    for fields, param in rows:
        error(hse, "/v1/audio/speech", {"input": TEXT, **fields}, 400, param)
    for fields in ({"speed": 0.25}, {"speed": 4}, {"priority": 0}, {"priority": 9}, {"output_options": {"sample_rate": 8000}},
                   {"output_options": {"sample_rate": 192000}}):
        hse.post("/v1/audio/speech", {"input": TEXT, **fields})


def test_unknown_refused_and_missing_fields(hse):
    assert error(hse, "/v1/audio/speech", {"input": TEXT, "inptu": "x"}, 400, "inptu")["code"] == "unknown_parameter"
    error(hse, "/v1/audio/speech", {"input": TEXT, "output_options": {"rate": 1}}, 400, "output_options.rate")
    error(hse, "/v1/audio/speech", {}, 400, "input")
    error(hse, "/v1/embed/speaker", {}, 400, "input_audio")
    error(hse, "/v1/audio/vad", {"input_audio": ""}, 400, "input_audio")
    assert error(hse, "/v1/audio/speech", {"input": TEXT, "instructions": "softly"}, 400, "instructions")["code"] == "unsupported"
    error(hse, "/v1/audio/speech", {"input": TEXT, "generation_options": {"style": "sad"}}, 400, "generation_options.style")


def test_bodies_that_are_not_json(hse):
    for body in (b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"input":"a","input":"b"}', b"[" * 5000, b'{"a":' * 100 + b"1" + b"}" * 100,
                 b'{"input":"\\u0000"}', b'{"input":"\xff"}', b'{"input":1e999}'):
        error(hse, "/v1/audio/speech", body, 400, headers={"Content-Type": "application/json"})


def test_text_limits(hse):
    error(hse, "/v1/audio/speech", {"input": ""}, 400, "input")
    error(hse, "/v1/audio/speech", {"input": " \n\t "}, 400, "input")
    error(hse, "/v1/audio/speech", {"input": "a" * (1 << 20) + "b"}, 413, "input")


def test_bad_audio(hse):
    wav = server.speech_wav()
    for name, data in (("words", b"this is no audio at all, only words"), ("cut header", wav[:30]), ("no samples", wav[:44]),
                       ("zeros", bytes(4096)), ("id3 only", b"ID3" + bytes(100)), ("ogg magic", b"OggS" + bytes(60)),
                       ("webm magic", b"\x1aE\xdf\xa3" + bytes(60)), ("mp4 magic", b"\0\0\0\x18ftypM4A " + bytes(60))):
        for path in ("/v1/embed/speaker", "/v1/audio/vad"):
            status, _, answer = hse.request("POST", path, {"input_audio": base64.b64encode(data).decode()})
            allowed = (200, 400) if name == "no samples" and path.endswith("vad") else (400,)
            assert status in allowed, (name, path, status, answer[:200])


def test_bad_embedding(hse):
    for data, ok in ((b"abc", False), (bytes(4 * 63), False), (b"\xff" * 256, False)):
        status, _, _ = hse.request("POST", "/v1/audio/speech", {"input": TEXT, "input_embedding": base64.b64encode(data).decode()})
        assert status == 400, (len(data), status)


def test_an_embedding_of_another_size_names_its_field(hse):
    body = {"input": "Hi.", "input_embedding": base64.b64encode(bytes(48)).decode()}
    e = error(hse, "/v1/audio/speech", body, 400, "input_embedding")
    assert "12 numbers" in e["message"] and "have 64" in e["message"], e


def test_cloning_nobody_is_refused(hse):
    e = error(hse, "/v1/audio/speech", {"input": "Hi.", "mode": "voice_cloning"}, 400, "input_audio")
    assert all(word in e["message"] for word in ("voice_cloning", "input_audio", "input_embedding", "voice")), e
    hse.post("/v1/audio/speech", {"input": "Hi.", "mode": "voice_cloning", "voice": "slt"})
    hse.post("/v1/audio/speech", {"input": "Hi.", "mode": "single_speaker_tts"})


def test_a_recording_without_speech_names_its_field(hse):
    body = {"input": "Hi.", "input_audio": base64.b64encode(server.speech_wav()[:3000]).decode()}
    e = error(hse, "/v1/audio/speech", body, 400, "input_audio")
    assert "no speech" in e["message"], e


def test_what_could_be_asked_for_is_said(hse):
    for model, want in (("nobody", "there are: harmonyspeech"), ("silero-vad", "ask for harmonyspeech")):
        e = error(hse, "/v1/audio/speech", {"input": "Hi.", "model": model}, 404 if model == "nobody" else 400, "model")
        assert e["message"].endswith(want), e


def test_unknown_model_and_voice(hse):
    assert error(hse, "/v1/audio/speech", {"input": TEXT, "model": "../../etc/passwd"}, 404, "model")["code"] == "model_not_found"
    message = error(hse, "/v1/audio/speech", {"input": TEXT, "voice": "nobody"}, 400, "voice")["message"]
    assert "slt" in message, message


def test_wrong_methods_and_paths(hse):
    for method, path, want in (("GET", "/v1/audio/speech", 405), ("DELETE", "/health", 405), ("GET", "/nothing", 404), ("POST", "/v1/nothing", 404),
                               ("GET", "/../etc/passwd", 404), ("GET", "/%2e%2e/etc/passwd", 404), ("GET", "/v1/models/%00", 400)):
        status, head, data = hse.request(method, path, b"{}" if method == "POST" else None)
        assert status == want, (method, path, status)
        assert json.loads(data)["error"]["message"], data
        if want == 405:
            assert head["allow"]


def test_a_wrong_base_url_is_answered_with_the_right_one(hse):
    """Without /v1, with two of them, a slash too many: what base_url is given as, in every kind of client."""
    for path, meant in (("/audio/speech", "/v1/audio/speech"), ("/v1/v1/models", "/v1/models"), ("/v1/models/", "/v1/models"), ("//v1/audio/vad", "/v1/audio/vad"),
                        ("/v1/health", "/health"), ("/health/", "/health"), ("/models", "/v1/models"), ("/v1//ps", "/v1/ps")):
        status, _, data = hse.request("GET", path)
        assert status == 404 and json.loads(data)["error"]["message"] == f"there is nothing at {path}; there is {meant}", (path, data)
    for path in ("/nothing", "/v1/chat/completions", "/v1", "/v1/", "/v1//", "/" + "a/" * 500):
        status, _, data = hse.request("GET", path)
        assert status == 404 and "there is /" not in json.loads(data)["error"]["message"], (path, data)


def test_other_kinds_of_body_are_refused_by_name(hse):
    for path, kind, words in (("/v1/audio/vad", "multipart/form-data; boundary=x", "takes application/json, not multipart/form-data; boundary=x"),
                              ("/v1/audio/speech", "audio/wav", "takes application/json, not audio/wav"),
                              ("/v1/audio/transcriptions", "Audio/MPEG", "takes application/json or multipart/form-data, not Audio/MPEG"),
                              ("/v1/audio/translations", "video/mp4", "takes multipart/form-data, not video/mp4")):
        assert error(hse, path, b"--x--", 415, headers={"Content-Type": kind})["message"].endswith(words)


def test_json_as_windows_writes_it(hse):
    assert hse.request("POST", "/v1/audio/speech", b"\xef\xbb\xbf" + json.dumps({"input": TEXT, "voice": "slt"}).encode())[0] == 200
    assert "column 1" in error(hse, "/v1/audio/speech", b"\xef\xbb\xbf\xef\xbb\xbf{}", 400)["message"]


def test_compressed_bodies_are_refused(hse):
    error(hse, "/v1/audio/speech", b"\x1f\x8b\x08", 415, headers={"Content-Encoding": "gzip"})
    hse.post("/v1/audio/speech", {"input": TEXT}, {"Content-Encoding": "identity"})


def test_deadline(hse):
    text = " ".join(f"Sentence {i} takes its time." for i in range(300))
    error(hse, "/v1/audio/speech", {"input": text, "timeout_s": 0.01}, 504)
