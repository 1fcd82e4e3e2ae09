/* The suites of room record, one a file, and what they share. */
#ifndef PIXSWEEP_RECORD_TESTS_H
#define PIXSWEEP_RECORD_TESTS_H

#include "pixsweep/records.h"

#include "support.h"

TCase *codec_case(void);
TCase *writer_case(void);
TCase *cursor_case(void);
TCase *race_look_case(void);

/* The record file in the test's folder. */
const char *temp_file(void);

/* A record of every kind (1 to 7), its fields distinct and depending on `n`. */
struct pxs_record *sample_record(enum pxs_record_kind kind, int n);
bool same_record(const struct pxs_record *a, const struct pxs_record *b);
/* Writes `count` records: BEGIN, then batches with one of each other kind among them, an END
 * last. */
void write_file(int count);
/* The n-th record that write_file wrote. */
struct pxs_record *nth_record(int n, int count);

void file_read(unsigned char **data, size_t *bytes);
void file_write(const unsigned char *data, size_t bytes);
/* The version in the file's header; and another one put there, with a right checksum. */
int file_version(void);
void set_file_version(unsigned char version);

#endif
