#!/usr/bin/env python3
"""Rules that ask: each access to what they cover is asked about, and nothing there is reached without an answer.

usage: asking_rules.py REEVE root|ordinary
"""
import contextlib
import json
import os
import pathlib
import select
import shutil
import signal
import socket
import sys
import threading

from steps import PATIENCE, Place, become, run_all
from asking import ASK, GRANTS, Peer, Terminal
from running import PYTHON

# A place that may be written, and what is beside it.
WORLD = [*GRANTS, '--write', 'free']

# Each line of input is a piece of Python; its value, or the number of its error, is answered.
SHELL = r'''
import ctypes, os, signal, socket, subprocess, sys, threading
libc = ctypes.CDLL(None, use_errno=True)
def call(number, *arguments):
    if libc.syscall(number, *arguments) < 0:
        raise OSError(ctypes.get_errno(), "call")
    return "done"
def text(path):
    with open(path) as file:
        return file.read()
def write(path, words="new"):
    with open(path, "w") as file:
        file.write(words)
def connect(family, address, kind=socket.SOCK_STREAM):
    with socket.socket(family, kind) as s:
        s.connect(address)
def send(address):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.sendto(b"x", address)
def bind(family, address):
    with socket.socket(family) as s:
        s.bind(address)
        s.listen()
print("ready", flush=True)
for line in sys.stdin:
    try:
        print(eval(line), flush=True)
    except OSError as error:
        print("E", error.errno, flush=True)
'''


class Asked:
    """A program under rules that ask, and who is asked."""

    def __init__(self, place, peer, *flags, program=SHELL, grants=WORLD):
        self.place, self.peer = place, peer
        self.run = place.start(*grants, *flags, '--ask-socket', peer.path, '--json', place.top / 'records', '--',
                               '/usr/bin/python3', '-IBS', '-c', program)
        peer.accept()
        assert self.run.stdout.readline() == 'ready\n', self.run.stderr.read()

    def say(self, line):
        self.run.stdin.write(line + '\n')
        self.run.stdin.flush()

    def hears(self):
        return self.run.stdout.readline().strip()

    def tries(self, line, *verdicts, object=None):
        """What a line ends in, where each question is answered in turn; and there are no others."""
        self.say(line)
        questions = []
        for verdict in verdicts:
            ready = select.select([self.peer.peer, self.run.stdout], [], [], PATIENCE)[0]
            assert self.peer.peer in ready, (line, 'no question', self.hears())
            question = self.peer.question()
            questions.append(question)
            assert question['verdict'] == 'ask' and question['rule']['verdict'] == 'ask', question
            self.peer.answer(question, verdict)
        answer = self.hears()
        assert not self.peer.buffer and not select.select([self.peer.peer], [], [], 0)[0], (line, self.peer.hear())
        if object:
            assert questions[0]['object'] == str(object), questions[0]
        return answer

    def refused(self, line, count=1, error=13):
        """Refused by a no, and not done."""
        before = snapshot(self.place.work)
        verdicts = ['once'] * (count - 1) + ['deny']
        answer = self.tries(line, *verdicts)
        assert answer == f'E {error}', (line, answer)
        assert snapshot(self.place.work) == before, line

    def ends(self):
        self.run.stdin.close()
        assert self.run.wait(PATIENCE) == 0, self.run.stderr.read()
        return [json.loads(line) for line in (self.place.top / 'records').read_text().splitlines()]


def snapshot(top):
    found = []
    for folder, _, files in os.walk(top):
        for name in files:
            path = os.path.join(folder, name)
            there = os.lstat(path)
            found.append((path, there.st_mode, there.st_size, there.st_nlink, there.st_ino))
    return sorted(found)


@contextlib.contextmanager
def world(reeve):
    with Place(reeve) as place, Peer(place) as peer:
        (place.work / 'free').mkdir()
        (place.work / 'asked').mkdir()
        (place.work / 'asked/folder').mkdir()
        for name in ('asked/a', 'asked/b', 'free/a'):
            (place.work / name).write_text(name)
        yield place, peer


