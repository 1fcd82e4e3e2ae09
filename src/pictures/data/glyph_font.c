/* Fonts: the one file with FreeType. Outlines are loaded unhinted at a large fixed size and scaled
 * here, so that both fonts sit on one baseline at one scale whatever their own units and size
 * tables say. */
#include "glyph_priv.h"
#include "pixsweep/image.h"

#include <ft2build.h>
#include FT_FREETYPE_H
#include FT_BBOX_H
#include FT_OUTLINE_H

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EM                                                                                     \
    1024 /* pixels of an em at loading: fonts whose glyphs are composed by instructions need a \
            size */
#define UNITS (EM * 64) /* in 1/64 pixel */

struct pxs_font {
    FT_Library library;
    FT_Face face;
    char path[4096], identity[4096];
};

static enum pxs_status font_fail(struct pxs_error *err, const char *path, const char *what,
                                 FT_Error code) {
    const char *text = FT_Error_String(code);
    if (text)
        return pxs_fail(err, PXS_E_CORRUPT, "%s: %s: %s", path, what, text);
    return pxs_fail(err, PXS_E_CORRUPT, "%s: %s (FreeType error 0x%02x)", path, what,
                    (unsigned)code);
}

static enum pxs_status check_face(struct pxs_font *f, int index, struct pxs_error *err) {
    char sha[PXS_SHA256_HEX];
    uint64_t bytes;
    if (!FT_IS_SCALABLE(f->face))
        return pxs_fail(err, PXS_E_UNSUPPORTED, "%s: a bitmap font; an outline font is needed",
                        f->path);
    if (FT_Select_Charmap(f->face, FT_ENCODING_UNICODE) != 0)
        return pxs_fail(err, PXS_E_UNSUPPORTED, "%s: the font has no Unicode character map",
                        f->path);
    FT_Error code = FT_Set_Pixel_Sizes(f->face, 0, EM);
    if (code != 0)
        return font_fail(err, f->path, "cannot be scaled", code);
    PXS_TRY(pxs_sha256_file(f->path, sha, &bytes, err));
    snprintf(f->identity, sizeof f->identity, "%.100s %.100s, face %d, sha256 %s",
             f->face->family_name ? f->face->family_name : "unnamed",
             f->face->style_name ? f->face->style_name : "", index, sha);
    return PXS_OK;
}

/* FreeType cannot read it: what it is instead, with FreeType's number. */
static enum pxs_status not_a_font(const struct pxs_font *f, FT_Error code, struct pxs_error *err) {
    struct pxs_error why;
    (void)pxs_sniff_refuse_file(f->path, PXS_WANTED_FONT, &why);
    return pxs_fail(err, PXS_E_CORRUPT, "%s: not a usable font file (FreeType error 0x%02x): %s",
                    f->path, (unsigned)code, why.message);
}

static enum pxs_status open_face(struct pxs_font *f, int index, struct pxs_error *err) {
    int fd;
    PXS_TRY(pxs_open_read(f->path, &fd, err)); /* FreeType would wait for a pipe */
    close(fd);
    FT_Error code = FT_Init_FreeType(&f->library);
    if (code != 0)
        return font_fail(err, f->path, "FreeType does not start", code);
    code = FT_New_Face(f->library, f->path, -1, &f->face);
    if (code != 0)
        return not_a_font(f, code, err);
    long faces = f->face->num_faces;
    FT_Done_Face(f->face);
    f->face = NULL;
    if (index >= faces)
        return pxs_fail(err, PXS_E_INVALID, "%s: has no face %d; it has %ld, numbered from 0",
                        f->path, index, faces);
    code = FT_New_Face(f->library, f->path, index, &f->face);
    if (code != 0)
        return not_a_font(f, code, err);
    return check_face(f, index, err);
}

