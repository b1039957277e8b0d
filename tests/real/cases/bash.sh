# What people write in bash.
set -o pipefail
printf 'c\nb\na\n' | sort | tee sorted | head -1
cat <<HERE
a here-document with $((6 * 7))
HERE
cat <<<"a here-string"
diff <(printf '1\n2\n') <(printf '1\n3\n')
echo "diff said $?"
echo into a process | tee >(tr a-z A-Z >upper) >/dev/null
wait $!
mkdir -p globs/{a,b}/c && touch globs/{a,b}/c/{1..5}.txt globs/.hidden
echo globs/*/c/[2-4].txt globs/**/c/?.txt
shopt -s globstar dotglob nullglob
echo globs/** nothing/*
(cd globs && pwd | sed "s,$PWD,HERE," && exit 3)
echo "subshell said $?"
exec 3>third
echo to the third >&3
exec 3>&-
exec 4<third
read -r line <&4
echo "read: $line"
exec 4<&-
echo 1 >kept
set -o noclobber
echo 2 >kept
echo "noclobber said $?"
echo 3 >|kept
set +o noclobber
echo 4 >>kept
false | true
echo "pipefail said $?"
trap 'echo leaving' EXIT
trap 'echo got USR1' USR1
kill -USR1 $$
coproc UPPER { tr a-z A-Z; }
exec 6<&"${UPPER[0]}" # bash forgets both ends when the coprocess has ended
echo through a coprocess >&"${UPPER[1]}"
exec {UPPER[1]}>&-
cat <&6
exec 6<&-
wait
exec 5<>both
echo one >&5
exec 5>&-
cat both
cat missing
echo into >missing/folder
: >empty && [[ -e empty && ! -s empty ]] && echo empty
read -r first <sorted && echo "$first"
mapfile -t lines <sorted && echo "${#lines[@]}"
(sleep 0.01; echo background >background) &
wait $!
umask 077 && echo private >private && mkdir privates
source <(echo 'echo sourced')
./kept
echo "not a program: $?"
printf '#!/bin/sh\necho run with $1\n' >script && chmod 755 script && ./script an argument
command -v nosuchprogram
nosuchprogram
exit 7
