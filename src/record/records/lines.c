/* Text of "key=value" lines, as the environment of an attempt is recorded. */
#include <stdio.h>
#include <string.h>

#include "pixsweep/records.h"

bool pxs_line_value(const char *lines, const char *key, char *out, size_t size) {
    size_t key_len = strlen(key);
    while (*lines) {
        size_t len = strcspn(lines, "\n");
        if (strncmp(lines, key, key_len) == 0 && lines[key_len] == '=') {
            snprintf(out, size, "%.*s", (int)(len - key_len - 1), lines + key_len + 1);
            return true;
        }
        lines += len;
        lines += *lines == '\n';
    }
    return false;
}
