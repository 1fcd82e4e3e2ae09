/* Experiment files. What loads is expanded, described, and written as a run's frozen config.yaml,
 * which must read back to the same values. Beside the file lie base.yaml and loop.yaml (which
 * extends itself), for inputs to extend. */
#include "fuzz.h"
#include "yaml.h"

#include "pixsweep/config.h"

#include <string.h>

static void write_bases(void) {
    static bool written;
    static const char loop[] = "extends: loop.yaml\n";
    if (written)
        return;
    fuzz_write("base.yaml", FUZZ_BASE_YAML, sizeof FUZZ_BASE_YAML - 1);
    fuzz_write("loop.yaml", loop, sizeof loop - 1);
    written = true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct pxs_config *config = NULL;
    struct pxs_text problems = {0};
    struct pxs_error err;
    write_bases();
    fuzz_write("exp.yaml", data, size);
    enum pxs_status status =
        pxs_config_load(fuzz_path(0, "exp.yaml"), NULL, 0, &config, &problems, &err);
    if (fuzz_answer(status, &err))
        fuzz_look_at_config(config);
    else
        fuzz_require(status != PXS_E_INVALID || problems.len > 0,
                     "what is wrong with a file is told with its place");
    pxs_config_destroy(&config);
    pxs_text_finish(&problems);
    return 0;
}
