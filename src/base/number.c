/* Numbers as text and back, independent of the process's locale; edit distance. */
#include "pixsweep/base.h"

#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* strtod in the C locale, of text that is a decimal number as a whole. glibc and musl have a static
 * object for "C", so this allocates nothing. */
static double decimal_to_double(const char *text) {
    locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (!c)
        return strtod(text, NULL);
    double value = strtod_l(text, NULL, c);
    freelocale(c);
    return value;
}

struct decimal {
    char digits[20];     /* without point; no trailing zeros */
    int count, exponent; /* value = d.ddd x 10^exponent */
};

/* The value in `count` significant digits; true where they read back to the same double, as 17
 * digits always do. */
static bool try_digits(double value, int count, struct decimal *d) {
    char text[40], plain[48];
    snprintf(text, sizeof text, "%.*e", count - 1, value);
    char *e = strchr(text, 'e');
    d->count = 0;
    for (char *p = text; p < e; p++) /* skips the locale's point, of any length */
        if (*p >= '0' && *p <= '9' && d->count < 19)
            d->digits[d->count++] = *p;
    d->digits[d->count] = '\0';
    d->exponent = atoi(e + 1);
    plain[0] = d->digits[0];
    plain[1] = '.';
    memcpy(plain + 2, d->digits + 1, (size_t)d->count - 1);
    strcpy(plain + 1 + d->count, e);
    bool same = count == 17 || decimal_to_double(plain) == value;
    while (d->count > 1 && d->digits[d->count - 1] == '0')
        d->digits[--d->count] = '\0';
    return same;
}

char *pxs_format_double(char buf[32], double value) {
    if (isnan(value))
        return strcpy(buf, "nan");
    char *p = buf;
    if (signbit(value))
        *p++ = '-';
    value = fabs(value);
    if (isinf(value) || value == 0.0) {
        strcpy(p, value == 0.0 ? "0" : "inf");
        return buf;
    }
    /* A normal double keeps 15 digits, so fewer need no trial; subnormals have fewer bits. */
    struct decimal d;
    int count = value < 2.2250738585072014e-308 ? 1 : 15;
    while (!try_digits(value, count, &d) && count < 17)
        count++;
    size_t left = 32 - (size_t)(p - buf);
    int e = d.exponent;
    if (e < -4 || e >= 15) {
        snprintf(p, left, "%.1s%s%se%d", d.digits, d.count > 1 ? "." : "", d.digits + 1, e);
    } else if (e < 0) {
        snprintf(p, left, "0.%.*s%s", -e - 1, "0000", d.digits);
    } else if (d.count <= e + 1) {
        snprintf(p, left, "%.15s%.*s", d.digits, e + 1 - d.count, "000000000000000");
    } else {
        snprintf(p, left, "%.*s.%s", e + 1, d.digits, d.digits + e + 1);
    }
    return buf;
}

char *pxs_format_rounded(char buf[32], double value, int digits) {
    double rounded = value;
    snprintf(buf, 32, "%.*e", digits - 1, value);
    if (isfinite(value) && pxs_parse_double(buf, &rounded))
        value = rounded;
    return pxs_format_double(buf, value);
}

static const char *skip_digits(const char *p) {
    while (*p >= '0' && *p <= '9')
        p++;
    return p;
}

/* [-+]? ( \.[0-9]+ | [0-9]+(\.[0-9]*)? ) ( [eE][-+]?[0-9]+ )? and nothing else */
static bool is_decimal(const char *text) {
    const char *p = text;
    if (*p == '-' || *p == '+')
        p++;
    const char *whole = p;
    p = skip_digits(p);
    bool any = p > whole;
    if (*p == '.') {
        const char *fraction = p + 1;
        p = skip_digits(fraction);
        any = any || p > fraction;
    }
    if (!any)
        return false;
    if (*p == 'e' || *p == 'E') {
        p++;
        if (*p == '-' || *p == '+')
            p++;
        const char *exponent = p;
        p = skip_digits(p);
        if (p == exponent)
            return false;
    }
    return *p == '\0';
}

