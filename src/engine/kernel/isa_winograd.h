/* The transforms of F(M,R) in two dimensions: the one-dimensional matrix along rows, then along
 * columns. isa_body.h includes it once for each M and R, so it has no include guard.
 * conv_winograd.c shows the matrices and their source. */

#define NX (M + R - 1)
#define NAME_(name, m, r) name##_##m##x##r
#define NAMED(name, m, r) NAME_(name, m, r)
#define NAME(name) NAMED(name, M, R)

#if M == 2 && R == 2

static inline void bt_2x2(const vec *d, vec *o) {
    o[0] = v_sub(d[0], d[1]);
    o[1] = d[1];
    o[2] = v_sub(d[1], d[2]);
}
static inline void b_2x2(const vec *m, vec *o) {
    o[0] = m[0];
    o[1] = v_add(v_sub(m[1], m[0]), m[2]);
    o[2] = v_sub(v_zero(), m[2]);
}
static inline void a_2x2(const vec *y, vec *o) {
    o[0] = y[0];
    o[1] = v_add(y[0], y[1]);
    o[2] = v_sub(v_zero(), y[1]);
}
static inline void at_2x2(const vec *m, vec *o) {
    o[0] = v_add(m[0], m[1]);
    o[1] = v_sub(m[1], m[2]);
}
static inline void g_2x2(const vec *g, vec *o) {
    o[0] = g[0];
    o[1] = v_add(g[0], g[1]);
    o[2] = g[1];
}
static inline void gt_2x2(const vec *u, vec *o) {
    o[0] = v_add(u[0], u[1]);
    o[1] = v_add(u[1], u[2]);
}

#elif M == 4 && R == 2

static inline void bt_4x2(const vec *d, vec *o) {
    const vec two = v_all(2.0f), s = v_sub(d[3], d[1]); /* -d1 + d3 */
    o[0] = v_fma(two, v_sub(d[0], d[2]), s);            /* 2 d0 - d1 - 2 d2 + d3 */
    o[1] = v_sub(v_sub(d[3], d[2]), v_add(d[1], d[1])); /* -2 d1 - d2 + d3 */
    o[2] = v_fma(two, d[1], v_fma(v_all(-3.0f), d[2], d[3]));
    o[3] = s;
    o[4] = v_fma(v_all(-2.0f), s, v_sub(d[4], d[2])); /* 2 d1 - d2 - 2 d3 + d4 */
}
static inline void b_4x2(const vec *m, vec *o) {
    const vec two = v_all(2.0f), s = v_add(m[1], m[3]);
    o[0] = v_add(m[0], m[0]);
    o[1] = v_fma(two, v_add(v_sub(m[2], m[1]), m[4]), v_sub(v_zero(), v_add(m[0], m[3])));
    o[2] = v_sub(v_fma(v_all(-3.0f), m[2], v_mul(v_all(-2.0f), m[0])), v_add(m[1], m[4]));
    o[3] = v_fma(v_all(-2.0f), m[4], v_add(v_add(m[0], m[2]), s));
    o[4] = m[4];
}
static inline void a_4x2(const vec *y, vec *o) {
    const vec even = v_add(y[0], y[2]), odd = v_add(y[1], y[3]);
    o[0] = y[0];
    o[1] = v_add(even, odd);
    o[2] = v_sub(even, odd);
    o[3] = v_fma(v_all(2.0f), v_fma(v_all(4.0f), y[3], y[1]), v_fma(v_all(4.0f), y[2], y[0]));
    o[4] = y[3];
}
static inline void at_4x2(const vec *m, vec *o) {
    const vec sum = v_add(m[1], m[2]), difference = v_sub(m[1], m[2]);
    o[0] = v_add(v_add(m[0], m[3]), sum);
    o[1] = v_fma(v_all(2.0f), m[3], difference);
    o[2] = v_fma(v_all(4.0f), m[3], sum);
    o[3] = v_add(v_fma(v_all(8.0f), m[3], difference), m[4]);
}
static inline void g_4x2(const vec *g, vec *o) {
    const vec half = v_all(0.5f), sixth = v_all(1.0f / 6.0f);
    o[0] = v_mul(half, g[0]);
    o[1] = v_mul(v_all(-0.5f), v_add(g[0], g[1]));
    o[2] = v_mul(sixth, v_sub(g[1], g[0]));
    o[3] = v_mul(sixth, v_add(v_add(g[1], g[1]), g[0]));
    o[4] = g[1];
}
static inline void gt_4x2(const vec *u, vec *o) {
    const vec half = v_all(0.5f), sixth = v_all(1.0f / 6.0f);
    o[0] = v_fma(half, v_sub(u[0], u[1]), v_mul(sixth, v_sub(u[3], u[2])));
    o[1] = v_add(v_fma(v_all(-0.5f), u[1], u[4]), v_mul(sixth, v_add(v_add(u[3], u[3]), u[2])));
}

