/* `merge` of a run's folder that somebody handed over, then everything that reads a database. The
 * first byte says which of the slow readers follow, whether other runs are there already, and
 * whether all formats are written; then the length of a text (two bytes) that stands in the place
 * of config.yaml (0: a right one); the rest is records.bin as frames (frames.h). */
#include "database.h"
#include "frames.h"
#include "fuzz.h"

#include "pixsweep/compare.h"
#include "pixsweep/import_lab.h"
#include "pixsweep/inspect.h"
#include "pixsweep/metrics.h"
#include "pixsweep/page.h"
#include "pixsweep/plot.h"
#include "pixsweep/samples.h"
#include "pixsweep/table.h"
#include "pixsweep/board.h"
#include "pixsweep/ingest.h"
#include "pixsweep/plan.h"
#include "pixsweep/rundir.h"
#include "pixsweep/supervisor.h"
#include "pixsweep/worker.h"

#include "../../src/experiment/plan/plan_priv.h"

#include <stdlib.h>
#include <string.h>

enum { SLOW_PLOT = 1, SLOW_PAGE = 2, SLOW_SAMPLES = 4, FULL = 8, FORMATS = 16 };

static void write_config(struct fuzz_input *in) {
    size_t n;
    const uint8_t *given = fuzz_bytes(in, fuzz_number(in, 2), &n);
    struct pxs_text yaml = {0};
    struct pxs_run_config_head head = {.name = "fuzz/0001-base-s0"};
    struct pxs_params params;
    struct pxs_error err;
    pxs_params_default(&params);
    memset(head.data_hash, 'c', PXS_SHA256_HEX - 1);
    fuzz_need(pxs_params_set(&params, PXS_PARAM_dataset, "/data/kai", false, NULL, &err), &err);
    fuzz_need(pxs_params_set(&params, PXS_PARAM_n_epochs, "6", false, NULL, &err), &err);
    pxs_run_config_text(&head, "fuzz", &params, false, &yaml);
    if (n > 0)
        fuzz_write("in/run/config.yaml", given, n);
    else
        fuzz_write("in/run/config.yaml", pxs_text_str(&yaml), yaml.len);
    pxs_text_finish(&yaml);
}

/* A picture for samples to be cut out of. */
static void write_picture(void) {
    static bool written;
    struct pxs_image image;
    struct pxs_error err;
    void *png;
    size_t bytes;
    if (written)
        return;
    fuzz_need(pxs_image_create(&image, 5 * 8 + 6 * 2, 2 * (3 * 8) + 3 * 2, 3, &err), &err);
    fuzz_need(pxs_image_encode_png(&image, &png, &bytes, &err), &err);
    fuzz_write("in/run/images/0.png", png, bytes);
    pxs_image_finish(&image);
    free(png);
    written = true;
}

/* ---- readers -------------------------------------------------------------------------------- */

static enum pxs_status drop(void *user, const char *text, size_t bytes, struct pxs_error *err) {
    return PXS_OK;
}

static void answers(struct pxs_store *s, const char *sweep, int64_t run_id, enum pxs_format last) {
    struct pxs_text out = {0};
    struct pxs_error err;
    char id[32], other[32];
    snprintf(id, sizeof id, "%lld", (long long)run_id);
    snprintf(other, sizeof other, "%lld", (long long)(run_id > 1 ? 1 : 2));
    for (int format = PXS_FORMAT_TABLE; format <= (int)last; format++) {
        const struct pxs_list_options list = {0};
        const struct pxs_compare_options compare = {
            .sweep = sweep, .pareto = format == PXS_FORMAT_JSON ? "time,val_loss" : NULL};
        const struct pxs_diff_options diff = {.a = id, .b = other, .all = true};
        fuzz_answer(pxs_report_list(s, &list, (enum pxs_format)format, 80, &out, &err), &err);
        fuzz_answer(pxs_report_show(s, id, (enum pxs_format)format, 80, &out, &err), &err);
        fuzz_answer(pxs_report_compare(s, &compare, (enum pxs_format)format, 80, &out, &err), &err);
        fuzz_answer(pxs_report_diff(s, &diff, (enum pxs_format)format, 80, &out, &err), &err);
    }
    pxs_text_finish(&out);
}

