"""SSML, phones in a text, lexicons: by the API and the command line, local and by the server."""
import json
import os
import subprocess
import tempfile

import fake
import server

FIELDS = {"VoiceConversionRequest": {"watermark": "pronunciation.test_watermark_of_a_conversion"},
          "TextToSpeechRequest": {"watermark": "pronunciation.test_watermark", "input_type": "pronunciation.test_input_type", "lexicon": "pronunciation.test_lexicon_of_a_request"}}
ACCEPT = {"Accept": "audio/wav"}


def wav(hse, **body):
    status, _, data = hse.request("POST", "/v1/audio/speech", {"response_format": "wav", **body}, headers=ACCEPT)
    assert status == 200, data[:300]
    return data


def refused(hse, **body):
    status, _, data = hse.request("POST", "/v1/audio/speech", body)
    error = json.loads(data)["error"]
    return status, error["param"], error["message"]


def test_input_type(hse):
    plain = wav(hse, input="World Wide Web.")
    ssml = "<speak><sub alias='World Wide Web'>WWW</sub>.</speak>"
    assert wav(hse, input=ssml) == plain and wav(hse, input=ssml, input_type="ssml") == plain
    read = wav(hse, input=ssml, input_type="text")
    assert read != plain and wav(hse, input="[[web /w\u025bb/]]") != wav(hse, input="[[web /w\u025bb/]]", input_type="text")
    assert wav(hse, input="[[web /w\u025bb/]].") == wav(hse, input="wehb.")
    assert refused(hse, input="hello", input_type="ssml")[:2] == (400, "input")
    assert refused(hse, input="hello", input_type="html")[:2] == (400, "input_type")


def test_what_ssml_has_not_is_refused_by_name_and_place(hse):
    for text, words in (("<speak>a<audio src='x'/></speak>", "line 1, column 9: <audio> is not offered"),
                        ("<speak>\n<voice name='nobody'>a</voice></speak>", "line 2, column 1: voice:"),
                        ("<!DOCTYPE s [<!ENTITY a 'b'>]><speak>&a;</speak>", "document type"),
                        ("<speak>" + "<s>" * 40 + "</s>" * 40 + "</speak>", "nested over 32 deep"),
                        ("<speak>a", "expected </speak>, found the end of the text"),
                        ("[[J\u00f6rg /j\u0153\u0281k/]]", "no sound for '\u0153'"),
                        ("[[x /7/]]", "line 1, column 6: '7'")):
        status, param, message = refused(hse, input=text, input_type="auto" if text[0] == "[" else "ssml")
        assert status == (413 if "nested" in words else 400) and param == "input" and words in message, (status, param, message)


def test_lexicon_of_a_request(hse):
    assert wav(hse, input="HSE.", lexicon="HSE = harmony speech") == wav(hse, input="harmony speech.")
    assert wav(hse, input="A gif.", lexicon="gif = /d\u0292\u026af/") == wav(hse, input="A jihf.")
    pls = ("<lexicon version='1.0' alphabet='ipa' xml:lang='en'><lexeme><grapheme>gif</grapheme><phoneme>d\u0292\u026af</phoneme></lexeme>"
           "</lexicon>")
    assert wav(hse, input="A gif.", lexicon=pls) == wav(hse, input="A jihf.")
    status, param, message = refused(hse, input="x", lexicon="a = b\nnothing")
    assert status == 400 and param == "lexicon" and "line 2: expected" in message


def test_watermark(hse):
    text = ("The quick brown fox jumps over the lazy dog. On the third of May it cost five dollars, or so they say! Who would have thought that? "
            "Nobody, as far as I can see.")
    with tempfile.NamedTemporaryFile(suffix=".wav") as f:
        for message in ("acme", ""):
            f.seek(0)
            f.truncate()
            f.write(wav(hse, input=text, watermark=message))
            f.flush()
            r = subprocess.run([server.HSE, "watermark", f.name], capture_output=True, text=True, timeout=60)
            assert r.returncode == (0 if message else 1) and r.stdout == f"{f.name}: {message or 'no watermark'}\n", r
        assert json.loads(subprocess.run([server.HSE, "watermark", "--json", f.name], capture_output=True, timeout=60).stdout)["found"] is False
    assert refused(hse, input=text, watermark="a b")[:2] == (400, "watermark")


def test_watermark_of_a_conversion(hse):
    with fake.running() as f:
        body = {"source_audio": server.speech_base64(), "target_embedding": "AAAAAAAAAAAAAAAAAAAAAA=="}
        status, _, data = f.request("POST", "/v1/voice/convert", {**body, "watermark": "a b"})
        assert status == 400 and json.loads(data)["error"]["param"] == "watermark", data


def speak(*args, text):
    r = subprocess.run([server.HSE, "speak", *args, "--raw", "-"], input=text.encode(), capture_output=True, timeout=60,
                       env={k: v for k, v in os.environ.items() if not k.startswith("HSE_") or k == "HSE_CPU"})
    return r.returncode, r.stdout, r.stderr.decode()


def test_the_command_line_locally_and_by_the_server(hse):
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as f:
        f.write("HSE = harmony speech\n")
        f.flush()
        for how in (["--local"], ["--server", hse.url]):
            _, want, _ = speak(*how, text="harmony speech.")
            assert want and speak(*how, "--lexicon", f.name, text="HSE.")[1] == want, how
            assert speak(*how, "--ssml", text="<speak><sub alias='harmony speech'>x</sub>.</speak>")[1] == want, how
            assert speak(*how, "--plain", text="<speak>x</speak>")[1] != speak(*how, text="<speak>x</speak>")[1]
            code, _, words = speak(*how, "--ssml", text="<speak><audio/></speak>")
            assert code == 1 and "line 1, column 8: <audio> is not offered" in words, words
    code, _, words = speak("--local", "--ssml", "--plain", text="x")
    assert code == 2 and "--ssml and --plain exclude each other" in words
    code, _, words = speak("--local", "--lexicon", "/nonexistent/lexicon", text="x")
    assert code == 1 and "/nonexistent/lexicon" in words
