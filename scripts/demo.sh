#!/usr/bin/env bash
# A session with reeve: real programs on a small project, under demo/policy.yaml. Every command is shown before it
# runs, and its result is compared with what the policy promises. Exits with 1 when anything came out otherwise.
#   scripts/demo.sh BUILD
set -uo pipefail

top=$(cd "$(dirname "$0")/.." && pwd)
build=$(cd "${1:?a build folder}" && pwd)
PATH=$build/src:$build:$PATH
command -v reeve >/dev/null || {
	echo "demo: there is no reeve in $build; run make first" >&2
	exit 1
}
work=$(mktemp -d "${TMPDIR:-/tmp}/reeve-demo.XXXXXX")
trap 'rm -rf "$work"' EXIT
cp -r "$top/demo/project" "$top/demo/policy.yaml" "$work/"
mkdir "$work/demo"
cp "$top"/demo/*.py "$work/demo/"
cd "$work/project" || exit 1
# What a build's programs leave behind stays in here, and nobody's own settings of git count.
export HOME=$work/home TMPDIR=$work/project/.tmp GIT_CONFIG_GLOBAL=/dev/null GIT_PAGER=cat LC_ALL=C.UTF-8
mkdir -p "$HOME" "$TMPDIR"
said=$work/said
checks=0
wrong=0

heading() {
	printf '\n== %s\n' "$*"
}

# Shows a command, runs it, and demands its exit status.
run() {
	local expected=$1 status=0
	shift
	printf '\n$ %s\n' "$(shown "$@")"
	timeout -k 5 300 "$@" >"$said" 2>&1 </dev/null || status=$?
	sed 's/^/    /' "$said"
	checks=$((checks + 1))
	if [ "$status" != "$expected" ]; then
		wrong=$((wrong + 1))
		printf 'UNEXPECTED: exit status %s, and not %s\n' "$status" "$expected"
	elif [ "$status" != 0 ]; then
		printf '    (exit status %s, as it should be)\n' "$status"
	fi
}

# A command as somebody would type it.
shown() {
	local word text=
	for word in "$@"; do
		case $word in
		*[!A-Za-z0-9_./:=,@%+-]* | '') word="'$word'" ;;
		esac
		text+="$word "
	done
	printf '%s' "${text% }"
}

# Waits for a line that matches, of a program in the background.
until_there() {
	local tries=0
	until grep -Eq -- "$1" "$2" || [ $((tries += 1)) -gt 4000 ]; do
		sleep 0.05
	done
}

# The last command's output must, or must not, have a line that matches.
says() {
	checks=$((checks + 1))
	grep -Eq -- "$1" "$said" && return
	wrong=$((wrong + 1))
	printf 'UNEXPECTED: nothing above says "%s"\n' "$1"
}
says_not() {
	checks=$((checks + 1))
	grep -Eq -- "$1" "$said" || return 0
	wrong=$((wrong + 1))
	printf 'UNEXPECTED: something above says "%s"\n' "$1"
}

number_of() { # KEY FILE: a number out of a summary
	sed -nE "s/.*\"$1\": *([0-9]+).*/\1/p" "$2" | head -n 1
}

git -c init.defaultBranch=main init -q
printf '.tmp/\nwords\n*.o\nconfig/.env\nvault/\nprivate/\n' >.git/info/exclude
git add . && git -c user.name=demo -c user.email=demo@example.org commit -q -m 'a start'

echo "A project that somebody sent, with secrets in it, and a policy for working on it: ../policy.yaml"
sed 's/^/    /' ../policy.yaml

heading 'The plan: which layer holds each rule, before anything runs'
run 0 reeve explain -p ../policy.yaml
says '[Ll]andlock'
says '[Ss]upervisor'
heading 'Single questions'
run 0 reeve explain -p ../policy.yaml open:src/main.c:rw
says 'allow'
run 1 reeve explain -p ../policy.yaml open:config/.env:r
says 'deny'
says 'policy\.yaml:[0-9]+'
run 1 reeve explain -p ../policy.yaml exec:/usr/bin/gcc syscall:unshare
says 'allow'
says 'deny'

heading 'What it allows: a build, version control, a script'
run 0 reeve run -p ../policy.yaml -- make
run 0 reeve run -p ../policy.yaml -- ./words README.txt src/main.c
says '^2 lines'
echo '/* a change */' >>src/main.c
run 0 reeve run -p ../policy.yaml -- git status --short
says 'M src/main.c'

