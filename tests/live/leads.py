#!/usr/bin/python3
"""leads.py REEVE PROGRAM USER: redirects of addresses. PROGRAM makes its calls natively, to servers on the loopback,
and then under policies that lead addresses of 192.0.2.0/24 and 2001:db8::/32, where nobody is, to those servers: it has
to see the same. USER is self or ordinary."""
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading

REEVE, PROGRAM = map(os.path.realpath, sys.argv[1:3])
ORDINARY = 65534
LONG = 'more-than-an-address-has-room-for/' * 4
AS_USER = (['setpriv', f'--reuid={ORDINARY}', f'--regid={ORDINARY}', '--clear-groups', '--']
           if sys.argv[3] == 'ordinary' else [])
failures = []


def skip(why):
    print('SKIP:', why)
    sys.exit(77)


def check(holds, what, seen=''):
    if not holds:
        failures.append(what)
        print('FAILED:', what, seen)


class Servers:
    """Streams that greet, datagrams that are sent back, all on the loopback or in the folder."""

    def __init__(self, folder):
        self.sockets, self.got = [], []
        self.tcp = self.stream(socket.AF_INET, ('127.0.0.1', 0)).getsockname()[1]
        self.udp = self.datagram(socket.AF_INET, ('127.0.0.1', 0)).getsockname()[1]
        try:
            self.tcp6 = self.stream(socket.AF_INET6, ('::1', 0)).getsockname()[1]
            self.udp6 = self.datagram(socket.AF_INET6, ('::1', 0)).getsockname()[1]
        except OSError:
            skip('no IPv6 on the loopback')
        self.folder = folder
        self.stream(socket.AF_UNIX, f'{folder}/stream')
        self.datagram(socket.AF_UNIX, f'{folder}/datagram')
        self.name = '\0reeve-leads-%d' % os.getpid()
        self.stream(socket.AF_UNIX, self.name + 's')
        self.datagram(socket.AF_UNIX, self.name + 'd')
        for name in ('stream', 'datagram'):
            os.chmod(f'{folder}/{name}', 0o777)
        # Nobody listens there as long as this has the port.
        taken = socket.socket()
        taken.bind(('127.0.0.1', 0))
        also = socket.socket(type=socket.SOCK_DGRAM)
        self.closed = taken.getsockname()[1]
        self.full = self.fill()
        self.sockets += [taken, also]

    def fill(self):
        """A server that accepts nothing, and whose queue is full."""
        server = socket.socket()
        server.bind(('127.0.0.1', 0))
        server.listen(0)
        self.sockets.append(server)
        for _ in range(4):
            client = socket.socket()
            client.setblocking(False)
            client.connect_ex(server.getsockname())
            self.sockets.append(client)
        return server.getsockname()[1]

    def stream(self, family, address):
        server = socket.socket(family, socket.SOCK_STREAM)
        server.bind(address)
        server.listen(100)
        self.sockets.append(server)
        threading.Thread(target=self.greet, args=(server,), daemon=True).start()
        return server

    def greet(self, server):
        while True:
            connection, _ = server.accept()
            try:
                connection.sendall(b'welcome')
            except OSError:
                pass
            connection.close()

    def datagram(self, family, address):
        server = socket.socket(family, socket.SOCK_DGRAM)
        server.bind(address)
        self.sockets.append(server)
        threading.Thread(target=self.send_back, args=(server,), daemon=True).start()
        return server

    def send_back(self, server):
        while True:
            text, sender = server.recvfrom(1000)
            self.got.append(text)
            if sender:
                server.sendto(b'got ' + text, sender)


def run(words, environment, cwd):
    done = subprocess.run(AS_USER + words, text=True, capture_output=True, stdin=subprocess.DEVNULL, timeout=100, cwd=cwd,
                          env=dict(os.environ, **environment))
    return done.stdout.splitlines() + [f'exit {done.returncode}'], done.stderr


def natively(servers):
    name = '@' + servers.name[1:]
    return {'LEAD_TCP': f'127.0.0.1 {servers.tcp}', 'LEAD_UDP': f'127.0.0.1 {servers.udp}',
            'LEAD_TCP6': f'::1 {servers.tcp6}', 'LEAD_UDP6': f'::1 {servers.udp6}',
            'LEAD_CLOSED': f'127.0.0.1 {servers.closed}', 'LEAD_FULL': f'127.0.0.1 {servers.full}',
            'LEAD_FILE': f'{servers.folder}/stream', 'LEAD_FILE_DATAGRAM': f'{servers.folder}/datagram',
            'LEAD_NAME': name + 's', 'LEAD_NAME_DATAGRAM': name + 'd'}


