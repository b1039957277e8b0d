# Something else in the place of a file or folder: the rules for that decide.

{files: [{read: /usr}, {redirect: {from: /data, to: /usr/share}}]}
open:/data:r
allow read /usr
open:/data/x/y:r
allow read /usr
open:/data/x:w
deny EACCES no rule
open:/data2:r
deny EACCES no rule
open:/dat:r
deny EACCES no rule

{files: [{read: /usr}, {write: /usr/share/app}, {redirect: {from: /data, to: /usr/share}}]}
open:/data/app/x:w
allow write /usr/share/app

# A denial of what is there instead holds; one of the name says nothing.
{files: [{read: /}, {deny: /secret}, {deny: /a}, {redirect: {from: /a/b, to: /c}}, {redirect: {from: /d, to: /secret}}]}
open:/a/b:r
allow read /
open:/a/b/x:r
allow read /
open:/a/c:r
deny EACCES /a
open:/d/x:r
deny EACCES /secret

# The innermost one, and one after the other.
{files: [{read: /1}, {write: /2}, {exec: /3}, {redirect: {from: /a, to: /1}}, {redirect: {from: /a/b, to: /2}}, {redirect: {from: /2/c, to: /3}}]}
open:/a/x:r
allow read /1
open:/a/b/x:w
allow write /2
exec:/a/b/c/x
allow exec /3

# Twice the same is once.
{files: [{read: /x}, {redirect: {from: /y, to: /x}}, {redirect: {from: /y/, to: /x/.}}]}
open:/y:r
allow read /x
