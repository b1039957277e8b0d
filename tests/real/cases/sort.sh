# What does not fit into memory goes to the temporary folder, and leaves it.
# plans: default
seq 60000 | sort -S 100K --parallel=2 -R | sort -S 100K -n | cksum; sort -T . -S 100K <(seq 30000) | cksum; sort -T /nonexistent -S 100K <(seq 30000) 2>&1 | cut -c1-40; echo "$(mktemp)" | sed "s,^$TMPDIR/.*,ours,"; rm -f "$TMPDIR"/tmp.*
