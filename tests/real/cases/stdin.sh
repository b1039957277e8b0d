# Started with its standard input closed: a descriptor 0 that comes later is an ordinary one.
# stdin: closed
cat; echo "cat said $?"; ls /proc/self/fd | head -1; cat <nothing; echo some >file && cat file && head -1 <file; sort </dev/null; python3 -c 'import sys; print(sys.stdin); print(open("file").fileno())'
