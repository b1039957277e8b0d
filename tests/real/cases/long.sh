# A working folder whose path is about as long as the kernel takes.
# looks: connect
part=$(printf 'x%.0s' $(seq 200)); top=$PWD
while [ ${#PWD} -lt 3830 ]; do mkdir -p "$part" && cd "$part" || exit; done
mkdir -p "${part:0:$((4070 - ${#PWD} - 1))}" && cd x* || exit
echo deep >file && cat file && mkdir sub && echo in >sub/in && cat ./sub/../sub/in ../"$part"/file && ln -s sub/in link && cat link && mv file moved && cp moved copy && chmod 600 copy && rm moved && ls -l | awk '{print $1, $NF}'
cat missing; rm missing; mkdir sub; cd sub && cat ../copy && echo "${#PWD}"; ./none; cp /bin/true ./t && ./t && echo ran; stat -c '%F %n' . .. ../link
cd "$top" && rm -rf x*/xx*/; ls | wc -c; cat "$(printf 'y%.0s' $(seq 256))"; cat "$(printf 'y/%.0s' $(seq 2100))"; mkdir "$(printf 'y%.0s' $(seq 255))" && rmdir y*
