/* Every size that is allowed builds and trains; names, shapes and costs are those of PyTorch-GAN's
 * tables. */
#include "model_tests.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* One step: finite, and every trained weight has moved. */
static void one_step(const struct pxs_params *p) {
    struct pxs_pix2pix *m = model_create(p, 2, "auto");
    size_t n = (size_t)p->batch_size * image_floats(p);
    float *source = random_pixels("size/source", n), *target = random_pixels("size/target", n);
    struct pxs_step_result l;
    ck_assert_int_eq(pxs_pix2pix_randomise(m, 1, NULL), PXS_OK);
    pxs_pix2pix_step(m, source, target, (int)p->batch_size, (struct pxs_step_rates){1e-4, 1e-4}, 0,
                     &l);
    ck_assert_msg(all_finite(&l), "%d x %d: %g %g", (int)p->img_height, (int)p->img_width, l.loss_G,
                  l.loss_D);
    for (int net = 0; net < 2; net++) {
        struct pxs_weight **w;
        size_t count = pxs_pix2pix_weights(m, (enum pxs_net)net, &w);
        for (size_t i = 0; i < count; i++) {
            double moved = 0;
            for (size_t k = 0; k < w[i]->count; k++)
                moved += fabs((double)w[i]->m[k]);
            ck_assert_msg(isfinite(moved) && (moved > 0) == !w[i]->constant, "%d x %d, %s: %g",
                          (int)p->img_height, (int)p->img_width, w[i]->name, moved);
        }
    }
    free(source);
    free(target);
    model_destroy(&m);
}

START_TEST(all_sides)
{
    for (int width = 32; width <= 1024; width *= 2) {
        struct pxs_params p = narrow(32 << _i, width, width == 64 ? 1 : 3, 2, 2, 1);
        p.dropout = 0.5;
        one_step(&p);
    }
}
END_TEST

START_TEST(odd_widths)
{
    /* ngf, ndf, batch */
    static const int widths[][3] = {{5, 3, 1}, {1, 1, 2}, {7, 17, 5}, {33, 9, 3}};
    for (size_t i = 0; i < PXS_COUNT(widths); i++) {
        struct pxs_params p =
            narrow(64, 32, i % 2 ? 1 : 3, widths[i][0], widths[i][1], widths[i][2]);
        p.dropout = 0.3;
        p.gan_mode = i % 2 ? PXS_GAN_VANILLA : PXS_GAN_LSGAN;
        one_step(&p);
    }
}
END_TEST

START_TEST(state_dict)
{
    static const struct {
        const char *name;
        int net, dims[4];
    } want[] = {
        {"down1.model.0.weight", 0, {8, 3, 4, 4}},
        {"down2.model.0.weight", 0, {16, 8, 4, 4}},
        {"down3.model.0.weight", 0, {32, 16, 4, 4}},
        {"down4.model.0.weight", 0, {64, 32, 4, 4}},
        {"down5.model.0.weight", 0, {64, 64, 4, 4}},
        {"down6.model.0.weight", 0, {64, 64, 4, 4}},
        {"up1.model.0.weight", 0, {64, 64, 4, 4}},
        {"up2.model.0.weight", 0, {128, 64, 4, 4}},
        {"up3.model.0.weight", 0, {128, 32, 4, 4}},
        {"up4.model.0.weight", 0, {64, 16, 4, 4}},
        {"up5.model.0.weight", 0, {32, 8, 4, 4}},
        {"final.2.weight", 0, {3, 16, 4, 4}},
        {"final.2.bias", 0, {3}},
        {"model.0.weight", 1, {4, 6, 4, 4}},
        {"model.0.bias", 1, {4}},
        {"model.2.weight", 1, {8, 4, 4, 4}},
        {"model.2.bias", 1, {8}},
        {"model.5.weight", 1, {16, 8, 4, 4}},
        {"model.5.bias", 1, {16}},
        {"model.8.weight", 1, {32, 16, 4, 4}},
        {"model.8.bias", 1, {32}},
        {"model.12.weight", 1, {1, 32, 4, 4}},
    };
    struct pxs_params p = narrow(64, 64, 3, 8, 4, 1);
    struct pxs_pix2pix *m = model_create(&p, 0, "auto");
    struct pxs_weight **w[2];
    size_t n[2], at[2] = {0};
    for (int net = 0; net < 2; net++)
        n[net] = pxs_pix2pix_weights(m, (enum pxs_net)net, &w[net]);
    ck_assert_uint_eq(n[0] + n[1], PXS_COUNT(want));
    for (size_t i = 0; i < PXS_COUNT(want); i++) {
        const struct pxs_weight *got = w[want[i].net][at[want[i].net]++];
        ck_assert_str_eq(got->name, want[i].name);
        ck_assert_int_eq(got->rank, want[i].dims[1] ? 4 : 1);
        ck_assert_mem_eq(got->dims, want[i].dims, (size_t)got->rank * sizeof(int));
    }
    model_destroy(&m);
}
END_TEST

