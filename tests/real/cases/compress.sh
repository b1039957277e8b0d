# zip and zstd.
# needs: zip unzip zstd
# plans: default
seq 20000 >numbers && touch -d @1600000000 numbers && zip -q one.zip numbers && unzip -l one.zip | tail -1 && unzip -p one.zip | cksum && zstd -q numbers && zstd -dc numbers.zst | cksum && zstd -q -T2 --rm numbers -o other.zst && zstd -t other.zst 2>&1 | tail -1; unzip missing.zip; zstd missing; zip -q one.zip missing; echo $?