def elsewhere(servers):
    """The same for a program that is led there, and the redirects that do it."""
    folder, name = servers.folder, 'unix:@' + servers.name[1:]
    where = {'LEAD_TCP': '192.0.2.1 80', 'LEAD_UDP': '192.0.2.1 53', 'LEAD_TCP6': '2001:db8::1 80',
             'LEAD_UDP6': '2001:db8::1 53', 'LEAD_CLOSED': f'192.0.2.77 {servers.closed}', 'LEAD_FULL': '192.0.2.3 8080',
             # A path through a link, one that is not there, and names.
             'LEAD_FILE': f'{folder}/link/away.sock', 'LEAD_FILE_DATAGRAM': f'{folder}/away/datagram',
             'LEAD_NAME': '@reeve-leads-away', 'LEAD_NAME_DATAGRAM': '@reeve-leads-gone-d'}
    redirects = [f'tcp:192.0.2.1:80=127.0.0.1:{servers.tcp}', f'udp:192.0.2.1:53=127.0.0.1:{servers.udp}',
                 f'[2001:db8::]/32:80=[::1]:{servers.tcp6}', f'[2001:db8::1]:53=[::1]:{servers.udp6}',
                 '192.0.2.64/26:*=127.0.0.1:*', f'192.0.2.3:8000-8999=127.0.0.1:{servers.full}',
                 f'unix:{folder}/real/away.sock=unix:{folder}/{LONG}/stream', f'unix:{folder}/away=unix:{folder}/datagram',
                 f'unix:@reeve-leads-away={name}s', f'unix:@reeve-leads-gone-*={name}d']
    return where, [word for redirect in redirects for word in ('--redirect-connect', redirect)]


def grants(servers):
    """What redirects lead to, and not a bit more."""
    folder, name = servers.folder, 'unix:@' + servers.name[1:]
    ports = [f'tcp:127.0.0.1:{servers.tcp}', f'udp:127.0.0.1:{servers.udp}', f'tcp:[::1]:{servers.tcp6}',
             f'udp:[::1]:{servers.udp6}', f'127.0.0.1:{servers.closed}', f'127.0.0.1:{servers.full}']
    words = [word for address in ports + [f'unix:{folder}/stream', f'unix:{folder}/datagram', name + 's', name + 'd']
             for word in ('--connect', address)]
    return words + ['--read', '/', '--exec', '/']


EVERYTHING = ['--read', '/', '--exec', '/', '--connect', '*', '--connect', 'unix:/', '--connect', 'unix:@*']


def compare(servers, cwd):
    native, errors = run([PROGRAM], natively(servers), cwd)
    check(native[-1] == 'exit 0', 'the program runs natively', (native, errors))
    where, redirects = elsewhere(servers)
    for what, words in [('what it is led to is allowed', grants(servers)), ('everything is allowed', EVERYTHING),
                        ('what is named is denied', EVERYTHING + ['--deny-connect', '192.0.2.0/24:*', '--deny-connect',
                                                                  '[2001:db8::]/32:*']),
                        ('denials are told', EVERYTHING + ['--verbose-denials'])]:
        led, errors = run([REEVE, 'run', *words, *redirects, '--', PROGRAM], where, cwd)
        for number, line in enumerate(native):
            check(number < len(led) and led[number] == line, f'{what}: natively "{line}"',
                  f'led elsewhere "{led[number] if number < len(led) else "nothing"}"')
        check(len(led) == len(native), f'{what}: as many lines', errors)


REFUSED = '''to what is denied: EPERM
to IPv6: EAFNOSUPPORT
round in a circle: ELOOP
fast open by a flag: EOPNOTSUPP
fast open by an option: EOPNOTSUPP
to IPv6, from a socket of IPv6: 0 ::1 'welcome' again=EISCONN
to IPv4, from a socket for IPv6 alone: ENETUNREACH
to IPv4, from a socket of IPv6: 0 ::ffff:127.0.0.1 'welcome' again=EISCONN
UDP to what is denied: EPERM
the second message is refused: 1
UDP to IPv6: EAFNOSUPPORT
exit 0'''