#elif M == 2 && R == 3

static inline void bt_2x3(const vec *d, vec *o) {
    o[0] = v_sub(d[0], d[2]);
    o[1] = v_add(d[1], d[2]);
    o[2] = v_sub(d[2], d[1]);
    o[3] = v_sub(d[1], d[3]);
}
static inline void b_2x3(const vec *m, vec *o) {
    o[0] = m[0];
    o[1] = v_add(v_sub(m[1], m[2]), m[3]);
    o[2] = v_sub(v_add(m[1], m[2]), m[0]);
    o[3] = v_sub(v_zero(), m[3]);
}
static inline void a_2x3(const vec *y, vec *o) {
    o[0] = y[0];
    o[1] = v_add(y[0], y[1]);
    o[2] = v_sub(y[0], y[1]);
    o[3] = v_sub(v_zero(), y[1]);
}
static inline void at_2x3(const vec *m, vec *o) {
    o[0] = v_add(m[0], v_add(m[1], m[2]));
    o[1] = v_sub(v_sub(m[1], m[2]), m[3]);
}
static inline void g_2x3(const vec *g, vec *o) {
    const vec half = v_all(0.5f), ends = v_add(g[0], g[2]);
    o[0] = g[0];
    o[1] = v_mul(half, v_add(ends, g[1]));
    o[2] = v_mul(half, v_sub(ends, g[1]));
    o[3] = g[2];
}
static inline void gt_2x3(const vec *u, vec *o) {
    const vec half = v_all(0.5f), sum = v_add(u[1], u[2]);
    o[0] = v_fma(half, sum, u[0]);
    o[1] = v_mul(half, v_sub(u[1], u[2]));
    o[2] = v_fma(half, sum, u[3]);
}

#else

static inline void bt_4x3(const vec *d, vec *o) {
    const vec four = v_all(4.0f), two = v_all(2.0f), five = v_all(-5.0f);
    const vec even = v_fma(v_all(-4.0f), d[2], d[4]), odd = v_fma(v_all(-4.0f), d[1], d[3]);
    const vec near = v_sub(d[4], d[2]), far = v_sub(d[3], d[1]);
    o[0] = v_fma(four, d[0], v_fma(five, d[2], d[4])); /* 4 d0 - 5 d2 + d4 */
    o[1] = v_add(even, odd);                           /* -4 d1 - 4 d2 + d3 + d4 */
    o[2] = v_sub(even, odd);
    o[3] = v_fma(two, far, near); /* -2 d1 - d2 + 2 d3 + d4 */
    o[4] = v_fma(v_all(-2.0f), far, near);
    o[5] = v_fma(four, d[1], v_fma(five, d[3], d[5]));
}
static inline void b_4x3(const vec *m, vec *o) {
    const vec four = v_all(4.0f), two = v_all(2.0f), five = v_all(-5.0f);
    const vec sum = v_add(m[1], m[2]), difference = v_sub(m[1], m[2]);
    const vec far_sum = v_add(m[3], m[4]), far = v_sub(m[3], m[4]);
    o[0] = v_mul(four, m[0]);
    o[1] = v_fma(four, v_sub(m[5], difference), v_mul(v_all(-2.0f), far));
    o[2] = v_fma(five, m[0], v_fma(v_all(-4.0f), sum, v_sub(v_zero(), far_sum)));
    o[3] = v_fma(five, m[5], v_fma(two, far, difference));
    o[4] = v_add(m[0], v_add(sum, far_sum));
    o[5] = m[5];
}
static inline void a_4x3(const vec *y, vec *o) {
    const vec even = v_add(y[0], y[2]), odd = v_add(y[1], y[3]), four = v_all(4.0f);
    const vec far_even = v_fma(four, y[2], y[0]), far_odd = v_fma(four, y[3], y[1]);
    o[0] = y[0];
    o[1] = v_add(even, odd);
    o[2] = v_sub(even, odd);
    o[3] = v_fma(v_all(2.0f), far_odd, far_even);
    o[4] = v_fma(v_all(-2.0f), far_odd, far_even);
    o[5] = y[3];
}
static inline void at_4x3(const vec *m, vec *o) {
    const vec sum = v_add(m[1], m[2]), difference = v_sub(m[1], m[2]);
    const vec far_sum = v_add(m[3], m[4]), far = v_sub(m[3], m[4]);
    o[0] = v_add(m[0], v_add(sum, far_sum));
    o[1] = v_fma(v_all(2.0f), far, difference);
    o[2] = v_fma(v_all(4.0f), far_sum, sum);
    o[3] = v_add(v_fma(v_all(8.0f), far, difference), m[5]);
}
static inline void g_4x3(const vec *g, vec *o) {
    const vec sixth = v_all(-1.0f / 6.0f), part = v_all(1.0f / 24.0f);
    const vec ends = v_add(g[0], g[2]), far = v_fma(v_all(4.0f), g[2], g[0]),
              middle = v_add(g[1], g[1]);
    o[0] = v_mul(v_all(0.25f), g[0]);
    o[1] = v_mul(sixth, v_add(ends, g[1]));
    o[2] = v_mul(sixth, v_sub(ends, g[1]));
    o[3] = v_mul(part, v_add(far, middle));
    o[4] = v_mul(part, v_sub(far, middle));
    o[5] = g[2];
}
static inline void gt_4x3(const vec *u, vec *o) {
    const vec sixth = v_all(1.0f / 6.0f), part = v_all(1.0f / 24.0f);
    const vec sum = v_mul(sixth, v_add(u[1], u[2])), far_sum = v_mul(part, v_add(u[3], u[4]));
    const vec difference = v_mul(sixth, v_sub(u[2], u[1])), far = v_mul(part, v_sub(u[3], u[4]));
    o[0] = v_add(v_fma(v_all(0.25f), u[0], far_sum), v_sub(v_zero(), sum));
    o[1] = v_fma(v_all(2.0f), far, difference);
    o[2] = v_add(v_fma(v_all(4.0f), far_sum, u[5]), v_sub(v_zero(), sum));
}

