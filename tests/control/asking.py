#!/usr/bin/env python3
"""reeve run --on-deny=ask: questions to a socket and on a terminal, and those who would answer in another's place.

usage: asking.py REEVE root|ordinary
"""
import errno
import fcntl
import json
import os
import pathlib
import pty
import select
import signal
import socket
import struct
import sys
import termios
import threading
import time

from steps import PATIENCE, Place, become, run_all, wait_for
from running import READER, PYTHON

GRANTS = ['--use', 'base', '--read', '/usr', '--exec', '/usr', '--read', '/etc', '--read', '/proc', '--read', '/sys']
if PYTHON != '/usr/bin/python3':
    GRANTS += ['--read', '/', '--exec', '/']


class Peer:
    """Listens where reeve asks, and answers as it is told."""

    def __init__(self, place):
        self.path = place.top / 'ask.sock'
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(self.path))
        self.listener.listen(1)
        self.listener.settimeout(PATIENCE)
        self.peer = None
        self.buffer = b''

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.peer:
            self.peer.close()
        self.listener.close()

    def accept(self):
        self.peer = self.listener.accept()[0]
        self.peer.settimeout(PATIENCE)

    def hear(self):
        while b'\n' not in self.buffer:
            piece = self.peer.recv(65536)
            if not piece:
                return None
            self.buffer += piece
        line, _, self.buffer = self.buffer.partition(b'\n')
        return json.loads(line)

    def question(self):
        said = self.hear()
        while 'ask' not in said:
            said = self.hear()
        return said

    def answer(self, question, verdict, **more):
        self.peer.sendall(json.dumps({'answer': question['ask'], 'verdict': verdict, **more}).encode() + b'\n')


def begin(place, peer, *flags, program=READER):
    run = place.start(*GRANTS, *flags, '--on-deny=ask', '--ask-socket', peer.path, '--json', place.top / 'records', '--',
                      '/usr/bin/python3', '-IBS', '-c', program)
    peer.accept()
    assert run.stdout.readline() == 'ready\n', run.stderr.read()
    return run


def tell(run, path):
    run.stdin.write(f'{path}\n')
    run.stdin.flush()


def hears(run):
    return run.stdout.readline().strip()


def answers_count(reeve):
    with Place(reeve) as place, Peer(place) as peer:
        for name in ('one', 'two', 'three'):
            (place.work / name).write_text('x')
        run = begin(place, peer, '--deny', 'two')
        tell(run, 'one')
        question = peer.question()
        assert question['object'] == str(place.work / 'one') and question['access'] == ['read'], question
        assert question['program'] and question['call'] == 'openat' and question['rule'] is None
        assert question['allow_flag'].startswith('--read ') and question['seconds'] == 60
        peer.answer(question, 'deny')
        assert hears(run) == '13'
        tell(run, 'one')
        peer.answer(peer.question(), 'deny', errno='ENOENT')
        assert hears(run) == '2'
        tell(run, 'one')
        peer.answer(peer.question(), 'once')
        assert hears(run) == 'open'
        tell(run, 'one')  # once is once
        peer.answer(peer.question(), 'run')
        assert hears(run) == 'open'
        tell(run, 'one')
        assert hears(run) == 'open'
        tell(run, 'two')
        question = peer.question()
        assert question['rule']['text'] == 'two'
        peer.answer(question, 'run')
        assert hears(run) == 'open'
        tell(run, 'two')
        assert hears(run) == 'open'
        tell(run, 'three')
        peer.answer(peer.question(), 'perhaps')  # no clear yes is a no
        assert hears(run) == '13'
        run.stdin.close()
        assert run.wait(PATIENCE) == 0
        records = [json.loads(line) for line in (place.top / 'records').read_text().splitlines()]
        words = [r['answer'] for r in records if r.get('answer')]
        assert words == ['deny', 'deny', 'once', 'run', 'run', 'run', 'run', 'deny'], words


