"""Servers outside of the target: those that it may reach, and those that tell when it reached them."""
import os
import socket
import threading

GOOD, BAD = '127.0.0.1', '127.0.0.2'
LED = '127.0.0.3'  # nobody is there: the policy leads to the good one


class Servers:
    """The good ones answer on one port of 127.0.0.1 and ::1; the bad ones on the same port of 127.0.0.2, on another
    port, and behind socket files that the policy does not give."""

    def __init__(self, place):
        self.reached = []
        self.place = place
        self.sockets = []
        self.over = threading.Event()
        self.threads = []
        self.port = self.both()
        self.other = self.pair(GOOD, 0, True)
        self.has_ipv6 = self.ipv6()
        for name, bad in [('work/good', False), ('work/closed/bad', True), ('readonly/bad', True)]:
            for kind, suffix in [(socket.SOCK_STREAM, '.stream'), (socket.SOCK_DGRAM, '.dgram')]:
                path = os.path.join(place.root, name + suffix)
                self.serve(socket.AF_UNIX, kind, path, bad)
                os.chmod(path, 0o777)

    def both(self):
        """A port that is free on both addresses."""
        for _ in range(100):
            port = self.pair(GOOD, 0, False)
            try:
                return self.pair(BAD, port, True)
            except OSError:
                continue  # another's
        raise OSError('no port is free on both addresses')

    def ipv6(self):
        try:
            self.serve(socket.AF_INET6, socket.SOCK_STREAM, ('::1', self.port), False)
            self.serve(socket.AF_INET6, socket.SOCK_DGRAM, ('::1', self.port), False)
        except OSError:
            return False
        return True

    def pair(self, address, port, bad):
        """TCP and UDP on one port."""
        for _ in range(100):
            first = self.serve(socket.AF_INET, socket.SOCK_STREAM, (address, port), bad)
            number = first.getsockname()[1]
            try:
                self.serve(socket.AF_INET, socket.SOCK_DGRAM, (address, number), bad)
                return number
            except OSError:
                if port:
                    raise
        raise OSError('no port is free for both TCP and UDP')

    def serve(self, family, kind, address, bad):
        server = socket.socket(family, kind)
        if kind == socket.SOCK_STREAM and family != socket.AF_UNIX:
            server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind(address)
        if kind == socket.SOCK_STREAM:
            server.listen(1000)
        server.settimeout(0.1)
        self.sockets.append(server)
        thread = threading.Thread(target=self.answer, args=(server, kind, address, bad))
        thread.start()
        self.threads.append(thread)
        return server

    def answer(self, server, kind, address, bad):
        while not self.over.is_set():
            try:
                if kind == socket.SOCK_STREAM:
                    connection, _ = server.accept()
                    connection.close()
                    text = b''
                else:
                    text = server.recv(1000)
            except TimeoutError:
                continue
            except OSError:
                continue
            if bad:
                self.reached.append(f'{kind.name} {address} was reached {text!r}')
            elif b'EVIL' in text:
                self.reached.append(f'{kind.name} {address} got what was swapped in')

    def swap(self, path, targets):
        """A link that leads to one and the other in turn, changed by somebody whom nothing holds up."""
        thread = threading.Thread(target=self.swap_until_over, args=(path, targets))
        thread.start()
        self.threads.append(thread)

    def swap_until_over(self, path, targets):
        while not self.over.is_set():
            for target in targets:
                os.symlink(target, path + '.next')
                os.rename(path + '.next', path)

    def flags(self, name):
        words = ['--connect', f'{GOOD}:{self.port}', '--connect', 'unix:' + self.place.work + '/good.dgram']
        if name == 'net-led':
            words += ['--redirect-connect', f'{LED}:{self.port}={GOOD}:{self.port}', '--deny-connect', f'{BAD}:*']
        return words + (['--connect', f'[::1]:{self.port}'] if self.has_ipv6 else [])

    def environment(self):
        return dict(os.environ, NET_PORT=str(self.port), NET_OTHER=str(self.other))

    def done(self):
        self.over.set()
        for thread in self.threads:
            thread.join()
        for server in self.sockets:
            server.close()
        return self.reached[:3]
