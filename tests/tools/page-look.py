#!/usr/bin/python3
"""What a browser makes of a page of HTML of ours: page-look.py PAGE.html [--dark] > facts.json

Loads it in headless chromium, in a frame without network: once with its script, once without, at several widths. What no page of ours may
have is said, and ends with 1: something wider than the screen (outside a box that scrolls), a letter with too little contrast (WCAG AA), a
resource, a script or style that its Content-Security-Policy refused, a row that is missing without the script, a table that does not sort.
The facts are for checks of the page's own: its title, how many elements of each name, texts of tables.
"""
import html
import json
import os
import subprocess
import sys
import tempfile

WIDTHS = (320, 390, 768, 1280)

LOOK = """
const facts = {problems: [], widths: {}};
const problem = text => facts.problems.push(text);

const channel = value => (value /= 255) <= .04045 ? value / 12.92 : ((value + .055) / 1.055) ** 2.4;
const parts = color => { const all = color.match(/[\\d.]+/g).map(Number); return all.length < 4 ? [...all, 1] : all; };
const light = color => { const [r, g, b] = parts(color); return .2126 * channel(r) + .7152 * channel(g) + .0722 * channel(b); };
const contrast = (one, other) => { const [a, b] = [light(one), light(other)].sort((x, y) => y - x); return (a + .05) / (b + .05); };
const name = element => element.tagName.toLowerCase() + (element.id ? '#' + element.id : '') + (element.getAttribute('class') ? '.' + element.getAttribute('class') : '');

function paper(view, element) {
  for (; element; element = element.parentElement) {
    const color = view.getComputedStyle(element).backgroundColor;
    if (parts(color)[3] === 1) return color;
  }
  return view.matchMedia('(prefers-color-scheme: dark)').matches ? 'rgb(18,18,18)' : 'rgb(255,255,255)';
}

function letters(view) {
  const seen = new Set();
  let least = 99;
  for (const element of view.document.body.querySelectorAll('*')) {
    if (!element.getClientRects().length || element.closest('title, desc, script, style')) continue;
    if (![...element.childNodes].some(node => node.nodeType === 3 && node.data.trim())) continue;
    const style = view.getComputedStyle(element), isSvg = element instanceof view.SVGElement;
    const size = parseFloat(style.fontSize), isLarge = size >= 24 || (size >= 18.66 && style.fontWeight >= 700);
    const ratio = contrast(isSvg ? style.fill : style.color, paper(view, element));
    least = Math.min(least, ratio);
    if (ratio < (isLarge ? 3 : 4.5) && !seen.has(name(element))) {
      seen.add(name(element));
      problem('contrast ' + ratio.toFixed(2) + ' of ' + name(element));
    }
    if (size < 10) problem('letters of ' + size + ' px in ' + name(element));
  }
  for (const mark of view.document.querySelectorAll('rect.s0, rect.s1, polyline')) {
    const style = view.getComputedStyle(mark);
    const ratio = contrast(mark.tagName === 'polyline' ? style.stroke : style.fill, paper(view, mark));
    if (ratio < 3) { problem('contrast ' + ratio.toFixed(2) + ' of the mark ' + name(mark)); break; }
  }
  const marks = ['s0', 's1'].map(c => view.document.querySelector('rect.' + c)).map(m => m && view.getComputedStyle(m).fill);
  if (marks[0] && marks[1] && contrast(...marks) < 1.8) problem('the two series look the same in grey');
  facts.least_contrast = least;
}

function isBoxed(view, element) {
  for (let up = element.parentElement; up; up = up.parentElement)
    if (['auto', 'scroll', 'hidden'].includes(view.getComputedStyle(up).overflowX)) return true;
  return false;
}

function width(view, wide) {
  const root = view.document.documentElement, over = root.scrollWidth - wide;
  facts.widths[wide] = {over, height: root.scrollHeight};
  if (over <= 0) return;
  const who = [...view.document.body.querySelectorAll('*')].filter(e => e.getBoundingClientRect().right > wide + 1 && !isBoxed(view, e));
  problem(over + ' px too wide at ' + wide + ': ' + who.slice(-3).map(name).join(', '));
}

const texts = table => [...table.tBodies[0].rows].map(row => [...row.cells].map(cell => cell.textContent));
const click = element => element.click();

/* Both ways, by every head; then as it was. */
function sorting(view, table) {
  const body = table.tBodies[0], before = [...body.rows], heads = [...table.tHead.rows[0].cells];
  if (before.length < 2 || before.length > 500) return;
  heads.forEach((head, i) => {
    const isNumber = head.classList.contains('n');
    const keys = () => [...body.rows].map(row => row.cells[i].dataset.v ?? row.cells[i].textContent)
      .map(key => isNumber ? parseFloat(key) || 0 : key);
    const button = head.querySelector('[role=button]');
    if (!button) { problem('no way to sort by ' + head.textContent); return; }
    for (let turn = 0; turn < 2; turn++) {
      click(button);
      const way = head.getAttribute('aria-sort'), now = keys(), sign = way === 'descending' ? -1 : 1;
      if (!way) problem('not said how it is sorted: ' + head.textContent);
      for (let k = 1; k < now.length; k++)
        if (sign * (isNumber ? now[k - 1] - now[k] : now[k - 1] < now[k] ? -1 : now[k - 1] > now[k] ? 1 : 0) > 0) {
          problem('not sorted by ' + head.textContent + ': ' + now[k - 1] + ', ' + now[k]);
          break;
        }
      if (isNumber && way !== (turn ? 'ascending' : 'descending')) problem('numbers are sorted the wrong way first');
    }
    if (new Set(body.rows).size !== before.length) problem('rows got lost in sorting');
  });
  body.append(...before);
  facts.sorted = (facts.sorted || 0) + 1;
}

function finding(view, table) {
  const input = table.parentNode.previousElementSibling?.querySelector('input[type=search]'), rows = [...table.tBodies[0].rows];
  if (!input) { if (rows.length > 10) problem('a long table cannot be searched'); return; }
  const wanted = rows[rows.length - 1].cells[0].textContent;
  input.value = wanted.toUpperCase();
  input.dispatchEvent(new view.Event('input'));
  const shown = rows.filter(row => row.getClientRects().length);
  if (!shown.length || shown.length === rows.length && rows.length > 40 || shown.some(row => !row.textContent.toLowerCase().includes(wanted.toLowerCase())))
    problem('searching ' + wanted + ' shows ' + shown.length + ' of ' + rows.length);
  input.value = '';
  input.dispatchEvent(new view.Event('input'));
  if (rows.some(row => !row.getClientRects().length)) problem('rows stay away after searching');
}

const counts = view => {
  const all = {};
  for (const element of view.document.querySelectorAll('*')) all[element.localName] = (all[element.localName] || 0) + 1;
  return all;
};

async function frame(sandbox) {
  const element = document.createElement('iframe');
  if (sandbox) element.setAttribute('sandbox', sandbox);
  element.style.cssText = 'width:1280px;height:800px;border:0';
  const loaded = new Promise(done => element.addEventListener('load', done, {once: true}));
  element.srcdoc = page;
  document.body.append(element);
  await loaded;
  return element;
}

async function look() {
  const element = await frame(''), plain = await frame('allow-same-origin');
  const view = element.contentWindow, bare = plain.contentWindow;
  facts.title = view.document.title;
  facts.text = view.document.body.innerText.length;
  facts.elements = counts(view);
  facts.resources = view.performance.getEntriesByType('resource').map(entry => entry.name);
  if (facts.resources.length) problem('it fetches ' + facts.resources[0]);
  for (const item of view.document.querySelectorAll('*'))
    for (const attribute of item.attributes)
      if (/^on|^style$|^srcdoc$/.test(attribute.name) || (/^(href|src|xlink:href|action|data|poster)$/.test(attribute.name) && !/^#[\\w-]+$/.test(attribute.value)))
        problem('attribute ' + attribute.name + ' of ' + name(item));
  const ids = [...view.document.querySelectorAll('[id]')].map(item => item.id);
  if (new Set(ids).size !== ids.length) problem('an id stands twice');
  for (const link of view.document.querySelectorAll('a[href]'))
    if (!view.document.getElementById(link.getAttribute('href').slice(1))) problem('nothing is at ' + link.getAttribute('href'));
  for (const plot of view.document.querySelectorAll('svg[role=img]'))
    if (!plot.querySelector('title') && !plot.getAttribute('aria-label') && !(plot.getAttribute('aria-labelledby') || '').split(' ').every(id => view.document.getElementById(id)))
      problem('a picture without words');
  const tables = [...view.document.querySelectorAll('table')], others = [...bare.document.querySelectorAll('table')];
  facts.tables = tables.map(table => ({caption: table.caption.textContent, heads: [...table.tHead.rows[0].cells].map(cell => cell.textContent),
    rows: table.tBodies[0].rows.length, first: texts(table)[0]}));
  if (counts(bare).tr !== facts.elements.tr) problem('rows are missing without the script');
  if (bare.document.querySelector('[role=button]')) problem('the script ran where it must not');
  for (const bareWide of WIDTHS) {
    plain.style.width = element.style.width = bareWide + 'px';
    await new Promise(done => setTimeout(done, 0));
    width(view, bareWide);
    width(bare, bareWide);
  }
  letters(view);
  if (view.getComputedStyle(view.document.body).marginBottom !== '0px') problem('its style sheet was refused');
  facts.background = view.getComputedStyle(view.document.body).backgroundColor;
  if (view.document.querySelector('body > script')) {
    if (tables.some(table => table.tBodies[0].rows.length > 1) && !view.document.querySelector('[role=button]'))
      problem('its script was refused');
    tables.forEach(table => { sorting(view, table); finding(view, table); });
  }
}

look().catch(error => problem(String(error.stack))).then(() => {
  document.querySelectorAll('iframe').forEach(element => element.remove());
  document.body.textContent = '';
  const out = document.createElement('pre');
  out.id = 'facts';
  out.textContent = JSON.stringify(facts);
  document.body.append(out);
});
"""


