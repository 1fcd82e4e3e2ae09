/* Plots: axes and labels by number, pictures by their pixels. */
#include "../../src/report/plot/plot_priv.h"
#include "pixsweep/plot.h"
#include "report_tests.h"

#include "pixsweep/image.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- axes ----------------------------------------------------------------------------------- */

static void ck_ticks(struct pxs_axis axis, double apart, const char *expected) {
    struct pxs_tick ticks[PXS_TICKS];
    struct pxs_text text = {0};
    const size_t n = pxs_axis_ticks(&axis, apart, ticks);
    for (size_t i = 0; i < n; i++) {
        double read = ticks[i].value;
        if (pxs_parse_double(ticks[i].text, &read))
            ck_assert_double_le(fabs(read - ticks[i].value), 1e-9 * fabs(read));
        pxs_text_addf(&text, "%s%s", i > 0 ? " " : "", ticks[i].text);
    }
    ck_assert_str_eq(pxs_text_str(&text), expected);
    pxs_text_finish(&text);
}

START_TEST(ticks_are_round_and_apart)
{
    ck_ticks((struct pxs_axis){.low = 0.31, .high = 0.402, .from = 200, .to = 0}, 40,
             "0.32 0.34 0.36 0.38 0.40");
    ck_ticks((struct pxs_axis){.low = -0.5, .high = 3.5, .whole = true, .to = 800}, 20, "0 1 2 3");
    ck_ticks((struct pxs_axis){.low = -0.5, .high = 199.5, .whole = true, .to = 800}, 55,
             "0 20 40 60 80 100 120 140 160 180");
    ck_ticks((struct pxs_axis){.low = 1e-7, .high = 2e-4, .log = true, .from = 200, .to = 0}, 20,
             "10⁻⁷ 3·10⁻⁷ 10⁻⁶ 3·10⁻⁶ 10⁻⁵ 3·10⁻⁵ 10⁻⁴");
    ck_ticks((struct pxs_axis){.low = 0.9, .high = 110, .log = true, .from = 200, .to = 0}, 20,
             "1 2 5 10 20 50 100");
    ck_ticks((struct pxs_axis){.low = 2.1, .high = 4.2, .log = true, .from = 200, .to = 0}, 60,
             "3 4");
}
END_TEST

START_TEST(places_follow_the_axis)
{
    const struct pxs_axis linear = {.low = 1, .high = 3, .from = 100, .to = 0};
    const struct pxs_axis log = {.low = 1e-4, .high = 1, .log = true, .from = 0, .to = 400};
    ck_assert_double_eq_tol(pxs_axis_at(&linear, 2), 50, 1e-12);
    ck_assert_double_eq_tol(pxs_axis_at(&log, 1e-3), 100, 1e-9);
    ck_assert(isinf(pxs_axis_at(&log, 0)) && pxs_axis_at(&log, 0) * (log.to - log.from) < 0);
    ck_assert(isnan(pxs_axis_at(&log, NAN)));
    ck_assert(isnan(pxs_axis_at(&linear, NAN)));
}
END_TEST

/* A hundred values between 1 and 2 and one far off. */
static bool range_with(double outlier, bool log, struct pxs_axis *axis, bool *above, bool *below) {
    double values[103];
    for (int i = 0; i <= 100; i++)
        values[i] = 1 + i / 100.0;
    values[101] = outlier;
    values[102] = NAN;
    *axis = (struct pxs_axis){.log = log};
    return pxs_axis_range(axis, values, 103, above, below);
}

START_TEST(an_outlier_does_not_press_the_rest_flat)
{
    struct pxs_axis axis;
    bool above, below;
    ck_assert(range_with(1000, false, &axis, &above, &below));
    ck_assert(above && !below);
    ck_assert_double_lt(axis.high, 2.5);
    ck_assert(range_with(-1000, false, &axis, &above, &below));
    ck_assert(below && !above);
    ck_assert_double_gt(axis.low, 0.5);
    ck_assert(range_with(3, false, &axis, &above, &below)); /* not far enough to be left out */
    ck_assert(!above && !below);
    ck_assert_double_ge(axis.high, 3);
    ck_assert(range_with(1000, true, &axis, &above, &below));
    ck_assert(!above && !below);
    ck_assert_double_ge(axis.high, 1000);
    ck_assert(range_with(1e30, true, &axis, &above, &below));
    ck_assert(above && axis.high < 10);
}
END_TEST

