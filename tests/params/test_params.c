/* The hyperparameter table and what walks it. Most tests loop over the rows, so a new row is
 * covered at once. */
#include "params_priv.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char zeros[] = "0000000000000000000000000000000000000000000000000000000000000000";
static const char ones[] = "1111111111111111111111111111111111111111111111111111111111111111";

static struct pxs_params with_dataset(void) {
    struct pxs_params p;
    pxs_params_default(&p);
    strcpy(p.dataset, "/data/kai");
    return p;
}

static void hash_of(const struct pxs_params *p, char hex[PXS_SHA256_HEX]) {
    struct pxs_params_content content = {{0}, {0}};
    struct pxs_error err = {0};
    strcpy(content.dataset, zeros);
    strcpy(content.init_from, p->init_from[0] ? ones : "");
    ck_assert_msg(pxs_params_identity(p, &content, hex, &err) == PXS_OK, "%s", err.message);
}

static void set_ok(struct pxs_params *p, int key, const char *text) {
    struct pxs_error err = {0};
    ck_assert_msg(pxs_params_set(p, key, text, false, "/base", &err) == PXS_OK, "%s", err.message);
}

/* A value of the key that is not its default. */
static void other_value(const struct pxs_params *p, int key, struct pxs_text *out) {
    const struct pxs_param_info *info = pxs_param_info(key);
    struct pxs_params changed = *p;
    char number[32];
    switch (info->type) {
    case PXS_TYPE_PATH:
        pxs_text_add(out, "/some/where else");
        return;
    case PXS_TYPE_BOOL:
        pxs_text_add(out, pxs_params_get(p, key).integer ? "false" : "true");
        return;
    case PXS_TYPE_ENUM:
        for (int v = 0; info->names[v]; v++)
            if (strcmp(info->names[v], pxs_params_get(p, key).text) != 0)
                pxs_text_add(out, out->len ? "" : info->names[v]);
        return;
    case PXS_TYPE_INTS:
        pxs_text_add(out, "3,17");
        return;
    default:
        for (int v = 1; v < 40; v++) {
            pxs_format_double(number, info->type == PXS_TYPE_INT ? v : v / 64.0);
            if (pxs_params_set(&changed, key, number, false, NULL, NULL) == PXS_OK &&
                !pxs_params_equal_at(p, &changed, key)) {
                pxs_text_add(out, number);
                return;
            }
        }
    }
}

START_TEST(rows_are_sound)
{
    for (int key = 0; key < PXS_PARAM_COUNT; key++) {
        const struct pxs_param_info *info = pxs_param_info(key);
        enum pxs_param_key found;
        ck_assert_msg(pxs_param_find(info->key, &found) && (int)found == key, "%s", info->key);
        ck_assert_msg(strlen(info->help) > 10 && info->help[strlen(info->help) - 1] != '.', "%s",
                      info->key);
        ck_assert_msg(!strpbrk(info->help, "|\n"), "%s: would break the table in docs", info->key);
        ck_assert_ptr_null(pxs_param_other_name(info->key));
        if (info->conditional) {
            const struct pxs_param_info *other = pxs_param_info(info->under);
            ck_assert_msg((int)info->under < key &&
                              (other->type == PXS_TYPE_ENUM || other->type == PXS_TYPE_INT),
                          "%s", info->key);
            ck_assert_msg(info->under_values != 0, "%s never exists", info->key);
        }
    }
    enum pxs_param_key none;
    ck_assert(!pxs_param_find("Dataset", &none));
    ck_assert(!pxs_param_find("", &none));
}
END_TEST

START_TEST(defaults_are_contracted)
{
    struct pxs_params p;
    struct pxs_text text = {0};
    pxs_params_default(&p);
    for (int key = 0; key < PXS_PARAM_COUNT; key++) {
        pxs_text_addf(&text, "%s=", pxs_param_info(key)->key);
        pxs_params_format(&p, key, &text);
        pxs_text_add(&text, key + 1 < PXS_PARAM_COUNT ? " " : "");
        ck_assert(pxs_params_at_default(&p, key));
    }
    ck_assert_str_eq(
        text.text,
        "dataset=null val_fraction=0.1 direction=BtoA img_height=64 img_width=64 channels=3 "
        "flip=false "
        "jitter=0 batch_size=8 generator=unet downs_G=0 ngf=64 dropout=0.5 discriminator=patch "
        "n_layers_D=3 ndf=64 "
        "norm=instance init_type=normal init_gain=0.02 gan_mode=lsgan "
        "lambda_pixel=10 learning_rate_G=0.0001 learning_rate_D=0.0001 b1=0.5 b2=0.999 "
        "lr_policy_G=halve "
        "lrgd=90 step_size=0 milestones=null gamma=0 n_epochs_decay=0 T_0=0 T_mult=1 power=1 "
        "max_lr=0 "
        "pct_start=0.3 "
        "factor=0.1 patience=10 threshold=0.0001 min_lr=0 warmup_epochs=0 lr_policy_D=constant "
        "lrdd=10 "
        "step_size_D=0 "
        "milestones_D=null gamma_D=0 n_epochs_decay_D=0 T_0_D=0 T_mult_D=1 power_D=1 max_lr_D=0 "
        "pct_start_D=0.3 "
        "factor_D=0.1 patience_D=10 threshold_D=0.0001 min_lr_D=0 warmup_epochs_D=0 n_epochs=200 "
        "shuffle=true validation=full early_stop_patience=0 early_stop_metric=val_loss "
        "sample_interval=500 checkpoint_interval=50 init_from=null seed=0");
    pxs_text_finish(&text);
}
END_TEST

/* A default that is none: to be stated where it is in force. */
static bool must_be_stated(int key) {
    return (pxs_param_info(key)->flags & PXS_PF_REQUIRED) &&
           pxs_param_info(key)->type != PXS_TYPE_PATH;
}

