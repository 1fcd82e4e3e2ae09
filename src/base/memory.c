/* Aligned blocks for numbers, arenas for small objects. */
#include "pixsweep/base.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define HUGE_PAGE ((size_t)2 << 20)
#define ARENA_BLOCK ((size_t)16 << 10)

#if defined(__SANITIZE_ADDRESS__)
#define WATCHED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WATCHED 1
#endif
#endif

#ifdef WATCHED /* the sanitizer checks blocks from malloc to the byte, mapped ones not at all */

void *pxs_aligned_alloc(size_t bytes) {
    void *ptr = NULL;
    if (bytes > PTRDIFF_MAX ||
        posix_memalign(&ptr, bytes >= HUGE_PAGE ? HUGE_PAGE : 64, bytes ? bytes : 1) != 0)
        return NULL;
    memset(ptr, 0, bytes);
    return ptr;
}

void pxs_aligned_free(void *ptr) {
    free(ptr);
}

#else

/* Stands in front of every block and says how it is freed. */
struct origin {
    void *start;
    size_t mapped; /* bytes mapped; 0 = from malloc */
};
enum { FRONT = 64 };
_Static_assert(sizeof(struct origin) <= FRONT, "an origin fits in front of a block");

static void *leave_origin(void *ptr, void *start, size_t mapped) {
    struct origin o = {start, mapped};
    memcpy((char *)ptr - FRONT, &o, sizeof o);
    return ptr;
}

static void *small_block(size_t bytes) {
    void *start = NULL;
    if (posix_memalign(&start, FRONT, FRONT + (bytes ? bytes : 1)) != 0)
        return NULL;
    memset(start, 0, FRONT + bytes);
    return leave_origin((char *)start + FRONT, start, 0);
}

/* Mapped: the kernel has zeroed it, and the threads that use a page touch it first. */
static void *large_block(size_t bytes) {
    size_t mapped = bytes + HUGE_PAGE + FRONT;
    void *start = mmap(NULL, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (start == MAP_FAILED)
        return NULL;
    uintptr_t at = ((uintptr_t)start + FRONT + HUGE_PAGE - 1) & ~(uintptr_t)(HUGE_PAGE - 1);
    void *ptr = (char *)start + (at - (uintptr_t)start);
#ifdef MADV_HUGEPAGE
    /* Advised before the first touch, so that pages are huge from the start; a kernel without huge
     * pages only refuses the advice. */
    (void)madvise(ptr, bytes & ~(HUGE_PAGE - 1), MADV_HUGEPAGE);
#endif
    return leave_origin(ptr, start, mapped);
}

void *pxs_aligned_alloc(size_t bytes) {
    if (bytes > PTRDIFF_MAX - 2 * HUGE_PAGE)
        return NULL;
    return bytes >= HUGE_PAGE ? large_block(bytes) : small_block(bytes);
}

void pxs_aligned_free(void *ptr) {
    struct origin o;
    if (!ptr)
        return;
    memcpy(&o, (char *)ptr - FRONT, sizeof o);
    if (o.mapped)
        munmap(o.start, o.mapped);
    else
        free(o.start);
}

#endif

struct pxs_arena_block {
    struct pxs_arena_block *next;
    size_t used, cap;
    _Alignas(16) unsigned char bytes[];
};

void *pxs_arena_alloc(struct pxs_arena *arena, size_t bytes) {
    if (bytes > SIZE_MAX / 2)
        return NULL;
    size_t need = bytes ? (bytes + 15) & ~(size_t)15 : 16;
    struct pxs_arena_block *head = arena->head;
    if (!head || head->cap - head->used < need) {
        const size_t cap = need > ARENA_BLOCK ? need : ARENA_BLOCK;
        struct pxs_arena_block *block = calloc(1, sizeof *block + cap);
        if (!block)
            return NULL;
        block->cap = cap;
        if (head && need > ARENA_BLOCK / 4) { /* the head keeps its room for smaller objects */
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
