# Addresses in the place of others: the rules for where they lead decide.

{network: [{connect: "127.0.0.1:8080"}, {connect: {from: "10.0.0.5:80", to: "127.0.0.1:8080"}}]}
connect:10.0.0.5:80
allow connect 127.0.0.1:8080
connect:udp:10.0.0.5:80
allow connect 127.0.0.1:8080
connect:[::ffff:10.0.0.5]:80
allow connect 127.0.0.1:8080
connect:10.0.0.5:81
deny EACCES no rule
connect:10.0.0.6:80
deny EACCES no rule
connect:127.0.0.1:8080
allow connect 127.0.0.1:8080
listen:10.0.0.5:80
deny EACCES no rule

# It grants nothing: neither what it leads to nor what it leads away from.
{network: [{connect: "10.0.0.5:80"}, {connect: {from: "10.0.0.5:80", to: "127.0.0.1:8080"}}]}
connect:10.0.0.5:80
deny EACCES no rule
connect:127.0.0.1:8080
deny EACCES no rule

# A denial of where it leads holds; one of what was named says nothing.
{network: [{connect: "*"}, {deny-connect: ["10.0.0.0/8:*", "192.0.2.9:*"], errno: EPERM}, {connect: [{from: "10.0.0.5:80", to: "127.0.0.1:8080"}, {from: "192.0.2.1:80", to: "192.0.2.9:80"}]}]}
connect:10.0.0.5:80
allow connect *
connect:10.0.0.5:81
deny EPERM 10.0.0.0/8:*
connect:192.0.2.1:80
deny EPERM 192.0.2.9:*

# Sets: networks, ranges of ports, one transport, IPv6, every address; and the port that stays.
{network: [{connect: ["127.0.0.1:*", "[::1]:443"]}, {connect: {from: "10.0.0.0/8:8000-8999", to: "127.0.0.1:*"}}, {connect: {from: "udp:192.0.2.1:53", to: "127.0.0.1:5353"}}, {connect: {from: "[2001:db8::]/32:443", to: "[::1]:443"}}]}
connect:10.255.0.1:8443
allow connect 127.0.0.1:*
connect:10.255.0.1:7999
deny EACCES no rule
connect:11.0.0.1:8443
deny EACCES no rule
connect:udp:192.0.2.1:53
allow connect 127.0.0.1:*
connect:tcp:192.0.2.1:53
deny EACCES no rule
connect:[2001:db8:1::2]:443
allow connect [::1]:443
connect:[2001:db9::2]:443
deny EACCES no rule

# Everything: what it leads to lies in it, and leads nowhere else. An unspecified address is the loopback.
{network: [{connect: "tcp:127.0.0.1:3128"}, {connect: {from: "*", to: "127.0.0.1:3128"}}]}
connect:192.0.2.1:1
allow connect tcp:127.0.0.1:3128
connect:[2001:db8::1]:65535
allow connect tcp:127.0.0.1:3128
connect:127.0.0.1:3128
allow connect tcp:127.0.0.1:3128
connect:0.0.0.0:80
allow connect tcp:127.0.0.1:3128
connect:udp:192.0.2.1:1
deny EACCES no rule
connect:unix:/run/x
deny EACCES no rule

# "[::]/0" is IPv6 alone.
{network: [{connect: "[::1]:1"}, {connect: {from: "[::]/0:*", to: "[::1]:1"}}]}
connect:[2001:db8::1]:2
allow connect [::1]:1
connect:192.0.2.1:2
deny EACCES no rule

# The innermost one, whatever the order; those that cross need a third for what they have in common.
{network: [{connect: ["127.0.0.1:1-9"]}, {connect: [{from: "10.0.0.5:*", to: "127.0.0.1:3"}, {from: "10.0.0.5:80", to: "127.0.0.1:4"}, {from: "*:80", to: "127.0.0.1:2"}, {from: "*:*", to: "127.0.0.1:1"}, {from: "udp:10.0.0.5:80", to: "127.0.0.1:10"}]}]}
connect:10.0.0.5:80
allow connect 127.0.0.1:1-9
connect:udp:10.0.0.5:80
deny EACCES no rule
connect:127.0.0.1:80
allow connect 127.0.0.1:1-9

# One for everything leaves alone what others lead to.
{network: [{connect: "127.0.0.1:2"}, {connect: [{from: "*:80", to: "127.0.0.1:2"}, {from: "*:*", to: "127.0.0.1:1"}]}]}
connect:10.0.0.5:80
allow connect 127.0.0.1:2
connect:10.0.0.5:81
deny EACCES no rule
connect:127.0.0.1:2
deny EACCES no rule

# One after the other, as with files; and round in a circle.
{network: [{connect: "127.0.0.1:9"}, {connect: [{from: "192.0.2.1:1", to: "192.0.2.2:2"}, {from: "192.0.2.2:2", to: "192.0.2.3:3"}, {from: "192.0.2.3:*", to: "127.0.0.1:9"}]}]}
connect:192.0.2.1:1
allow connect 127.0.0.1:9
connect:192.0.2.3:7
allow connect 127.0.0.1:9

{network: [{connect: "*"}, {connect: [{from: "192.0.2.1:1", to: "192.0.2.2:2"}, {from: "192.0.2.2:2", to: "192.0.2.1:1"}]}]}
connect:192.0.2.1:1
deny ELOOP redirects
connect:192.0.2.2:2
deny ELOOP redirects