START_TEST(every_row_round_trips)
{
    struct pxs_params p = with_dataset();
    for (int key = 0; key < PXS_PARAM_COUNT; key++) {
        for (int other = must_be_stated(key) ? 1 : 0; other < 2; other++) {
            struct pxs_params from = p, by_text = p, by_value = p;
            struct pxs_text text = {0};
            if (other) {
                other_value(&p, key, &text);
                if (text.len == 0) /* an ENUM with one value */
                    continue;
                set_ok(&from, key, text.text);
                ck_assert_msg(!pxs_params_equal_at(&from, &p, key), "%s", pxs_param_info(key)->key);
                pxs_text_clear(&text);
            }
            pxs_params_format(&from, key, &text);
            set_ok(&by_text, key, text.text);
            struct pxs_param_value value = pxs_params_get(&from, key);
            ck_assert(pxs_params_put(&by_value, key, &value));
            ck_assert_msg(pxs_params_equal_at(&from, &by_text, key), "%s as text",
                          pxs_param_info(key)->key);
            ck_assert_msg(pxs_params_equal_at(&from, &by_value, key), "%s by value",
                          pxs_param_info(key)->key);
            ck_assert_int_eq(memcmp(&by_value, &from, sizeof from), 0);
            pxs_text_finish(&text);
        }
    }
}
END_TEST

START_TEST(database_types)
{
    struct pxs_params p = with_dataset();
    for (int key = 0; key < PXS_PARAM_COUNT; key++) {
        static const enum pxs_value_kind kinds[] = {PXS_VALUE_TEXT, PXS_VALUE_INTEGER,
                                                    PXS_VALUE_REAL, PXS_VALUE_INTEGER,
                                                    PXS_VALUE_TEXT, PXS_VALUE_NULL};
        enum pxs_value_kind kind = pxs_params_get(&p, key).kind;
        ck_assert_int_eq(kind, key == PXS_PARAM_init_from ? PXS_VALUE_NULL
                                                          : kinds[pxs_param_info(key)->type]);
    }
    set_ok(&p, PXS_PARAM_lambda_pixel, "7");
    ck_assert_int_eq(pxs_params_get(&p, PXS_PARAM_lambda_pixel).kind, PXS_VALUE_REAL);
    struct pxs_params before = p;
    struct pxs_param_value integer = {.kind = PXS_VALUE_INTEGER, .integer = 3};
    ck_assert(pxs_params_put(&p, PXS_PARAM_lambda_pixel, &integer));
    ck_assert(p.lambda_pixel == 3.0);
    p = before;
    static const struct {
        int key;
        struct pxs_param_value value;
    } wrong[] = {{PXS_PARAM_batch_size, {.kind = PXS_VALUE_REAL, .real = 8}},
                 {PXS_PARAM_batch_size, {.kind = PXS_VALUE_INTEGER, .integer = 0}},
                 {PXS_PARAM_batch_size, {.kind = PXS_VALUE_NULL}},
                 {PXS_PARAM_img_width, {.kind = PXS_VALUE_INTEGER, .integer = 1025}},
                 {PXS_PARAM_flip, {.kind = PXS_VALUE_INTEGER, .integer = 2}},
                 {PXS_PARAM_flip, {.kind = PXS_VALUE_TEXT, .text = "true"}},
                 {PXS_PARAM_gan_mode, {.kind = PXS_VALUE_TEXT, .text = "wgan"}},
                 {PXS_PARAM_gan_mode, {.kind = PXS_VALUE_INTEGER, .integer = 0}},
                 {PXS_PARAM_b1, {.kind = PXS_VALUE_REAL, .real = NAN}},
                 {PXS_PARAM_b1, {.kind = PXS_VALUE_REAL, .real = 1}},
                 {PXS_PARAM_b1, {.kind = PXS_VALUE_TEXT, .text = "0.5"}}};
    for (size_t i = 0; i < PXS_COUNT(wrong); i++)
        ck_assert_msg(!pxs_params_put(&p, wrong[i].key, &wrong[i].value), "case %zu", i);
    ck_assert_int_eq(memcmp(&p, &before, sizeof p), 0);
}
END_TEST

/* ---- setting -------------------------------------------------------------------------------- */

