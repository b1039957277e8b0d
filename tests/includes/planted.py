#!/usr/bin/env python3
"""The check of includes must see each breach that is planted here, at its place, and nothing in a clean tree."""
import pathlib
import subprocess
import sys
import tempfile

CHECK = sys.argv[1]
CLEAN = {
    "src/base/path.h": "#pragma once\n",
    "src/kernel/uapi.h": '#include "base/path.h"\n#include <linux/seccomp.h>\n',
    "src/kernel/notify.c": "int f(int fd)\n{\n\treturn ioctl(fd, SECCOMP_IOCTL_NOTIF_SEND, 0);\n}\n",
    "src/policy/policy.h": '#include "base/path.h"\n',
    "src/supervise/exchange.h": '#include "policy/policy.h"\n',
    "src/supervise/decode.h": '#include "supervise/exchange.h"\n',
    "src/supervise/decide.h": '#include "supervise/exchange.h"\n',
    "src/supervise/answer.h": '#include "supervise/exchange.h"\n',
    "src/supervise/act/act.h": '#include "supervise/exchange.h"\n',
    "src/supervise/act/open.c": '#include "supervise/act/act.h"\n#include "supervise/exchange.h"\n'
    '#include "supervise/decide.h"\n#include "supervise/decode.h"\n',
    "src/supervise/loop.c": '#include "supervise/decode.h"\n#include "supervise/act/act.h"\n',
    "src/cli/main.c": '#include <reeve/reeve.h>\n#include "reeve/reeve.h"\n#include "supervise/exchange.h"\n'
    "/* process_vm_readv(1) is only spoken of */\nconst char *s = \"seccomp(2), // pidfd_open(2)\";\n",
}
# file, its text, the line that must be named, and a word of the message
PLANTED = [
    ("src/policy/parse.c", '#include "policy.h"\n', 1, "folder"),
    ("src/base/text.c", '\n#include "policy/policy.h"\n', 2, "below policy"),
    ("src/policy/late.c", '#include "supervise/exchange.h"\n', 1, "below supervise"),
    ("src/kernel/late.c", "/* a\n * b */\n#  include  \"policy/policy.h\"\n", 3, "below policy"),
    ("src/supervise/act/send.c", '#include "supervise/answer.h"\n', 1, "each other"),
    ("src/supervise/decide.c", '#include "supervise/decode.h"\n', 1, "each other"),
    ("src/record/late.c", '#include "supervise/exchange.h"\n', 1, "below supervise"),
    ("src/supervise/decode_path.c", '#include "supervise/act/act.h"\n', 1, "each other"),
    ("src/supervise/answer.c", "int f(int fd)\n{\n\treturn ioctl(fd,\n\t\tSECCOMP_IOCTL_NOTIF_ADDFD, 0);\n}\n", 3, "ioctl"),
    ("src/launch/child.c", "int f(void)\n{\n\treturn syscall(SYS_landlock_restrict_self, 1, 0);\n}\n", 3, "system call"),
    ("src/target/memory.c", "long f(void)\n{\n\treturn process_vm_readv(1, 0, 0, 0, 0, 0);\n}\n", 3, "process_vm"),
    ("src/target/task.c", "int f(void)\n{\n\treturn pidfd_open(1, 0);\n}\n", 3, "pidfd"),
    ("src/launch/wear.c", "int f(void)\n{\n\treturn seccomp (1, 0, 0);\n}\n", 3, "seccomp"),
    ("src/cli/run.c", '#include "nowhere/x.h"\n', 1, "no room"),
    ("src/cli/explain.c", '#include "plan/gone.h"\n', 1, "does not exist"),
    ("src/cli/check.c", "#include <policy/policy.h>\n", 1, "is ours"),
]


def run(files):
    with tempfile.TemporaryDirectory() as top:
        for name, text in files.items():
            path = pathlib.Path(top, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        done = subprocess.run([sys.executable, CHECK, top], capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr


failures = []
status, said = run(CLEAN)
if status != 0:
    failures.append(f"a clean tree was refused ({status}):\n{said}")
for name, text, line, word in PLANTED:
    status, said = run({**CLEAN, name: text})
    hit = [row for row in said.splitlines() if row.startswith(f"{name}:{line}: ") and word in row]
    if status != 1 or len(hit) != 1 or "1 breaches" not in said:
        failures.append(f"{name}: expected one breach at line {line} with '{word}', got {status}:\n{said}")
for failure in failures:
    print(failure)
print(f"{len(PLANTED) + 1 - len(failures)} of {len(PLANTED) + 1} as expected")
sys.exit(1 if failures else 0)
