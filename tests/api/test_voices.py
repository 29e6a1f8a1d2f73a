"""The voice store over HTTP: uploaded once, used by name wherever a voice is taken, there after a restart, safe beside other writers."""
import base64
import concurrent.futures
import json
import os
import subprocess
import tempfile

import fake
import server

WAV = server.speech_wav()


def add(hse, name, wav=WAV, want=200, **fields):
    body, head = fake.form([("name", name), *fields.items()], [("audio_sample", "sample.wav", wav)])
    status, _, data = hse.request("POST", "/v1/audio/voices", body, head)
    assert status == want, (name, status, data[:300])
    return json.loads(data)


def speak(hse, voice, **fields):
    body = {"input": "Hello there.", "voice": voice, "response_format": "wav", **fields}
    return hse.post("/v1/audio/speech", body, {"Accept": "audio/wav"})


def error(hse, status, param, path="/v1/audio/voices", **request):
    got, head, data = hse.request(request.pop("method", "POST"), path, **request)
    e = json.loads(data)["error"]
    assert got == status and e["param"] == param, (got, e)
    return e, head


def test_a_store_that_cannot_be_written_is_the_servers_fault(_):
    with tempfile.NamedTemporaryFile() as f:
        for state in ("/proc/nowhere", f.name):
            with server.running("--state", state) as s:
                body, head = fake.form([("name", "x")], [("audio_sample", "a.wav", server.speech_wav())])
                status, got, data = s.request("POST", "/v1/audio/voices", body, head)
                error = json.loads(data)["error"]
                assert status == 500 and error["code"] == "internal_error" and "folder of stored voices" in error["message"] and "/" not in error["message"], data
                assert got["x-should-retry"] == "false" and "cannot make the folder" in s.log()
                assert s.get("/v1/audio/voices")["data"] and s.get("/v1/audio/voices/x", 404)["error"]["code"] == "voice_not_found"


def test_upload_once_use_by_name(hse):
    v = add(hse, "Ännchen 1", consent="cons_1")
    assert v["object"] == "audio.voice" and v["id"].startswith("voice_") and v["name"] == "Ännchen 1" and v["consent"] == "cons_1"
    assert v["type"] == "audio_sample" and isinstance(v["created_at"], int)
    q = v["quality"]
    assert 10 < q["seconds"] < 12 and 5 < q["speech_seconds"] < 11 and 10 < q["snr_db"] < 60 and q["clipped"] < 0.01, q
    cloned = hse.post("/v1/audio/speech", {"input": "Hello there.", "mode": "voice_cloning", "input_audio": server.speech_base64()})["data"]
    for name in ("Ännchen 1", v["id"], {"id": v["id"]}):
        assert speak(hse, name) == base64.b64decode(cloned), "the same bits as with the recording in the request"
    r = hse.post("/v1/audio/speech", {"input": "Hello there.", "voice": "Ännchen 1", "mode": "voice_cloning"})
    assert r["data"] == cloned
    got = hse.get("/v1/audio/voices/" + v["id"])
    assert got == v and hse.get("/v1/audio/voices/%C3%84nnchen%201") == v
    status, _, data = hse.request("DELETE", "/v1/audio/voices/" + v["id"])
    assert status == 200 and json.loads(data) == {"object": "audio.voice.deleted", "id": v["id"], "name": "Ännchen 1", "deleted": True}
    e, _ = error(hse, 400, "voice", "/v1/audio/speech", body={"input": "Hi.", "voice": "Ännchen 1"})
    assert "slt" in e["message"]
    for method in ("GET", "DELETE"):
        e, _ = error(hse, 404, None, "/v1/audio/voices/" + v["id"], method=method)
        assert e["code"] == "voice_not_found"


def test_json_uploads_and_names_of_openai(hse):
    v = hse.post("/v1/audio/voices", {"name": "alloy", "audio_sample": server.speech_base64()})
    try:
        assert speak(hse, "alloy") != speak(hse, "slt"), "a stored voice goes before OpenAI's meaning of the name"
    finally:
        hse.request("DELETE", "/v1/audio/voices/" + v["id"])
    assert speak(hse, "alloy") == speak(hse, "slt")
    e, head = error(hse, 409, "name", body={"name": "slt", "audio_sample": server.speech_base64()})
    assert e["code"] == "voice_exists" and "harmonyspeech" in e["message"] and "of its own" in e["message"] and head["x-should-retry"] == "false", e
    assert hse.get("/v1/audio/voices/slt") == hse.get("/v1/audio/voices")["data"][0] == {"object": "audio.voice", "id": "slt", "name": "slt", "type": "model"}
    error(hse, 404, None, "/v1/audio/voices/slt", method="DELETE")


