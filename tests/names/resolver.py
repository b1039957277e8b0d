#!/usr/bin/env python3
"""The resolver against name servers that are honest, broken and hostile.

usage: resolver.py ASK
"""
import ctypes
import fcntl
import json
import os
import random
import socket
import struct
import subprocess
import sys
import tempfile
import time

import dns

POLICY = '''
reeve: 1
network:
  - connect: ["api.example.org:443", "*.wild.example:8000-8010", "tcp:only.example:22"]
  - connect: ["hosts.example:80", "inside.example:443", "10.9.8.7:443"]
  - deny-connect: ["bad.wild.example:*"]
'''
CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000
SIOCSIFFLAGS, SIOCSIFADDR = 0x8914, 0x8916
failures = []


def check(is_so, what):
    if not is_so:
        failures.append(what)
        print('FAILED:', what)


class Ask:
    def __init__(self, program, server, policy=POLICY, hosts='', options=''):
        self.folder = tempfile.TemporaryDirectory()
        path = os.path.join(self.folder.name, 'hosts')
        self.json = os.path.join(self.folder.name, 'json')
        with open(path, 'w') as file:
            file.write(hosts)
        resolvers = os.path.join(self.folder.name, 'resolv.conf')
        with open(resolvers, 'w') as file:
            file.write(options)
        self.process = subprocess.Popen([program, policy, server, path, self.json, resolvers], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)

    def line(self, text):
        try:
            self.process.stdin.write(text + '\n')
            self.process.stdin.flush()
        except BrokenPipeError:
            pass
        line = self.process.stdout.readline()
        if not line:
            code = self.process.wait()
            if code == 77:
                print('skipped: this machine gives out no network namespaces')
                sys.exit(77)
            sys.exit(f'ask ended: {code}')
        return line[2:].strip()

    def raw(self, message, how='udp', to='10.255.255.53'):
        answer = self.line(f'{how} {to} {message.hex()}')
        return None if answer == '-' else bytes.fromhex(answer)

    def ask(self, host, kind=dns.A, how='udp', to='10.255.255.53', **more):
        answer = self.raw(dns.question(host, kind, **more), how, to)
        return answer and dns.Answer(answer)

    def decide(self, ip, port, transport='tcp'):
        return self.line(f'decide {transport} {ip} {port}').split()

    def records(self):
        with open(self.json) as file:
            return [json.loads(line) for line in file]

    def end(self):
        self.process.stdin.close()
        return self.process.wait()


