#!/usr/bin/env python3
"""Runs one example and checks what it prints.

usage: example.py NAME PROGRAM self|ordinary
"""
import encodings.idna  # noqa: F401  (a later import may find its file out of reach)
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile

NOBODY = 65534
name, program, user = sys.argv[1], os.path.abspath(sys.argv[2]), sys.argv[3]


def skip(why):
    print('skipped:', why)
    sys.exit(77)


def start(*args, **kwargs):
    """The example, with its output as text; stderr is kept apart."""
    return subprocess.Popen([program, *args], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True, **kwargs)


def run(*args, **kwargs):
    process = start(*args, **kwargs)
    out, err = process.communicate(timeout=300)
    return process.returncode, out, err


def expect(got, wanted):
    if got != wanted:
        print('expected:', wanted, '\ngot:     ', got, sep='\n')
        sys.exit(1)


def test_api():
    code, out, err = run()
    expect((code, re.sub(r'task \d+', 'task N', out), err),
           (0, 'supervisor: getpid of task N\nchild: I am 1000000\n', ''))


def test_open():
    with tempfile.NamedTemporaryFile('w', suffix='.txt') as file:
        file.write('some content\nmore\n')
        file.flush()
        code, out, err = run(file.name)
        # A death is seen by two at once: only each one's own lines have an order.
        lines = sorted(out.replace(file.name, 'FILE').splitlines(True), key=lambda l: l.partition(':')[0])
        expect((code, ''.join(lines), err), (0, '''\
child: first: descriptor any: some content
child: second: descriptor as chosen: some content
child: missing: No such file or directory
child: bad: Invalid argument
child: unlucky: killed
child: after: descriptor any: some content
supervisor: FILE
supervisor: FILE
supervisor: /does/not/exist
supervisor: /the/caller/of/this/is/killed
supervisor: the caller is gone
supervisor: FILE
supervisor: the child has ended
''', ''))


LISTENER = '''
import ctypes, os, socket, sys
def attempt(family, address):
    s = socket.socket(family)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if address:
        s.bind(address)
    try:
        s.listen(3)
    except OSError as e:
        print(e.strerror)
        return
    print("listening")
    c = socket.socket(family)
    c.connect(s.getsockname())
    s.accept()[0].close()
free, refused, six = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3] == "1"
attempt(socket.AF_INET, ("127.0.0.1", free))
attempt(socket.AF_INET, ("127.0.0.1", refused))
if six:
    attempt(socket.AF_INET6, ("::1", free))
    attempt(socket.AF_INET6, ("::1", refused))
attempt(socket.AF_UNIX, sys.argv[4])
attempt(socket.AF_UNIX, "\\0abstract-%d" % free)
attempt(socket.AF_INET, None)
libc = ctypes.CDLL(None, use_errno=True)
for number in (0, 99):
    libc.listen(number, 1)
    print(os.strerror(ctypes.get_errno()))
sys.exit(7)
'''


def reserve(family, address):
    """Bound and never listening: who binds with SO_REUSEADDR may have the address, and nobody gets it by chance."""
    s = socket.socket(family)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        s.bind(address)
    except OSError:
        s.close()
        return None
    return s


def reserved_port(six):
    """A port of both loopback addresses, with the sockets that hold it."""
    while True:
        four = reserve(socket.AF_INET, ('127.0.0.1', 0))
        port = four.getsockname()[1]
        other = reserve(socket.AF_INET6, ('::1', port)) if six else None
        if other or not six:
            return port, [four, other]


def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6) as s:
            s.bind(('::1', 0))
        return True
    except OSError:
        return False


