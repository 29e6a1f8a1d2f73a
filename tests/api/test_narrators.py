"""MeloTTS and OpenVoice V1's base speakers through the product: lists, both forms of a speech request, seeds, voices, speed,
streaming, batches, what is missing. Small models with random weights; their numbers are the golden cases' concern."""
import array
import concurrent.futures
import json
import os
import re
import shutil

import server
from narrators import case, folders, hse, variables

TEXT = "Hello world. Did you ever hear a folk tale about a giant turtle?"
MELO, BASE = "ov2-synthesizer-en", "ov1-synthesizer-en"


def samples(data):
    return array.array("h", data).tolist()


def speak(s, model, **body):
    """(samples of the pcm answer, its headers)"""
    body = {"model": model, "input": TEXT, "response_format": "pcm", "voice": "alloy", "output_options": {"sample_rate": 22050}} | body
    status, head, data = s.request("POST", "/v1/audio/speech", body, {"Accept": "audio/*"})
    assert status == 200, (status, data[:300])
    return samples(data), head


def test_lists(_):
    with folders() as d, server.running(variables=variables(d)) as s:
        speech = {m["id"]: m for m in s.get("/v1/audio/speech/models")["data"]}
        assert {MELO, BASE} <= set(speech), list(speech)
        melo, base = speech[MELO]["languages"], speech[BASE]["languages"]
        assert [x["language"] for x in melo] == ["en"] == [x["language"] for x in base]
        assert [v["voice"] for v in melo[0]["voices"]] == ["EN-US", "EN-BR", "EN_INDIA", "EN-AU", "EN-Default"]
        assert [v["voice"] for v in base[0]["voices"]][:3] == ["default", "whispering", "shouting"] and len(base[0]["voices"]) == 9
        assert {MELO, BASE} <= {m["id"] for m in s.get("/v1/models")["data"]}
        assert not {MELO, BASE} & {m["id"] for m in s.get("/v1/embed/models")["data"]}


def test_a_config_names_them_as_hse_does(_):
    with folders() as d:
        path = os.path.join(d, "config.yml")
        with open(path, "w") as f:
            f.write("""model_configs:
  - {name: ov1-en, model: myshell-ai/openvoice, model_type: OpenVoiceV1Synthesizer, language: EN, voices: [whispering, default]}
  - {name: ov2-en, model: myshell-ai/MeloTTS-English, model_type: MeloTTSSynthesizer, language: EN, voices: [EN-BR], dtype: float32}
  - {name: ov2-fr, model: myshell-ai/MeloTTS-English, model_type: MeloTTSSynthesizer, language: FR, voices: [EN-BR]}
  - {name: ov1-zh, model: myshell-ai/openvoice, model_type: OpenVoiceV1Synthesizer, language: ZH}
""")
        listed = {m["name"]: m for m in json.loads(hse(d, "models", "--json", "--config", path))}
        assert listed["ov1-en"]["voices"] == ["whispering", "default"] and listed["ov2-en"]["voices"] == ["EN-BR"]
        assert listed["ov2-en"]["languages"] == ["en"] and not listed["ov2-en"]["problem"]
        assert listed["ov2-fr"]["languages"] == ["fr"]
        assert "config.json" in listed["ov1-zh"]["problem"], listed["ov1-zh"]
        with server.running("--config", path, variables=variables(d)) as s:
            assert len(speak(s, "ov2-en", voice="EN-BR")[0]) > 1000
            error = s.post("/v1/audio/speech", {"model": "ov2-en", "input": "Hello.", "voice": "EN-US"}, want=400)["error"]
            assert error["param"] == "voice" and "EN-BR" in error["message"], error


def test_both_forms_and_what_changes_them(_):
    with folders() as d, server.running(variables=variables(d)) as s:
        for model, voices in ((MELO, ("EN-US", "EN-BR")), (BASE, ("default", "angry"))):
            options = {"seed": 7}
            one, head = speak(s, model, voice=voices[0], generation_options=options)
            assert head["x-hse-seed"] == "7" and len(one) > 2000 and max(one) > 20, (model, len(one), max(one))
            assert speak(s, model, voice=voices[0], generation_options=options)[0] == one, "the same seed"
            assert speak(s, model, generation_options=options)[0] == one, "OpenAI's first name is the first voice"
            assert speak(s, model, voice=voices[1], generation_options=options)[0] != one, "another voice"
            assert speak(s, model, voice=voices[0], generation_options={"seed": 8})[0] != one, "another seed"
            fast = speak(s, model, voice=voices[0], generation_options={"seed": 7, "speed": 2.0})[0]
            assert len(fast) < len(one), (len(fast), len(one))
            drawn = speak(s, model, voice=voices[0])[1]["x-hse-seed"]
            assert drawn != speak(s, model, voice=voices[0])[1]["x-hse-seed"]
            answer = s.post("/v1/audio/speech", {"model": model, "input": TEXT, "language": "EN", "voice": voices[0],
                                                 "mode": "single_speaker_tts", "generation_options": options})
            assert answer["id"].startswith("tts-") and answer["model"] == model
            assert server.wav_samples(__import__("base64").b64decode(answer["data"]))


