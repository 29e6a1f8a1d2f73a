"""Every example that --help, the README and the docs show, run as it is printed, in a folder with the files that it names."""
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile

import server

COMMANDS = ("speak", "embed", "vad", "text", "transcribe", "convert", "restore", "voices", "serve", "models", "languages", "check", "golden", "bench", "version",
            "completion", "watermark", "config")
# Their models are not bundled: here their examples must say so, in one line. What they do is tested with fakes (test_convert.py).
NOT_BUNDLED = ("convert", "restore")
DOCUMENTS = ("README.md", "docs/api.md", "docs/models.md")
# What a full run would take minutes for; the command is the printed one in all else.
QUICKER = {"golden": " --quick", "bench": " -n 1"}


def shell(line, folder, want=0, port=None):
    """Runs one line with `hse` and a silent player on the PATH; pipes fail when any part fails."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("HSE_")}
    environment["PATH"] = os.path.join(folder, "bin") + ":" + environment["PATH"]
    environment |= {"XDG_STATE_HOME": os.path.join(folder, "state"), "HF_HUB_CACHE": "", "HF_HOME": os.path.join(folder, "hf")}
    if port:
        environment["HSE_PORT"] = str(port)
    if re.search(r"hse transcribe", line):                      # the kit's Whisper: random weights, but it runs
        environment["HSE_MODELS"] = os.path.join(folder, "whisper")
    r = subprocess.run(["bash", "-o", "pipefail", "-c", line], cwd=folder, env=environment, capture_output=True, stdin=subprocess.DEVNULL,
                       timeout=110)
    if re.match(r"(build/)?hse (%s) " % "|".join(NOT_BUNDLED), line):
        assert r.returncode != 0 and b"model" in r.stderr, (line, r.returncode, r.stderr[-400:])
        return r.stdout
    assert r.returncode == want, (line, r.returncode, r.stderr[-400:])
    return r.stdout


def furnish(folder):
    """The files that the examples speak of."""
    os.mkdir(os.path.join(folder, "bin"))
    os.symlink(server.HSE, os.path.join(folder, "bin", "hse"))
    player = os.path.join(folder, "bin", "aplay")
    with open(player, "w") as f:
        f.write("#!/bin/sh\nexec cat >/dev/null\n")
    os.chmod(player, 0o755)
    recorder = os.path.join(folder, "bin", "arecord")
    with open(recorder, "w") as f:
        f.write("#!/bin/sh\nexec head -c 32000 /dev/zero\n")
    os.chmod(recorder, 0o755)
    os.makedirs(os.path.join(folder, "tapes"))
    os.makedirs(os.path.join(folder, "takes"))
    os.makedirs(os.path.join(folder, "whisper", "org"))
    os.symlink(os.path.join(server.ROOT, "tests", "golden", "whisper", "models", "ml", "ct2_float16"), os.path.join(folder, "whisper", "org", "tiny"))
    for name in ("you.wav", "me.wav", "her.wav", "anna.wav", "words.wav", "reference.wav", "tapes/one.wav", "takes/one.wav"):
        shutil.copy(server.SPEECH, os.path.join(folder, name))
    for name in ("meeting.mp3", "me.mp3", "old.mp3", "recording.mp3", "talk.mp3", "talk.flac", "interview.opus"):
        shell(f'hse speak "This is a recording of a few words, so that there is speech in it." -o {name}', folder)
    shell('hse speak "Words in a file whose name says little; its bytes say the rest." -o talk.aac', folder)
    os.rename(os.path.join(folder, "talk.aac"), os.path.join(folder, "talk.m4a"))
    for name, text in (("chapter.txt", "A short chapter. It has two sentences, and the second is long enough to be marked.\n"), ("lines.txt", "One line.\n\nAnother line.\n"), ("keys", "a-key-0123456789abcdef\n"),
                       ("config.yml", "model_configs:\n  - name: vad\n    model: silero-vad\n    model_type: SileroVAD\n")):
        with open(os.path.join(folder, name), "w") as f:
            f.write(text)
    demo = os.path.join(server.ROOT, "models", "demo")
    os.symlink(os.path.join(demo, "harmonyspeech", "synthesizer", "synthesizer.pt"), os.path.join(folder, "synthesizer.pt"))
    os.symlink(os.path.join(demo, "silero", "silero_vad.onnx"), os.path.join(folder, "silero_vad.onnx"))
    for name in ("models", "tests"):
        os.symlink(os.path.join(server.ROOT, name), os.path.join(folder, name))
    os.symlink(os.path.join(server.ROOT, "tests", "golden"), os.path.join(folder, "kit"))
    os.mkdir(os.path.join(folder, "build"))
    os.symlink(server.HSE, os.path.join(folder, "build", "hse"))


def help_examples():
    for command in COMMANDS:
        text = subprocess.run([server.HSE, command, "--help"], capture_output=True, text=True, timeout=20, check=True).stdout
        if "Examples:" not in text:
            assert command in ("models", "version"), f"hse {command} --help has no example"
            continue
        for line in text.split("Examples:\n")[1].splitlines():
            if line.strip():
                yield line.strip()


def serve_example(line, folder):
    """A server that the example starts: it must come up and end well on SIGTERM."""
    line = line.replace("/run/", folder + "/")
    environment = {k: v for k, v in os.environ.items() if not k.startswith("HSE_")}
    environment |= {"HSE_PORT": "0", "PATH": os.path.join(folder, "bin") + ":" + os.environ["PATH"]}
    p = subprocess.Popen(["bash", "-c", "exec " + line], cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        seen = ""
        while "listening on" not in seen:
            got = p.stdout.readline()
            assert got, (line, seen, p.stderr.read()[-400:])
            seen += got
    finally:
        p.send_signal(signal.SIGTERM)
        p.communicate(timeout=30)
    assert p.returncode == 0, (line, p.returncode)


def test_help_examples_work(hse):
    seen = 0
    with tempfile.TemporaryDirectory() as folder:
        furnish(folder)
        for line in help_examples():
            first = line.split()[1] if line.startswith("hse ") else ""
            if first == "serve":
                serve_example(line, folder)
            else:
                shell(line.split("  #")[0] + QUICKER.get(first, ""), folder)
            seen += 1
    assert seen > 20, seen


def blocks(language):
    for name in DOCUMENTS:
        with open(os.path.join(server.ROOT, name), encoding="utf-8") as f:
            for block in re.findall(r"^```" + language + r"\n(.*?)^```", f.read(), re.S | re.M):
                yield name, block.replace("\\\n", " ")


def test_documents_examples_work(hse):
    seen = 0
    with tempfile.TemporaryDirectory() as folder:
        furnish(folder)
        for name, block in blocks("sh"):
            for line in block.splitlines():
                line = line.strip().replace("http://127.0.0.1:12080", hse.url)
                if not line or re.match(r"(#|make|git|sudo|scripts/)", line):
                    continue
                if re.match(r"(build/)?hse serve", line):
                    serve_example(line, folder)
                else:
                    shell(line, folder, port=hse.port if re.match(r"(build/)?hse ps", line) else None)
                seen += 1
        for _, block in blocks("python"):
            r = subprocess.run([sys.executable, "-c", block.replace("http://127.0.0.1:12080", hse.url)], cwd=folder, capture_output=True, timeout=100)
            assert r.returncode == 0, (block, r.stderr[-400:])
            seen += 1
        with open(os.path.join(folder, "hello.wav"), "rb") as f:
            assert len(server.wav_samples(f.read())[0]) > 4000
        assert os.path.getsize(os.path.join(folder, "hello.mp3")) > 1000
    assert seen >= 6, seen


def ipv6_here():
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
        return True
    except OSError:
        return False


def test_the_command_that_serve_prints(hse):
    greeting_works()
    greeting_works("--host", "0.0.0.0")
    greeting_works("--api-keys", "key-of-the-greeting")
    if ipv6_here():
        greeting_works("--host", "::")


def greeting_works(*options):
    """The curl line of the greeting, typed as printed."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {k: v for k, v in os.environ.items() if not k.startswith("HSE_")}
        p = subprocess.Popen([server.HSE, "serve", "--port", "0", *options], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment)
        try:
            text = ""
            while "Ctrl-C" not in text:
                line = p.stdout.readline()
                assert line, text
                text += line
            command = re.search(r"^  (curl .*?-o hello\.wav)$", text, re.S | re.M)[1]
            assert ("Bearer KEY" in command) == ("--api-keys" in options) and (", and on every" in text) == ("--host" in options), text
            subprocess.run(["bash", "-c", command.replace("Bearer KEY", "Bearer key-of-the-greeting")], cwd=folder, check=True, timeout=60)
            with open(os.path.join(folder, "hello.wav"), "rb") as f:
                assert len(server.wav_samples(f.read())[0]) > 4000
        finally:
            p.terminate()
            assert p.wait(20) == 0


def test_completion_in_bash(hse):
    script = 'source <("$0" completion); COMP_WORDS=(hse %s); COMP_CWORD=%d; _hse; echo "${COMPREPLY[@]}"'
    for words, at, want in (("sp", 1, "speak"), ("speak --vo", 2, "--voice"), ("vad --aud", 2, "--audacity"), ("serve --tls-c", 2, "--tls-cert")):
        r = subprocess.run(["bash", "-c", script % (words, at), server.HSE], capture_output=True, text=True, timeout=20)
        assert r.returncode == 0 and r.stdout.split() == [want], (words, r.stdout, r.stderr)
