/* Resume points. The input changes a right one and gives it a right checksum, so that a fuzzer gets
 * past it: lines "key=value" that replace metadata (a line "!key" leaves it out), then, behind a
 * NUL, changes of tensors: number, kind of change, a byte. */
#include "fuzz.h"

#include "pixsweep/base/json.h"
#include "pixsweep/model.h"
#include "pixsweep/tensor.h"

#include "../../src/engine/train/resume_priv.h"
#include "../../src/engine/train/train_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char config_hash[] =
    "abababababababababababababababababababababababababababababababab";

/* Made once: a model of the smallest size, and its state as a file. */
static struct {
    struct pxs_params params;
    struct pxs_pix2pix *model;
    struct pxs_safetensors *file;
    struct resume_text text;
} made;

static void forget(void) {
    pxs_safetensors_destroy(&made.file);
    pxs_pix2pix_destroy(&made.model);
}

static void make(void) {
    struct resume_state s = {.format = RESUME_FORMAT,
                             .step = 3,
                             .epoch = 0,
                             .batch = 3,
                             .best = INFINITY,
                             .early_best = INFINITY};
    struct pxs_error err;
    if (made.model)
        return;
    pxs_params_default(&made.params);
    made.params.img_height = made.params.img_width = 32;
    made.params.ngf = made.params.ndf = 1;
    made.params.n_epochs = 6;
    made.params.early_stop_patience = 2;
    made.params.lr_policy_G = PXS_LR_PLATEAU;
    fuzz_need(pxs_pix2pix_create(&made.params, NULL, "auto", &made.model, &err), &err);
    atexit(forget);
    fuzz_need(pxs_pix2pix_randomise(made.model, 1, &err), &err);
    fuzz_need(resume_engine("auto", &made.params, &s, &err), &err);
    memcpy(s.config_hash, config_hash, sizeof config_hash);
    resume_print(&s, &made.text);
    const char *path = fuzz_path(0, "made.safetensors");
    fuzz_need(pxs_pix2pix_save_state(made.model, path, made.text.metadata, NULL,
                                     resume_crc(&made.text), &err),
              &err);
    fuzz_need(pxs_safetensors_open(path, &made.file, &err), &err);
}

/* ---- the changed file ----------------------------------------------------------------------- */

enum { PAIRS = 64 };
struct metadata {
    const char *pair[2 * PAIRS];
    size_t n;
};

static void change_metadata(struct metadata *m, char *line) {
    char *value = strchr(line, '=');
    bool leave_out = line[0] == '!';
    const char *key = line + leave_out;
    if (value)
        *value++ = '\0';
    for (size_t i = 0; i < m->n; i++)
        if (strcmp(m->pair[2 * i], key) == 0) {
            m->pair[2 * i + 1] = leave_out ? NULL : value ? value : "";
            return;
        }
    if (m->n < PAIRS && !leave_out) {
        m->pair[2 * m->n] = key;
        m->pair[2 * m->n++ + 1] = value ? value : "";
    }
}

enum change { RENAME, DROP, DTYPE, RANK, SPLIT, NAN_VALUES, ANY_VALUES, WRONG_CHECKSUM, CHANGES };

static void put_tensor(const struct pxs_safetensors_info *t, int change, uint8_t byte,
                       struct pxs_json_writer *w, struct pxs_text *data, uint32_t *crc) {
    char name[200];
    size_t begin = data->len;
    if (change == DROP)
        return;
    snprintf(name, sizeof name, "%s%s", t->name, change == RENAME ? ".x" : "");
    pxs_json_put_object(w, name);
    pxs_json_put_string(w, "dtype", change == DTYPE ? "I32" : t->dtype);
    pxs_json_put_array(w, "shape");
    for (int i = 0; i < t->rank; i++)
        pxs_json_put_int(w, NULL,
                         change == SPLIT && i == 0 && t->dims[0] % 2 == 0 ? t->dims[0] / 2
                                                                          : t->dims[i]);
    if (change == RANK)
        pxs_json_put_int(w, NULL, 1);
    if (change == SPLIT && t->rank > 0 && t->dims[0] % 2 == 0)
        pxs_json_put_int(w, NULL, 2);
    pxs_json_end(w);
    pxs_json_put_array(w, "data_offsets");
    pxs_json_put_int(w, NULL, (int64_t)begin);
    pxs_json_put_int(w, NULL, (int64_t)(begin + t->bytes));
    pxs_json_end(w);
    pxs_json_end(w);
    if (strcmp(t->name, "checksum") == 0) {
        *crc ^= change == WRONG_CHECKSUM;
        pxs_text_add_n(data, (const char *)crc, sizeof *crc);
        return;
    }
    pxs_text_add_n(data, t->data, t->bytes);
    if (change == NAN_VALUES || change == ANY_VALUES)
        memset(data->text + begin, change == NAN_VALUES ? 0xff : byte, t->bytes);
    *crc = pxs_crc32c(*crc, data->text + begin, t->bytes);
}