/* The tables' totals: parameters and multiply-accumulates of a forward pass. */
START_TEST(totals)
{
    static const struct {
        int generator, discriminator, side, channels;
        long parameters[2];
        double gmac[2];
    } want[] = {
        {PXS_GENERATOR_UNET, PXS_DISCRIMINATOR_PATCH, 256, 3, {54404099, 2767808}, {6.35, 1.71}},
        /* the lab's has an unused down7 */
        {PXS_GENERATOR_UNET,
         PXS_DISCRIMINATOR_PATCH,
         64,
         3,
         {29500419 - 262144, 2767808},
         {0.389, 0.107}},
        {PXS_GENERATOR_UNET, PXS_DISCRIMINATOR_PATCH, 64, 1, {29494273 - 262144, 2763712}, {0, 0}},
        {PXS_GENERATOR_UNET_256,
         PXS_DISCRIMINATOR_N_LAYERS,
         256,
         3,
         {54409603, 2767809},
         {6.05, 3.20}},
        {PXS_GENERATOR_UNET_128, PXS_DISCRIMINATOR_PIXEL, 128, 3, {41825667, 8897}, {1.51, 0}},
        {PXS_GENERATOR_RESNET_9, PXS_DISCRIMINATOR_PIXEL, 256, 3, {11378179, 8897}, {49.6, 0}},
    };
    for (size_t i = 0; i < PXS_COUNT(want); i++) {
        struct pxs_params p = narrow(want[i].side, want[i].side, want[i].channels, 64, 64, 1);
        p.generator = want[i].generator;
        p.discriminator = want[i].discriminator;
        for (int net = 0; net < 2; net++) {
            struct pxs_layer_list list;
            long parameters = 0;
            double gmac = 0;
            pxs_pix2pix_layers(&p, (enum pxs_net)net, &list);
            for (size_t k = 0; k < list.n; k++) {
                const struct pxs_layer_spec *l = &list.layer[k];
                parameters += (long)pxs_layer_weights(l) + (l->bias ? l->c_out : 0);
                gmac += pxs_layer_macs(l) * 1e-9;
            }
            ck_assert_int_eq(parameters, want[i].parameters[net]);
            if (want[i].gmac[net] > 0)
                ck_assert_double_eq_tol(gmac, want[i].gmac[net], 0.005 * want[i].gmac[net]);
        }
    }
}
END_TEST

struct pxs_params smallest(int generator, int discriminator) {
    struct pxs_params p = narrow(32, 32, 3, 3, 2, 2);
    p.generator = generator;
    p.discriminator = discriminator;
    p.n_layers_D = 3;
    while ((p.img_height & ((1 << pxs_params_downs(&p)) - 1)) != 0)
        p.img_height = p.img_width = p.img_height + 4;
    return p;
}

static bool next_networks(struct pxs_params *p) {
    int g = p->generator, d = p->discriminator + 1;
    if (!pxs_param_info(PXS_PARAM_discriminator)->names[d]) {
        d = 0;
        g++;
    }
    if (!pxs_param_info(PXS_PARAM_generator)->names[g])
        return false;
    *p = smallest(g, d);
    return true;
}

/* Each layer reads what its wiring says, down to the sides of the picture; PyTorch's arithmetic of
 * kernel, stride and padding leads from side to side. */
