# A database in both its ways of journalling, two programs at once.
# needs: sqlite3
# varying: *.db
# looks: connect
sqlite3 base.db 'create table t(a integer primary key, b text); pragma journal_mode=delete; insert into t values(1, "one");'
for i in $(seq 2 40); do echo "insert into t values($i, 'row $i');"; done | sqlite3 base.db
(sqlite3 -cmd '.timeout 90000' base.db 'insert into t select a + 100, b from t where a < 50') & sqlite3 -cmd '.timeout 90000' base.db 'insert into t select a + 200, b from t where a < 50'; wait
sqlite3 base.db 'pragma journal_mode=wal; insert into t values(999, "wal"); select count(*), sum(a) from t; pragma integrity_check; vacuum;' && sqlite3 base.db .dump | sort | cksum
sqlite3 -readonly base.db 'delete from t'; sqlite3 missing/base.db 'select 1 from t'; sqlite3 base.db 'select * from none'; sqlite3 base.db '.backup copy.db' && sqlite3 copy.db 'select b from t where a = 7' && sqlite3 :memory: "attach 'copy.db' as c; select count(*) from c.t; create temp table x as select * from c.t; select max(a) from x;"
