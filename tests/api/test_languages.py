"""MeloTTS in every language, from a request to audio: the language's own pack, front end, BERT and network; and one BERT for all models
that read it. Small models with random weights, packs as `make` leaves them."""
import contextlib
import os
import re
import shutil
import tempfile

import narrators
import server

TEXTS = {
    "en": "Did you ever hear a folk tale about a giant turtle?", "zh": "你好，世界。我最近在学习机器学习。", "zh_mix_en": "今天下午我们去shopping mall购物。",
    "es": "El niño pequeño comió piña en la montaña.", "fr": "Bonjour le monde. Il y a 21 personnes.", "ja": "今日はいい天気ですね。",
    "ko": "안녕하세요! 오늘은 날씨가 정말 좋네요.",
}


@contextlib.contextmanager
def talking(languages, uses_bert=True, copies=1, more="", parts=()):
    """A server with a MeloTTS model `melo-LANGUAGE` (then `-1`, ...) of each, their BERTs where users have them; parts: types of a toolchain
    that are configured, but not there."""
    missing = [x for x in languages if not narrators.has_pack(*(["zh", "en"] if x == "zh_mix_en" else [x]))]
    if missing:
        raise server.Skipped("there are no language packs of " + ", ".join(missing))
    with tempfile.TemporaryDirectory() as d:
        rows = []
        for language in languages:
            case, speaker, bert, _ = narrators.LANGUAGES[language]
            narrators.bert_folder(os.path.join(d, bert), language, weights=uses_bert)
            for i in range(copies):
                folder = os.path.join(d, f"melo-{language}-{i}")
                narrators.melo_folder(folder, language, language == "en", uses_bert)
                rows.append(f"  - {{name: melo-{language}{f'-{i}' if i else ''}, model: {folder}, model_type: MeloTTSSynthesizer, "
                            f"language: {language.upper()}}}\n")
        rows += [f"  - {{name: {part}, model: nobody/nothing, model_type: {part}}}\n" for part in parts]
        config = os.path.join(d, "config.yml")
        with open(config, "w") as f:
            f.write(more + "model_configs:\n" + "".join(rows))
        with server.running("--config", config, "--models", d) as s:
            s.folder_of_models = d
            yield s


def speak(s, model, text, **body):
    body = {"model": model, "input": text, "response_format": "wav", "generation_options": {"seed": 5}} | body
    status, _, data = s.request("POST", "/v1/audio/speech", body, {"Accept": "audio/*"})
    assert status == 200, (model, status, data[:300])
    return server.wav_samples(data)[0].tolist()


def ps(s):
    return {m["id"]: m for m in s.get("/v1/ps")["data"]}


def test_a_toolchain_changes_languages_inside_a_text(_):
    """<lang>: another base speaker of openvoice_v2 speaks what is inside."""
    parts = ("OpenVoiceV2ToneConverter", "OpenVoiceV2ToneConverterEncoder", "FasterWhisper")
    with talking(["en", "fr"], uses_bert=False, parts=parts) as s:
        say = lambda text: speak(s, "openvoice_v2", f"<speak>{text}</speak>", language="en", normalize="none")
        items = lambda: ps(s).get("melo-fr", {"items": 0})["items"]
        hello = say("Hello world.")
        end = next(i for i in range(len(hello), 0, -1) if hello[i - 1])
        english = say("Hello world. Bonjour monde.")
        assert items() == 0 and english[:end] == hello[:end]
        both = say("Hello world. <lang xml:lang='fr'>Bonjour monde.</lang>")
        first = items()
        assert first > 0 and both[:end] == hello[:end] and both != english
        assert say("Hello world. <lang xml:lang='fr-CA'><voice name='FR'>Bonjour monde.</voice></lang> <lang xml:lang='en'>Hello.</lang>")[:end] == hello[:end]
        assert items() == 2 * first
        for model, text, words in (("openvoice_v2", "<lang xml:lang='ko'>x</lang>", "speaks en, fr, not 'ko'"),
                                   ("melo-en", "<lang xml:lang='fr'>x</lang>", "speaks en, not 'fr'"),
                                   ("openvoice_v2", "<lang xml:lang='fr'><voice name='EN-US'>x</voice></lang>", "there are: FR")):
            error = s.post("/v1/audio/speech", {"model": model, "input": f"<speak>{text}</speak>", "language": "en"}, want=400)["error"]
            assert words in error["message"] and "line 1" in error["message"], error