def every_access_is_asked_about(reeve):
    with world(reeve) as (place, peer):
        asked = Asked(place, peer, '--ask', 'asked')
        assert asked.tries('text("asked/a")', 'once', object=place.work / 'asked/a') == 'asked/a'
        assert asked.tries('text("asked/a")', 'deny') == 'E 13'
        assert asked.tries('text("free/a")') == 'free/a'
        assert asked.tries('text("asked/a")', 'run') == 'asked/a'
        assert asked.tries('text("asked/a")') == 'asked/a'
        assert asked.tries('write("asked/a")', 'once') == 'None'
        assert asked.tries('text("asked/b")', 'perhaps') == 'E 13'
        asked.say('text("asked/b")')
        peer.answer(peer.question(), 'deny', errno='ENOENT')
        assert asked.hears() == 'E 2'
        records = [r for r in asked.ends() if r.get('answer')]
        assert [r['answer'] for r in records] == ['once', 'deny', 'run', 'run', 'once', 'deny', 'deny'], records
        for record in records:
            assert record['verdict'] == 'ask' and record['rule']['flag'] == '--ask asked', record
        assert [r['errno'] for r in records] == [None, 'EACCES', None, None, None, 'EACCES', 'ENOENT'], records


CHANGES = [
    'write("asked/new")', 'write("asked/a")', 'os.mkdir("asked/new")', 'os.symlink("x", "asked/new")',
    'os.mkfifo("asked/new")', 'os.unlink("asked/a")', 'os.rmdir("asked/folder")', 'os.truncate("asked/a", 1)',
    'os.rename("asked/a", "free/new")', 'os.link("asked/a", "free/new")', 'os.link("free/a", "asked/new")',
    'os.chmod("asked/a", 0o600)', 'os.utime("asked/a", (1, 1))', 'os.listdir("asked")',
    'os.open("asked", os.O_TMPFILE | os.O_RDWR)',
    'text(f"/proc/self/fd/{os.open(\'asked/a\', os.O_PATH)}")',
    'os.open("a", os.O_RDONLY, dir_fd=os.open("asked", os.O_PATH))',
    'os.open("free/../asked/a", os.O_RDONLY)', 'os.rename("asked/folder", "free/folder")',
    'os.execve(os.open("asked/program", os.O_PATH), ["program"], {})',
    'subprocess.run(["asked/program"])', 'bind(socket.AF_UNIX, "asked/socket")',
]


def nothing_goes_unasked(reeve):
    """Where nothing else is granted there, and where all of it is granted by another rule."""
    for wide in ([], ['--write', '.', '--exec', '.']):
        with world(reeve) as (place, peer):
            shutil.copy('/bin/true', place.work / 'asked/program')
            asked = Asked(place, peer, '--ask', 'asked', *wide)
            for change in CHANGES:
                asked.refused(change)
            asked.refused('os.rename("free/a", "asked/new")')
            asked.refused('os.rename("asked/a", "asked/new")', count=2)


def a_yes_does_it(reeve):
    with world(reeve) as (place, peer):
        shutil.copy('/bin/true', place.work / 'asked/program')
        (place.work / 'asked/script').write_text('#!/bin/sh\nexit 7\n')
        os.chmod(place.work / 'asked/script', 0o755)
        asked = Asked(place, peer, '--ask', 'asked')
        assert asked.tries('os.mkdir("asked/new")', 'once') == 'None'
        assert asked.tries('os.rename("asked/a", "free/out")', 'once') == 'None'
        assert asked.tries('os.rename("free/out", "asked/in")', 'once') == 'None'
        assert asked.tries('os.rename("asked/in", "asked/in2")', 'once', 'once') == 'None'
        assert asked.tries('os.unlink("asked/b")', 'once') == 'None'
        assert asked.tries('os.rmdir("asked/new")', 'once') == 'None'
        assert asked.tries('os.chmod("asked/in2", 0o600)', 'once') == 'None'
        assert asked.tries('subprocess.run(["asked/program"]).returncode', 'once') == '0'
        assert asked.tries('subprocess.run(["asked/script"]).returncode', 'once', 'once') == '7'
        # A second name outside would be a way in for ever, and no answer to one call says that.
        assert asked.tries('os.link("asked/in2", "free/way")', 'once') == 'E 18'
        assert (place.work / 'asked/in2').stat().st_mode & 0o777 == 0o600
        assert sorted(os.listdir(place.work / 'asked')) == ['folder', 'in2', 'program', 'script']