START_TEST(a_range_of_one_value_or_none)
{
    struct pxs_axis axis = {0};
    bool above, below;
    double one = 0.25, none = NAN, zero = 0;
    ck_assert(pxs_axis_range(&axis, &one, 1, &above, &below));
    ck_assert(axis.low < 0.25 && axis.high > 0.25);
    ck_assert(pxs_axis_range(&axis, &zero, 1, &above, &below));
    ck_assert(axis.low < axis.high);
    ck_assert(!pxs_axis_range(&axis, &none, 1, &above, &below));
    axis.log = true;
    ck_assert(!pxs_axis_range(&axis, &zero, 1, &above, &below));
    for (int log = 0; log < 2; log++) { /* no range is too wide to be drawn */
        double ends[] = {5e-324, DBL_MAX, -DBL_MAX, 1, 1e-310};
        struct pxs_tick ticks[PXS_TICKS];
        axis = (struct pxs_axis){.log = log, .from = 300, .to = 0};
        ck_assert(pxs_axis_range(&axis, ends, PXS_COUNT(ends), &above, &below));
        ck_assert(isfinite(axis.high - axis.low) && axis.low < axis.high &&
                  pxs_axis_ticks(&axis, 20, ticks) > 0);
        ck_assert(fabs(pxs_axis_at(&axis, DBL_MAX)) <= 1e6 &&
                  fabs(pxs_axis_at(&axis, 5e-324)) <= 1e6);
    }
}
END_TEST

/* ---- labels --------------------------------------------------------------------------------- */

START_TEST(labels_do_not_lie_on_each_other)
{
    double at[] = {10, 11, 12, 50, 98, 99};
    pxs_label_spread(at, 6, 10, 0, 100);
    for (int i = 0; i < 6; i++) {
        ck_assert(at[i] >= 0 && at[i] <= 100);
        ck_assert(i == 0 || at[i] - at[i - 1] >= 10 - 1e-9);
    }
    ck_assert_double_eq_tol(at[1], 11, 1e-9); /* the three keep their middle */
    ck_assert_double_eq_tol(at[3], 50, 1e-9); /* and who has room stays */
    ck_assert_double_eq_tol(at[5], 100, 1e-9);
}
END_TEST

START_TEST(looks_differ)
{
    struct pxs_look looks[28];
    for (size_t i = 0; i < PXS_COUNT(looks); i++) {
        pxs_look_of(i, &looks[i]);
        for (size_t k = 0; k < i; k++) {
            const bool same_colour = looks[i].red == looks[k].red &&
                                     looks[i].green == looks[k].green &&
                                     looks[i].blue == looks[k].blue;
            ck_assert(!same_colour ||
                      memcmp(looks[i].dash, looks[k].dash, sizeof looks[i].dash) != 0);
        }
    }
    ck_assert_int_eq(looks[0].red, 0); /* blue comes first, and solid */
    ck_assert_int_eq(looks[0].green, 114);
    ck_assert_int_eq(looks[0].blue, 178);
    ck_assert_double_eq(looks[6].dash[0], 0);
    ck_assert_double_gt(looks[7].dash[0], 0);
}
END_TEST

/* ---- pictures ------------------------------------------------------------------------------- */

static const struct curve_shape shape = {.configurations = 3,
                                         .seeds = 3,
                                         .epochs = 8,
                                         .batches = 50,
                                         .one_diverges = true,
                                         .pictures = true};
static struct pxs_store *store;

static void setup(void) {
    store = make_curves(&shape);
}

static void teardown(void) {
    drop_curves(&store);
}

static void draw(struct pxs_store *s, struct pxs_plot_options options, struct pxs_drawing *out) {
    ck_ok(pxs_plot_curves(s, &options, out, &err));
}

