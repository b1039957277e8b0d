# A repository's life.
# needs: git
# varying: *index *.git/*/pack-* *.git/packed-refs
git init -q -b main repository && cd repository || exit
git config user.name Someone && git config core.autocrlf false && git config --list --local
for i in $(seq 30); do mkdir -p "d$((i % 5))" && seq "$i" "$((i + 50))" >"d$((i % 5))/f$i"; done
printf '*.o\n' >.gitignore && touch a.o
git add . && git commit -q -m first && git status --short
git checkout -q -b topic
sed -i s/10/ten/ d1/f1 && ln -s d1/f1 link && git add -A && git commit -q -m 'on topic'
git checkout -q main && echo more >>d2/f2 && git rm -q d3/f3 && git mv d4/f4 d4/g4 && git commit -qam 'on main'
git merge -q --no-edit topic && git log --oneline --graph --stat
git checkout -q -b other HEAD~1 && echo other >other && git add other && git commit -q -m other
git rebase -q main && git log --oneline
echo dirty >>d0/f5 && git stash -q && git status --short && git stash list && git stash pop -q && git diff
git checkout -q -- d0/f5
echo conflict >>d2/f2 && git commit -qam left
git checkout -q main && echo collision >>d2/f2 && git commit -qam right
git merge other
git status --short; git merge --abort; git branch -a; git tag -a -m tagged v1
git gc -q && git fsck 2>&1 && git count-objects && git log --oneline
git clone -q . ../clone && cd ../clone && git log --oneline | head -3 && ls && git status --short
git clone -q --no-local "file://$PWD" ../over 2>&1 && cd ../over && git worktree add -q ../tree && ls ../tree
git branch -d main; cd .. && git -C clone push -q origin HEAD:pushed; git -C repository branch
