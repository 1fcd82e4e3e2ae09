/* One line of SQL for what a test wants to know of a database. */
#ifndef PIXSWEEP_TESTS_SUPPORT_SQL_H
#define PIXSWEEP_TESTS_SUPPORT_SQL_H

#include "pixsweep/store.h"

/* One value of the first row; the test fails where there is none. NULL as a real is NaN; a text is
 * good until the next. */
int64_t sql_int(struct pxs_store *s, const char *fmt, ...) PXS_PRINTF(2, 3);
double sql_real(struct pxs_store *s, const char *fmt, ...) PXS_PRINTF(2, 3);
const char *sql_text(struct pxs_store *s, const char *fmt, ...) PXS_PRINTF(2, 3);
/* All rows of a query as one text, cells by '|', rows by '\n'; free it. */
char *sql_dump(struct pxs_store *s, const char *sql);

#endif
