"""PSNR and SSIM by scikit-image, written as quality_golden.h: python3 make_quality.py > quality_golden.h (scikit-image 0.26)."""
import numpy as np
import skimage
from skimage.metrics import peak_signal_noise_ratio, structural_similarity


def image(h, w, c, kind):
    """The same formulas as in test_quality.c, in float32."""
    i = np.arange(h * w * c, dtype=np.int64)
    if kind == 0:    # noise
        v = (i * 2654435761 % 4294967296) / 2147483648.0 - 1.0
    elif kind == 1:  # waves
        v = np.sin(i * 0.05)
    else:            # strokes: black on white
        v = np.where(i // c % w // 5 % 3 == 0, -1.0, 1.0)
    return v.astype(np.float32).reshape(h, w, c)


print("/* Written by make_quality.py with scikit-image %s. */" % skimage.__version__)
print("static const struct {\n    int h, w, c, x, y;\n    double mix, psnr, ssim;\n} golden_quality[] = {")
for h, w, c in ((64, 64, 3), (32, 48, 1), (11, 512, 3)):
    for x, y in ((0, 1), (1, 2), (2, 0)):
        for mix in (1.0, 0.25):
            a = image(h, w, c, x).astype(np.float64)
            b = (image(h, w, c, x) * np.float32(1 - mix) + image(h, w, c, y) * np.float32(mix)).astype(np.float64)
            psnr = peak_signal_noise_ratio(a, b, data_range=2.0)
            ssim = structural_similarity(a, b, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=2.0,
                                         channel_axis=-1)
            print("    {%d, %d, %d, %d, %d, %g, %.17g, %.17g}," % (h, w, c, x, y, mix, psnr, ssim))
print("};")
