/* The schema is a contract: exactly these tables, columns and views. */
#include "../../src/record/store/store_priv.h"
#include "store_tests.h"

#include <stdlib.h>
#include <string.h>

static const struct {
    const char *table, *columns, *key;
    bool without_rowid;
} contract[] = {
    {"sweep", "sweep_id,name,spec_yaml,spec_hash,n_planned,state,created_ms,race", "sweep_id",
     false},
    {"run", "run_id,sweep_id,number,name,dir,config_hash,config_yaml,seed,state", "run_id", false},
    {"param", "run_id,key,value", "run_id,key", true},
    {"attempt",
     "attempt_id,run_id,no,host,boot_id,pid,pid_start,cores,threads,kernels,started_ms,heartbeat_"
     "ms,ended_ms,"
     "exit_code,"
     "signal,outcome,message,resumed_from_step,record_offset,reason",
     "attempt_id", false},
    {"environment", "attempt_id,key,value", "attempt_id,key", false},
    {"batch_loss",
     "run_id,step,epoch,batch,loss_G,loss_GAN,loss_pixel,loss_D,loss_real,loss_fake,lr_G,lr_D,"
     "seconds",
     "run_id,step", true},
    {"epoch",
     "run_id,epoch,lr_G,lr_D,avg_loss_G,avg_loss_GAN,avg_loss_pixel,avg_loss_D,avg_loss_real,avg_"
     "loss_fake,"
     "val_loss,"
     "val_psnr,val_ssim,is_best,seconds,D_real,D_fake,max_loss_G,max_loss_D",
     "run_id,epoch", true},
    {"sample", "run_id,step,epoch,path,sha256", "run_id,step", false},
    {"checkpoint", "run_id,path,epoch,kind,net,sha256,bytes", "run_id,path", false},
    {"event", "event_id,run_id,at_ms,level,kind,message", "event_id", false},
    {"run_summary",
     "run_id,last_step,last_epoch,best_val_loss,best_epoch,final_val_loss,final_avg_loss_G,seconds,"
     "images_"
     "per_s",
     "run_id", false},
    {"retry", "run_id,at_ms,after_no", "run_id,after_no", false},
    {"rung", "run_id,epoch,value,cutoff,verdict", "run_id,epoch", false},
    {"best_sample", "run_id,step,epoch,path,sha256", "run_id", false},
    {"imported", "run_id,source,first_line,last_line,unreadable,imported_ms", "run_id", false},
    {"highest_id", "run_id,sweep_id", "", false},
    {"race",
     "sweep_id,race,confidence,first,max_seeds,indifference,metric,budget_seconds,budget_runs",
     "sweep_id,race", false},
    {"race_look", "sweep_id,race,look,seeds,metric,level,penalty", "sweep_id,race,look", false},
    {"asked", "sweep_id,config_hash", "sweep_id,config_hash", false},
    {"race_decision",
     "sweep_id,race,look,configuration,config_hash,run_id,n,diverged,pairs,mean,difference,low,"
     "high,decision",
     "sweep_id,race,look,config_hash", false},
};

START_TEST(tables_are_the_contract)
{
    struct pxs_store *s = open_store();
    ck_assert_int_eq(sql_int(s, "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name "
                                "NOT LIKE 'sqlite_%%'"),
                     (int64_t)PXS_COUNT(contract));
    for (size_t i = 0; i < PXS_COUNT(contract); i++) {
        const char *t = contract[i].table;
        ck_assert_str_eq(sql_text(s, "SELECT group_concat(name) FROM pragma_table_info('%s')", t),
                         contract[i].columns);
        ck_assert_str_eq(sql_text(s,
                                  "SELECT coalesce(group_concat(name), '') FROM (SELECT name FROM "
                                  "pragma_table_info('%s') "
                                  "WHERE pk ORDER BY pk)",
                                  t),
                         contract[i].key);
        ck_assert_int_eq(sql_int(s, "SELECT strict FROM pragma_table_list('%s')", t), 1);
        ck_assert_int_eq(sql_int(s, "SELECT wr FROM pragma_table_list('%s')", t),
                         contract[i].without_rowid);
    }
    pxs_store_close(&s);
}
END_TEST

static bool unique(struct pxs_store *s, const char *table, const char *columns) {
    return sql_int(s,
                   "SELECT count(*) FROM pragma_index_list('%s') l WHERE l.\"unique\" AND (SELECT "
                   "group_concat(name) "
                   "FROM pragma_index_info(l.name)) = '%s'",
                   table, columns) == 1;
}

