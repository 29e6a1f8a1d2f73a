"""pre_processing_filters and post_generation_filters run; input_vad_mode and input_vad_data cut a recording to its speech."""
import base64
import json

import fake
import server

B64 = server.speech_base64()
RESTORE = [{"model": ""}]
CLONE = {"input": "Hello there.", "mode": "voice_cloning", "input_audio": B64}


def data(f, path="/v1/audio/speech", **fields):
    return f.post(path, fields)["data"]


def refused(f, status, param, **fields):
    got, _, answer = f.request("POST", "/v1/audio/speech", fields)
    e = json.loads(answer)["error"]
    assert got == status and e["param"] == param, (got, e)
    return e


def test_filters_before_and_after(hse):
    with fake.running() as f:
        base = data(f, **CLONE)
        before, after = data(f, **CLONE, pre_processing_filters=RESTORE), data(f, **CLONE, post_generation_filters=RESTORE)
        twice = data(f, **CLONE, post_generation_filters=RESTORE * 2)
        assert len({base, before, after, twice}) == 4, "each of them does something"
        assert data(f, **CLONE, pre_processing_filters=[], post_generation_filters=[]) == base
        named = [m["id"] for m in f.get("/v1/audio/convert/models")["data"]][0]
        assert data(f, **CLONE, post_generation_filters=[{"model": named}]) == after


def test_a_filter_is_the_conversion_that_it_stands_for(hse):
    with fake.running() as f:
        spoken = data(f, **CLONE, output_options={"format": "flac"})
        wanted = data(f, "/v1/audio/convert", source_audio=spoken)
        got = data(f, **CLONE, post_generation_filters=RESTORE)
        a, b = server.wav_samples(base64.b64decode(wanted)), server.wav_samples(base64.b64decode(got))
        assert a[1] == b[1] and len(a[0]) == len(b[0]) and max(abs(x - y) for x, y in zip(a[0], b[0])) < 200


def test_filtered_answers_stream_and_come_as_events(hse):
    with fake.running() as f:
        body = {**CLONE, "post_generation_filters": RESTORE, "output_options": {"format": "pcm"}}
        whole = base64.b64decode(f.post("/v1/audio/speech", body)["data"])
        assert f.post("/v1/audio/speech", {**body, "output_options": {"format": "pcm", "stream": True}}, {"Accept": "audio/pcm"}) == whole
        events = fake.events(f.request("POST", "/v1/audio/speech", {**body, "stream_format": "sse"})[2])
        assert b"".join(base64.b64decode(e["audio"]) for e in events[:-1]) == whole and events[-1]["type"] == "speech.audio.done"


def test_conversions_have_filters_too(hse):
    with fake.running() as f:
        base = {"source_audio": B64, "target_audio": B64}
        results = {data(f, "/v1/voice/convert", **base, **extra) for extra in
                   ({}, {"pre_processing_filters": RESTORE}, {"post_generation_filters": RESTORE})}
        assert len(results) == 3


def test_every_recording_may_be_filtered_first(hse):
    """pre_processing_filters of what hears: the restorer has computed something, and its recording is heard."""
    with fake.running() as f:
        computed = lambda: {m["id"]: m["items"] for m in f.get("/v1/ps?all=true")["data"]}["restorer"]
        vad = {"get_timestamps": True, "threshold": 0.3}
        for path, field, want, body in (("/v1/embed/speaker", "input_audio", "data", {}), ("/v1/audio/vad", "input_audio", "timestamps", vad),
                                        ("/v1/audio/transcriptions", "input_audio", "text", {"get_timestamps": True})):
            before, plain = computed(), f.post(path, {**body, field: B64, "pre_processing_filters": []})[want]
            assert plain and computed() == before
            changed = f.post(path, {**body, field: B64, "pre_processing_filters": RESTORE})[want]
            assert computed() > before and (changed != plain or want == "text"), path
            status, _, answer = f.request("POST", path, {**body, field: B64, "pre_processing_filters": [{"model": "nobody"}]})
            assert status == 404 and json.loads(answer)["error"]["param"] == "pre_processing_filters[0].model", answer
        embed = lambda **fields: f.post("/v1/embed/speaker", {"input_audio": B64, **fields})
        assert embed(pre_processing_filters=RESTORE)["data"] != embed()["data"]
        assert embed(pre_processing_filters=RESTORE, reference_audio=B64)["similarity"] > 0.9999, "both recordings pass through"
        for path in ("/v1/audio/transcriptions", "/v1/audio/translations"):
            before = computed()
            body, head = fake.form([("pre_processing_filters", '[{"model": ""}]')], [("file", "a.wav", server.speech_wav())])
            assert f.request("POST", path, body, head)[0] == 200 and computed() > before, path