def refuse(servers, cwd):
    with open(f'{cwd}/policy.yaml', 'w', encoding='ascii') as file:
        file.write(f'''reeve: 1
files: [{{read: /}}, {{exec: /}}]
network:
  - connect: "*"
  - deny-connect: "203.0.113.0/24:*"
    errno: EPERM
  - connect:
      - {{from: "192.0.2.1:*", to: "203.0.113.1:80"}}
      - {{from: "192.0.2.2:80", to: "[::1]:{servers.tcp6}"}}
      - {{from: "192.0.2.3:80", to: "192.0.2.4:80"}}
      - {{from: "192.0.2.4:80", to: "192.0.2.3:80"}}
      - {{from: "192.0.2.5:80", to: "127.0.0.1:{servers.tcp}"}}
      - {{from: "[2001:db8::1]:80", to: "127.0.0.1:{servers.tcp}"}}
      - {{from: "192.0.2.6:53", to: "127.0.0.1:{servers.udp}"}}
''')
    where = {'LEAD_DENIED': '192.0.2.1 80', 'LEAD_TO_IPV6': '192.0.2.2 80', 'LEAD_LOOP': '192.0.2.3 80',
             'LEAD_TCP': '192.0.2.5 80', 'LEAD_TO_IPV4': '2001:db8::1 80', 'LEAD_UDP': '192.0.2.6 53'}
    found, errors = run([REEVE, 'run', '-p', 'policy.yaml', '--json', 'records', '--', PROGRAM, 'refused'], where, cwd)
    for expected, line in zip(REFUSED.splitlines(), found + [''] * 20):
        check(line == expected, f'refused: "{expected}"', f'"{line}"')
    with open(f'{cwd}/records', encoding='utf-8') as file:
        records = [json.loads(line) for line in file]
    denied = [record for record in records if record.get('asked') == '192.0.2.1:80']
    check(denied and denied[0]['object'] == '203.0.113.1:80' and denied[0]['verdict'] == 'deny' and
          denied[0]['rule']['line'] == 5, 'the record names both, and the rule for where it leads', denied)
    check(any(record.get('asked') == 'udp:192.0.2.1:80' and record['object'] == 'udp:203.0.113.1:80'
              for record in records), 'the record of a datagram names both')
    for asked, error, why in [('192.0.2.2:80', 'EAFNOSUPPORT', 'IPv6'), ('192.0.2.3:80', 'ELOOP', 'redirects')]:
        told = [record for record in records if record.get('asked') == asked]
        check(told and told[0]['verdict'] == 'refuse' and told[0]['errno'] == error and why in told[0]['why'],
              f'the record of {asked} says why', told)
    check('connect(192.0.2.1:80 to 203.0.113.1:80) -> EPERM' in errors, 'so does the text', errors)


def grant_nothing(servers, cwd):
    """Neither end is granted by a redirect."""
    where, redirects = elsewhere(servers)
    found, _ = run([REEVE, 'run', '--read', '/', '--exec', '/', '--connect', '192.0.2.0/24:*', *redirects, '--', PROGRAM,
                    'one'], where, cwd)
    check(found[0] == 'TCP: EACCES ENOTCONN again=EACCES', 'what it leads to has to be granted', found[0])


def explain(servers, cwd):
    words = [REEVE, 'explain', '--read', '/', '--connect', f'127.0.0.1:{servers.tcp}', '--connect', '[::1]:*',
             '--redirect-connect', f'192.0.2.1:80=127.0.0.1:{servers.tcp}', '--redirect-connect', '192.0.2.2:*=[::1]:*',
             '--redirect-connect', f'unix:{cwd}/x=unix:{cwd}/y']
    questions = ['connect:192.0.2.1:80', 'connect:192.0.2.2:80', f'connect:unix:{cwd}/x', 'connect:192.0.2.1:81']
    lines, _ = run(words + questions, {}, cwd)
    check(lines[0] == f'connect:192.0.2.1:80: leads to 127.0.0.1:{servers.tcp} by --redirect-connect '
          f'192.0.2.1:80=127.0.0.1:{servers.tcp}: allow, by --connect 127.0.0.1:{servers.tcp}; held by the supervisor',
          'explain tells where it leads', lines[0])
    check('leads to [::1]:80' in lines[1] and 'EAFNOSUPPORT' in lines[1], 'and from which sockets it does not', lines[1])
    check(f'leads to unix:{cwd}/y' in lines[2] and ': deny (EACCES)' in lines[2], 'of socket files too', lines[2])
    check('leads to' not in lines[3], 'and what is not led anywhere', lines[3])
    told = json.loads('\n'.join(run(words + ['--json'] + questions, {}, cwd)[0][:-1]))['questions']
    check(told[0]['object'] == f'127.0.0.1:{servers.tcp}' and told[0]['redirect']['verdict'] == 'redirect' and
          told[3]['redirect'] is None, 'and programs', told)
    plan = json.loads('\n'.join(run(words + ['--json'], {}, cwd)[0][:-1]))
    rules = [rule for rule in plan['rules'] if rule['verdict'] == 'redirect']
    check(len(rules) == 3 and rules[0]['layer'] == 'supervisor' and rules[0]['notifies'] == ['connect', 'send'],
          'the plan has them', rules)


def main():
    if AS_USER and os.getuid() != 0:
        skip('only root can become another user')
    folder = os.path.realpath(tempfile.mkdtemp(prefix='reeve-leads-'))
    try:
        os.chmod(folder, 0o755)
        for name in ('real', 'work'):
            os.mkdir(f'{folder}/{name}')
        os.mkdir(f'{folder}/away')
        os.symlink('real', f'{folder}/link')
        os.makedirs(f'{folder}/{LONG}')
        os.symlink(f'{folder}/stream', f'{folder}/{LONG}/stream')
        os.chmod(f'{folder}/work', 0o777)
        os.umask(0)
        for program in (REEVE, PROGRAM):
            shutil.copy(program, folder)
        globals().update(REEVE=f'{folder}/{os.path.basename(REEVE)}', PROGRAM=f'{folder}/{os.path.basename(PROGRAM)}')
        servers = Servers(folder)
        for test in (compare, refuse, grant_nothing, explain):
            test(servers, f'{folder}/work')
    finally:
        shutil.rmtree(folder)
    print(f'{len(failures)} failures')
    sys.exit(bool(failures))


main()
