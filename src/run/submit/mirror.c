/* What users want of a sweep whose runs are handed to jobs: the database says it, and tasks, which
 * read no database, find it as files in their submission's folder. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pixsweep/supervisor.h"
#include "pixsweep/submit.h"

/* All of a `paused` that the mirror makes; another one is a task's, or a user's. */
#define PAUSED_BY_DATABASE "the sweep is paused in the database\n"
#define PAUSED_MAX 65536

struct mirror {
    struct pxs_store *store;
    int64_t sweep_id;
    char sweep[128];
    bool paused;           /* in the database */
    struct pxs_table runs; /* config_hash, seed, cancelled; in this order */
    size_t n_cancelled;
    struct pxs_mirrored *out;
};

/* Whether jobs of the submission in `dir` may live. */
static enum pxs_status may_live(const char *dir, bool *out, struct pxs_error *err) {
    struct pxs_submission sub = {0};
    PXS_TRY(pxs_submission_read(dir, &sub, err));
    *out = sub.state == PXS_SUBMISSION_ACCEPTED || sub.state == PXS_SUBMISSION_UNKNOWN;
    pxs_submission_finish(&sub);
    return PXS_OK;
}

static enum pxs_status join(char out[PXS_PATH_MAX], const char *dir, const char *name,
                            struct pxs_error *err) {
    return pxs_path_join(out, PXS_PATH_MAX, dir, name)
               ? PXS_OK
               : pxs_fail(err, PXS_E_INVALID, "the path %s is too long", dir);
}

static enum pxs_status remove_file(const char *path, struct pxs_error *err) {
    return unlink(path) == 0 || errno == ENOENT || errno == ENOTDIR
               ? PXS_OK
               : pxs_fail_errno(err, "cannot remove %s", path);
}

static enum pxs_status touch(const char *path, struct pxs_error *err) {
    const int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (fd < 0)
        return pxs_fail_errno(err, "cannot make %s", path);
    close(fd);
    return PXS_OK;
}

/* ---- runs that are cancelled ---------------------------------------------------------------- */

