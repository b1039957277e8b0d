#!/usr/bin/env python3
"""Programs that people run: natively and under reeve, compared.

usage: run.py REEVE CASES root|ordinary [--keep] [--only PLAN] [CASE...]

Each case is a script that is run in a fresh folder, always at the same path: natively, and under plans
that must make no difference. What it writes to stdout and stderr, its exit code and the tree that it leaves
(names, types, modes, owners, links, sizes, contents) must be the same. The plans:

  performed  everything is granted but '**/.env': the supervisor performs every call on a path
  kernel     whole trees: the kernel holds them, and not one notification may arrive
  default    reeve run -- CMD
  hidden     as performed, and some paths are hidden; compared with a native run in which they do not exist

The folder always holds .env with a mark in it. Under the plans that deny it nothing may show the mark.

A case says in comments what it needs:
  # needs: PROGRAM...     skipped where one is missing
  # user: root|ordinary   runs as this one only
  # hide: PATH...         adds the plan hidden
  # varying: GLOB...      files whose contents and sizes differ from run to run
  # not PLAN: REASON      leaves a plan out
  # refused: NUMBER|any   how many refusals the performed plan records for it (0)
  # stdin: closed         starts without descriptor 0 (otherwise it is /dev/null)
NAME.before, where it is there, prepares the folder and runs natively; NAME.once does so one time for all plans,
in a folder that it and the case call $SHARED.
"""
import argparse
import concurrent.futures
import difflib
import fnmatch
import hashlib
import json
import os
import pathlib
import re
import shutil
import stat
import subprocess
import sys
import tempfile
import time

NOBODY = 65534
MARK = 'the-mark-that-nobody-may-read'
SECONDS = 60
ENVIRONMENT = {
    'PATH': '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/go/bin',
    'LANG': 'C.UTF-8', 'TZ': 'UTC', 'TERM': 'dumb', 'SOURCE_DATE_EPOCH': '1600000000',
    'GIT_AUTHOR_NAME': 'A', 'GIT_AUTHOR_EMAIL': 'a@example.org', 'GIT_AUTHOR_DATE': '1600000000 +0000',
    'GIT_COMMITTER_NAME': 'A', 'GIT_COMMITTER_EMAIL': 'a@example.org', 'GIT_COMMITTER_DATE': '1600000000 +0000',
    'GIT_CONFIG_NOSYSTEM': '1',
    'GIT_CONFIG_COUNT': '1', 'GIT_CONFIG_KEY_0': 'pack.threads', 'GIT_CONFIG_VALUE_0': '1',
    'MAKEFLAGS': '', 'GOFLAGS': '-mod=mod', 'GOPROXY': 'off', 'GOTOOLCHAIN': 'local',
}
GRANTS = ['--read', '/', '--exec', '/', '--write', '.']
DENIED = ['--deny', '**/.env']


class Case:
    def __init__(self, script):
        self.script = script
        self.name = script.stem
        self.text = script.read_text()
        self.words = dict(re.findall(r'^# (needs|user|hide|varying|refused|stdin): *(.*)$', self.text, re.M))
        self.left_out = dict(re.findall(r'^# not (\w+): *(.*)$', self.text, re.M))

    def list(self, word):
        return self.words.get(word, '').split()

    def reason_to_skip(self, user):
        missing = [program for program in self.list('needs') if not shutil.which(program, path=ENVIRONMENT['PATH'])]
        if missing:
            return f'{" ".join(missing)} not installed'
        if self.words.get('user', user) != user:
            return f'for {self.words["user"]} only'
        return None

    def plans(self):
        plans = {'performed': GRANTS + DENIED, 'kernel': GRANTS, 'default': []}
        if self.list('hide'):
            hides = [word for path in self.list('hide') for word in ('--hide', path)]
            plans = {'hidden': GRANTS + DENIED + hides}
        return {plan: flags for plan, flags in plans.items() if plan not in self.left_out}


def contents(name, folder):
    try:
        with os.fdopen(os.open(name, os.O_RDONLY, dir_fd=folder), 'rb') as file:
            return hashlib.file_digest(file, 'sha1').hexdigest()[:12]
    except PermissionError:
        return 'unreadable'


def describe(name, folder, varying):
    """One file as a line: all that a program could have done to it."""
    found = os.lstat(name, dir_fd=folder)
    line = f'{stat.filemode(found.st_mode)} {found.st_uid}:{found.st_gid} links {found.st_nlink}'
    if stat.S_ISLNK(found.st_mode):
        return f'{line} -> {os.readlink(name, dir_fd=folder)!r}'
    if stat.S_ISREG(found.st_mode) and not varying:
        return f'{line} size {found.st_size} {contents(name, folder)}'
    if stat.S_ISCHR(found.st_mode) or stat.S_ISBLK(found.st_mode):
        return f'{line} device {found.st_rdev:x}'
    return line


