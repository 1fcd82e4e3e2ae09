#!/usr/bin/env python3
"""Writes the seeds of tests/fuzz/corpus: right inputs of each kind, for fuzzers to start from. Usage: make_corpus.py

Inputs that once broke something lie beside them under names of their own; those are not made here and stay."""
import json
import os
import struct
import zlib

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'corpus')


def put(harness, name, content):
    folder = os.path.join(HERE, harness)
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, name), 'wb') as f:
        f.write(content if isinstance(content, bytes) else content.encode())


def chars():
    put('chars', 'few', '永和九年\n歲在癸丑\nab ab\r\n')
    put('chars', 'wide', '\ufeffé\u3000一\U00020000\U0001f600 \u00a0x')
    put('chars', 'cut', '一丁'.encode()[:5])
    put('chars', 'list', json.dumps(['一', '丁', 'a']))
    put('chars', 'object', json.dumps({'gb2312': ['一', '\U00020000'], 'jp': '七丈', 'n': 3}))


def config():
    put('config', 'plain', 'dataset: ../data/kai\nn_epochs: 40\nbatch_size: 4\nlr_policy_G: halve\nlrgd: 18\n')
    put('config', 'points', '''# schedules
extends: base.yaml
name: rates
sweep:
  points:
    - {lr_policy_G: halve, lrgd: 2}
    - {lr_policy_G: constant}
    - {lr_policy_G: multistep, milestones: [2, 4], gamma: 0.5}
  seeds: [0, 1, 2]
  prune: {rule: median, rungs: [1, 3]}
run: {retries: 1, timeout: 8h, order: as_written, max_failures: 0, on_done: "echo done"}
''')
    put('config', 'race', '''dataset: data
sweep:
  points: [{lr_policy_G: halve, lrgd: 2}, {lr_policy_G: constant}]
  race: {confidence: 0.9, first: 2, max_seeds: 5, indifference: 1e-3, metric: val_auc, budget: 12}
run: {budget: 1h30m}
''')
    put('config', 'grid', '''dataset: "d \\u00e9"
sweep:
  grid:
    learning_rate_G: [1e-4, 2.0E-4, .5e-3]
    ngf: [16, 32]
    validation: ["off", lab]
  zip: {lambda_pixel: [1, 10], b1: [0.5, 0.9]}
run: {order: {shuffled: 3}, timeout: 300%, resume_every: 0s}
''')
    put('config', 'random', '''dataset: d
sweep:
  random:
    samples: 5
    seed: 7
    learning_rate_G: {log_uniform: [1e-5, 1e-2]}
    ngf: {choice: [16, 32]}
    n_epochs: {int_uniform: [10, 20]}
    b1: {uniform: [0.1, 0.9]}
  seeds: 3
  prune: {rule: asha, eta: 2, min_epochs: 2}
''')
    put('config', 'anchors', 'dataset: d\nsweep:\n  grid: {learning_rate_G: &a [1e-4, 2e-4], learning_rate_D: *a}\n  points: [&p {n_epochs: &n 5}, {batch_size: *n}]\n')
    put('config', 'not-ours', 'dataset: !!str d\n? n_epochs\n: |\n  5\n---\nsecond: 1\n')
    put('config', 'loop', 'extends: [base.yaml, loop.yaml]\n')
    put('config', 'typography', 'dataset： d\nn_epochs: “5”\n\u3000ngf: 32\nsweep: {seeds: [0，1]}\n')


def sets():
    put('set', 'values', 'n_epochs=3\nlearning_rate_G=2e-4\nlr_policy_G=halve\nlrgd=1\nname=other\n')
    put('set', 'sweep', 'sweep.seeds=[0, 1, 2]\nsweep.grid.ngf=[16, 32]\nrun.timeout=1h30m\nrun.retries=0\n')
    put('set', 'odd', 'dataset=~\nn_epochs\n=3\nsweep.grid=\nn_epochs="3"\nngf={a: [1}\nsweep.points=[{ngf: 16}]\n')


