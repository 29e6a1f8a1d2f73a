"""Transcriptions and translations: OpenAI's form with its SDK and raw, HSE's JSON, every field, every answer. The recogniser is a fake
one (tests/unit/server/fake_server.c) that says what it was asked for."""
import json
import math
import re
import struct

import openai

import fake
import server

WAV = server.speech_wav()
SEGMENT = {"id", "seek", "start", "end", "text", "tokens", "temperature", "avg_logprob", "compression_ratio", "no_speech_prob"}


def silence(seconds=3):
    n = 16000 * 2 * seconds
    return b"RIFF" + struct.pack("<I", 36 + n) + b"WAVEfmt " + struct.pack("<IHHIIHH", 16, 1, 1, 16000, 32000, 2, 16) + \
        b"data" + struct.pack("<I", n) + bytes(n)


def post(f, fields=(), path="/v1/audio/transcriptions", want=200, wav=WAV):
    body, head = fake.form(list(fields), [("file", "a.wav", wav)])
    status, head, data = f.request("POST", path, body, head)
    assert status == want, (fields, status, data[:400])
    if not head["content-type"].startswith("application/json"):
        return data.decode()
    def no_constant(word):
        raise AssertionError("not JSON: " + word)
    return json.loads(data, parse_constant=no_constant)


def asked(f, *fields):
    """What the recogniser was asked for beside the defaults."""
    text = post(f, [("vad_filter", "false"), *fields])["text"]
    found = re.search(r"\{(.*)\}$", text)
    return set(found[1].split(" ")) - {"vad_filter=0"} if found else set()


def sdk(f):
    return openai.OpenAI(base_url=f.url + "/v1", api_key="none", max_retries=0, timeout=60).audio


def test_the_sdk_gets_every_response_format(hse):
    with fake.running() as f:
        create = lambda **k: sdk(f).transcriptions.create(model="whisper-1", file=("a.wav", WAV), **k)
        plain = create()
        assert plain.text.startswith("word0 énd0") and plain.usage.type == "duration" and plain.usage.seconds == 11
        assert plain.languages[0].code == "en"
        assert create(response_format="text") == plain.text + "\n"
        srt, vtt = create(response_format="srt"), create(response_format="vtt")
        assert srt.startswith("1\n00:00:00,000 --> 00:00:01,000\nword0 énd0\n\n2\n") and vtt.startswith("WEBVTT\n\n00:00:00.000 --> 00:00:01.000\nword0")
        verbose = create(response_format="verbose_json", timestamp_granularities=["word", "segment"])
        assert verbose.language == "english" and abs(verbose.duration - 11) < 1e-6 and verbose.text == plain.text
        assert verbose.words[0].word == "word0" and verbose.words[1].start == 0.5 and verbose.segments[2].id == 2
        logprobs = create(response_format="json", include=["logprobs"]).logprobs
        assert logprobs[0].token == " word0" and bytes(int(b) for b in logprobs[1].bytes).decode() == " énd0" and logprobs[0].logprob == -0.25


def test_the_sdk_streams(hse):
    with fake.running() as f:
        events = list(sdk(f).transcriptions.create(model="gpt-4o-transcribe", file=("a.wav", WAV), stream=True, include=["logprobs"]))
        assert [e.type for e in events] == ["transcript.text.delta"] * (len(events) - 1) + ["transcript.text.done"] and len(events) > 5
        done = events[-1]
        assert "".join(e.delta for e in events[:-1]) == done.text == post(f)["text"]
        assert events[0].delta == "word0 énd0" and events[1].delta == " word1 énd1"
        assert done.usage.type == "tokens" and done.usage.total_tokens == done.usage.input_tokens + done.usage.output_tokens
        assert done.usage.output_tokens == 2 * (len(events) - 1)
        assert [p.token for p in done.logprobs] == [p.token for e in events[:-1] for p in e.logprobs] and done.logprobs[0].logprob == -0.25


