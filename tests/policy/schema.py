#!/usr/bin/env python3
"""The schema for editors and the reader agree: what `reeve check` takes, `reeve schema` takes, and what one of them
refuses, so does the other, save for what no schema can see (listed below, with the reason).

usage: schema.py REEVE SOURCE
"""
import json
import pathlib
import re
import subprocess
import sys
import tempfile

try:
    import jsonschema
    import yaml
except ImportError as missing:
    print(f'skipped: needs python3-jsonschema and python3-yaml: {missing}')
    sys.exit(77)

REEVE, SOURCE = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]).resolve()

# Wrong policies that a schema must take, by file below tests/policy/bad.
ONLY_THE_READER = {
    'the map has lost them': ['duplicate-in-rule', 'duplicate-top'],
    'aliases are followed': ['anchor-map', 'laughs-wide'],
    'what a string means': ['create-pattern', 'glob-bad', 'long-path', 'nul-in-path', 'tilde-user', 'variable-in-class',
                            'variable-malformed', 'variable-unknown',
                            'address-missing', 'network-addresses', 'network-hosts', 'network-ports', 'network-unix',
                            'network-redirects'],
    'what other files say': ['use-cycle', 'use-deep', 'use-directory', 'use-file-missing', 'use-itself', 'use-pattern'],
    'what two files have in common': ['streams-one'],
    'what a call is': ['ask-calls'],
    'how it is encoded': ['utf16'],
}
failures = []


def check(holds, what, seen=''):
    if not holds:
        failures.append(what)
        print(f'FAILED: {what} {seen}')


class Loader(yaml.SafeLoader):
    """YAML 1.2, as editors read it; a plain ~ is the home folder to the reader and stays a string here."""
    yaml_implicit_resolvers = {}


Loader.add_implicit_resolver('tag:yaml.org,2002:bool', re.compile(r'^(?:true|false)$'), list('tf'))
Loader.add_implicit_resolver('tag:yaml.org,2002:null', re.compile(r'^(?:null|)$'), ['n', ''])
Loader.add_implicit_resolver('tag:yaml.org,2002:int', re.compile(r'^[-+]?[0-9]+$'), list('-+0123456789'))
Loader.add_constructor('tag:yaml.org,2002:int', lambda loader, node: int(node.value))


def load(text):
    """The values, or None when it is no YAML (or no single document) at all."""
    try:
        return yaml.load(text, Loader)
    except (yaml.YAMLError, UnicodeDecodeError, ValueError, TypeError):
        return None


def complaints(validator, text):
    values = load(text)
    if values is None:
        return ['it is no YAML, or nothing']
    return [f'{"/".join(map(str, error.absolute_path))}: {error.message[:150]}'
            for error in validator.iter_errors(values)]


def reader_takes(path):
    """0: yes, 1: no; for what cannot be read 2."""
    return subprocess.run([REEVE, 'check', path], capture_output=True, cwd=path.parent).returncode == 0


def check_every_key(schema):
    """A key that the reader knows and that has no row in src/policy/schema.c stands there as `true`."""
    for place, shape in [('', schema), *schema['$defs'].items()]:
        for key, value in shape.get('properties', {}).items():
            check(value is not True, f'the reader knows {place}/{key}, and src/policy/schema.c has no row for it')


def check_files(validator):
    good = [*SOURCE.glob('policies/*.yaml'), *SOURCE.glob('examples/**/*.yaml'), *SOURCE.glob('docs/**/*.yaml'),
            *(path for path in SOURCE.glob('fuzz/corpus/policy/*') if path.is_file())]
    for path in good:
        wrong = complaints(validator, path.read_bytes())
        # What was made for the fuzzer may be wrong in any way that only the reader sees.
        if reader_takes(path):
            check(not wrong, f'{path}: the reader takes it, the schema does not:', wrong)
        else:
            check('corpus' in str(path), f'{path}: a policy of ours is wrong')
    print(f'{len(good)} files')


def check_bad(validator):
    listed = {name: why for why, names in ONLY_THE_READER.items() for name in names}
    paths = sorted(SOURCE.glob('tests/policy/bad/*.yaml'))
    check(set(listed) <= {path.stem for path in paths}, 'what is listed is there')
    for path in paths:
        wrong = complaints(validator, path.read_bytes())
        if path.stem in listed:
            check(not wrong, f'{path}: is listed as "{listed[path.stem]}", and the schema refuses it:', wrong)
        else:
            check(wrong, f'{path}: the reader refuses it, the schema does not. If no schema can see it, '
                         'it belongs into ONLY_THE_READER')
    print(f'{len(paths)} wrong policies, {len(listed)} of them for the reader alone')


