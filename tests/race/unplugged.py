#!/usr/bin/env python3
"""Sockets of UDP that no rule is about must reach nobody: unplugged.py REEVE WHO EXPECT

WHO is self; ordinary: uid 65534; dropped: a program of that user under reeve run by root. EXPECT is hold, or fall: the
command was built without its guards, and root has to get through. Listeners outside, on every address of a network
namespace of the test's own (where that is to be had), count what arrives, and send to where the program listens."""
import ctypes
import fcntl
import os
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading

NOBODY = 65534
MARK = b'this must not arrive'
HOST, ISLAND = '10.99.0.1', '10.99.0.2'  # the two ends of a pair that root makes
SKIPPED = 77


# ---- inside ----

NEWLINK, NEWADDR = 16, 20
REQUEST = 0x5  # with an acknowledgement
CREATE = 0x600
GIFINDEX, SIFFLAGS, SIFADDR, SIFNETMASK, GSKNS = 0x8933, 0x8914, 0x8916, 0x891c, 0x894c
NS_GET_USERNS = 0xb701
IP_PKTINFO = 8
NEWUSER, NEWNET = 0x10000000, 0x40000000


def attribute(kind, data):
    return struct.pack('HH', 4 + len(data), kind) + data + bytes(-len(data) % 4)