def interpreters_are_asked_about(reeve):
    """Of a script's interpreter the kernel knows first: its task waits before the first instruction."""
    with world(reeve) as (place, peer):
        shutil.copy(os.path.realpath('/bin/sh'), place.work / 'asked/sh')
        (place.work / 'free/script').write_text(f'#!{place.work}/asked/sh\nexit 7\n')
        os.chmod(place.work / 'free/script', 0o755)
        asked = Asked(place, peer, '--exec', 'free', '--ask', 'asked')
        assert asked.tries('subprocess.run(["free/script"]).returncode', 'once', object=place.work / 'asked/sh') == '7'
        assert asked.tries('subprocess.run(["free/script"]).returncode', 'deny') == '-9'
        asked.say('subprocess.Popen(["free/script"]).wait()')
        question = peer.question()
        os.kill(question['tid'], signal.SIGKILL)
        assert asked.hears() == '-9'
        words = [(r['answer'], r['verdict']) for r in asked.ends() if r.get('answer')]
        assert words[:2] == [('once', 'ask'), ('deny', 'kill')], words


def places_inside(reeve):
    """What is allowed strictly inside needs no question, what is denied there gets none."""
    with world(reeve) as (place, peer):
        for name in ('open', 'shut', 'veiled'):
            (place.work / 'asked' / name).write_text(name)
        (place.work / 'other').write_text('x')
        asked = Asked(place, peer, '--ask', 'asked', '--read', 'asked/open', '--deny', 'asked/shut', '--hide',
                      'asked/veiled')
        assert asked.tries('text("asked/open")') == 'open'
        assert asked.tries('write("asked/open")', 'deny') == 'E 13'
        assert asked.tries('text("asked/shut")') == 'E 13'
        assert asked.tries('text("asked/veiled")') == 'E 2'
        assert asked.tries('text("other")') == 'E 13'  # no rule speaks of it
        # A yes to the folder for the run is none to what a rule denies in it.
        assert asked.tries('len(os.listdir("asked")) > 3', 'run') == 'True'
        assert asked.tries('text("asked/a")') == 'asked/a'
        assert asked.tries('text("asked/shut")') == 'E 13'
    with world(reeve) as (place, peer):
        (place.work / 'free/.env').write_text('secret')
        asked = Asked(place, peer, '--ask', '**/.env')
        assert asked.tries('text("free/.env")', 'once') == 'secret'
        assert asked.tries('os.rename("free/.env", "free/env")', 'deny') == 'E 13'
        assert asked.tries('os.rename("free/a", "free/.env")', 'deny') == 'E 13'
        assert asked.tries('text("free/a")') == 'free/a'


def addresses(reeve):
    with world(reeve) as (place, peer):
        listener = socket.create_server(('127.0.0.1', 0))
        port = listener.getsockname()[1]
        unix = socket.socket(socket.AF_UNIX)
        unix.bind(str(place.work / 'asked/socket'))
        os.chmod(place.work / 'asked/socket', 0o777)
        unix.listen()
        asked = Asked(place, peer, '--ask', 'asked', '--ask-connect', f'127.0.0.1:{port}', '--ask-connect', 'unix:free/*',
                      '--ask-listen', 'tcp:*:1024-65535')
        line = f'connect(socket.AF_INET, ("127.0.0.1", {port}))'
        assert asked.tries(line, 'deny') == 'E 13'
        assert asked.tries(line, 'once', object=f'127.0.0.1:{port}') == 'None'
        assert asked.tries(line, 'run') == 'None'
        assert asked.tries(line) == 'None'
        assert asked.tries(f'connect(socket.AF_INET, ("127.0.0.1", {port ^ 1}))') == 'E 13'
        line = 'connect(socket.AF_UNIX, "asked/socket")'
        assert asked.tries(line, 'deny') == 'E 13'
        assert asked.tries(line, 'once', object=f'unix:{place.work}/asked/socket') == 'None'
        assert asked.tries('bind(socket.AF_UNIX, "asked/new")', 'deny') == 'E 13'
        assert asked.tries('bind(socket.AF_UNIX, "asked/new")', 'once') == 'None'
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        udp.bind(('127.0.0.1', port))
        udp.settimeout(PATIENCE)
        line = f'send(("127.0.0.1", {port}))'
        assert asked.tries(line, 'deny') == 'E 13'
        assert asked.tries(line, 'once', object=f'udp:127.0.0.1:{port}') == 'None'
        assert udp.recv(9) == b'x'
        udp.close()
        listener.close()
        line = f'bind(socket.AF_INET, ("127.0.0.1", {port}))'
        assert asked.tries(line, 'deny') == 'E 13'
        # A name may be a connection's: listening is asked about by itself.
        assert asked.tries(line, 'once', 'deny', object=f'127.0.0.1:{port}') == 'E 13'
        assert asked.tries(line, 'once', 'once') == 'None'
        assert asked.tries('bind(socket.AF_INET, ("127.0.0.1", 1023))') == 'E 13'
        unix.close()


