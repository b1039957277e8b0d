#!/usr/bin/env python3
"""Runs one attack under the policy that it attacks: run.py REEVE ATTACK DENIED ALLOWED NAME USER EXPECT [MILLISECONDS]

USER is self, or ordinary: uid 65534, where the one who runs the tests is root. EXPECT is hold, or fall: the command
was built without its guards, and the attack has to succeed. Besides what the attack saw, nothing of the denied and
read-only files may have changed.

An attack that was not on both sides of its race in its time has shown nothing, and neither has one that should have
succeeded: it begins anew with four times as long, up to a minute. A success counts whenever it comes."""
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import threading

import servers

ORDINARY = 65534
PATIENCE = 60  # seconds: for so long an attack is tried where a crowded machine lets it see too little
HELD, LEAKED, NOTHING_SEEN, SKIPPED = 0, 1, 3, 77
MARKER = 'KEEP-AWAY:'
LONG = 'procfs-mounted-under-a-name-that-is-as-long-as-can-be-and-longer-than-that'
DENIED = ['secret', 'vault/key', 'deep/a/b/key', 'closed/key', '.env', 'sub/.env', 'g1/priv/key', 'x/y/safe/pin']
DENY = ['work/secret', 'work/vault/key', 'work/deep/a/b/key', 'work/closed', '**/.env', 'work/g*/priv/key',
        '**/safe/pin', 'work/denied-program']
HIDE = ['work/ghost', 'work/phantom']


def skip(why):
    print('SKIP:', why)
    sys.exit(77)


class Place:
    """A scratch folder with what is granted, denied, and to be kept."""

    def __init__(self, user):
        self.root = os.path.realpath(tempfile.mkdtemp(prefix='reeve-race-'))
        os.chmod(self.root, 0o755)
        self.work = os.path.join(self.root, 'work')
        self.user = user
        self.marker = MARKER + secrets.token_hex(16) + '\n'
        self.kept = []
        self.mounts = []

    def file(self, name, text, keep=False, mode=0o644):
        path = os.path.join(self.root, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, 'w') as file:
            file.write(text)
        os.chmod(path, mode)
        if keep:
            self.kept.append(path)

    def program(self, source, name, keep=False):
        path = os.path.join(self.root, name)
        shutil.copy(source, path)
        os.chmod(path, 0o755)
        if keep:
            self.kept.append(path)

    def fill(self, reeve, attack, denied, allowed):
        os.mkdir(self.work)
        for name in DENIED:
            self.file('work/' + name, self.marker, keep=True)
        self.file('work/closed/inner/x', self.marker, keep=True)
        self.file('work/ghost/key', self.marker, keep=True)
        self.file('work/ghost/inner/x', self.marker, keep=True)
        self.file('work/phantom', self.marker, keep=True)
        self.file('work/public', 'harmless\n')
        os.symlink('deep', self.work + '/way')
        self.file('readonly/file', 'to be read\n', keep=True)
        self.file('readonly/mine', 'to be read\n')
        self.file('outside/key', self.marker, keep=True)
        self.file('outside/inner/key', self.marker, keep=True)
        for name in ['work-of-root', 'run']:
            os.mkdir(os.path.join(self.root, name))
        self.program(reeve, 'reeve')
        self.program(attack, 'attack')
        self.program(denied, 'work/denied-program', keep=True)
        self.program(allowed, 'work/allowed-program')

    def give_away(self):
        """Everything to the ordinary user; or, for root, some files that differ in who may read them."""
        if self.user == 'ordinary':
            for folder, folders, files in os.walk(self.root):
                for name in [folder] + [os.path.join(folder, f) for f in files]:
                    os.chown(name, ORDINARY, ORDINARY)
        elif os.getuid() == 0:
            os.chmod(self.work, 0o777)
            for name, owner, group, mode in [('rootonly', 0, 0, 0o600), ('theirs', ORDINARY, ORDINARY, 0o600),
                                             ('grouponly', 1, 0, 0o040), ('group4242', 1, 4242, 0o040)]:
                self.file('work/' + name, 'harmless\n', mode=mode)
                os.chown(os.path.join(self.work, name), owner, group)

    def mount_proc(self):
        if os.getuid() != 0:
            return
        for name in ['p', LONG]:
            path = os.path.join(self.root, name)
            os.mkdir(path)
            if subprocess.run(['mount', '-t', 'proc', 'proc', path], stderr=subprocess.DEVNULL).returncode == 0:
                self.mounts.append(path)

    def state(self):
        result = {}
        for path in self.kept:
            s = os.lstat(path)
            with open(path, 'rb') as file:
                content = file.read()
            result[path] = (content, s.st_mode, s.st_uid, s.st_gid, s.st_nlink, s.st_ino, s.st_mtime_ns,
                            tuple(os.listxattr(path)))
        return result

    def done(self):
        for path in self.mounts:
            subprocess.run(['umount', path])
        shutil.rmtree(self.root, ignore_errors=True)


def become_ordinary():
    os.setgroups([])
    os.setresgid(ORDINARY, ORDINARY, ORDINARY)
    os.setresuid(ORDINARY, ORDINARY, ORDINARY)


def at(place, *names):
    return [os.path.join(place.root, name) for name in names]


def flags(name, paths):
    return [word for path in paths if os.path.exists(path) or '*' in path for word in (name, path)]


SYSTEM = ['/usr', '/bin', '/lib', '/lib64', '/etc', '/dev']