def test_filters_that_are_no_restorers_are_refused_by_name(hse):
    with fake.running() as f:
        for field in ("pre_processing_filters", "post_generation_filters"):
            e = refused(f, 404, field + "[0].model", **CLONE, **{field: [{"model": "nobody"}]})
            assert e["code"] == "model_not_found" and "nobody" in e["message"]
            e = refused(f, 400, field + "[1].model", **CLONE, **{field: [{"model": ""}, {"model": "silero-vad"}]})
            assert "silero-vad" in e["message"]
            for key, value in (("source_audio", B64), ("target_embedding", "AAAA"), ("output_options", {"format": "mp3"})):
                refused(f, 400, f"{field}[0].{key}", **CLONE, **{field: [{"model": "", key: value}]})
            refused(f, 400, field, **CLONE, **{field: RESTORE * 9})
            refused(f, 400, field, **CLONE, **{field: "voicefixer"})
        refused(f, 400, "pre_processing_filters", input="Hi.", voice="slt", language="en", pre_processing_filters=RESTORE)
    if not hse.get("/v1/audio/convert/models")["data"]:
        refused(hse, 404, "post_generation_filters[0].model", **CLONE, post_generation_filters=RESTORE)


def test_input_vad_mode_finds_the_speech_first(hse):
    embed = lambda **fields: data(hse, "/v1/embed/speaker", input_audio=B64, **fields)
    assert embed(input_vad_mode="silero") == embed(input_vad_mode="silero-vad") != embed() == embed(input_vad_mode="none")
    assert data(hse, **CLONE, input_vad_mode="silero") != data(hse, **CLONE)
    for path, body in (("/v1/embed/speaker", {"input_audio": B64}), ("/v1/audio/speech", CLONE)):
        status, _, answer = hse.request("POST", path, {**body, "input_vad_mode": "ears"})
        e = json.loads(answer)["error"]
        assert status == 400 and e["param"] == "input_vad_mode" and "silero-vad" in e["message"], e


def test_input_vad_data_is_the_answer_of_the_vad_route(hse):
    embed = lambda **fields: data(hse, "/v1/embed/speaker", input_audio=B64, **fields)
    vad = hse.post("/v1/audio/vad", {"input_audio": B64, "get_timestamps": True})
    by_mode = embed(input_vad_mode="silero")
    assert embed(input_vad_data=json.dumps(vad)) == embed(input_vad_data=json.dumps(vad["timestamps"])) == by_mode
    seconds = [{"start": t["start"] / 16000, "end": t["end"] / 16000} for t in vad["timestamps"]]
    assert embed(input_vad_data=json.dumps({"segments": seconds, "text": " And so..."})) == by_mode, "a transcription's segments are seconds"
    assert embed(input_vad_data='[{"start": 0, "end": 4}]') == embed(input_vad_data='[{"start": 0, "end": 64000}]') != embed()


def test_input_vad_data_that_is_wrong(hse):
    for text in ("no JSON", "{}", "[]", "7", '[{"start": 1}]', '[{"start": 2, "end": 1}]', '[{"start": -1, "end": 1}]', '[{"start": "0", "end": 1}]',
                 '[{"start": 3, "end": 4}, {"start": 1, "end": 2}]', '[{"start": 100.0, "end": 200.0}]', '[{"start": 0, "end": 1e999}]', "[1, 2]"):
        status, _, answer = hse.request("POST", "/v1/embed/speaker", {"input_audio": B64, "input_vad_data": text})
        assert status == 400 and json.loads(answer)["error"]["param"] == "input_vad_data", (text, status, answer[:200])
    for fields in ({"input_vad_mode": "silero", "input_vad_data": "[]"},):
        status, _, answer = hse.request("POST", "/v1/embed/speaker", {"input_audio": B64, **fields})
        assert status == 400 and "exclude" in json.loads(answer)["error"]["message"]
    for field, value in (("input_vad_mode", "silero"), ("input_vad_data", '[{"start": 0, "end": 1}]')):
        refused(hse, 400, field, input="Hi.", voice="slt", **{field: value})