def where():
    put('where', 'condition', "state = 'failed' AND learning_rate_G BETWEEN 1e-5 AND 1")
    put('where', 'names', "name LIKE 'fuzz/%' OR run_id IN (1, 2)")
    put('where', 'query', 'SELECT name, count(*) FROM v_run GROUP BY 1 ORDER BY 2 DESC')
    put('where', 'within', 'EXISTS (SELECT 1 FROM epoch e WHERE e.run_id = v_run.run_id AND val_loss < 0.4)')
    put('where', 'writes', "1) RETURNING *; DELETE FROM run; --")
    put('where', 'attach', "ATTACH ':memory:' AS x")
    put('where', 'pragma', 'PRAGMA table_info(run)')
    put('where', 'table-valued', "state IN (SELECT value FROM json_each('[\"failed\"]'))")


def npy_header(descr, order, shape):
    return "{'descr': '%s', 'fortran_order': %s, 'shape': %s, }" % (descr, order, shape)


def npy_file(version, text, data):
    size = '<H' if version == 1 else '<I'
    room = 8 + struct.calcsize(size)
    text += ' ' * (-(room + len(text) + 1) % 64) + '\n'
    return b'\x93NUMPY' + bytes([version, 0]) + struct.pack(size, len(text)) + text.encode() + data


def npy():
    pixels = bytes(range(2 * 4 * 8 * 3 % 256)) * 2
    put('npy', 'bytes', b'\0' + npy_file(1, npy_header('|u1', 'False', '(2, 4, 8, 3)'), pixels[:192]))
    put('npy', 'floats', b'\0' + npy_file(2, npy_header('<f4', 'False', '(1, 2, 4, 3)'), struct.pack('<24f', *range(24))))
    put('npy', 'cut-data', b'\0' + npy_file(1, npy_header('|u1', 'False', '(2, 4, 8, 3)'), pixels[:10]))
    put('npy', 'too-long', b'\0' + npy_file(1, npy_header('|u1', 'False', '(2, 4, 8, 3)'), pixels[:193]))
    put('npy', 'cut-header', b'\0' + npy_file(1, npy_header('|u1', 'False', '(2, 4, 8, 3)'), b'')[:60])
    put('npy', 'fortran', b'\0' + npy_file(3, npy_header('<f4', 'True', '(2,)'), bytes(8)))
    put('npy', 'header', b'\x01\x09' + struct.pack('<H', 192) + npy_header('|u1', 'False', '(2, 4, 8, 3)').encode())
    put('npy', 'huge', b'\x02\x09' + struct.pack('<H', 8) + npy_header('<f4', 'False', '(4294967296, 4294967296, 1, 3)').encode())
    put('npy', 'scalar', b'\x01\x05' + struct.pack('<H', 4) + npy_header('<f4', 'False', '()').encode())


def safetensors_file(header, data):
    text = json.dumps(header).encode()
    return struct.pack('<Q', len(text)) + text + data


def safetensors():
    header = {'__metadata__': {'format': 'pt', 'epoch': '7'},
              'a.weight': {'dtype': 'F32', 'shape': [2, 3], 'data_offsets': [0, 24]},
              'b': {'dtype': 'I64', 'shape': [], 'data_offsets': [24, 32]},
              'none': {'dtype': 'F32', 'shape': [0, 4], 'data_offsets': [32, 32]}}
    put('safetensors', 'file', b'\0' + safetensors_file(header, bytes(32)))
    put('safetensors', 'cut-data', b'\0' + safetensors_file(header, bytes(20)))
    put('safetensors', 'cut-header', b'\0' + safetensors_file(header, b'')[:60])
    put('safetensors', 'header', b'\x01' + json.dumps(header).encode() + b'\0' + bytes(32))
    header['a.weight'] = {'dtype': 'F32', 'shape': [4294967296, 4294967296], 'data_offsets': [0, 24]}
    put('safetensors', 'overflow', b'\x01' + json.dumps(header).encode() + b'\0' + bytes(32))
    put('safetensors', 'long', b'\0' + struct.pack('<Q', 2 ** 63) + b'{}')


def png_file(chunks):
    out = b'\x89PNG\r\n\x1a\n'
    for kind, content in chunks:
        body = kind + content
        out += struct.pack('>I', len(content)) + body + struct.pack('>I', zlib.crc32(body))
    return out


