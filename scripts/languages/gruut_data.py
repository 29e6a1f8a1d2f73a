"""What es.py and fr.py share: a word list with pronunciations and a letters-to-sound model out of a gruut language package."""
import base64
import importlib.util
import os
import sqlite3
import struct


def folder(package):
    return os.path.join(os.path.dirname(importlib.util.find_spec(package).origin), 'espeak')


def words(path):
    """word -> its first pronunciation, phones with spaces between them."""
    out = {}
    with sqlite3.connect('file:%s?mode=ro' % path, uri=True) as db:
        for word, phones in db.execute('SELECT word, phonemes FROM word_phonemes ORDER BY word, pron_order, id'):
            out.setdefault(word, ' '.join(phones.split()))
    return out


def names(data, at):
    """The strings of a constant database ("CQDB") by their numbers."""
    assert data[at:at + 4] == b'CQDB'
    count, where = struct.unpack_from('<II', data, at + 16)
    out = []
    for offset in struct.unpack_from('<%dI' % count, data, at + where):
        number, size = struct.unpack_from('<II', data, at + offset)
        assert number == len(out)
        out.append(data[at + offset + 8:at + offset + 8 + size - 1].decode('ascii'))
    return out


def decode(text):
    return base64.b64decode(text).decode('utf-8')


def attribute(name):
    """A short key: 'i' bias, 'b' begin, 'e' end; a letter's place, '0' (three before) to '6' (three after), and the letter."""
    if ':' not in name:
        return {'bias': 'i', 'begin': 'b', 'end': 'e'}[name]
    place, letter = name.split(':', 1)
    return str(3 + int(place[len('grapheme'):] or 0)) + decode(letter)


def model(path):
    """A CRFsuite model of the first order: labels, attribute -> (label, weight)..., transitions [from][to]."""
    with open(path, 'rb') as f:
        data = f.read()
    assert data[:4] == b'lCRF'
    features, labels, attributes = struct.unpack_from('<3I', data, 28)
    labels, attributes = names(data, labels), names(data, attributes)
    count, = struct.unpack_from('<I', data, features + 8)
    assert data[features:features + 4] == b'FEAT'
    given, move = {}, [0.0] * len(labels) ** 2
    for i in range(count):
        kind, source, target, weight = struct.unpack_from('<IIId', data, features + 12 + 20 * i)
        if kind == 0:
            given.setdefault(attribute(attributes[source]), []).append((target, weight))
        else:
            move[source * len(labels) + target] = weight
    # a label is phones with '|' between them; "_" is none
    said = [' '.join(p for p in decode(l).split('|') if p != '_') for l in labels]
    return said, {k: b''.join(struct.pack('<Id', *w) for w in v) for k, v in given.items()}, move


def sections(pack, package):
    base = folder(package)
    labels, attributes, move = model(os.path.join(base, 'g2p', 'model.crf'))
    return [('words', pack.table(words(os.path.join(base, 'lexicon.db')))),
            ('crf.labels', b''.join(l.encode('utf-8') + b'\0' for l in labels)),
            ('crf.attributes', pack.table(attributes)),
            ('crf.moves', struct.pack('<%dd' % len(move), *move))]