static int by_number(const void *a, const void *b) {
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* The numbers that have a file in cancel/, rising; malloc'ed. */
static enum pxs_status read_cancelled(const char *path, int64_t **out, size_t *n,
                                      struct pxs_error *err) {
    int64_t *numbers = NULL, number;
    size_t used = 0, room = 0;
    DIR *dir = opendir(path);
    if (!dir && errno != ENOENT)
        return pxs_fail_errno(err, "cannot read %s", path);
    for (struct dirent *e = dir ? readdir(dir) : NULL; e; e = readdir(dir)) {
        if (strspn(e->d_name, "0123456789") != strlen(e->d_name) ||
            !pxs_parse_int(e->d_name, &number))
            continue;
        if (used == room) {
            room = room ? 2 * room : 64;
            int64_t *more = realloc(numbers, room * sizeof *more);
            if (!more) {
                free(numbers);
                closedir(dir);
                return pxs_fail_nomem(err);
            }
            numbers = more;
        }
        numbers[used++] = number;
    }
    if (dir)
        closedir(dir);
    if (used > 0)
        qsort(numbers, used, sizeof *numbers, by_number);
    *out = numbers;
    *n = used;
    return PXS_OK;
}

/* The run's row: 1 cancelled, 0 not, -1 there is none. Numbers in a frozen plan may differ from
 * the database's, so a run is found by what it is. */
static int look_up(const struct mirror *m, const struct pxs_numbered *run) {
    size_t low = 0, high = m->runs.n_rows;
    while (low < high) {
        const size_t middle = (low + high) / 2;
        const struct pxs_cell *row = &m->runs.cells[middle * m->runs.n_columns];
        int order = strcmp(row[0].text, run->config_hash);
        if (order == 0)
            order = (row[1].integer > run->seed) - (row[1].integer < run->seed);
        if (order == 0)
            return row[2].integer != 0;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return -1;
}

static enum pxs_status mirror_cancelled(struct mirror *m, const char *dir, struct pxs_error *err) {
    char cancel[PXS_PATH_MAX], path[PXS_PATH_MAX], name[32];
    int64_t *there = NULL;
    struct pxs_numbered *runs = NULL;
    size_t n_there = 0, n = 0;
    PXS_TRY(join(cancel, dir, PXS_TASK_CANCEL, err));
    PXS_TRY(read_cancelled(cancel, &there, &n_there, err));
    enum pxs_status status = PXS_OK;
    /* The plan is read only where it matters which run has which number. */
    if (n_there > 0 || m->n_cancelled > 0)
        status = pxs_plan_numbers(dir, &runs, &n, err);
    for (size_t i = 0; i < n && status == PXS_OK; i++) {
        const int cancelled = look_up(m, &runs[i]);
        const bool has = n_there > 0 &&
                         bsearch(&runs[i].number, there, n_there, sizeof *there, by_number) != NULL;
        if (cancelled < 0 || cancelled == has)
            continue;
        snprintf(name, sizeof name, "%lld", (long long)runs[i].number);
        status = join(path, cancel, name, err);
        if (status == PXS_OK && cancelled && mkdir(cancel, 0777) != 0 && errno != EEXIST)
            status = pxs_fail_errno(err, "cannot make %s", cancel);
        if (status == PXS_OK)
            status = cancelled ? touch(path, err) : remove_file(path, err);
        m->out->changed += status == PXS_OK;
    }
    free(runs);
    free(there);
    return status;
}

/* ---- the pause ------------------------------------------------------------------------------ */

/* *text: of the file `paused`, to be freed; NULL = there is none. */
static enum pxs_status read_paused(const char *dir, char **text, struct pxs_error *err) {
    size_t bytes;
    *text = NULL;
    const enum pxs_status status =
        pxs_read_beneath(dir, PXS_TASK_PAUSED, PAUSED_MAX, text, &bytes, err);
    return status == PXS_E_NOT_FOUND ? PXS_OK : status;
}

/* A task's brake, of which the database does not know yet. */
static enum pxs_status adopt_pause(struct mirror *m, const char *dir, struct pxs_error *err) {
    char *text;
    PXS_TRY(read_paused(dir, &text, err));
    enum pxs_status status = PXS_OK;
    if (text && strcmp(text, PAUSED_BY_DATABASE) != 0) {
        status = pxs_store_sweep_state(m->store, m->sweep_id, "paused", err);
        if (status == PXS_OK) {
            text[strcspn(text, "\n")] = '\0';
            pxs_copy_clean(m->out->reason, sizeof m->out->reason, text, strlen(text), false);
            m->paused = m->out->paused = true;
        }
    }
    free(text);
    return status;
}

static enum pxs_status mirror_pause(struct mirror *m, const char *dir, struct pxs_error *err) {
    char path[PXS_PATH_MAX], *text;
    PXS_TRY(join(path, dir, PXS_TASK_PAUSED, err));
    PXS_TRY(read_paused(dir, &text, err));
    const bool missing = m->paused && !text,
               over = !m->paused && text && strcmp(text, PAUSED_BY_DATABASE) == 0;
    free(text);
    m->out->changed += missing || over;
    if (missing)
        return pxs_write_file(path, PAUSED_BY_DATABASE, strlen(PAUSED_BY_DATABASE), err);
    return over ? remove_file(path, err) : PXS_OK;
}

/* ---- all submissions ------------------------------------------------------------------------ */

static enum pxs_status resumed_path(const char *results, const char *sweep, char out[PXS_PATH_MAX],
                                    struct pxs_error *err) {
    char tail[192];
    snprintf(tail, sizeof tail, "%s/" PXS_CLUSTER_FOLDER "/" PXS_RESUMED_FILE, sweep);
    return join(out, results, tail, err);
}

static enum pxs_status read_database(struct mirror *m, struct pxs_error *err) {
    struct pxs_cell id = pxs_cell_int(m->sweep_id);
    char state[16];
    PXS_TRY(pxs_store_get_sweep_state(m->store, m->sweep_id, state, err));
    m->paused = strcmp(state, "paused") == 0;
    PXS_TRY(pxs_store_select(m->store,
                             "SELECT config_hash, seed, state = 'cancelled' AS cancelled FROM run "
                             "WHERE sweep_id = ?1 ORDER BY config_hash, seed",
                             &id, 1, &m->runs, err));
    for (size_t i = 0; i < m->runs.n_rows; i++)
        m->n_cancelled += m->runs.cells[i * m->runs.n_columns + 2].integer != 0;
    return PXS_OK;
}

/* The folders of submissions whose jobs may live, from `arena`. */
static enum pxs_status find_folders(const char *results, const char *sweep, struct pxs_arena *arena,
                                    const char ***out, size_t *n, struct pxs_error *err) {
    int64_t *numbers;
    size_t all;
    char dir[PXS_PATH_MAX];
    PXS_TRY(pxs_submission_numbers(results, sweep, &numbers, &all, err));
    const char **dirs = pxs_arena_alloc(arena, (all + 1) * sizeof *dirs);
    enum pxs_status status = dirs ? PXS_OK : pxs_fail_nomem(err);
    *n = 0;
    for (size_t i = 0; i < all && status == PXS_OK; i++) {
        bool live = false;
        status = pxs_submission_folder(results, sweep, numbers[i], dir, err);
        if (status == PXS_OK)
            status = may_live(dir, &live, err);
        if (status == PXS_OK && live && !(dirs[(*n)++] = pxs_arena_strdup(arena, dir)))
            status = pxs_fail_nomem(err);
    }
    free(numbers);
    *out = dirs;
    return status;
}

/* The sweep's name, "" where there is no such sweep. */
static enum pxs_status name_of(struct pxs_store *store, int64_t sweep_id, char out[128],
                               struct pxs_error *err) {
    struct pxs_table t = {0};
    struct pxs_cell id = pxs_cell_int(sweep_id);
    PXS_TRY(pxs_store_select(store, "SELECT name FROM sweep WHERE sweep_id = ?1", &id, 1, &t, err));
    snprintf(out, 128, "%s", t.n_rows > 0 ? pxs_table_at(&t, 0, "name").text : "");
    pxs_table_finish(&t);
    return PXS_OK;
}

enum pxs_status pxs_submissions_mirror(struct pxs_store *store, const char *results,
                                       int64_t sweep_id, struct pxs_mirrored *out,
                                       struct pxs_error *err) {
    struct mirror m = {.store = store, .sweep_id = sweep_id, .out = out};
    struct pxs_arena arena = {0};
    char resumed[PXS_PATH_MAX];
    const char **dirs;
    *out = (struct pxs_mirrored){0};
    PXS_TRY(name_of(store, sweep_id, m.sweep, err));
    enum pxs_status status = find_folders(results, m.sweep, &arena, &dirs, &out->submissions, err);
    if (status != PXS_OK || out->submissions == 0)
        goto out;
    status = read_database(&m, err);
    if (status != PXS_OK)
        goto out;

    /* The user has gone on, perhaps where there was no database to write to. What pauses the sweep
     * after that counts. */
    status = resumed_path(results, m.sweep, resumed, err);
    if (status == PXS_OK && access(resumed, F_OK) == 0) {
        if (m.paused)
            status = pxs_store_sweep_state(store, sweep_id, "open", err);
        m.paused = false;
        if (status == PXS_OK)
            status = remove_file(resumed, err);
    }
    for (size_t i = 0; i < out->submissions && status == PXS_OK && !m.paused; i++)
        status = adopt_pause(&m, dirs[i], err);
    for (size_t i = 0; i < out->submissions && status == PXS_OK; i++) {
        status = mirror_cancelled(&m, dirs[i], err);
        if (status == PXS_OK)
            status = mirror_pause(&m, dirs[i], err);
    }
out:
    pxs_table_finish(&m.runs);
    pxs_arena_finish(&arena);
    return status;
}

enum pxs_status pxs_submissions_resume(const char *results, const char *sweep, bool in_database,
                                       struct pxs_error *err) {
    struct pxs_arena arena = {0};
    char path[PXS_PATH_MAX];
    const char **dirs;
    size_t n;
    PXS_TRY(resumed_path(results, sweep, path, err));
    /* The mark first: a pause that a task writes from here on is a new one. */
    enum pxs_status status = in_database ? remove_file(path, err) : touch(path, err);
    PXS_TRY(status == PXS_E_NOT_FOUND ? PXS_OK : status);
    status = find_folders(results, sweep, &arena, &dirs, &n, err);
    for (size_t i = 0; i < n && status == PXS_OK; i++) {
        status = join(path, dirs[i], PXS_TASK_PAUSED, err);
        if (status == PXS_OK)
            status = remove_file(path, err);
    }
    pxs_arena_finish(&arena);
    return status;
}

/* ---- without a database --------------------------------------------------------------------- */

static int by_name(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

enum pxs_status pxs_submitted_sweeps(const char *results, struct pxs_arena *arena,
                                     const char ***out, size_t *n, struct pxs_error *err) {
    DIR *folder = opendir(results);
    const char **names = NULL, **dirs;
    size_t used = 0, live;
    enum pxs_status status = PXS_OK;
    for (struct dirent *e = folder ? readdir(folder) : NULL; e; e = readdir(folder)) {
        /* A submission that cannot be read says nothing of jobs. */
        if (e->d_name[0] == '.' ||
            find_folders(results, e->d_name, arena, &dirs, &live, NULL) != PXS_OK || live == 0)
            continue;
        const char **more = realloc(names, (used + 1) * sizeof *names);
        if (more)
            names = more;
        if (!more || !(names[used] = pxs_arena_strdup(arena, e->d_name))) {
            status = pxs_fail_nomem(err);
            break;
        }
        used++;
    }
    if (folder)
        closedir(folder);
    if (status != PXS_OK) {
        free(names);
        return status;
    }
    if (used > 0)
        qsort(names, used, sizeof *names, by_name);
    *out = names;
    *n = used;
    return PXS_OK;
}

static bool is_wanted(const struct pxs_numbered *run, const struct pxs_numbered *wanted) {
    return !wanted ||
           (run->seed == wanted->seed && strcmp(run->config_hash, wanted->config_hash) == 0);
}

static enum pxs_status cancel_in(const char *dir, const struct pxs_numbered *wanted, size_t *told,
                                 struct pxs_error *err) {
    char cancel[PXS_PATH_MAX], path[PXS_PATH_MAX], name[32];
    struct pxs_numbered *runs = NULL;
    size_t n;
    PXS_TRY(join(cancel, dir, PXS_TASK_CANCEL, err));
    PXS_TRY(pxs_plan_numbers(dir, &runs, &n, err));
    enum pxs_status status = PXS_OK;
    *told = 0;
    if (mkdir(cancel, 0777) != 0 && errno != EEXIST)
        status = pxs_fail_errno(err, "cannot make %s", cancel);
    for (size_t i = 0; i < n && status == PXS_OK; i++) {
        if (!is_wanted(&runs[i], wanted))
            continue;
        snprintf(name, sizeof name, "%lld", (long long)runs[i].number);
        status = join(path, cancel, name, err);
        if (status == PXS_OK)
            status = touch(path, err);
        ++*told;
    }
    free(runs);
    return status;
}

enum pxs_status pxs_submissions_cancel(const char *results, const char *sweep,
                                       const struct pxs_numbered *run, size_t *runs,
                                       struct pxs_error *err) {
    struct pxs_arena arena = {0};
    const char **dirs;
    size_t n, told = 0;
    *runs = 0;
    enum pxs_status status = find_folders(results, sweep, &arena, &dirs, &n, err);
    for (size_t i = 0; i < n && status == PXS_OK; i++) {
        status = cancel_in(dirs[i], run, &told, err);
        *runs = told > *runs ? told : *runs;
    }
    pxs_arena_finish(&arena);
    return status;
}

/* ---- all jobs ------------------------------------------------------------------------------- */

static enum pxs_status jobs_of(const struct pxs_launcher *l, bool end, struct pxs_sweep_jobs *out,
                               struct pxs_error *err) {
    struct pxs_submission sub = {0};
    struct pxs_launched_list list = {0};
    const char **ids = NULL;
    size_t n = 0;
    PXS_TRY(pxs_submission_read(l->dir, &sub, err));
    enum pxs_status status = pxs_launcher_alive(l, sub.name, &list, err);
    if (status == PXS_OK && !(ids = calloc(list.n + 1, sizeof *ids)))
        status = pxs_fail_nomem(err);
    for (size_t i = 0; i < list.n && status == PXS_OK; i++)
        if (list.jobs[i].state != PXS_LAUNCHED_ENDING)
            ids[n++] = list.jobs[i].id;
    /* The submission's own ids are few; where only a look found the jobs, there are none. */
    if (status == PXS_OK && end && n > 0)
        status = sub.n_ids > 0 ? pxs_launcher_cancel(l, sub.name, sub.ids, sub.n_ids, err)
                               : pxs_launcher_cancel(l, sub.name, ids, n, err);
    if (status == PXS_OK)
        out->jobs += n;
    free(ids);
    pxs_launched_finish(&list);
    pxs_submission_finish(&sub);
    return status;
}

enum pxs_status pxs_submissions_jobs(const char *results, const char *sweep, bool end,
                                     const struct pxs_stop *stop, struct pxs_logger logger,
                                     struct pxs_sweep_jobs *out, struct pxs_error *err) {
    struct pxs_arena arena = {0};
    const char **dirs;
    size_t n;
    *out = (struct pxs_sweep_jobs){0};
    enum pxs_status status = find_folders(results, sweep, &arena, &dirs, &n, err);
    for (size_t i = 0; i < n && status == PXS_OK; i++) {
        struct pxs_launcher l;
        struct pxs_error why;
        status = pxs_launcher_recall(dirs[i], &arena, &l, &why);
        l.logger = logger;
        l.stop = stop;
        if (status == PXS_OK)
            status = jobs_of(&l, end, out, &why);
        if (status == PXS_OK)
            continue;
        if (status == PXS_E_STOPPED || status == PXS_E_NOMEM) {
            status = pxs_fail(err, status, "%s", why.message);
            break;
        }
        pxs_log(logger, PXS_LOG_WARN, "%s", why.message);
        out->unknown++;
        status = PXS_OK;
    }
    pxs_arena_finish(&arena);
    return status;
}
