/* How commands open their database, for reading and for writing. */
#include "cli.h"
#include "pixsweep/plan.h"
#include "pixsweep/rundir/claim.h"
#include "pixsweep/submit.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

void cli_add_place(const struct cli *cli, struct pxs_text *out) {
    static const enum cli_option places[] = {OPT_DB, OPT_RESULTS};
    for (size_t i = 0; i < PXS_COUNT(places); i++) {
        if (cli->values[places[i]])
            pxs_text_add_command(out, " --%s %s", cli_option_name(places[i]),
                                 cli->values[places[i]]);
    }
}

static enum pxs_status find_database(const struct cli *cli, char db[PXS_PATH_MAX],
                                     struct pxs_error *err) {
    char results[PXS_PATH_MAX];
    if (!pxs_sweep_paths(cli->values[OPT_RESULTS], cli->values[OPT_DB], results, db))
        return pxs_fail(err, PXS_E_INVALID, "--db or --results: the path is too long");
    return PXS_OK;
}

/* ---- sweeps that only jobs know ------------------------------------------------------------- */

bool cli_has_database(const struct cli *cli) {
    char db[PXS_PATH_MAX];
    return find_database(cli, db, NULL) == PXS_OK && access(db, F_OK) == 0;
}

/* The sweeps with jobs that may live, as pxs_submitted_sweeps has them; none where they cannot be
 * read. */
static const char **submitted(const struct cli *cli, struct pxs_arena *arena, size_t *n) {
    char results[PXS_PATH_MAX], db[PXS_PATH_MAX];
    const char **names;
    *n = 0;
    return pxs_sweep_paths(cli->values[OPT_RESULTS], cli->values[OPT_DB], results, db) &&
                   pxs_submitted_sweeps(results, arena, &names, n, NULL) == PXS_OK
               ? names
               : NULL;
}

bool cli_submitted_sweep(const struct cli *cli, const char *text, bool exact,
                         char out[PXS_NAME_MAX + 1]) {
    struct pxs_arena arena = {0};
    struct pxs_error err;
    struct stat info;
    char name[PXS_PATH_MAX];
    size_t n, hits = 0;
    /* A folder by its last part, an experiment file by its name. */
    snprintf(name, sizeof name, "%s", text);
    for (size_t len = strlen(name); len > 1 && name[len - 1] == '/'; len--)
        name[len - 1] = '\0';
    if (strchr(name, '/') && stat(name, &info) == 0 && S_ISDIR(info.st_mode))
        memmove(name, strrchr(name, '/') + 1, strlen(strrchr(name, '/')));
    else if (stat(name, &info) == 0 && S_ISREG(info.st_mode) &&
             pxs_config_file_name(text, out, &err) == PXS_OK)
        snprintf(name, sizeof name, "%s", out);
    const bool digits = name[strspn(name, "0123456789")] == '\0'; /* a run's, or no text */
    const char **names = submitted(cli, &arena, &n);
    for (size_t i = 0; i < n; i++) {
        const bool whole = strcmp(names[i], name) == 0;
        if (!whole && (exact || digits || strncmp(names[i], name, strlen(name)) != 0))
            continue;
        snprintf(out, PXS_NAME_MAX + 1, "%s", names[i]);
        hits = whole ? 1 : hits + 1;
        if (whole)
            break;
    }
    free(names);
    pxs_arena_finish(&arena);
    return hits == 1;
}

enum pxs_status cli_explain_missing(const struct cli *cli, enum pxs_status status,
                                    struct pxs_error *err) {
    struct pxs_arena arena = {0};
    struct pxs_text command = {0};
    char db[PXS_PATH_MAX], more[64] = "";
    size_t n;
    if (status != PXS_E_NOT_FOUND || cli_has_database(cli) ||
        find_database(cli, db, NULL) != PXS_OK)
        return status;
    const char **names = submitted(cli, &arena, &n);
    if (n > 1)
        snprintf(more, sizeof more, " and of %zu more sweep%s", n - 1, n == 2 ? "" : "s");
    if (n > 0) {
        pxs_text_add_command(&command, "pixsweep cancel %s", names[0]);
        cli_add_place(cli, &command);
        pxs_fail(err, status,
                 "there is no database at %s yet, but jobs of %s%s were submitted with --detach: "
                 "the same `pixsweep run FILE --on ...` without --detach collects what they do "
                 "into one (`%s` ends them)",
                 db, names[0], more, pxs_text_str(&command));
    }
    pxs_text_finish(&command);
    free(names);
    pxs_arena_finish(&arena);
    return status;
}

/* ---- opening -------------------------------------------------------------------------------- */

/* Its file was likely handed to jobs before: a `run` there, with --db, would not be what is meant.
 */
