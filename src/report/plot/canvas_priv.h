/* A sheet to draw on, as PNG, SVG or PDF from the same calls; the one place that knows Cairo.
 * Lengths are in units that `scale` turns into pixels (PNG) or points (SVG, PDF); y grows
 * downwards. The first failure is kept and told by pxs_canvas_end. */
#ifndef PXS_CANVAS_PRIV_H
#define PXS_CANVAS_PRIV_H

#include "pixsweep/image.h"
#include "pixsweep/plot.h"

struct pxs_canvas;
struct pxs_canvas_options {
    enum pxs_picture kind;
    double width, height; /* units */
    double scale;         /* pixels or points of a unit */
    /* a PDF's date of creation: the data's, so that the same data give the same bytes */
    int64_t at_ms;
    const char *title;
};
/* White. PXS_E_NOT_FOUND where the system has no font. */
PXS_NODISCARD enum pxs_status pxs_canvas_create(const struct pxs_canvas_options *options,
                                                struct pxs_canvas **out, struct pxs_error *err);
void pxs_canvas_destroy(struct pxs_canvas **canvas); /* NULL and *NULL are fine; nulls *canvas */
/* What was written in characters that no font of this system has, and what to install; "" where
 * there are fonts for all. */
void pxs_canvas_lacking(const struct pxs_canvas *c, char *out, size_t size);
/* The whole file in memory; free(*data). Nothing can be drawn afterwards. */
PXS_NODISCARD enum pxs_status pxs_canvas_end(struct pxs_canvas *c, void **data, size_t *bytes,
                                             struct pxs_error *err);

struct pxs_pen {
    double red, green, blue, alpha; /* 0 .. 1 */
    double width;
    double dash[PXS_LOOK_DASHES]; /* in widths; ends with the first 0 */
};
struct pxs_pen pxs_pen_grey(double lightness, double width);
struct pxs_pen pxs_pen_of(const struct pxs_look *look, double alpha, double width);

/* A line through n points; a NaN interrupts it. A point alone is a dot. */
void pxs_canvas_line(struct pxs_canvas *c, const struct pxs_pen *pen, const double *x,
                     const double *y, size_t n);
/* Fills what lies between two lines over the same x; a NaN in either interrupts it. */
void pxs_canvas_area(struct pxs_canvas *c, const struct pxs_pen *pen, const double *x,
                     const double *low, const double *high, size_t n);
void pxs_canvas_segment(struct pxs_canvas *c, const struct pxs_pen *pen, double x0, double y0,
                        double x1, double y1);
void pxs_canvas_box(struct pxs_canvas *c, const struct pxs_pen *pen, double x, double y,
                    double width, double height); /* its outline */
void pxs_canvas_fill(struct pxs_canvas *c, const struct pxs_pen *pen, double x, double y,
                     double width, double height);
/* Draws only inside this box until pxs_canvas_unclip. */
void pxs_canvas_clip(struct pxs_canvas *c, double x, double y, double width, double height);
void pxs_canvas_unclip(struct pxs_canvas *c);
void pxs_canvas_image(struct pxs_canvas *c, const struct pxs_image *image, double x, double y,
                      double width, double height);

struct pxs_lettering {
    double size; /* of the font */
    bool bold, upright /* reads from bottom to top */;
    /* part of its length that lies before x (upright: below y): 0 left, 0.5 middle, 1 right */
    double anchor;
    double lightness;
};
/* One line whose middle (of the capital letters) is at y. */
void pxs_canvas_text(struct pxs_canvas *c, const struct pxs_lettering *how, double x, double y,
                     const char *text);
double pxs_canvas_text_width(struct pxs_canvas *c, const struct pxs_lettering *how,
                             const char *text);
/* Appends `text`, shortened until it is no wider. */
void pxs_canvas_fit(struct pxs_canvas *c, const struct pxs_lettering *how, double width,
                    const char *text, struct pxs_text *out);

#endif
