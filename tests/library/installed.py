#!/usr/bin/env python3
"""Installs into a temporary folder, and builds and runs an example from there, shared and static.

usage: installed.py SOURCE-ROOT BUILD-ROOT C-COMPILER...
"""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

source, build, compiler = sys.argv[1], sys.argv[2], sys.argv[3:]
if not shutil.which('pkg-config'):
    print('skipped: no pkg-config')
    sys.exit(77)


def run(*args, env=None):
    result = subprocess.run(args, text=True, capture_output=True, env={**os.environ, **(env or {})})
    if result.returncode:
        sys.exit(f'{" ".join(args)}: {result.returncode}\n{result.stdout}{result.stderr}')
    return result.stdout


with tempfile.TemporaryDirectory() as top:
    run('meson', 'install', '-C', build, '--no-rebuild', '--destdir', top)
    config = next(pathlib.Path(top).rglob('libreeve.pc'))
    library = config.parent.parent
    env = {'PKG_CONFIG_PATH': str(config.parent), 'PKG_CONFIG_SYSROOT_DIR': top}
    program = os.path.join(top, 'program')
    for static in (False, True):
        flags = run('pkg-config', '--cflags', '--libs', *(['--static'] if static else []), 'libreeve',
                    env=env).split()
        if static:
            flags = [str(library / 'libreeve.a') if f == '-lreeve' else f for f in flags] + ['-pthread']
        run(*compiler, '-D_GNU_SOURCE', '-o', program, os.path.join(source, 'examples', 'api.c'), *flags)
        needed = 'libreeve.so.0' in run('ldd', program, env={'LD_LIBRARY_PATH': str(library)})
        out = run(program, env={'LD_LIBRARY_PATH': '' if static else str(library)})
        print('static' if static else 'shared', out)
        if 'child: I am 1000000' not in out or needed == static:
            sys.exit('FAILED')
    page = next(pathlib.Path(top).rglob('libreeve.3*'))
    print(page.relative_to(top))
