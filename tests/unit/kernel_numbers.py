#!/usr/bin/env python3
"""Writes the system calls that the installed kernel headers know, as rows {architecture, name, number}.

    kernel_numbers.py OUTPUT ARCHITECTURE COMPILER...

ARCHITECTURE is what COMPILER builds for. Headers of aarch64 that lie beside those of the system are read too.
"""
import os
import re
import subprocess
import sys

BESIDE = {"aarch64": "/usr/aarch64-linux-gnu/include"}
NOT_CALLS = {"syscalls", "arch_specific_syscall"}


def numbers(compiler):
    text = subprocess.run(compiler + ["-E", "-dM", "-x", "c", "-"], input="#include <asm/unistd.h>\n",
                          capture_output=True, text=True, check=True).stdout
    macros = dict(re.findall(r"^#define (__NR\w*) (\w+)$", text, re.M))
    for macro, value in macros.items():
        name = macro.removeprefix("__NR_")
        if name == macro or name in NOT_CALLS:
            continue
        while value in macros:
            value = macros[value]
        if value.isdigit():
            yield name, int(value)


def main():
    output, native, compiler = sys.argv[1], sys.argv[2], sys.argv[3:]
    found = {native: list(numbers(compiler))}
    for arch, folder in BESIDE.items():
        if arch not in found and os.path.exists(folder + "/asm/unistd.h"):
            found[arch] = list(numbers(compiler + ["-nostdinc", "-I" + folder]))
    with open(output, "w") as rows:
        for arch, calls in found.items():
            for name, number in sorted(calls, key=lambda call: call[1]):
                rows.write(f'{{SYSCALLS_{arch.upper()}, "{name}", {number}}},\n')


main()
