"""The lists, health, version."""
import openai

import server


def test_openai_sdk_models(hse):
    client = openai.OpenAI(base_url=hse.url + "/v1", api_key="none", max_retries=0)
    ids = [m.id for m in client.models.list()]
    assert "harmonyspeech" in ids, ids
    assert client.models.retrieve(ids[0]).id == ids[0]
    try:
        client.models.retrieve("no/such/model")
        raise AssertionError("an unknown model was found")
    except openai.NotFoundError as e:
        assert e.code == "model_not_found"


def test_lists_by_task(hse):
    speech = hse.get("/v1/audio/speech/models")["data"]
    chain = next(m for m in speech if m["id"] == "harmonyspeech")
    voices = [v["voice"] for v in chain["languages"][0]["voices"]]
    assert chain["object"] == "model" and chain["languages"][0]["language"] == "en" and voices[0] == "slt" and len(voices) == 4
    assert any("encoder" in m["id"] or m["id"] == "harmonyspeech" for m in hse.get("/v1/embed/models")["data"])
    assert [m["id"] for m in hse.get("/v1/audio/vad/models")["data"]]


def test_health_and_version(hse):
    for path in ("/health", "/health/live", "/health/ready"):
        assert hse.get(path)
    assert hse.get("/version")["version"]


def test_the_page_loads_nothing_from_elsewhere(hse):
    status, head, data = hse.request("GET", "/")
    assert status == 200 and head["content-type"].startswith("text/html") and b"http://" not in data and b"https://" not in data
    assert "default-src 'none'" in head["content-security-policy"]


def test_request_ids(hse):
    _, head, _ = hse.request("GET", "/health", headers={"x-request-id": "my-id-1"})
    assert head["x-request-id"] == "my-id-1"
    _, head, _ = hse.request("GET", "/health")
    assert len(head["x-request-id"]) >= 8
