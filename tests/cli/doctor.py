#!/usr/bin/env python3
"""reeve doctor tells the truth, here and where things are withheld: under reeve, in a chroot, behind filters.

usage: doctor.py REEVE self|ordinary
"""
import ctypes
import json
import os
import shutil
import struct
import subprocess
import sys
import tempfile

REEVE = os.path.abspath(sys.argv[1])
AS_USER = sys.argv[2] == 'ordinary'
NOBODY = 65534
RET_KILL, RET_ERRNO, RET_ALLOW = 0x80000000, 0x00050000, 0x7FFF0000
EPERM, ENOSYS = 1, 38
failures = []


def check(what, holds, seen=''):
    if not holds:
        failures.append(what)
        print(f'FAILED: {what}\n{seen}')


def become_ordinary():
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)


def withhold(actions):
    """In a child: a filter that gives these calls (by number) an action."""
    libc = ctypes.CDLL(None, use_errno=True)
    code = [(0x20, 0, 0, 0)]  # the number
    for number, action in actions.items():
        code += [(0x15, 0, 1, number), (0x06, 0, 0, action)]
    code.append((0x06, 0, 0, RET_ALLOW))
    program = b''.join(struct.pack('HBBI', *instruction) for instruction in code)
    buffer = ctypes.create_string_buffer(program)
    fprog = struct.pack('HxxxxxxP', len(code), ctypes.addressof(buffer))
    libc.prctl(38, 1, 0, 0, 0)
    if libc.prctl(22, 2, ctypes.c_char_p(fprog), 0, 0) != 0:
        os.write(2, b'no filter\n')
        os._exit(99)


def doctor(*words, before=(), actions=None, **options):
    """Exit status, text, and what --json says."""
    def prepare():
        if AS_USER:
            become_ordinary()
        if actions:
            withhold(actions)
    results = []
    for more in ([], ['--json']):
        results.append(subprocess.run([*before, REEVE, 'doctor', *words, *more], capture_output=True, text=True,
                                      timeout=300, stdin=subprocess.DEVNULL, preexec_fn=prepare, **options))
    text, machine = results
    check(f'both ways end alike: {words} {before} {actions}', text.returncode == machine.returncode,
          text.stdout + text.stderr + machine.stderr)
    try:
        return text.returncode, text.stdout, json.loads(machine.stdout)
    except ValueError:
        check(f'JSON: {words} {before}', False, machine.stdout + machine.stderr)
        return text.returncode, text.stdout, {'findings': [], 'inside': {}, 'works': None}


def states(report):
    return {finding['id']: finding['state'] for finding in report['findings'] if finding['id'] != 'withheld'}


def withheld(report):
    return {f['name'] for f in report['findings'] if f['id'] == 'withheld' and f['state'] == 'missing'}


def test_here(work):
    code, text, report = doctor(cwd=work)
    check('the exit code is what it says', code == (0 if report['works'] else 1), text)
    ran = subprocess.run([REEVE, 'run', '--', 'true'], cwd=work, preexec_fn=become_ordinary if AS_USER else None,
                         capture_output=True, text=True).returncode == 0
    check('it works as `reeve run -- true` does', report['works'] == ran, text)
    check('lines fit', all(len(line) <= 80 for line in text.splitlines()[1:]), text)
    for finding in report['findings']:
        told = finding['loses'] and (finding['remedy'] or finding['id'].startswith('landlock'))
        check(f'{finding["id"]} says what to do', finding['state'] == 'works' or told, finding)
    left = os.listdir(os.path.join(work, 'tmp'))
    check('nothing is left behind but what stays', len(left) == 1 and left[0].startswith('reeve-run-spare.'), left)
    return report


def test_policy(work, here):
    code, text, report = doctor('--read', '/usr', cwd=work)
    check('a policy of trees holds', code == (0 if here['landlock_abi'] >= 3 else 1), text)
    check('it is named', report['asked'] == 'policy', text)
    with open(os.path.join(work, 'bad.yaml'), 'w') as policy:
        policy.write('reeve: 1\nfiles: [{raed: /}]\n')
    bad = subprocess.run([REEVE, 'doctor', '-p', 'bad.yaml'], cwd=work, capture_output=True, text=True)
    check('a mistake has its place', bad.returncode == 2 and 'bad.yaml:2:' in bad.stderr, bad)
    with open(os.path.join(work, '.reeve.yaml'), 'w') as policy:
        policy.write('reeve: 1\nfiles: [{write: .}]\n')
    check('a project file is mentioned', '.reeve.yaml' in doctor(cwd=work)[1])
    os.unlink(os.path.join(work, '.reeve.yaml'))


