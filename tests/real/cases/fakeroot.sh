# fakeroot: owners that are none, kept over two runs.
# needs: fakeroot
# plans: default
# varying: state
# looks: connect
fakeroot -s state sh -c 'id -u; touch f && chown 7:8 f && stat -c %u:%g f && mknod null c 1 3 && stat -c %F null' && fakeroot -i state tar cf - --mtime=@0 f null | tar tvf -; fakeroot true; echo $?