def test_listen():
    six = has_ipv6()
    (free, held), (refused, more) = reserved_port(six), reserved_port(six)
    python = '/usr/bin/python3' if os.access('/usr/bin/python3', os.X_OK) else sys.executable
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, 'socket')
        script = os.path.join(folder, 'script.py')
        with open(script, 'w') as file:
            file.write(LISTENER)
        code, out, err = run(f'{python} {script} {free} {refused} {int(six)} {path}', '1', str(refused))
    for s in filter(None, held + more):
        s.close()
    denied = 'Permission denied'
    report = [f'127.0.0.1 port {free}: allowed', f'127.0.0.1 port {refused}: {denied}']
    seen = ['listening', denied]
    if six:
        report += [f'[::1] port {free}: allowed', f'[::1] port {refused}: {denied}']
        seen *= 2
    else:
        print('no IPv6 here: not tried')
    report += [f'unix {path}: allowed', f'unix @abstract-{free}: allowed', '0.0.0.0 port N: allowed',
               '?: Socket operation on non-socket', '?: Bad file descriptor']
    seen += ['listening'] * 3 + ['Socket operation on non-socket', 'Bad file descriptor']
    expect(re.sub(r'0\.0\.0\.0 port [1-9]\d*', '0.0.0.0 port N', err).splitlines(),
           ['listen: ' + line for line in report])
    expect((code, out.splitlines()), (7, seen))


def test_allowlist():
    code, out, err = run()
    expect((code, out, err), (-signal.SIGSYS, 'allowed: writing\nnot allowed: fork\n', ''))


def test_reporter():
    """Two rounds: what the first one misses completes the list of the second."""
    command = ['--', '/bin/sh', '-c', 'cat /dev/null; echo done']
    code, out, err = run('read', 'write', *command)
    missing = re.findall(r'^reporter: missing: (\d+) (\w+)$', err, flags=re.M)
    expect((code, len(missing)), (0, len(err.splitlines())))
    expect(len(set(missing)), len(missing))
    names = [call for _, call in missing]
    for wanted in ('execve', 'exit_group', 'openat'):
        if wanted not in names:
            sys.exit(f'{wanted} is not among the missing: {names}')
    expect([call for call in names if call in ('read', 'write')], [])
    first, _, code_text = out.partition('\n')
    expect(first, 'done')
    for number, call in missing:
        if f'{number}, 0, 1), /* {call} */' not in code_text:
            sys.exit(f'{call} is not in the filter')
    check = subprocess.run(['cc', '-x', 'c', '-Wall', '-Wno-unused', '-Werror', '-fsyntax-only', '-'], text=True,
                           input='#include <linux/audit.h>\n#include <linux/filter.h>\n'
                           '#include <linux/seccomp.h>\n#include <stddef.h>\n' + code_text)
    expect(check.returncode, 0)
    code, out, err = run('read', 'write', *names, *command)
    # What a run calls can differ by a call or two; that of the first list is not reported again.
    again = set(re.findall(r'missing: \d+ (\w+)', err))
    expect((code, out.partition('\n')[0], again & set(names)), (0, 'done', set()))
    expect(len(again) <= 2, True)
    expect(run('--', '/does/not/exist')[0], 127)


def test_accept():
    process = start('0', '2')
    first = process.stdout.readline()
    port = int(re.fullmatch(r'supervisor: listening on port (\d+)\n', first)[1])
    for text in (b'hello\n', b'hello again\n'):
        with socket.create_connection(('127.0.0.1', port), timeout=300) as s:
            s.sendall(text)
            answer = b''
            while not answer.endswith(b'\n'):
                answer += s.recv(100)
            expect(answer, text)
            # The end of file comes: no copy of the connection is left open.
            expect(s.recv(1), b'')
    out, err = process.communicate(timeout=300)
    expect((process.returncode, sorted(out.splitlines()), err),
           (0, ['worker: connection 1 from 127.0.0.1: hello',
                'worker: connection 2 from 127.0.0.1: hello again'], ''))


