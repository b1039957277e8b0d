"""Runs under a policy with host names, and tries what the policy does not open. Prints what it got, as JSON."""
import errno
import json
import socket
import sys
import threading
import time

import dns

real = int(sys.argv[1])  # the port of the name server that must not be reached but through the resolver
got = {}


def attempt(function, *args):
    try:
        return function(*args)
    except OSError as error:
        return errno.errorcode.get(error.errno, str(error))


def ask(message, to=('10.255.255.53', 53), how='sendto', bind=False):
    kind = socket.SOCK_STREAM if how == 'tcp' else socket.SOCK_DGRAM
    family = socket.AF_INET6 if ':' in to[0] else socket.AF_INET
    with socket.socket(family, kind) as s:
        s.settimeout(60)
        if bind:
            s.bind(('', 0))
        if how == 'tcp':
            s.connect(to)
            s.sendall(len(message).to_bytes(2, 'big') + message)
            size = int.from_bytes(s.recv(2, socket.MSG_WAITALL), 'big')
            return s.recv(size, socket.MSG_WAITALL), s.getpeername()[:2]
        if how == 'connect':
            s.connect(to)
            s.send(message)
            return s.recv(65536), s.getpeername()[:2]
        if how == 'sendmsg':
            s.sendmsg([message], [], 0, to)
        else:
            s.sendto(message, to)
        answer, sender = s.recvfrom(65536)
        return answer, sender[:2]


def code(message, *args, **more):
    try:
        answer, sender = ask(message, *args, **more)
    except OSError as error:
        return errno.errorcode.get(error.errno, str(error))
    return [dns.Answer(answer).code, dns.Answer(answer).addresses, list(sender)]


def connect(ip, port, kind=socket.SOCK_STREAM):
    with socket.socket(socket.AF_INET, kind) as s:
        s.settimeout(60)
        s.connect((ip, port))
        return 'connected'


def leak(number):
    return dns.question(f'leak{number}.example')


# Every way to a name server, for a name that is named and one that is not.
for how in 'sendto', 'sendmsg', 'connect', 'tcp':
    for to in '10.255.255.53', '8.8.8.8', '127.0.0.1', '2001:4860:4860::8888':
        got[f'named {how} {to}'] = code(dns.question('api.example.org'), (to, 53), how)
        got[f'unnamed {how} {to}'] = code(leak(how), (to, 53), how)
got['bound'] = code(dns.question('api.example.org'), bind=True)
got['case and dot'] = code(dns.question('LEAK.Example.'))
got['nul'] = code(dns.question(b'\4api\0\7example\3org\0'))
got['dot inside'] = code(dns.question(b'\x0bapi.example\3org\0'))
got['long'] = code(dns.question((b'\x3f' + b'a' * 63) * 3 + b'\0'))
got['text'] = code(dns.question('api.example.org', dns.TXT))

# The name server itself.
got['server by udp'] = code(leak('direct'), ('127.0.0.1', real))
got['server by tcp'] = attempt(connect, '127.0.0.1', real)


def through_exchanged():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(2)
        s.connect(('10.255.255.53', 53))
        s.sendto(leak('exchanged'), ('127.0.0.1', real))
        return dns.Answer(s.recv(65536)).code


def through_copy():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s, s.dup() as copy:
        s.connect(('10.255.255.53', 53))
        return copy.send(leak('copy'))


def again():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.connect(('10.255.255.53', 53))
        s.connect(('127.0.0.1', real))
        s.send(leak('again'))
        s.settimeout(2)
        return dns.Answer(s.recv(65536)).code


got['through an exchanged socket'] = attempt(through_exchanged)
got['through a copy'] = attempt(through_copy)
got['connected again'] = attempt(again)

# Addresses that names stand for.
got['inside'] = code(dns.question('inside.example'))
got['inside connect'] = attempt(connect, '127.0.0.1', 8080)
got['before'] = attempt(connect, '203.0.113.6', 8080)
got['later asked'] = code(dns.question('later.example'))
got['after'] = attempt(connect, '203.0.113.6', 8080)
got['other port'] = attempt(connect, '203.0.113.6', 8081)
got['other host'] = attempt(connect, '203.0.113.66', 8080)
got['sorting'] = attempt(connect, '203.0.113.6', 9, socket.SOCK_DGRAM)


def sorting_send():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.connect(('203.0.113.6', 9))
        return s.send(b'x')


got['sorting send'] = attempt(sorting_send)


# A thread that swaps the address while it is looked at: of the port, of the address, of both.
def race():
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    end = time.monotonic() + 3
    targets = [bytes([2, 0]) + (53).to_bytes(2, 'big') + bytes([127, 0, 0, 1]) + bytes(8),
               bytes([2, 0]) + real.to_bytes(2, 'big') + bytes([127, 0, 0, 1]) + bytes(8)]
    address = ctypes.create_string_buffer(16)
    message = leak('race')

    def swap():
        while time.monotonic() < end:
            for target in targets:
                ctypes.memmove(address, target, 16)

    threads = [threading.Thread(target=swap) for _ in range(2)]
    for thread in threads:
        thread.start()
    count = 0
    while time.monotonic() < end:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as s:
            if count % 2:
                libc.sendto(s.fileno(), message, len(message), 0, address, 16)
            elif libc.connect(s.fileno(), address, 16) == 0:
                attempt(s.send, message)
        count += 1
    for thread in threads:
        thread.join()
    return count


got['races'] = race()

# An answer is good for its time, a connection for as long as it lasts.
if len(sys.argv) > 2:
    with socket.create_connection(('203.0.113.5', 8080)) as s:
        s.sendall(b'GET / HTTP/1.1\r\nHost: x\r\n\r\n')
        got['first'] = s.recv(15).decode()
        time.sleep(int(sys.argv[2]))
        got['too late'] = attempt(connect, '203.0.113.5', 8080)
        s.sendall(b'GET / HTTP/1.1\r\nHost: x\r\n\r\n')
        got['goes on'] = 'hello' in s.recv(65536).decode()
    got['asked again'] = code(dns.question('api.example.org'))[0]
    got['open again'] = attempt(connect, '203.0.113.5', 8080)
print(json.dumps(got))
