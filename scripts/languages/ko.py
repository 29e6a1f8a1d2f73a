"""ko.pack: word cuts (mecab-ko-dic), irregular words (g2pkk), English words in Hangul
(g2pkk's spelling of the CMU dictionary, but for initials in a row, as in en.py)."""
import importlib
import importlib.util
import os
import re
import sys
import types

import en
import mecab_data

PACKAGES = ['g2pkk==0.1.2', 'python-mecab-ko-dic==2.1.1.post2', 'jamo==0.4.1', 'eng_to_ipa==0.0.2']
LICENCES = {'g2pkk': 'Apache-2.0', 'python-mecab-ko-dic': 'Apache-2.0', 'jamo': 'Apache-2.0',
            'eng_to_ipa': en.LICENCES['eng_to_ipa']}


def folder(package):
    return os.path.dirname(importlib.util.find_spec(package).origin)


def g2pkk():
    """The package without its opening, which wants NLTK and the network."""
    path = folder('g2pkk')
    package = types.ModuleType('g2pkk')
    package.__path__ = [path]
    sys.modules['g2pkk'] = package
    return path, importlib.import_module('g2pkk.english'), importlib.import_module('g2pkk.numerals')


def tag(features):
    last = features.split(',')[0].split('+')[-1]
    return ord('B' if last == 'NNBC' else last[0])


def idioms(path):
    out = []
    with open(os.path.join(path, 'idioms.txt'), encoding='utf-8') as f:
        for line in f:
            line = line.split('#')[0].strip()
            if '===' in line:
                out += line.split('===')
    assert not any(re.search(r'[\\.^$*+?{}\[\]()|!]', s) for s in out), 'an idiom is no plain text'
    return out


def english(module):
    table = en.later()
    drop = en.initials(table)
    return {word: module.convert_eng(word, {word: [forms[0].upper().split()]}) for word, forms in table.items()
            if re.fullmatch("[a-z']+", word) and word not in drop}


def lines(strings):
    return b''.join(s.encode('utf-8') + b'\0' for s in strings)


def sections(pack):
    path, spelling, numerals = g2pkk()
    return [('idioms', lines(idioms(path))), ('english', pack.table(english(spelling))),
            ('counted', numerals.BOUND_NOUNS.encode('utf-8'))] + mecab_data.sections(os.path.join(folder('mecab_ko_dic'), 'dictionary'), tag)
