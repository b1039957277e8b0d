#!/usr/bin/env python3
"""twins.py USER REEVE BINDING: a program in a network of its own sees the same whether the command or the library holds
it; as `self` or as an ordinary user."""
import os
import subprocess
import sys
import tempfile

NOBODY = 65534
user, command, binding = sys.argv[1], os.path.realpath(sys.argv[2]), sys.argv[3]
if user == "ordinary":
    if os.geteuid() != 0:
        print("skip: the tests run as an ordinary user already")
        sys.exit(77)
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)
    os.environ["HOME"] = "/"
    os.environ.pop("TMPDIR", None)
    if not all(os.access(path, os.R_OK) for path in (command, os.environ["REEVE_LIBRARY"], binding)):
        print(f"skip: user {NOBODY} cannot reach {command}")
        sys.exit(77)
    # Root's own python, with its modules, may lie where others cannot reach it.
    python = next((p for p in (sys.executable, "/usr/bin/python3") if os.access(p, os.X_OK)), None)
    if not python:
        print("skip: no python3 that this user may run")
        sys.exit(77)
    os.execv(python, [python, __file__, "self", command, binding])
sys.dont_write_bytecode = True
sys.path[:0] = [binding]
import reeve  # noqa: E402

PROGRAM = r"""
import ctypes, errno, os, resource, signal, socket, struct, sys

libc = ctypes.CDLL(None, use_errno=True)
folder, outside = sys.argv[1], int(sys.argv[2])

def tell(what, function, *arguments):
    try:
        said = function(*arguments)
    except OSError as error:
        said = errno.errorcode.get(error.errno, error.errno)
    print(f"{what}: {said}", flush=True)

def text(path):
    with open(path) as file:
        return file.read()

def status(*keys):
    return [line.rstrip() for line in text("/proc/self/status").splitlines() if line.startswith(keys)]

def bound(family, kind, address, listens=False):
    with socket.socket(family, kind) as s:
        s.bind(address)
        if listens:
            s.listen()
        return "yes"

def reached(family, address):
    with socket.socket(family) as s, socket.socket(family) as c:
        s.bind(address)
        s.listen()
        c.connect(s.getsockname())
        peer = s.accept()[0]
        if family != socket.AF_UNIX:
            return "yes"
        return struct.unpack("3i", peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[1:]

def reach_outside():
    with socket.socket() as s:
        return errno.errorcode.get(s.connect_ex(("127.0.0.1", outside)), "reached")

def datagram():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        s.sendto(b"x", s.getsockname())
        return s.recv(1)

def credentials(uid):
    a, b = socket.socketpair()
    b.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
    a.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_CREDENTIALS, struct.pack("3i", os.getpid(), uid, os.getgid()))])
    return struct.unpack("3i", b.recvmsg(1, 100)[1][0][2])[1:]

def netlink(groups, name):
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as s:
        s.bind((0, groups))
        # RTM_NEWLINK, which takes CAP_NET_ADMIN.
        body = struct.pack("BxHiII", 0, 0, 1, 0, 1)
        s.sendto(struct.pack("IHHII", 16 + len(body), 16, 5, 1, 0) + body, (0, 0))
        return struct.unpack("i", s.recv(4096)[16:20])

def call(function, *arguments):
    return errno.errorcode[ctypes.get_errno()] if function(*arguments) < 0 else "done"

def owner(path):
    st = os.stat(path)
    return st.st_uid, st.st_gid

def nested():
    pid = os.fork()
    if pid == 0:
        if libc.unshare(0x10000000) < 0:
            os._exit(ctypes.get_errno())
        try:
            with open("/proc/self/uid_map", "w") as file:
                file.write(f"0 {uid} 1")
        except OSError as error:
            os._exit(100 + error.errno)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

uid = os.getuid()
file = os.path.join(folder, f"file-{os.getpid()}")
print(os.getresuid(), os.getresgid(), os.getgroups(), os.umask(0o22), os.getcwd() == folder)
print(status("Cap", "SigBlk", "SigIgn", "NoNewPrivs", "Seccomp:", "Groups", "Uid", "Gid"))
print([resource.getrlimit(limit) for limit in range(16)], text("/proc/self/uid_map").split())
tell("loopback", reached, socket.AF_INET, ("127.0.0.1", 0))
tell("loopback by IPv6", reached, socket.AF_INET6, ("::1", 0))
tell("outside", reach_outside)
tell("a low port", bound, socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", 80), True)
tell("a denied port", bound, socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", 8099), True)
tell("an address that is none", bound, socket.AF_INET, socket.SOCK_STREAM, ("192.0.2.1", 0))
tell("a datagram", datagram)
tell("an abstract name", reached, socket.AF_UNIX, b"\0own")
tell("a socket file", reached, socket.AF_UNIX, "socket")
tell("credentials", credentials, uid)
tell("others' credentials", credentials, 5)
tell("netlink", netlink, 0, None)
tell("netlink groups", netlink, 1, None)
tell("interfaces", socket.if_nameindex)
tell("its network", lambda: [line.split(":")[0].strip() for line in text("/proc/net/dev").splitlines()[2:]])
for name in "ipv4/ip_unprivileged_port_start", "ipv4/ip_local_port_range", "ipv4/ip_forward", "ipv4/conf/lo/forwarding":
    tell(name, text, "/proc/sys/net/" + name)
tell("settings", lambda: sorted(os.listdir("/proc/sys/net/ipv4/conf")))
tell("a setting", lambda: open("/proc/sys/net/ipv4/ip_forward", "w"))
tell("tun", lambda: os.close(os.open("/dev/net/tun", os.O_RDWR)))
tell("root's", owner, "/etc/passwd")
tell("its own", lambda: (os.close(os.open(file, os.O_CREAT | os.O_WRONLY, 0o4755)), owner(file), oct(os.stat(file).st_mode)))
tell("chown to itself", os.chown, file, uid, -1)
tell("chown to another", os.chown, file, 5, -1)
tell("chown by descriptor", lambda: os.fchown(os.open(file, os.O_RDONLY), 5, -1))
tell("an attribute", os.setxattr, file, "user.x", b"x")
tell("an ACL", os.setxattr, file, "system.posix_acl_access", struct.pack("<I", 2) + b"".join(
    struct.pack("<HHI", *entry) for entry in ((1, 7, 2**32 - 1), (2, 4, 5), (4, 4, 2**32 - 1), (16, 4, 2**32 - 1), (32, 4, 2**32 - 1))))
tell("hidden", owner, "/etc/hosts")
tell("the way back", lambda: call(libc.setns, os.open("/proc/self/ns/net", os.O_RDONLY), 0))
tell("a nested user namespace", nested)
tell("a tty", lambda: os.close(os.open("/dev/tty", os.O_RDWR)))
os.unlink(file)
os.unlink("socket")
"""


