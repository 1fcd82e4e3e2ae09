#!/usr/bin/env python3
"""The SQL that a page shows gives the page's numbers, and the finished .sql files of the build run in any SQLite shell.
Usage: sql.py PIXSWEEP PAGE_DATABASE SQL_FOLDER [long]; long: also 201 runs, with more epochs than a page has room for."""
import glob
import math
import os
import re
import sqlite3
import subprocess
import sys

from page import HOSTILE, Page, Place, need, same, unpack


COMPUTED = ('comparison-table', 'differences-table', 'effects-table')  # from what is measured of each run


def check_tables(place, page):
    for name, (sql_id, columns, rows) in page.tables.items():
        if name in COMPUTED:
            continue
        found = place.sql(page.code[sql_id])
        rows = [row for row in rows if row]
        need(len(rows) == len(found) and rows, f'{name}: {len(rows)} rows on the page, {len(found)} by its SQL')
        for place_in_table, (row, truth) in enumerate(zip(rows, found)):
            for column, text in zip(columns, row):
                value = truth[column]
                if isinstance(value, str):
                    value = value.replace('\x1b', '\\x1b')  # which no page may hold
                got = float(text) if text is not None and isinstance(value, (int, float)) else text
                need(same(got, value, 1e-12), f'{name}, row {place_in_table}, {column}: {text} on the page, {value!r} by its SQL')
    check_comparison(place, page)


# Student's t for 95 %, by degrees of freedom.
STUDENT = {1: 12.706204736174694, 2: 4.302652729749464, 3: 3.182446305284263, 4: 2.7764451051977987, 5: 2.5705818366147395,
           6: 2.4469118487916806, 7: 2.3646242510102993, 8: 2.306004135204166, 9: 2.2621571627409915}
METRICS = {'best_val_loss': 'best_val_loss', 'final_val_loss': 'final_val_loss', 'final_avg_loss_G': 'final_avg_loss_G', 'val_psnr': 'val_psnr',
           'val_ssim': 'val_ssim', 'D_real': 'D_real', 'D_fake': 'D_fake', 'val_auc': 'auc'}


def statistics(name, values):
    """Columns that the comparison has of a metric."""
    n = len(values)
    mean = sum(values) / n if n else None
    std = math.sqrt(sum((v - mean) ** 2 for v in values) / (n - 1)) if n > 1 else None
    half = STUDENT[n - 1] * std / math.sqrt(n) if n > 1 else None
    return {name + '_mean': mean, name + '_std': std, name + '_ci_low': mean - half if half is not None else None,
            name + '_ci_high': mean + half if half is not None else None}


def expected_row(runs):
    """A configuration's row from what is measured of its runs."""
    done = [run for run in runs if run['state'] == 'completed']
    states = [run['state'] for run in runs]
    row = {'n': len(done), 'failed': states.count('failed') + states.count('diverged'), 'pruned': states.count('pruned')}
    row['open'] = len(runs) - sum(row.values())

    def values(column):
        return [run[column] for run in done if run[column] is not None]
    for name, column in METRICS.items():
        row |= statistics(name, values(column if column in runs[0] else name))
    for name in ('best_epoch', 'seconds'):
        row[name] = sum(values(name)) / len(values(name)) if values(name) else None
    first, last = ((v[0] if v and len(set(v)) == 1 else None) for v in (values('lr_first'), values('lr_last')))
    row |= {'lr_G_first': first, 'lr_G_last': last, 'lr_G_ratio': last / first if first and last is not None else None}
    return row


