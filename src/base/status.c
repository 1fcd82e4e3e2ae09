/* Errors as values, and the logging callback. */
#include "pixsweep/base.h"

#include <errno.h>
#include <string.h>

/* Bytes of a text that vsnprintf wrote into `size` bytes; where it was cut (`wanted` is too long),
 * without a character that is cut in two at the end. */
static size_t whole_bytes(const char *text, size_t size, int wanted) {
    size_t n = strlen(text), back = 1;
    if (wanted < 0 || (size_t)wanted < size)
        return n;
    while (back < 4 && back < n && ((unsigned char)text[n - back] & 0xc0) == 0x80)
        back++;
    return n >= back && pxs_utf8_decode(text + n - back, back, NULL) != back ? n - back : n;
}

/* A cleaned message, as pxs_text_add_wordsv makes it, without allocation, which might fail. */
static void put_words(char *out, size_t size, const char *fmt, va_list ap) {
    char raw[sizeof(struct pxs_error)];
    const int wanted = vsnprintf(raw, sizeof raw, fmt, ap);
    pxs_copy_clean(out, size, raw, whole_bytes(raw, sizeof raw, wanted), pxs_format_has_lines(fmt));
}

/* Builds the message in a buffer of its own, since the arguments may point into err->message. */
static void set_message(struct pxs_error *err, enum pxs_status status, const char *fmt,
                        va_list ap) {
    char message[sizeof err->message] = "";
    put_words(message, sizeof message, fmt, ap);
    err->status = status;
    memcpy(err->message, message, sizeof message);
}

enum pxs_status pxs_fail(struct pxs_error *err, enum pxs_status status, const char *fmt, ...) {
    if (err) {
        va_list ap;
        va_start(ap, fmt);
        set_message(err, status, fmt, ap);
        va_end(ap);
    }
    return status;
}

static enum pxs_status status_of_errno(int number) {
    switch (number) {
    case ENOENT:
        return PXS_E_NOT_FOUND;
    case ENOMEM:
        return PXS_E_NOMEM;
    case ENOSPC:
    case EDQUOT:
        return PXS_E_NOSPC;
    default:
        return PXS_E_IO;
    }
}

/* `limited`: the errno that pxs_limit_words explains; 0 = none. */
static enum pxs_status fail_errno(struct pxs_error *err, int number, int limited, const char *fmt,
                                  va_list ap) {
    enum pxs_status status = status_of_errno(number);
    if (err) {
        char buf[128], limit[PXS_LIMIT_WORDS];
        set_message(err, status, fmt, ap);
        pxs_limit_words(limited, limit);
        size_t used = strlen(err->message);
        snprintf(err->message + used, sizeof err->message - used, ": %s%s",
                 strerror_r(number, buf, sizeof buf), limit);
    }
    return status;
}

enum pxs_status pxs_fail_errno(struct pxs_error *err, const char *fmt, ...) {
    int number = errno;
    va_list ap;
    va_start(ap, fmt);
    enum pxs_status status = fail_errno(err, number, number == EAGAIN ? 0 : number, fmt, ap);
    va_end(ap);
    return status;
}

enum pxs_status pxs_fail_start(struct pxs_error *err, const char *fmt, ...) {
    int number = errno;
    va_list ap;
    va_start(ap, fmt);
    enum pxs_status status = fail_errno(err, number, number, fmt, ap);
    va_end(ap);
    return status;
}

enum pxs_status pxs_fail_nomem(struct pxs_error *err) {
    char limit[PXS_LIMIT_WORDS];
    pxs_limit_words(ENOMEM, limit);
    return pxs_fail(err, PXS_E_NOMEM, "out of memory%s", limit);
}

enum pxs_status pxs_error_prefix(struct pxs_error *err, const char *fmt, ...) {
    if (!err)
        return PXS_E_INTERNAL;
    char message[sizeof err->message];
    va_list ap;
    va_start(ap, fmt);
    put_words(message, sizeof message, fmt, ap);
    va_end(ap);
    const size_t used = strlen(message), left = sizeof message - used;
    int more = snprintf(message + used, left, ": %s", err->message);
    if (more < 0 || (size_t)more >= left)
        memcpy(message + sizeof message - 4, "...", 4);
    memcpy(err->message, message, sizeof message);
    return err->status;
}

void pxs_log(struct pxs_logger logger, enum pxs_log_level level, const char *fmt, ...) {
    if (!logger.write)
        return;
    struct pxs_text text = {0};
    va_list ap;
    va_start(ap, fmt);
    pxs_text_add_wordsv(&text, fmt, ap);
    va_end(ap);
    /* Out of memory: the bare format still says what happened. */
    logger.write(logger.user, level, text.failed ? fmt : pxs_text_str(&text));
    pxs_text_finish(&text);
}

void pxs_meter_tell(struct pxs_meter meter, const char *what, double done, double total) {
    if (meter.tell)
        meter.tell(meter.user, what, done, total);
}