# Twice the same is once.
{network: [{connect: "127.0.0.1:1"}, {connect: {from: "10.0.0.5:80", to: "127.0.0.1:1"}}, {connect: [{from: "[::ffff:10.0.0.5]:80", to: "[::ffff:127.0.0.1]:1"}, {from: "10.0.0.5/32:80-80", to: "127.0.0.1:1"}]}]}
connect:10.0.0.5:80
allow connect 127.0.0.1:1

# localhost is two of them.
{network: [{connect: "[::1]:81"}, {connect: {from: "localhost:80", to: "[::1]:81"}}]}
connect:127.0.0.1:80
allow connect [::1]:81
connect:[::1]:80
allow connect [::1]:81

# UNIX sockets: a file, a folder of them, an abstract name, all that begin so.
{network: [{connect: ["unix:/tmp/mine", "unix:@mine"]}, {connect: [{from: "unix:/run/docker.sock", to: "unix:/tmp/mine"}, {from: "unix:/run/user", to: "unix:@mine"}, {from: "unix:@app-*", to: "unix:/tmp/mine"}, {from: "unix:@app-one", to: "unix:@other"}]}]}
connect:unix:/run/docker.sock
allow connect unix:/tmp/mine
connect:unix:/run/docker.sock2
deny EACCES no rule
connect:unix:/run/user/1000/bus
allow connect unix:@mine
connect:unix:@app-two
allow connect unix:/tmp/mine
connect:unix:@app-one
deny EACCES no rule
connect:unix:@ap
deny EACCES no rule

# A grant of files counts for where it leads.
{files: [{write: ./work}, {deny: ./work/shut}], network: [{connect: [{from: "unix:/run/x", to: "unix:./work/y"}, {from: "unix:/run/z", to: "unix:./work/shut/z"}]}]}
connect:unix:/run/x
allow write ./work
connect:unix:/run/z
deny EACCES ./work/shut

# What asks about where it leads asks; what asks about the address that was named says nothing. In whatever order.
{network: [{ask-connect: "127.0.0.1:8080"}, {connect: {from: "10.0.0.5:80", to: "127.0.0.1:8080"}}]}
connect:10.0.0.5:80
ask EACCES 127.0.0.1:8080
connect:udp:10.0.0.5:80
ask EACCES 127.0.0.1:8080
connect:127.0.0.1:8080
ask EACCES 127.0.0.1:8080
connect:10.0.0.5:81
deny EACCES no rule
listen:127.0.0.1:8080
deny EACCES no rule

{network: [{connect: {from: "10.0.0.5:80", to: "127.0.0.1:8080"}}, {ask-connect: "127.0.0.1:8080", errno: EPERM}]}
connect:10.0.0.5:80
ask EPERM 127.0.0.1:8080

{network: [{connect: {from: "10.0.0.5:80", to: "127.0.0.1:8080"}}, {connect: "127.0.0.1:8080"}, {ask-connect: "10.0.0.0/8:*"}]}
connect:10.0.0.5:80
allow connect 127.0.0.1:8080
connect:10.0.0.5:81
ask EACCES 10.0.0.0/8:*

{network: [{ask-connect: "10.0.0.0/8:*"}, {connect: ["127.0.0.1:8080", {from: "10.0.0.5:80", to: "127.0.0.1:8080"}]}]}
connect:10.0.0.5:80
allow connect 127.0.0.1:8080
connect:10.0.0.6:80
ask EACCES 10.0.0.0/8:*

# An answer to a question about one grants nothing of the other: what it leads to is denied.
{network: [{ask-connect: "10.0.0.5:80"}, {connect: {from: "10.0.0.5:80", to: "127.0.0.1:8080"}}]}
connect:10.0.0.5:80
deny EACCES no rule

# Both of them, each with its own rule; a deny wins; an allow inside needs no question.
{network: [{ask-connect: "10.0.0.5:80", errno: EPERM}, {ask-connect: "127.0.0.1:*", errno: ECONNREFUSED}, {deny-connect: "127.0.0.1:8081"}, {connect: ["127.0.0.1:8082", {from: "10.0.0.5:*", to: "127.0.0.1:*"}]}]}
connect:10.0.0.5:80
ask ECONNREFUSED 127.0.0.1:*
connect:10.0.0.5:8081
deny EACCES 127.0.0.1:8081
connect:10.0.0.5:8082
allow connect 127.0.0.1:8082

# Through more than one, and of UNIX sockets.
{network: [{ask-connect: ["192.0.2.2:*", "127.0.0.1:9"]}, {connect: [{from: "192.0.2.1:1", to: "192.0.2.2:2"}, {from: "192.0.2.2:2", to: "127.0.0.1:9"}]}]}
connect:192.0.2.1:1
ask EACCES 127.0.0.1:9
connect:192.0.2.2:3
ask EACCES 192.0.2.2:*

{files: [{write: ./work}, {ask: ./work/asked}], network: [{ask-connect: "unix:@mine"}, {connect: [{from: "unix:/run/x", to: "unix:./work/asked/y"}, {from: "unix:/run/y", to: "unix:@mine"}, {from: "unix:./work/asked/z", to: "unix:./work/z"}, {from: "unix:@mine", to: "unix:./work/m"}]}]}
connect:unix:/run/x
ask EACCES ./work/asked
connect:unix:/run/y
allow write ./work
connect:unix:./work/asked/z
allow write ./work
connect:unix:@mine
allow write ./work
