/* params: the hyperparameters. One X-macro table (src/params/params.def) yields the struct, the enums, defaults,
 * parsing, range checks, printing, the canonical text and the identity hash. */
#ifndef PIXSWEEP_PARAMS_H
#define PIXSWEEP_PARAMS_H

#include "pixsweep/base.h"

#define PXS_PATH_MAX 4096

enum pxs_direction { PXS_DIRECTION_BTOA, PXS_DIRECTION_ATOB };
enum pxs_generator { PXS_GENERATOR_UNET };
enum pxs_discriminator { PXS_DISCRIMINATOR_PATCH };
enum pxs_gan_mode { PXS_GAN_LSGAN, PXS_GAN_VANILLA };
enum pxs_lr_policy { PXS_LR_CONSTANT, PXS_LR_HALVE };
enum pxs_validation { PXS_VALIDATION_FULL, PXS_VALIDATION_LAB, PXS_VALIDATION_OFF };

/* One run's hyperparameters; a plain value, copied freely. Generated from the table in the real header; field
 * names are the keys: paths char[PXS_PATH_MAX] ("" = null), INT int64_t, FLOAT double, BOOL bool, ENUM int. */
struct pxs_params;

#endif
