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
open:/var/lib/dpkg/status:r
allow read /var/lib/dpkg
open:/var/log/syslog:r
deny EACCES no rule
open:/root/x:r
deny EACCES no rule
open:/run/docker.sock:rw
deny EACCES no rule
open:/tmp/.X11-unix/X0:rw
deny EACCES no rule
open:~/.npm/_cacache/x:w
allow write ~/.npm
connect:127.0.0.1:80
deny EACCES no rule
connect:udp:8.8.8.8:53
deny EACCES no rule
listen:127.0.0.1:8080
deny EACCES no rule
connect:unix:/run/docker.sock
deny EACCES no rule
connect:unix:/run/user/1000/bus
deny EACCES no rule
connect:unix:@/tmp/.X11-unix/X0
deny EACCES no rule
connect:unix:/home/me/work/socket
allow write .
listen:unix:/home/me/work/socket
allow write .
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

{use: [base, system]}
exec:/usr/bin/env
allow exec /usr
open:/etc/passwd:r
allow read /etc
open:/home/me/work/a.c:r
deny EACCES no rule
open:~/.gitconfig:r
deny EACCES no rule

{use: home}
open:~/.gitconfig:r
allow read ~/.gitconfig
exec:~/.local/bin/tool
allow exec ~/.local/bin
open:~/.ssh/config:r
deny EACCES ~/.ssh
open:~/.cache/x:r
deny EACCES no rule

{use: offline-build}
exec:/usr/bin/gcc
allow exec /usr
open:/home/me/work/out/a.o:rw
allow write .
exec:/home/me/work/configure
allow exec .
open:~/.cargo/registry/src/x/lib.rs:r
allow exec ~/.cargo/registry
open:~/.cargo/registry/src/x/lib.rs:w
deny EACCES no rule
open:~/go/pkg/mod/x:w
deny EACCES no rule
open:~/.m2/repository/x.jar:r
allow read ~/.m2/repository
open:~/.npm/_cacache/x:w
deny EACCES no rule
open:~/.cache/go-build/00/x:rw
allow write ~/.cache/go-build
open:~/.cache/mozilla/x:r
deny EACCES no rule
open:~/.aws/credentials:r
deny EACCES ~/.aws
connect:127.0.0.1:80
deny EACCES no rule

{use: loopback}
connect:127.0.0.1:8080
allow connect 127.0.0.0/8:*
connect:127.9.9.9:1
allow
connect:[::1]:5432
allow connect [::1]:*
connect:udp:127.0.0.1:53
allow
connect:0.0.0.0:8080
allow
listen:127.0.0.1:8080
allow listen 127.0.0.0/8:*
listen:[::1]:8080
allow
listen:*:8080
deny EACCES no rule
connect:10.0.0.1:80
deny EACCES no rule
listen:10.0.0.1:80
deny EACCES no rule

{use: network-client}
connect:93.184.216.34:443
allow connect *:443
connect:[2606:2800::1]:80
allow connect *:80
connect:tcp:93.184.216.34:22
allow
connect:udp:93.184.216.34:22
deny EACCES no rule
connect:93.184.216.34:25
deny EACCES no rule
connect:udp:8.8.8.8:53
allow
connect:udp:127.0.0.53:53
allow connect 127.0.0.0/8:53
connect:udp:192.168.1.1:53
allow
connect:192.168.1.1:80
deny EACCES 192.168.0.0/16:*
connect:127.0.0.1:80
deny EACCES 127.0.0.0/8:*
connect:0.0.0.0:443
deny EACCES
connect:[::1]:443
deny EACCES [::1]:*
connect:169.254.169.254:80
deny EACCES 169.254.0.0/16:*
connect:[fd00::1]:443
deny EACCES [fc00::]/7:*
connect:[::ffff:10.0.0.1]:443
deny EACCES 10.0.0.0/8:*
listen:127.0.0.1:8080
deny EACCES no rule
open:/home/me/work/a.c:rw
allow write .

{use: network-client, network: [{connect: "192.168.1.7:443"}]}
connect:192.168.1.7:443
allow connect 192.168.1.7:443
connect:192.168.1.8:443
deny EACCES 192.168.0.0/16:*

{use: observe}
open:/etc/shadow:rw
allow write /
exec:/srv/tool
allow exec /
connect:1.2.3.4:5
allow connect *:*
listen:*:1
allow listen *:*
connect:unix:/run/docker.sock
allow
connect:unix:@name
allow
