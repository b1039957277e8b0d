# PostgreSQL: a cluster made, served over a UNIX socket, asked, stopped.
# needs: /usr/lib/postgresql/*/bin/initdb
# user: ordinary
# plans: default
# looks: connect listen
PATH=$(echo /usr/lib/postgresql/*/bin | tr ' ' '\n' | tail -1):$PATH
initdb -D data --no-sync -U me -A trust >log 2>&1 || cat log
pg_ctl -D data -w -l log -o "-k $PWD -c listen_addresses= -c fsync=off" start | tail -1
psql -h "$PWD" -U me postgres <<'SQL' 2>&1
create table t(a int primary key, b text); insert into t select i, 'row ' || i from generate_series(1, 1000) i;
select count(*), sum(a) from t; create index on t(b); select * from missing; \copy t to 'copied'
SQL
pg_dump -h "$PWD" -U me postgres | grep -c row; wc -l copied; pg_ctl -D data -m fast stop | tail -1; rm -rf data log
