# PostgreSQL as root runs it: the server, which refuses to be root, as another user; the client as root.
# needs: /usr/lib/postgresql/*/bin/initdb setpriv
# user: root
# plans: default
# looks: connect listen
PATH=$(echo /usr/lib/postgresql/*/bin | tr ' ' '\n' | tail -1):$PATH
as_other() { setpriv --reuid 65534 --regid 65534 --clear-groups "$@"; }
initdb -D data 2>&1 | head -1
mkdir db; chown 65534:65534 db; chmod 755 . db
as_other initdb -D db/data --no-sync -U me -A trust >log 2>&1 || cat log
as_other pg_ctl -D db/data -w -l db/log -o "-k $PWD/db -c listen_addresses= -c fsync=off" start | tail -1
psql -h "$PWD/db" -U me postgres <<'SQL' 2>&1
create table t(a int primary key, b text); insert into t select i, 'row ' || i from generate_series(1, 1000) i;
select count(*), sum(a) from t; create index on t(b); select * from missing;
SQL
as_other pg_dump -h "$PWD/db" -U me postgres | grep -c row; as_other pg_ctl -D db/data -m fast stop | tail -1; rm -rf db log