def honest(program):
    server = dns.Server({
        'api.example.org': [dns.alias('api.example.org', 'edge.cdn.example', 20), dns.address('edge.cdn.example', '203.0.113.5'),
                            dns.address('edge.cdn.example', '203.0.113.6'), dns.address('edge.cdn.example', '2001:db8::5')],
        'a.wild.example': [dns.address('a.wild.example', '203.0.113.7')],
        'a.b.wild.example': [dns.address('a.b.wild.example', '203.0.113.8')],
        'only.example': [dns.address('only.example', '203.0.113.9')],
        'hosts.example': [dns.address('hosts.example', '203.0.113.10')],
        'inside.example': [dns.address('inside.example', ip) for ip in ('10.9.8.7', '10.0.0.1', '127.0.0.1', '169.254.169.254')],
    })
    ask = Ask(program, server.address, hosts='192.168.7.7 hosts.example other.example\n')
    check(ask.decide('203.0.113.5', 443)[0] == 'unknown', 'nothing is open before it was asked for')
    for how in 'udp', 'tcp':
        for to in '10.255.255.53', '127.0.0.53', '8.8.8.8', '2001:4860:4860::8888', '::1':
            answer = ask.ask('api.example.org', how=how, to=to)
            check(answer and answer.code == 0 and answer.addresses == ['203.0.113.5', '203.0.113.6'] and
                  answer.aliases == ['edge.cdn.example'] and answer.ttl == 20, f'an answer by {how} from {to}')
    check(ask.ask('API.Example.ORG.').question == 'API.Example.ORG', 'letters come back in their case')
    check({n for _, n, _ in server.asked} == {'api.example.org'}, 'and go out without: nothing can be told by them')
    check(ask.ask('api.example.org', dns.AAAA).addresses == ['2001:db8::5'], 'IPv6')
    check(ask.decide('203.0.113.5', 443) == ['open', 'api.example.org', 'api.example.org:443'], 'what was answered is open')
    check(ask.decide('203.0.113.5', 443, 'udp')[0] == 'open', 'by UDP, too')
    check(ask.decide('203.0.113.5', 80)[0] == 'unknown', 'and at no other port')
    check(ask.decide('2001:db8::5', 443)[0] == 'open', 'IPv6 as well')
    check(ask.decide('203.0.113.99', 443)[0] == 'unknown', 'and no neighbour')
    ask.ask('a.wild.example')
    ask.ask('a.b.wild.example')
    check(ask.decide('203.0.113.7', 8000)[0] == 'open' and ask.decide('203.0.113.8', 8010)[0] == 'open', 'names below')
    check(ask.decide('203.0.113.8', 8011)[0] == 'unknown', 'to the last port of the range')
    ask.ask('only.example')
    check(ask.decide('203.0.113.9', 22)[0] == 'open' and ask.decide('203.0.113.9', 22, 'udp')[0] == 'unknown', 'one transport')
    asked = len(server.asked)
    answer = ask.ask('hosts.example')
    check(answer.addresses == ['192.168.7.7'] and len(server.asked) == asked, "the machine's own file comes first")
    check(ask.ask('hosts.example', dns.AAAA).addresses == [], 'for the other family as well')
    check(ask.decide('192.168.7.7', 80)[0] == 'open', 'and is trusted with private addresses')
    answer = ask.ask('inside.example')
    check(answer.addresses == ['10.9.8.7'], 'a private address only where a rule on addresses opens it')
    check(ask.decide('10.9.8.7', 443)[0] == 'unknown' and ask.decide('127.0.0.1', 443)[0] == 'unknown', 'and then by that rule')
    check({r['allow_flag'] for r in ask.records()} == {f'--connect {ip}:443' for ip in ('10.0.0.1', '127.0.0.1', '169.254.169.254')},
          'what would allow it')
    dropped = [r['object'] for r in ask.records() if r['object'].startswith('inside')]
    check(dropped == ['inside.example = ' + ip for ip in ('10.0.0.1', '127.0.0.1', '169.254.169.254')], f'recorded: {dropped}')
    asked = len(server.asked)
    for kind in dns.CNAME, dns.HTTPS, 64, dns.TXT, 15, 255, 10:
        answer = ask.ask('api.example.org', kind)
        check(answer.code == 0 and not answer.addresses and not answer.aliases, f'nothing but addresses: {kind}')
    check(len(server.asked) == asked, 'and nobody is asked for the rest')
    check(ask.end() == 0, 'an orderly end')


def unnamed(program):
    server = dns.Server({})
    ask = Ask(program, server.address)
    named = b'\3api\7example\3org'
    names = ['example.org', 'x.api.example.org', 'wild.example', 'bad.wild.example', 'xwild.example', 'other.example',
             '5.113.0.203.in-addr.arpa', '', 'org', 'api.example.org.evil.example', 'api.example.orgx', 'aapi.example.org',
             b'\x0bapi.example\3org\0', b'\x0fapi.example.org\0', b'\4api\0\7example\3org\0', b'\3api\7example\4org\0\0',
             b'\4api.\7example\3org\0', b'\1a' + named + b'\0', b'\x07a\x00.wild\7example\0', b'\6a.wild\7example\0',
             b'\2*\\\4wild\7example\0', b'\1*\4wild\7example\0', b'\1a\5\x00wild\7example\0', b'\3a b\4wild\7example\0',
             (b'\x3f' + b'a' * 63) * 3 + b'\0', b'\3\xe4pi\7example\3org\0', b'\4api\n\7example\3org\0']
    for host in names:
        for how in 'udp', 'tcp':
            answer = ask.ask(host, how=how)
            check(answer and answer.code == dns.NXDOMAIN, f'{how} {host}: {answer and answer.code}')
    check(server.asked == [], f'no word of an unnamed name leaves: {server.asked}')
    records = ask.records()
    check(len(records) == 2 * len(names), f'each is recorded: {len(records)} of {2 * len(names)}')
    check(all(r['tid'] == 4711 and r['program'] == 'asker' and r['operation'] == 'resolve' for r in records), 'with who asked')
    check({r['allow_flag'] for r in records if r['object'] == 'other.example'} == {'--connect other.example:443'} and
          {r['allow_flag'] for r in records if '\\' in r['object']} == {None}, 'and what would allow it')
    answer = ask.raw(dns.question('other.example', edns=True))
    check(answer.endswith(b'\0\6\0\x0f\0\2\0\x12'), 'who can be told hears that it is a rule')
    # Messages that are none: some are answered with an error, none with anything else, and it lives on.
    good = dns.question('api.example.org')
    generator = random.Random(1)
    bad = [good[:n] for n in range(1, len(good))] + [good + b'\0', b'\0' * 12, b'\xff' * 600]
    bad += [bytes(generator.randrange(256) for _ in range(generator.randrange(12, 200))) for _ in range(20)]
    for message in bad:
        if message[2:3] and message[2] & 0x80 or len(message) < 12:
            continue  # an answer is not answered, which takes its time to see
        raw = ask.raw(message)
        check(raw and dns.Answer(raw).code in (dns.FORMERR, dns.NOTIMP, dns.NXDOMAIN), f'{message.hex()}: {raw}')
    check(server.asked == [], 'nothing leaves')
    check(ask.ask('api.example.org').code == dns.NXDOMAIN and len(server.asked) == 1, 'and it goes on')
    check(ask.end() == 0, 'an orderly end')


