"""Makes the language packs: see scripts/language-data."""
import argparse
import concurrent.futures
import fcntl
import glob
import hashlib
import importlib
import json
import os
import shutil
import subprocess
import sys
import time
import venv

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import pack  # noqa: E402

MODULES = sorted(f[:-3] for f in os.listdir(HERE) if f.endswith('.py'))
LANGUAGES = [m for m in MODULES if len(m) == 2]
AT_ONCE = 3                                 # languages that are fetched and compiled at the same time
QUIET = ['-q', '--no-deps', '--disable-pip-version-check', '--retries', '1', '--timeout', '20']


def sources(language):
    """What a pack is made from: the hash of the scripts that make it; their text names the packages and versions."""
    h = hashlib.sha256()
    for m in MODULES:
        if m in (language, 'en') or m not in LANGUAGES + ['make']:              # ko takes English words from en
            with open(os.path.join(HERE, m + '.py'), 'rb') as f:
                h.update(f.read())
    return h.hexdigest()[:16]


def about(language):
    """The pack's first section: for `hse languages`, and for `up_to_date`."""
    module = importlib.import_module(language)
    packages = []
    for p in module.PACKAGES + getattr(module, 'SOURCES', []):
        name, version = p.split('==')
        packages.append({'name': name, 'version': version, 'licence': module.LICENCES[name]})
    return json.dumps({'language': language, 'sources': sources(language), 'packages': packages}, sort_keys=True)


def up_to_date(path, language):
    return pack.first_section(path) == about(language).encode('utf-8')


def compile_pack(language, path):
    """In a process of its own that finds the packages on its path."""
    module = importlib.import_module(language)
    pack.write(path, [('about', about(language).encode('utf-8'))] + module.sections(pack))


def run(command, env=None):
    """RuntimeError with the line that says what is wrong."""
    r = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=env)
    if r.returncode != 0:
        lines = [l for l in r.stdout.decode('utf-8', 'replace').splitlines() if l.strip()] or ['it ended with %d' % r.returncode]
        errors = [l for l in lines if l.startswith('ERROR')]
        raise RuntimeError((errors or lines)[-1].strip())


def fetch_source(python, package, folder):
    """Unpacks a package that pip cannot install (a file that its set-up reads is not in it): pip finds that out when it has
    unpacked it, and keeps it here."""
    os.makedirs(folder)
    wrong = None
    try:
        run([python, '-m', 'pip', 'download'] + QUIET + ['--no-clean', '--no-build-isolation', '--no-binary', ':all:', '-d', folder, package],
            dict(os.environ, TMPDIR=folder))
    except RuntimeError as e:
        wrong = e
    name = package.split('==')[0]
    found = glob.glob(os.path.join(folder, 'pip-*', name + '*'))
    if not found:
        raise wrong or RuntimeError('pip has kept no source of ' + package)
    os.rename(found[0], os.path.join(folder, name))


def make(language, path, python, work):
    """Fetch into a folder of the language's own, compile, throw the folder away."""
    module = importlib.import_module(language)
    began, packages, sources = time.time(), os.path.join(work, language), os.path.join(work, language + '-sources')
    print('%s: %s' % (language, ', '.join(module.PACKAGES + getattr(module, 'SOURCES', []))), flush=True)
    try:
        for package in getattr(module, 'SOURCES', []):
            fetch_source(python, package, sources)
        run([python, '-m', 'pip', 'install'] + QUIET + ['--no-compile', '--target', packages] + module.PACKAGES)
        run([python, os.path.join(HERE, 'make.py'), '--compile', language, path],
            dict(os.environ, PYTHONPATH=packages, HSE_SOURCES=sources, PYTHONDONTWRITEBYTECODE='1'))
    finally:
        shutil.rmtree(packages, ignore_errors=True)
        shutil.rmtree(sources, ignore_errors=True)
    print('%s: %s, %.1f MB, %.0f s' % (language, path, os.path.getsize(path) / 1e6, time.time() - began), flush=True)


def make_all(todo, folder):
    """Returns what went wrong: language -> a sentence."""
    work = os.path.join(folder, '.work')
    shutil.rmtree(work, ignore_errors=True)
    os.makedirs(work)
    wrong = {}
    try:
        venv.create(os.path.join(work, 'venv'), with_pip=True, clear=True)
    except (OSError, subprocess.CalledProcessError) as e:
        return {language: 'no virtual environment (Debian: apt-get install python3-venv): %s' % e for language, _ in todo}
    python = os.path.join(work, 'venv', 'bin', 'python')
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        jobs = {pool.submit(make, language, path, python, work): language for language, path in todo}
        for job in concurrent.futures.as_completed(jobs):
            try:
                job.result()
            except (RuntimeError, OSError) as e:
                wrong[jobs[job]] = str(e)
    shutil.rmtree(work, ignore_errors=True)
    return wrong


def main():
    p = argparse.ArgumentParser(prog='scripts/language-data', description='Fetch dictionaries from PyPI and compile language packs.')
    p.add_argument('-o', metavar='DIR')
    p.add_argument('-f', action='store_true', help='make packs that are up to date anew')
    p.add_argument('-q', action='store_true', help='what cannot be had is no failure')
    p.add_argument('--default', help=argparse.SUPPRESS)
    p.add_argument('--compile', nargs=2, help=argparse.SUPPRESS)
    p.add_argument('language', nargs='*', help=' '.join(LANGUAGES))
    a = p.parse_args()
    if a.compile:
        return compile_pack(*a.compile)
    for language in a.language:
        if language not in LANGUAGES:
            sys.exit('unknown language "%s": there are %s' % (language, ', '.join(LANGUAGES)))
    folder = os.path.join(os.path.abspath(a.o or a.default), 'v%d' % pack.VERSION)
    os.makedirs(folder, exist_ok=True)
    lock = open(os.path.join(folder, '.lock'), 'w')
    fcntl.flock(lock, fcntl.LOCK_EX)        # of several at once the first makes them; held to the end
    todo = [(l, os.path.join(folder, l + '.pack')) for l in a.language or LANGUAGES]
    todo = [(l, path) for l, path in todo if a.f or not up_to_date(path, l)]
    if not todo:
        return
    print('Language packs for %s: their dictionaries are fetched from PyPI once and compiled into %s.' %
          (', '.join(l for l, _ in todo), os.path.relpath(folder)), flush=True)
    wrong = make_all(todo, folder)
    for language in sorted(wrong):
        print('No language pack for %s: %s' % (language, wrong[language]), file=sys.stderr)
    if wrong:
        print('Everything else works without. Try again with: scripts/language-data %s%s' %
              ('-o %s ' % a.o if a.o else '', ' '.join(sorted(wrong))), file=sys.stderr)
    if wrong and not a.q:
        sys.exit(1)


main()
