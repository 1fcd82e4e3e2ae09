/* The parts of the glyph renderer: characters, fonts, and the folder that they end up in. */
#ifndef PIXSWEEP_DATA_GLYPH_PRIV_H
#define PIXSWEEP_DATA_GLYPH_PRIV_H

#include "pixsweep/data.h"
#include "utf8_priv.h"

/* ---- characters (glyph_chars.c) ------------------------------------------------------------- */

struct pxs_chars {
    uint32_t *code; /* Unicode, each once, in order of appearance; owned */
    size_t n, cap, repeated;
    char name[4200]; /* for people: "gb2312 level 1", "ascii", the file's path */
    char sha256[PXS_SHA256_HEX];
};
/* `which`: NULL or "gb2312", "ascii", or a file: text in UTF-8, or JSON lists and objects of
 * strings. */
PXS_NODISCARD enum pxs_status pxs_chars_init(struct pxs_chars *chars, const char *which,
                                             struct pxs_error *err);
void pxs_chars_finish(struct pxs_chars *chars);

/* ---- fonts (glyph_font.c, font_path.c) ------------------------------------------------------ */

/* Splits "font.ttc#1" and looks a bare name up in the system's font folders. */
PXS_NODISCARD enum pxs_status pxs_font_locate(const char *spec, char *path, size_t size, int *face,
                                              struct pxs_error *err);

struct pxs_font;
PXS_NODISCARD enum pxs_status pxs_font_open(const char *spec, struct pxs_font **out,
                                            struct pxs_error *err);
void pxs_font_close(struct pxs_font **font);
const char *pxs_font_identity(const struct pxs_font *font); /* "Family Style, face 0, sha256 ..." */
uint32_t pxs_font_glyph(struct pxs_font *font, uint32_t code); /* 0: not in the font */

/* Ink of a glyph in em: x from the middle of its advance, y from the baseline upwards. */
struct pxs_ink {
    bool any;
    double left, right, bottom, top;
};
PXS_NODISCARD enum pxs_status pxs_font_ink(struct pxs_font *font, uint32_t glyph,
                                           struct pxs_ink *ink, struct pxs_error *err);
/* Black on white into cell[size * size]: advance centred, baseline `baseline` pixels below the top
 * edge. */
PXS_NODISCARD enum pxs_status pxs_font_render(struct pxs_font *font, uint32_t glyph,
                                              double em_pixels, double baseline, int size,
                                              uint8_t *cell, struct pxs_error *err);

/* ---- choice (glyph_choose.c) ---------------------------------------------------------------- */

/* A character that can be used, with its glyph in both fonts. */
struct pxs_glyph_pair {
    uint32_t code, source, target;
};
/* Fonts, layout and the pairs in the order that the seed gives: first `train` of them, then
 * `val`. */
struct pxs_glyph_set {
    struct pxs_font *source, *target;
    struct pxs_chars chars;
    struct pxs_glyph_pair *pairs; /* train + val of them; owned */
    double em_pixels;
    double baseline; /* pixels below the top edge */
};
PXS_NODISCARD enum pxs_status pxs_glyph_choose(const struct pxs_glyphs_spec *spec,
                                               struct pxs_glyph_set *set,
                                               struct pxs_glyphs_report *report,
                                               struct pxs_error *err);

/* ---- folder (glyph_write.c) ----------------------------------------------------------------- */

/* What decides a set's content, as text; stands at the top of DIR/glyphs.txt. */
void pxs_glyph_identity(const struct pxs_glyphs_spec *spec, const struct pxs_glyph_set *set,
                        struct pxs_text *out);
/* *there = true: spec->out holds that very set. PXS_E_EXISTS: it holds something else. */
PXS_NODISCARD enum pxs_status pxs_glyph_find(const struct pxs_glyphs_spec *spec,
                                             const char *identity, bool *there,
                                             struct pxs_error *err);
PXS_NODISCARD enum pxs_status pxs_glyph_write(const struct pxs_glyphs_spec *spec,
                                              const struct pxs_glyph_set *set, const char *identity,
                                              struct pxs_error *err);

#endif
