# An environment of Python's, a package made into a wheel by hand, installed with pip, run, removed.
# needs: python3 /usr/share/python-wheels/pip-*.whl
# plans: default
python3 -m venv environment || exit
python3 - <<'PYTHON'
import zipfile
with zipfile.ZipFile('example-1.0-py3-none-any.whl', 'w') as wheel:
    wheel.writestr('example.py', 'def main():\n    print("the example")\n    return 6\n')
    info = 'example-1.0.dist-info/'
    wheel.writestr(info + 'METADATA', 'Metadata-Version: 2.1\nName: example\nVersion: 1.0\n')
    wheel.writestr(info + 'WHEEL', 'Wheel-Version: 1.0\nGenerator: hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n')
    wheel.writestr(info + 'entry_points.txt', '[console_scripts]\nexample = example:main\n')
    wheel.writestr(info + 'RECORD', ''.join(f'{name},,\n' for name in wheel.namelist() + [info + 'RECORD']))
PYTHON
environment/bin/pip install --no-index --disable-pip-version-check ./example-1.0-py3-none-any.whl | tail -1
environment/bin/example; echo "the example said $?"; environment/bin/pip install --no-index --disable-pip-version-check nothing 2>&1 | tail -1
rm -rf environment *.whl