static enum pxs_status fail_run(const char *db, const struct pxs_collector *c,
                                struct pxs_error *err) {
    return pxs_fail(err, PXS_E_INVALID,
                    "%s is a copy that process %lld on %s publishes from %s: with `--on ...` the "
                    "same command goes on beside it; without, once that process has ended (Ctrl-C "
                    "there leaves its jobs at work)",
                    db, (long long)c->pid, c->host, c->db);
}

/* The claim beside the copy at `db` is another's. It may be of a collector that begins and has
 * published nothing yet. */
static enum pxs_status fail_claimed(const struct cli *cli, const char *db,
                                    const struct pxs_error *why, struct pxs_error *err) {
    struct pxs_collector was;
    if (pxs_store_read_collector(db, &was, NULL) == PXS_OK &&
        pxs_collector_life(&was) != PXS_COLLECTOR_GONE) {
        if (strcmp(cli->command->name, "run") == 0)
            return fail_run(db, &was, err);
        PXS_TRY(pxs_store_refuse_published(db, err));
    }
    return pxs_fail(err, PXS_E_INVALID,
                    "%s is a published copy, and %s: try again when that process has ended", db,
                    why->message);
}

enum pxs_status cli_take_over(const struct cli *cli, struct pxs_error *err) {
    struct pxs_collector was;
    struct pxs_claim_owner me;
    struct pxs_claim claim = {.path = ""};
    struct pxs_error why;
    char db[PXS_PATH_MAX], folder[PXS_PATH_MAX], dir[PXS_PATH_MAX], age[32];
    PXS_TRY(find_database(cli, db, err));
    if (!pxs_path_dir(folder, sizeof folder, db) ||
        !pxs_path_join(dir, sizeof dir, folder, PXS_COLLECTOR_DIR))
        return pxs_fail(err, PXS_E_INVALID, "path is too long: %.80s...", db);
    if (access(db, F_OK) != 0 && access(dir, F_OK) == 0 && pxs_claim_look(dir, &why) == PXS_E_BUSY)
        return pxs_fail(err, PXS_E_INVALID,
                        "%s will be a copy that another process publishes, %s: with `--on ...` the "
                        "same command goes on beside it; without, once that process has ended",
                        db, why.message);
    if (!pxs_store_is_published(db))
        return PXS_OK;
    PXS_TRY(pxs_make_dirs(dir, err));
    pxs_claim_owner_here(NULL, 0, &me);
    enum pxs_status status = pxs_claim_take(dir, &me, &claim, &why);
    if (status == PXS_E_BUSY)
        return fail_claimed(cli, db, &why, err);
    if (status == PXS_OK)
        status = pxs_store_take_over(db, NULL, true, &was, &why);
    pxs_claim_release(&claim);
    if (status == PXS_E_BUSY && was.host[0] && pxs_collector_life(&was) != PXS_COLLECTOR_GONE)
        return fail_run(db, &was, err);
    if (status != PXS_OK)
        return pxs_fail(err, status == PXS_E_BUSY ? PXS_E_INVALID : status, "%s", why.message);
    if (was.host[0]) {
        pxs_format_duration(age, (double)(pxs_now_ms() - was.at_ms) / 1000);
        cli_say("%s was a copy, %s old, that process %lld on %s published; it has ended, and the "
                "copy is a database of its own again",
                db, age, (long long)was.pid, was.host);
    }
    return PXS_OK;
}

bool cli_collects_here(const char *db, struct pxs_collector *c, char dir[PXS_PATH_MAX],
                       char nonce[PXS_CLAIM_NONCE]) {
    struct pxs_claim_owner owner;
    char folder[PXS_PATH_MAX];
    int64_t touched_ms;
    return pxs_store_is_published(db) && pxs_store_read_collector(db, c, NULL) == PXS_OK &&
           pxs_collector_life(c) == PXS_COLLECTOR_ALIVE &&
           pxs_path_dir(folder, sizeof folder, db) &&
           pxs_path_join(dir, PXS_PATH_MAX, folder, PXS_COLLECTOR_DIR) &&
           pxs_claim_read(dir, &owner, nonce, &touched_ms, NULL) == PXS_OK &&
           strcmp(owner.host, c->host) == 0 && owner.pid == c->pid &&
           owner.pid_start == c->pid_start;
}

