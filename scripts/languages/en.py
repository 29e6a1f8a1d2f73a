"""en.pack: pronunciations (CMU, of two ages), letters to sounds (g2p_en).

MeloTTS' own dictionary, cmudict.rep, is on no registry. It is of the age of Festival's CMU dictionary, which differs from later
ones in unstressed vowels ("and", "here", "into") but has one degree of stress only: where a later one has a secondary stress
on the same vowel, that is taken. Words that came later are of the table that eng_to_ipa brings, but for initials in a row
("nba"): the dictionaries that MeloTTS asks know none of those, and a network says them as words."""
import ast
import importlib.util
import json
import os
import re
import struct
import zipfile

PACKAGES = ['g2p_en==2.1.0', 'eng_to_ipa==0.0.2']
DEBIAN = ['festlex-cmu']
LICENCES = {'g2p_en': 'Apache-2.0', 'eng_to_ipa': 'MIT (its data: BSD-2-Clause, Carnegie Mellon University)',
            'festlex-cmu': 'MIT-like (University of Edinburgh; its data: Carnegie Mellon University)'}
FESTIVAL = 'usr/share/festival/dicts/cmu/cmudict-0.4.out'
VOWELS = set('aa ae ah ao aw ax ay eh er ey ih iy ow oy uh uw'.split())


def folder(package):
    return os.path.dirname(importlib.util.find_spec(package).origin)


def later():
    """word -> its pronunciations in small letters, in the order of eng_to_ipa's table."""
    with open(os.path.join(folder('eng_to_ipa'), 'resources', 'CMU_dict.json'), encoding='utf-8') as f:
        return {word: forms if isinstance(forms, list) else [forms] for word, forms in json.load(f).items()}


def phones(syllables):
    """Festival's ((k ah m) 1) ((p ax) 0) as ARPAbet with stress on the vowels."""
    out = []
    for names, stress in re.findall(r'\(\(([^)]*)\) (\d)\)', syllables):
        for p in names.split():
            out.append('AH0' if p == 'ax' else p.upper() + stress if p in VOWELS else p.upper())
    return out


def earlier(path):
    """word -> its pronunciations, one a part of speech."""
    out = {}
    with open(path, encoding='latin-1') as f:
        for line in f:
            m = re.match(r'\("([^"]*)" \S+ \((.*)\)\)\s*$', line)
            if m:
                out.setdefault(m[1], []).append(phones(m[2]))
    return out


def with_secondary(form, others):
    """The form with those secondary stresses that the first of the others with as many vowels has."""
    at = [i for i, p in enumerate(form) if p[-1].isdigit()]
    for other in others:
        vowels = [p for p in other.split() if p[-1].isdigit()]
        if len(vowels) == len(at):
            return [p[:-1] + '2' if i in at and p[-1] == '1' and vowels[at.index(i)][-1] == '2' else p for i, p in enumerate(form)]
    return form


def without_stress(form):
    return re.sub('[0-9]', '', form)


def initials(table):
    """Words that are said letter by letter."""
    names = {word[0]: without_stress(forms[0]) for word, forms in table.items() if re.fullmatch('[a-z][.]', word)}
    return {word for word, forms in table.items() if len(word) > 1 and set(word) <= set(names) and
            ' '.join(names[letter] for letter in word) == without_stress(forms[0])}


def first_pronunciations(table):
    """WORD -> one pronunciation, as in cmudict.rep."""
    drop = initials(table)
    out = {word.upper(): forms[0].upper() for word, forms in table.items() if word not in drop}
    for word, forms in earlier(os.path.join(os.environ['HSE_DEBIAN'], FESTIVAL)).items():
        said = [' '.join(with_secondary(form, table.get(word, []))) for form in forms]
        first = out.get(word.upper())
        out[word.upper()] = first if first in said else said[0]
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
            ('homograph', pack.table(homographs()))] + letters()