def policy(place, name):
    if name == 'hide':
        # Hiding makes other calls notify, and O_PATH refused: a policy of its own.
        return ['--read', '/', '--exec', '/', '--write', place.work] + flags('--hide', at(place, *HIDE))
    if name == 'text-busy':
        # No rule cuts what may be executed: the exec itself does not wait for the supervisor.
        return ['--read', '/', '--write', place.work] + flags('--write', at(place, 'run')) + \
            flags('--exec', SYSTEM[:4] + at(place, 'run', 'attack')) + flags('--deny', at(place, 'work/secret'))
    if name.startswith('outside'):
        # The secret is simply not granted; "-kernel": no call notifies at all.
        return flags('--read', SYSTEM) + flags('--exec', SYSTEM[:4] + at(place, 'attack')) + \
            ['--write', place.work] + ([] if name.endswith('kernel') else ['--deny', '**/.env'])
    if name.startswith('arrivals'):
        # What the rules of paths name is not there, or behind a link; and one is an exception of another.
        return policy(place, 'ancestors') + ['--read', '**/open/.env'] + \
            [w for path in at(place, 'work/later/on/key', 'work/way/a/other') for w in ('--deny', path)]
    deny = [rule if rule.startswith('**') else os.path.join(place.root, rule) for rule in DENY]
    return ['--read', '/', '--exec', '/', '--write', place.work] + [w for rule in deny for w in ('--deny', rule)]


def command(place, name, milliseconds, network):
    flags_of_network = network.flags(name) if network else []
    return at(place, 'reeve') + ['run'] + policy(place, name) + flags_of_network + ['--'] + at(place, 'attack') + [name, str(milliseconds)]


def listing(place):
    """The names in folders where nothing may be made."""
    return [sorted(os.listdir(path)) for path in at(place, 'work/vault', 'work/closed', 'readonly', 'outside')]


def compare(before, after, faults):
    names = ['content', 'mode', 'owner', 'group', 'links', 'inode', 'time', 'attributes']
    for path, old in before.items():
        for what, one, other in zip(names, old, after.get(path, [None] * 8)):
            if one != other:
                faults.append(f'{path}: its {what} changed from {one!r} to {other!r}')


def read_all_the_time(place, over):
    """What others do meanwhile with the denied files."""
    while not over.wait(0.01):
        for name in DENIED:
            try:
                with open(os.path.join(place.work, name)) as file:
                    file.read()
            except OSError:
                pass  # moved away: told when the kept files are compared


def attack(place, line, network):
    over = threading.Event()
    reader = threading.Thread(target=read_all_the_time, args=(place, over))
    reader.start()
    try:
        return subprocess.run(line, cwd=place.work, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              errors='replace', stdin=subprocess.DEVNULL, timeout=PATIENCE + 60,
                              env=network.environment() if network else None,
                              preexec_fn=become_ordinary if place.user == 'ordinary' else None)
    finally:
        over.set()
        reader.join()


def attempt(programs, name, user, milliseconds):
    """One attack in a place of its own; returns its exit code and what went wrong."""
    place = Place(user)
    faults = []
    network = None
    try:
        place.fill(*programs)
        place.give_away()
        if name == 'proc':
            place.mount_proc()
        network = servers.Servers(place) if name.startswith('net-') else None
        if name == 'net-links':
            network.swap(os.path.join(place.work, 'net-link'), ['good.stream', 'closed/bad.stream'])
        if name in ('net-folders', 'net-bind'):
            network.swap(os.path.join(place.work, 'net-turn'), ['net-room', 'closed'])
        names = listing(place) if network else None
        before = place.state()
        result = attack(place, command(place, name, milliseconds, network), network)
        if network and listing(place) != names:
            faults.append(f'names were made where none may be: {listing(place)}')
        print(result.stdout, end='')
        try:
            compare(before, place.state(), faults)
        except OSError as error:
            faults.append(f'a kept file is gone: {error}')
    finally:
        faults += network.done() if network else []
        place.done()
    if place.marker.strip() in result.stdout + result.stderr:
        faults.append('the secret itself was printed')
    if result.returncode == LEAKED:
        faults.append('the attack succeeded')
    elif result.returncode not in (HELD, SKIPPED):
        print(result.stderr[-2000:])
    return result.returncode, faults


def main():
    *programs, name, user, expected = sys.argv[1:8]
    milliseconds = int(sys.argv[8]) if len(sys.argv) > 8 else 2000
    if user == 'ordinary' and os.getuid() != 0:
        skip('whoever runs the tests is an ordinary user already')
    inconclusive = (NOTHING_SEEN, HELD) if expected == 'fall' else (NOTHING_SEEN,)
    code, faults = attempt(programs, name, user, milliseconds)
    while not faults and code in inconclusive and 0 < milliseconds < PATIENCE * 1000:
        milliseconds = min(4 * milliseconds, PATIENCE * 1000)
        print(f'nothing shown: {milliseconds / 1000} seconds', flush=True)
        code, faults = attempt(programs, name, user, milliseconds)
    if code == SKIPPED:
        sys.exit(SKIPPED)
    if expected == 'fall':
        print('without guards:', faults or f'held (exit code {code})')
        sys.exit(0 if faults else 1)
    for fault in faults:
        print('FAULT:', fault)
    sys.exit(1 if faults or code != HELD else 0)


if __name__ == '__main__':
    main()
