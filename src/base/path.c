/* Paths as text: joining and normalising; the file system is not asked. */
#include "pixsweep/base.h"

#include <string.h>
#include <unistd.h>

struct path {
    char *out;
    size_t size, len;
    size_t root; /* 1 for an absolute path: the slash that ".." cannot pass */
};

static bool push(struct path *p, const char *name, size_t n) {
    size_t slash = p->len > p->root;
    if (p->len + slash + n + 1 > p->size)
        return false;
    if (slash)
        p->out[p->len++] = '/';
    memcpy(p->out + p->len, name, n);
    p->len += n;
    p->out[p->len] = '\0';
    return true;
}

static bool step_up(struct path *p) {
    size_t last = p->len; /* start of the last component */
    while (last > p->root && p->out[last - 1] != '/')
        last--;
    bool is_up = p->len - last == 2 && memcmp(p->out + last, "..", 2) == 0;
    /* No component to remove: the root's parent is the root, else one more ".." is kept. */
    if (p->len == p->root || is_up)
        return p->root ? true : push(p, "..", 2);
    p->len = last > p->root ? last - 1 : p->root;
    p->out[p->len] = '\0';
    return true;
}

static bool walk(struct path *p, const char *text) {
    while (*text) {
        text += strspn(text, "/");
        size_t n = strcspn(text, "/");
        bool fits = true;
        if (n == 2 && memcmp(text, "..", 2) == 0)
            fits = step_up(p);
        else if (n > 0 && !(n == 1 && text[0] == '.'))
            fits = push(p, text, n);
        if (!fits)
            return false;
        text += n;
    }
    return true;
}

bool pxs_path_join(char *out, size_t size, const char *dir, const char *rel) {
    if (!dir || rel[0] == '/')
        dir = "";
    const char *first = dir[0] ? dir : rel;
    struct path p = {.out = out, .size = size, .root = first[0] == '/'};
    if (size < 2)
        return false;
    if (p.root)
        out[p.len++] = '/';
    out[p.len] = '\0';
    if (!walk(&p, dir) || !walk(&p, rel))
        return false;
    return p.len > 0 || push(&p, ".", 1);
}

bool pxs_path_absolute(char *out, size_t size, const char *path) {
    char here[4096];
    if (path[0] == '/')
        return pxs_path_join(out, size, NULL, path);
    return getcwd(here, sizeof here) && pxs_path_join(out, size, here, path);
}

bool pxs_path_dir(char *out, size_t size, const char *path) {
    size_t n = strlen(path);
    while (n > 1 && path[n - 1] == '/') /* "a/b/" means b in a */
        n--;
    while (n > 0 && path[n - 1] != '/')
        n--;
    while (n > 1 && path[n - 1] == '/')
        n--;
    const char *text = n ? path : ".";
    n = n ? n : 1;
    if (n >= size)
        return false;
    memcpy(out, text, n);
    out[n] = '\0';
    return true;
}
