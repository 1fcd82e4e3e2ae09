/* `data glyphs`: two fonts in, a folder of pairs out. */
#include "glyph_priv.h"

#include <stdlib.h>

void pxs_glyphs_spec_init(struct pxs_glyphs_spec *spec) {
    *spec = (struct pxs_glyphs_spec){.train = 400, .val = 80, .size = 64};
}

static enum pxs_status render(const struct pxs_glyphs_spec *spec, struct pxs_glyph_set *set,
                              const char *identity, struct pxs_glyphs_report *report,
                              struct pxs_error *err) {
    PXS_TRY(pxs_glyph_find(spec, identity, &report->already, err));
    if (report->already)
        return PXS_OK;
    PXS_TRY(pxs_glyph_choose(spec, set, report, err));
    if (report->repeated > 0)
        pxs_log(spec->logger, PXS_LOG_WARN,
                "%s: %zu character%s there more than once; each is used once", set->chars.name,
                report->repeated, report->repeated == 1 ? " stands" : "s stand");
    PXS_TRY(pxs_glyph_write(spec, set, identity, err));
    report->train = (size_t)spec->train;
    report->val = (size_t)spec->val;
    return PXS_OK;
}

enum pxs_status pxs_glyphs_render(const struct pxs_glyphs_spec *spec,
                                  struct pxs_glyphs_report *report, struct pxs_error *err) {
    struct pxs_glyph_set set = {0};
    struct pxs_glyphs_report done = {0};
    struct pxs_text identity = {0};
    double start = pxs_monotonic();
    if (!spec->source || !spec->target || !spec->out || spec->out[0] == '\0')
        return pxs_fail(err, PXS_E_INVALID, "--source, --target and --out are needed");
    if (spec->train < 1 || spec->val < 0)
        return pxs_fail(err, PXS_E_INVALID,
                        "--train must be at least 1 and --val at least 0, not %d and %d",
                        spec->train, spec->val);
    if (spec->size < 16 || spec->size > 1024)
        return pxs_fail(err, PXS_E_INVALID, "--size must be 16 to 1024 pixels, not %d", spec->size);

    enum pxs_status status = pxs_font_open(spec->source, &set.source, err);
    if (status == PXS_OK)
        status = pxs_font_open(spec->target, &set.target, err);
    if (status == PXS_OK)
        status = pxs_chars_init(&set.chars, spec->chars, err);
    if (status != PXS_OK)
        goto out;
    pxs_glyph_identity(spec, &set, &identity);
    status = identity.failed ? pxs_fail_nomem(err)
                             : render(spec, &set, pxs_text_str(&identity), &done, err);
    done.seconds = pxs_monotonic() - start;
    if (status == PXS_OK && report)
        *report = done;
out:
    pxs_text_finish(&identity);
    pxs_font_close(&set.source);
    pxs_font_close(&set.target);
    pxs_chars_finish(&set.chars);
    free(set.pairs);
    return status;
}
