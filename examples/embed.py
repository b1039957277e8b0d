#!/usr/bin/env python3
"""Runs a command that may read the system and write nothing, and tells what it was refused and what would allow it:
embed.py COMMAND [ARGUMENT...]"""
import sys

import reeve

result = reeve.run(sys.argv[1:], read=["/"], exec=["/"], deny=["~/.ssh"], capture=True)
sys.stdout.buffer.write(result.stdout)
for record in result.denied:
    print(f"refused: {record['call']} {record['object']}: {record['errno']}; {record['allow_flag']} would allow it")
print(f"exit code {result.code}, {result.summary['notifications'] > 0 and 'supervised' or 'not supervised'}")
