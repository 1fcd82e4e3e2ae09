#!/usr/bin/env python3
"""The page in headless Chromium, opened from disk: it draws, sorts, zooms, hides, follows keys, fits a phone, is dark where
that is wanted, loads nothing, and runs nothing of the database. Usage: browser.py PIXSWEEP PAGE_DATABASE"""
import json
import os
import re
import shutil
import sys
import time

from page import HOSTILE, Place, need

SKIP = 77
CHROMIUM, DRIVER = shutil.which('chromium'), shutil.which('chromedriver')
try:
    from selenium import webdriver
    from selenium.webdriver.chrome.options import Options
    from selenium.webdriver.chrome.service import Service
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys
except ImportError:
    webdriver = None

# Pixels of a chart's canvas close to a colour: lines are antialiased, so not every one is exact.
COUNT_PIXELS = '''
const [panel, colour, tolerance] = arguments, want = [1, 3, 5].map((i) => parseInt(colour.slice(i, i + 2), 16));
let n = 0;
for (const canvas of document.querySelectorAll('.chart')[panel].querySelectorAll('canvas')) {
  const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
  for (let i = 0; i < data.length; i += 4)
    if (data[i + 3] > 200 && want.every((w, k) => Math.abs(w - data[i + k]) < tolerance)) n++;
}
return n;'''
PICTURE = '''return Array.from(document.querySelectorAll('.chart')[arguments[0]].querySelectorAll('canvas'),
  (c) => c.toDataURL()).join('');'''
AXIS = '''return Array.from(document.querySelectorAll('.chart')[arguments[0]].querySelectorAll('.dygraph-axis-label-' +
  arguments[1]), (e) => e.textContent);'''
# WCAG contrast of a text against the page.
CONTRAST = '''
const light = (c) => {
  const p = c.match(/[0-9.]+/g).slice(0, 3).map((v) => v / 255).map((v) => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  return 0.2126 * p[0] + 0.7152 * p[1] + 0.0722 * p[2];
};
const a = light(getComputedStyle(document.querySelector(arguments[0])).color);
const b = light(getComputedStyle(document.body).backgroundColor);
return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);'''


def start():
    options = Options()
    options.binary_location = CHROMIUM
    # As root and in a container there is neither a sandbox nor a large /dev/shm.
    for argument in ('--headless=new', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--window-size=1200,900',
                     '--force-device-scale-factor=1', '--no-first-run', '--disable-background-networking'):
        options.add_argument(argument)
    options.set_capability('goog:loggingPrefs', {'browser': 'ALL', 'performance': 'ALL'})
    return webdriver.Chrome(service=Service(DRIVER), options=options)


class Browser:
    def __init__(self, driver, path):
        self.d, self.url = driver, 'file://' + path

    def open(self):
        self.d.get(self.url)

    def js(self, script, *args):
        return self.d.execute_script(script, *args)

    def all(self, css):
        return self.d.find_elements(By.CSS_SELECTOR, css)

    def one(self, css):
        return self.d.find_element(By.CSS_SELECTOR, css)

    def pixels(self, panel, colour, tolerance=12):
        return self.js(COUNT_PIXELS, panel, colour, tolerance)

    def until(self, true, words):
        """Handlers may run a moment later."""
        for _ in range(100):
            if true():
                return
            time.sleep(0.05)
        need(False, words)

    def chosen(self, css, value):
        self.js("const s = document.querySelectorAll(arguments[0])[0]; s.value = arguments[1];"
                "s.dispatchEvent(new Event('change'))", css, value)

    def device(self, width, dark=False, mobile=False):
        self.d.execute_cdp_cmd('Emulation.setDeviceMetricsOverride',
                               {'width': width, 'height': 900, 'deviceScaleFactor': 1, 'mobile': mobile})
        self.d.execute_cdp_cmd('Emulation.setEmulatedMedia', {'features': [
            {'name': 'prefers-color-scheme', 'value': 'dark' if dark else 'light'}]})


def colours(b):
    return [c['colour'] for c in json.loads(b.js("return document.getElementById('page-data').textContent"))['configurations']]


def draws(b):
    b.until(lambda: len(b.all('.chart canvas')) >= 6, 'three charts with their canvases')
    for panel in (0, 1, 2):
        for colour in colours(b):
            n = b.pixels(panel, colour)
            need(n > 30, f'chart {panel} has {n} pixels of {colour}')


