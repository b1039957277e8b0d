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
  home       as default, in the home folder itself; compared with a native run there

The folder always holds .env with a mark in it, and the home folder ~/.ssh and ~/.aws with the same mark. Under the
plans that deny them nothing may show the mark. Under default and home no server can be reached either.

A case says in comments what it needs:
  # needs: PROGRAM...     skipped where one is missing; a name with a slash is a file, a pattern perhaps
  # user: root|ordinary   runs as this one only
  # plans: PLAN...        these, and not performed, kernel and default; heavy ones leave it at default
  # flags: FLAG...        what default needs beside itself
  # hide: PATH...         adds the plan hidden
  # varying: GLOB...      files whose contents and sizes differ from run to run
  # not PLAN: REASON      leaves a plan out
  # looks: OPERATION...   what may notify under kernel and default: connect, of programs that ask nscd for names of users
                          or that use sockets; listen; schedule; socket, of UDP
  # refused: NUMBER|any   how many refusals the performed plan records for it (0)
  # stdin: closed         starts without descriptor 0 (otherwise it is /dev/null)
  #< TEXT, #> KEYS        runs on a terminal: waits for TEXT to be shown, then types KEYS (\n, \x1b), and so on;
                          what else is shown is not compared
NAME.before, where it is there, prepares the folder and runs natively; NAME.once does so one time for all plans,
in a folder that it and the case call $SHARED. $FREE_PORT is a port of 127.0.0.1 that nobody else gets meanwhile; who
listens there needs SO_REUSEADDR.
"""
import argparse
import concurrent.futures
import difflib
import fnmatch
import glob
import hashlib
import itertools
import json
import os
import pathlib
import pty
import re
import select
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
import time

NOBODY = 65534
MARK = 'the-mark-that-nobody-may-read'
# Only what hangs takes so long.
SECONDS = 300
ENVIRONMENT = {
    'PATH': '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/go/bin',
    'LANG': 'C.UTF-8', 'TZ': 'UTC', 'TERM': 'dumb', 'SOURCE_DATE_EPOCH': '1600000000',
    'GIT_AUTHOR_NAME': 'A', 'GIT_AUTHOR_EMAIL': 'a@example.org', 'GIT_AUTHOR_DATE': '1600000000 +0000',
    'GIT_COMMITTER_NAME': 'A', 'GIT_COMMITTER_EMAIL': 'a@example.org', 'GIT_COMMITTER_DATE': '1600000000 +0000',
    'GIT_CONFIG_NOSYSTEM': '1', 'SHELL': '/bin/bash', 'USER': 'me', 'LOGNAME': 'me',
    'GIT_CONFIG_COUNT': '1', 'GIT_CONFIG_KEY_0': 'pack.threads', 'GIT_CONFIG_VALUE_0': '1',
    'MAKEFLAGS': '', 'GOFLAGS': '-mod=mod', 'GOPROXY': 'off', 'GOTOOLCHAIN': 'local',
}
GRANTS = ['--read', '/', '--exec', '/', '--write', '.']
DENIED = ['--deny', '**/.env']
SECRETS = ['.ssh/id_ed25519', '.aws/credentials']
# Run before the case, under its policy: what it says goes to the runner alone.
PROBES = {
    'performed': 'cat .env',
    'hidden': 'cat .env',
    'default': f'cd; cat {" ".join(SECRETS)}; : </dev/tcp/127.0.0.1/$PORT',
}
PROBES['home'] = PROBES['default']
REFUSED = ''.join(f'cat: {path}: Permission denied\n' for path in SECRETS)
# The probe's own, in bash's words; not where flags open the network.
NOT_CONNECTED = 'sh: connect: Permission denied\nsh: line 1: /dev/tcp/127.0.0.1/{port}: Permission denied\n'


def left_in(folder):
    """But for the one that stays from run to run, empty."""
    return sorted(name for name in os.listdir(folder)
                  if not name.startswith('reeve-run-spare.') or os.listdir(folder / name))


class Case:
    def __init__(self, script):
        self.script = script
        self.name = script.stem
        self.text = script.read_text()
        words = 'needs|user|plans|flags|hide|varying|looks|refused|stdin'
        self.words = dict(re.findall(rf'^# ({words}): *(.*)$', self.text, re.M))
        self.keys = re.findall(r'^#([<>]) (.*)$', self.text, re.M)
        self.left_out = dict(re.findall(r'^# not (\w+): *(.*)$', self.text, re.M))

    def list(self, word):
        return self.words.get(word, '').split()

    def reason_to_skip(self, user):
        missing = [program for program in self.list('needs')
                   if not (glob.glob(program) if '/' in program else shutil.which(program, path=ENVIRONMENT['PATH']))]
        if missing:
            return f'{" ".join(missing)} not installed'
        if self.words.get('user', user) != user:
            return f'for {self.words["user"]} only'
        return None

    def plans(self):
        plans = {'performed': GRANTS + DENIED, 'kernel': GRANTS, 'default': self.list('flags'), 'home': []}
        wanted = self.list('plans') or ['performed', 'kernel', 'default']
        plans = {plan: plans[plan] for plan in wanted}
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
        self.gone = self.base / 'gone'
        self.gone.mkdir(mode=0o700)
        self.runs = itertools.count()
        # Bound and never listening: the kernel gives the port to nobody who asks for any.
        self.reserved = socket.socket()
        self.reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.reserved.bind(('127.0.0.1', 0))
        # Nobody may get through to it.
        self.listener = socket.create_server(('127.0.0.1', 0))
        self.port = self.listener.getsockname()[1]

    def folder(self, path):
        path.mkdir(mode=0o755)
        if self.owner is not None:
            os.chown(path, self.owner, self.owner)

    @staticmethod
    def remove(path):
        subprocess.run(['chmod', '-R', 'u+rwX', path], check=False, capture_output=True)
        subprocess.run(['rm', '-rf', path], check=False, capture_output=True)

    def secrets(self, home):
        for name in SECRETS:
            path = home / name
            self.folder(path.parent)
            path.write_text(MARK + '\n')
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
            # Out of the way at once: what an earlier run left behind may still write there, and end a moment later.
            gone = self.gone / str(next(self.runs))
            home.rename(gone)
            self.remove(gone)
        work = home / 'work'
        for path in (home, work, home / 'home', home / 'tmp', home / 'out'):
            self.folder(path)
        (work / '.env').write_text(MARK + '\n')
        (work / '.env').chmod(0o644)
        own = work if plan.endswith('home') else home / 'home'
        self.secrets(own)
        environment = {**ENVIRONMENT, 'HOME': str(own), 'TMPDIR': str(home / 'tmp'), 'PWD': str(work),
                       'SHARED': str(self.base / (case.name + '-shared')),
                       'FREE_PORT': str(self.reserved.getsockname()[1])}
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
        command = ['bash', '-c', case.text, case.name]
        reading, writing = os.pipe()
        probe = PROBES.get(plan, '')
        if flags and plan == 'default':
            probe = probe.partition('; :')[0]
        if probe:
            command = ['bash', '-c', f'(PORT={self.port}; {probe}) >&{writing} 2>&1; exec {writing}>&-; exec "$@"', 'sh',
                       *command]
        if flags is not None:
            command = [str(self.reeve), 'run', '--log', str(home / 'out' / 'log'), '--summary-json',
                       str(home / 'out' / 'summary'), *flags, '--', *command]
        started = time.monotonic()
        run = self.on_terminal if case.keys else self.on_pipes
        result = run(case, command, home / 'work', environment, [writing] if probe else [])
        seconds = time.monotonic() - started
        os.close(writing)
        with os.fdopen(reading, 'rb') as pipe:
            probe = pipe.read().decode()
        for stream in ('stdout', 'stderr'):
            (home / stream).write_text(result[stream])
        return {**result, 'tree': tree(home / 'work', case.list('varying')), 'left': left_in(home / 'tmp'),
                'probe': probe, 'seconds': seconds, 'out': home / 'out'}

    def on_pipes(self, case, command, place, environment, descriptors):
        process = self.start(case, command, place, environment, pass_fds=descriptors)
        try:
            stdout, stderr = process.communicate(timeout=SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 9)
            stdout, stderr = process.communicate()
            stderr += f'\nkilled: ran for {SECONDS} s\n'.encode()
        return {'exit code': process.returncode, 'stdout': stdout.decode(errors='backslashreplace'),
                'stderr': stderr.decode(errors='backslashreplace')}

    def on_terminal(self, case, command, place, environment, descriptors):
        """The result's stdout is what was awaited and came; stderr the whole screen, where something did not."""
        master, slave = pty.openpty()
        if self.owner is not None:
            os.fchown(slave, self.owner, self.owner)
        # setsid is no group's leader here: it keeps its number, and leads a group by it.
        process = subprocess.Popen(['setsid', '--ctty', *command], cwd=place, env={**environment, 'TERM': 'xterm'},
                                   stdin=slave, stdout=slave, stderr=slave, pass_fds=descriptors, **self.identity)
        os.close(slave)
        screen = Screen(master)
        awaited = [text for kind, text in case.keys if screen.play(kind, text)]
        screen.read_to_the_end()
        if screen.problem:
            os.killpg(process.pid, 9)
        process.wait()
        os.close(master)
        return {'exit code': process.returncode, 'stdout': '\n'.join(awaited), 'stderr': screen.problem}


