"""stream_format=sse of /v1/audio/speech: OpenAI's events, the same bits, pings, errors on the way, chunks that grow."""
import base64
import http.client
import json
import socket
import time

import openai

import fake
import server

TEXT = "One sentence is here. A second one follows, which is longer! And a third?"


def speech(hse, **fields):
    status, head, data = hse.request("POST", "/v1/audio/speech", {"input": TEXT, "voice": "slt", **fields}, {"Accept": "application/octet-stream"})
    assert status == 200, data[:300]
    return head, data


def audio(events):
    return b"".join(base64.b64decode(e["audio"]) for e in events if e["type"] == "speech.audio.delta")


def test_events_hold_the_bytes_of_the_plain_answer_in_all_six_formats(hse):
    for name in ("mp3", "opus", "aac", "flac", "wav", "pcm"):
        head, data = speech(hse, response_format=name, stream_format="sse")
        assert head["content-type"] == "text/event-stream" and head["cache-control"] == "no-store" and head["x-hse-seed"].isdigit(), head
        events = fake.events(data)
        assert [e["type"] for e in events[:-1]] == ["speech.audio.delta"] * (len(events) - 1) and len(events) > 2, name
        done = events[-1]
        usage = done["usage"]
        assert done["type"] == "speech.audio.done" and set(usage) == {"input_tokens", "output_tokens", "total_tokens"}, done
        assert usage["input_tokens"] == len(TEXT) and usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"] > len(TEXT)
        _, plain = speech(hse, response_format=name, **({"output_options": {"stream": True}} if name == "wav" else {}))
        if name == "opus":                                      # its stream has a random serial number
            assert audio(events)[:4] == b"OggS" and abs(len(audio(events)) - len(plain)) < 64
        else:
            assert audio(events) == plain, (name, len(audio(events)), len(plain))


def test_events_default_to_mp3_and_decide_before_accept(hse):
    body = {"input": "Hi.", "stream_format": "sse"}
    for accept in ("*/*", "application/json", "application/octet-stream"):
        status, head, data = hse.request("POST", "/v1/audio/speech", body, {"Accept": accept})
        assert status == 200 and head["content-type"] == "text/event-stream", (accept, head)
        assert audio(fake.events(data))[:3] == b"ID3" or audio(fake.events(data))[0] == 0xFF


def test_the_sdk_reads_the_events(hse):
    client = openai.OpenAI(base_url=hse.url + "/v1", api_key="none", max_retries=0, timeout=60)
    with client.audio.speech.with_streaming_response.create(model="gpt-4o-mini-tts", voice="alloy", input=TEXT, response_format="pcm",
                                                            stream_format="sse") as r:
        events = fake.events("".join(r.iter_text()).encode())
    assert events[-1]["type"] == "speech.audio.done" and len(audio(events)) > 10000


def test_peak_loudness_comes_as_events_too(hse):
    _, data = speech(hse, response_format="pcm", stream_format="sse", normalize="peak")
    _, plain = speech(hse, response_format="pcm", normalize="peak")
    assert audio(fake.events(data)) == plain


def test_chunks_grow(hse):
    text = " ".join(f"This is sentence number {i} of a text with many of them." for i in range(40))
    _, data = speech(hse, input=text, response_format="pcm", stream_format="sse")
    sizes = [len(base64.b64decode(e["audio"])) for e in fake.events(data)[:-1]]
    assert sizes[0] < 16384 and max(sizes) > 4 * sizes[0], sizes


def test_first_event_long_before_the_last(hse):
    text = " ".join(f"Sentence {i} is one of a hundred in this text." for i in range(100))
    c = http.client.HTTPConnection("127.0.0.1", hse.port, timeout=100)
    c.request("POST", "/v1/audio/speech", json.dumps({"input": text, "voice": "slt", "response_format": "pcm", "stream_format": "sse"}),
              {"Content-Type": "application/json", "x-request-id": "first-event"})
    r = c.getresponse()
    assert r.readline().startswith(b'data: {"type":"speech.audio.delta"')
    assert '"first-event"' not in hse.log(), "the access log says that the answer is complete"
    rest = r.read()
    assert rest.count(b"speech.audio.delta") > 20 and b"speech.audio.done" in rest
    c.close()


def test_a_slow_reader_holds_the_engine_and_loses_nothing(hse):
    text = " ".join(f"Sentence {i} goes to somebody who reads slowly." for i in range(25))
    body = json.dumps({"input": text, "voice": "slt", "response_format": "pcm", "stream_format": "sse"}).encode()
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    s.settimeout(60)
    s.connect(("127.0.0.1", hse.port))
    s.sendall(b"POST /v1/audio/speech HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n"
              b"Content-Length: %d\r\n\r\n" % len(body) + body)
    time.sleep(1.5)                                                         # everything behind the socket is full by now
    r = http.client.HTTPResponse(s)
    r.begin()
    got = r.read()
    s.close()
    _, plain = speech(hse, input=text, response_format="pcm")
    assert audio(fake.events(got)) == plain


def test_pings_and_an_error_on_the_way(hse):
    wav = server.speech_wav()
    with fake.running(sse_ping="0.1") as f:
        body, head = fake.form([("prompt", "slow"), ("stream", "true")], [("file", "a.wav", wav)])
        status, _, data = f.request("POST", "/v1/audio/transcriptions", body, head)
        assert status == 200 and data.count(b": ping\n\n") >= 5, data[:300]
        body, head = fake.form([("prompt", "slow, broken"), ("stream", "true"), ("vad_filter", "false")], [("file", "a.wav", wav)])
        status, _, data = f.request("POST", "/v1/audio/transcriptions", body, head)
        events = fake.events(data)
        assert status == 200 and [e.get("type") for e in events[:2]] == ["transcript.text.delta"] * 2
        error = events[-1]["error"]
        assert set(error) == {"message", "type", "param", "code"} and "prompt says so" in error["message"], error
        client = openai.OpenAI(base_url=f.url + "/v1", api_key="none", max_retries=0, timeout=60)
        seen = []
        try:
            for event in client.audio.transcriptions.create(model="whisper-1", file=("a.wav", wav), prompt="slow, broken", stream=True,
                                                            extra_body={"vad_filter": False}):
                seen.append(event.type)
            raise AssertionError("the SDK saw no error")
        except openai.APIError as e:
            assert "prompt says so" in e.message, e
        assert seen == ["transcript.text.delta"] * 2, seen


def test_a_client_that_leaves_a_silent_stream_is_noticed(hse):
    with fake.running() as f:
        body, head = fake.form([("prompt", "slow"), ("stream", "true")], [("file", "a.wav", server.speech_wav())])
        c = http.client.HTTPConnection("127.0.0.1", f.port, timeout=30)
        c.request("POST", "/v1/audio/transcriptions", body, {**head, "x-request-id": "leaver-sse"})
        c.getresponse().readline()
        c.close()
        for _ in range(100):
            if any('"leaver-sse"' in line and " 499 " in line for line in f.log().splitlines()):
                return
            time.sleep(0.05)
        raise AssertionError("the log does not say that the client left")