def check_triplets(schema):
    """The policies of tests/policy/*.t, which need not name their version."""
    validator = jsonschema.Draft202012Validator({**schema, 'required': []})
    count = 0
    for path in sorted(SOURCE.glob('tests/policy/*.t')):
        for number, line in enumerate(path.read_text(errors='surrogateescape').splitlines(), 1):
            if line.startswith('{'):
                wrong = complaints(validator, line)
                check(not wrong, f'{path}:{number}: the schema refuses it:', wrong)
                count += 1
    print(f'{count} policies of triplets')
    check(count > 50, 'too few policies of triplets')


def check_by_hand(validator):
    for text, takes in [
            ('reeve: 1\nfiles: [{read: /usr}]\n', True),
            ('reeve: 1\nuse: [workspace, ./more.yaml]\nfiles:\n  - deny: "**/.env"\n    errno: ENOENT\n', True),
            ('reeve: 1\nsyscalls: [{deny: [ptrace, "@debug", 101], log: true}]\n', True),
            ('reeve: 1\nnetwork: [{connect: "127.0.0.1:*"}, {deny-listen: "*:80", errno: EPERM}]\n', True),
            ('reeve: 1\nnetwork: [{connect: ["*:443", {from: "10.0.0.5:80", to: "127.0.0.1:80"}]}]\n', True),
            ('reeve: 1\nnetwork: [{connect: {from: "unix:/run/x", to: "unix:@y"}}]\n', True),
            ('reeve: 1\nnetwork: [{connect: {from: "10.0.0.5:80"}}]\n', False),
            ('reeve: 1\nnetwork: [{listen: {from: "127.0.0.1:80", to: "127.0.0.1:81"}}]\n', False),
            ('reeve: 1\nlimits: {memory: 2G, processes: 200, wall-time: 1h30m, cpu-time: 60s}\n', True),
            ('reeve: 1\nstreams: {stdout: x.log, stderr: {file: y.log, rotate: 10M, keep: 3}}\n', True),
            ('reeve: 1\nstreams: {stdout: {file: x.log, keep: 3}}\n', False),
            ('reeve: 1\nfiles: [{ask: [~/Documents, "**/.env"], errno: ENOENT}]\n', True),
            ('reeve: 1\nnetwork: [{ask-connect: "*:443", log: true}, {ask-listen: "*:8080", errno: EPERM}]\n', True),
            ('reeve: 1\nsyscalls: [{ask: [ptrace, "@mount"], errno: ENOSYS}]\n', True),
            ('reeve: 1\nfiles: [{ask: /x, optional: true}]\n', False),
            ('reeve: 1\nfiles: [{ask: /x, deny: /y}]\n', False),
            ('reeve: 1\nnetwork: own\n', True),
            ('reeve: 1\nnetwork: [own, {deny-listen: "*:80"}]\n', True),
            ('reeve: 1\nnetwork: owm\n', False),
            ('reeve: 1\nlimits: {wall-time: 30m1h}\n', False),
            ('reeve: 1\nlimits: {memory: 512}\n', False),
            ('reeve: 1\nuse: wrkspace\n', False),
            ('reeve: 1\nfiles: [{read: /usr, errno: EPERM}]\n', False),
            ('reeve: 1\nnetwork: [{connect: "127.0.0.1:*", errno: EPERM}]\n', False),
            ('reeve: 1\nfiles: [{deny: /usr, optional: true}]\n', False),
            ('reeve: 1\nsyscalls: [{deny: [ptrase]}]\n', False),
            ('files: [{read: /usr}]\n', False),
            ('reeve: 1\nnetwork: [{conect: "*:80"}]\n', False)]:
        wrong = complaints(validator, text)
        check(bool(wrong) != takes, f'{text!r}: expected {takes}:', wrong)
        with tempfile.NamedTemporaryFile('w', suffix='.yaml') as policy:
            policy.write(text.replace('./more.yaml', 'strict'))
            policy.flush()
            check(reader_takes(pathlib.Path(policy.name)) == takes, f'{text!r}: the reader thinks otherwise')


def main():
    schema = json.loads(subprocess.run([REEVE, 'schema'], capture_output=True, check=True).stdout)
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    check_every_key(schema)
    check_by_hand(validator)
    check_files(validator)
    check_bad(validator)
    check_triplets(schema)
    print('schema and reader', 'agree' if not failures else f'differ {len(failures)} times')
    sys.exit(bool(failures))


main()
