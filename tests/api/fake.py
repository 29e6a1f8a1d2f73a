"""The server over models that compute next to nothing (tests/unit/server/fake_server.c): a recogniser, a converter, a restorer,
beside the real demo voice and detector."""
import contextlib
import os
import re
import shutil
import subprocess
import tempfile

import server

PROGRAM = os.environ.get("HSE_FAKE_SERVER", os.path.join(server.ROOT, "build", "release", "tests", "fake_server"))


class Fake(server.Server):
    def __init__(self, state=None, **settings):
        self.folder = tempfile.TemporaryDirectory()
        self.state = state or os.path.join(self.folder.name, "state")
        models = os.path.join(self.folder.name, "models")
        shutil.copytree(os.path.join(server.ROOT, "models", "demo"), os.path.join(models, "demo"))
        os.makedirs(os.path.join(models, "org", "fakes"))
        for name in ("recogniser", "converter", "restorer", "restorer-vocoder"):
            open(os.path.join(models, "org", "fakes", name + ".fake"), "w").close()
        self.file = tempfile.NamedTemporaryFile(suffix=".log")
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("HSE_", "HARMONYSPEECH_", "HF_")) or k == "HSE_CPU"}
        environment |= {"HSE_MODELS": models, "HSE_STATE": self.state, "HSE_PORT": "0", "HF_HUB_CACHE": "", "HF_HOME": self.folder.name,
                        "XDG_CACHE_HOME": self.folder.name}
        environment |= {"HSE_" + k.upper(): str(v) for k, v in settings.items()}
        media = os.path.join(os.path.dirname(os.path.dirname(PROGRAM)), "hse-media")
        for path in (media, os.path.join(server.ROOT, "build", "hse-media")):
            if os.path.exists(path):
                environment.setdefault("HSE_MEDIA", path)
        self.process = subprocess.Popen([PROGRAM], stdout=subprocess.PIPE, stderr=self.file, text=True, env=environment)
        line = self.process.stdout.readline()
        if "http://" not in line:
            raise RuntimeError("the fake server did not start: " + self.log())
        self.port = int(re.search(r":(\d+)", line[5:])[1])
        self.url = f"http://127.0.0.1:{self.port}"


@contextlib.contextmanager
def running(**settings):
    s = Fake(**settings)
    try:
        yield s
    finally:
        if s.alive():
            status = s.stop()
            assert status == 0, f"the fake server ended with status {status}: {s.log()[-2000:]}"
        else:
            raise AssertionError("the fake server has gone: " + s.log()[-2000:])


def form(fields, files=()):
    """(body, headers) of a multipart form: fields and files are lists of (name, value), (name, file name, bytes)."""
    mark = "----------------hse-test-boundary"
    body = b""
    for name, value in fields:
        body += f'--{mark}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'.encode() + str(value).encode() + b"\r\n"
    for name, filename, data in files:
        body += (f'--{mark}\r\nContent-Disposition: form-data; name="{name}"; filename="{filename}"\r\n'
                 "Content-Type: application/octet-stream\r\n\r\n").encode() + data + b"\r\n"
    return body + f"--{mark}--\r\n".encode(), {"Content-Type": f"multipart/form-data; boundary={mark}"}


def events(data):
    """The JSON of each event of a stream."""
    import json
    out = []
    for block in data.decode().split("\n\n"):
        if block.startswith("data: "):
            out.append(json.loads(block[6:]))
        else:
            assert block == "" or block.startswith(":"), block
    return out
