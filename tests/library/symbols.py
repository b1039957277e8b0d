#!/usr/bin/env python3
"""The libraries export the names of the public header and no others, and the manual page has them all.

usage: symbols.py SHARED-LIBRARY HEADER MANUAL-PAGE STATIC-LIBRARY
"""
import re
import subprocess
import sys

library, header_path, manual_path, archive = sys.argv[1:]
listing = subprocess.run(['nm', '-D', '--defined-only', '--format=posix', library], check=True, text=True,
                         capture_output=True).stdout
exported, foreign = set(), set()
for line in listing.splitlines():
    name, kind = line.split()[:2]
    if kind == 'A':
        continue
    name, _, version = name.partition('@')
    (exported if name.startswith('reeve_') and version else foreign).add(name)

# What a sanitizer adds is not ours.
listing = subprocess.run(['nm', '--defined-only', '--extern-only', '--format=posix', archive], check=True,
                         text=True, capture_output=True).stdout
in_archive = {line.split()[0] for line in listing.splitlines() if len(line.split()) > 2}
in_archive = {name for name in in_archive if not name.startswith(('__odr_asan', '__asan', '__ubsan'))}

header = open(header_path).read()
without_comments = re.sub(r'/\*.*?\*/', '', header, flags=re.S)
declared = set(re.findall(r'\b(reeve_\w+)\s*\(', without_comments))
# A comment right above says what it does; one comment may stand above several declarations.
documented = set()
for block in re.split(r'\n\s*\n', header):
    if '/*' in block:
        documented |= set(re.findall(r'^[a-z].*?\b(reeve_\w+)\s*\(', block, flags=re.M))
manual = open(manual_path).read()
in_synopsis = set(re.findall(r'^\.(?:Fn|Fo)\s+(?:"[^"]*"\s+)?"?(reeve_\w+)', manual, flags=re.M))
constants = set(re.findall(r'^#define (REEVE_(?!REEVE_H)\w+)', header, flags=re.M))

failed = False
for what, names in [
        ('exported, though not a versioned reeve_ name', foreign),
        ('exported, but not in the header', exported - declared),
        ('in the header, but not exported', declared - exported),
        ('global in the static library, but not in the header', in_archive - declared),
        ('in the header, but not in the static library', declared - in_archive),
        ('in the header without a comment', declared - documented),
        ('not in the manual page', exported - in_synopsis),
        ('in the manual page, but not exported', in_synopsis - exported),
        ('constants that are not in the manual page', {c for c in constants if c not in manual})]:
    if names:
        print(what + ': ' + ', '.join(sorted(names)))
        failed = True
if not exported:
    print('nothing is exported')
    failed = True
print(len(exported), 'names')
sys.exit(1 if failed else 0)