static const struct {
    int key;
    const char *text;
    bool quoted;
    const char *message;
} refused[] = {
    {PXS_PARAM_batch_size, "eight", false, "batch_size must be an integer, 1 to 4096, not 'eight'"},
    {PXS_PARAM_batch_size, "2.5", false, "batch_size must be an integer, 1 to 4096, not '2.5'"},
    {PXS_PARAM_batch_size, "0", false, "batch_size must be an integer, 1 to 4096, not '0'"},
    {PXS_PARAM_batch_size, "1e30", false, "batch_size must be an integer, 1 to 4096, not '1e30'"},
    {PXS_PARAM_batch_size, "", false, "batch_size must be an integer, 1 to 4096, but has no value"},
    {PXS_PARAM_batch_size, "null", false, "batch_size must be an integer, 1 to 4096, not 'null'"},
    {PXS_PARAM_batch_size, "8", true,
     "batch_size must be an integer, 1 to 4096, not '8' in quotes, which is text: remove the "
     "quotes"},
    {PXS_PARAM_batch_size, "0x10", false, "batch_size must be an integer, 1 to 4096, not '0x10'"},
    {PXS_PARAM_learning_rate_G, "0", false,
     "learning_rate_G must be a number, above 0 and at most 1, not '0'"},
    {PXS_PARAM_learning_rate_G, "1e-400", false,
     "learning_rate_G must be a number, above 0 and at most 1, not '1e-400'"},
    {PXS_PARAM_learning_rate_G, "1,5", false,
     "learning_rate_G must be a number, above 0 and at most 1, not '1,5'"},
    {PXS_PARAM_learning_rate_G, "2e-4", true,
     "learning_rate_G must be a number, above 0 and at most 1, not '2e-4' in quotes, which is "
     "text: remove "
     "the quotes"},
    {PXS_PARAM_b2, "1", false, "b2 must be a number, at least 0 and below 1, not '1'"},
    {PXS_PARAM_val_fraction, "1", false,
     "val_fraction must be a number, at least 0 and below 1, not '1'"},
    {PXS_PARAM_lambda_pixel, "-1", false, "lambda_pixel must be a number, 0 or more, not '-1'"},
    {PXS_PARAM_lambda_pixel, ".inf", false, "lambda_pixel must be a number, 0 or more, not '.inf'"},
    {PXS_PARAM_lambda_pixel, ".nan", false, "lambda_pixel must be a number, 0 or more, not '.nan'"},
    {PXS_PARAM_img_width, "31", false, "img_width must be an integer, 32 to 1024, not '31'"},
    {PXS_PARAM_channels, "2", false, "channels must be 1 or 3, not '2'"},
    {PXS_PARAM_flip, "yes", false, "flip must be true or false, not 'yes'"},
    {PXS_PARAM_flip, "True", false, "flip must be true or false, not 'True'"},
    {PXS_PARAM_flip, "true", true,
     "flip must be true or false, not 'true' in quotes, which is text: remove the quotes"},
    {PXS_PARAM_gan_mode, "lsgam", false,
     "gan_mode must be lsgan, vanilla or hinge, not 'lsgam'; did you mean lsgan?"},
    {PXS_PARAM_gan_mode, "wgangp", false,
     "gan_mode must be lsgan, vanilla or hinge, not 'wgangp': the gradient "
     "penalty needs second derivatives, which are not built"},
    {PXS_PARAM_discriminator, "basic", false,
     "discriminator must be patch, n_layers or pixel, not 'basic': here it is n_layers, with "
     "n_layers_D: 3"},
    {PXS_PARAM_generator, "ResNet-9", false,
     "generator must be unet, unet_32, unet_64, unet_128, unet_256, resnet_6blocks or "
     "resnet_9blocks, not 'ResNet-9': here it is resnet_9blocks"},
    {PXS_PARAM_generator, "resnet_9", false,
     "generator must be unet, unet_32, unet_64, unet_128, unet_256, resnet_6blocks or "
     "resnet_9blocks, not 'resnet_9': here it is resnet_9blocks"},
    {PXS_PARAM_generator, "unet256", false,
     "generator must be unet, unet_32, unet_64, unet_128, unet_256, resnet_6blocks or "
     "resnet_9blocks, not 'unet256'; did you mean unet_256?"},
    {PXS_PARAM_gan_mode, "WGAN-GP", false,
     "gan_mode must be lsgan, vanilla or hinge, not 'WGAN-GP': the gradient penalty needs second "
     "derivatives, which are not built"},
    {PXS_PARAM_lr_policy_G, "cosin", false,
     "lr_policy_G must be constant, halve, step, multistep, exponential, linear, cosine, "
     "cosine_restarts, "
     "polynomial, "
     "one_cycle or plateau, not 'cosin'; did you mean cosine?"},
    {PXS_PARAM_milestones, "[30, 20]", false,
     "milestones must be a list of at most 16 rising integers, each 1 to 1000000, not '[30, 20]': "
     "write it "
     "as [30, 45]"},
    {PXS_PARAM_milestones, "[0, 20]", false,
     "milestones must be a list of at most 16 rising integers, each 1 to 1000000, not '[0, 20]': "
     "write it as "
     "[30, 45]"},
    {PXS_PARAM_milestones, "[30", false,
     "milestones must be a list of at most 16 rising integers, each 1 to 1000000, not '[30': write "
     "it as "
     "[30, 45]"},
    {PXS_PARAM_milestones, "[]", false,
     "milestones must be a list of at most 16 rising integers, each 1 to 1000000, not '[]': write "
     "it as [30, "
     "45]"},
    {PXS_PARAM_milestones, "30,45", true,
     "milestones must be a list of at most 16 rising integers, each 1 to 1000000, not '30,45' in "
     "quotes, "
     "which is text: "
     "write a list, [30, 45]"},
    {PXS_PARAM_milestones, "1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17", false,
     "milestones must be a list of at most 16 rising integers, each 1 to 1000000, not "
     "'1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17': write it as [30, 45]"},
    {PXS_PARAM_gamma, "0", false, "gamma must be a number, above 0 and at most 1, not '0'"},
    {PXS_PARAM_seed, "9007199254740992", false,
     "seed must be an integer, 0 to 9007199254740991, not '9007199254740992'"},
    {PXS_PARAM_seed, "-1", false, "seed must be an integer, 0 to 9007199254740991, not '-1'"},
    {PXS_PARAM_dataset, "", true, "dataset must be a path, not ''"},
    {PXS_PARAM_dataset, "~/kai", false,
     "dataset must be a path, not '~/kai': ~ is not expanded here, write the folder out"},
    {PXS_PARAM_dataset, "a\xff", false,
     "dataset must be a path, not 'a\\xff', which is not UTF-8 and so cannot be written into "
     "config.yaml"},
};

START_TEST(refusals_say_why)
{
    struct pxs_params p = with_dataset(), before = p;
    struct pxs_error err = {0};
    enum pxs_status status =
        pxs_params_set(&p, refused[_i].key, refused[_i].text, refused[_i].quoted, "/base", &err);
    ck_assert_int_eq(status, PXS_E_INVALID);
    ck_assert_int_eq(err.status, status);
    ck_assert_str_eq(err.message, refused[_i].message);
    ck_assert_int_eq(memcmp(&p, &before, sizeof p), 0);
}
END_TEST

START_TEST(numbers_as_people_write_them)
{
    static const char *const same[] = {"1e-4", ".0001", "1E-4", "0.0001", "+1e-04", "0.00010"};
    char expected[PXS_SHA256_HEX], hex[PXS_SHA256_HEX];
    struct pxs_params p = with_dataset();
    hash_of(&p, expected);
    for (size_t i = 0; i < PXS_COUNT(same); i++) {
        set_ok(&p, PXS_PARAM_learning_rate_G, same[i]);
        ck_assert(p.learning_rate_G == 1e-4);
        hash_of(&p, hex);
        ck_assert_str_eq(hex, expected);
    }
    set_ok(&p, PXS_PARAM_batch_size, "2e1");
    ck_assert_int_eq(p.batch_size, 20);
    set_ok(&p, PXS_PARAM_batch_size, "16.0");
    ck_assert_int_eq(p.batch_size, 16);
    set_ok(&p, PXS_PARAM_dropout, "-0");
    ck_assert(!signbit(p.dropout));
    set_ok(&p, PXS_PARAM_seed, "9007199254740991");
    ck_assert_int_eq(p.seed, 9007199254740991);
}
END_TEST