def test_every_language_speaks_with_its_bert(_):
    languages = [x for x in TEXTS if x != "zh_mix_en"]
    with talking(languages) as s, talking(languages, uses_bert=False) as plain:
        listed = {m["id"]: m for m in s.get("/v1/audio/speech/models")["data"]}
        for language in languages:
            model, text = f"melo-{language}", TEXTS[language]
            code = listed[model]["languages"][0]["language"]
            assert code == language, (model, code)
            said = speak(s, model, text)
            assert len(said) > 2000 and max(said) > 20, (model, len(said), max(said))
            assert said == speak(s, model, text, voice=narrators.LANGUAGES[language][1], language=language.upper()), model
            assert said != speak(plain, model, text), f"{model}: what BERT says is not heard"
            assert said != speak(s, model, TEXTS["en" if language != "en" else "es"]), model
            log = re.search(r"model %s loaded[^\"]*, (\d+) bytes of weights" % model, s.log())
            assert log and int(log[1]) > 9e6, (model, log and log[0])


def test_mixed_chinese_and_english(_):
    with talking(["zh_mix_en"]) as s:
        said = speak(s, "melo-zh_mix_en", TEXTS["zh_mix_en"])
        assert len(said) > 2000
        assert said != speak(s, "melo-zh_mix_en", TEXTS["zh_mix_en"].replace("shopping", "apple"))


def test_one_bert_for_all_that_read_it(_):
    """Two voices with one BERT: it is counted and held once, stays while one of them is there, and goes with the last."""
    with talking(["es"], copies=2) as s:
        mapped = lambda: sum(int(x) for x in re.findall(r"^(?:RssAnon|RssFile):\s+(\d+)", open(f"/proc/{s.process.pid}/status").read(), re.M)) / 1024
        load = lambda name: s.post("/v1/models/load", {"model": name, "keep_alive": -1})
        unload = lambda name: s.post("/v1/models/unload", {"model": name})
        first, second = "melo-es", "melo-es-1"
        load(first)
        alone, one = ps(s)[first]["bytes"], mapped()
        load(second)
        both = ps(s)
        total = both[first]["bytes"] + both[second]["bytes"]
        assert max(both[first]["bytes"], both[second]["bytes"]) == alone, (alone, both)
        assert total < 1.4 * alone, (total, alone)
        assert mapped() - one < 8, ("MiB more with the second", mapped() - one)
        metrics = s.request("GET", "/metrics")[2].decode()
        assert sum(float(x) for x in re.findall(r'^hse_model_[a-z_]*bytes\{model="melo-es[^}]*\} ([0-9.e+]+)', metrics, re.M)) >= total
        said = speak(s, second, TEXTS["es"])
        assert said == speak(s, first, TEXTS["es"]), "the same weights, the same seed"
        unload(first)
        assert first not in ps(s) and ps(s)[second]["bytes"] == alone, (alone, ps(s))
        assert speak(s, second, TEXTS["es"]) == said
        unload(second)
        assert not ps(s)
        # its files are read again only now
        shutil.rmtree(os.path.join(s.folder_of_models, narrators.LANGUAGES["es"][2]))
        status, _, data = s.request("POST", "/v1/audio/speech", {"model": first, "input": TEXTS["es"]})
        assert status >= 400 and b"melo-es" in data, (status, data[:300])


def test_a_budget_counts_a_bert_once(_):
    """Both voices stay where there is room for one BERT and two voices."""
    with talking(["es"], copies=2) as s:
        s.post("/v1/models/load", {"model": "melo-es"})
        alone = ps(s)["melo-es"]["bytes"]
        s.post("/v1/models/load", {"model": "melo-es-1"})
        both = sum(m["bytes"] for m in ps(s).values())
    assert both < 2 * alone - (4 << 20), (both, alone)
    with talking(["es"], copies=2, more=f"memory_budget: {both + (2 << 20)}\nkeep_alive: -1\n") as s:
        for name in ("melo-es", "melo-es-1"):
            s.post("/v1/models/load", {"model": name})
        assert sorted(ps(s)) == ["melo-es", "melo-es-1"], ps(s)
