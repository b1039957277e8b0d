#!/usr/bin/env python3
"""reeve run --permissive: nothing of the policy is refused, all of it is told, and the flags that it names suffice.

usage: permissive.py REEVE root|ordinary
"""
import json
import os
import pathlib
import re
import shlex
import sys

from steps import Place, become, run_all

BASE = ['--use', 'base', '--read', '/usr', '--exec', '/usr', '--read', '/etc/ld.so.cache']
WORK = 'cat hidden/x denied; ls hidden; echo new >made; mv made moved; ln moved other; rm moved; chmod 600 denied; nice true'


def prepare(place):
    (place.work / 'hidden').mkdir()
    (place.work / 'hidden' / 'x').write_text('seen\n')
    (place.work / 'denied').write_text('read\n')
    (place.work / 'calls.yaml').write_text('reeve: 1\nsyscalls:\n  - deny: getpriority\n  - kill: setpriority\n')


def does_all(reeve):
    with Place(reeve) as place:
        prepare(place)
        done = place.call('run', *BASE, '-p', 'calls.yaml', '--hide', 'hidden', '--deny', 'denied', '--permissive',
                          '--json', 'records', '--summary-json', 'summary', '--', 'sh', '-c', WORK)
        assert done.returncode == 0 and done.stdout == 'seen\nread\nx\n', done
        records = [json.loads(line) for line in (place.work / 'records').read_text().splitlines()]
        lifted = {(r['operation'], os.path.basename(r['object'] or ''), r['verdict'])
                  for r in records if r['answer'] == 'permissive'}
        for expected in (('open', 'x', 'hide'), ('open', 'denied', 'deny'), ('open', 'hidden', 'hide'),
                         ('open', 'made', 'deny'), ('rename', 'made', 'deny'), ('link', 'moved', 'deny'),
                         ('remove', 'moved', 'deny'), ('metadata', 'denied', 'deny')):
            assert expected in lifted, (expected, lifted)
        assert any(r['call'] == 'setpriority' and r['verdict'] == 'kill' for r in records)
        assert all(r['errno'] is None for r in records if r['answer'])
        summary = json.loads((place.work / 'summary').read_text())
        assert summary['denied'] == summary['hidden'] == summary['killed'] == 0, summary
        assert summary['permitted'] == sum(r['answer'] == 'permissive' for r in records)
        assert 'calls would have been refused. These flags' in done.stderr
        assert re.search(r'reeve: +--deny denied: openat', done.stderr)
        assert re.search(r'reeve: +kill setpriority at calls.yaml:4:11: setpriority', done.stderr)


def its_flags_suffice(reeve):
    with Place(reeve) as place:
        (place.work / 'inner').mkdir()
        (place.work / 'inner' / 'file').write_text('text\n')
        work = 'cat inner/file /etc/passwd >out; cat <out >/dev/null'
        done = place.call('run', *BASE, '--permissive', '--', 'sh', '-c', work)
        assert done.returncode == 0, done
        told = done.stderr[done.stderr.index('would allow them:\n'):].splitlines()[1:]
        flags = shlex.split(' '.join(line.removeprefix('reeve:').rstrip('\\') for line in told))
        os.unlink(place.work / 'out')
        assert place.call('run', *BASE, '--', 'sh', '-c', work).returncode != 0
        # A file that is made needs its folder to be there and granted.
        (place.work / 'out').write_text('')
        flags = [flag.replace('~', str(place.top / 'home')) for flag in flags]
        done = place.call('run', *BASE, *flags, '--', 'sh', '-c', work)
        assert done.returncode == 0 and done.stderr == '', (flags, done)


def nothing_to_tell(reeve):
    with Place(reeve) as place:
        done = place.call('run', '--permissive', '--read', '/', '--exec', '/', '--', '/usr/bin/true')
        assert done.returncode == 0 and done.stderr == 'reeve: nothing would have been refused\n', done
        done = place.call('run', '-q', '--permissive', *BASE, '--', 'cat', '/etc/passwd')
        assert done.returncode == 0 and done.stderr == '', done


def what_protects_the_supervisor_stands(reeve):
    program = ('import ctypes, errno, fcntl, os, sys\n'
               'libc = ctypes.CDLL(None, use_errno=True)\n'
               'def call(*words):\n'
               '    return ctypes.get_errno() if libc.syscall(*words) < 0 else 0\n'
               'print(call(425, 8, 0) == errno.ENOSYS)\n'  # io_uring_setup
               'try:\n    fcntl.ioctl(0, 0x5412, b"x")\n    print(False)\n'
               'except OSError as error:\n    print(error.errno == errno.EPERM)\n'
               'try:\n    open(sys.argv[1] + "/made", "w").close()\n    print(False)\n'
               'except OSError as error:\n    print(error.errno == errno.EACCES)\n'
               'try:\n    os.rename(sys.argv[1], sys.argv[1] + ".moved")\n    print(False)\n'
               'except OSError as error:\n    print(error.errno == errno.EACCES)\n'
               'try:\n    os.rename(os.path.dirname(sys.argv[1]), sys.argv[1] + ".moved")\n    print(False)\n'
               'except OSError as error:\n    print(error.errno == errno.EACCES)\n')
    with Place(reeve) as place:
        folder = place.runtime / 'reeve'
        folder.mkdir(mode=0o700)
        done = place.call('run', '-q', '--permissive', *BASE, '--', '/usr/bin/python3', '-c', program, folder)
        assert done.stdout == 'True\n' * 5, done


if __name__ == '__main__':
    REEVE = str(pathlib.Path(sys.argv[1]).resolve())
    become(sys.argv[2])
    if not os.access(REEVE, os.X_OK):
        print('skipped: this user cannot reach', REEVE)
        sys.exit(77)
    run_all([does_all, its_flags_suffice, nothing_to_tell, what_protects_the_supervisor_stands], REEVE)
