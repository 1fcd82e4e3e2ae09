/* Every network of the tables is recognised from a file of its weights; so is what cannot be. */
#include "model_tests.h"

#include <string.h>

#include "pixsweep/tensor.h"

static char path[512];

static void set_up(void) {
    test_folder_make();
    snprintf(path, sizeof path, "%s/weights.safetensors", test_folder());
}

static enum pxs_status checked(const struct pxs_params *p) {
    struct pxs_params named = *p;
    snprintf(named.dataset, sizeof named.dataset, "/");
    return pxs_params_check(&named, NULL, NULL);
}

/* Saves one network of `p` and looks at the file; its halvings are those of the words. */
static void saved_and_found(const struct pxs_params *p, enum pxs_net net) {
    struct pxs_pix2pix *m = model_create(p, 0, "auto");
    struct pxs_recognised r = {.words = ""};
    struct pxs_error err = {.message = ""};
    ck_assert_int_eq(pxs_pix2pix_save(m, net, path, NULL, NULL, NULL, NULL, NULL), PXS_OK);
    const enum pxs_status status = pxs_weights_recognise(path, &r, &err);
    ck_assert_msg(status == PXS_OK, "%s", err.message);
    ck_assert_int_eq(r.net, net);
    ck_assert_int_eq(r.params.channels, p->channels);
    ck_assert_int_eq(r.params.norm, p->norm);
    if (net == PXS_NET_G) {
        ck_assert_int_eq(r.params.generator, p->generator);
        ck_assert_int_eq(r.params.ngf, p->ngf);
    } else {
        ck_assert_int_eq(r.params.discriminator, p->discriminator);
        ck_assert_int_eq(r.params.ndf, p->ndf);
    }
    /* What was found has the file's names and shapes. */
    ck_assert_msg(pxs_pix2pix_fits(&r.params, net, path, &err) == PXS_OK, "%s", err.message);
    model_destroy(&m);
}

START_TEST(every_network)
{
    int networks = 0;
    for (int g = 0; g < PXS_VALUES_generator; g++)
        for (int side = 32; side <= 256; side *= 2)
            for (int channels = 1; channels <= 3; channels += 2) {
                struct pxs_params p = narrow(side, side, channels, 2 + channels, 3, 1);
                p.generator = g;
                p.dropout = channels == 1 ? 0 : 0.5;
                p.norm = g == PXS_GENERATOR_UNET ? PXS_NETWORK_NORM_INSTANCE
                                                 : networks % PXS_VALUES_network_norm;
                if (checked(&p) != PXS_OK)
                    continue;
                saved_and_found(&p, PXS_NET_G);
                networks++;
            }
    ck_assert_int_ge(networks, 2 * PXS_VALUES_generator);
    for (int d = 0; d < PXS_VALUES_discriminator; d++) {
        struct pxs_params p = narrow(64, 64, 3, 2, 5, 1);
        p.discriminator = d;
        p.norm = d == PXS_DISCRIMINATOR_PATCH ? PXS_NETWORK_NORM_INSTANCE : PXS_NETWORK_NORM_BATCH;
        if (checked(&p) == PXS_OK)
            saved_and_found(&p, PXS_NET_D);
    }
}
END_TEST

START_TEST(depth_is_told)
{
    const struct pxs_params p = narrow(64, 128, 3, 4, 3, 1);
    struct pxs_recognised r;
    struct pxs_pix2pix *m = model_create(&p, 0, "auto");
    ck_assert_int_eq(pxs_pix2pix_save(m, PXS_NET_G, path, NULL, NULL, NULL, NULL, NULL), PXS_OK);
    ck_assert_int_eq(pxs_weights_recognise(path, &r, NULL), PXS_OK);
    ck_assert_int_eq(r.params.img_height, 64);
    ck_assert_msg(strstr(r.words, "a generator unet of 6 halvings with ngf 4") != NULL, "%s",
                  r.words);
    model_destroy(&m);
}
END_TEST

static void write_tensors(const char *const *names, size_t n, int channels) {
    static const float zeros[1 << 14];
    struct pxs_safetensors_entry e[16];
    for (size_t i = 0; i < n; i++)
        e[i] = (struct pxs_safetensors_entry){
            .name = names[i], .rank = 4, .dims = {4, channels, 4, 4}, .data = zeros};
    ck_assert_int_eq(pxs_safetensors_write(path, e, n, NULL, NULL, NULL, NULL, NULL), PXS_OK);
}

START_TEST(strangers)
{
    static const struct {
        const char *const names[2];
        size_t n;
        int channels;
        const char *words;
    } rows[] = {
        {{"encoder.weight"}, 1, 3, "its first tensor is encoder.weight"},
        {{NULL}, 0, 3, "the file is empty"},
        {{"down1.model.0.weight"},
         1,
         3,
         "the nearest is a generator unet of 5 halvings with ngf 4"},
        {{"down1.model.0.weight"}, 1, 4, "its first tensor is down1.model.0.weight"},
    };
    for (size_t i = 0; i < PXS_COUNT(rows); i++) {
        struct pxs_recognised r = {.words = "untouched"};
        struct pxs_error err = {.message = ""};
        write_tensors(rows[i].names, rows[i].n, rows[i].channels);
        ck_assert_int_eq(pxs_weights_recognise(path, &r, &err), PXS_E_INVALID);
        ck_assert_msg(strstr(err.message, rows[i].words) && strstr(err.message, path), "%s",
                      err.message);
        ck_assert_str_eq(r.words, "untouched");
    }
}
END_TEST

