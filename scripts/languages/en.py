"""en.pack: pronunciations (MeloTTS' own and a later CMU table), letters to sounds (g2p_en), ASCII forms (Unidecode).

Of the words that MeloTTS' dictionary lacks its original asks NLTK, whose table is on no registry: the table that eng_to_ipa brings
is a little later and stands for it, but for initials in a row ("nba"): NLTK knows none of those, and a network says them as words."""
import ast
import importlib.util
import json
import os
import pickle
import re
import struct
import zipfile

PACKAGES = ['g2p_en==2.1.0', 'eng_to_ipa==0.0.2', 'Unidecode==1.4.0']
SOURCES = ['melotts==0.1.1']
CMU = '(its data: BSD-2-Clause, Carnegie Mellon University)'
LICENCES = {'g2p_en': 'Apache-2.0', 'eng_to_ipa': 'MIT ' + CMU, 'melotts': 'MIT ' + CMU,
            'Unidecode': 'GPL-2.0-or-later'}
MELO = 'melotts/melo/text/cmudict_cache.pickle'


def folder(package):
    return os.path.dirname(importlib.util.find_spec(package).origin)


def later():
    """word -> its pronunciations in small letters, in the order of eng_to_ipa's table."""
    with open(os.path.join(folder('eng_to_ipa'), 'resources', 'CMU_dict.json'), encoding='utf-8') as f:
        return {word: forms if isinstance(forms, list) else [forms] for word, forms in json.load(f).items()}


class Plain(pickle.Unpickler):
    """Reads strings, lists and dicts, and nothing else."""
    def find_class(self, module, name):
        raise pickle.UnpicklingError('%s has an object of %s.%s' % (MELO, module, name))


def melo():
    """WORD -> its pronunciation, as in cmudict.rep. Other pronunciations ("IN(2)") are never asked for."""
    with open(os.path.join(os.environ['HSE_SOURCES'], MELO), 'rb') as f:
        table = Plain(f).load()
    return {word: ' '.join(phone for syllable in syllables for phone in syllable) for word, syllables in table.items()
            if not word.endswith(')')}


def without_stress(form):
    return re.sub('[0-9]', '', form)


def initials(table):
    """Words that are said letter by letter."""
    names = {word[0]: without_stress(forms[0]) for word, forms in table.items() if re.fullmatch('[a-z][.]', word)}
    return {word for word, forms in table.items() if len(word) > 1 and set(word) <= set(names) and
            ' '.join(names[letter] for letter in word) == without_stress(forms[0])}


def first_pronunciations(table):
    """WORD -> one pronunciation."""
    drop = initials(table)
    out = {word.upper(): forms[0].upper() for word, forms in table.items() if word not in drop}
    out.update(melo())
    return out


def ipa_table(table):
    """word -> all its pronunciations in small letters, '|' between them, in the package's order."""
    return {word: '|'.join(forms) for word, forms in table.items()}


def homographs():
    out = {}
    with open(os.path.join(folder('g2p_en'), 'homographs.en'), encoding='utf-8') as f:
        for line in f:
            if line.strip() and not line.startswith('#'):
                word, first, second, tag = line.strip().split('|')
                out[word.lower()] = '|'.join([first, second, tag])
    return out


def ascii_forms():
    """Character -> what is said in its place, where there is something."""
    from unidecode import unidecode
    characters = (chr(c) for c in range(0x80, 0x20000) if not 0xD800 <= c < 0xF900)
    return {c: said for c, said in ((c, unidecode(c)) for c in characters) if said}


def array(data):
    """A file of numpy's format 1.0 with float32 values: its shape and bytes."""
    assert data[:8] == b'\x93NUMPY\x01\0'
    size, = struct.unpack_from('<H', data, 8)
    head = ast.literal_eval(data[10:10 + size].decode('latin-1'))
    assert head['descr'] == '<f4' and not head['fortran_order']
    return head['shape'], data[10 + size:]


def letters():
    """The GRU's arrays, each: u32 rows, u32 columns, float32 values."""
    out = []
    with zipfile.ZipFile(os.path.join(folder('g2p_en'), 'checkpoint20.npz')) as z:
        for name in sorted(z.namelist()):
            shape, values = array(z.read(name))
            shape = shape if len(shape) == 2 else (1,) + shape
            assert len(shape) == 2 and len(values) == 4 * shape[0] * shape[1]
            out.append(('g2p.' + name[:-len('.npy')], struct.pack('<II', *shape) + values))
    return out


def sections(pack):
    table = later()
    return [('rep', pack.table(first_pronunciations(table))), ('ipa', pack.table(ipa_table(table))),
            ('homograph', pack.table(homographs())), ('ascii', pack.table(ascii_forms()))] + letters()
