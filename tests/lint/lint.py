#!/usr/bin/env python3
"""House rules that a compiler does not know. Usage: lint.py RULE ROOT [ARGUMENT...]

rooms            includes obey rooms.txt; a third-party header stands behind one file
calls            no printing, exiting or asserting below src/cli
text             no trailing blanks, tabs, CR, unfinished notes, machine paths; a newline at the end
lengths          a function has at most 80 lines, from the first of its head to its closing brace
banners          sections of private headers name files that are there
docs             docs/architecture.md names every room, README and docs/contracts.md every command, the latter every option,
                 too; links lead somewhere; README has at most 200 lines
tests            a test that is written is added to a test case, a test case to a suite, a test file to a meson.build
headers CC...    every public header compiles alone as strict C11
format           clang-format leaves every file as it is (77 = skipped, where there is no clang-format)
globals LIB...   no writable data in the static libraries
"""
import os
import re
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
SKIP = 77
CLANG_FORMAT_VERSION = '14'  # other versions break lines in other places
README_LINES = 200
FUNCTION_LINES = 80


def walk(root, *tops):
    """Relative paths of all files below root/top, sorted; build folders and hidden ones left out."""
    for top in tops:
        full = os.path.join(root, top)
        if os.path.isfile(full):
            yield top
        for folder, names, files in os.walk(full):
            names[:] = sorted(n for n in names if not n.startswith(('.', 'build', '__pycache__')))
            for name in sorted(files):
                yield os.path.relpath(os.path.join(folder, name), root)


def read(root, path):
    with open(os.path.join(root, path), encoding='utf-8', newline='') as f:
        return f.read()


TOKENS = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)


def bare(text):
    """C text with comments and literals blanked out, lines kept."""
    return TOKENS.sub(lambda m: re.sub(r'[^\n]', ' ', m.group()), text)


def c_files(root):
    return [p for p in walk(root, 'include', 'src', 'tests') if p.endswith(('.c', '.h'))]


def room_of(path):
    """(room, is_test) of a file, or (None, False)."""
    parts = path.split(os.sep)
    if parts[0] == 'include':
        return os.path.splitext(parts[2])[0], False
    if parts[0] == 'src':
        return (parts[2] if len(parts) > 3 else parts[1]) if len(parts) > 2 else None, False
    return parts[1] if len(parts) > 2 else None, parts[0] == 'tests'


def tables():
    allowed, third, places = {}, {}, {}
    with open(os.path.join(HERE, 'rooms.txt'), encoding='utf-8') as f:
        for line in f:
            line = line.split('#')[0].strip()
            if '>' in line:
                header, room = (s.strip() for s in line.split('>'))
                third[header] = room
            elif ':' in line:
                place, rooms = line.split(':')
                room = place.strip().split('/')[-1]
                allowed[room], places[room] = rooms.split(), place.strip()
    return allowed, third, places


INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.M)


def rule_rooms(root):
    allowed, third, places = tables()
    problems, holders = [], {}
    for path in c_files(root):
        room, is_test = room_of(path)
        if room is not None and room not in allowed and not is_test:
            problems.append(f'{path}: no room "{room}" in tests/lint/rooms.txt')
            continue
        may = allowed.get(room, ['*'])
        text = read(root, path)
        for m in INCLUDE.finditer(text):
            where = f'{path}:{text.count(chr(10), 0, m.start()) + 1}'
            name = m.group(2)
            if name.startswith('pixsweep/'):
                other = os.path.splitext(name[len('pixsweep/'):])[0].split('/')[0]
                if other not in allowed:
                    problems.append(f'{where}: there is no room "{other}"')
                elif other != room and other not in may and '*' not in may:
                    problems.append(f'{where}: room {room} may not include {other} '
                                    f'(its row: {" ".join(may) or "nothing"})')
            elif m.group(1) == '"' and name.endswith('_priv.h') and not is_test:
                problems += private_problem(root, path, where, name)
            for prefix, home in third.items():
                if name.startswith(prefix) and not is_test:
                    holders.setdefault((prefix, home), []).append((path, where))
    for (prefix, home), uses in holders.items():
        for path, where in uses:
            if room_of(path)[0] != home or path.startswith('include'):
                problems.append(f'{where}: {prefix} belongs inside src/{places.get(home, home)}')
        files = sorted({path for path, _ in uses})
        if len(files) > 1:
            problems.append(f'{prefix} stands behind one file, not {len(files)}: {", ".join(files)}')
    return problems


