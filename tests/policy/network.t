# Addresses: a use is allowed if some rule allows it and every deny rule that covers the address is one that this
# rule lies strictly inside of.

{files: [{write: /w}]}
connect:127.0.0.1:80
deny EACCES no rule
connect:[::1]:80
deny EACCES no rule
listen:*:8080
deny EACCES no rule
connect:udp:8.8.8.8:53
deny EACCES no rule
connect:unix:@name
deny EACCES no rule

{network: [{connect: "10.0.0.0/8:443"}]}
connect:10.1.2.3:443
allow connect 10.0.0.0/8:443
connect:udp:10.1.2.3:443
allow connect 10.0.0.0/8:443
connect:10.1.2.3:80
deny EACCES no rule
connect:11.1.2.3:443
deny EACCES no rule
connect:9.255.255.255:443
deny EACCES no rule
connect:10.255.255.255:443
allow
connect:[::ffff:10.1.2.3]:443
allow connect 10.0.0.0/8:443
listen:10.1.2.3:443
deny EACCES no rule

# "*" is every address, "[::]/0" is IPv6 alone, "0.0.0.0/0" is IPv4 alone.
{network: [{connect: "*:443"}]}
connect:1.2.3.4:443
allow connect *:443
connect:[2001:db8::1]:443
allow connect *:443
connect:1.2.3.4:444
deny EACCES no rule

{network: [{connect: "[::]/0:443"}]}
connect:[2001:db8::1]:443
allow connect [::]/0:443
connect:1.2.3.4:443
deny EACCES no rule

{network: [{connect: "0.0.0.0/0:443"}]}
connect:1.2.3.4:443
allow
connect:[2001:db8::1]:443
deny EACCES no rule
connect:[::ffff:1.2.3.4]:443
allow

{network: [{connect: "[::ffff:10.0.0.0]/104:443"}]}
connect:10.9.9.9:443
allow
connect:11.9.9.9:443
deny EACCES no rule

# A connection to no address in particular is one to this machine.
{network: [{connect: "127.0.0.1:80"}]}
connect:0.0.0.0:80
allow connect 127.0.0.1:80
connect:[::]:80
deny EACCES no rule
connect:[::ffff:0.0.0.0]:80
allow connect 127.0.0.1:80

{network: [{connect: "*:80"}, {deny-connect: ["127.0.0.0/8:*", "[::1]:*"]}]}
connect:0.0.0.0:80
deny EACCES 127.0.0.0/8:*
connect:[::]:80
deny EACCES [::1]:*
connect:[::ffff:127.0.0.1]:80
deny EACCES 127.0.0.0/8:*
connect:8.8.8.8:80
allow connect *:80

{network: [{connect: "localhost:3000"}]}
connect:127.0.0.1:3000
allow connect localhost:3000
connect:[::1]:3000
allow connect localhost:3000
connect:127.0.0.2:3000
deny EACCES no rule

{network: [{listen: "localhost:3000"}]}
listen:127.0.0.1:3000
allow
listen:[::1]:3000
allow
listen:*:3000
deny EACCES no rule
connect:127.0.0.1:3000
deny EACCES no rule

# Ports.
{network: [{connect: "1.2.3.4:8080-8090"}]}
connect:1.2.3.4:8079
deny EACCES no rule
connect:1.2.3.4:8080
allow
connect:1.2.3.4:8085
allow
connect:1.2.3.4:8090
allow
connect:1.2.3.4:8091
deny EACCES no rule

{network: [{connect: "1.2.3.4:*"}]}
connect:1.2.3.4:0
allow
connect:1.2.3.4:65535
allow
connect:1.2.3.5:1
deny EACCES no rule

{network: [{connect: "*"}]}
connect:1.2.3.4:5
allow connect *
connect:udp:[2001:db8::1]:53
allow connect *

# Transports.
{network: [{connect: "udp:1.2.3.4:53"}]}
connect:1.2.3.4:53
deny EACCES no rule
connect:udp:1.2.3.4:53
allow connect udp:1.2.3.4:53

{network: [{connect: "tcp:*:*"}]}
connect:tcp:1.2.3.4:53
allow
connect:udp:1.2.3.4:53
deny EACCES no rule

