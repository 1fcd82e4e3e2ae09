/* Problems of a data folder: collected, cut to the first of a kind, told as one error or line by
 * line. */
#include "problems_priv.h"

#include <stdlib.h>
#include <string.h>

#define LISTED 20
#define NAMED 5
#define ROOM 1900 /* bytes of a message for the list: the rest is for what callers put in front */

void pxs_problem_add(struct pxs_problems *p, enum pxs_problem_kind kind, const char *fmt, ...) {
    struct pxs_text text = {0};
    va_list ap;
    va_start(ap, fmt);
    pxs_text_addv(&text, fmt, ap);
    va_end(ap);
    if (p->n == p->cap) {
        size_t cap = p->cap == 0 ? 16 : p->cap * 2;
        struct pxs_problem *list = realloc(p->list, cap * sizeof *list);
        if (list) {
            p->list = list;
            p->cap = cap;
        }
    }
    const char *kept = text.failed ? NULL : pxs_arena_strdup(&p->arena, pxs_text_str(&text));
    if (kept && p->n < p->cap)
        p->list[p->n++] = (struct pxs_problem){kind, kept};
    else
        p->failed = true;
    p->count[kind]++;
    pxs_text_finish(&text);
}

void pxs_tally_add(struct pxs_problems *p, struct pxs_tally *tally, const char *name,
                   const char *text) {
    size_t i = 0;
    while (i < tally->n && strcmp(tally->reason[i].text, text) != 0)
        i++;
    if (i == tally->n && i < PXS_COUNT(tally->reason)) {
        const char *kept = pxs_arena_strdup(&p->arena, text);
        p->failed |= !kept;
        if (kept)
            tally->reason[tally->n++].text = kept;
    }
    if (i == tally->n || ++tally->reason[i].n <= NAMED)
        pxs_problem_add(p, PXS_PROBLEM_ERROR, "%s: %s", name, text);
}

void pxs_tally_end(struct pxs_problems *p, struct pxs_tally *tally, const char *where) {
    for (size_t i = 0; i < tally->n; i++)
        if (tally->reason[i].n > NAMED)
            pxs_problem_add(p, PXS_PROBLEM_ERROR, "%s: %zu more files of this kind (%s)", where,
                            tally->reason[i].n - NAMED, tally->reason[i].text);
    *tally = (struct pxs_tally){.n = 0};
}

void pxs_problems_finish(struct pxs_problems *p) {
    pxs_arena_finish(&p->arena);
    free(p->list);
    *p = (struct pxs_problems){0};
}

enum pxs_status pxs_problems_fail(const struct pxs_problems *p, const char *path,
                                  struct pxs_error *err) {
    size_t errors = p->count[PXS_PROBLEM_ERROR], listed = 0;
    if (p->failed)
        return pxs_fail_nomem(err);
    if (errors == 0)
        return PXS_OK;
    struct pxs_text t = {0};
    pxs_text_addf(&t, "%s cannot be used:", path);
    for (size_t i = 0; i < p->n && listed < LISTED; i++) {
        if (p->list[i].kind != PXS_PROBLEM_ERROR)
            continue;
        if (listed > 0 && t.len + strlen(p->list[i].text) > ROOM)
            break;
        pxs_text_addf(&t, "%s%.1500s", errors == 1 ? " " : "\n  ", p->list[i].text);
        listed++;
    }
    if (listed < errors)
        pxs_text_addf(&t, "\n  and %zu more (`pixsweep data check` lists them all)",
                      errors - listed);
    enum pxs_status status =
        t.failed ? pxs_fail_nomem(err) : pxs_fail(err, PXS_E_INVALID, "%s", t.text);
    pxs_text_finish(&t);
    return status;
}

void pxs_problems_log(const struct pxs_problems *p, const char *path, struct pxs_logger logger) {
    bool told[PXS_PROBLEM_KINDS] = {false};
    for (size_t i = 0; i < p->n; i++) {
        enum pxs_problem_kind kind = p->list[i].kind;
        if (kind == PXS_PROBLEM_ERROR || kind == PXS_PROBLEM_INFO ||
            (kind != PXS_PROBLEM_NOTE && told[kind]))
            continue;
        told[kind] = true;
        if (kind == PXS_PROBLEM_NOTE || p->count[kind] == 1)
            pxs_log(logger, PXS_LOG_WARN, "%s: %s", path, p->list[i].text);
        else
            pxs_log(logger, PXS_LOG_WARN, "%s: %s (and %zu more like it)", path, p->list[i].text,
                    p->count[kind] - 1);
    }
}

void pxs_problems_report(const struct pxs_problems *p, struct pxs_logger report) {
    for (size_t i = 0; i < p->n; i++) {
        enum pxs_problem_kind kind = p->list[i].kind;
        pxs_log(report,
                kind == PXS_PROBLEM_ERROR  ? PXS_LOG_ERROR
                : kind == PXS_PROBLEM_INFO ? PXS_LOG_INFO
                                           : PXS_LOG_WARN,
                "%s", p->list[i].text);
    }
}