static void write_point(const struct metadata *m, const uint8_t change[256],
                        const uint8_t byte[256]) {
    struct pxs_text header = {0}, data = {0}, file = {0};
    struct pxs_json_writer w = {.out = &header};
    struct pxs_error err;
    uint32_t crc = 0;
    pxs_json_put_object(&w, NULL);
    pxs_json_put_object(&w, "__metadata__");
    for (size_t i = 0; i < m->n; i++) {
        const char *key = m->pair[2 * i], *value = m->pair[2 * i + 1];
        if (!value)
            continue;
        pxs_json_put_string(&w, key, value);
        crc = pxs_crc32c(pxs_crc32c(crc, key, strlen(key) + 1), value, strlen(value) + 1);
    }
    pxs_json_end(&w);
    for (size_t i = 0; i < pxs_safetensors_count(made.file); i++)
        put_tensor(pxs_safetensors_at(made.file, i), i < 256 ? change[i] : 0, i < 256 ? byte[i] : 0,
                   &w, &data, &crc);
    pxs_json_end(&w);
    fuzz_need(pxs_json_finish(&w, &err), &err);
    uint64_t length = header.len;
    pxs_text_add_n(&file, (const char *)&length, sizeof length);
    pxs_text_add_n(&file, header.text, header.len);
    pxs_text_add_n(&file, pxs_text_str(&data), data.len);
    fuzz_write("run/resume.safetensors", file.text, file.len);
    pxs_text_finish(&header);
    pxs_text_finish(&data);
    pxs_text_finish(&file);
}

/* ---- going on from it ----------------------------------------------------------------------- */

static void go_on(const struct pxs_resume_point *point) {
    const struct pxs_train_job job = {
        .params = &made.params, .resume = point, .config_hash = config_hash};
    struct training t = {.job = &job, .p = &made.params, .model = made.model, .batches = 5};
    struct pxs_error err;
    train_begin_rates(&t);
    if (!fuzz_answer(train_load_point(&t, t.job->resume, &err), &err))
        return;
    fuzz_require(t.step == point->step && t.epoch < made.params.n_epochs,
                 "a run goes on within its epochs");
    (void)train_rates(&t, t.batch);
    (void)train_stops_early(&t);
    train_follow_loss(&t, 0.5);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct metadata m = {.n = 0};
    uint8_t change[256], byte[256] = {0};
    struct pxs_resume_point point;
    struct pxs_text notes = {0};
    struct pxs_error err;
    make();
    memset(change, CHANGES, sizeof change);
    for (; made.text.metadata[2 * m.n]; m.n++)
        memcpy(m.pair + 2 * m.n, made.text.metadata + 2 * m.n, 2 * sizeof *m.pair);
    char *text = malloc(size + 1);
    fuzz_require(text != NULL, "there is memory");
    memcpy(text, data, size);
    text[size] = '\0';
    size_t words = strlen(text);
    struct fuzz_input rest = {data + words, size - words};
    for (char *line = text, *next; line < text + words; line = next) {
        next = line + strcspn(line, "\n");
        next += *next == '\n';
        line[strcspn(line, "\n")] = '\0';
        change_metadata(&m, line);
    }
    (void)fuzz_number(&rest, 1); /* the NUL */
    while (rest.left > 0) {
        uint32_t at = fuzz_number(&rest, 1);
        change[at] = (uint8_t)(fuzz_number(&rest, 1) % (CHANGES + 1));
        byte[at] = (uint8_t)fuzz_number(&rest, 1);
    }
    write_point(&m, change, byte);
    if (fuzz_answer(pxs_train_find_resume(fuzz_path(1, "run"), config_hash, &made.params, "auto",
                                          true, &point, &notes, &err),
                    &err) &&
        point.step >= 0)
        go_on(&point);
    pxs_text_finish(&notes);
    free(text);
    return 0;
}
