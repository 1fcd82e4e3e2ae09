/* compare: runs that differ in nothing but the seed (or in nothing that was asked for) become one
 * row with mean and spread. Only completed runs count: an unfinished one has trained for fewer
 * epochs. */
#include "compare_priv.h"
#include "compare_texts.h"

#include <inttypes.h>
#include <string.h>

/* Reads and judges; `c` is to be finished in any case. */
static enum pxs_status begin(struct comparing *c, struct pxs_error *err) {
    PXS_TRY(pxs_compare_read_asked(c, err));
    PXS_TRY(pxs_compare_read(c, err));
    PXS_TRY(pxs_compare_judge(c, err));
    return pxs_compare_look_beyond(c, err);
}

static void finish(struct comparing *c) {
    pxs_table_finish(&c->runs);
    pxs_groups_finish(&c->in);
    pxs_groups_finish(&c->all);
    pxs_arena_finish(&c->arena);
}

/* The table is that of `shown`, the words are of `said`; `beside`: a provisional comparison that is
 * worth a note, or NULL. */
static enum pxs_status fill(const struct comparing *shown, const struct comparing *said,
                            const struct comparing *beside, struct pxs_comparison *out,
                            struct pxs_error *err) {
    snprintf(out->sweep, sizeof out->sweep, "%s", shown->in.sweep);
    snprintf(out->metric, sizeof out->metric, "%s", shown->metric.name);
    out->higher_is_better = shown->metric.higher;
    out->until = shown->until;
    out->n_runs = shown->in.n_runs;
    for (size_t g = 0; g < shown->n_groups; g++) {
        for (size_t state = 0; state < PXS_STATES; state++)
            out->states.of[state] += shown->groups[g].states.of[state];
        out->n_failed += shown->groups[g].failed;
        out->n_open += shown->groups[g].open;
    }
    out->n_runs -= out->states.of[PXS_STATE_NOT_NEEDED];
    PXS_TRY(pxs_compare_fill(shown, out, err));

    struct pxs_text sql = {0};
    pxs_compare_put_sql(shown, &sql);
    out->sql = sql.failed ? NULL : pxs_arena_strdup(&out->table.arena, pxs_text_str(&sql));
    pxs_text_finish(&sql);
    if (!out->sql)
        return pxs_fail_nomem(err);

    PXS_TRY(pxs_compare_note(shown, beside, out, err));
    return pxs_compare_say(said, out, err);
}

static enum pxs_status compare_in(struct comparing *c, struct comparing *provisional,
                                  struct pxs_comparison *out, struct pxs_error *err) {
    struct pxs_table t = {0};
    for (size_t i = 0; i < c->choice->n_sweeps; i++) {
        struct pxs_stale stale;
        PXS_TRY(pxs_stale_read(c->store, c->choice->sweeps[i], &stale, err));
        out->n_stale += stale.n;
        pxs_stale_finish(&stale);
    }

    /* Other kernels are other bits, other machines other times: where there are several, a note
     * says so. */
    const struct pxs_cell id = pxs_cell_int(c->choice->sweeps[0]);
    PXS_TRY(pxs_choice_select(c->store, c->choice, pxs_compare_kernels_sql, &id, 1, &t, err));
    const char *names = pxs_table_at(&t, 0, "names").text;
    if (pxs_table_at(&t, 0, "n").integer > 1 && names)
        snprintf(out->kernels, sizeof out->kernels, "%s", names);
    pxs_table_finish(&t);
    PXS_TRY(pxs_choice_select(c->store, c->choice, pxs_compare_machines_sql, &id, 1, &t, err));
    out->mixed_machines = pxs_table_at(&t, 0, "n").integer > 1;
    pxs_table_finish(&t);

    /* Completed runs rank the configurations; where they cannot rank all that is under way, all
     * are compared as of the last epoch that every configuration has. */
    c->until = c->o->epochs - 1;
    PXS_TRY(begin(c, err));
    if (c->until >= 0) {
        c->begun = c->ranked;
        return fill(c, c, NULL, out, err);
    }
    if (!pxs_compare_common(c, &provisional->until, &provisional->begun))
        return fill(c, c, NULL, out, err);
    PXS_TRY(begin(provisional, err));
    if (provisional->ranked <= c->ranked || provisional->ranked < 2)
        return fill(c, c, NULL, out, err);
    if (c->ranked > 1)
        return fill(c, c, provisional, out, err);
    return fill(c->o->completed_only ? c : provisional, provisional, NULL, out, err);
}

