/* For any CPU: vectors of four floats as the compiler's vector extension (SSE on x86-64, NEON on
 * arm64); a product and a sum are rounded separately. */
#include <string.h>

typedef float vec __attribute__((vector_size(16)));
enum { LANES = 4 };
#define VECS 4

static inline vec v_load(const float *p) {
    vec v;
    memcpy(&v, p, sizeof v);
    return v;
}
static inline void v_store(float *p, vec v) {
    memcpy(p, &v, sizeof v);
}
static inline vec v_all(float x) {
    return (vec){x, x, x, x};
}
static inline vec v_zero(void) {
    return v_all(0.0f);
}
static inline vec v_add(vec a, vec b) {
    return a + b;
}
static inline vec v_sub(vec a, vec b) {
    return a - b;
}
static inline vec v_mul(vec a, vec b) {
    return a * b;
}
static inline vec v_fma(vec a, vec b, vec c) {
    return a * b + c;
}
/* 8 accumulators; 16 registers */
#define STRIP 2
#define ISA pxs_isa_base
#define ISA_NAME "base"
#define FUSED false
#include "isa_body.h"
