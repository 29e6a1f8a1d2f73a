"""hse config, and one config from file, variables and flags, as an operator meets it."""
import os
import re
import signal
import subprocess
import tempfile
import time

import server

HSES = [os.path.join(server.ROOT, "tests/data/config", name) for name in ("hse-config.yml", "hse-config.gpu.yml")]


def hse_run(*args, want=0, env=None):
    clean = {k: v for k, v in os.environ.items() if not k.startswith("HSE_")}
    r = subprocess.run([server.HSE, *args], capture_output=True, timeout=60, text=True, env={**clean, **(env or {})})
    assert r.returncode == want, (args, r.returncode, r.stdout[-300:], r.stderr[-300:])
    return r


def config(directory, text):
    path = os.path.join(directory, "c.yml")
    with open(path, "w") as f:
        f.write(text)
    return path


def test_every_mistake_has_line_and_column(hse):
    with tempfile.TemporaryDirectory() as d:
        path = config(d, "port: many\nmodel_configs:\n  - name: a\n    model: m\n    model_type: SileroVAD\n    max_batch_size: 0\n    langauge: EN\n"
                         "keep_alive: soon\nmemory_budget: 5XB\ncolour: red\n")
        out = hse_run("config", "check", path, want=1).stdout.splitlines()
        assert len(out) == 6, out
        places = [re.match(re.escape(path) + r":(\d+):(\d+): (\S+)", line).groups() for line in out]
        assert [(p[0], p[1]) for p in places] == [("1", "7"), ("6", "21"), ("7", "5"), ("8", "13"), ("9", "16"), ("10", "1")], places
        assert "did you mean 'language'" in out[2], out[2]


def test_what_is_refused_later_is_a_warning(hse):
    for path in HSES:
        r = hse_run("config", "check", path)
        assert re.search(r":\d+: warning: \S+: its model_type is not built in", r.stdout), r.stdout
        assert re.search(r"hs1-encoder: no folder of that name", r.stdout) and "no mistakes" in r.stdout.splitlines()[-1], r.stdout
        assert all(re.match(r".*:\d+:\d+: warning: ", line) for line in r.stdout.splitlines()[:-1]), r.stdout
    demo = os.path.join(server.ROOT, "models/demo/silero")
    with tempfile.TemporaryDirectory() as d:
        out = hse_run("config", "check", config(d, f"model_configs:\n  - name: vad\n    model: {demo}\n    model_type: SileroVAD\n")).stdout
        assert out.endswith("1 model, no mistakes, 0 warnings\n"), out


def test_names_that_nothing_has_are_warnings(hse):
    models = {"HSE_MODELS": os.path.join(server.ROOT, "models")}
    with tempfile.TemporaryDirectory() as d:
        path = config(d, "aliases:\n  reader: harmonyspeech\n  lost: harmonyspeach\n  again: reader\nvad_model: silero\npreload: [harmonyspeech, tts, lost]\n"
                         f"openai_voices: {{alloy: slt, onyx: bob}}\nstate: {d}\n")
        out = hse_run("config", "check", path, env=models).stdout.splitlines()
        found = [re.match(re.escape(path) + r":(\d+):(\d+): warning: (.*)", line).groups() for line in out[:-1]]
        want = [("3", "9", "aliases: 'lost' stands for 'harmonyspeach'"), ("4", "10", "aliases: 'again' stands for 'reader'"),
                ("6", "26", "preload: there is no model 'tts'"), ("6", "31", "preload: there is no model 'lost'"),
                ("5", "12", "vad_model: no model 'silero' here finds speech; there are: silero-vad"), ("7", "35", "openai_voices: 'onyx' stands for 'bob'")]
        assert len(found) == len(want), out
        for (line, column, text), (wanted_line, wanted_column, words) in zip(found, want):
            assert (line, column) == (wanted_line, wanted_column) and text.startswith(words), (line, column, text)
            assert "silero-vad" in text or "slt, awb" in text, text                   # what there is
        assert out[-1].endswith("0 models, no mistakes, 6 warnings"), out[-1]