static void decode(const struct pxs_drawing *drawing, struct pxs_image *out) {
    ck_ok(pxs_image_decode(drawing->data, drawing->bytes, out, NULL, &err));
    ck_assert_int_eq(out->width, drawing->width);
    ck_assert_int_eq(out->height, drawing->height);
}

static size_t count_pixels(const struct pxs_image *image, const struct pxs_look *look) {
    size_t n = 0;
    for (size_t i = 0; i < (size_t)image->width * (size_t)image->height; i++) {
        const uint8_t *p = image->pixels + 3 * i;
        n += p[0] == look->red && p[1] == look->green && p[2] == look->blue;
    }
    return n;
}

START_TEST(every_configuration_is_there_in_its_colour)
{
    struct pxs_drawing d;
    struct pxs_image all, some;
    struct pxs_look look;
    draw(store, (struct pxs_plot_options){0}, &d);
    ck_assert_int_eq(d.width, 1600);
    ck_assert_int_eq(d.height, 1400);
    ck_assert_uint_eq(d.n_configurations, 3);
    ck_assert_uint_eq(d.n_runs, 9);
    decode(&d, &all);
    pxs_drawing_finish(&d);
    draw(store, (struct pxs_plot_options){.where = "lrgd = 20", .width = 1000, .height = 700}, &d);
    ck_assert_uint_eq(d.n_configurations, 1);
    decode(&d, &some);
    pxs_drawing_finish(&d);
    for (size_t i = 0; i < 3; i++) {
        pxs_look_of(i, &look);
        ck_assert_uint_gt(count_pixels(&all, &look), 1500);
        /* the colour is the configuration's */
        ck_assert_uint_eq(count_pixels(&some, &look) > 500, i == 2);
    }
    pxs_look_of(3, &look);
    ck_assert_uint_eq(count_pixels(&all, &look), 0);
    pxs_image_finish(&all);
    pxs_image_finish(&some);
}
END_TEST

/* How many pixels differ in the column where most do. */
static size_t tallest_difference(const struct pxs_image *a, const struct pxs_image *b, int *at) {
    size_t most = 0;
    for (int x = 0; x < a->width; x++) {
        size_t n = 0;
        for (int y = 0; y < a->height; y++) {
            const size_t i = 3 * ((size_t)y * (size_t)a->width + (size_t)x);
            n += memcmp(a->pixels + i, b->pixels + i, 3) != 0;
        }
        if (n > most) {
            most = n;
            *at = x;
        }
    }
    return most;
}

/* One step of 6,000, in the middle of its bucket, or of 200 is far above the others: the same
 * picture without it differs in one place, from the curve up to the panel's top. */
START_TEST(a_spike_of_one_batch_is_seen)
{
    static const int batches[] = {60, 2};
    struct curve_shape spiked = {
        .configurations = 1, .seeds = 1, .epochs = 100, .batches = batches[_i]};
    struct curve_shape calm = spiked;
    spiked.spike_step = 75 * batches[_i] + batches[_i] / 8;
    struct pxs_image pictures[2];
    for (int i = 0; i < 2; i++) {
        struct pxs_drawing d;
        struct pxs_store *s = make_curves(i == 0 ? &spiked : &calm);
        draw(s, (struct pxs_plot_options){0}, &d);
        decode(&d, &pictures[i]);
        pxs_drawing_finish(&d);
        drop_curves(&s);
    }
    int x = 0;
    ck_assert_uint_gt(tallest_difference(&pictures[0], &pictures[1], &x), 150);
    ck_assert(x > 132 + 0.70 * 1230 && x < 132 + 0.80 * 1350); /* three quarters along the axis */
    pxs_image_finish(&pictures[0]);
    pxs_image_finish(&pictures[1]);
}
END_TEST

