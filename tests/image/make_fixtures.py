#!/usr/bin/env python3
"""Writes fixtures/*: JPEG and TIFF files, and what they must become: NAME.png for NAME.jpg or NAME.tif, scene.png for those that lose
nothing of the scene. Needs Pillow and numpy (made with Pillow 13.0.0: libjpeg-turbo 3.2.0, libtiff 4.7.2).

The PNG has Pillow's pixels, turned by its ImageOps.exif_transpose. Where docs/contracts.md has a rule of its own, numpy computes that
instead: 16 bits become round(v / 257), where Pillow takes the upper byte, and alpha is blended over white, where Pillow drops it."""
import os
import struct

import numpy as np
from PIL import Image, ImageOps, TiffImagePlugin

OUT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "fixtures")
W, H = 21, 13  # no multiples of 8 or 16: edges within blocks
EXIF = 0x0112


def scene(channels, top=255):
    """Slopes, edges and noise, different in each channel; not alike when it is mirrored or turned."""
    y, x = np.mgrid[0:H, 0:W].astype(float)
    noise = np.random.RandomState(5).rand(H, W, channels)
    out = np.zeros((H, W, channels))
    for c in range(channels):
        out[..., c] = (x / W * (c + 1) + y / H * (3 - c)) % 1.0
        out[2:6, 3 + c:9, c] = 1 - 0.3 * c
        out[8:, 12 - c:15, c] = 0.1 * c
    out = np.clip(0.92 * out + 0.08 * noise, 0, 1)
    return np.round(out * top).astype(np.uint8 if top < 256 else np.uint16)


def path(name):
    return os.path.join(OUT, name)


def golden(name, rgb):
    rgb = np.ascontiguousarray(rgb.astype(np.uint8))
    if not np.array_equal(rgb, scene(3)):
        Image.fromarray(rgb).save(path(name + ".png"), optimize=True)


def as_pillow(name, file):
    """What Pillow makes of a file that stands there."""
    with Image.open(path(file)) as im:
        im.load()
        golden(name, np.asarray(ImageOps.exif_transpose(im).convert("RGB")))


def over_white(rgb, alpha):
    rgb, alpha = rgb.astype(int), alpha.astype(int)[..., None]
    return (rgb * alpha + 127) // 255 + 255 - alpha


def to_bytes(words):
    return (words.astype(int) * 255 + 32895) >> 16


def exif(orientation, order):
    """A block of EXIF with some other entries around the one that counts."""
    e = order
    entries = [(0x010F, 2, 4, b"abc\0"), (EXIF, 3, 1, struct.pack(e + "HH", orientation, 0)), (0x0128, 3, 1, struct.pack(e + "HH", 2, 0))]
    block = (b"II" if e == "<" else b"MM") + struct.pack(e + "HI", 42, 8) + struct.pack(e + "H", len(entries))
    for tag, kind, count, value in entries:
        block += struct.pack(e + "HHI", tag, kind, count) + value
    return b"Exif\0\0" + block + b"\0\0\0\0"


def jpeg(name, image, **options):
    image.save(path(name + ".jpg"), "JPEG", **options)
    as_pillow(name, name + ".jpg")


def jpegs():
    rgb = Image.fromarray(scene(3))
    jpeg("rgb444", rgb, quality=92, subsampling=0)
    jpeg("rgb422", rgb, quality=90, subsampling=1)
    jpeg("rgb420", rgb, quality=90, subsampling=2)
    jpeg("progressive", rgb, quality=85, progressive=True)
    jpeg("restart", rgb, quality=80, restart_marker_blocks=2)
    jpeg("keep-rgb", rgb, quality=90, keep_rgb=True)
    jpeg("grey", Image.fromarray(scene(1)[..., 0]), quality=90)
    jpeg("cmyk", Image.fromarray(scene(4), "CMYK"), quality=95)
    with open(path("cmyk.jpg"), "rb") as f:  # the same data said to be YCCK, by the last byte of Adobe's segment
        data = bytearray(f.read())
    data[data.index(b"Adobe") + 11] = 2
    with open(path("ycck.jpg"), "wb") as f:
        f.write(data)
    as_pillow("ycck", "ycck.jpg")
    for orientation in range(1, 9):
        jpeg("orientation%d" % orientation, rgb, quality=90, exif=exif(orientation, "<>"[orientation % 2]))