class Screen:
    """A terminal from its other side."""

    def __init__(self, master):
        self.master = master
        self.until = time.monotonic() + SECONDS
        self.text = ''
        self.seen = 0
        self.problem = ''

    def read(self):
        """False at the end, and when time is up."""
        left = max(0, self.until - time.monotonic())
        if not select.select([self.master], [], [], left)[0]:
            return False
        try:
            some = os.read(self.master, 65536)
        except OSError:
            return False
        self.text += some.decode(errors='backslashreplace')
        return bool(some)

    def play(self, kind, text):
        if self.problem:
            return False
        if kind == '>':
            os.write(self.master, text.encode().decode('unicode_escape').encode('latin-1'))
            return False
        while (at := self.text.find(text, self.seen)) < 0:
            if not self.read():
                self.problem = f'{text!r} was never shown; after {self.text[:self.seen]!r}:\n{self.text[self.seen:]!r}'
                return False
        self.seen = at + len(text)
        return True

    def read_to_the_end(self):
        while not self.problem and self.read():
            pass
        if not self.problem and time.monotonic() > self.until:
            self.problem = f'does not end: {self.text!r}'


def lines_that_differ(native, supervised):
    lines = difflib.unified_diff(native.splitlines(), supervised.splitlines(), 'native', 'supervised', lineterm='', n=0)
    return [line[:300] for line in list(lines)[2:22]]