enum pxs_status pxs_font_open(const char *spec, struct pxs_font **out, struct pxs_error *err) {
    int index;
    struct pxs_font *f = calloc(1, sizeof *f);
    if (!f)
        return pxs_fail_nomem(err);
    enum pxs_status status = pxs_font_locate(spec, f->path, sizeof f->path, &index, err);
    if (status == PXS_OK)
        status = open_face(f, index, err);
    if (status != PXS_OK) {
        pxs_font_close(&f);
        return status;
    }
    *out = f;
    return PXS_OK;
}

void pxs_font_close(struct pxs_font **font) {
    if (!font || *font == NULL)
        return;
    if ((*font)->library != NULL)
        FT_Done_FreeType((*font)->library); /* and its faces */
    free(*font);
    *font = NULL;
}

const char *pxs_font_identity(const struct pxs_font *font) {
    return font->identity;
}

uint32_t pxs_font_glyph(struct pxs_font *font, uint32_t code) {
    return FT_Get_Char_Index(font->face, code);
}

static enum pxs_status load(struct pxs_font *f, uint32_t glyph, struct pxs_error *err) {
    FT_Error code = FT_Load_Glyph(f->face, glyph, FT_LOAD_NO_HINTING | FT_LOAD_NO_BITMAP);
    if (code == 0 && f->face->glyph->format != FT_GLYPH_FORMAT_OUTLINE)
        return pxs_fail(err, PXS_E_UNSUPPORTED, "%s: glyph %u has no outline", f->path, glyph);
    if (code != 0) {
        char what[64];
        snprintf(what, sizeof what, "glyph %u is damaged", glyph);
        return font_fail(err, f->path, what, code);
    }
    return PXS_OK;
}

enum pxs_status pxs_font_ink(struct pxs_font *font, uint32_t glyph, struct pxs_ink *ink,
                             struct pxs_error *err) {
    PXS_TRY(load(font, glyph, err));
    FT_GlyphSlot slot = font->face->glyph;
    FT_BBox box = {0};
    if (slot->outline.n_points > 0)
        FT_Outline_Get_BBox(&slot->outline, &box);
    double middle = (double)slot->metrics.horiAdvance / 2;
    *ink = (struct pxs_ink){.any = box.xMax > box.xMin && box.yMax > box.yMin,
                            .left = ((double)box.xMin - middle) / UNITS,
                            .right = ((double)box.xMax - middle) / UNITS,
                            .bottom = (double)box.yMin / UNITS,
                            .top = (double)box.yMax / UNITS};
    return PXS_OK;
}

enum pxs_status pxs_font_render(struct pxs_font *font, uint32_t glyph, double em_pixels,
                                double baseline, int size, uint8_t *cell, struct pxs_error *err) {
    PXS_TRY(load(font, glyph, err));
    FT_GlyphSlot slot = font->face->glyph;
    double scale = em_pixels / EM, middle = (double)slot->metrics.horiAdvance / 2 * scale;
    FT_Matrix matrix = {.xx = (FT_Fixed)lround(scale * 65536),
                        .yy = (FT_Fixed)lround(scale * 65536)};
    FT_Outline_Transform(&slot->outline, &matrix);
    FT_Outline_Translate(&slot->outline, lround(size * 32.0 - middle),
                         lround((size - baseline) * 64));
    size_t n = (size_t)size * (size_t)size;
    memset(cell, 0, n);
    FT_Bitmap bitmap = {.rows = (unsigned)size,
                        .width = (unsigned)size,
                        .pitch = size,
                        .buffer = cell,
                        .num_grays = 256,
                        .pixel_mode = FT_PIXEL_MODE_GRAY};
    FT_Error code = FT_Outline_Get_Bitmap(font->library, &slot->outline, &bitmap);
    if (code != 0)
        return font_fail(err, font->path, "a glyph cannot be drawn", code);
    for (size_t i = 0; i < n; i++)
        cell[i] = (uint8_t)(255 - cell[i]);
    return PXS_OK;
}
