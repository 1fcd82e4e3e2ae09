/* Tables: made by hand, and laid out in aligned columns. */
#include "pixsweep/table.h"

#include <stdlib.h>
#include <string.h>

enum pxs_status pxs_table_make(struct pxs_table *table, const char *const *names, size_t n_columns,
                               size_t n_rows, struct pxs_error *err) {
    struct pxs_table made = {.n_columns = n_columns, .n_rows = n_rows};
    made.columns = pxs_arena_alloc(&made.arena, (n_columns + 1) * sizeof *made.columns);
    /* as pxs_table_finish frees it */
    made.cells = calloc(n_columns * n_rows + 1, sizeof *made.cells);
    if (!made.columns || !made.cells) {
        pxs_table_finish(&made);
        return pxs_fail_nomem(err);
    }
    memcpy(made.columns, names, n_columns * sizeof *names);
    *table = made;
    return PXS_OK;
}

void pxs_table_set(struct pxs_table *table, size_t row, size_t column, struct pxs_cell cell) {
    table->cells[row * table->n_columns + column] = cell;
}

enum { TEXT_LEAST = 12 }; /* a text is shortened to no less */

/* ---- layout --------------------------------------------------------------------------------- */

/* One visible column while it is laid out. */
struct lane {
    size_t column;     /* of the table */
    const char *title; /* on one line */
    const char *joint; /* what stands before its cells */
    char gap[8];       /* as wide as the joint: before an empty cell */
    enum pxs_show show;
    int decimals;
    bool right; /* numbers: flush right */
    size_t width;
};

struct layout {
    const struct pxs_table *table;
    struct lane *lanes;
    size_t n;
    const char **cells; /* n_rows x n, shown */
    struct pxs_arena arena;
};

/* Numbers go flush right, and so do the titles above them. */
static bool is_numeric(const struct pxs_table *table, size_t column) {
    bool any = false;
    for (size_t row = 0; row < table->n_rows; row++) {
        const enum pxs_cell_kind kind = table->cells[row * table->n_columns + column].kind;
        if (kind == PXS_CELL_TEXT)
            return false;
        any = any || kind != PXS_CELL_NULL;
    }
    return any;
}

static const char *kept(struct layout *l, struct pxs_text *text) {
    const char *copy = text->failed ? NULL : pxs_arena_strdup(&l->arena, pxs_text_str(text));
    pxs_text_clear(text);
    return copy;
}

/* Which columns are shown, under which titles, and how their cells stand beside each other. False
 * where memory runs out. */
static bool open_lanes(struct layout *l, const struct pxs_column *columns,
                       struct pxs_text *scratch) {
    static const struct pxs_column plain = {NULL, PXS_SHOW_PLAIN};
    l->lanes = pxs_arena_alloc(&l->arena, (l->table->n_columns + 1) * sizeof *l->lanes);
    if (!l->lanes)
        return false;
    for (size_t c = 0; c < l->table->n_columns; c++) {
        const struct pxs_column *spec = columns ? &columns[c] : &plain;
        if (spec->show == PXS_SHOW_HIDDEN)
            continue;
        const char *name = spec->title ? spec->title : l->table->columns[c];
        pxs_text_add_clean(scratch, name, strlen(name));
        const char *title = kept(l, scratch);
        if (!title)
            return false;
        const bool range = spec->show == PXS_SHOW_PLUSMINUS || spec->show == PXS_SHOW_TO;
        const bool joined = range || spec->show == PXS_SHOW_ARROW;
        struct lane *lane = &l->lanes[l->n];
        *lane = (struct lane){.column = c, .title = title, .joint = "  ", .show = spec->show};
        lane->right = !joined && is_numeric(l->table, c);
        if (l->n == 0)
            lane->joint = "";
        else if (joined)
            lane->joint = spec->show == PXS_SHOW_TO      ? " to "
                          : spec->show == PXS_SHOW_ARROW ? " -> "
                                                         : " \xc2\xb1 ";
        /* a deviation and the ends of an interval have the decimals of their mean */
        lane->decimals =
            range && l->n > 0 ? l->lanes[l->n - 1].decimals : pxs_cell_decimals(l->table, c);
        memset(lane->gap, ' ', pxs_text_width(lane->joint, strlen(lane->joint)));
        lane->width = pxs_text_width(title, strlen(title));
        l->n++;
    }
    return true;
}