def test_what_a_model_cannot_have_is_a_warning(hse):
    demo = os.path.join(server.ROOT, "models/demo/harmonyspeech")
    model = lambda name, more: f"  - {{name: {name}, model: {demo}, model_type: HarmonySpeechEncoder, {more}}}\n"
    with tempfile.TemporaryDirectory() as d:
        path = config(d, "model_configs:\n" + model("a", "device_config: {device: cuda}") + model("b", "device_config: {device_map: 'cuda:1'}") +
                      model("c", "dtype: float16") + model("d", "compute_type: int8") + model("e", "instances: 17") + model("f", "watermark: true") +
                      model("g", "device_config: {device: cpu, device_map: auto}"))
        out = hse_run("config", "check", path).stdout.splitlines()
        assert out[-1].endswith("7 models, no mistakes, 6 warnings"), out
        for i, (name, words) in enumerate((("a", "device is not offered"), ("b", "device_map is not offered"), ("c", "float16"), ("d", "compute_type is not offered"),
                                           ("e", "16 instances"), ("f", "watermark is not offered"))):
            line, column = re.match(re.escape(path) + rf":(\d+):(\d+): warning: {name}: .*{words}", out[i]).groups()
            assert int(line) == i + 2 and int(column) > len(demo), out[i]               # of the key's value, which comes behind the folder


def test_what_keeps_a_server_from_starting_is_a_mistake(hse):
    with tempfile.TemporaryDirectory() as d:
        for text, place, words in (("port: 1\nmodels: /nowhere/at/all\n", ":2:9: ", "models: there is no folder"),
                                   ("lexicon: [/nowhere.lex]\n", ":1:10: ", "lexicon: "), ("watermark: much-too-long\n", ":1:12: ", "watermark")):
            path = config(d, text)
            out = hse_run("config", "check", path, want=1).stdout
            assert out.startswith(path + place + words), (text, out)


def test_show_names_every_origin(hse):
    with tempfile.TemporaryDirectory() as d:
        path = config(d, "keep_alive: 9m\nport: 2\nthreads: 1\napi_keys: [secret-one, secret-two]\n")
        out = hse_run("config", "show", "--config", path, "--port", "4", env={"HSE_THREADS": "2", "HARMONYSPEECH_TARGET_DEVICE": "cpu"}).stdout
        for line in (r"port: 4 +# --port", r"threads: 2 +# HSE_THREADS", r"device: cpu +# HARMONYSPEECH_TARGET_DEVICE",
                     r"keep_alive: 9m +# .*c\.yml:1", r"timeout_s: 600 +# default", r"api_keys: \[\] +# .*c\.yml:4: 2, not shown"):
            assert re.search("^" + line + "$", out, re.M), (line, out)
        assert "secret" not in out, out
        # What is shown is itself a config that gives the same.
        again = config(d, out)
        assert "no mistakes" in hse_run("config", "check", again).stdout
        values = [line.split("#")[0].rstrip() for line in out.splitlines()]
        assert [line.split("#")[0].rstrip() for line in hse_run("config", "show", "--config", again).stdout.splitlines()] == values, out


def test_hses_configs_show_whole(hse):
    for path in HSES:
        out = hse_run("config", "show", "--config", path).stdout
        with tempfile.TemporaryDirectory() as d:
            again = hse_run("config", "show", "--config", config(d, out)).stdout
        strip = [line.split("#")[0].rstrip() for line in out.splitlines()]
        assert strip == [line.split("#")[0].rstrip() for line in again.splitlines()], path
        assert out.count("  - name: ") == open(path).read().replace("#  - name", "").replace("# - name", "").count("  - name: "), path


def test_wrong_settings_are_usage_errors(hse):
    for args, env in ((("--port", "x"), {}), (("--keep-alive", "soon"), {}), ((), {"HSE_MEMORY_BUDGET": "lots"}), ((), {"HSE_ALIASES": "a"}),
                      (("--openai-voices", "alloy"), {}), ((), {"HARMONYSPEECH_LOCAL_LOGGING_INTERVAL_SEC": "often"}), (("--models", ""), {})):
        r = hse_run("config", "show", *args, want=2, env=env)
        assert r.stderr.count("\n") == 1 and not r.stdout, (args, env, r.stderr)