START_TEST(paths_are_made_absolute)
{
    struct pxs_params p = with_dataset();
    char here[PXS_PATH_MAX], expected[2 * PXS_PATH_MAX];
    set_ok(&p, PXS_PARAM_dataset, "../data/kai/");
    ck_assert_str_eq(p.dataset, "/data/kai");
    set_ok(&p, PXS_PARAM_dataset, "/a/b");
    ck_assert_str_eq(p.dataset, "/a/b");
    ck_assert(pxs_params_set(&p, PXS_PARAM_dataset, "x y", true, NULL, NULL) == PXS_OK);
    ck_assert_ptr_nonnull(realpath(".", here));
    snprintf(expected, sizeof expected, "%s/x y", here);
    ck_assert_str_eq(p.dataset, expected);
    static const char *const nulls[] = {"null", "~", "", "Null"};
    for (size_t i = 0; i < PXS_COUNT(nulls); i++) {
        strcpy(p.init_from, "/x");
        set_ok(&p, PXS_PARAM_init_from, nulls[i]);
        ck_assert_str_eq(p.init_from, "");
    }
    ck_assert(pxs_params_set(&p, PXS_PARAM_init_from, "null", true, "/b", NULL) == PXS_OK);
    ck_assert_str_eq(p.init_from, "/b/null");
    char *huge = malloc(PXS_PATH_MAX + 10);
    memset(huge, 'a', PXS_PATH_MAX + 9);
    huge[PXS_PATH_MAX + 9] = '\0';
    struct pxs_error err = {0};
    ck_assert_int_eq(pxs_params_set(&p, PXS_PARAM_dataset, huge, false, "/b", &err), PXS_E_INVALID);
    ck_assert_ptr_nonnull(strstr(err.message, "the path is too long"));
    ck_assert_str_eq(p.dataset, expected);
    free(huge);
}
END_TEST

/* ---- what depends on other keys ------------------------------------------------------------- */

START_TEST(keys_under_a_policy)
{
    struct pxs_params p = with_dataset();
    for (int key = 0; key < PXS_PARAM_COUNT; key++)
        ck_assert_int_eq(pxs_params_effective(&p, key),
                         !pxs_param_info(key)->conditional || key == PXS_PARAM_lrgd ||
                             key == PXS_PARAM_downs_G || key == PXS_PARAM_dropout ||
                             key == PXS_PARAM_init_gain);
    p.lr_policy_G = PXS_LR_CONSTANT;
    p.lr_policy_D = PXS_LR_HALVE;
    ck_assert(!pxs_params_effective(&p, PXS_PARAM_lrgd));
    ck_assert(pxs_params_effective(&p, PXS_PARAM_lrdd));
    p.lrgd = 7;
    p.lrdd = 8;
    pxs_params_drop_ineffective(&p);
    ck_assert_int_eq(p.lrgd, 90);
    ck_assert_int_eq(p.lrdd, 8);
}
END_TEST

/* Each policy with the keys that it has, and those that it cannot do without. */
START_TEST(keys_of_each_policy)
{
    static const struct {
        int policy;
        const char *keys, *needs;
    } policies[] = {{PXS_LR_CONSTANT, "", ""},
                    {PXS_LR_HALVE, "lrgd ", ""},
                    {PXS_LR_STEP, "step_size gamma ", "step_size "},
                    {PXS_LR_MULTISTEP, "milestones gamma ", "milestones "},
                    {PXS_LR_EXPONENTIAL, "gamma ", "gamma "},
                    {PXS_LR_LINEAR, "n_epochs_decay ", "n_epochs_decay "},
                    {PXS_LR_COSINE, "min_lr ", ""},
                    {PXS_LR_COSINE_RESTARTS, "T_0 T_mult min_lr ", "T_0 "},
                    {PXS_LR_POLYNOMIAL, "power ", ""},
                    {PXS_LR_ONE_CYCLE, "max_lr pct_start ", "max_lr "},
                    {PXS_LR_PLATEAU, "factor patience threshold min_lr ", ""}};
    for (size_t i = 0; i < PXS_COUNT(policies); i++) {
        struct pxs_params p = with_dataset();
        struct pxs_text keys = {0};
        struct pxs_error err = {0};
        enum pxs_param_key fault;
        char expected[64] = "";
        p.lr_policy_G = policies[i].policy;
        for (int key = 0; key < PXS_PARAM_COUNT; key++)
            if (pxs_param_info(key)->under == PXS_PARAM_lr_policy_G &&
                pxs_param_info(key)->conditional && pxs_params_effective(&p, key))
                pxs_text_addf(&keys, "%s ", pxs_param_info(key)->key);
        ck_assert_str_eq(pxs_text_str(&keys), policies[i].keys);
        pxs_text_finish(&keys);
        enum pxs_status status = pxs_params_check(&p, &fault, &err);
        ck_assert_int_eq(status, policies[i].needs[0] ? PXS_E_INVALID : PXS_OK);
        if (status == PXS_OK)
            continue;
        snprintf(expected, sizeof expected, " needs %s(", policies[i].needs);
        ck_assert_msg(strstr(err.message, expected) != NULL, "%s", err.message);
        ck_assert_int_eq(fault, PXS_PARAM_lr_policy_G);
    }
}
END_TEST

/* Keys that do not fit each other. */
START_TEST(schedules_are_checked)
{
    static const struct {
        const char *keys[3][2], *message;
        enum pxs_param_key fault;
    } cases[] = {
        {{{"lr_policy_G", "exponential"}},
         "lr_policy_G: exponential needs gamma (above 0 and at most 1): state it beside "
         "lr_policy_G",
         PXS_PARAM_lr_policy_G},
        {{{"lr_policy_D", "multistep"}, {"gamma_D", "0.5"}},
         "lr_policy_D: multistep needs milestones_D (a list of at most 16 rising integers, each 1 "
         "to "
         "1000000): state it "
         "beside lr_policy_D",
         PXS_PARAM_lr_policy_D},
        {{{"warmup_epochs", "200"}},
         "warmup_epochs must leave epochs for the policy: it is 200 and n_epochs is 200",
         PXS_PARAM_warmup_epochs},
        {{{"lr_policy_D", "linear"}, {"n_epochs_decay_D", "191"}, {"warmup_epochs_D", "10"}},
         "n_epochs_decay_D must fit into the 190 epochs that the policy has, but is 191",
         PXS_PARAM_n_epochs_decay_D},
        {{{"lr_policy_G", "one_cycle"}, {"max_lr", "1e-4"}},
         "max_lr must be above learning_rate_G, where the cycle begins (0.0001), but is 0.0001",
         PXS_PARAM_max_lr},
        {{{"lr_policy_G", "cosine"}, {"min_lr", "2e-4"}},
         "min_lr must not be above learning_rate_G (0.0001), but is 0.0002",
         PXS_PARAM_min_lr},
        {{{"lr_policy_G", "plateau"}, {"validation", "off"}},
         "lr_policy_G: plateau follows the validation loss, but validation is off: set it to full "
         "or lab",
         PXS_PARAM_lr_policy_G},
    };
    for (size_t i = 0; i < PXS_COUNT(cases); i++) {
        struct pxs_params p = with_dataset();
        struct pxs_error err = {0};
        enum pxs_param_key key, fault = PXS_PARAM_COUNT;
        for (size_t k = 0; k < 3 && cases[i].keys[k][0]; k++) {
            ck_assert(pxs_param_find(cases[i].keys[k][0], &key));
            set_ok(&p, key, cases[i].keys[k][1]);
        }
        ck_assert_int_eq(pxs_params_check(&p, &fault, &err), PXS_E_INVALID);
        ck_assert_str_eq(err.message, cases[i].message);
        ck_assert_int_eq(fault, cases[i].fault);
    }
}
END_TEST