/* A file that does not fit is named by what it is. */
START_TEST(words_of_a_misfit)
{
    const struct pxs_params small = narrow(32, 32, 3, 4, 3, 1), here = narrow(64, 64, 3, 4, 3, 1);
    struct pxs_pix2pix *m = model_create(&small, 0, "auto");
    struct pxs_error err = {.message = ""};
    ck_assert_int_eq(pxs_pix2pix_save(m, PXS_NET_G, path, NULL, NULL, NULL, NULL, NULL), PXS_OK);
    ck_assert_int_eq(pxs_pix2pix_fits(&here, PXS_NET_G, path, &err), PXS_E_INVALID);
    ck_assert_msg(
        strstr(err.message, "these are the weights of a generator unet of 5 halvings with ngf 4") &&
            strstr(err.message, "here is generator: unet, 64x64"),
        "%s", err.message);
    ck_assert_int_eq(pxs_pix2pix_save(m, PXS_NET_D, path, NULL, NULL, NULL, NULL, NULL), PXS_OK);
    ck_assert_int_eq(pxs_pix2pix_fits(&here, PXS_NET_G, path, &err), PXS_E_INVALID);
    ck_assert_msg(strstr(err.message, "a discriminator patch of 4 halvings with ndf 3") &&
                      strstr(err.message, "give those of the generator"),
                  "%s", err.message);
    model_destroy(&m);
}
END_TEST

/* Two networks of one kind: the key that sets them apart is named. */
START_TEST(words_of_a_difference)
{
    static const struct {
        int norm;
        double dropout;
        const char *words;
    } rows[] = {
        {PXS_NETWORK_NORM_BATCH, 0, ": dropout: 0, where here it is 0.5"},
        {PXS_NETWORK_NORM_INSTANCE, 0.5, ": norm: instance, where here it is batch"},
    };
    struct pxs_params here = narrow(32, 32, 3, 4, 3, 1);
    here.generator = PXS_GENERATOR_RESNET_6;
    here.norm = PXS_NETWORK_NORM_BATCH;
    here.dropout = 0.5;
    for (size_t i = 0; i < PXS_COUNT(rows); i++) {
        struct pxs_error err = {.message = ""};
        struct pxs_params there = here;
        there.norm = rows[i].norm;
        there.dropout = rows[i].dropout;
        struct pxs_pix2pix *m = model_create(&there, 0, "auto");
        ck_assert_int_eq(pxs_pix2pix_save(m, PXS_NET_G, path, NULL, NULL, NULL, NULL, NULL),
                         PXS_OK);
        ck_assert_int_eq(pxs_pix2pix_fits(&here, PXS_NET_G, path, &err), PXS_E_INVALID);
        ck_assert_msg(strstr(err.message, rows[i].words), "%s", err.message);
        model_destroy(&m);
    }
}
END_TEST

START_TEST(configuration)
{
    static const float zero[1];
    const struct pxs_safetensors_entry e = {.name = "x", .rank = 1, .dims = {1}, .data = zero};
    const char *metadata[] = {"pixsweep",  "9.9",       "generator", "unet", "ngf",
                              "32",        "direction", "AtoB",      "note", "kept",
                              "img_width", "128",       NULL};
    struct pxs_params p;
    struct pxs_error err = {.message = ""};
    bool stated = false;
    pxs_params_default(&p);
    p.channels = 1;
    ck_assert_int_eq(pxs_safetensors_write(path, &e, 1, metadata, NULL, NULL, NULL, NULL), PXS_OK);
    ck_assert_int_eq(pxs_weights_config(path, &p, &stated, &err), PXS_OK);
    ck_assert(stated);
    ck_assert_int_eq(p.ngf, 32);
    ck_assert_int_eq(p.img_width, 128);
    ck_assert_int_eq(p.direction, PXS_DIRECTION_ATOB);
    ck_assert_int_eq(p.channels, 1); /* not stated: as it was */

    metadata[3] = "transformer";
    ck_assert_int_eq(pxs_safetensors_write(path, &e, 1, metadata, NULL, NULL, NULL, NULL), PXS_OK);
    ck_assert_int_eq(pxs_weights_config(path, &p, &stated, &err), PXS_E_UNSUPPORTED);
    ck_assert_msg(strstr(err.message, "generator: transformer") && strstr(err.message, "9.9"), "%s",
                  err.message);

    ck_assert_int_eq(pxs_safetensors_write(path, &e, 1, NULL, NULL, NULL, NULL, NULL), PXS_OK);
    ck_assert_int_eq(pxs_weights_config(path, &p, &stated, &err), PXS_OK);
    ck_assert(!stated);
}
END_TEST

TCase *recognise_case(void) {
    TCase *tcase = tcase_create("recognise");
    tcase_add_checked_fixture(tcase, set_up, test_folder_remove);
    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, every_network);
    tcase_add_test(tcase, depth_is_told);
    tcase_add_test(tcase, strangers);
    tcase_add_test(tcase, words_of_a_misfit);
    tcase_add_test(tcase, words_of_a_difference);
    tcase_add_test(tcase, configuration);
    return tcase;
}
