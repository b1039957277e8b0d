#!/usr/bin/env python3
"""resolving.py USER BINDING NAMES: host names of a policy in a process of one's own, which has a name server beside; as
`self` or as an ordinary user. NAMES is the folder of dns.py."""
import errno
import os
import sys
import time

NOBODY = 65534
user, binding, names = sys.argv[1:]
if user == "ordinary":
    if os.geteuid() != 0:
        print("skip: the tests run as an ordinary user already")
        sys.exit(77)
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)
    os.environ["HOME"] = "/"
    os.environ.pop("TMPDIR", None)
    if not all(os.access(path, os.R_OK) for path in (os.environ["REEVE_LIBRARY"], binding, names)):
        print(f"skip: user {NOBODY} cannot reach {os.environ['REEVE_LIBRARY']}")
        sys.exit(77)
    # Root's own python, with its modules, may lie where others cannot reach it.
    python = next((p for p in (sys.executable, "/usr/bin/python3") if os.access(p, os.X_OK)), None)
    if not python:
        print("skip: no python3 that this user may run")
        sys.exit(77)
    os.execv(python, [python, __file__, "self", binding, names])
sys.dont_write_bytecode = True
sys.path[:0] = binding, names
import dns  # noqa: E402
import reeve  # noqa: E402

PROGRAM = """
import dns, errno, socket, sys

def ask(name):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(100)
        s.connect(("192.0.2.53", 53))
        s.send(dns.question(name))
        return dns.Answer(s.recv(4096))

def reach(ip):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        return s.connect_ex((ip, 4433)) == errno.EACCES

print(reach("203.0.113.5"), ask("api.example").addresses, reach("203.0.113.5"), ask("evil.example").code,
      ask("inside.example").addresses, reach("203.0.113.6"))
"""
EXPECTED = f"True ['203.0.113.5'] False {dns.NXDOMAIN} [] True\n"
failures = []


def check(is_so, what):
    if not is_so:
        failures.append(what)
        print("FAILED:", what)


def held():
    return len(os.listdir("/proc/self/fd")), len(os.listdir("/proc/self/task"))


def run():
    return reeve.run([sys.executable, "-c", PROGRAM], use=["base"], read=["/"], exec=["/"],
                     connect=["udp:api.example:4433", "udp:inside.example:4433"], limits={"wall-time": "10m"},
                     name_server=server.address, env={**os.environ, "PYTHONPATH": names}, capture=True)


server = dns.Server({"api.example": [dns.address("api.example", "203.0.113.5")],
                     "inside.example": [dns.address("inside.example", "127.0.0.1")],
                     "evil.example": [dns.address("evil.example", "203.0.113.6")]})
try:
    result = run()
except reeve.Error as error:
    if error.errno in (errno.EPERM, errno.EACCES, errno.ENOSPC, errno.EUSERS):
        print(f"skip: no network namespace is to be had here: {error}")
        sys.exit(77)
    raise
before = held()
for _ in range(3):
    result = run()
    check(result.stdout.decode() == EXPECTED, f"{result.stdout!r} {result.stderr!r} instead of {EXPECTED}")
    refused = [record["object"] for record in result.denied if record.get("operation") == "resolve"]
    check(refused == ["evil.example", "inside.example = 127.0.0.1"], f"the records have {refused}")
check(all(name in ("api.example", "inside.example") for _, name, _ in server.asked), f"asked for {server.asked}")
end = time.time() + 60
while held() > before and time.time() < end:  # a thread that was joined may be seen for a moment
    time.sleep(0.01)
check(all(now <= then for now, then in zip(held(), before)), f"{held()} descriptors and threads instead of {before}")
try:
    os.waitpid(-1, os.WNOHANG)
    check(False, "a process stays")
except ChildProcessError:
    pass
sys.exit(1 if failures else 0)
