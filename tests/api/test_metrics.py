"""GET /metrics, read by Prometheus' own parser; the figures move as requests come."""
import base64

from prometheus_client.parser import text_string_to_metric_families

import server

WANTED = {
    "hse_requests": "counter", "hse_requests_running": "gauge", "hse_requests_waiting": "gauge", "hse_request_rejected": "counter",
    "hse_request_cancelled": "counter", "hse_request_duration_seconds": "histogram", "hse_request_queue_seconds": "histogram",
    "hse_time_to_first_audio_seconds": "histogram", "hse_time_to_first_text_seconds": "histogram", "hse_batch_size": "histogram",
    "hse_stage_duration_seconds": "histogram", "hse_model_loaded": "gauge", "hse_model_load_seconds": "gauge",
    "hse_model_memory_bytes": "gauge", "hse_model_evictions": "counter", "hse_http_requests": "counter",
    "hse_http_request_duration_seconds": "histogram", "hse_build_info": "gauge", "hse_audio_input_seconds": "counter",
    "hse_audio_output_seconds": "counter", "hse_text_characters": "counter", "process_resident_memory_bytes": "gauge",
    "process_cpu_seconds": "counter", "process_open_fds": "gauge", "process_start_time_seconds": "gauge",
}


def read(hse):
    """{family: (type, {(sample name, labels): value})}, after checking what a scraper relies on."""
    status, head, data = hse.request("GET", "/metrics")
    assert status == 200 and head["content-type"].startswith("text/plain; version=0.0.4"), (status, head)
    families = {}
    for f in text_string_to_metric_families(data.decode()):
        assert f.name not in families, f"{f.name} is there twice"
        assert f.documentation, f"{f.name} has no help"
        samples = {}
        for s in f.samples:
            key = (s.name, tuple(sorted(s.labels.items())))
            assert key not in samples, f"{key} is there twice"
            samples[key] = s.value
        families[f.name] = (f.type, samples)
    return families


def value(families, family, sample=None, **labels):
    return sum(v for (name, have), v in families[family][1].items()
               if name == (sample or name) and all(dict(have).get(k) == w for k, w in labels.items()))


def test_names_and_types(hse):
    families = read(hse)
    for name, kind in WANTED.items():
        assert name in families, f"{name} is missing"
        assert families[name][0] == kind, (name, families[name][0])


def test_histograms_are_cumulative_and_end_in_all(hse):
    hse.post("/v1/audio/speech", {"input": "Hello there."})
    for name, (kind, samples) in read(hse).items():
        if kind != "histogram":
            continue
        series = {}
        for (sample, labels), v in samples.items():
            rest = tuple((k, w) for k, w in labels if k != "le")
            series.setdefault(rest, {})[dict(labels).get("le", sample)] = v
        for rest, points in series.items():
            bounds = sorted((float(k), v) for k, v in points.items() if not k.startswith(name))
            assert bounds[-1][0] == float("inf"), (name, rest)
            assert all(a[1] <= b[1] for a, b in zip(bounds, bounds[1:])), (name, rest, bounds)
            assert bounds[-1][1] == points[name + "_count"], (name, rest)
            assert points[name + "_sum"] >= 0


def test_figures_follow_the_requests(hse):
    before = read(hse)
    hse.post("/v1/audio/speech", {"input": "Counting to three."})
    recording = bytearray(server.speech_wav())
    recording[-10] ^= 1                     # what was heard before is not computed again
    hse.post("/v1/embed/speaker", {"input_audio": base64.b64encode(recording).decode()})
    hse.request("POST", "/v1/audio/speech", {"input": ""})
    after = read(hse)

    def grown(*a, **k):
        return value(after, *a, **k) - value(before, *a, **k)
    assert grown("hse_requests", task="speak", code="200") == 1
    assert grown("hse_requests", task="speak", code="400") == 1
    assert grown("hse_requests", task="embed", code="200") == 1
    assert value(after, "hse_requests", task="speak", model="harmonyspeech", code="200") >= 1
    assert grown("hse_http_requests", handler="/v1/audio/speech", method="POST", status="200") == 1
    assert grown("hse_http_requests", handler="/v1/audio/speech", method="POST", status="400") == 1
    assert grown("hse_text_characters") == len("Counting to three.")
    assert grown("hse_audio_output_seconds") > 0.3 and grown("hse_audio_input_seconds") > 5
    assert grown("hse_time_to_first_audio_seconds", "hse_time_to_first_audio_seconds_count", task="speak") == 1
    assert grown("hse_batch_size", "hse_batch_size_count") >= 3
    assert grown("hse_request_queue_seconds", "hse_request_queue_seconds_count") >= 3
    assert value(after, "hse_model_loaded") >= 3 and value(after, "hse_model_memory_bytes") > 1e6


def test_running_is_seen_while_it_runs(hse):
    import threading
    text = " ".join(f"This is sentence number {i} of many." for i in range(60))
    thread = threading.Thread(target=hse.request, args=("POST", "/v1/audio/speech", {"input": text, "response_format": "wav"}))
    thread.start()
    seen = 0
    while thread.is_alive() and not seen:
        families = read(hse)
        seen = value(families, "hse_requests_running", task="speak") + value(families, "hse_requests_waiting", task="speak")
    thread.join()
    assert seen >= 1


def test_unknown_paths_and_methods_do_not_grow_the_labels(hse):
    for i in range(20):
        hse.request("GET", f"/no/such/path/{i}")
        hse.request("POST", "/v1/audio/speech", {"input": "x", "model": f"no-such-model-{i}"})
    families = read(hse)
    labels = {dict(k[1])["handler"] for k in families["hse_http_requests"][1]}
    assert not any("/no/such" in x for x in labels) and "other" in labels, labels
    assert not any("no-such-model" in dict(k[1])["model"] for k in families["hse_requests"][1])


def test_process_figures_are_true(hse):
    families = read(hse)
    with open(f"/proc/{hse.process.pid}/statm") as f:
        resident = int(f.read().split()[1]) * 4096
    assert abs(value(families, "process_resident_memory_bytes") - resident) < 32 << 20
    import time
    assert 0 <= time.time() - value(families, "process_start_time_seconds") < 3600
    assert value(families, "hse_build_info", version=hse.get("/version")["version"]) == 1