def shows_and_hides(b):
    first = b.all('#picks > li > label input')[0]
    order = json.loads(b.js("return document.getElementById('page-data').textContent"))['order']
    colour = colours(b)[order[0]]
    first.click()
    need(b.pixels(0, colour) == 0, f'a configuration that is switched off still has {b.pixels(0, colour)} pixels')
    first.click()
    need(b.pixels(0, colour) > 30, 'a configuration that is switched on again is not drawn')
    b.all('#picks .more')[0].click()
    single = b.all('#pick-0 input')
    need(len(single) == 2 and all(s.is_selected() for s in single), 'unfolding shows the runs of a configuration')
    before = b.js(PICTURE, 0)
    single[0].click()
    need(b.js('return arguments[0].indeterminate', first), 'some runs of a configuration: neither on nor off')
    need(b.js(PICTURE, 0) != before, 'a run that is switched off changes nothing')
    single[0].click()
    b.one('#show-none').click()
    need('Nothing to draw' in b.all('.chart')[0].text, 'without any line the chart says what to do')
    b.one('#show-all').click()
    draws(b)


def lines_of_runs(b):
    b.one('input[name=lines][value=runs]').click()
    label = b.all('.chart')[0].get_attribute('aria-label')
    need('5 lines' in label, f'runs that did not diverge, a line each, not: {label}')
    b.one('input[name=lines][value=bands]').click()


def zooms(b):
    chart, whole = b.all('.chart')[0], b.js(AXIS, 0, 'x')
    ActionChains(b.d).move_to_element_with_offset(chart, -100, 0).click_and_hold().move_by_offset(150, 4).release().perform()
    b.until(lambda: b.js(AXIS, 0, 'x') != whole, 'dragging zooms')
    need(b.js(AXIS, 1, 'x') == b.js(AXIS, 0, 'x') == b.js(AXIS, 2, 'x'), 'the charts share their x axis')
    b.one('#whole').click()
    b.until(lambda: b.js(AXIS, 0, 'x') == whole and b.js(AXIS, 1, 'x') == b.js(AXIS, 0, 'x'), 'the button shows the whole range')
    chart.send_keys('+')
    b.until(lambda: b.js(AXIS, 2, 'x') != whole, 'the plus key zooms')
    ActionChains(b.d).double_click(chart).perform()
    b.until(lambda: b.js(AXIS, 0, 'x') == whole, 'a double click shows the whole range')


def marks(b):
    chart, said = b.all('.chart')[0], b.all('.readout')[0]
    ActionChains(b.d).move_to_element_with_offset(chart, 20, 10).perform()
    b.until(lambda: re.match(r'epoch \d+\n', said.text), f'hovering shows values, not {said.text!r}')
    need(said.text.count(':') == 3, f'a value for each configuration: {said.text!r}')
    ActionChains(b.d).move_to_element(b.one('h1')).perform()
    chart.send_keys(Keys.ARROW_RIGHT)
    first = said.text
    chart.send_keys(Keys.ARROW_RIGHT)
    need(first.startswith('epoch') and said.text != first, f'arrow keys move the mark: {first!r}, {said.text!r}')


def log_axis(b):
    box = b.all('.panel-head input[type=checkbox]')[0]
    before = b.js(AXIS, 0, 'y')
    box.click()
    need(b.js(AXIS, 0, 'y') != before, f'the log axis has other labels than {before}')
    box.click()
    need(b.js(AXIS, 0, 'y') == before, 'and back')


def smooths(b):
    before = b.js(PICTURE, 1)
    slider = b.one('#smoothing')
    slider.send_keys(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT)
    need(b.one('#smoothing-value').text == 'mean of 5', f"smoothing says {b.one('#smoothing-value').text!r}")
    b.until(lambda: b.js(PICTURE, 1) != before, 'smoothing changes the curve')
    slider.send_keys(Keys.HOME)
    b.until(lambda: b.js(PICTURE, 1) == before, 'without smoothing it is the same curve again')


def every_metric(b):
    names = b.js("return Array.from(document.querySelectorAll('.panel-head select')[0].options, (o) => o.value)")
    need({'epoch val_loss', 'epoch val_psnr', 'epoch D_real', 'epoch max_loss_G', 'epoch lr_G', 'batch loss_G'} <= set(names), f'metrics: {names}')
    for name in names:
        b.chosen('.panel-head select', name)
        drawn = sum(b.pixels(0, colour, 60) for colour in colours(b))  # a constant line lies between two rows of pixels
        need(drawn > 30, f'{name} is drawn with {drawn} pixels')
    b.chosen('.panel-head select', 'epoch val_loss')