def hostile(program):
    good = dns.address('api.example.org', '203.0.113.5')
    evil = dns.address('api.example.org', '203.0.113.66')
    modes = {
        'another number, then the right one': lambda q, how: [dns.reply(q, [evil], number=(q[0] << 8 | q[1]) ^ 1), dns.reply(q, [good])],
        'another question, then the right one': lambda q, how: [
            dns.reply(q, [evil], asked=dns.name('api.example.com') + q[-4:]), dns.reply(q, [good])],
        'records of other names': lambda q, how: [dns.reply(q, [
            dns.address('example.org', '203.0.113.66'), dns.address('b.wild.example', '203.0.113.66'), good])],
        'an alias of another name': lambda q, how: [dns.reply(q, [
            dns.alias('example.org', 'evil.example'), dns.address('evil.example', '203.0.113.66'), good])],
        'garbage, then the right one': lambda q, how: [b'', b'x' * 11, q, b'\xff' * 100, dns.reply(q, [good])],
        'truncated': lambda q, how: [dns.reply(q, [evil] if how == 'udp' else [good], flags=0x8380 if how == 'udp' else 0x8180)],
        'no EDNS': lambda q, how: [dns.reply(q[:11] + b'\0' + q[12:-11], code=dns.FORMERR) if q[11] else dns.reply(q, [good])],
        'fails once': Once(lambda q: dns.reply(q, code=dns.SERVFAIL), lambda q: dns.reply(q, [good])),
        'silent once': Once(lambda q: None, lambda q: dns.reply(q, [good])),
    }
    for what, mode in modes.items():
        server = dns.Server({'api.example.org': mode})
        ask = Ask(program, server.address, options='options timeout:2\n')
        answer = ask.ask('api.example.org')
        check(answer and answer.code == 0 and answer.addresses == ['203.0.113.5'], f'{what}: {answer and vars(answer)}')
        check(ask.decide('203.0.113.66', 443)[0] == 'unknown', f'{what}: nothing of it is open')
        check(ask.decide('203.0.113.66', 8000)[0] == 'unknown', f'{what}: nor for another name')
        check(ask.decide('203.0.113.5', 443)[0] == 'open', f'{what}: and the good one is')
        check(ask.end() == 0, what)
    nothing = {
        'an endless alias': lambda q, how: [dns.reply(q, [dns.alias('api.example.org', 'b.example'),
                                                          dns.alias('b.example', 'api.example.org')])],
        'a long chain': lambda q, how: [dns.reply(q, [dns.alias('api.example.org' if i == 0 else f'n{i}.example', f'n{i + 1}.example')
                                                      for i in range(30)])],
        'an alias that is no host': lambda q, how: [dns.reply(q, [dns.record('api.example.org', dns.CNAME, 60, b'\3a b\0')])],
        'an error': lambda q, how: [dns.reply(q, [evil], code=dns.REFUSED)],
        'truncated for ever': lambda q, how: [dns.reply(q, [evil], flags=0x8380)],
    }
    for what, mode in nothing.items():
        server = dns.Server({'api.example.org': mode})
        ask = Ask(program, server.address)
        answer = ask.ask('api.example.org')
        check(answer and answer.code == dns.SERVFAIL and not answer.addresses, f'{what}: {answer and vars(answer)}')
        check(ask.decide('203.0.113.66', 443)[0] == 'unknown', f'{what}: nothing of it is open')
        check(ask.end() == 0, what)
    # Giant ones: as much as can be told is told.
    many = [dns.address('api.example.org', f'203.0.113.{i}') for i in range(200)]
    server = dns.Server({'api.example.org': lambda q, how: [dns.reply(q, [] if how == 'udp' else many * 10,
                                                                      flags=0x8380 if how == 'udp' else 0x8180)]})
    ask = Ask(program, server.address)
    answer = ask.ask('api.example.org')
    check(answer.truncated and 20 < len(answer.addresses) < 64, 'more than goes into a datagram')
    answer = ask.ask('api.example.org', how='tcp')
    check(len(answer.addresses) == 64 and not answer.truncated, 'and by TCP: as many as are kept')
    check(ask.decide('203.0.113.63', 443)[0] == 'open' and ask.decide('203.0.113.64', 443)[0] == 'unknown', 'those are open')
    check(ask.end() == 0, 'an orderly end')
    # Nobody there, and nobody who answers.
    ask = Ask(program, '127.0.0.1:1')
    check(ask.ask('api.example.org').code == dns.SERVFAIL, 'no server')
    check(ask.end() == 0, 'an orderly end')


