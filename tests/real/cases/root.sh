# What only root may do.
# user: root
# looks: connect
touch file && chown 1000:1001 file && chown -h 7:8 file && ln -s file link && chown -h 9:9 link && chgrp 55 file && stat -c '%u:%g %n' file link
mknod pipe p && chmod 4755 file && chown 5 file && stat -c %a file
setpriv --reuid 1234 --regid 1234 --clear-groups sh -c 'id -u; touch file; touch theirs; mkdir theirs; cat link; echo x >file; rm file; chmod 777 file; ln file hard; ls'
mkdir -m 777 open && setpriv --reuid 1234 --regid 1235 --clear-groups sh -c 'cd open && touch mine && mkdir dir && ln -s x link && mkfifo p && stat -c "%u:%g %n" *; chown 0 mine; chmod 4711 mine; chgrp 1235 mine; ln mine two; mv mine three; rm -f two; touch -d @5 three; stat -c "%a %Y" three; umask 077; touch umasked; stat -c %a umasked'
mkdir -m 2775 group && chgrp 77 group && touch group/in && mkdir group/folder && stat -c '%a %u:%g' group/in group/folder && mkdir -m 1777 sticky && touch sticky/roots && setpriv --reuid 1234 --regid 1234 --clear-groups rm -f sticky/roots; ls sticky
setpriv --reuid 1234 --regid 1234 --groups 77 sh -c 'echo yes >group/member; stat -c %u:%g group/member'
chmod 000 file && cat file && setpriv --bounding-set -all --inh-caps -all sh -c 'cat file; echo x >>file; chown 3 file; chmod 700 file; touch -d @9 file'
