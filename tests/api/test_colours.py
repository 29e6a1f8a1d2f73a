"""OpenVoice's tone colours through the product: embeddings, conversion and cloning with the small repository of the golden cases. The
networks' numbers are the golden cases' concern; here it is what goes in and comes out."""
import base64
import contextlib
import io
import json
import os
import shutil
import struct
import subprocess
import tempfile
import wave
import zipfile

import fake
import narrators
import server

CASE = os.path.join(server.ROOT, "tests", "golden", "openvoice", "hse_chain_v1")
WHISPER = os.path.join(server.ROOT, "tests", "golden", "whisper", "models", "ml", "ct2_float16")
WAV = server.speech_wav()
B64 = server.speech_base64()
ENCODER, CONVERTER = "ov1-tone-converter-encoder", "ov1-tone-converter"


def case_file(name):
    with open(os.path.join(CASE, name), "rb") as f:
        return f.read()


def b64(data):
    return base64.b64encode(data).decode()


REFERENCE = b64(case_file("embed_reference.wav"))
VAD = case_file("embed_one_segment__vad.json").decode()


@contextlib.contextmanager
def models(whisper=False):
    """A folder of models: V1's repository, and a recogniser where a toolchain wants one."""
    with tempfile.TemporaryDirectory() as d:
        shutil.copytree(os.path.join(CASE, "repo"), os.path.join(d, "myshell-ai", "openvoice"))
        if whisper:
            os.symlink(WHISPER, os.path.join(d, "whisper"))
        yield d


@contextlib.contextmanager
def running(whisper=False):
    with models(whisper) as d, server.running("--models", d) as s:
        yield s


def numbers(data):
    """What HSE's clients do with an embedding: torch.load, here by hand."""
    with zipfile.ZipFile(io.BytesIO(base64.b64decode(data))) as z:
        assert z.testzip() is None
        assert any(n.endswith("/data.pkl") for n in z.namelist()) and any(n.endswith("/version") for n in z.namelist())
        raw = z.read([n for n in z.namelist() if n.endswith("/data/0")][0])
    return struct.unpack(f"<{len(raw) // 4}f", raw)


def embed(s, **more):
    return s.post("/v1/embed/speaker", {"model": ENCODER, "input_audio": REFERENCE, "input_vad_data": VAD, **more})["data"]


def test_an_embedding_is_the_file_that_hse_hands_out(hse):
    want = struct.unpack("<16f", case_file("embed_one_segment__se.npy")[-64:])
    with running() as s:
        data = embed(s)
        assert all(abs(a - b) <= 1e-4 + 1e-3 * abs(b) for a, b in zip(numbers(data), want)), (numbers(data), want)
        assert embed(s) == data
        silero = embed(s, input_vad_data=None)
        assert len(numbers(silero)) == 16 and silero != data
        assert silero == embed(s, input_vad_data=None, input_vad_mode=None)
        again = s.post("/v1/embed/speaker", {"model": ENCODER, "input_audio": REFERENCE, "input_vad_data": VAD, "reference_embedding": data})
        assert abs(again["similarity"] - 1) < 1e-5
        lists = [m["id"] for m in s.get("/v1/embed/models")["data"]], [m["id"] for m in s.get("/v1/voice/convert/models")["data"]]
        assert ENCODER in lists[0] and lists[1] == [CONVERTER], lists


def test_hse_body_of_a_conversion(hse):
    with running() as s:
        target = embed(s)
        body = {"model": CONVERTER, "source_audio": B64, "target_embedding": target, "generation_options": {"seed": 7}}
        r = s.post("/v1/voice/convert", body)
        samples, rate = server.wav_samples(base64.b64decode(r["data"]))
        assert r["id"].startswith("vc-") and r["model"] == CONVERTER and rate == 22050 and abs(len(samples) - 11 * 22050) < 600
        plain = b64(struct.pack("<16f", *numbers(target)))
        assert s.post("/v1/voice/convert", {**body, "target_embedding": plain})["data"] == r["data"]
        assert s.post("/v1/voice/convert", {**body, "generation_options": {"seed": 8}})["data"] != r["data"]
        by_audio = s.post("/v1/voice/convert", {**body, "target_embedding": None, "target_audio": REFERENCE, "input_vad_data": VAD})
        assert by_audio["data"] == r["data"] and by_audio["input_quality"]["seconds"] > 5