def sorts(b):
    heading = next(h for h in b.all('#comparison-table thead th') if h.get_attribute('data-column') == 'best_val_loss_mean')
    button, column = heading.find_element(By.TAG_NAME, 'button'), heading.get_property('cellIndex')

    def values():
        return b.js("return Array.from(document.getElementById('comparison-table').tBodies[0].rows,"
                    "(r) => Number(r.cells[arguments[0]].dataset.v))", column)
    button.click()
    need(heading.get_attribute('aria-sort') == 'ascending' and values() == sorted(values()), 'a click sorts')
    button.send_keys(Keys.ENTER)
    need(heading.get_attribute('aria-sort') == 'descending' and values() == sorted(values(), reverse=True),
         'Enter sorts the other way round')
    need(len(set(values())) == 3, 'rows to sort')


def copies(b):
    details = b.one('#sql-comparison')
    details.find_element(By.TAG_NAME, 'summary').click()
    button = details.find_element(By.CSS_SELECTOR, '.copy')
    button.click()
    b.until(lambda: button.text != 'Copy', 'the copy button answers')
    need(details.find_element(By.TAG_NAME, 'code').is_displayed(), 'the SQL is shown')


def keys_reach_everything(b):
    b.open()
    seen = []
    for _ in range(12):
        ActionChains(b.d).send_keys(Keys.TAB).perform()
        active = b.d.switch_to.active_element
        seen.append(active.tag_name)
        if active.tag_name == 'button':
            outline = b.js('const s = getComputedStyle(arguments[0]); return s.outlineStyle + s.outlineWidth', active)
            need(outline == 'solid3px', f'focus is visible, not {outline}')
    need(seen[0] == 'a' and seen.count('button') > 3, f'tab goes through {seen}')


