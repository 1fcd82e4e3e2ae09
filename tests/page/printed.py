#!/usr/bin/env python3
"""Whatever names and messages hold, nothing of it reaches a terminal or a page as it is, and data keeps it to the byte.
Usage: printed.py PIXSWEEP PAGE_DATABASE"""
import json
import os
import sqlite3
import subprocess
import sys
import unicodedata

from page import Place, need

# Erases the screen, sets a title, forges a line, turns text round, hides it; CSI in one character; a joiner that joins nothing.
EVIL = 'e\x1b[2J\x1b]0;t\x07\n\rforged: done\x9b31m\u202egnp\u2066\u200b\ufeff\u00ad\u2028x\u200dy\U000e0041'
KEPT = '楷e\u0301か\u3099क\u094d\u200dष👩\u200d👧'
RAW = EVIL.encode() + b'\xff\xfe'


def poison(place):
    db = sqlite3.connect(place.database)
    db.create_function('evil', 1, lambda text: text + EVIL + KEPT)
    db.execute('UPDATE sweep SET name = evil(name), spec_yaml = evil(spec_yaml)')
    db.execute('UPDATE run SET name = evil(name), dir = evil(dir)')
    db.execute("UPDATE param SET value = evil(value) WHERE key IN ('dataset', 'lr_policy_G')")
    db.execute('UPDATE attempt SET message = evil(coalesce(message, ?)), host = evil(?), kernels = evil(?)', ('', 'host', 'auto'))
    db.execute("INSERT INTO environment SELECT attempt_id, evil('key'), evil('value') FROM attempt")
    db.execute("INSERT INTO event (run_id, at_ms, level, kind, message) SELECT run_id, 1, 'warn', evil('k'), evil('m') FROM run")
    for table in ('sample', 'checkpoint'):
        db.execute(f'UPDATE {table} SET path = evil(path)')
    db.execute("UPDATE run SET state = 'running' WHERE number = 2")
    db.execute('UPDATE attempt SET ended_ms = NULL, outcome = NULL WHERE run_id = (SELECT run_id FROM run WHERE number = 2)')
    db.commit()
    name = db.execute('SELECT name FROM sweep').fetchone()[0]
    run = db.execute('SELECT name FROM run ORDER BY number').fetchone()[0]
    db.close()
    return name, run


def check(words, text):
    """text: bytes that a terminal or a browser gets."""
    try:
        shown = text.decode()
    except UnicodeDecodeError as e:
        raise SystemExit(f'FAILED: {words} prints what is no UTF-8: {e}')
    for i, c in enumerate(shown):
        joins = c in '\u200c\u200d' and ord(shown[i - 1]) > 127 and ord(shown[i + 1]) > 127
        bad = unicodedata.category(c) in ('Cc', 'Cf', 'Zl', 'Zp') and c not in '\n\t' and not joins
        need(not bad, f'{words} prints U+{ord(c):04X} in {shown[max(0, i - 40):i + 20]!r}')
    forged = [line for line in shown.splitlines() if line.startswith('forged')]
    need(not forged, f'{words}: a name made a line of its own: {forged[:1]}')
    return shown


def ask(place, *args, env=None):
    command = [place.pixsweep.encode()] + [a if isinstance(a, bytes) else a.encode() for a in args]
    return subprocess.run(command, capture_output=True, check=False, cwd=place.folder, stdin=subprocess.DEVNULL, env=env)


def people(place, *args):
    done = ask(place, *args)
    words = ' '.join(a if isinstance(a, str) else repr(a) for a in args)[:60].split('\x1b')[0]
    return check(words, done.stdout) + check(words, done.stderr)


