/* base: what every other room stands on. Errors as values, memory, text, random numbers, hashing,
 * clock, CPU features, fixed-split threads, safe file writing and the stop flag. No global mutable
 * state; nothing here prints or exits. */
#ifndef PIXSWEEP_BASE_H
#define PIXSWEEP_BASE_H

#include <sched.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* ---- errors as values ----------------------------------------------------------------------- */

enum pxs_status {
    PXS_OK = 0,
    PXS_E_NOMEM,       /* out of memory */
    PXS_E_IO,          /* the system refused: message ends with strerror */
    PXS_E_NOSPC,       /* the disk or a quota is full: may work later */
    PXS_E_INVALID,     /* the user's input is wrong: message says what and the remedy */
    PXS_E_CORRUPT,     /* a file's content is damaged or of another kind */
    PXS_E_NOT_FOUND,   /* no such file, run, key */
    PXS_E_EXISTS,      /* already there */
    PXS_E_BUSY,        /* somebody else holds it */
    PXS_E_UNSUPPORTED, /* known, but not built (yet) or not on this machine */
    PXS_E_STOPPED,     /* the stop flag was raised; state is consistent */
    PXS_E_DIVERGED,    /* a loss became NaN or infinite */
    PXS_E_PRUNED,      /* a run was given up at a rung, in good order; state is consistent */
    PXS_E_INTERNAL     /* a bug in pixsweep */
};

/* Detail of a failure, owned by the caller; `message` is one complete sentence fragment for the
 * user, without a trailing newline, its arguments cleaned (pxs_text_add_words). Functions may be
 * given NULL where the caller does not care. */
struct pxs_error {
    enum pxs_status status;
    char message[2048];
};