def greeter(greeting):
    """A server on the loopback that greets whoever connects."""
    server = socket.create_server(('127.0.0.1', 0))

    def greet():
        while True:
            try:
                client, _ = server.accept()
            except OSError:
                return
            with client:
                client.sendall(greeting)
    threading.Thread(target=greet, daemon=True).start()
    return server, server.getsockname()[1]


def redirects(reeve):
    """It is asked about where a connection leads, and not about what was named."""
    with world(reeve) as (place, peer):
        server, port = greeter(b'x')
        free, open_port = greeter(b'y')
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        udp.bind(('127.0.0.1', port))
        udp.settimeout(PATIENCE)
        unix = socket.socket(socket.AF_UNIX)
        unix.bind(str(place.work / 'asked/socket'))
        os.chmod(place.work / 'asked/socket', 0o777)
        unix.listen()
        asked = Asked(place, peer, '--ask', 'asked', '--ask-connect', f'127.0.0.1:{port}', '--connect',
                      f'127.0.0.1:{open_port}', '--ask-connect', '192.0.2.0/24:*', '--redirect-connect',
                      f'192.0.2.1:80=127.0.0.1:{port}', '--redirect-connect', f'192.0.2.2:80=127.0.0.1:{open_port}',
                      '--redirect-connect', '192.0.2.3:80=192.0.2.1:80', '--redirect-connect',
                      f'unix:{place.work}/away=unix:{place.work}/asked/socket')
        to, line = f'127.0.0.1:{port}', 'connect(socket.AF_INET, ("192.0.2.1", 80))'
        assert asked.tries(line, 'deny', object=to) == 'E 13'
        assert asked.tries(line, 'once', object=to) == 'None'
        assert asked.tries('send(("192.0.2.1", 80))', 'deny', object=f'udp:{to}') == 'E 13'
        assert asked.tries('send(("192.0.2.1", 80))', 'once', object=f'udp:{to}') == 'None'
        assert udp.recv(9) == b'x'
        # Through two of them, and one question all the same.
        line = 'connect(socket.AF_INET, ("192.0.2.3", 80))'
        assert asked.tries(line, 'deny', object=to) == 'E 13'
        assert asked.tries(line, 'run', object=to) == 'None'
        # For the run: whatever was named.
        assert asked.tries('connect(socket.AF_INET, ("192.0.2.1", 80))') == 'None'
        assert asked.tries(f'connect(socket.AF_INET, ("127.0.0.1", {port}))') == 'None'
        # Where what it leads to is allowed nothing is asked; what is led nowhere is asked about by its own name.
        assert asked.tries('connect(socket.AF_INET, ("192.0.2.2", 80))') == 'None'
        assert asked.tries('connect(socket.AF_INET, ("192.0.2.2", 81))', 'deny', object='192.0.2.2:81') == 'E 13'
        line = 'connect(socket.AF_UNIX, "away")'
        assert asked.tries(line, 'deny', object=f'unix:{place.work}/asked/socket') == 'E 13'
        assert asked.tries(line, 'once', object=f'unix:{place.work}/asked/socket') == 'None'
        records = [r for r in asked.ends() if r.get('answer')]
        assert [(r.get('asked'), r['object'], r['answer'], r['errno']) for r in records] == [
            ('192.0.2.1:80', to, 'deny', 'EACCES'), ('192.0.2.1:80', to, 'once', None),
            ('udp:192.0.2.1:80', f'udp:{to}', 'deny', 'EACCES'), ('udp:192.0.2.1:80', f'udp:{to}', 'once', None),
            ('192.0.2.3:80', to, 'deny', 'EACCES'), ('192.0.2.3:80', to, 'run', None),
            ('192.0.2.1:80', to, 'run', None), (None, to, 'run', None),
            (None, '192.0.2.2:81', 'deny', 'EACCES'),
            ('unix:away', f'unix:{place.work}/asked/socket', 'deny', 'EACCES'),
            ('unix:away', f'unix:{place.work}/asked/socket', 'once', None)], records
        for there in (server, free, udp, unix):
            there.close()


