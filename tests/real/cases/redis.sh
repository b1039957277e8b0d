# Redis on a UNIX socket: kept on disk, asked, started again.
# needs: redis-server redis-cli
# plans: default
# varying: dump.rdb appendonlydir/*
# looks: connect listen
serve() { redis-server --port 0 --unixsocket "$PWD/socket" --dir "$PWD" --save '' --appendonly yes --daemonize no >log 2>&1 & for i in $(seq 5000); do redis-cli -s socket ping 2>/dev/null | grep -q PONG && return; sleep 0.02; done; cat log; }
ask() { redis-cli -s socket "$@"; }
serve; ask set a 1; ask incr a; seq 100 | sed 's/.*/rpush list &/' | ask | tail -1; ask save; ask nonsense; ask eval 'return redis.call("get", "a") + 40' 0; ask shutdown; wait
serve; ask get a; ask llen list; ask shutdown; wait; rm -f log; ls
