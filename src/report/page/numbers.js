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

  /* Where an axis begins and ends, by the rule of plots (plot/axis.c): around the values, with some air. The middle 95 % say
   * where the curves are; an end further off than twice their distance is cut off, on a log axis only beyond six decades. */
  function range(values, log) {
    const sorted = values.filter((v) => Number.isFinite(v) && (!log || v > 0)).map((v) => log ? Math.log10(v) : v).sort((a, b) => a - b);
    const n = sorted.length;
    if (n === 0) return null;
    const least = sorted[Math.floor((n - 1) * 0.025)], most = sorted[Math.ceil((n - 1) * 0.975)], wide = most - least;
    let low = sorted[0], high = sorted[n - 1];
    const cuts = wide > 0 && (!log || high - low >= 6);
    const above = cuts && high - most > 2 * wide, below = cuts && least - low > 2 * wide;
    if (above) high = most + 0.25 * wide;
    if (below) low = least - 0.25 * wide;
    if (log) {
      const close = high - low < Math.log10(1.5) ? Math.log10(1.5) : 0;
      const air = 0.06 * (high - low + 2 * close);
      low -= close + (below ? 0 : air);
      high += close + (above ? 0 : air);
      return {low: Math.pow(10, low), high: Math.pow(10, high), above, below};
    }
    const air = 0.05 * (high - low) || 0.1 * Math.abs(high) || 1;
    if (!below) low -= low >= 0 && low < air ? low : air;
    if (!above) high += air;
    return {low, high, above, below};
  }

  return {unpack, smooth, band, range};
})();