def tiff(name, image, golden_pixels=None, **options):
    image.save(path(name + ".tif"), "TIFF", **options)
    if golden_pixels is None:
        as_pillow(name, name + ".tif")
    else:
        golden(name, golden_pixels)


TYPES = {1: "B", 3: "H", 4: "I"}


def raw_tiff(name, tags, blocks, order="<", tiled=False):
    """A TIFF byte by byte, for what Pillow does not write: `tags` {number: (type, values)}, uncompressed strips or tiles."""
    head = (b"II" if order == "<" else b"MM") + struct.pack(order + "HI", 42, 8)
    counts = [len(b) for b in blocks]
    tags = dict(tags)
    offsets_tag, counts_tag = (324, 325) if tiled else (273, 279)
    tags[offsets_tag] = (4, [0] * len(blocks))
    tags[counts_tag] = (4, counts)
    long_at = 8 + 2 + 12 * len(tags) + 4
    extra, places = b"", {}
    for tag in sorted(tags):
        kind, values = tags[tag]
        size = struct.calcsize(order + TYPES[kind]) * len(values)
        if size > 4:
            places[tag] = long_at + len(extra)
            extra += b"\0" * (size + size % 2)
    at, offsets = long_at + len(extra), []
    for count in counts:
        offsets.append(at)
        at += count
    tags[offsets_tag] = (4, offsets)
    ifd, extra = struct.pack(order + "H", len(tags)), b""
    for tag in sorted(tags):
        kind, values = tags[tag]
        data = struct.pack(order + "%d%s" % (len(values), TYPES[kind]), *values)
        ifd += struct.pack(order + "HHI", tag, kind, len(values))
        if tag in places:
            ifd += struct.pack(order + "I", places[tag])
            extra += data + b"\0" * (len(data) % 2)
        else:
            ifd += data.ljust(4, b"\0")
    with open(path(name + ".tif"), "wb") as f:
        f.write(head + ifd + b"\0\0\0\0" + extra + b"".join(blocks))


def tags_of(bits, photometric, **more):
    tags = {256: (4, [W]), 257: (4, [H]), 258: (3, bits), 259: (3, [1]), 262: (3, [photometric]), 277: (3, [len(bits)])}
    names = {"rows": (278, 4), "planar": (284, 3), "extra": (338, 3), "map": (320, 3), "tile": (322, 4), "orientation": (274, 3)}
    for name, values in more.items():
        tag, kind = names[name]
        if name == "tile":
            tags[322], tags[323] = (4, [values[0]]), (4, [values[1]])
        else:
            tags[tag] = (kind, values)
    return tags


def tiles_of(samples, size, order="<"):
    """Padded at the edges with what must not be seen."""
    dtype, out = samples.dtype.newbyteorder(order), []
    for y in range(0, H, size):
        for x in range(0, W, size):
            tile = np.full((size, size) + samples.shape[2:], 77, dtype)
            part = samples[y:y + size, x:x + size]
            tile[:part.shape[0], :part.shape[1]] = part
            out.append(tile.tobytes())
    return out


