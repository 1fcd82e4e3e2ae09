"""What generated pictures hold, read with Python's own library alone.
    pixels.py sample GRID DIR      fakes of a sample picture are the pictures of DIR, in order by name, level by level
    pixels.py size FILE            WxHxC of a PNG
    pixels.py array FILE.npy DIR   the array's pictures are those of DIR
    pixels.py crop FILE W H OUT    the left upper corner of a PNG, as a PNG
    pixels.py flat W H OUT         a PNG of one colour
    pixels.py left FILE OTHER      the left half of FILE is OTHER"""
import os
import struct
import sys
import zlib


def read(path):
    data = open(path, 'rb').read()
    at, idat = 8, b''
    while at < len(data):
        n, kind = struct.unpack('>I4s', data[at:at + 8])
        body = data[at + 8:at + 8 + n]
        if kind == b'IHDR':
            w, h, depth, colour = struct.unpack('>IIBB', body[:10])
        if kind == b'IDAT':
            idat += body
        at += 12 + n
    c = {0: 1, 2: 3}[colour]
    assert depth == 8
    raw, row, rows = zlib.decompress(idat), bytearray(w * c), []
    for y in range(h):
        kind, line = raw[y * (w * c + 1)], bytearray(raw[y * (w * c + 1) + 1:(y + 1) * (w * c + 1)])
        for x in range(w * c):
            a, b, d = line[x - c] if x >= c else 0, row[x], row[x - c] if x >= c else 0
            p = a + b - d
            near = min((abs(p - a), 0, a), (abs(p - b), 1, b), (abs(p - d), 2, d))[2]
            line[x] = (line[x] + (0, a, b, (a + b) // 2, near)[kind]) & 255
        row = line
        rows.append(bytes(line))
    return w, h, c, rows


def write(path, w, h, c, rows):
    def chunk(kind, body):
        return struct.pack('>I', len(body)) + kind + body + struct.pack('>I', zlib.crc32(kind + body))
    head = struct.pack('>IIBBBBB', w, h, 8, {1: 0, 3: 2}[c], 0, 0, 0)
    body = zlib.compress(b''.join(b'\0' + r for r in rows))
    open(path, 'wb').write(b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', head) + chunk(b'IDAT', body) + chunk(b'IEND', b''))


def pictures(folder):
    return [read(os.path.join(folder, f)) for f in sorted(os.listdir(folder)) if f.endswith('.png')]


def sample(grid, folder):
    _, _, c, rows = read(grid)
    made = pictures(folder)
    w, h = made[0][:2]
    for i, (_, _, _, fake) in enumerate(made):
        left, top = 2 + i % 5 * (w + 2), 2 + i // 5 * (3 * h + 2) + h
        for y in range(h):
            cell = rows[top + y][left * c:(left + w) * c]
            assert cell == fake[y], f'picture {i}, row {y}: {[(x, a, b) for x, (a, b) in enumerate(zip(cell, fake[y])) if a != b][:5]}'
    assert len(made) >= 4


def array(path, folder):
    data = open(path, 'rb').read()
    header = data[10:10 + struct.unpack('<H', data[8:10])[0]].decode()
    assert "'|u1'" in header, header
    body = data[10 + len(header):]
    assert body == b''.join(b''.join(rows) for _, _, _, rows in pictures(folder))


def main(verb, *args):
    if verb == 'sample':
        sample(*args)
    elif verb == 'array':
        array(*args)
    elif verb == 'size':
        print('{}x{}x{}'.format(*read(args[0])[:3]))
    elif verb == 'crop':
        _, _, c, rows = read(args[0])
        w, h = int(args[1]), int(args[2])
        write(args[3], w, h, c, [r[:w * c] for r in rows[:h]])
    elif verb == 'flat':
        w, h = int(args[0]), int(args[1])
        write(args[2], w, h, 3, [b'\x40\x80\xc0' * w] * h)
    elif verb == 'left':
        w, _, c, rows = read(args[0])
        assert [r[:w // 2 * c] for r in rows] == read(args[1])[3]
    else:
        sys.exit(__doc__)


main(*sys.argv[1:])
