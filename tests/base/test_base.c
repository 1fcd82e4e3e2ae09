#include "base_tests.h"
#include "pixsweep/base.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void temp_make(char dir[256]) {
    const char *tmp = getenv("TMPDIR");
    snprintf(dir, 256, "%s/pxs_base.XXXXXX", tmp && *tmp ? tmp : "/tmp");
    ck_assert_ptr_nonnull(mkdtemp(dir));
}

void temp_remove(const char *dir) {
    DIR *d = opendir(dir);
    if (!d)
        return;
    struct dirent *entry;
    while ((entry = readdir(d))) {
        char path[4096];
        if (entry->d_name[0] != '.' && pxs_path_join(path, sizeof path, dir, entry->d_name) &&
            unlink(path) != 0)
            temp_remove(path);
    }
    closedir(d);
    rmdir(dir);
}

int main(void) {
    Suite *suite = suite_create("base");
    TCase *(*const cases[])(void) = {status_case, memory_case, number_case,  random_case,
                                     hash_case,   clock_case,  threads_case, file_case,
                                     path_case,   cgroup_case, text_case,    child_case};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        suite_add_tcase(suite, cases[i]());
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
