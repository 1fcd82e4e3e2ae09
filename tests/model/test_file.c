/* Weights as safetensors: out and in again, files of others, and files that do not fit. */
#include "model_tests.h"

#include "pixsweep/tensor.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char path[PXS_PATH_MAX];

static void set_up(void) {
    test_folder_make();
    snprintf(path, sizeof path, "%s", in_folder("generator_0.safetensors"));
}

static struct pxs_pix2pix *make_model(uint64_t seed) {
    struct pxs_params p = narrow(64, 64, 3, 4, 3, 1);
    struct pxs_pix2pix *m = model_create(&p, 0, "auto");
    ck_assert_int_eq(pxs_pix2pix_randomise(m, seed, NULL), PXS_OK);
    return m;
}

START_TEST(round_trip)
{
    struct pxs_pix2pix *a = make_model(1), *b = make_model(2);
    char hash_a[PXS_SHA256_HEX], hash_b[PXS_SHA256_HEX], sha[PXS_SHA256_HEX],
        file_sha[PXS_SHA256_HEX];
    uint64_t bytes, file_bytes;
    const char *const metadata[] = {"epoch", "7", "note", "a \"quoted\" word", NULL};
    struct pxs_weight **w;
    pxs_pix2pix_weights(b, PXS_NET_G, &w);
    w[0]->m[0] = w[0]->v[0] = 1;
    for (int net = 0; net < 2; net++) {
        ck_assert_int_eq(pxs_pix2pix_save(a, (enum pxs_net)net, path, net ? NULL : metadata, NULL,
                                          sha, &bytes, NULL),
                         PXS_OK);
        ck_assert_int_eq(pxs_sha256_file(path, file_sha, &file_bytes, NULL), PXS_OK);
        ck_assert_str_eq(sha, file_sha);
        ck_assert_uint_eq(bytes, file_bytes);
        ck_assert_int_eq(pxs_pix2pix_load(b, (enum pxs_net)net, path, NULL), PXS_OK);
    }
    pxs_pix2pix_hash(a, hash_a);
    pxs_pix2pix_hash(b, hash_b);
    ck_assert_str_eq(hash_a, hash_b);
    ck_assert(w[0]->m[0] == 0 && w[0]->v[0] == 0); /* new weights, new moments */
    pxs_pix2pix_destroy(&a);
    model_destroy(&b);
}
END_TEST

START_TEST(no_number)
{
    struct pxs_pix2pix *a = make_model(1), *b = make_model(2);
    char before[PXS_SHA256_HEX], after[PXS_SHA256_HEX];
    struct pxs_weight **w;
    struct pxs_error err;
    const size_t n = pxs_pix2pix_weights(a, PXS_NET_G, &w);
    w[n - 1]->value[1] = (float)NAN;
    ck_assert_int_eq(pxs_pix2pix_save(a, PXS_NET_G, path, NULL, NULL, NULL, NULL, NULL), PXS_OK);
    pxs_pix2pix_hash(b, before);
    ck_assert_int_eq(pxs_pix2pix_load(b, PXS_NET_G, path, &err), PXS_E_INVALID);
    ck_assert_msg(strstr(err.message, "tensor final.2.bias holds nan at place 1") != NULL, "%s",
                  err.message);
    pxs_pix2pix_hash(b, after);
    ck_assert_str_eq(before, after);
    pxs_pix2pix_destroy(&a);
    model_destroy(&b);
}
END_TEST

START_TEST(metadata_and_order)
{
    struct pxs_pix2pix *m = make_model(1);
    struct pxs_safetensors *file = NULL;
    const char *const metadata[] = {"epoch", "7", NULL};
    ck_assert_int_eq(pxs_pix2pix_save(m, PXS_NET_D, path, metadata, NULL, NULL, NULL, NULL),
                     PXS_OK);
    ck_assert_int_eq(pxs_safetensors_open(path, &file, NULL), PXS_OK);
    ck_assert_str_eq(pxs_safetensors_metadata(file, "epoch"), "7");
    struct pxs_weight **w;
    size_t n = pxs_pix2pix_weights(m, PXS_NET_D, &w);
    ck_assert_uint_eq(pxs_safetensors_count(file), n);
    for (size_t i = 0; i < n; i++) {
        ck_assert_str_eq(pxs_safetensors_at(file, i)->name, w[i]->name);
        float *got = malloc(w[i]->count * sizeof *got), *want = malloc(w[i]->count * sizeof *want);
        ck_assert_int_eq(pxs_safetensors_read(file, w[i]->name, w[i]->rank, w[i]->dims, got, NULL),
                         PXS_OK);
        pxs_weight_to_torch(w[i], w[i]->value, want);
        ck_assert_mem_eq(got, want, w[i]->count * sizeof *got);
        free(got);
        free(want);
    }
    pxs_safetensors_destroy(&file);
    model_destroy(&m);
}
END_TEST

