/* How the attempts of a run ended, kept beside its records: a killed worker leaves no last record,
 * and the database may be shut when its supervisor learns why it died. */
#include <stdlib.h>
#include <string.h>

#include "pixsweep/rundir.h"

enum { ENDS_MAX = 64 << 20 };

/* Older files stop behind boot_id. */
#define HEAD                                                                                     \
    "# attempt reason pid pid_start boot_id outcome state exit_code signal started_ms ended_ms " \
    "host cores threads kernels message\n"
#define EMPTY "-"

/* ---- which attempt a line is of ------------------------------------------------------------- */

/* In older files a number may occur twice, so the process counts where both sides know theirs. */
bool pxs_same_attempt(const struct pxs_store_attempt *a, const struct pxs_store_attempt *b) {
    if (a->pid != 0 && b->pid != 0)
        return a->pid == b->pid && a->pid_start == b->pid_start &&
               strcmp(a->boot_id, b->boot_id) == 0;
    return a->no == b->no;
}

const struct pxs_ended *pxs_ends_find(const struct pxs_ends *ends,
                                      const struct pxs_store_attempt *attempt) {
    for (size_t i = ends->n; i-- > 0;)
        if (pxs_same_attempt(&ends->of[i].attempt, attempt))
            return &ends->of[i];
    return NULL;
}

/* ---- reading -------------------------------------------------------------------------------- */

static void unescape(char *text) {
    char *to = text;
    for (const char *at = text; *at; at++) {
        bool escape = *at == '\\' && at[1];
        at += escape;
        *to++ = escape && *at == 'n' ? '\n' : *at;
    }
    *to = '\0';
}

static void drop_empty(char *word) {
    if (strcmp(word, EMPTY) == 0)
        word[0] = '\0';
}

/* False for a line that says nothing of an attempt, as the head. Its message is left in `line`. */
static bool read_line(char *line, struct pxs_ended *out) {
    struct pxs_store_attempt *a = &out->attempt;
    struct pxs_store_end *end = &out->end;
    char reason[32], outcome[32], state[32];
    long long no, pid, pid_start, started_ms, ended_ms, threads;
    int length = 0, rest = 0, exit_code, signal;
    memset(out, 0, sizeof *out);
    if (sscanf(line, "%18lld %31s %18lld %18lld %63s%n", &no, reason, &pid, &pid_start, a->boot_id,
               &length) != 5 ||
        no < 1)
        return false;
    a->no = no;
    a->pid = pid;
    a->pid_start = pid_start;
    drop_empty(a->boot_id);
    end->reason = pxs_reason_parse(reason);
    end->exit_code = -1;
    if (sscanf(line + length, "%31s %31s %9d %9d %18lld %18lld %255s %255s %18lld %63s%n", outcome,
               state, &exit_code, &signal, &started_ms, &ended_ms, a->host, a->cores, &threads,
               a->kernels, &rest) != 10 ||
        line[length + rest] != ' ')
        return true;
    drop_empty(a->host);
    drop_empty(a->cores);
    drop_empty(a->kernels);
    a->threads = threads;
    a->started_ms = started_ms;
    end->outcome = pxs_state_parse(outcome);
    end->state = pxs_state_parse(state);
    bool over = pxs_state_is_done(end->outcome) || pxs_state_is_lost(end->outcome) ||
                end->outcome == PXS_STATE_INTERRUPTED,
         again = end->outcome == PXS_STATE_FAILED && end->state == PXS_STATE_QUEUED;
    if (!over || (end->state != end->outcome && !again))
        end->outcome = PXS_STATE_NONE;
    end->exit_code = exit_code;
    end->signal = signal;
    end->ended_ms = ended_ms;
    end->message = line + length + rest + 1;
    unescape(line + length + rest + 1);
    return true;
}

static enum pxs_status read_text(const char *dir, char **text, struct pxs_error *err) {
    size_t bytes;
    *text = NULL;
    enum pxs_status status = pxs_read_beneath(dir, PXS_ENDS_FILE, ENDS_MAX, text, &bytes, err);
    return status == PXS_E_NOT_FOUND ? PXS_OK : status;
}

enum pxs_status pxs_ends_read(const char *dir, struct pxs_ends *out, struct pxs_error *err) {
    size_t lines = 1;
    memset(out, 0, sizeof *out);
    PXS_TRY(read_text(dir, &out->text, err));
    if (!out->text)
        return PXS_OK;
    for (const char *at = out->text; *at; at++)
        lines += *at == '\n';
    out->of = malloc(lines * sizeof *out->of);
    if (!out->of) {
        pxs_ends_finish(out);
        return pxs_fail_nomem(err);
    }
    for (char *line = out->text, *next; line; line = next) {
        next = strchr(line, '\n');
        if (next)
            *next++ = '\0';
        out->n += read_line(line, &out->of[out->n]);
    }
    return PXS_OK;
}

void pxs_ends_finish(struct pxs_ends *ends) {
    free(ends->of);
    free(ends->text);
    memset(ends, 0, sizeof *ends);
}

/* ---- writing -------------------------------------------------------------------------------- */

static const char *word(const char *text) {
    return text[0] ? text : EMPTY;
}

static void add_escaped(struct pxs_text *out, const char *text) {
    for (const char *at = text; *at;) {
        size_t n = strcspn(at, "\\\n");
        pxs_text_addf(out, "%.*s", (int)n, at);
        at += n;
        if (*at)
            pxs_text_add(out, *at++ == '\n' ? "\\n" : "\\\\");
    }
}

enum pxs_status pxs_ends_add(const char *dir, const struct pxs_store_attempt *a,
                             const struct pxs_store_end *end, struct pxs_error *err) {
    char path[PXS_PATH_MAX], *before = NULL;
    struct pxs_text text = {0};
    if (!pxs_path_join(path, sizeof path, dir, PXS_ENDS_FILE))
        return pxs_fail(err, PXS_E_INVALID, "the path %s is too long", dir);
    PXS_TRY(read_text(dir, &before, err));
    const char *lines = before ? before : "";
    if (lines[0] == '#') { /* its head may be an older one */
        lines += strcspn(lines, "\n");
        lines += *lines == '\n';
    }
    pxs_text_add(&text, HEAD);
    pxs_text_add(&text, lines);
    pxs_text_addf(&text, "%lld %s %lld %lld %s %s %s %d %d %lld %lld %s %s %lld %s ",
                  (long long)a->no, word(pxs_reason_name(end->reason)), (long long)a->pid,
                  (long long)a->pid_start, word(a->boot_id), pxs_state_name(end->outcome),
                  pxs_state_name(end->state), end->exit_code, end->signal, (long long)a->started_ms,
                  (long long)end->ended_ms, word(a->host), word(a->cores), (long long)a->threads,
                  word(a->kernels));
    add_escaped(&text, end->message ? end->message : "");
    pxs_text_add(&text, "\n");
    enum pxs_status status = text.failed ? pxs_fail_nomem(err)
                                         : pxs_write_file(path, pxs_text_str(&text), text.len, err);
    pxs_text_finish(&text);
    free(before);
    return status;
}
