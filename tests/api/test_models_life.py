"""Loading, unloading, what is in memory, health, and the config read again, of a server of its own."""
import contextlib
import os
import re
import signal
import tempfile
import threading
import time

import server

PARTS = ("hs1-synthesizer", "hs1-vocoder")


def loaded(hse, headers=None):
    return {m["id"]: m for m in hse.get("/v1/ps", headers=headers)["data"]}


def eventually(condition, what, seconds=20):
    """Waits for what another thread does; the bound only ends a test that has failed."""
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, what
        time.sleep(0.02)


@contextlib.contextmanager
def configured(text, *options, **more):
    """A server with this config, and the file's path to write another into."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "config.yml")
        with open(path, "w") as f:
            f.write(text)
        with server.running("--config", path, *options, **more) as hse:
            yield hse, path


def rewrite(path, text):
    with open(path + ".new", "w") as f:
        f.write(text)
    os.rename(path + ".new", path)


def test_load_ps_unload(_):
    with server.running() as hse:
        assert loaded(hse) == {}
        assert {m["id"] for m in hse.get("/v1/ps?all=true")["data"]} >= set(PARTS)
        answer = hse.post("/v1/models/load", {"model": "harmonyspeech", "keep_alive": "10m"})
        assert answer["loaded"] and answer["id"] == "harmonyspeech" and answer["resident_bytes"] > 1 << 20, answer
        now = loaded(hse)
        assert set(PARTS) <= set(now)
        for name in PARTS:
            assert now[name]["loaded"] and now[name]["bytes"] > 1e6 and now[name]["requests"] == 0 and now[name]["load_s"] > 0
            assert 590 < now[name]["expires_s"] <= 600, now[name]
        assert not hse.post("/v1/models/unload", {"model": "harmonyspeech"})["loaded"]
        assert not set(PARTS) & set(loaded(hse))
        hse.post("/v1/audio/speech", {"input": "Back again."})
        assert set(PARTS) <= set(loaded(hse))


def test_load_and_unload_of_one_model(_):
    with server.running() as hse:
        hse.post("/v1/models/load", {"model": "silero-vad", "keep_alive": -1})
        assert loaded(hse)["silero-vad"]["expires_s"] is None
        hse.post("/v1/models/unload", {"model": "silero-vad", "timeout_s": 5})
        assert "silero-vad" not in loaded(hse)
        hse.post("/v1/models/unload", {"model": "silero-vad"})          # what is not loaded is as it shall be


def test_unknown_models_are_404(hse):
    for path in ("/v1/models/load", "/v1/models/unload"):
        assert hse.post(path, {"model": "no-such-model"}, want=404)["error"]["code"] == "model_not_found"


def test_keep_alive_of_a_request(_):
    with server.running() as hse:
        hse.post("/v1/audio/speech", {"input": "Stay.", "keep_alive": -1})
        assert loaded(hse)["hs1-vocoder"]["expires_s"] is None
        hse.post("/v1/audio/speech", {"input": "Stay a while.", "keep_alive": "90s"})
        assert 60 < loaded(hse)["hs1-vocoder"]["expires_s"] <= 90
        hse.post("/v1/audio/speech", {"input": "Go.", "keep_alive": 0})
        eventually(lambda: not set(PARTS) & set(loaded(hse)), "keep_alive 0 did not unload")
        hse.post("/v1/audio/speech", {"input": "Go soon.", "keep_alive": 0.2})
        eventually(lambda: not set(PARTS) & set(loaded(hse)), "keep_alive 0.2 did not unload")


def test_unload_waits_for_requests(_):
    with server.running() as hse:
        text = " ".join(f"This is sentence number {i} of many." for i in range(120))
        result = {}
        thread = threading.Thread(target=lambda: result.update(r=hse.request("POST", "/v1/audio/speech", {"input": text}, timeout=110)))
        thread.start()
        eventually(lambda: "hs1-vocoder" in loaded(hse) and loaded(hse)["hs1-vocoder"]["requests"] > 0, "the request did not begin")
        status, head, _ = hse.request("POST", "/v1/models/unload", {"model": "harmonyspeech", "timeout_s": 0.05})
        thread.join()
        assert result["r"][0] == 200
        loads = re.findall(r'hse_model_loads_total\{model="hs1-vocoder"\} (\d+)', hse.request("GET", "/metrics")[2].decode())
        assert loads == ["1"], "it was unloaded under a request"
        assert status == 200 or (head["retry-after"] and head["x-should-retry"] == "true"), (status, head)
        assert hse.request("POST", "/v1/models/unload", {"model": "harmonyspeech"})[0] == 200


def test_health_and_readiness(_):
    with configured("preload: [harmonyspeech]\n") as (hse, _path):
        assert hse.get("/health") == {"status": "ok"} and hse.get("/health/live") == {"status": "ok"}
        for _i in range(500):
            status, head, _data = hse.request("GET", "/health/ready")
            if status == 200:
                break
            assert status == 503 and head["retry-after"], (status, head)
            time.sleep(0.02)
        assert status == 200 and set(PARTS) <= set(loaded(hse))
        assert loaded(hse)["hs1-vocoder"]["expires_s"] is None, "a preloaded model does not stay"


def test_health_never_loads_a_model(_):
    with server.running() as hse:
        for path in ("/health", "/health/ready", "/health/live", "/metrics", "/v1/models", "/v1/ps", "/v1/audio/speech/models", "/openapi.json"):
            assert hse.request("GET", path)[0] == 200, path
        assert loaded(hse) == {}


def spoken_by(hse, model):
    return hse.request("POST", "/v1/audio/speech", {"input": "Hello.", "model": model})[0]


def test_reload_by_request_and_by_signal(_):
    with configured("aliases: {reader: harmonyspeech}\n") as (hse, path):
        assert spoken_by(hse, "reader") == 200 and spoken_by(hse, "teller") == 404
        before = hse.get("/v1/ps")["data"]
        rewrite(path, "aliases: {teller: harmonyspeech}\n")
        assert spoken_by(hse, "teller") == 404, "the file alone changed something"
        assert hse.post("/v1/config/reload", {})["status"] == "ok"
        assert spoken_by(hse, "teller") == 200 and spoken_by(hse, "reader") == 404
        assert {m["id"] for m in before} <= set(loaded(hse)), "models that stayed the same were unloaded"
        rewrite(path, "aliases: {reader: harmonyspeech}\n")
        hse.process.send_signal(signal.SIGHUP)
        eventually(lambda: spoken_by(hse, "reader") == 200, "SIGHUP did nothing")


def test_a_config_with_mistakes_changes_nothing(_):
    with configured("aliases: {reader: harmonyspeech}\n") as (hse, path):
        rewrite(path, "aliases: {teller: harmonyspeech}\nport: many\nno_such_key: 1\n")
        e = hse.post("/v1/config/reload", {}, want=400)["error"]
        assert "config.yml" not in e["message"] and "/tmp" not in e["message"], e
        assert spoken_by(hse, "reader") == 200 and spoken_by(hse, "teller") == 404
        assert "port" in hse.log() and "no_such_key" in hse.log(), "the log does not list the mistakes"
        hse.process.send_signal(signal.SIGHUP)
        eventually(lambda: hse.log().count("no_such_key") >= 2, "SIGHUP said nothing")
        assert spoken_by(hse, "reader") == 200


def test_reload_changes_keys(_):
    with configured("api_keys: [old-key]\n") as (hse, path):
        old, new = {"Api-Key": "old-key"}, {"Api-Key": "new-key"}
        rewrite(path, "api_keys: [new-key]\n")
        assert hse.request("POST", "/v1/config/reload", {})[0] == 401
        hse.post("/v1/config/reload", {}, headers=old)
        assert hse.request("GET", "/v1/models", headers=old)[0] == 401
        assert hse.request("GET", "/v1/models", headers=new)[0] == 200


def test_reload_names_what_needs_a_restart(_):
    with configured("keep_alive: 5m\n") as (hse, path):
        assert hse.post("/v1/config/reload", {})["needs_restart"] == []
        rewrite(path, "threads: 1\ncpu: generic\nmax_upload_mb: 7\nkeep_alive: 7m\n")
        assert hse.post("/v1/config/reload", {})["needs_restart"] == ["threads", "cpu", "max_upload_mb"]
        assert "threads is changed" in hse.log() and "keep_alive is changed" not in hse.log()
        rewrite(path, "keep_alive: 7m\n")
        assert hse.post("/v1/config/reload", {})["needs_restart"] == [], "compared with the last file, not with what runs"


def test_reload_changes_when_idle_models_go(_):
    """keep_alive, preload and memory_budget hold for what is in memory already, not only for what comes."""
    with configured("keep_alive: 10m\npreload: [silero-vad]\n") as (hse, path):
        hse.post("/v1/audio/speech", {"input": "Stay."})
        eventually(lambda: {"silero-vad", *PARTS} <= set(loaded(hse)), "they are not in memory")
        assert loaded(hse)["silero-vad"]["expires_s"] is None and loaded(hse)["hs1-vocoder"]["expires_s"] > 500
        rewrite(path, "keep_alive: 7m\n")
        hse.post("/v1/config/reload", {})
        assert all(300 < loaded(hse)[m]["expires_s"] <= 420 for m in ("silero-vad", *PARTS)), loaded(hse)
        rewrite(path, "keep_alive: 7m\nmemory_budget: 1MiB\n")
        hse.post("/v1/config/reload", {})
        eventually(lambda: not set(PARTS) & set(loaded(hse)), "a smaller budget sent nobody away")
        hse.post("/v1/models/load", {"model": "silero-vad"})
        rewrite(path, "keep_alive: 0.1\n")
        hse.post("/v1/config/reload", {})
        eventually(lambda: not loaded(hse), "a shorter keep_alive sent nobody away")


def test_reload_drops_no_request(_):
    with configured("aliases: {reader: harmonyspeech}\n") as (hse, path):
        text = " ".join(f"This is sentence number {i} of many." for i in range(60))
        want = hse.request("POST", "/v1/audio/speech", {"input": text, "response_format": "pcm"}, {"Accept": "audio/pcm"}, timeout=110)
        answers = []
        threads = [threading.Thread(target=lambda: answers.append(hse.request("POST", "/v1/audio/speech", {"input": text, "response_format": "pcm"},
                                                                               {"Accept": "audio/pcm"}, timeout=110))) for _i in range(4)]
        for t in threads:
            t.start()
        for i in range(6):
            rewrite(path, "aliases: {reader%d: harmonyspeech}\n" % i)
            hse.post("/v1/config/reload", {})
        for t in threads:
            t.join()
        assert len(answers) == 4 and all(a[0] == 200 and a[2] == want[2] for a in answers)


def test_reload_without_a_file(hse):
    """The variables are read again too; without anything new nothing changes."""
    status, _, _ = hse.request("POST", "/v1/config/reload", {})
    assert status == 200
    assert hse.get("/v1/models")["data"]