def private_problem(root, path, where, name):
    """A private header is looked up beside the file (or from its room's folder), and stays within the room."""
    room_dir = os.path.join(root, *path.split(os.sep)[:3 if path.count(os.sep) > 2 else 2])
    for base in (os.path.dirname(os.path.join(root, path)), room_dir):
        full = os.path.normpath(os.path.join(base, name))
        if os.path.isfile(full):
            inside = full.startswith(room_dir + os.sep) and not path.startswith('include')
            return [] if inside else [f'{where}: private header of another room: {name}']
    return [f'{where}: private header not in the room: {name}']


CALLS = re.compile(r'\b(printf|vprintf|puts|putchar|perror|exit|abort|quick_exit|assert)[ \t]*\('
                   r'|\b(stdout|stderr)\b')


def rule_calls(root):
    problems = []
    for path in walk(root, 'src', 'include'):
        if not path.endswith(('.c', '.h')) or room_of(path)[0] == 'cli':
            continue
        text = bare(read(root, path))
        for m in CALLS.finditer(text):
            if re.search(r'(->|\.)\s*$', text[:m.start()][-8:]):
                continue  # a member of that name
            line = text.count('\n', 0, m.start()) + 1
            problems.append(f'{path}:{line}: {m.group(1) or m.group(2)} is for src/cli only '
                            '(errors are values, words go through the logger)')
    return problems


# As clang-format sets them: a head that begins in the first column and ends in a brace, up to a brace in the first column.
FUNCTION = re.compile(r'^(\w[^;={}#]*\))\s*\{\s*$.*?^\}', re.M | re.S)


def rule_lengths(root):
    problems = []
    for path in c_files(root):
        text = bare(read(root, path))
        for m in FUNCTION.finditer(text):
            lines, line = m.group().count('\n') + 1, text.count('\n', 0, m.start()) + 1
            if lines > FUNCTION_LINES:
                head = ' '.join(m.group(1).split())
                problems.append(f'{path}:{line}: {lines} lines, more than {FUNCTION_LINES}: {head[:60]}')
    return problems


TEXT_TOPS = ('include', 'src', 'tests', 'tools', 'docs', 'configs', 'experiments', '.ci', 'meson.build', 'README.md',
             '.clang-format', '.gitignore', 'LICENSE')
TEXT_KINDS = ('.c', '.h', '.def', '.py', '.md', '.yaml', '.txt', '.build', '.sql', '.sh')
# Spelled in halves, so that this file obeys itself.
UNFINISHED = re.compile(r'\b(TO' r'DO|FIX' r'ME|X' r'XX)\b')
MACHINE = re.compile(r'(?<![\w.~])/(ro' r'ot|wo' r'rk|ho' r'me/\w+)/')
INVISIBLE = re.compile('[\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff\u00ad\u00a0]')


def rule_text(root):
    problems = []
    for path in walk(root, *TEXT_TOPS):
        script = path.startswith(('tools', '.ci')) and '.' not in os.path.basename(path)
        if '/fixtures/' in path or not (script or path.endswith(TEXT_KINDS) or '/' not in path):
            continue
        try:
            text = read(root, path)
        except UnicodeDecodeError as e:
            problems.append(f'{path}: not UTF-8 ({e.reason} at byte {e.start})')
            continue
        if text and not text.endswith('\n'):
            problems.append(f'{path}: no newline at its end')
        if text.endswith('\n\n'):
            problems.append(f'{path}: empty lines at its end')
        for n, line in enumerate(text.split('\n'), 1):
            for word, found in (('trailing blank', line != line.rstrip()), ('tab', '\t' in line),
                                ('CR', '\r' in line), ('unfinished note', UNFINISHED.search(line)),
                                ('path of one machine', MACHINE.search(line)),
                                ('invisible character', INVISIBLE.search(line))):
                if found:
                    problems.append(f'{path}:{n}: {word}: {line.strip()[:80]}')
    return problems