START_TEST(lists_come_apart)
{
    struct pxs_params p = with_dataset();
    int64_t n[PXS_INTS_MAX];
    set_ok(&p, PXS_PARAM_milestones, " [ 3, 2e1 ,100000] ");
    ck_assert_str_eq(p.milestones, "3,20,100000");
    ck_assert_uint_eq(pxs_params_ints(p.milestones, n), 3);
    ck_assert(n[0] == 3 && n[1] == 20 && n[2] == 100000);
    ck_assert_uint_eq(pxs_params_ints("", n), 0);
    set_ok(&p, PXS_PARAM_milestones, "7");
    ck_assert_uint_eq(pxs_params_ints(p.milestones, n), 1);
}
END_TEST

START_TEST(whole_is_checked)
{
    struct pxs_params p;
    struct pxs_error err = {0};
    enum pxs_param_key key = PXS_PARAM_COUNT;
    pxs_params_default(&p);
    ck_assert_int_eq(pxs_params_check(&p, &key, &err), PXS_E_INVALID);
    ck_assert_int_eq(key, PXS_PARAM_dataset);
    ck_assert_str_eq(err.message,
                     "dataset is missing: name it in the file or with --set dataset=PATH");
    p = with_dataset();
    ck_assert_int_eq(pxs_params_check(&p, &key, &err), PXS_OK);
    p.img_width = 32;
    p.jitter = 33;
    ck_assert_int_eq(pxs_params_check(&p, &key, &err), PXS_E_INVALID);
    ck_assert_int_eq(key, PXS_PARAM_jitter);
    ck_assert_str_eq(err.message,
                     "jitter must not exceed the image's smaller side, 32 pixels, but is 33");
    p = with_dataset();
    p.val_fraction = 0; /* nothing held out, and no val/ beside it */
    ck_assert_int_eq(pxs_params_check(&p, &key, &err), PXS_E_INVALID);
    ck_assert_int_eq(key, PXS_PARAM_val_fraction);
    ck_assert_ptr_nonnull(strstr(err.message, "val_fraction 0 leaves no pairs to validate on"));
    for (p.validation = PXS_VALIDATION_LAB; p.validation <= PXS_VALIDATION_OFF; p.validation++)
        ck_assert_int_eq(pxs_params_check(&p, &key, &err), PXS_OK);
    p = with_dataset();
    p.norm = PXS_NETWORK_NORM_BATCH; /* neither unet nor patch has it */
    ck_assert_int_eq(pxs_params_check(&p, &key, &err), PXS_E_INVALID);
    ck_assert_int_eq(key, PXS_PARAM_norm);
    ck_assert_ptr_nonnull(strstr(err.message, "norm must be instance"));
    p.discriminator = PXS_DISCRIMINATOR_N_LAYERS;
    ck_assert_int_eq(pxs_params_check(&p, &key, &err), PXS_OK);
}
END_TEST

/* ---- identity ------------------------------------------------------------------------------- */

START_TEST(identity_is_pinned)
{
    struct pxs_params p = with_dataset();
    struct pxs_params_content content = {{0}, {0}};
    struct pxs_text text = {0};
    char hex[PXS_SHA256_HEX];
    strcpy(content.dataset, zeros);
    pxs_params_canonical(&p, &content, &text);
    /* Stored runs are found by this text's hash: it may never change. */
    ck_assert_str_eq(
        text.text,
        "pixsweep config 1\nb1=0.5\nb2=0.999\nbatch_size=8\nchannels=3\n"
        "dataset=sha256:0000000000000000000000000000000000000000000000000000000000000000\n"
        "direction=BtoA\ndiscriminator=patch\ndropout=0.5\nflip=false\ngan_mode=lsgan\ngenerator="
        "unet\n"
        "img_height=64\nimg_width=64\ninit_from=null\njitter=0\nlambda_pixel=10\nlearning_rate_D=0."
        "0001\n"
        "learning_rate_G=0.0001\nlr_policy_D=constant\nlr_policy_G=halve\nlrgd=90\nn_epochs="
        "200\nndf=64\nngf="
        "64\n"
        "shuffle=true\nval_fraction=0.1\nvalidation=full\n");
    hash_of(&p, hex);
    ck_assert_str_eq(hex, "efb473e08c37d33949745a01d3795a3b72bcb8ab1366b5b11b2822d49f707b35");
    pxs_text_finish(&text);
}
END_TEST

/* What `validation: off` was before it held nothing back, and is where the data set has val/; and
 * what it is now without one. */
START_TEST(identity_of_runs_without_validation)
{
    struct pxs_params p = with_dataset();
    char hex[PXS_SHA256_HEX];
    p.validation = PXS_VALIDATION_OFF;
    hash_of(&p, hex);
    ck_assert_str_eq(hex, "0a8f36df349e6e6b05769b0fae016dcf8de2f2471d61edf089bc0b4806c3e724");
    p.val_fraction = 0;
    hash_of(&p, hex);
    ck_assert_str_eq(hex, "b4242a4fa4e5027340b307dcf8f50cded7979872aec8d6bec89a5fc1810ef88d");
}
END_TEST

