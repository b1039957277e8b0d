# `*`, `?` and `[...]` stay within a component, `**` is any number of components.

{files: [{read: "/a/*.c"}]}
open:/a/x.c:r
allow read /a/*.c
open:/a/.c:r
allow
open:/a/x.cc:r
deny EACCES no rule
open:/a/b/x.c:r
deny EACCES no rule
open:/a/x.c/below:r
allow
open:/a:r
deny EACCES no rule

{files: [{read: "/a/lib*"}]}
open:/a/lib:r
allow
open:/a/libc.so:r
allow
open:/a/li:r
deny

{files: [{read: "/a/*"}]}
open:/a/b:r
allow
open:/a/b/c:r
allow
open:/a/.hidden:r
allow
open:/a:r
deny EACCES no rule

{files: [{read: "/a/?"}]}
open:/a/b:r
allow
open:/a/bb:r
deny
open:/a/ü:r
deny

{files: [{read: "/a/[a-cx]"}]}
open:/a/b:r
allow
open:/a/x:r
allow
open:/a/d:r
deny
open:/a/ab:r
deny

{files: [{read: "/a/[!a-c]*"}, {read: "/b/[^.]*"}, {read: "/c/[]]"}, {read: "/d/[a-]"}]}
open:/a/d:r
allow
open:/a/dog:r
allow
open:/a/cat:r
deny
open:/b/x:r
allow
open:/b/.x:r
deny
open:/c/]:r
allow
open:/d/-:r
allow
open:/d/b:r
deny

{files: [{read: "/a/**/z"}]}
open:/a/z:r
allow
open:/a/b/z:r
allow
open:/a/b/c/d/z:r
allow
open:/a/b/c/d/z/below:r
allow
open:/z:r
deny
open:/a/b/zz:r
deny

{files: [{read: "/a/**"}]}
open:/a:r
allow
open:/a/b/c:r
allow
open:/b:r
deny

{files: [{read: "**/x"}]}
open:/x:r
allow read **/x
open:/a/b/x:r
allow
open:/a/b/x/y:r
allow
open:/a/b/xy:r
deny

{files: [{read: "**"}]}
open:/:r
allow
open:/a/b:r
allow

{files: [{read: "**/a/**/b/*.c"}]}
open:/a/b/x.c:r
allow
open:/q/a/r/s/b/x.c:r
allow
open:/a/a/b/b/x.c:r
allow
open:/b/a/x.c:r
deny

# Other relative patterns start at the working directory.
{files: [{read: "*.c"}, {read: "src/**/*.h"}, {read: "./**/doc"}]}
open:/home/me/work/x.c:r
allow read *.c
open:/home/me/x.c:r
deny
open:/home/me/work/src/a/b.h:r
allow read src/**/*.h
open:/src/b.h:r
deny
open:/home/me/work/a/doc:r
allow read ./**/doc
open:/a/doc:r
deny

# A backslash takes the meaning away.
{files: [{read: '/a/\*'}, {read: '/b/\**'}, {read: '/c/x\[1]'}, {read: '/d/[\]]'}]}
open:/a/*:r
allow
open:/a/b:r
deny
open:/b/*x:r
allow
open:/b/x:r
deny
open:/c/x[1]:r
allow
open:/c/x1:r
deny
open:/d/]:r
allow

# Many kinds at one place.
{files: [{read: "/a/*.x"}, {read: "/a/x.*"}, {read: "/a/x?x"}, {read: "/a/*m*"}, {read: /a/l}]}
open:/a/1.x:r
allow read /a/*.x
open:/a/x.1:r
allow read /a/x.*
open:/a/xyx:r
allow read /a/x?x
open:/a/omo:r
allow read /a/*m*
open:/a/l:r
allow read /a/l
open:/a/o:r
deny EACCES no rule

# Patterns among denies.
{files: [{write: .}, {deny: "**/.env"}]}
open:/home/me/work/.env:r
deny EACCES **/.env
open:/home/me/work/a/b/.env:w
deny EACCES **/.env
open:/home/me/work/a/b/.env/x:w
deny EACCES **/.env
open:/home/me/work/.env.example:r
allow write .
open:/.env:r
deny EACCES **/.env

