#!/usr/bin/env python3
"""reeve ps, log, stop and reload, and who may not speak to a running supervision.

usage: running.py REEVE root|ordinary
"""
import json
import os
import pathlib
import re
import signal
import socket
import stat
import subprocess
import sys
import threading

from steps import PATIENCE, Place, become, hear, parent, run_all, say, wait_for

PYTHON = "/usr/bin/python3" if os.access("/usr/bin/python3", os.X_OK) else sys.executable
GRANTS = ['--read', '/', '--exec', '/']
# Says "ready", then answers each path with what an open of it gives.
READER = r'''
import sys
print("ready", flush=True)
for line in sys.stdin:
    try:
        open(line.rstrip("\n")).close()
        print("open", flush=True)
    except OSError as error:
        print(error.errno, flush=True)
'''


def reader(place, *flags):
    run = place.start(*flags, '--', PYTHON, '-c', READER)
    assert run.stdout.readline() == 'ready\n', run.stderr.read()
    return run


def ask(run, path):
    run.stdin.write(f'{path}\n')
    run.stdin.flush()
    return run.stdout.readline().strip()


def lists(reeve):
    with Place(reeve) as place:
        (place.work / 'secret').write_text('x')
        run = reader(place, *GRANTS, '--deny', 'secret')
        name = place.id_of(run)
        assert ask(run, 'secret') == '13'
        [one] = place.listing()
        assert one['id'] == name and one['state'] == 'running' and one['supervised']
        assert one['refused'] == 1 and one['notifications'] > 0, one
        assert one['command'][:2] == [PYTHON, '-c'] and '--deny secret' in one['policy']
        assert parent(one['pid']) == one['supervisor']
        assert re.fullmatch(r'[a-z0-9]{4}', name)
        text = place.call('ps').stdout.splitlines()
        assert text[0].startswith('ID ') and any(line.startswith(name + ' ') for line in text[1:]), text
        folder = place.runtime / 'reeve'
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        run.stdin.close()
        assert run.wait(PATIENCE) == 0
        assert place.sockets == []


def nobody_reads_what_it_says(reeve):
    """Whose standard error is a pipe that is full is changed and ended all the same."""
    with Place(reeve) as place:
        (place.work / 'secret').write_text('x')
        outside, inside = os.pipe()
        os.set_blocking(inside, False)
        try:
            while True:
                os.write(inside, b'x' * 4096)
        except BlockingIOError:
            pass
        os.set_blocking(inside, True)
        run = place.start(*GRANTS, '--deny', 'secret', '--', PYTHON, '-c', READER, stderr=inside)
        os.close(inside)
        try:
            assert run.stdout.readline() == 'ready\n'
            name = place.id_of(run)
            done = place.call('reload', *GRANTS, '--deny', 'other', name)
            assert done.returncode == 0, done
            assert ask(run, 'secret') == 'open'
            assert place.call('reload', name).returncode == 0
            [one] = place.listing()
            peer = place.talk(name)
            say(peer, do='stop', seconds=0)
            assert hear(peer)['ok']
            wait_for('the command to end', lambda: parent(one['pid']) is None)
            peer.close()
        finally:
            os.close(outside)
        # What it could not say, nobody wants to hear now.
        assert run.wait(PATIENCE) in (128 + signal.SIGTERM, 128 + signal.SIGKILL), run.returncode


def lists_what_is_left(reeve):
    with Place(reeve) as place:
        run = place.start(*GRANTS, '--', 'sh', '-c', 'read line; (read line; sleep 1000) <&0 >/dev/null 2>&1 &')
        name = place.id_of(run)
        run.stdin.write('\n')
        run.stdin.flush()
        assert run.wait(PATIENCE) == 0
        [one] = place.listing()
        assert one['id'] == name and one['state'] == 'left'
        assert 'what it left' in place.call('ps').stdout
        assert place.call('stop', name).returncode == 0
        assert place.sockets == []


def lasts_only(reeve):
    """A command that ends at once leaves no trace; one whose runtime folder is missing runs as well."""
    with Place(reeve) as place:
        assert place.call('run', *GRANTS, '--', 'true').returncode == 0
        assert place.sockets == []
        place.environment['XDG_RUNTIME_DIR'] = str(place.top / 'nothing' / 'there')
        run = reader(place, *GRANTS)
        assert ask(run, '/etc/passwd') == 'open'


