# The small tools that make, move, change and remove files.
# looks: connect
mkdir -p deep && cd deep && for i in $(seq 60); do mkdir "level$i" && cd "level$i" && echo "$i" >file || exit; done && cd "$OLDPWD/.." || exit
while [ "$(basename "$PWD")" != work ]; do cd .. || exit; done
cp -a deep copied && diff -r deep copied && mv copied moved && find moved -type f | wc -l && rm -rf deep && find moved | xargs -P4 -n8 stat -c %F | sort | uniq -c
seq 200 | xargs -P4 -I{} sh -c 'echo {} >made-{}' && find . -name 'made-*' -print0 | xargs -0 -P4 -n10 cat | sort -n | tail -1 && find . -maxdepth 1 -name 'made-*' -delete
ln moved/level1/file hard && ln -s moved link && ln -sf hard link2 && ln -sfn . link3 && ln -sT there "$PWD/absolute" && readlink link link2 link3 absolute && readlink -f link/level1/..
ln hard link; ln -s x hard; ln missing y; ln moved z; ln -f hard link2 && stat -c '%n %h %F' hard link2
install -d -m 2750 made/by/install && install -m 640 hard made/by/install/hard && install -D -p -m 755 /bin/true made/true && made/true && echo true ran
touch -d '2001-02-03 04:05:06.789' dated && stat -c '%y %n' dated && touch -r dated also && touch -a -d @5 also && stat -c '%X %Y' also && touch -c never && touch -h -d @7 link && stat -c %Y link
touch missing/x; touch ''; mkdir made; mkdir -p made/by/install; mkdir missing/x; mkdir -m 700 shut; rmdir made; rmdir missing; rmdir moved/level1/file
chmod -R u=rwX,g=rX,o= moved && chmod -R a-w made/by && chmod u+s,g+s,+t hard && chmod -x link3/hard; chmod 644 missing; chmod 600 link2; stat -c '%a %n' hard link2 moved moved/level1/file
mv hard soft && mv -n soft link2 && mv soft moved && mv moved/soft . && mv -T made unmade && mv missing x; mv unmade moved/level1; mv moved moved/level1; mv soft missing/; mv -t . moved/level1/unmade
cp soft soft; cp missing x; cp moved x; mkdir moved/level1/level2/x && cp -r moved/level1/level2/level3 moved/level1/level2/x; cp -l soft linked && cp -s soft symbolic && cp -p dated kept && stat -c %Y kept && cp --reflink=auto soft reflinked && cp --remove-destination soft symbolic && cp -u soft symbolic
mkfifo pipe && (echo through the pipe >pipe & cat pipe) && test -p pipe && echo a pipe
printf 'b 2\na 1\nc 3\n' >table && sed -i 's/^b/B/' table && sed -i.bak 2d table && cat table table.bak && sed -i s/x/y/ missing; sed -n w,written table; sed -n 'w written' table
seq 20000 | sort -R --random-source=/bin/true | sort -n -S 20k -T . --parallel=2 -o sorted && tail -1 sorted && sort -o table -r table && cat table && sort -u missing
split -n 3 sorted part- && cat part-* | cmp - sorted && head -c 100000 /dev/zero >zeros && truncate -s 10 zeros && truncate -s +5 zeros && dd if=sorted of=piece bs=100 skip=3 count=2 conv=notrunc status=none && tr '\n' ' ' <piece && shred -u piece
fallocate -l 4096 allocated; ls -l allocated | cut -c1-10; tee one two <soft >/dev/null; csplit -s sorted 5 10 && cmp xx00 <(head -4 sorted)
test -r soft && test -w soft && test ! -x missing && test -d moved && test -L link && test -s sorted && test soft -ef linked && test also -nt dated; echo "test said $?"
ls -la moved/level1 | awk '{print $1, $2, $5, $9}'; ls missing; ls -R moved | wc -l; du -a moved/level1/level2/level3/level4 | wc -l; find . -newer dated -name soft; find . -perm -2000; find . -xtype l; realpath link/level1 | sed "s,$PWD,HERE,"
rm missing; rm moved; rm -f missing; rm -d shut; rm -r pipe; unlink soft; unlink moved; rm link/; rm -rf moved/level1/level2 && ls moved/level1; (cd moved/level1 && rm -rf ../../moved; pwd -P; ls; touch x); rm -rf . ..
true <missing; echo >moved/none; cat <&7; : >also && stat -c %s also; chown "$(id -u):$(id -g)" table && chgrp "$(id -g)" table; sync -d table && echo synced; mktemp -d -p . | tr -d -c /. ; rmdir tmp.*; mktemp -u a-XXXX >/dev/null && pathchk -p also && nl table && df . >/dev/null && echo done