def questions_name_both_ends(reeve):
    """For programs and on the terminal; the rule that is written is for where it leads."""
    with world(reeve) as (place, peer):
        server, port = greeter(b'x')
        policy, to = place.work / 'policy.yaml', f'127.0.0.1:{port}'
        policy.write_text('reeve: 1\nnetwork:\n  - ask-connect: "127.0.0.1:*"\n  - connect: {from: "192.0.2.1:80", to: '
                          f'"{to}"}}\n')
        asked, line = Asked(place, peer, '-p', 'policy.yaml'), 'connect(socket.AF_INET, ("192.0.2.1", 80))'
        asked.say(line)
        question = peer.question()
        assert question['object'] == to and question['asked'] == '192.0.2.1:80', question
        assert question['allow_flag'] == f'--connect {to}', question
        peer.answer(question, 'write')
        assert asked.hears() == 'None'
        assert asked.tries(line) == 'None'
        asked.ends()
        assert f'connect: ["{to}"]' in policy.read_text(), policy.read_text()
        done = place.call('explain', '-p', 'policy.yaml', 'connect:192.0.2.1:80', 'connect:127.0.0.1:1')
        assert f'leads to {to} ' in done.stdout and ': allow, by connect' in done.stdout, done
        assert 'connect:127.0.0.1:1: ask (EACCES)' in done.stdout, done
        program = 'import socket; print(socket.create_connection(("192.0.2.1", 80)).recv(9))'
        with Terminal(place, '-q', *GRANTS, '--ask-connect', to, '--redirect-connect', f'192.0.2.1:80={to}', '--',
                      '/usr/bin/python3', '-IBS', '-c', program) as terminal:
            terminal.expect(f'{to} in the place of 192.0.2.1:80')
            terminal.expect(ASK)
            terminal.type('o\n')
            terminal.expect("b'x'")
            assert terminal.end() == 0
        server.close()


# Each line of input connects to an address that a thread changes all the time.
LEADING_RACE = r'''
import ctypes, os, socket, struct, sys, threading
libc = ctypes.CDLL(None, use_errno=True)
words = [struct.pack("=HH4s8x", socket.AF_INET, socket.htons(80), socket.inet_aton(address))
         for address in ("192.0.2.1", "192.0.2.2")]
shared = ctypes.create_string_buffer(words[0], 16)
def swap():
    while True:
        for word in words:
            ctypes.memmove(shared, word, 16)
print("ready", flush=True)
sys.stdin.readline()
threading.Thread(target=swap, daemon=True).start()
for line in sys.stdin:
    with socket.socket() as there:
        if libc.connect(there.fileno(), shared, 16) < 0:
            print("E", ctypes.get_errno(), flush=True)
        else:
            print(there.recv(9).decode(), flush=True)
'''


