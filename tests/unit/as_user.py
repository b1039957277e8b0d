#!/usr/bin/env python3
"""Runs a test as an ordinary user, or as root of a user namespace of its own.

usage: as_user.py ordinary|namespace PROGRAM [ARGUMENT...]
"""
import os
import subprocess
import sys

NOBODY = 65534
how, program, arguments = sys.argv[1], os.path.abspath(sys.argv[2]), sys.argv[3:]
if how == 'ordinary':
    if os.geteuid() != 0:
        print('skipped: the tests run as an ordinary user already')
        sys.exit(77)
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)
    os.chdir('/')
    if not os.access(program, os.X_OK):
        print(f'skipped: user {NOBODY} cannot reach {program}')
        sys.exit(77)
    os.execv(program, [program, *arguments])
probe = subprocess.run(['unshare', '-Ur', 'true'], capture_output=True, text=True)
if probe.returncode:
    print('skipped: no user namespace here:', probe.stderr.strip())
    sys.exit(77)
os.execvp('unshare', ['unshare', '-Ur', program, *arguments])
