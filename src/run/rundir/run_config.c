/* The config.yaml of a run as it is frozen with the plan: runnable by itself, and it says in
 * comments which content it was planned with. */
#include <stdlib.h>
#include <string.h>

#include "pixsweep/config.h"
#include "pixsweep/rundir.h"

#define RUN_MARK "# pixsweep run "
#define DATA_MARK "# data sha256 "
#define FILES_MARK "# data files sha256 "
#define WEIGHTS_MARK "# init_from sha256 "

static bool starts_with(const char *line, const char *mark) {
    return strncmp(line, mark, strlen(mark)) == 0;
}

void pxs_run_config_text(const struct pxs_run_config_head *head, const char *name,
                         const struct pxs_params *params, bool own_val, struct pxs_text *out) {
    struct pxs_text body = {0};
    pxs_text_addf(out, RUN_MARK "%s\n" DATA_MARK "%s\n", head->name, head->data_hash);
    if (head->files_hash[0])
        pxs_text_addf(out, FILES_MARK "%s\n", head->files_hash);
    if (head->weights_hash[0])
        pxs_text_addf(out, WEIGHTS_MARK "%s\n", head->weights_hash);

    /* All lines but that of val_fraction, where it has no effect. */
    pxs_params_write_yaml(params, name, &body);
    for (const char *line = pxs_text_str(&body); *line;) {
        size_t len = strcspn(line, "\n");
        len += line[len] == '\n';
        if (!own_val || !starts_with(line, "val_fraction:"))
            pxs_text_add_n(out, line, len);
        line += len;
    }
    out->failed = out->failed || body.failed;
    pxs_text_finish(&body);
}

static void copy_rest(const char *line, const char *mark, char *out, size_t size) {
    const char *rest = line + strlen(mark);
    size_t len = strcspn(rest, "\r\n");
    if (len < size) {
        memcpy(out, rest, len);
        out[len] = '\0';
    }
}

void pxs_run_config_read_head(const char *yaml, struct pxs_run_config_head *head) {
    memset(head, 0, sizeof *head);
    for (const char *line = yaml; *line == '#';) {
        if (starts_with(line, RUN_MARK))
            copy_rest(line, RUN_MARK, head->name, sizeof head->name);
        else if (starts_with(line, DATA_MARK))
            copy_rest(line, DATA_MARK, head->data_hash, sizeof head->data_hash);
        else if (starts_with(line, FILES_MARK))
            copy_rest(line, FILES_MARK, head->files_hash, sizeof head->files_hash);
        else if (starts_with(line, WEIGHTS_MARK))
            copy_rest(line, WEIGHTS_MARK, head->weights_hash, sizeof head->weights_hash);
        line += strcspn(line, "\n");
        line += *line == '\n';
    }
}

bool pxs_run_config_line(const char *yaml, const char *key, const char **line, size_t *bytes) {
    size_t key_len = strlen(key);
    while (*yaml) {
        size_t len = strcspn(yaml, "\n");
        if (strncmp(yaml, key, key_len) == 0 && yaml[key_len] == ':') {
            *line = yaml;
            *bytes = len;
            return true;
        }
        yaml += len;
        yaml += *yaml == '\n';
    }
    return false;
}

enum pxs_status pxs_run_config_write(const char *dir, const char *yaml, struct pxs_error *err) {
    char path[PXS_PATH_MAX];
    if (!pxs_path_join(path, sizeof path, dir, PXS_CONFIG_FILE))
        return pxs_fail(err, PXS_E_INVALID, "the path %s is too long", dir);
    /* Most often it is there as it should be, since the plan was frozen or the run is resumed. */
    char *now = NULL;
    size_t bytes = 0;
    const bool same =
        pxs_read_beneath(dir, PXS_CONFIG_FILE, strlen(yaml), &now, &bytes, NULL) == PXS_OK &&
        bytes == strlen(yaml) && memcmp(now, yaml, bytes) == 0;
    free(now);
    return same ? PXS_OK : pxs_write_file(path, yaml, strlen(yaml), err);
}

enum pxs_status pxs_run_config_read(const char *path, struct pxs_params *out,
                                    char spec_hash[PXS_SHA256_HEX], struct pxs_text *problems,
                                    struct pxs_error *err) {
    struct pxs_config *config = NULL;
    struct pxs_point *point = malloc(sizeof *point);
    if (!point)
        return pxs_fail_nomem(err);
    enum pxs_status status = pxs_config_load(path, NULL, 0, &config, problems, err);
    if (status == PXS_OK) {
        pxs_config_point(config, 0, point);
        *out = point->params;
        if (spec_hash)
            snprintf(spec_hash, PXS_SHA256_HEX, "%s", pxs_config_spec_hash(config));
    }
    pxs_config_destroy(&config);
    free(point);
    return status;
}