def test_the_sdk_translates(hse):
    with fake.running() as f:
        t = sdk(f).translations
        assert "task=1" in t.create(model="whisper-1", file=("a.wav", WAV)).text
        verbose = t.create(model="whisper-1", file=("a.wav", WAV), response_format="verbose_json")
        assert verbose.language == "english" and verbose.segments and f.alive()
        assert json.loads(json.dumps(post(f, [("response_format", "verbose_json")], "/v1/audio/translations")))["task"] == "translate"
        words = post(f, [("response_format", "verbose_json"), ("timestamp_granularities[]", "word")], "/v1/audio/translations")["words"]
        assert words[0]["word"] == "word0", words


def test_verbose_json_is_whole_and_never_holds_nan(hse):
    with fake.running() as f:
        v = post(f, [("response_format", "verbose_json")])
        assert v["task"] == "transcribe" and set(v) == {"task", "language", "duration", "text", "segments", "usage"}
        for i, s in enumerate(v["segments"]):
            assert set(s) == SEGMENT and s["id"] == i and all(isinstance(s[k], (int, float)) and math.isfinite(s[k]) for k in SEGMENT - {"text", "tokens"})
            assert s["tokens"] == [100 + 2 * i, 101 + 2 * i] and s["start"] == i and s["end"] == i + 1
        w = post(f, [("response_format", "verbose_json"), ("timestamp_granularities[]", "word")])
        assert "segments" not in w and set(w["words"][0]) == {"word", "start", "end"}
        p = post(f, [("include[]", "logprobs")])["logprobs"]
        assert p[3]["logprob"] == -9999, "a log-probability that is no number"


def test_every_field_reaches_the_recogniser(hse):
    rows = [
        (("language", "de"), {"language=de"}), (("language", "JP"), {"language=ja"}), (("language", "auto"), set()),
        (("prompt", "hello"), {"prompt=hello"}), (("hotwords", "abc"), {"hotwords=abc"}), (("keywords[]", "abc"), {"hotwords=abc"}),
        (("languages[]", "de"), {"or=de"}), (("temperature", "0.4"), {"temperature=0.4", "temperatures=1"}), (("temperature", "0"), set()),
        (("temperature_inc", "0.5"), {"temperatures=3"}), (("temperature_inc", "0"), {"temperatures=1"}), (("prefix", "So"), {"prefix=So"}),
        (("batched", "true"), {"batched=1"}), (("multilingual", "true"), {"multilingual=1"}), (("without_timestamps", "true"), {"without_timestamps=1"}),
        (("no_timestamps", "true"), {"without_timestamps=1"}), (("condition_on_previous_text", "false"), {"condition_on_previous_text=0"}),
        (("beam_size", "1"), {"beam_size=1"}), (("best_of", "3"), {"best_of=3"}), (("patience", "2"), {"patience=2"}),
        (("length_penalty", "0.5"), {"length_penalty=0.5"}), (("repetition_penalty", "1.2"), {"repetition_penalty=1.2"}),
        (("no_repeat_ngram_size", "3"), {"no_repeat_ngram_size=3"}), (("compression_ratio_threshold", "2"), {"compression_ratio_threshold=2"}),
        (("log_prob_threshold", "-2"), {"log_prob_threshold=-2"}), (("no_speech_threshold", "0.5"), {"no_speech_threshold=0.5"}),
        (("hallucination_silence_threshold", "2"), {"hallucination_silence_threshold=2"}), (("max_initial_timestamp", "2"), {"max_initial_timestamp=2"}),
        (("max_new_tokens", "30"), {"max_new_tokens=30"}), (("clip_timestamps", "1.5"), {"clip=1.5"}), (("seed", "7"), {"seed=7"}),
        (("translate", "true"), {"task=1"}), (("prompt_reset_on_temperature", "0.7"), {"prompt_reset_on_temperature=0.7"}),
        (("suppress_blank", "false"), {"suppress_blank=0"}), (("suppress_tokens[]", "7"), {"suppress_tokens=7"}),
        (("prepend_punctuations", "("), {"prepend_punctuations=("}), (("append_punctuations", ")"), {"append_punctuations=)"}),
        (("chunk_length", "20"), {"chunk_length=20"}), (("language_detection_threshold", "0.8"), {"language_detection_threshold=0.8"}),
        (("language_detection_segments", "3"), {"language_detection_segments=3"}),
    ]
    with fake.running() as f:
        for field, want in rows:
            assert asked(f, field) == want, (field, asked(f, field))
        assert asked(f, ("keywords[]", "a"), ("keywords[]", "b"), ("hotwords", "c")) == {"hotwords=c,", "a,", "b"}
        assert asked(f, ("languages[]", "de"), ("languages[]", "fr")) == {"or=de", "or=fr"}
        assert asked(f, ("temperature", "0.4"), ("temperature_inc", "0.3")) == {"temperature=0.4", "temperatures=3"}


