/* The room launcher as a program, for tests in shell.
 * drive DIR [NAME=VALUE...] lay_out ON | submit N | alive | cancel ID... | limits
 * extra=... may come several times; a NAME that struct pxs_launcher does not have is a key. */
#include <stdlib.h>
#include <string.h>

#include "pixsweep/launcher.h"

#define MOST 32

static void warn(void *user, enum pxs_log_level level, const char *text) {
    (void)user;
    (void)level;
    fprintf(stderr, "warning: %s\n", text);
}

/* A line a job on stdout, and all of them in words on stderr, behind "!" where some never start. */
static enum pxs_status print_alive(const struct pxs_launcher *l, const char *name,
                                   struct pxs_error *err) {
    static const char *const states[] = {"pending", "running", "ending", "unknown"};
    struct pxs_launched_list list = {0};
    struct pxs_text words = {0};
    bool never;
    PXS_TRY(pxs_launcher_alive(l, name, &list, err));
    for (size_t i = 0; i < list.n; i++)
        printf("%s %lld %s %s\n", list.jobs[i].id, (long long)list.jobs[i].task,
               states[list.jobs[i].state], list.jobs[i].reason);
    pxs_launched_words(&list, &words, &never);
    fprintf(stderr, "%s%s\n", never ? "!" : "", pxs_text_str(&words));
    pxs_text_finish(&words);
    pxs_launched_finish(&list);
    return PXS_OK;
}

int main(int argc, char **argv) {
    const char *extra[MOST + 1] = {NULL};
    struct pxs_launcher_key keys[MOST];
    size_t n_extra = 0;
    struct pxs_launcher l = {
        .sweep = "letters", .keys = keys, .extra = extra, .logger = {.write = warn}};
    struct {
        const char *name;
        int64_t *whole;
        double *real;
    } settings[] = {{"cpus", &l.cpus, NULL},
                    {"mem_mb", &l.mem_mb, NULL},
                    {"seconds", &l.seconds, NULL},
                    {"warn", &l.warn, NULL},
                    {"throttle", &l.throttle, NULL},
                    {"submit_seconds", NULL, &l.submit_seconds},
                    {"query_seconds", NULL, &l.query_seconds},
                    {"settle_seconds", NULL, &l.settle_seconds}};
    int at = 2;
    if (argc < 3)
        return 2;
    l.dir = argv[1];
    for (char *value; at < argc && (value = strchr(argv[at], '=')); at++) {
        size_t i = 0;
        *value++ = '\0';
        while (i < PXS_COUNT(settings) && strcmp(settings[i].name, argv[at]) != 0)
            i++;
        if (i < PXS_COUNT(settings) && settings[i].whole)
            *settings[i].whole = strtoll(value, NULL, 10);
        else if (i < PXS_COUNT(settings))
            *settings[i].real = strtod(value, NULL);
        else if (strcmp(argv[at], "setup") == 0)
            l.setup = value;
        else if (strcmp(argv[at], "extra") == 0 && n_extra < MOST)
            extra[n_extra++] = value;
        else if (l.n_keys < MOST)
            keys[l.n_keys++] = (struct pxs_launcher_key){argv[at], value};
    }
    const char *verb = at < argc ? argv[at] : "", *argument = at + 1 < argc ? argv[at + 1] : "";
    struct pxs_error err = {.message = ""};
    struct pxs_submission sub = {0};
    enum pxs_status status = PXS_OK;
    if (strcmp(verb, "lay_out") == 0) {
        status = pxs_launcher_lay_out(l.dir, argument, &err);
    } else if (strcmp(verb, "submit") == 0) {
        static const char *const states[] = {"none", "unknown", "accepted", "refused"};
        status = pxs_launcher_submit(&l, strtoll(argument, NULL, 10), &sub, &err);
        printf("%s %s\n", states[sub.state], sub.name ? sub.name : "-");
        for (size_t i = 0; i < sub.n_ids; i++)
            printf("%s\n", sub.ids[i]);
    } else if (strcmp(verb, "alive") == 0) {
        status = pxs_submission_read(l.dir, &sub, &err);
        if (status == PXS_OK)
            status = print_alive(&l, sub.name ? sub.name : "none", &err);
    } else if (strcmp(verb, "cancel") == 0) {
        status = pxs_submission_read(l.dir, &sub, &err);
        if (status == PXS_OK)
            status = pxs_launcher_cancel(&l, sub.name ? sub.name : "none",
                                         (const char *const *)argv + at + 1,
                                         (size_t)(argc - at - 1), &err);
    } else if (strcmp(verb, "limits") == 0) {
        struct pxs_launcher_limits limits;
        status = pxs_launcher_limits(&l, &limits, &err);
        if (status == PXS_OK)
            printf("%lld %lld %lld\n", (long long)limits.max_array_size,
                   (long long)limits.max_submit_jobs, (long long)limits.kill_wait);
    } else {
        return 2;
    }
    pxs_submission_finish(&sub);
    if (status != PXS_OK)
        fprintf(stderr, "%s\n", err.message);
    return status == PXS_OK ? 0 : status == PXS_E_INVALID ? 1 : status == PXS_E_BUSY ? 75 : 3;
}
