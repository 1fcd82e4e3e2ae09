/* params: the hyperparameter table for people and programs. */
#include "cli.h"
#include "pixsweep/params.h"

#include <string.h>

#define WIDTH_USUAL 120 /* where no terminal says */
#define RANGE_WIDTH 24
#define OTHERS_WIDTH 69 /* of all columns but the last */
enum { KEY, TYPE, DEFAULT, RANGE, UNIT, UNDER, IDENTITY, HELP, COLUMNS };
static const char *const names[COLUMNS] = {"key",  "type",  "default",  "range",
                                           "unit", "under", "identity", "help"};
static const struct pxs_column columns[COLUMNS] = {
    [TYPE] = {NULL, PXS_SHOW_HIDDEN},
    [UNDER] = {NULL, PXS_SHOW_HIDDEN},
    [IDENTITY] = {NULL, PXS_SHOW_HIDDEN},
};

static const char *keep(struct pxs_table *table, struct pxs_text *text) {
    const char *copy = text->failed ? NULL : pxs_arena_strdup(&table->arena, pxs_text_str(text));
    pxs_text_clear(text);
    return copy;
}

/* As much of a text as has room, to its end: the first words tell most. */
static void cut(struct pxs_text *text, size_t width) {
    const size_t bytes = pxs_text_head(pxs_text_str(text), text->len, width - 1);
    if (pxs_text_width(pxs_text_str(text), text->len) <= width)
        return;
    text->text[text->len = bytes] = '\0';
    pxs_text_add(text, "\xe2\x80\xa6");
}

static void put_key(struct pxs_table *t, size_t row, int key, const struct pxs_params *defaults,
                    int width, struct pxs_text *text) {
    const struct pxs_param_info *info = pxs_param_info(key);
    pxs_table_set(t, row, KEY, pxs_cell_text(info->key));
    pxs_table_set(t, row, TYPE, pxs_cell_text(pxs_param_type_name(info->type)));
    if ((info->flags & PXS_PF_REQUIRED) == 0) { /* else there is none */
        pxs_params_format(defaults, key, text);
        pxs_table_set(t, row, DEFAULT, pxs_cell_text(keep(t, text)));
    }
    pxs_param_range(key, text);
    if (width > 0)
        cut(text, RANGE_WIDTH);
    pxs_table_set(t, row, RANGE, pxs_cell_text(keep(t, text)));
    pxs_table_set(t, row, UNIT, pxs_cell_text(info->unit));
    if (info->conditional) { /* "lr_policy_G: halve" */
        pxs_text_addf(text, "%s: ", pxs_param_info((int)info->under)->key);
        pxs_param_condition(key, " or ", text);
    }
    pxs_table_set(t, row, UNDER, pxs_cell_text(keep(t, text)));
    pxs_table_set(t, row, IDENTITY, pxs_cell_int((info->flags & PXS_PF_NOT_IDENTITY) == 0));
    pxs_text_add(text, info->help);
    if (width > 0)
        cut(text, width > OTHERS_WIDTH + RANGE_WIDTH ? (size_t)width - OTHERS_WIDTH : RANGE_WIDTH);
    pxs_table_set(t, row, HELP, pxs_cell_text(keep(t, text)));
}

/* One key in full. */
static void put_one(const struct pxs_table *t, const struct pxs_param_info *info,
                    struct pxs_text *out) {
    pxs_text_addf(out, "%s: %s\n", info->key, info->help);
    for (int c = TYPE; c < UNDER; c++) {
        const struct pxs_cell cell = t->cells[c];
        if (cell.kind == PXS_CELL_TEXT && cell.text[0] != '\0')
            pxs_text_addf(out, "  %-8s %s\n", names[c], cell.text);
        else if (c == DEFAULT)
            pxs_text_addf(out, "  %-8s none: it must be given%s\n", names[c],
                          info->conditional ? " where it is in force" : "");
    }
    if (info->conditional)
        pxs_text_addf(out, "  %-8s %s\n", "under", t->cells[UNDER].text);
    if ((info->flags & PXS_PF_NOT_IDENTITY) != 0)
        pxs_text_add(out, "  not part of a run's identity\n");
}

static enum pxs_status list(const struct cli *cli, int first, int last, struct pxs_text *out,
                            struct pxs_error *err) {
    struct pxs_params defaults;
    struct pxs_table table = {0};
    struct pxs_text text = {0};
    const bool listed = cli->format == PXS_FORMAT_TABLE && cli->n_args == 0;
    const int terminal = cli_output_width(), width = !listed        ? 0
                                                     : terminal > 0 ? terminal
                                                                    : WIDTH_USUAL;
    pxs_params_default(&defaults);
    PXS_TRY(pxs_table_make(&table, names, COLUMNS, (size_t)(last - first), err));
    for (int key = first; key < last; key++)
        put_key(&table, (size_t)(key - first), key, &defaults, width, &text);
    enum pxs_status status = PXS_OK;
    if (text.failed)
        status = pxs_fail_nomem(err);
    else if (cli->n_args > 0 && cli->format == PXS_FORMAT_TABLE)
        put_one(&table, pxs_param_info(first), out);
    else
        status = pxs_report_table(&table, columns, cli->format, width, out, err);
    if (status == PXS_OK && listed)
        pxs_text_add(out, "\none in full: pixsweep params KEY; without a default: must be given "
                          "where it is in force\n");
    pxs_text_finish(&text);
    pxs_table_finish(&table);
    return status;
}

static enum pxs_status find_key(const char *name, int *key, struct pxs_error *err) {
    enum pxs_param_key found;
    struct pxs_text remedy = {0};
    if (pxs_param_find(name, &found)) {
        *key = (int)found;
        return PXS_OK;
    }
    pxs_param_add_remedy(name, &remedy);
    pxs_fail(err, PXS_E_NOT_FOUND, "there is no hyperparameter '%.60s'%s", name,
             pxs_text_str(&remedy));
    pxs_text_finish(&remedy);
    return PXS_E_NOT_FOUND;
}

int cli_cmd_params(struct cli *cli) {
    struct pxs_error err = {0};
    struct pxs_text out = {0};
    enum pxs_status status = PXS_OK;
    int first = 0, last = PXS_PARAM_COUNT;
    if (cli->n_args > 0) {
        status = find_key(cli->args[0], &first, &err);
        last = first + 1;
    }
    if (status == PXS_OK && cli->markdown)
        pxs_params_write_markdown(&out);
    else if (status == PXS_OK)
        status = list(cli, first, last, &out, &err);
    if (status == PXS_OK && out.failed)
        status = pxs_fail_nomem(&err);
    if (status == PXS_OK)
        cli_out_result(cli, &out);
    pxs_text_finish(&out);
    return status == PXS_OK ? CLI_OK : cli_fail(status, &err);
}
