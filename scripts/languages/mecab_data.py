"""The sections of a pack (src/text/mecab.h) from a dictionary folder that MeCab's compiler made."""
import os
import struct


def read(folder, name):
    """Its double array, its tokens, and all its features' bytes."""
    data = open(os.path.join(folder, name), 'rb').read()
    magic, version, kind, words, left, right, trie, tokens, features, _ = struct.unpack_from('<10I', data)
    assert version == 102 and magic ^ 0xEF718F77 == len(data), '%s: not a dictionary of version 102' % name
    at = 72
    return data[at:at + trie], data[at + trie:at + trie + tokens], data[at + trie + tokens:at + trie + tokens + features]


def words(tokens, features, tag):
    out = bytearray()
    for left, right, _, cost, feature, _ in struct.iter_unpack('<HHHhII', tokens):
        letter = tag(features[feature:features.index(b'\0', feature)].decode('utf-8')) if tag else 0
        out += struct.pack('<HHhH', left, right, cost, letter)
    return bytes(out)


def find(trie, key):
    """The value of a whole key."""
    unit = lambda i: struct.unpack_from('<iI', trie, 8 * i)
    base = unit(0)[0]
    for byte in key:
        value, check = unit(base + byte + 1)
        assert check == base, key
        base = value
    value, check = unit(base)
    assert check == base and value < 0, key
    return -value - 1


def sections(folder, tag=None):
    """tag: what makes of a word's features (a string) the letter that is kept of them."""
    trie, tokens, features = read(folder, 'sys.dic')
    unknown_trie, unknown_tokens, unknown_features = read(folder, 'unk.dic')
    chars = open(os.path.join(folder, 'char.bin'), 'rb').read()
    count, = struct.unpack_from('<I', chars)
    names = [chars[4 + 32 * i:36 + 32 * i].split(b'\0')[0] for i in range(count)]
    at = struct.pack('<%dI' % count, *(find(unknown_trie, n) for n in names))
    return [('mecab.trie', trie), ('mecab.words', words(tokens, features, tag)),
            ('mecab.matrix', open(os.path.join(folder, 'matrix.bin'), 'rb').read()),
            ('mecab.chars', struct.pack('<II', count, names.index(b'SPACE')) + chars[4 + 32 * count:]),
            ('mecab.unk.at', at), ('mecab.unk', words(unknown_tokens, unknown_features, tag))]