def ask_kernel(kind, flags, body):
    """0 or an errno."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as route:
        route.send(struct.pack('IHHII', 16 + len(body), kind, REQUEST | flags, 1, 0) + body)
        answer = route.recv(8192)
    return -struct.unpack_from('i', answer, 16)[0]


def link_message(index=0, flags=0):
    return struct.pack('BxHiII', socket.AF_UNSPEC, 0, index, flags, flags)


def tie(pid):
    """A pair of interfaces, one of them where the process lives. Or an errno."""
    peer = link_message() + attribute(3, b'inner\0') + attribute(19, struct.pack('I', pid))
    info = attribute(1, b'veth\0') + attribute(2, attribute(1, peer))
    r = ask_kernel(NEWLINK, CREATE, link_message() + attribute(3, b'outer\0') + attribute(18, info))
    if r == 0:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp:
            index = struct.unpack_from('i', fcntl.ioctl(tcp, GIFINDEX, struct.pack('16s16x', b'outer')), 16)[0]
        address = struct.pack('BBBBI', socket.AF_INET, 24, 0, 0, index) + attribute(2, socket.inet_aton(HOST))
        r = ask_kernel(NEWADDR, CREATE, address) or ask_kernel(NEWLINK, 0, link_message(index, 1))
    return r


def configure(udp):
    """The other end, by requests on a socket that lives there."""
    for request, value in (SIFADDR, ISLAND), (SIFNETMASK, '255.255.255.0'):
        fcntl.ioctl(udp, request, struct.pack('16sHH4s8x', b'inner', socket.AF_INET, 0, socket.inet_aton(value)))
    fcntl.ioctl(udp, SIFFLAGS, struct.pack('16sH14x', b'inner', 0x41))


def attempt(what, *arguments):
    try:
        return what(*arguments)
    except (OSError, OverflowError, ValueError):
        return None


def send_all_ways(udp, family, address):
    message = [MARK]
    targets = [address]
    if family == socket.AF_INET6 and ':' not in address[0]:
        targets.append(('::ffff:' + address[0], address[1]))
    for to in targets:
        for flags in 0, socket.MSG_DONTROUTE, socket.MSG_CONFIRM, socket.MSG_DONTWAIT, 0x8000:
            attempt(udp.sendto, MARK, flags, to)
        attempt(udp.sendmsg, message, [], 0, to)
        for index in range(0, 4):
            attempt(udp.sendmsg, message, [(socket.IPPROTO_IP, IP_PKTINFO, struct.pack('i4s4s', index, bytes(4), bytes(4)))],
                    0, to)
            attempt(udp.sendmsg, message, [(socket.IPPROTO_IPV6, socket.IPV6_PKTINFO,
                                            struct.pack('16si', bytes(16), index))], 0, to)
        attempt(udp.connect, to)
        for way in (lambda: udp.send(MARK), lambda: os.write(udp.fileno(), MARK),
                    lambda: os.writev(udp.fileno(), message), lambda: udp.sendmsg(message),
                    lambda: os.sendfile(udp.fileno(), os.open(__file__, os.O_RDONLY), 0, 100)):
            attempt(way)
        attempt(udp.connect, ('', 0))


def sockets():
    made = []
    for family in socket.AF_INET, socket.AF_INET6:
        made.append((family, attempt(socket.socket, family, socket.SOCK_DGRAM)))
        for device in b'lo', b'eth0', b'outer', b'inner':
            udp = attempt(socket.socket, family, socket.SOCK_DGRAM)
            if udp:
                attempt(udp.setsockopt, socket.SOL_SOCKET, 25, device)
                attempt(udp.setsockopt, socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
                made.append((family, udp))
    return [pair for pair in made if pair[1]]


def send_everywhere(port):
    for family, udp in sockets():
        for host in ('127.0.0.1', '127.9.9.9', '::1', '0.0.0.0', HOST, '10.99.0.255', '255.255.255.255', '224.0.0.251',
                     'ff02::1', '10.98.0.1'):
            send_all_ways(udp, family, (host, port))
        udp.close()


def by_others(port):
    """A thread, a child, a program, and whoever is given a socket."""
    thread = threading.Thread(target=send_everywhere, args=(port,))
    thread.start()
    thread.join()
    one, other = socket.socketpair()
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    socket.send_fds(one, [b'x'], [udp.fileno()])
    udp.close()
    pid = os.fork()
    if pid == 0:
        fds = socket.recv_fds(other, 1, 1)[1]
        send_all_ways(socket.socket(fileno=fds[0]), socket.AF_INET, ('127.0.0.1', port))
        send_everywhere(port)
        os._exit(0)
    os.waitpid(pid, 0)
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    os.set_inheritable(udp.fileno(), True)
    subprocess.run([sys.executable, '-c', 'import socket, sys; s = socket.socket(fileno=int(sys.argv[1])); s.sendto('
                    f'{MARK!r}, ("127.0.0.1", {port}))', str(udp.fileno())], pass_fds=[udp.fileno()],
                   stderr=subprocess.DEVNULL)


def helper():
    """The process that makes them, as anybody can see it."""
    for name in os.listdir('/proc'):
        try:
            with open(f'/proc/{name}/comm') as file:
                if file.read() == 'reeve-unplugged\n':
                    yield int(name)
        except (OSError, ValueError):
            pass


def reach_helper(port):
    """What would lead to its network, or take from it what is not meant."""
    libc = ctypes.CDLL(None, use_errno=True)
    for pid in helper():
        for path in 'ns/net', 'ns/user', 'mem', 'root', 'fd/0':
            if attempt(os.open, f'/proc/{pid}/{path}', os.O_RDONLY) is not None:
                print('LEAK: opened', path)
        pidfd = os.pidfd_open(pid)
        for number in range(4):
            if libc.syscall(438, pidfd, number, 0) >= 0:
                print('LEAK: a descriptor of the process was had')
        if libc.setns(pidfd, NEWNET) == 0:
            print('LEAK: entered by the process')
        if libc.ptrace(0x4206, pid, 0, 0) == 0:
            print('LEAK: traced')


def enter(port):
    """Into the namespace of a socket, where its owner may; there is nothing either."""
    pid = os.fork()
    if pid:
        os.waitpid(pid, 0)
        return
    libc = ctypes.CDLL(None, use_errno=True)
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    network = attempt(fcntl.ioctl, udp, GSKNS)
    if network is not None:
        user = attempt(fcntl.ioctl, network, NS_GET_USERNS)
        if user is not None:
            libc.setns(user, NEWUSER)
        if libc.setns(network, NEWNET) == 0:
            print('entered')
            for kind in (socket.AF_PACKET, socket.SOCK_RAW), (socket.AF_INET, socket.SOCK_RAW):
                if attempt(socket.socket, *kind, socket.IPPROTO_UDP):
                    print('LEAK: another kind of socket')
        send_everywhere(port)
    sys.stdout.flush()
    os._exit(0)


def tied(port, heard):
    """Root's own way: an interface of the machine in the namespace of the sockets."""
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    for pid in helper():
        r = tie(pid)
        print('tied' if r == 0 else f'not tied: {os.strerror(r)}')
        if r:
            continue
        configure(udp)
        for option in 26, 27, 44:  # filters
            attempt(udp.setsockopt, socket.SOL_SOCKET, option, 0)
        listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        listener.bind(('', heard))
        listener.settimeout(0.05)
        print('listening', flush=True)
        for _ in range(40):
            attempt(udp.sendto, MARK, (HOST, port))
            send_all_ways(udp, socket.AF_INET, (HOST, port))
            if attempt(listener.recv, 100):
                print('LEAK: heard something')
                break


