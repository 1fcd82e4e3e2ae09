#!/usr/bin/env python3
"""Writes blocks.ttf: rectangles whose drawings can be worked out by hand, and a character that looks like .notdef.
Needs fontTools (made with 4.68.0)."""
import os
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen


def rectangle(left, bottom, right, top):
    pen = TTGlyphPen(None)
    pen.moveTo((left, bottom))
    pen.lineTo((left, top))
    pen.lineTo((right, top))
    pen.lineTo((right, bottom))
    pen.closePath()
    return pen.glyph()


GLYPHS = {
    ".notdef": rectangle(50, 0, 550, 650),
    "A": rectangle(0, 0, 500, 700),
    "B": rectangle(100, -200, 400, 300),
    "C": rectangle(0, 0, 600, 100),
    "box": rectangle(50, 0, 550, 650),
}
fb = FontBuilder(1000, isTTF=True)
fb.setupGlyphOrder(list(GLYPHS))
fb.setupCharacterMap({0x41: "A", 0x42: "B", 0x43: "C", 0x25A1: "box"})
fb.setupGlyf(GLYPHS)
fb.setupHorizontalMetrics({name: (600, GLYPHS[name].xMin) for name in GLYPHS})
fb.setupHorizontalHeader(ascent=800, descent=-200)
fb.setupNameTable({"familyName": "Blocks", "styleName": "Regular"})
fb.setupOS2()
fb.setupPost(keepGlyphNames=False)
fb.font["head"].created = fb.font["head"].modified = 0
fb.font.recalcTimestamp = False
fb.save(os.path.join(os.path.dirname(os.path.abspath(__file__)), "blocks.ttf"))
