#!/usr/bin/env python3
"""fetch.py URL: the beginning of what is there."""
import sys
import urllib.error
import urllib.request

try:
    print(urllib.request.urlopen(sys.argv[1], timeout=20).read().decode()[:60])
except urllib.error.URLError as error:
    sys.exit(f"fetch.py: {sys.argv[1]}: {error.reason}")