BANNER = re.compile(r'^/\* ---- (.*?) -+ \*/$', re.M)


def rule_banners(root):
    """A section of a private header says which file it declares; the file stands in that room."""
    problems = []
    for path in walk(root, 'src'):
        if not path.endswith('_priv.h'):
            continue
        text = read(root, path)
        for m in BANNER.finditer(text):
            for name in re.findall(r'\b[a-z0-9_]+\.c\b', m.group(1)):
                if not os.path.exists(os.path.join(root, os.path.dirname(path), name)):
                    line = text.count('\n', 0, m.start()) + 1
                    problems.append(f'{path}:{line}: there is no {name} in this room')
    return problems


def rule_docs(root):
    problems = []
    _, _, places = tables()
    house = read(root, 'docs/architecture.md')
    for room, place in places.items():
        if os.path.isdir(os.path.join(root, 'src', place)) and not re.search(rf'\b{room}\b', house):
            problems.append(f'docs/architecture.md does not name the room {room}')
    readme, promises = read(root, 'README.md'), read(root, 'docs/contracts.md')
    commands = re.findall(r'^COMMAND\(\w+, "([^"]+)"', read(root, 'src/cli/commands.def'), re.M)
    options = re.findall(r'^OPTION\(\w+, "([^"]+)"', read(root, 'src/cli/options.def'), re.M)
    if not commands or not options:
        problems.append('src/cli: no COMMAND or OPTION rows found')
    for command in commands:
        if not re.search(rf'\b{command}\b', readme):
            problems.append(f'README.md does not mention the command {command}')
        if not re.search(rf'`{command}[ `]', promises):
            problems.append(f'docs/contracts.md does not mention the command {command}')
    for option in options:
        if f'`--{option}`' not in promises:
            problems.append(f'docs/contracts.md does not mention the option --{option}')
    if readme.count('\n') > README_LINES:
        problems.append(f'README.md has {readme.count(chr(10))} lines, more than {README_LINES}: move something to docs/')
    for path in walk(root, 'docs', 'README.md'):
        if path.endswith('.md'):
            problems += link_problems(root, path)
    return problems


def link_problems(root, path):
    problems, text = [], read(root, path)
    for link, _, anchor in re.findall(r'\]\(([^)#]*)(#([^)]*))?\)', text):
        target = os.path.normpath(os.path.join(os.path.dirname(path), link)) if link else path
        if '://' in link:
            continue
        if not os.path.exists(os.path.join(root, target)):
            problems.append(f'{path}: link to {link} leads nowhere')
        elif anchor and anchor not in anchors(read(root, target)):
            problems.append(f'{path}: {target} has no heading for #{anchor}')
    for named in re.findall(r'`((?:src|include|tests|tools|configs|docs|experiments)/[\w./-]+)`', text):
        if not os.path.exists(os.path.join(root, named)):
            problems.append(f'{path}: there is no {named}')
    return problems


def anchors(text):
    """What a web page of this document calls its headings."""
    headings = re.findall(r'^#+ +(.*)$', text, re.M)
    return {re.sub(r'[^\w\- ]', '', heading).strip().lower().replace(' ', '-') for heading in headings}


STARTED = re.compile(r'\bSTART_TEST\s*\(\s*(\w+)\s*\)')
ADDED = re.compile(r'\btcase_add_\w*test\w*\s*\(\s*\w+\s*,\s*(\w+)')
CASE = re.compile(r'^(?:static )?(?:TCase|Suite) \*(\w+)\(void\) *\{', re.M)


