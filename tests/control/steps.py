"""What the tests of running supervisions share."""
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import traceback

NOBODY = 65534
PATIENCE = float(os.environ.get("PATIENCE", "120"))  # seconds; only a failure waits this long


def become(user):
    """Drops to an ordinary user when that is asked for."""
    if user == 'root':
        if os.geteuid() != 0:
            print('skipped: not root')
            sys.exit(77)
        return
    if os.geteuid() == 0:
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)


def wait_for(what, condition):
    """Waits until condition() is true and returns it."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(0.01)
    raise AssertionError(f'waited in vain for {what}')


class Place:
    """A folder of its own with a runtime folder, and the reeve command in it."""

    def __init__(self, reeve):
        self.reeve = reeve
        self.top = pathlib.Path(tempfile.mkdtemp(prefix='reeve-control-')).resolve()
        self.runtime = self.top / 'runtime'
        self.work = self.top / 'work'
        self.runtime.mkdir(mode=0o700)
        self.work.mkdir()
        self.environment = dict(os.environ, XDG_RUNTIME_DIR=str(self.runtime), HOME=str(self.top / 'home'))
        self.runs = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for run in self.runs:
            if run.poll() is None:
                run.kill()
            run.wait()
            for stream in (run.stdin, run.stdout, run.stderr):
                if stream:
                    stream.close()
        shutil.rmtree(self.top, ignore_errors=True)

    @property
    def sockets(self):
        folder = self.runtime / 'reeve'
        return sorted(p.name for p in folder.iterdir()) if folder.exists() else []

    def call(self, *words, **more):
        """Runs a subcommand to its end."""
        return subprocess.run([self.reeve, *map(str, words)], capture_output=True, text=True, cwd=self.work,
                              env=self.environment, timeout=PATIENCE, check=False, **more)

    def start(self, *words, **more):
        """Starts reeve run with these words."""
        streams = {'stdin': subprocess.PIPE, 'stdout': subprocess.PIPE, 'stderr': subprocess.PIPE, **more}
        run = subprocess.Popen([self.reeve, 'run', *map(str, words)], text=True, cwd=self.work,
                               env=self.environment, **streams)
        self.runs.append(run)
        return run

    def listing(self, everywhere=False):
        """What reeve ps lists, of this place or also of others that this user has."""
        done = self.call('ps', '--json')
        assert done.returncode == 0, done
        names = self.sockets
        return [s for s in json.loads(done.stdout)['supervisions'] if everywhere or s['id'] in names]

    def id_of(self, run):
        """The ID of a run, once it can be reached."""
        def find():
            return [s['id'] for s in self.listing(True) if parent(s['supervisor']) == run.pid]
        return wait_for('the run to be listed', find)[0]

    def talk(self, name):
        """A connection to a socket of the runtime folder."""
        peer = socket.socket(socket.AF_UNIX)
        peer.settimeout(PATIENCE)
        peer.connect(str(self.runtime / 'reeve' / name))
        return peer


def parent(pid):
    try:
        text = pathlib.Path(f'/proc/{pid}/stat').read_text()
    except OSError:
        return None
    return int(text.rpartition(')')[2].split()[1])


def say(peer, **words):
    peer.sendall(json.dumps({'reeve': 1, **words}).encode() + b'\n')


def hear(peer):
    """One line from a peer, or None at its end."""
    line = b''
    while not line.endswith(b'\n'):
        piece = peer.recv(1)
        if not piece:
            return None
        line += piece
    return json.loads(line)


def run_all(tests, *arguments):
    failed = 0
    for test in tests:
        try:
            test(*arguments)
            print(f'ok      {test.__name__}', flush=True)
        except Exception as error:  # every test is tried
            failed += 1
            print(f'FAILED  {test.__name__}: {type(error).__name__}: {error}', flush=True)

            traceback.print_exc()
    sys.exit(1 if failed else 0)