def tiffs():
    rgb, grey = scene(3), scene(1)[..., 0]
    image = Image.fromarray(rgb)
    for name, compression in [("raw", None), ("lzw", "tiff_lzw"), ("deflate", "tiff_adobe_deflate"), ("packbits", "packbits")]:
        tiff(name, image, compression=compression)
    tiff("tiff-jpeg", image, compression="jpeg", quality=92)
    tiff("grey8", Image.fromarray(grey), compression="tiff_lzw")
    bits = Image.fromarray((grey > 128).astype(np.uint8) * 255).convert("1")
    tiff("bilevel", bits, compression="group4")
    tiff("palette", image.quantize(200), compression="tiff_lzw")
    tiff("tiff-cmyk", Image.fromarray(scene(4), "CMYK"), compression="tiff_lzw")
    info = TiffImagePlugin.ImageFileDirectory_v2()
    info[TiffImagePlugin.ROWSPERSTRIP] = 4
    tiff("strips", image, tiffinfo=info, compression="tiff_lzw")
    for orientation in (3, 6):
        info = TiffImagePlugin.ImageFileDirectory_v2()
        info[EXIF] = orientation
        tiff("tiff-orientation%d" % orientation, image, tiffinfo=info)
    rgba = np.dstack([rgb, scene(4)[..., 3]])
    tiff("rgba", Image.fromarray(rgba), over_white(rgb, rgba[..., 3]), compression="tiff_lzw")
    tiff("pages", image, save_all=True, append_images=[Image.new("RGB", (4, 4))])
    wide = scene(1, 65535)[..., 0]
    tiff("grey16", Image.fromarray(wide), np.dstack([to_bytes(wide)] * 3))

    raw_tiff("grey16-motorola", tags_of([16], 1), [wide.astype(">u2").tobytes()], ">")
    golden("grey16-motorola", np.dstack([to_bytes(wide)] * 3))
    wide = scene(3, 65535)
    raw_tiff("rgb16", tags_of([16] * 3, 2, rows=[5]), [wide[y:y + 5].astype("<u2").tobytes() for y in range(0, H, 5)])
    golden("rgb16", to_bytes(wide))
    raw_tiff("rgb16-tiles", tags_of([16] * 3, 2, tile=[16, 16], orientation=[5]), tiles_of(wide, 16, ">"), ">", tiled=True)
    golden("rgb16-tiles", to_bytes(wide).transpose(1, 0, 2))
    raw_tiff("planes", tags_of([8] * 3, 2, planar=[2]), [rgb[..., c].tobytes() for c in range(3)])
    as_pillow("planes", "planes.tif")
    raw_tiff("plane-tiles", tags_of([8] * 3, 2, planar=[2], tile=[16, 16]), [t for c in range(3) for t in tiles_of(rgb[..., c], 16)],
             tiled=True)
    golden("plane-tiles", rgb)
    raw_tiff("white-is-zero", tags_of([8], 0), [(255 - grey).tobytes()])
    as_pillow("white-is-zero", "white-is-zero.tif")
    four = grey // 16
    packed = np.pad(four, ((0, 0), (0, W % 2)))
    raw_tiff("grey4", tags_of([4], 1), [(packed[:, 0::2] * 16 + packed[:, 1::2]).astype(np.uint8).tobytes()])
    as_pillow("grey4", "grey4.tif")
    colours = (scene(3, 65535).reshape(-1, 3)[:16].T // 257 * 257).astype(int)
    raw_tiff("palette4", tags_of([4], 3, map=colours.flatten().tolist()),
             [(packed[:, 0::2] * 16 + packed[:, 1::2]).astype(np.uint8).tobytes()])
    as_pillow("palette4", "palette4.tif")
    raw_tiff("grey-alpha", tags_of([8, 8], 1, extra=[2]), [np.dstack([grey, rgba[..., 3]]).tobytes()])
    golden("grey-alpha", over_white(np.dstack([grey] * 3), rgba[..., 3]))
    multiplied = (rgb.astype(int) * rgba[..., 3:] // 255).astype(np.uint8)
    raw_tiff("premultiplied", tags_of([8] * 4, 2, extra=[1]), [np.dstack([multiplied, rgba[..., 3]]).tobytes()])
    golden("premultiplied", multiplied + 255 - rgba[..., 3:].astype(int))
    raw_tiff("not-alpha", tags_of([8] * 4, 2, extra=[0]), [rgba.tobytes()])
    as_pillow("not-alpha", "not-alpha.tif")
    raw_tiff("preview", {254: (4, [1]), **tags_of([8], 1)}, [grey.tobytes()])
    raw_tiff("floats", {339: (3, [3]), **tags_of([32], 1)}, [(grey / 255).astype("<f4").tobytes()])
    raw_tiff("signed", {339: (3, [2]), **tags_of([16], 1)}, [grey.astype("<i2").tobytes()])
    raw_tiff("many", tags_of([8] * 17, 1), [np.dstack([grey] * 17).tobytes()])
    five = scene(4)
    raw_tiff("cmyk-and-one", tags_of([8] * 5, 5, extra=[0]), [np.dstack([five, grey]).tobytes()])
    golden("cmyk-and-one", np.asarray(Image.fromarray(five, "CMYK").convert("RGB")))


if __name__ == "__main__":
    os.makedirs(OUT, exist_ok=True)
    for old in os.listdir(OUT):
        os.remove(path(old))
    Image.fromarray(scene(3)).save(path("scene.png"), optimize=True)
    jpegs()
    tiffs()