START_TEST(the_same_data_give_the_same_bytes)
{
    static const enum pxs_picture kinds[] = {PXS_PICTURE_PNG, PXS_PICTURE_PDF};
    for (size_t i = 0; i < PXS_COUNT(kinds); i++) {
        struct pxs_drawing first, second;
        draw(store, (struct pxs_plot_options){.kind = kinds[i]}, &first);
        draw(store, (struct pxs_plot_options){.kind = kinds[i]}, &second);
        ck_assert_uint_eq(first.bytes, second.bytes);
        ck_assert_mem_eq(first.data, second.data, first.bytes);
        pxs_drawing_finish(&first);
        pxs_drawing_finish(&second);
    }
}
END_TEST

static const char *end_of(const struct pxs_drawing *d, size_t bytes) {
    return (const char *)d->data + d->bytes - bytes;
}

START_TEST(svg_and_pdf_are_whole)
{
    struct pxs_drawing d;
    draw(store, (struct pxs_plot_options){.kind = PXS_PICTURE_SVG, .width = 640, .height = 480},
         &d);
    ck_has((const char *)d.data, "width=\"640pt\" height=\"480pt\"");
    ck_assert_str_eq(end_of(&d, 7), "</svg>\n");
    pxs_drawing_finish(&d);
    draw(store, (struct pxs_plot_options){.kind = PXS_PICTURE_PDF}, &d);
    ck_assert(strncmp(d.data, "%PDF-1.", 7) == 0);
    ck_assert_str_eq(end_of(&d, 6), "%%EOF\n");
    size_t xref = 0;
    const char *start = strstr(end_of(&d, 32), "startxref");
    ck_assert_ptr_nonnull(start);
    ck_assert_int_eq(sscanf(start, "startxref %zu", &xref), 1);
    ck_assert_uint_lt(xref, d.bytes);
    ck_assert(strncmp((const char *)d.data + xref, "xref", 4) == 0);
    pxs_drawing_finish(&d);
}
END_TEST

START_TEST(what_cannot_be_drawn_is_said)
{
    static const char *const typo[] = {"val_los"}, *const none[] = {"val_ssim"};
    struct pxs_drawing d;
    struct pxs_plot_options o = {.metrics = typo, .n_metrics = 1};
    ck_fails(pxs_plot_curves(store, &o, &d, &err), PXS_E_INVALID, "there is no 'val_los'");
    ck_fails(pxs_plot_curves(store, &o, &d, &err), PXS_E_INVALID, "val_loss, val_psnr");
    o.metrics = none;
    ck_fails(pxs_plot_curves(store, &o, &d, &err), PXS_E_NOT_FOUND,
             "no run has a value of val_ssim");
    o = (struct pxs_plot_options){.where = "lrgd = 5"};
    ck_fails(pxs_plot_curves(store, &o, &d, &err), PXS_E_NOT_FOUND, "no such run");
}
END_TEST

START_TEST(a_sweep_that_has_not_begun_is_said)
{
    const struct curve_shape queued = {
        .configurations = 1, .seeds = 2, .epochs = 1, .batches = 1, .queued = 2};
    struct pxs_drawing d;
    struct pxs_store *s = make_curves(&queued);
    ck_fails(pxs_plot_curves(s, &(struct pxs_plot_options){0}, &d, &err), PXS_E_NOT_FOUND,
             "none of its 2 runs has made a step");
    drop_curves(&s);
}
END_TEST

START_TEST(names_say_what_a_picture_becomes)
{
    enum pxs_picture kind;
    ck_ok(pxs_picture_of("a.b/c.svg", &kind, &err));
    ck_assert_int_eq(kind, PXS_PICTURE_SVG);
    ck_ok(pxs_picture_of("x.PDF", &kind, &err));
    ck_assert_int_eq(kind, PXS_PICTURE_PDF);
    ck_fails(pxs_picture_of("x.jpg", &kind, &err), PXS_E_INVALID, ".png, .svg or .pdf");
    ck_fails(pxs_picture_of("png", &kind, &err), PXS_E_INVALID, "");
}
END_TEST

/* The pictures of the runs stand in the sheet pixel for pixel (two for one: a PNG is drawn at twice
 * its size). */
