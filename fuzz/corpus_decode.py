#!/usr/bin/env python3
"""corpus_decode.py PROGRAM: makes notifications of every call number, with pointers to all sorts of memory and
without, and some changed at random, and has PROGRAM (fuzz_decode) decode them."""
import pathlib
import random
import struct
import subprocess
import sys
import tempfile

POINTER = 0x5A000000
TEXTS = [b"/etc/passwd\0", b"a/./b//../c\0", b"\0", b"/" * 300 + b"\0", b"x" * 255 + b"\0", b"n" * 5000 + b"\0",
         b"not terminated", b"/proc/self/fd/3\0second\0", struct.pack("<QQQ", 0o100, 0o644, 8), b"\xff" * 64,
         struct.pack("<QI4xQQQQI4x", POINTER + 56, 16, POINTER + 72, 1, 0, 0, 0) + b"\2\0\0\x50\x7f\0\0\1" + bytes(64)]
chance = random.Random(1)


def notifications():
    for number in range(480):
        for text in TEXTS:
            args = [POINTER + chance.choice([0, 0, 0, len(text) // 2, 70000]) if chance.random() < 0.7
                    else chance.choice([0, 1, 3, 16, len(text), (1 << 64) - 100, (1 << 64) - 1]) for _ in range(6)]
            data = bytearray(struct.pack("<H6Q", number, *args) + text)
            yield data
            for _ in range(chance.randrange(1, 9)):
                data[chance.randrange(2, len(data))] = chance.randrange(256)
            yield data


with tempfile.TemporaryDirectory() as folder:
    for i, data in enumerate(notifications()):
        (pathlib.Path(folder) / str(i)).write_bytes(data)
    sys.exit(subprocess.run([sys.argv[1], folder], check=False).returncode)