def test_chunking_strategy_in_its_three_spellings(hse):
    with fake.running() as f:
        text = lambda *fields: re.search(r"\{(.*)\}", post(f, fields)["text"])[1].split(" ")
        assert text(("chunking_strategy", "auto")) == ["batched=1"]
        vad = text(("chunking_strategy[type]", "server_vad"), ("chunking_strategy[threshold]", "0.7"))
        assert set(vad) == {"batched=1", "vad_threshold=0.7", "vad_silence=200", "vad_pad=300"}, vad
        vad = text(("chunking_strategy", '{"type": "server_vad", "silence_duration_ms": 450}'))
        assert {"batched=1", "vad_silence=450"} <= set(vad), vad


def test_vad_parameters(hse):
    values = {"threshold": 0.7, "neg_threshold": 0.3, "min_speech_duration_ms": 70, "max_speech_duration_s": 9,
              "min_silence_duration_ms": 450, "speech_pad_ms": 40}
    want = {"vad_threshold=0.7", "vad_neg=0.3", "vad_speech=70", "vad_longest=9", "vad_silence=450", "vad_pad=40"}
    with fake.running() as f:
        text = lambda *fields: set(re.search(r"\{(.*)\}", post(f, fields)["text"])[1].split(" "))
        assert text(*((f"vad_parameters[{k}]", v) for k, v in values.items())) == want
        assert text(("vad_parameters", json.dumps({"speech_pad_ms": 40}))) == {"vad_pad=40"}
        r = f.post("/v1/audio/transcriptions", {"input_audio": server.speech_base64(), "vad_parameters": values, "suppress_tokens": []})
        assert set(re.search(r"\{(.*)\}", r["text"])[1].split()) == want | {"suppress_none=1"}, r["text"]


def test_silence_gives_no_text(hse):
    with fake.running() as f:
        assert post(f, wav=silence())["text"] == ""
        v = post(f, [("response_format", "verbose_json")], wav=silence())
        assert v["text"] == "" and v["segments"] == [] and v["duration"] == 3
        assert post(f, [("response_format", "srt")], wav=silence()) == ""
        body, head = fake.form([("stream", "true")], [("file", "a.wav", silence())])
        events = fake.events(f.request("POST", "/v1/audio/transcriptions", body, head)[2])
        assert len(events) == 1 and events[0]["type"] == "transcript.text.done" and events[0]["text"] == ""
        assert post(f, [("vad_filter", "false")], wav=silence())["text"].startswith("word0"), "vad_filter is what does it"


def test_hse_json(hse):
    with fake.running() as f:
        body = {"model": "", "input_audio": server.speech_base64()}
        r = f.post("/v1/audio/transcriptions", body)
        assert r["id"].startswith("stt-") and r["text"].startswith("word0") and r["language"] is None and r["timestamps"] is None and r["model"]
        assert isinstance(r["created"], int)
        r = f.post("/v1/audio/transcriptions", {**body, "get_language": True, "get_timestamps": True, "language": "EN"})
        assert r["language"] == "EN" and r["timestamps"][1]["start"] == 1 and r["timestamps"][1]["words"][1]["word"] == " énd1"
        r = f.post("/v1/audio/transcriptions", {**body, "task": "translate", "beam_size": 1, "keywords": ["x"]})
        assert set(re.search(r"\{(.*)\}", r["text"])[1].split()) == {"task=1", "beam_size=1", "hotwords=x"}
        names = [m["id"] for m in f.get("/v1/audio/transcriptions/models")["data"]]
        assert names == ["fake-recogniser"], names


