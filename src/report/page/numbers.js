/* Numbers of curves: unpacked, smoothed, put together. NaN is a place without a value. */
'use strict';
const pxsNumbers = (function () {
  /* Four characters a number: the upper 24 bits of a float. */
  function unpack(text) {
    const bytes = atob(text), view = new DataView(new ArrayBuffer(4)), out = new Float64Array(bytes.length / 3);
    for (let i = 0; i < out.length; i++) {
      view.setUint8(0, bytes.charCodeAt(3 * i));
      view.setUint8(1, bytes.charCodeAt(3 * i + 1));
      view.setUint8(2, bytes.charCodeAt(3 * i + 2));
      out[i] = view.getFloat32(0);
    }
    return out;
  }

  /* Mean of the values within `reach` places; a place without a value stays so. Sums run along, so reach costs nothing. */
  function smooth(values, reach) {
    if (reach === 0) return values;
    const n = values.length, out = new Float64Array(n), sums = new Float64Array(n + 1), counts = new Int32Array(n + 1);
    for (let i = 0; i < n; i++) {
      const some = !Number.isNaN(values[i]);
      sums[i + 1] = sums[i] + (some ? values[i] : 0);
      counts[i + 1] = counts[i] + (some ? 1 : 0);
    }
    for (let i = 0; i < n; i++) {
      const from = Math.max(0, i - reach), to = Math.min(n, i + reach + 1);
      out[i] = Number.isNaN(values[i]) ? NaN : (sums[to] - sums[from]) / (counts[to] - counts[from]);
    }
    return out;
  }

  /* Over runs: mean of means, lowest low, highest high, of those that have a value. */
  function band(list) {
    if (list.length === 1) return list[0];
    const n = list[0].mean.length;
    const mean = new Float64Array(n), low = new Float64Array(n), high = new Float64Array(n);
    for (let i = 0; i < n; i++) {
      let sum = 0, count = 0, least = Infinity, most = -Infinity;
      for (const one of list) {
        if (Number.isNaN(one.mean[i])) continue;
        sum += one.mean[i];
        count++;
        least = Math.min(least, one.low[i]);
        most = Math.max(most, one.high[i]);
      }
      mean[i] = count ? sum / count : NaN;
      low[i] = count ? least : NaN;
      high[i] = count ? most : NaN;
    }
    return {mean, low, high};
  }

  return {unpack, smooth, band};
})();