def test_the_list(hse):
    names = ["list-b", "list-a", "list-c"]
    for n in names:
        add(hse, n)
    try:
        r = hse.get("/v1/audio/voices")
        assert r["object"] == "list" and [v["name"] for v in r["data"]] == ["slt", "awb", "kal16", "rms", "list-a", "list-b", "list-c"], r
        assert {"id": "list-a", "name": "list-a"} in r["voices"] and r["has_more"] is False and r["first_id"] == "slt"
        assert all(v["object"] == "audio.voice" for v in r["data"])
        some = hse.get("/v1/audio/voices?limit=2&after=rms")
        assert [v["name"] for v in some["data"]] == ["list-a", "list-b"] and some["has_more"] is True
        rest = hse.get("/v1/audio/voices?after=" + some["last_id"])
        assert [v["name"] for v in rest["data"]] == ["list-c"] and rest["has_more"] is False and rest["last_id"] == rest["data"][0]["id"]
        assert hse.get("/v1/audio/voices?model=harmonyspeech") == r
        assert hse.get("/v1/audio/voices?model=silero-vad")["data"] == []
        for query, status, param in (("model=nobody", 404, "model"), ("limit=0", 400, "limit"), ("limit=x", 400, "limit"), ("after=zzz", 400, "after"),
                                     ("modell=x", 400, "modell")):
            error(hse, status, param, "/v1/audio/voices?" + query, method="GET")
    finally:
        for n in names:
            hse.request("DELETE", "/v1/audio/voices/" + n)


def test_what_is_refused(hse):
    good = server.speech_base64()
    rows = [({"name": "", "audio_sample": good}, "name"), ({"audio_sample": good}, "name"), ({"name": "x"}, "audio_sample"),
            ({"name": "../../etc/passwd", "audio_sample": good}, "name"), ({"name": "a/b", "audio_sample": good}, "name"),
            ({"name": ".hidden", "audio_sample": good}, "name"), ({"name": "x\ny", "audio_sample": good}, "name"),
            ({"name": "voice_0123456789abcdef", "audio_sample": good}, "name"),             ({"name": "x", "audio_sample": base64.b64encode(b"no audio at all").decode()}, "audio_sample"),
            ({"name": "x", "audio_sample": "%%%"}, "audio_sample"), ({"name": "x", "audio_sample": ""}, "audio_sample"),
            ({"name": "x", "audio_sample": good, "prompt": "an old man"}, "prompt"), ({"name": "x", "audio_sample": good, "type": "prompt"}, "type"),
            ({"name": "x", "audio_sample": good, "nonsense": 1}, "nonsense"), ({"name": 7, "audio_sample": good}, "name")]
    for body, param in rows:
        error(hse, 400, param, body=body)
    error(hse, 413, "name", body={"name": "é" * 33, "audio_sample": good})
    silence = WAV[:44] + bytes(32000)
    e, _ = error(hse, 400, "audio_sample", body={"name": "x", "audio_sample": base64.b64encode(silence).decode()})
    assert "no speech" in e["message"], e
    v = add(hse, "twice")
    e, head = error(hse, 409, "name", body={"name": "twice", "audio_sample": good})
    assert e["code"] == "voice_exists" and head["x-should-retry"] == "false"
    hse.request("DELETE", "/v1/audio/voices/" + v["id"])
    long = WAV[:40] + (320 * 32000).to_bytes(4, "little") + WAV[44:32044] * 320
    body, head = fake.form([("name", "long")], [("audio_sample", "x.wav", long[:9_700_000])])
    status, _, data = hse.request("POST", "/v1/audio/voices", body, head)
    assert status == 413 and json.loads(data)["error"]["param"] == "audio_sample", data[:200]
    assert [v["name"] for v in hse.get("/v1/audio/voices")["data"] if v["type"] == "audio_sample"] == []


def test_voices_survive_a_restart_and_a_kill(hse):
    import tempfile
    with tempfile.TemporaryDirectory() as state:
        with fake.running(state=state) as f:
            v = add(f, "kept")
            before = speak(f, "kept")
        f = fake.Fake(state=state)
        try:
            assert f.get("/v1/audio/voices/kept") == v and speak(f, "kept") == before
            assert "hs1-encoder loaded" not in f.log(), "the embedding came from the disk"
            with concurrent.futures.ThreadPoolExecutor(4) as pool:           # kill -9 amid writes
                for i in range(6):
                    pool.submit(lambda i=i: f.request("POST", "/v1/audio/voices", *fake.form([("name", f"v{i}")], [("audio_sample", "a.wav", WAV)])))
                f.process.kill()
                f.process.wait()
        finally:
            f.process.kill()
        with fake.running(state=state) as f:
            for v in f.get("/v1/audio/voices")["data"]:
                if v["type"] == "audio_sample":
                    assert len(speak(f, v["name"])) > 8000
            add(f, "after")
            left = [n for folder, _, names in os.walk(state) for n in names if n.endswith(".part")]
            assert left == [], left


