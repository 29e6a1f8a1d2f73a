#!/usr/bin/env python3
"""Is the demo voice understood? Everyday sentences and single words through build/hse, heard by pocketsphinx.

    scripts/bootstrap bench && python3 bench/understood.py [--keep DIR]

An outside recogniser (Debian's pocketsphinx, its stock English model) writes down what it hears in 30 sentences that are none of the
training text's; the word error rate must be at most 25 %. Ten one-word texts are measured rather than recognised, since a recogniser
of sentences guesses at lone words: each is longer than 0.15 s, neither silent nor clipped, and falls silent after its word.
Exits with 1 when a bound is broken.
"""
import argparse
import array
import math
import os
import re
import subprocess
import sys
import tempfile

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), ".."))
HSE = os.environ.get("HSE_PROGRAM", os.path.join(ROOT, "build", "hse"))
MAX_WER = 0.25

SENTENCES = [
    "I left my umbrella on the train this morning.",
    "Could you please pass me the salt and the pepper?",
    "My sister is going to have a baby in the summer.",
    "The shop on the corner is closed on Sundays.",
    "We need to buy some milk and bread on the way home.",
    "He has been working in the garden all day.",
    "What time does the next bus to the city leave?",
    "There is a small problem with the kitchen window.",
    "She told me that the meeting was moved to Friday.",
    "I think it is going to rain again this afternoon.",
    "They have lived in the same house for twenty years.",
    "Please turn off the lights before you go to bed.",
    "The children are playing football in the park.",
    "I would like a cup of coffee with a little sugar.",
    "Our flight was late because of the bad weather.",
    "You should see a doctor about that cough.",
    "It takes about half an hour to walk to the station.",
    "The book that you gave me was very interesting.",
    "Nobody knows where he put the keys to the car.",
    "Let us meet in front of the library at noon.",
    "The water in the lake is too cold for swimming.",
    "My brother wants to learn how to play the piano.",
    "This is the best soup that I have ever eaten.",
    "We could not find a place to park near the market.",
    "The old man sat down and read the newspaper.",
    "I forgot to call my mother on her birthday.",
    "There were more people at the party than last year.",
    "She closed the door and went down the stairs.",
    "Can you help me carry these boxes to the car?",
    "The train from London will arrive in ten minutes.",
]
WORDS = ["A", "Yes.", "OK", "No!", "Hello.", "Why?", "Stop", "Seven", "Monday.", "Thanks."]


def speak(text, path):
    subprocess.run([HSE, "speak", "-o", path, "--rate", "16000", "--", text], check=True, capture_output=True, timeout=120)
    with open(path, "rb") as f:
        data = f.read()
    samples = array.array("h")
    samples.frombytes(data[data.index(b"data") + 8:])
    return samples


def heard(path):
    r = subprocess.run(["pocketsphinx_continuous", "-infile", path, "-logfn", "/dev/null"], check=True, capture_output=True, text=True,
                       timeout=300)
    return r.stdout.lower().split()


def plain(text):
    return re.sub(r"[^a-z' ]", " ", text.lower()).split()


def word_errors(want, got):
    """Fewest substitutions, insertions and deletions that turn one list of words into the other."""
    row = list(range(len(got) + 1))
    for i, w in enumerate(want, 1):
        last, row[0] = row[0], i
        for j, g in enumerate(got, 1):
            last, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, last + (w != g))
    return row[-1]


def decibels(samples):
    power = sum(s * s for s in samples) / max(1, len(samples)) / 32768 ** 2
    return 10 * math.log10(power) if power else -120.0


def word_faults(samples, rate=16000):
    """What is wrong with a one-word answer, in words; and a line of figures."""
    frame = rate // 100
    levels = [decibels(samples[i:i + frame]) for i in range(0, len(samples) - frame + 1, frame)]
    peak = max(map(abs, samples), default=0)
    loud = [i for i, v in enumerate(levels) if v > max(levels) - 30]
    faults = []
    if len(samples) <= 0.15 * rate:
        faults.append("too short")
    if max(levels, default=-120) < -35:
        faults.append("silent")
    if peak >= 32767:
        faults.append("clipped")
    # A word may hold the closure of a stop (up to some 0.15 s); what starts again after more than 0.2 s of quiet is no part of it.
    if any(b - a > 20 for a, b in zip(loud, loud[1:])):
        faults.append("sound after the word")
    if levels and decibels(samples[-frame:]) > max(levels) - 25:
        faults.append("cut at its end")
    return faults, f"{len(samples) / rate:.2f} s, loudest {max(levels, default=-120):.1f} dB, peak {peak / 32768:.2f}, last 10 ms {decibels(samples[-frame:]):.1f} dB"


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--keep", metavar="DIR", help="leave the recordings there")
    keep = options.parse_args().keep
    bad = errors = total = 0
    with tempfile.TemporaryDirectory() as scratch:
        folder = keep or scratch
        os.makedirs(folder, exist_ok=True)
        for i, text in enumerate(SENTENCES):
            path = os.path.join(folder, f"sentence-{i + 1:02d}.wav")
            speak(text, path)
            want, got = plain(text), heard(path)
            e = word_errors(want, got)
            errors, total = errors + e, total + len(want)
            print(f"{e:2d} of {len(want):2d}  {text}" + (f"\n          heard: {' '.join(got)}" if e else ""), flush=True)
        for i, text in enumerate(WORDS):
            faults, figures = word_faults(speak(text, os.path.join(folder, f"word-{i + 1:02d}.wav")))
            bad += bool(faults)
            print(f"{'FAULT ' + ', '.join(faults) if faults else 'ok'}  {text!r}: {figures}", flush=True)
    rate = errors / total
    print(f"word error rate {100 * rate:.1f} % ({errors} of {total} words in {len(SENTENCES)} sentences; at most {100 * MAX_WER:.0f} %), "
          f"{len(WORDS) - bad} of {len(WORDS)} single words clean")
    sys.exit(1 if bad or rate > MAX_WER else 0)


if __name__ == "__main__":
    main()
