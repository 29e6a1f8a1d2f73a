"""API keys: every route without one, with a wrong one, with the right one in each of the two headers."""
import contextlib
import json
import os
import re
import subprocess
import tempfile

import openai

import server

KEYS = ("first-key-0123456789", "second key with spaces", "sch\u00fcssel")
OPEN = {"/", "/health", "/health/live", "/health/ready", "/version", "/metrics", "/docs", "/redoc", "/openapi.json"}


@contextlib.contextmanager
def keyed():
    with tempfile.NamedTemporaryFile("w", suffix=".yml") as f:
        f.write("api_keys: " + json.dumps(list(KEYS)) + "\n")
        f.flush()
        with server.running("--config", f.name) as hse:
            yield hse


def test_no_keys_by_mistake(hse):
    with tempfile.TemporaryDirectory() as d:
        empty, other = os.path.join(d, "empty"), os.path.join(d, "other")
        open(empty, "w").close()
        with open(other, "wb") as f:
            f.write(server.speech_wav()[:200])
        for args, status, words in ((["--api-keys", ""], 2, "--api-keys is empty"), (["--api-key-file", empty], 1, "has no key"),
                                    (["--api-key-file", other], 1, "is no character of a key")):
            r = subprocess.run([server.HSE, "serve", "--port", "0", *args], capture_output=True, text=True, timeout=20)
            assert r.returncode == status and words in r.stderr, (args, r.returncode, r.stderr)


def all_routes(hse):
    """(method, path) of the document, and of the pages that it does not list."""
    _, _, data = hse.request("GET", "/openapi.json")
    for path, operations in json.loads(data)["paths"].items():
        for method in operations:
            yield method.upper(), path.replace("{id}", "harmonyspeech").replace("{", "").replace("}", "")
    yield from (("GET", p) for p in ("/", "/docs", "/redoc"))


def status_of(hse, method, path, headers):
    body = b"{}" if method in ("POST", "PUT", "PATCH") else None
    return hse.request(method, path, body, headers)


def test_every_route_with_each_kind_of_key(_):
    with keyed() as hse:
        n = 0
        for method, path in all_routes(hse):
            for headers in ({}, {"Authorization": "Bearer wrong"}, {"Api-Key": "wrong"}, {"Authorization": "Bearer "}, {"Api-Key": ""},
                            {"Authorization": KEYS[0]}, {"Authorization": "Basic " + KEYS[0]}, {"Authorization": "Bearer " + KEYS[0][:-1]},
                            {"Api-Key": KEYS[0] + "x"}, {"Api-Key": KEYS[0].upper()}):
                status, head, data = status_of(hse, method, path, headers)
                if path in OPEN:
                    assert status != 401, (method, path, headers)
                    continue
                assert status == 401, (method, path, headers, status)
                e = json.loads(data)
                assert e["error"]["code"] == "invalid_api_key" and e["error"]["type"] == "authentication_error", e
                assert e["code"] == 401 and e["type"] == "AuthenticationError" and head["www-authenticate"] == "Bearer", e
                n += 1
            for headers in ({"Authorization": "Bearer " + KEYS[0]}, {"authorization": "bearer " + KEYS[1]}, {"Api-Key": KEYS[1]},
                            {"Api-Key": KEYS[0], "Authorization": "Bearer wrong"}, {"Api-Key": "wrong", "Authorization": "Bearer " + KEYS[0]}):
                if path.endswith("/reload"):
                    continue
                status, _, _ = status_of(hse, method, path, headers)
                assert status != 401, (method, path, headers)
        assert n > 100, n
        log = hse.log()
        assert not any(k in log for k in KEYS), "a key stands in the log"


def test_paths_that_are_not_there_need_a_key_too(_):
    with keyed() as hse:
        for method, path in (("GET", "/v1/nothing"), ("GET", "/nothing"), ("DELETE", "/v1/models"), ("GET", "/v1/audio/speech"), ("OPTIONS", "/v1/models")):
            assert hse.request(method, path)[0] == 401, (method, path)
        assert hse.request("GET", "/v1/nothing", headers={"Api-Key": KEYS[0]})[0] == 404


def test_nothing_under_v1_is_open(hse):
    doc = hse.get("/openapi.json")
    for path, operations in doc["paths"].items():
        for method, o in operations.items():
            assert (o["security"] == []) == (path in OPEN), (method, path, o["security"])


