#!/usr/bin/env python3
"""Writes record files (records.bin) that no pixsweep would write, with right checksums: what somebody could hand over.

    records.py SOURCE OUT EDIT...     copies the records of SOURCE ("-": none) into OUT with these changes, in order:
      KIND.N.FIELD=VALUE   field FIELD (0-based) of the N-th record of that kind; a text with \\xHH escapes, or a number
      KIND.N.drop          leaves that record out
      KIND.N.last          puts that record last
      KIND.N.kind=NUMBER   calls it a record of another kind
      KIND.N.cut=BYTES     its payload without so many last bytes (negative: with so many zeros more)
      add=KIND:V,V,...     one more record at the end
      host=NAME            every attempt was made on this machine, and it gives its name as many bytes as it had
    records.py --show FILE
"""
import re
import struct
import sys

LAYOUT = {1: 'qqqt', 2: 'qii' + 'd' * 9, 3: 'ii' + 'd' * 16, 4: 'qitt', 5: 'ittttq', 6: 'qitt', 7: 'qiqt', 8: 'iidd',
          9: 'qitt'}
TABLE = []
for n in range(256):
    for _ in range(8):
        n = n >> 1 ^ (0x82f63b78 if n & 1 else 0)
    TABLE.append(n)


def crc32c(data):
    crc = 0xffffffff
    for byte in data:
        crc = crc >> 8 ^ TABLE[(crc ^ byte) & 255]
    return crc ^ 0xffffffff


def value(code, text):
    if code == 't':
        return re.sub(r'\\x(..)', lambda m: chr(int(m[1], 16)), text).encode('latin-1') if '\\x' in text else text.encode()
    return float(text) if code == 'd' else int(text)


def read(path):
    data, at, records = open(path, 'rb').read(), 16, []
    while at + 16 <= len(data):
        kind, length = struct.unpack_from('<II', data, at + 4)
        at, end, fields = at + 16, at + 16 + length, []
        for code in LAYOUT[kind]:
            if code == 't':
                size, = struct.unpack_from('<H', data, at)
                fields.append(data[at + 2:at + 2 + size])
                at += 2 + size
            elif at < end:
                fields.append(struct.unpack_from('<' + code, data, at)[0])
                at += struct.calcsize('<' + code)
        records.append({'layout': kind, 'kind': kind, 'fields': fields, 'cut': 0})
        at = end
    return records


def frame(record):
    payload = b''
    for code, field in zip(LAYOUT[record['layout']], record['fields']):
        payload += struct.pack('<H', len(field)) + field if code == 't' else struct.pack('<' + code, field)
    payload = payload[:-record['cut']] if record['cut'] > 0 else payload + bytes(-record['cut'])
    head = struct.pack('<II', record['kind'], len(payload))
    return b'PXR\n' + head + struct.pack('<I', crc32c(head + payload)) + payload


def edit(records, change):
    if change.startswith('add='):
        kind, values = change[4:].split(':', 1)
        fields = [value(code, text) for code, text in zip(LAYOUT[int(kind)], values.split(','))]
        return records.append({'layout': int(kind), 'kind': int(kind), 'fields': fields, 'cut': 0})
    if change.startswith('host='):
        for record in records:
            if record['kind'] == 1:
                old = re.search(rb'^host=(.*)$', record['fields'][3], re.M)[1]
                new = change[5:].encode().ljust(len(old), b'-')[:len(old)]
                record['fields'][3] = record['fields'][3].replace(b'host=' + old + b'\n', b'host=' + new + b'\n')
        return
    kind, n, what = change.split('.', 2)
    record = [r for r in records if r['layout'] == int(kind)][int(n)]
    name, _, text = what.partition('=')
    if name in ('drop', 'last'):
        records.remove(record)
        if name == 'last':
            records.append(record)
    elif name in ('kind', 'cut'):
        record[name] = int(text)
    else:
        record['fields'][int(name)] = value(LAYOUT[int(kind)][int(name)], text)


def main():
    if sys.argv[1] == '--show':
        for record in read(sys.argv[2]):
            print(record['kind'], *record['fields'])
        return
    records = [] if sys.argv[1] == '-' else read(sys.argv[1])
    for change in sys.argv[3:]:
        edit(records, change)
    head = b'pxsrec\r\n' + struct.pack('<I', 1)
    with open(sys.argv[2], 'wb') as out:
        out.write(head + struct.pack('<I', crc32c(head)) + b''.join(map(frame, records)))


main()