/* Every cell as it is shown; the widest of a column decides its width. False where memory runs
 * out. */
static bool fill_cells(struct layout *l, struct pxs_text *scratch) {
    const struct pxs_table *table = l->table;
    l->cells = pxs_arena_alloc(&l->arena, (table->n_rows * l->n + 1) * sizeof *l->cells);
    if (!l->cells)
        return false;
    for (size_t row = 0; row < table->n_rows; row++) {
        for (size_t i = 0; i < l->n; i++) {
            struct lane *lane = &l->lanes[i];
            pxs_cell_show(scratch, &table->cells[row * table->n_columns + lane->column], lane->show,
                          lane->decimals);
            const char *text = kept(l, scratch);
            if (!text)
                return false;
            l->cells[row * l->n + i] = text;
            const size_t shown = pxs_text_width(text, strlen(text));
            lane->width = shown > lane->width ? shown : lane->width;
        }
    }
    return true;
}

/* Narrows the widest text column again and again until the line fits; numbers are never cut, since
 * a cut number is a wrong one. */
static void fit(struct layout *l, size_t width) {
    const size_t least = TEXT_LEAST;
    size_t total = 0;
    for (size_t i = 0; i < l->n; i++)
        total += l->lanes[i].width + strlen(l->lanes[i].gap);
    while (total > width) {
        struct lane *widest = NULL;
        for (size_t i = 0; i < l->n; i++) {
            struct lane *lane = &l->lanes[i];
            const bool text = !lane->right && lane->show == PXS_SHOW_PLAIN;
            if (text && lane->width > least && (!widest || lane->width > widest->width))
                widest = lane;
        }
        if (!widest)
            return;
        const size_t cut = total - width, spare = widest->width - least;
        const size_t step = cut < spare ? cut : spare;
        widest->width -= step > 1 ? (step + 1) / 2 : 1;
        total -= step > 1 ? (step + 1) / 2 : 1;
    }
}

static void repeat(struct pxs_text *out, const char *text, size_t n) {
    for (size_t i = 0; i < n; i++)
        pxs_text_add(out, text);
}

/* One line of shown texts: a row's cells, or the titles. No blanks at its end. */
static void put_row(const struct layout *l, const char *const *cells, struct pxs_text *out) {
    size_t owed = 0;
    for (size_t i = 0; i < l->n; i++) {
        const struct lane *lane = &l->lanes[i];
        struct pxs_text shown = {0};
        pxs_text_add_short(&shown, cells[i], lane->width);
        const size_t width = pxs_text_width(pxs_text_str(&shown), shown.len);
        const size_t before = lane->right ? lane->width - width : 0;
        if (width == 0) {
            owed += strlen(lane->gap) + lane->width;
        } else {
            repeat(out, " ", owed);
            pxs_text_add(out, lane->joint);
            repeat(out, " ", before);
            pxs_text_add(out, pxs_text_str(&shown));
            owed = lane->width - width - before;
        }
        out->failed = out->failed || shown.failed;
        pxs_text_finish(&shown);
    }
    pxs_text_add(out, "\n");
}

