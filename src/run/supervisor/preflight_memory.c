/* The preflight of shapes: runs that differ in nothing that changes memory, data or buffers are
 * tried once, in one batch, before the night. What does not load or does not fit is refused then,
 * and the measured memory decides how many jobs there may be. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "supervisor_priv.h"

#define MOST_SHAPES 32 /* the largest of them; a random search may have hundreds */
#define LOOK_MS 50

struct shape {
    char *key;
    size_t run, n_runs; /* the first one of it, and how many */
    uint64_t estimate;
};
struct shapes {
    struct shape *items;
    size_t n;
    struct pxs_arena arena;
};

/* ---- which there are ------------------------------------------------------------------------ */

/* Learning rates, epochs and seeds do not matter here; that there is dropout does, how much does
 * not. */
static const enum pxs_param_key shape_keys[] = {
    PXS_PARAM_dataset,    PXS_PARAM_val_fraction, PXS_PARAM_direction,     PXS_PARAM_img_height,
    PXS_PARAM_img_width,  PXS_PARAM_channels,     PXS_PARAM_jitter,        PXS_PARAM_batch_size,
    PXS_PARAM_generator,  PXS_PARAM_ngf,          PXS_PARAM_discriminator, PXS_PARAM_ndf,
    PXS_PARAM_downs_G,    PXS_PARAM_n_layers_D,   PXS_PARAM_norm,          PXS_PARAM_gan_mode,
    PXS_PARAM_validation, PXS_PARAM_init_from};

static void write_key(const struct pxs_params *params, struct pxs_text *out) {
    pxs_text_clear(out);
    for (size_t i = 0; i < PXS_COUNT(shape_keys); i++) {
        pxs_params_format(params, (int)shape_keys[i], out);
        pxs_text_add(out, "\n");
    }
    pxs_text_add(out, params->dropout > 0 ? "dropout" : "");
}

static enum pxs_status add_run(struct shapes *shapes, size_t index, const struct pxs_plan_run *run,
                               const char *key, struct pxs_error *err) {
    for (size_t i = 0; i < shapes->n; i++)
        if (strcmp(shapes->items[i].key, key) == 0) {
            shapes->items[i].n_runs++;
            return PXS_OK;
        }
    char *copy = pxs_arena_strdup(&shapes->arena, key);
    if (!copy)
        return pxs_fail_nomem(err);
    shapes->items[shapes->n++] = (struct shape){
        .key = copy, .run = index, .n_runs = 1, .estimate = run->estimate.memory_bytes};
    return PXS_OK;
}

static int by_estimate(const void *a, const void *b) {
    const struct shape *x = a, *y = b;
    int order = (x->estimate < y->estimate) - (x->estimate > y->estimate);
    return order != 0 ? order : (x->run > y->run) - (x->run < y->run);
}

/* Largest first. `items` has room for every run. */
static enum pxs_status find_shapes(const struct pxs_plan *plan, struct shapes *out,
                                   struct pxs_error *err) {
    struct pxs_text key = {0};
    struct pxs_params *params = malloc(sizeof *params);
    out->items = calloc(plan->n, sizeof *out->items);
    enum pxs_status status = params && out->items ? PXS_OK : pxs_fail_nomem(err);
    for (size_t i = 0; i < plan->n && status == PXS_OK; i++) {
        if (!pxs_plan_takes_run(plan, &plan->runs[i]))
            continue;
        pxs_plan_params(plan, i, params);
        write_key(params, &key);
        status = key.failed ? pxs_fail_nomem(err)
                            : add_run(out, i, &plan->runs[i], pxs_text_str(&key), err);
    }
    free(params);
    pxs_text_finish(&key);
    if (status == PXS_OK)
        qsort(out->items, out->n, sizeof *out->items, by_estimate);
    return status;
}

static void shapes_finish(struct shapes *shapes) {
    free(shapes->items);
    pxs_arena_finish(&shapes->arena);
}