def tree(top, varying):
    """Every path below top as a line; walks by descriptors, since paths may be longer than the kernel takes."""
    lines = {}
    for here, folders, files, folder in os.fwalk(top, follow_symlinks=False):
        for name in folders + files:
            path = os.path.relpath(os.path.join(here, name), top)
            if path != '.env':
                changes = any(fnmatch.fnmatch(path, glob) for glob in varying)
                lines[path] = describe(name, folder, changes)
    return lines


class Runner:
    def __init__(self, reeve, user, only):
        self.base = pathlib.Path(tempfile.mkdtemp(prefix='reeve-real-'))
        self.base.chmod(0o755)
        self.only = only
        self.identity = {}
        self.owner = None
        if user == 'ordinary' and os.geteuid() == 0:
            self.identity = {'user': NOBODY, 'group': NOBODY, 'extra_groups': []}
            self.owner = NOBODY
        # A copy: an ordinary user need not be able to reach the build folder.
        self.reeve = self.base / 'reeve'
        shutil.copy(reeve, self.reeve)

    def folder(self, path):
        path.mkdir(mode=0o755)
        if self.owner is not None:
            os.chown(path, self.owner, self.owner)

    def start(self, case, arguments, place, environment, **more):
        stdin = subprocess.DEVNULL
        if case.words.get('stdin') == 'closed':
            arguments = ['sh', '-c', 'exec "$@" <&-', 'sh', *arguments]
        return subprocess.Popen(arguments, cwd=place, env=environment, stdin=stdin, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, start_new_session=True, **self.identity, **more)

    def run(self, case, plan, flags):
        """Runs a case once in a fresh folder; returns what it did as a dictionary."""
        home = self.base / case.name
        if home.exists():
            subprocess.run(['chmod', '-R', 'u+rwX', home], check=False, capture_output=True)
            subprocess.run(['rm', '-rf', home], check=True)
        work = home / 'work'
        for path in (home, work, home / 'home', home / 'tmp', home / 'out'):
            self.folder(path)
        (work / '.env').write_text(MARK + '\n')
        (work / '.env').chmod(0o644)
        environment = {**ENVIRONMENT, 'HOME': str(home / 'home'), 'TMPDIR': str(home / 'tmp'), 'PWD': str(work),
                       'SHARED': str(self.base / (case.name + '-shared'))}
        before = case.script.with_suffix('.before')
        if before.exists():
            subprocess.run(['bash', '-c', before.read_text()], cwd=work, env=environment, check=True, **self.identity)
        if plan == 'absent':
            subprocess.run(['rm', '-rf', *case.list('hide')], cwd=work, check=True)
        return self.measure(case, plan, flags, home, environment)

    def prepare(self, case):
        once = case.script.with_suffix('.once')
        if once.exists():
            shared = self.base / (case.name + '-shared')
            self.folder(shared)
            subprocess.run(['bash', '-c', once.read_text()], cwd=shared, check=True, **self.identity,
                           env={**ENVIRONMENT, 'SHARED': str(shared)})

    def measure(self, case, plan, flags, home, environment):
        probed = plan in ('performed', 'hidden')
        command = ['bash', '-c', case.text, case.name]
        reading, writing = os.pipe()
        if probed:
            command = ['bash', '-c', f'cat .env >&{writing} 2>&1; exec {writing}>&-; exec "$@"', 'sh', *command]
        if flags is not None:
            command = [str(self.reeve), 'run', '--log', str(home / 'out' / 'log'), '--summary-json',
                       str(home / 'out' / 'summary'), *flags, '--', *command]
        started = time.monotonic()
        process = self.start(case, command, home / 'work', environment, pass_fds=[writing] if probed else [])
        os.close(writing)
        try:
            stdout, stderr = process.communicate(timeout=SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 9)
            stdout, stderr = process.communicate()
            stderr += f'\nkilled: ran for {SECONDS} s\n'.encode()
        seconds = time.monotonic() - started
        with os.fdopen(reading, 'rb') as pipe:
            probe = pipe.read().decode()
        (home / 'stdout').write_bytes(stdout)
        (home / 'stderr').write_bytes(stderr)
        return {'exit code': process.returncode, 'stdout': stdout.decode(errors='backslashreplace'),
                'stderr': stderr.decode(errors='backslashreplace'), 'tree': tree(home / 'work', case.list('varying')),
                'left': sorted(os.listdir(home / 'tmp')), 'probe': probe, 'seconds': seconds, 'out': home / 'out'}


