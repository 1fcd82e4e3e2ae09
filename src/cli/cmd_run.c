/* run: carries out an experiment file. */
#include "cli.h"
#include "pixsweep/collect.h"
#include "pixsweep/compare.h"
#include "pixsweep/table.h"
#include "pixsweep/plan.h"
#include "pixsweep/supervisor.h"

#include <stdlib.h>
#include <string.h>

/* What went wrong, each with its reason; queued runs are only counted, above. */
static void put_problems(const struct cli *cli, const struct pxs_sweep_summary *s,
                         struct pxs_text *out) {
    enum { SHOWN = 20 };
    size_t n = 0;
    for (size_t i = 0; i < s->n_problems; i++) {
        if (s->problems[i].state == PXS_STATE_QUEUED)
            continue;
        if (n++ < SHOWN)
            pxs_text_add_words(out, "  %s %s: %s\n", s->problems[i].name,
                               pxs_state_name(s->problems[i].state), s->problems[i].reason);
    }
    if (n > SHOWN) {
        pxs_text_add_words(out, "  and %zu more (", n - SHOWN);
        pxs_text_add_command(out, "pixsweep ls --sweep %s", s->sweep);
        cli_add_place(cli, out);
        pxs_text_add(out, ")\n");
    }
}

static void put_words(const struct cli *cli, const struct pxs_sweep_summary *s,
                      struct pxs_text *out) {
    const size_t completed = s->states.of[PXS_STATE_COMPLETED],
                 running = s->states.of[PXS_STATE_RUNNING];
    char time[32];
    pxs_format_duration(time, s->seconds);
    pxs_text_add_words(out, "%s: %zu of %zu runs completed", s->sweep, completed, s->n_total);
    if (s->n_completed_now < completed)
        pxs_text_add_words(out, " (%zu now)", s->n_completed_now);
    pxs_state_counts_add(&s->states, pxs_states_told, PXS_STATES_TOLD, ", ", out);
    if (running > 0)
        pxs_text_addf(out, s->by_jobs ? ", %zu at work in jobs" : ", %zu run by another pixsweep",
                      running);
    pxs_text_add_words(out, "; %s\n", time);
    put_problems(cli, s, out);
    /* line by line: pxs_text_add_words shows a line break in an argument as \n */
    for (const char *line = s->remedy ? s->remedy : ""; *line != '\0';) {
        const size_t n = strcspn(line, "\n");
        pxs_text_add_words(out, "%.*s\n", (int)n, line);
        line += n + (line[n] == '\n');
    }
    if (s->retry) {
        pxs_text_add_command(out, "retry:   pixsweep retry %s", s->sweep);
        cli_add_place(cli, out);
        pxs_text_add_words(out, "   %s\n", s->retry);
    }
    if (completed > 0 && s->recorded) {
        pxs_text_add_command(out, "compare: pixsweep compare %s", s->sweep);
        cli_add_place(cli, out);
        pxs_text_add(out, "\n");
    }
}

/* Which configuration leads: the table of `compare` and its last line. */
static void put_answer(const struct pxs_sweep_summary *s, struct pxs_text *out) {
    struct pxs_store *store = NULL;
    struct pxs_text answer = {0};
    struct pxs_error err = {0};
    enum pxs_status status = pxs_store_open_readonly(s->db, &store, &err);
    if (status == PXS_OK)
        status = pxs_report_answer(store, s->sweep, s->where, cli_output_width(), &answer, &err);
    pxs_store_close(&store);
    if (status != PXS_OK)
        cli_say("the comparison cannot be shown now: %s", err.message);
    else if (answer.len > 0)
        pxs_text_addf(out, "\n%s", pxs_text_str(&answer));
    pxs_text_finish(&answer);
}

static enum pxs_status put_row(const struct cli *cli, const struct pxs_sweep_summary *s,
                               struct pxs_text *out, struct pxs_error *err) {
    static const char *const names[] = {
        "sweep",     "total",  "completed", "completed_now", "failed",    "diverged", "interrupted",
        "cancelled", "queued", "elsewhere", "seconds",       "exit_code", "db",       "pruned"};
    const size_t *of = s->states.of;
    const struct pxs_cell cells[] = {
        pxs_cell_text(s->sweep),
        pxs_cell_int((int64_t)s->n_total),
        pxs_cell_int((int64_t)of[PXS_STATE_COMPLETED]),
        pxs_cell_int((int64_t)s->n_completed_now),
        pxs_cell_int((int64_t)of[PXS_STATE_FAILED]),
        pxs_cell_int((int64_t)of[PXS_STATE_DIVERGED]),
        pxs_cell_int((int64_t)of[PXS_STATE_INTERRUPTED]),
        pxs_cell_int((int64_t)of[PXS_STATE_CANCELLED]),
        pxs_cell_int((int64_t)of[PXS_STATE_QUEUED]),
        pxs_cell_int((int64_t)of[PXS_STATE_RUNNING]),
        pxs_cell_real(s->seconds),
        pxs_cell_int(s->exit_code),
        pxs_cell_text(s->db),
        pxs_cell_int((int64_t)of[PXS_STATE_PRUNED]),
    };
    return cli_row(cli, names, cells, PXS_COUNT(cells), out, err);
}