def inside(port, heard):
    # That there is one.
    first = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    send_everywhere(port)
    by_others(port)
    reach_helper(port)
    enter(port)
    tied(port, heard)
    send_everywhere(port)
    first.close()
    print('done', flush=True)


# ---- outside ----

class Listeners:
    """On every address, and at everybody's ear."""

    def __init__(self):
        self.arrived = []
        self.over = threading.Event()
        self.sockets = []
        self.port = 0
        for family in socket.AF_INET6, socket.AF_INET:
            try:
                listener = socket.socket(family, socket.SOCK_DGRAM)
                if family == socket.AF_INET6:
                    listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                listener.bind(('', self.port))
            except OSError:
                continue
            self.port = listener.getsockname()[1]
            listener.settimeout(0.05)
            self.sockets.append(listener)
        reserved = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        reserved.bind(('127.0.0.1', 0))
        self.heard = reserved.getsockname()[1]
        self.threads = [threading.Thread(target=self.listen, args=(one,)) for one in self.sockets]
        self.threads.append(threading.Thread(target=self.speak, args=(reserved,)))
        for thread in self.threads:
            thread.start()

    def listen(self, listener):
        while not self.over.is_set():
            try:
                self.arrived.append(listener.recvfrom(1000))
            except socket.timeout:
                pass

    def speak(self, speaker):
        speaker = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        while not self.over.wait(0.01):
            attempt(speaker.sendto, MARK, (ISLAND, self.heard))

    def works(self):
        before = len(self.arrived)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            udp.sendto(b'x', ('127.0.0.1', self.port))
        while len(self.arrived) == before:
            self.over.wait(0.01)
        del self.arrived[:]

    def end(self):
        self.over.set()
        for thread in self.threads:
            thread.join()


def become_ordinary():
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)


def outside(reeve, who, expect):
    if (who != 'self' or expect == 'fall') and os.geteuid() != 0:
        print('SKIP: only root can become another user, and tie networks together')
        return SKIPPED
    place = os.path.realpath(tempfile.mkdtemp(prefix='reeve-race-'))
    listeners = Listeners()
    try:
        listeners.works()
        os.chmod(place, 0o777)
        for source in reeve, __file__:
            shutil.copy(source, place)
            os.chmod(os.path.join(place, os.path.basename(source)), 0o755)
        line = [os.path.join(place, os.path.basename(reeve)), 'run', '--read', '/', '--exec', '/', '--write', place,
                '--quiet', '--']
        if who == 'dropped':
            line += ['setpriv', '--reuid', str(NOBODY), '--regid', str(NOBODY), '--clear-groups', '--']
        line += ['python3', os.path.join(place, os.path.basename(__file__)), '--inside', str(listeners.port),
                 str(listeners.heard)]
        result = subprocess.run(line, cwd=place, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                preexec_fn=become_ordinary if who == 'ordinary' else None)
    finally:
        listeners.end()
        shutil.rmtree(place)
    said = result.stdout.splitlines()
    if 'done' not in said:
        if any('No such file' not in line and 'Permission denied' in line for line in said[-1:]):
            print('SKIP: no network namespace is to be had here')
            return SKIPPED
        print('FAIL: it did not come to its end:', result.stdout)
        return 1
    leaks = [line for line in said if line.startswith('LEAK')]
    print(f'{len(listeners.arrived)} arrived, {leaks}; {[line for line in said if line not in leaks]}')
    if expect == 'fall':
        return 0 if listeners.arrived and leaks else 1
    if who == 'self' and os.geteuid() == 0 and 'tied' not in said:
        print('FAIL: root could not even try')
        return 1
    return 1 if listeners.arrived or leaks else 0


def main():
    if sys.argv[1] == '--inside':
        return inside(int(sys.argv[2]), int(sys.argv[3]))
    if sys.argv[1] != '--apart' and os.geteuid() == 0:
        # Interfaces come and go: not on the machine's own network.
        os.execvp('unshare', ['unshare', '-n', '--', 'python3', __file__, '--apart', *sys.argv[1:]])
    if sys.argv[1] == '--apart':
        fcntl.ioctl(socket.socket(), SIFFLAGS, struct.pack('16sH14x', b'lo', 1))
    arguments = [word for word in sys.argv[1:] if word != '--apart']
    return outside(*arguments)


if __name__ == '__main__':
    sys.exit(main())
