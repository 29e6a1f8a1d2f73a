"""Pronunciation control on voices that are one network (MeloTTS, OpenVoice V1): every SSML element, phones in a text and lexicons change what
is spoken as they say; seeds are the same, so that equal means equal to the bit."""
import array
import json
import os

import narrators
import server

RATE = 22050
VOICES = {"ov2-synthesizer-en": ("EN-US", "EN-BR"), "ov1-synthesizer-en": ("default", "angry")}
HELLO = {"ov2-synthesizer-en": "HH AH0 L OW1", "ov1-synthesizer-en": "HH AH0 L OW1"}


def ask(s, model, text, **body):
    body = {"model": model, "input": text, "response_format": "pcm", "output_options": {"sample_rate": RATE},
            "generation_options": {"seed": 7}} | body
    return s.request("POST", "/v1/audio/speech", body, {"Accept": "audio/*"})


def speak(s, model, text, **body):
    status, _, data = ask(s, model, text, **body)
    assert status == 200, (model, text, status, data[:300])
    return array.array("h", data)


def ssml(inside):
    return f"<speak>{inside}</speak>"


def silences(samples, least_s):
    """Lengths in seconds of the stretches of zeros, the last one aside."""
    found, run = [], 0
    for x in samples:
        if x == 0:
            run += 1
        else:
            if run >= least_s * RATE:
                found.append(run / RATE)
            run = 0
    return found


def each(s):
    for model, voices in VOICES.items():
        yield model, voices, lambda text, **body: speak(s, model, text, **body)


def test_phones_are_what_is_spoken(_):
    with narrators.folders() as d, server.running(variables=narrators.variables(d)) as s:
        for model, _voices, say in each(s):
            plain, other = say("hello world."), say("turtle world.")
            by_hand = say(ssml(f"<phoneme alphabet='cmu-arpabet' ph='{HELLO[model]}'>hello</phoneme> world."))
            assert by_hand == plain, f"{model}: the dictionary's own phones are another sound"
            assert say(ssml(f"<phoneme alphabet='cmu-arpabet' ph='T ER1 T AH0 L'>hello</phoneme> world.")) == \
                say("turtle world.", lexicon="turtle = {T ER1 T AH0 L}")
            assert other != plain
            inline = say("[[hello /h\u0259\u02c8lo\u028a/]] world.")
            assert inline == say(ssml("<phoneme ph='h\u0259\u02c8lo\u028a'>hello</phoneme> world.")), model
            assert inline == say("hello world.", lexicon="hello = /h\u0259\u02c8lo\u028a/"), model
            assert inline == say(ssml("<phoneme alphabet='x-sampa' ph='h@&quot;loU'>hello</phoneme> world.")), model
            changed = say("[[hello /\u02c8t\u025c\u02d0t\u0259l/]] world.")
            assert changed != inline and changed != plain, f"{model}: phones are not heard"
            assert say("hello world.", lexicon="hello = turtle") == other, model
            assert say("hello [[world /w\u025cld/]].") != inline
            status, _, data = ask(s, model, "[[hello /\u0281\u0153/]] world.")
            assert status == 400 and "hello" in json.loads(data)["error"]["message"], (model, status, data[:300])


def test_elements_change_what_they_say(_):
    with narrators.folders() as d, server.running(variables=narrators.variables(d)) as s:
        for model, voices, say in each(s):
            plain = say("hello world.")
            assert say(ssml("hello world.")) == plain == say(ssml("<s>hello world.</s>")) == say(ssml("<p>hello world.</p>")), model
            assert say(ssml("<sub alias='hello world'>HW</sub>.")) == plain and say("HW.") != plain, model
            assert say(ssml("<lang xml:lang='en-GB'>hello world.</lang>")) == plain, model
            assert say(ssml(f"<voice name='{voices[1]}'>hello world.</voice>")) == say("hello world.", voice=voices[1]) != plain, model
            for text, same in (("<say-as interpret-as='digits'>12</say-as>.", "one two."),
                               ("<say-as interpret-as='cardinal'>2</say-as>.", "two."),
                               ("<say-as interpret-as='telephone'>2-1</say-as>.", "two, one.")):
                assert say(ssml(text)) == say(same), (model, text)
            spelt = say(ssml("<say-as interpret-as='characters'>did</say-as>."))
            assert spelt != say("did."), model

            fast, slow = say(ssml("<prosody rate='200%'>hello world.</prosody>")), say(ssml("<prosody rate='x-slow'>hello world.</prosody>"))
            assert fast == say("hello world.", generation_options={"seed": 7, "speed": 2.0}), model
            assert len(fast) < len(plain) < len(slow), (model, len(fast), len(plain), len(slow))
            assert not any(say(ssml("<prosody volume='silent'>hello world.</prosody>"))), model
            soft = say(ssml("<prosody volume='-12dB'>hello world.</prosody>"))
            assert len(soft) == len(plain) and 0 < max(soft) < 0.5 * max(plain), (model, max(soft), max(plain))
            status, _, data = ask(s, model, ssml("<prosody pitch='+10%'>hello</prosody>"))
            assert status == 400 and "line 1, column 8" in json.loads(data)["error"]["message"], (model, status, data[:300])

            for ms in (250, 700):
                broken = say(ssml(f"hello <break time='{ms}ms'/> world."))
                assert [x for x in silences(broken, 0.2) if abs(x - ms / 1000) < 0.12], (model, ms, silences(broken, 0.2))
            pauses = {e: max(silences(say(ssml(f"<{e}>hello world.</{e}><{e}>hello world.</{e}>")), 0.1)) for e in "sp"}
            assert pauses["p"] > pauses["s"] + 0.2, (model, pauses)


def test_what_a_voice_cannot_do_is_named(_):
    with narrators.folders() as d, server.running(variables=narrators.variables(d)) as s:
        for model, _voices, _say in each(s):
            for text, words in (("<lang xml:lang='fr'>bonjour</lang>", "fr"), ("<voice name='nobody'>hello</voice>", "nobody"),
                                ("<phoneme ph='7'>hello</phoneme>", "7"), ("<emphasis>hello</emphasis>", "<emphasis> is not offered")):
                status, _, data = ask(s, model, ssml(text))
                message = json.loads(data)["error"]["message"]
                assert status == 400 and words in message and "line 1" in message, (model, text, status, message)
