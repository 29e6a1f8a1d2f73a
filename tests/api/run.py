"""The API against the real server, by real clients: the openai SDK, curl's kind of raw requests, HSE's bodies.

    build/venv-test/bin/python tests/api/run.py [name ...]

Starts build/hse on a free loopback port, runs every function test_* of the modules beside this file, prints a line for each
failure and at the end "N passed, N failed". Everything has a time limit.
"""
import glob
import importlib
import os
import signal
import sys
import time
import traceback

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import server  # noqa: E402

MODULES = sorted(os.path.basename(p)[5:-3] for p in glob.glob(os.path.join(os.path.dirname(os.path.abspath(__file__)), "test_*.py")))


def main():
    wanted = sys.argv[1:]
    passed, failed = 0, 0
    with server.running() as hse:
        for name in MODULES:
            module = importlib.import_module("test_" + name)
            for test in [t for t in dir(module) if t.startswith("test_")]:
                if wanted and not any(w in test or w == name for w in wanted):
                    continue
                began = time.monotonic()
                signal.alarm(120)
                try:
                    getattr(module, test)(hse)
                    passed += 1
                    print(f"ok      {name}.{test} {time.monotonic() - began:.2f} s", flush=True)
                except server.Skipped as why:
                    print(f"skipped {name}.{test}: {why}", flush=True)
                except Exception:
                    failed += 1
                    print(f"FAILED  {name}.{test}\n{traceback.format_exc(limit=-3)}", flush=True)
                finally:
                    signal.alarm(0)
        if not hse.alive():
            failed += 1
            print("FAILED  the server ended: " + hse.log()[-2000:])
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed or not passed else 0)


if __name__ == "__main__":
    def late(*_):
        raise TimeoutError("the test took over 120 s")
    signal.signal(signal.SIGALRM, late)
    main()
