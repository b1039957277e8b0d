#!/usr/bin/python3
"""manual.py REEVE FOLDER: the lists of groups and of default refusals in the manual are those of the command."""
import json
import os
import re
import subprocess
import sys


def ask(*arguments):
    return json.loads(subprocess.run([sys.argv[1], *arguments], capture_output=True, text=True, check=False).stdout)


def lists(text, tag):
    """What stands behind each item of that tag, as words up to the next item."""
    found = {}
    for item in re.finditer(rf'^\.It {tag} ([^\n]*)\n(.*?)(?=^\.It|^\.El)', text, re.M | re.S):
        words = item[2].split(':')[-1] if tag == 'Li' else item[2]
        found[item[1]] = [word.strip('.,') for word in re.split(r',\s+|\s+', words.strip())]
    return found


def main():
    with open(os.path.join(sys.argv[2], 'man', 'reeve-policy.5'), encoding='utf-8') as file:
        manual = file.read()
    schema = ask('schema')
    names = [name for shape in schema['$defs']['call']['anyOf'] for name in shape.get('enum', []) if name[0] == '@']
    groups = {group['group']: group['calls'] for group in ask('explain', '--json', *names)['questions']}
    told = {name: calls for name, calls in lists(manual, 'Li').items() if name[0] == '@'}
    wrong = [f'{name}: the manual says {told.get(name)}, the command {groups.get(name)}'
             for name in sorted(set(groups) | set(told)) if told.get(name) != groups.get(name)]
    items = re.findall(r'^\.It Li (@.*)', manual, re.M)
    wrong += [f'{name} stands {items.count(name)} times in the manual' for name in sorted(set(items)) if items.count(name) > 1]
    section = manual[manual.index('.Ss What is refused by default'):manual.index('.Ss Groups')]
    told = {(item.split()[0], call): 'root' in item for item, calls in lists(section, 'Er').items() for call in calls}
    found = {(entry['errno'], entry['text']) for entry in ask('explain', '--json')['defaults']}
    wrong += [f'{entry} is not in the manual' for entry in sorted(found - set(told))]
    wrong += [f'{entry} is in the manual only' for entry in sorted(set(told) - found)
              if not told[entry] or os.getuid() == 0]
    print('\n'.join(wrong))
    sys.exit(1 if wrong or not found or not groups else 0)


if __name__ == '__main__':
    main()