def fits_a_phone(b):
    b.device(360, mobile=True)
    b.open()
    b.until(lambda: len(b.all('.chart canvas')) >= 6, 'charts on a phone')
    b.js("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    width = b.js('return Math.max(document.documentElement.scrollWidth, document.body.scrollWidth)')
    need(width <= 360, f'the page is {width} pixels wide on a screen of 360')


def in_view(b, column):
    """Whether a column's heading and cells lie whole within what is seen of the comparison's table."""
    return b.js("const t = document.getElementById('comparison-table'), box = t.parentElement.getBoundingClientRect();"
                "const i = Array.from(t.tHead.rows[0].cells).findIndex((c) => c.dataset.column === arguments[0]);"
                "return Array.from(t.rows, (r) => r.cells[i].getBoundingClientRect()).every((r) => r.width > 0 &&"
                "  r.left >= box.left - 1 && r.right <= box.right + 1 && r.bottom <= box.bottom + 1)", column)


ANSWER = ('configuration', 'n', 'best_val_loss_mean', 'best_val_loss_std', 'best_val_loss_ci_low', 'best_val_loss_ci_high', 'vs_best_p_holm')


def answers_at_once(b, place):
    """What answers the question is seen without scrolling, however many hyperparameters differ; the rest is a key away."""
    place.widen()
    w = Browser(b.d, place.report('wide.html')[0])
    w.device(1280)
    w.open()
    missing = [column for column in ANSWER if not in_view(w, column)]
    need(not missing, f'at 1280 pixels {missing} cannot be seen')
    need(not in_view(w, 'lambda_pixel') and not in_view(w, 'seconds'), 'what is not the answer is folded')
    box = w.one('#comparison-table-all')
    box.send_keys(Keys.SPACE)
    need(w.one('#comparison-table td.rest').is_displayed() and not w.one('#differences-table td.rest').is_displayed(),
         'the control unfolds its own table')
    words = w.one('label[for=comparison-table-all]').text
    shown = w.js("return document.getElementById('comparison-table').tHead.rows[0].cells.length")
    need(words == f'All {shown} columns' and shown > 20, f'the control says {words!r} for {shown} columns')
    place_of_first = "return document.querySelector('#comparison-table tbody th').getBoundingClientRect().left"
    before = w.js(place_of_first)
    w.js("document.querySelector('#comparison .wide').scrollLeft = 400")
    need(w.js(place_of_first) == before and in_view(w, 'configuration'), 'the configuration stays while the table is scrolled')
    w.device(390, mobile=True)
    w.open()
    missing = [column for column in ('configuration', 'n', 'best_val_loss_mean') if not in_view(w, column)]
    need(not missing, f'at 390 pixels {missing} cannot be seen at once')
    w.js("document.querySelector('#comparison .wide').scrollLeft = 1000")
    need(in_view(w, 'configuration') and in_view(w, 'vs_best_p_holm'), 'at 390 pixels p is a movement away, beside its configuration')
    need(w.js('return document.documentElement.scrollWidth') <= 390, 'the page itself does not scroll sideways')


def dark(b):
    b.device(1200)
    b.open()
    for mode in (False, True):
        b.device(1200, dark=mode)
        for css in ('body', '.hint', 'summary', 'caption', '.dygraph-axis-label', '.notes', '.unfold + label'):
            if b.all(css):
                need(b.js(CONTRAST, css) >= 4.5, f'contrast of {css} is {b.js(CONTRAST, css):.2f}, dark: {mode}')
        paper = b.js('return getComputedStyle(document.body).backgroundColor')
        need((sum(map(int, re.findall(r'\d+', paper)[:3])) < 150) == mode, f'paper is {paper}, dark: {mode}')
        drawn = [b.pixels(0, colour) > 30 for colour in colours(b)]
        need(all(drawn) != mode, f'lines are drawn for the paper they are on, dark: {mode}')


def prints(b):
    """On paper: no controls, light, and nothing that covers the curves."""
    b.d.execute_cdp_cmd('Emulation.setEmulatedMedia', {'media': 'print', 'features': [
        {'name': 'prefers-color-scheme', 'value': 'dark'}]})
    paper = b.js('return getComputedStyle(document.body).backgroundColor')
    hidden = b.js("return getComputedStyle(document.querySelectorAll('.chart canvas')[1]).display")
    need(paper == 'rgb(255, 255, 255)' and hidden == 'none' and not b.one('.controls').is_displayed()
         and not b.one('.unfold').is_displayed(),
         f'print: paper {paper}, upper canvas {hidden}')
    b.js("window.dispatchEvent(new Event('beforeprint'))")
    need(all(b.pixels(0, colour) > 30 for colour in colours(b)) and b.all('.chart')[0].size['width'] == 640,
         'curves are drawn for paper, on which dark mode does not count')
    b.js("window.dispatchEvent(new Event('afterprint'))")
    b.d.execute_cdp_cmd('Emulation.setEmulatedMedia', {'media': '', 'features': []})


def without_scripts(b):
    b.device(1200)
    b.d.execute_cdp_cmd('Emulation.setScriptExecutionDisabled', {'value': True})
    b.open()
    b.one('#comparison-table-all').click()
    need(b.one('#comparison-table td.rest').is_displayed(), 'all columns without JavaScript')
    need(b.one('#comparison-table').is_displayed() and b.one('noscript').text, 'words and tables without JavaScript')
    need(not b.one('#charts').is_displayed(), 'no controls without JavaScript')
    b.d.execute_cdp_cmd('Emulation.setScriptExecutionDisabled', {'value': False})


def is_quiet(b):
    # What Chromium says about this test's own reading of pixels is not the page's.
    words = [e['message'] for e in b.d.get_log('browser') if 'willReadFrequently' not in e['message']]
    need(not words, f'the console says {words}')
    asked = set()
    for entry in b.d.get_log('performance'):
        message = json.loads(entry['message'])['message']
        if message['method'] == 'Network.requestWillBeSent':
            asked.add(message['params']['request']['url'])
    need(b.url in {url.split('#')[0] for url in asked}, f'the log shows requests, but only {asked}')
    foreign = [url for url in asked if url.split('#')[0] != b.url and not url.startswith('data:')]
    need(not foreign, f'requests left the page: {foreign}')


def hostile(b, place):
    place.poison()
    path, _ = place.report('hostile.html')
    h = Browser(b.d, path)
    b.d.get_log('performance')  # of the page before
    h.device(360, mobile=True)
    h.open()
    h.until(lambda: len(h.all('.chart canvas')) >= 6, 'charts of a hostile sweep')
    need(h.js('return window.broken') is None and not h.all('img[src="x"]'), 'a text of the database became a part of the page')
    need(HOSTILE in h.one('h1').text, f"the name stands as it is, not {h.one('h1').text!r}")
    width = h.js('return document.documentElement.scrollWidth')
    need(width <= 360, f'with long names the page is {width} pixels wide on a screen of 360')
    is_quiet(h)


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    if webdriver is None or CHROMIUM is None or DRIVER is None:
        print('SKIPPED: no chromium, chromedriver or python3-selenium here; tools/deps --check installs them')
        sys.exit(SKIP)
    with Place(sys.argv[1], sys.argv[2]) as place:
        place.fill(3, 2, 12, 30)
        driver = start()
        try:
            b = Browser(driver, place.report()[0])
            b.device(1200)
            b.open()
            for test in (draws, shows_and_hides, lines_of_runs, zooms, marks, log_axis, smooths, every_metric, sorts, copies,
                         keys_reach_everything, fits_a_phone, dark, prints, is_quiet, without_scripts):
                began = time.time()
                test(b)
                print(f'{test.__name__}: ok, {time.time() - began:.1f} s', flush=True)
            answers_at_once(b, place)
            hostile(b, place)
        finally:
            driver.quit()


if __name__ == '__main__':
    main()