def test_nested(work, here):
    if not here['works']:
        return
    # The outer one looks at sockets alone, and where the inner one has nothing but sockets to look at it closes them.
    shared = [REEVE, 'run', '--read', '/', '--exec', '/', '--write', work]
    elsewhere = dict(os.environ, HOME='/nowhere')
    code, text, report = doctor(before=shared + ['--'], cwd=work, env=elsewhere)
    check('under a plan that looks at sockets alone the default runs', code == 0 and report['works'], text)
    check('it sees the outer filter', report['inside']['no_new_privs'], text)
    # A denial inside a grant: there is a supervisor, whose listener is the only one.
    code, text, report = doctor(before=[*shared, '--deny', work + '/vault', '--'], cwd=work)
    check('it ends well under a supervisor', code in (0, 1), text)
    check('the listener is seen', states(report).get('existing-listener') == 'limited', text)
    check('it says why and what to do', report['works'] or 'outside of the other supervisor' in text, text)
    code, text, report = doctor('--read', '/', '--deny', work + '/vault',
                                before=[*shared, '--deny', work + '/vault', '--'], cwd=work)
    check('a policy that needs one is lost there', code == 1 and report['error'], text)


def test_filters(work, here):
    if os.uname().machine != 'x86_64':
        return
    openat2, getfd, readv, landlock, seccomp = 437, 438, 310, 444, 317
    code, text, report = doctor(actions={openat2: RET_ERRNO | ENOSYS, readv: RET_ERRNO | EPERM}, cwd=work)
    check('hidden calls are named', {'openat2', 'process_vm_readv'} <= withheld(report), text)
    check('and what stands on them', states(report)['openat2'] == 'missing', text)
    code, text, report = doctor(actions={getfd: RET_KILL}, cwd=work)
    check('deadly calls are survived', 'pidfd_getfd' in withheld(report) and 'is killed' in text, text)
    code, text, report = doctor(actions={landlock: RET_ERRNO | ENOSYS}, cwd=work)
    check('without Landlock it says so', code == 1 and states(report)['landlock-1'] == 'missing', text)
    check('and why', 'CONFIG_SECURITY_LANDLOCK' in text, text)
    code, text, report = doctor(actions={seccomp: RET_ERRNO | EPERM}, cwd=work)
    check('without seccomp it says so', code == 1 and states(report)['user-notification'] == 'missing', text)


def test_chroot(work):
    """No /proc, no programs: only the command and its libraries."""
    root = os.path.join(work, 'root')
    os.makedirs(root + '/tmp')
    libraries = subprocess.run(['ldd', REEVE], capture_output=True, text=True).stdout
    if 'libasan' in libraries:
        print('no chroot for the address sanitizer: it needs /proc')
        return
    for line in libraries.splitlines():
        path = next((word for word in line.split() if word.startswith('/')), None)
        if path:
            os.makedirs(root + os.path.dirname(path), exist_ok=True)
            shutil.copy(path, root + path)
    shutil.copy(REEVE, root + '/reeve')
    subprocess.run(['chmod', '-R', 'a+rX', root], check=True)
    command = ['chroot', root, '/reeve', 'doctor']
    if os.geteuid() != 0 or AS_USER:
        command = ['unshare', '-Ur', *command]
    result = subprocess.run(command, capture_output=True, text=True, timeout=300, env={'PATH': '/usr/sbin:/usr/bin'},
                            preexec_fn=become_ordinary if AS_USER else None)
    if 'unshare' in result.stderr or 'chroot:' in result.stderr:
        print('no chroot here:', result.stderr.strip())
        return
    check('in a bare chroot it tells what is missing', result.returncode in (0, 1) and 'Landlock:' in result.stdout
          and 'missing  /proc' in result.stdout, result)
    check('and nothing is wrong with it', not result.stderr, result.stderr)


def main():
    if AS_USER and os.geteuid() != 0:
        print('skipped: the tests run as an ordinary user already')
        sys.exit(77)
    with tempfile.TemporaryDirectory() as work:
        os.mkdir(work + '/tmp')
        os.chmod(work, 0o777)
        os.chmod(work + '/tmp', 0o1777)
        os.environ.update(TMPDIR=work + '/tmp', HOME=work)
        if AS_USER and subprocess.run([REEVE, 'version'], preexec_fn=become_ordinary).returncode:
            print('skipped: user', NOBODY, 'cannot reach', REEVE)
            sys.exit(77)
        here = test_here(work)
        test_policy(work, here)
        test_nested(work, here)
        test_filters(work, here)
        test_chroot(work)
    print('doctor:', 'as expected' if not failures else f'{len(failures)} wrong')
    sys.exit(bool(failures))


main()
