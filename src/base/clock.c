/* Clocks, and times and sizes as people read them. */
#include "pixsweep/base.h"

#include <math.h>
#include <time.h>

int64_t pxs_now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

double pxs_monotonic(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

void pxs_format_duration(char buf[32], double seconds) {
    if (!isfinite(seconds) || seconds < 0 || seconds > 1e12) {
        snprintf(buf, 32, "?");
        return;
    }
    if (seconds < 0.9995)
        snprintf(buf, 32, seconds < 0.00995 ? "%.1f ms" : "%.0f ms", seconds * 1e3);
    else if (seconds < 59.95)
        snprintf(buf, 32, "%.1f s", seconds);
    else if (seconds < 3599.5) {
        long long whole = llround(seconds);
        snprintf(buf, 32, "%lld m %02lld s", whole / 60, whole % 60);
    } else if (seconds < 86370) {
        long long minutes = llround(seconds / 60);
        snprintf(buf, 32, "%lld h %02lld m", minutes / 60, minutes % 60);
    } else {
        long long hours = llround(seconds / 3600);
        snprintf(buf, 32, "%lld d %02lld h", hours / 24, hours % 24);
    }
}

void pxs_format_utc(char buf[32], int64_t ms) {
    time_t seconds = (time_t)(ms / 1000 - (ms % 1000 < 0));
    struct tm tm;
    if (!gmtime_r(&seconds, &tm) || strftime(buf, 32, "%Y-%m-%d %H:%M:%S", &tm) == 0)
        snprintf(buf, 32, "?");
}

/* Midnights between two times. Over a turn of the year it is only exact enough to tell whether it
 * is less than seven. */
static int days_between(const struct tm *from, const struct tm *to) {
    return to->tm_year == from->tm_year       ? to->tm_yday - from->tm_yday
           : to->tm_year == from->tm_year + 1 ? to->tm_yday + 366 - from->tm_yday
                                              : 999;
}

void pxs_format_local(char buf[32], int64_t ms, int64_t now_ms) {
    time_t then = (time_t)(ms / 1000), now = (time_t)(now_ms / 1000);
    struct tm at, today;
    if (!localtime_r(&then, &at) || !localtime_r(&now, &today)) {
        snprintf(buf, 32, "?");
        return;
    }
    int days = days_between(&today, &at);
    const char *format = days == 0 ? "%H:%M" : days > 0 && days < 7 ? "%a %H:%M" : "%Y-%m-%d %H:%M";
    if (strftime(buf, 32, format, &at) == 0)
        snprintf(buf, 32, "?");
}

void pxs_format_bytes(char buf[32], uint64_t bytes) {
    static const char *const units[] = {"kB", "MB", "GB", "TB", "PB", "EB"};
    if (bytes < 1000) {
        snprintf(buf, 32, "%d B", (int)bytes);
        return;
    }
    double value = (double)bytes / 1000;
    size_t unit = 0;
    while (value >= 999.5 && unit + 1 < PXS_COUNT(units)) {
        value /= 1000;
        unit++;
    }
    snprintf(buf, 32, value < 99.95 ? "%.1f %s" : "%.0f %s", value, units[unit]);
}