def what_is_asked_about_is_what_is_connected_to(reeve):
    """A thread of the program changes what it named while the question is open: led elsewhere it is judged anew."""
    with world(reeve) as (place, peer):
        (one, first), (two, second) = greeter(b'one'), greeter(b'two')
        asked = Asked(place, peer, '--ask-connect', '127.0.0.1:*', '--redirect-connect', f'192.0.2.1:80=127.0.0.1:{first}',
                      '--redirect-connect', f'192.0.2.2:80=127.0.0.1:{second}', program=LEADING_RACE)
        asked.say('')
        seen = []
        for _ in range(60):
            asked.say('')
            while True:
                ready = select.select([peer.peer, asked.run.stdout], [], [], PATIENCE)[0]
                if peer.peer not in ready and not peer.buffer:
                    break
                question = peer.question()
                is_first = question['object'] == f'127.0.0.1:{first}'
                assert is_first or question['object'] == f'127.0.0.1:{second}', question
                assert question['asked'] == ('192.0.2.1:80' if is_first else '192.0.2.2:80'), question
                peer.answer(question, 'once' if is_first else 'deny')
            seen.append(asked.hears())
            assert seen[-1] in ('one', 'E 13'), seen
        assert 'one' in seen and 'E 13' in seen, seen
        one.close()
        two.close()


# Of x86_64 and of aarch64.
CALLS = {'x86_64': {'kill': 62, 'io_uring_setup': 425, 'reboot': 169, 'mount': 165},
         'aarch64': {'kill': 129, 'io_uring_setup': 425, 'reboot': 142, 'mount': 40}}


def system_calls(reeve):
    number = CALLS[os.uname().machine]
    with world(reeve) as (place, peer):
        asked = Asked(place, peer, '--ask-call', 'kill,io_uring_setup,reboot', '--ask-call', 'mount', '--deny', 'free/a')
        line = f'call({number["kill"]}, os.getpid(), 0)'
        assert asked.tries(line, 'deny') == 'E 1'
        assert asked.tries(line, 'once') == 'done'
        assert asked.tries(line, 'run') == 'done'
        assert asked.tries(line) == 'done'
        # What every plan refuses stays refused whatever the answer is; what is refused by default is opened by it.
        assert asked.tries(f'call({number["io_uring_setup"]}, 1, 0)', 'once') == 'E 38'
        assert asked.tries(f'call({number["mount"]}, 0, 0, 0, 0, 0)', 'once') == 'E 1'
        assert asked.tries(f'call({number["reboot"]}, 1, 2, 3, 0)', 'deny') == 'E 1'
        assert asked.tries(f'call({number["reboot"]}, 1, 2, 3, 0)', 'once') in ('E 22', 'E 1')  # whoever may
        words = [(r['call'], r['answer'], r['verdict']) for r in asked.ends() if r.get('answer')]
        assert words[-2:] == [('reboot', 'deny', 'ask'), ('reboot', 'once', 'ask')], words
        assert words[:4] == [('kill', 'deny', 'ask'), ('kill', 'once', 'ask'), ('kill', 'run', 'ask'),
                             ('kill', 'run', 'ask')], words


def refusals_that_are_lifted_leave_the_rest(reeve):
    """Not only rules that ask: what --on-deny=ask and --permissive lift opens nothing that every plan refuses."""
    number = CALLS[os.uname().machine]['io_uring_setup']
    line = f'call({number}, 1, 0)'
    with world(reeve) as (place, peer):
        asked = Asked(place, peer, '--on-deny=ask', '--deny-call', 'io_uring_setup')
        asked.say(line)
        peer.answer(peer.question(), 'once')
        assert asked.hears() == 'E 38'
    with Place(reeve) as place:
        run = place.start('--permissive', '-q', '--deny-call', 'io_uring_setup', '--', '/usr/bin/python3', '-IBS', '-c',
                          SHELL)
        out, _ = run.communicate(line + '\n', timeout=PATIENCE)
        assert out == 'ready\nE 38\n', out


RACE = r'''
import os, sys, threading
print("ready", flush=True)
def swap():
    while True:
        for target in ("asked/a", "asked/b"):
            os.symlink(os.path.abspath(target), "free/next")
            os.rename("free/next", "free/link")
sys.stdin.readline()
os.symlink(os.path.abspath("asked/a"), "free/link")
threading.Thread(target=swap, daemon=True).start()
for line in sys.stdin:
    try:
        with open("free/link") as file:
            print(file.read(), flush=True)
    except OSError as error:
        print("E", error.errno, flush=True)
'''