static void follow(const struct pxs_params *p) {
    for (int net = 0; net < 2; net++) {
        struct pxs_layer_list list;
        pxs_pix2pix_layers(p, (enum pxs_net)net, &list);
        for (size_t i = 0; i < list.n; i++) {
            const struct pxs_layer_spec *l = &list.layer[i];
            const struct pxs_layer_spec *from = l->from ? &list.layer[l->from - 1] : NULL;
            int h = from ? from->h : (int)p->img_height, w = from ? from->w : (int)p->img_width,
                c = from ? from->c_out : (int)p->channels * (net ? 2 : 1);
            ck_assert_msg(l->from <= (int)i && l->beside <= (int)i && l->add <= (int)i, "%s",
                          l->name);
            if (l->beside) {
                const struct pxs_layer_spec *beside = &list.layer[l->beside - 1];
                ck_assert_msg(beside->h == h && beside->w == w, "%s", l->name);
                c += beside->c_out;
            }
            ck_assert_msg(l->c_in == c, "%s: reads %d channels of %d", l->name, l->c_in, c);
            /* ZeroPad2d((1,0,1,0)) of a head; ConvTranspose2d(3, output_padding=1) */
            const bool up = l->kind == PXS_LAYER_CONV_TRANSPOSE, head = l->kind == PXS_LAYER_HEAD;
            const int padded = 2 * l->padding - l->kernel + head - (up && l->kernel == 3);
            h = up ? (h - 1) * l->stride - padded : (h * l->upsample + padded) / l->stride + 1;
            w = up ? (w - 1) * l->stride - padded : (w * l->upsample + padded) / l->stride + 1;
            ck_assert_msg(l->h == h && l->w == w, "%s: %d x %d, not %d x %d", l->name, l->h, l->w,
                          h, w);
            if (l->add) {
                const struct pxs_layer_spec *other = &list.layer[l->add - 1];
                ck_assert_msg(other->h == h && other->w == w && other->c_out == l->c_out, "%s",
                              l->name);
            }
        }
        const struct pxs_layer_spec *last = &list.layer[list.n - 1];
        if (net == 0)
            ck_assert(last->h == p->img_height && last->w == p->img_width &&
                      last->c_out == p->channels);
        else
            ck_assert(last->h > 0 && last->w > 0 && last->c_out == 1);
    }
}

START_TEST(layers_follow_one_another)
{
    struct pxs_params p = narrow(32, 128, 1, 5, 3, 2);
    follow(&p);
    p = narrow(96, 160, 3, 5, 3, 2);
    follow(&p);
    p = narrow(36, 100, 3, 5, 3, 2);
    p.generator = PXS_GENERATOR_RESNET_9;
    follow(&p);
    p = narrow(1024, 256, 3, 5, 3, 2);
    p.generator = PXS_GENERATOR_UNET_256;
    p.discriminator = PXS_DISCRIMINATOR_N_LAYERS;
    p.n_layers_D = 6;
    follow(&p);
    for (p = smallest(0, 0); next_networks(&p);)
        follow(&p);
}
END_TEST

/* Sides that no power of two reaches. */
START_TEST(sides_of_any_kind)
{
    struct pxs_params p = narrow(96, 32, 3, 3, 2, 2);
    one_step(&p);
    p = narrow(160, 96, 1, 16, 16, 1);
    one_step(&p);
    p = narrow(64, 128, 1, 16, 16, 1);
    p.downs_G = 5;
    one_step(&p);
    for (int d = 0; pxs_param_info(PXS_PARAM_discriminator)->names[d]; d++) {
        p = narrow(36, 44, 3, 3, 2, 2); /* 9 and 11 halve with a rest */
        p.generator = PXS_GENERATOR_RESNET_6;
        p.discriminator = d;
        one_step(&p);
    }
}
END_TEST

START_TEST(every_depth_of_n_layers)
{
    for (int n = 1; n <= 6; n++) {
        struct pxs_params p = narrow(32, 36, 1, 2, 2, 1);
        p.generator = PXS_GENERATOR_RESNET_6;
        p.discriminator = PXS_DISCRIMINATOR_N_LAYERS;
        p.n_layers_D = n;
        while (pxs_params_max_layers_D(&p) < n)
            p.img_height = p.img_width = p.img_height + 4;
        one_step(&p);
    }
}
END_TEST

/* What `generator` and `discriminator` offer has a row in the tables, and trains. */
START_TEST(every_network_that_has_a_name_trains)
{
    struct pxs_params p = smallest(0, 0);
    do {
        p.dropout = 0.5;
        one_step(&p);
    } while (next_networks(&p));
}
END_TEST

START_TEST(refuses_unknown_kernels)
{
    struct pxs_params p = narrow(32, 32, 3, 2, 2, 1);
    struct pxs_pix2pix *m = NULL;
    struct pxs_error err;
    ck_assert_int_eq(pxs_pix2pix_create(&p, NULL, "mkl", &m, &err), PXS_E_INVALID);
    ck_assert_ptr_null(m);
    ck_assert_ptr_nonnull(strstr(err.message, "mkl"));
    pxs_pix2pix_destroy(&m);
    pxs_pix2pix_destroy(NULL);
}
END_TEST

TCase *size_case(void) {
    TCase *tcase = tcase_create("size");
    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, all_sides, 0, PXS_SANITIZED ? 5 : 6);
    tcase_add_test(tcase, odd_widths);
    tcase_add_test(tcase, state_dict);
    tcase_add_test(tcase, totals);
    tcase_add_test(tcase, layers_follow_one_another);
    tcase_add_test(tcase, sides_of_any_kind);
    tcase_add_test(tcase, every_depth_of_n_layers);
    tcase_add_test(tcase, every_network_that_has_a_name_trains);
    tcase_add_test(tcase, refuses_unknown_kernels);
    return tcase;
}