START_TEST(a_sheet_of_samples_shows_them)
{
    struct pxs_drawing d;
    struct pxs_image image;
    ck_ok(pxs_plot_samples(store, &(struct pxs_samples_options){.side = 32, .glyphs = 1},
                           PXS_PICTURE_PNG, 0, 0, &d, &err));
    ck_assert_uint_eq(d.n_configurations, 3);
    decode(&d, &image);
    pxs_drawing_finish(&d);
    for (int configuration = 0; configuration < 3; configuration++) {
        for (int epoch = 0; epoch < shape.epochs; epoch += 7) {
            const uint8_t grey = (uint8_t)curves_grey(1, 0, configuration, epoch);
            const struct pxs_look look = {.red = grey, .green = grey, .blue = grey};
            ck_assert_uint_ge(count_pixels(&image, &look), 64 * 64);
        }
    }
    pxs_image_finish(&image);
}
END_TEST

START_TEST(a_sheet_of_samples_fits)
{
    struct pxs_drawing d;
    const struct pxs_samples_options all = {0};
    ck_ok(pxs_plot_samples(store, &all, PXS_PICTURE_SVG, 700, 0, &d, &err));
    ck_assert_int_le(d.width, 700);
    ck_assert_int_gt(d.width, 350);
    pxs_drawing_finish(&d);
    ck_ok(pxs_plot_samples(store, &all, PXS_PICTURE_SVG, 1200, 250, &d, &err));
    ck_assert_int_le(d.height, 250);
    pxs_drawing_finish(&d);
    ck_fails(pxs_plot_samples(store, &all, PXS_PICTURE_SVG, 300, 200, &d, &err), PXS_E_INVALID,
             "do not fit into 300 x 200");
}
END_TEST

/* The best one comes besides the columns that were asked for: the sheet is cut again, so that it
 * fits. */
START_TEST(a_best_picture_fits_in_too)
{
    struct curve_shape with = shape;
    with.best_pictures = true;
    struct pxs_drawing d;
    struct pxs_store *s = make_curves(&with);
    const struct pxs_samples_options all = {0};
    ck_ok(pxs_plot_samples(s, &all, PXS_PICTURE_SVG, 700, 0, &d, &err));
    ck_assert_int_le(d.width, 700);
    pxs_drawing_finish(&d);
    static const int64_t ends[] = {0, 7};
    struct pxs_image image;
    ck_ok(pxs_plot_samples(
        s, &(struct pxs_samples_options){.side = 32, .glyphs = 1, .epochs = ends, .n_epochs = 2},
        PXS_PICTURE_PNG, 0, 0, &d, &err));
    decode(&d, &image);
    for (int configuration = 0; configuration < 3; configuration++) {
        const uint8_t grey = (uint8_t)curves_grey(1, 0, configuration, 3 + configuration);
        const struct pxs_look look = {.red = grey, .green = grey, .blue = grey};
        ck_assert_uint_ge(count_pixels(&image, &look), 32 * 64); /* its epoch is written into it */
    }
    pxs_image_finish(&image);
    pxs_drawing_finish(&d);
    drop_curves(&s);
}
END_TEST

/* Both seeds of the last configuration are lost: its lines have a label all the same, and no
 * mean. */
START_TEST(lost_runs_are_thin_lines_with_a_label)
{
    const struct curve_shape lost = {
        .configurations = 2, .seeds = 1, .epochs = 8, .batches = 50, .one_diverges = true};
    struct pxs_drawing d;
    struct pxs_store *s = make_curves(&lost);
    struct pxs_scene scene;
    ck_ok(pxs_scene_make(s, &(struct pxs_plot_options){0}, &scene, &err));
    ck_assert_uint_eq(scene.panels[0].n_lost_runs, 1);
    ck_assert_uint_eq(scene.panels[0].lost_runs[0].configuration, 1);
    ck_assert_uint_eq(scene.panels[0].all_series[1].n, 0);
    ck_assert_uint_eq(scene.panels[0].all_series[1].n_envelope, 0);
    ck_assert_uint_gt(scene.panels[0].all_series[0].n_envelope, 0);
    ck_assert(pxs_scene_shows(&scene, 1));
    pxs_scene_finish(&scene);
    draw(s, (struct pxs_plot_options){0}, &d);
    struct pxs_image image;
    struct pxs_look look;
    decode(&d, &image);
    pxs_look_of(1, &look);
    /* the piece of line of three labels */
    ck_assert_uint_gt(count_pixels(&image, &look), 3 * 32 * 3);
    pxs_image_finish(&image);
    pxs_drawing_finish(&d);
    drop_curves(&s);
}
END_TEST