/* The database of the collector that has ended, until cli_end_turn. */
static enum pxs_status begin_turn(struct cli *cli, char db[PXS_PATH_MAX], struct pxs_error *err) {
    struct pxs_collector was;
    struct pxs_error why;
    char age[32];
    const struct pxs_logger logger = cli_logger(cli);
    enum pxs_status status = pxs_turn_begin(db, &logger, &cli->turn, &was, &why);
    /* Another command of this machine is over soon. */
    for (int tries = 0;
         status == PXS_E_BUSY && tries < 50 && pxs_store_read_collector(db, &was, NULL) == PXS_OK &&
         pxs_collector_life(&was) == PXS_COLLECTOR_GONE;
         tries++) {
        nanosleep(&(struct timespec){.tv_nsec = 200000000}, NULL);
        status = pxs_turn_begin(db, &logger, &cli->turn, &was, &why);
    }
    if (status == PXS_E_NOT_FOUND)
        return PXS_OK; /* a `run` here has made it a database of its own */
    if (status == PXS_E_BUSY)
        return fail_claimed(cli, db, &why, err);
    if (status != PXS_OK)
        return pxs_fail(err, status, "%s", why.message);
    pxs_format_duration(age, (double)(pxs_now_ms() - was.at_ms) / 1000);
    cli_say("%s is a copy, %s old, that process %lld on %s published; it has ended: this goes into "
            "%s, and into a new copy",
            db, age, (long long)was.pid, was.host, cli->turn.own);
    snprintf(db, PXS_PATH_MAX, "%s", cli->turn.own);
    return PXS_OK;
}

enum pxs_status cli_open_for_writing(struct cli *cli, bool make, struct pxs_store **out,
                                     struct pxs_error *err) {
    struct pxs_collector c;
    char db[PXS_PATH_MAX], dir[PXS_PATH_MAX], nonce[PXS_CLAIM_NONCE];
    PXS_TRY(find_database(cli, db, err));
    if (cli_collects_here(db, &c, dir, nonce)) {
        cli_say(
            "%s is a copy that process %lld publishes: this goes into its own database, %s, and "
            "into its next copy",
            db, (long long)c.pid, c.db);
        snprintf(db, sizeof db, "%s", c.db);
        snprintf(cli->collector, sizeof cli->collector, "%s", dir);
        snprintf(cli->nonce, sizeof cli->nonce, "%s", nonce);
        make = false;
    }
    if (!make) {
        /* It says what to do where there is none. */
        PXS_TRY(cli_explain_missing(cli, pxs_store_open_readonly(db, out, err), err));
        pxs_store_close(out);
    }
    if (pxs_store_is_published(db))
        PXS_TRY(begin_turn(cli, db, err));
    PXS_TRY(pxs_store_open(db, out, err));
    if (*pxs_store_note(*out))
        cli_say("%s", pxs_store_note(*out));
    return PXS_OK;
}

int cli_end_writing(struct cli *cli, int code) {
    struct pxs_error err;
    if (cli->turn.store && pxs_turn_end(&cli->turn, &err) != PXS_OK) {
        cli_say("it is in %s, but %s cannot be published now: %s; the same `pixsweep run FILE --on "
                "...` publishes it",
                cli->turn.own, cli->turn.copy, err.message);
        return code == CLI_OK ? CLI_FAILED : code;
    }
    if (code != CLI_OK || !cli->collector[0] ||
        pxs_claim_check(cli->collector, cli->nonce, &err) != PXS_E_BUSY)
        return code;
    cli_say("the process that publishes has ended meanwhile: whether its last copy has this is not "
            "known; look, and give the command again");
    return CLI_FAILED;
}

#define COPY_IS_NEW_MS 120000 /* published so lately, it needs no word */

/* By its process, or by its claim, whose age is told by our clock: reading makes no file that would
 * tell the disk's. */
static bool collector_lives(const char *db, const struct pxs_collector *c) {
    char folder[PXS_PATH_MAX], dir[PXS_PATH_MAX], nonce[PXS_CLAIM_NONCE];
    struct pxs_claim_owner owner, me;
    int64_t touched_ms;
    if (pxs_collector_life(c) == PXS_COLLECTOR_ALIVE)
        return true;
    if (!pxs_path_dir(folder, sizeof folder, db) ||
        !pxs_path_join(dir, sizeof dir, folder, PXS_COLLECTOR_DIR) ||
        pxs_claim_read(dir, &owner, nonce, &touched_ms, NULL) != PXS_OK)
        return false;
    pxs_claim_owner_here(NULL, 0, &me);
    if (strcmp(owner.host, me.host) == 0 && strcmp(owner.boot_id, me.boot_id) == 0)
        return pxs_pid_alive(owner.pid, owner.pid_start);
    return pxs_now_ms() - touched_ms <= 1000 * (int64_t)PXS_CLAIM_LEASE_SECONDS;
}

/* Whether some run is still to be done or at work. */
static bool is_unfinished(struct pxs_store *s) {
    struct pxs_table t = {0};
    const bool known = pxs_store_select(s,
                                        "SELECT EXISTS (SELECT 1 FROM run WHERE state IN "
                                        "('queued', 'running', 'interrupted') AND run_id NOT IN "
                                        "(SELECT run_id FROM v_not_needed)) AS unfinished",
                                        NULL, 0, &t, NULL) == PXS_OK;
    const bool unfinished = !known || pxs_table_at(&t, 0, "unfinished").integer != 0;
    pxs_table_finish(&t);
    return unfinished;
}