def forgets_the_dead(reeve):
    with Place(reeve) as place:
        run = reader(place, *GRANTS)
        name = place.id_of(run)
        os.kill(place.listing()[0]['supervisor'], signal.SIGKILL)
        assert run.wait(PATIENCE) == 125
        assert place.sockets == [name]
        assert place.listing() == []
        assert place.sockets == []


def takes_no_foreign_folder(reeve):
    """A link in the place of the folder is not followed; one that was opened to others is closed again."""
    with Place(reeve) as place:
        elsewhere = place.top / 'elsewhere'
        elsewhere.mkdir(mode=0o700)
        (place.runtime / 'reeve').symlink_to(elsewhere)
        run = reader(place, *GRANTS)
        place.id_of(run)  # in another folder
        assert ask(run, '/etc/passwd') == 'open'
        assert list(elsewhere.iterdir()) == []
    with Place(reeve) as place:
        (place.runtime / 'reeve').mkdir(mode=0o777)
        os.chmod(place.runtime / 'reeve', 0o777)
        place.id_of(reader(place, *GRANTS))
        assert stat.S_IMODE((place.runtime / 'reeve').stat().st_mode) == 0o700


def logs(reeve):
    with Place(reeve) as place:
        for name in ('secret', 'other', 'free'):
            (place.work / name).write_text('x')
        run = reader(place, *GRANTS, '--deny', 'secret', '--deny', 'other')
        name = place.id_of(run)
        assert ask(run, 'secret') == '13'
        text = place.call('log', name).stdout
        assert re.search(r'deny +\S+\[\d+\] openat\(\S*/secret, read\) -> EACCES', text), text
        assert 'rule    deny secret at --deny secret' in text
        # A part is enough where no other run has it: somebody else's tests may run, too.
        part = name[:3] if sum(one['id'].startswith(name[:3]) for one in place.listing(True)) == 1 else name
        with subprocess.Popen([reeve, 'log', '-f', '--all', '--json', part], text=True,
                              stdout=subprocess.PIPE, env=place.environment) as follower:
            first = json.loads(follower.stdout.readline())
            assert first['verdict'] == 'deny' and first['object'].endswith('/secret')
            wait_for('the follower to be counted', lambda: ask(run, 'free') and ask(run, 'other'))
            seen = []
            while not any(r.endswith('/other') for r in seen):
                seen.append(json.loads(follower.stdout.readline()).get('object') or '')
            # Allowed calls are told from the moment on that somebody asks for them.
            ask(run, 'free')
            record = json.loads(follower.stdout.readline())
            while not (record.get('object') or '').endswith('/free'):
                record = json.loads(follower.stdout.readline())
            assert record['verdict'] == 'allow'
            run.stdin.close()
            assert run.wait(PATIENCE) == 0
            follower.stdout.read()
            assert follower.wait() == 0


def a_slow_follower_holds_nobody_up(reeve):
    with Place(reeve) as place:
        (place.work / 'secret').write_text('x')
        run = reader(place, *GRANTS, '--deny', 'secret')
        peer = place.talk(place.id_of(run))
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        say(peer, do='records', follow=True)
        assert hear(peer)['ok']
        for _ in range(3000):
            assert ask(run, 'secret') == '13'
        count = lost = 0
        while count + lost < 3000:
            line = hear(peer)
            lost += line.get('lost', 0)
            count += 'lost' not in line
        assert count + lost == 3000, (count, lost)


def stops(reeve):
    with Place(reeve) as place:
        polite = place.start(*GRANTS, '--', 'sh', '-c', 'trap "exit 7" TERM; echo up; while :; do sleep 0.05; done')
        assert polite.stdout.readline() == 'up\n'
        assert place.call('stop', place.id_of(polite)).returncode == 0
        assert polite.wait(PATIENCE) == 7
        deaf = place.start(*GRANTS, '--', 'sh', '-c',
                           'trap "" TERM; setsid sh -c "trap \\"\\" TERM; echo up; while :; do sleep 0.05; done" & wait')
        assert deaf.stdout.readline() == 'up\n'
        assert place.call('stop', '--seconds', '0.2', place.id_of(deaf)).returncode == 0
        assert deaf.wait(PATIENCE) == 128 + signal.SIGKILL
        assert place.listing() == []
        stopped = place.start(*GRANTS, '--', 'sh', '-c', 'echo up; kill -STOP $$')
        assert stopped.stdout.readline() == 'up\n'
        assert place.call('stop', place.id_of(stopped)).returncode == 0
        assert stopped.wait(PATIENCE) == 128 + signal.SIGTERM