def ihdr(width, height, depth, color, interlace=0):
    return struct.pack('>IIBBBBB', width, height, depth, color, 0, 0, interlace)


def png():
    def field(kind, content):
        return bytes([kind]) + struct.pack('<H', len(content)) + content
    rows = b''.join(b'\0' + bytes(range(y, y + 24)) for y in range(4))
    rgb = [(b'IHDR', ihdr(8, 4, 8, 2)), (b'IDAT', zlib.compress(rows)), (b'IEND', b'')]
    put('png', 'rgb', b'\0' + png_file(rgb))
    put('png', 'cut', b'\0' + png_file(rgb)[:60])
    put('png', 'few-rows', b'\x02' + field(0, ihdr(8, 4, 8, 2)) + field(1, rows[:30]) + field(4, b''))
    put('png', 'mended', b'\x01' + png_file(rgb))
    put('png', 'filters', b'\x02' + field(0, ihdr(4, 5, 8, 6)) +
        field(1, b''.join(bytes([f]) + bytes(range(16)) for f in range(5))) + field(4, b''))
    put('png', 'palette', b'\x02' + field(0, ihdr(4, 2, 4, 3)) + field(2, bytes(range(12))) + field(3, b'\x00\x80') +
        field(1, b'\0\x01\x23\0\x32\x10') + field(4, b''))
    put('png', 'grey16', b'\x02' + field(0, ihdr(2, 2, 16, 0)) + field(3, b'\0\1') +
        field(1, b'\0\0\1\0\2\0\xff\xff\0\0') + field(4, b''))
    put('png', 'interlaced', b'\x02' + field(0, ihdr(3, 3, 1, 0, 1)) + field(1, b'\0\xff' * 9) + field(4, b''))
    put('png', 'words', b'\x02' + field(0, ihdr(1, 1, 8, 0)) + field(5, struct.pack('>I', 45455)) + field(6, b'\0\1') +
        field(7, b'\x08') + field(11, b'key\0text') + field(17, b'\x50\0\x20\x02') + field(1, b'\0\x80') + field(4, b''))
    put('png', 'large', b'\x02' + field(0, ihdr(8192, 8192, 8, 2)) + field(1, b'\0') + field(4, b''))
    put('png', 'jpeg', b'\0\xff\xd8\xff\xe0\0\x10JFIF\0')


def text(s):
    s = s if isinstance(s, bytes) else s.encode()
    return struct.pack('<H', len(s)) + s


NAN = float('nan')


def begin(attempt=1, at=1000, step=-1, words='host=here\nboot_id=b\npid=7\npid_start=9\nthreads=1\n'):
    return 1, struct.pack('<qqq', attempt, at, step) + text(words)


def batch(step, epoch, n, loss=1.0, rate=1e-4):
    return 2, struct.pack('<qii', step, epoch, n) + struct.pack('<9d', loss, 1, .1, 1, 1, 1, rate, rate, .5)


def epoch(e, best=1, val=.5, d=(.7, .3)):
    return 3, struct.pack('<ii', e, best) + struct.pack('<12d', 1e-4, 1e-4, 1, 1, .1, 1, 1, 1, val, 20, .9, 2) + \
        struct.pack('<%dd' % len(d), *d)


def sample(step, e, path='images/0.png'):
    return 4, struct.pack('<qi', step, e) + text(path) + text('ab' * 32)


def checkpoint(e, kind='best', net='generator', path='saved_models/generator_min.safetensors'):
    return 5, struct.pack('<i', e) + text(kind) + text(net) + text(path) + text('cd' * 32) + struct.pack('<q', 1400000)


def event(words='pages \x1b[31m', kind='note', level=1):
    return 6, struct.pack('<qi', 5000, level) + text(kind) + text(words)


def end(outcome=1, step=6, words='', at=61000):
    return 7, struct.pack('<qiq', at, outcome, step) + text(words)


def rung(e, go_on=1, value=.5, cutoff=.6):
    return 8, struct.pack('<ii', e, go_on) + struct.pack('<2d', value, cutoff)


def frames(*all_of_them):
    return b''.join(bytes([kind]) + struct.pack('<H', len(payload)) + payload for kind, payload in all_of_them)


