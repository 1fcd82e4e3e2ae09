/* What makes two runs the same: a versioned canonical text and its hash. If any byte of this text
 * changed, no stored run would be found again; tests pin the hash of the defaults. */
#include "params_priv.h"

#include <string.h>

static const char *content_of(const struct pxs_params_content *content, int key) {
    switch (key) {
#define PXS_PATH(key, ...) \
    case PXS_PARAM_##key:  \
        return content->key;
#include "params.def"
    default:
        return "";
    }
}

/* The keys that enter the identity, by name; how many. */
static int sorted_keys(const struct pxs_params *p, int keys[PXS_PARAM_COUNT]) {
    int n = 0;
    for (int key = 0; key < PXS_PARAM_COUNT; key++) {
        unsigned flags = pxs_param_info(key)->flags;
        bool at_default =
            (flags & PXS_PF_LATER) &&
            (key == PXS_PARAM_downs_G ? params_downs_at_default(p) : pxs_params_at_default(p, key));
        if (!pxs_param_enters_identity(flags, pxs_params_effective(p, key), at_default))
            continue;
        int at = n++;
        for (; at > 0 && strcmp(pxs_param_info(keys[at - 1])->key, pxs_param_info(key)->key) > 0;
             at--)
            keys[at] = keys[at - 1];
        keys[at] = key;
    }
    return n;
}

void pxs_params_canonical(const struct pxs_params *p, const struct pxs_params_content *content,
                          struct pxs_text *out) {
    int keys[PXS_PARAM_COUNT], n = sorted_keys(p, keys);
    pxs_text_add(out, "pixsweep config 1\n");
    for (int i = 0; i < n; i++) {
        bool by_content = content && pxs_params_get(p, keys[i]).kind == PXS_VALUE_TEXT &&
                          pxs_param_info(keys[i])->type == PXS_TYPE_PATH;
        pxs_text_addf(out, "%s=", pxs_param_info(keys[i])->key);
        if (by_content)
            pxs_text_addf(out, "sha256:%s", content_of(content, keys[i]));
        else
            pxs_params_format(p, keys[i], out);
        pxs_text_add(out, "\n");
    }
}

enum pxs_status pxs_params_identity(const struct pxs_params *p,
                                    const struct pxs_params_content *content,
                                    char hex[PXS_SHA256_HEX], struct pxs_error *err) {
    for (int key = 0; key < PXS_PARAM_COUNT; key++) {
        const struct pxs_param_info *info = pxs_param_info(key);
        if (info->type != PXS_TYPE_PATH)
            continue;
        bool set = pxs_params_get(p, key).kind == PXS_VALUE_TEXT;
        if (set != (strlen(content_of(content, key)) == PXS_SHA256_HEX - 1))
            return pxs_fail(err, PXS_E_INVALID, "%s is %s, but its content hash is %s", info->key,
                            set ? "set" : "null", set ? "not given" : "given");
    }
    struct pxs_text text = {0};
    pxs_params_canonical(p, content, &text);
    if (text.failed) {
        pxs_text_finish(&text);
        return pxs_fail_nomem(err);
    }
    struct pxs_sha256 hash;
    pxs_sha256_init(&hash);
    pxs_sha256_update(&hash, text.text, text.len);
    pxs_sha256_hex(&hash, hex);
    pxs_text_finish(&text);
    return PXS_OK;
}