def test_forms_and_streams_have_the_same_bits(hse):
    with running() as s:
        body, head = fake.form([("model", CONVERTER), ("response_format", "pcm"), ("output_options[sample_rate]", "22050"),
                                ("generation_options[seed]", "7"), ("output_options[stream]", "true")],
                               [("source_audio", "s.wav", WAV), ("target_audio", "t.wav", base64.b64decode(REFERENCE))])
        status, got, streamed = s.request("POST", "/v1/voice/convert", body, head)
        assert status == 200 and got["content-type"] == "audio/pcm" and got["transfer-encoding"] == "chunked", (status, streamed[:200])
        whole = s.post("/v1/voice/convert", {"model": CONVERTER, "source_audio": B64, "target_audio": REFERENCE,
                                             "generation_options": {"seed": 7}, "output_options": {"format": "pcm", "sample_rate": 22050}})
        assert base64.b64decode(whole["data"]) == streamed and len(streamed) > 400000


def test_a_stored_voice_is_heard_by_the_encoder(hse):
    with running() as s:
        body, head = fake.form([("name", "anna")], [("audio_sample", "a.wav", base64.b64decode(REFERENCE))])
        assert s.request("POST", "/v1/audio/voices", body, head)[0] == 200
        convert = lambda **k: s.post("/v1/voice/convert", {"model": CONVERTER, "source_audio": B64, "generation_options": {"seed": 1}, **k})["data"]
        assert convert(voice="anna") == convert(target_audio=REFERENCE)


def test_what_is_refused(hse):
    with running() as s:
        target = embed(s)
        short = io.BytesIO()
        with wave.open(short, "wb") as f:
            f.setnchannels(1), f.setsampwidth(2), f.setframerate(22050)
            f.writeframes(b"\0\1" * 48)
        base = {"model": CONVERTER, "source_audio": B64, "target_embedding": target}
        torn = b64(base64.b64decode(target)[:-30])
        rows = [("/v1/voice/convert", {**base, "source_audio": b64(short.getvalue())}, 400, "more than 48"),
                ("/v1/voice/convert", {**base, "target_embedding": b64(struct.pack("<12f", *range(12)))}, 400, "12 numbers"),
                ("/v1/voice/convert", {**base, "target_embedding": torn}, 400, "target_embedding"),
                ("/v1/voice/convert", {**base, "target_embedding": b64(struct.pack("<16f", *[float("nan")] * 16))}, 400, "not finite"),
                ("/v1/voice/convert", {**base, "target_embedding": None}, 400, "target_audio"),
                ("/v1/embed/speaker", {"model": ENCODER, "input_audio": REFERENCE, "input_vad_data": "[{}]"}, 400, "entry 0"),
                ("/v1/embed/speaker", {"model": ENCODER, "input_audio": REFERENCE, "input_vad_data": '{"segments": []}'}, 400, "no stretch of speech"),
                ("/v1/embed/speaker", {"model": ENCODER, "input_audio": REFERENCE,
                                       "input_vad_data": json.dumps({"segments": [{"start": 0, "end": 5, "text": "so"}] * 50})}, 400, "overlap"),
                ("/v1/embed/speaker", {"model": ENCODER, "input_audio": b64(short.getvalue())}, 400, "no speech"),
                ("/v1/audio/speech", {"model": "openvoice_v1", "input": "Hello.", "mode": "voice_cloning"}, 404, "openvoice_v1")]
        for path, body, want, words in rows:
            status, _, data = s.request("POST", path, body)
            error = json.loads(data)["error"]
            assert status == want and words in error["message"], (path, want, words, status, error)


