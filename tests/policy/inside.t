# A deny wins over an allow, except where the allow lies inside what the deny covers.

{files: [{write: ~}, {deny: ~/.ssh}]}
open:~/.ssh/id_rsa:r
deny EACCES ~/.ssh
open:~/.ssh:r
deny EACCES ~/.ssh
open:~/.sshx:r
allow write ~
open:~/x:w
allow write ~

# In whatever order.
{files: [{deny: ~/.ssh}, {write: ~}]}
open:~/.ssh/id_rsa:w
deny EACCES ~/.ssh

{files: [{deny: ~/.ssh}, {read: ~/.ssh/known_hosts}]}
open:~/.ssh/known_hosts:r
allow read ~/.ssh/known_hosts
open:~/.ssh/known_hosts:w
deny EACCES no rule
open:~/.ssh/id_rsa:r
deny EACCES ~/.ssh
open:~/.ssh:r
deny EACCES ~/.ssh
open:~/x:r
deny EACCES no rule

{files: [{write: ~}, {deny: ~/.ssh}, {read: ~/.ssh/known_hosts}]}
open:~/.ssh/known_hosts:r
allow read ~/.ssh/known_hosts
open:~/.ssh/known_hosts:w
deny EACCES ~/.ssh
open:~/.ssh/known_hosts:rw
deny EACCES ~/.ssh

# Equal paths: the deny wins.
{files: [{read: /a}, {deny: /a}]}
open:/a/b:r
deny EACCES /a

{files: [{write: /a/}, {deny: /a/.}]}
open:/a/b:r
deny EACCES /a/.

# Deny inside allow inside deny inside allow.
{files: [{read: /a}, {deny: /a/b}, {read: /a/b/c}, {deny: /a/b/c/d}, {read: /a/b/c/d/e}]}
open:/a/x:r
allow read /a
open:/a/b/x:r
deny EACCES /a/b
open:/a/b/c/x:r
allow read /a/b/c
open:/a/b/c/d/x:r
deny EACCES /a/b/c/d
open:/a/b/c/d/e/x:r
allow read /a/b/c/d/e

# Each access needs a rule that is itself free of denies.
{files: [{write: /w}, {deny: /w/keep}, {exec: /w/keep/bin}]}
exec:/w/keep/bin/x
allow exec /w/keep/bin
open:/w/keep/bin/x:r
allow exec /w/keep/bin
open:/w/keep/bin/x:w
deny EACCES /w/keep
open:/w/keep/bin/x:rx
allow exec /w/keep/bin
open:/w/keep/bin/x:rwx
deny EACCES /w/keep

# A deny of an ancestor covers everything below.
{files: [{deny: /}, {read: /usr}]}
open:/usr/x:r
allow read /usr
open:/x:r
deny EACCES /
open:/:r
deny EACCES /

# Errors of denies, and of several the deepest.
{files: [{read: /a}, {deny: /a/b, errno: EPERM}, {deny: /a/b/c, errno: ENOENT}, {deny: /a/d, errno: 30}]}
open:/a/b/x:r
deny EPERM /a/b
open:/a/b/c:r
deny ENOENT /a/b/c
open:/a/d:r
deny EROFS /a/d

{files: [{deny: /a, errno: EPERM}, {deny: /a, errno: EIO}]}
open:/a:r
deny EPERM /a

{files: [{read: ~}, {hide: ~/.aws}]}
open:~/.aws/credentials:r
hide ~/.aws
open:~/.aws:w
hide ~/.aws
exec:~/.aws/x
hide ~/.aws
open:~/.awsx:r
allow read ~

# Hide before deny, even when the deny is deeper.
{files: [{hide: /a}, {deny: /a/b}]}
open:/a/b/c:r
hide /a
open:/a/x:r
hide /a

{files: [{deny: /a}, {hide: /a}]}
open:/a:r
hide /a

{files: [{deny: /a}, {hide: /a/b}]}
open:/a/b/c:r
hide /a/b
open:/a/x:r
deny EACCES /a

# What is readable inside something hidden can be seen: writing it is denied, not hidden.
{files: [{hide: /h}, {read: /h/seen}]}
open:/h/seen/x:r
allow read /h/seen
open:/h/seen/x:w
deny EACCES no rule
open:/h/other:r
hide /h

{files: [{write: /}, {hide: /h}, {read: /h/seen}]}
open:/h/seen/x:w
deny EACCES /h
open:/h/x:w
hide /h

# A deny that nothing grants against is still the reason.
{files: [{deny: ~/.ssh}]}
open:~/.ssh/x:r
deny EACCES ~/.ssh
open:~/x:r
deny EACCES no rule

# Two denies, and an allow inside one of them only.
{files: [{deny: /a/b/c}, {read: /a/b}, {deny: /a}]}
open:/a/b/x:r
allow read /a/b
open:/a/b/c/x:r
deny EACCES /a/b/c
open:/a/x:r
deny EACCES /a
