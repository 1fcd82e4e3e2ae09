/* The race of a sweep, on a page: how it ended or where it stands, who was left at which look, and
 * the decisions. The chart is SVG of the page itself, as those of effects. */
#include "page_priv.h"
#include "page_texts.h"

#include <string.h>

enum { ROWS_MOST = 24, LABEL_MOST = 26 };
enum { WIDTH = 640, LEFT = 190, RIGHT = 600, TOP = 34, ROW = 18 };

/* A configuration's way through the race. */
struct way {
    const char *label;
    int seeds; /* at its last look */
    enum pxs_race_decision decision;
};

/* ---- reading -------------------------------------------------------------------------------- */

enum pxs_status pxs_page_read_race(struct pxs_page *p, struct pxs_error *err) {
    static const struct pxs_column usual[] = {
        {"configuration", PXS_SHOW_PLAIN}, {"sweep", PXS_SHOW_PLAIN}, {"look", PXS_SHOW_PLAIN},
        {"seeds", PXS_SHOW_PLAIN},         {"n", PXS_SHOW_PLAIN},     {"diverged", PXS_SHOW_PLAIN},
        {"pairs", PXS_SHOW_PLAIN},         {"mean", PXS_SHOW_FIXED},  {"to leader", PXS_SHOW_FIXED},
        {"from", PXS_SHOW_FIXED},          {"up to", PXS_SHOW_FIXED}, {"decision", PXS_SHOW_PLAIN}};
    enum { SWEEP = 1 };
    struct pxs_shown *shown = &p->shown[PXS_RACE_TABLE];
    p->races = pxs_arena_alloc(&p->arena, p->choice.n_sweeps * sizeof *p->races);
    struct pxs_column *columns = pxs_arena_alloc(&p->arena, sizeof usual);
    if (!p->races || !columns)
        return pxs_fail_nomem(err);
    for (; p->n_races < p->choice.n_sweeps; p->n_races++)
        PXS_TRY(pxs_store_looks(p->s, p->choice.sweeps[p->n_races], &p->races[p->n_races], err));
    PXS_TRY(pxs_page_ask(p, PXS_SQL_RACE, pxs_page_race_sql, &shown->table, err));
    if (shown->table.n_rows == 0) {
        pxs_text_clear(&p->sql[PXS_SQL_RACE]);
        return PXS_OK;
    }
    memcpy(columns, usual, sizeof usual);
    if (p->choice.n_sweeps == 1)
        columns[SWEEP].show = PXS_SHOW_HIDDEN;
    pxs_hide_empty(&shown->table, columns);
    shown->how = (struct pxs_look_of_table){
        .id = "race-table",
        .caption = "What each look decided; differences to the leader over the seeds of both",
        .columns = columns,
        .sql = pxs_page_sql_id(PXS_SQL_RACE)};
    return PXS_OK;
}

/* ---- the chart ------------------------------------------------------------------------------ */

/* Those of the last look first, the leader before all; then who was dropped last. Returns how many
 * configurations there are; the first `room` are in ways. */
static size_t find_ways(const struct pxs_store_looks *race, struct way *ways, size_t room) {
    static const enum pxs_race_decision order[] = {PXS_RACE_LEADS, PXS_RACE_STAYS,
                                                   PXS_RACE_DROPPED};
    size_t n = 0;
    for (size_t back = race->n; back > 0; back--) {
        const struct pxs_race_record *look = &race->looks[back - 1];
        for (size_t o = back == race->n ? 0 : 2; o < PXS_COUNT(order); o++)
            for (size_t i = 0; i < look->n; i++) {
                if (look->entries[i].decision != order[o])
                    continue;
                if (n < room)
                    ways[n] = (struct way){look->entries[i].label, look->seeds, order[o]};
                n++;
            }
    }
    return n;
}

static double x_of(const struct pxs_store_looks *race, int seeds) {
    return LEFT + (double)(RIGHT - LEFT) * seeds / race->looks[race->n - 1].seeds;
}