def check_comparison(place, page):
    """Its rows follow from the two statements below it: what makes the configurations, and what is measured of each run."""
    measured = {run['run_id']: run for run in place.sql(page.code['sql-comparison'])}
    keys = {run['run_id']: run for run in place.sql(page.code['sql-configurations'])} if 'sql-configurations' in page.code else {}
    runs = page.data['runs']
    need([run['run_id'] for run in runs] == list(measured) and (not keys or list(keys) == list(measured)), 'other runs than the page has')
    own = [set(row) for row in (keys or measured).values()][0] - {'run_id', 'name', 'state'} if keys else set()
    groups = {}
    for run in runs:
        groups.setdefault(run['configuration'], []).append(run['run_id'])
    by_key = {tuple(keys[ids[0]][k] for k in sorted(own)) for ids in groups.values()} if keys else {()}
    need(len(by_key) == len(groups), f'{len(groups)} configurations, {len(by_key)} by their keys')
    sql_id, columns, rows = page.tables['comparison-table']
    rows = [row for row in rows if row]
    need(len(rows) == len(page.data['order']) == len(groups), f'{len(rows)} rows for {len(groups)} configurations')
    seen = set()
    for row, configuration in zip(rows, page.data['order']):
        ids = groups[configuration]
        truth = expected_row([measured[i] for i in ids])
        for key in own:
            need(all(keys[i][key] == keys[ids[0]][key] for i in ids), f'{key} differs within a configuration')
            truth[key] = keys[ids[0]][key]
        for column, text in zip(columns, row):
            if column not in truth:
                continue
            value = truth[column]
            got = float(text) if text is not None and isinstance(value, (int, float)) else text
            seen.add(column)
            need(same(got, value, 1e-9), f'comparison, {column}: {text} on the page, {value!r} from its SQL')
    need({'n', 'best_val_loss_mean', 'best_val_loss_std', 'val_auc_mean', 'val_psnr_mean', 'seconds', 'lr_G_first'} <= seen and own <= seen,
         f'compared: {seen}')
    means = [float(row[columns.index('best_val_loss_mean')]) for row in rows if row[columns.index('best_val_loss_mean')]]
    need(means == sorted(means) and page.data['order'] == [groups_of(page, row) for row in range(len(rows))], 'best mean first')
    check_differences(page, measured, groups)


def groups_of(page, row):
    table = next(t for t in page.data['tables'] if t['id'] == 'comparison-table')
    return table['configurations'][row]


def check_differences(page, measured, groups):
    """Run by run of the same seed, against the first."""
    table = next((t for t in page.data['tables'] if t['id'] == 'differences-table'), None)
    if table is None:
        return
    names = [column['name'] for column in table['columns']]

    def by_seed(configuration):
        return {measured[i]['seed']: measured[i]['best_val_loss'] for i in groups[configuration]
                if measured[i]['state'] == 'completed' and not measured[i]['imported'] and measured[i]['best_val_loss'] is not None}
    first = by_seed(page.data['order'][0])
    for row, configuration in zip(table['rows'], table['configurations']):
        other = by_seed(configuration)
        truth = statistics('d', [other[seed] - first[seed] for seed in sorted(first) if seed in other])
        got = dict(zip(names, row))
        need(got['vs_best_n'] == sum(seed in other for seed in first), f"{got['vs_best_n']} pairs")
        for column, name in (('vs_best_diff', 'd_mean'), ('vs_best_ci_low', 'd_ci_low'), ('vs_best_ci_high', 'd_ci_high')):
            need(math.isclose(got[column], truth[name], rel_tol=1e-7, abs_tol=1e-12), f'{column}: {got[column]}, from its SQL {truth[name]}')


def check_data(page):
    """The document says what the page shows."""
    data = page.data
    need([t['id'] for t in data['tables']] == list(page.tables), f"tables {[t['id'] for t in data['tables']]}, on the page {list(page.tables)}")
    for table in data['tables']:
        sql_id, columns, rows = page.tables[table['id']]
        shown = [column['show'] != 'hidden' for column in table['columns']]
        need(table['sql'] == sql_id, f"{table['id']}: {table['sql']}, not {sql_id}")
        need([c['name'] for c, is_shown in zip(table['columns'], shown) if is_shown] == columns, f"{table['id']}: other columns")
        for row, texts in zip(table['rows'], [row for row in rows if row], strict=True):
            for value, text in zip([v for v, is_shown in zip(row, shown) if is_shown], texts, strict=True):
                good = value == text if value is None or isinstance(value, str) else float(text) == value
                need(good, f"{table['id']}: {value!r} in the document, {text!r} on the page")
    need({k: v.strip() for k, v in data['sql'].items()} == {k: v.strip() for k, v in page.code.items()}, 'the same statements')
    for name, values in data['params']['common'].items():
        need(name in page.pairs['shared'], f'{name} is no common parameter of the page')
    for run, own in zip(data['runs'], data['params']['runs'], strict=True):
        need(set(own) <= set(page.pairs.get(f"run-{run['run_id']}", {})), f"{run['name']}: {set(own)}")


