/* SQL from the command line: `--where CONDITION` and `sql QUERY`, through the authoriser that lets
 * it read only. */
#include "database.h"
#include "fuzz.h"

#include "pixsweep/compare.h"
#include "pixsweep/import_lab.h"
#include "pixsweep/inspect.h"
#include "pixsweep/metrics.h"
#include "pixsweep/page.h"
#include "pixsweep/plot.h"
#include "pixsweep/samples.h"
#include "pixsweep/table.h"

#include <stdlib.h>
#include <string.h>

enum { ROWS = 2000 };

static int64_t count(struct pxs_store *s) {
    struct pxs_table t = {0};
    struct pxs_error err;
    fuzz_need(pxs_store_select(s,
                               "SELECT (SELECT count(*) FROM run) + (SELECT count(*) FROM epoch) + "
                               "(SELECT count(*) FROM "
                               "batch_loss) + (SELECT count(*) FROM param) + (SELECT count(*) FROM "
                               "event) + (SELECT count(*) "
                               "FROM attempt) + (SELECT count(*) FROM sqlite_master) AS n",
                               NULL, 0, &t, &err),
              &err);
    int64_t n = pxs_table_at(&t, 0, "n").integer;
    pxs_table_finish(&t);
    return n;
}

/* Enough rows are enough: a query may have as many as its user likes. */
static enum pxs_status take_row(void *user, const char *const *columns,
                                const struct pxs_cell *cells, size_t n, struct pxs_error *err) {
    size_t *rows = user;
    for (size_t i = 0; i < n; i++) {
        fuzz_require(columns[i] != NULL, "a column has a name");
        fuzz_require(!cells || cells[i].kind != PXS_CELL_TEXT ||
                         cells[i].text[cells[i].bytes] == '\0',
                     "a text ends");
    }
    return ++*rows < ROWS ? PXS_OK : pxs_fail(err, PXS_E_STOPPED, "enough");
}

static size_t times(const char *text, const char *word) {
    size_t n = 0;
    for (const char *at = text; (at = strcasestr(at, word)) != NULL; at++)
        n++;
    return n;
}

/* Recursion, products of tables and blocks of a gigabyte are the user's right, and no findings. */
static bool may_take_long(const char *text) {
    static const char *const words[] = {"with",   "join",   "zeroblob", "randomblob",
                                        "printf", "format", "replace"};
    size_t tables = times(text, "from");
    for (size_t i = 0; i < PXS_COUNT(words); i++)
        if (times(text, words[i]) > 0)
            return true;
    return tables > 0 && tables + times(text, ",") > 3;
}

/* The same database for every input: one that was changed is made anew. */
static struct pxs_store *store;
static int64_t rows_before;

static void drop_database(void) {
    pxs_store_close(&store);
}

static void take_database(void) {
    static bool registered;
    if (store)
        return;
    store = fuzz_database("fuzz.db");
    rows_before = count(store);
    if (!registered) /* behind the folder's own, so that it is closed before that goes */
        atexit(drop_database);
    registered = true;
}

static void try_again(const char *where) {
    struct pxs_store_changed changed = {0};
    struct pxs_error err;
    if (!fuzz_answer(pxs_store_retry(store, 1, PXS_RETRY_ALL, where, &changed, &err), &err))
        return;
    fuzz_require(changed.n <= 2, "only runs that failed are tried again");
    if (changed.n > 0)
        drop_database();
    pxs_store_changed_finish(&changed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct pxs_error err;
    struct pxs_curves curves;
    size_t rows = 0;
    char *text = malloc(size + 1);
    fuzz_require(text != NULL, "there is memory");
    memcpy(text, data, size);
    text[size] = '\0';
    if (!may_take_long(text)) {
        take_database();
        fuzz_answer(pxs_store_query(store, text, take_row, &rows, &err), &err);
        const struct pxs_curves_options options = {.where = text};
        if (fuzz_answer(pxs_curves_read(store, &options, &curves, &err), &err))
            pxs_curves_finish(&curves);
        fuzz_require(count(store) == rows_before, "what reads changes nothing");
        try_again(text);
    }
    free(text);
    return 0;
}