def rules_of(folder, more):
    return [("read", "/"), ("exec", "/"), ("write", folder), ("write", "/dev"), ("network", "own"),
            ("limit", "open-files=77"), *more]


def by_command(rules, argv, folder):
    flags = [word for key, value in rules for word in ("--" + key, value)]
    done = subprocess.run([command, "run", "--quiet", *flags, "--", *argv], cwd=folder, capture_output=True, text=True,
                          start_new_session=True)
    return done.stdout + done.stderr, done.returncode


# In a process that has no terminal either.
BY_LIBRARY = """
import json, os, sys
sys.dont_write_bytecode = True
sys.path.insert(0, sys.argv[1])
import reeve
rules, argv = json.loads(sys.argv[2])
policy = reeve.Policy()
for rule in rules:
    policy.rule(*rule)
with reeve.spawn(reeve.Plan(policy), argv) as run:
    code = run.wait()
sys.exit(code)
"""


def by_library(rules, argv, folder):
    import json
    done = subprocess.run([sys.executable, "-c", BY_LIBRARY, binding, json.dumps([rules, argv])], cwd=folder,
                          capture_output=True, text=True, start_new_session=True)
    return done.stdout + done.stderr, done.returncode


def compare(folder, port, more):
    rules = rules_of(folder, more)
    argv = [sys.executable, "-B", "-c", PROGRAM, folder, str(port)]
    twins = [hold(rules, argv, folder) for hold in (by_command, by_library)]
    different = [f"  command: {a}\n  library: {b}" for a, b in zip(*(twin[0].splitlines() for twin in twins)) if a != b]
    if twins[0] != twins[1] or twins[0][1] != 0:
        print(f"{more}: {twins[0][1]}, {twins[1][1]}")
        print("\n".join(different) if different else twins[0][0] + twins[1][0])
        return False
    return True


def main():
    import socket
    try:
        reeve.Plan(reeve.Policy().rule("network", "own"))
    except reeve.Error as error:
        if "this machine gives none" not in str(error):
            raise
        print("skip:", error)
        return 77
    with socket.socket() as listener, tempfile.TemporaryDirectory() as folder:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        same = [compare(folder, port, more) for more in (
            [],
            [("deny", "/nonexistent"), ("hide", "/etc/hosts")],
            [("deny-listen", "*:8099"), ("deny-connect", "192.0.2.1:1")],
            [("deny", "/nonexistent"), ("hide", "/etc/hosts"), ("deny-listen", "*:8099"), ("deny-connect", "unix:@other")],
        )]
    return 0 if all(same) else 1


sys.exit(main())
