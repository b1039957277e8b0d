#!/usr/bin/env python3
"""binding.py USER TESTS EXAMPLE: the tests of the Python binding, and its example, as `self` or as an ordinary user."""
import os
import subprocess
import sys
import tempfile

NOBODY = 65534
user, tests, example = sys.argv[1:]
if user == "ordinary":
    if os.geteuid() != 0:
        print("skip: the tests run as an ordinary user already")
        sys.exit(77)
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)
    os.environ["HOME"] = "/"
    if not os.access(os.environ["REEVE_LIBRARY"], os.R_OK) or not os.access(tests, os.R_OK):
        print(f"skip: user {NOBODY} cannot reach {os.environ['REEVE_LIBRARY']}")
        sys.exit(77)
    # What sudo or su left of the caller's own temporary folder is closed to others.
    os.environ.pop("TMPDIR", None)
# The user may not reach the one that runs this.
python = next((p for p in (sys.executable, "/usr/bin/python3") if os.access(p, os.X_OK)), None)
if not python:
    print("skip: no python3 that this user may run")
    sys.exit(77)
environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
code = subprocess.run([python, tests], env=environment, check=False).returncode
with tempfile.TemporaryDirectory() as folder:
    said = subprocess.run([python, example, "/bin/sh", "-c", "echo seen; echo x >file; exit 3"], cwd=folder,
                          env=environment, check=False, capture_output=True, text=True)
    expected = f"""seen
refused: openat {os.path.realpath(folder)}/file: EACCES; --write {os.path.realpath(folder)}/file would allow it
exit code 3, supervised
"""
    if (said.stdout, said.returncode) != (expected, 0):
        print(f"embed.py: expected\n{expected}got {said.returncode}\n{said.stdout}{said.stderr}")
        code = 1
sys.exit(code)
