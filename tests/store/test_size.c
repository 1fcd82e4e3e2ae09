/* What a batch costs: bytes in the database. */
#include "../../src/record/store/store_priv.h"
#include "store_tests.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Losses as they come: float32 results, widened; every digit used. */
static void write_realistic(int64_t run, int steps) {
    struct pxs_record_writer *w = open_writer(run, 0);
    struct pxs_rng rng = pxs_rng_make((uint64_t)run, PXS_STREAM_SWEEP, 0, 0);
    put_begin(w, 1, -1);
    for (int i = 0; i < steps; i++) {
        struct pxs_record r = {.kind = PXS_RECORD_BATCH};
        double *loss = &r.batch.losses.loss_G;
        r.batch.step = i;
        r.batch.epoch = i / 500;
        r.batch.batch = i % 500;
        for (int k = 0; k < 6; k++)
            loss[k] = (float)(0.1 + pxs_rng_uniform(&rng));
        r.batch.lr_G = r.batch.lr_D = 1e-4;
        r.batch.seconds = 0.5 + pxs_rng_uniform(&rng) * 0.01;
        ck_ok(pxs_record_write(w, &r, &err));
    }
    pxs_record_writer_close(&w);
}

/* All runs side by side, `piece` records of each in turn, as a supervisor does it. */
static void interleave(struct pxs_store *s, const int64_t *runs, const int64_t *attempts, int n,
                       size_t piece) {
    struct pxs_record_cursor *c[8];
    size_t taken = 1;
    for (int i = 0; i < n; i++)
        ck_ok(pxs_record_cursor_open(record_path(runs[i]), 0, &c[i], &err));
    while (taken > 0) {
        taken = 0;
        for (int i = 0; i < n; i++) {
            size_t one;
            ck_ok(pxs_store_intake(s, attempts[i], c[i], piece, &one, &err));
            taken += one;
        }
    }
    for (int i = 0; i < n; i++)
        pxs_record_cursor_close(&c[i]);
}

/* Rows of one run, and of four runs that grow in turns within one table. */
START_TEST(a_batch_row_takes_at_most_112_bytes)
{
    enum { ROWS = 25000 };
    static const struct {
        int runs;
        size_t piece;
    } ways[] = {{1, 1000}, {1, 50}, {2, 20}, {4, 50}};
    struct pxs_store *s = open_store();
    int64_t ids[4], attempts[4];
    int n = ways[_i].runs;
    plan_sweep(s, "a", 1, n, ids);
    for (int i = 0; i < n; i++) {
        attempts[i] = take_run(s, ids[i]);
        write_realistic(ids[i], ROWS / n);
    }
    struct stat before, after;
    ck_ok(pxs_store_checkpoint(s, true, 1, &err));
    ck_assert_int_eq(stat(db_path(), &before), 0);
    interleave(s, ids, attempts, n, ways[_i].piece);
    ck_ok(pxs_store_checkpoint(s, true, 1, &err));
    ck_assert_int_eq(stat(db_path(), &after), 0);
    ck_assert_int_eq(sql_int(s, "SELECT count(*) FROM batch_loss"), ROWS);
    double each = (double)(after.st_size - before.st_size) / ROWS;
    ck_assert_msg(each <= 112, "a row takes %.1f bytes", each);
    ck_assert_msg(each > 80, "a row cannot take %.1f bytes", each);
    pxs_store_close(&s);
}
END_TEST

TCase *size_case(void) {
    TCase *c = tcase_create("size");
    tcase_set_timeout(c, 120);
    /* how large a row is has nothing to do with sanitizers */
    tcase_add_loop_test(c, a_batch_row_takes_at_most_112_bytes, 0, PXS_SANITIZED ? 1 : 4);
    return c;
}
