/* Questions to the launcher, and cancel: none of them changes what the submission's folder says. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "launcher_priv.h"

/* ---- alive ---------------------------------------------------------------------------------- */

struct pxs_launcher_question {
    struct pxs_call call;
    struct pxs_arena arena; /* holds a copy of the folder's name */
};

/* One line "ID STATE [REASON]"; false where it is none. */
static bool parse_job(const char *line, struct pxs_arena *arena, struct pxs_launched *job) {
    static const char *const states[] = {[PXS_LAUNCHED_PENDING] = "pending",
                                         [PXS_LAUNCHED_RUNNING] = "running",
                                         [PXS_LAUNCHED_ENDING] = "ending",
                                         [PXS_LAUNCHED_UNKNOWN] = "unknown"};
    const size_t id = strcspn(line, " ");
    if (id == 0 || line[id] != ' ')
        return false;
    const char *word = line + id + 1;
    const size_t length = strcspn(word, " ");
    size_t state = 0;
    while (state < PXS_COUNT(states) &&
           (strlen(states[state]) != length || memcmp(states[state], word, length) != 0))
        state++;
    for (const char *c = line; *c; c++)
        if (iscntrl((unsigned char)*c))
            return false;
    if (state == PXS_COUNT(states))
        return false;

    const char *reason = word + length;
    reason += strspn(reason, " ");
    *job = (struct pxs_launched){.id = pxs_arena_printf(arena, "%.*s", (int)id, line),
                                 .task = -1,
                                 .state = (enum pxs_launched_state)state,
                                 .reason = pxs_arena_strdup(arena, reason)};
    const char *task = job->id ? strrchr(job->id, '_') : NULL;
    if (task && isdigit((unsigned char)task[1]) && !task[1 + strspn(task + 1, "0123456789")] &&
        !pxs_parse_int(task + 1, &job->task))
        job->task = -1;
    return true;
}

static enum pxs_status parse_jobs(struct pxs_call *c, struct pxs_launched_list *out,
                                  struct pxs_error *err) {
    struct pxs_launched_list list = {0};
    enum pxs_status status = PXS_OK;
    char *rest = NULL, *line;
    size_t most = 1;
    for (size_t i = 0; i < c->said.len; i++)
        most += c->said.text[i] == '\n';
    list.jobs = pxs_arena_alloc(&list.arena, most * sizeof *list.jobs);
    if (!list.jobs)
        status = pxs_fail_nomem(err);
    while (status == PXS_OK && (line = pxs_call_line(c, &rest))) {
        struct pxs_launched *job = &list.jobs[list.n++];
        if (!parse_job(line, &list.arena, job))
            status = pxs_fail(err, PXS_E_BUSY,
                              "launcher: alive printed \"%.200s\", which is not "
                              "\"ID pending|running|ending|unknown [REASON]\" (%s/launcher)",
                              line, c->dir);
        else if (!job->id || !job->reason)
            status = pxs_fail_nomem(err);
    }
    if (status == PXS_OK)
        *out = list;
    else
        pxs_arena_finish(&list.arena);
    return status;
}

void pxs_launched_finish(struct pxs_launched_list *list) {
    pxs_arena_finish(&list->arena);
    *list = (struct pxs_launched_list){0};
}

enum pxs_status pxs_launcher_ask(const struct pxs_launcher *l, const char *name,
                                 struct pxs_launcher_question **out, struct pxs_error *err) {
    static const char *const arguments[] = {"alive", NULL};
    struct pxs_launcher_question *q = calloc(1, sizeof *q);
    if (!q)
        return pxs_fail_nomem(err);
    const double seconds = l->query_seconds > 0 ? l->query_seconds : PXS_QUERY_SECONDS;
    enum pxs_status status = pxs_call_start(l, name, arguments, seconds, &q->call, err);
    if (status == PXS_OK && !(q->call.dir = pxs_arena_strdup(&q->arena, l->dir)))
        status = pxs_fail_nomem(err);
    if (status == PXS_OK) {
        *out = q;
        return PXS_OK;
    }
    pxs_call_finish(&q->call);
    free(q);
    return status;
}

