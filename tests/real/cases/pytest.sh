# pytest: fixtures, temporary folders, captured output, its cache.
# needs: pytest
# plans: default home
cat >test_all.py <<'PYTHON'
import asyncio, os, pathlib, subprocess, sys, pytest
def test_folder(tmp_path):
    (tmp_path / 'file').write_text('text')
    assert [entry.name for entry in tmp_path.iterdir()] == ['file']
def test_captured(capsys):
    print('hello'); assert capsys.readouterr().out == 'hello\n'
def test_process():
    assert subprocess.run([sys.executable, '-c', 'exit(3)']).returncode == 3
@pytest.mark.parametrize('n', range(30))
def test_many(n, tmp_path_factory, monkeypatch):
    monkeypatch.chdir(tmp_path_factory.mktemp('m')); pathlib.Path(str(n)).touch(); assert os.listdir() == [str(n)]
def test_asyncio():
    async def main():
        process = await asyncio.create_subprocess_exec('cat', stdin=-1, stdout=-1)
       
        return (await process.communicate(b'through'))[0]
    assert asyncio.run(main()) == b'through'
def test_wrong():
    assert open('missing')
PYTHON
pytest -q 2>&1 | sed 's/in [0-9.]*s.*/in no time/'; echo "${PIPESTATUS[0]}"; rm -rf .pytest_cache __pycache__