def test_cloning_with_what_is_known_already(hse):
    with running(whisper=True) as s:
        entry = [m for m in s.get("/v1/audio/speech/models")["data"] if m["id"] == "openvoice_v1"][0]
        assert [(l["language"], l["voices"][0]["voice"]) for l in entry["languages"]] == [("en", "default")], entry
        base = {"model": "openvoice_v1", "input": "Hello world, it is a test.", "mode": "voice_cloning", "language": "EN", "voice": "whispering",
                "generation_options": {"seed": 3}}
        target = s.post("/v1/embed/speaker", {"model": "openvoice_v1", "input_audio": REFERENCE, "input_vad_data": VAD})["data"]
        r = s.post("/v1/audio/speech", {**base, "input_embedding": target})
        samples, rate = server.wav_samples(base64.b64decode(r["data"]))
        assert rate == 22050 and len(samples) > 2000 and r["model"] == "openvoice_v1"
        assert s.post("/v1/audio/speech", {**base, "input_audio": REFERENCE, "input_vad_data": VAD})["data"] == r["data"]
        assert s.post("/v1/audio/speech", {**base, "input_audio": REFERENCE, "input_vad_mode": "silero"})["data"] != r["data"]
        single = s.post("/v1/audio/speech", {**base, "mode": "single_speaker_tts"})["data"]
        assert single != r["data"]
        for change, want in (({"language": "FR"}, "language"), ({"voice": "nobody"}, "nobody"), ({"input_embedding": "AAAA"}, "input_embedding")):
            status, _, data = s.request("POST", "/v1/audio/speech", {**base, "input_embedding": target, **change})
            assert status == 400 and want in json.loads(data)["error"]["message"], (change, status, data[:300])
        status, _, data = s.request("POST", "/v1/audio/speech", base)
        assert status == 400 and "input_audio or input_embedding" in json.loads(data)["error"]["message"], data[:300]


def test_hse_convert_of_files_and_folders(hse):
    with models() as d, tempfile.TemporaryDirectory() as work:
        put = lambda name, data: open(os.path.join(work, name), "wb").write(data)
        os.makedirs(os.path.join(work, "takes"))
        put("her.wav", base64.b64decode(REFERENCE))
        for name in ("one", "two"):
            put(f"takes/{name}.wav", case_file("synthesis.wav"))
        run = lambda *a: subprocess.run([server.HSE, "convert", *a, "--to", os.path.join(work, "her.wav"), "--seed", "4", "--local", "--models", d,
                                         "--model", CONVERTER], capture_output=True, text=True, timeout=100)
        r = run(os.path.join(work, "takes"), "-o", os.path.join(work, "hers"))
        assert r.returncode == 0, r.stderr
        r = run(os.path.join(work, "takes", "one.wav"), "-o", os.path.join(work, "alone.wav"))
        assert r.returncode == 0, r.stderr
        read = lambda name: open(os.path.join(work, name), "rb").read()
        assert sorted(os.listdir(os.path.join(work, "hers"))) == ["one.wav", "two.wav"]
        assert read("hers/one.wav") == read("hers/two.wav") == read("alone.wav") and len(read("alone.wav")) > 15000
        assert run(os.path.join(work, "takes")).returncode == 2


# ---- OpenVoice V2: MeloTTS speaks, the converter colours ----

@contextlib.contextmanager
def running_v2():
    """V2's repository with the colours of two base voices, MeloTTS with its BERT, and a recogniser."""
    with tempfile.TemporaryDirectory() as d:
        repo, v2 = os.path.join(CASE, "repo", "checkpoints"), os.path.join(d, "myshell-ai", "openvoicev2")
        shutil.copytree(os.path.join(repo, "converter"), os.path.join(v2, "converter"))
        os.makedirs(os.path.join(v2, "base_speakers", "ses"))
        for name in ("en-us", "en-india"):
            shutil.copy(os.path.join(repo, "base_speakers", "EN", "en_default_se.pth"), os.path.join(v2, "base_speakers", "ses", name + ".pth"))
        narrators.melo_folder(os.path.join(d, "myshell-ai", "MeloTTS-English"), uses_bert=True)
        narrators.bert_folder(os.path.join(d, "google-bert", "bert-base-uncased"))
        narrators.english_pack(os.path.join(d, "languages"))
        os.symlink(WHISPER, os.path.join(d, "whisper"))
        with server.running("--models", d, variables={"HSE_LANGUAGES": os.path.join(d, "languages")}) as s:
            yield s