/* A line at each look, with its seeds below and how many were left after it above. */
static void put_looks(struct pxs_text *out, const struct pxs_store_looks *race, int bottom) {
    double free_from = 0;
    pxs_text_addf(out, "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">left</text>\n", LEFT - 8,
                  TOP - 16);
    pxs_text_addf(out, "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">seeds</text>\n", LEFT - 8,
                  bottom + 16);
    for (size_t i = 0; i < race->n; i++) {
        const struct pxs_race_record *look = &race->looks[i];
        const double x = x_of(race, look->seeds);
        pxs_text_addf(out, "<line class=\"grid\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%d\" y2=\"%d\"/>\n",
                      x, x, TOP - 10, bottom);
        if (x < free_from) /* no room for its numbers */
            continue;
        free_from = x + 30;
        pxs_text_addf(out,
                      "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%zu</text><text x=\"%.1f\" "
                      "y=\"%d\" text-anchor=\"middle\">%d</text>\n",
                      x, TOP - 16, pxs_race_record_left(look), x, bottom + 16, look->seeds);
    }
}

static void put_way(struct pxs_text *out, const struct pxs_store_looks *race, const struct way *way,
                    int y) {
    const char *label = way->label && way->label[0] ? way->label : "the only one";
    const double x = x_of(race, way->seeds);
    const bool dropped = way->decision == PXS_RACE_DROPPED;
    struct pxs_text shown = {0};
    pxs_text_add_short(&shown, label, LABEL_MOST);
    pxs_text_addf(out, "<g><title>");
    pxs_html_textf(out, "%s: %s %d seeds", label,
                   dropped                           ? "dropped at"
                   : way->decision == PXS_RACE_LEADS ? "leads after"
                                                     : "left after",
                   way->seeds);
    pxs_text_addf(out, "</title><text x=\"%d\" y=\"%d\" text-anchor=\"end\">", LEFT - 8, y + 4);
    pxs_html_text(out, pxs_text_str(&shown));
    pxs_text_addf(out,
                  "</text><line class=\"way\" x1=\"%d\" x2=\"%.1f\" y1=\"%d\" y2=\"%d\"/><circle "
                  "class=\"%s\" cx=\"%.1f\" cy=\"%d\" r=\"%d\"/></g>\n",
                  LEFT, x, y, y, dropped ? "gone" : "dot", x, y,
                  way->decision == PXS_RACE_LEADS ? 6 : 4);
    pxs_text_finish(&shown);
}

static void put_chart(struct pxs_page *p, const struct pxs_store_looks *race) {
    struct way ways[ROWS_MOST];
    const size_t n = find_ways(race, ways, ROWS_MOST), rows = n < ROWS_MOST ? n : ROWS_MOST;
    const int bottom = TOP + ROW * (int)rows;
    pxs_text_addf(
        p->out,
        "<figure class=\"race\"><svg class=\"scatter\" viewBox=\"0 0 %d %d\" role=\"img\" "
        "aria-label=\"",
        WIDTH, bottom + 24);
    pxs_html_textf(p->out, "Configurations left by look: %zu before the first", race->looks[0].n);
    for (size_t i = 0; i < race->n; i++)
        pxs_html_textf(p->out, ", %zu after %d seeds", pxs_race_record_left(&race->looks[i]),
                       race->looks[i].seeds);
    pxs_text_add(p->out, "\">\n");
    put_looks(p->out, race, bottom);
    for (size_t i = 0; i < rows; i++)
        put_way(p->out, race, &ways[i], TOP + ROW / 2 + ROW * (int)i);
    pxs_text_add(p->out,
                 "</svg></figure>\n<p class=\"hint\">A line is as long as its configuration "
                 "was in the race: a ring where it was dropped, a large point leads.");
    if (n > rows)
        pxs_text_addf(p->out, " %zu more were dropped earlier.", n - rows);
    pxs_text_add(p->out, "</p>\n");
}

void pxs_page_put_race(struct pxs_page *p) {
    size_t some = 0;
    for (size_t i = 0; i < p->n_races; i++)
        some += p->races[i].race.race[0] != '\0';
    if (some == 0)
        return;
    pxs_text_add(p->out, "<section id=\"race\"><h2>The race</h2>\n");
    for (size_t i = 0; i < p->n_races; i++) {
        struct pxs_text words = {0};
        pxs_store_race_words(&p->races[i], &words);
        if (words.len > 0) {
            if (p->n_races > 1)
                pxs_html_put(p->out, "<h3>", p->races[i].sweep, "</h3>\n");
            pxs_html_put(p->out, "<p>", pxs_text_str(&words), ".</p>\n");
        }
        p->out->failed = p->out->failed || words.failed;
        pxs_text_finish(&words);
        if (p->races[i].n > 0)
            put_chart(p, &p->races[i]);
    }
    pxs_html_put_table(p->out, &p->shown[PXS_RACE_TABLE]);
    pxs_page_put_sql(p, PXS_SQL_RACE);
    pxs_text_add(p->out, "</section>\n");
}