{network: [{connect: "*:53"}, {deny-connect: "udp:*:53"}]}
connect:1.2.3.4:53
allow connect *:53
connect:udp:1.2.3.4:53
deny EACCES udp:*:53

# An allow inside of a deny wins, whichever side it is narrower on; not when it only crosses it.
{network: [{deny-connect: "10.0.0.0/8:*"}, {connect: ["*:443", "10.1.0.0/16:443"]}]}
connect:10.1.2.3:443
allow connect 10.1.0.0/16:443
connect:10.2.2.3:443
deny EACCES 10.0.0.0/8:*
connect:11.2.2.3:443
allow connect *:443
connect:10.1.2.3:80
deny EACCES 10.0.0.0/8:*

{network: [{deny-connect: "*:443"}, {connect: "10.0.0.0/8:*"}]}
connect:10.1.2.3:443
deny EACCES *:443
connect:10.1.2.3:80
allow connect 10.0.0.0/8:*

{network: [{deny-connect: ["10.0.0.0/8:*", "*:443"]}, {connect: "10.1.0.0/16:*"}]}
connect:10.1.2.3:443
deny EACCES *:443
connect:10.1.2.3:444
allow

{network: [{deny-connect: ["10.0.0.0/8:*", "*:443"]}, {connect: "10.1.0.0/16:443"}]}
connect:10.1.2.3:443
allow connect 10.1.0.0/16:443

# What is allowed and denied in the same words is denied.
{network: [{deny-connect: "1.2.3.4:80"}, {connect: "1.2.3.4:80"}]}
connect:1.2.3.4:80
deny EACCES 1.2.3.4:80

{network: [{deny-connect: "1.2.3.4:80"}, {connect: ["1.2.3.4:80", "tcp:1.2.3.4:80"]}]}
connect:1.2.3.4:80
allow connect tcp:1.2.3.4:80
connect:udp:1.2.3.4:80
deny EACCES 1.2.3.4:80

{network: [{deny-connect: "1.2.3.4:1-100"}, {connect: "1.2.3.4:50-150"}]}
connect:1.2.3.4:60
deny EACCES 1.2.3.4:1-100
connect:1.2.3.4:101
allow
connect:1.2.3.4:49
deny EACCES 1.2.3.4:1-100

{network: [{deny-connect: ["1.2.3.4:1-100", "1.2.3.4:50-150"]}, {connect: "1.2.3.4:60-90"}]}
connect:1.2.3.4:70
allow connect 1.2.3.4:60-90
connect:1.2.3.4:95
deny

{network: [{deny-connect: ["1.2.3.4:1-100", "1.2.3.4:50-150"]}, {connect: "1.2.3.4:40-90"}]}
connect:1.2.3.4:70
deny EACCES 1.2.3.4:50-150

{network: [{connect: "*:443"}, {deny-connect: "1.2.3.4:443", errno: ECONNREFUSED}]}
connect:1.2.3.4:443
deny ECONNREFUSED 1.2.3.4:443
connect:1.2.3.5:443
allow

# Listening. Who listens on every address listens on those that are denied, too.
{network: [{listen: "*:8000-8999"}, {deny-listen: "*:8080"}]}
listen:*:8000
allow listen *:8000-8999
listen:127.0.0.1:8080
deny EACCES *:8080
listen:*:8080
deny EACCES *:8080
listen:*:80
deny EACCES no rule
connect:127.0.0.1:8000
deny EACCES no rule

{network: [{listen: "*:*"}, {deny-listen: "10.0.0.0/8:80"}]}
listen:0.0.0.0:80
deny EACCES 10.0.0.0/8:80
listen:[::]:80
deny EACCES 10.0.0.0/8:80
listen:0.0.0.0:81
allow listen *:*
listen:127.0.0.1:80
allow
listen:[::1]:80
allow

{network: [{listen: "*:*"}, {deny-listen: "[2001:db8::]/32:80"}]}
listen:0.0.0.0:80
allow
listen:[::]:80
deny EACCES [2001:db8::]/32:80

{network: [{listen: "0.0.0.0:80"}]}
listen:0.0.0.0:80
allow
listen:[::]:80
deny EACCES no rule
listen:127.0.0.1:80
deny EACCES no rule