def test_cloning_by_v2_with_melotts_and_whisper(hse):
    with running_v2() as s:
        entry = [m for m in s.get("/v1/audio/speech/models")["data"] if m["id"] == "openvoice_v2"][0]
        assert [(l["language"], len(l["voices"])) for l in entry["languages"]] == [("en", 5)], entry
        base = {"model": "openvoice_v2", "input": "Hello world. Did you ever hear a folk tale about a giant turtle?", "mode": "voice_cloning",
                "language": "EN", "voice": "EN-US", "generation_options": {"seed": 3}}

        def clone(**more):
            r = s.post("/v1/audio/speech", {**base, **more})
            samples, rate = server.wav_samples(base64.b64decode(r["data"]))
            assert r["model"] == "openvoice_v2" and rate == 22050 and len(samples) > 8000, (len(samples), rate)
            return r["data"]

        loaded = lambda: {m["id"] for m in s.get("/v1/ps")["data"]}
        given = clone(input_audio=REFERENCE, input_vad_data=VAD)
        assert loaded() == {"ov2-tone-converter-encoder", "ov2-synthesizer-en", "ov2-tone-converter"}, loaded()
        heard = clone(input_audio=REFERENCE)
        assert "whisper" in loaded(), "nobody found speech"
        assert heard == clone(input_audio=REFERENCE) and heard != given, "Whisper's stretches are not those that were given"
        embedding = s.post("/v1/embed/speaker", {"model": "openvoice_v2", "input_audio": REFERENCE})["data"]
        assert clone(input_embedding=embedding) == heard, "the same embedding, made before"
        silero = clone(input_audio=REFERENCE, input_vad_mode="silero")
        assert silero != given and "silero-vad" in loaded()
        single = clone(mode="single_speaker_tts")
        assert single not in (heard, given)
        assert clone(input_embedding=embedding, voice="EN_INDIA") != heard, "as MeloTTS calls the speaker of en-india.pth"
        marked = "<speak><prosody rate='2'>Hello world. Did you ever hear a folk tale about a giant turtle?</prosody></speak>"
        fast = base64.b64decode(clone(input_embedding=embedding, input=marked))
        assert len(fast) < len(base64.b64decode(heard)), "SSML in front of the converter"
        body, head = fake.form([("name", "anna")], [("audio_sample", "a.wav", base64.b64decode(REFERENCE))])
        assert s.request("POST", "/v1/audio/voices", body, head)[0] == 200
        stored = "<speak>Hello world. <voice name='anna'>Did you ever hear a folk tale about a giant turtle?</voice></speak>"
        other = s.post("/v1/embed/speaker", {"model": "openvoice_v2", "input_audio": B64, "input_vad_mode": "silero"})["data"]
        both = clone(input_embedding=other, input=stored)
        assert both != clone(input_embedding=other, input=stored.replace("anna", "EN-US")), "a stored voice colours its sentence"
        status, _, data = s.request("POST", "/v1/audio/speech", {**base, "mode": "single_speaker_tts", "input": stored})
        assert status == 400 and "stored voice" in json.loads(data)["error"]["message"], (status, data[:300])
        for change, status, words in (({"voice": "EN-BR"}, 404, "EN-BR"), ({"voice": "nobody"}, 400, "nobody"), ({"language": "FR"}, 400, "language"),
                                      ({"input_embedding": None}, 400, "input_audio or input_embedding")):
            got, _, data = s.request("POST", "/v1/audio/speech", {**base, "input_embedding": embedding, **change})
            assert got == status and words in json.loads(data)["error"]["message"], (change, got, data[:300])


def test_hse_convert_writes_a_watermark(hse):
    with models() as d, tempfile.TemporaryDirectory() as work:
        paths = {name: os.path.join(work, name + ".wav") for name in ("her", "me", "marked", "plain")}
        for name, data in (("her", base64.b64decode(REFERENCE)), ("me", WAV)):
            with open(paths[name], "wb") as f:
                f.write(data)
        convert = lambda to, *more: subprocess.run([server.HSE, "convert", paths["me"], "--to", paths["her"], "--seed", "4", "--local", "--models", d,
                                                    "--model", CONVERTER, "-o", paths[to], *more], capture_output=True, text=True, timeout=100)
        read = lambda name: subprocess.run([server.HSE, "watermark", paths[name]], capture_output=True, text=True, timeout=60)
        for to, more in (("marked", ["--watermark", "acme"]), ("plain", [])):
            r = convert(to, *more)
            assert r.returncode == 0, r.stderr
        found, none = read("marked"), read("plain")
        assert found.returncode == 0 and found.stdout == f"{paths['marked']}: acme\n", found
        assert none.returncode == 1 and "no watermark" in none.stdout, none
        assert os.path.getsize(paths["marked"]) == os.path.getsize(paths["plain"])
        r = convert("plain", "--watermark", "a b")
        assert r.returncode != 0 and "watermark" in r.stderr, r
