#!/usr/bin/env python3
"""A start that takes long is told on a terminal, taken away again, and told nowhere else.

usage: progress.py REEVE
"""
import os
import pty
import subprocess
import sys
import tempfile

REEVE = os.path.abspath(sys.argv[1])
POLICY = b'reeve: 1\nfiles: [{exec: /}]\n'


def run_on(stderr, words, before_policy, term='xterm'):
    """Starts reeve with a policy that comes through a pipe, as late as `before_policy` returns."""
    inside, outside = os.pipe()
    child = subprocess.Popen([REEVE, *words, '-p', f'/dev/fd/{inside}', '--', 'echo', 'ran'], stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=stderr, pass_fds=[inside],
                             env={**os.environ, 'TERM': term})
    os.close(inside)
    before_policy(child)
    os.write(outside, POLICY)
    os.close(outside)
    out, err = child.communicate()
    assert child.returncode == 0 and out == b'ran\n', (child.returncode, out, err)
    return err


def read_until(fd, word):
    seen = b''
    while word not in seen:
        seen += os.read(fd, 4096)
    return seen


def main():
    os.chdir(tempfile.gettempdir())
    # On a terminal: the line comes while nothing else happens, and is taken away.
    for term, gone in (('xterm', b'\r\033[K'), ('dumb', None)):
        master, slave = pty.openpty()
        seen = b''

        def wait(_child):
            nonlocal seen
            seen = read_until(master, b'reeve: still reading the policy')

        run_on(slave, ['run'], wait, term)
        os.close(slave)
        try:
            while more := os.read(master, 4096):
                seen += more
        except OSError:
            pass
        os.close(master)
        if gone:
            assert seen.endswith(gone), seen
        else:
            assert b'\033' not in seen and seen.count(b'still') == 1, seen

    # In a pipe nothing, however long it takes; longer than the line on the terminal took to come.
    def wait_long(child):
        try:
            child.wait(1.5)
        except subprocess.TimeoutExpired:
            pass
    assert run_on(subprocess.PIPE, ['run'], wait_long) == b''
    # Nor when the start is quick.
    master, slave = pty.openpty()
    run_on(slave, ['run'], lambda child: None)
    os.close(slave)
    try:
        left = os.read(master, 4096)
    except OSError:
        left = b''
    assert b'\033[K' not in left or b'still' in left, left
    print('told on terminals alone')


main()
