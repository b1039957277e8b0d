#!/usr/bin/env python3
"""What a refusal says would allow it does: each is followed to the letter, as a flag and as a line of a policy, until
the program runs.

usage: advice.py REEVE self|ordinary
"""
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile

REEVE, WHO = os.path.abspath(sys.argv[1]), sys.argv[2]
NOBODY = 65534
CONNECT = 'import socket, sys; s = socket.socket(socket.{0}, socket.{1}); s.connect({2}); s.close()'
BIND = 'import socket, sys; s = socket.socket(socket.{0}, socket.{1}); s.bind({2})'
CALL = 'import ctypes, sys; sys.exit(ctypes.CDLL(None).syscall({0}) < 0)'
# One that the profile lets run, wherever the one that runs this lies.
PYTHON = next(path for path in ('/usr/bin/python3', '/usr/local/bin/python3', sys.executable) if os.access(path, os.X_OK))
NUMBERS = {'x86_64': {'ptrace': 101, 'add_key': 248}, 'aarch64': {'ptrace': 117, 'add_key': 217}}
ODD = ['a b', "it's", 'a*b?c[d]', 'back\\slash', '${HOME}', '~', 'new\nline', b'\xff\xfe']


def python(text, *arguments):
    return [PYTHON, '-c', text.format(*arguments)]


def files(home):
    """What is there before each case; also the names that a pattern, a shell or YAML would read otherwise."""
    shutil.rmtree(home, ignore_errors=True)
    for folder in ('work', 'folder', 'full/inner', '.ssh'):
        os.makedirs(os.path.join(home, folder))
    for name in ['file', 'other', 'full/file', '.ssh/id', 'work/.env', *ODD]:
        name = os.fsencode(home) + b'/' + os.fsencode(name)
        with open(name, 'w', encoding='utf-8') as file:
            file.write('text\n')
    shutil.copy('/bin/true', home + '/program')


def cases(home, port, udp, path, name):
    number = NUMBERS[os.uname().machine]
    plain = '--use workspace'
    for odd in ODD:
        yield plain, ['cat', os.fsencode(home) + b'/' + os.fsencode(odd)]
    yield plain + " --write ~ --deny '~/a*'", ['cat', home + '/a*b?c[d]']
    yield plain + " --deny '**/.env'", ['cat', '.env']
    yield plain + " --hide '**/.env'", ['cat', '.env']
    yield plain, ['cat', home + '/.ssh/id']
    yield plain, ['ls', home + '/full']
    yield plain, ['touch', home + '/new']
    yield plain, ['mkdir', '-p', home + '/new/a/b']
    yield plain, ['truncate', '-s0', home + '/file']
    yield plain, ['ln', '-s', 'file', home + '/new']
    yield plain, [home + '/program']
    # What is there leaves its place, or gets another name, by its folder.
    yield plain, ['rm', home + '/full/file']
    yield plain, ['rmdir', home + '/full/inner']
    yield plain + ' --write ~/full/file', ['rm', home + '/full/file']
    yield plain, ['mv', home + '/full/file', home + '/full/moved']
    yield plain + ' --write ~/file --write ~/other', ['mv', home + '/file', home + '/other']
    yield plain + " --deny '**/.env'", ['rm', '.env']
    yield plain + " --deny '**/.env'", ['mv', '.env', 'env']
    yield plain, ['ln', home + '/file', home + '/linked']
    yield plain, python(CONNECT, 'AF_INET', 'SOCK_STREAM', ('127.0.0.1', port))
    yield plain + " --connect '127.0.0.0/8:*' --deny-connect '127.0.0.1:*'", python(
        CONNECT, 'AF_INET', 'SOCK_STREAM', ('127.0.0.1', port))
    yield plain, python(CONNECT, 'AF_INET', 'SOCK_DGRAM', ('127.0.0.1', udp))
    yield plain, python(BIND, 'AF_INET', 'SOCK_STREAM', ('127.0.0.1', 0))
    yield plain, python(BIND, 'AF_INET', 'SOCK_DGRAM', ('127.0.0.1', udp + (1 if udp < 65535 else -1)))
    yield plain, python(CONNECT, 'AF_UNIX', 'SOCK_STREAM', repr(path))
    yield plain, python(CONNECT, 'AF_UNIX', 'SOCK_STREAM', repr(name))
    yield plain + " --deny-listen 'unix:@*'", python(BIND, 'AF_UNIX', 'SOCK_STREAM', repr(name + b'2'))
    yield plain + f' --redirect-connect 192.0.2.1:1=127.0.0.1:{port}', python(
        CONNECT, 'AF_INET', 'SOCK_STREAM', ('192.0.2.1', 1))
    yield plain + ' --redirect ~/x=~/.ssh/id', ['cat', home + '/x']
    # Of system calls: what every plan refuses unless a rule opens it, and a group.
    yield plain, python(CALL, f'{number["add_key"]}, b"user", b"reeve", b"x", 1, -1')
    yield plain + ' --deny-call @debug', python(CALL, f'{number["ptrace"]}, 0, 0, 0, 0')
    yield plain + ' --kill-call @debug', python(CALL, f'{number["ptrace"]}, 0, 0, 0, 0')