def a_run_allows_what_it_says(reeve):
    """An answer for the run is the rule that was shown: its tree, and not what another rule refuses in it."""
    with Place(reeve) as place, Peer(place) as peer:
        (place.work / 'tree').mkdir()
        for name in ('tree/a', 'tree/secret', 'treeish'):
            (place.work / name).write_text('x')
        run = begin(place, peer, '--deny', 'tree/secret', '--hide', 'tree/hidden')
        tell(run, 'tree')
        peer.answer(peer.question(), 'run')
        said = hears(run)
        assert said == '21', said
        tell(run, 'tree/a')
        assert hears(run) == 'open'
        tell(run, 'tree/secret')
        peer.answer(peer.question(), 'deny')
        assert hears(run) == '13'
        tell(run, 'treeish')
        peer.answer(peer.question(), 'deny')
        assert hears(run) == '13'
        (place.work / 'tree/hidden').write_text('x')
        tell(run, 'tree/hidden')  # what is hidden is not spoken of
        assert hears(run) == '2'


WRITER = r'''
import os, sys, threading
print("ready", flush=True)
sys.stdin.readline()
def write(name):
    with open(name, "w") as out:
        out.write(name)
threads = [threading.Thread(target=write, args=(f"new{n}",)) for n in range(8)]
for thread in threads:
    thread.start()
open("/etc/passwd").close()
for thread in threads:
    thread.join()
os.rename("new0", "moved")
print("done", flush=True)
'''


def several_at_once(reeve):
    with Place(reeve) as place, Peer(place) as peer:
        run = begin(place, peer, program=WRITER)
        tell(run, '')
        questions = [peer.question() for _ in range(8)]
        names = {os.path.basename(q['object']) for q in questions}
        assert names == {f'new{n}' for n in range(8)}, names
        for question in reversed(questions):
            peer.answer(question, 'once')
        question = peer.question()
        while question['operation'] == 'rename':  # each of its names
            peer.answer(question, 'once')
            question = None
            if select.select([peer.peer, run.stdout], [], [], PATIENCE)[0] == [peer.peer]:
                question = peer.question()
            if not question:
                break
        assert hears(run) == 'done', run.stderr.read()
        assert sorted(os.listdir(place.work)) == sorted(['moved', *(f'new{n}' for n in range(1, 8))])


SIGNALLED = r'''
import os, signal, sys, time
print("ready", flush=True)
signal.signal(signal.SIGUSR1, lambda *_: print("signal", flush=True))
for line in sys.stdin:
    try:
        open(line.strip()).close()
        print("open", flush=True)
    except OSError as error:
        print(error.errno, flush=True)
'''


def signals_are_felt(reeve):
    """The waiting call is interrupted; the question that comes again is the same one."""
    with Place(reeve) as place, Peer(place) as peer:
        (place.work / 'one').write_text('x')
        run = begin(place, peer, program=SIGNALLED)
        pid = int(json.loads(place.call('ps', '--json').stdout)['supervisions'][0]['pid']) if False else None
        tell(run, 'one')
        question = peer.question()
        pid = question['tid']
        os.kill(pid, signal.SIGUSR1)
        assert hears(run) == 'signal'
        peer.answer(question, 'once')
        assert hears(run) == 'open'
        tell(run, 'one')
        question = peer.question()
        os.kill(pid, signal.SIGKILL)
        assert run.wait(PATIENCE) == 128 + signal.SIGKILL


def time_runs_out(reeve):
    with Place(reeve) as place, Peer(place) as peer:
        (place.work / 'one').write_text('x')
        run = begin(place, peer, '--ask-timeout', '1')
        tell(run, 'one')
        question = peer.question()
        assert hears(run) == '13'
        assert peer.hear() == {'reeve': 1, 'withdrawn': question['ask'], 'why': 'timeout'}
        peer.answer(question, 'run')  # too late
        tell(run, 'one')
        peer.question()
        assert hears(run) == '13'