#define PXS_NODISCARD __attribute__((warn_unused_result))
#define PXS_PRINTF(fmt, first) __attribute__((format(printf, fmt, first)))
#define PXS_COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Fill `err` (may be NULL) and return `status`: `return pxs_fail(err, PXS_E_INVALID, "...",
 * ...);` */
enum pxs_status pxs_fail(struct pxs_error *err, enum pxs_status status, const char *fmt, ...)
    PXS_PRINTF(3, 4);
/* As pxs_fail with PXS_E_IO (PXS_E_NOT_FOUND for ENOENT, PXS_E_NOMEM for ENOMEM, PXS_E_NOSPC for
 * ENOSPC and EDQUOT); appends ": <strerror(errno)>" and what pxs_limit_words says (but of EAGAIN,
 * which has many causes). */
enum pxs_status pxs_fail_errno(struct pxs_error *err, const char *fmt, ...) PXS_PRINTF(2, 3);
/* The same of a thread or a process that could not be started, where EAGAIN is a limit, too. */
enum pxs_status pxs_fail_start(struct pxs_error *err, const char *fmt, ...) PXS_PRINTF(2, 3);
/* "out of memory", and what pxs_limit_words says */
enum pxs_status pxs_fail_nomem(struct pxs_error *err);
/* Put "<text>: " in front of the message and return its status (err NULL: PXS_E_INTERNAL, so keep
 * the status where NULL may come). */
enum pxs_status pxs_error_prefix(struct pxs_error *err, const char *fmt, ...) PXS_PRINTF(2, 3);
/* The limits of this process that may stand behind an errno (EMFILE, EFBIG, ENOMEM; EAGAIN of a
 * thread or process that could not be started), with the command that lifts each: " (`ulimit -n`
 * allows a process 10 open files; raise it where it is set: `ulimit -n 1024`)". Empty where none is
 * set. */
#define PXS_LIMIT_WORDS 512
void pxs_limit_words(int number, char out[PXS_LIMIT_WORDS]);
/* The same of a process that SIGXCPU or SIGKILL ended: the limit of its CPU time, where one is
 * set. */
void pxs_limit_cpu_words(char out[PXS_LIMIT_WORDS]);
/* Short constant name: "ok", "out of memory", "invalid input", ... */
const char *pxs_status_name(enum pxs_status status);

/* Leave with the status of a failed call: PXS_TRY(pxs_thing(..., err)); only where nothing needs
 * release. */
#define PXS_TRY(call)                            \
    do {                                         \
        enum pxs_status pxs_try_status = (call); \
        if (pxs_try_status != PXS_OK)            \
            return pxs_try_status;               \
    } while (0)

/* ---- logging -------------------------------------------------------------------------------- */

enum pxs_log_level { PXS_LOG_DEBUG, PXS_LOG_INFO, PXS_LOG_WARN, PXS_LOG_ERROR };
/* Passed by value; a zeroed logger drops everything. `text` has no trailing newline; pxs_log has
 * cleaned its arguments. */
struct pxs_logger {
    void (*write)(void *user, enum pxs_log_level level, const char *text);
    void *user;
};
void pxs_log(struct pxs_logger logger, enum pxs_log_level level, const char *fmt, ...)
    PXS_PRINTF(3, 4);

/* ---- progress of long work ------------------------------------------------------------------ */

/* Told from time to time how far a piece of work is. Passed by value; a zeroed meter drops
 * everything. */
struct pxs_meter {
    /* `what`: the work as a verb and its object ("reading train_loss.txt"); `done` of `total`, in
     * any unit; total 0 = not known. */
    void (*tell)(void *user, const char *what, double done, double total);
    void *user;
};
void pxs_meter_tell(struct pxs_meter meter, const char *what, double done, double total);

/* ---- memory --------------------------------------------------------------------------------- */

/* Zeroed memory for numbers, aligned to 64 bytes; blocks of 2 MiB and more are aligned to 2 MiB and
 * offered to the kernel as huge pages (madvise). NULL when out of memory; bytes 0 gives a valid
 * pointer. Free with pxs_aligned_free. */
void *pxs_aligned_alloc(size_t bytes);
void pxs_aligned_free(void *ptr);

/* Many small objects with one lifetime. Zero-initialise, allocate, finish once (finish of a zeroed
 * arena is a no-op). */
struct pxs_arena {
    struct pxs_arena_block *head;
};
void *pxs_arena_alloc(struct pxs_arena *arena,
                      size_t bytes); /* zeroed, 16-byte aligned; NULL when out of memory */
char *pxs_arena_strdup(struct pxs_arena *arena, const char *text);
char *pxs_arena_printf(struct pxs_arena *arena, const char *fmt, ...) PXS_PRINTF(2, 3);
void pxs_arena_finish(struct pxs_arena *arena);

/* ---- growing text --------------------------------------------------------------------------- */

/* Zero-initialise. `text` is always NUL-terminated once anything was added (NULL before: use
 * pxs_text_str). When memory runs out, `failed` is set and later calls do nothing, so callers check
 * once at the end. */
struct pxs_text {
    char *text;
    size_t len, cap;
    bool failed;
};
void pxs_text_add(struct pxs_text *t, const char *s);
void pxs_text_add_n(struct pxs_text *t, const char *s, size_t n);
void pxs_text_addf(struct pxs_text *t, const char *fmt, ...) PXS_PRINTF(2, 3);
void pxs_text_addv(struct pxs_text *t, const char *fmt, va_list ap);
const char *pxs_text_str(const struct pxs_text *t); /* never NULL */
void pxs_text_clear(struct pxs_text *t);            /* len = 0, keeps the memory */
void pxs_text_finish(struct pxs_text *t);

/* ---- characters, and text that is shown ----------------------------------------------------- */

/* Bytes of the UTF-8 sequence that `bytes` (n > 0 of them) begins with, its code point in *code
 * (may be NULL); 0 if it is none. */
size_t pxs_utf8_decode(const char *bytes, size_t n, uint32_t *code);
/* Columns that it takes on a terminal: wide East Asian characters and pictures 2, combining marks
 * 0, every other one 1. */
int pxs_char_width(uint32_t code);
/* The same of a text as it stands; a byte that is no UTF-8 counts 1. */
size_t pxs_text_width(const char *text, size_t bytes);
/* Bytes of the longest beginning of `text` that takes at most `width` columns. */
size_t pxs_text_head(const char *text, size_t bytes, size_t width);
/* Appends `text` shortened to `width` columns with an ellipsis a little behind the middle (both
 * ends of a run's name matter). */
void pxs_text_add_short(struct pxs_text *out, const char *text, size_t width);

/* Names, paths and messages come from others: files, merged folders, arguments. What of them would
 * act on a terminal or cannot be seen (control characters, marks of direction, invisible
 * characters, bytes that are no UTF-8) is shown as an escape instead: \x1b, \xff, \u202e.
 * Everything that people read passes one of these; CSV, JSON and files carry the bytes themselves.
 * Cleaning twice is cleaning once. */
bool pxs_char_is_shown(
    /* the two joiners, U+200C and U+200D, depend on their neighbours and count as shown */
    uint32_t code);
/* Appends a name: all on one line, "\n" and "\t" for line ends and tabs. */
void pxs_text_add_clean(struct pxs_text *out, const char *text, size_t bytes);
/* Appends text whose line ends and tabs are its own. */
void pxs_text_add_lines(struct pxs_text *out, const char *text, size_t bytes);
/* Appends a formatted line: arguments are cleaned as names. A format with line ends of its own (one
 * at the very end apart), and "%s" alone, keep those of the arguments. */
void pxs_text_add_words(struct pxs_text *out, const char *fmt, ...) PXS_PRINTF(2, 3);
void pxs_text_add_wordsv(struct pxs_text *out, const char *fmt, va_list ap);
bool pxs_format_has_lines(const char *fmt); /* whether that holds of a format */
#define PXS_WORD_MAX (4 * 4096 + 8)
/* `text` as one word of a shell's command line, for commands that the user is to copy: as it is, or
 * in quotes where it needs them; what no terminal shows is escaped ($'\x1b'). Cut where it is
 * longer than a path can be. Returns buf. */
const char *pxs_shell_word(char buf[PXS_WORD_MAX], const char *text);
/* Appends a command for the user to copy; knows %s alone, which becomes such a word: "mv %s/a %s"
 * with "my data" is mv 'my data'/a ... */
void pxs_text_add_command(struct pxs_text *out, const char *fmt, ...) PXS_PRINTF(2, 3);

/* As pxs_text_add_clean or pxs_text_add_lines, into an array that takes as many whole characters as
 * fit; `out` and `text` may not overlap. */
void pxs_copy_clean(char *out, size_t size, const char *text, size_t bytes, bool keep_lines);

/* ---- numbers as text ------------------------------------------------------------------------ */

/* Shortest decimal that reads back to the same double ("0.0001", "1e-10", "nan", "inf");
 * locale-independent; integral values below 1e15 print without exponent or point ("200"). Buffer of
 * at least 32 bytes. Returns buf. */
char *pxs_format_double(char buf[32], double value);
/* The same after rounding to `digits` (1 to 15) significant ones, for tables and progress: 4 of
 * 1/21 are "0.04762". */
char *pxs_format_rounded(char buf[32], double value, int digits);
/* Whole text must be a YAML 1.2 core number (`.5`, `1E-4`, `+3`, `2e1`, `.inf`, `.nan` allowed;
 * hex, octal, underscores not). A finite number too large for a double comes out infinite. */
bool pxs_parse_double(const char *text, double *out);
/* As above and integral and within int64, exactly ("2e1" is 20, "9223372036854775807" itself). */
bool pxs_parse_int(const char *text, int64_t *out);
/* Letters to change, insert, leave out or swap with their neighbour (optimal string alignment), for
 * "did you mean". */
size_t pxs_edit_distance(const char *a, const char *b);

/* ---- random numbers ------------------------------------------------------------------------- */

/* Philox4x32-10 (Salmon et al., SC 2011): a pure function of key and counter, so any number can be
 * had in any order by any thread. */
void pxs_philox(const uint32_t key[2], const uint32_t counter[4], uint32_t out[4]);

/* What a stream of random numbers is for. The numbers are part of the bits that a run reproduces:
 * append only. */
enum pxs_stream {
    PXS_STREAM_INIT = 1,     /* a = layer: initial weights */
    PXS_STREAM_SHUFFLE = 2,  /* a = epoch: order of the training pairs */
    PXS_STREAM_AUGMENT = 3,  /* a = epoch, b = position in the epoch: jitter and flip */
    PXS_STREAM_DROPOUT = 4,  /* a = step, b = layer: masks */
    PXS_STREAM_SWEEP = 5,    /* a = draw, b = hash of the key: random search */
    PXS_STREAM_GLYPHS = 6,   /* choice of characters */
    PXS_STREAM_VALIDATE = 7, /* a = epoch, b = layer: dropout of `validation: lab` */
    PXS_STREAM_ORDER = 8     /* order in which the runs of a sweep are started */
};

/* Sequential reader of the stream (seed, stream, a, b): key = seed, counter = (index, b, a,
 * stream). */
struct pxs_rng {
    uint32_t key[2], counter[4], block[4];
    unsigned used; /* numbers of `block` already given out; 4 = none left */
};
struct pxs_rng pxs_rng_make(uint64_t seed, enum pxs_stream stream, uint32_t a, uint32_t b);
uint32_t pxs_rng_u32(struct pxs_rng *rng);
/* [0, 1) with 53 bits (two u32). */
double pxs_rng_uniform(struct pxs_rng *rng);
/* 0 .. n-1 without bias (rejection); n > 0. */
uint32_t pxs_rng_below(struct pxs_rng *rng, uint32_t n);
/* Fisher-Yates over 0..n-1 into `order`. */
void pxs_rng_permutation(struct pxs_rng *rng, uint32_t *order, uint32_t n);

/* ---- hashing -------------------------------------------------------------------------------- */

#define PXS_SHA256_HEX 65 /* 64 lower-case digits and NUL */
struct pxs_sha256 {
    _Alignas(8) unsigned char opaque[256];
};
void pxs_sha256_init(struct pxs_sha256 *h);
void pxs_sha256_update(struct pxs_sha256 *h, const void *data, size_t bytes);
void pxs_sha256_hex(struct pxs_sha256 *h, char hex[PXS_SHA256_HEX]); /* finishes h */
PXS_NODISCARD enum pxs_status pxs_sha256_file(const char *path, char hex[PXS_SHA256_HEX],
                                              uint64_t *bytes, struct pxs_error *err);
/* CRC-32C (Castagnoli, as in iSCSI); start with crc = 0, chain by passing the previous result. */
uint32_t pxs_crc32c(uint32_t crc, const void *data, size_t bytes);

/* ---- clock ---------------------------------------------------------------------------------- */

int64_t pxs_now_ms(void);   /* UTC milliseconds since 1970, for people */
double pxs_monotonic(void); /* seconds, for durations */
void pxs_format_duration(
    char buf[32], double seconds); /* "850 ms", "12.3 s", "4 m 10 s", "2 h 05 m", "3 d 04 h" */
void pxs_format_utc(char buf[32], int64_t ms); /* "2026-05-04 13:37:05" (UTC) */
/* This place's own clock, as short as is clear at `now_ms`: "06:20" on the same day, "Sat 06:20"
 * within six days, else "2026-12-05 06:20". */
void pxs_format_local(char buf[32], int64_t ms, int64_t now_ms);
void pxs_format_bytes(char buf[32], uint64_t bytes); /* "512 B", "1.4 MB" (1000-based) */

/* ---- this machine --------------------------------------------------------------------------- */

struct pxs_cpu {
    char model[96]; /* /proc/cpuinfo "model name", or "unknown" */
    bool avx2_fma;  /* AVX2 and FMA, and the system saves their registers */
    bool avx512;    /* AVX-512 F, BW, DQ, VL likewise */
    /* that this process has: its affinity mask, or the whole cores of its CPU quota if that is
     * less */
    int cores;
};
void pxs_cpu_detect(struct pxs_cpu *cpu);
struct pxs_host {
    char name[256], boot_id[64];
};
void pxs_host_detect(struct pxs_host *host);
/* Start time of a process in clock ticks since boot: with host, boot and pid it names a process for
 * good. 0 = there is none. */
int64_t pxs_pid_start(int64_t pid);
/* Is this very process at work here? False for one that is dead and only waits for its parent to
 * notice. pid_start 0: any process of that pid will do. */
bool pxs_pid_alive(int64_t pid, int64_t pid_start);
/* What the control groups of this process leave it (cgroups v1 and v2; its own group and those
 * above it). */
struct pxs_cgroup {
    /* bytes to the nearest limit, where page cache that can go is free; UINT64_MAX = no limit */
    uint64_t memory_left;
    char memory_from[256]; /* "memory.max is 1.2 GB in control group /job"; "" without limit */
    double cpus;           /* its CPU quota in cores; INFINITY = none */
    /* processes of its own group that the kernel has killed for want of memory; -1 = unknown */
    int64_t oom_kills;
};
/* `root`: a folder that stands for /, "" for the machine itself. */
void pxs_cgroup_look(const char *root, struct pxs_cgroup *out);
/* Memory that new processes can get without swapping, all together. */
struct pxs_memory {
    /* bytes: of this machine, its control groups or the address space allowed, whichever is least;
     * 0 = unknown */
    uint64_t available;
    bool limited; /* it is not the machine that sets it */
    /* it is the last of these: what a process maps counts, not what it touches */
    bool address_space;
    /* where that comes from, as a phrase: "this machine has no more", "ulimit -v allows 1.0 GB" */
    char from[256];
};
void pxs_memory_look(const char *root, struct pxs_memory *out);
/* Bytes of address space that a process may have (RLIMIT_AS); UINT64_MAX = any. */
uint64_t pxs_address_space(void);
const char *pxs_version(void); /* "0.1.0" */
const char *pxs_commit(void);  /* "abc1234", "abc1234-dirty", or "unknown" */

/* "0-3,6": the cores of a set. */
void pxs_cores_text(const cpu_set_t *set, char *buf, size_t size);

/* ---- threads -------------------------------------------------------------------------------- */

/* A pool runs a job cut into `pieces`. Which thread runs a piece is undefined, what a piece
 * computes may depend on its index only: so results never depend on the thread count
 * (docs/contracts.md, Reproducibility). A pool is driven by one thread at a time; jobs do not nest.
 * Waiting threads spin briefly, then sleep. */
struct pxs_pool;
typedef void (*pxs_piece_fn)(void *user, int piece,
                             int thread); /* thread: 0 .. threads-1, for scratch memory only */
PXS_NODISCARD enum pxs_status pxs_pool_create(int threads, struct pxs_pool **out,
                                              struct pxs_error *err);
void pxs_pool_destroy(struct pxs_pool **pool);     /* NULL and *NULL are fine; nulls *pool */
int pxs_pool_threads(const struct pxs_pool *pool); /* NULL pool: 1 */
void pxs_pool_run(struct pxs_pool *pool, pxs_piece_fn fn, void *user,
                  int pieces); /* NULL pool: runs in the caller */

/* ---- files ---------------------------------------------------------------------------------- */

#define PXS_PATH_MAX 4096 /* bytes of a path with its NUL */

/* Opens a regular file for reading, links followed. A FIFO, socket or device is PXS_E_INVALID at
 * once and never waited for; so is a folder. `*fd` is the caller's to close. */
PXS_NODISCARD enum pxs_status pxs_open_read(const char *path, int *fd, struct pxs_error *err);
/* The same for a file at `path` below the folder `dir`, where others may have put what they like:
 * no link is followed below `dir`, and the path cannot lead up or elsewhere. PXS_E_INVALID where it
 * would; PXS_E_NOT_FOUND where there is none. */
PXS_NODISCARD enum pxs_status pxs_open_beneath(const char *dir, const char *path, int *fd,
                                               struct pxs_error *err);
/* Opens a file for appending, made where there is none; a link, FIFO, device or folder in its place
 * is PXS_E_INVALID. */
PXS_NODISCARD enum pxs_status pxs_open_append(const char *path, int *fd, struct pxs_error *err);
/* Whether this process may write to a file (and read it) or into a folder that is there.
 * PXS_E_INVALID says why not, and the command that mends it, for `files` (and those whose names
 * begin so; NULL: path alone). */
PXS_NODISCARD enum pxs_status pxs_check_writable(const char *path, const char *files,
                                                 struct pxs_error *err);
/* Whether a folder could be made at `path`, or is there and may be written to; makes nothing.
 * PXS_E_INVALID in words otherwise. */
PXS_NODISCARD enum pxs_status pxs_check_place(const char *path, struct pxs_error *err);
PXS_NODISCARD enum pxs_status pxs_read_file(const char *path, size_t max_bytes, char **data,
                                            size_t *bytes,
                                            struct pxs_error *err); /* NUL appended; free() it */
/* The same of a file below a folder, see pxs_open_beneath. */
PXS_NODISCARD enum pxs_status pxs_read_beneath(const char *dir, const char *path, size_t max_bytes,
                                               char **data, size_t *bytes, struct pxs_error *err);
/* Whole file or nothing: writes `<path>.tmp.<pid>` in the same folder (never through a link that
 * stands there), fsync, rename, fsync of the folder. */
PXS_NODISCARD enum pxs_status pxs_write_file(const char *path, const void *data, size_t bytes,
                                             struct pxs_error *err);
/* The same in steps, for writers that stream: write to `file`, then commit or abandon (both close
 * it). */
struct pxs_atomic_file {
    FILE *file;
    char path[4096], temp[4128];
};
PXS_NODISCARD enum pxs_status pxs_atomic_open(struct pxs_atomic_file *f, const char *path,
                                              struct pxs_error *err);
PXS_NODISCARD enum pxs_status pxs_atomic_commit(struct pxs_atomic_file *f, struct pxs_error *err);
/* removes the temporary file; after commit a no-op */
void pxs_atomic_abandon(struct pxs_atomic_file *f);
/* Removes what killed processes left of such writing in one folder ("NAME.tmp.PID"); for whoever
 * holds its lock. */
void pxs_remove_temps(const char *dir);
PXS_NODISCARD enum pxs_status pxs_make_dirs(const char *path, struct pxs_error *err); /* mkdir -p */
/* Join and normalise lexically ("a/../b" -> "b", no trailing slash); `rel` absolute replaces `dir`;
 * dir NULL or "" = ".". False if it does not fit. `out` may not overlap the others. */
bool pxs_path_join(char *out, size_t size, const char *dir, const char *rel);
/* Absolute and normalised (working directory in front); does not resolve links. False if it does
 * not fit. */
bool pxs_path_absolute(char *out, size_t size, const char *path);
/* Folder part of a path, "." if none ("a/b/" -> "a"). False if it does not fit. */
bool pxs_path_dir(char *out, size_t size, const char *path);

/* Lock that dies with the process: flock(LOCK_EX | LOCK_NB) on `path` (created). PXS_E_BUSY when
 * held elsewhere; PXS_E_INVALID where a link, FIFO, device or folder stands in its place. */
struct pxs_lock {
    int fd; /* -1 when not held; set it so before use */
};
PXS_NODISCARD enum pxs_status pxs_lock_take(struct pxs_lock *lock, const char *path, bool wait,
                                            struct pxs_error *err);
void pxs_lock_release(struct pxs_lock *lock);
/* Whether somebody holds the lock at `path`, for whoever only looks: nothing is made, and nobody
 * who wants the lock is turned away. FREE where there is no such file; UNKNOWN where it may not be
 * read. */
enum pxs_lock_look { PXS_LOCK_UNKNOWN, PXS_LOCK_FREE, PXS_LOCK_HELD };
enum pxs_lock_look pxs_lock_look(const char *path);

/* Bytes free where `path` is or would be; UINT64_MAX = unknown. */
uint64_t pxs_disk_free(const char *path);

/* ---- stop ----------------------------------------------------------------------------------- */

/* Raised by a signal handler, looked at by loops at their next safe point. 0 = go on. */
struct pxs_stop {
    atomic_int signal;  /* number of the signal that asked, or 1 */
    atomic_int save;    /* not 0: write a resume point at the next safe point, then go on */
    atomic_int suspend; /* not 0: Ctrl-Z, hand it on and stand still (pxs_stand_still) */
    /* not 0: a loop looks at all of this several times a second; else a handler has to act by
     * itself */
    atomic_int was_handled;
};
/* Stops this process as Ctrl-Z does where nobody catches it, until it is continued; safe in a
 * signal handler. */
void pxs_stand_still(void);

#endif