def reloads(reeve):
    with Place(reeve) as place:
        for name in ('one', 'two'):
            (place.work / name).write_text('x')
        policy = place.work / 'policy.yaml'
        text = 'reeve: 1\nfiles:\n  - read: /\n  - exec: /\n  - deny: {}\n'
        policy.write_text(text.format('one'))
        run = reader(place, '-p', 'policy.yaml')
        name = place.id_of(run)
        assert (ask(run, 'one'), ask(run, 'two')) == ('13', 'open')
        policy.write_text(text.format('two'))
        done = place.call('reload', name)
        assert done.returncode == 0, done
        assert (ask(run, 'one'), ask(run, 'two')) == ('open', '13')
        assert 'changed the policy' in place.call('log', name).stdout
        # With flags, from another folder.
        (place.runtime / 'grants.yaml').write_text('reeve: 1\nfiles:\n  - read: /\n  - exec: /\n')
        done = subprocess.run([reeve, 'reload', '-p', 'grants.yaml', '--deny', '../work/one', name], text=True,
                              cwd=place.runtime, env=place.environment, capture_output=True, check=False)
        assert done.returncode == 0, done
        assert (ask(run, 'one'), ask(run, 'two')) == ('13', 'open')
        # Less than the kernel grants is the supervisor's to hold; mistakes change nothing.
        policy.write_text('reeve: 1\nfiles:\n  - read: /usr\n  - exec: /usr\n')
        done = place.call('reload', name)
        assert done.returncode == 0, done
        assert ask(run, 'two') == '13'
        policy.write_text('reeve: 1\nfiles:\n  - raed: /\n')
        done = place.call('reload', '-p', 'policy.yaml', name)
        assert done.returncode == 2 and 'policy.yaml:3:5' in done.stderr, done
        assert ask(run, 'two') == '13'


# Says "ready", then answers each "address port" with what is read there.
CALLER = r'''
import socket, sys
print("ready", flush=True)
for line in sys.stdin:
    address, port = line.split()
    try:
        with socket.create_connection((address, int(port)), 10) as there:
            print(there.recv(10).decode(), flush=True)
    except OSError as error:
        print(error.errno, flush=True)
'''


def greeter(greeting):
    server = socket.create_server(('127.0.0.1', 0))

    def greet():
        while True:
            try:
                client, _ = server.accept()
            except OSError:
                return
            client.sendall(greeting)
            client.close()
    threading.Thread(target=greet, daemon=True).start()
    return server, server.getsockname()[1]


def reloads_redirects(reeve):
    """Of addresses: where connections notify already, they are led elsewhere from the next one on."""
    with Place(reeve) as place:
        (one, first), (two, second) = greeter(b'one'), greeter(b'two')
        grants = [*GRANTS, '--connect', f'127.0.0.1:{first}', '--connect', f'127.0.0.1:{second}']
        run = place.start(*grants, '--', PYTHON, '-c', CALLER)
        assert run.stdout.readline() == 'ready\n', run.stderr.read()
        name = place.id_of(run)
        assert ask(run, '192.0.2.1 80') == '13'
        for port, greeting in ((first, 'one'), (second, 'two')):
            done = place.call('reload', *grants, '--redirect-connect', f'192.0.2.1:80=127.0.0.1:{port}', name)
            assert done.returncode == 0, done
            assert ask(run, '192.0.2.1 80') == greeting
        assert place.call('reload', *grants, name).returncode == 0
        assert ask(run, '192.0.2.1 80') == '13' and ask(run, f'127.0.0.1 {first}') == 'one'
        # A port that Landlock does not let this run reach.
        done = place.call('reload', *grants, '--connect', '127.0.0.1:9', '--redirect-connect',
                          '192.0.2.1:80=127.0.0.1:9', name)
        assert done.returncode == 1 and 'rules about TCP connections' in done.stderr, done
        run.stdin.close()
        assert run.wait(PATIENCE) == 0
        run = place.start(*GRANTS, '--connect', '*', '--', PYTHON, '-c', CALLER)
        assert run.stdout.readline() == 'ready\n', run.stderr.read()
        done = place.call('reload', *GRANTS, '--connect', '*', '--redirect-connect',
                          f'192.0.2.1:80=127.0.0.1:{first}', place.id_of(run))
        assert done.returncode == 1 and '--redirect-connect 192.0.2.1:80' in done.stderr, done
        assert 'needs a restart' in done.stderr, done
        run.stdin.close()
        assert run.wait(PATIENCE) == 0
        for server in (one, two):
            server.close()


