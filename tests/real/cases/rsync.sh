# rsync: a tree copied with all that it has, copied again, what is gone removed. It compares times by the second: a
# folder that the case changes has an old time of its own before, or the second run tells of it only sometimes.
# needs: rsync
# plans: default
# looks: connect
mkdir -p from/a/b && seq 1000 >from/a/file && ln from/a/file from/hard && ln -s a/file from/link && chmod 640 from/a/file && touch -d @1500000000 from/a/file from/a from
rsync -aH from/ to/ && diff -r from to && stat -c '%A %h %Y %n' to/a/file to/a; echo more >>from/a/file; rm from/link; rsync -aiH --delete from/ to/; rsync -a missing to/; echo $?; rsync -a --inplace --checksum -z from/a/file to/a/file && cmp from/hard to/hard; touch -d @1500000000 from to from/a to/a */a/file */hard
