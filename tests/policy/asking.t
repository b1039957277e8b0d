# What asks is asked about on every access, whether or not a wider rule allows it.

{files: [{ask: ~/Documents}]}
open:~/Documents/letter:r
ask EACCES ~/Documents
open:~/Documents/letter:w
ask EACCES ~/Documents
exec:~/Documents/tool
ask EACCES ~/Documents
open:~/Documents:r
ask EACCES ~/Documents
open:~/Documentsx:r
deny EACCES no rule
open:~/x:r
deny EACCES no rule

{files: [{write: ~}, {ask: ~/Documents}]}
open:~/Documents/letter:rw
ask EACCES ~/Documents
open:~/x:rw
allow write ~
exec:~/x
deny EACCES no rule
exec:~/Documents/x
ask EACCES ~/Documents

# In whatever order.
{files: [{ask: ~/Documents}, {write: ~}]}
open:~/Documents/letter:rw
ask EACCES ~/Documents

# With an error of its own.
{files: [{ask: ~/Documents, errno: ENOENT}]}
open:~/Documents/letter:r
ask ENOENT ~/Documents

# An allow that lies strictly inside needs no question; for what it does not grant there is one.
{files: [{ask: ~/Documents}, {read: ~/Documents/open}]}
open:~/Documents/open/letter:r
allow read ~/Documents/open
open:~/Documents/open/letter:w
ask EACCES ~/Documents
open:~/Documents/open/letter:rw
ask EACCES ~/Documents
open:~/Documents/letter:r
ask EACCES ~/Documents

{files: [{read: ~/Documents/open}, {ask: ~/Documents}]}
open:~/Documents/open/letter:r
allow read ~/Documents/open

# An allow at the same place changes nothing.
{files: [{read: /a}, {ask: /a}]}
open:/a/b:r
ask EACCES /a
open:/a:r
ask EACCES /a

# A deny or hide wins where both cover it,
{files: [{ask: /a}, {deny: /a}]}
open:/a/b:r
deny EACCES /a

{files: [{hide: /a}, {ask: /a}]}
open:/a/b:r
hide /a

{files: [{ask: /a}, {deny: /a/b, errno: EPERM}]}
open:/a/b/c:r
deny EPERM /a/b
open:/a/c:r
ask EACCES /a

{files: [{ask: /a}, {hide: /a/b}]}
open:/a/b/c:r
hide /a/b
open:/a/c:r
ask EACCES /a

# except where what asks lies strictly inside.
{files: [{deny: /a}, {ask: /a/b}]}
open:/a/b/c:w
ask EACCES /a/b
open:/a/c:r
deny EACCES /a

{files: [{ask: /a/b}, {hide: /a}]}
open:/a/b/c:w
ask EACCES /a/b
open:/a/c:r
hide /a

# Nested: the innermost decides.
{files: [{ask: /a}, {deny: /a/b}, {read: /a/b/c}, {ask: /a/b/c/d}]}
open:/a/x:r
ask EACCES /a
open:/a/b/x:r
deny EACCES /a/b
open:/a/b/c/x:r
allow read /a/b/c
open:/a/b/c/d:r
ask EACCES /a/b/c/d

{files: [{ask: /a/b/c/d}, {read: /a/b/c}, {deny: /a/b}, {ask: /a}]}
open:/a/b/c/d/x:w
ask EACCES /a/b/c/d
open:/a/b/c/x:w
deny EACCES /a/b

# Two that ask: the one that lies deeper is told.
{files: [{ask: /a}, {ask: /a/b, errno: EPERM}]}
open:/a/b/c:r
ask EPERM /a/b
open:/a/c:r
ask EACCES /a

# One access that is allowed and one that is asked about are asked about; one that is denied is denied.
{files: [{read: /a}, {ask: /a/b}, {read: /a/b/c}]}
open:/a/b/c/d:rw
ask EACCES /a/b
open:/a/x:rw
deny EACCES no rule

# Patterns.
{files: [{write: ~}, {ask: "**/.env"}]}
open:~/x/.env:r
ask EACCES **/.env
open:~/x/.environment:r
allow write ~
open:/etc/.env:r
ask EACCES **/.env

{files: [{write: ~}, {ask: "~/*/secret"}, {read: ~/a/secret/open}]}
open:~/a/secret/x:r
ask EACCES ~/*/secret
open:~/a/secret/open:r
allow read ~/a/secret/open
open:~/secret:r
allow write ~

# A pattern lies in no folder: a deny of the folder is wider, and wins.
{files: [{deny: ~/work}, {ask: "**/.env"}]}
open:~/work/.env:r
deny EACCES ~/work
open:~/.env:r
ask EACCES **/.env

{files: [{deny: "**/.env"}, {ask: ~/work}]}
open:~/work/.env:r
deny EACCES **/.env
open:~/work/x:r
ask EACCES ~/work

