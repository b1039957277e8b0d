# A path means the tree under it; what no rule mentions is denied.

{files: [{read: /usr}]}
open:/usr:r
allow read /usr
open:/usr/bin/true:r
allow read /usr
open:/usr/share/doc/a/b/c/d/e/f:r
allow read /usr
open:/usr2:r
deny EACCES no rule
open:/us:r
deny EACCES no rule
open:/:r
deny EACCES no rule
open:/etc/passwd:r
deny EACCES no rule
open:/usr/bin/true:w
deny EACCES no rule
open:/usr/bin/true:rw
deny EACCES no rule
exec:/usr/bin/true
deny EACCES no rule
open:/usr/../etc/passwd:r
deny EACCES no rule
open:/usr/./lib//x:r
allow

{files: [{write: /w}]}
open:/w/a:r
allow write /w
open:/w/a:w
allow write /w
open:/w/a:rw
allow write /w
exec:/w/a
deny EACCES no rule
open:/w/a:rwx
deny EACCES no rule

{files: [{exec: /opt}]}
exec:/opt/tool
allow exec /opt
open:/opt/tool:r
allow exec /opt
open:/opt/tool:w
deny EACCES no rule

{files: [{read: /}]}
open:/:r
allow read /
open:/anything:r
allow read /
open:/anything:w
deny EACCES no rule

# The most specific rule is told.
{files: [{read: /}, {read: /a}, {read: /a/b}]}
open:/a/b/c:r
allow read /a/b
open:/a/c:r
allow read /a
open:/b:r
allow read /

# Different rules may grant different accesses of one call.
{files: [{exec: /w}, {write: /w/out}]}
open:/w/out/x:rwx
allow
open:/w/x:rwx
deny EACCES no rule

{files: [{read: /a}, {write: /a}]}
open:/a/x:r
allow read /a
open:/a/x:w
allow write /a

{files: [{read: /a b}]}
open:/a b/c:r
allow read /a b

{files: [{read: [/a, /b, /c]}]}
open:/a:r
allow read /a
open:/c:r
allow read /c
open:/d:r
deny EACCES no rule

{files: [{read: []}]}
open:/a:r
deny EACCES no rule

{files: []}
open:/a:r
deny EACCES no rule

{}
open:/a:r
deny EACCES no rule

  files:
    - read: /usr
    - write:
        - .
        - ~/out
open:/usr/x:r
allow read /usr
open:/home/me/work/x:w
allow write .
open:~/out/x:w
allow write ~/out
