#!/usr/bin/python3
"""outsiders.py REEVE USER: what a program does to tasks that it names by number: its own ones, outsiders and the
supervisor, under a plan that supervises and one that does not. USER is self or ordinary."""
import ctypes
import errno
import os
import shutil
import signal
import struct
import subprocess
import sys
import tempfile

X86 = {'setpriority': 141, 'ioprio_set': 251, 'sched_setaffinity': 203, 'sched_setscheduler': 144,
       'sched_setparam': 142, 'sched_setattr': 314, 'prlimit64': 302, 'migrate_pages': 256, 'move_pages': 279}
ARM = {'setpriority': 140, 'ioprio_set': 30, 'sched_setaffinity': 122, 'sched_setscheduler': 119,
       'sched_setparam': 118, 'sched_setattr': 274, 'prlimit64': 261, 'migrate_pages': 238, 'move_pages': 239}
NUMBERS = X86 if os.uname().machine == 'x86_64' else ARM
LIBC = ctypes.CDLL(None, use_errno=True)
PROCESS, GROUP, USER = 0, 1, 2


def call(name, *args):
    ctypes.set_errno(0)
    r = LIBC.syscall(*[ctypes.c_long(a) if isinstance(a, int) else a for a in (NUMBERS[name],) + args])
    return 0 if r == 0 else errno.errorcode.get(ctypes.get_errno(), '?') if r < 0 else r


def tries(pid):
    """Each call on the task, as name and outcome. High bits of a register make no other number of it."""
    mask = ctypes.c_ulong(1)
    param = ctypes.c_int(0)
    attr = ctypes.create_string_buffer(struct.pack('IIQiIQQQ', 48, 0, 0, 9, 0, 0, 0, 0))
    limit = ctypes.create_string_buffer(struct.pack('QQ', 50, 60))
    high = pid | 1 << 40
    return {
        'setpriority': call('setpriority', PROCESS, pid, 9),
        'setpriority high': call('setpriority', PROCESS, high, 9),
        'ioprio_set': call('ioprio_set', 1, pid, 3 << 13),
        'sched_setaffinity': call('sched_setaffinity', pid, 8, ctypes.byref(mask)),
        'sched_setaffinity high': call('sched_setaffinity', high, 8, ctypes.byref(mask)),
        'sched_setscheduler': call('sched_setscheduler', pid, 3, ctypes.byref(param)),
        'sched_setparam': call('sched_setparam', pid, ctypes.byref(param)),
        'sched_setattr': call('sched_setattr', pid, attr, 0),
        'prlimit64': call('prlimit64', pid, 7, limit, None),
    }


def target():
    """Runs inside: says what came out, as pairs that a test compares."""
    found = {}
    child = subprocess.Popen(['sleep', '1000'])
    for who, pid in (('outsider', int(sys.argv[2])), ('parent', os.getppid()), ('child', child.pid),
                     ('self', os.getpid())):
        for name, outcome in tries(pid).items():
            found[f'{who} {name}'] = outcome
    found['group setpriority'] = call('setpriority', GROUP, 0, 3)
    found['group of an outsider'] = call('setpriority', GROUP, os.getpgid(int(sys.argv[2])), 3)
    found['user setpriority'] = call('setpriority', USER, 0, 3)
    found['user setpriority high'] = call('setpriority', USER | 1 << 32, 0, 3)
    found['group ioprio_set'] = call('ioprio_set', 2, 0, 3 << 13)
    found['outsider move_pages'] = call('move_pages', int(sys.argv[2]), 0, None, None, None, 0)
    found['outsider migrate_pages'] = call('migrate_pages', int(sys.argv[2]), 0, None, None)
    for name, outcome in tries(0).items():
        if 'high' not in name:
            found[f'zero {name}'] = outcome
    child.kill()
    for what, outcome in found.items():
        print(f'{what}: {outcome}')


def state(pid):
    """What nobody may have changed."""
    with open(f'/proc/{pid}/limits', encoding='ascii') as limits:
        files = [line for line in limits if line.startswith('Max open files')]
    return (os.getpriority(os.PRIO_PROCESS, pid), os.sched_getaffinity(pid), os.sched_getscheduler(pid),
            subprocess.run(['ionice', '-p', str(pid)], capture_output=True, check=False).stdout, files)


def expectations(plan, what):
    """The outcome that a line must have."""
    if what.startswith('zero') or (what.startswith('self') and 'high' not in what and plan != 'kernel'):
        return 0
    if what.startswith(('child', 'self')):
        return 'EPERM' if plan == 'kernel' else 0
    if plan == 'open' and what in ('outsider setpriority', 'outsider setpriority high'):
        return 0
    if plan == 'open' and what.startswith(('parent setpriority', 'child setpriority', 'self setpriority')):
        return 0
    if plan == 'open' and what.startswith(('group', 'user')) and 'ioprio' not in what:
        return None
    return 'EPERM'


def check(plan, options, reeve, prefix, outsider):
    before = state(outsider)
    # Where nothing can be written no socket can be reached, and nobody needs to supervise.
    policy = os.path.join(os.path.dirname(reeve), 'policy.yaml')
    grants = ['-p', policy] if plan == 'kernel' else ['--read', '/', '--exec', '/', '--write', '/tmp']
    done = subprocess.run(prefix + [reeve, 'run', *grants, '-q', *options, '--',
                                    sys.executable, sys.argv[0], 'target', str(outsider)],
                          capture_output=True, text=True, timeout=180, check=False)
    wrong = [f'{plan}: exit {done.returncode} {done.stderr}'] if done.returncode else []
    lines = done.stdout.splitlines()
    if len(lines) < 40:
        wrong.append(f'{plan}: only {len(lines)} lines: {done.stdout} {done.stderr}')
    for line in lines:
        what, _, outcome = line.rpartition(': ')
        expected = expectations(plan, what)
        if expected is not None and str(expected) != outcome:
            wrong.append(f'{plan}: {what}: {outcome}, expected {expected}')
    if plan != 'open' and state(outsider) != before:
        wrong.append(f'{plan}: the outsider was {before} and is {state(outsider)}')
    return wrong


def main():
    prefix = []
    if sys.argv[2] == 'ordinary':
        if os.getuid() != 0:
            print('SKIP: only root can become an ordinary user')
            sys.exit(77)
        prefix = ['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups', '--']
    folder = tempfile.mkdtemp(prefix='reeve-outsiders.', dir='/tmp')
    os.chmod(folder, 0o755)
    outsider = subprocess.Popen(prefix + ['sleep', '1000'], start_new_session=True)
    try:
        reeve = shutil.copy(sys.argv[1], folder)
        shutil.copy(sys.argv[0], folder)
        sys.argv[0] = os.path.join(folder, os.path.basename(sys.argv[0]))
        os.chmod(sys.argv[0], 0o755)
        with open(os.path.join(folder, 'policy.yaml'), 'w', encoding='ascii') as policy:
            policy.write('reeve: 1\nfiles:\n  - exec: /\n')
        wrong = check('kernel', [], reeve, prefix, outsider.pid)
        wrong += check('supervised', ['--deny', '**/.never'], reeve, prefix, outsider.pid)
        wrong += check('open', ['--deny', '**/.never', '--allow-call', 'setpriority'], reeve, prefix, outsider.pid)
        print('\n'.join(wrong))
        sys.exit(1 if wrong else 0)
    finally:
        outsider.send_signal(signal.SIGKILL)
        outsider.wait()
        shutil.rmtree(folder)


if __name__ == '__main__':
    if sys.argv[1] == 'target':
        target()
    else:
        main()