def rule_tests(root):
    """check runs what is added, and says nothing of what is not."""
    problems = []
    sources = {path: bare(read(root, path)) for path in walk(root, 'tests') if path.endswith('.c')}
    builds = ''.join(read(root, path) for path in walk(root, 'tests') if path.endswith('meson.build'))
    for path, text in sources.items():
        added = ADDED.findall(text)
        for m in STARTED.finditer(text):
            if m.group(1) not in added:
                line = text.count('\n', 0, m.start()) + 1
                problems.append(f'{path}:{line}: test {m.group(1)} is written and never added to a test case')
        for name in sorted({name for name in added if added.count(name) > 1}):
            problems.append(f'{path}: test {name} is added more than once')
        for case in CASE.findall(text):
            room = os.path.dirname(path) + os.sep
            if sum(len(re.findall(rf'\b{case}\b', other)) for p, other in sources.items() if p.startswith(room)) < 2:
                problems.append(f'{path}: test case {case} is in no suite')
        if STARTED.search(text) and f"'{os.path.basename(path)}'" not in builds:
            problems.append(f'{path}: no meson.build of tests names it')
    return problems


def rule_headers(root, *cc):
    problems = []
    for path in walk(root, 'include'):
        if not path.endswith('.h'):
            continue
        command = [*cc, '-std=c11', '-pedantic', '-Wall', '-Wextra', '-Werror', '-fsyntax-only',
                   '-I' + os.path.join(root, 'include'), '-include', os.path.join(root, path),
                   '-x', 'c', os.devnull]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            problems.append(f'{path} does not compile alone:\n{done.stderr.strip()}')
    return problems


def rule_format(root):
    tool = shutil.which('clang-format-' + CLANG_FORMAT_VERSION) or shutil.which('clang-format')
    version = tool and subprocess.run([tool, '--version'], capture_output=True, text=True, check=False).stdout
    if not tool or f'version {CLANG_FORMAT_VERSION}.' not in version:
        print(f'skipped: no clang-format {CLANG_FORMAT_VERSION} here (tools/deps --check installs it)')
        sys.exit(SKIP)
    files = c_files(root)
    done = subprocess.run([tool, '--dry-run', '--Werror', *files], cwd=root, capture_output=True, text=True, check=False)
    wrong = sorted({line.split(':')[0] for line in done.stderr.split('\n') if 'code should be clang-formatted' in line})
    if done.returncode != 0 and not wrong:
        return [f'clang-format failed: {done.stderr.strip()}']
    return [f'{path}: not as clang-format has it (clang-format -i {path})' for path in wrong]


SYMBOL = re.compile(r'^[0-9a-f]+ .{7} (\S+)\t([0-9a-f]+)\s+(?:\.hidden )?(\S+)$')


def rule_globals(root, *libs):
    """State that outlives a call belongs into an object that the caller holds."""
    problems = []
    for lib in libs:
        done = subprocess.run(['objdump', '-t', lib], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            problems.append(f'{lib}: objdump failed: {done.stderr.strip()}')
            continue
        member = ''
        for line in done.stdout.split('\n'):
            if line.endswith(('file format elf64-x86-64', 'file format elf64-littleaarch64')):
                member = line.split(':')[0]
            m = SYMBOL.match(line)
            if not m or int(m.group(2), 16) == 0:
                continue
            section = m.group(1)
            writable = section in ('*COM*', '.tbss', '.tdata') or re.match(r'\.(data|bss)(?!\.rel\.ro)', section)
            if writable and m.group(3) != section:
                problems.append(f'{os.path.basename(lib)}({member}): {m.group(3)} is writable ({section})')
    return problems


def main():
    rules = {name[5:]: rule for name, rule in globals().items() if name.startswith('rule_')}
    if len(sys.argv) < 3 or sys.argv[1] not in rules:
        sys.exit(__doc__)
    problems = rules[sys.argv[1]](os.path.abspath(sys.argv[2]), *sys.argv[3:])
    for problem in problems:
        print(problem)
    print(f'{sys.argv[1]}: {len(problems)} problem(s)')
    sys.exit(1 if problems else 0)


if __name__ == '__main__':
    main()
