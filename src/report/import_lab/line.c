/* One line of the lab's logs. */
#include "lab_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Part of a line. */
struct part {
    const char *text;
    size_t n;
};

static struct part trim(const char *text, size_t n) {
    static const char blanks[] = " \t\r\n\v\f";
    while (n > 0 && strchr(blanks, text[0]) && text[0] != '\0') {
        text++;
        n--;
    }
    while (n > 0 && strchr(blanks, text[n - 1]) && text[n - 1] != '\0')
        n--;
    return (struct part){text, n};
}

static bool refuse(char why[PXS_LAB_WHY], const char *fmt, ...) PXS_PRINTF(2, 3);
static bool refuse(char why[PXS_LAB_WHY], const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(why, PXS_LAB_WHY, fmt, ap);
    va_end(ap);
    return false;
}

/* ---- numbers -------------------------------------------------------------------------------- */

/* As Python prints them: nan, inf and -inf, too. */
static bool number(struct part p, double *out) {
    char text[64];
    if (p.n == 0 || p.n >= sizeof text || memchr(p.text, '\0', p.n))
        return false;
    memcpy(text, p.text, p.n);
    text[p.n] = '\0';
    if (strcasecmp(text, "nan") == 0 || strcasecmp(text, "-nan") == 0)
        *out = NAN;
    else if (strcasecmp(text, "inf") == 0 || strcasecmp(text, "infinity") == 0)
        *out = INFINITY;
    else if (strcasecmp(text, "-inf") == 0 || strcasecmp(text, "-infinity") == 0)
        *out = -INFINITY;
    else
        return text[0] != '.' && pxs_parse_double(text, out);
    return true;
}

/* More than any run has: n_epochs ends there, and curves have room for every epoch up to the
 * last. */
enum { EPOCHS_MAX = 1000000 };

/* A counter: digits, below 2^31. */
static bool counter(struct part p, int64_t *out) {
    int64_t value = 0;
    if (p.n == 0 || p.n > 10)
        return false;
    for (size_t i = 0; i < p.n; i++) {
        if (p.text[i] < '0' || p.text[i] > '9')
            return false;
        value = 10 * value + (p.text[i] - '0');
    }
    *out = value;
    return value <= INT32_MAX;
}

/* "12/50"; without a slash *of stays. */
static bool fraction(struct part p, int64_t *value, int64_t *of) {
    const char *slash = memchr(p.text, '/', p.n);
    if (!slash)
        return counter(p, value);
    const size_t n = (size_t)(slash - p.text);
    return counter(trim(p.text, n), value) && counter(trim(slash + 1, p.n - n - 1), of);
}

/* ---- [key: value] --------------------------------------------------------------------------- */

enum field {
    EPOCH,
    BATCH,
    LOSS_D,
    PIXEL,
    LOSS_GAN,
    LOSS_REAL,
    LOSS_FAKE,
    LOSS_G,
    FIELDS,
    UNKNOWN = FIELDS
};

/* Names without blanks and underscores, in small letters; the script's versions did not agree on
 * one. */
static const struct {
    const char *name;
    enum field field;
} names[] = {{"epoch", EPOCH},        {"batch", BATCH},        {"dloss", LOSS_D},
             {"lossd", LOSS_D},       {"losspixel", PIXEL},    {"pixel", PIXEL},
             {"pixelloss", PIXEL},    {"lossgan", LOSS_GAN},   {"ganloss", LOSS_GAN},
             {"gan", LOSS_GAN},       {"adv", LOSS_GAN},       {"lossreal", LOSS_REAL},
             {"realloss", LOSS_REAL}, {"lossfake", LOSS_FAKE}, {"fakeloss", LOSS_FAKE},
             {"lossg", LOSS_G},       {"gloss", LOSS_G}};
static const char *const field_names[FIELDS] = {"Epoch",    "Batch",     "Dloss",     "loss_pixel",
                                                "loss_GAN", "loss_real", "loss_fake", "loss_G"};

static enum field find_field(struct part key) {
    char name[32];
    size_t n = 0;
    for (size_t i = 0; i < key.n && n + 1 < sizeof name; i++) {
        const char c = key.text[i];
        if (c != ' ' && c != '_')
            name[n++] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
    }
    name[n] = '\0';
    for (size_t i = 0; i < PXS_COUNT(names); i++) {
        if (strcmp(names[i].name, name) == 0)
            return names[i].field;
    }
    return UNKNOWN;
}

