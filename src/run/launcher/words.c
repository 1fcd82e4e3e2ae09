/* The living jobs of a submission in words. */
#include <stdlib.h>
#include <string.h>

#include "pixsweep/launcher.h"

/* Reasons for which Slurm never starts a pending job, as squeue prints them (names, or what the
 * controller says in their place), and what that means. A reason that has one of them at its
 * beginning, or anywhere in it where that is said, is meant. */
static const struct {
    const char *reason, *meaning;
    bool anywhere;
} endless[] = {
    {"JobHeldUser", "held: `scontrol release`", false},
    {"JobHeldAdmin", "held by an administrator", false},
    {"JobHoldMaxRequeue", "requeued too often", false},
    {"held", "held after it failed: see the node, then `scontrol release`", true},
    {"BadConstraints", "no node is as they ask for", false},
    {"PartitionConfig", "no node of the partition is as they ask for", false},
    {"PartitionNodeLimit", "more than the partition allows", false},
    {"PartitionTimeLimit", "longer than the partition allows", false},
    {"PartitionDown", "the partition is down", false},
    {"PartitionInactive", "the partition is inactive", false},
    {"ReqNodeNotAvail", "nodes that they need are down or reserved", false},
    {"NodeDown", "a node that they need is down", false},
    {"AccountNotAllowed", "the account may not", false},
    {"QOSNotAllowed", "the qos may not", false},
    {"InvalidAccount", "no such account", false},
    {"InvalidQOS", "no such qos", false},
    {"DependencyNeverSatisfied", "what they wait for has failed", false},
    {"PerJob", "more than a job may have", true},
    {"MaxWallDuration", "longer than a job may be", true},
};

static const char *endless_meaning(const char *reason) {
    for (size_t i = 0; i < PXS_COUNT(endless); i++) {
        const char *at = strstr(reason, endless[i].reason);
        if (at && (at == reason || endless[i].anywhere))
            return endless[i].meaning;
    }
    return NULL;
}

/* How many jobs say the same. */
struct tally {
    const char *words;
    size_t n;
};

static void count(struct tally *tallies, size_t *n, const char *words) {
    size_t i = 0;
    while (i < *n && strcmp(tallies[i].words, words) != 0)
        i++;
    if (i == *n)
        tallies[(*n)++] = (struct tally){words, 0};
    tallies[i].n++;
}

static int most_first(const void *a, const void *b) {
    const struct tally *x = a, *y = b;
    return x->n != y->n ? (x->n < y->n) - (x->n > y->n) : strcmp(x->words, y->words);
}

/* " (Priority)", " (28 Priority, 2 Resources)". `meaning`: behind each. */
static void add_reasons(struct tally *reasons, size_t n, bool meaning, struct pxs_text *out) {
    enum { SHOWN = 3 };
    qsort(reasons, n, sizeof *reasons, most_first);
    if (n == 0 || (n == 1 && !reasons[0].words[0]))
        return;
    pxs_text_add(out, " (");
    for (size_t i = 0; i < n && i < SHOWN; i++) {
        pxs_text_add(out, i > 0 ? ", " : "");
        if (n > 1)
            pxs_text_addf(out, "%zu ", reasons[i].n);
        pxs_text_add(out, reasons[i].words[0] ? reasons[i].words : "for no reason given");
        if (meaning)
            pxs_text_addf(out, ": %s", endless_meaning(reasons[i].words));
    }
    pxs_text_add(out, n > SHOWN ? ", ...)" : ")");
}

/* "12 jobs at work", then ", 30 pending": the first part says what is counted. */
static void add_number(struct pxs_text *out, size_t from, size_t n, const char *what) {
    if (out->len > from)
        pxs_text_addf(out, ", %zu%s", n, what);
    else
        pxs_text_addf(out, "%zu job%s%s", n, n == 1 ? "" : "s", what);
}

void pxs_launched_words(const struct pxs_launched_list *list, struct pxs_text *out, bool *never) {
    struct tally *const tallies = calloc(3 * list->n + 1, sizeof *tallies);
    size_t n_running = 0, n_pending = 0, n_never = 0, n_ending = 0, n_unknown = 0, n_nodes = 0,
           n_reasons = 0, n_endless = 0;
    const size_t from = out->len;
    *never = false;
    if (!tallies) {
        out->failed = true;
        return;
    }
    struct tally *nodes = tallies, *reasons = nodes + list->n, *ends = reasons + list->n;
    for (size_t i = 0; i < list->n; i++) {
        const struct pxs_launched *job = &list->jobs[i];
        switch (job->state) {
        case PXS_LAUNCHED_PENDING:
            if (endless_meaning(job->reason)) {
                n_never++;
                count(ends, &n_endless, job->reason);
            } else {
                n_pending++;
                count(reasons, &n_reasons, job->reason);
            }
            break;
        case PXS_LAUNCHED_RUNNING:
            n_running++;
            if (job->reason[0])
                count(nodes, &n_nodes, job->reason);
            break;
        case PXS_LAUNCHED_ENDING:
            n_ending++;
            break;
        case PXS_LAUNCHED_UNKNOWN:
            n_unknown++;
            break;
        }
    }
    *never = n_never > 0;
    if (n_never > 0) {
        add_number(out, from, n_never, n_never == 1 ? " never starts" : " never start");
        add_reasons(ends, n_endless, true, out);
    }
    if (n_running > 0) {
        add_number(out, from, n_running, " at work");
        if (n_nodes > 0)
            pxs_text_addf(out, " on %zu node%s", n_nodes, n_nodes == 1 ? "" : "s");
    }
    if (n_pending > 0) {
        add_number(out, from, n_pending, " pending");
        add_reasons(reasons, n_reasons, false, out);
    }
    if (n_ending > 0)
        add_number(out, from, n_ending, " ending");
    if (n_unknown > 0)
        add_number(out, from, n_unknown, " on machines that do not answer");
    if (list->n == 0)
        pxs_text_add(out, PXS_NO_JOBS);
    free(tallies);
}
