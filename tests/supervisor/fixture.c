#include "fixture.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static struct pxs_stop no_stop;

void fixture_set_up(void) {
    test_folder_make();
    setenv("PIXSWEEP_CORE_LOCKS", in_folder("cores"), 1);
}

void write_experiment(int n_epochs, int what, const char *rest) {
    struct pxs_text text = {0};
    pxs_text_add(&text, "name: exp\ndataset: data\nimg_height: 32\nimg_width: 32\nbatch_size: 4\n");
    if (n_epochs > 0)
        pxs_text_addf(&text, "n_epochs: %d\n", n_epochs);
    if (what > 0)
        pxs_text_addf(&text, "lambda_pixel: %d\n", what);
    pxs_text_add(&text, rest);
    write_text("exp.yaml", text.text);
    pxs_text_finish(&text);
    write_pairs("data/train/a.npy", 16, 1);
    write_pairs("data/val/a.npy", 4, 2);
}

/* What a session says, as it says it. */
struct said {
    struct pxs_text *text;
    FILE *live; /* may be NULL */
};

static void collect(void *user, enum pxs_log_level level, const char *text) {
    struct said *said = user;
    (void)level;
    pxs_text_addf(said->text, "%s\n", text);
    if (said->live) {
        fprintf(said->live, "%s\n", text);
        fflush(said->live);
    }
}

static struct outcome run_saying(struct pxs_sweep_options options, FILE *live) {
    struct outcome o = {.status = PXS_E_INTERNAL};
    struct said said = {&o.lines, live};
    struct pxs_sweep_listener listener = {.user = &said, .line = collect};
    if (!options.file)
        options.file = in_folder("exp.yaml");
    if (!options.results)
        options.results = in_folder("results");
    if (!options.stop)
        options.stop = &no_stop;
    o.status = pxs_sweep_run(&options, &listener, &o.summary, &o.err);
    return o;
}

struct outcome run_with(struct pxs_sweep_options options) {
    return run_saying(options, NULL);
}

struct outcome run_exp(void) {
    return run_with((struct pxs_sweep_options){0});
}

void outcome_finish(struct outcome *o) {
    pxs_sweep_summary_finish(&o->summary);
    pxs_text_finish(&o->lines);
}

pid_t run_in_process(struct pxs_sweep_options options, const char *lines) {
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid != 0)
        return pid;
    FILE *live = fopen(in_folder(lines), "w");
    if (!live)
        _exit(99);
    struct outcome o = run_saying(options, live);
    fprintf(live, "%s\n", o.status == PXS_OK ? "" : o.err.message);
    fclose(live);
    _exit(o.summary.exit_code);
}

int wait_for(pid_t pid) {
    int status;
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static bool select_one(const char *sql, struct pxs_table *t) {
    struct pxs_store *store = NULL;
    struct pxs_error err;
    if (pxs_store_open_readonly(in_folder("results/pixsweep.db"), &store, &err) != PXS_OK)
        return false;
    enum pxs_status status = pxs_store_select(store, sql, NULL, 0, t, &err);
    if (status != PXS_OK && status != PXS_E_BUSY)
        ck_abort_msg("%s: %s", sql, err.message);
    pxs_store_close(&store);
    return status == PXS_OK && t->n_rows > 0;
}

int64_t sql_int(const char *sql) {
    struct pxs_table t = {0};
    int64_t value = select_one(sql, &t) ? t.cells[0].integer : -1;
    pxs_table_finish(&t);
    return value;
}

void expect_sql(const char *sql, int64_t expected) {
    int64_t value = sql_int(sql);
    ck_assert_msg(value == expected, "%s: %lld, expected %lld", sql, (long long)value,
                  (long long)expected);
}

void expect_text(const char *sql, const char *expected) {
    struct pxs_table t = {0};
    ck_assert_msg(select_one(sql, &t) && t.cells[0].text, "%s: nothing", sql);
    ck_assert_str_eq(t.cells[0].text, expected);
    pxs_table_finish(&t);
}

bool wait_sql(const char *sql, int64_t expected, double seconds) {
    double until = pxs_monotonic() + seconds;
    while (pxs_monotonic() < until) {
        if (sql_int(sql) == expected)
            return true;
        usleep(10000);
    }
    return false;
}

void wait_line(const char *lines, const char *words, double seconds) {
    double until = pxs_monotonic() + seconds;
    for (bool found = false; !found; usleep(10000)) {
        char *text = exists(lines) ? slurp(lines, NULL) : NULL;
        found = text && strstr(text, words) != NULL;
        ck_assert_msg(found || pxs_monotonic() < until, "\"%s\" never appeared in %s:\n%s", words,
                      lines, text);
        free(text);
    }
}