static void print_summary(const struct cli *cli, struct cli_progress *progress,
                          const struct pxs_sweep_summary *s) {
    struct pxs_text out = {0};
    struct pxs_error err;
    if (cli->format == PXS_FORMAT_TABLE) {
        put_words(cli, s, &out);
        if (s->states.of[PXS_STATE_COMPLETED] > 0 && s->recorded && !cli->quiet &&
            s->exit_code != CLI_INTERRUPTED)
            put_answer(s, &out);
    } else if (put_row(cli, s, &out, &err) != PXS_OK)
        cli_say("%s", err.message);
    cli_progress_result(progress, &out);
    pxs_text_finish(&out);
}

/* Is there anything to sum up? Nothing was started where planning or preflight failed or were
 * interrupted. */
static bool has_run(enum pxs_status status, const struct pxs_sweep_summary *s) {
    return status == PXS_OK || (s->by_jobs && s->n_total > 0) ||
           (status == PXS_E_STOPPED && s->n_total > 0) || s->exit_code == CLI_FAILED;
}

/* The sweep that is carried out, here or by jobs. */
struct carried_out {
    const char *on;
    struct cli_progress progress;
    struct pxs_sweep_listener listener;
};

static void tell_submitted(void *user, const struct pxs_submitted *submitted) {
    const struct carried_out *c = user;
    struct pxs_text words = {0};
    cli_submitted_words(c->on, submitted, &words);
    for (const char *at = pxs_text_str(&words); *at; at += strcspn(at, "\n") + 1) {
        struct pxs_text line = {0};
        pxs_text_add_n(&line, at, strcspn(at, "\n"));
        c->listener.line(c->listener.user, PXS_LOG_INFO, pxs_text_str(&line));
        pxs_text_finish(&line);
    }
    pxs_text_finish(&words);
}

/* Nothing is taken over for a file that is wrong. Jobs of a sweep that was paused go on, too. */
static enum pxs_status take_over(void *user, const struct pxs_plan *plan, struct pxs_error *err) {
    const struct cli_progress *p = user;
    PXS_TRY(cli_take_over(p->cli, err));
    PXS_TRY(pxs_submissions_check_numbers(plan, err));
    return pxs_submissions_resume(plan->results, plan->sweep, true, err);
}

int cli_cmd_run(struct cli *cli) {
    struct pxs_sweep_options options;
    struct pxs_sweep_summary summary;
    struct carried_out c = {0};
    struct pxs_text diagnostics = {0};
    struct pxs_error err = {0};
    char on[PXS_PATH_MAX];
    const char *wishes[CLI_WISHES_MAX];
    if (cli->values[OPT_DRY_RUN])
        return cli_cmd_plan(cli);
    if (!cli_sweep_options(cli, &options) || cli_where(cli, &options, on) != CLI_OK)
        return CLI_USAGE;
    const bool here = strcmp(on, "here") == 0;
    if (!here && cli->values[OPT_DETACH])
        return cli_submit(cli, &options, on);
    options.stop = cli_catch_signals(CLI_SIGNALS_SUPERVISOR);
    options.diagnostics = &diagnostics;
    struct cli_bar bar;
    cli_progress_init(&c.progress, cli, &c.listener);
    options.meter = cli_bar_begin(&bar, cli);
    c.on = on;
    c.listener.checked = take_over;
    cli_wishes(wishes);
    const struct pxs_submit_options how = {
        .sweep = &options, .on = on, .no_probe = cli->values[OPT_NO_PROBE] != NULL};
    const enum pxs_status status =
        here ? pxs_sweep_run(&options, &c.listener, &summary, &err)
             : pxs_collect(&how, &c.listener, tell_submitted, &c, wishes, &summary, &err);
    cli_progress_finish(&c.progress);
    if (status == PXS_E_STOPPED && !has_run(status, &summary))
        cli_say("%s", err.message);
    else if (status != PXS_OK && status != PXS_E_STOPPED)
        cli_say_why(&diagnostics, &err);
    if (!here && !how.no_probe)
        cli_explain_probe(&err);
    if (has_run(status, &summary))
        print_summary(cli, &c.progress, &summary);
    cli_progress_close(&c.progress);
    const int code = summary.exit_code;
    pxs_sweep_summary_finish(&summary);
    pxs_text_finish(&diagnostics);
    return code;
}
