/* The class of bits of a run: what decides every bit of its weights and losses. A run resumes from
 * a point of the same class only.
 *
 * Kernels and OpenBLAS belong to it as far as the networks' layers use them (pxs_pix2pix_bits). The
 * C library's functions belong to it by their values, which differ between versions and between
 * CPUs with FMA and without: those that training calls are evaluated here at many arguments. All
 * other arithmetic is our own and rounds the same on every machine. */
#include "resume_priv.h"
#include "train_priv.h"

#include "pixsweep/model.h"

#include <math.h>

#define PI 3.14159265358979323846
/* Arguments to evaluate. Values with and without FMA differ in one of 1500, as measured; all
 * together take some milliseconds. */
enum { PLACES = 16384 };

static bool has_cosine(int policy) {
    return policy == PXS_LR_COSINE || policy == PXS_LR_COSINE_RESTARTS ||
           policy == PXS_LR_ONE_CYCLE;
}

static void add(uint32_t *crc, double value) {
    *crc = pxs_crc32c(*crc, &value, sizeof value);
}

/* Training calls pow for Adam and the policies that multiply, exp and log1p for gan_mode vanilla,
 * exp and log10 for PSNR and SSIM of a validation, cos for the cosine policies. */
static uint32_t checksum_of_libm(const struct pxs_params *p) {
    const bool vanilla = p->gan_mode == PXS_GAN_VANILLA,
               validates = p->validation != PXS_VALIDATION_OFF;
    const bool cosine = has_cosine(p->lr_policy_G) || has_cosine(p->lr_policy_D);
    uint32_t crc = 0;
    for (int i = 1; i <= PLACES; i++) {
        const double x = fmod(i * 0.61803398874989485, 1.0); /* all over 0 to 1 */
        add(&crc, pow(p->b1, i));
        add(&crc, pow(p->b2, i));
        add(&crc, pow(0.5 + x / 2, i % 97 + 1));
        if (vanilla || validates)
            add(&crc, exp(-20 * x));
        if (vanilla)
            add(&crc, log1p(x));
        if (validates)
            add(&crc, log10(x));
        if (cosine)
            add(&crc, cos(PI * x));
    }
    return crc;
}

static void bits_of(const struct pxs_params *params, const struct pxs_kernels *set,
                    const char *openblas, struct resume_bits *out) {
    struct pxs_bits b;
    pxs_pix2pix_bits(params, set, &b);
    snprintf(out->methods, sizeof out->methods, "%08x", (unsigned)b.methods);
    out->fused = b.fused;
    snprintf(out->openblas, sizeof out->openblas, "%s", b.blas ? openblas : "");
    out->libm[0] = '\0';
}

enum pxs_status resume_engine(const char *kernels, const struct pxs_params *params,
                              struct resume_state *out, struct pxs_error *err) {
    const struct pxs_kernels *set;
    PXS_TRY(pxs_kernels_select(kernels, &set, err));
    snprintf(out->kernels, sizeof out->kernels, "%s", pxs_kernels_name(set));
    snprintf(out->pixsweep, sizeof out->pixsweep, "%s %s", pxs_version(), pxs_commit());
    enum pxs_status status = train_describe_blas(out->openblas, sizeof out->openblas, err);
    if (!params)
        return PXS_OK;
    bits_of(params, set, out->openblas, &out->bits);
    snprintf(out->bits.libm, sizeof out->bits.libm, "%08x", (unsigned)checksum_of_libm(params));
    return out->bits.openblas[0] ? status : PXS_OK;
}

bool resume_bits_of(const struct resume_state *s, const struct pxs_params *params,
                    struct resume_bits *out) {
    const struct pxs_kernels *set = s->format < 4 ? pxs_kernels_known(s->kernels) : NULL;
    if (s->format >= 4)
        *out = s->bits;
    else if (set)
        bits_of(params, set, s->openblas, out);
    return s->format >= 4 || set;
}
