/* What a launcher is told: variables of its environment, never arguments that a shell would split.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "launcher_priv.h"

#define PREFIX "PIXSWEEP_"
#define CORE_LOCKS PREFIX "CORE_LOCKS" /* a setting of ours, which jobs are to have, too */

#define VARIABLES_FILE "variables"

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
    size_t n = 0, kept = 0;
    while (l->variables && l->variables[kept])
        kept++;
    const char **env =
        pxs_arena_alloc(arena, (PXS_COUNT(numbers) + l->n_keys + kept + 5) * sizeof *env);
    if (!env)
        return pxs_fail_nomem(err);
    env[n++] = pxs_arena_printf(arena, PREFIX "NAME=%s", name);
    env[n++] = pxs_arena_printf(arena, PREFIX "DIR=%s", l->dir);
    if (locks)
        env[n++] = pxs_arena_printf(arena, CORE_LOCKS "=%s", locks);
    if (l->variables) {
        for (size_t i = 0; i < kept; i++)
            env[n++] = l->variables[i];
        env[n] = NULL;
        *out = env;
        return env[0] && env[1] ? PXS_OK : pxs_fail_nomem(err);
    }
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

/* ---- kept in the folder --------------------------------------------------------------------- */

enum { VARIABLES_MAX = 1 << 20 };

enum pxs_status pxs_launcher_keep(const struct pxs_launcher *l, struct pxs_error *err) {
    static const char *const of_the_call[] = {PREFIX "NAME=", PREFIX "DIR=", CORE_LOCKS "="};
    struct pxs_arena arena = {0};
    struct pxs_text text = {0};
    char path[PXS_PATH_MAX];
    const char *const *variables;
    if (!pxs_path_join(path, sizeof path, l->dir, VARIABLES_FILE))
        return pxs_fail(err, PXS_E_INVALID, "the path %s is too long", l->dir);
    enum pxs_status status = pxs_launcher_environment(l, "", &arena, &variables, err);
    for (size_t i = 0; status == PXS_OK && variables[i]; i++) {
        bool keep = true;
        for (size_t k = 0; k < PXS_COUNT(of_the_call); k++)
            keep = keep && strncmp(variables[i], of_the_call[k], strlen(of_the_call[k])) != 0;
        if (keep)
            pxs_text_add_n(&text, variables[i], strlen(variables[i]) + 1);
    }
    if (status == PXS_OK && text.failed)
        status = pxs_fail_nomem(err);
    if (status == PXS_OK)
        status = pxs_write_file(path, pxs_text_str(&text), text.len, err);
    pxs_text_finish(&text);
    pxs_arena_finish(&arena);
    return status;
}

enum pxs_status pxs_launcher_recall(const char *dir, struct pxs_arena *arena,
                                    struct pxs_launcher *out, struct pxs_error *err) {
    char path[PXS_PATH_MAX], *text = NULL;
    size_t bytes = 0, n = 0;
    memset(out, 0, sizeof *out);
    out->dir = dir;
    if (!pxs_path_join(path, sizeof path, dir, VARIABLES_FILE))
        return pxs_fail(err, PXS_E_INVALID, "the path %s is too long", dir);
    PXS_TRY(pxs_read_file(path, VARIABLES_MAX, &text, &bytes, err));
    char *kept = pxs_arena_alloc(arena, bytes + 1);
    const char **variables = pxs_arena_alloc(arena, (bytes + 1) * sizeof *variables);
    if (kept && variables) {
        memcpy(kept, text, bytes);
        kept[bytes] = '\0';
        for (char *at = kept; at < kept + bytes; at += strlen(at) + 1)
            variables[n++] = at;
        variables[n] = NULL;
        out->variables = variables;
    }
    free(text);
    return out->variables ? PXS_OK : pxs_fail_nomem(err);
}
