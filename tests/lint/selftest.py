#!/usr/bin/env python3
"""Shows that each rule of lint.py can fail: a small tree that keeps the rules, then one sin at a time.
Usage: selftest.py CC..."""
import os
import subprocess
import sys
import tempfile

LINT = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'lint.py')
CLEAN = {
    'include/pixsweep/base.h': '#ifndef B\n#define B\nint pxs_base(void);\n#endif\n',
    'include/pixsweep/store.h': '#include "pixsweep/base.h"\n',
    'src/base/base.c': '#include "pixsweep/base.h"\n#include <nettle/sha2.h>\n'
                       'static const int table[] = {1, 2}; // printf( in a comment\n'
                       'int pxs_base(void)\n{\n    return table[1] + (int)sizeof("exit(1)");\n}\n',
    'src/base/long.c': 'int pxs_long(int a, int b)\n{\n' + 77 * '    a++;\n' + '}\n',
    'src/base/base_priv.h': 'int pxs_hidden(void);\n',
    'src/record/store/store.c': '#include <sqlite3.h>\n#include "pixsweep/store.h"\n',
    'src/cli/commands.def': 'COMMAND(run, "run", "FILE")\n',
    'src/cli/options.def': 'OPTION(DB, "db", "PATH")\n',
    'src/cli/main.c': '#include <stdio.h>\nint main(void)\n{\n    printf("x");\n    return 0;\n}\n',
    'tests/base/meson.build': "files('test_base.c')\n",
    'tests/base/test_base.c': 'START_TEST(works)\n{\n}\nEND_TEST\n\nTCase *base_case(void)\n{\n'
                              '    tcase_add_test(t, works);\n}\n\nint main(void)\n{\n    suite_add(base_case());\n}\n',
    'docs/architecture.md': 'Rooms: base, store, cli. See [readme](../README.md).\n',
    'README.md': '`pixsweep run`, [more](docs/contracts.md#what-is-promised)\n',
    'docs/contracts.md': '# What is promised\n\n`run FILE`, `--db`\n',
}
# rule, file, content put there, words expected among the problems
SINS = [
    ('rooms', 'src/base/up.c', '#include "pixsweep/store.h"\n', 'base may not include store'),
    ('rooms', 'include/pixsweep/base.h', '#include "pixsweep/store.h"\n', 'base may not include store'),
    ('rooms', 'tests/base/test.c', '#include "pixsweep/store.h"\n', 'base may not include store'),
    ('rooms', 'src/base/x.c', '#include "pixsweep/attic.h"\n', 'no room "attic"'),
    ('rooms', 'src/attic/x.c', '#include "pixsweep/base.h"\n', 'no room "attic"'),
    ('rooms', 'src/record/store/x.c', '#include "../../base/base_priv.h"\n', 'private header of another room'),
    ('rooms', 'src/record/store/x.c', '#include "base_priv.h"\n', 'private header not in the room'),
    ('rooms', 'src/base/db.c', '#include <sqlite3.h>\n', 'sqlite3.h belongs inside src/record/store'),
    ('rooms', 'src/record/store/more.c', '#include <sqlite3.h>\n', 'stands behind one file'),
    ('lengths', 'src/base/x.c', 'static int f(int a,\n             int b)\n{\n' + 77 * '    a++;\n' + '}\n', 'src/base/x.c:1: 81 lines'),
    ('lengths', 'tests/base/x.c', 'START_TEST(x)\n{\n' + 79 * '    x();\n' + '}\nEND_TEST\n', 'tests/base/x.c:1: 82 lines'),
    ('banners', 'src/base/x_priv.h', '/* ---- words (gone.c) ---- */\n', 'there is no gone.c'),
    ('calls', 'src/base/x.c', 'void f(void)\n{\n    printf("x");\n}\n', 'src/base/x.c:3: printf'),
    ('calls', 'src/base/x.c', 'void f(void)\n{\n    exit(1);\n}\n', 'exit'),
    ('calls', 'src/record/store/x.c', 'void f(void)\n{\n    fputs("x", stderr);\n}\n', 'stderr'),
    ('text', 'src/base/x.c', 'int x; \n', 'trailing blank'),
    ('text', 'src/base/x.c', '\tint x;\n', 'tab'),
    ('text', 'src/base/x.c', 'int x;\r\n', 'CR'),
    ('text', 'src/base/x.c', 'int x;', 'no newline'),
    ('text', 'docs/x.md', '# TO' 'DO\n', 'unfinished note'),
    ('text', 'tools/x', 'cd /ro' 'ot/x\n', 'path of one machine'),
    ('text', 'src/base/x.c', 'int\u200b x;\n', 'invisible character'),
    ('docs', 'README.md', 'nothing\n', 'does not mention the command run'),
    ('docs', 'docs/architecture.md', 'Rooms: base and cli.\n', 'does not name the room store'),
    ('docs', 'README.md', 'run [x](docs/none.md)\n', 'leads nowhere'),
    ('docs', 'README.md', 'run `src/gone.c`\n', 'there is no src/gone.c'),
    ('docs', 'README.md', 'run [x](docs/contracts.md#what-is-not)\n', 'has no heading for #what-is-not'),
    ('docs', 'README.md', 'run\n' * 201, 'more than 200'),
    ('docs', 'docs/contracts.md', '# What is promised\n\n`--db`\n', 'does not mention the command run'),
    ('docs', 'docs/contracts.md', '# What is promised\n\n`run`\n', 'does not mention the option --db'),
    ('tests', 'tests/base/test_base.c', 'START_TEST(left)\n{\n}\nEND_TEST\n// tcase_add_test(t, left)\n',
     'test left is written and never added'),
    ('tests', 'tests/base/test_base.c', 'START_TEST(a)\n{\n}\nEND_TEST\n' + 2 * 'tcase_add_test(t, a);\n',
     'test a is added more than once'),
    ('tests', 'tests/base/test_base.c', 'TCase *left_case(void) {\n}\n', 'test case left_case is in no suite'),
    ('tests', 'tests/base/test_more.c', 'START_TEST(a)\n{\n}\nEND_TEST\ntcase_add_loop_test(t, a, 0, 2);\n',
     'no meson.build of tests names it'),
    ('headers', 'include/pixsweep/store.h', 'int f(struct pxs_text *t, size_t n);\n', 'does not compile alone'),
    ('format', 'src/base/x.c', 'int  x ;\n', 'not as clang-format has it'),
    ('globals', 'src/base/base.c', 'int counter;\n', 'counter is writable'),
    ('globals', 'src/base/base.c', 'int f(void);\nint f(void)\n{\n    static int n = 3;\n    return n++;\n}\n',
     'is writable'),
    ('globals', 'src/base/base.c', '_Thread_local int mine;\n', 'mine is writable'),
    ('globals', 'src/base/base.c', 'extern int x;\nint *names[2] = {&x, &x};\n', 'names is writable'),
]
STYLE = ("BasedOnStyle: LLVM\nIndentWidth: 4\nBreakBeforeBraces: Linux\nSortIncludes: false\n"
         "AllowShortFunctionsOnASingleLine: None\n")