def run(home, flags, command):
    """The exit status, and the last refusal that has advice."""
    record = home + '/record'
    words = b' '.join(b"'" + os.fsencode(word).replace(b"'", b"'\\''") + b"'" for word in command)
    line = f"'{REEVE}' run --verbose-denials --json '{record}' {flags} -- ".encode() + words
    open(record, 'w', encoding='utf-8').close()
    child = subprocess.run(['bash', '-c', line], stdin=subprocess.DEVNULL, capture_output=True, cwd=home + '/work',
                           check=False)
    with open(record, encoding='utf-8') as lines:
        records = [json.loads(line) for line in lines]
    advised = [record for record in records if record.get('allow_flag') and record['verdict'] != 'allow']
    return child, advised[-1] if advised else None


def follow(home, flags, command, as_policy):
    added = []
    rules = {}
    files(home)
    for _ in range(4):
        line = flags
        if as_policy:
            with open(home + '/policy.yaml', 'w', encoding='utf-8') as policy:
                policy.write('reeve: 1\n' + ''.join(
                    f'{key}:\n' + ''.join(f'  - {item}\n' for item in items) for key, items in rules.items()))
            line += f" -p '{home}/policy.yaml'"
        else:
            line = ' '.join([flags, *added])
        child, record = run(home, line, command)
        if child.returncode == 0:
            return added
        assert record, (flags, command, added, child)
        advice = record['allow_policy' if as_policy else 'allow_flag']
        if advice is None:
            return None  # not to be written in YAML, which is text
        assert advice not in added, ('the same again', flags, command, added, child)
        added.append(advice)
        if as_policy:
            key, items = re.fullmatch(r'(\w+): \[(.*)\]', advice, re.DOTALL).groups()
            rules.setdefault(key, []).extend(re.sub(r'\}, \{', '}\n{', items).split('\n'))
    raise AssertionError(('still refused', flags, command, added, child))


def main():
    work = tempfile.mkdtemp()
    if WHO == 'ordinary':
        if os.geteuid() != 0:
            print('skipped: the tests run as an ordinary user already')
            sys.exit(77)
        os.chown(work, NOBODY, NOBODY)
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
    home = work + '/home'
    os.environ.update(HOME=home, TMPDIR=work)
    servers = [socket.create_server(('127.0.0.1', 0)), socket.socket(socket.AF_INET, socket.SOCK_DGRAM),
               socket.socket(socket.AF_UNIX), socket.socket(socket.AF_UNIX)]
    path, name = work + '/a*b[c].sock', f'\0reeve *{os.getpid()}\xff\n"\''.encode('latin-1')
    for server, address in zip(servers[1:], [('127.0.0.1', 0), path, name]):
        server.bind(address)
    for server in servers[2:]:
        server.listen()
    count = 0
    try:
        for flags, command in cases(home, servers[0].getsockname()[1], servers[1].getsockname()[1], path, name):
            for as_policy in (False, True):
                added = follow(home, flags, command, as_policy)
                assert added or added is None, ('nothing was refused', flags, command)
                count += added is not None
    finally:
        shutil.rmtree(work, ignore_errors=True)
    print(f'{count} refusals followed')


main()