/* One of three runs of the last configuration is lost. */
START_TEST(lines_of_different_numbers_of_runs_say_so)
{
    struct pxs_scene scene;
    ck_ok(pxs_scene_make(store, &(struct pxs_plot_options){0}, &scene, &err));
    ck_assert_str_eq(scene.curves.configurations[0].label, "constant (n = 3)");
    ck_assert_str_eq(scene.curves.configurations[1].label, "halve, lrgd 10 (n = 3)");
    ck_assert_str_eq(scene.curves.configurations[2].label, "halve, lrgd 20 (n = 2)");
    pxs_scene_finish(&scene);
    ck_ok(pxs_scene_make(store, &(struct pxs_plot_options){.where = "seed < 2"}, &scene, &err));
    ck_assert_str_eq(scene.curves.configurations[2].label, "halve, lrgd 20");
    pxs_scene_finish(&scene);
}
END_TEST

START_TEST(panels_have_short_names)
{
    static const char *const names[] = {"VAL"};
    struct pxs_scene scene;
    enum pxs_epoch_column column;
    ck_assert(pxs_plot_metric_find("psnr", &column) && column == PXS_EPOCH_val_psnr);
    ck_assert(pxs_plot_metric_find("SSIM", &column) && column == PXS_EPOCH_val_ssim);
    ck_assert(pxs_plot_metric_find("loss_D", &column) && column == PXS_EPOCH_avg_loss_D);
    ck_assert(pxs_plot_metric_find("D_real", &column) && column == PXS_EPOCH_D_real);
    ck_assert(!pxs_plot_metric_find("ps", &column) && !pxs_plot_metric_find("seconds", &column));
    ck_ok(pxs_scene_make(store, &(struct pxs_plot_options){.metrics = names, .n_metrics = 1},
                         &scene, &err));
    ck_assert_str_eq(scene.panels[0].metric->name, "val_loss");
    pxs_scene_finish(&scene);
    ck_fails(pxs_scene_make(
                 store,
                 &(struct pxs_plot_options){.metrics = (const char *[]){"pnsr"}, .n_metrics = 1},
                 &scene, &err),
             PXS_E_INVALID, "did you mean psnr?");
}
END_TEST

/* ---- effects -------------------------------------------------------------------------------- */

START_TEST(a_panel_for_each_key)
{
    static const struct planned plan[] = {
        R(25, 0, 0.30, .batch_size = 4), R(90, 0, 0.31, .batch_size = 4),
        R(25, 1, 0.29, .batch_size = 4), R(90, 1, 0.32, .batch_size = 4),
        R(25, 0, 0.28, .batch_size = 8), R(90, 0, 0.29, .batch_size = 8),
        R(25, 1, 0.27, .batch_size = 8), R(90, 1, 0.31, .batch_size = 8)};
    struct pxs_store *s = make_database_of(plan, PXS_COUNT(plan));
    struct pxs_drawing d = {0}, again = {0};
    const struct pxs_compare_options options = {0};
    ck_ok(pxs_plot_effects(s, &options, PXS_PICTURE_PNG, 0, 0, &d, &err));
    ck_assert_uint_eq(d.n_configurations, 2);
    ck_assert_uint_eq(d.n_runs, 8);
    ck_assert_int_eq(d.width, 1600);
    ck_assert(memcmp(d.data, "\x89PNG", 4) == 0);
    ck_ok(pxs_plot_effects(s, &options, PXS_PICTURE_PNG, 0, 0, &again, &err));
    ck_assert(d.bytes == again.bytes && memcmp(d.data, again.data, d.bytes) == 0);
    pxs_drawing_finish(&again);
    pxs_drawing_finish(&d);
    drop_database(&s);
}
END_TEST