static void watch(struct pxs_store *s, const char *sweep) {
    struct pxs_watch watch;
    struct pxs_text out = {0};
    struct pxs_error err;
    if (fuzz_answer(pxs_watch_read(s, sweep, pxs_now_ms(), &watch, &err), &err)) {
        pxs_board_render(&watch.board, 80, &out);
        pxs_watch_finish(&watch);
    }
    pxs_text_finish(&out);
}

static void exports(struct pxs_store *s, const char *sweep) {
    static const char *const tables[] = {NULL,         "epoch", "batch_loss", "sample",
                                         "checkpoint", "event", "attempt",    "v_schedule"};
    for (size_t i = 0; i < PXS_COUNT(tables); i++) {
        const struct pxs_export_options options = {.sweep = sweep,
                                                   .table = tables[i],
                                                   .format =
                                                       i % 2 ? PXS_FORMAT_CSV : PXS_FORMAT_JSONL,
                                                   .sink = {.write = drop}};
        struct pxs_error err;
        uint64_t rows;
        fuzz_answer(pxs_export(s, &options, &rows, &err), &err);
    }
}

static void curves(struct pxs_store *s, const char *sweep) {
    const struct pxs_curves_options options = {.sweep = sweep, .batch_columns = 1, .buckets = 16};
    struct pxs_curves c;
    struct pxs_error err;
    if (fuzz_answer(pxs_curves_read(s, &options, &c, &err), &err))
        pxs_curves_finish(&c);
}

static void slow(struct pxs_store *s, const char *sweep, uint32_t which) {
    const struct pxs_plot_options plot = {
        .sweep = sweep, .kind = PXS_PICTURE_SVG, .log = which & FULL};
    const struct pxs_page_options page = {.sweep = sweep};
    const struct pxs_samples_options samples = {.sweep = sweep};
    struct pxs_drawing drawing;
    struct pxs_sample_sheet sheet;
    struct pxs_text html = {0};
    struct pxs_error err;
    if (which & SLOW_PLOT && fuzz_answer(pxs_plot_curves(s, &plot, &drawing, &err), &err))
        pxs_drawing_finish(&drawing);
    if (which & SLOW_PAGE)
        fuzz_answer(pxs_report_page(s, &page, NULL, &html, &err), &err);
    if (which & SLOW_SAMPLES && fuzz_answer(pxs_samples_read(s, &samples, &sheet, &err), &err))
        pxs_sample_sheet_finish(&sheet);
    pxs_text_finish(&html);
}

static void read_all(struct pxs_store *s, uint32_t which) {
    struct pxs_store_run *runs = NULL;
    size_t n = 0;
    struct pxs_error err;
    fuzz_need(pxs_store_runs(s, 0, &runs, &n, &err), &err);
    if (n > 0) {
        const struct pxs_store_run *last = &runs[n - 1];
        answers(s, last->sweep, last->run_id, which & FORMATS ? PXS_FORMAT_JSON : PXS_FORMAT_TABLE);
        watch(s, last->sweep);
        if (which & FORMATS)
            exports(s, last->sweep);
        curves(s, last->sweep);
        slow(s, last->sweep, which);
    }
    free(runs);
}

/* ---- merging -------------------------------------------------------------------------------- */

static void see_line(void *user, const struct pxs_ingest_line *line) {
    fuzz_require(line->text && line->text[0], "each folder gets its words");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct fuzz_input in = {data, size};
    struct pxs_text records = {0};
    struct pxs_ingest_counts first = {0}, second = {0};
    struct pxs_error err;
    uint32_t which = fuzz_number(&in, 1);
    write_config(&in);
    write_picture();
    fuzz_frames(in, which & 32 ? 1 : 2, &records);
    fuzz_write("in/run/records.bin", pxs_text_str(&records), records.len);
    pxs_text_finish(&records);
    struct pxs_store *s = which & FULL ? fuzz_database("fuzz.db") : fuzz_empty_database("fuzz.db");
    if (fuzz_answer(pxs_sweep_merge(s, fuzz_path(0, "in"), see_line, NULL, &first, &err), &err))
        read_all(s, which);
    if (fuzz_answer(pxs_sweep_merge(s, fuzz_path(0, "in"), see_line, NULL, &second, &err), &err))
        fuzz_require(second.records == 0 && second.changed == 0, "nothing is taken twice");
    pxs_store_close(&s);
    return 0;
}
