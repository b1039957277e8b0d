# Python: compiling a hundred modules, temporary files, processes, threads, a database, an environment.
# needs: python3
# varying: environment/bin/* environment/pyvenv.cfg
# looks: connect listen
mkdir package
for i in $(seq 100); do printf 'import os\ndef f%d(x):\n    return x * %d\n' "$i" "$i" >"package/m$i.py"; done
touch package/__init__.py && touch -d @1600000000 package/*.py
python3 -m compileall -q -j 2 package && ls package/__pycache__ | wc -l
python3 -c 'import package.m7, package.m93; print(package.m7.f7(6), package.m93.f93(1))'
python3 - <<'PYTHON'
import os, tempfile, shutil, pathlib, mmap, stat
with tempfile.TemporaryDirectory(dir='.') as folder:
    with tempfile.NamedTemporaryFile(dir=folder) as named:
        named.write(b'x' * 5000); named.flush()
        print(os.path.getsize(named.name), oct(stat.S_IMODE(os.stat(named.name).st_mode)))
    with tempfile.TemporaryFile(dir=folder) as unnamed:
        unnamed.write(b'y' * 300000); unnamed.seek(0); print(len(unnamed.read()), os.fstat(unnamed.fileno()).st_nlink)
with tempfile.TemporaryFile() as elsewhere:
    print(elsewhere.write(b'z'))
with open('mapped', 'w+b') as file:
    file.truncate(8192)
    with mmap.mmap(file.fileno(), 0) as memory:
        memory[4096:4101] = b'hello'
path = pathlib.Path('deep/er/and/deeper'); path.mkdir(parents=True); (path / 'file').write_text('text')
shutil.copytree('deep', 'copy', symlinks=True); shutil.move('copy', 'moved'); shutil.rmtree('deep')
os.symlink('moved', 'link'); print(sorted(os.listdir('link')), os.path.realpath('link') == os.path.abspath('moved'))
for wrong in ('missing', 'mapped/x', '', 'a' * 300, 'a/' * 2100):
    for call in (os.stat, os.listdir, os.unlink, os.rmdir, os.readlink, open, os.chdir):
        try:
            call(wrong)
        except OSError as problem:
            print(call.__name__, wrong[:10], problem.errno)
with os.scandir('moved') as entries:
    print([(entry.name, entry.is_dir()) for entry in entries])
fd = os.open('moved', os.O_RDONLY); os.mkdir('at', dir_fd=fd); os.rename('at', 'to', src_dir_fd=fd, dst_dir_fd=fd)
os.chmod('to', 0o700, dir_fd=fd); os.utime('to', (1, 2), dir_fd=fd); print(os.stat('to', dir_fd=fd).st_mtime)
os.setxattr('mapped', 'user.note', b'noted'); print(os.listxattr('mapped'), os.getxattr('mapped', 'user.note'))
PYTHON
cat >many.py <<'PYTHON'
import multiprocessing, subprocess, sys, threading, sqlite3, os, concurrent.futures, socket
def square(x):
    with open(f'square-{x}', 'w') as file:
        file.write(str(x * x))
    return x * x
if __name__ == '__main__':
    for how in ('fork', 'spawn', 'forkserver'):
        context = multiprocessing.get_context(how)
        with context.Pool(2) as pool:
            print(how, sum(pool.map(square, range(20))))
        queue = context.Queue(); process = context.Process(target=queue.put, args=('queued',)); process.start()
        print(queue.get()); process.join(); print(process.exitcode)
    print(subprocess.run(['sh', '-c', 'echo out; echo err >&2; exit 5'], capture_output=True))
    print(subprocess.run('cat | tr a-z A-Z', shell=True, input=b'through', stdout=subprocess.PIPE).stdout)
    try:
        subprocess.run(['./nothing-here'])
    except OSError as problem:
        print(problem)
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        print(sum(pool.map(lambda i: len(open(f'square-{i % 20}').read()), range(400))))
    base = sqlite3.connect('base.db'); base.execute('pragma journal_mode=wal')
    base.execute('create table t(a, b)')
    with base:
        base.executemany('insert into t values(?, ?)', [(i, i * i) for i in range(1000)])
    print(base.execute('select sum(b) from t').fetchone()); base.close()
    try:
        sqlite3.connect('missing/base.db')
    except sqlite3.Error as problem:
        print(problem)
    left, right = socket.socketpair(); left.send(b'pair'); print(right.recv(9))
    sys.exit(4)
PYTHON
python3 many.py
echo "python3 said $?"
rm -rf __pycache__
python3 -m venv --without-pip environment && environment/bin/python -c 'import sys; print(sys.prefix != sys.base_prefix)'
ls environment environment/bin
