#!/usr/bin/env python3
"""Programs of every kind under a policy with host names, in a network of their own with a name server and web servers;
and one that attacks.

usage: programs.py root|ordinary REEVE fetch|attack|unguarded
"""
import fcntl
import http.server
import json
import os
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading

import dns

who, reeve, part = sys.argv[1], os.path.abspath(sys.argv[2]), sys.argv[3]
here = os.path.dirname(os.path.abspath(__file__))
NOBODY = 65534
ADDRESSES = '203.0.113.5', '203.0.113.6', '203.0.113.66'
LIFETIME = 60
failures = []
sink = None if 'NAMES_INSIDE' not in os.environ else socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
# Root's own python may lie where others cannot reach it.
identity = {'user': NOBODY, 'group': NOBODY, 'extra_groups': []} if who == 'ordinary' else {}
python = sys.executable if who == 'root' else '/usr/bin/python3' if os.path.exists('/usr/bin/python3') else None


def check(is_so, what):
    if not is_so:
        failures.append(what)
        print('FAILED:', what, flush=True)


def skip(why):
    print('skipped:', why)
    sys.exit(77)


def enter_own_network():
    """All of it again, in a network namespace; what a name server says is then no matter of the machine's."""
    if os.environ.get('NAMES_INSIDE'):
        return
    if who == 'ordinary' and os.geteuid() != 0:
        skip('the tests run as an ordinary user already')
    command = ['unshare', '-n' if os.geteuid() == 0 else '-Urn']
    if not shutil.which('unshare') or subprocess.run([*command, 'true'], capture_output=True).returncode:
        skip('no network namespace is to be had here')
    os.environ['NAMES_INSIDE'] = '1'
    os.execvp(command[0], [*command, sys.executable, *sys.argv])