def as_shown(key, value):
    if value is None:
        return 'null'
    if key in ('flip', 'shuffle'):
        return 'true' if value else 'false'
    return value


def check_pairs(place, page):
    """What all runs share and what a run has of its own are together what the database has of the run."""
    for sql_id in ('sql-params', 'sql-facts'):
        rows = place.sql(page.code[sql_id])
        need(rows, f'{sql_id} gives nothing')
        for row in rows:
            where = 'shared' if row['common'] else f"run-{row['run_id']}"
            text, value = page.pairs[where].get(row['key']), as_shown(row['key'], row['value'])
            good = text == value if isinstance(value, str) else text is not None and same(float(text), value, 1e-5)
            need(good, f"{where}, {row['key']}: {text!r} on the page, {value!r} by its SQL")
    shown = sum(len(pairs) for pairs in page.pairs.values())
    need(shown > 30, f'only {shown} parameters and facts on the page')


def parts_of(metric, run):
    entry = metric['runs'][run]
    if isinstance(entry, int):
        return parts_of(metric, entry)
    if entry is None:
        return [[math.nan] * metric['n']] * 3
    numbers = [unpack(part) for part in entry]
    return numbers if len(numbers) == 3 else numbers * 3


def check_curves(place, page):
    for by, sql_id in (('epoch', 'sql-epochs'), ('batch', 'sql-batches')):
        truth = {(row['name'], row['bucket']): row for row in place.sql(page.code[sql_id])}
        metrics = [m for m in page.data['metrics'] if m['by'] == by]
        need(metrics and truth, f'no curves by {by}')
        for metric in metrics:
            for i, run in enumerate(page.data['runs']):
                check_curve(metric, i, run['name'], truth)


def check_curve(metric, i, name, truth):
    for part, suffix in zip(parts_of(metric, i), ('', '_min', '_max')):
        need(len(part) == metric['n'], f"{metric['id']}: {len(part)} numbers, not {metric['n']}")
        for bucket, value in enumerate(part):
            row = truth.get((name, bucket))
            expected = row[metric['id'] + suffix] if row else None
            got = None if math.isnan(value) else value
            need(same(got, expected, 1.6e-5),
                 f"{metric['id']}{suffix} of {name}, bucket {bucket}: {got} on the page, {expected} by its SQL")


def check_spike(page):
    """The highest value survives its bucket, and a value that is no number is none of the page's."""
    metric = next(m for m in page.data['metrics'] if m['id'] == 'loss_G')
    high = max(v for v in parts_of(metric, 0)[2] if not math.isnan(v))
    need(abs(high - 40) < 0.01, f'the spike of 40 became {high}')


def check_places(place):
    """Where the page goes, and that nothing is left of one that could not be written."""
    results = os.path.join(place.folder, 'results')
    said = place.run('report', '--results', results)
    path = os.path.join(results, 'curves', 'report.html')
    need(said.startswith(path + ': ') and os.listdir(os.path.dirname(path)) == ['report.html'], f'without -o: {said!r}')
    with open(path, encoding='utf-8') as f:
        need(f.read() == place.run('report', 'curves', '-o', '-'), '-o - gives another page')
    missing = os.path.join(place.folder, 'missing', 'page.html')
    for args, words in ((('-o', missing), 'no folder'), (('nowhere',), 'curves'), (('--by', 'lrgdd'), 'lrgd')):
        done = subprocess.run([place.pixsweep, 'report', *args, '--db', place.database, '--results', place.folder],
                              capture_output=True, text=True, check=False)
        need(done.returncode in (1, 2) and words in done.stderr and done.stdout == '', f'{args}: {done}')
    need(not os.path.exists(os.path.dirname(missing)) and not os.path.exists(os.path.join(place.folder, 'nowhere')),
         'a refused page left something behind')


