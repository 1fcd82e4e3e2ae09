/* records.bin by itself. The first byte: 0 a file as it stands, else frames (frames.h) in a file of
 * version 2 (1), 1 (2) or another. What is read and written again is the same; a writer that opens
 * or replaces the file keeps all whole records. */
#include "frames.h"
#include "fuzz.h"

#include "../../src/record/records/record_priv.h"

#include <stdlib.h>
#include <string.h>

/* Texts and old epochs may be mended when they are read; after that nothing changes any more. */
static void write_twice(const unsigned char *frame, size_t bytes) {
    static struct pxs_record r;
    unsigned char again[PXS_FRAME_MAX];
    struct pxs_error err;
    size_t n;
    fuzz_require(pxs_frame_whole(frame, bytes) == bytes, "a frame that was written is whole");
    fuzz_need(pxs_frame_decode(frame, bytes, &r, &err), &err);
    fuzz_need(pxs_frame_encode(&r, again, &n, &err), &err);
    fuzz_require(n == bytes && memcmp(frame, again, n) == 0, "what was written reads the same");
}

static void read_all(const char *path, const struct pxs_text *file, int64_t *whole, bool *damaged) {
    static struct pxs_record r;
    struct pxs_record_cursor *cursor = NULL;
    struct pxs_error err;
    bool more = true;
    *whole = 0;
    *damaged = true;
    if (!fuzz_answer(pxs_record_cursor_open(path, 0, &cursor, &err), &err))
        return;
    for (;;) {
        unsigned char frame[PXS_FRAME_MAX];
        size_t bytes;
        int64_t at = pxs_record_cursor_offset(cursor);
        if (!fuzz_answer(pxs_record_next(cursor, &r, &more, &err), &err)) {
            fuzz_require(at == 0 || pxs_record_cursor_offset(cursor) == at,
                         "on an error the cursor stays");
            break;
        }
        if (!more)
            break;
        *whole = pxs_record_cursor_offset(cursor);
        fuzz_require(*whole > at && *whole <= (int64_t)file->len,
                     "a cursor goes on, within the file");
        fuzz_need(pxs_frame_encode(&r, frame, &bytes, &err), &err);
        if (r.kind == PXS_RECORD_BATCH || r.kind == PXS_RECORD_RUNG)
            fuzz_require((int64_t)bytes <= *whole &&
                             memcmp(frame, file->text + *whole - bytes, bytes) == 0,
                         "what is read and written again is the same bytes");
        write_twice(frame, bytes);
    }
    *damaged = more;
    pxs_record_cursor_close(&cursor);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct fuzz_input in = {data, size};
    struct pxs_text file = {0};
    struct pxs_record_writer *w = NULL;
    struct pxs_error err;
    int64_t whole, offset;
    bool damaged;
    const uint32_t how = fuzz_number(&in, 1);
    if (how > 0)
        fuzz_frames(in, how == 1 ? 2 : how == 2 ? 1 : how, &file);
    else
        pxs_text_add_n(&file, (const char *)in.at, in.left);
    fuzz_write("records.bin", pxs_text_str(&file), file.len);
    const char *path = fuzz_path(0, "records.bin");
    read_all(path, &file, &whole, &damaged);
    for (int attempt = 1; attempt <= 3; attempt++)
        fuzz_answer(pxs_record_find_attempt(path, attempt, &offset, &err), &err);
    static struct pxs_record_begin begin;
    fuzz_answer(pxs_record_last_begin(path, -1, &begin, &err), &err);
    for (int i = 0; i < 2; i++) {
        if (!fuzz_answer(i ? pxs_record_writer_replace(path, -1, &w, &err)
                           : pxs_record_writer_open(path, -1, &w, &err),
                         &err))
            break;
        if (!damaged && whole > 0)
            fuzz_require(pxs_record_writer_bytes(w) == whole,
                         "a writer goes on behind the last whole record");
        pxs_record_writer_close(&w);
    }
    if (!damaged && whole > 0) {
        char *copy;
        size_t bytes;
        fuzz_need(pxs_read_file(path, file.len, &copy, &bytes, &err), &err);
        fuzz_require(bytes == (size_t)whole &&
                         memcmp(copy + PXS_FILE_HEADER, file.text + PXS_FILE_HEADER,
                                bytes - PXS_FILE_HEADER) == 0,
                     "a copy has the same records at the same places");
        free(copy);
    }
    pxs_text_finish(&file);
    return 0;
}