{files: [{deny: "**/.env"}, {read: /w/.env}]}
open:/w/.env:r
allow read /w/.env
open:/x/.env:r
deny EACCES **/.env

{files: [{write: /w}, {deny: "**/.env.*"}, {read: "**/.env.example"}]}
open:/w/.env.local:r
deny EACCES **/.env.*
open:/w/.env.example:r
allow read **/.env.example
open:/w/.env.example:w
deny EACCES **/.env.*

{files: [{deny: "**/.env"}, {read: "**/.env"}]}
open:/w/.env:r
deny EACCES **/.env

{files: [{deny: "/a/*"}, {read: /a/b}]}
open:/a/b:r
allow read /a/b
open:/a/c:r
deny

{files: [{deny: "/a/*"}, {read: /a}]}
open:/a/c:r
deny EACCES /a/*
open:/a:r
allow read /a

{files: [{deny: "/a/*.pem"}, {read: "/a/pub*.pem"}]}
open:/a/pub1.pem:r
allow read /a/pub*.pem
open:/a/x.pem:r
deny

# Neither inside the other: the deny wins.
{files: [{deny: "/a/*.pem"}, {read: "/a/pub*"}]}
open:/a/pub1.pem:r
deny EACCES /a/*.pem
open:/a/pub1:r
allow read /a/pub*

{files: [{deny: "/a/?"}, {read: "/a/[xy]"}]}
open:/a/x:r
allow read /a/[xy]
open:/a/z:r
deny

{files: [{deny: "/a/[xy]"}, {read: "/a/?"}]}
open:/a/x:r
deny
open:/a/z:r
allow read /a/?

# The same set, written differently.
{files: [{deny: "/a/[x]"}, {read: /a/x}]}
open:/a/x:r
deny EACCES /a/[x]

{files: [{deny: "/a/**"}, {read: /a}]}
open:/a/x:r
deny EACCES /a/**

{files: [{deny: /a}, {read: "/a/**"}]}
open:/a/x:r
deny EACCES /a

{files: [{deny: /a}, {read: "/a/**/pub"}]}
open:/a/x/pub:r
allow read /a/**/pub
open:/a/x:r
deny EACCES /a

{files: [{deny: "**/secret"}, {read: "/w/**/secret/public"}]}
open:/w/a/secret/public/x:r
allow read /w/**/secret/public
open:/w/a/secret/x:r
deny
open:/v/secret/public:r
deny

{files: [{deny: "/**/a"}, {read: "/**/a/**/a"}]}
open:/a:r
deny
open:/a/b/a:r
allow read /**/a/**/a

# Moving folders: what a rule names below must stay where it is.
{files: [{write: /}, {deny: /a/b/c}, {hide: "/p/*/q"}, {deny: "**/.git/hooks"}, {deny: "**/.env"}]}
move:/a
refused /a/b/c
move:/a/b
refused /a/b/c
move:/a/x
free
move:/b
free
move:/p
refused /p/*/q
move:/p/x
refused /p/*/q
move:/p/x/r
free
move:/w/.git
refused **/.git/hooks
move:/w
free

{files: [{write: /w}, {deny: "/w/**/.env"}]}
move:/w/sub
refused /w/**/.env
move:/v
free

{files: [{read: /usr}, {write: "/w/*.c"}]}
within:/
no
move:/w
free

{files: [{write: /}, {deny: /a/b}, {hide: "/p/*/q"}]}
within:/
yes
within:/a
yes
within:/a/b
yes
within:/a/b/c
yes
within:/a/c
no
within:/p/x
yes
within:/p/x/q/y
yes
within:/p/x/r
no
within:/z
no

{files: [{read: /usr}, {deny: "**/.env"}]}
within:/usr/share
yes