def test_accept_killed():
    """The worker dies while its accept call is held: the supervisor ends."""
    process = start('0', '1')
    process.stdout.readline()
    children = []
    while not children:
        with open(f'/proc/{process.pid}/task/{process.pid}/children') as file:
            children = file.read().split()
    # accept, as x86-64 and aarch64 number it: the worker waits in it.
    held = ''
    while held not in ('43', '202'):
        with open(f'/proc/{children[0]}/syscall') as file:
            held = file.read().split()[0]
    os.kill(int(children[0]), signal.SIGKILL)
    process.communicate(timeout=300)
    expect(process.returncode, 1)


def test_logs():
    script = 'for i in $(seq 60); do echo "line $i"; echo "error $i" >&2; done; (echo sub) | cat; exit 3'
    with tempfile.TemporaryDirectory() as folder:
        code, out, err = run('200', os.path.join(folder, 'log'), '/bin/sh', '-c', script)
        names = sorted(os.listdir(folder), key=lambda n: int(n.rsplit('.', 1)[1]))
        content = {n: open(os.path.join(folder, n)).read() for n in names}
    pairs = len(names) // 2
    expect((code, out, err), (3, f'logs: {pairs} pairs\n', ''))
    expect(pairs >= 3, True)
    expect(sorted(names), sorted(f'log.{k}.{i}' for k in ('out', 'err') for i in range(pairs)))
    lines = ''.join(content[n] for n in names if '.out.' in n)
    errors = ''.join(content[n] for n in names if '.err.' in n)
    expect(lines, ''.join(f'line {i + 1}\n' for i in range(60)) + 'sub\n')
    expect(errors, ''.join(f'error {i + 1}\n' for i in range(60)))
    expect(max(len(c) for c in content.values()) < 250, True)


def test_mount():
    script = '''
grep CapEff: /proc/self/status
mount -t tmpfs none /mnt || exit 9
: > /mnt/file && echo /mnt/*
cd / && mount -t tmpfs none mnt && echo /mnt/*
mount -t proc none /mnt 2> /dev/null || echo no proc
mount --bind /etc /mnt 2> /dev/null || echo no bind
mount -t tmpfs none /does/not/exist 2> /dev/null || echo no folder
umount /mnt 2> /dev/null || echo no umount
exit 4'''
    probe = subprocess.run(['unshare', '-Urm', 'true'], capture_output=True, text=True)
    if probe.returncode:
        skip('no user namespace for this user here: ' + probe.stderr.strip())
    before = open('/proc/self/mounts').read()
    code, out, err = run('/bin/sh', '-c', script)
    expect((code, out, err), (4, '''\
CapEff:\t0000000000000000
/mnt/file
/mnt/*
no proc
no bind
no folder
no umount
''', '''\
mount: tmpfs on /mnt: mounted
mount: tmpfs on /mnt: mounted
mount: tmpfs on /does/not/exist: No such file or directory
'''))
    expect(open('/proc/self/mounts').read(), before)


def test_supervisor():
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        for name in ('other', 'secret'):
            with open(os.path.join(folder, name), 'w') as file:
                file.write(name + '\n')
        script = f'cat /etc/motd; cat {folder}/secret; echo x 2>/dev/null >{folder}/new; exit 4'
        code, out, err = run('secret', os.path.join(folder, 'other'), '/bin/sh', '-c', script)
    lines = out.splitlines()
    expect((code, lines[0], len(lines)), (4, 'other', 3))
    expect(['"why":"its name has the word in it"' in lines[1], '"errno":"EPERM"' in lines[1]], [True, True])
    expect(f'"allow_flag":"--write {folder}/new"' in lines[2], True)
    expect('Operation not permitted' in err, True)


if user == 'ordinary':
    if os.geteuid() != 0:
        skip('the tests run as an ordinary user already')
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)
    os.environ['HOME'] = '/'
    os.chdir('/')
    if not os.access(program, os.X_OK):
        skip(f'user {NOBODY} cannot reach {program}')

for key, function in list(globals().items()):
    if key == 'test_' + name or key.startswith('test_' + name + '_'):
        print(key)
        function()
print('ok')