def commands(place, sweep, run):
    db = ('--db', place.database)
    kept = 0
    for args in (('ls',), ('ls', '--sweep', sweep), ('show', run), ('show', '1'), ('show', '2'), ('diff', '1', '3'), ('compare',), ('compare', sweep),
                 ('compare', '--by', 'dataset,lrgd'), ('watch', '--once'), ('watch', sweep, '--once'),
                 ('sql', 'SELECT * FROM run'), ('sql', 'SELECT * FROM v_run'), ('plot', '-o', 'p.svg'), ('report', '-o', 'p.html'),
                 ('reap', '--dry-run'), ('cancel', sweep), ('retry', sweep), ('rm', sweep), ('export', '-o', 'p.csv')):
        said = people(place, *args, *db)
        need(said, f'{args} says nothing')
        kept += KEPT[0] in said
    need(kept > 12, f'what is only foreign is shown as it is, in {kept} answers')
    with open(os.path.join(place.folder, 'p.html'), 'rb') as f:
        check('the page', f.read())
    with open(os.path.join(place.folder, 'p.svg'), 'rb') as f:
        check('the picture', f.read())


def arguments(place):
    """Errors repeat what was asked for."""
    db = ('--db', place.database)
    for args in ((RAW,), ('ls', RAW, *db), ('ls', b'--' + RAW), ('ls', '--sweep', RAW, *db), ('ls', '--state', RAW, *db),
                 ('show', RAW, *db), ('sql', RAW, *db), ('sql', b'SELECT 1 AS "' + RAW + b'"', *db), ('compare', '--by', RAW, *db),
                 ('compare', '--metric', RAW, *db), ('compare', '--baseline', RAW, *db), ('plot', '--metric', RAW, *db), ('plot', '--where', RAW, *db),
                 ('ls', '--format', RAW), ('ls', '--db', RAW), ('plan', RAW), ('plan', RAW + b'.yaml'), ('plan', 'own.yaml', '--set', RAW + b'=1'),
                 ('plan', 'own.yaml', '--set', b'dataset=' + RAW), ('run', 'own.yaml', '--set', b'lr_policy_G=' + RAW),
                 ('params', RAW), ('data', RAW), ('data', 'check', RAW), ('data', 'check', 'pairs'), ('data', 'glyphs', '--source', RAW, '--target', RAW, '--out', 'o'),
                 ('merge', RAW, *db), ('import', 'lab', RAW, *db), ('export', '--table', RAW, *db), ('backup', RAW + b'/x', *db), ('bench', RAW),
                 ('watch', RAW, '--once', *db), ('report', RAW, *db), ('run', 'own.yaml', '--jobs', RAW)):
        need(people(place, *args), f'{args} says nothing')


def files(place):
    pairs = os.path.join(place.folder, 'pairs').encode()
    for folder in (b'train/A', b'train/B'):
        os.makedirs(os.path.join(pairs, folder))
    for name in (RAW + b'.png', EVIL.encode() + b'.png', b'fine.png'):
        with open(os.path.join(pairs, b'train/A', name.replace(b'/', b'')), 'wb') as f:
            f.write(b'no picture ' + RAW)
    with open(os.path.join(place.folder, 'own.yaml'), 'wb') as f:
        f.write(b'dataset: pairs\nn_epochs: "' + EVIL.replace('\x1b', '').replace('\x07', '').encode() + b'"\n')


def data(place, sweep, run):
    """CSV, JSON and files are for programs: not a byte is changed."""
    rows = json.loads(ask(place, 'ls', '--format', 'json', '--db', place.database).stdout)
    need(rows[0]['name'] == run, f"JSON has {rows[0]['name']!r}")
    said = ask(place, 'sql', 'SELECT name FROM sweep', '--format', 'csv', '--db', place.database).stdout.decode()
    need(said == f'name\n"{sweep}"\n', f'CSV has {said!r}')
    shown = json.loads(ask(place, 'show', '1', '--format', 'json', '--db', place.database).stdout)
    need(EVIL in shown['events'][-1]['message'] or EVIL in shown['events'][0]['message'], 'JSON of show')
    with open(os.path.join(place.folder, 'p.csv'), encoding='utf-8', newline='') as f:
        need(run in f.read(), 'an exported file has the name')


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    with Place(sys.argv[1], sys.argv[2]) as place:
        place.fill(2, 2, 6, 20)
        sweep, run = poison(place)
        files(place)
        commands(place, sweep, run)
        arguments(place)
        data(place, sweep, run)


if __name__ == '__main__':
    main()
