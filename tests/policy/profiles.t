# The built-in profiles.

{use: workspace}
open:/usr/bin/env:r
allow exec /usr
exec:/usr/bin/env
allow exec /usr
open:/usr/bin/env:w
deny EACCES no rule
open:/etc/passwd:r
allow read /etc
open:/home/me/work/a.c:rw
allow write .
exec:/home/me/work/a.out
allow exec .
open:~/.ssh/id_rsa:r
deny EACCES ~/.ssh
open:~/.aws/credentials:r
deny EACCES ~/.aws
open:~/.npmrc:r
deny EACCES ~/.npmrc
open:~/notes.txt:r
deny EACCES no rule
open:~/.gitconfig:r
allow read ~/.gitconfig
open:~/.gitconfig:w
deny EACCES no rule
open:~/.cache/pip/x:rw
allow write ~/.cache
open:~/.cargo/registry/x:w
allow write ~/.cargo/registry
open:~/.cargo/credentials.toml:r
deny EACCES ~/.cargo/credentials.toml
open:~/.local/share/keyrings/login.keyring:r
deny EACCES ~/.local/share/keyrings
open:~/.mozilla/firefox/x:r
deny EACCES ~/.mozilla
open:/tmp/x:w
deny EACCES no rule
open:/tmp/reeve-test/x:w
allow write ${REEVE_TMP}
open:/dev/null:rw
allow write /dev/null
open:/dev/urandom:r
allow read /dev/urandom
open:/dev/sda:r
deny EACCES no rule
open:/proc/cpuinfo:r
allow read /proc
open:/proc/sys/kernel/core_pattern:w
deny EACCES no rule
within:/home/me/work
no
within:/usr
no
within:/home/me/.cache
no

{use: [workspace, secrets]}
open:/home/me/work/.env:r
deny EACCES **/.env
open:/home/me/work/.env.local:r
deny EACCES
open:/home/me/work/.env.production:r
deny EACCES
open:/home/me/work/.env.test:r
deny EACCES
open:/home/me/work/.env.staging:r
deny EACCES
open:/home/me/work/.env.example:r
allow write .
open:/home/me/work/.env.sample:r
allow write .
open:/home/me/work/.env.template:r
allow write .
open:/home/me/work/deploy/prod.pem:r
deny EACCES **/*.pem
open:/usr/lib/python3/certifi/cacert.pem:r
allow read /usr/**/*.pem
open:/home/me/work/venv/lib/certifi/cacert.pem:r
allow
open:/home/me/work/id_ed25519:r
deny EACCES **/id_ed25519
open:/home/me/work/id_ed25519.pub:r
allow write .

{use: secrets}
open:/srv/app/.env.example:r
deny EACCES no rule

{use: readonly}
open:~/notes.txt:r
allow exec /
exec:/srv/tool
allow exec /
open:~/notes.txt:w
deny EACCES no rule
open:/tmp/reeve-test/x:w
allow
open:/dev/null:w
allow

{use: strict}
exec:/usr/bin/true
allow exec /usr
open:/etc/shadow:r
deny EACCES no rule
open:/home/me/work/x:r
deny EACCES no rule
open:/tmp/reeve-test/x:w
deny EACCES no rule
open:/dev/null:w
allow write /dev/null

{use: base}
open:/usr/bin/true:r
deny EACCES no rule
open:/dev/pts/3:rw
allow write /dev/pts

# The current folder is the home folder: the places of secrets stay closed.
{use: workspace, files: [{write: ~}]}
open:~/notes.txt:w
allow write ~
open:~/.ssh/id_rsa:r
deny EACCES ~/.ssh
open:~/.netrc:w
deny EACCES ~/.netrc
