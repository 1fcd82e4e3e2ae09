/* The pictures of a page: what each configuration made of the same validation pairs, a strip
 * each. */
#include "page_priv.h"

#include <inttypes.h>
#include <stdlib.h>

/* Strips beyond these are left out, so that a page of any sweep stays small; the page says so.
 * PAGE_BYTES is what a page may become with them; OTHER_BYTES and RUN_BYTES are for what comes
 * behind them, in all and for each run. */
enum {
    MOST_STRIPS = 24,
    MOST_BYTES = 2000000,
    PAGE_BYTES = 4800000,
    OTHER_BYTES = 200000,
    RUN_BYTES = 2000
};
enum { GAP = 3, SIDE = 64 };

static enum pxs_status put_strip(struct pxs_page *p, const struct pxs_sample_sheet *sheet,
                                 size_t row, size_t *bytes, struct pxs_error *err) {
    const struct pxs_sample_row *r = &sheet->rows[row];
    void *png = NULL;
    size_t size = 0;
    PXS_TRY(pxs_sample_strip(r, sheet->n_columns, GAP, &png, &size, err));
    pxs_text_addf(p->out,
                  "<figure><figcaption><span class=\"swatch\" data-configuration=\"%zu\"></span>",
                  r->configuration);
    pxs_html_put(p->out, "", r->label, "");
    pxs_html_textf(p->out, ", seed %" PRId64, r->seed);
    pxs_html_put(p->out,
                 "</figcaption>\n<div class=\"wide\" role=\"region\" tabindex=\"0\" "
                 "aria-label=\"Pictures of ",
                 r->label, "\"><img alt=\"");
    pxs_html_textf(p->out, "%s: source, generated in the epochs above, target", r->label);
    pxs_text_add(p->out, "\" src=\"data:image/png;base64,");
    pxs_base64(p->out, png, size);
    pxs_text_add(p->out, "\"></div></figure>\n");
    *bytes += size;
    free(png);
    return PXS_OK;
}

static void put_head(struct pxs_page *p, const struct pxs_sample_sheet *sheet) {
    pxs_text_add(p->out,
                 "<section id=\"samples\"><h2>Samples</h2>\n<p>The same pairs, a strip for each "
                 "configuration, best first; from left to right the source, what was generated ");
    const size_t first = sheet->n_columns > 0 && sheet->epochs[0] == PXS_SAMPLE_BEST;
    if (first > 0)
        pxs_text_add(p->out, "by the weights at the lowest validation loss");
    if (first < sheet->n_columns)
        pxs_text_add(p->out, first > 0 ? " and in epoch " : "in epoch ");
    for (size_t i = first; i < sheet->n_columns; i++)
        pxs_text_addf(p->out, "%s%" PRId64,
                      i == first                 ? ""
                      : i + 1 < sheet->n_columns ? ", "
                                                 : " and ",
                      sheet->epochs[i]);
    pxs_text_add(p->out, ", and the target.</p>\n");
}

static enum pxs_status put_sheet(struct pxs_page *p, const struct pxs_sample_sheet *sheet,
                                 struct pxs_error *err) {
    const struct pxs_comparison *c = &p->comparison;
    size_t strips = 0, bytes = 0, left = 0;

    /* Bytes of PNG that there is room for; base64 makes four of three. */
    const size_t used = p->out->len + OTHER_BYTES + RUN_BYTES * p->groups.n_runs;
    size_t room = used < PAGE_BYTES ? (PAGE_BYTES - used) / 4 * 3 : 0;
    room = room < MOST_BYTES ? room : MOST_BYTES;

    put_head(p, sheet);
    for (size_t i = 0; i < c->table.n_rows; i++) {
        size_t row = 0;
        while (row < sheet->n_rows && sheet->rows[row].configuration != c->configurations[i])
            row++;
        if (row == sheet->n_rows)
            continue;
        if (sheet->rows[row].why) {
            pxs_html_textf(p->out, "%s: %s.", sheet->rows[row].label, sheet->rows[row].why);
            pxs_text_add(p->out, "<br>\n");
        } else if (strips == MOST_STRIPS || bytes + bytes / (strips + 1) > room) {
            left++;
        } else {
            PXS_TRY(put_strip(p, sheet, row, &bytes, err));
            strips++;
        }
    }
    if (left > 0)
        pxs_text_addf(p->out,
                      "<p class=\"note\">%zu more configurations have pictures: pixsweep plot "
                      "--samples shows them.</p>\n",
                      left);
    pxs_text_add(p->out, "</section>\n");
    return PXS_OK;
}

enum pxs_status pxs_page_put_samples(struct pxs_page *p, struct pxs_error *err) {
    const struct pxs_page_options *o = p->options;
    const struct pxs_samples_options options = {.sweep = o->sweep,
                                                .more = o->more,
                                                .n_more = o->n_more,
                                                .by = o->by,
                                                .n_by = o->n_by,
                                                .side = SIDE};
    struct pxs_sample_sheet sheet = {0};
    enum pxs_status status = pxs_samples_read(p->s, &options, &sheet, err);
    if (status == PXS_E_NOT_FOUND)
        return PXS_OK; /* no pictures: no section */
    if (status == PXS_OK)
        status = put_sheet(p, &sheet, err);
    pxs_sample_sheet_finish(&sheet);
    return status;
}