def check_machines(pixsweep, maker):
    """Groups go by content on the page and in its SQL, whatever they are asked to be made by."""
    with Place(pixsweep, maker) as place:
        place.fill(3, 4, 6, 20)
        place.two_machines()
        name = '/data/it\'s "here"'
        for args, groups in (((), 7), (('--by', 'lrgd'), 7), (('--by', 'ngf'), 3)):
            path = os.path.join(place.folder, 'machines.html')
            place.run('report', '-o', path, *args)
            with open(path, encoding='utf-8') as f:
                page = Page(f.read())
            check_tables(place, page)
            _, columns, rows = page.tables['comparison-table']
            rows = [row for row in rows if row]
            need(len(rows) == groups, f'{args}: {len(rows)} groups, not {groups}')
            names = {row[columns.index('dataset')] for row in rows}
            need({f'{name} (aaaaaaaa)', f'{name} (bbbbbbbb)'} < names, f'{args}: data sets {names}')


def check_files(place, folder):
    """Every finished file is whole SQL: those of the schema make tables, the others can be asked of a database."""
    files = sorted(glob.glob(os.path.join(folder, '*', '*.sql')))
    need(len(files) > 15, f'{folder} has {files}')
    shell = sqlite3.connect(place.database)
    empty = sqlite3.connect(':memory:')
    for path in sorted(files, key=lambda path: not path.endswith('tables.sql')):
        with open(path, encoding='utf-8') as f:
            text = f.read()
        need('{{' not in text, f'{path} is not finished')
        bare = re.sub(r'--[^\n]*', '', text).strip()
        try:
            if 'CREATE' in bare:
                empty.executescript(text)
            elif bare.endswith(';'):
                statements = bare.split(';')[:-1]
                need(len(statements) == max(1, text.count('-- name: ')), f'{path}: {len(statements)} statements')
                for statement in statements:
                    plain = re.sub(r"'[^']*'", '', statement)
                    numbered = [int(n) for n in re.findall(r'\?(\d+)', plain)]
                    others = len(re.findall(r'\?(?!\d)', plain))
                    shell.execute('EXPLAIN ' + statement, [None] * (max(numbered, default=0) + others))
            else:
                shell.execute(f'EXPLAIN SELECT {bare} FROM run r')  # a value that other files include
        except sqlite3.Error as e:
            need(False, f'{path}: {e}')
    need(empty.execute('SELECT count(*) FROM v_run').fetchone() == (0,), 'the schema from its files has v_run')


def main():
    if len(sys.argv) not in (4, 5):
        sys.exit(__doc__)
    check_machines(sys.argv[1], sys.argv[2])
    shapes = [((3, 3, 6, 20), False, ['differences-table']), ((2, 2, 40, 30), False, []), ((3, 2, 6, 20), True, ['differences-table'])]
    if sys.argv[4:] == ['long']:
        shapes.append(((67, 3, 260, 1), False, ['differences-table']))
    for shape, hostile, extra in shapes:
        with Place(sys.argv[1], sys.argv[2]) as place:
            place.fill(*shape)
            check_files(place, sys.argv[3])
            if hostile:
                place.poison()
            text = place.report()[1]
            need(text == place.report('again.html')[1], 'the same database gave other bytes')
            need(len(text) < 5_000_000, f'{shape}: {len(text)} characters')
            page = Page(text)
            need({'comparison-table', 'lost-table', 'runs-table', *extra} <= set(page.tables), f'tables: {set(page.tables)}')
            check_tables(place, page)
            check_pairs(place, page)
            check_curves(place, page)
            check_data(page)
            if shape[2] * shape[3] > 50:
                check_spike(page)
            need(not hostile or page.data['sweep'] == 'curves' + HOSTILE, 'the hostile name did not come through')
            if not hostile:
                check_places(place)
            need(text.count('</script>') == 5, 'a text of the database ended a script')


if __name__ == '__main__':
    main()