/* "key: value", "key = value" or "key value". */
static bool split_field(struct part field, struct part *key, struct part *value) {
    size_t at = 0;
    while (at < field.n && field.text[at] != ':' && field.text[at] != '=')
        at++;
    if (at == field.n) {
        at = field.n;
        while (at > 0 && field.text[at - 1] != ' ')
            at--;
        if (at == 0)
            return false;
        at--;
    }
    *key = trim(field.text, at);
    *value = trim(field.text + at + 1, field.n - at - 1);
    return key->n > 0 && value->n > 0;
}

struct parsing {
    struct pxs_lab_batch *out;
    bool seen[FIELDS];
    bool adv; /* PyTorch-GAN's name, whose pixel is not weighted */
    double loss_G;
    char *why;
};

static bool read_value(struct parsing *p, enum field field, struct part value) {
    struct pxs_lab_batch *b = p->out;
    int64_t of;
    double *const places[FIELDS] = {
        [LOSS_D] = &b->loss_D,       [PIXEL] = &b->weighted_pixel, [LOSS_GAN] = &b->loss_GAN,
        [LOSS_REAL] = &b->loss_real, [LOSS_FAKE] = &b->loss_fake,  [LOSS_G] = &p->loss_G};
    if (field == EPOCH)
        return fraction(value, &b->epoch, &of) && b->epoch < EPOCHS_MAX;
    if (field == BATCH)
        return fraction(value, &b->batch, &b->batches);
    return number(value, places[field]);
}

static bool read_field(struct parsing *p, struct part text) {
    struct part key, value;
    if (!split_field(text, &key, &value))
        return refuse(p->why, "no value in [%.*s]", (int)(text.n < 40 ? text.n : 40), text.text);
    const enum field field = find_field(key);
    if (field == UNKNOWN) {
        if (p->out->unknown[0] == '\0')
            snprintf(p->out->unknown, sizeof p->out->unknown, "%.*s",
                     (int)(key.n < 31 ? key.n : 31), key.text);
        return true;
    }
    if (p->seen[field])
        return refuse(p->why, "%s stands there twice", field_names[field]);
    p->seen[field] = true;
    p->adv = p->adv || (field == LOSS_GAN && key.n == 3 && strncmp(key.text, "adv", 3) == 0);
    return read_value(p, field, value) ||
           refuse(p->why, "%s is no number: %.*s", field_names[field],
                  (int)(value.n < 40 ? value.n : 40), value.text);
}

/* All brackets of a line. A copy of the terminal's text ends in "ETA: ...". */
static bool read_brackets(struct parsing *p, struct part line) {
    const char *at = line.text, *end = line.text + line.n;
    while (at < end) {
        const struct part rest = trim(at, (size_t)(end - at));
        if (rest.n == 0 || (rest.n >= 4 && strncmp(rest.text, "ETA:", 4) == 0))
            return true;
        if (rest.text[0] != '[')
            return refuse(p->why, "not of the form [key: value]");
        const char *close = memchr(rest.text, ']', rest.n),
                   *open = memchr(rest.text + 1, '[', rest.n - 1);
        if (!close || (open && open < close))
            return refuse(p->why, "a bracket is not closed");
        for (const char *field = rest.text + 1; field < close;) { /* several, with commas between */
            const char *comma = memchr(field, ',', (size_t)(close - field));
            const char *behind = comma ? comma : close;
            if (!read_field(p, trim(field, (size_t)(behind - field))))
                return false;
            field = behind + 1;
        }
        at = close + 1;
    }
    return true;
}

bool pxs_lab_parse_batch(const char *text, size_t bytes, struct pxs_lab_batch *out,
                         char why[PXS_LAB_WHY]) {
    static const enum field needed[] = {EPOCH, BATCH, LOSS_D, PIXEL, LOSS_GAN};
    struct pxs_lab_batch b = {.batches = -1, .loss_real = NAN, .loss_fake = NAN, .raw_pixel = NAN};
    struct parsing p = {.out = &b, .why = why};
    if (memchr(text, '\0', bytes))
        return refuse(why, "it holds zero bytes");
    if (!read_brackets(&p, trim(text, bytes)))
        return false;
    for (size_t i = 0; i < PXS_COUNT(needed); i++) {
        if (!p.seen[needed[i]])
            return refuse(why, "there is no %s", field_names[needed[i]]);
    }
    if (b.batches < 0)
        return refuse(why, "Batch does not say of how many");
    if (p.adv && !p.seen[LOSS_G])
        return refuse(why, "there is no G loss beside adv");
    if (p.adv) {
        b.raw_pixel = b.weighted_pixel;
        b.weighted_pixel = p.loss_G - b.loss_GAN;
    }
    if (b.batch >= b.batches)
        return refuse(why, "batch %lld of %lld: they count from 0", (long long)b.batch,
                      (long long)b.batches);
    *out = b;
    return true;
}

