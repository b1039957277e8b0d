#!/usr/bin/env python3
"""answer.py SOCKET WORD: answers the questions that `reeve run --ask-socket SOCKET` asks: yes, for this once, to what
has WORD in it, and no to all else. Each line says what was answered."""
import json
import os
import socket
import sys

path, word = sys.argv[1:]
listener = socket.socket(socket.AF_UNIX)
listener.bind(path)
listener.listen()
print("listening", flush=True)
peer, _ = listener.accept()
os.unlink(path)
with peer, peer.makefile("rw", encoding="utf-8") as lines:
    for line in lines:
        question = json.loads(line)
        if "ask" not in question:
            continue
        verdict = "once" if word in (question["object"] or "") else "deny"
        print(f"{question['program']} asks for {question['object']}: {verdict}", flush=True)
        lines.write(json.dumps({"answer": question["ask"], "verdict": verdict}) + "\n")
        lines.flush()