enum pxs_status pxs_compare(struct pxs_store *s, const struct pxs_compare_options *options,
                            struct pxs_comparison *out, struct pxs_error *err) {
    const struct pxs_choice_options wanted = {.sweep = options->sweep,
                                              .more = options->more,
                                              .n_more = options->n_more,
                                              .where = options->where};
    struct pxs_choice choice;
    PXS_TRY(pxs_choose(s, &wanted, &choice, err));
    struct comparing c = {.o = options, .store = s, .choice = &choice, .until = -1},
                     provisional = c;
    struct pxs_comparison made = {.n_sweeps = choice.n_sweeps};
    const enum pxs_status status = compare_in(&c, &provisional, &made, err);
    finish(&c);
    finish(&provisional);
    pxs_choice_finish(&choice);
    if (status != PXS_OK)
        pxs_comparison_finish(&made);
    else
        *out = made;
    return status;
}

void pxs_comparison_finish(struct pxs_comparison *comparison) {
    pxs_table_finish(&comparison->table);
    *comparison = (struct pxs_comparison){0};
}

/* ---- as text -------------------------------------------------------------------------------- */

void pxs_compare_put_paragraph(struct pxs_text *out, const char *words, int width) {
    struct pxs_text clean = {0};
    size_t used = 0;
    pxs_text_add_clean(&clean, words, strlen(words));
    for (const char *text = pxs_text_str(&clean); *text != '\0';) {
        const size_t bytes = strcspn(text, " "), columns = pxs_text_width(text, bytes);
        if (used > 0 && width > 0 && used + 1 + columns > (size_t)width) {
            pxs_text_add(out, "\n");
            used = 0;
        } else if (used > 0) {
            pxs_text_add(out, " ");
            used++;
        }
        pxs_text_add_n(out, text, bytes);
        used += columns;
        text += bytes + (text[bytes] == ' ');
    }
    pxs_text_add(out, "\n");
    out->failed = out->failed || clean.failed;
    pxs_text_finish(&clean);
}

static void put_heading(struct pxs_text *out, const struct pxs_comparison *c) {
    const size_t rows = c->table.n_rows;
    pxs_text_add_words(out, "%s: %zu run%s in %zu group%s, %s mean %s first", c->sweep, c->n_runs,
                       c->n_runs == 1 ? "" : "s", rows, rows == 1 ? "" : "s",
                       c->higher_is_better ? "highest" : "lowest", c->metric);
    if (c->until >= 0)
        pxs_text_addf(out, ", provisionally: as of epoch %" PRId64, c->until);
    pxs_text_add(out, "\n\n");
}

enum pxs_status pxs_report_answer(struct pxs_store *s, const char *sweep, const char *where,
                                  int width, struct pxs_text *out, struct pxs_error *err) {
    const struct pxs_compare_options options = {
        .sweep = sweep, .where = where, .where_is_plan = true};
    struct pxs_comparison c = {0};
    struct pxs_text left_out = {0};
    enum pxs_status status = pxs_compare(s, &options, &c, err);
    if (status == PXS_OK && c.table.n_rows > 1) {
        put_heading(out, &c);
        status = pxs_compare_show(&c, &options, width, out, &left_out, err);
        pxs_text_add(out, "\n");
        if (c.race_note)
            pxs_compare_put_paragraph(out, c.race_note, width);
        pxs_compare_put_paragraph(out, c.verdict, width);
    }
    pxs_text_finish(&left_out);
    pxs_comparison_finish(&c);
    return status != PXS_OK ? status : pxs_text_status(out, err);
}

enum pxs_status pxs_report_compare(struct pxs_store *s, const struct pxs_compare_options *options,
                                   enum pxs_format format, int width, struct pxs_text *out,
                                   struct pxs_error *err) {
    struct pxs_comparison c = {0};
    struct pxs_text left_out = {0};
    enum pxs_status status = pxs_compare(s, options, &c, err);
    if (status != PXS_OK)
        return status;
    if (format != PXS_FORMAT_TABLE) {
        status = pxs_report_table(&c.table, NULL, format, width, out, err);
        goto out;
    }

    put_heading(out, &c);
    status = pxs_compare_show(&c, options, width, out, &left_out, err);
    if (status != PXS_OK)
        goto out;
    pxs_text_add(out, "\n");
    for (size_t i = 0; i < c.n_notes; i++)
        pxs_compare_put_paragraph(out, c.notes[i], width);
    if (left_out.len > 0) {
        pxs_text_add(&left_out, " found no room (--format csv has everything)");
        pxs_compare_put_paragraph(out, pxs_text_str(&left_out), width);
    }
    pxs_text_add(out, "\n");
    pxs_compare_put_paragraph(out, c.verdict, width);
    status = pxs_text_status(out, err);
out:
    pxs_text_finish(&left_out);
    pxs_comparison_finish(&c);
    return status;
}