# A deny that an allow inside of it overcomes does not stand: then the pattern asks.
{files: [{deny: ~/work}, {read: ~/work/x}, {ask: "**/.env"}]}
open:~/work/x/.env:r
ask EACCES **/.env
open:~/work/x/y:r
allow read ~/work/x

{files: [{deny: "~/work/**"}, {ask: "~/work/**/*.md"}]}
open:~/work/x/y.md:w
ask EACCES ~/work/**/*.md
open:~/work/x/y:r
deny EACCES ~/work/**

# Folders above such a place stay where they are.
{files: [{write: ~}, {ask: ~/a/b}]}
move:~/a
refused ~/a/b
move:~/c
free
within:~/a
yes
within:~/a/b/c
yes

# A socket file is a file.
{files: [{write: ~}, {ask: ~/run}]}
connect:unix:~/run/x
ask EACCES ~/run
listen:unix:~/run/x
ask EACCES ~/run
connect:unix:~/x
allow write ~

# Networks.
{network: [{ask-connect: "*:443"}]}
connect:1.2.3.4:443
ask EACCES *:443
connect:[::1]:443
ask EACCES *:443
connect:udp:1.2.3.4:443
ask EACCES *:443
connect:1.2.3.4:80
deny EACCES no rule
listen:1.2.3.4:443
deny EACCES no rule

{network: [{connect: "*:*"}, {ask-connect: "*:443"}, {connect: "10.0.0.0/8:443"}]}
connect:10.1.2.3:443
allow connect 10.0.0.0/8:443
connect:1.2.3.4:443
ask EACCES *:443
connect:1.2.3.4:80
allow connect *:*

{network: [{deny-connect: "10.0.0.0/8:*"}, {ask-connect: "*:443"}]}
connect:10.1.2.3:443
deny EACCES 10.0.0.0/8:*
connect:1.2.3.4:443
ask EACCES *:443

{network: [{deny-connect: "*:*"}, {ask-connect: "10.0.0.0/8:443", errno: ECONNREFUSED}]}
connect:10.1.2.3:443
ask ECONNREFUSED 10.0.0.0/8:443
connect:10.1.2.3:80
deny EACCES *:*

{network: [{ask-connect: "*:443"}, {deny-connect: "*:443"}]}
connect:10.1.2.3:443
deny EACCES *:443

{network: [{ask-connect: "*:400-500"}, {ask-connect: "10.0.0.0/8:443", errno: EPERM}]}
connect:10.1.2.3:443
ask EPERM 10.0.0.0/8:443
connect:1.2.3.4:443
ask EACCES *:400-500

{network: [{ask-listen: "*:8080"}]}
listen:127.0.0.1:8080
ask EACCES *:8080
listen:0.0.0.0:8080
ask EACCES *:8080
connect:127.0.0.1:8080
deny EACCES no rule

# Who listens on all addresses listens on the one that is asked about.
{network: [{listen: "*:8080"}, {ask-listen: "127.0.0.1:8080"}]}
listen:0.0.0.0:8080
ask EACCES 127.0.0.1:8080
listen:10.0.0.1:8080
allow listen *:8080

{network: [{ask-connect: ["unix:~/run/*", "unix:@na*"]}, {connect: "unix:@name"}]}
connect:unix:~/run/x
ask EACCES unix:~/run/*
connect:unix:@nap
ask EACCES unix:@na*
connect:unix:@name
allow connect unix:@name
connect:unix:@x
deny EACCES no rule

{network: [{ask-listen: "unix:@name"}]}
listen:unix:@name
ask EACCES unix:@name
listen:unix:@other
deny EACCES no rule

# System calls.
{syscalls: [{ask: [ptrace, "@mount"]}]}
syscall:ptrace
ask EPERM ptrace
syscall:mount
ask EPERM @mount
syscall:getpid
default

# What is refused by default is asked about.
{syscalls: [{ask: bpf, errno: EACCES}]}
syscall:bpf
ask EACCES bpf
syscall:reboot
deny EPERM default

{syscalls: [{deny: ptrace}, {ask: ptrace}, {allow: ptrace}]}
syscall:ptrace
deny EPERM ptrace

{syscalls: [{allow: ptrace}, {ask: ptrace}]}
syscall:ptrace
ask EPERM ptrace

{syscalls: [{deny: "@debug"}, {ask: ptrace}]}
syscall:ptrace
ask EPERM ptrace
syscall:kcmp
deny EPERM @debug

{syscalls: [{ask: {socket: {family: AF_NETLINK}}}, {allow: {socket: {family: AF_NETLINK, type: 3, protocol: 0}}}]}
syscall:socket(family=AF_NETLINK, type=2)
ask EPERM socket(family=AF_NETLINK)
syscall:socket(family=AF_NETLINK, type=3)
allow
syscall:socket(family=AF_INET)
default