USUAL = [begin()] + [batch(2 * e + b, e, b, 3 - .4 * e) if b < 2 else epoch(e, 1, .5 - .05 * e) for e in range(3)
                     for b in range(3)] + [sample(4, 2), checkpoint(2), event(), rung(2), end()]


def records():
    put('records', 'usual', b'\x01' + frames(*USUAL))
    put('records', 'version-1', b'\x02' + frames(*USUAL))
    put('records', 'version-3', b'\x03' + frames(begin(), batch(0, 0, 0), end()))
    put('records', 'attempts', b'\x01' + frames(begin(), batch(0, 0, 0), begin(2, 3000, 0), batch(0, 0, 0), end(3)))
    put('records', 'old-epoch', b'\x01' + frames(begin(), epoch(0, d=())))
    put('records', 'torn', b'\x01' + frames(begin(), batch(0, 0, 0), (255, b'PXR\n\x02\0\0\0')))
    put('records', 'damage', b'\x01' + frames(begin(), (255, b'PXR\nxxxxxxxxxxxx'), batch(0, 0, 0), end()))
    put('records', 'unknown-kind', b'\x01' + frames(begin(), (9, b'xyz'), end()))
    put('records', 'no-file', b'\0pxsrec\r\n\x02')


def merge():
    def run(which, *all_of_them, config=b''):
        return bytes([which]) + struct.pack('<H', len(config)) + config + frames(*all_of_them)
    put('merge', 'usual', run(31, *USUAL))
    put('merge', 'plot', run(1, *USUAL))
    put('merge', 'page', run(2, *USUAL))
    put('merge', 'samples', run(4, *USUAL))
    put('merge', 'attempts', run(8, begin(), batch(0, 0, 0), epoch(0), begin(2, 3000, 1, 'pid=8\nhost=here\n'), batch(1, 1, 0, NAN),
                                 end(2, 1, 'diverged')))
    put('merge', 'unknown-kind', run(8, begin(), batch(0, 0, 0), (9, b'xyz'), end()))
    put('merge', 'attempt-0', run(8, begin(0), batch(0, 0, 0), end()))
    put('merge', 'no-equals', run(8, begin(words='nothing'), batch(0, 0, 0), end()))
    put('merge', 'no-utf8', run(26, begin(words=b'host=\xff\n'), event(b'\xc3('), end(3, words=b'\xff\xfe')))
    put('merge', 'far', run(31, begin(2 ** 62, 2 ** 62), batch(2 ** 62, 2 ** 31 - 1, -2 ** 31, 1e308, float('inf')),
                            epoch(2 ** 31 - 1, 7, -1e308), epoch(-2 ** 31, -1), end(1, 2 ** 63 - 1, at=-2 ** 63)))
    put('merge', 'paths', run(12, begin(), sample(0, 0, '../../secret.png'), sample(1, 0, '/etc/passwd'), checkpoint(0, path='..'), end()))
    put('merge', 'nothing', run(0))
    put('merge', 'torn', run(0, begin(), (255, b'PXR\n')))
    head = '# pixsweep run %s\n# data sha256 ' + 'c' * 64 + '\nname: fuzz\ndataset: /data/kai\nn_epochs: 6\n'
    put('merge', 'own-config', run(31, *USUAL, config=(head % 'other/0007-ngf-16-s3').encode() + b'ngf: 16\nseed: 3\n'))
    put('merge', 'dotdot', run(15, *USUAL, config=(head % '../../0001-base-s0').encode()))
    put('merge', 'no-config', run(0, *USUAL, config=b'[1, 2'))


def resume():
    put('resume', 'right', '')
    put('resume', 'moved', 'step=7\nepoch=1\nbatch=2\nbest_val_loss=0.25\nlr_G=0.0001\n')
    put('resume', 'other', 'config_hash=00\nkernels=none\n')
    put('resume', 'far', 'early_stop_epoch=%d\nplateau_G_bad_epochs=%d\n' % (-2 ** 63, 2 ** 63 - 1))
    put('resume', 'negative', 'record_bytes=-1\nepoch_seconds=-1e300\nplateau_D_rate=nan\n')
    put('resume', 'newer', 'resume_format=9\n')
    put('resume', 'older', 'resume_format=2\n!early_stop_best\n!early_stop_epoch\n')
    put('resume', 'tensors', b'step=3\0' + bytes([0, 5, 0, 1, 6, 0x7f, 2, 3, 0]))
    put('resume', 'damaged', b'\0' + bytes([0, 0, 0]))


