/* Learning-rate schedules: plain numbers in, rates out. */
#include "pixsweep/nn.h"

double pxs_schedule_halve(double base, int64_t every, int64_t epoch) {
    if (every <= 0)
        return base;
    /* Epochs e with e > 0 and (e + 1) % every == 0 up to `epoch`; with every = 1 epoch 0 is not one of them. */
    int64_t times = (epoch + 1) / every - (every == 1 ? 1 : 0);
    for (; times > 0; times--)
        base *= 0.5;
    return base;
}
