# A working folder whose path is longer than the kernel can say. Where the supervisor performs, such paths have no
# name to decide by: ENAMETOOLONG.
# not default: getcwd reads the folders above where the path is too long for the kernel, and they are not granted
# not performed: a path of more than 4095 bytes has no name that the supervisor could learn
part=$(printf 'x%.0s' $(seq 200)); top=$PWD; i=0
while [ $i -lt 24 ]; do mkdir "$part" && cd -P "$part" 2>/dev/null || cd "./$part" || exit; i=$((i + 1)); done
echo deep >file && cat file ../"$part"/file && ln -s file link && cat link && mv file moved && rm moved && ls
echo ${#PWD}; /bin/true; cat missing; cd .. && rmdir "$part"; rm -r "$part"
cd "$top" && rm -rf x*/xx*/; ls | wc -c