def test_what_is_refused_and_how(hse):
    rows = [([("response_format", "diarized_json")], "response_format"), ([("known_speaker_names[]", "Ann")], "known_speaker_names"),
            ([("known_speaker_references[]", "data:,")], "known_speaker_references"), ([("timestamp_granularities[]", "word")], "timestamp_granularities"),
            ([("include[]", "logprobs"), ("response_format", "text")], "include"), ([("include[]", "usage")], "include[0]"),
            ([("stream", "true"), ("response_format", "srt")], "stream"), ([("temperature", "1.1")], "temperature"), ([("temperature", "-1")], "temperature"),
            ([("temperature", "warm")], "temperature"), ([("temperature_inc", "0.01")], "temperature_inc"), ([("beam_size", "0")], "beam_size"),
            ([("language", "de"), ("languages[]", "fr")], "languages"),
            ([("vad_parameters[threshold]", "0.5"), ("chunking_strategy[type]", "server_vad")], "vad_parameters"),
            ([("vad_parameters[threshold]", "2")], "vad_parameters.threshold"), ([("suppress_tokens[]", "-2")], "suppress_tokens[0]"), ([("chunking_strategy", "sometimes")], "chunking_strategy"),
            ([("chunking_strategy[threshold]", "0.5")], "chunking_strategy.type"), ([("stream", "perhaps")], "stream"), ([("nonsense", "1")], "nonsense"),
            ([("response_format", "xml")], "response_format"), ([("model", "whisper-1"), ("model", "x")], "model")]
    with fake.running() as f:
        for fields, param in rows:
            error = post(f, fields, want=400)["error"]
            assert error["param"] == param and error["message"], (fields, error)
        for fields in ([("response_format", "diarized_json")], [("known_speaker_names[]", "Ann")]):
            assert post(f, fields, want=400)["error"]["code"] == "unsupported"
        assert post(f, [("model", "nobody")], want=404)["error"]["code"] == "model_not_found"
        body, head = fake.form([("model", "whisper-1")])
        assert json.loads(f.request("POST", "/v1/audio/transcriptions", body, head)[2])["error"]["param"] == "file"
        for wav in (b"", b"this is no audio", WAV[:30]):
            assert post(f, want=400, wav=wav)["error"]["param"] == "file"
        assert f.request("POST", "/v1/audio/translations", {"input_audio": "x"})[0] == 415
        try:
            sdk(f).transcriptions.create(model="whisper-1", file=("a.wav", WAV), response_format="diarized_json")
            raise AssertionError("accepted")
        except openai.BadRequestError as e:
            assert e.code == "unsupported" and e.param == "response_format" and e.request_id


def test_the_file_may_come_first_or_last_and_in_any_format(hse):
    with fake.running() as f:
        mp3 = f.post("/v1/audio/speech", {"input": "A few words for a file in another format.", "voice": "slt"}, {"Accept": "audio/mpeg"})
        assert post(f, [("vad_filter", "false")], wav=mp3)["text"].startswith("word0 énd0")
        first, head = fake.form([("language", "de")], [])
        body, head = fake.form([], [("file", "a.mp3", mp3)])
        body = body[:body.rindex(b"\r\n--") + 2] + first               # the file first, then the rest
        assert "language=de" in json.loads(f.request("POST", "/v1/audio/transcriptions", body, head)[2])["text"]


def test_without_a_recogniser_the_error_says_what_to_do(hse):
    body, head = fake.form([], [("file", "a.wav", WAV)])
    if hse.get("/v1/audio/transcriptions/models")["data"]:
        return                                                              # one was found on this machine
    status, _, data = hse.request("POST", "/v1/audio/transcriptions", body, head)
    error = json.loads(data)["error"]
    assert status == 404 and error["code"] == "model_not_found" and "put one (whisper) into" in error["message"], error


