#!/usr/bin/env python3
"""The public header compiles alone, as C and as C++, without a warning.

usage: header.py INCLUDE-FOLDER C-COMPILER...
"""
import shutil
import subprocess
import sys

include, c_compiler = sys.argv[1], sys.argv[2:]
program = '#include <reeve/reeve.h>\nint main(void) { return reeve_is_valid(-1, 0) + REEVE_GONE; }\n'
strict = ['-Wall', '-Wextra', '-Wpedantic', '-Werror', '-I', include, '-c', '-o', '/dev/null', '-']
ways = [c_compiler + ['-x', 'c', f'-std={std}', '-Wstrict-prototypes'] for std in ('c11', 'gnu17')]
compilers = [c for c in ('g++', 'clang++') if shutil.which(c)]
ways += [[c, '-x', 'c++', f'-std={std}'] for c in compilers for std in ('c++17', 'c++20')]
failed = 0
for way in ways:
    result = subprocess.run(way + strict, input=program, text=True, capture_output=True)
    print('ok' if result.returncode == 0 else 'FAILED', ' '.join(way))
    if result.returncode:
        print(result.stderr)
        failed += 1
if not compilers:
    print('no C++ compiler: only C was tried')
sys.exit(1 if failed else 0)
