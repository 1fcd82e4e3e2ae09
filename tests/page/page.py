"""What the tests of the page share: a database, the page made from it, and the page's content as a reader has it."""
import base64
import html.parser
import json
import math
import os
import shutil
import sqlite3
import struct
import subprocess
import tempfile

# Text that would break out of its place if it were not escaped.
HOSTILE = '</script><script>window.broken=1</script><img src=x onerror="window.broken=2">&amp;\'"'


def need(condition, words):
    if not condition:
        raise SystemExit(f'FAILED: {words}')


class Place:
    """A folder with a database and whatever a test makes, gone at the end."""

    def __init__(self, pixsweep, maker):
        self.pixsweep = os.path.abspath(pixsweep)
        self.folder = tempfile.mkdtemp(prefix='pixsweep-page-')
        self.database = None
        self.maker = os.path.abspath(maker)

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        shutil.rmtree(self.folder)

    def fill(self, *shape):
        """shape: configurations, seeds, epochs, batches"""
        done = subprocess.run([self.maker, *map(str, shape)], capture_output=True, text=True, check=True,
                              env={**os.environ, 'TMPDIR': self.folder})
        self.database = os.path.join(done.stdout.strip(), 'pixsweep.db')
        db = sqlite3.connect(self.database)
        db.execute('UPDATE run_summary SET best_val_loss = best_val_loss + run_id * run_id * 7919 % 1009 * 1e-5')  # no equal differences
        db.execute("INSERT INTO environment SELECT attempt_id, 'version', '0.1.0' FROM attempt")
        db.execute("INSERT INTO environment SELECT attempt_id, 'pid', CAST(attempt_id + 1000 AS TEXT) FROM attempt")
        db.commit()
        db.close()

    def widen(self):
        """Configurations that differ in many hyperparameters, as a random search makes them."""
        db = sqlite3.connect(self.database)
        for run, number in db.execute('SELECT run_id, number FROM run').fetchall():
            for i, key in enumerate(('lambda_pixel', 'ngf', 'batch_size', 'b1', 'learning_rate_G', 'learning_rate_D', 'dropout', 'val_fraction')):
                db.execute('UPDATE param SET value = ? WHERE run_id = ? AND key = ?', (0.5 + i + (number - 1) // 2 % 3 / 7, run, key))
        db.commit()
        db.close()

    def poison(self):
        """Puts hostile text wherever a user, a file or a failing worker could."""
        db = sqlite3.connect(self.database)
        db.execute('UPDATE sweep SET name = name || ?, spec_yaml = ?', (HOSTILE, f'# why {HOSTILE}\nname: {HOSTILE}\n'))
        db.execute('UPDATE run SET name = name || ?', (HOSTILE,))
        db.execute("UPDATE param SET value = ? WHERE key = 'dataset'", ('/data/' + HOSTILE,))
        db.execute("UPDATE attempt SET message = ? WHERE outcome = 'diverged'", ('diverged\n' + HOSTILE + '\x1b[31m',))
        db.execute('INSERT INTO environment SELECT attempt_id, ?, ? FROM attempt', ('key' + HOSTILE, HOSTILE))
        db.commit()
        db.close()

    def two_machines(self):
        """Runs of odd seeds found other pictures under the same path, seed 2 found the usual ones under another path; one run is from an old log."""
        db = sqlite3.connect(self.database)
        head = "config_yaml = '# pixsweep run x/1\n# data sha256 ' || ? || '\n' || config_yaml"
        db.execute(f'UPDATE run SET {head} WHERE seed % 2 = 0', ('a' * 64,))
        db.execute(f"UPDATE run SET {head}, config_hash = 'b' || substr(config_hash, 2) WHERE seed % 2 = 1", ('b' * 64,))
        db.execute("UPDATE param SET value = '/data/it''s \"here\"' WHERE key = 'dataset'")
        db.execute("UPDATE param SET value = '/other' WHERE key = 'dataset' AND run_id IN (SELECT run_id FROM run WHERE seed = 2)")
        db.execute("INSERT INTO imported (run_id, source, unreadable, imported_ms) SELECT max(run_id), 'old.txt', 0, 0 FROM run WHERE state = 'completed'")
        db.execute("UPDATE run SET config_yaml = 'name: old\n' WHERE run_id IN (SELECT run_id FROM imported)")
        db.commit()
        db.close()

    def run(self, *args):
        done = subprocess.run([self.pixsweep, *args, '--db', self.database], capture_output=True, text=True, check=False)
        need(done.returncode == 0, f'{args} ended with {done.returncode}: {done.stderr}')
        return done.stdout

    def report(self, name='page.html'):
        path = os.path.join(self.folder, name)
        said = self.run('report', '-o', path)
        need(said.startswith(path + ': ') and 'run' in said, f'report says {said!r}')
        with open(path, encoding='utf-8') as f:
            return path, f.read()

    def sql(self, statement):
        done = subprocess.run([self.pixsweep, 'sql', '-', '--format', 'json', '--db', self.database], input=statement,
                              capture_output=True, text=True, check=False)
        need(done.returncode == 0, f'{statement}\n{done.stderr}')
        return json.loads(done.stdout)


class Page(html.parser.HTMLParser):
    """tables: id -> (sql id, columns, rows of exact values as text); code: id -> SQL; pairs: id -> {key: text}; data: its document."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.tables, self.code, self.pairs, self.data = {}, {}, {}, None
        self.table = self.details = self.pair = None
        self.in_code = self.in_data = False
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if tag == 'table':
            self.table = self.tables.setdefault(attrs['id'], (attrs['data-sql'], [], [])) if 'data-sql' in attrs else None
            self.pair = self.pairs.setdefault(self.details, {}) if attrs.get('class') == 'pairs' else None
        elif tag == 'details':
            self.details = attrs.get('id')
        elif tag == 'tr' and self.table:
            self.table[2].append([])
        elif tag == 'tr' and self.pair is not None:
            self.cells = []
        elif tag in ('th', 'td') and self.table:
            if 'data-column' in attrs:
                self.table[1].append(attrs['data-column'])
            else:
                self.table[2][-1].append(attrs.get('data-v'))
        elif tag in ('th', 'td') and self.pair is not None:
            self.cells.append('')
        elif tag == 'code' and self.details:
            self.in_code = True
            self.code[self.details] = ''
        elif tag == 'script' and attrs.get('id') == 'page-data':
            self.in_data = True

    def handle_endtag(self, tag):
        if tag == 'table':
            self.table = self.pair = None
        elif tag == 'tr' and self.pair is not None:
            self.pair[self.cells[0]] = self.cells[1]
        elif tag == 'code':
            self.in_code = False
        elif tag == 'details':
            self.details = None

    def handle_data(self, data):
        if self.in_code:
            self.code[self.details] += data
        elif self.in_data:
            self.data = json.loads(data)
            self.in_data = False
        elif self.pair is not None and getattr(self, 'cells', None):
            self.cells[-1] += data


def unpack(text):
    """Four characters a number: the upper 24 bits of a float."""
    raw = base64.b64decode(text)
    return [struct.unpack('>f', raw[i:i + 3] + b'\0')[0] for i in range(0, len(raw), 3)]


def same(a, b, tolerance):
    if a is None or b is None or isinstance(a, str) or isinstance(b, str):
        return a == b
    return math.isclose(a, b, rel_tol=tolerance, abs_tol=0)
