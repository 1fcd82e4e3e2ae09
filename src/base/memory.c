/* Aligned blocks for numbers, arenas for small objects. */
#include "pixsweep/base.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define HUGE_PAGE ((size_t)2 << 20)
#define ARENA_BLOCK ((size_t)16 << 10)

void *pxs_aligned_alloc(size_t bytes) {
    void *ptr = NULL;
    bool huge = bytes >= HUGE_PAGE;
    if (bytes > PTRDIFF_MAX)
        return NULL;
    if (posix_memalign(&ptr, huge ? HUGE_PAGE : 64, bytes ? bytes : 64) != 0)
        return NULL;
#ifdef MADV_HUGEPAGE
    /* Before the first touch, so that the pages come huge; a kernel without them only refuses the advice. */
    if (huge)
        (void)madvise(ptr, bytes & ~(HUGE_PAGE - 1), MADV_HUGEPAGE);
#endif
    memset(ptr, 0, bytes ? bytes : 64);
    return ptr;
}

void pxs_aligned_free(void *ptr) {
    free(ptr);
}

struct pxs_arena_block {
    struct pxs_arena_block *next;
    size_t used, cap;
    _Alignas(16) unsigned char bytes[];
};

static struct pxs_arena_block *arena_block_new(size_t cap) {
    if (cap > SIZE_MAX - sizeof(struct pxs_arena_block))
        return NULL;
    struct pxs_arena_block *block = calloc(1, sizeof *block + cap);
    if (block)
        block->cap = cap;
    return block;
}

void *pxs_arena_alloc(struct pxs_arena *arena, size_t bytes) {
    if (bytes > SIZE_MAX / 2)
        return NULL;
    size_t need = bytes ? (bytes + 15) & ~(size_t)15 : 16;
    struct pxs_arena_block *head = arena->head;
    if (!head || head->cap - head->used < need) {
        struct pxs_arena_block *block = arena_block_new(need > ARENA_BLOCK ? need : ARENA_BLOCK);
        if (!block)
            return NULL;
        if (head && need > ARENA_BLOCK / 4) { /* a large object goes behind: the head still has room */
            block->next = head->next;
            head->next = block;
        } else {
            block->next = head;
            arena->head = block;
        }
        head = block;
    }
    void *ptr = head->bytes + head->used;
    head->used += need;
    return ptr;
}

char *pxs_arena_strdup(struct pxs_arena *arena, const char *text) {
    size_t bytes = strlen(text) + 1;
    char *copy = pxs_arena_alloc(arena, bytes);
    if (copy)
        memcpy(copy, text, bytes);
    return copy;
}

char *pxs_arena_printf(struct pxs_arena *arena, const char *fmt, ...) {
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    char *text = n < 0 ? NULL : pxs_arena_alloc(arena, (size_t)n + 1);
    if (text)
        vsnprintf(text, (size_t)n + 1, fmt, again);
    va_end(again);
    return text;
}

void pxs_arena_finish(struct pxs_arena *arena) {
    struct pxs_arena_block *block = arena->head;
    while (block) {
        struct pxs_arena_block *next = block->next;
        free(block);
        block = next;
    }
    arena->head = NULL;
}
