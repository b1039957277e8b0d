#!/usr/bin/env python3
"""unplugged.py REEVE PROGRAM WHO: sockets of UDP where no rule is about them, compared line by line with those of a
network namespace that has a loopback and nothing else.

WHO is self; ordinary: uid 65534; dropped: that user's program under reeve run by root; bounded: root without
CAP_NET_ADMIN; stripped: nor CAP_SYS_ADMIN; none: on a machine that gives no network namespaces. Those of whoever has one of
these capabilities, and under its reeve, send nothing to each other."""
import difflib
import json
import os
import shutil
import subprocess
import sys
import tempfile

NOBODY = 65534
DROP = ['setpriv', '--reuid', str(NOBODY), '--regid', str(NOBODY), '--clear-groups', '--']
BOUND = ['setpriv', '--inh-caps=-net_admin', '--bounding-set=-net_admin', '--']
STRIP = ['setpriv', '--inh-caps=-net_admin,-sys_admin', '--bounding-set=-net_admin,-sys_admin', '--']
UP = """import fcntl, os, socket, struct, sys
fcntl.ioctl(socket.socket(), 0x8914, struct.pack('16sH14x', b'lo', 1))
os.execvp(sys.argv[1], sys.argv[1:])"""
# What is looked at beside the sockets: little, names, and sends, since names of UNIX sockets may be sent to.
PLANS = [[], ['--connect', 'unix:@nobody-is-there']]


def skip(why):
    print('SKIP:', why)
    sys.exit(77)


def may_change_networks():
    with open('/proc/self/status') as file:
        line = next(line for line in file if line.startswith('CapEff'))
    return int(line.split()[1], 16) & (1 << 12 | 1 << 21)


def run(line, cwd):
    return subprocess.run(line, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors='replace',
                          stdin=subprocess.DEVNULL)


LIMITS = ['/proc/sys/user/max_net_namespaces', '/proc/sys/user/max_user_namespaces']
ASK = """import errno, socket, sys
for line in sys.stdin:
    try:
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        print('made', flush=True)
    except OSError as error:
        print(errno.errorcode[error.errno], flush=True)
socket.socket(socket.AF_INET, socket.SOCK_STREAM)
"""


def limit(numbers):
    for path, number in zip(LIMITS, numbers):
        with open(path, 'w') as file:
            file.write(number)


def without_namespaces(reeve):
    """In a user namespace, whose limits are its own: what failed once is not tried again."""
    place = tempfile.mkdtemp(prefix='reeve-unplugged-')
    records = os.path.join(place, 'records')
    before = [open(path).read() for path in LIMITS]
    limit(['0', '0'])
    try:
        line = [reeve, 'run', '--read', '/', '--exec', '/', '--write', place, '--json', records, '--', 'python3', '-c', ASK]
        with subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True) as run_:
            said = []
            for i in range(3):
                if i == 1:
                    limit(before)
                run_.stdin.write('\n')
                run_.stdin.flush()
                said.append(run_.stdout.readline().strip())
            told = run_.communicate()[1]
        with open(records) as file:
            refused = [entry for entry in map(json.loads, file) if entry.get('operation') == 'socket']
    finally:
        shutil.rmtree(place)
    if said != ['EACCES'] * 3 or run_.returncode:
        print('FAIL: without namespaces:', said, told)
        return True
    if [(entry['verdict'], entry['errno']) for entry in refused] != [('refuse', 'EACCES')] * 3:
        print('FAIL: the records are', refused)
        return True
    if 'no network namespace is to be had' not in told:
        print('FAIL: it is not told why:', told)
        return True
    return False


def main():
    if sys.argv[1] == '--without':
        return without_namespaces(sys.argv[2])
    reeve, program, who = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2]), sys.argv[3]
    is_root = os.geteuid() == 0
    if who == 'none':
        if run(['unshare', '-Ur', 'true'], '/').returncode:
            skip('no user namespace is to be had here')
        os.execvp('unshare', ['unshare', '-Ur', 'python3', __file__, '--without', reeve])
    if who != 'self' and not is_root:
        skip('only root can become another user')
    before = {'ordinary': DROP, 'bounded': BOUND, 'stripped': STRIP}.get(who, [])
    inside = DROP if who == 'dropped' else []
    place = os.path.realpath(tempfile.mkdtemp(prefix='reeve-unplugged-'))
    failed = False
    try:
        work = os.path.join(place, 'work')
        os.chmod(place, 0o755)
        os.mkdir(work)
        os.chmod(work, 0o777)
        for source, name in (reeve, 'reeve'), (program, 'work/program'):
            shutil.copy(source, os.path.join(place, name))
            os.chmod(os.path.join(place, name), 0o755)
        alone = ['alone'] if is_root and who in ('self', 'dropped', 'bounded') and may_change_networks() else []
        own = ['unshare', '-n' if is_root else '-rn', '--']
        if run([*own, 'true'], work).returncode:
            skip('no network namespace is to be had here')
        if who in ('ordinary', 'bounded', 'stripped') and run([*before, 'unshare', '-Urn', '--', 'true'], work).returncode:
            skip('no user namespace is to be had here')
        native = run([*own, sys.executable, '-c', UP, *before, *inside, './program', *alone], work)
        if native.returncode:
            print('FAIL: natively:', native.stdout[-500:], native.stderr)
            return 1
        for plan in PLANS:
            records = os.path.join(work, 'records')
            if os.path.exists(records):
                os.unlink(records)
            got = run([*before, '../reeve', 'run', '--use', 'workspace', *plan, '--quiet', '--json', records, '--',
                       *inside, './program', *alone], work)
            if got.stdout != native.stdout or got.returncode:
                failed = True
                print(f'FAIL: {who} under {plan}: native and supervised differ ({got.returncode}): {got.stderr}')
                print('\n'.join(difflib.unified_diff(native.stdout.splitlines(), got.stdout.splitlines(), 'native',
                                                     'supervised', lineterm='', n=0)))
            failed |= look_at(plan, records)
    finally:
        shutil.rmtree(place)
    return failed


def look_at(plan, records):
    """A socket is no refusal; what it cannot reach is one, with the errno that it got."""
    with open(records) as file:
        lines = [json.loads(line) for line in file]
    made = [line for line in lines if line.get('operation') == 'socket']
    wrong = [line for line in made if line['verdict'] != 'allow' or line['object'] != 'udp']
    denied = {line['object']: line['errno'] for line in lines if line.get('verdict') == 'deny'}
    if len(made) < 500 or wrong:
        print(f'FAIL: under {plan}: {len(made)} records of sockets, {wrong[:1]}')
        return True
    for address in 'udp:8.8.8.8:53', 'udp:[2001:4860:4860::8888]:53':
        if denied.get(address) != 'ENETUNREACH':
            print(f'FAIL: under {plan}: {address} was {denied.get(address)}')
            return True
    return False


if __name__ == '__main__':
    sys.exit(main())
