/* Learning-rate schedules as functions of numbers. Where PyTorch keeps a running product these are
 * closed forms: a rate depends on the epoch alone, so a resumed run needs no history (except for
 * plateau). */
#include "pixsweep/nn.h"

#include <math.h>

#define PI 3.14159265358979323846

double pxs_schedule_halve(double base, int64_t every, int64_t epoch) {
    if (every <= 0)
        return base;
    /* The number of epochs e up to `epoch` with e > 0 and (e + 1) % every == 0; for every = 1 epoch
     * 0 does not count. */
    int64_t times = (epoch + 1) / every - (every == 1 ? 1 : 0);
    for (; times > 0; times--)
        base *= 0.5;
    return base;
}

double pxs_schedule_step(double base, int64_t step_size, double gamma, int64_t epoch) {
    return base * pow(gamma, (double)(epoch / step_size));
}

double pxs_schedule_multistep(double base, const int64_t *milestones, size_t n, double gamma,
                              int64_t epoch) {
    size_t passed = 0;
    while (passed < n && milestones[passed] <= epoch)
        passed++;
    return base * pow(gamma, (double)passed);
}

double pxs_schedule_exponential(double base, double gamma, int64_t epoch) {
    return base * pow(gamma, (double)epoch);
}

double pxs_schedule_linear(double base, int64_t n_epochs, int64_t n_decay, int64_t epoch) {
    int64_t fallen = epoch + 1 - (n_epochs - n_decay);
    return fallen <= 0 ? base : base * (1.0 - (double)fallen / (double)(n_decay + 1));
}

/* From `from` to `to` along half a cosine; t from 0 to 1. */
static double half_cosine(double from, double to, double t) {
    return to + (from - to) * (1.0 + cos(PI * t)) / 2.0;
}

double pxs_schedule_cosine(double base, double min_lr, int64_t n_epochs, int64_t epoch) {
    return half_cosine(base, min_lr, (double)epoch / (double)n_epochs);
}

double pxs_schedule_cosine_restarts(double base, double min_lr, int64_t T_0, int64_t T_mult,
                                    int64_t epoch) {
    int64_t length = T_0;
    if (T_mult == 1)
        epoch %= T_0;
    else
        for (; epoch >= length; length *= T_mult)
            epoch -= length;
    return half_cosine(base, min_lr, (double)epoch / (double)length);
}

double pxs_schedule_polynomial(double base, double power, int64_t n_epochs, int64_t epoch) {
    return base * pow(1.0 - (double)epoch / (double)n_epochs, power);
}

double pxs_schedule_one_cycle(double base, double max_lr, double pct_start, int64_t n_steps,
                              int64_t step) {
    double top = pct_start * (double)n_steps - 1.0, last = (double)n_steps - 1.0, at = (double)step;
    if (at <= top)
        return half_cosine(base, max_lr, top > 0 ? at / top : 1.0);
    return half_cosine(max_lr, base / 1e4, last > top ? (at - top) / (last - top) : 1.0);
}

double pxs_schedule_warmup(double base, int64_t n_steps, int64_t step) {
    return base * ((double)(step + 1) / (double)n_steps);
}

void pxs_plateau_begin(struct pxs_plateau *state, double base) {
    *state = (struct pxs_plateau){.rate = base, .best = INFINITY};
}

void pxs_plateau_step(struct pxs_plateau *state, const struct pxs_plateau_rule *rule, double loss) {
    if (loss < state->best * (1.0 - rule->threshold)) {
        state->best = loss;
        state->bad_epochs = 0;
    } else if (++state->bad_epochs > rule->patience) {
        double lower = fmax(state->rate * rule->factor, rule->min_lr);
        if (state->rate - lower > 1e-8) /* torch's eps: a smaller reduction is left out */
            state->rate = lower;
        state->bad_epochs = 0;
    }
}
