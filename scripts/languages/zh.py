"""zh.pack: words and tags (jieba), readings (pypinyin)."""
import importlib.util
import math
import os
import struct

PACKAGES = ['jieba==0.42.1', 'pypinyin==0.55.0']
LICENCES = {'jieba': 'MIT', 'pypinyin': 'MIT'}
MIN = -3.14e100


def load(package, file):
    """A data module by its path, so that nothing of the package runs."""
    base = os.path.dirname(importlib.util.find_spec(package).origin)
    spec = importlib.util.spec_from_file_location('data', os.path.join(base, file))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.P


def words():
    """word -> u32 frequency and its tag; a prefix that is no word: nothing."""
    base = os.path.dirname(importlib.util.find_spec('jieba').origin)
    freq, total = {}, 0
    with open(os.path.join(base, 'dict.txt'), encoding='utf-8') as f:
        for line in f:
            word, count, tag = line.strip().split(' ')
            freq[word] = (int(count), tag)
            total += int(count)
    out = {}
    for word, (count, tag) in freq.items():
        for n in range(1, len(word)):
            if word[:n] not in freq:
                out[word[:n]] = b''
    for word, (count, tag) in freq.items():
        out[word] = struct.pack('<I', count) + tag.encode()
    return out, total


def segmenter():
    """Hidden Markov model of word cuts: states B, E, M, S."""
    states = 'BEMS'
    start, trans, emit = (load('jieba.finalseg', 'prob_%s.py' % n) for n in ('start', 'trans', 'emit'))
    numbers = [start[s] for s in states] + [trans[a].get(b, MIN) for a in states for b in states]
    chars = sorted(set(c for s in states for c in emit[s]))
    return struct.pack('<20d', *numbers), {c: struct.pack('<4d', *(emit[s].get(c, MIN) for s in states)) for c in chars}


def tagger():
    """The same with parts of speech: 256 states, in the order in which Python compares them."""
    start, trans, emit, chars = (load('jieba.posseg', n + '.py') for n in ('prob_start', 'prob_trans', 'prob_emit', 'char_state_tab'))
    states = sorted(trans)
    index = {s: i for i, s in enumerate(states)}
    names = b''.join((s[0] + s[1]).encode() + b'\0' for s in states)
    inf = float('-inf')
    numbers = [start[s] for s in states]
    table = [trans[a].get(b, inf) for a in states for b in states]
    given = {}
    for i, s in enumerate(states):
        for c, p in emit[s].items():
            given.setdefault(c, []).append((i, p))
    emits = {c: b''.join(struct.pack('<Id', i, p) for i, p in sorted(l)) for c, l in given.items()}
    tab = {c: struct.pack('<%dI' % len(l), *sorted(index[s] for s in l)) for c, l in chars.items()}
    return names, struct.pack('<%dd' % len(numbers), *numbers), struct.pack('<%dd' % len(table), *table), emits, tab


def readings():
    from pypinyin import Style
    from pypinyin.constants import PHRASES_DICT, PINYIN_DICT
    from pypinyin.style import convert
    from pypinyin.converter import UltimateConverter
    chars = {chr(c): r.split(',')[0] for c, r in PINYIN_DICT.items()}
    phrases, seen = {}, set(chars.values())
    for phrase, syllables in PHRASES_DICT.items():
        first = [s[0] for s in syllables]
        seen.update(first)
        for n in range(1, len(phrase)):
            phrases.setdefault(phrase[:n], b'')
        phrases[phrase] = ' '.join(first)
    five = UltimateConverter(neutral_tone_with_five=True)
    plain = UltimateConverter()
    syllables = {}
    for s in sorted(seen):
        syllables[s] = '\t'.join([five.convert_style('', s, Style.INITIALS, True), five.convert_style('', s, Style.FINALS_TONE3, True),
                                  plain.convert_style('', s, Style.BOPOMOFO, True)])
    return chars, phrases, syllables


def sections(pack):
    import logging
    logging.disable(logging.WARNING)
    freq, total = words()
    cuts, cut_emit = segmenter()
    names, start, trans, emit, tab = tagger()
    chars, phrases, syllables = readings()
    return [('words', pack.table(freq)), ('total', struct.pack('<Q', total)), ('cut', cuts), ('cut.emit', pack.table(cut_emit)),
            ('tag.states', names), ('tag.start', start), ('tag.trans', trans), ('tag.emit', pack.table(emit)),
            ('tag.chars', pack.table(tab)), ('reading', pack.table(chars)), ('phrase', pack.table(phrases)),
            ('syllable', pack.table(syllables))]
