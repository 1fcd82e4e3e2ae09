/* What a launcher is told: variables of its environment, never arguments that a shell would split.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "launcher_priv.h"

#define PREFIX "PIXSWEEP_"
#define CORE_LOCKS PREFIX "CORE_LOCKS" /* a setting of ours, which jobs are to have, too */

/* Names that no key may have: pixsweep itself gives them. */
static const char *const reserved[] = {"name",     "dir",        "cpus",  "mem_mb", "seconds",
                                       "throttle", "warn",       "extra", "task",   "restart",
                                       "cores",    "core_locks", "host"};

static enum pxs_status check_key(const char *key, struct pxs_error *err) {
    if (!islower((unsigned char)key[0]) ||
        key[strspn(key, "abcdefghijklmnopqrstuvwxyz0123456789_")])
        return pxs_fail(
            err, PXS_E_INVALID,
            "launcher: key \"%s\": a key has lower case letters, digits and \"_\" only, "
            "since the launcher gets it as a variable: rename it",
            key);
    for (size_t i = 0; i < PXS_COUNT(reserved); i++)
        if (strcmp(key, reserved[i]) == 0)
            return pxs_fail(err, PXS_E_INVALID,
                            "launcher: key \"%s\" is one that pixsweep gives itself: rename it",
                            key);
    return PXS_OK;
}

enum pxs_status pxs_launcher_environment(const struct pxs_launcher *l, const char *name,
                                         struct pxs_arena *arena, const char *const **out,
                                         struct pxs_error *err) {
    const struct {
        const char *name;
        int64_t value;
    } numbers[] = {{"CPUS", l->cpus},
                   {"MEM_MB", l->mem_mb},
                   {"SECONDS", l->seconds},
                   {"WARN", l->warn},
                   {"THROTTLE", l->throttle}};
    const char *locks = getenv(CORE_LOCKS);
    size_t n = 0;
    const char **env = pxs_arena_alloc(arena, (PXS_COUNT(numbers) + l->n_keys + 5) * sizeof *env);
    if (!env)
        return pxs_fail_nomem(err);
    env[n++] = pxs_arena_printf(arena, PREFIX "NAME=%s", name);
    env[n++] = pxs_arena_printf(arena, PREFIX "DIR=%s", l->dir);
    if (locks)
        env[n++] = pxs_arena_printf(arena, CORE_LOCKS "=%s", locks);
    for (size_t i = 0; i < PXS_COUNT(numbers); i++)
        if (numbers[i].value > 0)
            env[n++] = pxs_arena_printf(arena, PREFIX "%s=%lld", numbers[i].name,
                                        (long long)numbers[i].value);

    for (size_t i = 0; i < l->n_keys; i++) {
        PXS_TRY(check_key(l->keys[i].key, err));
        char *variable = pxs_arena_printf(arena, PREFIX "%s=%s", l->keys[i].key, l->keys[i].value);
        for (char *c = variable; c && *c != '='; c++)
            *c = (char)toupper((unsigned char)*c);
        env[n++] = variable;
    }

    struct pxs_text extra = {0};
    enum pxs_status status = PXS_OK;
    for (size_t i = 0; l->extra && l->extra[i] && status == PXS_OK; i++) {
        if (!l->extra[i][0] || strchr(l->extra[i], '\n'))
            status = pxs_fail(err, PXS_E_INVALID,
                              "launcher: extra argument %zu is empty or has more than one line: "
                              "the launcher gets one argument a line",
                              i + 1);
        pxs_text_addf(&extra, "%s%s", i ? "\n" : "", l->extra[i]);
    }
    if (extra.len > 0)
        env[n++] = pxs_arena_printf(arena, PREFIX "EXTRA=%s", pxs_text_str(&extra));
    const bool failed = extra.failed;
    pxs_text_finish(&extra);
    if (status != PXS_OK)
        return status;
    for (size_t i = 0; i < n; i++)
        if (failed || !env[i])
            return pxs_fail_nomem(err);
    *out = env;
    return PXS_OK;
}

enum pxs_status pxs_launcher_variables(const struct pxs_launcher *l, const char *name,
                                       struct pxs_text *out, struct pxs_error *err) {
    struct pxs_arena arena = {0};
    const char *const *variables;
    const enum pxs_status status = pxs_launcher_environment(l, name, &arena, &variables, err);
    for (size_t i = 0; status == PXS_OK && variables[i]; i++)
        if (strncmp(variables[i], CORE_LOCKS, strlen(CORE_LOCKS)) != 0)
            pxs_text_addf(out, "%s\n", variables[i]);
    pxs_arena_finish(&arena);
    return status;
}