START_TEST(identity_follows_effective_values)
{
    struct pxs_params base = with_dataset();
    char plain[PXS_SHA256_HEX], hex[PXS_SHA256_HEX];
    hash_of(&base, plain);
    for (int key = 0; key < PXS_PARAM_COUNT; key++) {
        struct pxs_params p = base;
        struct pxs_text text = {0};
        other_value(&base, key, &text);
        if (text.len == 0)
            continue;
        set_ok(&p, key, text.text);
        hash_of(&p, hex);
        bool matters = !(pxs_param_info(key)->flags & PXS_PF_NOT_IDENTITY) &&
                       pxs_params_effective(&base, key) &&
                       key != PXS_PARAM_dataset; /* by content, not by path */
        ck_assert_msg((strcmp(hex, plain) != 0) == matters, "%s", pxs_param_info(key)->key);
        pxs_text_finish(&text);
    }
    ck_assert(pxs_param_enters_identity(0, true, true));
    ck_assert(!pxs_param_enters_identity(0, false, false));
    ck_assert(!pxs_param_enters_identity(PXS_PF_LATER, true, true));
    ck_assert(pxs_param_enters_identity(PXS_PF_LATER, true, false));
    ck_assert(!pxs_param_enters_identity(PXS_PF_NOT_IDENTITY, true, false));
}
END_TEST

START_TEST(identity_wants_content)
{
    struct pxs_params p = with_dataset();
    struct pxs_params_content content = {{0}, {0}};
    struct pxs_error err = {0};
    char hex[PXS_SHA256_HEX] = "untouched";
    ck_assert_int_eq(pxs_params_identity(&p, &content, hex, &err), PXS_E_INVALID);
    ck_assert_str_eq(err.message, "dataset is set, but its content hash is not given");
    strcpy(content.dataset, zeros);
    strcpy(content.init_from, ones);
    ck_assert_int_eq(pxs_params_identity(&p, &content, hex, &err), PXS_E_INVALID);
    ck_assert_str_eq(err.message, "init_from is null, but its content hash is given");
    ck_assert_str_eq(hex, "untouched");
}
END_TEST

/* ---- as text -------------------------------------------------------------------------------- */

START_TEST(yaml_of_a_run)
{
    struct pxs_params p = with_dataset();
    struct pxs_text text = {0};
    strcpy(p.dataset, "/data/a b\xe5\xad\x97\xe2\x80\xa8\"\\\t");
    p.lr_policy_G = PXS_LR_MULTISTEP;
    p.gamma = 0.5;
    set_ok(&p, PXS_PARAM_milestones, "3,20");
    pxs_params_write_yaml(&p, "yes", &text);
    ck_assert_str_eq(text.text,
                     "name: \"yes\"\ndataset: \"/data/a "
                     "b\xe5\xad\x97\\u2028\\\"\\\\\\x09\"\nval_fraction: 0.1\ndirection: BtoA\n"
                     "img_height: 64\nimg_width: 64\nchannels: 3\nflip: false\njitter: "
                     "0\nbatch_size: 8\ngenerator: unet\ndowns_G: 0\nngf: 64\n"
                     "dropout: 0.5\ndiscriminator: patch\nndf: 64\nnorm: instance\ninit_type: "
                     "normal\ninit_gain: 0.02\ngan_mode: lsgan\nlambda_pixel: "
                     "10\nlearning_rate_G: 0.0001\n"
                     "learning_rate_D: 0.0001\nb1: 0.5\nb2: 0.999\nlr_policy_G: "
                     "multistep\nmilestones: [3,20]\ngamma: 0.5\n"
                     "warmup_epochs: 0\nlr_policy_D: constant\nwarmup_epochs_D: 0\nn_epochs: 200\n"
                     "shuffle: true\nvalidation: full\nearly_stop_patience: 0\nsample_interval: "
                     "500\ncheckpoint_interval: "
                     "50\ninit_from: null\nseed: 0\n");
    pxs_text_clear(&text);
    pxs_yaml_add_string(&text, "/plain/path-1.npy");
    pxs_yaml_add_string(&text, "0001");
    ck_assert_str_eq(text.text, "/plain/path-1.npy\"0001\"");
    pxs_text_finish(&text);
}
END_TEST

/* Which sides the networks take, and the words where they do not. */
START_TEST(sides_fit_networks)
{
    static const struct {
        int generator, discriminator;
        int64_t height, width, downs_G, n_layers_D;
        int downs; /* 0: refused */
        const char *message;
    } cases[] = {
        {PXS_GENERATOR_UNET, 0, 64, 64, 0, 3, 6, ""},
        {PXS_GENERATOR_UNET, 0, 96, 96, 0, 3, 5, ""},
        {PXS_GENERATOR_UNET, 0, 192, 64, 0, 3, 6, ""},
        {PXS_GENERATOR_UNET, 0, 1024, 1024, 0, 3, 10, ""},
        {PXS_GENERATOR_UNET, 0, 64, 1024, 0, 3, 6, ""},
        {PXS_GENERATOR_UNET, 0, 256, 256, 5, 3, 5, ""},
        {PXS_GENERATOR_UNET, 0, 64, 100, 0, 3, 0,
         "img_width: 100 does not fit generator unet, whose sides are multiples of 32: the nearest "
         "are 96 and 128"},
        {PXS_GENERATOR_UNET, 0, 96, 64, 6, 3, 0,
         "img_height: 96 does not fit generator unet with downs_G 6, whose sides are multiples of "
         "64: the nearest are 64 and 128"},
        {PXS_GENERATOR_UNET, 0, 64, 64, 4, 3, 0,
         "downs_G is 4; it must be 5 or more, or 0: as often as both sides can be halved"},
        {PXS_GENERATOR_UNET_64, 0, 64, 192, 0, 3, 6, ""},
        {PXS_GENERATOR_UNET_256, 0, 64, 256, 0, 3, 0,
         "img_height: 64 does not fit generator unet_256, whose sides are multiples of 256: the "
         "smallest is 256"},
        {PXS_GENERATOR_RESNET_9, 0, 36, 1020, 0, 3, 2, ""},
        {PXS_GENERATOR_RESNET_6, 0, 64, 1022, 0, 3, 0,
         "img_width: 1022 does not fit generator resnet_6blocks, whose sides are multiples of 4: "
         "the nearest are 1020 and 1024"},
        {PXS_GENERATOR_UNET, PXS_DISCRIMINATOR_N_LAYERS, 64, 64, 0, 4, 6, ""},
        {PXS_GENERATOR_UNET, PXS_DISCRIMINATOR_N_LAYERS, 64, 128, 0, 5, 0,
         "n_layers_D: 5 halvings of 64 x 128 leave no prediction: take at most 4, or larger "
         "sides"},
        {PXS_GENERATOR_UNET, PXS_DISCRIMINATOR_N_LAYERS, 256, 256, 0, 6, 8, ""}};
    for (size_t i = 0; i < PXS_COUNT(cases); i++) {
        struct pxs_params p = with_dataset();
        struct pxs_error err = {0};
        p.generator = cases[i].generator;
        p.discriminator = cases[i].discriminator;
        p.img_height = cases[i].height;
        p.img_width = cases[i].width;
        p.downs_G = cases[i].downs_G;
        p.n_layers_D = cases[i].n_layers_D;
        ck_assert_int_eq(pxs_params_check(&p, NULL, &err), cases[i].downs ? PXS_OK : PXS_E_INVALID);
        ck_assert_str_eq(err.message, cases[i].message);
        if (cases[i].downs)
            ck_assert_int_eq(pxs_params_downs(&p), cases[i].downs);
    }
}
END_TEST