def test_styles(_):
    """generation_options.style: OpenVoice V1's other voices are styles of its first."""
    with folders() as d, server.running(variables=variables(d)) as s:
        by_voice, of = {}, {m["id"]: m for m in s.get("/v1/audio/speech/models")["data"]}
        voices = of[BASE]["languages"][0]["voices"]
        assert voices[0]["styles"] == [v["voice"] for v in voices[1:]] and not any(v["styles"] for v in voices[1:]), voices
        assert not any(v["styles"] for v in of[MELO]["languages"][0]["voices"])
        for style in ("default", "sad"):
            by_voice[style] = speak(s, BASE, voice=style, generation_options={"seed": 5})[0]
            for more in ({}, {"voice": "default"}, {"voice": style}):
                assert speak(s, BASE, generation_options={"seed": 5, "style": style}, **more)[0] == by_voice[style], (style, more)
        assert by_voice["sad"] != by_voice["default"] == speak(s, BASE, generation_options={"seed": 5, "style": ""})[0]
        assert by_voice["default"] == speak(s, BASE, generation_options={"seed": 5, "style": 0})[0], "HSE's clients send a number"
        for model, voice, style, words in ((BASE, "default", "jolly", "whispering"), (BASE, "angry", "sad", "'default'"), (MELO, "EN-US", "EN-BR", "no styles")):
            error = s.post("/v1/audio/speech", {"model": model, "input": "Hello.", "voice": voice, "generation_options": {"style": style}}, want=400)["error"]
            assert error["param"] == "generation_options.style" and words in error["message"], error
        hse(d, "speak", "-m", BASE, "--seed", "5", "--style", "sad", "--rate", "22050", "-o", os.path.join(d, "sad.wav"), TEXT)
        with open(os.path.join(d, "sad.wav"), "rb") as f:
            assert samples(f.read()[44:]) == by_voice["sad"]


def test_conversion_to_a_stored_voice_in_this_process(_):
    with folders() as d:
        inner, wav = os.path.join(d, "models", "org", "tones", "converter"), server.SPEECH
        os.makedirs(inner)
        for name in ("config.json", "checkpoint.pth"):
            shutil.copy(case("openvoice", "conv_small", name), inner)
        hse(d, "voices", "add", "anna", wav)
        made = {}
        for name, how in (("voice", ("--voice", "anna")), ("recording", ("--to", wav))):
            made[name] = os.path.join(d, name + ".wav")
            hse(d, "convert", wav, *how, "--seed", "3", "-o", made[name])
        with open(made["voice"], "rb") as a, open(made["recording"], "rb") as b:
            data = a.read()
            assert data == b.read() and len(data) > 10000
        assert "nobody" in hse(d, "convert", wav, "--voice", "nobody", "-o", made["voice"], want=1)


def test_an_embedding_is_by_who_speaks_by_default(_):
    """Not by the first encoder that lies in a folder; lists begin with what answers without a name."""
    with folders() as d:
        inner = os.path.join(d, "models", "a", "converter")
        os.makedirs(inner)
        for name in ("config.json", "checkpoint.pth"):
            shutil.copy(case("openvoice", "conv_small", name), inner)
        shutil.rmtree(os.path.join(d, "models", "myshell-ai"))
        with server.running(variables=variables(d)) as s:
            listed = {task: [m["id"] for m in s.get(f"/v1/{task}/models")["data"]] for task in ("embed", "audio/speech")}
            assert any("tone" in m for m in listed["embed"]), listed
            for path, task, body in (("/v1/embed/speaker", "embed", {"input_audio": server.speech_base64()}),
                                     ("/v1/audio/speech", "audio/speech", {"input": "Hi."})):
                assert s.post(path, body)["model"] == listed[task][0] == "harmonyspeech", listed
        path = os.path.join(d, "me.json")
        hse(d, "embed", server.SPEECH, "-o", path)
        hse(d, "speak", "Hello.", "--embedding", path, "-o", os.path.join(d, "me.wav"))
        named = next(m for m in listed["embed"] if "tone" in m)
        hse(d, "embed", server.SPEECH, "-m", named, "-o", path)
        with open(path) as f:
            assert json.load(f)["model"] == named