def what_is_asked_about_is_what_is_opened(reeve):
    """A thread of the program changes where the path leads while the question is open."""
    with world(reeve) as (place, peer):
        asked = Asked(place, peer, '--ask', 'asked', program=RACE)
        asked.say('')
        opened = 0
        for _ in range(60):
            asked.say('')
            allowed = set()
            while True:
                ready = select.select([peer.peer, asked.run.stdout], [], [], PATIENCE)[0]
                if peer.peer not in ready and not peer.buffer:
                    break
                question = peer.question()
                is_a = question['object'] == str(place.work / 'asked/a')
                assert is_a or question['object'] == str(place.work / 'asked/b'), question
                if is_a:
                    allowed.add('asked/a')
                peer.answer(question, 'once' if is_a else 'deny')
            said = asked.hears()
            assert said != 'asked/b', 'what was refused was opened'
            assert said in ('E 13', 'E 2') or said in allowed, said
            opened += said == 'asked/a'
        assert opened, 'never opened'


SIGNALLED = r'''
import os, signal, sys
signal.signal(signal.SIGUSR1, lambda *_: print("signal", flush=True))
print("ready", flush=True)
for line in sys.stdin:
    try:
        os.close(os.open(line.strip(), os.O_RDWR | os.O_CREAT))
        print("open", flush=True)
    except OSError as error:
        print("E", error.errno, flush=True)
'''


def signals_are_felt(reeve):
    with world(reeve) as (place, peer):
        asked = Asked(place, peer, '--ask', 'asked', program=SIGNALLED)
        asked.say('asked/new')
        question = peer.question()
        assert not (place.work / 'asked/new').exists()
        os.kill(question['tid'], signal.SIGUSR1)
        assert asked.hears() == 'signal'
        peer.answer(question, 'once')
        assert asked.hears() == 'open' and (place.work / 'asked/new').exists()
        asked.say('asked/a')
        os.kill(peer.question()['tid'], signal.SIGKILL)
        assert asked.run.wait(PATIENCE) == 128 + signal.SIGKILL


def silence_is_a_no(reeve):
    with world(reeve) as (place, peer):
        asked = Asked(place, peer, '--ask', 'asked', '--ask-timeout', '1')
        asked.say('text("asked/a")')
        question = peer.question()
        assert question['seconds'] == 1 and asked.hears() == 'E 13'
        assert peer.hear() == {'reeve': 1, 'withdrawn': question['ask'], 'why': 'timeout'}
        peer.peer.close()
        asked.say('text("asked/a")')
        assert asked.hears() == 'E 13'
        assert [r['answer'] for r in asked.ends() if r.get('answer')] == ['timeout', 'nobody']


def without_anybody_it_is_a_no(reeve):
    with Place(reeve) as place:
        (place.work / 'asked').write_text('x')
        run = place.start(*GRANTS, '--ask', 'asked', '--json', place.top / 'records', '--', 'cat', 'asked',
                          start_new_session=True)
        out, errors = run.communicate(timeout=PATIENCE)
        assert out == '' and run.returncode == 1, (out, errors)
        assert 'nobody could be asked' in errors and '--ask asked' in errors, errors
        [record] = [r for r in map(json.loads, (place.top / 'records').read_text().splitlines()) if r.get('answer')]
        assert record['answer'] == 'nobody' and record['verdict'] == 'ask' and record['errno'] == 'EACCES', record


def asks_on_a_terminal(reeve):
    with Place(reeve) as place:
        (place.work / 'one').write_text('the text\n')
        with Terminal(place, '-q', *GRANTS, '--ask', 'one', '--', 'sh', '-c', 'cat one; cat one; cat two') as terminal:
            terminal.expect('wants to open (read) ' + str(place.work / 'one'))
            terminal.expect('ask one: asked about each time')
            terminal.expect(ASK)
            terminal.type('o\n')
            terminal.expect('the text')
            terminal.expect(ASK)
            terminal.type('d\n')
            terminal.expect('Permission denied')
            terminal.expect('No such file')
            assert terminal.end() == 1