/* Writes the generator with one thing changed. */
enum change { NOTHING, DOWN7, OLD_NORM, MISSING, TRANSPOSED, RANK, EXTRA };
static float zeros[1 << 16];

static void write_changed(struct pxs_pix2pix *m, enum change change) {
    struct pxs_safetensors_entry e[32] = {0};
    struct pxs_weight **w;
    size_t weights = pxs_pix2pix_weights(m, PXS_NET_G, &w), n = 0;
    for (size_t i = 0; i < weights; i++) {
        bool it = !strcmp(w[i]->name, "up3.model.0.weight");
        if (change == MISSING && it)
            continue;
        e[n] =
            (struct pxs_safetensors_entry){.name = w[i]->name, .rank = w[i]->rank, .data = zeros};
        memcpy(e[n].dims, w[i]->dims, sizeof e[n].dims);
        if (change == TRANSPOSED && it) {
            e[n].dims[0] = w[i]->dims[1];
            e[n].dims[1] = w[i]->dims[0];
        }
        if (change == RANK && it)
            e[n].rank = 3;
        n++;
    }
    if (change == DOWN7)
        e[n++] = (struct pxs_safetensors_entry){
            .name = "down7.model.0.weight", .rank = 4, .dims = {32, 32, 1, 1}, .data = zeros};
    if (change == OLD_NORM)
        for (int k = 0; k < 3; k++)
            e[n++] = (struct pxs_safetensors_entry){
                .name = ((const char *[]){"down2.model.1.running_mean", "down2.model.1.running_var",
                                          "down2.model.1.num_batches_tracked"})[k],
                .rank = 1,
                .dims = {8},
                .data = zeros};
    if (change == EXTRA)
        e[n++] = (struct pxs_safetensors_entry){
            .name = "embedder.weight", .rank = 1, .dims = {3}, .data = zeros};
    ck_assert_int_eq(pxs_safetensors_write(path, e, n, NULL, NULL, NULL, NULL, NULL), PXS_OK);
}

/* What is asked of a file without a network says the same as loading it. */
static void same_words(enum pxs_net net, int ngf, int ndf, enum pxs_status status,
                       const struct pxs_error *loaded) {
    const struct pxs_params p = narrow(64, 64, 3, ngf, ndf, 1);
    struct pxs_error err = {.message = ""};
    ck_assert_int_eq(pxs_pix2pix_fits(&p, net, path, &err), status);
    if (status != PXS_OK)
        ck_assert_str_eq(err.message, loaded->message);
}

/* By widths, too: the discriminator's file next to the generator's is asked for its own. */
START_TEST(other_widths)
{
    struct pxs_pix2pix *m = make_model(1); /* ngf 4, ndf 3 */
    for (int net = 0; net < 2; net++) {
        const struct pxs_params wider =
            narrow(64, 64, 3, net == PXS_NET_G ? 8 : 4, net == PXS_NET_G ? 3 : 6, 1);
        struct pxs_pix2pix *other = model_create(&wider, 0, "auto");
        struct pxs_error err = {.message = ""};
        ck_assert_int_eq(pxs_pix2pix_save(m, (enum pxs_net)net, path, NULL, NULL, NULL, NULL, NULL),
                         PXS_OK);
        same_words((enum pxs_net)net, 4, 3, PXS_OK, &err);
        ck_assert_int_eq(pxs_pix2pix_load(other, (enum pxs_net)net, path, &err), PXS_E_INVALID);
        same_words((enum pxs_net)net, (int)wider.ngf, (int)wider.ndf, PXS_E_INVALID, &err);
        ck_assert_msg(strstr(err.message, net == PXS_NET_G ? "here are ngf 8 and channels 3"
                                                           : "here are ndf 6 and channels 3"),
                      "%s", err.message);
        model_destroy(&other);
    }
    model_destroy(&m);
}
END_TEST

