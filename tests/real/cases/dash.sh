# A hundred pipelines of three in a row: processes that end while others start.
# needs: dash
exec dash -c 'i=0; while [ $i -lt 100 ]; do echo $i | cat | tr 0-9 a-j; i=$((i+1)); done; cat nothing; cat <nothing'