START_TEST(keys_and_types)
{
    struct pxs_store *s = open_store();
    ck_assert(unique(s, "sweep", "name"));
    ck_assert(unique(s, "run", "name"));
    ck_assert(unique(s, "run", "sweep_id,config_hash,seed"));
    ck_assert(unique(s, "attempt", "run_id,no"));
    ck_assert_str_eq(
        sql_text(s, "SELECT type FROM pragma_table_info('param') WHERE name = 'value'"), "ANY");
    ck_assert_int_eq(
        sql_int(s, "SELECT count(*) FROM pragma_table_info('batch_loss') WHERE type = 'REAL'"), 9);
    ck_assert_int_eq(
        sql_int(s, "SELECT count(*) FROM pragma_table_info('epoch') WHERE type = 'REAL'"),
        PXS_EPOCH_N);
    ck_assert_int_eq(sql_int(s, "SELECT count(*) FROM pragma_foreign_key_check"), 0);
    static const char *const of_run[] = {"param", "attempt",     "batch_loss",
                                         "epoch", "sample",      "checkpoint",
                                         "event", "run_summary", "best_sample"};
    for (size_t i = 0; i < PXS_COUNT(of_run); i++)
        ck_assert_str_eq(
            sql_text(s, "SELECT \"table\" || on_delete FROM pragma_foreign_key_list('%s')",
                     of_run[i]),
            "runCASCADE");
    pxs_store_close(&s);
}
END_TEST

START_TEST(views_are_there_and_run)
{
    struct pxs_store *s = open_store();
    int64_t ids[6];
    plan_sweep(s, "lr", 3, 2, ids);
    whole_run(s, ids[0], 4, "completed");
    ck_assert_str_eq(
        sql_text(
            s, "SELECT group_concat(name) FROM (SELECT name FROM sqlite_schema WHERE type = 'view' "
               "ORDER BY name)"),
        "d_output,v_not_needed,v_progress,v_race,v_race_state,v_run,v_schedule");
    ck_assert_int_eq(sql_int(s, "SELECT count(*) FROM v_run"), 6);
    ck_assert_int_eq(sql_int(s, "SELECT count(*) FROM v_schedule"), 3);
    ck_assert_int_eq(sql_int(s, "SELECT count(*) FROM v_progress"), 1);
    pxs_store_close(&s);
}
END_TEST

/* A race that has ended, since all are equal. */
static void put_race(struct pxs_store *s) {
    static const struct pxs_store_race race = {.race = "a", .metric = "best_val_loss", .first = 2};
    ck_ok(pxs_store_set_race(s, 1, &race, &err));
    ck_ok(pxs_sql_exec(s->sql,
                       "INSERT INTO race_look VALUES (1, 'a', 1, 2, '', 0, 0); INSERT INTO "
                       "race_decision SELECT 1, 'a', 1, '', config_hash, run_id, 2, 0, 2, 0, 0, 0, "
                       "0, 'stays' FROM run WHERE seed = 0",
                       &err));
}

/* As a user does it, with whatever sqlite3 is installed. */
START_TEST(a_plain_shell_runs_the_views)
{
    struct pxs_store *s = open_store();
    int64_t ids[6];
    plan_sweep(s, "lr", 3, 2, ids);
    whole_run(s, ids[0], 4, "completed");
    whole_run(s, ids[1], 4, "completed");
    put_race(s);
    if (system("sqlite3 --version >/dev/null 2>&1") != 0) {
        pxs_store_close(&s);
        return; /* no shell here */
    }
    static const char *const views[] = {"d_output", "v_run",        "v_schedule",  "v_progress",
                                        "v_race",   "v_race_state", "v_not_needed"};
    for (size_t i = 0; i < PXS_COUNT(views); i++) {
        char command[1000];
        snprintf(
            command, sizeof command,
            "test \"$(sqlite3 -batch '%s' 'SELECT count(*) > 0 FROM (SELECT * FROM %s)')\" = 1",
            db_path(), views[i]);
        ck_assert_msg(system(command) == 0, "sqlite3 cannot read %s", views[i]);
    }
    pxs_store_close(&s);
}
END_TEST

/* What the tables do not take. */
START_TEST(states_are_words_of_the_contract)
{
    struct pxs_store *s = open_store();
    int64_t ids[1];
    plan_sweep(s, "a", 1, 1, ids);
    int64_t attempt = take_run(s, ids[0]);
    struct pxs_store_end end = {
        .outcome = PXS_STATE_FAILED, .state = PXS_STATE_STALE, .exit_code = 1};
    ck_fails(pxs_store_attempt_end(s, attempt, &end, &err), PXS_E_INTERNAL,
             "CHECK constraint failed");
    ck_assert_str_eq(sql_text(s, "SELECT state FROM run"), "running");
    static const char *const states[] = {"queued", "running",     "completed", "diverged",
                                         "failed", "interrupted", "cancelled"};
    for (size_t i = 0; i < PXS_COUNT(states); i++) {
        ck_assert_int_eq(
            sql_int(
                s,
                "SELECT count(*) FROM sqlite_schema WHERE name = 'run' AND sql LIKE '%%''%s''%%'",
                states[i]),
            1);
    }
    pxs_store_close(&s);
}
END_TEST

TCase *schema_case(void) {
    TCase *c = tcase_create("schema");
    tcase_add_test(c, tables_are_the_contract);
    tcase_add_test(c, keys_and_types);
    tcase_add_test(c, views_are_there_and_run);
    tcase_add_test(c, a_plain_shell_runs_the_views);
    tcase_add_test(c, states_are_words_of_the_contract);
    return c;
}