START_TEST(files_of_others)
{
    static const struct {
        enum change change;
        enum pxs_status status;
        const char *words[2];
    } cases[] = {
        {NOTHING, PXS_OK, {"", ""}},
        {DOWN7, PXS_OK, {"", ""}}, /* the lab's unused layer */
        {OLD_NORM, PXS_OK, {"", ""}},
        {MISSING, PXS_E_INVALID, {"up3.model.0.weight", "generator"}},
        {TRANSPOSED, PXS_E_INVALID, {"up3.model.0.weight", "[64, 16, 4, 4]"}},
        {RANK, PXS_E_INVALID, {"up3.model.0.weight", ""}},
        {EXTRA, PXS_E_INVALID, {"embedder.weight", "generator"}},
    };
    for (size_t i = 0; i < PXS_COUNT(cases); i++) {
        struct pxs_pix2pix *m = make_model(1);
        struct pxs_error err = {.message = ""};
        char before[PXS_SHA256_HEX], after[PXS_SHA256_HEX];
        pxs_pix2pix_hash(m, before);
        write_changed(m, cases[i].change);
        ck_assert_int_eq(pxs_pix2pix_load(m, PXS_NET_G, path, &err), cases[i].status);
        same_words(PXS_NET_G, 4, 3, cases[i].status, &err);
        pxs_pix2pix_hash(m, after);
        if (cases[i].status == PXS_OK) {
            ck_assert_str_ne(before, after);
        } else {
            ck_assert_msg(strstr(err.message, path) && strstr(err.message, cases[i].words[0]) &&
                              strstr(err.message, cases[i].words[1]),
                          "%s", err.message);
            ck_assert_str_eq(before, after); /* all or nothing */
        }
        model_destroy(&m);
    }
}
END_TEST

/* With batch norm: after two steps, so that every tensor has a value of its own. */
static struct pxs_pix2pix *make_batch_norm(int steps) {
    struct pxs_params p = narrow(32, 32, 3, 4, 3, 2);
    p.generator = PXS_GENERATOR_UNET_32;
    p.discriminator = PXS_DISCRIMINATOR_N_LAYERS;
    p.n_layers_D = 1;
    p.norm = PXS_NETWORK_NORM_BATCH;
    p.gan_mode = PXS_GAN_HINGE;
    struct pxs_pix2pix *m = model_create(&p, 0, "auto");
    ck_assert_int_eq(pxs_pix2pix_randomise(m, 1, NULL), PXS_OK);
    for (int step = 0; step < steps; step++) {
        float source[2 * 32 * 32 * 3];
        struct pxs_step_result ignored;
        for (size_t i = 0; i < PXS_COUNT(source); i++)
            source[i] = (float)((i * 37 + (size_t)step) % 101) / 50.0f - 1.0f;
        pxs_pix2pix_step(m, source, source, 2, (struct pxs_step_rates){1e-3, 1e-3}, step, &ignored);
    }
    return m;
}

/* Running statistics and counts are in files of weights and of everything; evaluation reads them
 * and changes nothing, as the images' own statistics do not. */
START_TEST(batch_norm)
{
    struct pxs_pix2pix *a = make_batch_norm(2), *b = make_batch_norm(0);
    char hash_a[PXS_SHA256_HEX], hash_b[PXS_SHA256_HEX];
    float source[2 * 32 * 32 * 3] = {0}, running[PXS_COUNT(source)], own[PXS_COUNT(source)];
    struct pxs_weight **w;
    struct pxs_safetensors *file = NULL;
    int64_t count = 0;
    for (size_t i = 0; i < PXS_COUNT(source); i++)
        source[i] = (float)(i % 7) / 4.0f - 1.0f;
    pxs_pix2pix_hash(a, hash_a);
    pxs_pix2pix_generate(a, source, 2, PXS_STATISTICS_RUNNING, 0, 0, running);
    pxs_pix2pix_generate(a, source, 2, PXS_STATISTICS_BATCH, 0, 0, own);
    ck_assert_mem_ne(running, own, sizeof own);
    pxs_pix2pix_hash(a, hash_b);
    ck_assert_str_eq(hash_a, hash_b);

    for (int net = 0; net < 2; net++) {
        ck_assert_int_eq(pxs_pix2pix_save(a, (enum pxs_net)net, path, NULL, NULL, NULL, NULL, NULL),
                         PXS_OK);
        ck_assert_int_eq(pxs_pix2pix_load(b, (enum pxs_net)net, path, NULL), PXS_OK);
    }
    pxs_pix2pix_hash(b, hash_b);
    ck_assert_str_eq(hash_a, hash_b);
    ck_assert_int_eq(pxs_safetensors_open(path, &file, NULL), PXS_OK); /* D's */
    ck_assert_int_eq(pxs_safetensors_read_count(file, "model.3.num_batches_tracked", &count, NULL),
                     PXS_OK);
    ck_assert_int_eq(count, 6);
    pxs_safetensors_destroy(&file);

    /* Without counts, as PyTorch before 0.4.1 wrote it: they are 0, and all else is there. */
    struct pxs_safetensors_entry e[32] = {0};
    size_t n = 0, all = pxs_pix2pix_weights(a, PXS_NET_D, &w);
    for (size_t i = 0; i < all; i++)
        if (w[i]->kind != PXS_WEIGHT_BATCHES) {
            e[n] = (struct pxs_safetensors_entry){
                .name = w[i]->name, .rank = w[i]->rank, .data = zeros};
            memcpy(e[n++].dims, w[i]->dims, sizeof e[0].dims);
        }
    ck_assert_uint_lt(n, all);
    ck_assert_int_eq(pxs_safetensors_write(path, e, n, NULL, NULL, NULL, NULL, NULL), PXS_OK);
    ck_assert_int_eq(pxs_pix2pix_load(a, PXS_NET_D, path, NULL), PXS_OK);
    for (size_t i = 0; i < all; i++)
        ck_assert_int_eq(w[i]->batches, 0);

    model_destroy(&b);
    pxs_pix2pix_destroy(&a);
}
END_TEST

