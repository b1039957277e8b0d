#!/usr/bin/env python3
"""Examples stay small, and use nothing of ours but the public header.

usage: length.py FOLDER
"""
import pathlib
import re
import sys

failed = False
for path in sorted(pathlib.Path(sys.argv[1]).glob('*.c')):
    text = path.read_text()
    length = text.count('\n')
    inner = re.findall(r'#include "(.*)"', text)
    print(f'{path.name}: {length} lines')
    if length >= 150 or inner or '#include <reeve/reeve.h>' not in text:
        print('  FAILED: 150 lines or more, or an include of an inner header', inner)
        failed = True
sys.exit(1 if failed else 0)