/* ---- a batch of one ------------------------------------------------------------------------- */

/* What one run takes. */
struct need {
    uint64_t memory, mapped;
};

static uint64_t need_of(const struct need *need, const struct pxs_memory *memory) {
    return memory->address_space ? need->mapped : need->memory;
}

/* Files in memory: nothing stays behind, whichever process dies. */
struct probe {
    int config, job, log;
    struct pxs_memory memory;
    int64_t kills; /* for want of memory in our control group, before it */
    struct pxs_process process;
    struct pxs_exit exit;
};

/* *fd: a file in memory with this text. */
static enum pxs_status open_file(const char *name, const struct pxs_text *text, int *fd,
                                 struct pxs_error *err) {
    *fd = memfd_create(name, MFD_CLOEXEC);
    if (*fd < 0)
        return pxs_fail_errno(err, "cannot make a file in memory");
    if (text->failed)
        return pxs_fail_nomem(err);
    errno = ENOMEM; /* a short write */
    if (write(*fd, pxs_text_str(text), text->len) != (ssize_t)text->len)
        return pxs_fail_errno(err, "cannot write a file in memory");
    return PXS_OK;
}

/* As another process finds it. */
static void path_of(int fd, char out[64]) {
    snprintf(out, 64, "/proc/%lld/fd/%d", (long long)getpid(), fd);
}

static enum pxs_status launch(struct pxs_supervisor *s, struct probe *p,
                              const struct pxs_text *yaml, struct pxs_error *err) {
    struct pxs_text text = {0}, nothing = {0};
    char config[64], path[64], cache[PXS_PATH_MAX];
    cpu_set_t used, cores;
    CPU_ZERO(&used);
    int threads = pxs_slot_draw(&s->plan->slots, &s->allowed, &used, (size_t)s->plan->slots.jobs,
                                s->plan->slots.jobs, &cores);
    PXS_TRY(open_file("preflight.log", &nothing, &p->log, err));
    PXS_TRY(open_file("config.yaml", yaml, &p->config, err));
    path_of(p->config, config);
    if (!pxs_path_join(cache, sizeof cache, s->plan->results, PXS_CACHE_FOLDER))
        cache[0] = '\0';
    const struct pxs_job job = {.kind = PXS_JOB_PREFLIGHT,
                                .supervisor = getpid(),
                                .threads = threads,
                                .kernels = s->options->kernels ? s->options->kernels : "auto",
                                .cache = cache,
                                .config = config,
                                .memory = (int64_t)p->memory.available};
    enum pxs_status status = pxs_job_print(&job, &text, err);
    if (status == PXS_OK)
        status = open_file(PXS_JOB_FILE, &text, &p->job, err);
    pxs_text_finish(&text);
    PXS_TRY(status);
    path_of(p->job, path);
    const char *argv[] = {"pixsweep", "worker", path, NULL};
    const struct pxs_process_spec spec = {.argv = argv, .log_fd = p->log, .cores = &cores};
    return pxs_process_start(&spec, &p->process, err);
}

/* It leaves nothing behind: the first signal to us ends it, whatever it is at. */
static void wait_for(struct pxs_supervisor *s, struct probe *p) {
    const struct pxs_process *const processes[] = {&p->process};
    if (s->options->stop)
        atomic_store(&s->options->stop->was_handled, 1);
    while (!pxs_process_reap(&p->process, &p->exit)) {
        if (s->options->stop && atomic_load(&s->options->stop->signal) != 0)
            pxs_child_kill(&p->process.child);
        if (p->process.lifeline >= 0 && pxs_process_hung_up(&p->process))
            pxs_process_close(&p->process);
        struct pollfd fd = {.fd = p->process.lifeline, .events = POLLIN};
        poll(&fd, 1, fd.fd >= 0 ? LOOK_MS : 2);
        pxs_handle_suspend(s, processes, 1);
    }
    if (s->options->stop)
        atomic_store(&s->options->stop->was_handled, 0);
}