def reload_says_what_needs_a_restart(reeve):
    with Place(reeve) as place:
        (place.work / 'one').write_text('x')
        run = reader(place, *GRANTS, '--deny', 'one')
        name = place.id_of(run)

        def refused(*flags):
            done = place.call('reload', *flags, name)
            assert done.returncode == 1, done
            return done.stderr
        kept = [*GRANTS, '--deny', 'one']
        assert '--write /tmp: outside of what Landlock lets' in refused(*kept, '--write', '/tmp')
        assert '--hide one: the filter lets these pass without asking: stat' in refused(*kept[:-2], '--hide', 'one')
        (place.work / 'calls.yaml').write_text('reeve: 1\nsyscalls:\n  - deny: ptrace\n')
        assert 'deny ptrace at calls.yaml:3:11: a filter' in refused(*kept, '-p', 'calls.yaml').replace(
            f'{place.work}/', '')
        assert ask(run, 'one') == '13'
        # What no supervisor holds cannot change at all.
        run = place.start('--', 'cat')
        name = place.id_of(run)
        said = refused('--use', 'readonly')
        assert 'needs a restart' in said, said
        assert place.call('reload', '--use', 'workspace', name).returncode == 0
        run.stdin.close()


ATTACKER = r'''
import json, os, socket, sys
folder = sys.argv[1]
results = {}
def note(name, function):
    try:
        results[name] = function()
    except OSError as error:
        results[name] = -error.errno
note("list", lambda: len(os.listdir(folder)))
names = json.loads(sys.stdin.readline())
def speak(request):
    peer = socket.socket(socket.AF_UNIX)
    peer.settimeout(60)
    peer.connect(folder + "/" + names[0])
    try:
        peer.sendall(json.dumps({"reeve": 1, **request}).encode() + b"\n")
        return peer.recv(100).decode()
    except (BrokenPipeError, ConnectionResetError):
        return ""
for number in range(20):
    note(f"status {number}", lambda: speak({"do": "status"}))
note("stop", lambda: speak({"do": "stop", "seconds": 0}))
note("reload", lambda: speak({"do": "reload", "policy": [{"key": "write", "value": "/"}], "cwd": "/"}))
def by_child():
    # The one that connected is gone, and its child speaks.
    here, there = os.pipe()
    if os.fork() == 0:
        peer = socket.socket(socket.AF_UNIX)
        peer.connect(folder + "/" + names[0])
        if os.fork() == 0:
            os.close(here)
            try:
                peer.sendall(b'{"reeve": 1, "do": "stop", "seconds": 0}\n')
                os.write(there, peer.recv(100) or b"-")
            except OSError:
                os.write(there, b"-")
        os._exit(0)
    os.close(there)
    return os.read(here, 100).decode().strip("-")
note("child", by_child)
note("unlink", lambda: os.unlink(folder + "/" + names[0]))
note("rename", lambda: os.rename(folder, folder + ".gone"))
note("ancestor", lambda: os.rename(os.path.dirname(folder), os.path.dirname(folder) + ".gone"))
note("link", lambda: os.symlink("/", folder + "/link"))
note("make", lambda: open(folder + "/file", "w").close())
def fake():
    peer = socket.socket(socket.AF_UNIX)
    peer.bind(folder + "/fake")
    peer.listen(1)
    return 0
note("bind", fake)
print(json.dumps(results), flush=True)
sys.stdin.readline()
'''


def targets_are_turned_away(reeve):
    """Whatever is granted, and from another run's tree as well."""
    victims = [[*GRANTS], [*GRANTS, '--connect', 'unix:/'], ['-q', *GRANTS, '--permissive'], ['--write', '/', '--exec', '/'], ['--write', '/', '--exec', '/', '--deny', '/nowhere']]
    for flags in victims:
        for own in (True, False):
            with Place(reeve) as place:
                folder = place.runtime / 'reeve'
                folder.mkdir(mode=0o700)
                grants = [*flags, '--write', folder, '--write', folder / '**']
                if '--write' not in flags:
                    grants = flags
                run = place.start(*grants, '--', PYTHON, '-c', ATTACKER, folder)
                other = reader(place, *GRANTS)
                name = place.id_of(run if own else other)
                run.stdin.write(json.dumps([name]) + '\n')
                run.stdin.flush()
                line = run.stdout.readline()
                assert line, run.stderr.read()
                results = json.loads(line)
                for what, result in results.items():
                    if what == 'list':
                        continue  # names are no secret
                    if what == 'bind':
                        continue  # nobody believes it: a_fake_is_not_believed
                    if isinstance(result, str):
                        assert result == '', (what, result, flags)
                    else:
                        assert isinstance(result, int) and result < 0, (what, result, flags)
                wait_for('both to be listed', lambda: len(place.listing()) == 2)
                if results['status 0'] == '':  # it got as far as the socket
                    assert 'turned away' in place.call('log', name).stdout
                assert place.call('stop', name).returncode == 0