# Socket files: rules about addresses and about files together.
{network: [{connect: "unix:/run/user/*/bus"}]}
connect:unix:/run/user/1000/bus
allow connect unix:/run/user/*/bus
connect:unix:/run/user/1000/other
deny EACCES no rule
listen:unix:/run/user/1000/bus
deny EACCES no rule

{network: [{connect: "unix:~/.gnupg"}]}
connect:unix:/home/me/.gnupg/S.gpg-agent
allow connect unix:~/.gnupg
connect:unix:/home/me/.ssh/agent
deny EACCES no rule

{network: [{connect: "unix:${HOME}/x.sock"}]}
connect:unix:/home/me/x.sock
allow

{files: [{write: /w}, {read: /r}]}
connect:unix:/w/s
allow write /w
listen:unix:/w/a/s
allow write /w
connect:unix:/r/s
deny EACCES no rule
connect:unix:/elsewhere
deny EACCES no rule

{files: [{write: /w}, {deny: /w/no}, {hide: /w/hidden}], network: [{connect: "unix:/w/no/yes"}]}
connect:unix:/w/no/s
deny EACCES /w/no
connect:unix:/w/hidden/s
hide /w/hidden
connect:unix:/w/no/yes
allow connect unix:/w/no/yes
listen:unix:/w/no/yes
deny EACCES /w/no

{files: [{write: /w}], network: [{deny-connect: "unix:/w/docker.sock", errno: EPERM}]}
connect:unix:/w/docker.sock
deny EPERM unix:/w/docker.sock
listen:unix:/w/docker.sock
allow write /w
connect:unix:/w/other.sock
allow write /w

{files: [{write: /w}], network: [{deny-connect: "unix:**"}, {connect: "unix:/w/one"}]}
connect:unix:/w/one
allow connect unix:/w/one
connect:unix:/w/two
allow write /w

{network: [{deny-connect: "unix:/w"}], files: [{write: /w}]}
connect:unix:/w/two
deny EACCES unix:/w

# Abstract names are bytes; only a last star stands for more.
{network: [{connect: ["unix:@name", "unix:@app-*"]}]}
connect:unix:@name
allow connect unix:@name
connect:unix:@names
deny EACCES no rule
connect:unix:@nam
deny EACCES no rule
connect:unix:@name\x00
deny EACCES no rule
connect:unix:@app-
allow connect unix:@app-*
connect:unix:@app-7
allow connect unix:@app-*
connect:unix:@app
deny EACCES no rule
listen:unix:@name
allow

{network: [{listen: "unix:@name"}, {deny-listen: "unix:@no*"}]}
listen:unix:@name
allow listen unix:@name
listen:unix:@other
deny EACCES no rule
listen:unix:@no
deny EACCES unix:@no*

{network: [{deny-listen: "unix:@no*"}]}
listen:unix:@other
allow
listen:unix:@nobody
deny EACCES unix:@no*

# A socket that may send datagrams may have a port to receive the answers.
{network: [{connect: "udp:*:53"}]}
listen:udp:*:0
allow
listen:udp:0.0.0.0:0
allow
listen:udp:*:53
deny EACCES no rule
listen:udp:127.0.0.1:0
allow
listen:0.0.0.0:0
deny EACCES no rule

{network: [{connect: "unix:@*"}, {deny-connect: "unix:@/tmp/*"}, {connect: "unix:@/tmp/.X11-unix/X0"}]}
connect:unix:@x
allow connect unix:@*
connect:unix:@/tmp/dbus
deny EACCES unix:@/tmp/*
connect:unix:@/tmp/.X11-unix/X0
allow connect unix:@/tmp/.X11-unix/X0

{network: [{connect: 'unix:@a\x00b\*'}]}
connect:unix:@a\x00b*
allow
connect:unix:@a\x00bc
deny EACCES no rule

{network: [{connect: "unix:@same"}, {deny-connect: "unix:@same"}]}
connect:unix:@same
deny EACCES unix:@same

# Host names open no address by themselves.
{network: [{connect: ["api.example.org:443", "*.example.org:443"]}]}
connect:1.2.3.4:443
deny EACCES no rule
