#!/usr/bin/env python3
"""nameserver.py ADDRESS NAME...: a name server on a free port that knows these names only; prints its port."""
import socket
import struct
import sys

address, *names = sys.argv[1:]
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.1", 0))
print(server.getsockname()[1], flush=True)
while True:
    query, peer = server.recvfrom(4096)
    end = 12
    labels = []
    while query[end]:
        labels.append(query[end + 1:end + 1 + query[end]].decode().lower())
        end += query[end] + 1
    question, (kind,) = query[12:end + 5], struct.unpack("!H", query[end + 1:end + 3])
    known = ".".join(labels) in names
    answer = b"\xc0\x0c" + struct.pack("!HHIH", 1, 1, 60, 4) + socket.inet_aton(address) if known and kind == 1 else b""
    header = query[:2] + struct.pack("!HHHHH", 0x8180 if known else 0x8183, 1, 1 if answer else 0, 0, 0)
    server.sendto(header + question + answer, peer)