def lab():
    def lines(run, epochs=3, batches=2):
        return ''.join('[Epoch: %d] [Dloss: 0.%d] [loss_pixel: 1.03] [loss_GAN: 0.7] [Batch: %d/%d] \n' %
                       (e, 24 + run, b, batches) for e in range(epochs) for b in range(batches))
    averages = ''.join('[avg_loss: 1.7%d] \n' % e for e in range(3))
    values = "tloss_res: {0: 0.21, 1: 0.19, 'min': 0.19, 'minepoch': 1} \n"
    put('lab', 'quick', '\0' + lines(0) + lines(1, 2) + '---\n' + averages * 2 + '---\n' + values)
    put('lab', 'usual', '\1' + lines(0) + '---\n' + averages + '---\n' + values)
    put('lab', 'two-runs', '\1' + lines(0) + lines(1, 2) + '---\n' + averages * 2 + '---\n' + values * 2)
    put('lab', 'no-batches', '\1---\n' + averages + '---\n' + values)
    put('lab', 'pytorch-gan', '\1\r[Epoch 0/2] [Batch 0/2] [D loss: 0.25] [G loss: 3.9, pixel: 0.3, adv: 0.9] ETA: 0:01')
    iters = '(epoch: %d, iters: %d, time: 0.1, data: 0.2) G_GAN: 0.9 G_L1: 30.0 D_real: 0.6 D_fake: nan \n'
    put('lab', 'loss-log', '\1---\n---\n---\n=== Training Loss ===\n' + iters % (1, 100) + iters % (1, 200) + iters % (2, 50) + '(epoch: 2, iters')
    put('lab', 'torn', '\1' + lines(0)[:-60] + '[Epoch: 1' + lines(1) + 'noise\n[Epoch: 9] [Dloss: nan] [loss_pixel: inf] [loss_GAN: 1e999] [Batch: 1/2] ')
    put('lab', 'odd', '\1\ufeff[Epoch: 99999999999999999999] [Dloss: x]\r\n\0\n---\n[avg_loss: \n---\ntloss_res: {1: 2, 1: 3, x: 4}\n')


def json_texts():
    put('json', 'all', '{"a": [1, -2.5e3, true, false, null, "\\u00e9\\ud83d\\ude00\\n"], "b": {"c": {}}, "": 0}')
    put('json', 'deep', '[' * 40 + ']' * 40)
    put('json', 'numbers', '[9007199254740993, 1e400, -0, 0.1e-320, 123456789012345678901234567890]')
    put('json', 'cut', '{"a": ["x')
    put('json', 'wrong', '{"a": 1, "a": 2,}')
    put('json', 'bytes', b'["\xff", "\\u0000", "\\ud800"]')


def pictures():
    """The files that tests/image decodes, as they stand and with their sides cut."""
    fixtures = os.path.join(HERE, '..', '..', 'image', 'fixtures')
    for harness, ending, names in (
            ('jpeg', '.jpg', 'rgb420 progressive restart grey cmyk ycck orientation6'),
            ('tiff', '.tif', 'raw lzw deflate packbits tiff-jpeg bilevel palette4 tiff-cmyk rgba grey16-motorola rgb16-tiles planes '
                             'plane-tiles white-is-zero grey-alpha premultiplied pages')):
        for name in names.split():
            with open(os.path.join(fixtures, name + ending), 'rb') as f:
                put(harness, name, b'\1' + f.read())
    with open(os.path.join(fixtures, 'progressive.jpg'), 'rb') as f:
        jpeg = bytearray(f.read())
    at = jpeg.index(b'\xff\xc2') + 5
    jpeg[at:at + 4] = struct.pack('>HH', 4096, 4096)
    put('jpeg', 'large', b'\0' + jpeg)


if __name__ == '__main__':
    for make in (chars, config, sets, where, npy, safetensors, png, pictures, records, merge, resume, lab, json_texts):
        make()
