"""Names that stand for others: aliases of models (OpenAI's names among them), repositories, OpenAI's voices as the config has them; and
what is said of a model that cannot be used."""
import concurrent.futures
import json
import os
import tempfile
import time

import fake
import server

WAV = server.speech_wav()
ALIASES = ("reader=harmonyspeech,tts-1=demo/harmonyspeech,gpt-transcribe=silero-vad,gpt-4o-transcribe=fake-recogniser,ears=silero-vad,"
           "cleaner=voicefixer,loop=reader")


def speak(f, want=200, **fields):
    """(bytes, the model that answered), or the error."""
    status, head, data = f.request("POST", "/v1/audio/speech", {"input": "Hello there.", "response_format": "wav", **fields}, {"Accept": "audio/wav"})
    assert status == want, (fields, status, data[:300])
    return (data, head["x-hse-model"]) if want == 200 else json.loads(data)["error"]


def transcribe(f, model, want=200):
    body, head = fake.form([("model", model)], [("file", "a.wav", WAV)])
    status, _, data = f.request("POST", "/v1/audio/transcriptions", body, head)
    assert status == want, (model, status, data[:300])
    return json.loads(data)


def test_an_alias_is_the_model_wherever_a_model_is_named(hse):
    with fake.running(aliases=ALIASES) as f:
        assert speak(f, model="gpt-4o-mini-tts")[1] == speak(f, model="reader")[1] == "harmonyspeech"
        assert speak(f, model="tts-1")[1] == "demo/harmonyspeech", "the config's meaning of OpenAI's name goes first"
        assert speak(f, model="loop", want=404)["param"] == "model", "an alias of an alias is none"
        assert transcribe(f, "gpt-4o-transcribe")["text"] and transcribe(f, "whisper-1")["text"]
        e = transcribe(f, "gpt-transcribe", 400)["error"]
        assert e["param"] == "model" and "silero-vad" in e["message"], e

        body, head = fake.form([("name", "Ann")], [("audio_sample", "a.wav", WAV)])
        assert f.request("POST", "/v1/audio/voices", body, head)[0] == 200
        ann = speak(f, voice="Ann")[0]
        for model in ("reader", "tts-1", "demo/harmonyspeech"):
            assert speak(f, voice="Ann", model=model)[0] == ann, model
            assert speak(f, voice="coral", model=model)[0] == speak(f, voice="rms")[0], model
            assert f.get("/v1/audio/voices?model=" + model)["data"] == f.get("/v1/audio/voices")["data"], model
        said = {"input": "<speak><voice name='Ann'>Hello there.</voice></speak>"}
        assert speak(f, **said)[0] == speak(f, model="tts-1", **said)[0] == speak(f, model="reader", **said)[0] == ann

        clone = {"input": "Hi.", "mode": "voice_cloning", "input_audio": server.speech_base64()}
        assert f.post("/v1/audio/speech", {**clone, "input_vad_mode": "ears"})["data"] == f.post("/v1/audio/speech", {**clone, "input_vad_mode": "silero"})["data"]
        filtered = lambda name: f.post("/v1/audio/speech", {"input": "Hi.", "post_generation_filters": [{"model": name}]})["data"]
        assert filtered("cleaner") == filtered("")
        card = f.get("/v1/models/reader")
        assert card["id"] == "reader" and card["root"] == "harmonyspeech"
        assert f.get("/v1/models/tts-1-hd")["root"] == "harmonyspeech"
        assert {m["id"] for m in f.get("/v1/models")["data"]}.isdisjoint({"reader", "tts-1", "ears"}), "aliases are not listed"


def test_openai_voices_of_the_config(hse):
    with fake.running(openai_voices="alloy=rms,nova=Ann,echo=nobody,teller=awb", aliases="reader=harmonyspeech,lost=gone", vad_model="ears",
                      preload="absent") as f:
        body, head = fake.form([("name", "Ann")], [("audio_sample", "a.wav", WAV)])
        assert f.request("POST", "/v1/audio/voices", body, head)[0] == 200
        for model in ("", "reader"):
            assert speak(f, voice="alloy", model=model) == speak(f, voice="rms", model=model)
            assert speak(f, voice="nova", model=model) == speak(f, voice="Ann", model=model), "a stored voice"
            assert speak(f, voice="teller", model=model) == speak(f, voice="awb", model=model)
            assert speak(f, voice="echo", model=model) == speak(f, voice="slt", model=model), "in turn, where nobody has that voice"
        log = f.log()
        for words in ("openai_voices: 'echo' stands for 'nobody'", "aliases: 'lost' stands for 'gone'", "vad_model: no model 'ears'", "preload: there is no model 'absent'"):
            assert words in log, (words, log)
        assert "'reader' stands" not in log and "'alloy' stands" not in log
        e = transcribe(f, "whisper-1", 404)["error"]
        assert "vad_model" in e["message"] and "silero-vad" in e["message"], e
    with fake.running(vad_model="ears", aliases="ears=silero-vad") as f:
        assert transcribe(f, "whisper-1")["text"] and "vad_model" not in f.log()


def test_the_list_of_all_says_why_a_thing_cannot_be_used(hse):
    with tempfile.TemporaryDirectory() as d:
        os.makedirs(os.path.join(d, "org", "strange"))
        open(os.path.join(d, "org", "strange", "weights.safetensors"), "w").close()
        with server.running("--models", d) as s:
            usable, all_of_them = s.get("/v1/models")["data"], {m["id"]: m for m in s.get("/v1/models?all=true")["data"]}
            assert "org/strange" not in [m["id"] for m in usable] and all("problem" not in m for m in usable)
            assert "no built-in model type" in all_of_them["org/strange"]["problem"], all_of_them["org/strange"]
            assert all_of_them["harmonyspeech"]["problem"] is None and {m["id"] for m in usable} < set(all_of_them)
            status, _, data = s.request("GET", "/v1/models/org/strange")
            e = json.loads(data)["error"]
            assert status == 404 and e["code"] == "model_not_found" and "no built-in model type" in e["message"] and d not in e["message"], e
            assert s.request("GET", "/v1/models?al=1")[0] == 400


def test_a_full_server_says_when_to_come_back(hse):
    """By how long such requests take; and it counts whom it sent away."""
    with fake.running(max_requests=1) as f:
        body, head = fake.form([("prompt", "slow")], [("file", "a.wav", WAV[:44 + 5 * 32000])])
        ask = lambda: f.request("POST", "/v1/audio/transcriptions", body, head)
        assert [ask()[0] for _ in range(2)] == [200, 200]
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            long = pool.submit(ask)
            until = time.monotonic() + 20
            while b'hse_requests_started_total{task="transcribe"} 3' not in f.request("GET", "/metrics")[2]:
                assert time.monotonic() < until, "the third request did not begin"
                time.sleep(0.01)
            status, head2, data = ask()
            assert status == 503 and json.loads(data)["error"]["code"] == "overloaded"
            assert 2 <= int(head2["retry-after"]) <= 60 and head2["x-should-retry"] == "true", head2
            assert long.result()[0] == 200
        assert b'hse_request_rejected_total{reason="busy"} 1' in f.request("GET", "/metrics")[2]