def lines_that_differ(native, supervised):
    lines = difflib.unified_diff(native.splitlines(), supervised.splitlines(), 'native', 'supervised', lineterm='', n=0)
    return [line[:300] for line in list(lines)[2:22]]


def differences(native, supervised):
    found = []
    if native['exit code'] != supervised['exit code']:
        found.append(f'exit code {native["exit code"]} natively, {supervised["exit code"]} supervised')
    for stream in ('stdout', 'stderr'):
        if native[stream] != supervised[stream]:
            found += [f'{stream} differs:', *lines_that_differ(native[stream], supervised[stream])]
    if native['left'] != supervised['left']:
        found.append(f'temporary files left: {native["left"]} natively, {supervised["left"]} supervised')
    here, there = native['tree'], supervised['tree']
    for path in sorted(here.keys() | there.keys()):
        if here.get(path) != there.get(path):
            found.append(f'{path}: {here.get(path, "absent")} natively, {there.get(path, "absent")} supervised')
    return found


def promises(case, plan, result):
    """What a plan promises by itself, whatever the native run did."""
    try:
        summary = json.loads((result['out'] / 'summary').read_text())
    except (OSError, ValueError) as problem:
        return [f'no summary: {problem}']
    if plan == 'kernel':
        return [f'{summary["notifications"]} notifications, and none expected'] if summary['notifications'] else []
    if plan == 'default':
        return []
    found = []
    if result['probe'] != 'cat: .env: Permission denied\n':
        found.append(f'cat .env said: {result["probe"]!r}')
    if MARK in result['stdout'] + result['stderr'] + (result['out'] / 'log').read_text(errors='replace'):
        found.append('the mark was shown')
    refusals = sum(summary[word] for word in ('denied', 'hidden', 'killed', 'refused')) - 1
    expected = case.words.get('refused', '0')
    if plan == 'performed' and expected not in ('any', str(refusals)):
        found.append(f'{refusals} refusals recorded, {expected} expected:')
        found += (result['out'] / 'log').read_text(errors='replace').splitlines()[:12]
    return found


def examine(runner, case):
    """Runs one case under all its plans; returns its lines of report and whether all was well."""
    hides = bool(case.list('hide'))
    runner.prepare(case)
    native = runner.run(case, 'absent' if hides else 'native', None)
    times, wrong = [f'native {native["seconds"]:.2f}'], []
    for plan, flags in case.plans().items():
        if runner.only and plan not in runner.only:
            continue
        result = runner.run(case, plan, flags)
        if hides:
            hidden = tuple(path + '/' for path in case.list('hide'))
            result['tree'] = {path: line for path, line in result['tree'].items() if not (path + '/').startswith(hidden)}
        times.append(f'{plan} {result["seconds"]:.2f}')
        found = differences(native, result) + promises(case, plan, result)
        wrong += [f'    {plan}: {found[0]}', *(f'        {line}' for line in found[1:30])] if found else []
    return [f'{"FAILED" if wrong else "ok"}  {case.name}  {"  ".join(times)}', *wrong], not wrong


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('reeve')
    parser.add_argument('cases', type=pathlib.Path)
    parser.add_argument('user', choices=['root', 'ordinary'])
    parser.add_argument('names', nargs='*')
    parser.add_argument('--keep', action='store_true', help='leave the folders')
    parser.add_argument('--only', action='append', help='this plan')
    options = parser.parse_args()
    if options.user == 'root' and os.geteuid() != 0:
        print('skipped: not root')
        sys.exit(77)
    os.umask(0o022)
    cases = [Case(script) for script in sorted(options.cases.glob('*.sh'))]
    cases = [case for case in cases if not options.names or case.name in options.names]
    runner = Runner(options.reeve, options.user, options.only)
    all_well = True
    with concurrent.futures.ThreadPoolExecutor(max_workers=2) as pool:
        jobs = []
        for case in cases:
            reason = case.reason_to_skip(options.user)
            if reason:
                print(f'skipped  {case.name}: {reason}')
            else:
                jobs.append((case, pool.submit(examine, runner, case)))
        for case, job in jobs:
            lines, well = job.result()
            print('\n'.join(lines), flush=True)
            all_well = all_well and well
    if options.keep:
        print('folders:', runner.base)
    else:
        subprocess.run(['chmod', '-R', 'u+rwX', runner.base], check=False, capture_output=True)
        subprocess.run(['rm', '-rf', runner.base], check=True)
    sys.exit(0 if all_well else 1)


if __name__ == '__main__':
    main()
