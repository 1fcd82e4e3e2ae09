/* The transforms of F(M,2) in two dimensions: the one-dimensional matrix along rows, then along
 * columns. isa_body.h includes it once for each M, so it has no include guard. conv_winograd.c
 * shows the matrices and their source. */

#define NX (M + 1)
#define NAME_(name, m) name##_##m
#define NAME(name, m) NAME_(name, m)

#if M == 2

static inline void bt_2(const vec *d, vec *o) {
    o[0] = v_sub(d[0], d[1]);
    o[1] = d[1];
    o[2] = v_sub(d[1], d[2]);
}
static inline void b_2(const vec *m, vec *o) {
    o[0] = m[0];
    o[1] = v_add(v_sub(m[1], m[0]), m[2]);
    o[2] = v_sub(v_zero(), m[2]);
}
static inline void a_2(const vec *y, vec *o) {
    o[0] = y[0];
    o[1] = v_add(y[0], y[1]);
    o[2] = v_sub(v_zero(), y[1]);
}
static inline void at_2(const vec *m, vec *o) {
    o[0] = v_add(m[0], m[1]);
    o[1] = v_sub(m[1], m[2]);
}
static inline void g_2(const vec *g, vec *o) {
    o[0] = g[0];
    o[1] = v_add(g[0], g[1]);
    o[2] = g[1];
}
static inline void gt_2(const vec *u, vec *o) {
    o[0] = v_add(u[0], u[1]);
    o[1] = v_add(u[1], u[2]);
}

#else

static inline void bt_4(const vec *d, vec *o) {
    const vec two = v_all(2.0f), s = v_sub(d[3], d[1]); /* -d1 + d3 */
    o[0] = v_fma(two, v_sub(d[0], d[2]), s);            /* 2 d0 - d1 - 2 d2 + d3 */
    o[1] = v_sub(v_sub(d[3], d[2]), v_add(d[1], d[1])); /* -2 d1 - d2 + d3 */
    o[2] = v_fma(two, d[1], v_fma(v_all(-3.0f), d[2], d[3]));
    o[3] = s;
    o[4] = v_fma(v_all(-2.0f), s, v_sub(d[4], d[2])); /* 2 d1 - d2 - 2 d3 + d4 */
}
static inline void b_4(const vec *m, vec *o) {
    const vec two = v_all(2.0f), s = v_add(m[1], m[3]);
    o[0] = v_add(m[0], m[0]);
    o[1] = v_fma(two, v_add(v_sub(m[2], m[1]), m[4]), v_sub(v_zero(), v_add(m[0], m[3])));
    o[2] = v_sub(v_fma(v_all(-3.0f), m[2], v_mul(v_all(-2.0f), m[0])), v_add(m[1], m[4]));
    o[3] = v_fma(v_all(-2.0f), m[4], v_add(v_add(m[0], m[2]), s));
    o[4] = m[4];
}
static inline void a_4(const vec *y, vec *o) {
    const vec even = v_add(y[0], y[2]), odd = v_add(y[1], y[3]);
    o[0] = y[0];
    o[1] = v_add(even, odd);
    o[2] = v_sub(even, odd);
    o[3] = v_fma(v_all(2.0f), v_fma(v_all(4.0f), y[3], y[1]), v_fma(v_all(4.0f), y[2], y[0]));
    o[4] = y[3];
}
static inline void at_4(const vec *m, vec *o) {
    const vec sum = v_add(m[1], m[2]), difference = v_sub(m[1], m[2]);
    o[0] = v_add(v_add(m[0], m[3]), sum);
    o[1] = v_fma(v_all(2.0f), m[3], difference);
    o[2] = v_fma(v_all(4.0f), m[3], sum);
    o[3] = v_add(v_fma(v_all(8.0f), m[3], difference), m[4]);
}
static inline void g_4(const vec *g, vec *o) {
    const vec half = v_all(0.5f), sixth = v_all(1.0f / 6.0f);
    o[0] = v_mul(half, g[0]);
    o[1] = v_mul(v_all(-0.5f), v_add(g[0], g[1]));
    o[2] = v_mul(sixth, v_sub(g[1], g[0]));
    o[3] = v_mul(sixth, v_add(v_add(g[1], g[1]), g[0]));
    o[4] = g[1];
}
static inline void gt_4(const vec *u, vec *o) {
    const vec half = v_all(0.5f), sixth = v_all(1.0f / 6.0f);
    o[0] = v_fma(half, v_sub(u[0], u[1]), v_mul(sixth, v_sub(u[3], u[2])));
    o[1] = v_add(v_fma(v_all(-0.5f), u[1], u[4]), v_mul(sixth, v_add(v_add(u[3], u[3]), u[2])));
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

static void NAME(big_in, M)(const float *const *src, int panels, float *dst, size_t xi_stride,
                            size_t panel_stride) {
    for (int p = 0; p < panels; p++, dst += panel_stride)
        for (int l = 0; l < PANEL; l += LANES)
            TWO_DIMENSIONS(NAME(bt, M), NX, NX, v_load(src[r * NX + c] + p * PANEL + l),
                           v_store(dst + (size_t)(r * NX + c) * xi_stride + l, out[r]))
}

static void NAME(small_in, M)(const float *const *src, int panels, float *dst, size_t xi_stride,
                              size_t panel_stride) {
    for (int p = 0; p < panels; p++, dst += panel_stride)
        for (int l = 0; l < PANEL; l += LANES)
            TWO_DIMENSIONS(NAME(a, M), M, NX, v_load(src[r * M + c] + p * PANEL + l),
                           v_store(dst + (size_t)(r * NX + c) * xi_stride + l, out[r]))
}

static void NAME(small_out, M)(const float *src, size_t xi_stride, float *const *dst) {
    for (int l = 0; l < PANEL; l += LANES)
        TWO_DIMENSIONS(NAME(at, M), NX, M, v_load(src + (size_t)(r * NX + c) * xi_stride + l), {
            if (dst[r * M + c])
                v_store(dst[r * M + c] + l, out[r]);
        })
}

static void NAME(big_out, M)(const float *src, size_t xi_stride, float *plane, size_t ld) {
    for (int l = 0; l < PANEL; l += LANES)
        TWO_DIMENSIONS(NAME(b, M), NX, NX, v_load(src + (size_t)(r * NX + c) * xi_stride + l),
                       put(plane + (size_t)r * ld + c * PANEL + l, out[r], true))
}

static void NAME(weight_in, M)(const float *const tap[4], int rows, float *dst, size_t xi_stride) {
    for (int k = 0; k < rows; k++, dst += PANEL)
        for (int l = 0; l < PANEL; l += LANES)
            TWO_DIMENSIONS(NAME(g, M), 2, NX, v_load(tap[r * 2 + c] + k * PANEL + l),
                           v_store(dst + (size_t)(r * NX + c) * xi_stride + l, out[r]))
}

static void NAME(weight_out, M)(const float *src, float *const tap[4]) {
    for (int k = 0; k < PANEL; k++, src += PANEL)
        for (int l = 0; l < PANEL; l += LANES)
            TWO_DIMENSIONS(NAME(gt, M), NX, 2, v_load(src + (r * NX + c) * PANEL * PANEL + l),
                           v_store(tap[r * 2 + c] + k * PANEL + l, out[r]))
}

#undef NX
#undef NAME
#undef NAME_
#undef TWO_DIMENSIONS
