"""Writes the language packs that src/text/pack.h describes."""
import os
import struct

VERSION = 1                                 # TEXT_PACK_VERSION


def fnv1a(key):
    h = 0xCBF29CE484222325
    for byte in key:
        h = ((h ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return h


def as_bytes(x):
    return x.encode('utf-8') if isinstance(x, str) else bytes(x)


def table(entries):
    """A map section; entries: {key: value}, both text or bytes."""
    items = [(as_bytes(k), as_bytes(v)) for k, v in entries.items()]
    slots = 16
    while slots < 2 * len(items):
        slots *= 2
    at, blob, slot = [], bytearray(), [0] * slots
    for i, (key, value) in enumerate(items):
        assert b'\0' not in key, key
        at.append(len(blob))
        blob += key + b'\0' + value
        s = fnv1a(key) & (slots - 1)
        while slot[s]:
            s = (s + 1) & (slots - 1)
        slot[s] = i + 1
    at.append(len(blob))
    return struct.pack('<II', len(items), slots) + struct.pack('<%dI' % len(at), *at) + struct.pack('<%dI' % slots, *slot) + bytes(blob)


def first_section(path):
    """Its bytes; None where there is no pack of this version."""
    try:
        with open(path, 'rb') as f:
            head = f.read(56)
            if len(head) < 56 or head[:8] != b'HSEPACK1' or struct.unpack_from('<I', head, 8)[0] != VERSION:
                return None
            at, size = struct.unpack_from('<QQ', head, 40)
            f.seek(at)
            return f.read(min(size, 1 << 20))
    except OSError:
        return None


def write(path, sections):
    """sections: [(name, bytes)]. Written beside and renamed."""
    head = b'HSEPACK1' + struct.pack('<II', VERSION, len(sections))
    at = len(head) + 40 * len(sections)
    body = bytearray()
    for name, data in sections:
        body += b'\0' * (-(at + len(body)) % 16)
        head += as_bytes(name).ljust(24, b'\0') + struct.pack('<QQ', at + len(body), len(data))
        body += data
    with open(path + '.part', 'wb') as f:
        f.write(head + bytes(body))
        f.flush()
        os.fsync(f.fileno())
    os.replace(path + '.part', path)
