#!/usr/bin/env python3
"""Writes src/pictures/data/forms.h: canonical decompositions (Unicode) of what file names are made of: Latin, Greek, Cyrillic, Arabic, Indic, kana."""
import unicodedata

BLOCKS = [(0x80, 0x530), (0x600, 0x700), (0x900, 0xe00), (0x1e00, 0x1f00), (0x3040, 0x3100)]
rows = []
for first, end in BLOCKS:
    for c in range(first, end):
        parts = unicodedata.decomposition(chr(c))
        if parts and not parts.startswith('<'):
            rows.append([c] + [int(p, 16) for p in parts.split()])
print('/* Canonical decompositions, by code: written by tests/data/make_forms.py. A second part of 0: there is none. */')
print('#ifndef PIXSWEEP_DATA_FORMS_H\n#define PIXSWEEP_DATA_FORMS_H\n\n#include <stdint.h>\n')
print('static const uint16_t forms[][3] = {')
for r in rows:
    print('{0x%x, 0x%x, 0x%x},' % tuple(r + [0] * (3 - len(r))))
print('};\n\n#endif')