START_TEST(batch_norm_goes_on)
{
    struct pxs_pix2pix *a = make_batch_norm(2), *b = make_batch_norm(0);
    char hash_a[PXS_SHA256_HEX], hash_b[PXS_SHA256_HEX];
    struct pxs_safetensors *file = NULL;
    ck_assert_int_eq(pxs_pix2pix_save_state(a, path, NULL, NULL, 5, NULL), PXS_OK);
    ck_assert_int_eq(pxs_pix2pix_load_state(b, path, NULL), PXS_OK);
    pxs_pix2pix_hash(a, hash_a);
    pxs_pix2pix_hash(b, hash_b);
    ck_assert_str_eq(hash_a, hash_b);
    /* the checksum is of all bytes before it */
    ck_assert_int_eq(pxs_safetensors_open(path, &file, NULL), PXS_OK);
    const size_t n = pxs_safetensors_count(file);
    uint32_t crc = 5, stated;
    for (size_t i = 0; i + 1 < n; i++) {
        const struct pxs_safetensors_info *t = pxs_safetensors_at(file, i);
        crc = pxs_crc32c(crc, t->data, (size_t)t->bytes);
    }
    memcpy(&stated, pxs_safetensors_at(file, n - 1)->data, sizeof stated);
    ck_assert_uint_eq(crc, stated);
    pxs_safetensors_destroy(&file);
    model_destroy(&b);
    pxs_pix2pix_destroy(&a);
}
END_TEST

START_TEST(wrong_files)
{
    struct pxs_pix2pix *m = make_model(1);
    struct pxs_error err;
    ck_assert_int_eq(pxs_pix2pix_load(m, PXS_NET_G, path, &err), PXS_E_NOT_FOUND);
    ck_assert_ptr_nonnull(strstr(err.message, path));
    ck_assert_int_eq(pxs_pix2pix_save(m, PXS_NET_G, path, NULL, NULL, NULL, NULL, NULL), PXS_OK);
    ck_assert_int_eq(pxs_pix2pix_load(m, PXS_NET_D, path, &err), PXS_E_INVALID);
    ck_assert_ptr_nonnull(strstr(err.message, "discriminator"));
    same_words(PXS_NET_D, 4, 3, PXS_E_INVALID, &err);
    ck_assert_int_eq(truncate(path, 5000), 0);
    ck_assert_int_eq(pxs_pix2pix_load(m, PXS_NET_G, path, &err), PXS_E_CORRUPT);
    ck_assert_ptr_nonnull(strstr(err.message, path));
    ck_assert_int_ne(
        pxs_pix2pix_save(m, PXS_NET_G, "/nonexistent/g.safetensors", NULL, NULL, NULL, NULL, &err),
        PXS_OK);
    ck_assert_ptr_nonnull(strstr(err.message, "/nonexistent"));
    model_destroy(&m);
}
END_TEST

TCase *file_case(void) {
    TCase *tcase = tcase_create("file");
    tcase_add_checked_fixture(tcase, set_up, test_folder_remove);
    tcase_add_test(tcase, round_trip);
    tcase_add_test(tcase, no_number);
    tcase_add_test(tcase, metadata_and_order);
    tcase_add_test(tcase, files_of_others);
    tcase_add_test(tcase, batch_norm);
    tcase_add_test(tcase, batch_norm_goes_on);
    tcase_add_test(tcase, other_widths);
    tcase_add_test(tcase, wrong_files);
    return tcase;
}