def a_fake_is_not_believed(reeve):
    """Something that listens in the folder and does not speak as a supervisor does is none, and holds nobody up.
    (No supervised process could put it there; here it is moved, from outside.)"""
    program = ('import os, socket, sys\npeer = socket.socket(socket.AF_UNIX)\n'
               'peer.bind("fake")\npeer.listen(4)\nprint("up", flush=True)\nsys.stdin.readline()\n')
    with Place(reeve) as place:
        run = place.start(*GRANTS, '--write', place.work, '--', PYTHON, '-c', program)
        assert run.stdout.readline() == 'up\n', run.stderr.read()
        name = place.id_of(run)
        os.rename(place.work / 'fake', place.runtime / 'reeve' / 'aaaa')
        os.symlink('../nowhere', place.runtime / 'reeve' / 'bbbb')
        (place.runtime / 'reeve' / 'cccc').write_text('')
        assert [one['id'] for one in place.listing()] == [name]
        assert place.call('stop', 'aaaa').returncode == 2
        assert place.call('stop', name).returncode == 0


def nonsense_does_no_harm(reeve):
    with Place(reeve) as place:
        run = reader(place, *GRANTS, '--deny', '/nowhere')
        name = place.id_of(run)
        lines = [b'\n', b'{}\n', b'[]\n', b'7\n', b'\xff\xfe\n', b'{"reeve":1}\n', b'{"reeve":2,"do":"status"}\n',
                 b'{"reeve":1,"do":"dance"}\n', b'{"reeve":1,"do":["status"]}\n',
                 b'{"reeve":1,"do":"stop","seconds":-1}\n', b'{"reeve":1,"do":"stop","seconds":1e400}\n',
                 b'{"reeve":1,"do":"reload","policy":7}\n',
                 b'{"reeve":1,"do":"reload","policy":[{"key":"read","value":7}],"cwd":"/"}\n',
                 b'{"reeve":1,"do":"reload","policy":[{"key":"raed","value":"/"}],"cwd":"/"}\n',
                 b'{"reeve":1,"do":"reload","policy":[],"cwd":"relative"}\n', b'{' * 5000 + b'\n']
        peer = place.talk(name)
        for line in lines:
            peer.sendall(line)
            reply = hear(peer)
            assert reply and reply['ok'] is False and reply['error'], (line[:60], reply)
        peer.sendall(b'x' * (1 << 18))
        assert hear(peer)['ok'] is False
        idle = []
        try:
            for _ in range(40):  # more than are served at once
                idle.append(place.talk(name))
        except BlockingIOError:
            pass
        for one in idle:
            one.close()
        wait_for('room for another', lambda: [s for s in place.listing() if s['id'] == name])
        assert ask(run, '/etc/passwd') == 'open'


def wrong_uses(reeve):
    with Place(reeve) as place:
        for words, said in ((['stop'], 'which one'), (['log'], 'which one'), (['reload'], 'which one'),
                            (['stop', 'zzzz'], 'no running supervision'), (['stop', '--seconds', 'x', 'zzzz'], '3600'),
                            (['ps', 'x'], 'ps'), (['log', '--foolow', 'x'], '--follow')):
            done = place.call(*words)
            assert done.returncode == 2 and said in done.stderr, (words, done)


if __name__ == '__main__':
    REEVE = str(pathlib.Path(sys.argv[1]).resolve())
    become(sys.argv[2])
    if not os.access(REEVE, os.X_OK):
        print('skipped: this user cannot reach', REEVE)
        sys.exit(77)
    TESTS = [lists, lists_what_is_left, nobody_reads_what_it_says, lasts_only, forgets_the_dead, takes_no_foreign_folder,
             logs, a_slow_follower_holds_nobody_up, stops, reloads, reloads_redirects, reload_says_what_needs_a_restart,
             targets_are_turned_away, a_fake_is_not_believed, nonsense_does_no_harm, wrong_uses]
    if len(sys.argv) > 3:
        TESTS = [test for test in TESTS if test.__name__ in sys.argv[3:]]
    run_all(TESTS, REEVE)