def make_network():
    """The addresses are not the machine's own, as far as its interfaces tell: they stand for other machines."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        fcntl.ioctl(s, 0x8914, struct.pack('16sH14x', b'lo', 0x41).ljust(40, b'\0'))  # SIOCSIFFLAGS: up, running
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as s:
        for ip in ADDRESSES:
            # RTM_NEWROUTE: "local IP/32 dev lo" in the table of what is local.
            route = struct.pack('=8BI', socket.AF_INET, 32, 0, 0, 255, 4, 254, 2, 0)
            route += struct.pack('=HH4s', 8, 1, socket.inet_aton(ip)) + struct.pack('=HHI', 8, 4, 1)
            s.send(struct.pack('=IHHII', 16 + len(route), 24, 0x405, 1, 0) + route)
            error, = struct.unpack('=i', s.recv(4096)[16:20])
            if error:
                raise OSError(-error, 'no route to ' + ip)


class Page(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def do_GET(self):
        text = b'hello from %s\n' % self.server.server_address[0].encode()
        self.send_response(200)
        self.send_header('Content-Length', str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def handle(self):
        try:
            super().handle()
        except ConnectionError:
            pass  # some only connect

    def log_message(self, *args):
        pass


def changing():
    """A name that stands for another address each time."""
    count = 0

    def answer(query, how):
        nonlocal count
        if dns.asked_kind(query) == dns.A:
            count += 1
        return [dns.reply(query, [dns.address('changing.example', ADDRESSES[count % 2], 1)]
                          if dns.asked_kind(query) == dns.A else [])]
    return answer


def big(query, how):
    records = [dns.address('big.example', f'203.0.113.{n}') for n in (5, *range(100, 150))]
    kind = dns.asked_kind(query)
    if kind != dns.A:
        return [dns.reply(query)]
    return [dns.reply(query, [], flags=0x8380)] if how == 'udp' else [dns.reply(query, records)]


ZONE = {
    'api.example.org': [dns.alias('api.example.org', 'edge.cdn.example', 1), dns.address('edge.cdn.example', '203.0.113.5', 1),
                        dns.address('edge.cdn.example', '2001:db8::5', 1)],
    'a.wild.example': [dns.address('a.wild.example', '203.0.113.6')],
    'later.example': [dns.address('later.example', '203.0.113.6')],
    'inside.example': [dns.address('inside.example', '127.0.0.1')],
    'evil.example': [dns.address('evil.example', '203.0.113.66')],
    'changing.example': changing(),
    'big.example': big,
}
NAMED = [n for n in ZONE if n != 'evil.example']


class Run:
    def __init__(self, folder, server):
        self.folder, self.server = folder, server

    def start(self, command, rules=('api.example.org:8080', '*.wild.example:8080', 'later.example:8080', 'inside.example:8080',
                                    'changing.example:8080', 'big.example:8080'), options=()):
        records = os.path.join(self.folder, 'records')
        if os.path.exists(records):
            os.unlink(records)
        connect = [word for rule in rules for word in ('--connect', rule)]
        self.records_path = records
        return subprocess.Popen(
            [reeve, 'run', '--use', 'base', '--read', '/', '--exec', '/', '--write', self.folder, *options, *connect, '--dns',
             self.server.address, '--json', records, '--', *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True, cwd=self.folder, **identity)

    def run(self, *command, **more):
        process = self.start(command, **more)
        out, err = process.communicate(timeout=500)
        with open(self.records_path) as file:
            self.records = [json.loads(line) for line in file]
        self.err = err
        return process.returncode, out

    def refused(self):
        return {(r['call'], r['object']) for r in self.records if r.get('verdict') not in (None, 'allow')}


def build(folder):
    """Programs by the words to start them with; a host and a port follow."""
    programs = {'python3': [python, '-c', 'import sys, urllib.request as u; sys.stdout.write('
                            'u.urlopen(f"http://{sys.argv[1]}:{sys.argv[2]}").read().decode())']}
    made = {'gcc': ['-O1', '-o'], 'musl-gcc': ['-static', '-O1', '-o']}
    for compiler, flags in made.items():
        if shutil.which(compiler):
            out = os.path.join(folder, compiler + '-fetch')
            subprocess.run([compiler, *flags, out, os.path.join(here, 'fetch.c')], check=True)
            programs[compiler] = [out]
    if shutil.which('go'):
        out = os.path.join(folder, 'go-fetch')
        env = dict(os.environ, CGO_ENABLED='0', GOFLAGS='-mod=mod', GO111MODULE='off', GOPROXY='off', HOME=folder,
                   GOCACHE=os.path.join(folder, 'go-cache'))
        result = subprocess.run(['go', 'build', '-o', out, os.path.join(here, 'fetch.go')], env=env, capture_output=True, text=True)
        if result.returncode == 0:
            programs['go'] = ['/bin/sh', '-c', f'exec {out} "http://$0:$1"']
        else:
            print('go: left out, it does not build here:', result.stderr.strip())
    for name, words in {'curl': ['/bin/sh', '-c', 'exec curl -sS "http://$0:$1"'],
                        'node': ['node', '-e', '''const [host, port] = process.argv.slice(1);
                            fetch(`http://${host}:${port}`).then(r => r.text()).then(t => process.stdout.write(t))
                            .catch(e => { console.log(String(e.cause)); process.exit(1) })'''],
                        'node c-ares': ['node', '-e', '''const [host, port] = process.argv.slice(1);
                            require("dns").resolve4(host, (e, a) => {
                              if (e) { console.log(String(e)); process.exit(1) }
                              fetch(`http://${a[0]}:${port}`).then(r => r.text()).then(t => process.stdout.write(t))
                            })'''],
                        'perl': ['perl', '-MIO::Socket::INET', '-e', '''my $s = IO::Socket::INET->new("$ARGV[0]:$ARGV[1]")
                            or (print "$@\\n"), exit 1; print $s "GET / HTTP/1.0\\r\\n\\r\\n"; print while <$s>;'''],
                        }.items():
        if shutil.which(name.split()[0]):
            programs[name] = words
    for name in 'gcc', 'musl-gcc', 'go', 'curl', 'node', 'perl':
        if name not in programs:
            print(f'{name}: left out, it is not here')
    return programs


def asks(run, words):
    """A rule that asks about a name: what it stands for is learned, and each connection to that is asked about."""
    path = os.path.join(run.folder, 'ask.sock')
    for verdict, expected in ('deny', 'EACCES'), ('once', None):
        questions = []
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(path)
            os.chmod(path, 0o777)
            listener.listen(1)

            def answer():
                with listener.accept()[0] as peer:
                    for line in peer.makefile():
                        question = json.loads(line)
                        if 'ask' in question:
                            questions.append(question)
                            peer.sendall(json.dumps({'answer': question['ask'], 'verdict': verdict}).encode() + b'\n')

            thread = threading.Thread(target=answer, daemon=True)
            thread.start()
            code, out = run.run(*words, 'a.wild.example', '8080', options=('--ask-socket', path, '--ask-connect', '*.wild.example:8080'),
                                rules=('api.example.org:8080', ))
            thread.join(60)
        os.unlink(path)
        check((code == 0 and 'hello from 203.0.113.6' in out) == (expected is None), f'asked, {verdict}: {code} {out!r} {run.err!r}')
        check(len(questions) == 1, f'one question: {questions}')
        check([(q['object'], q['verdict'], q['rule']['text']) for q in questions] ==
              [('203.0.113.6:8080', 'ask', '*.wild.example:8080')], f'about the address, by the rule: {questions}')
        answers = [(r['answer'], r['errno']) for r in run.records if r.get('answer')]
        check(answers == [(verdict, expected)], f'and recorded: {answers}')


def fetch(run):
    for name, words in build(run.folder).items():
        for host in 'api.example.org', 'a.wild.example', 'changing.example', 'big.example':
            code, out = run.run(*words, host, '8080')
            expected = {'a.wild.example': '203.0.113.6', 'changing.example': '203.0.113.'}.get(host, '203.0.113.5')
            check(code == 0 and f'hello from {expected}' in out, f'{name} fetches from {host}: {code} {out!r} {run.err!r}')
            check(not run.refused(), f'{name}, {host}: nothing is refused: {run.refused()}')
        code, out = run.run(*words, 'evil.example', '8080')
        check(code != 0 and 'hello' not in out, f'{name} does not from evil.example: {code} {out!r}')
        check(('resolve', 'evil.example') in run.refused(), f'{name}: which is recorded: {run.refused()}')
        check('--connect evil.example:443' in run.err, f'{name}: and told: {run.err!r}')
        print(name, 'done', flush=True)
    asked = {name for _, name, _ in run.server.asked}
    check(asked <= set(NAMED), f'no word of an unnamed name leaves: {asked}')
    words = [python, '-c', 'import socket, sys; print("hello from", socket.create_connection((sys.argv[1], sys.argv[2])).getpeername()[0])']
    code, out = run.run(*words, 'api.example.org', '8080', rules=('tcp:api.example.org:8080', ))
    check(code == 0 and not run.refused(), f'a rule on TCP alone: {run.err!r}')
    asks(run, words)
    code, out = run.run(*words, 'evil.example', '8080', options=('--permissive', ))
    check(code == 0 and 'hello' in out, f'nothing is refused: {code} {out!r} {run.err!r}')
    check('--connect evil.example:443' in run.err and '203.0.113.66:8080' in run.err, f'and told: {run.err!r}')
    run.server.asked.clear()
    # Several of one tree at once.
    script = 'for i in 1 2 3 4 5 6 7 8; do ' + ' '.join(f"'{w}'" for w in [os.path.join(run.folder, 'gcc-fetch')]) + \
        ' a.wild.example 8080 & done; wait'
    if os.path.exists(os.path.join(run.folder, 'gcc-fetch')):
        code, out = run.run('/bin/sh', '-c', script)
        check(out.count('hello from 203.0.113.6') == 8, f'eight at once: {out!r}')
    kinds = {kind for _, _, kind in run.server.asked}
    check(kinds <= {dns.A, dns.AAAA}, f'and nothing but addresses is asked for: {kinds}')


def leads(run):
    """Redirects of addresses beside names: each has its own say."""
    words = [python, '-c', 'import sys, urllib.request as u; sys.stdout.write('
             'u.urlopen(f"http://{sys.argv[1]}:8080").read().decode())']

    def fetched(host, *options):
        code, out = run.run(*words, host, options=('--connect', '127.0.0.1:8081', *options))
        return out.strip() if code == 0 else run.err
    led = ['--redirect-connect', 'tcp:203.0.113.5:8080=127.0.0.1:8081']
    check(fetched('api.example.org', *led) == 'hello from 127.0.0.1', f'what a name stands for is led elsewhere: {run.err}')
    check(fetched('a.wild.example', *led) == 'hello from 203.0.113.6', f'and others go on: {run.err}')
    check('to 203.0.113.66:8080' in fetched('api.example.org', '--redirect-connect', '203.0.113.5:8080=203.0.113.66:8080'),
          f'what no rule opens stays closed: {run.err}')
    check(fetched('api.example.org', '--connect', '203.0.113.66:8080', '--redirect-connect',
                  '203.0.113.5:8080=203.0.113.66:8080') == 'hello from 203.0.113.66', f'and opens: {run.err}')
    check(fetched('api.example.org', '--redirect-connect', '*=127.0.0.1:8081') == 'hello from 127.0.0.1',
          f'the resolver is asked beside a redirect of everything: {run.err}')
    check('evil.example' in fetched('evil.example', '--redirect-connect', '*=127.0.0.1:8081'),
          f'and knows no other names: {run.err}')
    # Port 53 alone: the answers are not the resolver's, and open nothing.
    asked = ('--connect', run.server.address, '--redirect-connect', f'*:53={run.server.address}')
    check('203.0.113.66:8080' in fetched('evil.example', *asked), f'another name server is asked: {run.err}')
    check(fetched('evil.example', *asked, '--redirect-connect', '203.0.113.66:8080=127.0.0.1:8081') ==
          'hello from 127.0.0.1', f'and what it says may be led elsewhere: {run.err}')


def attack(run, guarded):
    late = LIFETIME + 5
    code, out = run.run(python, os.path.join(here, 'attack.py'), str(run.server.port), str(late))
    if code:
        sys.exit(f'the attack ended: {code} {out} {run.err}')
    got = json.loads(out)
    asked = {name for _, name, _ in run.server.asked}
    leaked = {name for name in asked if name not in NAMED}
    print(f'{got["races"]} races, {len(run.server.asked)} questions came')
    if not guarded:
        check(any(name.startswith('leak') for name in leaked), f'without the guard names leave: {asked}')
        check(got['inside'][:2] == [0, ['127.0.0.1']] and got['inside connect'] == 'connected', 'a name leads inside')
        check(got['too late'] == 'connected', 'an address stays open')
        return
    check(not leaked, f'no word of an unnamed name leaves: {leaked}')
    for key, value in got.items():
        if key.startswith('named') or key in ('bound', ):
            to = '10.255.255.53' if key == 'bound' else key.split()[-1]
            check(value == [0, ['203.0.113.5'], [to, 53]], f'{key}: {value}')
        elif key.startswith('unnamed') or key in ('case and dot', 'nul', 'dot inside', 'long'):
            check(value[0] == dns.NXDOMAIN and value[1] == [], f'{key}: {value}')
    check(got['text'][:2] == [0, []], f'text: {got["text"]}')
    check(got['server by udp'] == 'EACCES' and got['server by tcp'] == 'EACCES', 'the name server is out of reach')
    for key in 'through an exchanged socket', 'through a copy', 'connected again':
        check(isinstance(got[key], str), f'{key}: {got[key]}')
    check(got['inside'][:2] == [0, []] and got['inside connect'] == 'EACCES', f'a name does not lead inside: {got["inside"]}')
    check(got['before'] == 'EACCES' and got['after'] == 'connected', 'an address is open once it was answered')
    check(got['other port'] == 'EACCES' and got['other host'] == 'EACCES', 'and that one alone')
    check(got['sorting'] == 'connected', f'to look which address one would have: {got["sorting"]}')
    try:
        check(False, f'nothing comes of it: {sink.recv(1)}')
    except BlockingIOError:
        pass
    check('200 OK' in got['first'], f'a connection: {got["first"]}')
    check(got['too late'] == 'EACCES', f'not past its time: {got["too late"]}')
    check(got['goes on'], 'a connection goes on')
    check(got['asked again'] == 0 and got['open again'] == 'connected', 'asked again, it is open again')
    check(any('asks' in (r.get('why') or '') or 'ask' in (r.get('why') or '') for r in run.records), 'and the record says why')


def main():
    enter_own_network()
    make_network()
    sink.bind(('203.0.113.6', 9))
    server = dns.Server(ZONE)
    for ip in (*ADDRESSES, '127.0.0.1'):
        for port in 8080, 8081:
            web = http.server.ThreadingHTTPServer((ip, port), Page)
            web.daemon_threads = True
            threading.Thread(target=web.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory() as folder:
        if who == 'ordinary':
            os.chmod(folder, 0o777)
            if subprocess.run([reeve, 'version'], capture_output=True, **identity).returncode or not python:
                skip(f'user {NOBODY} cannot reach what is to be run')
        run = Run(folder, server)
        code, out = run.run('true')
        if code == 125 and 'namespace' in run.err:
            skip(run.err.strip())
        if part == 'fetch':
            fetch(run)
        elif part == 'leads':
            leads(run)
        else:
            attack(run, part == 'attack')
    print(f'{len(failures)} failures')
    sys.exit(bool(failures))


main()