/* What stands behind the marker at the beginning of a line, to the end; NULL if it is not there. */
static const char *behind(const char *log, const char *marker) {
    for (const char *at = log; (at = strstr(at, marker)); at++)
        if (at == log || at[-1] == '\n')
            return at + strlen(marker);
    return NULL;
}

/* "1.0 GB are available: memory.max is 1.2 GB in control group /job" */
static void have_text(const struct pxs_memory *memory, char buf[1024]) {
    char have[32], more[PXS_LIMIT_WORDS] = "";
    pxs_format_bytes(have, memory->available);
    if (!memory->address_space)
        pxs_limit_words(ENOMEM, more);
    if (memory->available == 0)
        snprintf(buf, 1024, "nobody knows how much there is%s", more);
    else
        snprintf(buf, 1024, "%s are available: %.200s%s", have, memory->from, more);
}

/* `need` 0: it broke off, and what it would have needed is not known. */
static enum pxs_status too_large(const struct pxs_supervisor *s, const struct shape *shape,
                                 uint64_t need, const struct pxs_memory *memory,
                                 struct pxs_error *err) {
    char need_text[32], have[1024];
    pxs_format_bytes(need_text, need > 0 ? need : shape->estimate);
    have_text(memory, have);
    return pxs_fail(
        err, PXS_E_INVALID,
        "preflight: run %s%s does not fit: %s (%s %s%s, %s); try a smaller batch_size, ngf or "
        "image, or raise that limit or end what else runs here",
        s->plan->runs[shape->run].name, shape->n_runs > 1 ? " (and others of its shape)" : "",
        need > 0 ? "it needs more memory than there is" : "out of memory in its first batch",
        need > 0 ? "measured" : "estimated", need_text,
        need > 0 && memory->address_space ? " of address space" : "", have);
}

/* Its log has lines of its own, as the format has. */
static enum pxs_status died(const char *name, const char *how, const char *log,
                            struct pxs_error *err) {
    if (log[0] == '\0')
        return pxs_fail(err, PXS_E_INVALID, "preflight: run %s: its first batch %s", name, how);
    return pxs_fail(err, PXS_E_INVALID, "preflight: run %s: its first batch %s:\n%.1000s", name,
                    how, log);
}

/* As a worker's death is told (verdict.c); a probe is not tried again. */
static const char *whose_kill(const struct pxs_cgroup *groups) {
    return groups->oom_kills < 0
               ? ": by somebody, or by the system for want of memory; the same "
                 "command tries it again, and a smaller batch_size, ngf or image takes less"
               : ": by somebody; the kernel counts no want of memory; the same "
                 "command tries it again";
}

