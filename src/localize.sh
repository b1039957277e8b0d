#!/bin/sh
# One relocatable object of everything in an archive, with only the public names left global: a static library that
# cannot collide with the names of the program that links it.
#
# usage: localize.sh OUTPUT ARCHIVE OBJCOPY AR CC...
set -e
output=$1 archive=$2 objcopy=$3 ar=$4
shift 4
object=$output.o
"$@" -r -nostdlib -o "$object" -Wl,--whole-archive "$archive" -Wl,--no-whole-archive
"$objcopy" --localize-hidden "$object"
rm -f "$output"
"$ar" rcs "$output" "$object"
rm -f "$object"