/* A panel of the scattered key, one of the two words. */
START_TEST(drawn_keys_are_scattered)
{
    static const struct planned plan[] = {R(2, 0, 0.30), R(9, 0, 0.29, .vanilla = true),
                                          R(40, 0, 0.24), R(77, 0, 40, .vanilla = true)};
    static const char spec[] = "sweep: {random: {samples: 4, lrgd: {log_uniform: [1, 100]}, "
                               "gan_mode: {choice: [lsgan, vanilla]}}}\n";
    struct pxs_store *s = make_database_as(plan, PXS_COUNT(plan), spec);
    struct pxs_drawing d = {0};
    ck_ok(pxs_plot_effects(s, &(struct pxs_compare_options){0}, PXS_PICTURE_SVG, 400, 0, &d, &err));
    ck_assert_uint_eq(d.n_configurations, 2);
    ck_assert_int_eq(d.width, 400);
    pxs_drawing_finish(&d);
    drop_database(&s);
}
END_TEST

START_TEST(no_effect_is_no_picture)
{
    static const struct planned plan[] = {R(25, 0, 0.30), R(25, 1, 0.31)};
    struct pxs_store *s = make_database_of(plan, PXS_COUNT(plan));
    struct pxs_drawing d = {0};
    ck_fails(pxs_plot_effects(s, &(struct pxs_compare_options){0}, PXS_PICTURE_PNG, 0, 0, &d, &err),
             PXS_E_NOT_FOUND, "there is no effect to draw: nothing but the seed differs in rates");
    drop_database(&s);
}
END_TEST

static Suite *plot_suite(void) {
    Suite *suite = suite_create("plot");
    TCase *numbers = tcase_create("numbers");
    tcase_add_test(numbers, ticks_are_round_and_apart);
    tcase_add_test(numbers, places_follow_the_axis);
    tcase_add_test(numbers, an_outlier_does_not_press_the_rest_flat);
    tcase_add_test(numbers, a_range_of_one_value_or_none);
    tcase_add_test(numbers, labels_do_not_lie_on_each_other);
    tcase_add_test(numbers, looks_differ);
    tcase_add_test(numbers, names_say_what_a_picture_becomes);
    suite_add_tcase(suite, numbers);
    TCase *pictures = tcase_create("pictures");
    tcase_add_unchecked_fixture(pictures, setup, teardown);
    tcase_set_timeout(pictures, 60);
    tcase_add_test(pictures, every_configuration_is_there_in_its_colour);
    tcase_add_test(pictures, lines_of_different_numbers_of_runs_say_so);
    tcase_add_test(pictures, panels_have_short_names);
    tcase_add_test(pictures, the_same_data_give_the_same_bytes);
    tcase_add_test(pictures, svg_and_pdf_are_whole);
    tcase_add_test(pictures, what_cannot_be_drawn_is_said);
    tcase_add_test(pictures, a_sheet_of_samples_shows_them);
    tcase_add_test(pictures, a_sheet_of_samples_fits);
    tcase_add_test(pictures, a_best_picture_fits_in_too);
    suite_add_tcase(suite, pictures);
    TCase *alone = tcase_create("databases of their own");
    tcase_set_timeout(alone, 60);
    tcase_add_test(alone, lost_runs_are_thin_lines_with_a_label);
    tcase_add_loop_test(alone, a_spike_of_one_batch_is_seen, 0, 2);
    tcase_add_test(alone, a_sweep_that_has_not_begun_is_said);
    tcase_add_test(alone, a_panel_for_each_key);
    tcase_add_test(alone, drawn_keys_are_scattered);
    tcase_add_test(alone, no_effect_is_no_picture);
    suite_add_tcase(suite, alone);
    return suite;
}

int main(void) {
    return run_tests(plot_suite(), CK_NORMAL);
}
