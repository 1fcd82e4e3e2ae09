/* --set: each line of the input is one, over a small experiment file. */
#include "fuzz.h"
#include "yaml.h"

#include "pixsweep/config.h"

#include <stdlib.h>
#include <string.h>

enum { SETS = 12 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static bool written;
    struct pxs_config *config = NULL;
    struct pxs_text problems = {0};
    struct pxs_error err;
    const char *sets[SETS];
    size_t n = 0;
    if (!written)
        fuzz_write("base.yaml", FUZZ_BASE_YAML, sizeof FUZZ_BASE_YAML - 1);
    written = true;
    char *text = malloc(size + 1);
    fuzz_require(text != NULL, "there is memory");
    memcpy(text, data, size);
    text[size] = '\0';
    for (char *line = text; n < SETS && line < text + size; line += strlen(line) + 1) {
        sets[n++] = line;
        line[strcspn(line, "\n")] = '\0';
    }
    enum pxs_status status =
        pxs_config_load(fuzz_path(0, "base.yaml"), sets, n, &config, &problems, &err);
    if (fuzz_answer(status, &err))
        fuzz_look_at_config(config);
    else
        fuzz_require(status != PXS_E_INVALID || problems.len > 0,
                     "what is wrong with a --set is told with its place");
    pxs_config_destroy(&config);
    pxs_text_finish(&problems);
    free(text);
    return 0;
}