def test_the_sdk_with_a_key(_):
    with keyed() as hse:
        good = openai.OpenAI(base_url=hse.url + "/v1", api_key=KEYS[0], max_retries=0)
        assert good.models.list().data
        try:
            openai.OpenAI(base_url=hse.url + "/v1", api_key="wrong", max_retries=2).models.list()
            raise AssertionError("a wrong key was taken")
        except openai.AuthenticationError as e:
            assert e.code == "invalid_api_key" and e.request_id, e
        assert len(re.findall(r"/v1/models 401", hse.log())) == 1, "the SDK tried a wrong key again"


def test_without_keys_none_is_asked_for(hse):
    assert hse.request("GET", "/v1/models", headers={"Authorization": "Bearer anything"})[0] == 200


def test_pages_of_other_sites_change_nothing(hse):
    for site, method, path, status in (("cross-site", "POST", "/v1/audio/speech", 403), ("cross-site", "DELETE", "/v1/audio/voices/x", 403),
                                       ("cross-site", "POST", "/nothing", 403), ("cross-site", "GET", "/v1/models", 200),
                                       ("same-origin", "POST", "/v1/audio/speech", 200), ("same-site", "POST", "/v1/audio/speech", 200),
                                       ("none", "POST", "/v1/audio/speech", 200)):
        got, _, data = hse.request(method, path, {"input": "Hi."} if method == "POST" else None, {"Sec-Fetch-Site": site})
        assert got == status, (site, method, path, got)
        assert status != 403 or json.loads(data)["error"]["code"] == "cross_site"


def test_pages_of_sites_that_the_config_names_may_call(_):
    ours, app = "https://app.example:8443", "app://obsidian.md"
    page = {"Origin": ours, "Sec-Fetch-Site": "cross-site"}
    asks = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,content-type"}
    allow = lambda head: {k[21:]: v for k, v in head.items() if k.startswith("access-control-allow-")}
    with server.running("--cors-origins", f"{ours}, {app}", "--api-keys", "some-key-0123") as s:
        for origin in (ours, app):
            status, head, data = s.request("OPTIONS", "/v1/audio/speech", None, {"Origin": origin, **asks})     # without the key
            assert status == 204 and data == b"" and head["vary"] == "Origin" and "GET, POST, DELETE" in head["access-control-allow-methods"], head
            assert allow(head)["origin"] == origin and "Authorization" in allow(head)["headers"] and "private-network" not in allow(head), head
        status, head, _ = s.request("OPTIONS", "/v1/models", None, {**page, **asks, "Access-Control-Request-Private-Network": "true"})
        assert status == 204 and allow(head)["private-network"] == "true"
        for method, path, body, key, want in (("POST", "/v1/audio/speech", {"input": "Hi.", "voice": "slt"}, "some-key-0123", 200), ("GET", "/v1/models", None, "some-key-0123", 200),
                                              ("POST", "/v1/audio/speech", {"input": ""}, "some-key-0123", 400), ("GET", "/v1/models", None, "no", 401),
                                              ("GET", "/nothing", None, "some-key-0123", 404), ("PUT", "/v1/models", None, "some-key-0123", 405)):
            status, head, _ = s.request(method, path, body, {**page, "Authorization": "Bearer " + key})
            assert status == want and allow(head) == {"origin": ours} and head["access-control-expose-headers"] == "*", (method, path, status, head)
        for origin in ("https://app.example", ours + ".evil", "null", "https://evil.example"):
            status, head, _ = s.request("POST", "/v1/audio/speech", {"input": "Hi."}, {**page, "Origin": origin, "Authorization": "Bearer some-key-0123"})
            assert status == 403 and not allow(head), (origin, status, head)
            status, head, _ = s.request("OPTIONS", "/v1/audio/speech", None, {"Origin": origin, **asks})
            assert not allow(head), (origin, head)
    with server.running("--cors-origins", "*") as s:
        status, head, _ = s.request("GET", "/version", None, {"Origin": "https://any.example"})
        assert status == 200 and allow(head) == {"origin": "*"}
        assert not allow(s.request("GET", "/version")[1])
    for wrong in ("app.example", "https://app.example/", "https://", "https://*.example", "https://a@b"):
        r = subprocess.run([server.HSE, "serve", "--port", "0", "--cors-origins", wrong], capture_output=True, text=True, timeout=20)
        assert r.returncode in (1, 2) and f"'{wrong}' is no origin" in r.stderr, (wrong, r.stderr)