heading 'What it refuses, with the reason and the line that would allow it'
run 1 reeve run -p ../policy.yaml -- cat config/.env
says 'Permission denied'
says 'policy\.yaml:[0-9]+'
says_not 'not-a-real-one'
run 1 reeve run -p ../policy.yaml -- cat vault/card
says 'Operation not permitted'
says_not 'card number'
run 1 reeve run -p ../policy.yaml -- sh -c 'ln -s ../config/.env src/innocent && cat src/innocent'
says_not 'not-a-real-one'
rm -f src/innocent
heading 'What it hides'
run 1 reeve run -p ../policy.yaml -- cat private/key
says 'No such file or directory'
says_not 'opens nothing'
if command -v python3 >/dev/null; then
	heading 'A script that opens everything it finds'
	run 0 reeve run -p ../policy.yaml --quiet -- python3 report.py
	says 'config/.env: Permission denied'
	says 'vault: Operation not permitted'
fi
heading 'Outside of the project: nothing may be changed, root or not'
run 1 reeve run -p ../policy.yaml -- mkdir /usr/reeve-was-here
says 'Permission denied'
heading 'System calls: one is refused, one ends the program'
run 1 reeve run -p ../policy.yaml -- unshare --user true
says 'Operation not permitted'
run 159 reeve run -p ../policy.yaml -- hostname somebody

heading 'One flag makes an exception, for one run'
run 0 reeve run -p ../policy.yaml --read config/.env -- cat config/.env
says 'not-a-real-one'

heading 'Something else in the place of a file'
echo 'TOKEN=only-for-tests' >config/test.env
run 0 reeve run --read / --exec / --redirect config/.env=config/test.env -- cat config/.env
says 'only-for-tests'
says_not 'not-a-real-one'

if command -v python3 >/dev/null; then
	heading 'Asking before it refuses: here a script answers, on a terminal you do'
	../demo/answer.py "$work/ask" README >"$work/answers" 2>&1 &
	until_there listening "$work/answers"
	run 1 reeve run --use strict --on-deny=ask --ask-socket "$work/ask" --quiet -- cat README.txt Makefile
	says 'Permission denied'
	cat "$work/answers" >"$said"
	sed 's/^/    /' "$said"
	says 'README.txt: once'
	says 'Makefile: deny'
	wait
fi

if command -v python3 >/dev/null && unshare --net true 2>/dev/null; then
	heading 'Host names: what the policy names can be reached, and nothing else'
	../demo/nameserver.py 127.0.0.1 www.example.org other.example.org >"$work/port" 2>&1 &
	nameserver=$!
	python3 -u -m http.server --bind 127.0.0.1 0 >"$work/web" 2>&1 &
	web=$!
	until_there '^[0-9]' "$work/port"
	until_there 'port [0-9]' "$work/web"
	port=$(grep -oE 'port [0-9]+' "$work/web" | grep -oE '[0-9]+')
	network=(--connect "www.example.org:$port" --connect "127.0.0.1:$port" --dns "127.0.0.1:$(cat "$work/port")")
	run 0 reeve run "${network[@]}" --read / --exec / -- ../demo/fetch.py "http://www.example.org:$port/README.txt"
	says 'words'
	run 1 reeve run "${network[@]}" --read / --exec / -- ../demo/fetch.py "http://other.example.org:$port/"
	says 'other.example.org'
	heading 'An address in the place of another'
	run 0 reeve run --read / --exec / --connect "127.0.0.1:$port" \
		--redirect-connect "192.0.2.1:80=127.0.0.1:$port" -- ../demo/fetch.py http://192.0.2.1/README.txt
	says 'words'
	kill "$nameserver" "$web"
	wait
fi

heading 'A policy that the kernel holds by itself: nothing stops, nothing waits'
run 0 reeve run --read / --exec / --write . --summary --summary-json ../summary.json -- make -B
checks=$((checks + 1))
count=$(number_of notifications ../summary.json)
if [ "$count" = 0 ]; then
	echo "    (notifications: 0)"
else
	wrong=$((wrong + 1))
	echo "UNEXPECTED: ${count:-no} notifications, and not 0"
fi

heading 'The record for machines, and the sum of it'
run 1 reeve run -p ../policy.yaml --quiet --summary --json ../record.jsonl -- \
	sh -c 'cat README.txt config/.env private/key vault/card'
run 0 grep -E '"verdict":"(deny|hide)"' ../record.jsonl
says '"deny"'
says '"object":"[^"]*/config/\.env"'
says '"hide"'

printf '\n%s of %s expectations came out as they should\n' $((checks - wrong)) "$checks"
[ "$wrong" = 0 ]
