# rsync: a tree copied with all that it has, copied again, what is gone removed.
# needs: rsync
# plans: default
# looks: connect
mkdir -p from/a/b && seq 1000 >from/a/file && ln from/a/file from/hard && ln -s a/file from/link && chmod 640 from/a/file && touch -d @1500000000 from/a/file from/a
rsync -aH from/ to/ && diff -r from to && stat -c '%A %h %Y %n' to/a/file to/a; echo more >>from/a/file; rm from/link; rsync -aiH --delete from/ to/; rsync -a missing to/; echo $?; rsync -a --inplace --checksum -z from/a/file to/a/file && cmp from/hard to/hard; touch -d @1500000000 from to from/a to/a */a/file */hard