def a_bad_peer_means_no(reeve):
    for harm in ('close', 'nonsense', 'endless', 'list', 'wrong', 'deaf'):
        with Place(reeve) as place, Peer(place) as peer:
            (place.work / 'one').write_text('x')
            run = begin(place, peer, '--ask-timeout', '3')
            tell(run, 'one')
            question = peer.question()
            if harm == 'close':
                peer.peer.close()
            if harm == 'nonsense':
                peer.peer.sendall(b'yes\n')
            if harm == 'endless':
                try:
                    peer.peer.sendall(b'x' * 100000)
                except OSError:
                    pass
            if harm == 'list':
                peer.peer.sendall(b'[{"answer": 1, "verdict": "run"}]\n')
            if harm == 'wrong':
                peer.answer({'ask': question['ask'] + 7}, 'run')
                peer.answer({'ask': question['ask']}, ['run'])
            assert hears(run) == '13', harm
            tell(run, 'one')
            assert hears(run) == '13', harm
    with Place(reeve) as place:
        done = place.call('run', '--on-deny=ask', '--ask-socket', 'nothing', 'true')
        assert done.returncode == 125 and 'has to listen there first' in done.stderr, done
        for words, said in ((['--on-deny=never'], 'ask or deny'), (['--ask-timeout', '5'], 'goes with'),
                            (['--on-deny=ask', '--ask-timeout', '0'], '1 to 86400'),
                            (['--on-deny=ask', '--permissive'], 'nothing to ask')):
            done = place.call('run', *words, 'true')
            assert done.returncode == 125 and said in done.stderr, done


def rules_are_written(reeve):
    with Place(reeve) as place, Peer(place) as peer:
        for name in ('one', 'two'):
            (place.work / name).write_text('x')
        policy = place.work / 'policy.yaml'
        policy.write_text('# mine\nreeve: 1\nfiles:   # rules\n    - read: /usr\n    - exec: /usr\n')
        os.chmod(policy, 0o640)
        run = begin(place, peer, '-p', 'policy.yaml')
        tell(run, 'one')
        peer.answer(peer.question(), 'write')
        assert hears(run) == 'open'
        text = policy.read_text()
        assert text == f'# mine\nreeve: 1\nfiles:   # rules\n    - {{read: [{place.work}/one]}}\n    - read: /usr\n    - exec: /usr\n', text
        assert policy.stat().st_mode & 0o777 == 0o640
        run.stdin.close()
        assert run.wait(PATIENCE) == 0
        assert 'added to policy.yaml: files: [{read: [' in run.stderr.read()
        assert place.call('check', 'policy.yaml').returncode == 0
    with Place(reeve) as place, Peer(place) as peer:
        (place.work / 'one').write_text('x')
        run = begin(place, peer)
        tell(run, 'one')
        peer.answer(peer.question(), 'write')
        assert hears(run) == 'open'
        run.stdin.close()
        assert run.wait(PATIENCE) == 0
        assert 'to allow this in later runs add to a policy: files: [{read: [' in run.stderr.read()


class Terminal:
    """A session of its own on a pseudo-terminal."""

    def __init__(self, place, *words):
        self.pid, self.master = pty.fork()
        if self.pid == 0:
            os.chdir(place.work)
            os.execve(place.reeve, [place.reeve, 'run', *map(str, words)], place.environment)
        self.seen = ''

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self.master)

    def expect(self, text):
        end = time.monotonic() + PATIENCE
        while text not in self.seen:
            assert time.monotonic() < end, (text, self.seen)
            if select.select([self.master], [], [], 1)[0]:
                try:
                    self.seen += os.read(self.master, 65536).decode(errors='replace')
                except OSError:
                    raise AssertionError((text, self.seen)) from None
        self.seen = self.seen[self.seen.index(text) + len(text):]

    def type(self, text):
        os.write(self.master, text.encode())

    def end(self):
        status = os.waitpid(self.pid, 0)[1]
        self.pid = 0
        return os.waitstatus_to_exitcode(status)


ASK = '[d]eny? '


def asks_on_a_terminal(reeve):
    with Place(reeve) as place:
        (place.work / 'one').write_text('the text\n')
        with Terminal(place, '-q', *GRANTS, '--on-deny=ask', '--', 'sh', '-c',
                      'cat one; cat one; cat one; cat one; echo "code $?"; read line; echo "<$line>"') as terminal:
            terminal.expect('wants to open (read) ' + str(place.work / 'one'))
            terminal.expect('no rule allows it; the rule would be --read')
            terminal.expect(ASK)
            terminal.type('o\n')
            terminal.expect('the text')
            terminal.expect(ASK)
            terminal.type('what\n')
            terminal.expect(ASK)
            terminal.type('d\n')
            terminal.expect('Permission denied')
            terminal.expect(ASK)
            terminal.type('run\n')
            terminal.expect('the text')
            terminal.expect('the text')
            terminal.expect('code 0')
            terminal.type('for the program\n')
            terminal.expect('<for the program>')
            assert terminal.end() == 0