enum pxs_status pxs_table_lay_out(const struct pxs_table *table, const struct pxs_column *columns,
                                  int width, struct pxs_text *out, struct pxs_error *err) {
    struct layout l = {.table = table};
    struct pxs_text scratch = {0};
    enum pxs_status status = PXS_E_NOMEM;
    if (!open_lanes(&l, columns, &scratch) || !fill_cells(&l, &scratch))
        goto out;
    const char **titles = pxs_arena_alloc(&l.arena, (l.n + 1) * sizeof *titles);
    if (!titles)
        goto out;
    for (size_t i = 0; i < l.n; i++)
        titles[i] = l.lanes[i].title;
    if (width > 0)
        fit(&l, (size_t)width);

    /* The titles, a rule below them, the rows. */
    put_row(&l, titles, out);
    for (size_t i = 0; i < l.n; i++) {
        const bool joined = strcmp(l.lanes[i].joint, "  ") != 0;
        repeat(out, joined ? "-" : " ", strlen(l.lanes[i].gap));
        repeat(out, "-", l.lanes[i].width);
    }
    pxs_text_add(out, "\n");
    for (size_t row = 0; row < table->n_rows; row++)
        put_row(&l, l.cells + row * l.n, out);
    status = pxs_text_status(out, err);
out:
    pxs_arena_finish(&l.arena);
    pxs_text_finish(&scratch);
    return status == PXS_OK ? PXS_OK : pxs_fail_nomem(err);
}

/* Columns that the lane takes at least: a text can be shortened. */
static size_t least_width(const struct lane *lane) {
    const bool text = !lane->right && lane->show == PXS_SHOW_PLAIN;
    return strlen(lane->gap) + (text && lane->width > TEXT_LEAST ? TEXT_LEAST : lane->width);
}

enum pxs_status pxs_hide_to_fit(const struct pxs_table *table, struct pxs_column *columns,
                                int width, struct pxs_text *left_out, struct pxs_error *err) {
    struct layout l = {.table = table};
    struct pxs_text scratch = {0}, names = {0};
    size_t total = 0;
    const bool room = open_lanes(&l, columns, &scratch) && fill_cells(&l, &scratch);
    for (size_t i = 0; room && i < l.n; i++)
        total += least_width(&l.lanes[i]);
    for (size_t i = room && width > 0 ? l.n : 0; i > 0 && total > (size_t)width; i--) {
        const struct lane *lane = &l.lanes[i - 1];
        const bool joined = strcmp(lane->joint, "  ") != 0;
        if (i == 1 || !(lane->right || joined))
            continue;
        columns[lane->column].show = PXS_SHOW_HIDDEN;
        total -= least_width(lane);
        pxs_text_clear(&scratch);
        pxs_text_add(&scratch, pxs_text_str(&names));
        pxs_text_clear(&names);
        pxs_text_addf(&names, "%s%s%s", lane->title, scratch.len > 0 ? ", " : "",
                      pxs_text_str(&scratch));
    }
    if (names.len > 0)
        pxs_text_addf(left_out, "%s found no room (--format csv has everything)\n",
                      pxs_text_str(&names));
    left_out->failed = left_out->failed || names.failed || scratch.failed;
    pxs_arena_finish(&l.arena);
    pxs_text_finish(&scratch);
    pxs_text_finish(&names);
    return room ? pxs_text_status(left_out, err) : pxs_fail_nomem(err);
}

enum pxs_status pxs_report_table(const struct pxs_table *table, const struct pxs_column *columns,
                                 enum pxs_format format, int width, struct pxs_text *out,
                                 struct pxs_error *err) {
    if (format == PXS_FORMAT_TABLE)
        return pxs_table_lay_out(table, columns, width, out, err);
    return pxs_rows_pass(table, format, out, err);
}

void pxs_hide_empty(const struct pxs_table *t, struct pxs_column *columns) {
    for (size_t i = 0; i < t->n_columns; i++) {
        size_t row = 0;
        while (row < t->n_rows && t->cells[row * t->n_columns + i].kind == PXS_CELL_NULL)
            row++;
        if (row == t->n_rows)
            columns[i].show = PXS_SHOW_HIDDEN;
    }
}
