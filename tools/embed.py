#!/usr/bin/env python3
"""Makes files part of the program, so that it needs nothing beside itself: each becomes a C string.

Usage: embed.py ROOM OUT.c OUT.h SQL_DIR DEPFILE [-I DIR | -D FILE.def]... FILE...

list.sql of room inspect becomes `const char pxs_inspect_list_sql[]`, which OUT.h declares. Within an
.sql file {{other.sql}} stands for the text of that file, which is looked up beside it, then in each
DIR; and {{PXS_EPOCH_MEASURES: , e.#}} for `, e.NAME` of each row of that list in FILE.def, one behind
the other: # is the row's name, @metric what it has in the column of that name (the comment above the list
names them: X(name, how, ...)), {{PXS_EPOCH_MEASURES run=LAST: ...}} takes the rows that have LAST in the
column run, perhaps none. The finished file is SQL_DIR/list.sql, for any SQLite shell.

An .sql file of statements with a line `-- name: BATCH_PUT` before each becomes no string but a list in OUT.h:
statements.sql of room store is PXS_STORE_STATEMENTS(X), which expands to X(BATCH_PUT, "INSERT ...") for each.
"""
import os
import re
import sys

# Text that would end the HTML element which holds the file.
FORBIDDEN = {'js': ['</script', '<!--'], 'css': ['</style', '<!--']}
INCLUDE = re.compile(r'\{\{([\w.-]+\.sql)\}\}')
EACH = re.compile(r'\{\{(PXS_\w+)(?: (\w+)=(\w+))?:(.*?)\}\}', re.S)
LIST = re.compile(r'^#define (PXS_\w+)\(X\)((?:[^\n]*\\\n)*[^\n]*)', re.M)
ROW = re.compile(r'\bX\(((?:"[^"]*"|[^")])*)\)|\b(PXS_\w+)\(X\)')
CELL = re.compile(r'\s*("[^"]*"|[^,\\\s]+)[\s\\]*(?:,|$)')
HEAD = re.compile(r'\* (?:.*\. )?X\(([\w, ]+)\)')
STATEMENT = re.compile(r'^-- name: (\w+)\n(.*?);$', re.M | re.S)
ESCAPES = {'\\': '\\\\', '"': '\\"', '\n': '\\n', '\t': '\\t', '?': '\\?'}


def read(path):
    try:
        with open(path, encoding='utf-8', newline='') as f:
            text = f.read()
    except UnicodeDecodeError as e:
        sys.exit(f'embed.py: {path} is not UTF-8: {e}')
    if not text:
        sys.exit(f'embed.py: {path} is empty')
    for word in ['\r', '\0', *FORBIDDEN.get(path.rsplit('.', 1)[-1], [])]:
        if word in text.lower():
            sys.exit(f'embed.py: {path} holds {word!r}')
    return text


def read_lists(path):
    """The rows of each list of a .def file as {column: value}; a list may hold another one that stands before it. The columns
    are those that the last comment before a list names."""
    lists, text = {}, read(path)
    for found in LIST.finditer(text):
        columns = HEAD.findall(text[:found.start()])[-1].split(', ')
        lists[found.group(1)] = []
        for row, other in ROW.findall(found.group(2)):
            lists[found.group(1)] += [dict(zip(columns, CELL.findall(row)))] if row else lists[other]
    return lists


def finish(path, folders, lists, used):
    """The text of a file with what it includes; `used` gets every file that was read."""
    if path in used:
        sys.exit(f'embed.py: {path} includes itself')
    used.append(path)
    text = read(path)
    if not path.endswith('.sql'):
        return text

    def included(match):
        for folder in [os.path.dirname(path), *folders]:
            other = os.path.join(folder, match.group(1))
            if os.path.isfile(other):
                inner = []
                found = finish(other, folders, lists, inner)
                used.extend(f for f in inner if f not in used)
                return found.rstrip('\n')
        sys.exit(f'embed.py: {path} includes {match.group(1)}, which is neither beside it nor in {folders}')

    def each(match):
        name, column, value, each_text = match.groups()
        if not lists.get(name):
            sys.exit(f'embed.py: {path} asks for the rows of {name}, which no list has')
        for asked in filter(None, [column, *re.findall(r'@(\w+)', each_text)]):
            if asked not in lists[name][0]:
                sys.exit(f'embed.py: {path} asks for the column {asked} of {name}, which has {", ".join(lists[name][0])}')
        rows = [row for row in lists[name] if column is None or row[column] == value]
        return ''.join(re.sub(r'@(\w+)', lambda m: row[m.group(1)], each_text.removeprefix(' ').replace('#', row['name']))
                       for row in rows)
    return EACH.sub(each, INCLUDE.sub(included, text))


def statements(path, room, text):
    """The statements of a file as a list in C; none where it names none."""
    found = STATEMENT.findall(text)
    if len(found) != text.count('-- name:'):
        sys.exit(f'embed.py: {path}: each name needs a line of its own and a statement that ends in ; behind it')
    rows = [f'    X({name}, {literal(" ".join(line.strip() for line in sql.splitlines()))})' for name, sql in found]
    base = re.sub(r'\W', '_', os.path.splitext(os.path.basename(path))[0])
    return f'#define {f"PXS_{room}_{base}".upper()}(X) \\\n' + ' \\\n'.join(rows) if rows else ''


def literal(text):
    """One line of C for each line of the text; bytes beyond ASCII in octal."""
    lines = []
    for line in text.splitlines(keepends=True):
        lines.append('"' + ''.join(ESCAPES.get(c) or (c if ' ' <= c <= '~' else ''.join(f'\\{b:03o}' for b in c.encode()))
                                   for c in line) + '"')
    return '\n    '.join(lines)


def main():
    if len(sys.argv) < 7:
        sys.exit(__doc__)
    room, out_c, out_h, sql_dir, depfile = sys.argv[1:6]
    folders, files, defs, lists, rest = [], [], [], {}, sys.argv[6:]
    while rest:
        if rest[0] in ('-I', '-D'):
            (folders if rest[0] == '-I' else defs).append(rest[1])
            rest = rest[2:]
        else:
            files.append(rest.pop(0))
    for path in defs:
        lists.update(read_lists(path))
    made_by = '/* Made by tools/embed.py. */'
    code, declared, read_files = [made_by, f'#include "{os.path.basename(out_h)}"'], [made_by], defs[:]
    for path in files:
        base, used = os.path.basename(path), []
        text = finish(path, folders, lists, used)
        read_files += used
        listed = statements(path, room, text) if base.endswith('.sql') else ''
        name = 'pxs_' + room + '_' + re.sub(r'\W', '_', base)
        if listed:
            declared.append(listed)
        else:
            code.append(f'const char {name}[] =\n    {literal(text.rstrip() if base.endswith(".sql") else text)};')
            declared.append(f'extern const char {name}[];')
        if base.endswith('.sql'):
            os.makedirs(sql_dir, exist_ok=True)
            with open(os.path.join(sql_dir, base), 'w', encoding='utf-8') as f:
                f.write(text)
    for path, text in ((out_c, '\n'.join(code) + '\n'), (out_h, '\n'.join(declared) + '\n'),
                       (depfile, f'{out_c} {out_h}: {" ".join(dict.fromkeys(read_files))}\n')):
        with open(path, 'w', encoding='ascii') as f:
            f.write(text)


if __name__ == '__main__':
    main()