def test_streamed_is_whole(_):
    with folders() as d, server.running(variables=variables(d)) as s:
        for model in (MELO, BASE):
            whole = hse(d, "speak", "-m", model, "--seed", "3", "-o", os.path.join(d, "a.wav"), TEXT)
            assert whole == ""
            with open(os.path.join(d, "a.wav"), "rb") as f:
                one_shot = samples(f.read()[44:])
            streamed = speak(s, model, generation_options={"seed": 3}, output_options={"stream": True, "sample_rate": 22050})[0]
            assert streamed == one_shot, (model, len(streamed), len(one_shot))


def test_together_as_alone(_):
    """Eight at once: the bits of one alone, and batches of several."""
    with folders() as d, server.running(variables=variables(d)) as s:
        texts = [f"{TEXT} " * (1 + i % 3) for i in range(8)]
        alone = [speak(s, MELO, input=t, generation_options={"seed": i})[0] for i, t in enumerate(texts)]
        before = batches(s)
        with concurrent.futures.ThreadPoolExecutor(8) as crowd:
            got = list(crowd.map(lambda i: speak(s, MELO, input=texts[i], generation_options={"seed": i})[0], range(8)))
        assert got == alone
        after = batches(s)
        assert (after[0] - before[0]) > (after[1] - before[1]), (before, after)


def batches(s):
    """(items, batches) of MeloTTS so far"""
    text = s.request("GET", "/metrics")[2].decode()
    total = dict(re.findall(r'hse_batch_size_(sum|count)\{[^}]*model="%s"[^}]*\} ([0-9.e+]+)' % MELO, text))
    return float(total["sum"]), float(total["count"])


def test_refusals(_):
    with folders() as d, server.running(variables=variables(d)) as s:
        for model in (MELO, BASE):
            for body, param in (({"voice": "nobody"}, "voice"), ({"language": "fr"}, "language"),
                                ({"generation_options": {"pitch": 1.5}}, "pitch"), ({"generation_options": {"energy": 0.5}}, "energy"),
                                ({"input_audio": server.speech_base64()}, "input_audio")):
                error = s.post("/v1/audio/speech", {"model": model, "input": "Hello."} | body, want=400)["error"]
                assert error["message"].startswith(param) or error["param"] == param, (list(body), error)
            ok = s.post("/v1/audio/speech", {"model": model, "input": "Hello.", "generation_options": {"pitch": 1, "energy": 0}})
            assert ok["data"]


def test_a_bert_is_found_or_named(_):
    with folders() as d:
        melo = os.path.join(d, "models", "myshell-ai", "MeloTTS-English")
        bert, away = os.path.join(melo, "bert"), os.path.join(d, "away")
        shutil.move(bert, away)

        def problem():
            return next(m for m in json.loads(hse(d, "models", "--json")) if m["name"] == MELO)["problem"]

        assert "BERT" in problem() and "bert-base-uncased" in problem() and "Hugging Face" in problem(), problem()
        told = hse(d, "speak", "-m", MELO, "-o", os.path.join(d, "a.wav"), "Hello.", want=1)
        assert "bert-base-uncased" in told, told
        snapshot = os.path.join(d, "hf", "hub", "models--google-bert--bert-base-uncased", "snapshots", "0123abcd")
        for place in (os.path.join(melo, "bert-base-uncased"), os.path.join(d, "models", "bert-base-uncased"),
                      os.path.join(d, "models", "google-bert", "bert-base-uncased"), snapshot):
            os.makedirs(os.path.dirname(place), exist_ok=True)
            shutil.copytree(away, place)
            if place == snapshot:
                os.makedirs(os.path.join(place, "..", "..", "refs"))
                with open(os.path.join(place, "..", "..", "refs", "main"), "w") as f:
                    f.write("0123abcd")
            assert not problem(), (place, problem())
            names = [m["name"] for m in json.loads(hse(d, "models", "--json"))]
            assert not any("bert" in n for n in names), names
            hse(d, "speak", "-m", MELO, "-o", os.path.join(d, "a.wav"), "Hello.")
            shutil.rmtree(place)


def test_damaged_models_are_named(_):
    with folders() as d:
        melo = os.path.join(d, "models", "myshell-ai", "MeloTTS-English")
        with open(os.path.join(melo, "checkpoint.pth"), "r+b") as f:
            f.truncate(1000)
        with open(os.path.join(d, "models", "myshell-ai", "openvoice", "checkpoints", "base_speakers", "EN", "config.json"), "w") as f:
            f.write('{"data": 1}')
        listed = {m["name"]: m for m in json.loads(hse(d, "models", "--json"))}
        assert "config.json" in listed[BASE]["problem"], listed[BASE]
        with server.running(variables=variables(d)) as s:
            status, _, data = s.request("POST", "/v1/audio/speech", {"model": MELO, "input": "Hello."})
            assert status >= 400 and d.encode() not in data, (status, data)
            assert s.post("/v1/audio/speech", {"model": "harmonyspeech", "input": "Hello."})["data"], "the others speak"
