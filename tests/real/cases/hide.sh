# Hidden files: as if they were not there.
# needs: python3
# hide: secret folder/hidden hiddenfolder
cat secret; ls -l secret; stat secret; test -e secret; echo $?; test -d hiddenfolder || echo none; [ -r folder/hidden ] || echo none
cat seen folder/seen; ls -l seen folder/seen | cut -c1-10; stat -c %s seen; test -e seen; echo $?
cat hiddenfolder/in; ls hiddenfolder; find hiddenfolder; cat folder/../secret; cat ./folder/./hidden; cat "$PWD/secret"
cat link; readlink link; stat -L link; ls -L link; test -e link || echo dangling
rm secret; mv secret x; cp secret x; chmod 600 secret; touch -c secret; ln secret x; head -1 <secret; source ./secret; ./secret; du secret; wc secret; grep mark secret; file=$(<secret)
python3 - <<'PYTHON'
import os
for path in ('secret', 'folder/hidden', 'hiddenfolder', 'hiddenfolder/in', 'seen'):
    for call in (os.stat, os.lstat, os.readlink, os.listdir, os.unlink if path != 'seen' else os.stat, os.rmdir, os.listxattr, os.statvfs):
        try:
            call(path); print(call.__name__, path, 'worked')
        except OSError as problem:
            print(call.__name__, path, problem.strerror)
    print(os.access(path, os.F_OK), os.path.exists(path))
PYTHON
mkdir target && cp seen target && cp -p seen folder/seen target/. ; mv target/seen folder && install -m 600 -t target seen && ln -s seen target/ && ln seen target/hard
cp seen hiddenfolder/in; cp -t hiddenfolder seen; ls target folder/seen; ln -s x secret/; rm -r target