static enum pxs_status read_answer(struct pxs_supervisor *s, const struct shape *shape,
                                   const struct probe *p, struct need *need,
                                   struct pxs_error *err) {
    char log[8192], *end;
    ssize_t n = pread(p->log, log, sizeof log - 1, 0);
    log[n > 0 ? n : 0] = '\0';
    for (size_t len = strlen(log); len > 0 && log[len - 1] == '\n'; len--)
        log[len - 1] = '\0';
    const char *took = behind(log, PXS_PROBE_TOOK), *refused = behind(log, PXS_PROBE_REFUSED);
    const char *name = s->plan->runs[shape->run].name;
    if (s->options->stop && atomic_load(&s->options->stop->signal) != 0)
        return pxs_fail(err, PXS_E_STOPPED, "interrupted in the preflight; nothing was started");
    if (took) {
        need->memory = strtoull(took, &end, 10);
        need->mapped = strtoull(end, NULL, 10);
        uint64_t least = need_of(need, &p->memory);
        return p->memory.available != 0 && least > p->memory.available
                   ? too_large(s, shape, least, &p->memory, err)
                   : PXS_OK;
    }
    struct pxs_cgroup groups;
    pxs_cgroup_look("", &groups);
    bool killed = p->exit.how == PXS_SIGNALLED && p->exit.code == SIGKILL;
    if (behind(log, PXS_PROBE_NOMEM) || (killed && groups.oom_kills > p->kills))
        return too_large(s, shape, 0, &p->memory, err);
    if (refused)
        return pxs_fail(err, PXS_E_INVALID, "preflight: run %s: %.1500s", name, refused);
    char how[400 + PXS_LIMIT_WORDS], limit[PXS_LIMIT_WORDS] = "";
    if (killed || (p->exit.how == PXS_SIGNALLED && p->exit.code == SIGXCPU))
        pxs_limit_cpu_words(limit);
    if (p->exit.how == PXS_SIGNALLED)
        snprintf(how, sizeof how, "was killed by signal %d (%s)%s%s", p->exit.code,
                 strsignal(p->exit.code), killed ? whose_kill(&groups) : "", limit);
    else if (p->exit.how == PXS_EXITED)
        snprintf(how, sizeof how, "ended with code %d", p->exit.code);
    else
        snprintf(how, sizeof how, "ended, and the system does not tell how");
    return died(name, how, log, err);
}

static enum pxs_status try_shape(struct pxs_supervisor *s, const struct shape *shape,
                                 struct need *need, struct pxs_error *err) {
    struct probe p = {.config = -1, .job = -1, .log = -1, .process = {.lifeline = -1}};
    struct pxs_text yaml = {0};
    struct pxs_params *params = malloc(sizeof *params);
    if (!params)
        return pxs_fail_nomem(err);
    struct pxs_cgroup groups;
    pxs_memory_look("", &p.memory);
    pxs_cgroup_look("", &groups);
    p.kills = groups.oom_kills;
    pxs_plan_params(s->plan, shape->run, params);
    pxs_params_write_yaml(params, "preflight", &yaml);
    enum pxs_status status = launch(s, &p, &yaml, err);
    if (status == PXS_OK) {
        wait_for(s, &p);
        status = read_answer(s, shape, &p, need, err);
    }
    pxs_text_finish(&yaml);
    free(params);
    const int files[] = {p.config, p.job, p.log};
    for (size_t i = 0; i < PXS_COUNT(files); i++)
        if (files[i] >= 0)
            close(files[i]);
    return status;
}

/* ---- all of them ---------------------------------------------------------------------------- */

static void choose_slots(struct pxs_supervisor *s, uint64_t need, const struct pxs_memory *memory) {
    const int threads = s->plan->slots.spread ? s->options->threads : s->plan->slots.threads;
    struct pxs_sweep_slots slots = pxs_sweep_slots(s->plan->slots.cores, s->options->jobs, threads);
    char need_text[32], have[1024];
    pxs_slots_fit(&slots, pxs_plan_count_to_run(s->plan));
    const int wanted = slots.jobs;
    pxs_slots_fit(&slots, pxs_slots_memory(need, memory->available));
    pxs_plan_use_slots(s->plan, slots);
    pxs_format_bytes(need_text, need);
    have_text(memory, have);
    if (slots.jobs < wanted)
        pxs_say(s, PXS_LOG_INFO, "preflight: %d job%s at a time: a run takes %s of %s, %s",
                slots.jobs, slots.jobs == 1 ? "" : "s", need_text,
                memory->address_space ? "address space" : "memory", have);
    else if (memory->available != 0 && (double)need * slots.jobs > (double)memory->available)
        pxs_say(s, PXS_LOG_WARN,
                "%d jobs of %s of memory each, %s; the system may kill a worker, and fewer --jobs "
                "are safer",
                slots.jobs, need_text, have);
}

/* Each thread takes address space of its own. Where that is limited, no run gets more threads than
 * were tried, and those that the user did not ask for become fewer until a run fits. */