/* Stating what the sides say by themselves is the same run. */
START_TEST(downs_G_of_the_sides_is_no_other_run)
{
    struct pxs_params p = with_dataset();
    struct pxs_text a = {0}, b = {0};
    pxs_params_canonical(&p, NULL, &a);
    p.downs_G = 6;
    pxs_params_canonical(&p, NULL, &b);
    ck_assert_str_eq(a.text, b.text);
    p.downs_G = 5;
    pxs_text_clear(&b);
    pxs_params_canonical(&p, NULL, &b);
    ck_assert_ptr_nonnull(strstr(b.text, "\ndowns_G=5\n"));
    pxs_text_finish(&a);
    pxs_text_finish(&b);
}
END_TEST

START_TEST(docs_are_current)
{
    struct pxs_text text = {0};
    struct pxs_error err = {0};
    char *docs;
    size_t bytes;
    pxs_params_write_markdown(&text);
    ck_assert_msg(pxs_read_file(PXS_SOURCE_ROOT "/docs/params.md", 1 << 20, &docs, &bytes, &err) ==
                      PXS_OK,
                  "%s", err.message);
    ck_assert_msg(strcmp(docs, text.text) == 0,
                  "docs/params.md is not what the table says: `pixsweep params --format md > "
                  "docs/params.md`, or "
                  "`PXS_WRITE_DOCS=1 tests/params/test_params`");
    free(docs);
    pxs_text_finish(&text);
}
END_TEST

START_TEST(nearest_words)
{
    static const struct {
        const char *word, *nearest;
    } cases[] = {{"lrg", "lrgd"},
                 {"Learning_Rate_g", "learning_rate_G"},
                 {"batchsize", "batch_size"},
                 {"epochs", "n_epochs"},
                 {"lambda", "lambda_pixel"},
                 {"img_heigth", "img_height"},
                 {"colour", NULL},
                 {"x", NULL},
                 {"lrdg", "lrgd"},        /* a swap, though lrdd is one letter away, too */
                 {"n_epoch", "n_epochs"}, /* the shortest that begins so */
                 {"n_epochs_deacy", "n_epochs_decay"},
                 {"sede", "seed"},
                 {"temperature", NULL},
                 {"mode", NULL},
                 {"size", NULL},
                 {"", NULL},
                 {"generater", "generator"},
                 {"checkpoint", "checkpoint_interval"},
                 {"sed", "seed"}};
    for (size_t i = 0; i < PXS_COUNT(cases); i++) {
        const char *nearest = pxs_param_nearest(cases[i].word);
        ck_assert_msg(nearest == cases[i].nearest ||
                          (nearest && cases[i].nearest && !strcmp(nearest, cases[i].nearest)),
                      "%s: %s", cases[i].word, nearest ? nearest : "nothing");
    }
    ck_assert_str_eq(pxs_param_other_name("beta1"), "b1");
}
END_TEST

/* One row for each name; in the form in which names are looked up; and none that is our own. */
START_TEST(names_of_other_trainers)
{
    static const char *const rows[] = {
#define PXS_HERE(names, ours) names,
#define PXS_LEAVE(names, why) names,
#include "../../src/experiment/params/foreign.def"
    };
    char seen[1000][32];
    size_t n = 0;
    for (size_t i = 0; i < PXS_COUNT(rows); i++) {
        ck_assert_uint_eq(strspn(rows[i], "abcdefghijklmnopqrstuvwxyz0123456789 "),
                          strlen(rows[i]));
        for (const char *at = rows[i]; *at; at += strspn(at, " ")) {
            size_t length = strcspn(at, " ");
            enum pxs_param_key key;
            ck_assert_uint_lt(length, sizeof seen[0]);
            snprintf(seen[n], sizeof seen[0], "%.*s", (int)length, at);
            for (size_t k = 0; k < n; k++)
                ck_assert_str_ne(seen[k], seen[n]);
            ck_assert_msg(!pxs_param_find(seen[n], &key), "%s is a key", seen[n]);
            ck_assert_msg(pxs_param_other_name(seen[n]) || pxs_param_not_here(seen[n]), "%s",
                          seen[n]);
            at += length;
            ck_assert_uint_lt(++n, PXS_COUNT(seen));
        }
    }
    ck_assert_str_eq(pxs_param_other_name("batchSize"), "batch_size");
    ck_assert_str_eq(pxs_param_other_name("learning-rate-g"), "learning_rate_G");
    ck_assert_str_eq(pxs_param_other_name("lambda_L1"), "lambda_pixel");
    /* Negated: our name alone would say the opposite. */
    ck_assert_str_eq(
        pxs_param_other_name("no_flip"),
        "flip, the other way round: flip: false (the default) is what no_flip: true asks for");
    ck_assert_str_eq(pxs_param_other_name("serial_batches"),
                     "shuffle, the other way round: shuffle: false");
    ck_assert_str_eq(pxs_param_other_name("no_lsgan"), "gan_mode: vanilla");
    ck_assert_str_eq(pxs_param_other_name("no_dropout"),
                     "dropout, the other way round: dropout: 0");
    ck_assert_str_eq(pxs_param_not_here("gpu_ids"), "pixsweep trains on the CPU");
    ck_assert_ptr_null(pxs_param_not_here("GPU ids"));
    ck_assert_ptr_null(pxs_param_other_name(""));
    struct pxs_text text = {0};
    pxs_param_add_remedy("retry", &text);
    pxs_param_add_remedy("cuda", &text);
    pxs_param_add_remedy("lrdg", &text);
    pxs_param_add_remedy("temperature", &text);
    ck_assert_str_eq(
        text.text,
        ": here it is run.retries: pixsweep trains on the CPU; leave it out; did you mean lrgd?");
    pxs_text_finish(&text);
}
END_TEST