bool pxs_lab_parse_average(const char *text, size_t bytes, double *out, char why[PXS_LAB_WHY]) {
    struct part line = trim(text, bytes), key, value;
    if (line.n > 2 && line.text[0] == '[' && line.text[line.n - 1] == ']')
        line = trim(line.text + 1, line.n - 2);
    static const char name[] = "avg_loss";
    if (!split_field(line, &key, &value) || key.n != strlen(name) ||
        strncmp(key.text, name, key.n) != 0)
        return refuse(why, "not of the form [avg_loss: 1.8123]");
    return number(value, out) || refuse(why, "avg_loss is no number: %.*s",
                                        (int)(value.n < 40 ? value.n : 40), value.text);
}

/* ---- a dictionary --------------------------------------------------------------------------- */

static int by_epoch(const void *a, const void *b) {
    const int64_t x = ((const struct pxs_lab_point *)a)->epoch,
                  y = ((const struct pxs_lab_point *)b)->epoch;
    return (x > y) - (x < y);
}

/* "3: 0.21"; 'min' and 'minepoch' are passed over. */
static bool read_point(struct part text, struct pxs_lab_point *points, size_t *n,
                       char why[PXS_LAB_WHY]) {
    const char *colon = memchr(text.text, ':', text.n);
    const int shown = (int)(text.n < 40 ? text.n : 40);
    if (!colon)
        return refuse(why, "no value in %.*s", shown, text.text);
    const size_t at = (size_t)(colon - text.text);
    const struct part key = trim(text.text, at), value = trim(colon + 1, text.n - at - 1);
    if (key.n > 0 && (key.text[0] == '\'' || key.text[0] == '"'))
        return true;
    if (!counter(key, &points[*n].epoch) || points[*n].epoch >= EPOCHS_MAX ||
        !number(value, &points[*n].value))
        return refuse(why, "not an epoch and a number: %.*s", shown, text.text);
    ++*n;
    return true;
}

static bool read_points(struct part inside, struct pxs_lab_point *points, size_t *n,
                        char why[PXS_LAB_WHY]) {
    while (inside.n > 0) {
        const char *comma = memchr(inside.text, ',', inside.n);
        const size_t part = comma ? (size_t)(comma - inside.text) : inside.n;
        if (!read_point(trim(inside.text, part), points, n, why))
            return false;
        inside = trim(inside.text + part + (comma != NULL), inside.n - part - (comma != NULL));
    }
    if (*n == 0)
        return refuse(why, "no epoch in it");
    qsort(points, *n, sizeof *points, by_epoch);
    for (size_t i = 1; i < *n; i++) {
        if (points[i].epoch == points[i - 1].epoch)
            return refuse(why, "epoch %lld stands there twice", (long long)points[i].epoch);
    }
    return true;
}

bool pxs_lab_parse_validation(const char *text, size_t bytes, struct pxs_lab_point **points,
                              size_t *n, char why[PXS_LAB_WHY]) {
    struct part line = trim(text, bytes);
    static const char name[] = "tloss_res";
    if (line.n > strlen(name) && strncmp(line.text, name, strlen(name)) == 0) {
        line = trim(line.text + strlen(name), line.n - strlen(name));
        if (line.n > 0 && (line.text[0] == ':' || line.text[0] == '='))
            line = trim(line.text + 1, line.n - 1);
    }
    if (line.n < 2 || line.text[0] != '{' || line.text[line.n - 1] != '}')
        return refuse(why, "not of the form tloss_res: {0: 0.21, ...}");
    size_t commas = 1, found = 0;
    for (size_t i = 0; i < line.n; i++)
        commas += line.text[i] == ',';
    struct pxs_lab_point *made = calloc(commas + 1, sizeof *made);
    if (!made)
        return refuse(why, "out of memory");
    if (!read_points(trim(line.text + 1, line.n - 2), made, &found, why)) {
        free(made);
        return false;
    }
    *points = made;
    *n = found;
    return true;
}