#endif

/* in [N_IN][N_IN] -> out [N_OUT][N_OUT], LANES channels of it. */
#define TWO_DIMENSIONS(one, n_in, n_out, LOAD, STORE_OUT)                  \
    {                                                                      \
        vec between[n_in][n_out];                                          \
        UNROLL for (int r = 0; r < (n_in); r++) {                          \
            vec in[n_in];                                                  \
            UNROLL for (int c = 0; c < (n_in); c++) in[c] = LOAD;          \
            one(in, between[r]);                                           \
        }                                                                  \
        UNROLL for (int c = 0; c < (n_out); c++) {                         \
            vec in[n_in], out[n_out];                                      \
            UNROLL for (int r = 0; r < (n_in); r++) in[r] = between[r][c]; \
            one(in, out);                                                  \
            UNROLL for (int r = 0; r < (n_out); r++) STORE_OUT;            \
        }                                                                  \
    }

static void NAME(big_in)(const float *const *src, int panels, float *dst, size_t xi_stride,
                         size_t panel_stride) {
    for (int p = 0; p < panels; p++, dst += panel_stride)
        for (int l = 0; l < PANEL; l += LANES)
            TWO_DIMENSIONS(NAME(bt), NX, NX, v_load(src[r * NX + c] + p * PANEL + l),
                           v_store(dst + (size_t)(r * NX + c) * xi_stride + l, out[r]))
}

static void NAME(small_in)(const float *const *src, int panels, float *dst, size_t xi_stride,
                           size_t panel_stride) {
    for (int p = 0; p < panels; p++, dst += panel_stride)
        for (int l = 0; l < PANEL; l += LANES)
            TWO_DIMENSIONS(NAME(a), M, NX, v_load(src[r * M + c] + p * PANEL + l),
                           v_store(dst + (size_t)(r * NX + c) * xi_stride + l, out[r]))
}

static void NAME(small_out)(const float *src, size_t xi_stride, float *const *dst) {
    for (int l = 0; l < PANEL; l += LANES)
        TWO_DIMENSIONS(NAME(at), NX, M, v_load(src + (size_t)(r * NX + c) * xi_stride + l), {
            if (dst[r * M + c])
                v_store(dst[r * M + c] + l, out[r]);
        })
}

static void NAME(big_out)(const float *src, size_t xi_stride, float *plane, size_t ld) {
    for (int l = 0; l < PANEL; l += LANES)
        TWO_DIMENSIONS(NAME(b), NX, NX, v_load(src + (size_t)(r * NX + c) * xi_stride + l),
                       put(plane + (size_t)r * ld + c * PANEL + l, out[r], true))
}

static void NAME(weight_in)(const float *const *tap, int rows, float *dst, size_t xi_stride) {
    for (int k = 0; k < rows; k++, dst += PANEL)
        for (int l = 0; l < PANEL; l += LANES)
            TWO_DIMENSIONS(NAME(g), R, NX, v_load(tap[r * R + c] + k * PANEL + l),
                           v_store(dst + (size_t)(r * NX + c) * xi_stride + l, out[r]))
}

static void NAME(weight_out)(const float *src, float *const *tap) {
    for (int k = 0; k < PANEL; k++, src += PANEL)
        for (int l = 0; l < PANEL; l += LANES)
            TWO_DIMENSIONS(NAME(gt), NX, R, v_load(src + (r * NX + c) * PANEL * PANEL + l),
                           v_store(tap[r * R + c] + k * PANEL + l, out[r]))
}

#undef NX
#undef NAME
#undef NAMED
#undef NAME_
#undef TWO_DIMENSIONS