bool pxs_launcher_is_answered(struct pxs_launcher_question *q, int ms) {
    return pxs_call_look(&q->call, ms);
}

enum pxs_status pxs_launcher_answer(struct pxs_launcher_question *q, struct pxs_launched_list *out,
                                    struct pxs_error *err) {
    enum pxs_status status =
        q->call.ended ? pxs_call_check(&q->call, PXS_E_BUSY, err)
                      : pxs_fail(err, PXS_E_BUSY, "launcher: alive: no answer was waited for");
    if (status == PXS_OK)
        status = parse_jobs(&q->call, out, err);
    pxs_call_finish(&q->call);
    pxs_arena_finish(&q->arena);
    free(q);
    return status;
}

enum pxs_status pxs_launcher_alive(const struct pxs_launcher *l, const char *name,
                                   struct pxs_launched_list *out, struct pxs_error *err) {
    struct pxs_launcher_question *q;
    PXS_TRY(pxs_launcher_ask(l, name, &q, err));
    while (!pxs_launcher_is_answered(q, 1000))
        ;
    return pxs_launcher_answer(q, out, err);
}

/* ---- cancel --------------------------------------------------------------------------------- */

/* So many that a command line bears them; more are cancelled by further calls. */
#define IDS_A_CALL 500

enum pxs_status pxs_launcher_cancel(const struct pxs_launcher *l, const char *name,
                                    const char *const *ids, size_t n, struct pxs_error *err) {
    const char *arguments[IDS_A_CALL + 2] = {"cancel"};
    const double seconds = l->submit_seconds > 0 ? l->submit_seconds : PXS_SUBMIT_SECONDS;
    for (size_t done = 0; done < n;) {
        size_t now = 0;
        for (; now < IDS_A_CALL && done < n; now++)
            arguments[1 + now] = ids[done++];
        arguments[1 + now] = NULL;
        struct pxs_call c = {0};
        enum pxs_status status = pxs_call(l, name, arguments, seconds, &c, err);
        if (status == PXS_OK)
            status = pxs_call_check(&c, PXS_E_BUSY, err);
        pxs_call_finish(&c);
        PXS_TRY(status);
    }
    return PXS_OK;
}

/* ---- limits --------------------------------------------------------------------------------- */

enum pxs_status pxs_launcher_limits(const struct pxs_launcher *l, struct pxs_launcher_limits *out,
                                    struct pxs_error *err) {
    static const char *const arguments[] = {"limits", NULL};
    struct pxs_launcher_limits found = {-1, -1, -1};
    const struct {
        const char *key;
        int64_t *value;
    } known[] = {{"max_array_size", &found.max_array_size},
                 {"max_submit_jobs", &found.max_submit_jobs},
                 {"kill_wait", &found.kill_wait}};
    const double seconds = l->query_seconds > 0 ? l->query_seconds : PXS_QUERY_SECONDS;
    struct pxs_call c = {0};
    char *rest = NULL, *line;
    enum pxs_status status = pxs_call(l, "", arguments, seconds, &c, err);
    if (status == PXS_OK && pxs_call_code(&c) != PXS_EXIT_NO_VERB) {
        status = pxs_call_check(&c, PXS_E_BUSY, err);
        /* A launcher may know more than we ask for. */
        while (status == PXS_OK && (line = pxs_call_line(&c, &rest))) {
            const size_t key = strcspn(line, " ");
            int64_t value;
            if (key == 0 || line[key] != ' ' || !pxs_parse_int(line + key + 1, &value) || value < 0)
                status = pxs_fail(err, PXS_E_BUSY,
                                  "launcher: limits printed \"%.200s\", which is not \"KEY "
                                  "NUMBER\" (%s/launcher)",
                                  line, l->dir);
            for (size_t i = 0; status == PXS_OK && i < PXS_COUNT(known); i++)
                if (strlen(known[i].key) == key && memcmp(known[i].key, line, key) == 0)
                    *known[i].value = value;
        }
    }
    pxs_call_finish(&c);
    if (status == PXS_OK)
        *out = found;
    return status;
}