def browse(page, is_dark):
    with tempfile.TemporaryDirectory(prefix="bailee-look.") as folder:
        path = os.path.join(folder, "look.html")
        with open(path, "w", encoding="utf-8") as out:
            text = json.dumps(page).replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
            out.write("<!DOCTYPE html><meta charset=utf-8><title>look</title><body><script>const WIDTHS = %s, page = %s;%s</script>"
                      % (json.dumps(WIDTHS), text, LOOK))
        command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                   "--disable-background-networking", "--hide-scrollbars", "--user-data-dir=" + os.path.join(folder, "profile"), "--host-resolver-rules=MAP * ~NOTFOUND", "--enable-logging=stderr",
                   "--virtual-time-budget=100000", "--dump-dom"]
        if is_dark:
            command.append("--blink-settings=preferredColorScheme=0")
        done = subprocess.run(command + ["file://" + path], stdin=subprocess.DEVNULL, capture_output=True, timeout=240, check=False)
    dom, said = done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace")
    start = dom.find('<pre id="facts">')
    if start < 0:
        sys.exit("chromium told nothing:\n" + said[-2000:])
    facts = json.loads(html.unescape(dom[start + len('<pre id="facts">'):dom.index("</pre>", start)]))
    for line in said.splitlines():
        # The frame without scripts tells that it has none; nothing else may be refused.
        if "CONSOLE" in line and "sandboxed" not in line:
            facts["problems"].append("the console says: " + line[:300])
    return facts


def main():
    arguments = [argument for argument in sys.argv[1:] if not argument.startswith("--")]
    if len(arguments) != 1 or set(sys.argv[1:]) - set(arguments) - {"--dark"}:
        sys.exit(__doc__)
    with open(arguments[0], encoding="utf-8", errors="strict", newline="") as page:
        facts = browse(page.read(), "--dark" in sys.argv)
    json.dump(facts, sys.stdout, indent=1)
    for problem in facts["problems"]:
        print("%s: %s" % (os.path.basename(arguments[0]), problem), file=sys.stderr)
    return 1 if facts["problems"] else 0


if __name__ == "__main__":
    sys.exit(main())