def differences(native, supervised, private_tmp):
    found = []
    if native['exit code'] != supervised['exit code']:
        found.append(f'exit code {native["exit code"]} natively, {supervised["exit code"]} supervised')
    for stream in ('stdout', 'stderr'):
        if native[stream] != supervised[stream]:
            found += [f'{stream} differs:', *lines_that_differ(native[stream], supervised[stream])]
    if not private_tmp and native['left'] != supervised['left']:
        found.append(f'temporary files left: {native["left"]} natively, {supervised["left"]} supervised')
    here, there = native['tree'], supervised['tree']
    for path in sorted(here.keys() | there.keys()):
        if here.get(path) != there.get(path):
            found.append(f'{path}: {here.get(path, "absent")} natively, {there.get(path, "absent")} supervised')
    return found


def promises(case, plan, result, port):
    """What a plan promises by itself, whatever the native run did."""
    try:
        summary = json.loads((result['out'] / 'summary').read_text())
    except (OSError, ValueError) as problem:
        return [f'no summary: {problem}']
    found = []
    if plan in ('kernel', 'default'):
        unexpected = {name: sum(counts.values()) for name, counts in summary['by_operation'].items()}
        if plan == 'default' and not case.list('flags') and unexpected.get('connect') == 1:
            del unexpected['connect']  # the probe's
        for name in case.list('looks'):
            unexpected.pop(name, None)
        if unexpected:
            found.append(f'{summary["notifications"]} notifications, and none expected of {" ".join(unexpected)}')
    if plan == 'kernel':
        return found
    if MARK in result['stdout'] + result['stderr']:
        found.append('the mark was shown')
    if plan in ('default', 'home'):
        found += [f'left in the temporary folder: {result["left"]}'] if result['left'] else []
        expected = REFUSED + ('' if case.list('flags') else NOT_CONNECTED.format(port=port))
        return found + ([] if result['probe'] == expected else [f'secrets and network said: {result["probe"]!r}'])
    if result['probe'] != 'cat: .env: Permission denied\n':
        found.append(f'cat .env said: {result["probe"]!r}')
    if MARK in (result['out'] / 'log').read_text(errors='replace'):
        found.append('the mark was logged')
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
    at_home = runner.run(case, 'native home', None) if 'home' in case.plans() else None
    times, wrong = [f'native {native["seconds"]:.2f}'], []
    for plan, flags in case.plans().items():
        if runner.only and plan not in runner.only:
            continue
        result = runner.run(case, plan, flags)
        if hides:
            hidden = tuple(path + '/' for path in case.list('hide'))
            result['tree'] = {path: line for path, line in result['tree'].items()
                              if not (path + '/').startswith(hidden)}
        times.append(f'{plan} {result["seconds"]:.2f}')
        found = differences(at_home if plan == 'home' else native, result, plan in ('default', 'home'))
        found += promises(case, plan, result, runner.port)
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
        runner.remove(runner.base)
    sys.exit(0 if all_well else 1)


if __name__ == '__main__':
    main()