def test_damaged_entries_are_skipped_and_logged(hse):
    import tempfile
    with tempfile.TemporaryDirectory() as state:
        with fake.running(state=state) as f:
            good, bad, cut = add(f, "good"), add(f, "bad"), add(f, "cut")
        folder = os.path.join(state, "voices")
        with open(os.path.join(folder, bad["id"] + ".json"), "w") as file:
            file.write('{"format": 1, "id": ')
        os.truncate(os.path.join(folder, "audio", cut["id"] + ".wav"), 1000)
        with fake.running(state=state) as f:
            assert [v["name"] for v in f.get("/v1/audio/voices")["data"] if v["type"] == "audio_sample"] == ["cut", "good"]
            assert len(speak(f, "good")) > 8000
            e, _ = error(f, 400, "voice", "/v1/audio/speech", body={"input": "Hi.", "voice": "cut"})
            assert "cannot be used" in e["message"] and "/" not in e["message"], e
            error(f, 400, "voice", "/v1/audio/speech", body={"input": "Hi.", "voice": "bad"})
            assert bad["id"] in f.log() and cut["id"] in f.log()
            for v in (bad, cut):
                assert f.request("DELETE", "/v1/audio/voices/" + v["id"])[0] == 200
            add(f, "bad")


def test_two_servers_share_a_store(hse):
    import tempfile
    with tempfile.TemporaryDirectory() as state, fake.running(state=state) as a, fake.running(state=state) as b:
        names = [f"v{i}" for i in range(12)]
        with concurrent.futures.ThreadPoolExecutor(6) as pool:
            codes = list(pool.map(lambda n: [s.request("POST", "/v1/audio/voices", *fake.form([("name", n)], [("audio_sample", "a.wav", WAV)]))[0]
                                             for s in (a, b)], names))
        assert all(sorted(c) == [200, 409] for c in codes), codes
        mine = lambda s: [v["id"] for v in s.get("/v1/audio/voices")["data"] if v["type"] == "audio_sample"]
        assert len(mine(a)) == 12 and mine(a) == mine(b)
        assert speak(a, "v3") == speak(b, "v3")


def test_nothing_is_written_where_others_read(hse):
    import tempfile
    with tempfile.TemporaryDirectory() as state:
        with fake.running(state=state) as f:
            add(f, "private")
        mode = subprocess.run(["stat", "-c", "%a", os.path.join(state, "voices")], capture_output=True, text=True, check=True).stdout.strip()
        assert mode == "700", mode


def test_stored_voices_in_ssml(hse):
    """<voice> takes a stored voice by name or id, beside the model's own, and says of what is nobody's that it is."""
    v = add(hse, "Bertha & Co")
    try:
        alone = speak(hse, "Bertha & Co")
        said = lambda text, **more: hse.post("/v1/audio/speech", {"input": text, "response_format": "wav", **more}, {"Accept": "audio/wav"})
        marked = "<speak><voice name='%s'>Hello there.</voice></speak>"
        assert said(marked % "Bertha &amp; Co") == alone and said(marked % v["id"]) == alone
        assert said(marked % "slt") == speak(hse, "slt") != alone
        two = said(f"<speak>Hello there. <voice name='{v['id']}'>Hello there.</voice> Hello there.</speak>", voice="slt")
        one = said("<speak>Hello there. <voice name='kal16'>Hello there.</voice> Hello there.</speak>", voice="slt")
        assert two != one and len(two) > 2 * len(alone)
        e, _ = error(hse, 400, "input", "/v1/audio/speech", body={"input": marked % "nobody"})
        assert "line 1, column 8" in e["message"] and "slt" in e["message"], e
        assert hse.request("POST", "/v1/audio/speech", {"input": marked % "Bertha &amp; Co", "input_type": "text"})[0] == 200, "it is text there"
    finally:
        hse.request("DELETE", "/v1/audio/voices/" + v["id"])
    e, _ = error(hse, 400, "input", "/v1/audio/speech", body={"input": marked % "Bertha &amp; Co"})
    assert "Bertha" in e["message"], e


def test_a_stored_voice_of_a_model_by_another_name(_):
    """With an alias, and with none, the voice is looked for where the request is answered."""
    with server.running(variables={"HSE_ALIASES": "mine=harmonyspeech"}) as s:
        s.post("/v1/audio/voices", {"name": "Ann", "audio_sample": server.speech_base64()})
        said = {model: s.post("/v1/audio/speech", {"input": "Hello.", "language": "en", "voice": "Ann", "model": model})["data"]
                for model in ("mine", "harmonyspeech", "", "tts-1")}
        assert len(set(said.values())) == 1, "the same voice by every name"
        assert said["mine"] != s.post("/v1/audio/speech", {"input": "Hello.", "language": "en", "model": "mine"})["data"]
        names = [v["name"] for v in s.get("/v1/audio/voices?model=mine")["data"]]
        assert "Ann" in names and "slt" in names, names