bool cli_copy_words(struct pxs_store *s, struct pxs_text *out) {
    const struct pxs_collector *c = pxs_store_collector(s);
    const char *db = pxs_store_path(s);
    const int64_t now_ms = pxs_now_ms();
    char age[32], at[32];
    if (!c)
        return false;
    const bool lives = collector_lives(db, c);
    if ((lives && now_ms - c->at_ms <= COPY_IS_NEW_MS) || !is_unfinished(s))
        return false;
    pxs_format_local(at, c->at_ms, now_ms);
    pxs_format_duration(age, (double)(now_ms - c->at_ms) / 1000);
    pxs_text_add_words(out, "%s is a copy of %s, %s old; ", db, at, age);
    if (lives)
        pxs_text_add_words(out, "process %lld on %s collects", (long long)c->pid, c->host);
    else
        pxs_text_add_words(out,
                           "process %lld on %s, which collected, has ended: the same `pixsweep run "
                           "FILE --on ...` goes on collecting",
                           (long long)c->pid, c->host);
    return true;
}

void cli_say_copy(struct pxs_store *s) {
    struct pxs_text words = {0};
    if (cli_copy_words(s, &words))
        cli_say("%s", pxs_text_str(&words));
    pxs_text_finish(&words);
}

/* What a bar says while SQL runs for long; NULL: the command has a bar of its own. */
static const char *work_of(const struct cli *cli) {
    static const struct {
        const char *command, *work;
    } works[] = {{"compact", "compacting the database"},
                 {"backup", "copying the database"},
                 {"rm", "removing rows"},
                 {"export", NULL},
                 {"plot", NULL},
                 {"report", NULL}};
    for (size_t i = 0; i < PXS_COUNT(works); i++) {
        if (strcmp(cli->command->name, works[i].command) == 0)
            return works[i].work;
    }
    return "reading the database";
}

static enum pxs_status read_once(struct cli *cli, const char *db, cli_read_fn read,
                                 struct pxs_text *out, struct pxs_error *err) {
    struct pxs_store *s = NULL;
    struct cli_bar bar;
    pxs_text_clear(out);
    PXS_TRY(cli_explain_missing(cli, pxs_store_open_readonly(db, &s, err), err));
    const struct pxs_meter meter = cli_bar_begin(&bar, cli);
    if (work_of(cli))
        pxs_store_set_meter(s, meter, work_of(cli));
    const enum pxs_status status = read(cli, s, out, err);
    cli_bar_clear(&bar);
    if (status == PXS_OK)
        cli_say_copy(s);
    pxs_store_close(&s);
    return status;
}

enum pxs_status cli_open_for_reading(const struct cli *cli, struct pxs_store **out,
                                     struct pxs_error *err) {
    char db[PXS_PATH_MAX];
    PXS_TRY(find_database(cli, db, err));
    return cli_explain_missing(cli, pxs_store_open_readonly(db, out, err), err);
}

int cli_with_store(struct cli *cli, cli_read_fn read) {
    char db[PXS_PATH_MAX];
    struct pxs_error err = {0};
    struct pxs_text out = {0};
    enum pxs_status status = find_database(cli, db, &err);
    if (status == PXS_OK)
        status = read_once(cli, db, read, &out, &err);
    for (int tries = 0; status == PXS_E_BUSY && tries < 5; tries++) {
        nanosleep(&(struct timespec){.tv_nsec = 200000000}, NULL);
        status = read_once(cli, db, read, &out, &err);
    }
    if (status == PXS_OK)
        cli_out_result(cli, &out);
    pxs_text_finish(&out);
    return status == PXS_OK ? CLI_OK : cli_fail(status, &err);
}

int cli_with_writer(struct cli *cli, cli_read_fn change) {
    struct pxs_error err = {0};
    struct pxs_text out = {0};
    struct pxs_store *s = NULL;
    struct cli_bar bar;
    enum pxs_status status = cli_open_for_writing(cli, false, &s, &err);
    if (status != PXS_OK)
        return cli_fail(status, &err);
    const struct pxs_meter meter = cli_bar_begin(&bar, cli);
    if (work_of(cli))
        pxs_store_set_meter(s, meter, work_of(cli));
    status = change(cli, s, &out, &err);
    pxs_store_close(&s);
    cli_bar_clear(&bar);
    if (status == PXS_OK)
        cli_out_result(cli, &out);
    pxs_text_finish(&out);
    return status == PXS_OK ? CLI_OK : cli_fail(status, &err);
}
