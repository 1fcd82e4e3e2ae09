/* Why a key cannot stand where it stands. */
#include "config_priv.h"

#include <string.h>

static const char *const top_words[] = {"name", "extends", "sweep", "run"};
static const struct {
    const char *word, *home;
} homes[] = {{"grid", "sweep"},          {"zip", "sweep"},          {"points", "sweep"},
             {"random", "sweep"},        {"seeds", "sweep"},        {"samples", "sweep.random"},
             {"prune", "sweep"},         {"retries", "run"},        {"timeout", "run"},
             {"resume_every", "run"},    {"max_failures", "run"},   {"order", "run"},
             {"on_done", "run"},         {"name", "the top level"}, {"extends", "the top level"},
             {"sweep", "the top level"}, {"run", "the top level"}};

static const char *home_of(const char *word) {
    for (size_t i = 0; i < PXS_COUNT(homes); i++)
        if (strcmp(homes[i].word, word) == 0)
            return homes[i].home;
    return NULL;
}

void pxs_explain_unknown(struct pxs_diags *d, const struct pxs_node *key, const char *place,
                         const char *const *known, size_t n_known) {
    if (pxs_diags_full(d))
        return;
    struct pxs_text text = {0};
    enum pxs_param_key param;
    const char *other = pxs_param_other_name(key->text), *home = home_of(key->text);
    const char *nearest = pxs_nearest_word(key->text, known, n_known);
    pxs_text_add(&text, "unknown key ");
    pxs_text_add_quoted(&text, key->text);
    if (place[0])
        pxs_text_addf(&text, " in %s", place);
    if (home && strcmp(home, place) != 0)
        pxs_text_addf(&text, ": it belongs to %s", home);
    else if (other)
        pxs_text_addf(&text, ": here it is %s", other);
    else if (pxs_param_find(key->text, &param))
        pxs_text_add(&text, strcmp(place, "sweep") == 0
                                ? ": a hyperparameter stands at the top level, or in a part such as grid"
                                : ": a hyperparameter stands at the top level");
    else if (nearest)
        pxs_text_addf(&text, "; did you mean %s?", nearest);
    pxs_diag_node(d, key, "%s", pxs_text_str(&text));
    pxs_text_finish(&text);
}

bool pxs_key_of_node(struct pxs_diags *d, const struct pxs_node *key, const char *place, int *found) {
    const char *known[PXS_PARAM_COUNT + PXS_COUNT(top_words)];
    enum pxs_param_key param;
    size_t n = 0;
    if (pxs_param_find(key->text, &param)) {
        *found = param;
        return true;
    }
    for (int k = 0; k < PXS_PARAM_COUNT; k++)
        known[n++] = pxs_param_info(k)->key;
    for (size_t i = 0; place[0] == '\0' && i < PXS_COUNT(top_words); i++)
        known[n++] = top_words[i];
    pxs_explain_unknown(d, key, place, known, n);
    return false;
}