def permissive_lifts_it(reeve):
    with Place(reeve) as place:
        (place.work / 'asked').mkdir()
        (place.work / 'asked/a').write_text('x')
        done = place.call('run', '--permissive', '--ask', 'asked', '--', 'cat', 'asked/a', start_new_session=True)
        assert done.stdout == 'x' and done.returncode == 0 and '--ask asked' in done.stderr, done
        assert '--read' in done.stderr and 'asked   ' not in done.stderr, done
        done = place.call('run', '--permissive', '--ask', 'asked', '--ask-timeout', '3', '--', 'true')
        assert done.returncode == 125 and 'refuses nothing' in done.stderr, done


def flags_need_something_to_ask(reeve):
    with Place(reeve) as place:
        for words, said in ((['--ask-timeout', '5'], 'goes with'), (['--ask', 'x', '--ask-timeout', '0'], '1 to 86400'),
                            (['--ask-call', 'close'], 'nobody can be asked'), (['--ask-call', '@file-system'], 'getcwd')):
            done = place.call('run', *words, 'true')
            assert done.returncode == 125 and (said in done.stderr or said == 'getcwd' and '@file-system' in done.stderr), done


def rules_are_written(reeve):
    with world(reeve) as (place, peer):
        policy = place.work / 'policy.yaml'
        policy.write_text('reeve: 1\nfiles:\n  - read: [/usr, /lib]\n  - exec: /usr\n  - ask: asked\n')
        asked = Asked(place, peer, '-p', 'policy.yaml')
        assert asked.tries('text("asked/a")', 'write') == 'asked/a'
        assert asked.tries('text("asked/a")') == 'asked/a'
        asked.ends()
        assert f'{{read: [{place.work}/asked/a]}}' in policy.read_text()
        done = place.call('explain', '-p', 'policy.yaml', 'open:asked/a:r', 'open:asked/b:r', 'open:asked/a:w')
        assert [line.split(', by')[0].split(': ')[1] for line in done.stdout.splitlines()] == [
            'allow', 'ask (EACCES)', 'ask (EACCES)'], done


def rules_change(reeve):
    with world(reeve) as (place, peer):
        asked = Asked(place, peer, '--ask', 'asked')
        name = place.id_of(asked.run)
        assert asked.tries('text("asked/a")', 'once') == 'asked/a'
        same = [*WORLD, '--ask', 'asked']
        done = place.call('reload', *same, '--read', 'asked/a', name)
        assert done.returncode == 0, done
        assert asked.tries('text("asked/a")') == 'asked/a'
        assert asked.tries('text("asked/b")', 'deny') == 'E 13'
        done = place.call('reload', *WORLD, '--write', 'asked', '--ask', 'asked/b', name)
        assert done.returncode == 0, done
        assert asked.tries('text("asked/a")') == 'asked/a'
        assert asked.tries('text("asked/b")', 'once') == 'asked/b'
    with Place(reeve) as place:
        (place.work / 'secret').write_text('x')
        run = place.start('--read', '/', '--exec', '/', '--deny', '**/*.x', '--write', '.', '--', PYTHON, '-c',
                          'print("ready", flush=True); input()')
        assert run.stdout.readline() == 'ready\n', run.stderr.read()
        name = place.id_of(run)
        done = place.call('reload', '--read', '/', '--exec', '/', '--deny', '**/*.x', '--write', '.', '--ask', 'secret', name)
        assert done.returncode == 1 and 'this run asks nobody' in done.stdout + done.stderr, done


if __name__ == '__main__':
    REEVE = str(pathlib.Path(sys.argv[1]).resolve())
    become(sys.argv[2])
    if not os.access(REEVE, os.X_OK):
        print('skipped: this user cannot reach', REEVE)
        sys.exit(77)
    TESTS = [every_access_is_asked_about, nothing_goes_unasked, a_yes_does_it, interpreters_are_asked_about,
             places_inside, addresses, redirects, questions_name_both_ends,
             what_is_asked_about_is_what_is_connected_to, system_calls, refusals_that_are_lifted_leave_the_rest,
             what_is_asked_about_is_what_is_opened, signals_are_felt, silence_is_a_no, without_anybody_it_is_a_no,
             asks_on_a_terminal, permissive_lifts_it, flags_need_something_to_ask, rules_are_written, rules_change]
    if len(sys.argv) > 3:
        TESTS = [test for test in TESTS if test.__name__ in sys.argv[3:]]
    run_all(TESTS, REEVE)
