"""Starts `hse serve`, asks for "Hello there." as soon as the port answers, prints milliseconds from exec to the first audio byte, and
the server's resident KiB then.

    python bench/start.py build/hse
"""
import re
import socket
import subprocess
import sys
import time

PORT = 12999
BODY = b'{"model":"tts-1","voice":"alloy","input":"Hello there.","response_format":"pcm"}'
REQUEST = (b"POST /v1/audio/speech HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: "
           + str(len(BODY)).encode() + b"\r\nConnection: close\r\n\r\n" + BODY)

began = time.perf_counter()
server = subprocess.Popen([sys.argv[1], "serve", "--port", str(PORT)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
try:
    while True:
        try:
            s = socket.create_connection(("127.0.0.1", PORT))
            break
        except ConnectionRefusedError:
            if time.perf_counter() - began > 10 or server.poll() is not None:
                sys.exit("the server did not start")
            time.sleep(0.0005)
    s.sendall(REQUEST)
    data = b""
    while True:
        piece = s.recv(65536)
        if not piece:
            sys.exit("no audio came: " + data[:200].decode(errors="replace"))
        data += piece
        head = data.find(b"\r\n\r\n")
        if head >= 0 and data.startswith(b"HTTP/1.1 200") and len(data) > head + 4 + 8:
            break
    first = (time.perf_counter() - began) * 1e3
    resident = int(re.search(r"VmRSS:\s+(\d+)", open(f"/proc/{server.pid}/status").read())[1])
    while s.recv(65536):
        pass
    print(f"{first:.2f} {resident}")
finally:
    server.terminate()
    server.wait(10)