static bool is_word(const char *text, const char *lower, const char *title, const char *upper) {
    return strcmp(text, lower) == 0 || strcmp(text, title) == 0 || strcmp(text, upper) == 0;
}

bool pxs_parse_double(const char *text, double *out) {
    if (is_word(text, ".nan", ".NaN", ".NAN")) {
        *out = NAN;
        return true;
    }
    const char *body = text + (*text == '-' || *text == '+');
    if (is_word(body, ".inf", ".Inf", ".INF")) {
        *out = *text == '-' ? -INFINITY : INFINITY;
        return true;
    }
    if (!is_decimal(text))
        return false;
    *out = decimal_to_double(text);
    return true;
}

/* Exponent of a checked decimal, limited to +-100000, so that sums with counts of digits cannot
 * overflow. */
static long exponent_of(const char *text) {
    const char *e = strpbrk(text, "eE");
    if (!e)
        return 0;
    long value = strtol(e + 1, NULL, 10);
    return value > 100000 ? 100000 : value < -100000 ? -100000 : value;
}

/* The integer of the first `take` digits of a checked decimal, with zeros appended where it has
 * fewer; the digits after these must be zero. False where it is no integer or above `limit`. */
static bool digits_to_u64(const char *p, size_t take, uint64_t limit, uint64_t *value) {
    *value = 0;
    for (; *p && *p != 'e' && *p != 'E'; p++) {
        if (*p < '0' || *p > '9')
            continue;
        unsigned digit = (unsigned)(*p - '0');
        if (take == 0) {
            if (digit)
                return false; /* a fraction */
            continue;
        }
        take--;
        if (*value > (limit - digit) / 10)
            return false;
        *value = *value * 10 + digit;
    }
    for (; take > 0 && *value > 0; take--) {
        if (*value > limit / 10)
            return false;
        *value *= 10;
    }
    return true;
}

bool pxs_parse_int(const char *text, int64_t *out) {
    if (!is_decimal(text))
        return false;
    bool negative = *text == '-';
    const char *digits = text + (*text == '-' || *text == '+');
    size_t whole = (size_t)(skip_digits(digits) - digits);
    size_t length = strcspn(digits, "eE");
    if (length > 100000)
        return false;
    /* digits before the point after the exponent has moved it */
    long take = (long)whole + exponent_of(digits);
    uint64_t limit = (uint64_t)INT64_MAX + negative, value;
    if (!digits_to_u64(digits, take > 0 ? (size_t)take : 0, limit, &value))
        return false;
    *out = negative ? (int64_t)(0 - value) : (int64_t)value;
    return true;
}

/* Optimal string alignment: Levenshtein's distance, where a swap of neighbours counts as one error.
 * Keeps rows i-2, i-1 and i of its table. */
size_t pxs_edit_distance(const char *a, const char *b) {
    size_t na = strlen(a), nb = strlen(b), width = nb + 1;
    size_t *rows = malloc(3 * width * sizeof *rows);
    if (!rows)
        return na > nb ? na : nb;
    size_t *older = rows, *old = rows + width, *row = rows + 2 * width;
    for (size_t j = 0; j <= nb; j++)
        row[j] = j;
    for (size_t i = 1; i <= na; i++) {
        size_t *spare = older;
        older = old;
        old = row;
        row = spare;
        row[0] = i;
        for (size_t j = 1; j <= nb; j++) {
            size_t best = old[j - 1] + (a[i - 1] != b[j - 1]);
            if (old[j] + 1 < best)
                best = old[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
            if (swapped && older[j - 2] + 1 < best)
                best = older[j - 2] + 1;
            row[j] = best;
        }
    }
    size_t distance = row[nb];
    free(rows);
    return distance;
}
