# What strings stand for. HOME is /home/me, PWD is /home/me/work.

{files: [{read: ~}]}
open:/home/me/x:r
allow read ~
open:/home/you:r
deny

{files: [{read: "~/a"}]}
open:/home/me/a:r
allow read ~/a

{files: [{read: .}]}
open:/home/me/work/x:r
allow read .
open:/home/me/x:r
deny

{files: [{read: ..}]}
open:/home/me/x:r
allow read ..

{files: [{read: ../other/./x}]}
open:/home/me/other/x:r
allow

{files: [{read: sub}]}
open:/home/me/work/sub/x:r
allow read sub

{files: [{read: "${HOME}/a"}]}
open:/home/me/a:r
allow read ${HOME}/a

{files: [{read: "${PWD}/a"}]}
open:/home/me/work/a:r
allow

{files: [{read: "/x/${USER}.d"}]}
open:/x/me.d/y:r
allow

{files: [{read: "${RELATIVE}/x"}]}
open:/home/me/work/some/where/x:r
allow

# Only "${" begins a variable.
{files: [{read: "/a/$HOME"}]}
open:/a/$HOME:r
allow read /a/$HOME

{files: [{read: "/a/$$"}]}
open:/a/$$:r
allow

{files: [{read: '/a/\${HOME}'}]}
open:/a/${HOME}:r
allow

# "~" elsewhere is itself.
{files: [{read: "/a/~/b"}]}
open:/a/~/b:r
allow

{files: [{read: ./~x}]}
open:/home/me/work/~x:r
allow

# What comes out of a variable is literal.
{files: [{read: "/a/${STAR}"}]}
open:/a/*:r
allow
open:/a/b:r
deny

{files: [{read: "/a/${STAR}/*.c"}]}
open:/a/*/x.c:r
allow
open:/a/b/x.c:r
deny

{files: [{write: "${REEVE_TMP}"}]}
open:/tmp/reeve-test/x:w
allow write ${REEVE_TMP}

# Quoted or not, JSON or not.
{"files": [{"read": ["/a", "/b"]}]}
open:/b:r
allow read /b

{files: [{read: "/a\tb"}]}
open:/a b:r
deny

# An alias stands for a string or a list of them.
  files:
    - read: &trees [/a, /b]
    - exec: *trees
exec:/a/x
allow exec /a
open:/b/x:rx
allow exec /b
