"""Starts and stops the server under test; small helpers for raw requests."""
import base64
import contextlib
import http.client
import json
import os
import re
import subprocess
import tempfile
import time

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
HSE = os.environ.get("HSE_PROGRAM", os.path.join(ROOT, "build", "hse"))
SPEECH = os.path.join(ROOT, "tests", "golden", "silero", "audio", "jfk_16k.wav")


class Server:
    def __init__(self, *options, variables=None):
        self.file = tempfile.NamedTemporaryFile(suffix=".log")
        self.folder = tempfile.TemporaryDirectory()         # nobody's voices, nobody's models but the bundled ones
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("HSE_", "HARMONYSPEECH_", "HF_")) or k in ("HSE_CPU",)}
        environment.update({"XDG_STATE_HOME": self.folder.name, "XDG_CACHE_HOME": self.folder.name, "HF_HUB_CACHE": "", "HF_HOME": self.folder.name},
                           **(variables or {}))
        self.process = subprocess.Popen([HSE, "serve", "--port", "0", "--log-format", "json", "--log-level", "info", *options],
                                        stdout=subprocess.PIPE, stderr=self.file, text=True, env=environment)
        line = ""
        while "http://" not in line:
            line = self.process.stdout.readline()
            if not line:
                raise RuntimeError("the server did not start: " + self.log())
        self.port = int(re.search(r"http://[^:/]+:(\d+)", line)[1])
        self.url = f"http://127.0.0.1:{self.port}"

    def log(self):
        with open(self.file.name) as f:
            return f.read()

    def alive(self):
        return self.process.poll() is None

    def stop(self):
        self.process.terminate()
        return self.process.wait(20)

    def request(self, method, path, body=None, headers=None, timeout=60):
        """(status, headers, bytes) of one request."""
        c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        data = json.dumps(body).encode() if isinstance(body, (dict, list)) else body
        head = {"Content-Type": "application/json"} if data is not None else {}
        head.update(headers or {})
        c.request(method, path, data, head)
        r = c.getresponse()
        out = r.status, {k.lower(): v for k, v in r.getheaders()}, r.read()
        c.close()
        return out

    def post(self, path, body, headers=None, want=200):
        status, head, data = self.request("POST", path, body, headers)
        assert status == want, (status, data[:300])
        return json.loads(data) if head.get("content-type", "").startswith("application/json") else data

    def get(self, path, want=200, headers=None):
        status, _, data = self.request("GET", path, headers=headers)
        assert status == want, (status, data[:300])
        return json.loads(data)


@contextlib.contextmanager
def running(*options, variables=None):
    s = Server(*options, variables=variables)
    try:
        yield s
    finally:
        if s.alive():
            status = s.stop()
            assert status == 0, f"the server ended with status {status}: {s.log()[-2000:]}"


def speech_wav():
    with open(SPEECH, "rb") as f:
        return f.read()


def speech_base64():
    return base64.b64encode(speech_wav()).decode()


def wav_samples(data):
    """Mono 16-bit samples of a wav file's bytes, and its rate."""
    assert data[:4] == b"RIFF" and data[8:16] == b"WAVEfmt ", data[:16]
    rate = int.from_bytes(data[24:28], "little")
    at = data.index(b"data") + 8
    import array
    a = array.array("h")
    a.frombytes(data[at:at + (len(data) - at) // 2 * 2])
    return a, rate


class Skipped(Exception):
    """What a test needs is not on this machine; the text says what."""
