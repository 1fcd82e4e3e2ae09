#!/usr/bin/env python3
"""Turns the page's parts into one C file, so that the program needs nothing beside itself.

Usage: embed.py OUT.c NAME=FILE...    NAME becomes `const struct pxs_asset pxs_asset_NAME`
"""
import sys


def check(name, path, data):
    """What would end the element of the page that the part stands in, or change under a browser's eyes."""
    low = data.lower()
    kind = path.rsplit('.', 1)[-1]
    forbidden = {'js': [b'</script', b'<!--'], 'css': [b'</style', b'<!--']}.get(kind, [])
    for word in forbidden + [b'\r', b'\0']:
        if word in low:
            sys.exit(f'embed.py: {path} holds {word!r}, which cannot stand in a page')
    try:
        data.decode('utf-8')
    except UnicodeDecodeError as e:
        sys.exit(f'embed.py: {path} is not UTF-8: {e}')
    if not data:
        sys.exit(f'embed.py: {path} ({name}) is empty')


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    lines = ['/* Made by embed.py. */', '#include "src/report/page/page_priv.h"', '']
    for argument in sys.argv[2:]:
        name, path = argument.split('=', 1)
        with open(path, 'rb') as f:
            data = f.read()
        check(name, path, data)
        lines.append(f'static const unsigned char {name}[] = {{')
        lines += [','.join(map(str, data[i:i + 32])) + ',' for i in range(0, len(data), 32)]
        lines += ['0};', f'const struct pxs_asset pxs_asset_{name} = {{(const char *){name}, {len(data)}}};', '']
    with open(sys.argv[1], 'w', encoding='ascii') as f:
        f.write('\n'.join(lines))


if __name__ == '__main__':
    main()
