#!/usr/bin/env python3
"""reeve reload while a program opens files from many threads: each answer is that of the policy before or of the one
after, and from the acknowledgement on that of the one after; nothing is lost, and nothing piles up.

usage: reloading.py REEVE root|ordinary OPENER
"""
import os
import pathlib
import shutil
import sys
import time

from steps import PATIENCE, Place, become, hear, run_all, say

THREADS = 6
BY_COMMAND = 100
BY_SOCKET = 1000
# What a crowd of threads once needs at the same time stays with the allocator. So memory may grow for a few rounds and
# has to come to rest then, to these bytes: a hundred that each reload left behind would be more.
ROUNDS = 10
GROWTH = 64 << 10
GROWTH_OF_SANITIZER = 16 << 20  # its own notes
# The kernel lets everything be read under both: the denials are the supervisor's alone.
POLICY = '''reeve: 1
files:
  - read: /
  - exec: /
  - deny: {}
'''
EXPECTED = {'a': '++-', 'b': '+-+'}


class Load:
    """The opener under policy A, and its supervisor."""

    def __init__(self, place, opener):
        for name in ('both', 'a', 'b'):
            (place.work / name).write_text('x')
        for name, denied in (('a', 'b'), ('b', 'a')):
            (place.work / f'{name}.yaml').write_text(POLICY.format(denied))
        self.place = place
        # Denials are not told: nobody reads what would be said of them.
        self.run = place.start('-q', '-p', 'a.yaml', '--', opener, '.', THREADS)
        self.name = place.id_of(self.run)
        self.server = place.listing()[0]['supervisor']
        assert self.ask('?') == EXPECTED['a']

    def ask(self, question):
        self.run.stdin.write(question)
        self.run.stdin.flush()
        line = self.run.stdout.readline()
        assert line, self.run.stderr.read()
        return line.strip()

    def size(self):
        """Resident bytes of the supervisor."""
        text = pathlib.Path(f'/proc/{self.server}/statm').read_text()
        return int(text.split()[1]) * os.sysconf('SC_PAGE_SIZE')

    def held(self):
        """Threads and descriptors of the supervisor: each thread may have a table of its own."""
        threads = pathlib.Path(f'/proc/{self.server}/task')
        count = 0
        for thread in threads.iterdir():
            try:
                count += 1 + len(os.listdir(thread / 'fd'))
            except OSError:
                pass  # it has just ended
        return count

    def settled(self):
        """What it holds and how large it is when nothing is asked of it: spare threads end after a few seconds."""
        self.ask('p')
        end, seen, since = time.monotonic() + PATIENCE, None, 0
        while time.monotonic() - since < 4 or seen is None:
            assert time.monotonic() < end, 'the supervisor never comes to rest'
            held = self.held()
            if held != seen:
                seen, since = held, time.monotonic()
            time.sleep(0.05)
        size = self.size()
        self.ask('g')
        return seen, size

    def ends_well(self):
        self.run.stdin.close()
        out, errors = self.run.stdout.read(), self.run.stderr.read()
        assert self.run.wait(PATIENCE) == 0, (out, errors)
        words = out.split()
        # Both policies were met by the threads, and not only by the questions.
        assert words[0::3] == ['a', 'b'] and all(int(n) > 100 for n in words if n.isdigit()), out
        assert self.place.sockets == []


def swap(load, times, reload):
    """Changes to the other policy and back, over and over; the answer must be the new one's at once."""
    for number in range(times):
        name = 'ba'[number % 2]
        reload(name)
        answer = load.ask('?')
        assert answer == EXPECTED[name], (number, name, answer)


