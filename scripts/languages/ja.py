"""ja.pack: readings of kanji (pykakasi's data), word cuts (UniDic). The readings are GPL-3.0: compiled here for this machine's
use, never shipped. Nothing of pykakasi's code runs."""
import importlib.util
import os
import pickle
import struct

import mecab_data

PACKAGES = ['pykakasi==2.3.0', 'unidic-lite==1.0.8']
LICENCES = {'pykakasi': 'GPL-3.0-or-later (data; not shipped)', 'unidic-lite': 'MIT (its data: BSD-3-Clause)'}


def folder(package):
    return os.path.dirname(importlib.util.find_spec(package).origin)


class Plain(pickle.Unpickler):
    def find_class(self, module, name):
        raise pickle.UnpicklingError('%s.%s in a table' % (module, name))


def load(name):
    with open(os.path.join(folder('pykakasi'), 'data', name), 'rb') as f:
        return Plain(f).load()


def katakana(s):
    """The sign of a long vowel is not kept."""
    return ''.join(chr(ord(c) + 0x60) if 0x3041 <= ord(c) <= 0x3096 else c for c in s if c != '\u30FC')


def readings():
    """word -> its first reading that asks for no neighbour, in katakana."""
    out = {}
    for words in load('kanwadict4.db').values():
        for word, forms in words.items():
            plain = [reading for reading, neighbours in forms if neighbours is None]
            if plain:
                out[word] = katakana(plain[0])
    return out


def sections(pack):
    words = readings()
    variants = {chr(c): to or '' for c, to in load('itaijidict4.db').items()}
    return [('kanji', pack.table(words)), ('kanji.longest', struct.pack('<I', max(map(len, words)))),
            ('kanji.variants', pack.table(variants))] + mecab_data.sections(os.path.join(folder('unidic_lite'), 'dicdir'))