def test_hses_config_starts_and_refuses_by_name(hse):
    """A type that is not built in is refused at the request, not at the start."""
    with server.running("--config", HSES[0]) as s:
        status, _, data = s.request("POST", "/v1/audio/speech", {"model": "chatterbox", "input": "Hello.", "voice": "a"})
        assert status in (400, 404, 501) and b"chatterbox" in data.lower(), (status, data[:300])
        assert s.get("/health")["status"] == "ok"


def test_no_word_about_the_demo_models(hse):
    """A config that names the bundled models starts without a warning."""
    demo = os.path.join(server.ROOT, "models/demo")
    parts = "".join(f"  - name: {n}\n    model: {demo}/{m}\n    model_type: {t}\n" for n, m, t in (
        ("hs1-encoder", "harmonyspeech", "HarmonySpeechEncoder"), ("hs1-synthesizer", "harmonyspeech", "HarmonySpeechSynthesizer"),
        ("hs1-vocoder", "harmonyspeech", "HarmonySpeechVocoder"), ("silero-vad", "silero", "SileroVAD")))
    with tempfile.TemporaryDirectory() as d:
        with server.running("--config", config(d, "model_configs:\n" + parts)) as s:
            assert len(s.post("/v1/audio/speech", {"input": "Hello.", "voice": "alloy", "response_format": "wav"})) > 1000
        assert '"level":"warn"' not in s.log(), s.log()


def test_hangup_reads_the_config_again(hse):
    with tempfile.TemporaryDirectory() as d:
        path = config(d, "aliases: {first: harmonyspeech}\n")
        with server.running("--config", path) as s:
            def speaks(model):
                return s.request("POST", "/v1/audio/speech", {"model": model, "input": "Hi.", "voice": "alloy", "response_format": "pcm"})[0] == 200
            assert speaks("first") and not speaks("second")
            config(d, "aliases: {second: harmonyspeech}\n")
            s.process.send_signal(signal.SIGHUP)
            until = time.monotonic() + 20
            while not speaks("second") and time.monotonic() < until:
                time.sleep(0.05)
            assert speaks("second") and not speaks("first")
            config(d, "aliases: [wrong]\nport: x\n")
            s.process.send_signal(signal.SIGHUP)
            while s.log().count("c.yml:") < 2 and time.monotonic() < until:
                time.sleep(0.05)
            assert s.log().count("c.yml:") >= 2 and speaks("second"), s.log()


def test_the_docs_list_every_setting_with_its_default(hse):
    doc = open(os.path.join(server.ROOT, "docs/config.md")).read()
    shown = hse_run("config", "show").stdout
    keys = re.findall(r"^(\w+): ", shown, re.M)
    assert len(keys) > 30
    for key in keys:
        row = re.search(rf"^\| `{key}` \| `--([a-z-]+)` \| `(HSE_[A-Z_]+)`.*?\| (?:`([^`]*)`)? *\| \S", doc, re.M)
        assert row, f"{key} is not in docs/config.md"
        flags = hse_run("serve", "--help").stdout
        assert f"--{row[1]} " in flags or f"--{row[1]}\n" in flags, row[1]
        value = re.search(rf"^{key}: (.*?) +# default$", shown, re.M)
        if row[3] and value:
            assert value[1].strip('"') in (row[3], {"off": "false"}.get(row[3])), (key, value[1], row[3])


def test_the_docs_example_has_no_mistake(hse):
    doc = open(os.path.join(server.ROOT, "docs/config.md")).read()
    with tempfile.TemporaryDirectory() as d:
        out = hse_run("config", "check", config(d, re.search(r"```yaml\n(.*?)```", doc, re.S)[1]), env={"HSE_MODELS": os.path.join(server.ROOT, "models")}).stdout
        assert out.endswith("4 models, no mistakes, 0 warnings\n"), out


def test_limits_are_obeyed_and_named(hse):
    with server.running("--max-text", "1", "--max-audio-hours", "0.001") as s:
        status, _, data = s.request("POST", "/v1/audio/speech", {"input": "Hello. " * 200, "voice": "alloy"})
        assert status == 413 and b"--max-text" in data, (status, data[:300])
        status, _, data = s.request("POST", "/v1/audio/vad", {"input_audio": server.speech_base64()})
        assert status == 413 and b"--max-audio-hours" in data, (status, data[:300])