def plant(root, files):
    for path, text in files.items():
        full = os.path.join(root, path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, 'w', encoding='utf-8', newline='') as f:
            f.write(text)


def arguments(rule, root, cc):
    if rule == 'headers':
        return cc
    if rule != 'globals':
        return []
    obj, lib = os.path.join(root, 'base.o'), os.path.join(root, 'libpxs_base.a')
    source = os.path.join(root, 'src/base/base.c')
    subprocess.run([*cc, '-fPIC', '-O0', '-I' + os.path.join(root, 'include'), '-c', source, '-o', obj], check=True)
    if os.path.exists(lib):
        os.remove(lib)
    subprocess.run(['ar', 'rcs', lib, obj], check=True)
    return [lib]


def run(rule, files, cc):
    with tempfile.TemporaryDirectory(prefix='pixsweep-lint-') as root:
        plant(root, CLEAN)
        plant(root, {'.clang-format': STYLE, **files})
        command = [sys.executable, LINT, rule, root, *arguments(rule, root, cc)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr


def main():
    cc = sys.argv[1:]
    bad = 0
    for rule in ('rooms', 'lengths', 'banners', 'calls', 'text', 'docs', 'tests', 'headers', 'format', 'globals'):
        code, out = run(rule, {}, cc)
        if code not in (0, 77):
            print(f'{rule}: refuses a clean tree:\n{out}')
            bad += 1
    for rule, path, text, expected in SINS:
        code, out = run(rule, {path: text}, cc)
        if code != 77 and (code != 1 or expected not in out):
            print(f'{rule}: does not see "{expected}" in {path}:\n{out}')
            bad += 1
    print(f'{len(SINS)} sins, {bad} unseen')
    sys.exit(1 if bad else 0)


if __name__ == '__main__':
    main()
