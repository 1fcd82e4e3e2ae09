#include "golden.h"

#include <check.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct entry {
    char *name;
    size_t count;
    double *data;
};

struct golden {
    char path[512];
    struct entry *entries;
    size_t n;
};

static void take(FILE *f, void *out, size_t bytes, const char *path) {
    ck_assert_msg(fread(out, 1, bytes, f) == bytes, "%s ends too early", path);
}

static void read_entry(FILE *f, uint16_t name_length, struct entry *e, const char *path) {
    unsigned char type, rank;
    e->name = calloc(1, (size_t)name_length + 1);
    take(f, e->name, name_length, path);
    take(f, &type, 1, path);
    take(f, &rank, 1, path);
    e->count = 1;
    for (int i = 0; i < rank; i++) {
        uint32_t dim;
        take(f, &dim, sizeof dim, path);
        e->count *= dim;
    }
    e->data = malloc((e->count + 1) * sizeof *e->data);
    for (size_t i = 0; i < e->count; i++)
        if (type == 1) {
            take(f, &e->data[i], sizeof(double), path);
        } else {
            float v;
            take(f, &v, sizeof v, path);
            e->data[i] = (double)v;
        }
}

struct golden *golden_open(const char *file) {
    const char *dir = getenv("PXS_GOLDEN_DIR");
    struct golden *g = calloc(1, sizeof *g);
    snprintf(g->path, sizeof g->path, "%s/%s", dir && *dir ? dir : PXS_GOLDEN_DIR, file);
    FILE *f = fopen(g->path, "rb");
    ck_assert_msg(f != NULL, "cannot open %s", g->path);
    char head[12];
    take(f, head, sizeof head, g->path);
    ck_assert_msg(memcmp(head, "PXSGOLD1", 8) == 0, "%s is no file of reference numbers", g->path);
    uint32_t origin;
    memcpy(&origin, head + 8, sizeof origin);
    fseek(f, (long)origin, SEEK_CUR);
    uint16_t name_length;
    while (fread(&name_length, sizeof name_length, 1, f) == 1) {
        g->entries = realloc(g->entries, (g->n + 1) * sizeof *g->entries);
        read_entry(f, name_length, &g->entries[g->n++], g->path);
    }
    fclose(f);
    return g;
}

void golden_close(struct golden *g) {
    for (size_t i = 0; i < g->n; i++) {
        free(g->entries[i].name);
        free(g->entries[i].data);
    }
    free(g->entries);
    free(g);
}

const double *golden_get(struct golden *g, size_t count, const char *format, ...) {
    char name[256];
    va_list ap;
    va_start(ap, format);
    vsnprintf(name, sizeof name, format, ap);
    va_end(ap);
    for (size_t i = 0; i < g->n; i++)
        if (!strcmp(g->entries[i].name, name)) {
            ck_assert_msg(g->entries[i].count == count, "%s: %s has %zu numbers, not %zu", g->path,
                          name, g->entries[i].count, count);
            return g->entries[i].data;
        }
    ck_abort_msg("%s: there is no %s", g->path, name);
    return NULL;
}

/* ---- numbers that both sides can make ------------------------------------------------------- */

static uint32_t name_hash(const char *name) { /* FNV-1a */
    uint32_t h = 2166136261u;
    for (; *name; name++)
        h = (h ^ (unsigned char)*name) * 16777619u;
    return h;
}

static uint32_t mix(uint32_t stream, size_t index) { /* murmur3's finaliser */
    uint32_t h = (uint32_t)index * 0x9E3779B1u + stream;
    h = (h ^ h >> 16) * 0x85EBCA6Bu;
    h = (h ^ h >> 13) * 0xC2B2AE35u;
    return h ^ h >> 16;
}

static float unit(uint32_t h) {
    return (float)(h >> 8) * 0x1p-23f - 1.0f;
}

float golden_number(const char *name, size_t i) {
    return unit(mix(name_hash(name), i));
}

void golden_numbers(const char *name, float scale, size_t n, float *out) {
    uint32_t stream = name_hash(name);
    for (size_t i = 0; i < n; i++)
        out[i] = unit(mix(stream, i)) * scale;
}

void golden_to_nhwc(const float *nchw, size_t n, size_t c, size_t pixels, float *nhwc, size_t ld) {
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < c; k++)
            for (size_t p = 0; p < pixels; p++)
                nhwc[(i * pixels + p) * ld + k] = nchw[(i * c + k) * pixels + p];
}

void golden_picture(const char *name, size_t n, size_t c, size_t h, size_t w, float *nhwc) {
    uint32_t stream = name_hash(name);
    for (size_t i = 0; i < n; i++)
        for (size_t y = 0; y < h; y++)
            for (size_t x = 0; x < w; x++) {
                uint32_t kind = mix(stream, (i * (h / 4) + y / 4) * (w / 4) + x / 4) >> 30;
                float noise = unit(mix(stream ^ 0x5BD1E995u, (i * h + y) * w + x));
                for (size_t k = 0; k < c; k++)
                    *nhwc++ = kind == 0 ? noise : kind == 1 ? -1.0f : 1.0f;
            }
}
