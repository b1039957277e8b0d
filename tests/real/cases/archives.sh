# Archives that keep modes, times and links, and what compresses them.
# needs: tar gzip xz
# looks: connect
mkdir -p from/folder && cd from && seq 1000 >numbers && ln numbers again && ln -s numbers link && ln -s nowhere dangling
mkfifo pipe && touch empty && chmod 640 empty && chmod 4755 again && chmod 1777 folder && seq 9 >folder/nine
mkdir shut && touch shut/in && chmod 500 shut && touch -h -d @1600000000 link && touch -d @1500000000 folder/nine folder && cd ..
tar cf one.tar --sort=name --mtime=@1600000000 from && tar tvf one.tar && mkdir out && tar xpf one.tar -C out
diff -r --no-dereference from/numbers out/from/numbers && stat -c '%n %A %h %s %Y' out/from/folder/nine out/from/* | sort
tar czf two.tgz --sort=name --mtime=@1600000000 -C from . && tar tzf two.tgz ./numbers
tar xzf two.tgz ./numbers ./folder && ls folder
tar cJf three.txz --sort=name --mtime=@1600000000 from && xz -t three.txz && tar -xOf three.txz from/folder/nine | tail -1
cp numbers n && gzip -n n && ls -l n.gz | cut -c1-10 && gunzip n.gz && xz -k n && xz -dc n.xz | cmp - n && gzip n n.xz; gzip -d n.gz
gzip missing; tar xf missing.tar; tar xf one.tar --to-command='wc -l' from/numbers from/again; tar xkf one.tar 2>&1 | sort | head -3
tar xf one.tar --overwrite && tar df one.tar | sort