def is_flat(load, reload):
    """Nothing is left of many swaps: no thread, descriptor or memory."""
    watched = 'libtsan' in pathlib.Path(f'/proc/{load.server}/maps').read_text()
    times, limit = (BY_SOCKET // 5, GROWTH_OF_SANITIZER) if watched else (BY_SOCKET, GROWTH)
    swap(load, 100, reload)
    held, size = load.settled()
    sizes = [size]
    while len(sizes) == 1 or sizes[-1] > sizes[-2] + limit:
        assert len(sizes) <= ROUNDS, f'bytes, after {times} reloads each: {sizes}'
        swap(load, times, reload)
        after, size = load.settled()
        sizes.append(size)
        assert after <= held, f'from {held} threads and descriptors to {after}'
    print(f'{held} threads and descriptors, bytes after {times} reloads each: {sizes}')


def by_the_command(reeve, opener):
    with Place(reeve) as place:
        load = Load(place, opener)

        def reload(name):
            done = place.call('reload', '-p', f'{name}.yaml', load.name)
            assert done.returncode == 0, done
        swap(load, BY_COMMAND, reload)
        load.ends_well()


def by_its_own_file(reeve, opener):
    """Without words it reads anew what the run was started with."""
    with Place(reeve) as place:
        load = Load(place, opener)

        def reload(name):
            shutil.copy(place.work / f'{name}.yaml', place.work / 'next')
            os.replace(place.work / 'next', place.work / 'a.yaml')
            done = place.call('reload', load.name)
            assert done.returncode == 0, done
        shutil.copy(place.work / 'a.yaml', place.work / 'c.yaml')
        swap(load, 20, lambda name: reload({'a': 'c', 'b': 'b'}[name]))
        load.ends_well()


def by_the_socket(reeve, opener):
    with Place(reeve) as place:
        load = Load(place, opener)
        peer = place.talk(load.name)

        def reload(name):
            say(peer, do='reload', cwd=str(place.work), policy=[{'key': 'policy', 'value': str(place.work / f'{name}.yaml')}])
            reply = hear(peer)
            assert reply['ok'], reply
        is_flat(load, reload)
        peer.close()
        load.ends_well()


def refused_ones_change_nothing(reeve, opener):
    """In between come reloads that need a restart, and such as have mistakes."""
    with Place(reeve) as place:
        load = Load(place, opener)
        peer = place.talk(load.name)
        (place.work / 'wrong.yaml').write_text('reeve: 1\nfiles:\n  - raed: /\n')
        (place.work / 'wider.yaml').write_text(POLICY.format('b') + '  - write: /\n')

        def reload(name):
            for file, is_good in (('wrong', False), ('wider', False), (name, True)):
                say(peer, do='reload', cwd=str(place.work),
                    policy=[{'key': 'policy', 'value': str(place.work / f'{file}.yaml')}])
                reply = hear(peer)
                assert reply['ok'] == is_good, (file, reply)
        swap(load, 50, reload)
        peer.close()
        load.ends_well()


def by_several_at_once(reeve, opener):
    """Whoever comes last is in force; the calls of both in between are answered by one of them."""
    with Place(reeve) as place:
        load = Load(place, opener)
        peers = [place.talk(load.name) for _ in range(3)]
        for number in range(60):
            for peer in peers:
                name = 'ab'[(number + peers.index(peer)) % 2]
                say(peer, do='reload', cwd=str(place.work),
                    policy=[{'key': 'policy', 'value': str(place.work / f'{name}.yaml')}])
            assert load.ask('?') in ('++-', '+-+', '+++', '+--')
            for peer in peers:
                assert hear(peer)['ok']
            assert load.ask('?') in EXPECTED.values()
        for peer in peers:
            peer.close()
        load.ends_well()


if __name__ == '__main__':
    REEVE, OPENER = (str(pathlib.Path(word).resolve()) for word in (sys.argv[1], sys.argv[3]))
    become(sys.argv[2])
    if not os.access(REEVE, os.X_OK) or not os.access(OPENER, os.X_OK):
        print('skipped: this user cannot reach', REEVE, 'or', OPENER)
        sys.exit(77)
    TESTS = [by_the_command, by_its_own_file, by_the_socket, refused_ones_change_nothing, by_several_at_once]
    if len(sys.argv) > 4:
        TESTS = [test for test in TESTS if test.__name__ in sys.argv[4:]]
    run_all(TESTS, REEVE, OPENER)