def test_many_at_once_get_what_one_gets(hse):
    import concurrent.futures
    with fake.running() as f:
        want = post(f)
        with concurrent.futures.ThreadPoolExecutor(12) as pool:
            assert all(got == want for got in pool.map(lambda i: post(f), range(36)))


def test_the_real_recogniser_through_the_sdk(hse):
    """The kit's Whisper: random weights, so its words mean nothing, but every answer is whole and says the same."""
    import os
    import tempfile
    with tempfile.TemporaryDirectory() as folder:
        os.mkdir(os.path.join(folder, "org"))
        os.symlink(os.path.join(server.ROOT, "tests", "golden", "whisper", "models", "ml", "ct2_float16"), os.path.join(folder, "org", "tiny"))
        with server.running("--models", folder) as f:
            create = lambda **k: sdk(f).transcriptions.create(model="whisper-1", file=("a.wav", WAV), extra_body={"beam_size": 1, "language": "en"}, **k)
            plain = create(include=["logprobs"])
            assert len(plain.text) > 20 and plain.languages[0].code == "en"
            said = b"".join(bytes(int(b) for b in p.bytes) for p in plain.logprobs).decode(errors="replace").strip()
            assert said == plain.text and all(-100 < p.logprob <= 0 for p in plain.logprobs), (said[:200], plain.text[:200])
            assert create(response_format="text") == plain.text + "\n"
            v = create(response_format="verbose_json", timestamp_granularities=["word", "segment"])
            # With words the next window begins behind the last word, so that there may be one more, as faster-whisper does it.
            assert v.text.startswith(plain.text) and v.language == "english" and abs(v.duration - 11) < 0.01 and v.words
            assert "".join(s.text for s in v.segments).strip() == v.text and all(0 <= s.start <= s.end <= 11.01 for s in v.segments)
            events = list(create(stream=True))
            assert "".join(e.delta for e in events[:-1]) == events[-1].text == plain.text
            assert create(response_format="srt").startswith("1\n00:00:") and create(response_format="vtt").startswith("WEBVTT\n\n00:00:")
            body, head = fake.form([], [("file", "silence.wav", silence())])
            assert json.loads(f.request("POST", "/v1/audio/transcriptions", body, head)[2])["text"] == "", "silence gives no text"
            for model in ("whisper", "org/tiny", "tiny"):              # by its name, its folder, faster-whisper's name
                r = sdk(f).transcriptions.create(model=model, file=("a.wav", WAV), extra_body={"beam_size": 1, "language": "en", "max_new_tokens": 5})
                assert r.text and plain.text.startswith(r.text[:5]), (model, r.text)
            f.post("/v1/models/load", {"model": "tiny"})


def test_the_default_granularity_goes_with_every_format(hse):
    """As Vercel's AI SDK sends it."""
    with fake.running() as f:
        for kind in ("json", "text", "srt", "vtt"):
            assert post(f, [("response_format", kind), ("timestamp_granularities[]", "segment")]) == post(f, [("response_format", kind)]), kind


def test_files_as_all_kinds_of_clients_send_them(hse):
    """A part is a file by its name or by its type; what the name is does not matter, nor the order of the fields."""
    head = b"--b\r\nContent-Disposition: form-data; name=\"file\""
    model = b"--b\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nwhisper-1\r\n"
    with fake.running() as f:
        want = post(f)
        for part in (b"; filename=\"blob\"\r\n\r\n", b"; filename=\"\"\r\n\r\n", b"; filename=\"M\xfcller.mp3\"\r\n\r\n", b"; filename=\"../../etc/passwd\"\r\n\r\n",
                     b"\r\nContent-Type: audio/x-wav\r\n\r\n", b"\r\nContent-Type: application/octet-stream\r\n\r\n", b"\r\ncontent-type: Video/WebM\r\n\r\n"):
            for body in (head + part + WAV + b"\r\n" + model, model + head + part + WAV + b"\r\n"):
                status, _, data = f.request("POST", "/v1/audio/transcriptions", body + b"--b--\r\n", {"Content-Type": "multipart/form-data; boundary=b"})
                assert status == 200 and json.loads(data) == want, (part, data[:300])