def programs_cannot_answer(reeve):
    """Neither what is typed before the question, nor what a terminal says to a program, nor TIOCSTI, nor standard
    input."""
    program = ('import fcntl, os, sys\n'
               'sys.stdout.write("start\\n"); sys.stdout.flush()\n'
               'sys.stdin.readline()\n'
               'for byte in b"o\\n":\n'
               '    try:\n        fcntl.ioctl(0, 0x5412, bytes([byte]))\n'
               '    except OSError as error:\n        print("no", error.errno, flush=True)\n'
               'try:\n    open(sys.argv[1]).close(); print("opened", flush=True)\n'
               'except OSError as error:\n    print("refused", error.errno, flush=True)\n')
    with Place(reeve) as place:
        (place.work / 'one').write_text('x')
        with Terminal(place, '-q', *GRANTS, '--on-deny=ask', '--', '/usr/bin/python3', '-IBS', '-c', program, 'one') as terminal:
            terminal.expect('start')
            terminal.type('go\no\no\n')  # ahead of the question
            terminal.expect('no 1')
            terminal.expect('no 1')
            terminal.expect(ASK)
            assert not select.select([terminal.master], [], [], 0.5)[0], terminal.expect('opened')
            terminal.type('\x1b[3;5Ro\n')  # as a terminal answers a request
            terminal.expect(ASK)
            terminal.type('d\n')
            terminal.expect('refused 13')
        run = place.start('-q', *GRANTS, '--on-deny=ask', '--', 'cat', 'one', start_new_session=True)
        out, errors = run.communicate('o\no\no\n', timeout=PATIENCE)
        assert out == '' and 'Permission denied' in errors, (out, errors)


def the_terminal_is_as_it_was(reeve):
    """A program that has it raw gets it back raw; a job of a shell is asked about, and goes on in the foreground."""
    program = ('import os, sys, termios, tty\n'
               'tty.setraw(0)\nbefore = termios.tcgetattr(0)\n'
               'open("one").close()\n'
               'print(termios.tcgetattr(0) == before, end="\\r\\n", flush=True)\n'
               'print(repr(os.read(0, 1)), end="\\r\\n", flush=True)\n')
    with Place(reeve) as place:
        (place.work / 'one').write_text('the text\n')
        with Terminal(place, '-q', *GRANTS, '--on-deny=ask', '--', '/usr/bin/python3', '-IBS', '-c', program) as terminal:
            terminal.expect(ASK)
            terminal.type('o\n')
            terminal.expect('True')
            terminal.type('q')
            terminal.expect("b'q'")
        with Terminal(place, '-q', *GRANTS, '--on-deny=ask', '--', 'bash', '--norc', '--noprofile', '-i') as terminal:
            terminal.expect('$ ' if os.geteuid() else '# ')
            terminal.type('cat one; echo "code $?"\n')
            terminal.expect(ASK)
            terminal.type('o\n')
            terminal.expect('the text')
            terminal.expect('code 0')
            # Of the background nobody is asked: the shell is being typed into.
            terminal.type('cat one & wait; echo "code $?"\n')
            terminal.expect('denied')
            terminal.type('exit\n')


if __name__ == '__main__':
    REEVE = str(pathlib.Path(sys.argv[1]).resolve())
    become(sys.argv[2])
    if not os.access(REEVE, os.X_OK):
        print('skipped: this user cannot reach', REEVE)
        sys.exit(77)
    TESTS = [answers_count, a_run_allows_what_it_says, several_at_once, signals_are_felt, time_runs_out,
             a_bad_peer_means_no, rules_are_written, asks_on_a_terminal, programs_cannot_answer,
             the_terminal_is_as_it_was]
    if len(sys.argv) > 3:
        TESTS = [test for test in TESTS if test.__name__ in sys.argv[3:]]
    run_all(TESTS, REEVE)
