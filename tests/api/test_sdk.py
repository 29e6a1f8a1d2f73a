"""What the openai SDK does with our errors: their types, and when it tries again."""
import socket
import threading

import openai

import server


def client(hse, **more):
    return openai.OpenAI(base_url=hse.url + "/v1", api_key="none", **more)


def speak(c, **fields):
    return c.audio.speech.create(**{"model": "tts-1", "voice": "alloy", "input": "Hello there.", **fields})


def attempts(hse, path, before):
    return hse.log()[before:].count(f"POST {path} ")


def tried(hse, retries, **fields):
    """How often the SDK asked, and the error."""
    before = len(hse.log())
    try:
        speak(client(hse, max_retries=retries), **fields)
    except openai.APIStatusError as e:
        return attempts(hse, "/v1/audio/speech", before), e
    raise AssertionError(f"{fields} was accepted")


def test_types_params_codes_and_ids(hse):
    rows = (({"input": ""}, openai.BadRequestError, "input", None), ({"model": "no-such"}, openai.NotFoundError, "model", "model_not_found"),
            ({"speed": 5}, openai.BadRequestError, "speed", None), ({"extra_body": {"x": 1}}, openai.BadRequestError, "x", "unknown_parameter"),
            ({"input": "a" * (1 << 20) + "b"}, openai.APIStatusError, "input", None))
    for fields, kind, param, code in rows:
        _, e = tried(hse, 0, **fields)
        assert isinstance(e, kind) and e.param == param and e.code == code and e.request_id, (fields, e)
        assert e.message.startswith(f"Error code: {e.status_code} - "), e.message


def test_errors_that_repeat_are_not_tried_again(hse):
    for fields in ({"input": ""}, {"model": "no-such"}, {"extra_body": {"timeout_s": 0.001, "x": 1}}):
        n, _ = tried(hse, 2, **fields)
        assert n == 1, (fields, n)


def test_a_deadline_is_not_tried_again(hse):
    text = " ".join(f"Sentence {i} takes its time." for i in range(300))
    n, e = tried(hse, 2, input=text, response_format="wav", extra_body={"timeout_s": 0.01})
    assert e.status_code == 504 and n == 1 and e.response.headers["x-should-retry"] == "false", (n, e)


def test_a_deadline_of_the_client_is_no_error_in_the_log(hse):
    before = len(hse.log())
    text = " ".join(f"Sentence {i} takes its time." for i in range(300))
    tried(hse, 0, input=text, response_format="wav", extra_body={"timeout_s": 0.01})
    assert '"level":"error"' not in hse.log()[before:], hse.log()[before:]


def test_too_many_requests_are_tried_again(_):
    """One place only, and it is taken: the SDK is told when to come back, comes back as often as it may, and then says why."""
    with server.running("--max-requests", "1") as hse:
        text = " ".join(f"This is sentence number {i} of a long text." for i in range(2000))
        began, stop = threading.Event(), threading.Event()

        def hold():
            """Reads an answer so slowly that it does not end."""
            s = socket.create_connection(("127.0.0.1", hse.port))
            body = ('{"model":"tts-1","voice":"alloy","response_format":"pcm","input":"%s"}' % text).encode()
            s.sendall(b"POST /v1/audio/speech HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nAccept: audio/pcm\r\n"
                      b"Content-Length: %d\r\n\r\n" % len(body) + body)
            s.recv(1)
            began.set()
            stop.wait(60)
            s.close()
        holder = threading.Thread(target=hold)
        holder.start()
        assert began.wait(60)
        try:
            n, e = tried(hse, 2)
            assert hse.get("/v1/ps")["data"] and hse.get("/v1/models")["data"], "an operator finds no place"
        finally:
            stop.set()
            holder.join()
        assert n == 3 and e.status_code in (429, 503), (n, e)
        assert e.response.headers["x-should-retry"] == "true" and int(e.response.headers["retry-after"]) >= 1, e.response.headers
        assert e.type in ("server_error", "rate_limit_error") and e.code == "overloaded", (e.type, e.code)


def test_a_client_that_leaves_is_499_in_the_log(hse):
    text = " ".join(f"This is sentence number {i} of a long text." for i in range(2000))
    before = len(hse.log())
    try:
        speak(client(hse, max_retries=0, timeout=0.5), input=text, response_format="wav", extra_body={"normalize": "peak"})
        raise AssertionError("the SDK waited")
    except openai.APITimeoutError:
        pass
    import time
    until = time.monotonic() + 20
    while " 499 " not in hse.log()[before:]:
        assert time.monotonic() < until, "no 499 in the log"
        time.sleep(0.02)
    assert '"level":"error"' not in hse.log()[before:], hse.log()[before:]