def apart(addresses):
    """Leaves for a network of its own, whose loopback interface has these addresses too. False where that cannot be."""
    libc = ctypes.CDLL(None, use_errno=True)
    uid, gid = os.getuid(), os.getgid()
    if libc.unshare(CLONE_NEWNET) < 0:
        if libc.unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0:
            return False
        for name, text in ('uid_map', f'{uid} {uid} 1'), ('setgroups', 'deny'), ('gid_map', f'{gid} {gid} 1'):
            with open('/proc/self/' + name, 'w') as file:
                file.write(text)
    request = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    fcntl.ioctl(request, SIOCSIFFLAGS, struct.pack('16sh14x', b'lo', 1))
    for i, address in enumerate(addresses):
        packed = struct.pack('HH4s8x', socket.AF_INET, 0, socket.inet_aton(address))
        fcntl.ioctl(request, SIOCSIFADDR, struct.pack('16s16s', f'lo:{i}'.encode(), packed))
    return True


def own_addresses(program):
    """In a process of its own, since it does not come back from there."""
    pid = os.fork()
    if pid:
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        check(code == 0, f'own addresses: {code}')
        return
    if not apart(['203.0.113.77', '198.51.100.7']):
        print('left out: no network of its own')
        os._exit(0)
    zone = {'api.example.org': [dns.address('api.example.org', ip) for ip in
                                ('203.0.113.77', '203.0.113.78', '::ffff:203.0.113.77', '64:ff9b::203.0.113.77', '64:ff9b::203.0.113.78')],
            'inside.example': [dns.address('inside.example', '198.51.100.7')]}
    server = dns.Server(zone)
    ask = Ask(program, server.address, POLICY.replace('10.9.8.7', '198.51.100.7'))
    check(ask.ask('api.example.org').addresses == ['203.0.113.78'], 'a public address of the machine itself is taken out')
    check(ask.ask('api.example.org', dns.AAAA).addresses == ['64:ff9b::cb00:714e'], 'also from inside of others')
    check(ask.decide('203.0.113.77', 443)[0] == 'unknown' and ask.decide('203.0.113.78', 443)[0] == 'open', 'and not opened')
    check(ask.ask('inside.example').addresses == ['198.51.100.7'], 'but where a rule on addresses opens it')
    check(ask.end() == 0, 'an orderly end')
    os._exit(bool(failures))


def patient(program):
    """As patient as libc is, or as the machine says."""
    good = dns.address('api.example.org', '203.0.113.5')

    def slow(query, _how):
        time.sleep(2.5)
        return [dns.reply(query, [good])]

    server = dns.Server({'api.example.org': slow})
    ask = Ask(program, server.address)
    answer = ask.ask('api.example.org')
    check(answer and answer.addresses == ['203.0.113.5'], f'slow, and waited for: {answer and vars(answer)}')
    check(len(server.asked) == 1, f'asked once: {server.asked}')
    check(ask.end() == 0, 'an orderly end')
    server = dns.Server({'api.example.org': lambda query, how: []})
    ask = Ask(program, server.address, options='search example.org\noptions ndots:1 timeout:1 attempts:3\n')
    begun = time.monotonic()
    answer = ask.ask('api.example.org')
    check(answer and answer.code == dns.SERVFAIL and time.monotonic() - begun >= 3, 'silent: three seconds')
    check(len(server.asked) == 3, f'asked three times: {server.asked}')
    check(ask.end() == 0, 'an orderly end')


class Once:
    def __init__(self, first, then):
        self.first, self.then, self.count = first, then, 0

    def __call__(self, query, how):
        self.count += 1
        message = (self.first if self.count == 1 else self.then)(query)
        return [message] if message else []


for part in honest, unnamed, hostile, own_addresses, patient:
    print(part.__name__, flush=True)
    part(sys.argv[1])
print(f'{len(failures)} failures')
sys.exit(bool(failures))
