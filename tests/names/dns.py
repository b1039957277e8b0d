"""The domain name system in small: messages, and a name server for tests that says whatever it is told to."""
import ipaddress
import socket
import struct
import threading

A, CNAME, PTR, TXT, AAAA, OPT, HTTPS = 1, 5, 12, 16, 28, 41, 65
NOERROR, FORMERR, SERVFAIL, NXDOMAIN, NOTIMP, REFUSED = range(6)


def name(text):
    return b''.join(bytes([len(l)]) + l.encode('latin-1') for l in text.split('.') if l) + b'\0'


def question(text, kind=A, number=7, flags=0x100, edns=False):
    wire = text if isinstance(text, bytes) else name(text)
    tail = b'\0' + struct.pack('>HHIH', OPT, 1232, 0, 0) if edns else b''
    return struct.pack('>6H', number, flags, 1, 0, 0, bool(edns)) + wire + struct.pack('>HH', kind, 1) + tail


def record(owner, kind, ttl, data):
    return name(owner) + struct.pack('>HHIH', kind, 1, ttl, len(data)) + data


def address(owner, ip, ttl=300):
    ip = ipaddress.ip_address(ip)
    return record(owner, A if ip.version == 4 else AAAA, ttl, ip.packed)


def alias(owner, target, ttl=300):
    return record(owner, CNAME, ttl, name(target))


def reply(query, records=(), code=NOERROR, number=None, asked=None, flags=0x8180):
    end = question_end(query)
    return (struct.pack('>6H', number if number is not None else struct.unpack('>H', query[:2])[0], flags | code, 1,
                        len(records), 0, 0) + (asked if asked is not None else query[12:end]) + b''.join(records))


def question_end(message):
    at = 12
    while message[at]:
        at += message[at] + 1
    return at + 5


def read_name(message, at):
    labels, end = [], None
    while message[at]:
        if message[at] & 0xc0:
            end = end or at + 2
            at = (message[at] & 0x3f) << 8 | message[at + 1]
            continue
        labels.append(message[at + 1:at + 1 + message[at]].decode('latin-1'))
        at += message[at] + 1
    return '.'.join(labels), end or at + 1


def asked_name(query):
    return read_name(query, 12)[0]


def asked_kind(query):
    return struct.unpack('>H', query[question_end(query) - 4:][:2])[0]


class Answer:
    def __init__(self, message):
        self.number, flags, questions, answers, _, self.additional = struct.unpack('>6H', message[:12])
        self.code, self.truncated = flags & 15, bool(flags & 0x200)
        self.question, at = read_name(message, 12) if questions else (None, 12)
        at += 4 if questions else 0
        self.addresses, self.aliases, self.ttl = [], [], None
        for _ in range(answers):
            _, at = read_name(message, at)
            kind, _, self.ttl, length = struct.unpack('>HHIH', message[at:at + 10])
            data = message[at + 10:at + 10 + length]
            if kind == CNAME:
                self.aliases.append(read_name(message, at + 10)[0])
            else:
                self.addresses.append(str(ipaddress.ip_address(data)))
            at += 10 + length
        self.rest = message[at:]


class Server:
    """`zone` maps a name to a function of the question that gives a list of messages to send; or, for short, to a
    list of records, which are given by type. Every question is kept in `asked` with how it came."""

    def __init__(self, zone, ip='127.0.0.1', port=0):
        self.zone, self.asked = zone, []
        self.udp, self.tcp = self.bound(ip, port)
        self.port = self.udp.getsockname()[1]
        self.address = f'{ip}:{self.port}'
        for serve in (self.serve_udp, self.serve_tcp):
            threading.Thread(target=serve, daemon=True).start()

    @staticmethod
    def bound(ip, port):
        """Sockets of both kinds on one port: the given one, or any that is free for both."""
        for _ in range(1 if port else 100):
            udp, tcp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM), socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                udp.bind((ip, port))
                tcp.bind(udp.getsockname())
                tcp.listen(64)
                return udp, tcp
            except OSError:
                udp.close()
                tcp.close()
        raise OSError('no port is free for both UDP and TCP')

    def answers(self, query, how):
        host = asked_name(query)
        self.asked.append((how, host, asked_kind(query)))
        zone = self.zone.get(host)
        if zone is None:
            return [reply(query, code=NXDOMAIN)]
        if callable(zone):
            return zone(query, how)
        kind = asked_kind(query)
        return [reply(query, [r for r in zone if CNAME == kind_of(r) or kind == kind_of(r)])]

    def serve_udp(self):
        while True:
            query, client = self.udp.recvfrom(65536)
            for message in self.answers(query, 'udp'):
                self.udp.sendto(message, client)

    def serve_tcp(self):
        while True:
            client, _ = self.tcp.accept()
            threading.Thread(target=self.serve_client, args=(client,), daemon=True).start()

    def serve_client(self, client):
        with client:
            while True:
                head = client.recv(2, socket.MSG_WAITALL)
                if len(head) < 2:
                    return
                query = client.recv(struct.unpack('>H', head)[0], socket.MSG_WAITALL)
                for message in self.answers(query, 'tcp'):
                    client.sendall(struct.pack('>H', len(message)) + message)


def kind_of(wire):
    return struct.unpack('>H', wire[read_name(wire, 0)[1]:][:2])[0]
