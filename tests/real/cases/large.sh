# A large file, copied in several ways.
head -c 60000000 /dev/zero | tr '\0' 'x' >large && cp large copy && cmp large copy && dd if=large of=dd bs=1M oflag=append conv=notrunc status=none && cat <large >cat && sum cat dd && rm large dd
