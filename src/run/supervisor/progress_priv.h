/* Where a running attempt stands, read off its records. */
#ifndef PXS_PROGRESS_PRIV_H
#define PXS_PROGRESS_PRIV_H

#include "pixsweep/records.h"
#include "pixsweep/board.h"
#include "pixsweep/train.h"

struct pxs_progress {
    int64_t epoch, batch, steps_done; /* -1, -1, 0 before the first batch */
    int64_t n_epochs, n_batches, steps, batch_size, n_train;
    double loss_G, loss_D, lr_G, val_loss, best_val;
    int64_t best_epoch, epochs_done;
    double first_time;   /* monotonic, when the first batch was seen; NaN before */
    int64_t first_step;  /* steps_done at that time */
    double step_seconds; /* of recent steps, smoothed; NaN before */
    bool began, ended;
    enum pxs_outcome end;
    char end_message[1024];
};
void pxs_progress_init(struct pxs_progress *p, const struct pxs_params *params,
                       const struct pxs_train_estimate *estimate, int64_t n_train);
void pxs_progress_see(struct pxs_progress *p, const struct pxs_record *r, double now);
/* Wall-clock seconds per step since the first one seen, validation and files included; NaN = not
 * known yet. */
double pxs_progress_pace(const struct pxs_progress *p, double now);
double pxs_progress_eta(const struct pxs_progress *p, double now);
void pxs_progress_board(const struct pxs_progress *p, double now, struct pxs_board_run *out);
/* "epochs 12/200  G 1.23  D 0.251  val 0.2812  lr 0.0001  123 img/s  ETA 1 h 05 m" */
void pxs_progress_line(const struct pxs_progress *p, double now, struct pxs_text *out);

#endif
