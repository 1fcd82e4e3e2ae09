/* The matrix product against double, and the self-test of OpenBLAS. */
#include "kernel_tests.h"

#include <dirent.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const int sizes[] = {1, 2, 3, 5, 8, 15, 16, 17, 63, 64, 65, 100, 130},
                 gaps[] = {0, 0, 1, 3, 16}, shifts[] = {0, 0, 1, 3};
static const int thread_counts[] = {0, 1, 2, 3};
static const float betas[] = {0.0f, 1.0f, 0.5f};

/* op(A) op(B) + beta C in double; the same of absolute values in `sum`. */
static void product(const struct pxs_gemm *g, const double *c_before, double *want, double *sum) {
    for (int i = 0; i < g->m; i++)
        for (int j = 0; j < g->n; j++) {
            double total = 0, size = 0;
            for (int k = 0; k < g->k; k++) {
                double a = (double)(g->trans_a ? g->a[(size_t)k * g->lda + (size_t)i]
                                               : g->a[(size_t)i * g->lda + (size_t)k]);
                double b = (double)(g->trans_b ? g->b[(size_t)j * g->ldb + (size_t)k]
                                               : g->b[(size_t)k * g->ldb + (size_t)j]);
                total += a * b;
                size += fabs(a * b);
            }
            size_t at = (size_t)i * (size_t)g->n + (size_t)j;
            double before = c_before ? (double)g->beta * c_before[at] : 0.0;
            want[at] = total + before;
            sum[at] = size + fabs(before);
        }
}

static void check_product(int m, int n, int k) {
    struct pxs_gemm g = {
        .trans_a = random_u32() & 1, .trans_b = random_u32() & 1, .m = m, .n = n, .k = k};
    g.beta = betas[random_u32() % PXS_COUNT(betas)];
    int rows_a = g.trans_a ? k : m, cols_a = g.trans_a ? m : k, rows_b = g.trans_b ? n : k,
        cols_b = g.trans_b ? k : n;
    int shift = RANDOM_OF(shifts);
    g.lda = (size_t)(cols_a + RANDOM_OF(gaps));
    g.ldb = (size_t)(cols_b + RANDOM_OF(gaps));
    g.ldc = (size_t)(n + RANDOM_OF(gaps));
    float *a = buffer((size_t)rows_a * g.lda, shift), *b = buffer((size_t)rows_b * g.ldb, shift);
    g.c = buffer((size_t)m * g.ldc, shift);
    bool whole = random_u32() & 1; /* small whole numbers: exact in f32, however summed */
    fill_random(a, g.lda, (size_t)rows_a, cols_a, 1.0);
    fill_random(b, g.ldb, (size_t)rows_b, cols_b, 1.0);
    if (whole) {
        fill_whole(a, g.lda, (size_t)rows_a, cols_a, 4, 1, 1.0);
        fill_whole(b, g.ldb, (size_t)rows_b, cols_b, 4, 1, 1.0);
    }
    freeze(a);
    freeze(b);
    g.a = a;
    g.b = b;
    const double *before = NULL;
    if (g.beta != 0.0f) { /* else C may hold NaN */
        fill_random(g.c, g.ldc, (size_t)m, n, 1.0);
        if (whole)
            fill_whole(g.c, g.ldc, (size_t)m, n, 4, 2, 1.0);
        before = widen(g.c, g.ldc, (size_t)m, n);
    }
    double *want = numbers((size_t)m * (size_t)n), *sum = numbers((size_t)m * (size_t)n);
    product(&g, before, want, sum);
    struct pxs_kernel_context ctx = context(NULL, RANDOM_OF(thread_counts), 0);
    pxs_gemm_run(&ctx, &g);
    tamper("gemm", g.c, g.ldc, (size_t)m, n);
    expect_close(g.c, g.ldc, (size_t)m, n, want, sum, whole ? 0 : sum_slack(k),
                 "gemm %d x %d x %d, transposed %d %d, beta %g", m, n, k, g.trans_a, g.trans_b,
                 (double)g.beta);
    buffers_done();
}

START_TEST(sizes_by_rule)
{
    random_start("gemm_sizes_by_rule");
    for (int i = 0; i < 400; i++)
        check_product(RANDOM_OF(sizes), RANDOM_OF(sizes), RANDOM_OF(sizes));
    check_product(1000, 3, 1);
    check_product(3, 1000, 2);
    check_product(257, 300, 33);
    check_product(1, 1, 5000);
}
END_TEST

START_TEST(nothing_to_do)
{
    const struct pxs_kernel_context none = {0};
    float c = 5.0f;
    pxs_gemm_run(&none, &(struct pxs_gemm){.m = 0, .n = 3, .k = 3, .c = &c});
    pxs_gemm_run(&none, &(struct pxs_gemm){.m = 3, .n = 0, .k = 3, .c = &c});
    ck_assert_float_eq(c, 5.0f);
}
END_TEST

START_TEST(describes_itself)
{
    char text[200], small[8];
    ck_assert_int_eq(pxs_blas_describe(text, sizeof text, NULL), PXS_OK);
    ck_assert_ptr_nonnull(strstr(text, "OpenBLAS"));
    ck_assert_ptr_nonnull(strstr(text, "core "));
    ck_assert_int_eq(pxs_blas_describe(small, sizeof small, NULL), PXS_OK);
    ck_assert_uint_eq(strlen(small), sizeof small - 1);
}
END_TEST

static int tasks(void) {
    DIR *dir = opendir("/proc/self/task");
    int n = 0;
    ck_assert_ptr_nonnull(dir);
    for (struct dirent *e = readdir(dir); e; e = readdir(dir))
        n += e->d_name[0] != '.';
    closedir(dir);
    return n;
}

START_TEST(loads_without_threads_of_its_own)
{
    struct pxs_blas blas = {0};
    const int before = tasks();
    setenv("OPENBLAS_NUM_THREADS", "3", 1);
    ck_assert_int_eq(pxs_blas_load(1, &blas, NULL), PXS_OK);
    ck_assert_ptr_nonnull((void *)blas.sgemm);
    ck_assert_int_eq(tasks(), before);
    ck_assert_str_eq(getenv("OPENBLAS_NUM_THREADS"), "3");
    unsetenv("OPENBLAS_NUM_THREADS");
    ck_assert_int_eq(pxs_blas_load(1, &blas, NULL), PXS_OK);
    ck_assert_ptr_null(getenv("OPENBLAS_NUM_THREADS"));
}
END_TEST

TCase *gemm_case(void) {
    KERNEL_CASE("gemm");
    tcase_add_test(tcase, sizes_by_rule);
    tcase_add_test(tcase, nothing_to_do);
    tcase_add_test(tcase, describes_itself);
    tcase_add_test(tcase, loads_without_threads_of_its_own);
    return tcase;
}
