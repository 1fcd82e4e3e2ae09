/* Inside params: the table with its access to fields. */
#ifndef PXS_PARAMS_PRIV_H
#define PXS_PARAMS_PRIV_H

#include "pixsweep/params.h"

static inline const void *pxs_param_field(const struct pxs_params *p, int key) {
    return (const char *)p + pxs_param_info(key)->offset;
}
static inline void *pxs_param_field_mut(struct pxs_params *p, int key) {
    return (char *)p + pxs_param_info(key)->offset;
}
/* Within min, max and the flags of an INT or FLOAT key; never for NaN and infinities. */
bool pxs_param_in_range(const struct pxs_param_info *info, double value);
/* A key that came later must not change the identity of runs that do not use it. */
static inline bool pxs_param_enters_identity(unsigned flags, bool effective, bool at_default) {
    return effective && !(flags & PXS_PF_NOT_IDENTITY) && !((flags & PXS_PF_LATER) && at_default);
}
/* downs_G says what the sides say by themselves. */
bool params_downs_at_default(const struct pxs_params *p);
/* Whether the networks take pictures of these sides; *key names the key at fault. */
enum pxs_status params_check_sides(const struct pxs_params *p, int *key, struct pxs_error *err);
/* Where other trainers have this value for `key`: appends what it is called here ("basic"), or why
 * there is no such value ("wgangp"). False: it is not known. */
bool params_add_value_remedy(const char *key, const char *value, struct pxs_text *out);
/* Appends `text` as a YAML scalar, plain where that is safe, else in double quotes. */
void pxs_yaml_add_string(struct pxs_text *out, const char *text);

#endif