static enum pxs_status try_fewer_threads(struct pxs_supervisor *s, const struct shape *shape,
                                         struct need *need, const struct pxs_memory *memory,
                                         struct pxs_error *err) {
    struct pxs_sweep_slots slots = s->plan->slots;
    if (!memory->address_space || s->options->threads > 0)
        return try_shape(s, shape, need, err);
    slots.spread = false;
    pxs_plan_use_slots(s->plan, slots);
    enum pxs_status status = try_shape(s, shape, need, err);
    while (status == PXS_E_INVALID && slots.threads > 1) {
        slots.threads--;
        pxs_plan_use_slots(s->plan, slots);
        status = try_shape(s, shape, need, err);
        if (status == PXS_OK)
            pxs_say(s, PXS_LOG_INFO, "preflight: %d thread%s a run: ulimit -v has no room for more",
                    slots.threads, slots.threads == 1 ? "" : "s");
    }
    return status;
}

/* What the hungriest takes, into *most, which is zero. */
static enum pxs_status try_all(struct pxs_supervisor *s, const struct shapes *shapes,
                               const struct pxs_memory *memory, struct need *most,
                               struct pxs_error *err) {
    const size_t n = shapes->n < MOST_SHAPES ? shapes->n : MOST_SHAPES;
    const double since = pxs_monotonic();
    char took[32], need_text[32];
    if (n < shapes->n)
        pxs_say(s, PXS_LOG_INFO, "preflight: %zu shapes, one batch of each of the %zu largest",
                shapes->n, n);
    else
        pxs_say(s, PXS_LOG_INFO, "preflight: %zu shape%s, one batch of each", n, n == 1 ? "" : "s");
    for (size_t i = 0; i < n; i++) {
        struct need need = {0};
        PXS_TRY(try_fewer_threads(s, &shapes->items[i], &need, memory, err));
        most->memory = need.memory > most->memory ? need.memory : most->memory;
        most->mapped = need.mapped > most->mapped ? need.mapped : most->mapped;
    }
    pxs_format_duration(took, pxs_monotonic() - since);
    pxs_format_bytes(need_text, most->memory);
    pxs_say(s, PXS_LOG_INFO, "preflight: in order, %s; up to %s of memory a run", took, need_text);
    return PXS_OK;
}

enum pxs_status pxs_probe_shapes(struct pxs_supervisor *s, struct pxs_error *err) {
    struct shapes shapes = {0};
    struct pxs_memory memory;
    struct need most = {0};
    pxs_memory_look("", &memory);
    enum pxs_status status = find_shapes(s->plan, &shapes, err);
    if (status == PXS_OK && shapes.n > 0)
        status = try_all(s, &shapes, &memory, &most, err);
    if (status == PXS_OK && shapes.n > 0)
        choose_slots(s, need_of(&most, &memory), &memory);
    shapes_finish(&shapes);
    return status;
}

enum pxs_status pxs_sweep_preflight(const struct pxs_sweep_options *options,
                                    const struct pxs_sweep_listener *listener,
                                    struct pxs_plan *plan, bool probe, uint64_t *need,
                                    struct pxs_error *err) {
    struct pxs_supervisor s = {.options = options, .listener = listener, .plan = plan};
    struct shapes shapes = {0};
    struct pxs_memory memory;
    struct need most = {0};
    PXS_TRY(pxs_preflight(plan, options, s.kernels, err));
    if (sched_getaffinity(0, sizeof s.allowed, &s.allowed) != 0) /* more than a set holds */
        for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
            CPU_SET(cpu, &s.allowed);
    pxs_memory_look("", &memory);
    enum pxs_status status = PXS_OK;
    if (probe)
        status = find_shapes(plan, &shapes, err);
    if (status == PXS_OK && shapes.n > 0)
        status = try_all(&s, &shapes, &memory, &most, err);
    shapes_finish(&shapes);
    if (status == PXS_OK)
        *need = most.memory;
    return status;
}