START_TEST(quoting_for_messages)
{
    struct pxs_text text = {0};
    pxs_text_add_quoted(&text, "a\x1b[31m\xff\xe5\xad\x97");
    ck_assert_str_eq(text.text, "'a\\x1b[31m\\xff\xe5\xad\x97'");
    pxs_text_clear(&text);
    pxs_text_add_quoted(&text,
                        "0123456789012345678901234567890123456789012345678901234567890123456789");
    ck_assert_str_eq(text.text,
                     "'012345678901234567890123456789012345678901234567890123456789...'");
    pxs_text_finish(&text);
    uint32_t code = 0;
    ck_assert_uint_eq(pxs_utf8_decode("\xf0\x9f\x98\x80", 4, &code), 4);
    ck_assert_uint_eq(code, 0x1f600);
    ck_assert_uint_eq(pxs_utf8_decode("\xf0\x9f\x98", 3, &code), 0);
    ck_assert_uint_eq(pxs_utf8_decode("\xc0\x80", 2, &code), 0);
    ck_assert_uint_eq(pxs_utf8_decode("\xed\xa0\x80", 3, &code), 0);
    ck_assert_uint_eq(pxs_utf8_decode("\x80", 1, &code), 0);
    ck_assert_uint_eq(pxs_utf8_decode("\xf8\x80\x80\x80\x80", 5, &code), 0);
}
END_TEST

/* Names tell all apart, by exact numbers and whole paths where need be. */
START_TEST(names_of_configurations)
{
    static const char *const keys[] = {"learning_rate_G", "dataset", "lr_policy_G", "lrgd"};
    struct pxs_param_value values[][3] = {
        {{PXS_VALUE_REAL, .real = 0.0012345671},
         {PXS_VALUE_REAL, .real = 0.0012345672},
         {PXS_VALUE_REAL, .real = 100}},
        {{PXS_VALUE_TEXT, .text = "/a/kai"},
         {PXS_VALUE_TEXT, .text = "/a/kai"},
         {PXS_VALUE_TEXT, .text = "/b/kai"}},
        {{PXS_VALUE_TEXT, .text = "halve"},
         {PXS_VALUE_TEXT, .text = "halve"},
         {PXS_VALUE_TEXT, .text = "constant"}},
        {{PXS_VALUE_INTEGER, .integer = 25}, {PXS_VALUE_INTEGER, .integer = 25}, {0}}};
    struct pxs_naming naming = {3, 4, keys, values[0], "alone"};
    struct pxs_arena arena = {0};
    char *names[3];
    ck_assert_int_eq(pxs_name_configurations(&naming, &arena, names, NULL), PXS_OK);
    ck_assert_str_eq(names[0],
                     "lr_policy_G halve, lrgd 25, learning_rate_G 0.0012345671, dataset /a/kai");
    ck_assert_str_eq(names[1],
                     "lr_policy_G halve, lrgd 25, learning_rate_G 0.0012345672, dataset /a/kai");
    values[0][1].real = 0.002;
    ck_assert_int_eq(pxs_name_configurations(&naming, &arena, names, NULL), PXS_OK);
    ck_assert_str_eq(names[0],
                     "lr_policy_G halve, lrgd 25, learning_rate_G 0.00123457, dataset kai");
    ck_assert_str_eq(names[2], "lr_policy_G constant, learning_rate_G 100, dataset kai");
    naming.n = 1;
    naming.n_keys = 0;
    ck_assert_int_eq(pxs_name_configurations(&naming, &arena, names, NULL), PXS_OK);
    ck_assert_str_eq(names[0], "alone");
    pxs_arena_finish(&arena);
}
END_TEST

static int write_docs(void) {
    struct pxs_text text = {0};
    struct pxs_error err = {0};
    pxs_params_write_markdown(&text);
    enum pxs_status status =
        pxs_write_file(PXS_SOURCE_ROOT "/docs/params.md", text.text, text.len, &err);
    if (status != PXS_OK)
        fprintf(stderr, "%s\n", err.message);
    pxs_text_finish(&text);
    return status == PXS_OK ? 0 : 1;
}

int main(void) {
    if (getenv("PXS_WRITE_DOCS"))
        return write_docs();
    Suite *suite = suite_create("params");
    TCase *tc = tcase_create("params");
    tcase_add_test(tc, rows_are_sound);
    tcase_add_test(tc, defaults_are_contracted);
    tcase_add_test(tc, every_row_round_trips);
    tcase_add_test(tc, database_types);
    tcase_add_loop_test(tc, refusals_say_why, 0, PXS_COUNT(refused));
    tcase_add_test(tc, numbers_as_people_write_them);
    tcase_add_test(tc, paths_are_made_absolute);
    tcase_add_test(tc, keys_under_a_policy);
    tcase_add_test(tc, keys_of_each_policy);
    tcase_add_test(tc, schedules_are_checked);
    tcase_add_test(tc, lists_come_apart);
    tcase_add_test(tc, whole_is_checked);
    tcase_add_test(tc, identity_is_pinned);
    tcase_add_test(tc, identity_of_runs_without_validation);
    tcase_add_test(tc, identity_follows_effective_values);
    tcase_add_test(tc, identity_wants_content);
    tcase_add_test(tc, yaml_of_a_run);
    tcase_add_test(tc, sides_fit_networks);
    tcase_add_test(tc, downs_G_of_the_sides_is_no_other_run);
    tcase_add_test(tc, docs_are_current);
    tcase_add_test(tc, names_of_configurations);
    tcase_add_test(tc, nearest_words);
    tcase_add_test(tc, names_of_other_trainers);
    tcase_add_test(tc, quoting_for_messages);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_set_tap(runner, "-");
    srunner_run_all(runner, CK_SILENT);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
