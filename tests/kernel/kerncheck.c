/* Every kernel against its plain reference, and how fast the convolutions are. */
#include "kernel_tests.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

static const char usage[] = "usage: kerncheck [--list] [--only PART] [--seed N] [--brief] [--break "
                            "KERNEL[=off|swap|beyond]]\n"
                            "       kerncheck --bench [--large | --more] [--only SET or PASS]\n";

static const struct part {
    const char *name, *about;
    TCase *(*make)(void);
} parts[] = {
    {"isa", "the instruction-set tables: products, copies, Winograd transforms", isa_case},
    {"conv", "the three passes of every set", passes_case},
    {"gemm", "the matrix product", gemm_case},
    {"head", "the stride-1 heads, forward and backward", head_case},
    {"block", "norm, activation and dropout, forward and backward", block_case},
    {"loss", "losses with their gradients", loss_case},
    {"element", "tanh, copies, sums, ReLU, sums over pixels, normal numbers, Adam", element_case},
    {"threads", "the same bits for any number of threads", threads_case},
};

/* Without fork, so that what was compared can be counted; a part after the other, so that a crash
 * has a name. */
static int failures_of(const struct part *part) {
    double start = pxs_monotonic();
    size_t before = numbers_compared();
    printf("%s: %s\n", part->name, part->about);
    fflush(stdout);
    Suite *suite = suite_create(part->name);
    suite_add_tcase(suite, part->make());
    SRunner *runner = srunner_create(suite);
    srunner_set_fork_status(runner, CK_NOFORK);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    printf("    %zu numbers compared, %.1f s\n", numbers_compared() - before,
           pxs_monotonic() - start);
    return failed;
}

static int check(const char *only, bool is_broken) {
    int failed = 0;
    bool known = false;
    printf("PXS_TEST_SEED=%llu\n", (unsigned long long)test_seed());
    for (size_t i = 0; i < PXS_COUNT(parts); i++)
        if (!only || !strcmp(only, parts[i].name)) {
            known = true;
            failed += failures_of(&parts[i]);
        }
    if (!known) {
        fprintf(stderr, "no part '%s'; --list names them\n", only);
        return 2;
    }
    pools_done();
    printf("%zu numbers compared, %d checks failed, PXS_TEST_SEED=%llu\n", numbers_compared(),
           failed, (unsigned long long)test_seed());
    if (is_broken && times_tampered() == 0) {
        printf("nothing was broken: no check here has a kernel of that name\n");
        return 0; /* the tests that want a failure shall notice */
    }
    return failed ? 1 : 0;
}

static int list(void) {
    for (size_t i = 0; i < PXS_COUNT(parts); i++)
        printf("%-8s %s\n", parts[i].name, parts[i].about);
    return 0;
}

int main(int argc, char **argv) {
#ifdef __GLIBC__ /* large buffers come and go by the thousand: keep their pages */
    mallopt(M_MMAP_THRESHOLD, 32 << 20);
    mallopt(M_TRIM_THRESHOLD, 1 << 30);
#endif
    const char *only = NULL;
    enum bench_layers layers = BENCH_64;
    bool wants_bench = false, is_broken = false;
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;
        if (!strcmp(argv[i], "--list"))
            return list();
        else if (!strcmp(argv[i], "--bench"))
            wants_bench = true;
        else if (!strcmp(argv[i], "--large"))
            layers = BENCH_256;
        else if (!strcmp(argv[i], "--more"))
            layers = BENCH_MORE;
        else if (!strcmp(argv[i], "--brief"))
            set_brief();
        else if (!strcmp(argv[i], "--only") && value)
            only = argv[++i];
        else if (!strcmp(argv[i], "--seed") && value)
            set_test_seed(strtoull(argv[++i], NULL, 0));
        else if (!strcmp(argv[i], "--break") && value && break_kernel(value)) {
            is_broken = true;
            i++;
        } else {
            fputs(usage, stderr);
            return 2;
        }
    }
    return wants_bench ? bench(only, layers) : check(only, is_broken);
}
